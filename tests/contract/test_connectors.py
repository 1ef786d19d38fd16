"""What every connector must do. The registry drives it: a new connector is tested by being listed."""

from __future__ import annotations

import base64
import inspect
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.connectors import base, dingtalk, feishu, wecom
from chalicelib.connectors.registry import CONNECTORS, ConnectorCatalogue, load
from chalicelib.domain import standard_webhooks
from chalicelib.domain.egress_policy import Policy
from chalicelib.domain.feedback import Feedback, Reason
from chalicelib.domain.outbound import DELIVERED, DISABLE, FAILED, RETRY, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.ratelimit import Limit
from chalicelib.domain.understanding import Text, Understanding
from chalicelib.domain.vocabulary import EVENT_TYPES
from chalicelib.domain.voice import Score
from chalicelib.errors import Invalid
from tests.builders import AT, endpoint_secret, feedback, message, tag, ticket

CORPORA = Path(__file__).parents[1] / "fixtures/corpora"
VECTORS = {one["name"]: one for one in json.loads((CORPORA / "signature_vectors.json").read_bytes())["vectors"]}
NAMES = sorted(CONNECTORS)
ROBOTS = [name for name in NAMES if load(name).chat]

# Whole bodies, but for WeCom, whose limit is on the markdown.
BODY_LIMITS = {"standard_webhooks": 20_000, "feishu": 20_000, "dingtalk": 20_000, "wecom": 4_096 * 2}
SUCCESS = {
    "standard_webhooks": b"",
    "feishu": b'{"code":0,"msg":"success"}',
    "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "wecom": b'{"errcode":0,"errmsg":"ok"}',
}
ALERT = {"alert_id": "al_1", "rule": "r", "severity": "high", "unit": "SH", "topic": "t", "named": 2, "swallowed": 0}


def render(name: str, said: Message, **changes: Any) -> HttpRequest:
    secret = endpoint_secret(**{"secret": "CANARY-SEC" if load(name).chat else endpoint_secret().secret, **changes})
    return load(name).render(said, secret, {})


def said(event_type: str = "ticket.opened", voice: Feedback | None = None, **changes: Any) -> Message:
    about = {"ticket": ticket()} if event_type.startswith("ticket.") else {}
    detail = ALERT if event_type == "alert.raised" else {"severity": "medium", "unit": "SH-001"}
    return message(type=event_type, detail=detail, feedback=voice or feedback(), **{**about, **changes})


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from texts_of(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from texts_of(entry)


def content_of(request: HttpRequest) -> str:
    return "\n".join(texts_of(json.loads(request.body)))


# --- shape ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_connector_is_whole(name: str) -> None:
    connector = load(name)
    assert connector.name == name
    assert connector.kind == "event"
    for attribute in ("has_idempotency", "chat", "signs"):
        assert isinstance(getattr(connector, attribute), bool)
    assert all(isinstance(limit, Limit) for limit in connector.limits)
    for method in ("validate_settings", "render", "outcome"):
        ours, protocol = (inspect.signature(getattr(one, method)) for one in (type(connector), base.Connector))
        assert list(ours.parameters) == list(protocol.parameters)


def test_every_connector_file_is_listed_and_no_other() -> None:
    folder = Path(import_module("chalicelib.connectors").__path__[0])
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base", "cards", "registry"}
    assert files == set(CONNECTORS)


def test_an_unknown_connector_is_refused() -> None:
    with pytest.raises(Invalid, match="no such connector") as refusal:
        load("fax")
    assert refusal.value.code == "unknown_connector"


def test_the_limits_of_the_vendors() -> None:
    assert [(one.count, one.seconds) for one in load("dingtalk").limits] == [(20, 60)]
    assert [(one.count, one.seconds) for one in load("wecom").limits] == [(20, 60)]
    assert [(one.count, one.seconds) for one in load("feishu").limits] == [(100, 60), (5, 1)]


# --- rendering --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("event_type", EVENT_TYPES)
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_event_renders(name: str, event_type: str, lang: str) -> None:
    request = load(name).render(said(event_type), endpoint_secret(), {"lang": lang})
    assert request.method == "POST"
    assert json.loads(request.body)
    assert request.headers["Content-Type"].startswith("application/json")
    assert len(request.body) <= BODY_LIMITS[name]


def overfull() -> Message:
    """As much as a feedback and a ticket may hold, in characters of four bytes."""
    long = "𠮷" * 20_000
    voice = feedback(
        texts=tuple(Text(long, question=long) for _ in range(60)),
        scores=tuple(Score("nps", 3, 0, 10) for _ in range(60)),
        understanding=Understanding(tags=tuple(tag("a.b" * 20, text=0, start=n, end=n + 90) for n in range(120))),
    )
    case = ticket(
        title=long,
        unit=long[:200],
        touchpoint=long[:200],
        departments=tuple(f"{n}" + "部" * 99 for n in range(30)),
        reasons=tuple(Reason("r" * 64, 1, "high") for _ in range(60)),
    )
    return said(voice=voice, ticket=case, customer={"id": long[:200], "name": long[:200]})


@pytest.mark.parametrize("name", NAMES)
def test_the_longest_message_stays_within_the_vendors_limit(name: str) -> None:
    request = render(name, overfull())
    assert len(request.body) < BODY_LIMITS[name]
    if name == "wecom":
        assert len(json.loads(request.body)["markdown"]["content"].encode()) <= wecom.MAX_CONTENT
    request.body.decode("utf-8")


@pytest.mark.parametrize("name", ROBOTS)
def test_what_was_cut_is_linked_to_in_full(name: str) -> None:
    content = content_of(render(name, overfull()))
    assert "全文见工单" in content
    assert f"https://echoloop.example.org/t/{ticket().id}" in content


@pytest.mark.parametrize("name", NAMES)
@given(words=st.text(max_size=4000))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_words_render_within_the_limit(name: str, words: str) -> None:
    request = render(name, said(voice=feedback(texts=(Text(words),), understanding=Understanding())))
    assert len(request.body) < BODY_LIMITS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_delivery_has_the_same_key_on_every_attempt(name: str) -> None:
    first, later = (render(name, replace(said(), now=AT + timedelta(hours=hours))) for hours in (0, 7))
    if load(name).has_idempotency:
        assert first.headers["webhook-id"] == later.headers["webhook-id"] == "dl-tk_one-ep_one-1"
        assert first.body == later.body
    assert first.method == later.method


@pytest.mark.parametrize("name", NAMES)
def test_the_endpoints_own_headers_go_along_and_cannot_replace_ours(name: str) -> None:
    request = render(name, said(), headers={"X-Api-Key": "k", "webhook-id": "x"})
    assert request.headers["X-Api-Key"] == "k"
    if load(name).has_idempotency:
        assert request.headers["webhook-id"] == "dl-tk_one-ep_one-1"


@pytest.mark.parametrize("name", NAMES)
def test_no_credential_is_in_a_repr_or_a_log(name: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = endpoint_secret(secret="CANARY-SEC", previous_secret="CANARY-OLD", headers={"X-Key": "CANARY-HEADER"})
    if not load(name).chat:
        secret = replace(secret, secret=endpoint_secret().secret, previous_secret=None)
    with caplog.at_level(logging.DEBUG):
        request = load(name).render(said(customer={"name": "CANARY-NAME"}), secret, {})
    response = HttpResponse(400, {"x": "CANARY"}, b"CANARY")
    assert "CANARY" not in f"{request!r} {secret!r} {response!r} {said(customer={'name': 'CANARY'})!r} {caplog.text}"


# --- a customer's words in a chat room --------------------------------------------------------------------------


def hostile() -> list[Any]:
    lines = [json.loads(line) for line in (CORPORA / "hostile_inputs.jsonl").read_text("utf-8").splitlines()]
    contents = [one for one in lines if one["target"] == "ingest" and one["category"] == "content"]
    found = [
        pytest.param(one["mutation"]["comment"], id=one["id"])
        for one in contents
        if "comment" in one.get("mutation", {})
    ]
    assert len(found) > 15
    return found


@pytest.mark.parametrize("name", ROBOTS)
@pytest.mark.parametrize("words", hostile())
def test_a_customers_words_do_nothing_in_a_card(name: str, words: str) -> None:
    voice = feedback(texts=(Text(words),), unit=words, understanding=Understanding(tags=(tag(end=len(words)),)))
    case = ticket(title=words, unit=words, touchpoint=words, departments=(words,))
    quiet = feedback(texts=(Text("好"),), understanding=Understanding(tags=(tag(end=1),)))
    plain = ticket(title="好", unit="好", touchpoint="好", departments=("好",))

    body, harmless = (
        json.loads(render(name, said(voice=one, ticket=two, customer={"name": who})).body)
        for one, two, who in ((voice, case, words), (quiet, plain, "好"))
    )
    shown, usual = ("\n".join(texts_of(one)) for one in (body, harmless))

    for sign in ("](", "<", ">", "`", "#", "**", "![", "&", "://", "@"):
        ours = usual.count(sign)
        assert shown.count(sign) - shown.count("@\u200d") * (sign == "@") == ours, f"{sign} came in with the words"
    assert not {"at", "mentioned_list", "mentioned_mobile_list", "atMobiles", "isAtAll"} & set(keys_of(body))
    assert list(keys_of(body)) == list(keys_of(harmless))


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield key
            yield from keys_of(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from keys_of(entry)


# --- outcomes ---------------------------------------------------------------------------------------------------


def outcome(name: str, status: int, body: bytes | dict[str, Any] = b"") -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return load(name).outcome(HttpResponse(status, {}, raw))


@pytest.mark.parametrize("name", NAMES)
def test_success_is_what_the_vendor_calls_success(name: str) -> None:
    assert outcome(name, 200, SUCCESS[name]) == Outcome(DELIVERED)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "rate_limited"), (500, "http_500"), (502, "http_502"), (503, "http_503"), (408, "http_408")],
)
def test_what_passes_is_tried_again(name: str, status: int, code: str) -> None:
    assert outcome(name, status) == Outcome(RETRY, code)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_a_redirect_is_not_followed(name: str, status: int) -> None:
    assert outcome(name, status) == Outcome(RETRY, "redirect_not_followed")


@pytest.mark.parametrize("name", NAMES)
def test_gone_disables(name: str) -> None:
    assert outcome(name, 410) == Outcome(DISABLE, "gone")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_final_for_robots_and_tried_again_elsewhere(status: int) -> None:
    for name in ROBOTS:
        assert outcome(name, status) == Outcome(FAILED, f"http_{status}")
    assert outcome("standard_webhooks", status) == Outcome(RETRY, f"http_{status}")


@pytest.mark.parametrize("name", ROBOTS)
@pytest.mark.parametrize("body", [b"", b"ok", b"<html>", b"[]", b"null", b'{"x":1}', b'{"errcode":true,"code":true}'])
def test_a_200_that_says_nothing_is_no_success(name: str, body: bytes) -> None:
    assert outcome(name, 200, body) == Outcome(RETRY, "answer_unreadable")


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, Outcome(RETRY, "rate_limited", 60.0)),
        ("wecom", {"errcode": -1}, Outcome(RETRY, "busy")),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, Outcome(FAILED, "errcode_93000")),
        ("wecom", {"errcode": 40058}, Outcome(FAILED, "errcode_40058")),
        ("dingtalk", {"errcode": 130101}, Outcome(RETRY, "rate_limited", 600.0)),
        ("dingtalk", {"errcode": 410100}, Outcome(RETRY, "rate_limited", 600.0)),
        ("dingtalk", {"status": 1111, "wait": 5, "punish": "deny"}, Outcome(RETRY, "rate_limited", 600.0)),
        ("dingtalk", {"errcode": -1}, Outcome(RETRY, "busy")),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, Outcome(FAILED, "errcode_310000")),
        ("dingtalk", {"errcode": 300001, "errmsg": "token is not exist"}, Outcome(FAILED, "errcode_300001")),
        ("dingtalk", {"errcode": 300001, "errmsg": "too many"}, Outcome(RETRY, "rate_limited", 600.0)),
        ("dingtalk", {"errcode": "400102"}, Outcome(FAILED, "errcode_400102")),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, Outcome(RETRY, "rate_limited")),
        ("feishu", {"code": 19021}, Outcome(FAILED, "code_19021")),
        ("feishu", {"code": 9499}, Outcome(FAILED, "code_9499")),
        ("feishu", {"StatusCode": 0, "StatusMessage": "success"}, Outcome(DELIVERED)),
    ],
)
def test_the_vendors_own_codes_in_a_200(name: str, body: dict[str, Any], expected: Outcome) -> None:
    assert outcome(name, 200, body) == expected


def test_a_vendors_code_counts_in_a_4xx_too() -> None:
    assert outcome("feishu", 400, {"code": 9499}) == Outcome(FAILED, "code_9499")
    assert outcome("feishu", 429, {"code": 99991400}) == Outcome(RETRY, "rate_limited")


@pytest.mark.parametrize("name", NAMES)
@given(status=st.integers(100, 599), body=st.binary(max_size=200))
@settings(max_examples=50)
def test_any_answer_has_an_outcome(name: str, status: int, body: bytes) -> None:
    assert outcome(name, status, body).verdict in (DELIVERED, RETRY, FAILED, DISABLE)


# --- settings and secrets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_contact_data_in_full_never_goes_to_a_chat_room(name: str) -> None:
    connector = load(name)
    for policy in ("none", "masked"):
        connector.validate_settings({"contact": policy, "filter": None, "rate": 10})
    if not connector.chat:
        return connector.validate_settings({"contact": "full", "status_map": {"done": "resolved"}})
    with pytest.raises(Invalid, match="may not see contact data") as refusal:
        connector.validate_settings({"contact": "full"})
    assert (refusal.value.code, refusal.value.pointer) == ("contact_not_allowed", "/settings/contact")
    with pytest.raises(Invalid, match="no status back") as refusal:
        connector.validate_settings({"status_map": {"done": "resolved"}})
    return None


@pytest.mark.parametrize("name", NAMES)
def test_only_a_target_without_a_key_leaves_anything_uncertain(name: str) -> None:
    connector = load(name)
    connector.validate_settings({"on_ambiguous": "resend"})
    if not connector.has_idempotency:
        return connector.validate_settings({"on_ambiguous": "park"})
    with pytest.raises(Invalid, match="nothing is left uncertain") as refusal:
        connector.validate_settings({"on_ambiguous": "park"})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/on_ambiguous")
    return None


def test_secrets_that_management_starts_with() -> None:
    catalogue = ConnectorCatalogue()
    made = catalogue.first_secret("standard_webhooks", None)
    assert made is not None
    assert 24 <= len(standard_webhooks.signing_key(made)) <= 64
    assert catalogue.first_secret("standard_webhooks", made) == made
    assert catalogue.first_secret("feishu", None) is None
    assert catalogue.first_secret("feishu", "given") == "given"
    assert catalogue.makes_secrets("standard_webhooks")
    assert not catalogue.makes_secrets("wecom")
    with pytest.raises(Invalid, match="24 to 64 bytes") as refusal:
        catalogue.first_secret("standard_webhooks", "whsec_" + base64.b64encode(b"short").decode())
    assert refusal.value.code == "secret_invalid"


def test_one_rate_limit_for_one_credential() -> None:
    catalogue, policy = ConnectorCatalogue(), Policy()
    one, other = (policy.check_url(f"https://oapi.dingtalk.com/robot/send?access_token={key}") for key in "ab")
    assert catalogue.target("dingtalk", one) == catalogue.target("dingtalk", one)
    assert catalogue.target("dingtalk", one) != catalogue.target("dingtalk", other)


@pytest.mark.parametrize(
    ("name", "url", "same", "other"),
    [
        ("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=a", "&x=1", "b"),
        ("wecom", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a", "&debug=1", "b"),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/a", "?x=1", "b"),
    ],
)
def test_a_robot_is_one_target_whatever_else_its_url_says(name: str, url: str, same: str, other: str) -> None:
    """The vendor counts by robot, and blocks it for ten minutes when two logs each let twenty through."""
    catalogue, policy = ConnectorCatalogue(), Policy()
    first, again, another = (catalogue.target(name, policy.check_url(one)) for one in (url, url + same, url + other))
    assert first == again != another


# --- signatures -------------------------------------------------------------------------------------------------


def test_published_vector_of_standard_webhooks() -> None:
    vector = VECTORS["standard-webhooks v1 (HMAC-SHA256)"]
    given_ = vector["inputs"]
    signature = standard_webhooks.sign(
        given_["secret"], given_["msg_id"], given_["timestamp"], given_["payload"].encode()
    )
    assert signature == vector["expected"]


def test_published_vector_of_dingtalk() -> None:
    vector = VECTORS["DingTalk custom robot sign"]
    assert dingtalk.sign(vector["inputs"]["secret"], int(vector["inputs"]["timestamp_ms"])) == vector["expected"]


def test_published_vector_of_feishu() -> None:
    vector = VECTORS["Feishu/Lark custom bot sign"]
    assert feishu.sign(vector["inputs"]["secret"], vector["inputs"]["timestamp_s"]) == vector["expected"]


def test_standard_webhooks_signs_with_both_secrets_during_a_rotation() -> None:
    old, new = (ConnectorCatalogue().first_secret("standard_webhooks", None) for _ in range(2))
    assert old is not None
    assert new is not None
    until = (AT + timedelta(hours=24)).timestamp()

    def headers(at: datetime) -> tuple[Mapping[str, str], bytes]:
        secret = endpoint_secret(secret=new, previous_secret=old, previous_valid_until=until)
        request = load("standard_webhooks").render(replace(said(), now=at), secret, {})
        return request.headers, request.body

    during, body = headers(AT)
    assert len(during["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        standard_webhooks.verify([secret], during, body, AT)
    after, _ = headers(AT + timedelta(hours=25))
    assert len(after["webhook-signature"].split(" ")) == 1


def test_standard_webhooks_without_a_secret_sends_nothing() -> None:
    with pytest.raises(Invalid, match="no signing secret") as refusal:
        render("standard_webhooks", said(), secret=None)
    assert refusal.value.code == "secret_missing"


def test_dingtalk_puts_its_signature_in_the_url_and_feishu_in_the_body() -> None:
    url = render("dingtalk", said(), secret="SEC1").url
    asked = parse_qs(urlsplit(url).query)
    millis = int(AT.timestamp() * 1000)
    assert asked["timestamp"] == [str(millis)]
    assert url.endswith("&sign=" + dingtalk.sign("SEC1", millis))
    assert render("dingtalk", said(), secret=None).url == endpoint_secret().url

    body = json.loads(render("feishu", said(), secret="SEC2").body)
    assert (body["timestamp"], body["sign"]) == (str(int(AT.timestamp())), feishu.sign("SEC2", int(AT.timestamp())))
    assert "sign" not in json.loads(render("feishu", said(), secret=None).body)


def test_dingtalk_url_without_a_query_gets_one() -> None:
    url = render("dingtalk", said(), secret="SEC1", url="https://oapi.dingtalk.com/robot/send").url
    assert re.fullmatch(r"https://oapi\.dingtalk\.com/robot/send\?timestamp=\d+&sign=[A-Za-z0-9%]+", url)


# --- the body of Standard Webhooks ------------------------------------------------------------------------------


def test_the_body_that_systems_are_written_against() -> None:
    case = ticket(due_at=datetime(2026, 11, 22, tzinfo=timezone.utc))
    body = json.loads(render("standard_webhooks", said(ticket=case, customer={"id": "CUST-1"})).body)

    assert (body["type"], body["timestamp"], body["sequence"]) == ("ticket.opened", "2026-11-21T08:00:00.000Z", 1)
    data = body["data"]
    assert set(data) == {"ticket", "feedback", "customer", "playbook"}
    assert {"id", "version", "state", "severity", "title", "unit", "touchpoint", "departments", "due_at", "url"} <= set(
        data["ticket"]
    )
    assert data["ticket"]["due_at"] == "2026-11-22T00:00:00.000Z"
    assert data["ticket"]["url"] == f"https://echoloop.example.org/t/{case.id}"
    assert {"id", "scores", "texts", "tags"} <= set(data["feedback"])
    assert data["feedback"]["texts"] == [{"question": None, "text": "包裹破损，客服没有回应", "speaker": "customer"}]
    assert data["feedback"]["truncated"] is False
    assert data["customer"] == {"id": "CUST-1"}


def test_an_alert_carries_its_own_facts() -> None:
    body = json.loads(render("standard_webhooks", message(type="alert.raised", detail=ALERT)).body)
    assert body["data"]["alert"] == {"id": "al_1", **{key: ALERT[key] for key in ALERT if key != "alert_id"}}
    assert "ticket" not in body["data"]


def test_words_that_do_not_fit_are_cut_and_say_so() -> None:
    voice = json.loads(render("standard_webhooks", overfull()).body)["data"]["feedback"]
    assert voice["truncated"] is True
    assert 0 < len(voice["texts"][0]["text"]) < 20_000
