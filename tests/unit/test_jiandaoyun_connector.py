"""Entries of a Jiandaoyun form, and its data push on the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import jiandaoyun
from chalicelib.connectors.callbacks import Call, Said
from chalicelib.connectors.jiandaoyun import Jiandaoyun, JiandaoyunBack
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, HttpRequest, HttpResponse
from chalicelib.domain.outbound.item import Access
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, ticket
from tests.builders_items import about, access, call
from tests.contract.profiles import profile
from tests.fakes.targets.jiandaoyun import Target

CORPORA = Path(__file__).parents[1] / "fixtures/corpora"
CONNECTOR, BACK = Jiandaoyun(), JiandaoyunBack()
SETTINGS = profile("jiandaoyun").settings
SECRET = "CANARY-push-secret"


def created(target: Target, way_in: Access, **changes: Any) -> str:
    said = about(**changes)
    answer = target.answer(CONNECTOR.create(said, way_in))
    assert CONNECTOR.outcome(answer).verdict == DELIVERED
    external_id = CONNECTOR.created(answer, said)
    assert external_id is not None
    return external_id


@pytest.mark.parametrize("through", ["single", "batch"])
def test_a_ticket_becomes_one_entry_that_follows_it_to_its_end(through: str) -> None:
    target, way_in = Target(), access("jiandaoyun", create_through=through)
    external_id = created(target, way_in)
    for version, state in enumerate(("in_progress", "waiting_customer", "resolved", "closed"), start=2):
        request = CONNECTOR.update(about(state, version), external_id, way_in)
        assert request is not None
        assert CONNECTOR.outcome(target.answer(request)).verdict == DELIVERED
    (entry,) = target.items.values()
    assert entry["history"] == ["待处理", "处理中", "等待客户", "已完成", "已完成"]
    assert entry["fields"]["_widget_3"] == "5:已完成"


@pytest.mark.parametrize("through", ["single", "batch"])
def test_what_was_created_is_found_by_our_own_id(through: str) -> None:
    target, way_in = Target(), access("jiandaoyun", create_through=through)
    look = CONNECTOR.find(about(), way_in)
    assert look is not None
    before = target.answer(look)
    assert (CONNECTOR.outcome(before).verdict, CONNECTOR.found(before)) == (DELIVERED, None)
    assert created(target, way_in) == CONNECTOR.found(target.answer(look))


def test_a_batch_that_is_repeated_makes_no_second_entry_and_names_none() -> None:
    """Then the create stays unconfirmed, and the next attempt looks for the entry."""
    target, way_in = Target(), access("jiandaoyun")
    created(target, way_in)
    again = target.answer(CONNECTOR.create(about("accepted", 2), way_in))
    assert CONNECTOR.outcome(again).verdict == DELIVERED
    assert CONNECTOR.created(again, about()) is None
    assert len(target.items) == 1


def test_a_create_has_one_key_until_the_entry_was_deleted() -> None:
    way_in = access("jiandaoyun")

    def key(way: Access, **changes: Any) -> str:
        return str(json.loads(CONNECTOR.create(about(**changes), way).body)["transaction_id"])

    elsewhere = replace(way_in, secret=replace(way_in.secret, id="ep_two"))
    keys = {key(way_in), key(replace(way_in, generation=1)), key(elsewhere)}
    assert len(keys) == 3
    assert key(way_in, version=7, state="accepted") == key(way_in)


def test_what_the_settings_ask_for_is_sent() -> None:
    settings = {"priority_field": "_widget_4", "templates": {"_widget_5": "{unit}", "_widget_6": ["a", "{state}"]}}
    target = Target({**SETTINGS, **settings})
    ask = {"data_creator": "robot", "start_workflow": True, "start_trigger": True, "create_through": "single"}
    way_in = access("jiandaoyun", **ask, **settings)
    CONNECTOR.validate_settings(way_in.settings)
    created(target, way_in)
    (entry,) = target.items.values()
    assert entry["fields"] == {
        "_widget_1": ticket().id, "_widget_2": "待处理", "_widget_3": "1:待处理",
        "_widget_4": "高", "_widget_5": "SH-001", "_widget_6": ["a", "待受理"],
    }  # fmt: skip
    body = json.loads(CONNECTOR.create(about(), way_in).body)
    assert (body["data_creator"], body["is_start_workflow"], body["is_start_trigger"]) == ("robot", True, True)


def test_a_wrong_key_a_wrong_field_and_a_deleted_entry_are_final() -> None:
    way_in = access("jiandaoyun")
    strangers = Target(credentials={"api_key": "another"})
    assert CONNECTOR.outcome(strangers.answer(CONNECTOR.create(about(), way_in))).verdict == FAILED
    unknown = access("jiandaoyun", templates={"_widget_9": "x"})
    assert CONNECTOR.outcome(Target().answer(CONNECTOR.create(about(), unknown))).code == "code_1"
    gone = CONNECTOR.update(about(), "f" * 24, way_in)
    assert gone is not None
    assert CONNECTOR.outcome(Target().answer(gone)).code == "item_missing"


def test_the_fake_counts_calls_as_the_platform_does() -> None:
    def refused(kind: HttpRequest | None, count: int) -> list[int]:
        clock = iter([0.0] * (count - 1) + [1.1])
        target = Target(clock=lambda: next(clock))
        assert kind is not None
        codes = [CONNECTOR.outcome(target.answer(kind)).code for _ in range(count)]
        return [at for at, code in enumerate(codes) if code == "rate_limited"]

    assert refused(CONNECTOR.find(about(), access("jiandaoyun")), 52) == [50]
    assert refused(CONNECTOR.create(about(), access("jiandaoyun")), 12) == [10]


@pytest.mark.parametrize("body", [b"{}", b'{"data":{}}', b'{"data":{"_id":7}}', b'{"success_ids":["a","b"]}', b"["])
def test_an_answer_without_an_id_leaves_the_create_unconfirmed(body: bytes) -> None:
    assert CONNECTOR.created(HttpResponse(200, {}, body), about()) is None


def test_two_uses_of_one_field_are_refused() -> None:
    with pytest.raises(Invalid, match="need a field each") as refusal:
        CONNECTOR.validate_settings({**SETTINGS, "priority_field": "_widget_1"})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/version_field")


# --- the way back -----------------------------------------------------------------------------------------------


def pushed(changes: dict[str, Any] | None = None, op: str = "data_update", **kept: Any) -> bytes:
    """The whole entry, as a person left it."""
    entry = {
        "_id": "e-1", "appId": SETTINGS["app_id"], "entryId": SETTINGS["entry_id"],
        "updateTime": "2026-11-21T08:00:00.000Z", "_widget_1": "tk_1", "_widget_2": "处理中", "_widget_3": "1:待处理",
        **(changes or {}),
    }  # fmt: skip
    return json.dumps({"op": op, "data": entry, **kept}, ensure_ascii=False).encode()


def signed(body: bytes, secret: str = SECRET, age: float = 0.0, deliver: str = "d-1") -> Call:
    timestamp = str(int(AT.timestamp() - age))
    digest = sha1(b":".join((b"n0nce", body, secret.encode(), timestamp.encode()))).hexdigest()  # noqa: S324 - theirs
    headers = {"x-jdy-signature": digest, "x-jdy-deliverid": deliver}
    return call(body, headers, {"timestamp": timestamp, "nonce": "n0nce"})


def heard(body: bytes, **settings: Any) -> tuple[Said, ...]:
    secret = access("jiandaoyun").secret
    return tuple(BACK.read(BACK.prove(signed(body), secret, AT), {**SETTINGS, **settings}, AT))


def test_a_persons_change_is_told_with_its_time() -> None:
    (said,) = heard(pushed())
    assert (said.status, said.external_id, said.ticket_id, said.echo) == ("in_progress", "e-1", None, False)
    assert said.occurred_at == AT


def test_our_own_write_comes_back_as_an_echo_however_late() -> None:
    target, way_in = Target(), access("jiandaoyun")
    external_id = created(target, way_in)
    first = dict(target.items[ticket().id]["fields"])
    request = CONNECTOR.update(about("in_progress", 2), external_id, way_in)
    assert request is not None
    target.answer(request)
    second = target.items[ticket().id]["fields"]
    assert [heard(pushed(fields))[0].echo for fields in (second, first)] == [True, True]
    assert not heard(pushed({**second, "_widget_2": "已完成"}))[0].echo


def test_an_entry_that_somebody_copied_names_no_ticket() -> None:
    (said,) = heard(pushed({"_id": "copy"}, "data_create"))
    assert (said.external_id, said.ticket_id) == ("copy", None)


@pytest.mark.parametrize(
    "body",
    [
        pushed(op="data_remove"),
        pushed(op="form_update"),
        pushed({"_widget_2": None}),
        pushed({"_widget_2": ["处理中", "已完成"]}),
        pushed({"entryId": "another form"}),
        pushed({"appId": "another app"}),
        b'{"op":"data_update"}',
        b'{"op":"data_update","data":[]}',
    ],
)
def test_what_says_nothing_of_a_ticket_is_passed_over(body: bytes) -> None:
    assert heard(body) == ()


def test_a_status_of_a_field_with_several_choices_is_understood() -> None:
    assert heard(pushed({"_widget_2": ["已完成"]}))[0].status == "resolved"


def test_a_repeated_push_is_the_same_delivery_whatever_its_id() -> None:
    secret = access("jiandaoyun").secret

    def identity(body: bytes, deliver: str) -> str | None:
        return BACK.read(BACK.prove(signed(body, deliver=deliver), secret, AT), SETTINGS, AT)[0].delivery

    assert identity(pushed(), "d-1") == identity(pushed(), "d-2")
    later = pushed({"updateTime": "2026-11-21T08:00:01.000Z"})
    assert identity(later, "d-1") != identity(pushed(), "d-1")
    untimed = pushed({"updateTime": None})
    assert identity(untimed, "d-1") == identity(untimed, "d-1") != identity(untimed, "d-2")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b"[]", "", "schema_violation"),
        (b"{", None, "malformed_json"),
        (pushed({"_id": ""}), "/data/_id", "schema_violation"),
    ],
)
def test_a_proven_push_that_is_none_is_invalid(body: bytes, pointer: str | None, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        heard(body)
    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)


def test_the_derived_vector_fits() -> None:
    vectors = json.loads((CORPORA / "signature_vectors.json").read_bytes())["vectors"]
    one = next(vector for vector in vectors if vector["name"].startswith("Jiandaoyun"))
    given_ = one["inputs"]
    made = jiandaoyun.signature(given_["body"].encode(), given_["nonce"], given_["secret"], given_["timestamp"])
    assert made == one["expected"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (replace(signed(pushed()), body=pushed() + b" "), "signature_invalid"),
        (signed(pushed(), secret="wrong"), "signature_invalid"),
        (replace(signed(pushed()), headers={}), "signature_missing"),
        (replace(signed(pushed()), query={"nonce": "n0nce"}), "signature_missing"),
        (replace(signed(pushed()), query={"nonce": "n0nce", "timestamp": "now"}), "timestamp_invalid"),
        (replace(signed(pushed()), query={**signed(pushed()).query, "nonce": "x"}), "signature_invalid"),
        (signed(pushed(), age=301), "timestamp_out_of_window"),
        (signed(pushed(), age=-301), "timestamp_out_of_window"),
    ],
)
def test_a_push_without_its_proof_is_refused(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        BACK.prove(sent, access("jiandaoyun").secret, AT)
    assert refusal.value.code == code
    assert "CANARY" not in refusal.value.message


def test_the_secret_before_counts_until_it_runs_out_and_none_fits_nothing() -> None:
    secret = access("jiandaoyun").secret
    until = (AT + timedelta(hours=1)).timestamp()
    rotated = replace(secret, secret="new", previous_secret=SECRET, previous_valid_until=until)
    assert BACK.prove(signed(pushed()), rotated, AT)
    for late in (replace(rotated, previous_valid_until=AT.timestamp()), replace(secret, secret=None)):
        with pytest.raises(Unauthorized, match="No signature fits"):
            BACK.prove(signed(pushed()), late, AT)


@given(st.binary(max_size=60), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_whatever_comes_is_refused_in_one_way(body: bytes, signature: str, timestamp: str, nonce: str) -> None:
    sent = call(body, {"x-jdy-signature": signature}, {"timestamp": timestamp, "nonce": nonce})
    with pytest.raises(Unauthorized):
        BACK.prove(sent, access("jiandaoyun").secret, AT)
