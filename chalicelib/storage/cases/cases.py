"""Notes, links and verdicts in the table. The table is bound by the wiring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pynamodb.exceptions import PutError

from chalicelib.domain.cases.case import Link, Note, Verdict
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.cases import case_rows as rows
from chalicelib.storage.cases.case_rows import LinkRow, NoteRow, VerdictRow
from chalicelib.storage.table import committed, transaction

_ID: Final = re.compile(r"[0-9A-Za-z_]{1,64}")
_NEXT, _LAST = "!", "~"  # right behind one id, and behind all: ids are letters, digits and a line


class CaseStore:
    """What lies beside a ticket. Writing any of it leaves the ticket's version alone."""

    def add_note(self, workspace: str, ticket: str, note: Note) -> bool:
        """Keep a note under its id; False where another one has the id: no note is written over."""
        row = rows.note_row(workspace, ticket, note)
        try:
            row.save(condition=NoteRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return rows.note_of(NoteRow.get(row.pk, row.sk, consistent_read=True)).text == note.text
        return True

    def notes(
        self, workspace: str, ticket: str, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Note], str | None]:
        """Up to ``limit`` notes, oldest first, and the cursor of the next page. Raises Invalid (``invalid_cursor``)."""
        pk, first = keys.ticket_note(workspace, ticket, "")
        scope = f"notes\n{pk}"
        after = _after(scope, cursor) if cursor else ""
        span = NoteRow.sk.between(first + after, first + _LAST)
        found = [rows.note_of(row) for row in NoteRow.query(pk, span, consistent_read=True, limit=limit + 1)]
        more = len(found) > limit
        return found[:limit], cursors.encode(scope, {"at": found[limit - 1].id}) if more else None

    def links(self, workspace: str, ticket: str) -> tuple[Link, ...]:
        """All links, seen from ``ticket``, by the other's id."""
        pk, _ = keys.ticket(workspace, ticket)
        found = LinkRow.query(pk, LinkRow.sk.startswith(rows.LINK_PREFIX), consistent_read=True)
        return tuple(rows.link_of(row) for row in found)

    def link(self, link: Link) -> bool:
        """Write both sides or neither; False when the two are linked already, or somebody is just doing so."""
        together = transaction()
        for side in (link, link.reversed()):
            together.save(rows.link_row(side), condition=LinkRow.pk.does_not_exist())
        return committed(together)

    def unlink(self, link: Link) -> bool:
        """Remove both sides or neither; False when they were not there as ``link`` has them."""
        together = transaction()
        for side in (link, link.reversed()):
            row = LinkRow(*keys.ticket_link(side.workspace, side.ticket, side.other))
            together.delete(row, condition=LinkRow.kind == side.kind)
        return committed(together)

    def judge(self, workspace: str, ticket: str, verdict: Verdict) -> None:
        """Keep the verdict in the place of an earlier one."""
        rows.verdict_row(workspace, ticket, verdict).save()

    def verdicts(self, workspace: str, tickets: Iterable[str]) -> Mapping[str, Verdict]:
        """The verdicts that there are, by ticket."""
        wanted = {keys.ticket_verdict(workspace, ticket): ticket for ticket in tickets}
        found = VerdictRow.batch_get(list(wanted), consistent_read=True)
        return {wanted[row.pk, row.sk]: rows.verdict_of(row) for row in found}


def _after(scope: str, cursor: str) -> str:
    """Right behind the note that a page ended with. Raises Invalid (``invalid_cursor``)."""
    last = cursors.decode(scope, cursor).get("at")
    # A span that ends before it begins is an error to DynamoDB, so a made-up position must not get there.
    if not isinstance(last, str) or not _ID.fullmatch(last):
        raise cursors.invalid()
    return last + _NEXT
