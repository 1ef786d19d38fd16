"""What somebody found out about customers: it needs an owner and a decision before it can be put away. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.issues.issue import Decision
from chalicelib.errors import Conflict

STATES: Final = ("open", "decided", "archived")


@dataclass(frozen=True, slots=True)
class Insight:
    """``evidence`` are links or words of colleagues. ``issue``: the one that it led to."""

    workspace: str
    id: str  # sorts by time
    version: int
    title: str = field(repr=False)
    by: str
    at: datetime
    updated_at: datetime
    evidence: tuple[str, ...] = field(default=(), repr=False)
    owner: str | None = None
    decision: Decision | None = None
    issue: str | None = None
    archived_at: datetime | None = None

    @property
    def state(self) -> str:
        if self.archived_at is not None:
            return "archived"
        return "decided" if self.decision is not None else "open"


def given_to(insight: Insight, owner: str, at: datetime) -> Insight:
    """The insight in somebody's hands. Raises Conflict (``archived``)."""
    return _next(insight, at, owner=owner)


def decided(insight: Insight, decision: Decision, issue: str | None) -> Insight:
    """The insight with what was decided, in the place of an earlier decision. Raises Conflict (``archived``)."""
    return _next(insight, decision.at, decision=decision, issue=issue)


def archived(insight: Insight, at: datetime) -> Insight:
    """The insight, put away. Raises Conflict: ``archived``, ``owner_missing``, ``decision_missing``."""
    if insight.owner is None:
        raise Conflict("Nobody has this insight: it is not put away.", code="owner_missing")
    if insight.decision is None:
        raise Conflict("Nothing is decided about this insight: it is not put away.", code="decision_missing")
    return _next(insight, at, archived_at=at)


def _next(insight: Insight, at: datetime, **changes: object) -> Insight:
    if insight.archived_at is not None:
        raise Conflict("This insight was put away.", code="archived")
    return replace(insight, version=insight.version + 1, updated_at=at, **changes)  # type: ignore[arg-type]
