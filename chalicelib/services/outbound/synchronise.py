"""Bring the item that a system of record keeps of a ticket to the ticket's newest state: create it once, then update.

Whatever the attempt dies of, the next one knows how far it came. A create is marked durably before it leaves, and its
item's id is written together with the way back for callbacks. What the mark means for the next attempt is in
``domain/outbound/item.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.outbound import item as items_
from chalicelib.domain.outbound.delivery import CallMade
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    DISABLE,
    FAILED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
    is_ambiguous,
)
from chalicelib.domain.outbound.item import Access, Item, Mark, usable_id
from chalicelib.domain.outbound.ratelimit import Limit, effective
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.errors import Rejected
from chalicelib.services.inbound.vendor_calls import Answer, Calls, Door, Stop, Windows, at, later
from chalicelib.services.outbound.keep_token import AuthorisedCalls, Authoriser, KeepToken
from chalicelib.services.ports import Clock

LEASE: Final = timedelta(seconds=30)  # of an item: longer than an attempt's deadline and what is written around it
LARGEST_ANSWER: Final = 1_048_576  # bytes: an item with its history; one cut short could not be read
ALREADY_SENT: Final = "already_sent"
NOTHING_TO_CHANGE: Final = "nothing_to_change"
ITEM_BUSY: Final = "item_busy"
SEARCH_LAG: Final = "search_lag"
CREATE_UNCERTAIN: Final = "create_uncertain"


class StateConnector(Authoriser, Protocol):
    """See connectors/base.py."""

    @property
    def has_idempotency(self) -> bool: ...

    @property
    def key_life(self) -> float | None: ...

    @property
    def searches(self) -> bool: ...

    @property
    def search_lag(self) -> float: ...

    @property
    def limits(self) -> tuple[Limit, ...]: ...

    def find(self, message: Message, access: Access) -> HttpRequest | None: ...

    def found(self, response: HttpResponse) -> str | None: ...

    def create(self, message: Message, access: Access) -> HttpRequest: ...

    def created(self, response: HttpResponse, message: Message) -> str | None: ...

    def update(self, message: Message, external_id: str, access: Access) -> HttpRequest | None: ...

    def outcome(self, response: HttpResponse) -> Outcome: ...


class Items(Protocol):
    """See storage/outbound/items.py."""

    def get(self, workspace: str, ticket: str, endpoint: str) -> Item: ...

    def take(
        self, workspace: str, ticket: str, endpoint: str, *, attempt: str, now: datetime, until: datetime
    ) -> Item | None: ...

    def put(self, item: Item, *, attempt: str, release: bool) -> bool: ...

    def link(self, item: Item, *, attempt: str, release: bool) -> bool: ...


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt. ``insists``: a person sends again what was left uncertain."""

    attempt: str  # an id that no other attempt has
    endpoint: Endpoint
    connector: StateConnector
    message: Message
    secret: EndpointSecret = field(repr=False)
    insists: bool = False
    urgent: bool = False

    @property
    def ticket(self) -> Ticket:
        if self.message.ticket is None:
            raise Rejected("This system takes tickets only.", code="no_ticket")
        return self.message.ticket


@dataclass(frozen=True, slots=True)
class Brought:
    """What the attempt came to.

    ``free``: it waited for something and counts as none. ``uncertain``: a person must look. ``ambiguous``: a create
    left, and whether it arrived is not known.
    """

    outcome: Outcome
    calls: Sequence[CallMade] = ()
    last: HttpResponse | None = field(default=None, repr=False)
    free: bool = False
    uncertain: bool = False
    ambiguous: bool = False
    seen: Sequence[str] = field(default=(), repr=False)  # tokens that an answer may echo


@dataclass(frozen=True, slots=True)
class Synchronise:
    """``monotonic`` gives seconds for durations. ``watch`` has the item of (workspace, endpoint, ticket) asked for."""

    items: Items
    keep_token: KeepToken
    windows: Windows
    door: Door
    clock: Clock
    monotonic: Callable[[], float]
    lease: timedelta = LEASE
    watch: Callable[[str, str, str], None] = lambda *_: None

    def is_current(self, endpoint: Endpoint, ticket: Ticket) -> bool:
        """Whether the item shows this version of the ticket already, or a newer one."""
        item = self.items.get(endpoint.workspace, ticket.id, endpoint.id)
        return item.external_id is not None and item.sent >= ticket.version

    def __call__(self, task: Task) -> Brought:
        """Bring the item to ``task.message.ticket``. Nothing that the target does is raised; Retryable is our own."""
        now, ticket, endpoint = self.clock(), task.ticket, task.endpoint
        item = self.items.take(
            endpoint.workspace, ticket.id, endpoint.id, attempt=task.attempt, now=now, until=now + self.lease
        )
        if item is None:
            return Brought(Outcome(RETRY, ITEM_BUSY, self.lease.total_seconds() / 2), free=True)
        calls = Calls(
            self.door,
            self.windows,
            endpoint.target or endpoint.id,
            effective(task.connector.limits, endpoint.settings.get("rate")),
            task.urgent,
            self.clock,
            self.monotonic,
        )
        return _Attempt(self, task, calls, item).run()


class _Attempt:
    """The steps of one attempt. ``item`` is what is known so far; it is written before and after each create."""

    def __init__(self, service: Synchronise, task: Task, calls: Calls, item: Item) -> None:
        self._service = service
        self._task = task
        self._connector = task.connector
        self._calls = calls
        self._item = item
        self._released = False
        self._ambiguous = False
        self._authorised = AuthorisedCalls(service.keep_token, task.connector, calls, self._access)

    @property
    def _version(self) -> int:
        return self._task.ticket.version

    def run(self) -> Brought:
        free = False
        try:
            outcome = self._bring()
        except Stop as stop:
            outcome, free = stop.outcome, stop.free
        except Rejected as refusal:  # ours: the settings or credentials do not fit
            outcome = Outcome(FAILED, refusal.code)
        if not self._released:
            self._service.items.put(self._now_known(), attempt=self._task.attempt, release=True)
        return Brought(
            outcome,
            calls=tuple(self._calls.made),
            last=self._calls.last,
            free=free,
            uncertain=self._item.uncertain,
            ambiguous=self._ambiguous,
            seen=tuple(self._authorised.seen),
        )

    def _bring(self) -> Outcome:
        if self._item.external_id is None:
            outcome = self._make()
            if outcome is not None:
                return outcome
        if self._item.sent >= self._version:
            return Outcome(DELIVERED, ALREADY_SENT)
        return self._update()

    # --- an item without an id ----------------------------------------------------------------------------------

    def _make(self) -> Outcome | None:
        """Create the item, or find the one that was created; None when it is there and may be of an older version."""
        if self._task.insists and self._item.uncertain:
            self._start_over()
        way = items_.way(self._item, self._version, self._connector, self._service.clock())
        if way == items_.UNCERTAIN:
            self._item = replace(self._item, uncertain=True)
            return Outcome(RETRY, CREATE_UNCERTAIN)
        if way == items_.FIND and self._find():
            return None
        return self._create()

    def _start_over(self) -> None:
        """A person has looked. Under the same key, unless the target refuses it: if it did arrive, nothing doubles."""
        spent = self._item.creating is not None and self._item.creating.spent
        generation = self._item.generation + spent
        self._item = replace(self._item, creating=None, uncertain=False, generation=generation)

    def _find(self) -> bool:
        """Whether the item of the marked create is there. If not, the mark is gone: that create never arrived."""
        mark = self._item.creating
        if mark is None:
            return False
        now = self._service.clock()
        shown_at = mark.last_at + timedelta(seconds=self._connector.search_lag)
        if now < shown_at:
            raise later(SEARCH_LAG, at(shown_at, now))
        answer = self._authorised("find", lambda access: self._connector.find(self._task.message, access))
        if answer is None or answer.response is None:
            raise Stop(answer.outcome if answer else Outcome(FAILED, CREATE_UNCERTAIN))
        none = answer.outcome.code == items_.ITEM_MISSING
        if not none and answer.outcome.verdict != DELIVERED:
            raise Stop(answer.outcome)
        external_id = None if none else usable_id(self._connector.found(answer.response))
        self._item = replace(self._item, creating=None, uncertain=False)
        if external_id is None:
            return False
        self._linked(external_id, mark.version, release=False)
        return True

    def _create(self) -> Outcome | None:
        """What the create came to; None as ``_make``."""
        before = self._item
        try:
            answer = self._authorised(
                "create", lambda access: self._connector.create(self._task.message, access), before=self._mark
            )
        except (Stop, Rejected):
            self._item = before  # the create did not leave, or was turned away for its token
            raise
        if answer is None:
            raise Stop(Outcome(FAILED, CREATE_UNCERTAIN))
        return self._judge_create(answer, before)

    def _judge_create(self, answer: Answer, before: Item) -> Outcome | None:
        outcome, response = answer.outcome, answer.response
        if outcome.verdict == DELIVERED and response is not None:
            external_id = usable_id(self._connector.created(response, self._task.message))
            if external_id is not None:
                # A repeated create may be answered with the item as the first one made it.
                version = self._item.creating.version if self._item.creating else self._version
                self._linked(external_id, version, release=version >= self._version)
                return outcome if version >= self._version else None
            outcome = Outcome(RETRY, UNREADABLE)
        self._ambiguous = _may_have_arrived(answer, outcome)
        if not self._ambiguous:
            # This one did not arrive. One before it may have.
            self._item = before
            return outcome
        self._note_ambiguity(outcome)
        return outcome

    def _note_ambiguity(self, outcome: Outcome) -> None:
        mark = self._item.creating
        if mark is not None and outcome.code == items_.KEY_CONFLICT:
            self._item = replace(self._item, creating=replace(mark, spent=True))
        way = items_.way(self._item, self._version, self._connector, self._service.clock())
        self._item = replace(self._item, uncertain=way == items_.UNCERTAIN)

    def _mark(self) -> None:
        """Write down that a create leaves now. Raises Stop when the item is another attempt's by now."""
        now, old = self._service.clock(), self._item.creating
        mark = replace(old, attempt=self._task.attempt, last_at=now) if old else self._first_mark(now)
        self._item = replace(self._item, creating=mark, uncertain=False)
        if not self._service.items.put(self._now_known(), attempt=self._task.attempt, release=False):
            self._released = True
            raise later(ITEM_BUSY, self._service.lease.total_seconds())

    def _first_mark(self, now: datetime) -> Mark:
        return Mark(self._task.attempt, self._version, now, now)

    def _linked(self, external_id: str, version: int, *, release: bool) -> None:
        """Write the item's id, with the way back."""
        self._item = replace(
            self._item, external_id=external_id, sent=version, creating=None, uncertain=False, missing=False
        )
        if hasattr(self._connector, "read"):  # first: what is watched in vain does no harm
            self._service.watch(self._item.workspace, self._item.endpoint, self._item.ticket)
        self._released = release
        if not self._service.items.link(self._now_known(), attempt=self._task.attempt, release=release):
            self._released = True
            raise later(ITEM_BUSY, self._service.lease.total_seconds())

    # --- an item with an id -------------------------------------------------------------------------------------

    def _update(self) -> Outcome:
        external_id = self._item.external_id or ""
        answer = self._authorised(
            "update", lambda access: self._connector.update(self._task.message, external_id, access)
        )
        if answer is None:
            self._item = replace(self._item, sent=self._version)
            return Outcome(DELIVERED, NOTHING_TO_CHANGE)
        if _is_missing(answer):
            return self._replace_missing()
        if answer.outcome.verdict == DELIVERED:
            self._item = replace(self._item, sent=self._version, missing=False)
            self._rename(external_id)
        return answer.outcome

    def _rename(self, external_id: str) -> None:
        """Some items go by another id once they were changed: the connector has ``renamed`` then."""
        renamed = getattr(self._connector, "renamed", None)
        name = usable_id(renamed(external_id)) if renamed else external_id
        if name is not None and name != external_id:
            self._linked(name, self._version, release=True)

    def _replace_missing(self) -> Outcome:
        """Somebody deleted the item there. It is made anew only where the endpoint says so."""
        if self._task.endpoint.settings.get("on_missing") != "recreate":
            self._item = replace(self._item, missing=True)
            return Outcome(FAILED, items_.ITEM_MISSING)
        gone = self._item
        self._item = replace(gone, external_id=None, sent=0, generation=gone.generation + 1, creating=None)
        outcome = self._create() or Outcome(DELIVERED)
        if outcome.verdict in (FAILED, DISABLE):
            # Nothing was made. A wrong address calls every item missing: the one that was known is not forgotten.
            self._item = replace(gone, missing=True)
        return outcome

    def _access(self, token: str | None) -> Access:
        settings: Mapping[str, Any] = self._task.endpoint.settings
        return Access(self._task.secret, settings, token, self._item.generation)

    def _now_known(self) -> Item:
        return replace(self._item, updated_at=self._service.clock())


def _may_have_arrived(answer: Answer, outcome: Outcome) -> bool:
    """Whether a create that was not confirmed may have been taken all the same."""
    if answer.response is None:
        return answer.sent
    if outcome.verdict != RETRY:
        return False
    return (
        is_ambiguous(outcome, answer.response)
        or outcome.code in (UNREADABLE, items_.KEY_CONFLICT)
        or answer.response.status == 409  # the same create may be under way there
    )


def _is_missing(answer: Answer) -> bool:
    status = answer.response.status if answer.response else 0
    return answer.outcome.code == items_.ITEM_MISSING or status in (404, 410)
