"""Wenjuanxing: the proofs of its two contracts, the form of its answers, sealed bodies, and what stays unknown."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical
from chalicelib.errors import Parked, Unauthorized
from chalicelib.services.reading.enrich import DUPLICATE, PARKED, STORED
from chalicelib.sources import registry
from chalicelib.sources.wenjuanxing import read_answers, read_fields, sign, signature, unseal
from tests.builders_hear import CONNECTION
from tests.builders_voices import Way, way_in

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
KEY, NEXT = "cem-push-key", "cem-push-key-2"
SCORED: dict[str, Any] = {"scores": [{"path": "/q1", "kind": "nps"}], "texts": [{"path": "/q2"}]}
VECTORS = json.loads(
    (Path(__file__).parent.parent / "fixtures" / "corpora" / "signature_vectors.json").read_text(encoding="utf-8")
)["vectors"]


def vector(name: str) -> dict[str, Any]:
    return next(one for one in VECTORS if one["name"] == name)


def push(**changes: Any) -> bytes:
    """A signed push of the JSON contract; a field that is None is left out."""
    fields = {"activity": "5657754", "index": "12", "joinid": "101", "submittime": "2026-11-01 16:01:40", "q1": "3"}
    made = {**fields, "sign": hashlib.sha1(f"565775412{KEY}".encode()).hexdigest(), **changes}  # noqa: S324
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def form(**changes: str) -> bytes:
    fields = {"vid": "12345", "jid": "67890", "submitdata": "1$3}2$包裹破损", "submittime": "2026-11-01 16:01:40"}
    return urlencode({**fields, **changes}).encode()


def proof(raw: bytes, key: str = KEY) -> dict[str, str]:
    return {"x-wjx-signature": hashlib.sha1(raw + key.encode()).hexdigest()}  # noqa: S324


def seal(text: str | bytes, key: str = KEY, vector: bytes | None = None) -> str:
    """As the platform's kit writes it; apart from the product."""
    data = text.encode() if isinstance(text, str) else text
    start = vector or os.urandom(16)
    missing = 16 - len(data) % 16
    encryptor = Cipher(algorithms.AES(hashlib.md5(key.encode()).hexdigest()[:16].encode()), modes.CBC(start))  # noqa: S324
    run = encryptor.encryptor()
    return base64.b64encode(start + run.update(data + bytes([missing]) * missing) + run.finalize()).decode()


def parse(source: str, raw: bytes, mapping: dict[str, Any], **settings: Any) -> Canonical:
    return registry.load(source).parse(Arrival(raw, NOW), {**mapping, "settings": settings})


def opened(raw: bytes, *keys: str) -> bytes:
    return registry.load("wenjuanxing_form").opened(Arrival(raw, NOW), keys or (KEY,)).raw


def refused(way: Way, raw: bytes, headers: dict[str, str] | None = None) -> tuple[str, str]:
    """Code and message of a refusal by the hook, which has kept nothing."""
    with pytest.raises(Unauthorized) as error:
        way.send(raw, headers)
    assert way.hearing.sqs.sent == []
    return error.value.code, error.value.message


class TestSign:
    def test_it_is_made_as_documented(self) -> None:
        one = vector("Wenjuanxing sign (open API doc form)")
        given_ = one["inputs"]
        assert sign(given_["activity"], given_["index"], given_["push_key"]) == one["expected"]

    def test_without_a_push_key_the_url_is_the_proof(self) -> None:
        way = way_in("wenjuanxing", NOW, mapping=SCORED)
        assert way.send(push(sign=None)).what == STORED  # type: ignore[union-attr]

    @pytest.mark.parametrize("key", [KEY, NEXT])
    def test_with_one_a_body_signed_with_either_key_is_taken(self, key: str) -> None:
        way = way_in("wenjuanxing", NOW, secrets=(NEXT, KEY), mapping=SCORED)
        raw = push(sign=hashlib.sha1(f"565775412{key}".encode()).hexdigest().upper())  # noqa: S324
        assert way.send(raw).what == STORED  # type: ignore[union-attr]

    @pytest.mark.parametrize("missing", [None, "", 7, ["x"]])
    def test_with_one_a_body_without_sign_is_refused(self, missing: Any) -> None:
        way = way_in("wenjuanxing", NOW, secrets=(KEY,))
        assert refused(way, push(sign=missing)) == ("signature_missing", "The field sign is missing.")

    @pytest.mark.parametrize("raw", [b"", b"[]", b"\xff\xfe", b'{"sign":', b"content=c2VhbGVk"])
    def test_with_one_what_is_no_push_is_refused(self, raw: bytes) -> None:
        way = way_in("wenjuanxing", NOW, secrets=(KEY,))
        assert refused(way, raw) == ("signature_missing", "The field sign is missing.")

    @pytest.mark.parametrize("changes", [{"activity": "5657755"}, {"index": "13"}, {"sign": "é"}, {"index": None}])
    def test_with_one_another_survey_index_or_sign_is_refused(self, changes: dict[str, Any]) -> None:
        way = way_in("wenjuanxing", NOW, secrets=(KEY,))
        assert refused(way, push(**changes)) == ("signature_invalid", "No signature fits.")

    def test_a_connection_that_was_deleted_meanwhile_is_not_taken_for_one_without_a_key(self) -> None:
        way = way_in("wenjuanxing", NOW, secrets=(KEY,))
        way.hearing.secrets.get(CONNECTION)  # this hook remembers it
        way.hearing.elsewhere.delete(CONNECTION)
        way.hearing.pass_time(6)
        assert refused(way, push(sign="0" * 40)) == ("signature_invalid", "No signature fits.")


class TestFormSignature:
    def test_it_is_made_as_documented(self) -> None:
        one = vector("Wenjuanxing X-Wjx-Signature (wjx-ai-kit form)")
        assert signature(one["inputs"]["body"].encode(), one["inputs"]["app_key"]) == one["expected"]

    def test_the_case_of_the_hex_does_not_matter(self) -> None:
        way = way_in("wenjuanxing_form", NOW, secrets=(KEY,), mapping=SCORED)
        shouted = {name: value.upper() for name, value in proof(form()).items()}
        assert way.send(form(), shouted).what == STORED  # type: ignore[union-attr]

    def test_the_respondents_browser_proves_nothing(self) -> None:
        way = way_in("wenjuanxing_form", NOW, secrets=(KEY,))
        raw = urlencode({"content": seal("1$3")}).encode()
        assert refused(way, raw) == ("signature_missing", "The X-Wjx-Signature header is missing.")

    def test_one_answer_that_was_changed_is_refused(self) -> None:
        way = way_in("wenjuanxing_form", NOW, secrets=(KEY,))
        assert refused(way, form(submitdata="1$9"), proof(form())) == ("signature_invalid", "No signature fits.")


class TestAnswers:
    @given(
        st.dictionaries(
            st.integers(1, 9_999).map(str),
            # Nothing that looks like the beginning of a question: that is all the form cannot tell apart.
            st.text(st.characters(blacklist_categories=["Nd"]), max_size=20),
            max_size=12,
        )
    )
    def test_what_was_joined_comes_apart_again(self, answers: dict[str, str]) -> None:
        joined = "}".join(f"{number}${answer}" for number, answer in answers.items())
        assert read_answers(joined) == answers

    @pytest.mark.parametrize(
        ("submitted", "answers"),
        [
            ("", {}),
            ("1$", {"1": ""}),
            ("1$3}2$a}b{c}", {"1": "3", "2": "a}b{c}"}),
            ("1$3}2$a}1$9", {"1": "3", "2": "a}1$9"}),  # the first answer to a question stands
            ("2$x}1$y", {"2": "x", "1": "y"}),  # the order in which they were put
            ("no answers at all", {}),
            ("words 1$3", {}),
            ("3}1$4", {"1": "4"}),
        ],
    )
    def test_braces_and_dollars_belong_to_the_words(self, submitted: str, answers: dict[str, str]) -> None:
        assert read_answers(submitted) == answers

    @given(st.text())
    def test_whatever_comes_no_answer_holds_what_was_not_sent(self, submitted: str) -> None:
        for number, answer in read_answers(submitted).items():
            assert f"{number}${answer}" in submitted

    @given(st.dictionaries(st.text(min_size=1), st.text()))
    def test_a_form_of_any_text_is_read_as_it_was_written(self, fields: dict[str, str]) -> None:
        assert read_fields(urlencode(fields, errors="surrogatepass").encode()) == fields

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (b"a=1&a=2", "duplicate_key"),
            (b"a=%ff", "invalid_encoding"),
            (b"a=\xff", "invalid_encoding"),
            (b"{", "malformed_json"),
            (b'\xef\xbb\xbf {"a":1,"a":2}', "duplicate_key"),
        ],
    )
    def test_what_is_no_form_and_no_json_is_parked(self, raw: bytes, code: str) -> None:
        with pytest.raises(Parked, match=r"^[A-Z].*\.$") as parked:
            read_fields(raw)
        assert parked.value.code == code


class TestSealed:
    @given(st.text(), st.text(min_size=8).filter(lambda key: key.isprintable() and key.isascii()))
    def test_it_opens_what_the_platform_sealed(self, text: str, key: str) -> None:
        sent = text.encode("utf-8", "replace")
        assert unseal(seal(sent, key), key) == sent.decode()

    @given(st.binary(max_size=80) | st.binary(min_size=32, max_size=32))
    def test_garbage_opens_to_nothing_or_to_text(self, data: bytes) -> None:
        text = unseal(base64.b64encode(data).decode(), KEY)
        assert text is None or isinstance(text, str)

    @pytest.mark.parametrize("sealed", ["", "x", "é" * 44, "AAAA", "=" * 44, "A" * 43 + "="])
    def test_what_is_no_ciphertext_opens_to_nothing(self, sealed: str) -> None:
        assert unseal(sealed, KEY) is None

    def test_answers_are_opened_and_the_rest_stays(self) -> None:
        raw = form(submitdata=seal("1$3}2$包裹破损"))
        assert json.loads(opened(raw)) == {
            **{"vid": "12345", "jid": "67890", "submitdata": "1$3}2$包裹破损"},
            "submittime": "2026-11-01 16:01:40",
        }
        assert opened(raw, NEXT, KEY) == opened(raw), "the key before a rotation counts too"

    def test_half_a_character_that_was_sealed_can_be_read_again(self) -> None:
        inner = json.dumps({"vid": "1", "jid": "2", "submitdata": "1$3}2$好\ud800"})
        raw = json.dumps({"vid": "1", "jid": "2", "encrypt": seal(inner)}).encode()
        assert json.loads(opened(raw))["submitdata"] == "1$3}2$好\ud800"

    def test_a_plus_sign_that_became_a_blank_is_forgiven(self) -> None:
        sealed = next(text for text in (seal("1$3", vector=bytes([n]) * 16) for n in range(256)) if "+" in text)
        raw = form(submitdata="SEALED").replace(b"SEALED", sealed.replace("/", "%2F").replace("=", "%3D").encode())
        assert json.loads(opened(raw))["submitdata"] == "1$3"

    @pytest.mark.parametrize(
        "inner",
        [
            "1$3}2$包裹破损",
            urlencode({"vid": "12345", "jid": "67890", "submitdata": "1$3}2$包裹破损"}),
            json.dumps({"vid": "12345", "jid": 67890, "submitdata": "1$3}2$包裹破损"}),
        ],
        ids=["the answers", "a form", "json"],
    )
    @pytest.mark.parametrize("as_json", [True, False])
    def test_a_body_sealed_as_a_whole_is_opened_whatever_it_holds(self, inner: str, as_json: bool) -> None:
        outer = {"vid": "12345", "jid": "67890", "encrypt": seal(inner)}
        raw = json.dumps(outer).encode() if as_json else urlencode(outer).encode()
        voice = parse("wenjuanxing_form", opened(raw), SCORED)
        assert (voice.response_key, voice.scores[0].value, voice.texts[0].text) == ("12345:67890", 3.0, "包裹破损")

    @pytest.mark.parametrize("raw", [form(), b"", b"\xff", b"[]", b'{"encrypt":7}', form(submitdata="")])
    def test_what_is_not_sealed_stays_as_it_came(self, raw: bytes) -> None:
        assert opened(raw) == raw

    @pytest.mark.parametrize("inner", ["hello", "{", '{"a":1}', b"\xff\xfe", seal("1$3", vector=bytes(16))])
    def test_what_holds_no_answers_stays_sealed_and_is_parked(self, inner: str | bytes) -> None:
        raw = form(submitdata=seal(inner))
        assert opened(raw) == raw
        with pytest.raises(Parked, match="sealed with another key, or of another form") as parked:
            parse("wenjuanxing_form", raw, SCORED)
        assert parked.value.code == "sealed"

    def test_odd_values_beside_it_break_nothing(self) -> None:
        raw = b'{"vid":"1","jid":"2","odd":0.12345678901234567890123,"\\ud800":1,"encrypt":"%b"}' % seal("1$3").encode()
        assert b'"submitdata": "1$3"' in opened(raw)

    def test_a_retry_under_another_vector_is_the_same_delivery(self) -> None:
        way = way_in("wenjuanxing_form", NOW, secrets=(KEY,), mapping=SCORED)
        raws = [form(submitdata=seal("1$3}2$包裹破损")) for _ in range(2)]
        assert raws[0] != raws[1]
        outcomes = [way.send(raw, proof(raw)) for raw in raws]
        assert [outcome.what for outcome in outcomes if outcome] == [STORED, DUPLICATE]
        assert way.answers[0].id == way.answers[1].id == way.only().id
        assert way.hearing.sqs.bodies()[0]["event_key"] == way.hearing.sqs.bodies()[1]["event_key"]

    def test_what_this_key_does_not_open_is_accepted_under_the_responses_name_and_parked(self) -> None:
        way = way_in("wenjuanxing_form", NOW, secrets=(KEY,), mapping=SCORED)
        sealed, clear = form(submitdata=seal("1$3", NEXT)), form()
        outcome = way.send(sealed, proof(sealed))
        assert outcome is not None
        assert (outcome.what, outcome.reason) == (PARKED, "sealed")
        way.send(clear, proof(clear))
        assert way.answers[0].id == way.answers[1].id, "the ids outside of the seal name the feedback"


class TestReading:
    @pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b""])
    @pytest.mark.parametrize("blank", ["", " ", "\n"])
    def test_what_stands_before_a_form_or_its_answers_is_forgiven(self, before: bytes, blank: str) -> None:
        voice = parse("wenjuanxing_form", before + form(submitdata=f"{blank}1$3}}2$a+b 100%"), SCORED)
        assert (voice.response_key, voice.scores[0].value, voice.texts[0].text) == ("12345:67890", 3.0, "a+b 100%")

    def test_other_answers_of_one_response_are_its_next_revision(self) -> None:
        way = way_in("wenjuanxing", NOW, mapping=SCORED)
        sent = [way.send(push(q1="3")), way.send(push(q1="3", q2="包裹破损")), way.send(push(q1="3"))]
        assert [outcome.what for outcome in sent if outcome] == [STORED, STORED, DUPLICATE]
        assert (way.only().revision, way.only().texts[0].text) == (2, "包裹破损")

    def test_serial_numbers_of_two_surveys_are_two_responses(self) -> None:
        keys = {parse("wenjuanxing", push(activity=activity), SCORED).response_key for activity in ("1", "2")}
        assert keys == {"1:101", "2:101"}

    @pytest.mark.parametrize(
        ("numbering", "sent", "score"),
        [("score", "0", 0), ("score", "10", 10), ("option", "1", 0), ("option", "11", 10), ("option", 11, 10)],
    )
    def test_an_nps_is_counted_as_the_setting_says(self, numbering: str, sent: str | int, score: int) -> None:
        voice = parse("wenjuanxing", push(q1=sent), SCORED, nps_numbering=numbering)
        assert [one.value for one in voice.scores] == [score]

    def test_only_an_nps_is_counted_from_nought(self) -> None:
        mapping = {"scores": [{"path": "/q1", "kind": "csat", "scale": [1, 5]}]}
        assert parse("wenjuanxing", push(q1="1"), mapping, nps_numbering="option").scores[0].value == 1

    @pytest.mark.parametrize(("numbering", "sent"), [("score", "11"), ("option", "0"), ("option", "12")])
    def test_the_other_way_of_counting_shows_and_is_not_guessed(self, numbering: str, sent: str) -> None:
        with pytest.raises(Parked, match="outside of its scale") as parked:
            parse("wenjuanxing", push(q1=sent), SCORED, nps_numbering=numbering)
        assert parked.value.code == "mapping_score_out_of_scale"

    @pytest.mark.parametrize("said", ["-3", "-2", "(跳过)", " (空) ", -3])
    def test_a_question_that_was_not_put_is_no_answer(self, said: str | int) -> None:
        voice = parse("wenjuanxing", push(q1=said, q2=said), SCORED)
        assert (voice.scores, voice.texts) == ((), ())

    def test_a_question_that_the_survey_does_not_have_is_parked(self) -> None:
        with pytest.raises(Parked, match="where the mapping looks") as parked:
            parse("wenjuanxing", push(q1="3", q2="包裹破损"), {"scores": [{"path": "/q8", "kind": "nps"}]})
        assert parked.value.code == "mapping_finds_nothing"

    def test_what_stands_for_a_skipped_question_is_a_setting(self) -> None:
        assert parse("wenjuanxing", push(q2="(空)"), SCORED, skipped=["n/a"]).texts[0].text == "(空)"
        assert parse("wenjuanxing", push(q2="n/a"), SCORED, skipped=["n/a"]).texts == ()

    @pytest.mark.parametrize("chosen", [7, ["1"], None, {"a": 1}])
    def test_choices_of_another_form_are_left_to_the_mapping(self, chosen: Any) -> None:
        mapping = {**SCORED, "texts": [{"path": "/q9"}]}
        assert parse("wenjuanxing", push(q3=chosen), mapping, options={"q3": ["a"], "q4": "b"}).texts == ()

    @pytest.mark.parametrize("submitted", ["2026-13-41 25:00:00", "yesterday", "2026-11-31 00:00:00"])
    def test_a_time_that_is_none_is_parked(self, submitted: str) -> None:
        with pytest.raises(Parked, match="not a time with a zone") as parked:
            parse("wenjuanxing", push(submittime=submitted), SCORED)
        assert parked.value.code == "mapping_bad_time"

    @pytest.mark.parametrize("missing", ["activity", "joinid"])
    def test_without_its_ids_it_is_parked(self, missing: str) -> None:
        with pytest.raises(Parked, match="no response id") as parked:
            parse("wenjuanxing", push(**{missing: None}), SCORED)
        assert parked.value.code == "mapping_missing_response_id"

    def test_without_a_mapping_it_is_parked_until_there_is_one(self) -> None:
        with pytest.raises(Parked, match="names no score and no text") as parked:
            parse("wenjuanxing", push(), {})
        assert parked.value.code == "mapping_empty"
