"""Feishu's cards with buttons, and the presses that come back."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors.callbacks import Call, Opened
from chalicelib.connectors.feishu_app import FeishuApp, FeishuCards
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, RETRY, Outcome
from chalicelib.domain.outbound.item import Access, Token
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, feedback, ticket
from tests.builders_items import about, access, call
from tests.contract.profiles import profile
from tests.fakes.targets.feishu_app import Target

APP, BACK = FeishuApp(), FeishuCards()
SECRET = access("feishu_app").secret
GIVEN = profile("feishu_app").credentials
NOW = AT
PRESS = {
    "schema": "2.0",
    "header": {
        "event_id": "E1",
        "event_type": "card.action.trigger",
        "create_time": "1795305600000000",
        "token": GIVEN["verification_token"],
    },
    "event": {
        "operator": {"open_id": "ou_1", "user_id": "u1"},
        "action": {"tag": "button", "value": {"ticket": "tk_1", "step": "resolved"}},
        "context": {"open_message_id": "om_1"},
    },
}
OLD = {"open_id": "ou_1", "open_message_id": "om_1", "action": {"value": {"ticket": "tk_1", "step": "accepted"}}}


def opened_way(target: Target, **settings: Any) -> Access:
    way_in = access("feishu_app", **settings)
    request = APP.authorise(way_in, NOW)
    assert request is not None
    token = APP.token(target.answer(request), NOW)
    assert isinstance(token, Token)
    return replace(way_in, token=token.value)


def card_of(request: Any) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(json.loads(request.body)["content"])
    return card


def buttons_of(request: Any) -> list[str]:
    return [
        button.get("value", {}).get("step", "link")
        for part in card_of(request)["elements"]
        if part["tag"] == "action"
        for button in part["actions"]
    ]


def locked(payload: Any) -> bytes:
    """A body as Feishu encrypts it, written apart from the product."""
    plain = json.dumps(payload).encode()
    room = 16 - len(plain) % 16
    key, vector = hashlib.sha256(GIVEN["encrypt_key"].encode()).digest(), bytes(range(16))
    worker = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    sealed = vector + worker.update(plain + bytes([room]) * room) + worker.finalize()
    return json.dumps({"encrypt": base64.b64encode(sealed).decode()}).encode()


def signed(body: bytes, at: datetime = NOW, *, old: bool = False) -> Call:
    stamp = str(int(at.timestamp()))
    key = GIVEN["verification_token" if old else "encrypt_key"]
    signature = (hashlib.sha1 if old else hashlib.sha256)(f"{stamp}n{key}".encode() + body).hexdigest()
    headers = {"x-lark-request-timestamp": stamp, "x-lark-request-nonce": "n", "x-lark-signature": signature}
    return call(body, headers)


# --- the card ---------------------------------------------------------------------------------------------------


def test_a_card_goes_to_the_first_department_that_is_named() -> None:
    way_in = access("feishu_app", assignees={"logistics": ["oc_a", "oc_b"]}, receiver_type="open_id")
    request = APP.create(about(), way_in)
    assert request.url.endswith("/open-apis/im/v1/messages?receive_id_type=open_id")
    assert json.loads(request.body)["receive_id"] == "oc_a"
    assert json.loads(APP.create(about(), access("feishu_app")).body)["receive_id"] == "oc_desk"


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("open", ["accepted", "resolved", "link"]),
        ("reopened", ["accepted", "resolved", "link"]),
        ("in_progress", ["resolved", "link"]),
        ("resolved", ["link"]),
        ("closed", ["link"]),
    ],
)
def test_a_card_offers_what_may_be_pressed_now(state: str, buttons: list[str]) -> None:
    assert buttons_of(APP.create(about(state), access("feishu_app"))) == buttons


def test_no_press_is_offered_that_could_not_be_proved_or_is_not_wanted() -> None:
    way_in = access("feishu_app")
    for missing in ("encrypt_key", "verification_token"):
        bare = replace(way_in, secret=replace(SECRET, credentials={**GIVEN, missing: ""}))
        assert buttons_of(APP.create(about(), bare)) == ["link"]
    assert buttons_of(APP.create(about(), access("feishu_app", buttons=False))) == ["link"]


def test_the_key_is_the_same_on_every_attempt_and_another_for_a_card_made_anew() -> None:
    way_in = access("feishu_app")
    first, later, anew = (
        json.loads(APP.create(said, way).body)["uuid"]
        for said, way in (
            (about(), way_in),
            (about("accepted", 2, now=NOW + timedelta(minutes=50)), way_in),
            (about(), replace(way_in, generation=1)),
        )
    )
    assert first == later != anew
    assert len(first) <= 50


def test_the_same_card_follows_its_ticket_and_a_repeated_send_makes_no_second() -> None:
    target = Target()
    way_in = opened_way(target)
    first, again = (APP.created(target.answer(APP.create(about(), way_in)), about()) for _ in range(2))
    assert first == again
    request = APP.update(about("resolved", 2), str(first), way_in)
    assert request is not None
    assert APP.outcome(target.answer(request)) == Outcome(DELIVERED)
    assert target.items[ticket().id]["history"] == ["待受理", "已解决"]
    assert target.items[ticket().id]["card"]["header"]["template"] == "green"


def test_a_card_is_left_alone_after_fourteen_days() -> None:
    way_in = access("feishu_app")
    assert APP.update(about("closed", 2, now=NOW + timedelta(days=13)), "om_1", way_in) is not None
    assert APP.update(about("closed", 2, now=NOW + timedelta(days=14)), "om_1", way_in) is None


def test_feishus_limit_says_how_long_to_wait() -> None:
    target = Target()
    way_in = opened_way(target)
    target.throttled = 1
    assert APP.outcome(target.answer(APP.create(about(), way_in))) == Outcome(RETRY, "rate_limited", 2.0)


def test_a_bot_that_is_not_in_the_chat_and_a_wrong_secret_are_final() -> None:
    target = Target()
    way_in = opened_way(target, default_assignees=["oc_other"])
    assert APP.outcome(target.answer(APP.create(about(), way_in))) == Outcome(FAILED, "code_230002")
    wrong = replace(way_in, secret=replace(SECRET, credentials={}))
    request = APP.authorise(wrong, NOW)
    assert request is not None
    assert APP.token(target.answer(request), NOW) == Outcome(FAILED, "code_10014")


def test_templates_take_the_place_of_title_and_body() -> None:
    card = card_of(APP.create(about(), access("feishu_app", templates={"title": "T {unit}", "body": "B {ticket_id}"})))
    assert card["header"]["title"]["content"] == "T SH-001"
    assert card["elements"][0]["text"] == {"tag": "plain_text", "content": f"B {ticket().id}"}


@given(words=st.text(max_size=3_000))
def test_any_words_fit_and_are_plain_text(words: str) -> None:
    request = APP.create(about(feedback=feedback(texts=(Text(words * 5),))), access("feishu_app"))
    assert len(json.loads(request.body)["content"].encode()) <= 30_000
    assert {part["text"]["tag"] for part in card_of(request)["elements"] if part["tag"] == "div"} == {"plain_text"}


def test_contact_data_in_full_does_not_go_to_a_chat_and_a_status_map_is_taken() -> None:
    APP.validate_settings({"status_map": {"accepted": "in_progress"}})
    with pytest.raises(Invalid, match="may not see contact data in full") as refusal:
        APP.validate_settings({"contact": "full"})
    assert refusal.value.code == "contact_not_allowed"


# --- presses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [json.dumps(PRESS).encode(), locked(PRESS)], ids=["plain", "encrypted"])
def test_a_press_is_proved_and_says_its_step(body: bytes) -> None:
    proved = BACK.prove(signed(body), SECRET, NOW)
    assert BACK.handshake(proved, SECRET, NOW) is None
    (said,) = BACK.read(proved, {}, NOW)
    assert (said.status, said.external_id, said.ticket_id) == ("resolved", "om_1", "tk_1")
    assert (said.delivery, said.actor) == ("E1", "u1")
    assert said.occurred_at == datetime(2026, 11, 22, tzinfo=timezone.utc)
    reply = BACK.reply(proved, SECRET, NOW)
    assert reply is not None
    assert json.loads(reply.body)["toast"]["type"] == "success"


@pytest.mark.parametrize("body", [json.dumps(OLD).encode(), locked(OLD)], ids=["plain", "encrypted"])
def test_an_old_press_is_proved_under_the_verification_token(body: bytes) -> None:
    proved = BACK.prove(signed(body, old=True), SECRET, NOW)
    (said,) = BACK.read(proved, {}, NOW)
    assert (said.status, said.external_id, said.ticket_id, said.actor) == ("accepted", "om_1", "tk_1", "ou_1")
    assert said.delivery == signed(body, old=True).headers["x-lark-signature"], "a replay is known again"
    assert BACK.reply(proved, SECRET, NOW).body == b"{}"  # type: ignore[union-attr]
    with pytest.raises(Unauthorized, match="No signature fits"):
        BACK.prove(signed(body), SECRET, NOW)


@pytest.mark.parametrize("lock", [lambda payload: json.dumps(payload).encode(), locked], ids=["plain", "encrypted"])
def test_the_url_check_is_answered_with_its_challenge(lock: Any) -> None:
    payload = {"type": "url_verification", "challenge": "C1", "token": GIVEN["verification_token"]}
    reply = BACK.handshake(BACK.prove(call(lock(payload)), SECRET, NOW), SECRET, NOW)
    assert reply is not None
    assert json.loads(reply.body) == {"challenge": "C1"}
    with pytest.raises(Unauthorized, match="No signature fits"):
        BACK.prove(call(lock({**payload, "token": "other"})), SECRET, NOW)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (call(json.dumps(PRESS).encode()), "signature_missing"),
        (signed(json.dumps(PRESS).encode(), NOW - timedelta(minutes=6)), "timestamp_out_of_window"),
        (replace(signed(json.dumps(PRESS).encode()), body=json.dumps(PRESS).encode() + b" "), "signature_invalid"),
        (signed(json.dumps({**PRESS, "header": {**PRESS["header"], "token": "x"}}).encode()), "signature_invalid"),
        (signed(b"[]"), "signature_invalid"),
        (signed(b"\xff"), "signature_invalid"),
        (signed(b'{"encrypt":7}'), "signature_invalid"),
        (signed(b'{"encrypt":"AAAA"}'), "signature_invalid"),
    ],
)
def test_what_proves_nothing_is_refused(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        BACK.prove(sent, SECRET, NOW)
    assert refusal.value.code == code


def test_without_its_keys_nothing_is_taken() -> None:
    bare = replace(SECRET, credentials={})
    for sent in (signed(json.dumps(PRESS).encode()), signed(locked(PRESS)), signed(json.dumps(OLD).encode(), old=True)):
        with pytest.raises(Unauthorized, match="No signature fits"):
            BACK.prove(sent, bare, NOW)


def test_an_endpoints_own_words_and_what_is_no_concern_of_ours() -> None:
    (said,) = BACK.read(Opened(OLD), {"status_map": {"accepted": "in_progress"}}, NOW)
    assert said.status == "accepted"
    strange = {**OLD, "action": {"value": {"ticket": "tk_1", "step": "closed"}}}
    other = {**PRESS, "header": {**PRESS["header"], "event_type": "im.message.receive_v1"}}
    assert [BACK.read(Opened(one), {}, NOW) for one in (strange, other, {"schema": "2.0"})] == [(), (), ()]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"open_message_id": 7}, "/event/context"),
        ({"action": {"value": {"step": "resolved"}}}, "/event/action/value/ticket"),
    ],
)
def test_a_press_that_names_nothing_is_refused(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        BACK.read(Opened({**OLD, **changes}), {}, NOW)
    assert (refusal.value.code, refusal.value.pointer) == ("schema_violation", pointer)


@given(body=st.binary(max_size=300))
def test_any_body_is_refused_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unauthorized):
        BACK.prove(call(body), SECRET, NOW)
