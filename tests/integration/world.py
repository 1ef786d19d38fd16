"""A workspace of its own for each test, driven over HTTP only, as the companies that use Echoloop do."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from infra import client
from infra.client import Api, Signed
from infra.demo.senders import SOURCES
from tests.fakes.oa import Oa, running_oa

T = TypeVar("T")

TICKET_EVENTS = ["ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened", "ticket.closed"]


def wait_for(probe: Callable[[], T | None], what: str, timeout: float = 30) -> T:
    """Poll until ``probe`` returns something true; fails naming ``what``."""
    deadline = time.monotonic() + timeout
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"not seen within {timeout:.0f} s: {what} (last: {found!r})")
        time.sleep(0.15)


def swept(stack: Any) -> bool:
    """Run the sweep once."""
    tick = {"version": "0", "id": "t", "detail-type": "Scheduled Event", "source": "aws.events", "account": ""}
    tick |= {"time": "2026-11-21T08:00:00Z", "region": "us-east-1", "resources": [], "detail": {}}
    answer = stack.clients("lambda").invoke(FunctionName="echoloop-local-sweep", Payload=json.dumps(tick).encode())
    return "FunctionError" not in answer


@dataclass
class World:
    """One fresh workspace."""

    stack: Any
    workspace: str
    api: Api
    made: dict[str, Any] = field(default_factory=dict)

    def connect(self, source: str, **extra: Any) -> Any:
        """A connection of one source; the answer of the API."""
        wanted = {"name": f"{source} of the test", "workspace": self.workspace, "source": source, **extra}
        if source in SOURCES and "mapping" in SOURCES[source]:
            wanted.setdefault("mapping", SOURCES[source]["mapping"])
        return self.api.made("/v1/connections", wanted)

    def endpoint(self, oa: Oa, *, connector: str = "standard_webhooks", **extra: Any) -> Any:
        """An endpoint at the fake OA, which learns its secret."""
        wanted = {
            "name": "OA of the test",
            "workspace": self.workspace,
            "connector": connector,
            "url": oa.url,
            "events": TICKET_EVENTS,
            **extra,
        }
        made = self.api.made("/v1/endpoints", wanted)
        if connector == "standard_webhooks":
            oa.secret = made["secret"]
        return made

    def feedback(self, feedback_id: str) -> Any:
        """One feedback as the API shows it, None while there is none."""
        answer = self.api.call("GET", f"/v1/feedback/{feedback_id}")
        return answer.json if answer.status == 200 else None

    def all_feedback(self) -> list[Any]:
        """By arrival, whatever it says of its own time; a workspace is not older than its test."""
        yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
        return self.api.pages("/v1/feedback", {"workspace": self.workspace, "since": yesterday})

    def tickets(self) -> list[Any]:
        return self.api.pages("/v1/tickets", {"workspace": self.workspace})

    def heard(self, hook_url: str, webhook: Signed) -> str:
        """Post a webhook that must be accepted; the id that the hook answers."""
        answer = webhook.post(hook_url)
        assert answer.status == 202, (answer.status, answer.json)
        return str(answer.json["id"])

    def settled(self, feedback_id: str, state: str) -> Any:
        """Wait until the feedback has come to a state."""

        def probe() -> Any:
            found = self.feedback(feedback_id)
            return found if found and found["state"] == state else None

        return wait_for(probe, f"feedback in state {state}")


def voice(**changes: Any) -> dict[str, Any]:
    """A canonical body that is valid and unhappy unless changed."""
    body: dict[str, Any] = {
        "type": "feedback.created",
        "id": "R-" + secrets.token_hex(6),
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)),
        "channel": "survey",
        "touchpoint": "delivery",
        "unit": "SH/001",
        "lang": "zh-CN",
        "customer": {"id": "CUST-1"},
        "scores": [{"kind": "nps", "value": 3, "scale": [0, 10]}],
        "texts": [{"question": "原因", "text": "包裹破损，客服没有回应", "speaker": "customer"}],
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


@pytest.fixture
def world(stack: Any) -> World:
    """A workspace that no other test uses."""
    return new_world(stack)


def new_world(stack: Any) -> World:
    """A fresh workspace with an admin key of its own."""
    workspace = "t" + secrets.token_hex(5)
    operator = Api(stack.api_url, stack.admin_key)
    key = operator.made("/v1/keys", {"workspace": workspace, "role": "admin"})["key"]
    return World(stack, workspace, Api(stack.api_url, key))


@pytest.fixture
def oa() -> Iterator[Oa]:
    """An OA on loopback."""
    with running_oa() as running:
        yield running


__all__ = ["Signed", "World", "client", "new_world", "oa", "voice", "wait_for", "world"]
