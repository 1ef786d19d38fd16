"""Stacks of their own: state outlives a stop with nothing left unsaid, and two stacks do not meet."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.client import Api, canonical
from infra.local import Stack
from tests.integration.conftest import QUICK, free_port
from tests.integration.world import voice, wait_for

pytestmark = pytest.mark.engine


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Stack]:
    """A second stack beside the session's."""
    running = Stack(free_port(), tmp_path / "other")
    try:
        running.up(**QUICK)
        yield running
    finally:
        running.remove()


def connected(stack: Stack) -> tuple[Api, Any]:
    api = Api(stack.api_url, stack.admin_key)
    return api, api.made("/v1/connections", {"name": "c", "workspace": "demo", "source": "canonical"})


def ticket_of(api: Api, feedback_id: str) -> str:
    """Wait for the feedback's ticket."""

    def probe() -> Any:
        answer = api.call("GET", f"/v1/feedback/{feedback_id}")
        return answer.json.get("ticket") if answer.status == 200 else None

    return str(wait_for(probe, "the ticket", 60))


def test_a_stack_goes_on_after_a_stop_where_it_was(other: Stack, stack: Stack) -> None:
    api, connection = connected(other)
    before = canonical(voice(), connection["secret"]).post(connection["hook_url"]).json["id"]
    ticket = ticket_of(api, before)
    facts = dict(other.facts)

    assert other.down(), "something was still under way"
    assert not other.engine.answers()
    assert list((other.engine.home / "tmp").glob("ministack-lambda-*")) == []
    assert Stack(other.port, other.engine.home).facts == facts, "what stack.json said is forgotten"
    other.up(**QUICK)

    assert other.facts == facts, "address, key, table or queues changed"
    assert ticket_of(api, before) == ticket
    after = canonical(voice(), connection["secret"]).post(connection["hook_url"]).json["id"]
    ticket_of(api, after)
    with urllib.request.urlopen(f"{stack.api_url}/v1/health") as answer:  # noqa: S310 - our own address
        assert answer.status == 200
    assert Api(stack.api_url, stack.admin_key).call("GET", f"/v1/feedback/{after}").status == 404
