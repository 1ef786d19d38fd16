"""How many open tickets somebody has: a row for each, written with the ticket.

Whoever writes a ticket does not know who had it before, so the row of a former owner stays until somebody counts. A
count therefore looks at the tickets themselves, and drops the rows that no longer tell the truth. A new ticket's row is
there before the ticket is; ``forget_open_case`` takes it away when the ticket never came.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError
from pynamodb.expressions.condition import Condition

from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.storage import keys
from chalicelib.storage.cases.ticket_rows import TicketRow, ticket_of
from chalicelib.storage.table import Row


class OpenCaseRow(Row):
    """``version`` is the ticket's that wrote it, ``opened_at`` tells openings apart; rows of before have none."""

    version = NumberAttribute()
    opened_at = UnicodeAttribute(null=True)


def open_case_row(ticket: Ticket) -> OpenCaseRow | None:
    """The row of a ticket under its owner; None where nobody has it."""
    if ticket.owner is None:
        return None
    key = keys.open_case(ticket.workspace, ticket.owner, ticket.id)
    return OpenCaseRow(*key, version=ticket.version, opened_at=keys.instant(ticket.opened_at))


class OpenCases:
    """The table is bound by the wiring."""

    def count(self, workspace: str, owner: str) -> int:
        """Tickets that are not settled and whose owner is ``owner``; reads as many rows as there are.

        A case that was divided is not counted: others have its parts.
        """
        pk, _ = keys.open_case(workspace, owner, "")
        rows = list(OpenCaseRow.query(pk, consistent_read=True))
        return sum(not one.parts for one in _held(workspace, owner, rows))

    def page(self, workspace: str, owner: str, *, after: str, limit: int) -> tuple[list[Ticket], str | None]:
        """Those of the next ``limit`` rows behind ``after``, by id, divided cases too, and where they ended; None for
        the last.
        """
        pk, _ = keys.open_case(workspace, owner, "")
        behind = OpenCaseRow.sk > after if after else None
        rows = list(OpenCaseRow.query(pk, behind, consistent_read=True, limit=limit))
        held = [ticket_of(one) for one in _held(workspace, owner, rows)]
        return sorted(held, key=lambda one: one.id), rows[-1].sk if len(rows) == limit else None


def _held(workspace: str, owner: str, rows: Sequence[OpenCaseRow]) -> list[TicketRow]:
    """The tickets of these rows that are somebody's to work on. The other rows are dropped."""
    wanted = [keys.ticket(workspace, row.sk) for row in rows]
    tickets = {ticket.id: ticket for ticket in TicketRow.batch_get(wanted, consistent_read=True)}
    mine = {one.id: one for one in tickets.values() if one.owner == owner and one.state not in SETTLED}
    for row in rows:
        if row.sk in tickets and row.sk not in mine:  # one that is not there may be just being opened
            _drop(row)
    return list(mine.values())


def forget_open_case(workspace: str, owner: str, ticket_id: str, opened_at: datetime) -> None:
    """Drop the row of an opening that never came to its ticket, unless another opening has written it again."""
    row = OpenCaseRow(*keys.open_case(workspace, owner, ticket_id))
    _delete(row, OpenCaseRow.opened_at == keys.instant(opened_at))


def _drop(row: OpenCaseRow) -> None:
    """Unless the ticket came back meanwhile."""
    _delete(row, OpenCaseRow.version == row.version)


def _delete(row: OpenCaseRow, condition: Condition) -> None:
    try:
        row.delete(condition=condition)
    except DeleteError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
