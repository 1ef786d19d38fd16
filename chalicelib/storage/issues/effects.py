"""Claims that an issue is fixed, what came of them, and which issues a topic may bring back. Bound by the wiring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.issues.effect import Claim, Kept, Level, Span
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row


class EffectRow(Row):
    """The last claim of an issue. Those before it are told by the issue's history."""

    doc = PackedJSONAttribute()


class WatchRow(Row):
    """One topic of one issue whose fix was accepted; gone when nobody watches any more. All else stands in its key."""


class EffectStore:
    """Reads are strongly consistent. Nothing here is locked: the issue's version is what two writers meet at."""

    def get(self, workspace: str, issue_id: str) -> Kept | None:
        """None for an issue that nobody has declared fixed."""
        try:
            return _kept(EffectRow.get(*keys.effect(workspace, issue_id), consistent_read=True).doc)
        except DoesNotExist:
            return None

    def put(self, workspace: str, issue_id: str, kept: Kept) -> None:
        """Keep it in the place of what was there."""
        EffectRow(*keys.effect(workspace, issue_id), doc=_doc(kept)).save()

    def watch(self, workspace: str, issue_id: str, topics: Iterable[str], until: datetime) -> None:
        """Have ``watching`` name the issue for each of ``topics``."""
        for topic in topics:
            WatchRow(*keys.watch(workspace, topic, issue_id), expires_at=int(until.timestamp())).save()

    def unwatch(self, workspace: str, issue_id: str, topics: Iterable[str]) -> None:
        """Undo ``watch``; what is gone is gone."""
        for topic in topics:
            WatchRow(*keys.watch(workspace, topic, issue_id)).delete()

    def watching(self, workspace: str, topic: str, at: datetime) -> list[str]:
        """Ids of the issues that watch a topic at a moment."""
        pk, _ = keys.watch(workspace, topic, "")
        return [row.sk for row in WatchRow.query(pk) if row.expires_at > at.timestamp()]


def _doc(kept: Kept) -> dict[str, Any]:
    claim = kept.claim
    return {
        "claim": {
            **asdict(claim),
            "on": claim.on.isoformat(),
            "at": claim.at.isoformat(),
            "peaks": [[peak.first.isoformat(), peak.last.isoformat()] for peak in claim.peaks],
        },
        "numbers": kept.numbers,
        "judged_at": kept.judged_at.isoformat() if kept.judged_at else None,
        "looked_at": kept.looked_at.isoformat() if kept.looked_at else None,
        "level": {**asdict(kept.level), "since": kept.level.since.isoformat()} if kept.level else None,
    }


def _kept(doc: Mapping[str, Any]) -> Kept:
    claim, level, looked_at = doc["claim"], doc["level"], doc.get("looked_at")  # rows of before have none
    return Kept(
        claim=Claim(
            **{
                **claim,
                "on": date.fromisoformat(claim["on"]),
                "at": datetime.fromisoformat(claim["at"]),
                "units": tuple(claim["units"]),
                "controls": None if claim["controls"] is None else tuple(claim["controls"]),
                "peaks": tuple(_span(*peak) for peak in claim["peaks"]),
            }
        ),
        numbers=doc["numbers"],
        judged_at=datetime.fromisoformat(doc["judged_at"]) if doc["judged_at"] else None,
        level=Level(**{**level, "since": date.fromisoformat(level["since"])}) if level else None,
        looked_at=datetime.fromisoformat(looked_at) if looked_at else None,
    )


def _span(first: str, last: str) -> Span:
    return Span(date.fromisoformat(first), date.fromisoformat(last))
