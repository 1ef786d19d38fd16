"""Needs as a key may see them: the scored voices of a span, counted by what they say of each topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.reading.listing import FeedbackQuery, FeedbackSummary, matches
from chalicelib.domain.reading.needs import Need, Tally
from chalicelib.domain.workspaces.access import visible_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Invalid
from chalicelib.services.ports import Clock

MOST_VOICES: Final = 20_000  # looked at in one answer; 6 MB of index
MOST_DAYS: Final = 184
USUAL_DAYS: Final = 90


class FeedbackLines(Protocol):
    def newest(self, workspace: str, since: datetime, until: datetime) -> Iterator[FeedbackSummary]:
        """Every line of a span, newest first, read as far as it is looked at."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What was asked and what was found. ``read_back_to``: the oldest voice looked at where the span holds more than
    ``MOST_VOICES``; None: all were."""

    query: FeedbackQuery
    kind: str
    channel: str | None
    tally: Tally
    needs: list[Need]
    read_back_to: datetime | None


@dataclass(frozen=True, slots=True)
class ReadNeeds:
    """``name`` gives what a workspace's frame calls a topic in a language."""

    lists: FeedbackLines
    name: Callable[[str], Callable[[str, str], str]]
    clock: Clock

    def __call__(self, key: ApiKey, asked: FeedbackQuery, *, kind: str, channel: str | None) -> Needs:
        """The newest voices of the span, 90 days if it names no start. Raises NotFound for a foreign unit, Invalid
        (``range_too_long``)."""
        query = replace(asked, unit=visible_unit(key, asked.unit))
        until = query.until or self.clock()
        since = query.since or until - timedelta(days=USUAL_DAYS)
        if until - since > timedelta(days=MOST_DAYS):
            raise Invalid(f"At most {MOST_DAYS} days at a time.", code="range_too_long", pointer="/since")
        tally, oldest = Tally(kind), None
        for number, line in enumerate(self.lists.newest(query.workspace, since, until)):
            if number == MOST_VOICES:
                break
            oldest = line.received_at
            if matches(query, line) and channel in (None, line.facets.channel):
                tally.add(line.facets)
        else:
            oldest = None
        return Needs(replace(query, since=since, until=until), kind, channel, tally, tally.needs(), oldest)
