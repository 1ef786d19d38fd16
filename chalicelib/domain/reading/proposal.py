"""A proposed code frame: what it would change, counted before it is made, and what it then did change. Pure.

``measuring`` → ``measured`` → ``applying`` → ``active`` → ``retired`` (another one was activated). A proposal that
was measured can be measured again, one that was retired too: that is the way back to an earlier frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from chalicelib.domain.cases.ticket import wants_ticket
from chalicelib.domain.ids import digest
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Conflict

MEASURING: Final = "measuring"
MEASURED: Final = "measured"
APPLYING: Final = "applying"
ACTIVE: Final = "active"
RETIRED: Final = "retired"
STATES: Final = (MEASURING, MEASURED, APPLYING, ACTIVE, RETIRED)
RUNNING: Final = (MEASURING, APPLYING)

MOST_PROPOSALS: Final = 20  # of a workspace that were never activated
PAGE: Final = 50  # feedback read in one message

TagKey = tuple[str, str]  # topic, polarity


@dataclass(frozen=True, slots=True)
class Effect:
    """What a frame changes. ``by_topic``: topic → (tags added, tags removed)."""

    feedback: int = 0  # read
    retagged: int = 0  # of them with another set of topics and polarities
    rerouted: int = 0  # whose open ticket belongs to other departments
    opened: int = 0  # that get their first ticket
    tags_added: int = 0
    tags_removed: int = 0
    by_topic: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __add__(self, other: Effect) -> Effect:
        topics = dict(self.by_topic)
        for topic, (added, removed) in other.by_topic.items():
            before = topics.get(topic, (0, 0))
            topics[topic] = (before[0] + added, before[1] + removed)
        return Effect(
            feedback=self.feedback + other.feedback,
            retagged=self.retagged + other.retagged,
            rerouted=self.rerouted + other.rerouted,
            opened=self.opened + other.opened,
            tags_added=self.tags_added + other.tags_added,
            tags_removed=self.tags_removed + other.tags_removed,
            by_topic=topics,
        )


class Planned(NamedTuple):
    """What reading one feedback again is about to change, noted before it is done: a worker may die between the two.

    ``since``: it was measured by nobody, it came or changed after ``as_of``.
    """

    revision: int
    reading: int
    since: bool
    effect: Effect


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposed frame and how far its measuring or applying has come.

    ``run`` counts measurings and applyings, ``page`` the pages of the present one; ``cursor`` is where the next page
    begins. ``basis`` is what the effect was measured on.
    """

    workspace: str
    id: str
    number: int
    packs: tuple[str, ...]
    by: str
    created_at: datetime
    as_of: datetime  # voices received and read up to here are measured
    overlay: str = ""
    delta: int | None = None
    state: str = MEASURING
    basis: str = ""
    effect: Effect = Effect()
    measured_at: datetime | None = None
    applied: Effect = Effect()
    since_measured: Effect = Effect()  # what came after ``as_of`` and was read again all the same
    activated_at: datetime | None = None
    activated_by: str = ""
    applied_at: datetime | None = None
    run: int = 1
    page: int = 0
    cursor: str | None = None
    plan: Mapping[str, Planned] | None = None  # of the page that is being applied: feedback id → what will change

    @property
    def content(self) -> FrameState:
        """The frame that is proposed, as its workspace would have it."""
        return FrameState(self.workspace, self.number, self.packs, self.overlay, self.delta, self.id)

    @property
    def until(self) -> datetime:
        """End of the range that the present run reads."""
        return self.as_of if self.activated_at is None or self.state == MEASURING else self.activated_at


def basis(active: FrameState, proposed: str, rules: Iterable[Rule]) -> str:
    """What an effect is measured on; once it has changed, the effect is stale.

    ``proposed`` names the proposed frame with its model, ``rules`` are those in force.
    """
    in_force = sorted(f"{rule.name}:{rule.version}" for rule in rules)
    return digest("basis", str(active.number), str(active.settled), proposed, *in_force)


def change(before: Feedback, after: Feedback, *, ticket_is_open: bool) -> Effect:
    """What one new reading changes; ``after`` is ``before`` itself when nothing does."""
    old, new = _tags(before), _tags(after)
    added, removed = new - old, old - new
    topics = {topic: [0, 0] for topic, _ in (*added, *removed)}
    for place, counted in enumerate((added, removed)):
        for (topic, _), times in counted.items():
            topics[topic][place] += times
    rerouted = ticket_is_open and set(before.decision.departments) != set(after.decision.departments)
    opened = before.ticket is None and not wants_ticket(before) and wants_ticket(after)
    return Effect(
        feedback=1,
        retagged=int(bool(topics)),
        rerouted=int(rerouted),
        opened=int(opened),
        tags_added=added.total(),
        tags_removed=removed.total(),
        by_topic={topic: (times[0], times[1]) for topic, times in sorted(topics.items())},
    )


def message(one: Proposal) -> dict[str, Any]:
    """What the queue of readings is told: which page of which run is next. Nothing of it is trusted but the names."""
    kind = "apply" if one.state == APPLYING else "measure"
    return {"kind": kind, "workspace": one.workspace, "proposal": one.id, "run": one.run, "page": one.page}


def measured_again(one: Proposal, at: datetime, basis: str) -> Proposal:
    """The proposal at the beginning of another measuring. Raises Conflict (``effect_pending``, ``frame_active``)."""
    if one.state in RUNNING:
        raise Conflict(f"The proposal is {one.state}.", code="effect_pending")
    if one.state == ACTIVE:
        raise Conflict("The proposal is the active frame.", code="frame_active")
    return replace(
        one,
        state=MEASURING,
        as_of=at,
        basis=basis,
        effect=Effect(),
        measured_at=None,
        run=one.run + 1,
        page=0,
        cursor=None,
        plan=None,
    )


def activated(one: Proposal, at: datetime, by: str, basis: str) -> Proposal:
    """The proposal at the beginning of its applying.

    Raises Conflict: ``effect_pending`` while nobody knows yet what would change, ``frame_active`` for the frame that is
    active already, ``effect_stale`` when frame, rules or model have changed since it was measured.
    """
    if one.state == MEASURING:
        raise Conflict("The effect is still being measured.", code="effect_pending")
    if one.state in (ACTIVE, APPLYING):
        raise Conflict("The proposal is the active frame.", code="frame_active")
    if one.state == RETIRED or one.basis != basis:
        raise Conflict("Frame, rules or model have changed since it was measured: measure again.", code="effect_stale")
    return replace(
        one,
        state=APPLYING,
        applied=Effect(),
        since_measured=Effect(),
        activated_at=at,
        activated_by=by,
        applied_at=None,
        run=one.run + 1,
        page=0,
        cursor=None,
        plan=None,
    )


def _tags(one: Feedback) -> Counter[TagKey]:
    return Counter((tag.topic, tag.polarity) for tag in one.understanding.tags)
