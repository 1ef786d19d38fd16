"""Tickets in the table: one transaction per change, so that a state never lacks its line of history.

A new ticket is one row with its first line in it. What only points at a ticket, its next alarm among it, is written
before the ticket is: whoever follows such a row looks at the ticket as it is, and one too many does nothing. The alarm
of an opening is the first of them and names the others: where another opening came to the ticket, or none did,
``forget`` takes them away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.domain.cases.sla import Timed
from chalicelib.domain.cases.ticket import SETTLED, Move, Step, Ticket
from chalicelib.domain.outbound.callback import ExternalItem
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR, is_below
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys, paging
from chalicelib.storage.cases import ticket_rows as rows
from chalicelib.storage.cases.clock_rows import provisional_row
from chalicelib.storage.cases.open_cases import OpenCaseRow, forget_open_case, open_case_row
from chalicelib.storage.cases.ticket_rows import CustomerCaseRow, ExternalItemRow, MoveRow, TicketRow
from chalicelib.storage.due import due_row
from chalicelib.storage.table import Row, committed, saved, transaction

CLOCK: Final = "clock"  # kind of a message that says that a clock of a ticket has come to something
Time = Callable[[Ticket, Sequence[Move]], Timed]
Write = tuple[Row, Condition | None]
LOOK_AFTER: Final = timedelta(hours=1)  # when an opening that has no clock is looked at
_EPOCH: Final = datetime.fromtimestamp(0, timezone.utc)
_FIRST, _LAST = "0", "9999"  # before and after every instant
_BEFORE: Final = TicketRow.facets.does_not_exist() | ~TicketRow.facets.startswith(rows.MARK)  # rows that say less
_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#tk_[a-z2-7]{26}")


class TicketStore:
    """``services.ports.TicketStore`` and what lists, callbacks and replays need. The table is bound by the wiring.

    ``time`` sets a ticket's clocks, for whoever writes it; their alarm is written first, so no deadline is ever without
    one. Without it clocks stand still.
    """

    def __init__(self, time: Time | None = None) -> None:
        self._time = time or (lambda ticket, _: Timed(ticket))

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        """Strongly consistent; None for one that there is not."""
        try:
            return rows.ticket_of(TicketRow.get(*keys.ticket(workspace, ticket_id), consistent_read=True))
        except DoesNotExist:
            return None

    def create(self, ticket: Ticket, move: Move) -> bool:
        """Write ticket and first line; False when the ticket exists. Raises Retryable when the table is overloaded."""
        timed = self._time(ticket, (move,))
        pointers = [*_customer_rows(ticket), *(row for row, _ in _load_writes(ticket)[0])]
        _point([*_first_alarm_rows(timed, pointers), *pointers])
        row = rows.ticket_row(replace(timed.ticket, first=move))
        return _written([(row, TicketRow.pk.does_not_exist()), *_provisional_writes(timed)])

    def forget(self, workspace: str, ticket_id: str, opening: Mapping[str, Any], ticket: Ticket | None = None) -> None:
        """Drop what an opening left that never came to its ticket, ``opening`` as its alarm names it.

        Another opening of the same ticket keeps its own. ``ticket``: as it is now, where one came to it. Of the opening
        that did nothing is dropped, of another one the customer's row alone: the owner's is the ticket's too.
        """
        at = datetime.fromisoformat(opening["at"])
        if opening["customer"] is not None:
            key = keys.customer_case(workspace, opening["customer"], at, ticket_id)
            if key != _customer_key(ticket):
                CustomerCaseRow(*key).delete()
        if opening["owner"] is not None and ticket is None:
            forget_open_case(workspace, opening["owner"], ticket_id, at)

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        """Write the new state and its lines; False when somebody else was faster. Raises as ``create``."""
        writes, gone = self._writes(ticket, moves, expected_version)
        return _written(writes, gone)

    def moves(self, workspace: str, ticket_id: str) -> tuple[Move, ...]:
        """The whole history, oldest first; empty for a ticket that there is not."""
        pk, _ = keys.ticket(workspace, ticket_id)
        found = MoveRow.query(pk, MoveRow.sk.startswith(rows.MOVE_PREFIX), consistent_read=True)
        lines = tuple(rows.move_of(row) for row in found)
        if lines and lines[0].version == 1:  # of before the first line was kept with the ticket
            return lines
        ticket = self.get(workspace, ticket_id)
        return (ticket.first, *lines) if ticket is not None and ticket.first is not None else lines

    # --- what an OA said --------------------------------------------------------------------------------------

    def external_item(self, workspace: str, endpoint: str, external_id: str) -> ExternalItem | None:
        """The newest that was heard of an item; strongly consistent."""
        try:
            key = keys.external_item(workspace, endpoint, external_id)
            return rows.external_item_of(ExternalItemRow.get(*key, consistent_read=True))
        except DoesNotExist:
            return None

    def hear(self, item: ExternalItem, *, known: ExternalItem | None, step: Step | None, expected_version: int) -> bool:
        """Remember ``item`` and write ``step``, both or neither; False when either is no longer what was read.

        ``known`` is what ``external_item`` gave, ``expected_version`` the version of the ticket that was judged.
        """
        unchanged = (
            ExternalItemRow.pk.does_not_exist()
            if known is None
            else ExternalItemRow.stamp == rows.external_stamp(known)
        )
        heard = rows.external_item_row(item)
        if step is not None:
            writes, gone = self._writes(step.ticket, step.moves, expected_version)
            return _written([(heard, unchanged), *writes], gone)
        return saved(heard, unchanged)

    def _writes(self, ticket: Ticket, moves: Iterable[Move], expected_version: int) -> tuple[list[Write], list[Row]]:
        """What one change of a ticket puts, and what it deletes. Its next alarm is there by then."""
        lines = tuple(moves)
        timed = self._time(ticket, lines)
        _point(_alarm_rows(timed))
        row = (rows.ticket_row(timed.ticket), TicketRow.version == expected_version)
        held, dropped = _load_writes(ticket)
        return [row, *(_line(ticket, move) for move in lines), *_provisional_writes(timed), *held], dropped

    # --- lists ------------------------------------------------------------------------------------------------

    def page(
        self,
        workspace: str,
        *,
        state: str | None = None,
        owner: str | None = None,
        department: str | None = None,
        severity: str | None = None,
        incomplete: bool = False,
        unit: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Ticket], str | None]:
        """Tickets opened at ``since`` ≤ time < ``until``, last opened first, and the cursor of the next page; of a unit
        and those below it, where one is named. ``incomplete``: only those that lack root cause or action.

        No cursor is the end; a page may be short of ``limit`` although one follows. Parts of cases are among them
        only where an owner or a department is asked for. Raises Invalid (``invalid_cursor``).
        """
        conditions: list[Condition] = []
        if state is not None:
            conditions.append(TicketRow.state == state)
        if owner is not None:
            conditions.append(TicketRow.owner == owner)
        if department is not None:
            conditions.append(TicketRow.departments.contains(department))
        if severity is not None:
            conditions.append(TicketRow.facets.startswith(f"{rows.MARK}{severity}|") | _BEFORE)
        if incomplete:
            conditions.append(TicketRow.facets.contains(f"|{rows.INCOMPLETE}|") | _BEFORE)
        if unit is not None:
            before = (TicketRow.facets == unit) | TicketRow.facets.startswith(unit + UNIT_SEPARATOR)
            within = TicketRow.facets.contains(f"|{unit}{UNIT_SEPARATOR}") | before
            conditions.append(within | TicketRow.facets.does_not_exist())
        span = (keys.instant(since) if since else _FIRST, keys.instant(until) if until else _LAST)
        narrowed = (state or "", owner or "", department or "", unit or "", severity or "", str(incomplete))
        scope = "\n".join(("tickets", workspace, *narrowed, *span))
        found, following = _page(workspace, scope, span, sieve=_all(conditions), limit=limit, cursor=cursor)
        whole_only = owner is None and department is None
        # What the index says is old for a moment, and of rows of before it knows less.
        found = [one for one in found if unit is None or is_below(one.unit, unit)]
        found = [one for one in found if severity in (None, one.severity) and (one.incomplete or not incomplete)]
        return [one for one in found if not (whole_only and one.parent)], following

    def changed(
        self, workspace: str, since: datetime, until: datetime, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Ticket], str | None]:
        """Tickets whose newest version is of ``since`` ≤ time < ``until``; paged as ``page``.

        Reads the index entries of all tickets opened before ``until``: for a person's replay, not for a clock.
        """
        first, last = keys.instant(since), keys.instant(until)
        sieve = (TicketRow.updated_at >= first) & (TicketRow.updated_at < last)
        scope = "\n".join(("changed", workspace, first, last))
        return _page(workspace, scope, (_FIRST, last), sieve=sieve, limit=limit, cursor=cursor)

    def some(self, workspace: str, ids: Iterable[str]) -> list[Ticket]:
        """These tickets as they are now, in their order; those that there are not are left out."""
        wanted = dict.fromkeys(ids)
        read = TicketRow.batch_get([keys.ticket(workspace, one) for one in wanted], consistent_read=True)
        found = {row.id: rows.ticket_of(row) for row in read}
        return [found[one] for one in wanted if one in found]

    def of_customer(self, workspace: str, customer: str, *, limit: int) -> list[Ticket]:
        """The cases of one customer (``ids.customer_key``), last opened first.

        A row says whose a case was to be; whose it is says the case, which an opening of other words may have made.
        """
        pk, _ = keys.customer_case(workspace, customer, _EPOCH, "")
        entries = CustomerCaseRow.query(pk, scan_index_forward=False, limit=limit)
        named = (_id_at(entry.sk) for entry in entries)  # twice, where an opening was tried twice
        found = [one for one in self.some(workspace, named) if one.customer == customer]
        return sorted(found, key=lambda one: (one.opened_at, one.id), reverse=True)


def _page(
    workspace: str, scope: str, span: tuple[str, str], *, sieve: Condition | None, limit: int, cursor: str | None
) -> tuple[list[Ticket], str | None]:
    """One page of the index entries in ``span``, each with its ticket as it is now."""
    start = _start(workspace, scope, span, cursor)
    # A sort key goes on after its instant: the upper end itself is left out.
    between = TicketRow.list_sk.between(*span)
    positions, last = paging.positions(
        TicketRow.listing, keys.ticket_listing(workspace), between, sieve, limit=limit, start=start
    )
    wanted = [keys.ticket(workspace, _id_at(position)) for position in positions]
    found = {row.id: rows.ticket_of(row) for row in TicketRow.batch_get(wanted, consistent_read=True)}
    tickets = [found[_id_at(position)] for position in positions if _id_at(position) in found]
    return tickets, cursors.encode(scope, {"at": last}) if last else None


def _start(workspace: str, scope: str, span: tuple[str, str], cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    position = cursors.decode(scope, cursor).get("at")
    # A start outside of the span is an error to DynamoDB, so a made-up one must not get there.
    if not isinstance(position, str) or not _POSITION.fullmatch(position) or not span[0] <= position <= span[1]:
        raise cursors.invalid()
    pk, sk = keys.ticket(workspace, _id_at(position))
    start = {"pk": pk, "sk": sk, "list_pk": keys.ticket_listing(workspace), "list_sk": position}
    return {name: {"S": value} for name, value in start.items()}


def _id_at(position: str) -> str:
    return position.rpartition("#")[2]


def _all(conditions: Sequence[Condition]) -> Condition | None:
    whole: Condition | None = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


def _point(found: Iterable[Row]) -> None:
    """Write rows that lead to a ticket, each by itself."""
    for row in found:
        row.save()


def _alarm_rows(timed: Timed) -> list[Row]:
    """The next alarm; it may be there already."""
    one, clocks = timed.ticket, timed.ticket.clocks
    if timed.alarm is None or clocks is None or clocks.alarm is None:
        return []
    return [due_row(timed.alarm, "cases", _alarm(one, clocks.alarm), key=f"{CLOCK}#{one.id}")]


def _first_alarm_rows(timed: Timed, pointers: Sequence[Row]) -> list[Row]:
    """The alarm of an opening, which says who else is pointed at. Each opening has its own, in the same minute too."""
    one = timed.ticket
    if not pointers:
        return _alarm_rows(timed)
    at, armed_for = timed.alarm, one.clocks.alarm if one.clocks else None
    if at is None or armed_for is None:
        at = armed_for = one.opened_at + LOOK_AFTER
    kinds = {type(row) for row in pointers}
    opening = {
        "customer": one.customer if CustomerCaseRow in kinds else None,
        "owner": one.owner if OpenCaseRow in kinds else None,
        "at": one.opened_at.isoformat(),
    }
    due = {**_alarm(one, armed_for), "opening": opening}
    return [due_row(at, "cases", due, key=f"{CLOCK}#{one.id}#{keys.instant(one.opened_at)}")]


def _alarm(ticket: Ticket, at: datetime) -> dict[str, Any]:
    return {"kind": CLOCK, "workspace": ticket.workspace, "ticket": ticket.id, "at": at.isoformat()}


def _provisional_writes(timed: Timed) -> list[Write]:
    """The years that a deadline waits for, together with the ticket: whoever finds such a row alone forgets it."""
    one = timed.ticket
    return [(provisional_row(one.workspace, one.id, mark), None) for mark in timed.marked]


def _customer_rows(ticket: Ticket) -> list[Row]:
    """That it is one of its customer's; a part is no case of its own."""
    return [rows.customer_case_row(ticket)] if ticket.customer and ticket.parent is None else []


def _customer_key(ticket: Ticket | None) -> tuple[str, str] | None:
    """Where a ticket says whose it is; None for one of nobody that is known."""
    if ticket is None or ticket.customer is None:
        return None
    return keys.customer_case(ticket.workspace, ticket.customer, ticket.opened_at, ticket.id)


def _load_writes(ticket: Ticket) -> tuple[list[Write], list[Row]]:
    """That its owner has one more open ticket, or one less."""
    row = open_case_row(ticket)
    if row is None:
        return [], []
    return ([], [row]) if ticket.state in SETTLED else ([(row, None)], [])


def _line(ticket: Ticket, move: Move) -> Write:
    return rows.move_row(ticket.workspace, ticket.id, move), MoveRow.pk.does_not_exist()


def _written(writes: Sequence[Write], gone: Sequence[Row] = ()) -> bool:
    """Put all rows and delete those ``gone``, or nothing; False when a condition failed or another transaction holds
    one of them. A single row needs no transaction, which costs twice as much.
    """
    if len(writes) == 1 and not gone:
        return saved(*writes[0])
    together = transaction()
    for row, condition in writes:
        together.save(row, condition=condition)
    for row in gone:
        together.delete(row)
    return committed(together)
