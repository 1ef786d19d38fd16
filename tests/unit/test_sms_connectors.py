"""SMS by registered template: signatures, variables, receivers, the day's budget, and what the vendors take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import aliyun_sms, sms_template, tencent_sms
from chalicelib.connectors.registry import ConnectorCatalogue, load, load_gateway
from chalicelib.domain.cases.page_link import CODE_LENGTH
from chalicelib.domain.outbound.exchange import EgressError, HttpRequest, HttpResponse
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid
from chalicelib.messaging.notifications import SnsNotifications
from chalicelib.services.ports import SmsGateway
from tests.builders import AT, endpoint, endpoint_secret, feedback, message, ticket
from tests.contract.profiles import profile
from tests.fakes.deliveries import World

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures/corpora/sms_signature_vectors.json").read_text("utf-8"))
NAMES = ("aliyun_sms", "tencent_sms")
each = pytest.mark.parametrize("name", NAMES)
ALERT = {"alert_id": "al_1", "rule": "builtin-red-line", "severity": "critical", "unit": "上海一店", "topic": "-",
         "named": 3, "swallowed": 0}  # fmt: skip


class Wire:
    """The door, with the vendor's fake behind it. ``fault``: what happens to the next call instead."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.fault: EgressError | None = None
        self.seen: list[HttpRequest] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        request = HttpRequest(method, url, headers, body)
        self.seen.append(request)
        if self.fault:
            fault, self.fault = self.fault, None
            raise fault
        answer: HttpResponse = self.target.answer(request)
        return answer


class Room:
    """One SMS endpoint at its vendor's fake, and the real delivery."""

    def __init__(self, name: str, *, parts_per_day: int = 200, **settings: Any) -> None:
        known = profile(name)
        self.target = import_module(f"tests.fakes.targets.{name}").Target()
        self.wire = Wire(self.target)
        self.world = World(
            endpoint(connector=name, settings={**known.settings, **settings}),
            secret=endpoint_secret(url=known.url, secret=None, credentials=dict(known.credentials)),
        )
        deliver = self.world.deliver
        sms = replace(deliver.sms, parts_per_day=parts_per_day)
        self.world.deliver = replace(deliver, door=self.wire, sms=sms)

    def told(self, version: int = 1, **changes: Any) -> None:
        self.world.tickets["tk_one"] = ticket(id="tk_one", version=version, **changes)
        self.world.publish(self.world.event("ticket.opened" if version == 1 else "ticket.updated", version))
        self.world.run()

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(one.state, one.code) for one in self.world.store.rows.values()]

    @property
    def spent(self) -> int:
        return sum(self.world.budget.spent.values())


# --- signatures -------------------------------------------------------------------------------------------------


def test_aliyuns_signature_is_that_of_its_own_library() -> None:
    one = VECTORS["aliyun"]
    nonce = one["headers"]["x-acs-signature-nonce"]
    headers = aliyun_sms.headers_of("dysmsapi.aliyuncs.com", datetime(2026, 11, 21, 8, tzinfo=timezone.utc), nonce)
    assert headers == one["headers"]
    query = aliyun_sms.canonical_query(one["query"])
    assert aliyun_sms.authorization(one["key_id"], one["key_secret"], query, headers) == one["authorization"]
    assert aliyun_sms.authorization(one["key_id"], "another", query, headers) != one["authorization"]


def test_tencents_signature_is_that_of_its_own_library() -> None:
    one = VECTORS["tencent"]
    at = {"host": one["host"], "day": one["date"], "timestamp": one["timestamp"]}
    raw = one["body"].encode()
    assert one["content_type"] == tencent_sms.JSON
    assert tencent_sms.authorization(one["secret_id"], one["secret_key"], **at, body=raw) == one["authorization"]
    assert tencent_sms.authorization(one["secret_id"], one["secret_key"], **at, body=raw + b" ") != one["authorization"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://SMS.Example.com", "sms.example.com"),
        ("https://sms.example.com.:443/", "sms.example.com"),
        ("https://sms.example.com:8443/x", "sms.example.com:8443"),
    ],
)
def test_what_is_signed_is_the_host_that_the_door_sends(url: str, host: str) -> None:
    assert sms_template.host_of(url) == host


# --- what arrives -----------------------------------------------------------------------------------------------


@each
def test_every_receiver_gets_the_registered_text_filled_in(name: str) -> None:
    room = Room(name)
    room.told(title="包裹破损", unit="上海一店", severity="high", due_at=AT + timedelta(hours=2))
    assert room.states == [("delivered", "")]
    assert [text for _, text in room.target.sent] == [
        "【回响】高：上海一店 包裹破损，时限：11月21日 18:00 前，请及时处理。"
    ] * 2
    assert {phone[-11:] for phone, _ in room.target.sent} == {"13800138001", "13800138002"}


def test_the_deadline_is_told_in_the_endpoints_own_time_zone() -> None:
    room = Room("aliyun_sms", time_zone="Europe/Berlin")
    room.told(title="包裹破损", due_at=AT + timedelta(hours=2))
    assert "时限：11月21日 11:00 前" in room.target.sent[0][1]


@each
def test_an_alert_needs_no_ticket(name: str) -> None:
    said = message(type="alert.raised", detail=ALERT)
    known = profile(name)
    secret = endpoint_secret(url=known.url, secret=None, credentials=dict(known.credentials))
    request = load(name).render(said, secret, known.settings)
    target = import_module(f"tests.fakes.targets.{name}").Target()
    target.answer(request)
    assert target.sent[0][1] == "【回响】紧急：上海一店 预警 红线，时限：3 条反馈，请及时处理。"


@each
def test_a_second_attempt_is_signed_anew(name: str) -> None:
    room = Room(name)
    room.wire.fault = EgressError("no answer", code="connection", sent=False)
    room.told()
    first, second = room.wire.seen
    assert first.headers["Authorization"] != second.headers["Authorization"]
    assert len(room.target.sent) == 2
    assert room.states == [("delivered", "")]


@each
def test_no_phone_and_no_key_is_kept_anywhere(name: str) -> None:
    room = Room(name)
    room.target.refuse = (
        [("isv.MOBILE_NUMBER_ILLEGAL", "13800138001非法")] if name == "aliyun_sms" else ["FailedOperation.X"]
    )
    room.told()
    kept = repr(room.world.store.log) + repr(room.world.store.rows) + repr(room.wire.seen)
    assert "1380013800" not in kept
    assert "CANARY" not in kept
    assert room.states[0][0] == "failed"


def test_some_phones_refused_is_sent_all_the_same() -> None:
    room = Room("tencent_sms")
    room.target.blocked = {"+8613800138002"}
    room.told()
    assert [phone for phone, _ in room.target.sent] == ["+8613800138001"]
    assert room.states == [("delivered", "some_refused")]


def test_a_phones_limit_of_a_minute_is_waited_for() -> None:
    room = Room("aliyun_sms")
    room.target.refuse = [("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1")]
    room.told()
    assert room.states == [("delivered", "")]
    attempts = [one for log in room.world.store.log.values() for one in log.values()]
    assert [one.code for one in attempts] == ["rate_limited", "delivered"]
    assert (attempts[1].at - attempts[0].at).total_seconds() >= 60


# --- the day's budget -------------------------------------------------------------------------------------------


@each
def test_every_phone_costs_its_parts_and_a_spent_budget_stops_before_the_vendor(name: str) -> None:
    room = Room(name, parts_per_day=3)
    room.told()
    assert room.spent == 2
    room.told(2)
    assert room.spent == 2
    assert len(room.target.sent) == 2
    assert len(room.wire.seen) == 1
    assert room.states == [("delivered", ""), ("failed", "sms_budget_spent")]
    assert room.world.metrics.count("SmsParts") == 2
    assert room.world.metrics.count("SpendGuarded") == 1
    assert room.world.directory.known["ep_one"].failing_since is None, "our own limit is not the vendor's fault"


@each
def test_what_the_vendor_did_not_take_costs_nothing_and_what_it_may_have_taken_does(name: str) -> None:
    room = Room(name, on_ambiguous="park")
    room.wire.fault = EgressError("no answer", code="connection", sent=False)
    room.told()
    assert room.spent == 2, "the refused connection cost nothing, the second attempt did"
    room.wire.fault = EgressError("no answer", code="timeout", sent=True)
    room.told(2)
    assert room.spent == 4
    assert room.states[1] == ("uncertain", "timeout")


@each
def test_a_bill_counts_characters_as_chinas_carriers_do(name: str) -> None:
    known = profile(name)
    variable = "${a}" if name == "aliyun_sms" else "{1}"
    variables: Any = {"a": "{severity}"} if name == "aliyun_sms" else ["{severity}"]
    secret = endpoint_secret(url=known.url, secret=None, credentials=dict(known.credentials))
    gateway = load_gateway(name)
    assert gateway is not None
    said = message(detail={"severity": "high"})  # one character in Chinese; the sign name takes four with its brackets
    for length, parts in ((65, 1), (66, 2), (129, 2), (130, 3)):
        settings = {**known.settings, "template_text": "a" * length + variable, "variables": variables}
        assert gateway.bill(said, secret, settings) == 2 * parts


def test_there_are_three_gateways_behind_one_port() -> None:
    gateways: list[SmsGateway | None] = [SnsNotifications(None, ""), *(load_gateway(name) for name in NAMES)]
    assert [one and one.name for one in gateways] == ["sns", *NAMES]
    assert [one and one.parts("a" * 100) for one in gateways] == [1, 2, 2], "SNS bills Latin letters by septets"
    assert load_gateway("feishu") is None


def test_what_may_have_gone_out_to_one_phone_is_not_paid_back() -> None:
    room = Room("tencent_sms", on_ambiguous="park")
    statuses = [{"Code": "LimitExceeded.PhoneNumberThirtySecondLimit"}, {"Code": "InternalError.Timeout"}]
    body = json.dumps({"Response": {"SendStatusSet": statuses}}).encode()
    room.target.answer = lambda _: HttpResponse(200, {}, body)
    room.told()
    assert room.states == [("uncertain", "answer_unreadable")]
    assert room.spent > 0


# --- variables --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("见 https://evil.test/x?y=1 的图", "见 的图"),
        ("http:\u200b//evil.\u200btest", ""),
        ("www.example 好", "好"),
        ("evil.test/abc", ""),
        ("【回响】您好", "回响 您好"),
        ("破损😀👨‍👩‍👧！", "破损 ！"),
        ("a\nb\u202ec", "a bc"),
        ("11月21日 18:00 前", "11月21日 18:00 前"),
        ("NPS 2/10，3.5 分", "NPS 2/10，3.5 分"),
    ],
)
def test_a_variable_keeps_what_carriers_take(said: str, shown: str) -> None:
    assert sms_template.plain(said) == shown


@each
@given(words=st.text(max_size=120))
def test_whatever_a_ticket_is_called_the_vendor_takes_it(name: str, words: str) -> None:
    known = profile(name)
    secret = endpoint_secret(url=known.url, secret=None, credentials=dict(known.credentials))
    target = import_module(f"tests.fakes.targets.{name}").Target()
    said = message(ticket=ticket(title=words, unit=words))
    target.answer(load(name).render(said, secret, known.settings))
    assert len(target.sent) == 2


@each
def test_a_customers_words_are_in_no_sms(name: str) -> None:
    known = profile(name)
    secret = endpoint_secret(url=known.url, secret=None, credentials=dict(known.credentials))
    voice = feedback(texts=(Text("CANARYWORDS"),))
    said = message(ticket=ticket(), feedback=voice, customer={"id": "CANARYREF", "name": "CANARYNAME"})
    request = load(name).render(said, secret, known.settings)
    assert "CANARYWORDS" not in request.url + request.body.decode()
    assert "CANARYREF" not in request.url + request.body.decode()
    assert "CANARYNAME" not in request.url + request.body.decode()


# --- settings and credentials -----------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("placeholder", ["{words}", "{severity}{link}"])
def test_neither_words_nor_links_may_be_asked_for(name: str, placeholder: str) -> None:
    known = profile(name)
    variables: Any = dict(known.settings)["variables"]
    at = "level" if name == "aliyun_sms" else "1"
    wrong = {**variables, at: placeholder} if name == "aliyun_sms" else [placeholder, *variables[1:]]
    with pytest.raises(Invalid, match="customer's words nor a link") as refusal:
        ConnectorCatalogue().check_settings(name, {**known.settings, "variables": wrong})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", f"/settings/variables/{at}")


@each
def test_the_variables_are_those_of_the_registered_text(name: str) -> None:
    known = profile(name)
    fewer: Any = {"level": "{severity}"} if name == "aliyun_sms" else ["{severity}"]
    with pytest.raises(Invalid, match="not those of template_text") as refusal:
        ConnectorCatalogue().check_settings(name, {**known.settings, "variables": fewer})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/variables")
    assert len(refusal.value.allowed) == 4


@each
def test_a_variable_has_room_for_a_whole_code(name: str) -> None:
    known = profile(name)
    before: Any = dict(known.settings)["variables"]
    variables = {**before, "level": "{code}"} if name == "aliyun_sms" else ["{code}", *before[1:]]
    settings = {**known.settings, "variables": variables, "variable_limit": CODE_LENGTH}

    ConnectorCatalogue().check_settings(name, settings)
    with pytest.raises(Invalid, match="A code has 10 characters and does not fit") as refusal:
        ConnectorCatalogue().check_settings(name, {**settings, "variable_limit": CODE_LENGTH - 1})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/variable_limit")


def test_a_variable_is_a_text_with_known_placeholders() -> None:
    usual = profile("aliyun_sms").settings
    for wrong, why in ((3, "needs a template"), ("{secret}", "A template may name")):
        with pytest.raises(Invalid, match=why) as refusal:
            ConnectorCatalogue().check_settings(
                "aliyun_sms", {**usual, "variables": {**dict(usual)["variables"], "by": wrong}}
            )
        assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/variables/by")


@pytest.mark.parametrize(
    ("name", "phones", "why"),
    [
        ("aliyun_sms", "CANARY", "not in the form"),
        ("aliyun_sms", "+85261234567", "not in the form"),
        ("aliyun_sms", "12345678901", "not in the form"),
        ("tencent_sms", "61234567", "not in the form"),
        ("tencent_sms", "13800138001,+85261234567", "cannot be in one list"),
        ("tencent_sms", ",;", "1 to 100 phone numbers"),
        ("aliyun_sms", ",".join(f"138{n:08d}" for n in range(101)), "1 to 100 phone numbers"),
    ],
)
def test_receivers_that_the_vendor_would_refuse_are_refused_at_once(name: str, phones: str, why: str) -> None:
    given_ = {**profile(name).credentials, "phones": phones}
    with pytest.raises(Invalid, match=why) as refusal:
        ConnectorCatalogue().check_credentials(name, given_)
    assert (refusal.value.code, refusal.value.pointer) == ("credentials_invalid", "/credentials/phones")
    assert "CANARY" not in refusal.value.message


@pytest.mark.parametrize(
    ("phones", "abroad", "read"),
    [
        ("13800138001；+8613800138002 008613800138003、8613800138001", False,
         ("+8613800138001", "+8613800138002", "+8613800138003")),
        ("+85261234567\n+447700900123", True, ("+85261234567", "+447700900123")),
    ],
)  # fmt: skip
def test_receivers_are_read_as_people_write_them(phones: str, *, abroad: bool, read: tuple[str, ...]) -> None:
    assert sms_template.phones({"phones": phones}, abroad=abroad) == read


@each
def test_without_its_keys_an_endpoint_sends_nothing(name: str) -> None:
    known = profile(name)
    secret = endpoint_secret(url=known.url, credentials={"phones": "13800138001"})
    with pytest.raises(Invalid, match="has no") as refusal:
        load(name).render(message(ticket=ticket()), secret, known.settings)
    assert refusal.value.code == "credentials_missing"


def test_the_sign_name_may_be_given_with_its_brackets() -> None:
    known = profile("tencent_sms")
    secret = endpoint_secret(url=known.url, credentials=dict(known.credentials))
    request = load("tencent_sms").render(message(ticket=ticket()), secret, {**known.settings, "sign_name": "【回响】"})
    assert json.loads(request.body)["SignName"] == "回响"


@pytest.mark.parametrize(
    ("code", "word"),
    [("isv.SMS_TEMPLATE_ILLEGAL", "isv_sms_template_illegal"), ("AuthFailure.SecretId", "auth_failure_secret_id"),
     ("???", "refused"), ("a" * 99, "a" * 64)],
)  # fmt: skip
def test_a_vendors_code_becomes_a_word_of_ours(code: str, word: str) -> None:
    assert sms_template.stable(code) == word
