"""The owner of a ticket gets their personal code by itself, over the channel that the organisation knows of them.

One for each ticket and owner, and another with the ticket's next change once that is over. The text of a code is kept
nowhere: it is made of the workspace's key, the ticket, the person and its end, so that every attempt sends the same
one. It goes to the one person and never into a room, on no bus and in no row of a delivery. What cannot be sent is left
to an admin, who makes a code by hand.

Whoever a ticket is escalated to is told the same way, once for each ticket and person: with a link and without a code,
since such a message is what people forward. So is whoever has a case of whose parts one could not be opened, and the
owner whose ticket an OA resolved without root cause or action, once for each such resolution: nobody asks the customer,
and nobody closes the case, before both are said. They say it on the page, so they get a code as at the opening, in a
message of its own, unless theirs is good for another day, since no change of the ticket need follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.cases import page_link
from chalicelib.domain.cases.page_link import Code
from chalicelib.domain.cases.parts import PUT_AWAY, UNDONE, children_of, left_to_the_whole
from chalicelib.domain.cases.ticket import SETTLED, Ticket, lacking
from chalicelib.domain.cases.ticket_title import TopicNames
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.delivery import covers
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, RETRY, HttpRequest, Message, Outcome
from chalicelib.domain.outbound.item import Access
from chalicelib.domain.outbound.ratelimit import Limit, effective
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.domain.workspaces.fields import TIME_ZONE
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Rejected
from chalicelib.services.alerts.spend_sms import SpendSms, Spent
from chalicelib.services.inbound.vendor_calls import Calls, Door, Stop, Windows
from chalicelib.services.outbound.keep_token import AskedConnector, AuthorisedCalls, KeepToken
from chalicelib.services.page.act_on_page import kept
from chalicelib.services.page.page_links import Marks
from chalicelib.services.ports import Clock, DueStore, Queue

KIND: Final = "code"
QUEUE: Final = "deliveries"
PURPOSE: Final = "code_text"
TOLD: Final = "told_above"
SMS: Final = "phone"
ORDER: Final = ("feishu", "wecom", "dingtalk", SMS)  # an app costs nothing, so an SMS comes last
WAITS: Final = (5, 60, 300, 900, 3_600)  # seconds between the tries over one way
LEASE: Final = timedelta(seconds=60)  # of one try: longer than its calls
ESCALATED: Final = "ticket.escalated"
RESOLVED: Final = "ticket.resolved"
REMEMBERED: Final = timedelta(days=30)  # how long nobody is told the same again: longer than any event is replayed
ENOUGH: Final = timedelta(hours=24)  # that a code is to last for who is told what a resolution lacks
LONGEST_DELAY: Final = 900  # seconds that a message may wait


class Teller(AskedConnector, Protocol):
    """One way to one person. See connectors/tellers.py."""

    @property
    def channel(self) -> str:
        """Which of a person's channels it takes."""

    @property
    def limits(self) -> tuple[Limit, ...]: ...

    def told(self, message: Message, address: str, access: Access) -> Access:
        """``access`` for this one person: an SMS is billed and sent by the phones in its credentials."""

    def tell(self, message: Message, address: str, access: Access) -> HttpRequest:
        """What tells one person alone. Raises Rejected where settings or address do not fit."""


class Codes(Protocol):
    """See storage/cases/page_codes.py."""

    def all(self, workspace: str, ticket: str, at: datetime) -> Sequence[Code]: ...

    def claim(self, workspace: str, ticket: str, code: Code, at: datetime) -> bool: ...

    def lease(self, workspace: str, ticket: str, code: Code, now: datetime, until: datetime) -> bool: ...

    def release(self, workspace: str, ticket: str, code: Code) -> None: ...

    def told(self, workspace: str, ticket: str, code: Code) -> None: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Endpoints(Protocol):
    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...


class Secrets(Protocol):
    def get(self, record_id: str) -> EndpointSecret | None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """One endpoint over which one person can be told."""

    endpoint: Endpoint
    teller: Teller
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a message is for: a ticket's owner, or ``above``, somebody whom it was escalated to.

    ``resolution``: the owner, of what was left unsaid in the ticket's resolution of that number (see _resolution); 0
    for all else. ``unopened``: the owner, of the parts that could not be opened (see _unopened).
    """

    person: str
    above: bool = False
    resolution: int = 0
    unopened: str = ""

    @property
    def row(self) -> str:
        """By which name it is kept that they were told."""
        if self.resolution:
            return f"{self.person}#lacking#{self.resolution}"
        if self.unopened:
            return f"{self.person}#unopened#{self.unopened}"
        return f"{self.person}#above" if self.above else self.person

    @property
    def gets_code(self) -> bool:
        return not (self.above or self.resolution or self.unopened)

    def is_of(self, ticket: Ticket, *, unsaid: bool) -> bool:
        """Whether the ticket still has something to tell them.

        ``unsaid``: its owner is to say what its resolution lacks. They are told of the one that stands.
        """
        if self.above:
            return self.person in ticket.escalated_to and ticket.state not in SETTLED
        if self.person != ticket.owner:
            return False
        if self.unopened:
            return self.unopened == _unopened(ticket) and ticket.state not in PUT_AWAY
        if self.resolution:
            return unsaid and self.resolution == _resolution(ticket)
        return unsaid or ticket.state not in SETTLED


@dataclass(frozen=True, slots=True)
class Left:
    """How often the way of now was tried, and the endpoints that were given up."""

    tries: int = 0
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendCode:
    """``teller`` gives the way of a connector with such settings to one person, None where it has none; ``channels``
    those of a workspace's people. ``queue`` is the one that it is fed by. ``page`` names our page on a ticket, which
    lies below ``base_url``.
    """

    tickets: Tickets
    codes: Codes
    marks: Marks
    directory: Endpoints
    organisation: Callable[[str], Organisation]
    channels: Callable[[str], Mapping[str, Mapping[str, str]]]
    secrets: Secrets
    teller: Callable[[str, Mapping[str, Any]], Teller | None]
    keep_token: KeepToken
    windows: Windows
    door: Door
    sms: SpendSms
    topic_names: Callable[[str], TopicNames]
    queue: Queue
    due: DueStore
    clock: Clock
    monotonic: Callable[[], float]
    base_url: str = ""
    page: Callable[[str, str, datetime], str] = lambda _, ticket, __: ticket

    def plan(self, detail: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> bool:
        """A ticket has changed: whether its owner is to be sent a code or told what is missing, or somebody above them
        is to be told.

        An event that comes twice plans it once.

        ``endpoints`` are those of the workspace. Raises Retryable.
        """
        if not (str(detail.get("type")).startswith("ticket.") and isinstance(detail.get("ticket_id"), str)):
            return False
        tellers = self._tellers(endpoints)
        told = list(self._told_of(detail)) if tellers else []
        known = self.organisation(str(detail["workspace"])).by_person if told else {}
        planned = [self._planned(ticket, one, tellers) for ticket, one in told if one.person in known]
        return any(planned)

    def _told_of(self, detail: Mapping[str, Any]) -> Iterator[tuple[Ticket, Reader]]:
        """Whom the event has something to tell, of its own ticket or of the whole that this is a part of."""
        workspace = str(detail["workspace"])
        ticket = self.tickets.get(workspace, detail["ticket_id"])
        if ticket is not None:
            yield from ((ticket, one) for one in self._concerned(ticket, _readers(detail, ticket)))
        whole = self.tickets.get(workspace, str(detail["parent"])) if _leaves_words(detail) else None
        if whole is not None and lacking(whole):
            yield from ((whole, one) for one in self._concerned(whole, _asked(whole)))

    def _concerned(self, ticket: Ticket, readers: Iterable[Reader]) -> Sequence[Reader]:
        """Those of them whom the ticket has something to tell. The parts of a case are read where it lacks words."""
        unsaid = bool(lacking(ticket))
        if unsaid and ticket.parts:
            unsaid = left_to_the_whole(self.tickets.get(ticket.workspace, one) for one in children_of(ticket))
        return [one for one in readers if one.is_of(ticket, unsaid=unsaid)]

    def _planned(self, ticket: Ticket, reader: Reader, tellers: Sequence[tuple[Endpoint, Teller]]) -> bool:
        mine = self._claimed(ticket, reader, tellers)
        if mine is None or mine.sent or not mine.derived:
            return False
        self._wake(ticket, reader, Left(), after=0)
        return True

    def _claimed(self, ticket: Ticket, reader: Reader, tellers: Sequence[tuple[Endpoint, Teller]]) -> Code | None:
        """What the reader has, else a new one; None where nothing reaches them, or another worker is faster.

        Where a resolution lacks words, a code that is over within ENOUGH counts as over.
        """
        now = self.clock()
        known = self.codes.all(ticket.workspace, ticket.id, now)
        mine = next((one for one in known if one.person == reader.row), None)
        over = now + ENOUGH if reader.gets_code and lacking(ticket) else now
        if (mine is not None and mine.expires_at > over) or not self._ways(ticket, reader, tellers):
            return mine
        new = self._new(ticket, reader.person, now) if reader.gets_code else self._told(ticket, reader, now)
        return new if self.codes.claim(ticket.workspace, ticket.id, new, over) else None

    def channel(self, message: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> str | None:
        """Over which channel the first try of what was planned goes; None where nothing reaches its reader any more."""
        ticket = self.tickets.get(message["workspace"], message["ticket_id"])
        ways = self._ways(ticket, _reader(message), self._tellers(endpoints)) if ticket is not None else ()
        return ways[0].teller.channel if ways else None

    def __call__(self, message: Mapping[str, Any]) -> str:
        """One try over the best way that is left; what it came to. What a target does is not raised.

        Raises Retryable for our own trouble.
        """
        workspace = message["workspace"]
        reader = _reader(message)
        ticket = self.tickets.get(workspace, message["ticket_id"])
        if ticket is None or not self._concerned(ticket, [reader]):
            return "moved_on"
        now = self.clock()
        code = next((one for one in self.codes.all(workspace, ticket.id, now) if one.person == reader.row), None)
        if code is None or code.sent or not code.derived:
            return "already"
        left = Left(int(message["tries"]), tuple(message["skip"]))
        ways = self._ways(ticket, reader, self._tellers(self.directory.endpoints(workspace)))
        way = next((one for one in ways if one.endpoint.id not in left.skip), None)
        if way is None:
            return "unreachable"
        if not self.codes.lease(workspace, ticket.id, code, now, now + LEASE):
            return "being_sent"
        outcome, free = self._tell(ticket, reader, code, way)
        if outcome.verdict == DELIVERED:
            self.codes.told(workspace, ticket.id, code)
            return "sent"
        self.codes.release(workspace, ticket.id, code)
        if free:
            self._wake(ticket, reader, left, after=outcome.after or WAITS[0])
        elif outcome.verdict == RETRY and left.tries < len(WAITS):
            after = max(WAITS[left.tries], outcome.after or 0.0)
            self._wake(ticket, reader, Left(left.tries + 1, left.skip), after=after)
        else:
            self._wake(ticket, reader, Left(0, (*left.skip, way.endpoint.id)), after=0)
        return outcome.code or outcome.verdict

    def _tell(self, ticket: Ticket, reader: Reader, code: Code, way: Way) -> tuple[Outcome, bool]:
        """The calls of one try, and whether it counts for none: it only waits for its turn."""
        secret = self.secrets.get(way.endpoint.id)
        if secret is None:
            return Outcome(FAILED, "credentials_missing"), False
        message = self._message(ticket, reader, code, way.endpoint)
        calls = Calls(
            self.door,
            self.windows,
            way.endpoint.target or way.endpoint.id,
            effective(way.teller.limits, way.endpoint.settings.get("rate")),
            urgent=True,
            clock=self.clock,
            monotonic=self.monotonic,
            admitted=0,
        )

        def access(token: str | None) -> Access:
            return way.teller.told(message, way.address, Access(secret, way.endpoint.settings, token))

        authorised = AuthorisedCalls(self.keep_token, way.teller, calls, access)
        spent: list[Spent | None] = []

        def pay() -> None:
            spent.append(self.sms.take(way.endpoint, message, access(None).secret))

        try:
            answer = authorised(KIND, lambda one: way.teller.tell(message, way.address, one), before=pay)
        except Stop as stop:
            return stop.outcome, stop.free
        except Rejected as refused:
            return Outcome(FAILED, refused.code), False
        outcome = answer.outcome if answer else Outcome(FAILED, "nothing_to_send")
        if outcome.verdict == FAILED:
            for paid in filter(None, spent):
                self.sms.give_back(paid)
        return outcome, False

    def _message(self, ticket: Ticket, reader: Reader, code: Code, endpoint: Endpoint) -> Message:
        now, linked = self.clock(), not reader.gets_code
        return Message(
            delivery_id=f"code-{ticket.id}-{code.mark[:16]}",
            type=ESCALATED if reader.above else RESOLVED if reader.resolution else "ticket.updated",
            sequence=ticket.version,
            occurred_at="",
            now=now,
            ticket=ticket,
            base_url=self.base_url if linked else "",
            page=self.page(ticket.workspace, ticket.id, now) if linked else "",
            topic_name=self.topic_names(ticket.workspace),
            time_zone=endpoint.settings.get("time_zone") or TIME_ZONE,
            code="" if linked else self._text(ticket, code.person, code.expires_at),
        )

    def _tellers(self, endpoints: Sequence[Endpoint]) -> list[tuple[Endpoint, Teller]]:
        """Those that reach single people, the best first."""
        found = []
        for endpoint in endpoints:
            teller = self.teller(endpoint.connector, endpoint.settings) if endpoint.state == "active" else None
            if teller is not None:
                found.append((endpoint, teller))
        return sorted(found, key=lambda one: (ORDER.index(one[1].channel), one[0].id))

    def _ways(self, ticket: Ticket, reader: Reader, tellers: Sequence[tuple[Endpoint, Teller]]) -> Sequence[Way]:
        """Those of them over which the reader is reached. An SMS has a registered text, with room for a code only."""
        near = [
            (endpoint, teller)
            for endpoint, teller in tellers
            if covers(endpoint, ticket.unit) and (reader.gets_code or teller.channel != SMS)
        ]
        mine = self.channels(ticket.workspace).get(reader.person, {}) if near else {}
        return [Way(one, teller, mine[teller.channel]) for one, teller in near if mine.get(teller.channel)]

    def _told(self, ticket: Ticket, reader: Reader, now: datetime) -> Code:
        """What is kept of it that somebody is told, without a code. No typed code has such a mark."""
        mark = self.marks.mark(ticket.workspace, TOLD, f"{ticket.id}\n{reader.row}")
        return Code(reader.row, mark, now + REMEMBERED, derived=True)

    def _new(self, ticket: Ticket, person: str, now: datetime) -> Code:
        """What is kept of a new code."""
        expires_at = now + page_link.LIFETIME
        text = self._text(ticket, person, expires_at)
        return replace(kept(self.marks, ticket, person, text, expires_at), derived=True)

    def _text(self, ticket: Ticket, person: str, expires_at: datetime) -> str:
        told = f"{ticket.id}\n{person}\n{int(expires_at.timestamp())}"
        return page_link.spelt(self.marks.mark(ticket.workspace, PURPOSE, told))

    def _wake(self, ticket: Ticket, reader: Reader, left: Left, *, after: float) -> None:
        body = {
            "kind": KIND,
            "workspace": ticket.workspace,
            "ticket_id": ticket.id,
            "person": reader.person,
            "above": reader.above,
            "resolution": reader.resolution,
            "unopened": reader.unopened,
            "tries": left.tries,
            "skip": list(left.skip),
        }
        if after <= LONGEST_DELAY:
            self.queue.send(body, delay=int(after))
            return
        key = f"{KIND}#{ticket.workspace}#{ticket.id}#{reader.row}#{left.tries}#{len(left.skip)}"
        self.due.add(self.clock() + timedelta(seconds=after), QUEUE, body, key=key)


def _reader(message: Mapping[str, Any]) -> Reader:
    """Whom a message of the queue is for."""
    resolution, unopened = message.get("resolution", 0), message.get("unopened", "")
    return Reader(message["person"], message.get("above", False), resolution, unopened)


def _readers(detail: Mapping[str, Any], ticket: Ticket) -> Iterator[Reader]:
    """Whom an event may have something to say to."""
    is_asked = detail["type"] == RESOLVED and detail.get("incomplete")
    yield from _asked(ticket) if is_asked else _asked(ticket)[:1]
    if detail["type"] == ESCALATED:
        yield from (Reader(person, above=True) for person in ticket.escalated_to if person != ticket.owner)
        if ticket.owner and ticket.unopened:
            yield Reader(ticket.owner, unopened=_unopened(ticket))


def _asked(ticket: Ticket) -> Sequence[Reader]:
    """The owner, of their code and of what the ticket's resolution lacks; () where it is nobody's."""
    return (Reader(ticket.owner), Reader(ticket.owner, resolution=_resolution(ticket))) if ticket.owner else ()


def _leaves_words(detail: Mapping[str, Any]) -> bool:
    """Whether a part's event may leave it to the whole's owner to say what a resolution lacks: it was put away after
    the whole was resolved, or was resolved with it and is nobody's.
    """
    is_nobodys = bool(detail.get("incomplete")) and detail.get("owner") is None
    return bool(detail.get("parent")) and (detail.get("state") in UNDONE or is_nobodys)


def _unopened(ticket: Ticket) -> str:
    """Equal for the same parts; empty where all have tickets."""
    return digest("unopened", *sorted(ticket.unopened)) if ticket.unopened else ""


def _resolution(ticket: Ticket) -> int:
    """The number of the ticket's resolution that stands, or comes next: one more than how often it was reopened.

    The first of a ticket that was rejected and taken up again is 2.
    """
    return ticket.reopened + 1
