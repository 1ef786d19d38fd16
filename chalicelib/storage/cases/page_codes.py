"""Codes for the page of a ticket, in the table: what was made of them, never themselves. Bound by the wiring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.update import Action

from chalicelib.domain.cases.page_link import Code
from chalicelib.storage import keys
from chalicelib.storage.table import Row


class CodeRow(Row):
    """One a ticket and person. It lies beside the ticket's own row, and the stream tells nobody of it."""

    person = UnicodeAttribute()
    mark = UnicodeAttribute()
    derived = BooleanAttribute(default=False)
    sent = BooleanAttribute(default=False)
    lease_until = NumberAttribute(null=True)  # epoch seconds


class PageCodes:
    """Every change is one conditional write."""

    def put(self, workspace: str, ticket: str, code: Code) -> None:
        """Keep a code in the place of the person's code before it."""
        _row(workspace, ticket, code).save()

    def claim(self, workspace: str, ticket: str, code: Code, at: datetime) -> bool:
        """Keep a code unless its person has one that is not over."""
        free = CodeRow.pk.does_not_exist() | (CodeRow.expires_at <= int(at.timestamp()))
        try:
            _row(workspace, ticket, code).save(condition=free)
        except PutError as error:
            _lost(error)
            return False
        return True

    def all(self, workspace: str, ticket: str, at: datetime) -> Sequence[Code]:
        """Everybody's that is not over; of a few people at most."""
        pk, first = keys.ticket_code(workspace, ticket, "")
        rows = CodeRow.query(pk, CodeRow.sk.startswith(first), consistent_read=True)
        return tuple(code for code in map(_code, rows) if code.expires_at > at)

    def told(self, workspace: str, ticket: str, code: Code) -> None:
        """It has reached its person."""
        self._update(workspace, ticket, code, CodeRow.sent.set(True))

    def lease(self, workspace: str, ticket: str, code: Code, now: datetime, until: datetime) -> bool:
        """Whether one sender alone may send it before ``until``."""
        row = CodeRow(*keys.ticket_code(workspace, ticket, code.person))
        free = CodeRow.lease_until.does_not_exist() | (CodeRow.lease_until <= int(now.timestamp()))
        mine = (CodeRow.mark == code.mark) & (CodeRow.sent == False)  # noqa: E712 - an expression
        try:
            row.update(actions=[CodeRow.lease_until.set(int(until.timestamp()))], condition=mine & free)
        except UpdateError as error:
            _lost(error)
            return False
        return True

    def release(self, workspace: str, ticket: str, code: Code) -> None:
        """It was not sent: the next try need not wait."""
        self._update(workspace, ticket, code, CodeRow.lease_until.remove())

    def withdraw(self, workspace: str, ticket: str, code: Code) -> None:
        """Its person has no more to do with the ticket. Another code stays."""
        try:
            row = CodeRow(*keys.ticket_code(workspace, ticket, code.person))
            row.delete(condition=CodeRow.mark == code.mark)
        except DeleteError as error:
            _lost(error)

    def _update(self, workspace: str, ticket: str, code: Code, action: Action) -> None:
        row = CodeRow(*keys.ticket_code(workspace, ticket, code.person))
        try:
            row.update(actions=[action], condition=CodeRow.mark == code.mark)
        except UpdateError as error:
            _lost(error)


def _row(workspace: str, ticket: str, code: Code) -> CodeRow:
    return CodeRow(
        *keys.ticket_code(workspace, ticket, code.person),
        person=code.person,
        mark=code.mark,
        derived=code.derived,
        sent=code.sent,
        expires_at=int(code.expires_at.timestamp()),
    )


def _code(row: CodeRow) -> Code:
    return Code(
        row.person,
        row.mark,
        datetime.fromtimestamp(int(row.expires_at or 0), timezone.utc),
        bool(row.derived),
        bool(row.sent),
    )


def _lost(error: UpdateError | DeleteError | PutError) -> None:
    """Raises ``error`` unless it was its condition that failed."""
    if error.cause_response_code != "ConditionalCheckFailedException":
        raise error
