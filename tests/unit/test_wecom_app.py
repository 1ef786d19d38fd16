"""WeCom's cards with buttons, the one change that each may have, and the presses that come back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import crypto
from chalicelib.connectors.callbacks import Call, Opened
from chalicelib.connectors.wecom_app import MAX_MARKDOWN, WeComApp, WeComEvents
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, RETRY, HttpResponse, Outcome
from chalicelib.domain.outbound.item import Access, Token
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, feedback, ticket
from tests.builders_items import CALLBACK_URI, about, access
from tests.contract.profiles import profile
from tests.fakes.targets.wecom_app import Target

APP, BACK = WeComApp(), WeComEvents()
SECRET = access("wecom_app").secret
GIVEN = profile("wecom_app").credentials
NOW = AT
PRESS = (
    "<xml><ToUserName><![CDATA[CANARY-corp]]></ToUserName><FromUserName><![CDATA[zhang<san]]></FromUserName>"
    "<CreateTime>1795305600</CreateTime><MsgType>event</MsgType><Event>template_card_event</Event>"
    "<EventKey>{key}</EventKey><TaskId>tk_1</TaskId><ResponseCode>c</ResponseCode><AgentID>1000002</AgentID></xml>"
)


def opened_way(target: Target, **settings: Any) -> Access:
    way_in = access("wecom_app", **settings)
    request = APP.authorise(way_in, NOW)
    assert request is not None
    token = APP.token(target.answer(request), NOW)
    assert isinstance(token, Token)
    return replace(way_in, token=token.value)


def sent_in(payload: str, method: str = "POST", receiver: str = GIVEN["corp_id"], at: Any = NOW, **query: str) -> Call:
    """A call as WeCom would make it, signed and encrypted."""
    encrypted = crypto.wx_encrypt(GIVEN["callback_aes_key"], payload.encode(), receiver)
    stamp = str(int(at.timestamp()))
    signature = crypto.wx_signature(GIVEN["callback_token"], stamp, "n", encrypted)
    given_ = {"msg_signature": signature, "timestamp": stamp, "nonce": "n", **query}
    if method == "GET":
        return Call("GET", CALLBACK_URI, {}, {**given_, "echostr": encrypted}, b"")
    body = f"<xml><ToUserName>x</ToUserName><Encrypt>{encrypted}</Encrypt></xml>".encode()
    return Call("POST", CALLBACK_URI, {"content-type": "text/xml"}, given_, body)


def pressed(step: str, lang: str = "zh-CN", ticket_id: str = "tk_1") -> str:
    return PRESS.format(key=f"{step}:{lang}:{ticket_id}")


# --- messages ---------------------------------------------------------------------------------------------------


def test_users_departments_and_tags_receive_a_card() -> None:
    way_in = access("wecom_app", assignees={"logistics": ["zhang", "li", "party:2", "tag:7", "party:x"]})
    body = json.loads(APP.create(about(), way_in).body)
    assert (body["touser"], body["toparty"], body["totag"]) == ("zhang|li|party:x", "2", "7")
    assert [one["key"] for one in body["template_card"]["button_list"]] == [
        f"accepted:zh-CN:{ticket().id}",
        f"resolved:zh-CN:{ticket().id}",
    ]


def test_a_card_is_changed_once_with_the_code_that_came_with_it() -> None:
    target = Target()
    way_in = opened_way(target)
    item = str(APP.created(target.answer(APP.create(about(), way_in)), about()))
    assert item == "msg-1 code-1"
    assert APP.update(about("open", 2), item, way_in) is None, "the one change is kept"
    request = APP.update(about("accepted", 3), item, way_in)
    assert request is not None
    assert APP.outcome(target.answer(request)) == Outcome(DELIVERED)
    assert target.items[ticket().id]["status"] == "已受理"
    assert APP.renamed(item) == target.items[ticket().id]["id"] == "msg-1"
    assert APP.update(about("closed", 4), "msg-1", way_in) is None
    assert APP.outcome(target.answer(request)) == Outcome(DELIVERED), "a spent code changes nothing and is no failure"


def test_a_card_whose_ticket_is_over_has_its_buttons_put_out() -> None:
    target = Target()
    way_in = opened_way(target)
    item = str(APP.created(target.answer(APP.create(about(), way_in)), about()))
    request = APP.update(about("resolved", 2), item, way_in)
    assert request is not None
    assert json.loads(request.body)["button"] == {"replace_name": "已解决"}
    assert APP.outcome(target.answer(request)) == Outcome(DELIVERED)


def test_a_card_is_not_changed_after_72_hours_or_where_the_endpoint_says_so() -> None:
    way_in = access("wecom_app")
    late = about("accepted", 2, now=NOW + timedelta(hours=72))
    assert APP.update(late, "m c", way_in) is None
    assert APP.update(about("accepted", 2), "m c", access("wecom_app", card_updates=False)) is None


def test_a_ticket_that_is_over_when_it_is_first_told_has_a_button_that_does_nothing() -> None:
    body = json.loads(APP.create(about("closed", 3), access("wecom_app")).body)
    (button,) = body["template_card"]["button_list"]
    assert button["text"] == "已关闭"
    assert BACK.read(Opened({"event": {"Event": "template_card_event", "EventKey": button["key"]}}), {}, NOW) == ()


@given(words=st.text(max_size=3_000))
def test_an_app_without_a_callback_sends_markdown_within_its_size(words: str) -> None:
    way_in = access("wecom_app")
    bare = replace(way_in, secret=replace(SECRET, credentials={**GIVEN, "callback_token": ""}))
    body = json.loads(APP.create(about(feedback=feedback(texts=(Text(words),))), bare).body)
    assert body["msgtype"] == "markdown"
    assert len(body["markdown"]["content"].encode()) <= MAX_MARKDOWN


def test_an_answer_without_a_code_or_an_id_still_names_the_item() -> None:
    def created(**answer: Any) -> str | None:
        return APP.created(HttpResponse(200, {}, json.dumps({"errcode": 0, **answer}).encode()), about())

    assert created(msgid="m") == "m"
    assert created() == ticket().id
    assert created(msgid="m", response_code="c" * 256) == "m"


def test_wecoms_limit_and_refusals() -> None:
    target = Target()
    way_in = opened_way(target)
    target.throttled = 1
    assert APP.outcome(target.answer(APP.create(about(), way_in))) == Outcome(RETRY, "rate_limited", 60.0)
    nobody = replace(way_in, settings={**way_in.settings, "default_assignees": ["gone"]})
    assert APP.outcome(target.answer(APP.create(about(), nobody))) == Outcome(FAILED, "errcode_81013")
    wrong = replace(way_in, secret=replace(SECRET, credentials={"corp_id": GIVEN["corp_id"]}))
    request = APP.authorise(wrong, NOW)
    assert request is not None
    assert APP.token(target.answer(request), NOW) == Outcome(FAILED, "errcode_40001")
    assert "CANARY" not in repr(APP.authorise(way_in, NOW))


# --- the way back -----------------------------------------------------------------------------------------------


def test_the_url_check_is_answered_with_what_was_encrypted() -> None:
    reply = BACK.handshake(BACK.prove(sent_in("1616140317555161061", "GET"), SECRET, NOW), SECRET, NOW)
    assert reply is not None
    assert (reply.body, reply.content_type) == (b"1616140317555161061", "text/plain")


def test_a_press_is_proved_and_says_its_step() -> None:
    proved = BACK.prove(sent_in(pressed("accepted")), SECRET, NOW)
    assert BACK.handshake(proved, SECRET, NOW) is None
    (said,) = BACK.read(proved, {}, NOW)
    assert (said.status, said.external_id, said.ticket_id, said.actor) == ("accepted", "tk_1", "tk_1", "zhang<san")
    assert said.occurred_at is not None
    again = BACK.read(BACK.prove(sent_in(pressed("accepted")), SECRET, NOW), {}, NOW)
    assert said.delivery == again[0].delivery, "a repeated event is known again"
    reply = BACK.reply(proved, SECRET, NOW)
    assert reply is not None
    assert reply.body == b""


@pytest.mark.parametrize(("lang", "word"), [("zh-CN", "已提交"), ("en", "Sent")])
def test_the_last_press_is_answered_by_putting_the_buttons_out(lang: str, word: str) -> None:
    reply = BACK.reply(BACK.prove(sent_in(pressed("resolved", lang)), SECRET, NOW), SECRET, NOW)
    assert reply is not None
    outer = crypto.flat_xml(reply.body)
    fits = crypto.wx_signature(GIVEN["callback_token"], outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    assert outer["MsgSignature"] == fits
    inner, receiver = crypto.wx_decrypt(GIVEN["callback_aes_key"], outer["Encrypt"])
    assert receiver == GIVEN["corp_id"]
    assert crypto.flat_xml(inner)["ToUserName"] == "zhang<san"
    assert f"<Button><ReplaceName>{word}</ReplaceName></Button>" in inner.decode()


def test_a_name_that_no_text_can_hold_is_answered_all_the_same() -> None:
    event = {"Event": "template_card_event", "EventKey": "resolved:en:tk_1", "FromUserName": "\ud800"}
    reply = BACK.reply(Opened({"event": event, "xml": True}), SECRET, NOW)
    assert reply is not None
    assert crypto.flat_xml(reply.body)["Encrypt"]


def test_json_is_read_as_xml_is() -> None:
    event = {
        "Event": "template_card_event",
        "EventKey": "resolved:en:tk_1",
        "FromUserName": "z",
        "CreateTime": 1795305600,
    }
    xml = sent_in(json.dumps(event))
    encrypted = crypto.wx_envelope(xml.body, xml.query)
    proved = BACK.prove(replace(xml, body=json.dumps({"encrypt": encrypted}).encode()), SECRET, NOW)
    assert [one.status for one in BACK.read(proved, {}, NOW)] == ["resolved"]
    assert BACK.reply(proved, SECRET, NOW).body == b""  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (sent_in("x", "GET", receiver="other"), "signature_invalid"),
        (sent_in("x", "GET", msg_signature="0" * 40), "signature_invalid"),
        (sent_in("x", "GET", at=NOW - timedelta(minutes=6)), "timestamp_out_of_window"),
        (Call("GET", CALLBACK_URI, {}, {}, b""), "signature_missing"),
        (Call("POST", CALLBACK_URI, {}, {}, b""), "signature_missing"),
        (Call("POST", CALLBACK_URI, {}, {"msg_signature": "a"}, b""), "signature_invalid"),
        (sent_in("<xml><a>"), "signature_invalid"),
        (sent_in("[]"), "signature_invalid"),
        (sent_in('<!DOCTYPE x [<!ENTITY a "b">]><xml><Event>&a;</Event></xml>'), "signature_invalid"),
    ],
)
def test_what_proves_nothing_is_refused(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        BACK.prove(sent, SECRET, NOW)
    assert refusal.value.code == code


def test_an_outer_envelope_with_a_doctype_is_refused_before_anything_is_proved() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
    with pytest.raises(Unauthorized, match="No signature fits"):
        BACK.prove(Call("POST", CALLBACK_URI, {}, {"msg_signature": "a"}, bomb), SECRET, NOW)


@pytest.mark.parametrize(
    "event", [{"Event": "enter_agent"}, {"Event": "template_card_event", "EventKey": "menu_1"}, {}]
)
def test_other_events_are_no_concern_of_ours(event: dict[str, str]) -> None:
    assert BACK.read(Opened({"event": event, "xml": True}), {}, NOW) == ()
    assert BACK.reply(Opened({"event": event, "xml": True}), SECRET, NOW).body == b""  # type: ignore[union-attr]


def test_a_button_without_a_ticket_is_refused() -> None:
    event = {"Event": "template_card_event", "EventKey": "resolved:en:"}
    with pytest.raises(Invalid, match="names no ticket") as refusal:
        BACK.read(Opened({"event": event}), {}, NOW)
    assert (refusal.value.code, refusal.value.pointer) == ("schema_violation", "/EventKey")


@given(body=st.binary(max_size=300))
def test_any_body_is_refused_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unauthorized):
        BACK.prove(
            Call("POST", CALLBACK_URI, {}, {"msg_signature": "a", "timestamp": "1", "nonce": "n"}, body), SECRET, NOW
        )


def test_the_url_check_opens_nothing_that_was_sent_as_a_press() -> None:
    """The signature is the same for both, so a captured press could be had in plain text."""
    press = sent_in(pressed("accepted"))
    encrypted = crypto.wx_envelope(press.body, press.query)
    asked = Call("GET", CALLBACK_URI, {}, {**press.query, "echostr": encrypted}, b"")
    with pytest.raises(Unauthorized, match="No signature fits") as refusal:
        BACK.prove(asked, SECRET, NOW)
    assert refusal.value.code == "signature_invalid"
