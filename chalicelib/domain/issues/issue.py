"""A systemic problem that cases are linked to, on the level that can solve it, and the moves that it may make. Pure.

L1 is put right where it happens, L2 is studied first (a plan and an analyst), L3 changes the strategy (an executive
owner). Whoever accepts an L2 or L3 must have a say in the process that has to change, and so must whoever takes it
out of that say: names another process, puts it on L1, or merges it into an issue that others accept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from chalicelib.domain.ids import digest
from chalicelib.errors import Conflict, Forbidden, Invalid

LEVELS: Final = ("L1", "L2", "L3")
MOVES: Final[Mapping[str, tuple[str, ...]]] = {
    "triage": ("open", "declined", "merged"),
    "open": ("accepted", "declined", "merged"),
    "accepted": ("studying", "fixing", "open", "declined", "merged"),
    "studying": ("fixing", "open", "declined", "merged"),
    "fixing": ("fixed", "studying", "open", "declined", "merged"),
    "fixed": ("closed", "reopened"),
    "closed": ("reopened",),
    "reopened": ("accepted", "declined", "merged"),
    "declined": ("reopened",),
    "merged": (),  # back to its former state, which the issue remembers
}
STATES: Final = tuple(MOVES)
ACCEPTED: Final = frozenset({"accepted", "studying", "fixing", "fixed"})  # somebody with a say has taken it
SETTLED: Final = frozenset({"closed", "declined"})  # what happens next asks anew
AT_REST: Final = SETTLED | {"merged"}  # nobody has anything to do with it
ON_ITS_LEVEL: Final = AT_REST | {"fixed"}  # stays there
DECISIONS: Final[Mapping[str, str]] = {"act": "fixing", "study": "studying", "decline": "declined"}
SYSTEM: Final = "echoloop"  # the actor of what nobody did by hand
MOST_EVIDENCE: Final = 100  # of one issue
MOST_WORDS: Final = 60_000  # characters of all of that together: it lies in one row
MOST_ABSORBED: Final = 50  # issues that one has taken in

# Where a decision is taken before the issue was accepted, these come by the way.
_ON_THE_WAY: Final = {"triage": ("open", "accepted"), "open": ("accepted",), "reopened": ("accepted",)}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where it happens. Empty is everywhere; ``last`` None is until further notice. Days are the workspace's."""

    topics: tuple[str, ...] = ()
    units: tuple[str, ...] = ()  # each with its subtree
    unit_kind: str | None = None
    touchpoints: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for the problem: words of colleagues, a link, or numbers that were counted."""

    by: str
    at: datetime
    text: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about it, by whom and why."""

    choice: str  # DECISIONS
    by: str
    at: datetime
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IssueMove:
    """One line of an issue's history. ``numbers``: what was counted where that is the reason, see ``effect.py``."""

    version: int
    before: str
    after: str
    level: str
    actor: str
    at: datetime
    reason: str | None = field(default=None, repr=False)
    implied: bool = False  # came by the way
    owner: str | None = None  # who had it from here on
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Issue:
    """The state of one problem. ``version`` grows by one with every change and is our optimistic lock.

    Which tickets are linked to it is no part of it: a link makes no version.
    """

    workspace: str
    id: str
    version: int
    state: str
    level: str
    title: str = field(repr=False)
    opened_at: datetime
    updated_at: datetime
    first_seen: datetime  # the earliest case that speaks for it
    definition: str | None = field(default=None, repr=False)
    scope: Scope = Scope()
    evidence: tuple[Evidence, ...] = ()
    owner: str | None = None
    process: str | None = None  # what has to change: who accepts an L2 or L3 needs can_change:<process>
    plan: str | None = field(default=None, repr=False)  # how an L2 is studied
    analyst: str | None = None  # who studies it
    executive: str | None = None  # who answers for an L3
    departments: tuple[str, ...] = ()
    origin: str = "person"  # or what made it come up by itself: recurrence, bounces or severity
    decision: Decision | None = None
    reopened: int = 0
    settled_at: datetime | None = None  # while it is closed or declined
    former_state: str | None = None  # what a merge is undone to
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()  # issues that were merged into this one; their tickets stay theirs
    change: str = "opened"  # what the last version was: opened | updated | moved


@dataclass(frozen=True, slots=True)
class IssueStep:
    """An issue some versions later, with the line of history of each of them."""

    issue: Issue
    moves: tuple[IssueMove, ...]


@dataclass(frozen=True, slots=True)
class IssueLink:
    """That a ticket (``tk_…``) or a voice without one (``fb_…``) is part of an issue. ``undone``: a person said that it
    is not, and nothing links it by itself again.
    """

    workspace: str
    issue: str
    subject: str
    by: str
    at: datetime
    undone: bool = False


def recurring_id(workspace: str, subject: str, unit_kind: str) -> str:
    """The one issue of a topic at a kind of unit, or of one ticket that has no topic."""
    return "is_" + digest("issue", workspace, subject, unit_kind)


def opened(
    issue: Issue, *, actor: str, reason: str | None = None, numbers: Mapping[str, Any] | None = None
) -> IssueStep:
    """The first version with its line."""
    line = IssueMove(
        1, "", issue.state, issue.level, actor, issue.opened_at, reason, owner=issue.owner, numbers=numbers or {}
    )
    return IssueStep(issue, (line,))


def legal_moves(issue: Issue) -> tuple[str, ...]:
    """States that the issue may go to next."""
    if issue.state == "merged":
        return (issue.former_state,) if issue.former_state else ()
    return MOVES[issue.state]


def moved(
    issue: Issue,
    to: str,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    implied: bool = False,
    numbers: Mapping[str, Any] | None = None,
) -> IssueStep:
    """The issue one version later in state ``to``.

    Raises Invalid (``unknown_state``), Conflict (``illegal_move``) naming the legal ones, and what ``_require`` does.
    Whether the actor may is not asked here, see ``require_authority``.
    """
    if to not in MOVES:
        raise Invalid("There is no such issue state.", code="unknown_state", pointer="/to")
    legal = legal_moves(issue)
    if to not in legal:
        raise Conflict(f"An issue that is {issue.state} cannot become {to}.", code="illegal_move", allowed=legal)
    _require(issue, to)
    newer = replace(
        issue,
        state=to,
        version=issue.version + 1,
        updated_at=at,
        reopened=issue.reopened + (to == "reopened"),
        settled_at=at if to in SETTLED else None,
        change="moved",
    )
    return _step(issue, newer, actor, reason, implied=implied, numbers=numbers)


def _require(issue: Issue, to: str) -> None:
    """Raises Invalid: ``definition_missing`` out of triage, ``process_missing``, ``study_missing`` (L2 without plan or
    analyst), ``executive_missing`` (L3) when it is accepted."""
    if issue.state == "triage" and to == "open" and not issue.definition:
        raise _undefined()
    if to != "accepted" or issue.level == "L1":
        return
    if not issue.process:
        raise Invalid("Which process has to change is not said yet.", code="process_missing", pointer="/process")
    if issue.level == "L2" and not (issue.plan and issue.analyst):
        raise Invalid("An L2 issue is accepted with a plan and an analyst.", code="study_missing", pointer="/plan")
    if issue.level == "L3" and not issue.executive:
        raise Invalid(
            "An L3 issue is accepted with an executive owner.", code="executive_missing", pointer="/executive"
        )


def _undefined() -> Invalid:
    return Invalid("An issue leaves triage with a definition only.", code="definition_missing", pointer="/definition")


def require_authority(issue: Issue, to: str, processes: tuple[str, ...]) -> None:
    """Raises Forbidden (``no_authority``) when an L2 or L3 would be accepted by somebody who may not change what has
    to change. ``processes``: what the acting person may change; nobody has none. One without a process is accepted by
    nobody, see ``moved``.
    """
    if to == "accepted" and issue.level != "L1" and issue.process not in (None, *processes):
        raise Forbidden(f"Who accepts an {issue.level} issue needs a say in its process.", code="no_authority")


def require_leave(issue: Issue, newer: Issue, processes: tuple[str, ...]) -> None:
    """Raises Forbidden (``no_authority``) when an issue that names its process would be accepted without a say in it
    from here on, and who does that has none. ``newer``: the issue as it would be, or the one that it is merged into.
    ``processes`` as for ``require_authority``. A process that nobody has named yet is anybody's to name, and its name
    binds on every level: who is on L1 today may be on L2 tomorrow.
    """
    is_lowered = newer.level == "L1" != issue.level
    if issue.process in (None, *processes) or not (is_lowered or newer.process != issue.process):
        return
    raise Forbidden(
        f"This takes the issue out of the say of those who may change {issue.process}: one of them does it, or an"
        " admin.",
        code="no_authority",
    )


def way_to(issue: Issue, choice: str) -> tuple[str, ...]:
    """The states that a decision leads through; () where it stands there already."""
    to = DECISIONS[choice]
    if to == issue.state:
        return ()
    return (to,) if choice == "decline" else (*_ON_THE_WAY.get(issue.state, ()), to)


def changed(issue: Issue, newer: Issue, *, actor: str, at: datetime, reason: str | None = None) -> IssueStep | None:
    """``newer`` with other facts as the next version, its state untouched; None when nothing differs.

    Raises Conflict (``accepted``) when an issue that was accepted would lose what it was accepted with, Invalid
    (``definition_missing``) when one that has left triage would lose its definition. One that is merged is what it
    will be again when it is split.
    """
    if newer == issue:
        return None
    state = issue.former_state or issue.state
    if state != "triage" and issue.definition and not newer.definition:
        raise _undefined()
    if state in ACCEPTED and issue.level != "L1":
        lost = [name for name in ("plan", "analyst", "executive") if getattr(issue, name) and not getattr(newer, name)]
        if lost or newer.process != issue.process:
            raise Conflict("It was accepted with this: it goes back to open first.", code="accepted", allowed=("open",))
    return _step(issue, replace(newer, version=issue.version + 1, updated_at=at, change="updated"), actor, reason)


def promoted(
    issue: Issue, level: str, *, actor: str, at: datetime, reason: str, numbers: Mapping[str, Any] | None = None
) -> IssueStep:
    """The issue on another level. One that was accepted goes back to open: its new level asks for other authority.

    Raises Conflict: ``same_level``, ``illegal_move`` for one that is merged, settled or declared fixed.
    """
    if level == issue.level:
        raise Conflict(f"The issue is on level {level} already.", code="same_level")
    if issue.state in ON_ITS_LEVEL:
        raise Conflict(f"An issue that is {issue.state} stays on its level.", code="illegal_move")
    state = "open" if issue.state in ACCEPTED else issue.state
    newer = replace(issue, level=level, state=state, version=issue.version + 1, updated_at=at, change="moved")
    return _step(issue, newer, actor, reason, numbers=numbers)


# --- two issues that are one ----------------------------------------------------------------------------------------


def merged(
    issue: Issue, into: Issue, *, actor: str, at: datetime, reason: str | None = None
) -> tuple[IssueStep, IssueStep]:
    """``issue`` as part of ``into``, and ``into`` with it. Only links: nothing moves from one to the other.

    Raises Conflict: ``merges_itself``, ``illegal_move``, ``too_many``.
    """
    if issue.id == into.id:
        raise Conflict("An issue is not merged into itself.", code="merges_itself")
    if into.state in AT_REST:
        raise Conflict(f"Nothing is merged into an issue that is {into.state}.", code="illegal_move")
    if len(into.absorbed) >= MOST_ABSORBED:
        raise Conflict("Too many issues were merged into it.", code="too_many")
    step = moved(issue, "merged", actor=actor, at=at, reason=reason)
    gone = replace(step.issue, former_state=issue.state, merged_into=into.id)
    fuller = replace(
        into, absorbed=(*into.absorbed, issue.id), version=into.version + 1, updated_at=at, change="updated"
    )
    return IssueStep(gone, step.moves), _step(into, fuller, actor, reason)


def split(
    issue: Issue, former: Issue, *, actor: str, at: datetime, reason: str | None = None
) -> tuple[IssueStep, IssueStep]:
    """Both as they were before ``issue`` was merged into ``former``, but for versions and history.

    Raises Conflict (``not_merged``).
    """
    if issue.state != "merged" or issue.merged_into != former.id or issue.former_state is None:
        raise Conflict("This issue is not merged into another.", code="not_merged")
    back = replace(
        issue,
        state=issue.former_state,
        former_state=None,
        merged_into=None,
        version=issue.version + 1,
        updated_at=at,
        change="moved",
    )
    absorbed = tuple(one for one in former.absorbed if one != issue.id)
    lighter = replace(former, absorbed=absorbed, version=former.version + 1, updated_at=at, change="updated")
    return _step(issue, back, actor, reason), _step(former, lighter, actor, reason)


def _step(
    before: Issue,
    after: Issue,
    actor: str,
    reason: str | None,
    *,
    implied: bool = False,
    numbers: Mapping[str, Any] | None = None,
) -> IssueStep:
    """The line of the version ``after``, which came of ``before``."""
    line = IssueMove(
        version=after.version,
        before=before.state,
        after=after.state,
        level=after.level,
        actor=actor,
        at=after.updated_at,
        reason=reason,
        implied=implied,
        owner=after.owner,
        numbers=numbers or {},
    )
    return IssueStep(after, (line,))
