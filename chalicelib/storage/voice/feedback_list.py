"""Lists of feedback, newest first: the shards of one day merged, then those of the day before."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Final

from pynamodb.expressions.condition import Condition

from chalicelib.domain.reading.listing import UNATTENDED, WAITING, FeedbackPage, FeedbackQuery, FeedbackSummary, matches
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.voice.feedback_rows import FeedbackRow, ListingIndex, split_key, unpack_facets

# A page ends, short, once this much was looked at: a filter that keeps one in a thousand must not time out.
MOST_ROWS: Final = 1000
MOST_DAYS: Final = 31
LONGEST_PAGE: Final = 100
BULK: Final = 1000  # lines read at a time where all of them are wanted
_POSITION: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(#[\x21-\x7e]{1,64})?")


class FeedbackList:
    """The feedback of a workspace by arrival. ``keep_days`` is how far back it may go."""

    def __init__(self, *, keep_days: int, clock: Callable[[], datetime]) -> None:
        self._keep_days = keep_days
        self._clock = clock

    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage:
        """At most ``limit`` lines. Raises Invalid (``invalid_cursor``) for a cursor of another list."""
        now = self._clock()
        lower, upper = self._span(query, now)
        scope = repr(query)
        if cursor is not None:
            upper = min(upper, _position(scope, cursor))
        found: list[FeedbackSummary] = []
        limit = min(limit, LONGEST_PAGE)
        for position, row in _rows(query.workspace, lower, upper, page_size=limit + 1):
            if row is None:  # enough was looked at
                return FeedbackPage(tuple(found), cursors.encode(scope, {"at": position}))
            summary = _summary(row)
            if row.expires_at <= now.timestamp() or not matches(query, summary):
                continue
            if len(found) == limit:
                last = f"{keys.instant(found[-1].received_at)}#{found[-1].id}"
                return FeedbackPage(tuple(found), cursors.encode(scope, {"at": last}))
            found.append(summary)
        return FeedbackPage(tuple(found))

    def newest(self, workspace: str, since: datetime, until: datetime) -> Iterator[FeedbackSummary]:
        """Every line of a span, newest first, read as far as it is looked at: whoever looks has to stop in time."""
        now = self._clock()
        lower, upper = self._span(FeedbackQuery(workspace, since, until), now)
        for day in _days(lower, upper):
            for row in _day(workspace, day, lower, upper, BULK):
                if row.expires_at > now.timestamp():
                    yield _summary(row)

    def count(self, query: FeedbackQuery) -> int:
        """How many lines ``page`` shows on all its pages. The table counts: it reads as much, and sends nothing."""
        lower, upper = self._span(query, self._clock())
        if lower >= upper:
            return 0
        sieve = _sieve(query)
        between = ListingIndex.list_sk.between(lower, upper)
        return sum(
            FeedbackRow.listing.count(keys.feedback_listing(query.workspace, day, shard), between, sieve)
            for day in _days(lower, upper)
            for shard in range(keys.LISTING_SHARDS)
        )

    def of(self, workspace: str, ids: Sequence[str]) -> list[FeedbackSummary]:
        """The lines of these, in their order; those that have expired are left out."""
        wanted = [keys.feedback(workspace, one) for one in dict.fromkeys(ids)]
        now = self._clock().timestamp()
        found = {row.pk: _summary(row) for row in FeedbackRow.batch_get(wanted) if row.expires_at > now}
        return [found[pk] for pk, _ in wanted if pk in found]

    def onwards(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, after: str | None = None
    ) -> tuple[list[FeedbackSummary], str | None]:
        """Up to ``limit`` lines of a span, oldest first, and where the next page goes on (``after``); None at the end.

        A page may be short, or empty, and still not be the last.
        """
        now = self._clock()
        lower, upper = self._span(FeedbackQuery(workspace, since, until), now)
        lower = max(lower, after or "")
        found: list[FeedbackSummary] = []
        days = list(_days(lower, upper))[::-1]
        for number, day in enumerate(days, start=1):
            for row in _day(workspace, day, lower, upper, limit, forward=True):
                if row.expires_at > now.timestamp():
                    found.append(_summary(row))
                if len(found) == limit:
                    return found, row.list_sk
            if number == MOST_DAYS < len(days):
                return found, f"{days[number]}T00:00:00.000Z"
        return found, None

    def _span(self, query: FeedbackQuery, now: datetime) -> tuple[str, str]:
        """The oldest arrival that may be shown, and the end, left out. An hour ahead is for clocks that differ."""
        oldest = now - timedelta(days=self._keep_days)
        newest = now - UNATTENDED if query.unattended else now + timedelta(hours=1)
        since = max(query.since, oldest) if query.since else oldest
        until = min(query.until, newest) if query.until else newest
        return keys.instant(since), keys.instant(until)


def _sieve(query: FeedbackQuery) -> Condition | None:
    """What ``matches`` asks of a line, asked by the table of the text that its facets are kept as."""
    conditions: list[Condition] = []
    if query.state is not None:
        conditions.append(FeedbackRow.state == query.state)
    if query.unattended:
        conditions.append(FeedbackRow.state.is_in(*WAITING))
    if query.attended:
        conditions.append(~FeedbackRow.state.is_in(*WAITING))
    if query.connection is not None:
        conditions.append(_names([f'"n":{_quoted(query.connection)}']))
    if query.unit is not None:
        conditions.append(_names(unit_texts(query.unit)))
    if query.topic is not None:
        conditions.append(_names(topic_texts(query.topic)))
    return reduce(and_, conditions) if conditions else None


def unit_texts(unit: str) -> list[str]:
    """One of these stands in the facets of every voice of a unit's subtree, and of no other voice."""
    return [f'"u":{_quoted(unit)}', f'"u":{_quoted(unit + UNIT_SEPARATOR)[:-1]}']


def topic_texts(topic: str) -> list[str]:
    """Likewise of a topic and those below it: in a list, so behind a bracket or comma; its sign or more at its end."""
    return [f'{start}"{topic}{end}' for start in "[," for end in ('-"', '0"', '+"', ".")]


def _names(texts: Iterable[str]) -> Condition:
    return reduce(or_, [FeedbackRow.facets.contains(text) for text in texts])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _rows(workspace: str, lower: str, upper: str, *, page_size: int) -> Iterator[tuple[str, FeedbackRow | None]]:
    """(position, row) downwards from ``upper``; None for a row says where the next page has to go on."""
    seen = 0
    for number, day in enumerate(_days(lower, upper), start=1):
        for row in _day(workspace, day, lower, upper, page_size):
            yield row.list_sk, row
            seen += 1
            if seen == MOST_ROWS:
                yield row.list_sk, None
        if number == MOST_DAYS:
            yield f"{day}T00:00:00.000Z", None


def _days(lower: str, upper: str) -> Iterator[str]:
    day, last = date.fromisoformat(upper[:10]), date.fromisoformat(lower[:10])
    while day >= last:
        yield day.isoformat()
        day -= timedelta(days=1)


def _day(
    workspace: str, day: str, lower: str, upper: str, page_size: int, *, forward: bool = False
) -> Iterator[FeedbackRow]:
    """All shards of one day, newest first unless ``forward``; each is read only as far as it is looked at."""
    shards = [
        FeedbackRow.listing.query(
            keys.feedback_listing(workspace, day, shard),
            ListingIndex.list_sk.between(lower, upper),
            scan_index_forward=forward,
            page_size=page_size,
        )
        for shard in range(keys.LISTING_SHARDS)
        if lower < upper
    ]
    for row in heapq.merge(*shards, key=lambda row: str(row.list_sk), reverse=not forward):
        if row.list_sk != (lower if forward else upper):  # where the page before ended
            yield row


def _summary(row: FeedbackRow) -> FeedbackSummary:
    workspace, feedback_id = split_key(row.pk)
    packed = json.loads(row.facets)
    return FeedbackSummary(
        workspace=workspace,
        id=feedback_id,
        connection=packed["n"],
        state=row.state,
        received_at=datetime.fromisoformat(row.list_sk.partition("#")[0]),
        facets=unpack_facets(row.facets),
        parked_reason=packed.get("w"),
    )


def _position(scope: str, cursor: str) -> str:
    position = cursors.decode(scope, cursor).get("at")
    # A made-up day would be no date, or a million days from the next one.
    if not isinstance(position, str) or not _POSITION.fullmatch(position) or not _is_moment(position[:24]):
        raise cursors.invalid()
    return position


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
