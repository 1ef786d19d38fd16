"""What a list of feedback may be asked for, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.reading.facets import Facets, has_topic
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR

UNATTENDED: Final = timedelta(hours=24)
WAITING: Final = ("new", "parked")  # neither answered, ticketed, linked to an issue nor closed


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """Filters of a list; None leaves one out. Times are those of arrival, ``since`` inclusive, ``until`` exclusive."""

    workspace: str
    since: datetime | None = None
    until: datetime | None = None
    unit: str | None = None  # with its subtree
    topic: str | None = None  # with its descendants
    state: str | None = None
    connection: str | None = None
    unattended: bool = False  # only what came UNATTENDED ago or earlier and nobody has dealt with
    attended: bool = False  # only what was answered, ticketed, linked to an issue or closed


@dataclass(frozen=True, slots=True)
class FeedbackSummary:
    """One line of the list, without the words."""

    workspace: str
    id: str
    connection: str
    state: str
    received_at: datetime
    facets: Facets
    parked_reason: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """One page, newest first. ``cursor`` leads to the next; a page may be short, or empty, and still have one."""

    items: tuple[FeedbackSummary, ...]
    cursor: str | None = None


def matches(query: FeedbackQuery, summary: FeedbackSummary) -> bool:
    """Whether the line passes every filter but the times."""
    unit = summary.facets.unit
    return (
        (query.state is None or summary.state == query.state)
        and (not query.unattended or summary.state in WAITING)
        and (not query.attended or summary.state not in WAITING)
        and (query.connection is None or summary.connection == query.connection)
        and (query.topic is None or has_topic(summary.facets, query.topic))
        and (query.unit is None or (unit is not None and _in_subtree(unit, query.unit)))
    )


def _in_subtree(unit: str, root: str) -> bool:
    return unit == root or unit.startswith(root + UNIT_SEPARATOR)
