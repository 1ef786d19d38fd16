"""Whatever a platform sends under a good proof ends accepted, parked or refused, and never in an exception.

Every fixture is mutated, as bytes and as JSON, proved anew, taken through the hook's service, the queue's form and
enrich with memory behind them. ``FUZZ`` says how many bodies a source gets (``make soak``: 10,000). A body that fails
is made as small as it goes and printed.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces.credentials import token_hash
from chalicelib.domain.workspaces.directory import Connection, ConnectionSecret
from chalicelib.errors import EcholoopError, Rejected, Retryable
from chalicelib.services.inbound.hear import Hear
from chalicelib.services.reading.enrich import Enrich
from chalicelib.sources import registry
from chalicelib.sources.base import FetchingSource
from tests.builders import AT
from tests.builders_hear import CONNECTION, TOKEN, WORKSPACE
from tests.contract.proofs import PROVING, Fixture, fixtures, proved, secret_of
from tests.fakes.directory import FakeDirectory
from tests.fakes.feedback import FakeFeedbackStore, FakeVault
from tests.fakes.fetches import FakeInbox, FakeQueue
from tests.fakes.frames import FakeFrames
from tests.fakes.uploads import FakeFiles

BODIES = int(os.environ.get("FUZZ", "300"))
SEED = int(os.environ.get("FUZZ_SEED", "20261121"))
ENDS = {"accepted", "parked", "refused", "ignored", "fetch"}
TAKEN = {"accepted", "parked", "fetch"}  # at least one of them comes: the bodies are not all refused

NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 10, 11, 1e308, -1e308, 2**63, 10**40, 0.1, "", " ", "0", "-1", "1e999", "NaN"),
    *("\x00", "\ud800", "\udfff\ud800", "\u202e\u2066", "\ufeff", "𠮷" * 300, "a" * 25_000, "13800138000"),
    *("2026-02-30T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2026-11-01 16:01:40"),
    *("../..", "javascript:alert(1)", "https://example.com/x", "~1~0/", "％", "１２", "٣", "3.0", "3,0", "+3", "0x3"),
    *([], {}, [[]], [{}], {"": ""}, [None], ["x"] * 1_100, {"type": []}, {"id": {}}, [[[[[[[[[[]]]]]]]]]]),
    *({"a": [1, {"b": None}]}, "{}", "null"),
)  # fmt: skip
SNIPPETS = (b"\xff", b"\x00", b"\xed\xa0\x80", b"\xf0\x9f", b"{", b"}", b"[" * 200, b'"', b"\\u0000", b"\\ud800", b"\\")
FORMS = (
    *SNIPPETS,
    b"&",
    b"=",
    b"%",
    b"%ff",
    b"%00",
    b"+",
    b"&a=1&a=2",
    b"1e999",
    b"-",
    b"NaN",
    b",,",
    b"\r\n",
    b"\xef\xbb\xbf",
)


def of_bytes(dice: random.Random, raw: bytes) -> bytes:
    """One to four cuts, flips, repetitions or insertions."""
    body = bytearray(raw)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(body) + 1)
        end = min(len(body), at + dice.choice((1, 1, 2, 8, 64)))
        kind = dice.randrange(5)
        if kind == 0:
            del body[at:end]
        elif kind == 1 and body:
            body[min(at, len(body) - 1)] ^= 1 << dice.randrange(8)
        elif kind == 2:
            body[at:at] = body[at:end] * dice.choice((1, 3))
        elif kind == 3:
            body[at:at] = dice.choice(FORMS)
        else:
            body = body[: at or 1]
    return bytes(body)


def of_json(dice: random.Random, raw: bytes) -> bytes:
    """One to three places of the document replaced, dropped, renamed or copied; what is no JSON by its bytes."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return of_bytes(dice, raw)
    for _ in range(dice.randint(1, 3)):
        places = list(_places(document))
        if not places:
            document = copy.deepcopy(dice.choice(NASTY))
            break
        _change(dice, places)
    return json.dumps(document, ensure_ascii=dice.random() < 0.3).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """(container, key) of every value inside, at most two thousand."""
    stack, found = [value], 0
    while stack and found < 2_000:
        container = stack.pop()
        keys = (
            list(container)
            if isinstance(container, dict)
            else range(len(container))
            if isinstance(container, list)
            else ()
        )
        for key in keys:
            found += 1
            yield container, key
            if isinstance(container[key], dict | list):
                stack.append(container[key])


def _change(dice: random.Random, places: list[tuple[Any, Any]]) -> None:
    container, key = dice.choice(places)
    kind = dice.randrange(6)
    if kind <= 2:
        container[key] = copy.deepcopy(dice.choice(NASTY))
    elif kind == 3:
        del container[key]
    elif kind == 4 and isinstance(container, dict):
        container[dice.choice(("", "type", "id", "\ud800", "x" * 300, str(key).upper()))] = container.pop(key)
    else:
        other, there = dice.choice(places)
        container[key] = copy.deepcopy(other[there])


class NoReader:
    """The words are read elsewhere; what is fuzzed here is the way to them."""

    def read(self, texts: Any) -> Understanding:
        return Understanding()


class NoApi:
    """A vendor that answers with an error, or with what a fuzzed body says in place of an answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        if self.answer is None:
            raise Retryable("The response is not there yet.", code="vendor_lags")
        return self.answer

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.get(path)


@dataclass
class Path:
    """From the hook to the stored feedback, for one fixture's connection."""

    fixture: Fixture
    secret: str | None
    inbox: FakeInbox = field(default_factory=FakeInbox)
    fetches: FakeInbox = field(default_factory=FakeInbox)

    def __post_init__(self) -> None:
        name = self.fixture.source
        pointer = registry.Catalogue().response_pointer(name, self.fixture.mapping)
        secrets = () if self.secret is None else ((self.secret, None),)
        self.record = ConnectionSecret(WORKSPACE, CONNECTION, name, token_hash(TOKEN), secrets, pointer)
        self.directory = FakeDirectory()
        self.directory.put_connection(
            Connection(WORKSPACE, CONNECTION, "x", name, mapping=self.fixture.mapping, settings=self.fixture.settings)
        )
        self.hear = Hear(
            secrets=self,
            source=registry.load,
            inbox=self.inbox,
            fetches=self.fetches,
            files=FakeFiles(),
            clock=lambda: AT,
        )

    def get(self, record_id: str, *, within: float = 0) -> ConnectionSecret:
        return self.record

    def enrich(self) -> Enrich:
        return Enrich(
            store=FakeFeedbackStore(),
            vault=FakeVault(),
            directory=self.directory,
            frames=FakeFrames(),
            source=registry.load,
            readers=lambda _: NoReader(),
            fetches=FakeQueue(),
            clock=lambda: AT + timedelta(seconds=1),
            retention_days=90,
        )

    def take(self, raw: bytes) -> str:
        """How a body ends. Anything but our own errors passes through."""
        self.inbox.envelopes.clear()
        self.fetches.envelopes.clear()
        arrival = self._arrival(raw)
        try:
            heard = self.hear.post(CONNECTION, TOKEN, arrival.raw, arrival.headers, arrival.query)
        except Rejected:
            assert not self.inbox.envelopes
            return "refused"
        if heard.status == "ignored":
            return "ignored"
        if self.fetches.envelopes:
            self._fetch(self.fetches.envelopes[0])
            return "fetch"
        (envelope,) = self.inbox.envelopes
        return self._enriched(envelope, heard.id)

    def _enriched(self, envelope: Envelope, named: str) -> str:
        enrich = self.enrich()
        again = Envelope.from_message(json.loads(json.dumps(envelope.to_message())))
        outcome = enrich.take(again, enrich.batch())
        assert outcome.what in ("stored", "parked"), outcome.what
        assert outcome.feedback_id == named, "the hook named another feedback"
        for feedback in enrich.store.rows.values():  # type: ignore[attr-defined]
            assert not any(one.text != one.text.encode("utf-8", "replace").decode() for one in feedback.texts)
        return "accepted" if outcome.what == "stored" else "parked"

    def _fetch(self, envelope: Envelope) -> None:
        source = registry.load(self.fixture.source)
        assert isinstance(source, FetchingSource)
        payload = source.decode(envelope.arrival.raw)
        for answer in (None, {}, payload):
            with suppress(EcholoopError):  # the function waits, parks or drops by it
                source.fetch(payload, NoApi(answer), self.fixture.settings)

    def _arrival(self, raw: bytes) -> Arrival:
        if self.secret is None or self.fixture.document.get("fetched"):
            return Arrival(raw, AT, self.fixture.headers, self.fixture.query)
        try:
            return proved(self.fixture, AT, raw=raw, secret=self.secret)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # a seal needs a body that is one
            return proved(self.fixture, AT, secret=self.secret)


def smallest(fails: Callable[[bytes], bool], raw: bytes, tries: int = 2_000) -> bytes:
    """``raw`` with every stretch left out that does not matter to the failure."""
    step = max(1, len(raw) // 2)
    while tries > 0:
        at, shrunk = 0, False
        while at < len(raw) and tries > 0:
            tries -= 1
            shorter = raw[:at] + raw[at + step :]
            if fails(shorter):
                raw, shrunk = shorter, True
            else:
                at += step
        if step == 1 and not shrunk:
            break
        step = max(1, step // 2)
    return raw


def _end(path: Path, raw: bytes) -> str | Exception:
    """How a body ends, or what it broke."""
    try:
        return path.take(raw)
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return error


def _report(path: Path, raw: bytes, error: Exception) -> str:
    small = smallest(lambda body: type(_end(path, body)) is type(error), raw)
    how = "with" if path.secret else "without"
    return f"{path.fixture.source} ({path.fixture.name}, {how} a secret): {type(error).__name__} for {small[:600]!r}"


def _paths(name: str) -> list[Path]:
    """Every fixture under its proof; where none is needed, without one too."""
    secret = secret_of(name) if name in PROVING else None
    free = registry.load(name).proof == "token"
    found = [Path(one, None if one.document.get("fetched") and free else secret) for one in fixtures(name)]
    return found + [Path(one, None) for one in fixtures(name) if free and secret is not None]


@pytest.mark.parametrize("name", list(registry.SOURCES))
def test_no_body_ends_in_an_exception(name: str) -> None:
    dice = random.Random(f"{SEED} {name}")
    paths = _paths(name)
    ends: Counter[str] = Counter()
    for _ in range(BODIES):
        path = dice.choice(paths)
        raw = dice.choice((of_json, of_json, of_bytes))(dice, path.fixture.raw)
        end = _end(path, raw)
        if isinstance(end, Exception):
            raise AssertionError(_report(path, raw, end)) from end  # noqa: TRY004 - no value of a caller's
        ends[end] += 1
    assert ends.keys() <= ENDS
    assert ends.keys() & TAKEN, ends


def test_what_breaks_is_told_by_a_small_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(arrival: Arrival, mapping: Mapping[str, Any]) -> Any:
        return {}["x"] if b"7" in arrival.raw else None

    name = min(one for one in registry.SOURCES if one not in PROVING)
    path = _paths(name)[0]
    monkeypatch.setattr(registry.load(name), "parse", broken)
    error = _end(path, path.fixture.raw + b"7")
    assert isinstance(error, KeyError)
    assert _report(path, path.fixture.raw + b"7", error).endswith("KeyError for b'7'")


def test_a_failing_body_is_made_small() -> None:
    assert smallest(lambda raw: b"x" in raw and b"y" in raw, b"aaaa" * 50 + b"x" + b"b" * 99 + b"yc") == b"xy"
