"""The owner of a ticket gets their code by themselves: to them alone, once, and the one that opens the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.connectors import tellers
from chalicelib.connectors.registry import load_gateway
from chalicelib.domain.cases import page_link
from chalicelib.domain.cases.parts import children_of
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.outbound.delivery import wants
from chalicelib.domain.outbound.exchange import EgressError, HttpResponse
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.domain.workspaces.organisation import Organisation, Person
from chalicelib.services.alerts.spend_sms import SpendSms
from chalicelib.services.outbound.keep_token import KeepToken
from chalicelib.services.page.act_on_page import kept
from chalicelib.services.page.send_code import WAITS, SendCode
from tests import builders
from tests.builders_admin import OURS, FakeVault
from tests.fakes.deliveries import FakeWindows
from tests.fakes.items import FakeTokens
from tests.fakes.page_codes import FakePageCodes
from tests.fakes.tickets import FakeDue, FakeQueue

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
EVENT = {"type": "ticket.opened", "workspace": OURS, "ticket_id": "tk_one"}
ESCALATION = {**EVENT, "type": "ticket.escalated"}
FEISHU = {"app_id": "cli_1", "app_secret": "s"}
WECOM = {"corp_id": "ww1", "corp_secret": "s"}
DINGTALK = {"app_key": "k", "app_secret": "s"}
SMS = {"access_key_id": "k", "access_key_secret": "s", "phones": "13911111111"}
SMS_SETTINGS = {
    "sign_name": "回响",
    "template_text": "您的验证码${code}",
    "template_code": "SMS_1",
    "variables": {"code": "{code}"},
}
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "tenant_access_token": {"code": 0, "tenant_access_token": "t", "expire": 7200},
    "gettoken": {"errcode": 0, "access_token": "t", "expires_in": 7200},
    "accessToken": {"accessToken": "t", "expireIn": 7200},
    "im/v1/messages": {"code": 0, "data": {"message_id": "om_1"}},
    "message/send": {"errcode": 0, "msgid": "m"},
    "batchSend": {"processQueryKey": "q"},
    "SendSms": {"Code": "OK"},
}


GETTING_IN = ("tenant_access_token", "gettoken", "accessToken")


@dataclass
class Company:
    """One ticket, its owner's channels, and what was sent."""

    channels: dict[str, str]
    endpoints: list[Endpoint]
    credentials: dict[str, dict[str, str]]
    broken: int = 0  # calls that find nobody
    answer: dict[str, Any] | None = None  # in the place of every answer to a message
    parts: dict[str, Ticket] = field(default_factory=dict)  # of the ticket, by their ids
    sent: list[tuple[str, str]] = field(default_factory=list)  # URL and body, tokens left out
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.ticket = replace(builders.ticket(), workspace=OURS, id="tk_one", owner="li", state="open")
        self.codes, self.queue, self.due, self.vault = FakePageCodes(), FakeQueue(), FakeDue(), FakeVault()
        self.organisation = Organisation(version=1, people=(Person("li", "李"), Person("wang", "王")))
        self.spent: list[int] = []
        self.service = SendCode(
            tickets=self,
            codes=self.codes,
            marks=self.vault,
            directory=Directory(self),
            organisation=lambda _: self.organisation,
            channels=lambda _: {"li": self.channels, "wang": self.channels},
            secrets=self,
            teller=tellers.load,
            keep_token=KeepToken(FakeTokens(), lambda: self.now),
            windows=FakeWindows(),
            door=Wire(self),
            sms=SpendSms(Budget(self.spent), load_gateway, 100, lambda: self.now),
            topic_names=lambda _: lambda topic, _lang: topic,
            queue=self.queue,
            due=self.due,
            clock=lambda: self.now,
            monotonic=lambda: 0.0,
            base_url="https://loop.test",
            page=lambda _, ticket, __: f"page-of-{ticket}",
        )

    def get(self, record: str, ticket: str = "") -> Any:
        """The ticket of the store, and the credentials of an endpoint."""
        if ticket:
            return self.ticket if ticket == self.ticket.id else self.parts.get(ticket)
        return replace(builders.endpoint_secret(), id=record, workspace=OURS, credentials=self.credentials[record])

    def text(self) -> str:
        """The code as the service makes it."""
        code = self.codes.rows[OURS, "tk_one", "li"]
        return self.service._text(self.ticket, "li", code.expires_at)

    def run(self, event: Mapping[str, Any] = EVENT) -> list[str]:
        """Plan it, and work off the queue as the function does; what each message came to."""
        self.service.plan(event, self.endpoints)
        outcomes = []
        while self.queue.sent:
            outcomes.append(self.service(self.queue.sent.pop(0)))
            self.now += timedelta(seconds=1)
        return outcomes


@dataclass
class Directory:
    company: Company

    def endpoints(self, workspace: str) -> list[Endpoint]:
        return self.company.endpoints


@dataclass
class Wire:
    company: Company

    def send(self, method: str, url: str, headers: Any, body: bytes, *, within: float | None = None) -> HttpResponse:
        company = self.company
        name = next(one for one in ANSWERS if one in url or one in str(headers))
        if name not in GETTING_IN:
            if company.broken:
                company.broken -= 1
                raise EgressError("nobody", code="connection", sent=False)
            company.sent.append((url, body.decode()))
            return HttpResponse(200, {}, json.dumps(company.answer or ANSWERS[name]).encode())
        return HttpResponse(200, {}, json.dumps(ANSWERS[name]).encode())


@dataclass
class Budget:
    spent: list[int]

    def spend(self, workspace: str, parts: int, *, limit: int, at: datetime) -> bool:
        self.spent.append(parts)
        return True

    def refund(self, workspace: str, parts: int, *, at: datetime) -> None:
        self.spent.append(-parts)


def app(connector: str, **settings: Any) -> Endpoint:
    return builders.endpoint(workspace=OURS, id=f"ep_{connector}", connector=connector, settings=settings)


def company(connector: str, credentials: dict[str, str], channels: dict[str, str], **settings: Any) -> Company:
    return Company(channels, [app(connector, **settings)], {f"ep_{connector}": credentials})


WAYS = [
    ("feishu_app", FEISHU, {"feishu": "ou_li"}, {"receiver_type": "chat_id"}, ("receive_id_type=open_id", '"ou_li"')),
    ("feishu_app", FEISHU, {"feishu": "li@acme.cn"}, {}, ("receive_id_type=email", '"li@acme.cn"')),
    ("wecom_app", WECOM, {"wecom": "li"}, {"agent_id": 7}, ("message/send", '"touser":"li"')),
    ("dingtalk_todo", DINGTALK, {"dingtalk": "0042"}, {"operator": "u", "robot_code": "rc"}, ("batchSend", '["0042"]')),
    ("aliyun_sms", SMS, {"phone": "+8613922222222"}, SMS_SETTINGS, ("PhoneNumbers=13922222222", "")),
]


@pytest.mark.parametrize(("connector", "credentials", "channels", "settings", "parts"), WAYS)
def test_the_owner_alone_gets_the_code_that_opens_the_page_once(
    connector: str, credentials: dict[str, str], channels: dict[str, str], settings: dict[str, Any], parts: Any
) -> None:
    firm = company(connector, credentials, channels, **settings)

    assert firm.run() == ["sent"]
    assert firm.run() == [], "the next event of the ticket sends no other"

    ((url, body),) = firm.sent
    text = firm.text()
    assert text in url + body
    assert parts[0] in url
    assert parts[1] in body
    row = firm.codes.rows[OURS, "tk_one", "li"]
    assert replace(row, derived=False, sent=False) == kept(firm.vault, firm.ticket, "li", text, row.expires_at)
    assert row.expires_at == NOW + page_link.LIFETIME
    assert text not in repr(firm.codes.rows) + repr(firm.queue) + repr(firm.due)
    assert firm.spent == ([1] if connector == "aliyun_sms" else [])


def test_what_does_not_get_through_is_sent_again_with_the_same_code_and_then_by_another_way() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li", "phone": "13922222222"})
    firm.endpoints.append(app("aliyun_sms", **SMS_SETTINGS))
    firm.credentials["ep_aliyun_sms"] = SMS
    firm.broken = 2

    assert firm.run() == ["connection", "connection", "sent"]
    assert firm.text() in firm.sent[0][1]

    late = company("feishu_app", FEISHU, {"feishu": "ou_li", "phone": "13922222222"})
    late.endpoints.append(app("aliyun_sms", **SMS_SETTINGS))
    late.credentials["ep_aliyun_sms"] = SMS
    late.answer = {"code": 230013, "msg": "no availability", "Code": "OK"}
    assert late.run() == ["code_230013", "sent"]
    assert "PhoneNumbers=13922222222" in late.sent[-1][0]


@pytest.mark.parametrize("way", WAYS[:4], ids=lambda way: str(way[0]))
def test_who_stands_above_is_told_once_of_an_escalation_with_a_link_and_without_a_code(way: Any) -> None:
    connector, credentials, channels, settings, parts = way
    firm = company(connector, credentials, channels, lang="en", **settings)
    firm.run()
    code = firm.text()
    firm.sent.clear()
    firm.ticket = replace(firm.ticket, escalated_to=("wang",))

    assert firm.run() == [], "only the escalation itself tells: quiet hours hold it back"
    assert firm.run(ESCALATION) == ["sent"]
    firm.now += timedelta(days=13)
    assert firm.run(ESCALATION).count("sent") == 1, "a replay after two weeks: a new code for the owner, whose is over"

    url, body = firm.sent[0]
    assert parts[0] in url
    assert "https://loop.test/t/page-of-tk_one" in body
    assert "passed up to you" in body
    assert code not in body
    assert sum("passed up to you" in told for _, told in firm.sent) == 1
    above = firm.codes.rows[OURS, "tk_one", "wang#above"]
    assert above.mark not in {kept(firm.vault, firm.ticket, "li", one, NOW).mark for one in ("", above.person, code)}


def test_an_escalation_is_told_to_nobody_by_sms_and_to_nobody_whom_it_no_more_concerns() -> None:
    firm = company("aliyun_sms", SMS, {"phone": "13922222222"}, **SMS_SETTINGS)
    firm.ticket = replace(firm.ticket, owner=None, escalated_to=("wang", "a stranger"))
    assert firm.run(ESCALATION) == []
    assert firm.codes.rows == {}

    late = company("feishu_app", FEISHU, {"feishu": "ou_wang"})
    late.ticket = replace(late.ticket, owner=None, escalated_to=("wang",))
    late.service.plan(ESCALATION, late.endpoints)
    late.ticket = replace(late.ticket, state="resolved")
    assert late.service(late.queue.sent.pop()) == "moved_on"
    assert late.sent == []


@pytest.mark.parametrize("way", WAYS[:4], ids=lambda way: str(way[0]))
@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("zh-CN", "care、depot 的子工单没有开出来。在开出来之前，这部分由您负责。"),
        ("en", "No ticket could be opened for care, depot, which has a part of the case"),
    ],
)
def test_whoever_has_a_case_is_told_once_which_part_has_no_ticket(way: Any, lang: str, text: str) -> None:
    connector, credentials, channels, settings, parts = way
    firm = company(connector, credentials, channels, lang=lang, **settings)
    firm.run()
    code = firm.text()
    firm.sent.clear()
    firm.ticket = replace(firm.ticket, parts=("logistics", "care", "depot"), unopened=("care", "depot"))

    assert firm.run(ESCALATION) == ["sent"]
    assert firm.run(ESCALATION) == [], "the same event twice"
    ((url, body),) = firm.sent
    assert parts[0] in url
    assert text in body
    assert "https://loop.test/t/page-of-tk_one" in body
    assert code not in body

    firm.ticket = replace(firm.ticket, unopened=("depot",))
    assert firm.run(ESCALATION) == ["sent"], "another one, by itself"


@pytest.mark.parametrize("changes", [{"unopened": ()}, {"state": "closed"}, {"owner": "wang"}])
def test_a_part_that_is_opened_after_all_or_of_a_case_that_is_over_is_told_no_more(changes: dict[str, Any]) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.run()
    firm.sent.clear()
    firm.ticket = replace(firm.ticket, parts=("logistics", "care"), unopened=("care",))
    firm.service.plan(ESCALATION, firm.endpoints)
    firm.ticket = replace(firm.ticket, **changes)
    assert firm.service(firm.queue.sent.pop()) == "moved_on"
    assert firm.sent == []


def resolved(firm: Company, version: int, **changes: Any) -> dict[str, Any]:
    """The event of a resolution of an OA that says neither why nor what was done, unless changed.

    What was resolved before is reopened for it.
    """
    again = firm.ticket.state == "resolved"
    firm.ticket = replace(firm.ticket, reopened=firm.ticket.reopened + again)
    values = {"root_cause": None, "action": None, "incomplete": True, **changes}
    firm.ticket = replace(firm.ticket, state="resolved", version=version, **values)
    return {**EVENT, "type": "ticket.resolved", "ticket_version": version, "incomplete": firm.ticket.incomplete}


@pytest.mark.parametrize("way", WAYS[:4], ids=lambda way: str(way[0]))
@pytest.mark.parametrize(
    ("lang", "said", "missing"),
    [
        ("en", {}, "Still missing: root cause, what was done."),
        ("en", {"root_cause": "thin carton"}, "Still missing: what was done."),
        ("zh-CN", {}, "还缺：根本原因、采取的措施。"),
        ("zh-CN", {"action": "补发"}, "还缺：根本原因。"),
    ],
)
def test_the_owner_is_told_once_what_an_oas_resolution_lacks_with_a_link_and_without_a_code(
    way: Any, lang: str, said: dict[str, str], missing: str
) -> None:
    connector, credentials, channels, settings, parts = way
    firm = company(connector, credentials, channels, lang=lang, **settings)
    firm.run()
    code = firm.text()
    firm.sent.clear()
    event = resolved(firm, 4, **said)

    assert firm.run(event) == ["sent"]
    assert firm.run(event) == [], "the same event twice"

    ((url, body),) = firm.sent
    assert parts[0] in url
    assert parts[1] in body
    assert missing in body
    assert "https://loop.test/t/page-of-tk_one" in body
    assert code not in body


def test_the_owner_is_told_again_of_another_resolution_that_lacks_something() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    assert firm.run(resolved(firm, 4)) == ["sent", "sent"], "the code, which the page asks for, and what is missing"
    firm.ticket = replace(firm.ticket, root_cause="thin carton", version=5)
    assert firm.run({**EVENT, "type": "ticket.updated"}) == [], "half of it was handed in"
    assert firm.run(resolved(firm, 9)) == ["sent"]
    assert [row for _, _, row in firm.codes.rows] == ["li", "li#lacking#1", "li#lacking#2"]


def test_whoever_is_told_what_a_resolution_lacks_gets_a_code_for_the_page_where_theirs_is_over() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"}, lang="en")
    firm.run()
    firm.sent.clear()
    firm.now += timedelta(hours=73)

    assert firm.run(resolved(firm, 4)) == ["sent", "sent"]

    (_, code), (_, told) = firm.sent
    assert firm.text() in code
    assert firm.text() not in told
    assert "Still missing" in told
    assert [one.person for one in firm.codes.all(OURS, "tk_one", firm.now)] == ["li", "li#lacking#1"]
    assert page_link.COMPLETE in page_link.possible(firm.ticket)


@pytest.mark.parametrize(
    ("passed", "came"),
    [(47, ["sent"]), (49, ["sent", "sent"])],
    ids=["a day and an hour are left", "less than a day is left"],
)
def test_whoever_is_told_what_a_resolution_lacks_has_a_code_for_another_day(passed: int, came: list[str]) -> None:
    """Nothing else may happen to the ticket until they are at it, so nothing else would send them one."""
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.run()
    firm.now += timedelta(hours=passed)
    event = resolved(firm, 4)

    assert firm.run(event) == came
    assert firm.run(event) == [], "the same event twice"

    code = firm.codes.rows[OURS, "tk_one", "li"]
    assert code.expires_at - firm.now > timedelta(hours=24)
    assert firm.text() in "".join(body for _, body in firm.sent)


def test_a_code_that_is_soon_over_does_for_all_that_is_no_resolution_without_words() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.run()
    firm.now += timedelta(hours=71)
    assert firm.run({**EVENT, "type": "ticket.updated"}) == []


def test_an_earlier_resolution_that_was_not_told_in_time_is_told_no_more() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.run()
    firm.sent.clear()
    first = resolved(firm, 4)
    firm.service.plan(first, firm.endpoints)
    waits = firm.queue.sent.pop()

    assert firm.run(resolved(firm, 9)) == ["sent"]
    assert firm.service(waits) == "moved_on"
    assert firm.run(first) == [], "its event comes again"
    assert len(firm.sent) == 1


def test_a_resolution_whose_events_come_in_the_wrong_order_is_told_once() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.run()
    first, second = resolved(firm, 4), resolved(firm, 9)
    assert [firm.run(first), firm.run(second)] == [["sent"], []]


def test_a_resolution_that_was_completed_before_anybody_was_told_tells_nobody() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.service.plan(resolved(firm, 4), firm.endpoints)
    firm.ticket = replace(firm.ticket, root_cause="thin carton", action="sent another", incomplete=False)
    assert firm.service(firm.queue.sent.pop()) == "moved_on"
    assert firm.sent == []


@pytest.mark.parametrize(
    "changes", [{"incomplete": False}, {"owner": None}, {"owner": "a stranger"}, {"parts": ("logistics", "care")}]
)
def test_nobody_is_told_of_a_resolution_that_lacks_nothing_or_is_not_theirs_to_complete(
    changes: dict[str, Any],
) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    assert firm.run(resolved(firm, 4, **changes)) == []
    assert firm.codes.rows == {}


def divided(firm: Company, *states: str) -> dict[str, Any]:
    """The event of a resolution of a divided case whose parts are in these states; of one without a state there is
    no ticket yet.
    """
    event = resolved(firm, 4, parts=("logistics", "care"))
    for identity, state in zip(children_of(firm.ticket), states, strict=False):
        firm.parts[identity] = replace(firm.ticket, id=identity, parts=(), state=state, incomplete=False)
    return event


@pytest.mark.parametrize("states", [("rejected", "rejected"), ("merged", "rejected")])
def test_the_owner_of_the_whole_is_told_where_every_part_was_put_away(states: tuple[str, ...]) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    assert firm.run(divided(firm, *states)) == ["sent", "sent"]
    assert [row for _, _, row in firm.codes.rows] == ["li", "li#lacking#1"]


@pytest.mark.parametrize(
    "states", [("resolved", "rejected"), ("closed", "merged"), ("open", "rejected"), ("rejected",)]
)
def test_the_owner_of_the_whole_is_not_told_where_the_owner_of_a_part_is(states: tuple[str, ...]) -> None:
    """What is open is resolved together with the whole, a moment later."""
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    assert firm.run(divided(firm, *states)) == []
    assert firm.codes.rows == {}


@pytest.mark.parametrize("states", [("resolved", "rejected"), ("open", "rejected"), ("resolved", "resolved")])
def test_the_owner_of_the_whole_is_told_where_a_part_that_lacks_words_is_nobodys(states: tuple[str, ...]) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    event = divided(firm, *states)
    first = children_of(firm.ticket)[0]
    firm.parts[first] = replace(firm.parts[first], owner=None, incomplete=states[0] == "resolved")
    assert firm.run(event) == ["sent", "sent"]
    assert [row for _, _, row in firm.codes.rows] == ["li", "li#lacking#1"]


def test_a_part_that_is_nobodys_and_lacks_no_words_leaves_none_to_the_whole() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    event = divided(firm, "closed", "rejected")
    firm.parts = {one: replace(part, owner=None) for one, part in firm.parts.items()}
    assert firm.run(event) == []


def of_part(firm: Company, number: int, **changes: Any) -> dict[str, Any]:
    """The event of a part of a divided case that is changed so."""
    identity = children_of(firm.ticket)[number]
    part = firm.parts[identity] = replace(firm.parts[identity], parent=firm.ticket.id, **changes)
    told = {"ticket_id": part.id, "parent": part.parent, "state": part.state}
    return {**EVENT, "type": "ticket.updated", **told, "owner": part.owner, "incomplete": part.incomplete}


@pytest.mark.parametrize("state", ["rejected", "merged"])
def test_the_owner_of_the_whole_is_told_once_its_last_part_is_put_away_after_the_whole_was_resolved(state: str) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    assert firm.run(divided(firm, "rejected", "open")) == []
    event = of_part(firm, 1, state=state, owner="wang")

    assert firm.run(event) == ["sent", "sent"]
    assert firm.run(event) == [], "the same event twice"
    assert [(ticket, row) for _, ticket, row in firm.codes.rows] == [("tk_one", "li"), ("tk_one", "li#lacking#1")]


def test_the_owner_of_the_whole_is_told_when_a_part_that_is_nobodys_was_resolved_with_it() -> None:
    """It had no ticket yet when the whole was resolved."""
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    assert firm.run(divided(firm, "rejected")) == []
    firm.parts[children_of(firm.ticket)[1]] = replace(firm.ticket, id=children_of(firm.ticket)[1], parts=())
    assert firm.run(of_part(firm, 1, state="resolved", owner=None, incomplete=True)) == ["sent", "sent"]


@pytest.mark.parametrize("whole", [{"state": "open"}, {"root_cause": "thin", "action": "new", "incomplete": False}])
def test_a_part_that_is_put_away_tells_nobody_of_a_whole_that_lacks_no_words(whole: dict[str, Any]) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    divided(firm, "rejected", "open")
    firm.ticket = replace(firm.ticket, **{"incomplete": False, **whole})
    assert firm.run(of_part(firm, 1, state="rejected", owner="wang")) == []
    assert firm.codes.rows == {}


def test_what_a_resolution_lacks_is_told_to_nobody_by_sms_but_the_code_comes_as_at_the_opening() -> None:
    """The text is registered and has room for a code only; what is missing stands on the card, which has the link."""
    firm = company("aliyun_sms", SMS, {"phone": "13922222222"}, **SMS_SETTINGS)
    assert firm.run(resolved(firm, 4)) == ["sent"]
    assert [row for _, _, row in firm.codes.rows] == ["li"]
    assert firm.spent == [1]
    assert firm.run(resolved(firm, 9)) == [], "who has a code that is good costs no other SMS"


def test_no_sms_is_spent_on_whom_an_app_reaches() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li", "phone": "13922222222"})
    firm.endpoints.append(app("aliyun_sms", **SMS_SETTINGS))
    firm.credentials["ep_aliyun_sms"] = SMS
    assert firm.run(resolved(firm, 4)) == ["sent", "sent"]
    assert firm.spent == []


def test_where_nothing_reaches_the_owner_it_ends_and_an_admin_makes_the_code() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.broken = 99

    outcomes = firm.run()

    hours = [row for row in firm.due.rows.values() if row.queue == "deliveries"]
    assert (len(outcomes), [one.body["tries"] for one in hours]) == (len(WAITS), [len(WAITS)])
    assert firm.service(hours[0].body) == "connection"
    assert [firm.service(one) for one in firm.queue.sent] == ["unreachable"]


@pytest.mark.parametrize(
    "changes", [{"owner": None}, {"owner": "ky_key"}, {"state": "resolved"}, {"state": "merged"}, {"unit": "BJ/1"}]
)
def test_nobody_is_sent_a_code_for_what_is_not_theirs_to_do(changes: dict[str, Any]) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"}, filter={"units": ["SH"]})
    firm.ticket = replace(firm.ticket, **{"unit": "SH/001", **changes})

    assert firm.run() == []
    assert firm.codes.rows == {}


@pytest.mark.parametrize("settings", [{"codes": False}, {"state": "paused"}])
def test_an_endpoint_that_is_to_send_none_sends_none(settings: dict[str, Any]) -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.endpoints[0] = replace(
        firm.endpoints[0], state=settings.get("state", "active"), settings={"codes": settings.get("codes", True)}
    )

    assert firm.run() == []


def test_a_code_that_waited_is_not_sent_to_whoever_has_the_ticket_no_more_and_the_next_gets_their_own() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.service.plan(EVENT, firm.endpoints)
    first = firm.queue.sent.pop()
    firm.ticket = replace(firm.ticket, owner="wang")

    assert firm.service(first) == "moved_on"
    assert firm.run() == ["sent"]
    marks = {one.mark for one in firm.codes.rows.values()}
    assert (len(firm.codes.rows), len(marks)) == (2, 2)


def test_two_workers_do_not_send_at_once_and_a_code_made_by_hand_is_left_alone() -> None:
    firm = company("feishu_app", FEISHU, {"feishu": "ou_li"})
    firm.service.plan(EVENT, firm.endpoints)
    code = firm.codes.rows[OURS, "tk_one", "li"]
    assert firm.codes.lease(OURS, "tk_one", code, NOW, NOW + timedelta(seconds=60))
    assert firm.service(firm.queue.sent.pop()) == "being_sent"

    firm.codes.put(OURS, "tk_one", replace(code, derived=False))
    assert firm.run() == []


def test_an_sms_endpoint_for_codes_is_told_of_no_event() -> None:
    ours = app("aliyun_sms", **SMS_SETTINGS)

    assert not wants(ours, "ticket.opened", {"unit": None})
    plain = replace(ours, settings={**SMS_SETTINGS, "variables": {"code": "{severity}"}})
    assert wants(plain, "ticket.opened", {"unit": None})
