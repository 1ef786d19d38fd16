"""A customer's case and the moves that it may make. Pure: versions and clocks come from outside.

Every version has its line of history: opening, each move, each state that an OA jumped over, each update.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from chalicelib.domain.cases.playbook import Chosen
from chalicelib.domain.ids import customer_key, ticket_id
from chalicelib.domain.time.clocks import Clocks
from chalicelib.domain.vocabulary import DEFAULT_SEVERITY, higher_severity, severity_rank
from chalicelib.domain.voice.feedback import Feedback, Reason
from chalicelib.errors import Conflict, Invalid

if TYPE_CHECKING:
    from chalicelib.domain.workspaces.organisation import Edge

MOVES: Final[Mapping[str, tuple[str, ...]]] = {
    "triage": ("open", "rejected", "merged"),
    "open": ("accepted", "rejected", "merged"),
    "accepted": ("in_progress", "waiting_customer", "resolved", "open"),
    "in_progress": ("waiting_customer", "resolved", "open"),
    "waiting_customer": ("in_progress", "resolved"),
    "resolved": ("verifying", "reopened"),
    "verifying": ("closed", "reopened"),
    "closed": ("reopened",),
    "reopened": ("accepted", "in_progress", "rejected"),
    "merged": (),  # back to its former state, which the ticket remembers
    "rejected": ("reopened",),
}
STATES: Final = tuple(MOVES)
SETTLED: Final = frozenset({"resolved", "verifying", "closed", "merged", "rejected"})  # nothing is left to do there
TAKEN: Final = frozenset({"accepted", "in_progress"})  # from here the way to open is back
WITH_THE_OWNER: Final = TAKEN | {"waiting_customer"}  # whoever has it there has accepted it
SYSTEM: Final = "echoloop"  # the actor of what nobody did by hand
CUSTOMER: Final = "customer"  # the actor of an answer, whichever way it came, and of words that take a case up again
DUPLICATE: Final = "duplicate:"  # and a ticket's id: the reason that a case has from one that was merged into it
PART_MISSING: Final = "part_missing"  # what the escalation of a whole is about, one of whose parts has no ticket
# Why a ticket goes to a state where nobody said it in words: every move has its reason.
STANDING: Final[Mapping[str, str]] = {
    "triage": "nobody is named for it yet",
    "open": "with its department",
    "accepted": "taken on",
    "in_progress": "work has begun",
    "waiting_customer": "waits for the customer",
    "resolved": "reported as resolved",
    "verifying": "the customer is to be asked",
    "closed": "settled",
    "reopened": "taken up again",
    "merged": "told twice",
    "rejected": "no case",
}

_IN_CHINESE: Final[Mapping[str, str]] = {
    "nobody is named for it yet": "还没有负责人",
    "with its department": "已到责任部门",
    "taken on": "已受理",
    "work has begun": "已开始处理",
    "waits for the customer": "等待顾客",
    "reported as resolved": "已报解决",
    "the customer is to be asked": "待回访顾客",
    "settled": "已了结",
    "taken up again": "重新处理",
    "told twice": "重复反馈",
    "no case": "不成立",
    "contacted": "已联系顾客",
    "all parts are settled": "各子工单都已了结",
    "what the parts say": "按各子工单所填",
    "what the whole case says": "按总工单所填",
    "as far as its parts": "与各子工单的进度一致",
    "with the whole case": "随总工单",
    "the customer is satisfied": "顾客满意",
}

# What an implied way may not pass through, from the most natural way to the least: forward only; through a bounce
# (somebody gave the case back and another took it); through a reopening. Merged, rejected and closed are ends that
# nobody passes by the way.
_ENDS: Final = frozenset({"merged", "rejected", "closed"})
_DETOURS: Final = (_ENDS | {"open", "reopened"}, _ENDS | {"reopened"}, _ENDS)


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a ticket's history. ``implied`` marks the steps that an OA jumped over."""

    version: int
    before: str
    after: str
    actor: str
    at: datetime
    reason: str | None = field(default=None, repr=False)
    implied: bool = False
    root_cause: str | None = field(default=None, repr=False)  # what was given with this move
    action: str | None = field(default=None, repr=False)
    cause: str | None = None  # likewise, one of the graph's
    owner: str | None = None  # who had it from here on
    departments: tuple[str, ...] | None = None  # likewise; None on lines of before it was kept


@dataclass(frozen=True, slots=True)
class Resolution:
    """Why it went wrong and what was done about it. Both are words of colleagues and never leave in a log."""

    root_cause: str | None = field(default=None, repr=False)
    action: str | None = field(default=None, repr=False)
    cause: str | None = None  # which of the graph's causes it was, where somebody chose one


@dataclass(frozen=True, slots=True)
class Step:
    """A ticket some versions later, with the line of history of each of them."""

    ticket: Ticket
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """The state of one case. ``version`` grows by one with every change and is our optimistic lock."""

    workspace: str
    id: str
    feedback: str
    version: int
    state: str
    severity: str
    title: str  # in the voice's language
    opened_at: datetime
    updated_at: datetime
    unit: str | None = None
    touchpoint: str | None = None
    departments: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    complained: bool = True  # False: of none of its topics; they are only what the voice is about
    reasons: tuple[Reason, ...] = ()
    revision: int = 1  # of the feedback that it was last brought up to
    reading: int = 1
    red_lines: tuple[str, ...] | None = None  # of that revision and reading; None on tickets of before it was kept
    owner: str | None = None
    former_state: str | None = None  # what a merge is undone to
    root_cause: str | None = field(default=None, repr=False)
    action: str | None = field(default=None, repr=False)
    cause: str | None = None  # which of the graph's causes it was, chosen with the root cause
    incomplete: bool = False  # resolved by an OA without root cause or action
    verification: str = "not_asked"  # or satisfied | unsatisfied | no_answer; until it is resolved anew
    asked_at: datetime | None = None  # when we asked the customer whether this resolution holds
    answer_by: datetime | None = None  # without an answer by then it is closed
    answered_at: datetime | None = None
    due_at: datetime | None = None  # the resolution's deadline; None while it is paused
    clocks: Clocks | None = None  # set by whoever writes tickets, see domain/cases/sla.py
    escalated_to: tuple[str, ...] = ()  # who was told above; of a breach the owner stays answerable
    about: str = ""  # of a reminder or an escalation: the clock, bounced or part_missing
    reopened: int = 0  # how often a resolution did not hold
    bounced: int = 0  # how often who had taken it gave it back, or it went to another department
    assigned: bool = False  # a person chose the department: what is read of the words no longer does
    parent: str | None = None  # the case that it is a part of, see parts.py
    part: str | None = None  # the department that a part was made for; it stays, whoever gets the part later
    parts: tuple[str, ...] = ()  # the departments that a case was divided among
    unopened: tuple[str, ...] = ()  # of those, the ones for which no ticket could be opened, as its owner was told
    bounce_told: int = 0  # the bounce that the ticket went up the line for last
    customer: str | None = None  # ids.customer_key: which of the workspace's customers, and nothing that names them
    closed_at: datetime | None = None  # while it is closed
    playbook: Chosen | None = None  # what to do about it, as chosen with the last version that came of the feedback
    path: tuple[Edge, ...] = ()  # likewise why, who and what for, see graph.py
    set_aside: tuple[Chosen | None, ...] = ()  # its own playbook, while it has a duplicate's: see ``lifted``
    level: str = "L1"  # who can solve it: that of its issue
    issue: str | None = None  # the problem that it is a case of, see issue.py
    change: str = "opened"  # what the last version was: opened | updated | moved | asked | verified
    first: Move | None = None  # the first line of its history, where it is kept with the ticket
    # Language → title, see ``title_in``. Another name of a topic alone is no news.
    titles: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def complaints(self) -> tuple[str, ...]:
        """The topics that are complained of: praise does not recur."""
        return self.topics if self.complained else ()


def wants_ticket(feedback: Feedback) -> bool:
    """Whether a rule still asks for a ticket."""
    return any(not reason.lapsed for reason in _asked(feedback))


def said_by_us(reason: str | None) -> dict[str, str] | None:
    """A line's reason in both languages; None where it is a person's words, or holds names or numbers."""
    chinese = _IN_CHINESE.get(reason) if reason else None
    return {"zh-CN": chinese, "en": reason} if reason and chinese else None


def title_in(ticket: Ticket, lang: str) -> str:
    """The title for who reads that language. A ticket of before has one, and keeps it: systems were told it so."""
    return ticket.titles.get(lang) or ticket.title


def main_topics(feedback: Feedback) -> tuple[str, ...]:
    """What it is about: the topics that are complained of, or all of them when there is no complaint."""
    tags = feedback.understanding.tags
    complaints = [tag.topic for tag in tags if tag.polarity == "negative"]
    return tuple(dict.fromkeys(complaints or (tag.topic for tag in tags)))


def _complained(feedback: Feedback) -> bool:
    """Whether its main topics are complained of; also where it has none."""
    tags = feedback.understanding.tags
    return not tags or any(tag.polarity == "negative" for tag in tags)


def opened(
    feedback: Feedback, title: str, at: datetime, playbook: Chosen | None = None, parts: tuple[str, ...] = ()
) -> Step:
    """The one ticket of a feedback, version 1."""
    reasons = _asked(feedback)
    ticket = Ticket(
        workspace=feedback.workspace,
        id=ticket_id(feedback.workspace, feedback.id),
        feedback=feedback.id,
        version=1,
        state="open",
        severity=_severity(reasons, DEFAULT_SEVERITY),
        title=title,
        opened_at=at,
        updated_at=at,
        unit=feedback.unit,
        touchpoint=feedback.touchpoint,
        departments=feedback.decision.departments,
        topics=main_topics(feedback),
        complained=_complained(feedback),
        reasons=reasons,
        revision=feedback.revision,
        reading=feedback.reading,
        red_lines=feedback.understanding.red_lines,
        playbook=playbook,
        parts=parts,
        customer=customer_key(feedback.workspace, feedback.customer_ref) if feedback.customer_ref else None,
    )
    return Step(ticket, (_first_line(ticket),))


def brought_up(
    ticket: Ticket,
    feedback: Feedback,
    title: str,
    at: datetime,
    playbook: Chosen | None = None,
    *,
    parts: tuple[str, ...] = (),
) -> Step | None:
    """The ticket with what the newest revision, reading and rules say; None when that changes nothing to be seen.

    A department that a person chose stays. Of a voice that was deleted at its source unit, touchpoint and department
    stay: they name nobody, and whoever has the case must go on seeing it.

    An older (revision, reading) never overwrites a newer one. A reason that no longer matches is marked lapsed
    and closes nothing; when all have lapsed the severity stays as it was. Another playbook alone is no news.
    What is settled is taken up again by a revision that ``is_worse``, unless it is merged, see ``lifted``.
    """
    if (feedback.revision, feedback.reading) < (ticket.revision, ticket.reading):
        return None
    reasons = merged_reasons(ticket.reasons, _asked(feedback))
    seen = replace(
        ticket,
        title=title,
        unit=ticket.unit if feedback.deleted else feedback.unit,
        touchpoint=ticket.touchpoint if feedback.deleted else feedback.touchpoint,
        departments=ticket.departments if ticket.assigned or feedback.deleted else feedback.decision.departments,
        topics=main_topics(feedback),
        complained=_complained(feedback),
        reasons=reasons,
        severity=_severity(reasons, ticket.severity),
        parts=parts or ticket.parts,
    )
    worse = is_worse(ticket, feedback)
    if seen == ticket and not worse:
        return None
    red_lines = feedback.understanding.red_lines
    newer = replace(seen, revision=feedback.revision, reading=feedback.reading, red_lines=red_lines)
    newer = replace(newer, playbook=playbook, set_aside=())
    note = f"revision {feedback.revision}, reading {feedback.reading}"
    if worse and ticket.state in SETTLED - {"merged"}:
        return _taken_up(ticket, newer, "reopened", at, f"{note}: {', '.join((newer.severity, *red_lines))}")
    return _updated(ticket, newer, at, note)


def is_worse(ticket: Ticket, feedback: Feedback) -> bool:
    """Whether a revision that the ticket has not seen is graver than what it has: more severe, or of a new red line.

    Never another reading of the same words: what we read anew takes up nothing that people have settled.
    """
    if feedback.revision <= ticket.revision or feedback.reading > 1:
        return False
    severity = _severity(merged_reasons(ticket.reasons, _asked(feedback)), ticket.severity)
    known = feedback.understanding.red_lines if ticket.red_lines is None else ticket.red_lines
    graver = severity_rank(severity) > severity_rank(ticket.severity)
    return graver or not set(feedback.understanding.red_lines) <= set(known)


def lifted(main: Ticket, duplicate: Ticket, at: datetime) -> Step | None:
    """The case that ``duplicate`` was merged into, after a revision of that one which ``is_worse``: as severe at least,
    with what to do about it, and taken up again where it was settled; one that is merged itself stays so. None where it
    was told of that revision before.
    """
    why = Reason(f"{DUPLICATE}{duplicate.id}", duplicate.revision, duplicate.severity)
    if any(one.rule == why.rule and one.version >= why.version for one in main.reasons):
        return None
    reasons = (*(one for one in main.reasons if one.rule != why.rule), why)
    severity = max(_severity(reasons, main.severity), main.severity, key=severity_rank)
    newer = replace(main, reasons=reasons, severity=severity)
    if duplicate.playbook is not None:
        newer = replace(newer, playbook=duplicate.playbook, set_aside=main.set_aside or (main.playbook,))
    note = f"duplicate {duplicate.id}, revision {duplicate.revision}: {duplicate.severity}"
    is_over = main.state in SETTLED - {"merged"}
    return _taken_up(main, newer, "reopened", at, note) if is_over else _updated(main, newer, at, note)


def lifted_by(main: Ticket) -> tuple[str, ...]:
    """The tickets that the case has something from by ``lifted``, the latest last."""
    return tuple(one.rule.removeprefix(DUPLICATE) for one in main.reasons if one.rule.startswith(DUPLICATE))


def taken_back(
    main: Ticket, duplicates: Collection[str], *, actor: str, at: datetime, others: Sequence[Ticket] = ()
) -> Step | None:
    """The case without what it has, by ``lifted``, from these tickets, which are no duplicates of it after all. None
    where it has nothing from them. ``others``: those that it keeps what it has from, the latest last.

    Its severity rests on its own reasons again, and on those of other duplicates, and its deadlines follow it; what to
    do about it is its own as soon as no duplicate says otherwise. Nobody is overruled by that: people decide neither.
    What did happen stays: who was told, and that it was taken up again, with which its resolution was forgotten. It is
    with whoever has it to settle it once more.
    """
    gone = [one for one in lifted_by(main) if one in duplicates]
    if not gone:
        return None
    named = {f"{DUPLICATE}{one}" for one in gone}
    left = tuple(one for one in main.reasons if one.rule not in named)
    newer = replace(main, reasons=left, severity=_severity(left, _before_it_lapsed(left, main.severity)))
    if main.set_aside:
        said = [one.playbook for one in others if one.playbook is not None]
        playbook, set_aside = (said[-1], main.set_aside) if said else (main.set_aside[0], ())
        newer = replace(newer, playbook=playbook, set_aside=set_aside)
    newer = replace(newer, version=main.version + 1, updated_at=at, change="updated")
    note = f"no duplicate: {', '.join(gone)}: {newer.severity}"
    return Step(newer, (history_line(main, newer, actor=actor, reason=note),))


def _before_it_lapsed(reasons: Iterable[Reason], severity: str) -> str:
    """What a case was for reasons that have all lapsed: the gravest of them, and never more than it is now."""
    return min(severity, max((one.severity for one in reasons), key=severity_rank, default=severity), key=severity_rank)


def taken_out(ticket: Ticket, step: Step) -> Step:
    """``step``, which brings up a merged ticket, with the ticket in its former state: nobody knows what it was merged
    into, so nobody else has it.
    """
    newer, line = step.ticket, step.moves[-1]
    if ticket.state != "merged" or ticket.former_state is None:
        return step
    return _taken_up(ticket, newer, ticket.former_state, newer.updated_at, line.reason or "")


def _updated(ticket: Ticket, newer: Ticket, at: datetime, note: str) -> Step:
    newer = replace(newer, version=ticket.version + 1, updated_at=at, change="updated")
    return Step(newer, (history_line(ticket, newer, actor=SYSTEM, reason=note),))


def _taken_up(ticket: Ticket, newer: Ticket, to: str, at: datetime, note: str) -> Step:
    """``newer`` in another state: it was the customer's words that took it there."""
    moved = move(replace(newer, version=ticket.version), to, at)
    return Step(moved, (history_line(ticket, moved, actor=CUSTOMER, reason=note),))


def is_elsewhere(before: Ticket, after: Ticket) -> bool:
    """Whether a voice's ticket belongs to other people than before.

    One that a person assigned stays with whom it has, and so does one that its owner has accepted, or that is settled:
    only people take it from them. ``departments`` are in order: who has the first has the ticket.
    """
    if after.assigned or after.state in SETTLED or (after.state in WITH_THE_OWNER and after.owner is not None):
        return False
    return (before.departments[:1], before.unit) != (after.departments[:1], after.unit)


def titled(step: Step, titles: Mapping[str, str]) -> Step:
    """The same step, with what the ticket is called in each language."""
    return replace(step, ticket=replace(step.ticket, titles=titles))


def owned(step: Step, owner: str | None) -> Step:
    """The same step, with ``owner`` having the ticket from its last version on."""
    *earlier, last = step.moves
    return Step(replace(step.ticket, owner=owner), (*earlier, replace(last, owner=owner)))


def on_its_way(step: Step, path: tuple[Edge, ...]) -> Step:
    """The same step, with the way that the ticket takes from what it is about: see graph.path."""
    return replace(step, ticket=replace(step.ticket, path=path))


def legal_moves(ticket: Ticket) -> tuple[str, ...]:
    """States that the ticket may go to next."""
    if ticket.state == "merged":
        return (ticket.former_state,) if ticket.former_state else ()
    return MOVES[ticket.state]


def move(ticket: Ticket, to: str, at: datetime) -> Ticket:
    """The ticket one version later in state ``to``. Reopening forgets the resolution: it did not hold.

    Raises Invalid (``unknown_state``) for a word that is no state, Conflict (``illegal_move``) naming the legal ones,
    Invalid (``resolution_incomplete``) when a ticket without root cause or action would be closed.
    """
    if to not in MOVES:
        raise Invalid("There is no such ticket state.", code="unknown_state", pointer="/to")
    legal = legal_moves(ticket)
    if to not in legal:
        raise Conflict(f"A ticket that is {ticket.state} cannot become {to}.", code="illegal_move", allowed=legal)
    if to == "closed" and ticket.incomplete:
        raise resolution_incomplete("closed")
    former = ticket.state if to == "merged" else None
    moved = replace(
        ticket,
        state=to,
        version=ticket.version + 1,
        updated_at=at,
        former_state=former,
        reopened=ticket.reopened + (to == "reopened"),
        bounced=ticket.bounced + (to == "open" and ticket.state in TAKEN),
        closed_at=at if to == "closed" else None,
        change="moved",
    )
    if to == "resolved":
        return replace(_unasked(moved), incomplete=not (moved.root_cause and moved.action))
    if to == "reopened":
        return replace(_unasked(moved), root_cause=None, action=None, cause=None, incomplete=False)
    if to == "closed" and ticket.asked_at is not None and ticket.verification == "not_asked":
        return replace(moved, verification="no_answer")  # whoever closes it, nobody has said that it holds
    return moved


def _unasked(ticket: Ticket) -> Ticket:
    """Without what the customer was asked, and said, of an earlier resolution."""
    return replace(ticket, verification="not_asked", asked_at=None, answer_by=None, answered_at=None)


def resolution_incomplete(state: str) -> Invalid:
    """The refusal of a resolution that says neither why nor what was done."""
    return Invalid(f"Root cause and action are needed before a ticket is {state}.", code="resolution_incomplete")


def lacking(ticket: Ticket) -> tuple[str, ...]:
    """What an OA did not say of its resolution, of ``root_cause`` and ``action``; nothing where it is not missed."""
    said = {"root_cause": ticket.root_cause, "action": ticket.action}
    return tuple(name for name, words in said.items() if not words) if ticket.incomplete else ()


def walk(
    ticket: Ticket, states: Sequence[str], *, actor: str, at: datetime, given: Resolution, reason: str | None = None
) -> Step:
    """Move through ``states`` in order; all but the last are recorded as implied. Raises as ``move``.

    What is ``given`` counts for the last state; a reopening on the way forgets only what was there before.
    """
    moves: list[Move] = []
    for number, state in enumerate(states, start=1):
        last = number == len(states)
        before = resolved_by(ticket, given) if last else ticket
        ticket = move(before, state, at)
        moves.append(
            history_line(before, ticket, actor=actor, reason=reason, implied=not last, given=given if last else None)
        )
    return Step(ticket, tuple(moves))


def completed(ticket: Ticket, given: Resolution, *, actor: str, at: datetime, reason: str | None = None) -> Step | None:
    """The ticket with a root cause or action handed in later, its state untouched; None when it knew them already."""
    known = resolved_by(ticket, given)
    if known == ticket:
        return None
    newer = replace(known, version=ticket.version + 1, updated_at=at, change="updated")
    return Step(newer, (history_line(ticket, newer, actor=actor, reason=reason, given=given),))


def linked(ticket: Ticket, issue: str | None, level: str, *, actor: str, at: datetime) -> Step | None:
    """The ticket as a case of an issue on its level, or of none; None when it was before."""
    if (ticket.issue, ticket.level) == (issue, level):
        return None
    newer = replace(ticket, issue=issue, level=level, version=ticket.version + 1, updated_at=at, change="updated")
    return Step(newer, (history_line(ticket, newer, actor=actor, reason=f"{issue or ticket.issue} {level}"),))


def resolved_by(ticket: Ticket, given: Resolution) -> Ticket:
    """The same version with the words that were given; what was not given stays."""
    root_cause, action = given.root_cause or ticket.root_cause, given.action or ticket.action
    incomplete = ticket.incomplete and not (root_cause and action)
    cause = given.cause or ticket.cause
    return replace(ticket, root_cause=root_cause, action=action, cause=cause, incomplete=incomplete)


def path(before: str, to: str) -> tuple[str, ...] | None:
    """Most natural legal way from one state to another, ``before`` left out; () when already there, None without one.

    A callback of an OA may jump: the states in between are recorded as implied. A bounce back to ``open`` or a
    reopening is implied only where no forward way exists, and never out of ``closed`` or ``merged``: a case that was
    put away is taken up again by a word that says so, and by no other.
    """
    if before == to:
        return ()
    if to in MOVES[before]:
        return (to,)
    if before in ("closed", "merged"):
        return None
    for avoided in _DETOURS:
        # Out of triage, "open" is the way forward.
        way = _shortest(before, to, avoided - {"open"} if before == "triage" else avoided)
        if way is not None:
            return way
    return None


def _shortest(before: str, to: str, avoided: frozenset[str]) -> tuple[str, ...] | None:
    queue: deque[tuple[str, ...]] = deque([(before,)])
    seen = {before}
    while queue:
        way = queue.popleft()
        for state in MOVES[way[-1]]:
            if state == to:
                return (*way[1:], state)
            if state not in seen and state not in avoided:
                seen.add(state)
                queue.append((*way, state))
    return None


def _first_line(ticket: Ticket) -> Move:
    """The opening, with the rules that asked for it as its reason."""
    return Move(
        version=1,
        before="",
        after=ticket.state,
        actor=SYSTEM,
        at=ticket.opened_at,
        reason=", ".join(why.rule for why in ticket.reasons if not why.lapsed) or None,
        owner=ticket.owner,
        departments=ticket.departments,
    )


def history_line(
    before: Ticket,
    after: Ticket,
    *,
    actor: str,
    reason: str | None,
    implied: bool = False,
    given: Resolution | None = None,
) -> Move:
    """The line of the version ``after``, which came of ``before``; a move has a reason, said or not."""
    moved = before.state != after.state
    return Move(
        version=after.version,
        before=before.state,
        after=after.state,
        actor=actor,
        at=after.updated_at,
        reason=reason or (STANDING[after.state] if moved else None),
        implied=implied,
        root_cause=given.root_cause if given else None,
        action=given.action if given else None,
        cause=given.cause if given else None,
        owner=after.owner,
        departments=after.departments,
    )


def is_handed_on(line: Move) -> bool:
    """Whether the line took a ticket from somebody who is gone, see ``handed_on``: nobody did anything with it."""
    return line.actor == SYSTEM and line.before in TAKEN and line.after == "open"


def _asked(feedback: Feedback) -> tuple[Reason, ...]:
    return tuple(feedback.decision.actions.get("ticket", ()))


def _severity(reasons: Iterable[Reason], otherwise: str) -> str:
    """The highest severity that still has a reason."""
    severity: str | None = None
    for reason in reasons:
        if not reason.lapsed:
            severity = reason.severity if severity is None else higher_severity(severity, reason.severity)
    return severity or otherwise


def merged_reasons(known: Iterable[Reason], asked: Iterable[Reason]) -> tuple[Reason, ...]:
    """Keyed by rule name, the newest version shown; one that is asked no more has lapsed. A duplicate's stays."""
    merged = {one.rule: one if one.rule.startswith(DUPLICATE) else replace(one, lapsed=True) for one in known}
    merged.update((reason.rule, reason) for reason in asked)
    return tuple(merged.values())
