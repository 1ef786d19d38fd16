"""The customer's page, what keys and systems say in the customer's name, and how a workspace asks: over HTTP."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.connectors import cards
from chalicelib.connectors.standard_webhooks import StandardCallback, StandardWebhooks
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.cases.verification import Ask
from chalicelib.domain.events import rfc3339
from chalicelib.domain.outbound.callback import read_answer
from chalicelib.domain.outbound.calls import Opened, Said
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.organisation import Organisation, Unit
from chalicelib.errors import Invalid, NotFound, Retryable
from chalicelib.wiring import cases, page, verification
from tests import builders
from tests.builders_admin import NOW, OURS, SECRET, THEIRS, Office, composed
from tests.fakes.deliveries import World as Deliveries
from tests.fakes.gateway import Answer, call, product

ROUTE, TICKET = "/v/{link}", f"tk_{OURS}"
FORM = {"content-type": "application/x-www-form-urlencoded"}
VERIFY, RULES = "/v1/tickets/{ticket_id}/verification", "/v1/verification"
HOSTILE = '<img src=x onerror="alert(1)">$title'


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.feedback(customer_ref="CANARY-customer")
        asked(made)
        monkeypatch.setattr(cases, "find_playbook", lambda: lambda workspace, chosen: builders.playbook())
        yield made


def asked(office: Office, **changes: Any) -> Ticket:
    values = {
        "state": "verifying",
        "title": "CANARY-title",
        "root_cause": "CANARY-cause",
        "action": "CANARY-action",
        "asked_at": NOW,
        "answer_by": NOW + timedelta(days=3),
    }
    return office.ticket(**{**values, **changes})


def now_(office: Office) -> Ticket:
    return office.tickets.rows[OURS, TICKET]


def link(office: Office, **changes: Any) -> str:
    return verification.answer_links().make(replace(now_(office), **changes), NOW)


def get(name: str, lang: str | None = "zh-CN", method: str = "GET", accept: str = "", **query: str) -> Answer:
    asked_for = {**query, **({"lang": lang} if lang else {})}
    return call(product(), method, ROUTE, path={"link": name}, query=asked_for, headers={"accept-language": accept})


def press(name: str, answer: str, words: str = "", **more: Any) -> Answer:
    body = urlencode({"answer": answer, "words": words}).encode()
    return call(
        product(),
        "POST",
        ROUTE,
        **{"path": {"link": name}, "query": {"lang": "en"}, "headers": FORM, "body": body, **more},
    )


def said(answer: Answer) -> str:
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.body, flags=re.DOTALL))


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_asks_one_question_in_either_language(office: Office) -> None:
    zh, en = said(get(link(office))), said(get(link(office), "en"))
    for part in ("收到了吗？", "已解决", "没有解决", "关于您 11月", TICKET):
        assert part in zh, part
    for part in (builders.playbook().question["en"], "Yes, it is solved", "No, it is not", "About what you told us"):
        assert part in en, part
    assert "Yes, it is solved" in said(get(link(office), None, accept="en-GB,zh;q=0.5"))


def test_the_page_says_when_the_customer_told_us_by_the_units_clock(office: Office) -> None:
    units = (Unit("jp", time_zone="Asia/Tokyo"), Unit("jp/1"))
    office.organisations.put(OURS, Organisation(version=1, units=units), by="ky", at=NOW)
    told = datetime(2026, 11, 9, 15, 30, tzinfo=timezone.utc)
    asked(office, unit="jp/1")
    office.feedback(occurred_at=told)
    assert "关于您 11月10日 0:30 反映的问题" in said(get(link(office)))
    office.shelf.rows.clear()
    assert "关于您 11月" in said(get(link(office))), "by the ticket, once the voice has expired"


def test_the_page_tells_nothing_of_the_customer_or_of_colleagues(office: Office) -> None:
    body = get(link(office)).body
    for hidden in ("CANARY", "13800138000", "王小明", "包裹破损"):
        assert hidden not in body, hidden


def test_the_page_loads_and_runs_nothing(office: Office) -> None:
    for answer in (get(link(office)), get("garbage"), press(link(office), "maybe")):
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy.pop("style-src").startswith("'sha256-")
        assert policy == {
            "default-src": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        }
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not re.search(r"<script|<img|<link|<iframe| style=| on\w+=|https?://", answer.body)


def test_who_only_opens_the_link_has_answered_nothing(office: Office) -> None:
    before = now_(office)
    get(link(office))
    get(link(office), answer="solved")
    assert now_(office) == before


def test_a_button_answers_and_leads_back_to_the_page(office: Office) -> None:
    name = link(office)
    done = press(name, "solved", "谢谢 13987254361")
    assert (done.status, done.headers["Location"]) == (303, "?lang=en")
    assert (now_(office).state, now_(office).verification) == ("closed", "satisfied")
    assert [one.text for one in office.cases.written[OURS, TICKET]] == ["谢谢 〔手机号〕"]
    answer = get(name, "en")
    assert "Thank you. We noted that it is solved." in said(answer)
    assert 'value="solved"' not in answer.body
    assert "It is not solved after all" in said(answer)
    assert press(name, "solved").status == 303, "twice is once"
    assert press(name, "not_solved").status == 303
    assert (now_(office).state, now_(office).verification) == ("reopened", "unsatisfied")
    again = get(name)
    assert "我们会重新处理" in said(again)
    assert "<button" not in again.body


def test_what_comes_too_late_is_told_so(office: Office) -> None:
    name = link(office)
    asked(office, state="reopened", reopened=1, verification="not_asked", asked_at=None, answer_by=None)
    late = press(name, "solved", words="又坏了，打 13987254361")
    assert (late.status, "This question is closed" in said(late)) == (409, True)
    kept = office.call("GET", "/v1/tickets/{ticket_id}/notes", path={"ticket_id": TICKET}).json["items"]
    assert [(one["by"], one["text"]) for one in kept] == [("customer", "又坏了，打 〔手机号〕")]
    assert "这次回访已经结束" in said(get(name))
    assert now_(office).state == "reopened"


@pytest.mark.parametrize(
    ("why", "more"),
    [
        (415, {"headers": {"content-type": "application/json"}}),
        (422, {"body": b"answer=maybe"}),
        (422, {"body": b"words=" + b"x" * 1001 + b"&answer=solved"}),
        (413, {"body": b"words=" + b"x" * 70_000}),
        (422, {"body": b""}),
    ],
)
def test_a_form_that_is_none_is_a_page_that_says_so(office: Office, why: int, more: dict[str, Any]) -> None:
    before = now_(office)
    refused = press(link(office), "solved", **more)
    assert (refused.status, now_(office)) == (why, before)
    assert "We did not get your answer" in said(refused)


def test_no_link_leads_to_a_ticket_that_it_was_not_made_for(office: Office) -> None:
    own = page.page_links().make(OURS, TICKET, NOW)
    foreign = link(office, workspace="nobody")
    for name in (
        "garbage",
        own,
        foreign,
        link(office)[:-1] + "a" if link(office)[-1] != "a" else link(office)[:-1] + "b",
    ):
        for answer in (get(name, "en"), press(name, "solved")):
            assert (answer.status, "This link does not work" in said(answer)) == (404, True)
    assert now_(office).state == "verifying"
    with pytest.raises(NotFound, match="no such thing"):
        page.page_links().read(link(office))


def test_our_own_trouble_is_a_page_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise Retryable("CANARY", code="table_unavailable")

    name = link(office)
    monkeypatch.setattr(verification, "take_answer", lambda: broken)
    answer = press(name, "solved")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "Please try again" in said(answer)
    assert "CANARY" not in answer.body


def test_a_question_of_somebodys_own_is_text_and_nothing_else(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "find_playbook", lambda: lambda workspace, chosen: None)
    question = {"zh-CN": HOSTILE, "en": HOSTILE}
    assert office.call("PUT", RULES, {"version": 0, "question": question}).status == 200
    verification.open_answer_page.cache_clear()
    body = get(link(office)).body
    assert "<img" not in body
    assert html.escape(HOSTILE) in body


# --- keys and systems ---------------------------------------------------------------------------------------------


def test_a_key_hands_in_what_the_customer_said(office: Office) -> None:
    path = {"ticket_id": TICKET}
    answer = office.call("POST", VERIFY, {"answer": "not_solved", "note": "still broken"}, path=path)
    assert (answer.status, answer.json["state"], answer.json["verification"]) == (200, "reopened", "unsatisfied")
    line = office.tickets.moves(OURS, TICKET)[-1]
    assert (line.actor, line.reason) == ("customer", f"not_solved, {next(iter(office.directory.keys.values())).id}")
    again = office.call("POST", VERIFY, {"answer": "not_solved"}, path=path)
    assert (again.status, again.json["version"]) == (200, answer.json["version"])
    other = office.call("POST", VERIFY, {"answer": "solved"}, path=path)
    assert (other.status, other.code) == (409, "already_answered")
    assert "said that it is not solved" in other.json["detail"]


def test_who_may_not_work_on_a_case_answers_for_nobody(office: Office) -> None:
    path = {"ticket_id": TICKET}
    for key, status in (
        (office.new_key("analyst"), 403),
        (office.new_key("store", unit="BJ/001"), 404),
        (office.new_key(workspace=THEIRS), 404),
    ):
        assert office.call("POST", VERIFY, {"answer": "solved"}, path=path, key=key).status == status
    assert office.call("POST", VERIFY, {"answer": "yes"}, path=path).code == "schema_violation"
    assert now_(office).state == "verifying"


def test_what_a_system_hears_from_the_customer_comes_back_signed(office: Office) -> None:
    heard = StandardCallback().read(
        Opened(b'{"type":"verification.answered","data":{"ticket_id":"tk_1","answer":"solved","note":" ok "}}'), {}, NOW
    )
    assert heard == (Said("", "", ticket_id="tk_1", answer="solved", note="ok"),)
    for data, code in (({"answer": "yes"}, "unknown_answer"), ({"answer": "solved"}, "schema_violation"), ([], None)):
        with pytest.raises(Invalid, match=r"solved or not_solved|ticket_id is not|not an object") as error:
            read_answer({"type": "verification.answered", "data": data})
        assert code in (None, error.value.code)
    assert read_answer({"type": "ticket.status_changed", "data": {}}) is None


def test_a_system_is_told_the_question_the_language_and_where_to_answer() -> None:
    ask = Ask({"zh-CN": "好了吗？", "en": "All good?"}, "en", NOW, "https://cx.example.com/v/secret")
    message = builders.message(type="verification.asked", ask=ask)
    secret = EndpointSecret(OURS, "ep_one", "https://oa.example.com/", secret=SECRET)
    body = StandardWebhooks().render(message, secret, {}).body.decode()
    for part in ('"question":"All good?"', '"lang":"en"', '"url":"https://cx.example.com/v/secret"', '"answer_by"'):
        assert part in body, part
    assert ("回访要问", "好了吗？") in cards.build(message, "zh-CN").facts
    assert "cx.example.com/v/" not in cards.plain_text(message, "en", 4000), "colleagues do not answer for the customer"


@pytest.mark.parametrize(
    ("changes", "sent"), [({}, 1), ({"state": "closed"}, 0), ({"asked_at": NOW + timedelta(hours=1)}, 0)]
)
def test_a_question_that_was_answered_meanwhile_is_not_sent(changes: dict[str, Any], sent: int) -> None:
    world = Deliveries(builders.endpoint(events=("verification.asked",)))
    ask = Ask({"zh-CN": "好了吗？", "en": "All good?"}, "en", NOW)
    world.deliver = replace(world.deliver, ask=lambda ticket, *_: ask if ticket.state == "verifying" else None)
    event = {**world.event("ticket.updated", 3), "type": "verification.asked", "occurred_at": rfc3339(NOW)}
    asked_ = {"state": "verifying", "asked_at": NOW, **changes}
    world.tickets["tk_one"] = replace(world.tickets["tk_one"], **asked_)
    world.publish(event)
    world.run()
    assert len(world.target.received) == sent
    assert world.only.state == ("delivered" if sent else "cancelled")


# --- how a workspace asks -----------------------------------------------------------------------------------------


def test_a_workspace_decides_how_it_asks(office: Office) -> None:
    shipped = office.call("GET", RULES).json
    assert (shipped["version"], shipped["enabled"], shipped["wait_days"], shipped["change_days"]) == (0, True, 3, 7)
    own = {"version": 0, "enabled": False, "wait_days": 5, "question": {"zh-CN": "好了吗？", "en": "All good?"}}
    made = office.call("PUT", RULES, own)
    assert (made.status, made.json) == (200, office.call("GET", RULES, key=office.new_key("analyst")).json)
    assert (made.json["version"], made.json["question"]["en"], made.json["change_days"]) == (1, "All good?", 7)
    stale = office.call("PUT", RULES, own)
    assert (stale.status, stale.code) == (409, "version_conflict")
    assert "Somebody else" in stale.json["detail"]
    assert office.call("GET", RULES, key=office.new_key(workspace=THEIRS)).json["version"] == 0


@pytest.mark.parametrize("wrong", [{"wait_days": 0}, {"wait_days": 31}, {"change_days": -1}, {"question": {"en": "?"}}])
def test_what_makes_no_sense_is_refused(office: Office, wrong: dict[str, Any]) -> None:
    refused = office.call("PUT", RULES, {"version": 0, **wrong})
    assert (refused.status, refused.code) == (422, "schema_violation")
    assert refused.json["pointer"].startswith(f"/{next(iter(wrong))}")


@pytest.mark.parametrize("role", ["analyst", "region", "store", "integration"])
def test_only_admins_decide_it(office: Office, role: str) -> None:
    key = office.new_key(role, **({"unit": "SH"} if role in ("region", "store") else {}))
    assert office.call("PUT", RULES, {"version": 0}, key=key).status == 403
