"""What every source promises. Driven by the registry: a new source is in here once it is registered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.arrival import Arrival
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.mapping import validate_mapping
from chalicelib.domain.voice import Canonical
from chalicelib.errors import Invalid, Malformed, Parked, Rejected, TooLarge, Unauthorized
from chalicelib.sources import registry
from chalicelib.sources.base import Source
from tests.builders_hear import SECRET, Hearing, hearing
from tests.contract.proofs import SIGNERS

NOW = datetime(2026, 11, 21, 8, 0, 0, 123_000, tzinfo=timezone.utc)
OTHER = "whsec_" + "B" * 43 + "="
FIXTURES = Path(__file__).parent.parent / "fixtures" / "sources"
SIGNING = [name for name in registry.SOURCES if registry.load(name).proof == "signature"]
LENIENT = [name for name in registry.SOURCES if not registry.load(name).strict]


@dataclass(frozen=True)
class Fixture:
    source: str
    name: str
    document: Mapping[str, Any]

    @property
    def raw(self) -> bytes:
        return json.dumps(self.document["payload"], ensure_ascii=False).encode()

    @property
    def mapping(self) -> Mapping[str, Any]:
        return validate_mapping(self.document.get("mapping", {}))


def _fixtures() -> list[Fixture]:
    return [
        Fixture(path.parent.name, path.stem, json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(FIXTURES.glob("*/*.json"))
    ]


def _proved(source: str, raw: bytes, secret: str = SECRET, extra: Mapping[str, str] | None = None) -> Arrival:
    """The body with a good proof of its source."""
    headers, query = SIGNERS[source](raw, secret, NOW) if source in SIGNERS else ({}, {})
    return Arrival(raw, NOW, {"content-type": "application/json", **(extra or {}), **headers}, query)


def _post(world: Hearing, arrival: Arrival, **at: str) -> Any:
    return world.post(arrival.raw, arrival.headers, arrival.query, **at)


def _world(source: str, **changes: Any) -> Hearing:
    world = hearing(NOW)
    world.connect(source, **changes)
    return world


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


each_fixture = pytest.mark.parametrize("fixture", _fixtures(), ids=lambda one: f"{one.source}-{one.name}")
each_source = pytest.mark.parametrize("name", list(registry.SOURCES))


@each_source
def test_a_source_has_three_fixtures_of_different_shape(name: str) -> None:
    mine = [fixture for fixture in _fixtures() if fixture.source == name]
    assert len({json.dumps(fixture.document["expected"]) for fixture in mine}) >= 3


@each_source
def test_a_source_declares_what_the_hook_goes_by(name: str) -> None:
    source = registry.load(name)
    assert isinstance(source, Source)
    assert source.name == name
    assert source.proof in ("signature", "token")
    assert (name in SIGNERS) == (source.proof == "signature")
    assert "webhook-signature" not in source.kept_headers, "proofs stay in the hook"
    assert validate_mapping(source.mapping) == source.mapping


def test_a_source_that_is_not_registered_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="A source is one of canonical") as refused:
        registry.load("nosuch")
    assert refused.value.code == "unknown_source"


@each_fixture
def test_a_payload_becomes_the_voice_that_was_written_down(fixture: Fixture) -> None:
    arrival = _proved(fixture.source, fixture.raw, extra=fixture.document.get("headers"))
    voice = registry.load(fixture.source).parse(arrival, fixture.mapping)
    assert _shown(voice) == {"channel": "survey", **fixture.document["expected"]}
    assert voice.occurred_at.tzinfo is not None


@each_fixture
def test_the_hook_names_the_feedback_that_is_read_later(fixture: Fixture) -> None:
    pointer = registry.Catalogue().response_pointer(fixture.source, fixture.mapping)
    world = _world(fixture.source, response_id=pointer)
    arrival = _proved(fixture.source, fixture.raw, extra=fixture.document.get("headers"))
    first, second = _post(world, arrival), _post(world, arrival)
    messages = [Envelope.from_message(body) for body in world.sqs.bodies()]
    assert first.id == second.id == messages[0].feedback_id
    assert messages[0].event_key == messages[1].event_key
    assert messages[0].arrival.raw == fixture.raw
    assert messages[0].arrival.received_at == NOW
    again = registry.load(fixture.source).parse(messages[0].arrival, fixture.mapping)
    assert again == registry.load(fixture.source).parse(arrival, fixture.mapping)


@pytest.mark.parametrize("name", SIGNING)
class TestSignature:
    raw = b'{"form_response":{"token":"t"},"op":"data_create","data":{"_id":"d"}}'

    def test_the_right_one_is_taken(self, name: str) -> None:
        registry.load(name).verify(_proved(name, self.raw), [OTHER, SECRET])

    def test_another_secrets_is_refused(self, name: str) -> None:
        with pytest.raises(Unauthorized, match="No signature fits") as refused:
            registry.load(name).verify(_proved(name, self.raw), [OTHER])
        assert refused.value.code == "signature_invalid"

    def test_none_at_all_is_refused(self, name: str) -> None:
        with pytest.raises(Unauthorized, match="missing") as refused:
            registry.load(name).verify(Arrival(self.raw, NOW, {"content-type": "application/json"}), [SECRET])
        assert refused.value.code == "signature_missing"

    def test_no_secret_fits_nothing(self, name: str) -> None:
        with pytest.raises(Unauthorized):
            registry.load(name).verify(_proved(name, self.raw), [])

    @given(position=st.integers(0, len(raw) - 1), flip=st.integers(1, 255))
    def test_one_changed_byte_is_refused(self, name: str, position: int, flip: int) -> None:
        proved = _proved(name, self.raw)
        changed = bytearray(self.raw)
        changed[position] ^= flip
        with pytest.raises(Unauthorized):
            registry.load(name).verify(Arrival(bytes(changed), NOW, proved.headers, proved.query), [SECRET])

    @given(data=st.data(), text=st.text())
    def test_garbage_raises_nothing_else(self, name: str, data: st.DataObject, text: str) -> None:
        proved = _proved(name, self.raw)
        headers, query = dict(proved.headers), dict(proved.query)
        place = headers if not query or data.draw(st.booleans()) else query
        key = data.draw(st.sampled_from([key for key in place if key != "content-type"]))
        good, place[key] = place[key], text
        if text == good:
            return
        with pytest.raises(Unauthorized):
            registry.load(name).verify(Arrival(self.raw, NOW, headers, query), [SECRET])

    def test_both_secrets_count_during_a_rotation(self, name: str) -> None:
        world = _world(name, secrets=((OTHER, None), (SECRET, NOW.timestamp() + 1)))
        fixture = next(one for one in _fixtures() if one.source == name)
        assert _post(world, _proved(name, fixture.raw)).status == "accepted"
        world.pass_time(1)
        with pytest.raises(Unauthorized):
            _post(world, _proved(name, fixture.raw))

    def test_a_wrong_one_leaves_nothing_behind(self, name: str) -> None:
        world = _world(name)
        with pytest.raises(Unauthorized):
            _post(world, _proved(name, self.raw, OTHER))
        assert world.sqs.sent == []


@each_source
def test_a_wrong_token_is_refused_like_an_unknown_connection(name: str) -> None:
    world = _world(name)
    arrival = _proved(name, b"{}")
    answers = []
    for at in ({"token": "wrong"}, {"connection": "cn_unknown"}, {"token": ""}, {"connection": "../../x"}):
        with pytest.raises(Unauthorized) as refused:
            _post(world, arrival, **at)
        answers.append((refused.value.code, refused.value.message))
    assert set(answers) == {("signature_invalid", "The signature is not valid.")}
    assert world.sqs.sent == []


@each_source
def test_a_body_over_the_limit_is_refused(name: str) -> None:
    world = _world(name)
    with pytest.raises(TooLarge) as refused:
        _post(world, _proved(name, b" " * 262_145))
    assert refused.value.code == "payload_too_large"
    assert world.ssm.calls == [], "size needs no secret"


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe{", b"{", b"[]", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}"])
@pytest.mark.parametrize("name", LENIENT)
def test_a_platforms_unreadable_body_is_accepted_and_parked(name: str, raw: bytes) -> None:
    world = _world(name)
    heard = _post(world, _proved(name, raw))
    assert heard.status == "accepted"
    envelope = Envelope.from_message(world.sqs.bodies()[0])
    assert envelope.feedback_id == heard.id
    with pytest.raises(Parked) as parked:
        registry.load(name).parse(envelope.arrival, {"texts": [{"path": "/x"}]})
    assert parked.value.code in (
        *("malformed_json", "invalid_encoding", "duplicate_key", "unknown_shape"),
        *("mapping_missing_response_id", "unknown_operation"),
    )


@pytest.mark.parametrize(
    ("raw", "code"), [(b"", "malformed_json"), (b"\xff\xfe{", "invalid_encoding"), (b"[]", "schema_violation")]
)
def test_a_strict_source_refuses_an_unreadable_body(raw: bytes, code: str) -> None:
    world = _world("canonical")
    with pytest.raises((Malformed, Invalid)) as refused:
        _post(world, _proved("canonical", raw))
    assert refused.value.code == code
    assert world.sqs.sent == []


@given(
    raw=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["form_response", "answers", "field", "type", "data", "op", "entry", "form", "id", "texts"]
                )
                | st.text(max_size=5),
                inner,
                max_size=4,
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
@each_source
def test_whatever_comes_is_read_parked_or_refused(name: str, raw: bytes) -> None:
    try:
        voice = registry.load(name).parse(_proved(name, raw), {"texts": [{"path": "/texts"}]})
    except (Parked, Rejected):
        return
    assert voice.response_key
