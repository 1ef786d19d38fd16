"""The page that a card's button opens: what it shows, what it keeps to itself, and how a person works on it."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.graph import Cause, Told
from chalicelib.domain.cases.parts import children_of
from chalicelib.domain.cases.ticket import DUPLICATE, Move
from chalicelib.domain.time.clocks import Clock, Clocks
from chalicelib.domain.voice.feedback import Reason
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.voice.voice import Text
from chalicelib.domain.workspaces.organisation import Department, Edge, Organisation, Person, Unit
from chalicelib.errors import Retryable
from chalicelib.pages import ticket as pages
from chalicelib.pages.html import fill, text
from chalicelib.pages.words import language
from chalicelib.wiring import base, cases, page
from tests import builders
from tests.builders_admin import NOW, OURS, Office, composed
from tests.fakes.browser import CHROMIUM, phone
from tests.fakes.gateway import Answer, call, product

ROUTE = "/t/{link}"
TICKET = f"tk_{OURS}"
FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = '包裹<img src=x onerror="alert(1)">破损</blockquote><script>alert(2)</script>&amp; $title'
ORGANISATION = Organisation(
    version=1,
    triage="front_desk",
    departments=(Department("logistics", {"zh-CN": "物流部", "en": "Logistics"}), Department("care")),
    people=(Person("u_li", "李四", channels={"phone": "13912345678"}), Person("u_wang")),
)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.organisations.put(OURS, ORGANISATION, by="ky_one", at=NOW)
        made.feedback(attributes={"order_id": "CANARY-order"}, customer_ref="CANARY-customer")
        case = made.ticket(departments=("logistics",), owner="u_li", due_at=NOW + timedelta(hours=2))
        made.tickets.lines[OURS, case.id, 1] = Move(1, "", "open", "echoloop", NOW, departments=("logistics",))
        monkeypatch.setattr(cases, "find_playbook", lambda: lambda workspace, chosen: builders.playbook())
        yield made


def link() -> str:
    return page.page_links().make(OURS, TICKET, base.now())


def get(name: str | None = None, *, lang: str | None = None, accept: str = "", **query: str) -> Answer:
    asked = {**query, **({"lang": lang} if lang else {})}
    return call(
        product(), "GET", ROUTE, path={"link": name or link()}, query=asked, headers={"accept-language": accept}
    )


def code(office: Office, person: str | None = None) -> str:
    body = {"person": person} if person else {}
    made = office.call("POST", "/v1/tickets/{ticket_id}/codes", body, path={"ticket_id": TICKET})
    assert made.status == 201, made.body
    return str(made.json["code"])


def press(do: str, given: str, *, version: int = 1, name: str | None = None, **fields: str) -> Answer:
    body = urlencode({"do": do, "code": given, "version": str(version), **fields}).encode()
    return call(product(), "POST", ROUTE, path={"link": name or link()}, query={"lang": "en"}, headers=FORM, body=body)


def wrong(right: str) -> str:
    """A code that differs from somebody's in its last letter."""
    return right[:-1] + ("2" if right[-1] != "2" else "3")


def said(answer: Answer) -> str:
    """What a person reads."""
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.body, flags=re.DOTALL))


def test_the_page_calls_the_ticket_as_its_reader_does(office: Office) -> None:
    one = office.tickets.rows[OURS, TICKET]
    titles = {"zh-CN": "NPS 3/10 贬损者：破损", "en": "NPS 3/10 detractor: damage"}
    office.tickets.rows[OURS, TICKET] = replace(one, titles=titles)
    assert "<h1>NPS 3/10 detractor: damage</h1>" in get(lang="en").body
    assert "<h1>NPS 3/10 贬损者：破损</h1>" in get(lang="zh-CN").body


# --- reading ------------------------------------------------------------------------------------------------------


def test_the_page_tells_what_was_said_why_me_what_to_do_and_by_when(office: Office) -> None:
    told = said(get(lang="zh-CN"))

    for part in (
        "物流部",
        "李四",
        "第1步",
        "第3步",
        "不超过 20 元",
        "首次联系 2 小时内",
        "您好〔客户称呼〕",
        "收到了吗？",
    ):
        assert part in told, part
    for part in ("待受理", "NPS 3/10", "处理期限", "SH/001", "接单", "不是我的", "经过"):
        assert part in told, part
    assert "<mark>包裹破损</mark>，客服没有回应" in get().body
    english = said(get(lang="en"))
    for part in ("Logistics", "Step 1", "Agent up to CNY 20.", "In the customer's words", "Take it", "Not mine"):
        assert part in english, part


def test_a_case_that_its_duplicates_made_worse_says_so_once(office: Office) -> None:
    why = tuple(Reason(f"{DUPLICATE}tk_{number}", 2, "critical") for number in (1, 2))
    office.ticket(reasons=why, severity="critical")

    assert said(get(lang="zh-CN")).count("与它重复的工单说得更严重") == 1
    assert said(get(lang="en")).count("a duplicate of it tells of worse") == 1
    assert "duplicate:" not in get(lang="en").body


def test_nothing_is_shown_that_reaches_or_names_the_customer_or_that_colleagues_wrote(office: Office) -> None:
    case = office.tickets.rows[OURS, TICKET]
    quiet = {"reason": "CANARY-reason", "root_cause": "CANARY-cause", "action": "CANARY-action"}
    office.tickets.lines[OURS, TICKET, 2] = Move(2, "open", "accepted", "ky_one", NOW, **quiet)
    office.ticket(**{"departments": case.departments, "root_cause": "CANARY-cause", "owner": "ky_one"})
    office.call("POST", "/v1/tickets/{ticket_id}/notes", {"text": "CANARY-note"}, path={"ticket_id": TICKET})

    for lang in ("zh-CN", "en"):
        body = get(lang=lang).body
        for hidden in ("CANARY", "13800138000", "13912345678", "王小明", "CUST-1", "ky_one"):
            assert hidden not in body, hidden


def test_the_staffs_side_of_a_call_is_not_the_customers_words(office: Office) -> None:
    office.feedback(texts=(Text("坐席说的话", speaker="staff"), Text("客户说的话")), understanding=Understanding())

    told = said(get())

    assert "客户说的话" in told
    assert "坐席说的话" not in told


def test_without_words_playbook_or_feedback_the_page_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.shelf.rows.clear()
    monkeypatch.setattr(cases, "find_playbook", lambda: lambda workspace, chosen: None)

    told = said(get(lang="en"))

    assert "The customer left no words." in told
    assert "There is no playbook for this." in told


@pytest.mark.parametrize("status", [200, 404])
def test_the_page_loads_and_runs_nothing_and_is_kept_by_nobody(office: Office, status: int) -> None:
    answer = get() if status == 200 else get("garbage")

    assert answer.status == status
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": policy["style-src"],
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<img|<link|<iframe| style=| on\w+=|https?://", answer.body)


@pytest.mark.parametrize(
    "name", ["garbage", "tk_acme.acme.1795000000." + "a" * 26, "tk_x.nobody.1795000000." + "a" * 26]
)
def test_a_link_that_is_not_ours_is_a_clear_page_that_tells_nothing(office: Office, name: str) -> None:
    known = replace(builders.ticket(), workspace=OURS)

    for answer in (get(name, lang="en"), press("accept", "X", name=name)):
        assert answer.status == 404
        assert "This link does not work" in said(answer)
        assert known.title not in answer.body
    office.now += timedelta(days=4)


def test_an_expired_link_and_one_of_a_ticket_that_is_gone_look_alike(office: Office) -> None:
    old, gone = link(), page.page_links().make(OURS, "tk_gone", NOW + timedelta(days=9))
    before = get(gone)
    office.now += timedelta(hours=72)

    assert (before.status, get(old).status) == (404, 404)
    assert get(old).body == before.body


def test_our_own_trouble_is_a_page_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> Any:
        raise Retryable("CANARY", code="table_unavailable")

    name = link()
    monkeypatch.setattr(page, "open_page", lambda: broken)
    answer = get(name, lang="en")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "Please try again" in said(answer)
    assert "CANARY" not in answer.body


@pytest.mark.parametrize(
    ("asked", "accepted", "lang"),
    [
        ("en", "zh-CN", "en"),
        (None, "zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"),
        (None, "fr, en-GB;q=0.8", "en"),
        (None, "fr", "zh-CN"),
        ("fr", "", "zh-CN"),
        (None, "", "zh-CN"),
    ],
)
def test_the_reader_s_language_is_found(asked: str | None, accepted: str, lang: str) -> None:
    assert language(asked, accepted) == lang


# --- what a customer may write --------------------------------------------------------------------------------------


@given(words=st.text(max_size=200), spans=st.lists(st.tuples(st.integers(-5, 220), st.integers(-5, 220)), max_size=5))
def test_whatever_is_written_is_shown_as_text_and_marked_where_the_evidence_is(
    words: str, spans: list[tuple[int, int]]
) -> None:
    shown = pages.marked(words, spans)

    plain = re.sub("</?mark>", "", shown)
    assert not re.search("[<>\"']", plain)
    assert plain == text(words)
    inside = "".join(re.findall("<mark>(.*?)</mark>", shown, flags=re.DOTALL))
    wanted = [place for place in range(len(words)) if any(start <= place < end for start, end in spans)]
    assert inside == "".join(text(words[place]) for place in wanted)


@given(value=st.text(max_size=100))
def test_a_value_leaves_no_attribute_and_opens_no_element(value: str) -> None:
    filled = fill('<input value="$it">', it=value)

    assert filled.count("<") == filled.count(">") == 1
    assert filled.count('"') == 2


def test_hostile_words_stay_words(office: Office) -> None:
    office.feedback(texts=(Text(HOSTILE),))
    office.ticket(title=HOSTILE, departments=("logistics",), owner="u_li", state="accepted", unit="SH/001")
    names = {"zh-CN": HOSTILE, "en": HOSTILE}
    hostile = replace(
        ORGANISATION,
        version=2,
        departments=(Department("logistics", names), Department(HOSTILE)),
        people=(Person("u_li", HOSTILE),),
        units=(Unit("SH/001", HOSTILE),),
    )
    office.organisations.put(OURS, hostile, by="ky_one", at=NOW)
    opened = replace(
        page.open_page()(link()),
        causes=(Cause(HOSTILE, names, "care"),),
        path=(Told(("topic", "cause"), HOSTILE, HOSTILE, "prior", (names, names), names),),
        topic_name=lambda _topic, _lang: HOSTILE,
    )

    for lang in ("zh-CN", "en"):
        body = pages.whole(opened, lang, contact={"name": HOSTILE, "email": HOSTILE, "phone": f"138{HOSTILE}"})
        assert not re.search("<script|<img|</blockquote>[^<]*<script", body)
        assert said(Answer(200, {}, body)).count("<script>alert(2)</script>&amp; $title") >= 10


# --- working on it ------------------------------------------------------------------------------------------------


def test_a_person_takes_a_case_calls_the_customer_and_solves_it(office: Office) -> None:
    mine = code(office)

    answers = [
        press("accept", mine.lower(), version=1),
        press("contacted", f" {mine[:4]}-{mine[4:]} ", version=2),
        press("resolve", mine, version=3, root_cause="箱子太薄 13987254361", action="补发"),
    ]

    assert [(one.status, one.headers["Location"]) for one in answers] == [(303, "?lang=en&done=1")] * 3
    case = office.tickets.rows[OURS, TICKET]
    assert (case.state, case.owner, case.root_cause, case.action) == ("resolved", "u_li", "箱子太薄 〔手机号〕", "补发")
    assert [line.actor for line in office.tickets.moves(OURS, TICKET)[1:]] == ["u_li"] * 3
    assert "Saved." in said(get(lang="en", done="1"))
    assert "There is nothing to do now." in said(get(lang="en"))


def test_who_calls_the_customer_keeps_the_first_response_and_calls_again_keep_the_next_update(office: Office) -> None:
    before = office.tickets.rows[OURS, TICKET]
    first, update = (Clock(timedelta(hours=1), NOW, timedelta(hours=1), NOW + timedelta(hours=1)) for _ in range(2))
    running = Clocks("high", None, 0, first_response=first, next_update=update)
    office.tickets.rows[OURS, TICKET] = replace(before, state="in_progress", clocks=running)
    mine = code(office)
    office.now += timedelta(minutes=30)

    answer = press("contacted", mine)

    case = office.tickets.rows[OURS, TICKET]
    assert (answer.status, case.state, case.version) == (303, "in_progress", 2)
    assert case.clocks is not None
    assert case.clocks.first_response is not None
    assert case.clocks.first_response.met_at == office.now
    last = office.tickets.moves(OURS, TICKET)[-1]
    assert (last.actor, last.before, last.after) == ("u_li", "in_progress", "in_progress")


@pytest.mark.parametrize(("chosen", "department"), [("care", "care"), ("", "front_desk")])
def test_what_is_not_mine_goes_where_i_say_or_to_triage_and_my_code_is_over(
    office: Office, chosen: str, department: str
) -> None:
    mine = code(office)
    office.organisations.put(OURS, replace(ORGANISATION, version=2, departments=()), by="ky_one", at=NOW)
    fields = {"reason": "不归我们", **({"department": chosen} if chosen else {})}
    if chosen == "care":
        named = replace(ORGANISATION, version=3)
        office.organisations.put(OURS, named, by="ky_one", at=NOW)

    answer = press("not_mine", mine, **fields)

    case = office.tickets.rows[OURS, TICKET]
    assert (answer.status, case.departments, case.owner, case.bounced) == (303, (department,), None, 1)
    assert office.codes.rows == {}
    assert press("accept", mine, version=2).status == 403


def test_without_a_triage_a_taken_case_goes_back_to_its_queue(office: Office) -> None:
    office.organisations.put(OURS, replace(ORGANISATION, version=2, triage=None), by="ky_one", at=NOW)
    mine = code(office)
    nowhere_to = press("not_mine", mine, reason="不归我们")
    press("accept", mine)

    back = press("not_mine", mine, version=2, reason="不归我们")

    assert (nowhere_to.status, back.status) == (422, 303)
    assert "which department" in said(nowhere_to)
    case = office.tickets.rows[OURS, TICKET]
    assert (case.state, case.bounced) == ("open", 1)


@pytest.mark.parametrize(
    ("do", "fields", "status", "words"),
    [
        ("accept", {"version": 9}, 409, "Somebody has just changed the ticket."),
        ("resolve", {"root_cause": "a", "action": "b"}, 409, "does not allow this now"),
        ("delete", {}, 409, "does not allow this now"),
        ("not_mine", {"reason": " "}, 422, "Please give the reason."),
        ("not_mine", {"reason": "r", "department": "nobody"}, 422, "which department"),
        ("not_mine", {"reason": "r", "department": "logistics"}, 422, "which department"),
    ],
)
def test_what_cannot_be_done_changes_nothing_and_keeps_what_was_typed(
    office: Office, do: str, fields: dict[str, Any], status: int, words: str
) -> None:
    mine, before = code(office), office.tickets.rows[OURS, TICKET]

    answer = press(do, mine, **{"reason": "<b>typed</b>", **fields})

    assert (answer.status, office.tickets.rows[OURS, TICKET]) == (status, before)
    assert words in said(answer)
    assert mine not in answer.body
    assert ("&lt;b&gt;typed&lt;/b&gt;" in answer.body) == ("reason" not in fields)


def test_a_resolution_without_cause_and_action_is_asked_for_them(office: Office) -> None:
    mine = code(office)
    press("accept", mine)

    answer = press("resolve", mine, version=2, root_cause="a")

    assert (answer.status, office.tickets.rows[OURS, TICKET].state) == (422, "accepted")
    assert "Please give the root cause and what was done." in said(answer)
    assert "<details open>" in answer.body


def test_what_an_oa_resolved_without_words_is_completed_on_the_page(office: Office) -> None:
    done = replace(office.tickets.rows[OURS, TICKET], state="resolved", incomplete=True, version=2)
    office.tickets.rows[OURS, TICKET] = done
    mine = code(office)
    listed = office.call("GET", "/v1/tickets", query={"incomplete": "true"}).json["items"]

    assert "补上原因和措施" in said(get(lang="zh-CN"))
    assert "Reported as resolved without root cause or action" in said(get(lang="en"))
    half = press("complete", mine, version=2, root_cause="carton too thin", action=" ")
    assert (half.status, "Please give the root cause and what was done." in said(half)) == (422, True)
    assert press("complete", mine, version=2, root_cause="carton too thin", action="sent a new one").status == 303

    after = office.tickets.rows[OURS, TICKET]
    assert (after.state, after.incomplete, after.root_cause, after.version) == ("resolved", False, "carton too thin", 3)
    assert "Add cause and action" not in said(get(lang="en"))
    assert press("complete", mine, version=3, root_cause="a", action="b").status == 409
    assert [one["id"] for one in listed] == [TICKET]
    assert office.call("GET", "/v1/tickets", query={"incomplete": "true"}).json["items"] == []


def test_the_page_tells_the_way_and_lets_the_owner_choose_the_cause(office: Office) -> None:
    edges = (Edge("logistics.damage", "packing", "prior", {"weight": "5", "weights": "11"}),)
    before = office.tickets.rows[OURS, TICKET]
    office.tickets.rows[OURS, TICKET] = replace(before, topics=("logistics.damage",), path=edges)
    mine = code(office)
    press("accept", mine)

    assert "“包装强度不够”（权重 5/11）" in said(get(lang="zh-CN"))
    answer = get(lang="en")
    assert "“Packing too weak” (weight 5 of 11)" in said(answer)
    assert re.findall(r'<select id="cause".*?</select>', answer.body)[0].count("<option") == 4

    wrong = press("resolve", mine, version=2, root_cause="a", action="b", cause="gremlins")
    assert (wrong.status, "There is no such cause." in said(wrong)) == (422, True)
    assert press("resolve", mine, version=2, root_cause="a", action="b", cause="leak").status == 303
    assert office.tickets.rows[OURS, TICKET].cause == "leak"


def test_whoever_has_the_link_alone_locks_nobody_out_however_often_they_try(office: Office) -> None:
    mine, others, before = code(office), code(office, "u_wang"), office.tickets.rows[OURS, TICKET]

    tries = [press("accept", guess) for guess in (*[wrong(mine)] * 20, wrong(others), "WRONG", "")]

    assert [one.status for one in tries] == [403] * len(tries)
    assert len({one.body for one in tries}) == 1, "a guess learns nothing"
    assert office.tickets.rows[OURS, TICKET] == before
    assert press("accept", mine).status == 303
    assert press("contacted", others, version=2).status == 303


def test_another_code_takes_the_place_of_the_one_before_it(office: Office) -> None:
    mine, fresh = code(office), code(office)

    refused = press("accept", mine)

    assert (refused.status, "The code is wrong or over." in said(refused)) == (403, True)
    assert press("accept", fresh).status == 303


def test_the_code_that_was_sent_to_the_owner_is_over_when_somebody_else_has_the_ticket(office: Office) -> None:
    by_key = replace(ORGANISATION, version=2, people=(Person("u_li", "李四", key="ky_li"),))
    office.organisations.put(OURS, by_key, by="ky_one", at=NOW)
    mine = code(office)
    place = (OURS, TICKET, "u_li")
    made = office.codes.rows[place]
    case = office.tickets.rows[OURS, TICKET]
    office.tickets.rows[OURS, TICKET] = replace(case, owner="u_wang")
    office.codes.rows[place] = replace(made, derived=True, sent=True)

    refused = press("accept", mine)

    assert (refused.status, office.tickets.rows[OURS, TICKET].state) == (403, "open")
    assert "somebody else's by now" in said(refused)
    office.tickets.rows[OURS, TICKET] = replace(case, owner="ky_li", state="accepted")
    assert press("contacted", mine).status == 303, "they took it with their key"
    office.tickets.rows[OURS, TICKET] = replace(office.tickets.rows[OURS, TICKET], owner="u_wang")
    office.codes.rows[place] = made  # an admin chose whom to give it to
    assert press("not_mine", mine, version=2, reason="r", department="care").status == 303


@pytest.mark.parametrize("do", ["call", "accept", "contacted", "not_mine"])
def test_who_is_gone_has_no_code_any_more_and_sees_no_phone(office: Office, do: str) -> None:
    mine, before = code(office), office.tickets.rows[OURS, TICKET]
    gone = replace(ORGANISATION, version=2, people=(Person("u_wang"),))
    office.organisations.put(OURS, gone, by="ky_one", at=NOW)
    office.now += timedelta(seconds=3)  # what is in force may be two seconds old

    refused = press(do, mine, reason="r", department="care")

    assert (refused.status, "The code is wrong or over." in said(refused)) == (403, True)
    assert ("13800138000" in refused.body, list(office.audit.rows)) == (False, [])
    assert office.tickets.rows[OURS, TICKET] == before
    for body in ({}, {"person": "u_li"}, {"person": "ky_one"}):
        none = office.call("POST", "/v1/tickets/{ticket_id}/codes", body, path={"ticket_id": TICKET})
        assert (none.status, none.code, none.json["pointer"]) == (422, "unknown_person", "/person")
        assert none.json["detail"] == "The organisation has no such person."


def test_a_code_works_again_and_again_and_ends_after_72_hours(office: Office) -> None:
    mine = code(office)
    assert press("accept", mine).status == 303
    assert press("contacted", mine, version=2).status == 303

    office.now += timedelta(hours=72)
    assert press("contacted", mine, version=3).status == 403


def test_a_code_is_kept_as_a_mark_that_fits_one_ticket(office: Office) -> None:
    mine = code(office)
    kept = office.codes.rows[OURS, TICKET, "u_li"]
    office.ticket(id="tk_second", owner="u_li")
    office.codes.put(OURS, "tk_second", kept)

    assert mine not in repr(office.codes.rows) + kept.mark.upper()
    other = page.page_links().make(OURS, "tk_second", NOW)
    assert press("accept", mine, name=other).status == 403


def test_a_code_is_the_owners_or_the_named_persons_and_admins_make_it(office: Office) -> None:
    path = {"ticket_id": TICKET}
    ours = office.call("POST", "/v1/tickets/{ticket_id}/codes", {}, path=path)
    named = office.call("POST", "/v1/tickets/{ticket_id}/codes", {"person": "u_wang"}, path=path)
    office.ticket()
    nobody = office.call("POST", "/v1/tickets/{ticket_id}/codes", {}, path=path)

    assert (ours.json["person"], named.json["person"], nobody.status, nobody.code) == (
        "u_li",
        "u_wang",
        422,
        "no_owner",
    )
    assert re.fullmatch("[2-9A-HJ-NP-TV-Z]{10}", ours.json["code"])
    assert get(ours.json["url"].rpartition("/")[2]).status == 200
    for role in ("analyst", "region", "store", "integration"):
        unit = {"unit": "SH/001"} if role in ("region", "store") else {}
        refused = office.call("POST", "/v1/tickets/{ticket_id}/codes", {}, path=path, key=office.new_key(role, **unit))
        assert (refused.status, refused.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        (FORM["content-type"], b"", 422),
        (FORM["content-type"], b"version=x", 422),
        (FORM["content-type"], b"version=1&reason=" + b"a" * 2001, 422),
        (FORM["content-type"], b"version=1" + b"&a=1" * 30, 422),
        (FORM["content-type"], b"version=\xff", 422),
        (FORM["content-type"], b"a" * (64 * 1024 + 1), 413),
    ],
)
def test_a_form_that_is_none_is_a_page(office: Office, kind: str, body: bytes, status: int) -> None:
    before = office.tickets.rows[OURS, TICKET]
    answer = call(
        product(), "POST", ROUTE, path={"link": link()}, query={"lang": "en"}, headers={"content-type": kind}, body=body
    )

    assert answer.status == status
    assert "Please send it again" in said(answer)
    assert office.tickets.rows[OURS, TICKET] == before


def test_the_owner_sees_the_phone_once_and_it_is_written_down_who_looked(office: Office) -> None:
    mine, others = code(office), code(office, "u_wang")

    shown = press("call", mine)

    assert (shown.status, shown.headers["Cache-Control"]) == (200, "no-store")
    assert '<a class="call" href="tel:13800138000">Call 13800138000</a>' in shown.body
    assert "王小明" in said(shown)
    assert [(one["key"], one["ticket"], one["reason"]) for one in office.audit.rows] == [
        ("u_li", TICKET, "called from the ticket's page")
    ]
    assert "13800138000" not in get().body
    stranger = press("call", others)
    assert (stranger.status, "Only the owner may see the phone." in said(stranger)) == (403, True)
    assert "13800138000" not in stranger.body
    assert press("call", wrong(mine)).status == 403
    assert (len(office.audit.rows), office.tickets.rows[OURS, TICKET].version) == (1, 1)


def test_whoever_left_no_phone_is_said_to_have_none_and_no_button_promises_one(office: Office) -> None:
    mine = code(office)
    assert 'value="call"' in get().body
    office.feedback(contact=None)

    assert 'value="call"' not in get().body
    late = press("call", mine)
    assert (late.status, "no phone and no e-mail" in said(late)) == (200, True)
    assert office.audit.rows == []


def test_the_page_shows_the_parts_of_a_case_and_what_repeats_it(office: Office) -> None:
    case = office.tickets.rows[OURS, TICKET]
    parent = replace(case, parts=("logistics", "care"))
    office.tickets.rows[OURS, TICKET] = parent
    for child, department, owner in zip(children_of(parent), parent.parts, ("u_li", None), strict=True):
        part = replace(case, id=child, parent=TICKET, departments=(department,), owner=owner)
        office.tickets.rows[OURS, child] = part
    office.ticket(id="tk_twin", state="merged", title="CANARY another customer")
    office.cases.link(Link(OURS, TICKET, "tk_twin", "has_duplicate", "ky_one", NOW))

    told = re.sub(r"\s+", " ", said(get(lang="en"))).casefold()

    assert "logistics · open · 李四" in told
    assert "care · open · nobody yet" in told
    assert "repeated by · tk_twin · " in told
    assert "canary" not in told
    below = page.page_links().make(OURS, children_of(parent)[0], NOW)
    assert "your department's part of a case" in said(get(below, lang="en"))


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("zh-CN", "care · 子工单没有开出来，暂由整单负责人处理"),
        ("en", "care · no ticket could be opened; it is with whoever has the case"),
    ],
)
def test_the_page_shows_the_part_that_has_no_ticket(office: Office, lang: str, text: str) -> None:
    case = office.tickets.rows[OURS, TICKET]
    office.tickets.rows[OURS, TICKET] = replace(case, parts=("logistics", "care"), unopened=("care",))
    assert text.casefold() in re.sub(r"\s+", " ", said(get(lang=lang))).casefold()


def test_a_late_case_says_so_and_who_was_told(office: Office) -> None:
    case = office.tickets.rows[OURS, TICKET]
    late = Clock(timedelta(hours=1), NOW, timedelta(hours=1), NOW + timedelta(hours=1))
    clocks = Clocks("high", None, 0, first_response=late)
    office.tickets.rows[OURS, TICKET] = replace(case, clocks=clocks, escalated_to=("u_wang", "u_li"))
    office.now += timedelta(hours=3)

    answer = get(lang="en")

    assert answer.body.count('class="late"') == 1
    assert 'class="due late"' in answer.body
    assert re.search(r"Told\s+u_wang, 李四", said(answer))
    assert "处理期限：" in said(get(lang="zh-CN"))


@pytest.mark.parametrize(
    ("verification", "zh", "en"),
    [
        ("satisfied", "客户确认已解决", "the customer says that it is solved"),
        ("no_answer", "客户回访未答复", "customer did not answer when asked"),
    ],
)
def test_a_closed_case_says_what_the_customer_said(office: Office, verification: str, zh: str, en: str) -> None:
    case = office.tickets.rows[OURS, TICKET]
    assert "Verification" not in said(get(lang="en"))
    office.tickets.rows[OURS, TICKET] = replace(case, state="closed", verification=verification)

    assert re.search(rf"效果验收\s+{zh}", said(get(lang="zh-CN")))
    assert re.search(rf"Verification\s+{en}", said(get(lang="en")))


def test_the_reply_has_what_the_ticket_knows_and_names_its_blanks(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = {"zh-CN": "{customer}，{staff}，{ticket_id}，{when}，{own}", "en": "{customer} {unit} {staff} {own}"}
    wanted = builders.playbook(reply=reply)
    monkeypatch.setattr(cases, "find_playbook", lambda: lambda workspace, chosen: wanted)
    page.open_page.cache_clear()

    assert f"〔客户称呼〕，李四，{TICKET}，〔时间〕，{{own}}" in said(get(lang="zh-CN"))
    assert "[customer's name] [shop] 李四 {own}" in said(get(lang="en"))


def test_a_deadline_that_rests_on_no_published_calendar_says_so(office: Office) -> None:
    case = office.tickets.rows[OURS, TICKET]
    clock = Clock(timedelta(hours=1), NOW, timedelta(hours=1), NOW + timedelta(hours=1), unpublished=(2027,))
    office.tickets.rows[OURS, TICKET] = replace(case, clocks=Clocks("medium", None, 0, resolution=clock))

    assert "Provisional: the holidays of 2027" in said(get(lang="en"))
    assert "2027 年的节假日安排尚未公布" in said(get(lang="zh-CN"))


# --- in a browser -------------------------------------------------------------------------------------------------


class Served(BaseHTTPRequestHandler):
    """The product's own answers on loopback."""

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, body: bytes | None) -> None:
        parts = urlsplit(self.path)
        sent = {name.lower(): value for name, value in self.headers.items()}
        name, query = parts.path.rpartition("/")[2], dict(parse_qsl(parts.query))
        answer = call(product(), self.command, ROUTE, path={"link": name}, query=query, headers=sent, body=body)
        self.send_response(answer.status)
        for header, value in answer.headers.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(office: Office) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/t"
        server.shutdown()
        thread.join()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the ticket's page was not opened in a browser")
def test_a_phone_shows_the_page_without_a_complaint_and_sends_its_form(
    office: Office, served: str, tmp_path: Path
) -> None:
    words = HOSTILE + "长" * 200 + "w" * 300
    office.feedback(texts=(Text(words),), understanding=Understanding(tags=(builders.tag(),)))
    mine = code(office)
    with phone(tmp_path / "profile") as tab:
        for lang, heading in (("zh-CN", "客户原话"), ("en", "In the customer's words")):
            tab.open(f"{served}/{link()}?lang={lang}")
            assert tab.value("document.querySelector('h2').textContent") == heading
            assert tab.value("document.querySelector('blockquote').textContent") == words
            assert tab.value("getComputedStyle(document.querySelector('mark')).backgroundColor") == "rgb(255, 224, 138)"
            assert tab.value("document.documentElement.scrollWidth") == tab.value("innerWidth") == 390
            tab.picture(tmp_path / f"page-{lang}.png")
        tab.value(f"document.querySelector('#code').value = {mine!r}")
        tab.submit("document.querySelector('button[value=accept]').click()")
        assert "Saved." in tab.value("document.body.textContent")
        assert tab.complaints == []
        assert {urlsplit(url).path.rpartition("/")[0] for url in tab.requests} == {"/t"}
    assert office.tickets.rows[OURS, TICKET].state == "accepted"


def test_the_line_of_a_view_names_no_link(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    name = link()
    get(name)
    press("accept", "CANARYCODE", name=name)

    told = repr([vars(record) for record in caplog.records])
    assert "open_page" in told
    assert "code_invalid" in told
    for hidden in (name, name.rpartition(".")[2], "CANARYCODE", "破损"):
        assert hidden not in told
