"""Issues in the table: one transaction per change, so that a state never lacks its line of history."""

from __future__ import annotations

import re
from functools import reduce
from operator import and_
from typing import Any, Final

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.domain.issues.issue import AT_REST, Issue, IssueLink, IssueMove, IssueStep
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys, paging
from chalicelib.storage.issues import issue_rows as rows
from chalicelib.storage.issues.issue_rows import IssueLinkRow, IssueMoveRow, IssueRow
from chalicelib.storage.table import committed, transaction

_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#is_[a-z2-7]{24,26}")
_SUBJECT: Final = re.compile(r"[0-9A-Za-z_]{1,64}")
_NEXT, _LAST = "!", "~"  # right behind one id, and behind all: ids are letters, digits and a line


class IssueStore:
    """``services.ports.IssueStore`` and what lists and links need. The table is bound by the wiring."""

    def get(self, workspace: str, issue_id: str) -> Issue | None:
        """Strongly consistent; None for one that there is not."""
        try:
            return rows.issue_of(IssueRow.get(*keys.issue(workspace, issue_id), consistent_read=True))
        except DoesNotExist:
            return None

    def create(self, step: IssueStep) -> bool:
        """Write issue and first line; False when the issue exists. Raises Retryable when the table is overloaded."""
        together = transaction()
        together.save(rows.issue_row(step.issue), condition=IssueRow.pk.does_not_exist())
        _save_lines(together, step)
        return committed(together)

    def update(self, *steps: IssueStep) -> bool:
        """Write the new states and their lines, all or none; False when somebody else was faster with one of them.

        What is expected to be there is the version before the first line of each step.
        """
        together = transaction()
        for step in steps:
            together.save(rows.issue_row(step.issue), condition=IssueRow.version == step.moves[0].version - 1)
            _save_lines(together, step)
        return committed(together)

    def moves(self, workspace: str, issue_id: str) -> tuple[IssueMove, ...]:
        """The whole history, oldest first; empty for an issue that there is not."""
        pk, _ = keys.issue(workspace, issue_id)
        found = IssueMoveRow.query(pk, IssueMoveRow.sk.startswith(rows.MOVE_PREFIX), consistent_read=True)
        return tuple(rows.move_of(row) for row in found)

    def page(
        self,
        workspace: str,
        *,
        state: str | None = None,
        level: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Issue], str | None]:
        """Issues, last opened first, and the cursor of the next page. No cursor is the end; a page may be short of
        ``limit`` although one follows. Raises Invalid (``invalid_cursor``).
        """
        partition = keys.issue_listing(workspace)
        scope = "\n".join(("issues", workspace, state or "", level or "", owner or ""))
        asked: list[Condition] = [IssueRow.state == state] if state is not None else []
        if level is not None:
            asked.append((IssueRow.facets == level) | IssueRow.facets.does_not_exist())
        if owner is not None:
            asked.append(IssueRow.owner == owner)
        sieve = reduce(and_, asked) if asked else None
        start = _start(workspace, scope, cursor)
        positions, last = paging.positions(IssueRow.listing, partition, None, sieve, limit=limit, start=start)
        wanted = [keys.issue(workspace, _id_at(position)) for position in positions]
        found = {row.id: rows.issue_of(row) for row in IssueRow.batch_get(wanted, consistent_read=True)}
        issues = [found[_id_at(position)] for position in positions if _id_at(position) in found]
        kept = [one for one in issues if level is None or one.level == level]  # of rows of before it knows none
        return kept, cursors.encode(scope, {"at": last}) if last else None

    def has_open(self, workspace: str, owner: str) -> bool:
        """Whether somebody owns an issue that is neither settled nor merged."""
        sieve = (IssueRow.owner == owner) & ~IssueRow.state.is_in(*AT_REST)
        partition, start = keys.issue_listing(workspace), None
        while True:
            found, last = paging.positions(IssueRow.listing, partition, None, sieve, limit=1, start=start)
            if found or last is None:
                return bool(found)
            start = _at(workspace, last)

    # --- links --------------------------------------------------------------------------------------------------

    def link(self, link: IssueLink) -> None:
        """Keep a link in the place of an earlier one of the same subject."""
        rows.link_row(link).save()

    def link_to(self, workspace: str, issue_id: str, subject: str) -> IssueLink | None:
        """The link of a ticket or a voice, an undone one too; strongly consistent."""
        try:
            key = keys.issue_link(workspace, issue_id, subject)
            return rows.link_of(IssueLinkRow.get(*key, consistent_read=True))
        except DoesNotExist:
            return None

    def links(
        self, workspace: str, issue_id: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[list[IssueLink], str | None]:
        """Up to ``limit`` links that hold, by subject, and the cursor of the next page.

        Raises Invalid (``invalid_cursor``).
        """
        pk, first = keys.issue_link(workspace, issue_id, "")
        scope = f"issue links\n{pk}"
        span = IssueLinkRow.sk.between(first + (_after(scope, cursor) if cursor else ""), first + _LAST)
        found = list(IssueLinkRow.query(pk, span, consistent_read=True, limit=limit + 1))
        links = [rows.link_of(row) for row in found[:limit]]
        more = cursors.encode(scope, {"at": links[-1].subject}) if len(found) > limit else None
        return [one for one in links if not one.undone], more


def _save_lines(together: Any, step: IssueStep) -> None:
    for move in step.moves:
        row = rows.move_row(step.issue.workspace, step.issue.id, move)
        together.save(row, condition=IssueMoveRow.pk.does_not_exist())


def _start(workspace: str, scope: str, cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    position = cursors.decode(scope, cursor).get("at")
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise cursors.invalid()
    return _at(workspace, position)


def _at(workspace: str, position: str) -> dict[str, Any]:
    """Where the listing goes on behind one."""
    pk, sk = keys.issue(workspace, _id_at(position))
    start = {"pk": pk, "sk": sk, "list_pk": keys.issue_listing(workspace), "list_sk": position}
    return {name: {"S": value} for name, value in start.items()}


def _after(scope: str, cursor: str) -> str:
    """Right behind the link that a page ended with. Raises Invalid (``invalid_cursor``)."""
    last = cursors.decode(scope, cursor).get("at")
    if not isinstance(last, str) or not _SUBJECT.fullmatch(last):
        raise cursors.invalid()
    return last + _NEXT


def _id_at(position: str) -> str:
    return position.rpartition("#")[2]
