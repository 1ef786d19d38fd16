"""The owner of a ticket gets their personal code by themselves, over the channel that the organisation knows of them.

Once for each ticket and owner. The text of a code is kept nowhere: it is made of the workspace's key, the ticket, the
person and a number, so that every attempt sends the same one. It goes to the one person and never into a room, on no
bus and in no row of a delivery. What cannot be sent is left to an admin, who makes a code by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, Protocol

from chalicelib.domain import page_link
from chalicelib.domain.delivery import covers
from chalicelib.domain.directory import Endpoint, EndpointSecret
from chalicelib.domain.fields import TIME_ZONE
from chalicelib.domain.item import Access
from chalicelib.domain.organisation import Organisation
from chalicelib.domain.outbound import DELIVERED, FAILED, RETRY, HttpRequest, Message, Outcome
from chalicelib.domain.page_link import Code
from chalicelib.domain.ratelimit import Limit, effective
from chalicelib.domain.ticket import SETTLED, Ticket
from chalicelib.domain.ticket_title import TopicNames
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
ORDER: Final = ("feishu", "wecom", "dingtalk", "phone")  # an app costs nothing, so an SMS comes last
WAITS: Final = (5, 60, 300, 900, 3_600)  # seconds between the tries over one way
LEASE: Final = timedelta(seconds=60)  # of one try: longer than its calls
LONGEST_DELAY: Final = 900  # seconds that a message may wait


class Teller(AskedConnector, Protocol):
    """The code for one way to one person. See connectors/tellers.py."""

    @property
    def channel(self) -> str:
        """Which of a person's channels it takes."""

    @property
    def limits(self) -> tuple[Limit, ...]: ...

    def told(self, message: Message, address: str, access: Access) -> Access:
        """``access`` for this one person: an SMS is billed and sent by the phones in its credentials."""

    def tell(self, message: Message, address: str, access: Access) -> HttpRequest:
        """What sends ``message.code`` to one person alone. Raises Rejected where settings or address do not fit."""


class Codes(Protocol):
    """See storage/page_codes.py."""

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
class Left:
    """How often the way of now was tried, and the endpoints that were given up."""

    tries: int = 0
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendCode:
    """``teller`` gives the way of a connector with such settings to one person, None where it has none; ``channels``
    those of a workspace's people. ``queue`` is the one that it is fed by.
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

    def plan(self, detail: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> bool:
        """A ticket has changed: whether its owner is to be sent a code. An event that comes twice plans it once.

        ``endpoints`` are those of the workspace. Raises Retryable.
        """
        if not (str(detail.get("type")).startswith("ticket.") and isinstance(detail.get("ticket_id"), str)):
            return False
        tellers = self._tellers(endpoints)
        ticket = self.tickets.get(str(detail["workspace"]), detail["ticket_id"]) if tellers else None
        if ticket is None or ticket.owner is None or ticket.state in SETTLED:
            return False
        if ticket.owner not in self.organisation(ticket.workspace).by_person:
            return False
        mine = self._claimed(ticket, ticket.owner, tellers)
        if mine is None or mine.sent or mine.number is None:
            return False
        self._wake(ticket, mine.person, Left(), after=0)
        return True

    def _claimed(self, ticket: Ticket, person: str, tellers: Sequence[tuple[Endpoint, Teller]]) -> Code | None:
        """What the owner has, else a new one; None where nothing reaches them, or another worker is faster."""
        now = self.clock()
        known = self.codes.all(ticket.workspace, ticket.id, now)
        mine = next((one for one in known if one.person == person), None)
        if mine is not None or not self._ways(ticket, tellers):
            return mine
        new = self._new(ticket, person, now + page_link.LIFETIME, {one.slot for one in known})
        return new if self.codes.claim(ticket.workspace, ticket.id, new, now) else None

    def __call__(self, message: Mapping[str, Any]) -> str:
        """One try over the best way that is left; what it came to. What a target does is not raised.

        Raises Retryable for our own trouble.
        """
        workspace, person = message["workspace"], message["person"]
        ticket = self.tickets.get(workspace, message["ticket_id"])
        if ticket is None or ticket.owner != person or ticket.state in SETTLED:
            return "moved_on"
        now = self.clock()
        code = next((one for one in self.codes.all(workspace, ticket.id, now) if one.person == person), None)
        if code is None or code.sent or code.number is None:
            return "already"
        left = Left(int(message["tries"]), tuple(message["skip"]))
        ways = self._ways(ticket, self._tellers(self.directory.endpoints(workspace)))
        way = next((one for one in ways if one.endpoint.id not in left.skip), None)
        if way is None:
            return "unreachable"
        if not self.codes.lease(workspace, ticket.id, code, now, now + LEASE):
            return "being_sent"
        outcome, free = self._tell(ticket, code, way)
        if outcome.verdict == DELIVERED:
            self.codes.told(workspace, ticket.id, code)
            return "sent"
        self.codes.release(workspace, ticket.id, code)
        if free:
            self._wake(ticket, person, left, after=outcome.after or WAITS[0])
        elif outcome.verdict == RETRY and left.tries < len(WAITS):
            after = max(WAITS[left.tries], outcome.after or 0.0)
            self._wake(ticket, person, Left(left.tries + 1, left.skip), after=after)
        else:
            self._wake(ticket, person, Left(0, (*left.skip, way.endpoint.id)), after=0)
        return outcome.code or outcome.verdict

    def _tell(self, ticket: Ticket, code: Code, way: Way) -> tuple[Outcome, bool]:
        """The calls of one try, and whether it counts for none: it only waits for its turn."""
        secret = self.secrets.get(way.endpoint.id)
        if secret is None:
            return Outcome(FAILED, "credentials_missing"), False
        message = self._message(ticket, code, way.endpoint)
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

    def _message(self, ticket: Ticket, code: Code, endpoint: Endpoint) -> Message:
        text = self._text(ticket, code.person, code.expires_at, code.number or 0)
        return Message(
            delivery_id=f"code-{ticket.id}-{code.mark[:16]}",
            type="ticket.updated",
            sequence=ticket.version,
            occurred_at="",
            now=self.clock(),
            ticket=ticket,
            topic_name=self.topic_names(ticket.workspace),
            time_zone=endpoint.settings.get("time_zone") or TIME_ZONE,
            code=text,
        )

    def _tellers(self, endpoints: Sequence[Endpoint]) -> list[tuple[Endpoint, Teller]]:
        """Those that reach single people, the best first."""
        found = []
        for endpoint in endpoints:
            teller = self.teller(endpoint.connector, endpoint.settings) if endpoint.state == "active" else None
            if teller is not None:
                found.append((endpoint, teller))
        return sorted(found, key=lambda one: (ORDER.index(one[1].channel), one[0].id))

    def _ways(self, ticket: Ticket, tellers: Sequence[tuple[Endpoint, Teller]]) -> Sequence[Way]:
        """Those of them over which the ticket's owner is reached."""
        near = [(endpoint, teller) for endpoint, teller in tellers if covers(endpoint, ticket.unit)]
        mine = self.channels(ticket.workspace).get(ticket.owner or "", {}) if near else {}
        return [Way(one, teller, mine[teller.channel]) for one, teller in near if mine.get(teller.channel)]

    def _new(self, ticket: Ticket, person: str, expires_at: datetime, taken: set[str]) -> Code:
        """What is kept of the first code that begins as nobody else's does."""
        for number, text in self._texts(ticket, person, expires_at):
            if page_link.slot_of(text) not in taken:
                return replace(kept(self.marks, ticket, person, text, expires_at), number=number)
        raise AssertionError  # the numbers do not end

    def _texts(self, ticket: Ticket, person: str, expires_at: datetime) -> Iterator[tuple[int, str]]:
        return ((number, self._text(ticket, person, expires_at, number)) for number in count())

    def _text(self, ticket: Ticket, person: str, expires_at: datetime, number: int) -> str:
        told = f"{ticket.id}\n{person}\n{int(expires_at.timestamp())}\n{number}"
        return page_link.spelt(self.marks.mark(ticket.workspace, PURPOSE, told))

    def _wake(self, ticket: Ticket, person: str, left: Left, *, after: float) -> None:
        body = {
            "kind": KIND,
            "workspace": ticket.workspace,
            "ticket_id": ticket.id,
            "person": person,
            "tries": left.tries,
            "skip": list(left.skip),
        }
        if after <= LONGEST_DELAY:
            self.queue.send(body, delay=int(after))
            return
        key = f"{KIND}#{ticket.workspace}#{ticket.id}#{person}#{left.tries}#{len(left.skip)}"
        self.due.add(self.clock() + timedelta(seconds=after), QUEUE, body, key=key)
