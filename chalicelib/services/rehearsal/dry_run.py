"""Try a change on the voices of the last days: two worlds hear them, one as it is and one with the change.

A page of voices a message, oldest first. The run's row says how far it is, and what each world remembers between two
pages; nothing else is written. A message that comes twice, or late, finds the page done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from chalicelib.domain.cases.graph import Graph, Overlay
from chalicelib.domain.cases.graph import Tally as Learned
from chalicelib.domain.cases.playbook import FrameWords
from chalicelib.domain.cases.sla import Policy
from chalicelib.domain.cases.ticket import Move
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.ids import timed_id
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.domain.reading.dry_run import (
    CHANGED,
    PAGE,
    RUNNING,
    TOO_MUCH,
    Change,
    DryRun,
    Tally,
    basis,
    ended,
    message,
    standing,
)
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.listing import FeedbackSummary
from chalicelib.domain.reading.reading import CodeFrame, is_readable, kept
from chalicelib.domain.time.calendar import Calendar
from chalicelib.domain.time.moments import whole
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Endpoint, Subscription
from chalicelib.domain.workspaces.limits import MAX_RULES, room_for_one_more
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.domain.workspaces.rules import Rule, effective_rules
from chalicelib.errors import Invalid, Parked, Retryable, TooLarge, standing_at
from chalicelib.services.cases.find_graph import FindGraph
from chalicelib.services.cases.timed_tickets import Offices
from chalicelib.services.ports import Clock, Queue
from chalicelib.services.rehearsal.dry_world import FindTeller, InForce, Sms, World
from chalicelib.services.workspaces.known_names import KnownNames

MOST_RUNNING: Final = 3  # at once in a workspace: each reads everything of its days
START_S: Final = 2  # the list of feedback is eventually consistent


class Runs(Protocol):
    """Where runs are kept, see ``storage/reading/dry_runs.py``."""

    def create(self, one: DryRun) -> None:
        """Raises TooLarge."""

    def get(self, workspace: str, run: str) -> DryRun | None: ...

    def runs(self, workspace: str) -> Iterable[DryRun]:
        """Newest first, without what they change."""

    def replace(self, before: DryRun, after: DryRun) -> bool:
        """False when another worker has done the page. Raises TooLarge."""


class Directory(Protocol):
    def own_rules(self, workspace: str) -> Sequence[Rule]: ...

    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...

    def subscriptions(self, workspace: str) -> Sequence[Subscription]: ...


class Reader(Protocol):
    @property
    def frame(self) -> CodeFrame: ...

    def read(self, texts: Sequence[Text], *, explains: bool = True) -> Understanding: ...


class Book(Protocol):
    """What a frame means, see ``understanding/book.py``."""

    def check(self, state: FrameState) -> None:
        """Raises Invalid (``unknown_pack``, ``frame_invalid``)."""

    def version(self, state: FrameState) -> str: ...

    def reader(self, state: FrameState) -> Reader: ...

    def words(self, state: Callable[[], FrameState]) -> FrameWords: ...

    def graph(self, state: FrameState) -> Graph: ...


class Causes(Protocol):
    def overlay(self, workspace: str) -> Overlay: ...

    def tally(self, workspace: str, topic: str) -> Learned: ...


class Lists(Protocol):
    def onwards(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, after: str | None = None
    ) -> tuple[Sequence[FeedbackSummary], str | None]:
        """Oldest first, and where the next page goes on; None at the end."""


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class Tickets(Protocol):
    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force in a workspace, and what would be."""

    directory: Directory
    organisation: Callable[[str], Organisation]
    policy: Callable[[str], Policy]
    causes: Causes
    frame: Callable[[str], FrameState]
    book: Book
    calendar: Callable[[str], Calendar | None]
    issues: Callable[[str], IssuePolicy]
    questions: Callable[[str], Rules]
    channels: Callable[[str], Mapping[str, Mapping[str, str]]]
    clock: Clock

    def basis(self, workspace: str) -> str:
        """Names it; another name, and something was changed."""
        heard = ":".join(sorted(one.id for one in self.directory.subscriptions(workspace)))
        return basis(
            effective_rules(self.directory.own_rules(workspace)),
            self.directory.endpoints(workspace),
            str(self.organisation(workspace).version),
            repr(self.policy(workspace)),
            str(self.causes.overlay(workspace).version),
            self.book.version(self.frame(workspace)),
            heard,
            str(self.issues(workspace).version),
            str(self.questions(workspace).version),
        )

    def in_force(self, workspace: str, change: Change) -> InForce:
        """With ``change``; an empty one is what is in force. Raises Retryable."""
        state = change.framed(self.frame(workspace))
        words = self.book.words(lambda: state)
        organisation = change.organisation or self.organisation(workspace)
        policy = change.sla or self.policy(workspace)
        find = FindGraph(
            lambda _: self.book.graph(state),
            _Causes(self.causes, change),
            lambda _: words.name,
            words.name,
            self.clock,
        )
        graph = find(workspace)
        return InForce(
            rules=change.rules(self.directory.own_rules(workspace)),
            read=self._read(state) if change.frame else lambda voice: voice.understanding,
            words=words,
            path=lambda ticket: find.path(ticket, graph),
            organisation=organisation,
            office=Offices(_Promised(policy), lambda _: organisation, self.calendar, self.clock)(workspace),
            endpoints=change.reached(self.directory.endpoints(workspace)),
            subscriptions=tuple(self.directory.subscriptions(workspace)),
            issues=self.issues(workspace),
            questions=self.questions(workspace),
            channels=self.channels(workspace),
        )

    def _read(self, state: FrameState) -> Callable[[Feedback], Understanding]:
        reader = self.book.reader(state)
        return lambda voice: kept(voice.understanding, reader.read(voice.texts, explains=False), reader.frame)


@dataclass(frozen=True, slots=True)
class _Promised:
    policy: Policy

    def get(self, workspace: str) -> Policy | None:  # noqa: ARG002 - Policies
        return self.policy


@dataclass(slots=True)
class _Causes:
    """Causes as they would be; what closed tickets taught is read once a page and topic."""

    store: Causes
    change: Change
    _known: dict[str, Learned] = field(default_factory=dict)

    def overlay(self, workspace: str) -> Overlay:
        own = self.store.overlay(workspace)
        return own if self.change.causes is None else Overlay(own.version + 1, self.change.causes)

    def tally(self, workspace: str, topic: str) -> Learned:
        if topic not in self._known:
            self._known[topic] = self.store.tally(workspace, topic)
        return self._known[topic]


@dataclass(frozen=True, slots=True)
class StartDryRun:
    """``sound`` raises for an organisation, ``fits`` for causes, that could not be brought into force; ``names`` gives
    what the workspace would know under a change.
    """

    runs: Runs
    configuration: Configuration
    sound: Callable[[Organisation], None]
    fits: Callable[[str, Any], None]
    names: Callable[[str, Change], KnownNames]
    readings: Queue
    clock: Clock

    def __call__(self, workspace: str, days: int, change: Change, *, by: str) -> DryRun:
        """A run whose first page has been asked for.

        Raises Invalid (``nothing_to_try``, ``unknown_rule``, ``unknown_endpoint``, ``unknown_pack``, ``frame_invalid``,
        and as those who bring causes and organisations into force), Conflict (``too_many``), TooLarge, Retryable.
        """
        room_for_one_more(sum(one.state == RUNNING for one in self.list(workspace)), MOST_RUNNING)
        self._check(workspace, change)
        now = whole(self.clock())
        one = DryRun(
            workspace=workspace,
            id=timed_id("dr", now),
            by=by,
            days=days,
            since=now - timedelta(days=days),
            until=now,
            change=change,
            basis=self.configuration.basis(workspace),
        )
        self.runs.create(one)
        self.readings.send(message(one), delay=START_S)
        return one

    def get(self, workspace: str, run: str) -> DryRun:
        """Raises NotFound."""
        one = self.runs.get(workspace, run)
        if one is None:
            raise nowhere()
        return standing(one, self.clock())

    def list(self, workspace: str) -> Iterable[DryRun]:
        now = self.clock()
        return [standing(one, now) for one in self.runs.runs(workspace)]

    def _check(self, workspace: str, change: Change) -> None:
        if change == Change():
            raise Invalid("The change changes nothing.", code="nothing_to_try", pointer="/change")
        directory = self.configuration.directory
        own = {rule.name: rule for rule in directory.own_rules(workspace)}
        for place, name in enumerate(change.delete):
            if name not in own:
                raise Invalid(
                    "There is no such rule to take back.", code="unknown_rule", pointer=f"/change/rules/delete/{place}"
                )
        room_for_one_more(len((own.keys() | {rule.name for rule in change.put}) - set(change.delete)) - 1, MAX_RULES)
        known = {one.id for one in directory.endpoints(workspace)}
        for place, one in enumerate(change.endpoints):
            if one.id not in known:
                raise Invalid(
                    "There is no such endpoint.", code="unknown_endpoint", pointer=f"/change/endpoints/{place}/id"
                )
        if change.frame is not None:
            self.configuration.book.check(change.framed(self.configuration.frame(workspace)))
        if change.organisation is not None:
            self.sound(change.organisation)
        if change.causes is not None:
            self.fits(workspace, change.causes)
        names = self.names(workspace, change)
        for place, rule in enumerate(change.put):
            with standing_at(f"/change/rules/put/{place}"):
                names.check_rule(workspace, rule, own.get(rule.name))


class _Worlds(NamedTuple):
    now: World
    then: World
    counted: tuple[Tally, Tally]


@dataclass(frozen=True, slots=True)
class GoThrough:
    """What the queue of readings brings for a run: one page of it. ``sms`` is what an alert's text depends on,
    ``teller`` what reaches one person.
    """

    runs: Runs
    configuration: Configuration
    lists: Lists
    voices: Voices
    tickets: Tickets
    sms: Sms
    teller: FindTeller
    readings: Queue
    clock: Clock

    def __call__(self, asked: Mapping[str, Any]) -> int:
        """Do the page that a message names; how many voices were heard, 0 when there was nothing to do.

        Raises Parked (``message_invalid``), Retryable: the same message does it again.
        """
        workspace, run, page = (asked.get(name) for name in ("workspace", "dry_run", "page"))
        if not (isinstance(workspace, str) and isinstance(run, str) and isinstance(page, int)):
            raise Parked("The message names no page of a dry run.", code="message_invalid")
        one = self.runs.get(workspace, run)
        if one is None or standing(one, self.clock()).state != RUNNING:
            return 0
        if one.page == page + 1:  # this page is done; did the word about the next one get out?
            self.readings.send(message(one))
        if one.page != page:
            return 0
        if self.configuration.basis(workspace) != one.basis:
            self._go_on(one, ended(one, self.clock(), reason=CHANGED))
            return 0
        return self._page(one)

    def _page(self, one: DryRun) -> int:
        lines, position = self.lists.onwards(one.workspace, one.since, one.until, limit=PAGE, after=one.position)
        worlds = self._worlds(one)
        heard = sum(self._heard(worlds, line) for line in lines)
        after = replace(one, page=one.page + 1, position=position)
        if position is None:
            worlds.now.finish()
            worlds.then.finish()
            after = ended(after, self.clock())
        else:
            after = replace(after, memory=(worlds.now.memory, worlds.then.memory))
        now, then = worlds.counted
        self._go_on(one, replace(after, now=now.counts, then=then.counts))
        return heard

    def _heard(self, worlds: _Worlds, line: FeedbackSummary) -> bool:
        """One voice in both worlds. Rows that expired, were deleted or are parked say nothing."""
        stored = self.voices.get(line.workspace, line.id) if line.state != "parked" else None
        if stored is None or not is_readable(stored):
            return False

        @lru_cache(maxsize=8)
        def history(ticket: str) -> Sequence[Move]:
            return self.tickets.moves(line.workspace, ticket) if stored.ticket else ()

        worlds.now.hear(stored, history)
        worlds.then.hear(stored, history)
        return True

    def _worlds(self, one: DryRun) -> _Worlds:
        counted = (Tally(one.now), Tally(one.then))
        now, then = (
            World(
                one.workspace,
                self.configuration.in_force(one.workspace, change),
                tally,
                since=one.since,
                until=one.until,
                sms=self.sms,
                teller=self.teller,
                memory=memory,
            )
            for change, tally, memory in zip((Change(), one.change), counted, one.memory, strict=True)
        )
        return _Worlds(now, then, counted)

    def _go_on(self, before: DryRun, after: DryRun) -> None:
        """Count the page and turn to the next in one write. Raises Retryable when another worker has."""
        try:
            done = self.runs.replace(before, after)
        except TooLarge:
            after = ended(before, self.clock(), reason=TOO_MUCH)
            done = self.runs.replace(before, after)
        if not done:
            raise Retryable("Another worker is at the same page.", code="contended")
        if after.state == RUNNING:
            self.readings.send(message(after))
