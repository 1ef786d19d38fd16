"""A world in memory that hears a workspace's voices again, each at the moment at which it arrived.

The services are the real ones, on stores that forget: rules decide, tickets are opened and divided, clocks strike,
alerts are admitted and swallowed, events fan out, and what follows from cases is counted. Nothing leaves. What people
did with a case they do again at the same moments; a case that there never was is left alone, and what its clocks then
do is counted apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from chalicelib.domain.alerts.alert import Alert
from chalicelib.domain.cases.playbook import FrameWords
from chalicelib.domain.cases.sla import Office
from chalicelib.domain.cases.ticket import Move, Resolution, Ticket, lacking, walk
from chalicelib.domain.cases.ticket_title import TopicNames
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.changes import FeedbackChange, RowChange, events_of
from chalicelib.domain.events import Event, ticket_events, wanted_actions
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.domain.reading.dry_run import Tally
from chalicelib.domain.reading.reading import decided
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces import rules
from chalicelib.domain.workspaces.directory import Endpoint, Subscription
from chalicelib.domain.workspaces.organisation import Edge, Organisation
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.alerts.raise_alert import RaiseAlert
from chalicelib.services.alerts.send_alert import SendAlert
from chalicelib.services.cases.open_ticket import OpenTicket
from chalicelib.services.cases.strike_clock import CLOCK, StrikeClock
from chalicelib.services.cases.timed_tickets import TimedTickets
from chalicelib.services.outbound.delivery_plan import DeliveryPlan, DeliveryStore
from chalicelib.services.outbound.fan_out import FanOut
from chalicelib.services.page.send_code import SendCode, Teller
from chalicelib.services.rehearsal.dry_followers import Codes, Issues, Questions
from chalicelib.services.rehearsal.dry_stores import (
    Alerts,
    Counted,
    Deliveries,
    Endpoints,
    Frozen,
    Load,
    Nothing,
    Notifier,
    Subscribers,
    Tickets,
    Voices,
)
from chalicelib.services.verification.ask_customer import AskCustomer

# What gives the way of a connector with such settings to one person, see connectors/tellers.py.
FindTeller = Callable[[str, Mapping[str, Any]], Teller | None]


@dataclass(frozen=True, slots=True)
class InForce:
    """What one world goes by. ``read`` gives what the words of a voice say; ``office`` what clocks go by."""

    rules: Sequence[Rule]
    read: Callable[[Feedback], Understanding]
    words: FrameWords
    path: Callable[[Ticket], tuple[Edge, ...]]
    organisation: Organisation
    office: Office
    endpoints: Sequence[Endpoint]
    subscriptions: Sequence[Subscription]
    issues: IssuePolicy
    questions: Rules
    channels: Mapping[str, Mapping[str, str]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sms:
    """What decides the text, and so the price, of an SMS: as ``SendAlert`` has it."""

    parts_per_day: int
    base_url: str = ""
    page: Callable[[str, str, datetime], str] = lambda _, __, ___: ""


class World:
    """``until``: nothing happens from then on. ``memory`` is what it remembered at the end of the page before."""

    def __init__(
        self,
        workspace: str,
        by: InForce,
        tally: Tally,
        *,
        since: datetime,
        until: datetime,
        sms: Sms,
        teller: FindTeller,
        memory: Any,
    ) -> None:
        self._workspace, self._by, self._tally, self._until = workspace, by, tally, until
        self._clock = Frozen(since)
        self._voices = Voices()
        self._load = Load(memory.get("load", {}), by.organisation, self._clock)
        self._tickets = Tickets(TimedTickets(lambda _: by.office, self._clock), self._told, tally)
        self._alerts = Alerts(memory.get("alerts", {}), self._clock, self._raised, tally)
        deliveries = cast("DeliveryStore", Deliveries(tally))  # fanning out makes them and asks for nothing more
        self._code = self._coding(teller)
        plan = DeliveryPlan(deliveries, Nothing(), Nothing(), self._clock)
        self._fan_out = FanOut(lambda _: by.endpoints, plan, self._plan_code)
        self._issues = Issues(memory.get("issues", {}), by.issues, by.organisation, tally)
        self._ask = AskCustomer(
            Questions(self._tickets.get, tally),
            self._voices,
            Endpoints(by.endpoints),
            lambda _: by.questions,
            Nothing(),
            self._clock,
        )
        self._open = OpenTicket(
            feedback=self._voices,
            tickets=self._tickets,
            frames=lambda _: by.words,
            clock=self._clock,
            owner=self._owner,
            rules=lambda _: by.rules,
            path=by.path,
        )
        self._strike = StrikeClock(
            self._tickets, lambda _: by.office, lambda _: by.organisation, self._tickets, self._clock
        )
        self._alert = self._raising(sms)
        self._line = Counted(tally)

    def _raising(self, sms: Sms) -> RaiseAlert:
        names: Callable[[str], TopicNames] = lambda _: self._by.words.name  # noqa: E731 - typed
        send = SendAlert(
            store=self._alerts,
            notifier=Notifier(self._by.subscriptions, self._tally),
            queue=self._alerts,
            due=self._alerts,
            subscribers=Subscribers(self._by.subscriptions),
            topic_names=names,
            clock=self._clock,
            sms_parts_per_day=sms.parts_per_day,
            base_url=sms.base_url,
            page=sms.page,
        )
        return RaiseAlert(feedback=self._voices, admission=self._alerts, send=send, clock=self._clock)

    def _coding(self, teller: FindTeller) -> SendCode:
        """It plans here and calls nobody, so it needs nothing that a call needs."""
        call: Any = Nothing()
        codes = Codes(self._tally, lambda body: str(self._code.channel(body, self._by.endpoints)))
        return SendCode(
            tickets=self._tickets,
            codes=codes,
            marks=codes,
            directory=Endpoints(self._by.endpoints),
            organisation=lambda _: self._by.organisation,
            channels=lambda _: self._by.channels,
            secrets=call,
            teller=teller,
            keep_token=call,
            windows=call,
            door=call,
            sms=call,
            topic_names=lambda _: self._by.words.name,
            queue=codes,
            due=Nothing(),
            clock=self._clock,
            monotonic=lambda: 0.0,
        )

    # --- what happens ---------------------------------------------------------------------------------------------

    def hear(self, stored: Feedback, history: Callable[[str], Sequence[Move]]) -> None:
        """One voice at the moment of its arrival, and all that comes of it. Not before an earlier one.

        ``history`` gives what happened to a ticket; empty for one that there never was.
        """
        at = stored.received_at
        self._catch_up(at)
        voice = self._decided(stored, at)
        self._voices.current = voice
        self._tally.add("feedback")
        if "followup" in wanted_actions(voice.decision):
            self._tally.add("followups")
        for event in events_of(FeedbackChange(None, voice), lambda _, __: True):
            self._fan_out.handle(event.as_detail())
        message = {"detail": {"type": "feedback.scored", "workspace": self._workspace, "feedback_id": voice.id}}
        if "alert" in voice.awaiting:
            self._alert.handle(message, self._line)
        if "ticket" in voice.awaiting:
            self._open(message)
            opened = self._tickets.opened()
            for ticket in opened:
                self._issues.opened(ticket)
            for ticket in opened:
                self._live(ticket, history(ticket.id))
            self._clock.at = at  # the next voice comes long before a case is over

    def finish(self) -> None:
        """What still comes when no more voices do."""
        self._catch_up(self._until)

    @property
    def memory(self) -> dict[str, Any]:
        """What has to be known when the next page begins, as JSON."""
        return {
            "alerts": self._alerts.memory,
            "load": self._load.memory,
            "issues": self._issues.memory(self._clock()),
        }

    def _decided(self, stored: Feedback, at: datetime) -> Feedback:
        """The voice as it first came, with what is known of its words now: it is heard once, whatever its revisions."""
        fresh = replace(
            stored,
            state="new",
            revision=1,
            reading=1,
            ticket=None,
            acted_at=None,
            understood_at=at,
            understanding=self._by.read(stored),
        )
        return decided(fresh, rules.decide(self._by.rules, fresh), at)

    def _catch_up(self, to: datetime) -> None:
        """Cool-downs that are over by a moment, and cases that count no more by then, or count again."""
        self._issues.until(to)
        while (wake := self._alerts.next(to)) is not None:
            self._clock.forward(wake[0])
            self._alert.handle(wake[1], self._line)
        self._clock.forward(to)

    def _owner(self, workspace: str, departments: Sequence[str], unit: str | None) -> str | None:  # noqa: ARG002 - Owners
        return self._by.organisation.way(departments, unit, self._clock(), load=self._load).owner

    def _live(self, opened: Ticket, history: Sequence[Move]) -> None:
        """A case from its opening to the end of the range: its clocks, and what people did with it."""
        moves = deque(line for line in history if line.before and line.before != line.after)
        self._tickets.begin(opened, worked=bool(moves))
        while (step := self._next(moves)) is not None:
            self._clock.forward(step)
            if moves and moves[0].at <= step:
                self._again(opened.id, moves.popleft())
            else:
                at = self._tickets.pop().isoformat()
                self._strike({"kind": CLOCK, "workspace": self._workspace, "ticket": opened.id, "at": at})
            self._load.changed(self._tickets.rows[opened.id], self._clock())
        self._tickets.end(opened)
        self._clock.at = opened.opened_at

    def _next(self, moves: deque[Move]) -> datetime | None:
        """When the next thing happens to the case that is lived; None when nothing does before the end."""
        found = [moves[0].at] if moves else []
        alarm = self._tickets.alarm
        if alarm is not None:
            found.append(alarm)
        at = min(found, default=None)
        return at if at is not None and at < self._until else None

    def _again(self, ticket_id: str, line: Move) -> None:
        """What somebody did, where the case is in a state in which it can be done."""
        ticket = self._tickets.rows[ticket_id]
        given = Resolution(line.root_cause, line.action, line.cause)
        try:
            step = walk(ticket, (line.after,), actor=line.actor, at=self._clock(), given=given, reason=line.reason)
        except (Conflict, Invalid):
            return
        self._tickets.update(step.ticket, step.moves, expected_version=ticket.version)

    # --- who hears of it ------------------------------------------------------------------------------------------

    def _told(self, ticket: Ticket) -> None:
        """The events of a ticket's newest version, and to whom they go: who has it, and who is told beside them."""
        if ticket.version == 1:
            self._load.opened(ticket)
        for event in ticket_events(ticket):
            sent = self._fan_out.handle(event.as_detail())
            people = {ticket.owner} | ({ticket.escalated_to[-1]} if _is_told_above(event, ticket) else set())
            for person in people - {None}:
                if sent:
                    self._tally.add(str(person), sent, group="person")
            self._ask.follow(event.as_detail())
        self._issues.changed(ticket, self._clock())

    def _plan_code(self, event: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> bool:
        """Whose code comes of an event, unless it is about what a resolution lacks: parts of a case say it together,
        and they are lived one after the other here.
        """
        ticket = self._tickets.get(self._workspace, str(event.get("ticket_id")))
        return ticket is not None and not lacking(ticket) and self._code.plan(event, endpoints)

    def _raised(self, alert: Alert) -> None:
        for event in events_of(RowChange("alert", None, _image(alert), alert.at), lambda _, __: True):
            self._fan_out.handle(event.as_detail())


def _is_told_above(event: Event, ticket: Ticket) -> bool:
    return event.type == "ticket.escalated" and bool(ticket.escalated_to)


def _image(alert: Alert) -> dict[str, Any]:
    """As ``storage.alerts.alerts`` writes it, which is what the event is made of."""
    lead = alert.lead
    return {
        "workspace": alert.key.workspace,
        "id": alert.id,
        "rule": alert.key.rule,
        "severity": alert.severity,
        "unit": None if alert.key.unit == NO_UNIT else alert.key.unit,
        "topic": alert.key.topic,
        "feedback": lead.subject if lead else None,
        "opens": lead.ticket if lead else None,
        "touchpoint": lead.touchpoint if lead else None,
        "named": len(alert.mentions),
        "swallowed": alert.swallowed,
    }
