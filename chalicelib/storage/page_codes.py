"""Codes for the page of a ticket, in the table: what was made of them, never themselves. Bound by the wiring."""

from __future__ import annotations

from datetime import datetime, timezone

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, UpdateError

from chalicelib.domain.page_link import MOST_TRIES, Code
from chalicelib.storage import keys
from chalicelib.storage.table import Row


class CodeRow(Row):
    """One a ticket. It lies beside the ticket's own row, and the stream tells nobody of it."""

    person = UnicodeAttribute()
    mark = UnicodeAttribute()
    tries = NumberAttribute(default=0)


class PageCodes:
    """Every change is one conditional write."""

    def put(self, workspace: str, ticket: str, code: Code) -> None:
        """Keep a code in the place of the one before it."""
        expires_at = int(code.expires_at.timestamp())
        row = CodeRow(*keys.ticket_code(workspace, ticket), person=code.person, mark=code.mark, expires_at=expires_at)
        row.save()

    def attempt(self, workspace: str, ticket: str, at: datetime) -> Code | None:
        """Count a try and give the code to compare it with; None where there is none, it is over or it is locked."""
        row = CodeRow(*keys.ticket_code(workspace, ticket))
        open_ = (CodeRow.tries < MOST_TRIES) & (CodeRow.expires_at > int(at.timestamp()))
        try:
            row.update(actions=[CodeRow.tries.add(1)], condition=open_)
        except UpdateError as error:
            _lost(error)
            return None
        expires_at = datetime.fromtimestamp(int(row.expires_at or 0), timezone.utc)
        return Code(row.person, row.mark, expires_at, int(row.tries))

    def right(self, workspace: str, ticket: str, code: Code) -> None:
        """Forget the tries before the right one, unless there is another code by now."""
        row = CodeRow(*keys.ticket_code(workspace, ticket))
        try:
            row.update(actions=[CodeRow.tries.set(0)], condition=CodeRow.mark == code.mark)
        except UpdateError as error:
            _lost(error)

    def withdraw(self, workspace: str, ticket: str, code: Code) -> None:
        """Its person has no more to do with the ticket. Another code stays."""
        try:
            CodeRow(*keys.ticket_code(workspace, ticket)).delete(condition=CodeRow.mark == code.mark)
        except DeleteError as error:
            _lost(error)


def _lost(error: UpdateError | DeleteError) -> None:
    """Raises ``error`` unless it was its condition that failed."""
    if error.cause_response_code != "ConditionalCheckFailedException":
        raise error
