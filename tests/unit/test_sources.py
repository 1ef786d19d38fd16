"""What is particular to one source; what all have in common is in the contract suite."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, ClassVar

import pytest

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical, Score
from chalicelib.errors import Invalid, Parked
from chalicelib.sources import registry

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)


def parse(source: str, payload: Any, mapping: dict[str, Any] | None = None) -> Canonical:
    return registry.load(source).parse(Arrival(json.dumps(payload).encode(), NOW), mapping or {})


def parked(source: str, payload: Any, mapping: dict[str, Any] | None = None) -> str:
    with pytest.raises(Parked, match=r"^[A-Z].*\.$") as reason:
        parse(source, payload, mapping)
    return reason.value.code


class TestCanonical:
    def voice(self, **changes: Any) -> dict[str, Any]:
        good = {
            "type": "feedback.created",
            "id": "R-1",
            "occurred_at": "2026-11-01T08:01:40Z",
            "scores": [{"kind": "nps", "value": 3}],
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def refused(self, **changes: Any) -> str | None:
        with pytest.raises(Invalid, match=r"^[A-Z].*\.$") as refused:
            parse("canonical", self.voice(**changes))
        assert refused.value.code == "schema_violation"
        assert "CANARY" not in str(refused.value)
        return refused.value.pointer

    def test_an_nps_needs_no_scale(self) -> None:
        assert parse("canonical", self.voice()).scores == (Score("nps", 3.0, 0.0, 10.0),)

    @pytest.mark.parametrize(
        ("field", "bad"),
        [
            ("type", "feedback.exploded"),
            ("type", ["feedback.created"]),
            ("id", 7),
            ("id", "CANARY\x00"),
            ("occurred_at", 1793520100),
            ("occurred_at", "2026-11-22T08:00:01Z"),
            ("occurred_at", "2026-11-01T08:01:40"),
            ("channel", "pigeon"),
            ("channel", None),
            ("touchpoint", ""),
            ("unit", "CANARY\u200b"),
            ("lang", "中文"),
            ("lang", 7),
            ("revision", 0),
            ("revision", True),
            ("revision", 1.5),
            ("customer", []),
            ("scores", {"kind": "nps"}),
            ("texts", "CANARY"),
            ("attachments", "https://a.example"),
            ("attributes", ["CANARY"]),
            ("attributes", {str(number): 1 for number in range(51)}),
            ("attributes", {"a": None}),
            ("attributes", {"a": {"CANARY": 1}}),
            ("attributes", {"k" * 65: 1}),
        ],
    )
    def test_a_field_that_breaks_its_rule_is_named(self, field: str, bad: Any) -> None:
        assert self.refused(**{field: bad}) == f"/{field}"

    @pytest.mark.parametrize("field", ["type", "id", "occurred_at"])
    def test_a_field_that_must_be_there_is_named(self, field: str) -> None:
        assert self.refused(**{field: ...}) == f"/{field}"

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"customer": {"id": 7}}, "/customer/id"),
            ({"customer": {"phone": "CANARY\n"}}, "/customer/phone"),
            ({"customer": {"name": "x" * 257}}, "/customer/name"),
            ({"customer": {"shoe_size": 44}}, "/customer"),
            ({"scores": [{"kind": "nps", "value": 11}]}, "/scores/0/value"),
            ({"scores": [{"kind": "nps", "value": 3.5}]}, "/scores/0/value"),
            ({"scores": [{"kind": "nps", "value": True}]}, "/scores/0/value"),
            ({"scores": [{"kind": "nps", "value": "3"}]}, "/scores/0/value"),
            ({"scores": [{"kind": "nps"}]}, "/scores/0/value"),
            ({"scores": [{"kind": "mood", "value": 1}]}, "/scores/0/kind"),
            ({"scores": [{"kind": "csat", "value": 1}]}, "/scores/0/scale"),
            ({"scores": [{"kind": "nps", "value": 1, "scale": [1, 5]}]}, "/scores/0/scale"),
            ({"scores": [{"kind": "ces", "value": 1, "scale": [1, 7], "polarity": 1}]}, "/scores/0/polarity"),
            ({"scores": [{"kind": "nps", "value": 1}] * 21}, "/scores"),
            ({"texts": [{"text": "ok"}, {"text": 7}]}, "/texts/1/text"),
            ({"texts": [{"text": "x" * 20_001}]}, "/texts/0/text"),
            ({"texts": [{"text": "x", "question": 7}]}, "/texts/0/question"),
            ({"texts": [{"text": "x", "speaker": "robot"}]}, "/texts/0/speaker"),
            ({"attachments": ["https://a.example", "javascript:CANARY"]}, "/attachments/1"),
            ({"scores": ..., "texts": []}, ""),
            ({"CANARY": 1}, ""),
        ],
    )
    def test_the_pointer_goes_to_the_place(self, changes: dict[str, Any], pointer: str) -> None:
        assert self.refused(**changes) == pointer

    def test_a_number_that_no_scale_has_is_refused_exactly(self) -> None:
        raw = json.dumps(self.voice()).replace('"value": 3', '"value": 3.0000000000000000001').encode()
        with pytest.raises(Invalid) as refused:
            registry.load("canonical").parse(Arrival(raw, NOW), {})
        assert refused.value.pointer == "/scores/0/value"

    def test_it_takes_no_mapping(self) -> None:
        with pytest.raises(Invalid, match="takes no mapping"):
            registry.Catalogue().check_mapping("canonical", {"unit": "/x"})


class TestTypeform:
    def response(self, *answers: dict[str, Any], fields: list[Any] | None = None, **more: Any) -> dict[str, Any]:
        made = {"token": "t", "submitted_at": "2026-11-01T08:01:40Z", "answers": list(answers), **more}
        return {"event_type": "form_response", "form_response": {**made, "definition": {"fields": fields or []}}}

    def number(self, kind: str, value: Any, name: str = "q") -> dict[str, Any]:
        return {"type": "number", "number": value, "field": {"id": name, "ref": name, "type": kind}}

    @pytest.mark.parametrize(("value", "high"), [(1, 5.0), (5, 5.0), (6, 10.0), (10, 10.0)])
    def test_a_rating_without_steps_has_five_until_a_value_says_ten(self, value: int, high: float) -> None:
        assert parse("typeform", self.response(self.number("rating", value))).scores == (
            Score("rating", float(value), 1.0, high),
        )

    def test_a_rating_above_ten_is_parked(self) -> None:
        assert parked("typeform", self.response(self.number("rating", 11))) == "mapping_score_out_of_scale"

    def test_an_opinion_scale_of_unknown_length_is_no_score(self) -> None:
        voice = parse("typeform", self.response(self.number("opinion_scale", 5, "sat")))
        assert (voice.scores, voice.attributes) == ((), {"sat": "5"})

    def test_an_nps_outside_its_scale_is_parked(self) -> None:
        assert parked("typeform", self.response(self.number("nps", 11))) == "mapping_score_out_of_scale"
        assert parked("typeform", self.response(self.number("nps", "many"))) == "mapping_score_not_a_number"

    def test_a_partial_response_is_nobodys_voice_yet(self) -> None:
        partial = {**self.response(self.number("nps", 1)), "event_type": "form_response_partial"}
        assert registry.load("typeform").ignores(partial)
        assert not registry.load("typeform").ignores(self.response())
        assert parked("typeform", partial) == "partial_response"

    def test_an_event_without_a_response_is_parked(self) -> None:
        assert parked("typeform", {"event_type": "form_response"}) == "unknown_shape"
        assert parked("typeform", {"event_type": "form_response", "form_response": {}}) == "mapping_missing_response_id"

    def test_answers_of_a_strange_shape_are_passed_over(self) -> None:
        odd = [7, {}, {"field": {}}, {"type": "choice", "choice": "x", "field": {}}, {"type": 7, "field": {"id": 1}}]
        assert parse("typeform", self.response(*odd)).texts == ()  # type: ignore[arg-type]

    def test_attributes_stay_bounded(self) -> None:
        hidden = {f"h{number}": "x" * 2_000 for number in range(80)}
        voice = parse("typeform", self.response(hidden=hidden))
        assert len(voice.attributes) == 50
        assert {len(value) for value in voice.attributes.values()} == {1_000}

    def test_a_mapping_of_scores_replaces_the_built_in_reading(self) -> None:
        mapping = {"scores": [{"path": "/form_response/answers/0/number", "kind": "csat", "scale": [0, 20]}]}
        voice = parse("typeform", self.response(self.number("nps", 3)), mapping)
        assert voice.scores == (Score("csat", 3.0, 0.0, 20.0),)


class TestJinshuju:
    mapping: ClassVar = {"scores": [{"path": "/entry/field_1", "kind": "nps"}]}

    def test_serial_numbers_count_per_form(self) -> None:
        keys = {
            parse("jinshuju", {"form": form, "entry": {"serial_number": 1, "field_1": 3}}, self.mapping).response_key
            for form in "ab"
        }
        assert keys == {"a:1", "b:1"}

    def test_without_form_or_number_it_is_parked(self) -> None:
        assert (
            parked("jinshuju", {"entry": {"serial_number": 1, "field_1": 3}}, self.mapping)
            == "mapping_missing_response_id"
        )
        assert parked("jinshuju", {"form": "a", "entry": {}}, self.mapping) == "mapping_missing_response_id"

    def test_without_a_mapping_it_is_parked_until_there_is_one(self) -> None:
        assert parked("jinshuju", {"form": "a", "entry": {"serial_number": 1}}) == "mapping_empty"

    def test_a_mapping_that_finds_not_one_of_its_places_is_parked_with_every_word(self) -> None:
        wrong = {"scores": [{"path": "/entry/field_99", "kind": "nps"}], "texts": [{"path": "/entry/nope"}]}
        entry = {"serial_number": 1, "field_1": 3, "field_3": "包裹破损"}
        assert parked("jinshuju", {"form": "a", "entry": entry}, wrong) == "mapping_finds_nothing"


class TestJiandaoyun:
    mapping: ClassVar = {"scores": [{"path": "/data/n", "kind": "nps"}]}

    def test_other_operations_are_parked(self) -> None:
        assert parked("jiandaoyun", {"op": "form_update", "data": {"_id": "a"}}, self.mapping) == "unknown_operation"
        assert parked("jiandaoyun", {"op": ["data_create"]}, self.mapping) == "unknown_operation"

    def test_a_removal_without_its_time_is_now(self) -> None:
        voice = parse("jiandaoyun", {"op": "data_remove", "data": {"_id": "a", "updateTime": "2026-11-01T00:00:00Z"}})
        assert (voice.deleted, voice.revision_at) == (True, NOW)

    def test_what_comes_back_is_newer_than_its_removal(self) -> None:
        data = {"_id": "a", "updateTime": "2026-11-01T00:00:00Z", "n": 3}
        assert parse("jiandaoyun", {"op": "data_recover", "data": data}, self.mapping).revision_at == NOW

    def test_a_placeholder_delivery_id_does_not_merge_two_pushes(self) -> None:
        arrival = Arrival(b"", NOW, {"x-jdy-deliverid": "DELIVER-ID"})
        source = registry.load("jiandaoyun")
        ids = {
            source.delivery_id(arrival, {"op": op, "data": {"_id": name, "updateTime": "x"}})
            for op in ("data_create", "data_update")
            for name in ("a", "b")
        }
        assert len(ids) == 4
        assert source.delivery_id(Arrival(b"", NOW), {"op": "data_create"}) is None


class TestCatalogue:
    catalogue = registry.Catalogue()

    def test_only_some_platforms_sign(self) -> None:
        signing = {name: self.catalogue.signs(name) for name in ("jinshuju", "typeform", "wenjuanxing")}
        assert signing == {"jinshuju": False, "typeform": True, "wenjuanxing": False}

    def test_a_platform_that_need_not_sign_may_do_so(self) -> None:
        may = {name: self.catalogue.may_sign(name) for name in ("jinshuju", "typeform", "wenjuanxing")}
        assert may == {"jinshuju": False, "typeform": False, "wenjuanxing": True}

    def test_the_hook_learns_where_the_response_id_is(self) -> None:
        assert self.catalogue.response_pointer("typeform", {}) == "/form_response/token"
        assert self.catalogue.response_pointer("jinshuju", {"response_id": "/entry/no"}) == "/entry/no"

    def test_questions_are_named_for_typeform_only(self) -> None:
        fields = {"fields": {"q": {"kind": "csat", "scale": [1, 5]}}}
        self.catalogue.check_mapping("typeform", fields)
        with pytest.raises(Invalid, match="no questions to name") as refused:
            self.catalogue.check_mapping("jinshuju", fields)
        assert refused.value.pointer == "/mapping/fields"

    @pytest.mark.parametrize(
        ("source", "secret"),
        [
            ("typeform", "short"),
            ("typeform", "x" * 257),
            ("typeform", "CANARY密钥"),
            ("canonical", "whsec_AAAA"),
            ("canonical", "CANARY not base64"),
            ("canonical", "whsec_" + "A" * 88),
        ],
    )
    def test_a_secret_that_cannot_be_used_is_refused(self, source: str, secret: str) -> None:
        with pytest.raises(Invalid, match=r"^(A|The) secret") as refused:
            self.catalogue.check_secret(source, secret)
        assert (refused.value.code, refused.value.pointer) == ("secret_invalid", "/secret")
        assert "CANARY" not in str(refused.value)

    def test_good_secrets_pass(self) -> None:
        self.catalogue.check_secret("typeform", "cem-typeform-secret")
        self.catalogue.check_secret("canonical", "whsec_" + "A" * 43 + "=")
