"""Causes in the table: a workspace's own, and what its closed tickets taught. Reads are strongly consistent.

A closed ticket is counted by a row of its own beside it, written together with the tally that it is counted in: a
closing that is told twice finds the row and counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.cases.graph import Cause, Causes, Counted, Overlay, Tally, Weighed
from chalicelib.errors import TooLarge
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row, committed, transaction

LARGEST_ROW: Final = 100_000  # bytes: it is read with every ticket that is opened


class OverlayRow(Row):
    """The workspace's own causes, in force or as they once were."""

    version = NumberAttribute()
    at = UnicodeAttribute()
    by = UnicodeAttribute()
    doc = PackedJSONAttribute()


class TallyRow(Row):
    """What closed tickets of one topic's list came to. ``version`` is the lock of every change."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class CountedRow(Row):
    """Under what a closed ticket is counted. It lies beside the ticket and goes with it."""

    topic = UnicodeAttribute()
    cause = UnicodeAttribute()
    inferred = BooleanAttribute()


class CauseStore:
    """What a workspace says, and has learned, of why things go wrong."""

    def overlay(self, workspace: str, version: int | None = None) -> Overlay:
        """The version in force, or an older one; version 0 where there is none."""
        key = keys.own_causes(workspace) if version is None else keys.own_causes_version(workspace, version)
        try:
            row = OverlayRow.get(*key, consistent_read=True)
        except DoesNotExist:
            return Overlay()
        return Overlay(int(row.version), causes_of(row.doc))

    def put_overlay(self, workspace: str, one: Overlay, *, by: str, at: datetime) -> bool:
        """Bring ``one`` into force after the version before it; False when that is in force no more.

        Raises TooLarge.
        """
        doc = packed_causes(one.causes)
        if len(OverlayRow.doc.serialize(doc)) > LARGEST_ROW:
            raise TooLarge("The causes are too large.")
        fields: dict[str, Any] = {"version": one.version, "at": keys.instant(at), "by": by, "doc": doc}
        unchanged = OverlayRow.pk.does_not_exist() if one.version == 1 else OverlayRow.version == one.version - 1
        changing = transaction()
        changing.save(OverlayRow(*keys.own_causes(workspace), **fields), condition=unchanged)
        kept = OverlayRow(*keys.own_causes_version(workspace, one.version), **fields)
        changing.save(kept, condition=OverlayRow.pk.does_not_exist())
        return committed(changing)

    def tally(self, workspace: str, topic: str) -> Tally:
        """Of one topic's list; an empty one where nothing was closed yet."""
        try:
            return _tally(TallyRow.get(*keys.cause_tally(workspace, topic), consistent_read=True))
        except DoesNotExist:
            return Tally()

    def tallies(self, workspace: str) -> Mapping[str, Tally]:
        """All that there are, by topic."""
        pk, prefix = keys.cause_tally(workspace, "")
        found = TallyRow.query(pk, TallyRow.sk.startswith(prefix), consistent_read=True)
        return {row.sk.removeprefix(prefix): _tally(row) for row in found}

    def counted(self, workspace: str, ticket: str) -> Counted | None:
        """Under what a ticket is counted now."""
        try:
            row = CountedRow.get(*keys.counted_cause(workspace, ticket), consistent_read=True)
        except DoesNotExist:
            return None
        return Counted(row.topic, row.cause, bool(row.inferred))

    def count(
        self, workspace: str, ticket: str, known: Counted | None, now: Counted | None, at: datetime | None
    ) -> bool:
        """Count a ticket that was closed ``at`` under ``now`` in the place of ``known``; None: not at all.

        False when somebody else was faster with the ticket or with one of the tallies.
        """
        row = CountedRow(*keys.counted_cause(workspace, ticket))
        if known is None:
            unchanged = CountedRow.pk.does_not_exist()
        else:
            unchanged = (CountedRow.topic == known.topic) & (CountedRow.cause == known.cause)
        changing = transaction()
        if now is None:
            changing.delete(row, condition=unchanged)
        else:
            row.topic, row.cause, row.inferred = now.topic, now.cause, now.inferred
            changing.save(row, condition=unchanged)
        for topic in {one.topic for one in (known, now) if one is not None}:
            before = self.tally(workspace, topic)
            less = known.cause if known and known.topic == topic else None
            more = now.cause if now and now.topic == topic else None
            after = before.changed(less=less, more=more, at=at if more else None)
            free = TallyRow.version == before.version if before.version else TallyRow.pk.does_not_exist()
            changing.save(_tally_row(workspace, topic, after), condition=free)
        return committed(changing)


def _tally_row(workspace: str, topic: str, one: Tally) -> TallyRow:
    doc = {"closed": dict(one.closed), "since": one.since.isoformat() if one.since else None}
    return TallyRow(*keys.cause_tally(workspace, topic), version=one.version, doc=doc)


def _tally(row: TallyRow) -> Tally:
    since = row.doc["since"]
    return Tally(row.doc["closed"], datetime.fromisoformat(since) if since else None, int(row.version))


def packed_causes(one: Causes) -> dict[str, Any]:
    causes = [[cause.id, dict(cause.names), cause.department, list(cause.terms)] for cause in one.by_id.values()]
    return {
        "causes": causes,
        "topics": {topic: [list(item) for item in listed] for topic, listed in one.topics.items()},
    }


def causes_of(doc: Mapping[str, Any]) -> Causes:
    by_id = {name: Cause(name, names, department, tuple(terms)) for name, names, department, terms in doc["causes"]}
    return Causes(by_id, {topic: tuple(Weighed(*item) for item in listed) for topic, listed in doc["topics"].items()})
