"""A change that is tried counts what a replay by the real services, under a frozen clock, then does."""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cache, cached_property
from typing import Any, Final

import pytest

from chalicelib.calendars.book import calendar
from chalicelib.connectors import tellers
from chalicelib.connectors.registry import load_gateway
from chalicelib.domain.cases.graph import Cause, Causes, Weighed
from chalicelib.domain.cases.sla import Policy, QuietHours, Timed
from chalicelib.domain.cases.ticket import SETTLED, Move, Ticket
from chalicelib.domain.cases.verification import EVENT, Rules
from chalicelib.domain.changes import FeedbackChange, RowChange, events_of
from chalicelib.domain.events import ticket_events
from chalicelib.domain.ids import child_ticket_id, ticket_id
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.domain.outbound.exchange import HttpResponse
from chalicelib.domain.reading.dry_run import (
    CHANGED,
    DONE,
    FAILED,
    LONGEST,
    NOBODY,
    PAGE,
    RUNNING,
    STALLED,
    TOO_MUCH,
    TOTAL,
    TOTALS,
    Change,
    DryRun,
    EndpointChange,
    FrameChange,
    Tally,
    difference,
    message,
)
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.listing import FeedbackSummary
from chalicelib.domain.reading.reading import decided
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces import rules
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret, Subscription
from chalicelib.domain.workspaces.organisation import EVERYWHERE, Organisation, Person, Post, Unit
from chalicelib.domain.workspaces.organisation_check import Asked
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Conflict, Invalid, NotFound, Parked, Retryable
from chalicelib.observability import Line
from chalicelib.services.alerts.raise_alert import RaiseAlert
from chalicelib.services.alerts.send_alert import SendAlert
from chalicelib.services.alerts.spend_sms import SpendSms
from chalicelib.services.cases.find_graph import FindGraph
from chalicelib.services.cases.find_owner import FindOwner
from chalicelib.services.cases.move_ticket import MoveTicket
from chalicelib.services.cases.open_ticket import OpenTicket
from chalicelib.services.cases.strike_clock import StrikeClock
from chalicelib.services.cases.timed_tickets import Offices, TimedTickets
from chalicelib.services.issues.link_cases import LinkCases
from chalicelib.services.issues.promote import Promote
from chalicelib.services.outbound.delivery_plan import DeliveryPlan
from chalicelib.services.outbound.fan_out import FanOut
from chalicelib.services.outbound.keep_token import KeepToken
from chalicelib.services.page.send_code import SendCode
from chalicelib.services.rehearsal.dry_run import MOST_RUNNING, Configuration, GoThrough, StartDryRun
from chalicelib.services.rehearsal.dry_stores import Tickets
from chalicelib.services.rehearsal.dry_world import Sms
from chalicelib.services.verification.ask_customer import AskCustomer
from chalicelib.services.workspaces.known_names import KnownNames
from chalicelib.services.workspaces.manage_organisation import sound
from chalicelib.services.workspaces.organisation_file import Document
from chalicelib.storage.reading.dry_runs import change_of, packed_change
from chalicelib.understanding.book import FrameBook
from tests.builders import WORKSPACE, endpoint, endpoint_secret, feedback, tag, ticket
from tests.builders_admin import FakeVault
from tests.fakes import alerts, deliveries
from tests.fakes.causes import FakeCauses
from tests.fakes.dry_runs import FakeRuns
from tests.fakes.issues import FakeIssues, FakeRecurrences
from tests.fakes.items import FakeTokens
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.page_codes import FakePageCodes
from tests.fakes.sla import FakeSla, FakeTimedTickets
from tests.fakes.tickets import FakeClock, FakeDue, FakeFeedback, FakeQueue

UNTIL: Final = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
DAYS: Final = 90
SINCE: Final = UNTIL - timedelta(days=DAYS)
VOICES: Final = 160
PARTS_A_DAY: Final = 4
TOPICS: Final = ("logistics.damage", "service.response", "logistics.speed", "product.quality")
BOOK: Final = FrameBook(lambda: None, lambda _, __: None)
FRAME: Final = FrameState(WORKSPACE)
DRAFT: Final = Rule(
    "damage-watch",
    {"all": [{"tag": {"topic": "logistics", "polarity": "negative"}}]},
    ("ticket", "alert"),
    severity="high",
    cooldown_s=6 * 3600,
)
POLICY: Final = Policy(
    1,
    {severity: {"first_response": 120, "resolution": 900} for severity in ("low", "medium", "high", "critical")},
    quiet=QuietHours(22 * 60, 8 * 60),
)
ORGANISATION: Final = Organisation(
    version=1,
    triage="front",
    units=(Unit("SH-001", kind="shop"), Unit("BJ-002", kind="kiosk")),
    people=(
        Person("lu", posts=(Post("SH-001", "logistics"),), most_open=3),
        Person("li", posts=(Post(EVERYWHERE, "logistics"),), superior="boss"),
        Person("mei", posts=(Post(EVERYWHERE, "customer_service"),), superior="boss"),
        Person("boss", posts=(Post(EVERYWHERE, "front"),)),
    ),
)
PHONE: Final = {"phones": "13911111111"}
CREDENTIALS: Final = ("app_id", "app_secret", "access_key_id", "access_key_secret")
TAKEN: Final = {"code": 0, "tenant_access_token": "t", "expire": 7200, "data": {"message_id": "om"}, "Code": "OK"}
SMS: Final = {
    "sign_name": "回响",
    "template_code": "SMS_1",
    "template_text": "${code}",
    "variables": {"code": "{code}"},
}
CHANNELS: Final = {
    "lu": {"phone": "13922222222"},
    "li": {"feishu": "ou_li", "phone": "13922222223"},
    "boss": {"feishu": "b"},
}
ISSUES: Final = IssuePolicy(1, count=6, days=20, critical=3)
ENDPOINTS: Final = (
    endpoint(
        id="ep_oa",
        events=("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reminded", "verification.asked"),
    ),
    endpoint(id="ep_app", connector="feishu_app", events=("issue.updated",)),
    endpoint(id="ep_phone", connector="aliyun_sms", events=("issue.updated",), settings=SMS),
    endpoint(id="ep_boss", events=("ticket.escalated", "alert.raised"), settings={"filter": {"min_severity": "high"}}),
    endpoint(
        id="ep_parts", events=("ticket.opened", "feedback.scored"), settings={"filter": {"departments": ["logistics"]}}
    ),
)
SUBSCRIPTIONS: Final = (
    Subscription(WORKSPACE, "sub_mail", "high", "email", "a@example.org"),
    Subscription(WORKSPACE, "sub_sms", "low", "sms", "+8613800000001"),
    Subscription(WORKSPACE, "sub_grave", "critical", "sms", "+8613800000002"),
)


# --- ninety days --------------------------------------------------------------------------------------------------


LIVES: Final = (  # a case with parts is not rejected
    (),
    ("accepted",),
    ("accepted", "waiting_customer", "in_progress", "resolved"),
    ("accepted", "resolved", "reopened", "in_progress", "resolved"),
    ("rejected",),
    ("rejected", "reopened"),
)


@cache
def departments() -> Mapping[str, str]:
    return {node.id: node.department for node in BOOK.frame(FRAME).nodes}


def voice(number: int, luck: random.Random) -> Feedback:
    """One voice of a workspace where some things go wrong, in bursts."""
    day = luck.choice((*range(DAYS), *[40] * 70))  # more in one afternoon than a page holds
    at = SINCE + timedelta(days=day, seconds=luck.randrange(86_400 if day != 40 else 9_000))
    about = luck.sample(TOPICS, luck.choice((1, 1, 2)))
    polarity = luck.choice(("negative", "negative", "positive"))
    read = Understanding(
        tags=tuple(tag(topic, polarity=polarity) for topic in about),
        red_lines=("safety",) if luck.random() < 0.04 else (),
        departments=tuple(dict.fromkeys(departments()[topic] for topic in about)) if polarity == "negative" else (),
    )
    unhappy = luck.random() < 0.3
    return feedback(
        id=f"fb_{number:04d}",
        received_at=at,
        occurred_at=at,
        understood_at=at,
        unit=luck.choice(("SH-001", "BJ-002", None)),
        classes={"nps": "detractor"} if unhappy else {},
        scores=feedback().scores if unhappy else (),
        understanding=read,
        revision=luck.choice((1, 2)),
        reading=luck.choice((1, 3)),
        ticket=ticket_id(WORKSPACE, f"fb_{number:04d}") if luck.random() < 0.7 else None,
        customer_ref="CUST-1" if luck.random() < 0.8 else None,
        contact=None,
    )


def worked(one: Feedback, luck: random.Random) -> dict[str, tuple[Move, ...]]:
    """What people did with its tickets, some of it late, some of it never."""
    names = [
        ticket_id(WORKSPACE, one.id),
        *(child_ticket_id(WORKSPACE, one.id, name) for name in departments().values()),
    ]
    found = {}
    for name in dict.fromkeys(names):
        at, before, lines = one.received_at, "open", [Move(1, "", "open", "echoloop", one.received_at)]
        for after in luck.choice(LIVES if len(one.understanding.departments) < 2 else LIVES[:-2]):
            at += timedelta(minutes=luck.randrange(1, 4000))
            lines.append(Move(len(lines) + 1, before, after, "ky_one", at, root_cause="box", action="sent another"))
            before = after
        found[name] = tuple(lines)
    return found


@dataclass
class Past:
    """What was heard and done."""

    seed: int
    count: int = VOICES

    @cached_property
    def voices(self) -> list[Feedback]:
        luck = random.Random(self.seed)
        return sorted((voice(n, luck) for n in range(self.count)), key=lambda one: (one.received_at, one.id))

    @cached_property
    def histories(self) -> dict[str, tuple[Move, ...]]:
        luck = random.Random(self.seed + 1)
        return {name: lines for one in self.voices if one.ticket for name, lines in worked(one, luck).items()}

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return next((one for one in self.voices if (one.workspace, one.id) == (workspace, feedback_id)), None)

    def moves(self, workspace: str, name: str) -> Sequence[Move]:
        return self.histories.get(name, ())

    def onwards(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, after: str | None = None
    ) -> tuple[list[FeedbackSummary], str | None]:
        start = int(after or 0)
        found = [one for one in self.voices if since <= one.received_at < until]
        lines = [
            FeedbackSummary(workspace, one.id, one.connection, one.state, one.received_at, facets_of(one))
            for one in found[start : start + limit]
        ]
        return lines, str(start + limit) if start + limit < len(found) else None


# --- the replay by the real services ------------------------------------------------------------------------------


class Metrics(Line):
    def __init__(self) -> None:
        super().__init__("test")
        self.seen: Counter[str] = Counter()

    def count(self, name: str, by: int = 1) -> None:
        self.seen[name] += by


@dataclass
class Calls:
    """Credentials, and vendors who take everything."""

    way: str = ""

    def get(self, record: str) -> EndpointSecret:
        return replace(endpoint_secret(), id=record, credentials=dict.fromkeys(CREDENTIALS, "c") | PHONE)

    def take(self, *_: Any, **__: Any) -> float:
        return 0.0

    def spend(self, *_: Any, **__: Any) -> bool:
        return True

    def send(self, method: str, url: str, headers: Any, body: bytes, *, within: float | None = None) -> HttpResponse:
        self.way = "feishu" if "open-apis" in url else "phone"
        return HttpResponse(200, {}, json.dumps(TAKEN).encode())


@dataclass
class Replay:
    """Everything that happens in one order of time: voices, wake-ups, alarms, and what people do."""

    past: Past
    ruled: Sequence[Rule]
    policy: Policy = POLICY
    organisation: Organisation = ORGANISATION
    endpoints: Sequence[Endpoint] = ENDPOINTS
    clock: FakeClock = field(default_factory=lambda: FakeClock(SINCE))
    voices: FakeFeedback = field(default_factory=FakeFeedback)
    causes: FakeCauses = field(default_factory=FakeCauses)
    alarms: FakeDue = field(default_factory=FakeDue)
    line: Metrics = field(default_factory=Metrics)
    agenda: list[tuple[datetime, int, Callable[[], Any]]] = field(default_factory=list)
    places: Any = field(default_factory=itertools.count)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    direct_counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    follows: bool = False  # whether issues come up and customers are asked, which changes cases

    def __post_init__(self) -> None:
        organisations = FakeOrganisations({(WORKSPACE, 1): self.organisation}, {WORKSPACE: [None]})  # type: ignore[list-item]
        office = Offices(FakeSla({WORKSPACE: self.policy}), lambda _: self.organisation, calendar, self.clock)
        words = BOOK.words(lambda: FRAME)
        graph = FindGraph(lambda _: BOOK.graph(FRAME), self.causes, lambda _: words.name, words.name, self.clock)
        self.tickets = FakeTimedTickets(time=TimedTickets(office, self.clock), due=self.alarms)
        self.sent = deliveries.FakeDeliveryStore(self.clock)
        known = deliveries.FakeEndpoints({one.id: one for one in self.endpoints})
        self.codes, self.direct, self.calls = FakePageCodes(), FakeQueue(), Calls()
        self.send_code = SendCode(
            tickets=self.tickets,
            codes=self.codes,
            marks=FakeVault(),
            directory=known,
            organisation=lambda _: self.organisation,
            channels=lambda _: CHANNELS,
            secrets=self.calls,
            teller=tellers.load,
            keep_token=KeepToken(FakeTokens(), self.clock),
            windows=self.calls,
            door=self.calls,
            sms=SpendSms(self.calls, load_gateway, PARTS_A_DAY, self.clock),
            topic_names=lambda _: lambda topic, _lang: topic,
            queue=self.direct,
            due=FakeDue(),
            clock=self.clock,
            monotonic=lambda: 0.0,
        )
        plan = DeliveryPlan(self.sent, FakeQueue(), FakeDue(), self.clock)
        self.fan_out = FanOut(known.endpoints, plan, self.send_code.plan)
        self.issues, found = FakeIssues(), FindOwner(organisations, self.clock, self.load)
        self.promote = Promote(
            self.tickets,
            self.issues,
            FakeRecurrences(),
            LinkCases(self.issues, self.tickets, self.voices, FakeDue(), self.clock),
            lambda _: ISSUES,
            found,
            lambda _: words.name,
            self.clock,
        )
        self.waits = FakeDue()
        self.ask = AskCustomer(self.tickets, self.voices, known, lambda _: Rules(), self.waits, self.clock)
        self.open = OpenTicket(
            self.voices,
            self.tickets,
            lambda _: words,
            self.clock,
            found,
            lambda _: self.ruled,
            graph.path,
        )
        self.strike = StrikeClock(self.tickets, office, lambda _: self.organisation, self.alarms, self.clock)
        self.move = MoveTicket(self.tickets, self.clock)
        self.alerts, self.wakes = alerts.FakeAlertStore(), alerts.FakeQueue(self.clock)
        self.sns = alerts.FakeNotifier(self.clock)
        send = SendAlert(
            store=self.alerts,
            notifier=self.sns,
            queue=self.wakes,
            due=alerts.FakeDue(self.wakes),
            subscribers=alerts.FakeSubscribers(list(SUBSCRIPTIONS)),
            topic_names=lambda _: words.name,
            clock=self.clock,
            sms_parts_per_day=PARTS_A_DAY,
        )
        self.alert = RaiseAlert(feedback=self.voices, admission=self.alerts, send=send, clock=self.clock)

    def load(self, workspace: str, person: str) -> int:
        mine = [one for one in self.tickets.rows.values() if one.owner == person and not one.parts]
        return sum(one.state not in SETTLED for one in mine)

    def run(self) -> Replay:
        for one in self.past.voices:
            self.at(one.received_at, lambda one=one: self.hear(one))
        while self.agenda and self.agenda[0][0] <= UNTIL:
            at, _, what = heapq.heappop(self.agenda)
            self.clock.now = max(self.clock.now, at)
            told, raised = dict(self.tickets.rows), len(self.alerts.alerts)
            what()
            self.relay(told, raised)
            self.drain()
        return self

    def at(self, moment: datetime, what: Callable[[], Any]) -> None:
        heapq.heappush(self.agenda, (moment, next(self.places), what))

    def hear(self, stored: Feedback) -> None:
        fresh = replace(stored, state="new", revision=1, reading=1, ticket=None, acted_at=None)
        one = decided(fresh, rules.decide(self.ruled, fresh), self.clock())
        self.voices.add(one)
        (event,) = events_of(FeedbackChange(None, one), lambda _, __: True)
        self.fan_out.handle(event.as_detail())
        self.alert.handle({"detail": event.as_detail()}, self.line)
        self.open({"detail": event.as_detail()})
        for name in [name for (_, name) in self.tickets.rows if self.tickets.rows[WORKSPACE, name].feedback == one.id]:
            for line in self.past.moves(WORKSPACE, name) if stored.ticket else ():
                if line.before:
                    self.at(line.at, lambda name=name, line=line: self.work(name, line))

    def work(self, name: str, line: Move) -> None:
        with suppress(Conflict):
            self.move(
                WORKSPACE,
                name,
                to=line.after,
                version=self.tickets.rows[WORKSPACE, name].version,
                actor=line.actor,
                reason=line.reason or "as it was",
                root_cause=line.root_cause,
                action=line.action,
            )

    def relay(self, before: Mapping[tuple[str, str], Ticket], raised: int) -> None:
        """What the stream tells the bus; a version that was written over at the same moment had its events too."""
        for key, one in list(self.tickets.rows.items()):
            if before.get(key) != one:
                for event in ticket_events(one):
                    made = self.fan_out.handle(event.as_detail())
                    self.send(made_of=self.direct.sent)
                    above = {one.escalated_to[-1]} if event.type == "ticket.escalated" and one.escalated_to else set()
                    for person in {one.owner} | above:
                        self.told["person", str(person)] += made if person else 0
                    if self.follows:
                        then = dict(self.tickets.rows)
                        self.promote(event.as_detail())
                        self.ask.follow(event.as_detail())
                        self.relay(then, len(self.alerts.alerts))
        for alert in self.alerts.alerts[raised:]:
            lead = alert.lead
            image = {
                **{name: getattr(alert.key, name) for name in ("workspace", "rule", "topic")},
                **{"id": alert.id, "severity": alert.severity, "swallowed": alert.swallowed},
                **{"unit": alert.key.unit, "named": len(alert.mentions), "feedback": lead.subject if lead else None},
            }
            for event in events_of(RowChange("alert", None, image, alert.at), lambda _, __: True):
                self.fan_out.handle(event.as_detail())

    def send(self, made_of: list[dict[str, Any]]) -> None:
        """What was planned for single people."""
        while made_of:
            body = made_of.pop(0)
            assert self.send_code(body) == "sent"
            self.direct_counts[TOTAL, "notices" if body["above"] else "codes"] += 1
            self.direct_counts["told", body["person"]] += 1
            self.direct_counts["channel", self.calls.way] += 1

    def drain(self) -> None:
        for (minute, key), item in list(self.waits.rows.items()):
            del self.waits.rows[minute, key]
            self.at(minute + timedelta(minutes=1), lambda body=item.body: self.ask.wake(body))
        for (minute, key), item in list(self.alarms.rows.items()):
            del self.alarms.rows[minute, key]
            self.at(datetime.fromisoformat(item.body["at"]), lambda body=item.body: self.strike(body))
        for at, body in self.wakes.messages:
            self.at(datetime.fromtimestamp(at, timezone.utc), lambda body=body: self.alert.handle(body, self.line))
        self.wakes.messages.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """The same counts, from what lies in the stores afterwards."""
        tickets = list(self.tickets.rows.values())
        held = [one for one in tickets if not one.parts]
        lines = [(one, line.reason or "") for one in tickets for line in self.tickets.moves(WORKSPACE, one.id)]
        heard = [
            one.id
            for sent in self.sns.sent
            for one in SUBSCRIPTIONS
            if one.protocol == sent.protocol
            and ("low", "medium", "high", "critical").index(one.severity)
            <= ("low", "medium", "high", "critical").index(sent.severity)
        ]
        by_protocol = Counter({"sub_mail": "emails"}.get(name, "sms") for name in heard)
        total = {
            "feedback": len(self.past.voices),
            "tickets": sum(one.parent is None for one in tickets),
            "parts": sum(one.parent is not None for one in tickets),
            "alerts": self.line.seen["AlertsSent"],
            "alerts_swallowed": self.line.seen["AlertsSwallowed"],
            "sms_parts": self.line.seen["SmsParts"],
            "sms_refused": self.line.seen["SpendGuarded"],
            "messages": len(self.sent.rows),
            **by_protocol,
            "reminders": sum(said.startswith("reminder:") for _, said in lines),
            "breaches": sum(said.startswith("breach:") for _, said in lines),
            "escalations": sum("breach" in said and "told later" not in said for _, said in lines),
        }
        for (group, name), number in self.direct_counts.items():
            if group == TOTAL:
                total[name] = number
        total |= {"issues": len(self.issues.rows), "questions": sum(said == EVENT for _, said in lines)}
        found: dict[str, Counter[str]] = {
            TOTAL: Counter(total),
            **{
                name: Counter({one: n for (group, one), n in self.direct_counts.items() if group == name})
                for name in ("told", "channel")
            },
            "issue": Counter(topic for one in self.issues.rows.values() for topic in one.scope.topics),
            "severity": Counter(one.severity for one in tickets if one.parent is None),
            "department": Counter(next(iter(one.departments), NOBODY) for one in held),
            "owner": Counter(one.owner or NOBODY for one in held),
            "playbook": Counter("@".join(one.playbook) if one.playbook else NOBODY for one in held),
            "endpoint": Counter(one.endpoint for one in self.sent.rows.values()),
            "person": Counter({person: number for (_, person), number in self.told.items() if number}),
            "subscription": Counter(heard),
        }
        return {group: {name: n for name, n in sorted(of.items()) if n} for group, of in found.items()}


# --- the dry run --------------------------------------------------------------------------------------------------


@dataclass
class Room:
    past: Past = field(default_factory=lambda: Past(1, 12))
    own: list[Rule] = field(default_factory=list)
    runs: FakeRuns = field(default_factory=FakeRuns)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=lambda: FakeClock(UNTIL))
    causes: FakeCauses = field(default_factory=FakeCauses)
    policy: Policy = POLICY
    issues: IssuePolicy = ISSUES
    questions: Rules = Rules()  # noqa: RUF009 - frozen

    def own_rules(self, workspace: str) -> Sequence[Rule]:
        return self.own

    def endpoints(self, workspace: str) -> Sequence[Endpoint]:
        return ENDPOINTS

    def subscriptions(self, workspace: str) -> Sequence[Subscription]:
        return SUBSCRIPTIONS

    @cached_property
    def configuration(self) -> Configuration:
        return Configuration(
            directory=self,
            organisation=lambda _: ORGANISATION,
            policy=lambda _: self.policy,
            causes=self.causes,
            frame=lambda _: FRAME,
            book=BOOK,
            calendar=calendar,
            issues=lambda _: self.issues,
            questions=lambda _: self.questions,
            channels=lambda _: CHANNELS,
            clock=self.clock,
        )

    @cached_property
    def start(self) -> StartDryRun:
        def fits(workspace: str, causes: Causes) -> None:
            if "gremlins" in causes.by_id:
                raise Invalid("There is no such department.", code="unknown_department")

        asked = Asked({node.id: node.department for node in BOOK.frame(FRAME).nodes})
        return StartDryRun(
            runs=self.runs,
            configuration=self.configuration,
            sound=lambda one: sound(Document(one)),
            fits=fits,
            names=lambda _, change: KnownNames(lambda _: change.organisation or ORGANISATION, lambda _: asked),
            readings=self.queue,
            clock=self.clock,
        )

    @cached_property
    def work(self) -> GoThrough:
        past, sms = self.past, Sms(PARTS_A_DAY)
        return GoThrough(self.runs, self.configuration, past, past, past, sms, tellers.load, self.queue, self.clock)

    def tried(self, change: Change, days: int = DAYS) -> DryRun:
        """A run at its end, each message brought twice."""
        made = self.start(WORKSPACE, days, change, by="ky_one")
        while self.queue.sent:
            body = self.queue.sent.pop(0)
            self.work(body)
            later = list(self.queue.sent)
            self.work(body)
            self.queue.sent = later
        return self.runs.rows[WORKSPACE, made.id]


def same(counted: Mapping[str, Mapping[str, int]], replayed: Mapping[str, Mapping[str, int]]) -> None:
    """Count by count; what a replay cannot tell apart is left out."""
    ours = {name: n for name, n in counted[TOTAL].items() if "unworked" not in name and name != "write_units"}
    left = {"followups": 0, "issues": 0, "questions": 0}
    assert {**ours, **left} == {**replayed[TOTAL], **left}
    for group, counts in replayed.items():
        if group not in (TOTAL, "issue"):
            assert counted[group] == counts, group


CHANGES: Final[Mapping[str, Change]] = {
    "rule": Change(put=(DRAFT,)),
    "sla": Change(sla=replace(POLICY, rows={**POLICY.rows, "medium": {"resolution": 60}}, quiet=None)),
    "organisation": Change(
        organisation=replace(
            ORGANISATION, people=(*ORGANISATION.people, Person("wu", posts=(Post("BJ-002", "logistics"),)))
        )
    ),
    "endpoints": Change(
        endpoints=(EndpointChange("ep_oa", ("ticket.opened",)), EndpointChange("ep_boss", filter={}, split="case"))
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_ninety_days_count_what_the_real_services_then_do(what: str) -> None:
    change = CHANGES[what]
    room = Room(Past(seed=len(what) - 1, count=VOICES if what == "rule" else 60))
    run = room.tried(change)
    assert (run.state, run.page) == (DONE, -(-len(room.past.voices) // PAGE))
    same(run.now, Replay(room.past, rules.effective_rules(())).run().counts())
    made = Replay(
        room.past,
        change.rules(()),
        change.sla or POLICY,
        change.organisation or ORGANISATION,
        change.reached(ENDPOINTS),
    )
    same(run.then, made.run().counts())
    moved = difference(run.now, run.then)
    assert moved[TOTAL] or moved["owner"], "the change changes something, or equal counts prove nothing"
    if what == "rule":
        followed = Replay(room.past, change.rules(()), follows=True).run().counts()
        total = run.then[TOTAL]
        assert {name: total[name] for name in ("issues", "questions")} == {
            name: followed[TOTAL][name] for name in ("issues", "questions")
        }
        assert run.then["issue"] == followed["issue"]
        assert run.now[TOTAL]["questions"] < total["questions"], "more cases, more questions"
        seen = {name for name in TOTALS if total.get(name)}
        assert seen >= set(TOTALS) - {"followups"}, set(TOTALS) - seen
        assert total["alerts_swallowed"] < sum(run.then["severity"].values())


def test_a_workspace_of_its_own_rules_compares_with_them_and_counts_the_version_that_a_rule_would_get() -> None:
    own = replace(DRAFT, version=4, severity="low")
    change = Change(put=(DRAFT,), delete=("gone",))
    (found,) = [rule for rule in change.rules([own, replace(own, name="gone")]) if not rule.builtin]
    assert (found.name, found.version, found.severity) == ("damage-watch", 5, "high")


def test_causes_and_a_frame_change_what_a_case_is_thought_to_come_of_and_what_is_read() -> None:
    room = Room(Past(1, 40))
    own = {"rain": Cause("rain", {"zh-CN": "雨", "en": "Rain"}, "logistics", ())}
    tried = room.tried(Change(causes=Causes(own, {topic: (Weighed("rain", 9),) for topic in TOPICS})))
    assert tried.then["cause"]["rain"] == sum(n for name, n in tried.now["cause"].items() if name != NOBODY) > 0
    hotel = room.tried(Change(frame=FrameChange(("hotel",))))
    assert hotel.now == tried.now
    assert any("ecommerce" in name for name in hotel.now["playbook"])
    assert all("ecommerce" not in name for name in hotel.then["playbook"])


def test_what_is_worked_on_by_nobody_is_said_apart() -> None:
    room = Room()
    room.past.voices[:] = [replace(one, ticket=None) for one in room.past.voices]
    total = room.tried(Change(put=(DRAFT,))).then[TOTAL]
    assert total["unworked"] == total["tickets"] + total.get("parts", 0)
    assert (total["unworked_breaches"], total["unworked_reminders"]) == (total["breaches"], total["reminders"])


def test_an_opening_costs_a_put_and_what_leads_to_it_and_a_change_a_transaction() -> None:
    tally, line = Tally(), Move(1, "", "open", "echoloop", SINCE)
    tickets = Tickets(lambda one, _: Timed(one), lambda _: None, tally)
    tickets.create(ticket(), line)
    tickets.create(ticket(), line)
    assert tally.counts[TOTAL]["write_units"] == 4, "one that is there already costs nothing"
    tickets.update(ticket(version=2), (), expected_version=1)
    assert tally.counts[TOTAL]["write_units"] == 4 + 6


def test_only_the_days_that_were_asked_for_are_heard() -> None:
    room = Room(Past(3, 40))
    recent = [one for one in room.past.voices if one.received_at >= UNTIL - timedelta(days=30)]
    assert 0 < len(recent) < 40
    assert room.tried(Change(put=(DRAFT,)), days=30).now[TOTAL]["feedback"] == len(recent)


@pytest.mark.parametrize("gone", [{"deleted": True}, {"reading": 0}])
def test_what_is_deleted_or_unread_says_nothing(gone: dict[str, Any]) -> None:
    room = Room()
    room.past.voices[0] = replace(room.past.voices[0], **gone)
    assert room.tried(Change(put=(DRAFT,))).now[TOTAL]["feedback"] == 11


@pytest.mark.parametrize(
    ("what", "newer"),
    [
        ("policy", replace(POLICY, version=2, reminder=0.5)),
        ("issues", replace(ISSUES, version=2, count=9)),
        ("questions", Rules(version=1, enabled=False)),
    ],
)
def test_a_run_ends_when_what_it_compares_with_is_changed_meanwhile(what: str, newer: Any) -> None:
    room = Room(Past(2, PAGE + 1))
    made = room.start(WORKSPACE, DAYS, Change(put=(DRAFT,)), by="ky_one")
    assert room.work(room.queue.sent.pop()) == PAGE
    setattr(room, what, newer)
    assert room.work(room.queue.sent.pop()) == 0
    run = room.start.get(WORKSPACE, made.id)
    assert (run.state, run.reason, run.page) == (FAILED, CHANGED, 1)
    assert not room.queue.sent


def test_a_run_ends_when_more_waits_than_a_row_can_hold() -> None:
    room = Room(Past(2, PAGE + 1))
    room.runs.full = True
    run = room.tried(Change(put=(DRAFT,)))
    assert (run.state, run.reason, run.memory) == (FAILED, TOO_MUCH, ({}, {}))


def test_a_lost_race_does_the_page_again_and_a_dead_worker_leaves_the_word_to_be_sent() -> None:
    room = Room(Past(2, PAGE + 1))
    made = room.start(WORKSPACE, DAYS, Change(put=(DRAFT,)), by="ky_one")
    first = room.queue.sent.pop()
    room.runs.lose = 1
    with pytest.raises(Retryable, match="Another worker is at the same page") as refused:
        room.work(first)
    assert refused.value.code == "contended"
    assert not room.queue.sent
    room.work(first)
    room.queue.sent.clear()  # the worker died before it got out
    assert room.work(first) == 0
    assert room.queue.sent == [message(room.runs.rows[WORKSPACE, made.id])]
    assert room.work({**first, "page": 7}) == 0


@pytest.mark.parametrize("wrong", [{"workspace": 1}, {"dry_run": None}, {"page": "0"}])
def test_a_message_that_names_no_page_is_parked(wrong: dict[str, Any]) -> None:
    asked = {"kind": "dry_run", "workspace": WORKSPACE, "dry_run": "dr_1", "page": 0, **wrong}
    with pytest.raises(Parked, match="The message names no page of a dry run") as refused:
        Room().work(asked)
    assert refused.value.code == "message_invalid"
    assert Room().work({"workspace": WORKSPACE, "dry_run": "dr_none", "page": 0}) == 0


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (Change(), "nothing_to_try", "The change changes nothing."),
        (Change(delete=("builtin-unhappy",)), "unknown_rule", "There is no such rule to take back."),
        (Change(endpoints=(EndpointChange("ep_none"),)), "unknown_endpoint", "There is no such endpoint."),
        (Change(frame=FrameChange(("moon",))), "unknown_pack", "There is no such pack."),
        (
            Change(organisation=Organisation(people=(Person("li", posts=(Post("nowhere", "logistics"),)),))),
            "organisation_invalid",
            "a post is at a unit that there is not.",
        ),
        (
            Change(causes=Causes({"gremlins": Cause("gremlins", {}, "moon", ())}, {})),
            "unknown_department",
            "There is no such department.",
        ),
        (
            Change(put=(replace(DRAFT, when={"tag": {"topic": "moon"}}),)),
            "unknown_topic",
            "The code frame has no such topic.",
        ),
        (Change(put=(replace(DRAFT, department="moon"),)), "unknown_department", "There is no such department."),
    ],
)
def test_what_could_not_be_brought_into_force_is_not_tried(change: Change, code: str, said: str) -> None:
    room = Room()
    with pytest.raises(Invalid, match=said) as refused:
        room.start(WORKSPACE, DAYS, change, by="ky_one")
    assert refused.value.code == code
    assert not room.runs.rows
    assert not room.queue.sent


def test_few_runs_go_at_once_and_one_of_nobody_is_nowhere() -> None:
    room = Room()
    for second in range(MOST_RUNNING):
        room.clock.now = UNTIL + timedelta(seconds=second)
        room.start(WORKSPACE, 1, Change(put=(DRAFT,)), by="ky_one")
    with pytest.raises(Conflict) as refused:
        room.start(WORKSPACE, 1, Change(put=(DRAFT,)), by="ky_one")
    assert (refused.value.code, str(refused.value)) == (
        "too_many",
        f"A workspace has room for {MOST_RUNNING} of these.",
    )
    assert [one.state for one in room.start.list(WORKSPACE)] == [RUNNING] * MOST_RUNNING
    with pytest.raises(NotFound):
        room.start.get("globex", next(iter(room.runs.rows))[1])


def test_a_run_that_is_not_over_in_a_day_has_failed_and_makes_room() -> None:
    room = Room()
    made = [room.start(WORKSPACE, 1, Change(put=(DRAFT,)), by="ky_one")]
    room.clock.now = made[0].until + LONGEST - timedelta(seconds=1)
    assert room.start.get(WORKSPACE, made[0].id).state == RUNNING
    room.clock.now += timedelta(seconds=1)
    seen = room.start.get(WORKSPACE, made[0].id)
    assert (seen.state, seen.reason, seen.finished_at) == (FAILED, STALLED, room.clock.now)
    assert [one.state for one in room.start.list(WORKSPACE)] == [FAILED]
    assert room.work(room.queue.sent.pop()) == 0, "its word comes too late"
    for _ in range(MOST_RUNNING):
        room.clock.now += timedelta(seconds=1)
        made.append(room.start(WORKSPACE, 1, Change(put=(DRAFT,)), by="ky_one"))


def test_counts_know_their_names_and_differ_both_ways() -> None:
    tally = Tally({TOTAL: {"tickets": 2}, "owner": {"li": 2}})
    tally.add("tickets", -2)
    tally.add("mei", group="owner")
    assert tally.counts == {**{group: {} for group in tally.counts}, "owner": {"li": 2, "mei": 1}}
    with pytest.raises(KeyError):
        tally.add("ticket")
    moved = difference({TOTAL: {"alerts": 3}, "owner": {"li": 1}}, {TOTAL: {"alerts": 1}, "owner": {"li": 1, "mei": 4}})
    assert (moved[TOTAL], moved["owner"], moved["endpoint"]) == ({"alerts": -2}, {"mei": 4}, {})


def test_what_is_tried_is_kept_whole_but_for_the_channels_of_people() -> None:
    reachable = replace(ORGANISATION, people=(replace(ORGANISATION.people[0], channels={"phone": "13800000001"}),))
    own = Causes(
        {"rain": Cause("rain", {"zh-CN": "雨", "en": "Rain"}, "logistics", ("雨",))}, {"a": (Weighed("rain", 9),)}
    )
    change = Change(
        put=(DRAFT,),
        delete=("gone",),
        sla=POLICY,
        causes=own,
        organisation=reachable,
        frame=FrameChange(("hotel",), "nodes: []"),
        endpoints=(EndpointChange("ep_oa", ("ticket.opened",), {"units": ["SH"]}, "case"), EndpointChange("ep_boss")),
    )
    one = DryRun(WORKSPACE, "dr_1", "ky_one", 9, SINCE, UNTIL, change, "basis")
    doc = json.loads(json.dumps(packed_change(one)))
    unreachable = replace(ORGANISATION, people=(ORGANISATION.people[0],))
    assert change_of(doc) == replace(change, organisation=unreachable)
    assert "13800000001" not in json.dumps(doc)
