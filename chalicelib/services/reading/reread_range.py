"""Read a workspace's voices with a proposed frame, a page a message: to count what would change, or to change it.

The proposal's row says where the work stands; a message only names the page that it is about. So a message that comes
twice, late, or after a crash does no harm: what is counted is counted in the write that goes on to the next page, and
what an applying is about to change is noted before it is done, so that a worker that died in between is not counted
short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, NamedTuple, Protocol

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery
from chalicelib.domain.reading.proposal import (
    ACTIVE,
    APPLYING,
    MEASURED,
    PAGE,
    RUNNING,
    Effect,
    Planned,
    Proposal,
    change,
    message,
)
from chalicelib.domain.reading.reading import CodeFrame, is_readable
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Parked, Retryable
from chalicelib.services.ports import Clock, Queue

_PUT_AWAY: Final = frozenset({"closed", "rejected", "merged"})  # tickets that nobody works on


class Frames(Protocol):
    """See ``storage/reading/frames.py``."""

    def proposal(self, workspace: str, proposal_id: str) -> Proposal | None: ...

    def replace(self, before: Proposal, after: Proposal) -> bool: ...

    def settle(self, before: Proposal, after: Proposal) -> bool: ...


class Reader(Protocol):
    @property
    def frame(self) -> CodeFrame: ...

    def read(self, texts: Sequence[Text]) -> Understanding: ...


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class Lists(Protocol):
    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Rules(Protocol):
    def rules(self, workspace: str) -> Sequence[Rule]: ...


class Reread(Protocol):
    """See ``services/reading/reread.py``."""

    def preview(
        self, stored: Feedback, understanding: Understanding, rules: Sequence[Rule], frame: CodeFrame
    ) -> Feedback: ...

    def apply(
        self, stored: Feedback, understanding: Understanding, rules: Sequence[Rule], frame: CodeFrame
    ) -> Feedback | None: ...


class _Reading(NamedTuple):
    """What a page is read and decided with."""

    reader: Reader
    rules: Sequence[Rule]

    @property
    def frame(self) -> CodeFrame:
        return self.reader.frame


class _Read(NamedTuple):
    """One voice of the page, as it stands and as the proposed frame reads it."""

    stored: Feedback
    understanding: Understanding
    following: Feedback  # ``stored`` itself when nothing changes
    effect: Effect
    since: bool  # it came or changed after the measuring


@dataclass(frozen=True, slots=True)
class RereadRange:
    """``learn`` makes a proposal's delta, once, when it is to have one of its own."""

    frames: Frames
    voices: Voices
    lists: Lists
    tickets: Tickets
    rules: Rules
    readers: Callable[[FrameState], Reader]
    learn: Callable[[FrameState], None]
    reread: Reread
    readings: Queue
    clock: Clock

    def __call__(self, asked: Mapping[str, Any]) -> int:
        """Do the page that a message names; how many voices it read, 0 when there was nothing to do.

        Raises Parked (``message_invalid``), Retryable: the same message does it again.
        """
        workspace, proposal, run, page = _named(asked)
        one = self.frames.proposal(workspace, proposal)
        if one is None or one.state not in RUNNING or one.run != run:
            return 0
        if one.page == page + 1:  # this page is done; did the word about the next one get out?
            self.readings.send(message(one))
            return 0
        if one.page != page:
            return 0
        return self._apply(one) if one.state == APPLYING else self._measure(one)

    # --- measure -------------------------------------------------------------------------------------------------

    def _measure(self, one: Proposal) -> int:
        if one.page == 0 and one.delta == one.number:
            self.learn(one.content)
        listed = self._page(one)
        found = sum((read.effect for read in self._read(one, listed, self._reading(one)) if not read.since), Effect())
        self._go_on(one, replace(one, effect=one.effect + found), listed.cursor)
        return found.feedback

    # --- apply ---------------------------------------------------------------------------------------------------

    def _apply(self, one: Proposal) -> int:
        reading = self._reading(one)
        listed = self._page(one)
        found = list(self._read(one, listed, reading))
        changing = {read.stored.id: read for read in found if read.following is not read.stored}
        if one.plan is None and changing:
            one = self._noted(one, changing)
        applied, since = one.applied, one.since_measured
        for read in found:
            effect, late = self._done(one, read, reading)
            if late:
                since += effect
            else:
                applied += effect
        self._go_on(one, replace(one, applied=applied, since_measured=since, plan=None), listed.cursor)
        return len(found)

    def _noted(self, one: Proposal, changing: Mapping[str, _Read]) -> Proposal:
        """The proposal with its plan for the page, stored. Raises Retryable."""
        plan = {
            name: Planned(read.stored.revision, read.stored.reading, read.since, read.effect)
            for name, read in changing.items()
        }
        noted = replace(one, plan=plan)
        if not self.frames.replace(one, noted):
            raise _contended()
        return noted

    def _done(self, one: Proposal, read: _Read, reading: _Reading) -> tuple[Effect, bool]:
        """Read one voice again; what that has changed, and whether nobody had measured it."""
        stored = read.stored
        planned = (one.plan or {}).get(stored.id)
        if planned is not None and (stored.revision, stored.reading) == (planned.revision, planned.reading + 1):
            return planned.effect, planned.since  # a worker before us did it and died
        if read.following is stored:
            return read.effect, read.since
        after = self.reread.apply(stored, read.understanding, reading.rules, reading.frame)
        if after is None and planned is not None and self._did_another(stored, planned):
            return planned.effect, planned.since
        return self._effect(stored, after or stored), read.since  # None: somebody was faster, and it is theirs

    def _did_another(self, stored: Feedback, planned: Planned) -> bool:
        """Whether another worker at the page has just done what was planned: the next reading, by no analyst."""
        seen = self.voices.get(stored.workspace, stored.id)
        return (
            seen is not None
            and (seen.revision, seen.reading) == (planned.revision, planned.reading + 1)
            and seen.understanding.correction == stored.understanding.correction
        )

    # --- both ----------------------------------------------------------------------------------------------------

    def _reading(self, one: Proposal) -> _Reading:
        return _Reading(self.readers(one.content), self.rules.rules(one.workspace))

    def _page(self, one: Proposal) -> FeedbackPage:
        query = FeedbackQuery(one.workspace, until=one.until + timedelta(milliseconds=1))
        return self.lists.page(query, limit=PAGE, cursor=one.cursor)

    def _read(self, one: Proposal, listed: FeedbackPage, reading: _Reading) -> Iterator[_Read]:
        """What is live and has words. Rows that expired, were deleted or are parked say nothing."""
        for line in listed.items:
            stored = self.voices.get(one.workspace, line.id) if line.state != "parked" else None
            if stored is None or not is_readable(stored):
                continue
            understanding = reading.reader.read(stored.texts)
            following = self.reread.preview(stored, understanding, reading.rules, reading.frame)
            # What came, or was read anew, after the measuring began is no part of what was measured.
            since = (stored.understood_at or stored.received_at) > one.as_of
            yield _Read(stored, understanding, following, self._effect(stored, following), since)

    def _effect(self, before: Feedback, after: Feedback) -> Effect:
        moves = after is not before and set(before.decision.departments) != set(after.decision.departments)
        return change(before, after, ticket_is_open=moves and self._is_worked_on(before))

    def _is_worked_on(self, stored: Feedback) -> bool:
        ticket = self.tickets.get(stored.workspace, stored.ticket) if stored.ticket else None
        return ticket is not None and ticket.state not in _PUT_AWAY

    def _go_on(self, before: Proposal, after: Proposal, cursor: str | None) -> None:
        """Count the page and turn to the next in one write. Raises Retryable when another worker has."""
        after = replace(after, page=before.page + 1, cursor=cursor)
        if cursor is not None:
            done = self.frames.replace(before, after)
        elif before.state == APPLYING:
            done = self.frames.settle(before, replace(after, state=ACTIVE, applied_at=self.clock()))
        else:
            done = self.frames.replace(before, replace(after, state=MEASURED, measured_at=self.clock()))
        if not done:
            raise _contended()
        if cursor is not None:
            self.readings.send(message(after))


def _contended() -> Retryable:
    return Retryable("Another worker is at the same page.", code="contended")


def _named(asked: Mapping[str, Any]) -> tuple[str, str, int, int]:
    workspace, proposal, run, page = (asked.get(name) for name in ("workspace", "proposal", "run", "page"))
    if isinstance(workspace, str) and isinstance(proposal, str) and isinstance(run, int) and isinstance(page, int):
        return workspace, proposal, run, page
    raise Parked("The message names no page of a proposal.", code="message_invalid")
