"""Mappings: checked when people write them, applied to whatever platforms send."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.mapping import MISSING, apply, is_https_url, resolve, validate_mapping
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Customer, Score
from chalicelib.errors import Invalid, Parked

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
MAPPING: dict[str, Any] = {
    "response_id": "/entry/serial_number",
    "revision_at": "/entry/updated_at",
    "occurred_at": "/entry/created_at",
    "customer": {"id": "/entry/x_field_1", "phone": "/entry/field_6"},
    "unit": "/entry/field_7",
    "touchpoint": {"const": "after_sales"},
    "scores": [{"path": "/entry/field_1", "kind": "nps", "scale": [0, 10]}],
    "texts": [{"path": "/entry/field_3", "question": "原因"}],
    "attributes": {"order_id": "/entry/field_8"},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


def entry(**fields: Any) -> dict[str, Any]:
    """A payload that fits ``MAPPING``."""
    good = {
        "serial_number": 59,
        "field_1": 3,
        "field_3": "包裹破损",
        "field_6": "13800000000",
        "field_7": "SH-001",
        "field_8": "SO-1",
        "x_field_1": "C-1",
        "created_at": "2026-11-01T08:01:40Z",
        "updated_at": "2026-11-02T08:01:40Z",
    }
    return {"entry": {**good, **fields}}


def read(payload: Any, **changes: Any) -> Canonical:
    return apply({**MAPPING, **changes}, payload, received_at=NOW)


def parked(payload: Any, **changes: Any) -> str:
    with pytest.raises(Parked, match=r"^[A-Z].*\.$") as reason:
        read(payload, **changes)
    assert "CANARY" not in str(reason.value)
    return reason.value.code


def test_the_mapping_of_the_design_reads_its_payload() -> None:
    assert validate_mapping(MAPPING) == MAPPING
    assert read(entry()) == Canonical(
        response_key="59",
        occurred_at=datetime(2026, 11, 1, 8, 1, 40, tzinfo=timezone.utc),
        revision_at=datetime(2026, 11, 2, 8, 1, 40, tzinfo=timezone.utc),
        touchpoint="after_sales",
        unit="SH-001",
        customer=Customer(id="C-1", phone="13800000000"),
        scores=(Score("nps", 3.0, 0.0, 10.0),),
        texts=(Text("包裹破损", "原因"),),
        attributes={"order_id": "SO-1"},
    )


@pytest.mark.parametrize(
    "payload", [{"entry": {"serial_number": 1}}, {"entry": {"serial_number": 1, "other": "CANARY"}}]
)
def test_a_payload_without_any_place_of_scores_and_texts_is_parked(payload: Any) -> None:
    assert parked(payload) == "mapping_finds_nothing"
    assert parked(payload, texts=[]) == "mapping_finds_nothing"
    assert parked(payload, scores=[]) == "mapping_finds_nothing"


@pytest.mark.parametrize("empty", [None, "", " ", [], {}])
def test_one_place_that_is_there_and_empty_makes_an_empty_voice(empty: Any) -> None:
    for name in ("field_1", "field_3"):
        voice = read({"entry": {"serial_number": 1, name: empty}})
        assert (voice.scores, voice.texts) == ((), ())


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_nothing_is_overlooked_below_what_is_empty(empty: Any) -> None:
    places = {"scores": [{"path": "/entry/field_9/0/score", "kind": "nps"}], "texts": []}
    voice = read({"entry": {"serial_number": 1, "field_9": empty}}, **places)
    assert (voice.scores, voice.texts, voice.mapping_missed) == ((), (), False)
    assert parked({"entry": {"serial_number": 1, "field_9": [{"other": 3}]}}, **places) == "mapping_finds_nothing"


def test_a_voice_says_that_some_of_its_places_were_not_there() -> None:
    wrong = [{"path": "/entry/nope"}]
    assert read(entry(), texts=wrong).mapping_missed
    assert read(entry(), scores=[{"path": "/entry/nope", "kind": "nps"}]).mapping_missed
    assert not read(entry()).mapping_missed
    assert not read(entry(field_3=None)).mapping_missed
    assert not read(entry(), texts=[{"path": {"const": "好"}}]).mapping_missed


@pytest.mark.parametrize("answer", [{"field_1": 3}, {"field_3": "包裹破损"}])
def test_a_score_alone_and_words_alone_are_voices(answer: dict[str, Any]) -> None:
    voice = read({"entry": {"serial_number": 1, **answer}})
    assert len(voice.scores) + len(voice.texts) == 1


def test_a_mapping_that_takes_the_place_of_what_a_source_read_by_itself_must_find_something() -> None:
    base = Canonical(response_key="r", occurred_at=NOW, texts=(Text("包裹破损"),))
    wrong = {"texts": [{"path": "/entry/nope"}]}
    with pytest.raises(Parked, match="no text where the mapping looks") as reason:
        apply(wrong, entry(), received_at=NOW, base=base)
    assert reason.value.code == "mapping_finds_nothing"
    assert apply({"unit": "/entry/field_7"}, entry(), received_at=NOW, base=base).texts == base.texts


def test_what_was_not_answered_is_absent() -> None:
    voice = read({"entry": {"serial_number": "59", "field_1": "", "field_3": None, "field_6": " ", "field_8": []}})
    assert voice == Canonical(response_key="59", occurred_at=NOW, touchpoint="after_sales")


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_response_id_it_is_parked(nothing: Any) -> None:
    assert parked(entry(serial_number=nothing)) == "mapping_missing_response_id"
    assert parked({}) == "mapping_missing_response_id"
    assert parked([]) == "mapping_missing_response_id"


@pytest.mark.parametrize("bad", [True, 1.5, ["CANARY"], {"a": 1}, "CANARY\x00", "C" * 257, " 7"])
def test_a_response_id_that_is_none_is_parked(bad: Any) -> None:
    assert parked(entry(serial_number=bad)) == "mapping_bad_response_id"


@pytest.mark.parametrize(("given_", "value"), [("8", 8.0), (" 8 ", 8.0), (10, 10.0), (0, 0.0), ("7.0", 7.0)])
def test_a_number_in_a_text_counts(given_: Any, value: float) -> None:
    assert read(entry(field_1=given_)).scores == (Score("nps", value, 0.0, 10.0),)


@pytest.mark.parametrize("bad", [True, "CANARY", [3], {"v": 3}, "１", "1e1", "0x3", "--1"])
def test_a_score_that_is_no_number_is_parked(bad: Any) -> None:
    assert parked(entry(field_1=bad)) == "mapping_score_not_a_number"


@pytest.mark.parametrize("bad", [11, -1, "11", 3.5, 10**30])
def test_a_score_outside_its_scale_is_parked(bad: Any) -> None:
    assert parked(entry(field_1=bad)) == "mapping_score_out_of_scale"


def test_a_scale_where_high_is_bad_keeps_its_polarity() -> None:
    scores = [{"path": "/entry/field_1", "kind": "ces", "scale": [1, 7], "polarity": "lower"}]
    assert read(entry(field_1="6.5"), scores=scores).scores == (Score("ces", 6.5, 1.0, 7.0, "lower"),)


@pytest.mark.parametrize("bad", ["2026-11-01 08:01:40", "CANARY", "1999-01-01T00:00:00Z", "2026-11-22T08:00:01Z", [1]])
def test_a_time_that_cannot_be_is_parked(bad: Any) -> None:
    assert parked(entry(created_at=bad)) == "mapping_bad_time"
    assert parked(entry(updated_at=bad)) == "mapping_bad_time"


def test_no_time_is_the_time_of_receipt() -> None:
    assert read(entry(created_at=None)).occurred_at == NOW


@pytest.mark.parametrize("bad", [{"a": 1}, [{"a": 1}]])
def test_an_object_is_no_text(bad: Any) -> None:
    assert parked(entry(field_3=bad)) == "mapping_bad_text"
    assert parked(entry(field_7=bad)) == "mapping_bad_unit"


def test_a_text_that_is_too_long_is_parked_whole() -> None:
    assert read(entry(field_3="哈" * 20_000)).texts[0].text == "哈" * 20_000
    assert parked(entry(field_3="哈" * 20_001)) == "mapping_text_too_long"


def test_unfit_characters_are_replaced_in_words_and_dropped_from_identifiers() -> None:
    voice = read(entry(field_3="坏\x00了", field_6="\u202a13800000000\u202c"))
    assert (voice.texts[0].text, voice.customer.phone, voice.sanitised) == ("坏\ufffd了", "13800000000", True)
    assert not read(entry()).sanitised


def test_an_unknown_channel_is_parked_and_a_constant_is_taken() -> None:
    assert read(entry(), channel={"const": "store_qr"}).channel == "store_qr"
    assert parked(entry(field_8="CANARY"), channel="/entry/field_8") == "mapping_bad_channel"


def test_revisions_are_whole_numbers() -> None:
    assert read(entry(field_8="3"), revision="/entry/field_8").revision == 3
    assert parked(entry(field_8="0"), revision="/entry/field_8") == "mapping_bad_revision"
    assert parked(entry(field_8="1.5"), revision="/entry/field_8") == "mapping_bad_revision"


def test_a_time_in_place_of_a_revision_is_refused_rather_than_rounded() -> None:
    """As a float, 1763712345678901235 and its neighbours are one number."""
    assert parked(entry(field_8=1_763_712_345_678_901_235), revision="/entry/field_8") == "mapping_bad_revision"


def test_links_that_are_no_https_urls_are_left_out() -> None:
    links = ["https://a.example/1.jpg", "javascript:alert(1)", "http://a.example/", 7, "https://u:p@a.example/"]
    assert read(entry(field_8=links), attachments="/entry/field_8", attributes={}).attachments == (links[0],)


def test_only_what_is_mapped_is_kept() -> None:
    assert "CANARY" not in repr(vars_of(read(entry(secret_note="CANARY", field_99={"a": "CANARY"}))))


def vars_of(voice: Canonical) -> list[Any]:
    return [getattr(voice, name) for name in voice.__slots__]


def test_a_mapping_replaces_only_its_parts_of_what_a_source_read() -> None:
    base = Canonical(
        response_key="t", occurred_at=NOW, unit="U", customer=Customer(email="a@b.c"), attributes={"x": "1"}
    )
    voice = apply(
        {"customer": {"id": "/id"}, "attributes": {"y": "/y"}}, {"id": "C", "y": 2}, received_at=NOW, base=base
    )
    assert (voice.response_key, voice.unit) == ("t", "U")
    assert voice.customer == Customer(id="C", email="a@b.c")
    assert voice.attributes == {"x": "1", "y": "2"}


@given(json_values)
def test_whatever_a_platform_sends_is_read_or_parked(payload: Any) -> None:
    places = {
        "response_id": "/a",
        "unit": "/b",
        "occurred_at": "/c",
        "customer": {"name": "/d"},
        "attributes": {"e": "/e"},
    }
    try:
        voice = apply({**MAPPING, **places, "attachments": "/f"}, payload, received_at=NOW)
    except Parked:
        return
    assert voice.response_key


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("/a/0/b", 1), ("/a~1b", 2), ("/m~0n", 3), ("/", 4), ("/a/1", MISSING), ("/a/-", MISSING), ("/a/00", MISSING)],
)
def test_pointers_follow_rfc_6901(pointer: str, found: Any) -> None:
    assert resolve({"a": [{"b": 1}], "a/b": 2, "m~n": 3, "": 4}, pointer) == found


@pytest.mark.parametrize(
    ("mapping", "pointer"),
    [
        ([], "/mapping"),
        ({"nosuch": "/a"}, "/mapping"),
        ({"response_id": {"const": "x"}}, "/mapping/response_id"),
        ({"unit": "entry/unit"}, "/mapping/unit"),
        ({"unit": "/a~2"}, "/mapping/unit"),
        ({"unit": {"const": ["x"]}}, "/mapping/unit/const"),
        ({"unit": {"const": "x", "more": 1}}, "/mapping/unit"),
        ({"channel": {"const": "pigeon"}}, "/mapping/channel/const"),
        ({"customer": {"shoe_size": "/a"}}, "/mapping/customer"),
        ({"customer": {"id": 7}}, "/mapping/customer/id"),
        ({"scores": {}}, "/mapping/scores"),
        ({"scores": [{"path": "/a", "kind": "mood"}]}, "/mapping/scores/0/kind"),
        ({"scores": [{"path": "/a", "kind": "csat"}]}, "/mapping/scores/0/scale"),
        ({"scores": [{"path": "/a", "kind": "nps", "scale": [1, 5]}]}, "/mapping/scores/0/scale"),
        ({"scores": [{"path": "/a", "kind": "csat", "scale": [5, 1]}]}, "/mapping/scores/0/scale"),
        ({"scores": [{"path": "/a", "kind": "csat", "scale": [True, 5]}]}, "/mapping/scores/0/scale"),
        ({"scores": [{"kind": "nps"}]}, "/mapping/scores/0/path"),
        ({"scores": [{"path": "/a", "kind": "nps", "polarity": "up"}]}, "/mapping/scores/0/polarity"),
        ({"scores": [{"path": "/a", "kind": "nps"}] * 21}, "/mapping/scores"),
        ({"texts": [{"path": "/a", "speaker": "robot"}]}, "/mapping/texts/0/speaker"),
        ({"texts": [{"question": "?"}]}, "/mapping/texts/0/path"),
        ({"texts": ["/a"]}, "/mapping/texts/0"),
        ({"attributes": {"a/b": 7}}, "/mapping/attributes/a~1b"),
        ({"attributes": {"\x00": "/a"}}, "/mapping/attributes"),
        ({"attributes": {str(n): "/a" for n in range(51)}}, "/mapping/attributes"),
        ({"fields": {"q": {"kind": "csat"}}}, "/mapping/fields/q/scale"),
    ],
)
def test_a_bad_mapping_is_refused_where_it_is_bad(mapping: Any, pointer: str) -> None:
    with pytest.raises(Invalid, match=r"^[A-Z].*\.$") as refused:
        validate_mapping(mapping)
    assert (refused.value.code, refused.value.pointer) == ("schema_violation", pointer)


@given(json_values)
def test_any_value_is_a_mapping_or_refused(value: Any) -> None:
    try:
        checked = validate_mapping(value)
    except Invalid:
        return
    assert checked == value


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example:8443/x?y=1#z"])
def test_plain_https_urls_pass(url: str) -> None:
    assert is_https_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "javascript:alert(1)",
        "https://",
        "https://a b",
        "https://u@a.example",
        "https://a.example/\n",
        7,
        None,
        "data:text/html,x",
        "HTTPS//x",
        "https://a.example\\@b.example",
        "https://a.example/" + "x" * 2_048,
    ],
)
def test_other_links_do_not(url: Any) -> None:
    assert not is_https_url(url)
