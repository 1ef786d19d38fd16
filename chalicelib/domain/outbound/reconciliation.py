"""What was read of an item over there, nobody having called: is it a change, and where do the two sides differ? Pure.

An item shows a word. It is news only if neither we have put it there nor they have said it before; otherwise our own
write would come back as a change, or an old word would undo what happened here since. What is news goes the way of a
callback. What stays different is a drift: somebody wins, and it can be said why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.outbound.callback import ExternalItem
from chalicelib.domain.outbound.calls import Said
from chalicelib.domain.text.hygiene import MAX_IDENTIFIER, visible
from chalicelib.domain.vocabulary import EVENT_TYPES
from chalicelib.domain.workspaces.directory import Endpoint

USUAL: Final = 15  # minutes between two polls of an endpoint
SHORTEST: Final = 5
OVER: Final = frozenset({"closed", "merged", "rejected"})  # nothing is asked of these: a reopening watches them again

OURS: Final = "ours"
NOBODY: Final = "nobody"
UNREADABLE: Final = "unreadable"

# Why the two sides differ: who wins, and what to tell a person.
WHY: Final[Mapping[str, tuple[str, str, str]]] = {
    "not_told": (OURS, "工单较新，更新还没有送到对方", "The ticket is newer: the update has not reached them yet"),
    "not_shown": (
        OURS,
        "对方此后没有改动，以工单为准；该端点不接收这类更新，或对方无法显示",
        "They have changed nothing since, so the ticket counts; the endpoint does not ask for this update, or their "
        "system cannot show it",
    ),
    "older": (OURS, "对方的状态早于工单最近一次变化", "What they show is older than the ticket's last change"),
    "illegal_move": (
        OURS,
        "工单不能从现在的状态走到对方的状态，请人工处理",
        "No legal way leads from the ticket's state to theirs: a person must look",
    ),
    "resolution_incomplete": (
        OURS,
        "缺少根因或处理措施，工单不能结束",
        "Root cause or action is missing, so the ticket cannot be closed",
    ),
    "children_open": (
        OURS,
        "还有部门的子工单没有结束，主工单不能结束",
        "Parts of the case are open with other departments, so the whole cannot end",
    ),
    "external_id_mismatch": (OURS, "对方的这条记录属于另一个工单", "Their item stands for another ticket"),
    "item_missing": (
        OURS,
        "对方已删除这条记录；工单照常处理，下次更新按“对方记录被删除时”的设置办理",
        "They deleted the item; the ticket goes on, and the next update does what on_missing says",
    ),
    "unknown_state": (
        NOBODY,
        "对方的状态没有对应的工单状态，请在“状态对应”里补上",
        "Their status stands for no ticket state: name it in status_map",
    ),
    UNREADABLE: (NOBODY, "对方的记录读不懂", "Their item cannot be read"),
}
_OTHERWISE: Final = "older"


@dataclass(frozen=True, slots=True)
class Drift:
    """One item that shows something else than its ticket says. ``code`` is a key of WHY, ``theirs`` their word."""

    code: str
    ours: str
    theirs: str
    external_id: str
    since: datetime  # when this difference was first seen
    seen_at: datetime  # when it was last seen

    @property
    def winner(self) -> str:
        return WHY[self.code][0]


@dataclass(frozen=True, slots=True)
class Watched:
    """A ticket whose item at an endpoint is asked for. ``drift``: what differed when it was last read."""

    ticket: str
    drift: Drift | None = None


def interval(endpoint: Endpoint | None) -> timedelta | None:
    """Between two polls of an endpoint that can be read; None where it is not polled."""
    if endpoint is None or endpoint.state != "active":
        return None
    minutes = endpoint.settings.get("reconcile_minutes", USUAL)
    return timedelta(minutes=max(minutes, SHORTEST)) if minutes else None


def is_news(
    said: Said,
    known: ExternalItem | None,
    *,
    shown: int,
    written_at: datetime | None,
    history: Callable[[], Sequence[Move]],
    silent: Collection[str],
    endpoint: Endpoint,
) -> bool:
    """Whether the item was changed by them since we wrote it, and since they told us last.

    ``shown``: the ticket version that we last wrote, 0 for none; ``written_at``: when we last tried. A write under way
    may have come further, so every later state that the endpoint is told counts as ours too. What they told us late, of
    a time before our last attempt, was overwritten by it. ``silent``: states in which we write no word.
    """
    heard = known.ticket_version if known else 0
    if known is not None and heard >= shown and known.status == said.status:
        return False
    words = {*said.alike, (endpoint.settings.get("status_map") or {}).get(said.status, said.status)}
    overwritten = known is not None and written_at is not None and written_at >= known.occurred_at
    lines, base = history(), shown if overwritten else max(shown, heard)
    if base:
        return not words & {*_ours(lines, base, silent, endpoint)}
    if said.occurred_at is not None:
        return said.occurred_at > _last_moved(lines)
    return not words & {line.after for line in lines}


def difference(ticket: Ticket, theirs: str, external_id: str, code: str, at: datetime) -> Drift:
    """That an item says ``theirs``, which is not what the ticket is, and why that was not applied."""
    word = visible(theirs)[:MAX_IDENTIFIER]
    return Drift(code if code in WHY else _OTHERWISE, ticket.state, word, external_id, at, at)


def not_written(shown: int, ticket: Ticket) -> str:
    """Why an item that nobody has touched since our last write does not show the ticket as it is."""
    return "not_told" if shown < ticket.version else "not_shown"


def goes_on(before: Drift | None, now: Drift | None) -> Drift | None:
    """The drift as it is now, dated from when it was first seen."""
    if before is None or now is None or (before.code, before.theirs) != (now.code, now.theirs):
        return now
    return Drift(now.code, now.ours, now.theirs, now.external_id, before.since, now.seen_at)


def _ours(lines: Sequence[Move], base: int, silent: Collection[str], endpoint: Endpoint) -> Iterator[str]:
    """States that a write of ours may have left over there: of the base, and of what the endpoint was told since."""
    yield from [line.after for line in lines if line.version <= base and line.after not in silent][-1:]
    for line in lines:
        if line.version > base and _told_as(line) in endpoint.events:
            yield line.after


def _told_as(line: Move) -> str:
    """The event with which endpoints hear of a version."""
    own = f"ticket.{line.after}"
    return own if line.before != line.after and own in EVENT_TYPES else "ticket.updated"


def _last_moved(lines: Sequence[Move]) -> datetime:
    return max(line.at for line in lines if line.before != line.after)
