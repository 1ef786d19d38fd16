"""What a connector's tests know of its vendor: ``tests/fixtures/connectors/<name>/profile.py`` with one ``PROFILE``.

The contract suite reads it for every connector in the registry and has no line of its own for any of them. Write
it from the vendor's documents, apart from the product; a comment beside an answer cites where it is from, as
``# contracts §2.4``. Every documented error of the vendor is an entry of ``answers``, those that come with HTTP 200
above all. An example is ``tests/fixtures/connectors/feishu/profile.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from chalicelib.domain.outbound.exchange import DELIVERED, HttpRequest, HttpResponse, Outcome


@dataclass(frozen=True)
class Answer:
    """One answer of the vendor and what it means. A ``body`` that is no bytes is sent as JSON."""

    status: int
    body: Any = b""
    verdict: str = DELIVERED
    code: str = ""
    after: float | None = None  # seconds, where the vendor's own code says how long to wait
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def response(self) -> HttpResponse:
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()
        return HttpResponse(self.status, dict(self.headers), raw)

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.verdict, self.code, self.after)


def whole_body(request: HttpRequest) -> int:
    return len(request.body)


def json_body(request: HttpRequest) -> Any:
    """What the request says. Raises where it is not as the vendor reads it."""
    assert request.headers["Content-Type"].startswith("application/json")
    return json.loads(request.body.decode("utf-8"))


@dataclass(frozen=True)
class Profile:
    """``settings`` and ``credentials`` are the smallest that the connector takes; credentials contain ``CANARY``."""

    url: str  # of an endpoint, as an administrator would give it
    success: tuple[Answer, ...]  # what the vendor calls success
    answers: tuple[Answer, ...]  # what it calls anything else
    limit: int  # of what ``measure`` counts, bytes unless its comment says otherwise
    measure: Callable[[HttpRequest], int] = whole_body
    read: Callable[[HttpRequest], Any] = json_body
    secret: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    silent: tuple[bytes, ...] = ()  # bodies of an HTTP 200 that is no success; most JSON vendors have some
    # State connectors only:
    token: Answer | None = None  # the answer to ``authorise``; None where there is nothing to ask for
    created: Answer | None = None  # to ``create``; holds ``external_id``
    found: Answer | None = None  # to ``find``, holds ``external_id``; None where the connector does not search
    not_found: Answer | None = None
    external_id: str = ""


def profile(name: str) -> Profile:
    found: Profile = import_module(f"tests.fixtures.connectors.{name}.profile").PROFILE
    return found
