"""What is peculiar to the robots and to Standard Webhooks; what all connectors share is in the contract suite."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.connectors import dingtalk, feishu
from chalicelib.connectors.registry import ConnectorCatalogue, load
from chalicelib.domain.cases.playbook import spoken
from chalicelib.domain.outbound import standard_webhooks
from chalicelib.domain.outbound.egress_policy import Policy
from chalicelib.domain.outbound.exchange import DISABLE, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.errors import Invalid
from tests.builders import AT, endpoint_secret, message, playbook, ticket
from tests.contract.test_connectors import ALERT, overfull, said


def render(name: str, said_: Message, **changes: Any) -> HttpRequest:
    secret = endpoint_secret(**{"secret": "CANARY-SEC" if load(name).chat else endpoint_secret().secret, **changes})
    return load(name).render(said_, secret, {})


def test_the_limits_of_the_vendors() -> None:
    assert [(one.count, one.seconds) for one in load("dingtalk").limits] == [(20, 60)]
    assert [(one.count, one.seconds) for one in load("wecom").limits] == [(20, 60)]
    assert [(one.count, one.seconds) for one in load("feishu").limits] == [(100, 60), (5, 1)]


@pytest.mark.parametrize("name", ["standard_webhooks", "feishu", "dingtalk", "wecom"])
def test_gone_disables(name: str) -> None:
    assert load(name).outcome(HttpResponse(410)) == Outcome(DISABLE, "gone")


def test_standard_webhooks_gives_a_delivery_one_id_for_all_attempts() -> None:
    first, later = (render("standard_webhooks", replace(said(), now=AT + timedelta(hours=hours))) for hours in (0, 7))
    assert first.headers["webhook-id"] == later.headers["webhook-id"] == "dl-tk_one-ep_one-1"


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


def test_the_playbook_goes_out_in_the_endpoints_language() -> None:
    secret = endpoint_secret()
    for settings, lang in (({}, "zh-CN"), ({"lang": "en"}, "en")):
        request = load("standard_webhooks").render(replace(said(), playbook=playbook()), secret, settings)
        assert json.loads(request.body)["data"]["playbook"] == spoken(playbook(), lang)
    assert json.loads(render("standard_webhooks", said()).body)["data"]["playbook"] == {}


def test_the_longest_playbook_gives_way_last_and_is_still_named() -> None:
    """Longer than playbook_file.py allows."""
    longest = playbook(
        steps=tuple({"zh-CN": "步" * 240, "en": "s" * 480} for _ in range(7)), reply={"zh-CN": "复" * 480}
    )
    ordinary = json.loads(render("standard_webhooks", replace(said(), playbook=longest)).body)["data"]
    assert len(ordinary["playbook"]["steps"]) == 7
    body = render("standard_webhooks", replace(overfull(), playbook=longest)).body
    assert len(body) < 20_000
    assert json.loads(body)["data"]["playbook"]["id"] == "logistics.speed"
