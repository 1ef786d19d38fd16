"""What every source promises, through the route. Driven by the registry: a new source is in here once it is listed.

What differs from source to source stands beside its fixtures, see ``proofs.py``.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.mapping import validate_mapping
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.credentials import token_hash
from chalicelib.domain.workspaces.directory import ConnectionSecret
from chalicelib.errors import Invalid, Parked, Unauthorized
from chalicelib.sources import registry
from chalicelib.sources.base import FetchingSource, Source
from tests.builders_admin import NOW, SETTINGS, Office, composed
from tests.builders_hear import CONNECTION, TOKEN, WORKSPACE
from tests.contract.proofs import (
    PROVING,
    Fixture,
    covers_body,
    first,
    fixtures,
    proved,
    proves,
    seals,
    secret_of,
    unproved,
)
from tests.fakes.gateway import Answer, call, product

ALL = [fixture for name in registry.SOURCES for fixture in fixtures(name)]
PUSHED = [one for one in ALL if not one.document.get("fetched")]
HEADERS = [name for name in PROVING if not seals(name)]  # the proof stands beside the body
LENIENT = [name for name in registry.SOURCES if not registry.load(name).strict]
STRICT = [name for name in registry.SOURCES if registry.load(name).strict]
HOOK = "/v1/hooks/{connection}/{token}"

each_pushed = pytest.mark.parametrize("fixture", PUSHED, ids=lambda one: f"{one.source}-{one.name}")
each_fixture = pytest.mark.parametrize("fixture", ALL, ids=lambda one: f"{one.source}-{one.name}")
each_source = pytest.mark.parametrize("name", list(registry.SOURCES))
each_proving = pytest.mark.parametrize("name", PROVING)


@dataclass
class Route:
    """The product's own route, with SSM and SQS in memory."""

    office: Office

    def connect(self, source: str, fixture: Fixture | None = None, **changes: Any) -> None:
        secrets = ((secret_of(source), None),) if source in PROVING else ()
        mapping = {} if fixture is None else fixture.mapping
        record = ConnectionSecret(
            WORKSPACE,
            CONNECTION,
            source,
            token_hash(TOKEN),
            secrets,
            registry.Catalogue().response_pointer(source, mapping),
        )
        self.office.connection_secrets.put(replace(record, **changes))
        self.office.ssm.calls.clear()

    def post(self, arrival: Arrival, **at: str) -> Answer:
        path = {"connection": CONNECTION, "token": TOKEN, **at}
        return call(product(), "POST", HOOK, path=path, headers=arrival.headers, query=arrival.query, body=arrival.raw)

    def envelopes(self, queue: str = "inbox") -> list[Envelope]:
        url = getattr(SETTINGS, f"{queue}_url")
        sent = [json.loads(one["MessageBody"]) for one in self.office.sqs.sent if one["QueueUrl"] == url]
        return [Envelope.from_message(body) for body in sent]


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Iterator[Route]:
    with composed(monkeypatch, Office(now=NOW)) as office:
        yield Route(office)


def _shown(voice: Canonical) -> dict[str, Any]:
    """The voice as fixtures write it: what is not set is left out."""
    shown = {
        **asdict(voice),
        "customer": {name: value for name, value in asdict(voice.customer).items() if value is not None},
        "scores": [list(asdict(score).values()) for score in voice.scores],
        "texts": [[text.text, text.question, text.speaker] for text in voice.texts],
        "attachments": list(voice.attachments),
        "occurred_at": voice.occurred_at.isoformat(),
        "revision_at": voice.revision_at and voice.revision_at.isoformat(),
    }
    return {
        name: value for name, value in shown.items() if value not in (None, False, {}, []) or name == "response_key"
    }


# --- what a source is -------------------------------------------------------------------------------------------


@each_source
def test_a_source_has_three_fixtures_of_different_shape(name: str) -> None:
    assert len({json.dumps(one.document["expected"]) for one in fixtures(name) if "expected" in one.document}) >= 3


@each_source
def test_a_source_declares_what_the_hook_goes_by(name: str) -> None:
    source = registry.load(name)
    assert isinstance(source, Source)
    assert source.name == name
    assert source.proof in ("signature", "token")
    assert source.key_made_by in ("us", "vendor") or (source.key_made_by, source.proof) == ("vendor_later", "signature")
    assert validate_mapping(source.mapping) == source.mapping
    assert proves(name) == (name in PROVING), "how it signs is written down apart from the product"
    assert isinstance(source, FetchingSource) or not any(one.document.get("thin") for one in fixtures(name))
    if name in HEADERS:
        proof = proved(first(name), NOW).headers.keys() - first(name).headers.keys()
        assert not proof & set(source.kept_headers) or name in STRICT, "proofs stay in the hook"


def test_a_source_that_is_not_registered_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=f"A source is one of {', '.join(registry.SOURCES)}") as refused:
        registry.load("nosuch")
    assert refused.value.code == "unknown_source"


# --- fixtures, through the route --------------------------------------------------------------------------------


@each_fixture
def test_a_payload_becomes_the_voice_that_was_written_down(fixture: Fixture) -> None:
    source = registry.load(fixture.source)
    arrival = unproved(fixture, NOW)
    if not fixture.document.get("fetched"):
        arrival = source.opened(proved(fixture, NOW), [secret_of(fixture.source)])
    if "expected" in fixture.document:
        voice = source.parse(arrival, fixture.reading)
        assert _shown(voice) == {"channel": "survey", **fixture.document["expected"]}
        assert voice.occurred_at.tzinfo is not None
    elif "parked" in fixture.document:
        with pytest.raises(Parked) as parked:
            source.parse(arrival, fixture.reading)
        assert parked.value.code == fixture.document["parked"]
    else:
        assert fixture.document.get("ignored") or fixture.document.get("thin"), "what is expected of it?"


@each_pushed
def test_the_hook_answers_with_the_feedback_that_is_read_later(fixture: Fixture, route: Route) -> None:
    route.connect(fixture.source, fixture)
    answer = route.post(proved(fixture, NOW))
    assert answer.status == 202
    assert answer.json["status"] == ("ignored" if fixture.document.get("ignored") else "accepted")
    heard, thin = route.envelopes(), route.envelopes("fetches")
    assert (len(heard), len(thin)) == (
        (0, 0) if fixture.document.get("ignored") else (0, 1) if fixture.document.get("thin") else (1, 0)
    )
    if heard and "expected" in fixture.document:
        voice = registry.load(fixture.source).parse(heard[0].arrival, fixture.reading)
        assert _shown(voice) == {"channel": "survey", **fixture.document["expected"]}
        assert answer.json["id"] == ids.feedback_id(WORKSPACE, CONNECTION, voice.response_key)


@each_pushed
def test_a_replay_is_the_same_event_of_the_same_feedback(fixture: Fixture, route: Route) -> None:
    route.connect(fixture.source, fixture)
    first_, again = (route.post(proved(fixture, NOW)) for _ in range(2))
    assert first_.json == again.json
    for queue in ("inbox", "fetches"):
        sent = route.envelopes(queue)
        assert len({(one.event_key, one.feedback_id, one.arrival.raw) for one in sent}) == len(sent) // 2
        assert all(one.arrival.received_at == NOW for one in sent)


@each_source
def test_a_settings_that_fixtures_use_are_ones_that_a_connection_takes(name: str) -> None:
    for fixture in fixtures(name):
        registry.Catalogue().check_mapping(name, fixture.mapping)
        if fixture.settings:
            registry.Catalogue().check_settings(name, fixture.settings)


# --- proof, through the route -----------------------------------------------------------------------------------


@each_source
def test_a_wrong_token_is_refused_like_an_unknown_connection(name: str, route: Route) -> None:
    route.connect(name)
    arrival = proved(first(name), NOW)
    wrong = ({"token": "wrong"}, {"connection": "cn_unknown"}, {"token": TOKEN[:-1]}, {"connection": "../../x"})
    answers = [route.post(arrival, **at) for at in wrong]
    assert {(one.status, one.code, one.json["detail"]) for one in answers} == {
        (401, "signature_invalid", "The signature is not valid.")
    }
    assert route.office.sqs.sent == []


@each_proving
def test_another_secrets_proof_is_refused(name: str, route: Route) -> None:
    route.connect(name)
    answer = route.post(proved(first(name), NOW, secret=secret_of(name, other=True)))
    assert (answer.status, answer.code) == (401, "signature_invalid")
    assert route.office.sqs.sent == []


@each_proving
def test_no_proof_at_all_is_refused(name: str, route: Route) -> None:
    route.connect(name)
    answer = route.post(unproved(first(name), NOW))
    assert answer.status == 401
    assert answer.code == "signature_missing" or (seals(name) and answer.code == "signature_invalid")
    assert route.office.sqs.sent == []


@each_proving
def test_a_source_without_a_secret_takes_its_url_for_proof_only_if_it_may(name: str, route: Route) -> None:
    route.connect(name, secrets=())
    source = registry.load(name)
    answer = route.post(unproved(first(name), NOW))
    assert answer.status == (202 if source.proof == "token" or source.key_made_by == "vendor_later" else 401)
    kept = [one.unread for one in route.envelopes()]
    assert kept == (["secret_missing"] if source.key_made_by == "vendor_later" else [None] * (answer.status == 202))


@pytest.mark.parametrize(
    "garbage", ["", " ", "x", "v1,", "sha256=", "0" * 400, "\u00e9\U0001f600", "=,;%00", "[]", "é"]
)
@pytest.mark.parametrize("name", HEADERS)
def test_a_garbage_proof_is_refused(name: str, garbage: str, route: Route) -> None:
    route.connect(name)
    good, bare = proved(first(name), NOW), unproved(first(name), NOW)
    # What only tells the sender, as an API key's name or a nonce, is not the proof: all that was added is spoilt.
    headers = {key: value if key in bare.headers else garbage for key, value in good.headers.items()}
    query = {key: value if key in bare.query else garbage for key, value in good.query.items()}
    answer = route.post(Arrival(good.raw, NOW, headers, query))
    assert answer.status == 401
    assert re.fullmatch("signature_(missing|invalid)|timestamp_invalid|message_id_invalid", answer.code)
    assert route.office.sqs.sent == []


@each_proving
def test_both_secrets_count_during_a_rotation(name: str, route: Route) -> None:
    old, new = secret_of(name), secret_of(name, other=True)
    route.connect(name, secrets=((new, None), (old, NOW.timestamp() + 1)))
    assert route.post(proved(first(name), NOW, secret=old)).status == 202
    assert route.post(proved(first(name), NOW, secret=new)).status == 202
    route.office.now = NOW + timedelta(seconds=1)
    assert route.post(proved(first(name), NOW, secret=old)).status == 401


@each_proving
def test_a_proof_that_holds_its_time_goes_stale(name: str, route: Route) -> None:
    """Where the platform signs no time, the event's own key is all that stands against a replay."""
    route.connect(name)
    past, present = proved(first(name), NOW - timedelta(hours=1)), proved(first(name), NOW)
    answer = route.post(past)
    timed = (past.raw, past.headers, past.query) != (present.raw, present.headers, present.query)
    assert (answer.status, answer.code) == ((401, "timestamp_out_of_window") if timed else (202, "accepted"))


@pytest.mark.parametrize("name", [name for name in HEADERS if covers_body(name)])
@given(data=st.data())
@settings(max_examples=30)
def test_one_changed_byte_is_refused(name: str, data: st.DataObject) -> None:
    good = proved(first(name), NOW)
    changed = bytearray(good.raw)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unauthorized):
        registry.load(name).verify(replace(good, raw=bytes(changed)), [secret_of(name)])


@pytest.mark.parametrize("name", HEADERS)
@given(text=st.text())
@settings(max_examples=30)
def test_any_text_in_place_of_a_proof_raises_nothing_else(name: str, text: str) -> None:
    good, bare = proved(first(name), NOW), unproved(first(name), NOW)
    added = sorted(good.headers.keys() - bare.headers.keys())
    for key in added:
        arrival = replace(good, headers={**good.headers, key: text})
        try:
            registry.load(name).verify(arrival, [secret_of(name)])
        except Unauthorized:
            continue
        assert len(added) > 1, "its one header field proves nothing"


@each_source
def test_no_token_no_secret_and_no_word_is_in_a_log_or_on_a_queue_that_needs_none(
    name: str, route: Route, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    route.connect(name)
    fixture, secret = first(name), secret_of(name)
    good = proved(fixture, NOW)
    with caplog.at_level(logging.DEBUG):
        route.post(good)
        route.post(replace(good, raw=b"\xff" + good.raw))
        route.post(good, token="CANARY-wrong")
    said = caplog.text + capsys.readouterr().out
    words = [text[0] for text in fixture.document.get("expected", {}).get("texts", ())]
    kept = [*route.envelopes(), *route.envelopes("fetches")]
    assert kept
    assert not [one for one in (TOKEN, secret, "CANARY", *words) if one in said]
    assert not [one for one in (TOKEN, *words) if one in repr(good) + repr(kept)]
    assert not [one for one in kept if any(secret in value for value in one.arrival.headers.values())]


# --- bodies that are none ---------------------------------------------------------------------------------------


@each_source
def test_a_body_over_the_limit_is_refused_before_any_secret_is_read(name: str, route: Route) -> None:
    route.connect(name)
    answer = route.post(Arrival(b" " * 262_145, NOW, {"content-type": "application/json"}))
    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert route.office.ssm.calls == []
    assert route.office.sqs.sent == []


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe{", b"{", b"[]", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"\x00", b"&=&%"])
@pytest.mark.parametrize("name", LENIENT)
def test_a_platforms_unreadable_body_is_accepted_and_parked(name: str, raw: bytes, route: Route) -> None:
    sealed = seals(name)
    route.connect(name, **({"secrets": ()} if sealed else {}))
    fixture = first(name)
    arrival = replace(unproved(fixture, NOW), raw=raw) if sealed else proved(fixture, NOW, raw=raw)
    answer = route.post(arrival)
    if sealed and registry.load(name).proof == "signature":
        assert answer.status == 401, "its proof cannot stand in such a body"
        return
    assert (answer.status, answer.json["status"]) == (202, "accepted")
    (envelope,) = route.envelopes()
    assert envelope.feedback_id == answer.json["id"]
    with pytest.raises(Parked) as parked:
        registry.load(name).parse(envelope.arrival, fixture.reading)
    assert re.fullmatch("[a-z_]+", parked.value.code)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"\xff\xfe{", 400, "invalid_encoding"),
        (b"[]", 422, "schema_violation"),
        (b'{"a":1,"a":2}', 400, "duplicate_key"),
    ],
)
@pytest.mark.parametrize("name", STRICT)
def test_a_strict_source_refuses_an_unreadable_body(
    name: str, raw: bytes, status: int, code: str, route: Route
) -> None:
    route.connect(name)
    answer = route.post(proved(first(name), NOW, raw=raw))
    assert (answer.status, answer.code) == (status, code)
    assert route.office.sqs.sent == []


@each_source
def test_a_platform_may_try_the_url_out_as_it_says(name: str, route: Route) -> None:
    route.connect(name)
    path = {"connection": CONNECTION, "token": TOKEN}
    for method in ("GET", "HEAD"):
        answer = call(product(), method, HOOK, path=path)
        assert answer.status == (200 if method in registry.load(name).probes else 405)
        assert call(product(), method, HOOK, path={**path, "token": "wrong"}).status == 405
    assert route.office.sqs.sent == []
