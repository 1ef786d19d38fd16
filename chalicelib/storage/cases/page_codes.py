"""Codes for the page of a ticket, in the table: what was made of them, never themselves. Bound by the wiring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.update import Action

from chalicelib.domain.cases.page_link import MOST_TRIES, Code
from chalicelib.storage import keys
from chalicelib.storage.table import Row


class CodeRow(Row):
    """One a ticket and person. It lies beside the ticket's own row, and the stream tells nobody of it."""

    person = UnicodeAttribute()
    mark = UnicodeAttribute()
    slot = UnicodeAttribute()
    tries = NumberAttribute(default=0)
    number = NumberAttribute(null=True)
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

    def attempt(self, workspace: str, ticket: str, slot: str, at: datetime) -> Sequence[Code]:
        """Count a try and give the codes to compare it with: those that begin so, are not over and not locked."""
        known = (one for one in self.all(workspace, ticket, at) if one.slot == slot)
        return tuple(code for one in known if (code := self._counted(workspace, ticket, one, at)) is not None)

    def _counted(self, workspace: str, ticket: str, known: Code, at: datetime) -> Code | None:
        row = CodeRow(*keys.ticket_code(workspace, ticket, known.person))
        open_ = (CodeRow.tries < MOST_TRIES) & (CodeRow.expires_at > int(at.timestamp()))
        try:
            row.update(actions=[CodeRow.tries.add(1)], condition=open_)
        except UpdateError as error:
            _lost(error)
            return None
        return _code(row)

    def right(self, workspace: str, ticket: str, code: Code) -> None:
        """Forget the tries before the right one, unless there is another code by now."""
        self._update(workspace, ticket, code, CodeRow.tries.set(0))

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
        slot=code.slot,
        number=code.number,
        sent=code.sent,
        expires_at=int(code.expires_at.timestamp()),
    )


def _code(row: CodeRow) -> Code:
    return Code(
        row.person,
        row.mark,
        datetime.fromtimestamp(int(row.expires_at or 0), timezone.utc),
        int(row.tries),
        row.slot,
        None if row.number is None else int(row.number),
        bool(row.sent),
    )


def _lost(error: UpdateError | DeleteError | PutError) -> None:
    """Raises ``error`` unless it was its condition that failed."""
    if error.cause_response_code != "ConditionalCheckFailedException":
        raise error
