"""A case that several departments have a part of 拆解: which parts there are, and how whole and parts move together.

Pure. The feedback's own ticket is the whole; below it stands a ticket for each department that the words complain to.
What follows of a change is read off the tickets and their histories as they stand now, never off what is told of
them: whatever comes twice or late finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.cases.playbook import RED_LINE, Chosen
from chalicelib.domain.cases.ticket import (
    PART_MISSING,
    SETTLED,
    SYSTEM,
    WITH_THE_OWNER,
    Move,
    Resolution,
    Step,
    Ticket,
    completed,
    history_line,
    is_handed_on,
    is_worse,
    merged_reasons,
    opened,
    path,
    walk,
)
from chalicelib.domain.ids import child_ticket_id
from chalicelib.domain.voice.feedback import Decision, Feedback, Reason
from chalicelib.domain.voice.understanding import Tag
from chalicelib.domain.workspaces.rules import Rule, decide
from chalicelib.errors import Conflict

FINISHED: Final = frozenset({"resolved", "verifying", "closed"})  # somebody says that it is done
UNDONE: Final = SETTLED - FINISHED  # put away, and nobody did anything
PUT_AWAY: Final = frozenset({"closed", "merged", "rejected"})  # nobody waits for it any more
IN_TOUCH: Final = frozenset({"in_progress", "waiting_customer"})  # somebody has spoken with the customer
PATIENCE: Final = timedelta(hours=1)  # until a part without a ticket is one that could not be opened
MAX_WORDS: Final = 4_000  # characters of a root cause or an action that was put together


# --- which parts there are ----------------------------------------------------------------------------------------


def by_department(
    feedback: Feedback, department: Callable[[str], str | None], rules: Iterable[Rule]
) -> Mapping[str, Feedback]:
    """The voice as each department that it complains to has to see it, in the order in which the words name them.

    ``department``: whose a topic or red line is, as ``FrameWords.department``. What is nobody's goes with the first.
    Each has its own topics, red lines and, of the reasons, those whose rule holds for it alone.
    """
    understanding, known = feedback.understanding, tuple(rules)
    lines: dict[str | None, list[str]] = {}
    tags: dict[str | None, list[Tag]] = {}
    for kind in understanding.red_lines:
        lines.setdefault(department(RED_LINE + kind), []).append(kind)
    for tag in understanding.tags:
        if tag.polarity == "negative":
            tags.setdefault(department(tag.topic), []).append(tag)
    named = [one for one in dict.fromkeys((*lines, *tags)) if one is not None]
    if named and None in {*lines, *tags}:
        lines[named[0]] = [*lines.get(named[0], ()), *lines.get(None, ())]
        tags[named[0]] = [*tags.get(named[0], ()), *tags.get(None, ())]
    return {one: _seen_by(feedback, one, lines.get(one, ()), tags.get(one, ()), known) for one in named}


def _seen_by(
    feedback: Feedback, department: str, lines: Sequence[str], tags: Sequence[Tag], rules: Sequence[Rule]
) -> Feedback:
    understanding = feedback.understanding._replace(red_lines=tuple(lines), tags=tuple(tags), departments=(department,))
    part = replace(feedback, understanding=understanding)
    asked = feedback.decision.actions.get("ticket", ())
    return replace(part, decision=Decision({"ticket": _own_reasons(part, asked, rules)}, departments=(department,)))


def _own_reasons(part: Feedback, asked: Sequence[Reason], rules: Sequence[Rule]) -> tuple[Reason, ...]:
    """Without the rules that hold for another part only; all where that leaves none: the parts make the case together.

    A rule that is no more cannot be asked, and counts.
    """
    holding = {reason.rule for reason in decide(rules, part).actions.get("ticket", ())}
    known = {rule.name for rule in rules}
    own = tuple(reason for reason in asked if reason.rule in holding or reason.rule not in known)
    return own if any(not reason.lapsed for reason in own) else tuple(asked)


def parts_of(ticket: Ticket | None, feedback: Feedback, found: Iterable[str]) -> tuple[str, ...]:
    """The departments that the case is to be divided among, those that it was divided among before first; () for none.

    Never a case whose department a rule or a person has named. One that stands as a whole is divided by what is said
    anew only, and not where somebody has accepted it. One that is settled gets no more parts, but by words that take it
    up again.
    """
    departments = tuple(found)
    if ticket is None:
        return departments if len(departments) > 1 and not feedback.decision.ruled else ()
    is_settled = ticket.state in SETTLED
    if feedback.decision.ruled or ticket.assigned or (is_settled and not is_worse(ticket, feedback)):
        return ticket.parts
    if ticket.parts:
        return tuple(dict.fromkeys((*ticket.parts, *departments)))
    is_news = (feedback.revision, feedback.reading) > (ticket.revision, ticket.reading)
    is_taken = is_settled or (ticket.state in WITH_THE_OWNER and ticket.owner is not None)
    return departments if is_news and not is_taken and len(departments) > 1 else ()


def opened_part(department: str, part: Feedback, title: str, at: datetime, playbook: Chosen | None = None) -> Step:
    """The ticket of one department, version 1. ``part`` is the voice as the department sees it."""
    step = opened(part, title, at, playbook)
    identity = child_ticket_id(part.workspace, part.id, department)
    return replace(step, ticket=replace(step.ticket, id=identity, parent=step.ticket.id, part=department))


def lapsed(child: Ticket, feedback: Feedback, at: datetime) -> Step | None:
    """A part that the newest revision and reading complain of no more: its reasons are marked, and it stays.

    None when they are already, or when the ticket has seen newer words.
    """
    reasons = merged_reasons(child.reasons, ())
    if reasons == child.reasons or (feedback.revision, feedback.reading) < (child.revision, child.reading):
        return None
    newer = replace(
        child,
        reasons=reasons,
        revision=feedback.revision,
        reading=feedback.reading,
        version=child.version + 1,
        updated_at=at,
        change="updated",
    )
    note = f"revision {feedback.revision}, reading {feedback.reading}: no longer complained of"
    return Step(newer, (history_line(child, newer, actor=SYSTEM, reason=note),))


def children_of(parent: Ticket) -> tuple[str, ...]:
    """Ids of the parts of a case."""
    return tuple(child_ticket_id(parent.workspace, parent.feedback, one) for one in parent.parts)


# --- parts that could not be opened -------------------------------------------------------------------------------


def missing(whole: Ticket, children: Iterable[Ticket]) -> tuple[str, ...]:
    """The departments whose part has no ticket: it is being opened, or could not be."""
    there = {one.id for one in children}
    return tuple(part for part, identity in zip(whole.parts, children_of(whole), strict=True) if identity not in there)


def untold(whole: Ticket, children: Iterable[Ticket]) -> tuple[str, ...]:
    """Those of ``missing`` of which the whole's owner was not told yet."""
    return tuple(one for one in missing(whole, children) if one not in whole.unopened)


def told_unopened(whole: Ticket, departments: Sequence[str], at: datetime) -> Step:
    """The whole whose owner is told that no ticket could be opened for these departments: what they were to do is left
    to them, unless it is opened after all.
    """
    newer = replace(
        whole,
        unopened=(*whole.unopened, *departments),
        version=whole.version + 1,
        updated_at=at,
        change="escalated",
        about=PART_MISSING,
    )
    told = f"told {whole.owner}" if whole.owner else "nobody has the case"
    note = f"no ticket could be opened for {', '.join(departments)}: {told}"
    return Step(newer, (history_line(whole, newer, actor=SYSTEM, reason=note),))


def opened_after_all(whole: Ticket, child: str, at: datetime) -> Step | None:
    """The whole one of whose parts has its ticket, ``child``, after its owner was told that it has none; None for a
    part of which nobody was told.
    """
    department = dict(zip(children_of(whole), whole.parts, strict=True)).get(child)
    if department not in whole.unopened:
        return None
    left = tuple(one for one in whole.unopened if one != department)
    newer = replace(whole, unopened=left, version=whole.version + 1, updated_at=at, change="updated")
    note = f"the ticket for {department} was opened after all"
    return Step(newer, (history_line(whole, newer, actor=SYSTEM, reason=note),))


# --- how they move together ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """A ticket with its whole history, oldest line first."""

    ticket: Ticket
    moves: Sequence[Move]

    @property
    def since(self) -> datetime:
        """When it came into the state that it is in. That its owner was gone makes it no younger."""
        moves = (one for one in reversed(self.moves) if one.before != one.after and not is_handed_on(one))
        return next((one.at for one in moves), self.ticket.opened_at)

    @property
    def is_as_opened(self) -> bool:
        """Whether it stands where it was opened: nobody has moved it yet."""
        return sum(one.before != one.after for one in self.moves) <= 1

    def last(self, state: str) -> Move | None:
        """The line of the last time that it came into ``state``."""
        return next((one for one in reversed(self.moves) if one.after == state != one.before), None)


def at_rest(parent: Ticket, children: Iterable[Ticket]) -> bool:
    """Whether nothing follows, whatever the histories say: then nobody has to read them."""
    if parent.state in FINISHED:
        return False
    return parent.state in SETTLED or not any(one.state in FINISHED | IN_TOUCH for one in children)


def left_to_the_whole(children: Iterable[Ticket | None]) -> bool:
    """Whether the whole's owner alone can say what its resolution lacks.

    So it is where every part was put away undone, or where one that lacks words, or is open and will be resolved with
    the whole, is nobody's: only an owner is asked. A part without a ticket (None) will be open, and may get an owner.
    """
    doing = [one for one in children if one is None or one.state not in UNDONE]
    return not doing or any(one is not None and _is_asked_of_nobody(one) for one in doing)


def _is_asked_of_nobody(part: Ticket) -> bool:
    return part.owner is None and (part.incomplete or part.state not in SETTLED)


def adds_nothing(whole: Ticket) -> bool:
    """Whether a part that is just opened leaves the whole as it is: what follows of the others follows without it."""
    return whole.state == "open"


def follow(parent: Standing, children: Sequence[Standing], at: datetime) -> tuple[Step, ...]:
    """What has to follow of how whole and parts stand; () when all is as it should be.

    - The whole is resolved: what is open below is resolved with it. A part that was taken up later takes it up again.
    - The whole is closed: what is resolved below is closed with the same answer.
    - The whole is reopened, and not because of a part: so is what was done below.
    - Somebody is in touch with the customer about a part: so is the whole, which waits for the customer when all that
      is left does.
    - All parts are settled, and something was done: the whole is resolved with what they say. Where one could not be
      opened people resolve it: nobody has done what that one was to do.
    - A root cause and action that came later count for the parts, or the whole, that lack them.
    """
    if parent.ticket.state in FINISHED:
        return _below_finished(parent, children, at)
    if parent.ticket.state in SETTLED:
        return ()
    again = _reopened(parent, children, at)
    if again:
        return again
    states = {one.ticket.state for one in children}
    if states - SETTLED or missing(parent.ticket, [one.ticket for one in children]):
        return _as_far(parent, children, at)
    if not states & FINISHED:
        return ()
    way = path(parent.ticket.state, "resolved") or ()
    return (walk(parent.ticket, way, actor=SYSTEM, at=at, given=_joined(children), reason="all parts are settled"),)


def _below_finished(parent: Standing, children: Sequence[Standing], at: datetime) -> tuple[Step, ...]:
    whole, line = parent.ticket, parent.last("resolved")
    active = [one for one in children if one.ticket.state not in SETTLED]
    resolved_at = line.at if line else parent.since
    # A part that was on its way while the whole was resolved is no news: it was asked for before.
    later = [one.ticket.id for one in active if one.since > resolved_at and not one.is_as_opened]
    if later:
        reason = f"taken up again: {', '.join(later)}"
        return (walk(whole, ("reopened",), actor=SYSTEM, at=at, given=Resolution(), reason=reason),)
    if active:
        actor = line.actor if line else SYSTEM
        given = _handed_down(whole, children)
        return tuple(_implied(one.ticket, "resolved", actor, at, given(one.ticket)) for one in active)
    return _completed(parent, children, at) or _closed(whole, children, at)


def _completed(parent: Standing, children: Sequence[Standing], at: datetime) -> tuple[Step, ...]:
    whole = parent.ticket
    if whole.incomplete:
        step = completed(whole, _joined(children), actor=SYSTEM, at=at, reason="what the parts say")
        return (step,) if step else ()
    lacking = [one.ticket for one in children if one.ticket.incomplete and one.ticket.state in FINISHED]
    given = _handed_down(whole, children)
    steps = [completed(one, given(one), actor=SYSTEM, at=at, reason="what the whole case says") for one in lacking]
    return tuple(step for step in steps if step)


def _closed(whole: Ticket, children: Sequence[Standing], at: datetime) -> tuple[Step, ...]:
    if whole.state != "closed":
        return ()
    steps = [closed_with(whole, one.ticket, actor=SYSTEM, at=at) for one in children]
    return tuple(step for step in steps if step)


def closed_with(whole: Ticket, part: Ticket, *, actor: str, at: datetime) -> Step | None:
    """A part that is resolved, closed with the answer of the whole; None where there is nothing to close, or where it
    still lacks root cause and action.

    A part that was closed before anybody was asked gets the answer of a customer who is satisfied with the whole.
    """
    answered = replace(part, verification=whole.verification)
    if part.state == "closed" and whole.verification == "satisfied" != part.verification:
        newer = replace(answered, version=part.version + 1, updated_at=at, change="updated")
        return Step(newer, (history_line(part, newer, actor=actor, reason="the customer is satisfied"),))
    if part.state not in FINISHED - PUT_AWAY or part.incomplete:
        return None
    return _implied(answered, "closed", actor, at, Resolution())


def _reopened(parent: Standing, children: Sequence[Standing], at: datetime) -> tuple[Step, ...]:
    """A reopening by us came of a part: the others hold."""
    line = parent.last("reopened")
    if line is None or line.actor == SYSTEM:
        return ()
    done = [one.ticket for one in children if one.ticket.state in FINISHED and one.since <= line.at]
    return tuple(_implied(one, "reopened", line.actor, at, Resolution()) for one in done)


def _as_far(parent: Standing, children: Sequence[Standing], at: datetime) -> tuple[Step, ...]:
    """The whole as far as its parts are. What a person did with it since stays, until a part moves again."""
    moved = next((one for one in reversed(parent.moves) if one.before != one.after), None)
    is_ours = moved is None or moved.actor == SYSTEM
    begun = [
        one
        for one in children
        if (one.ticket.state in IN_TOUCH and is_ours)
        or (one.ticket.state in IN_TOUCH | FINISHED and one.since > parent.since)
    ]
    left = {one.ticket.state for one in children} - SETTLED
    way = path(parent.ticket.state, "waiting_customer" if left == {"waiting_customer"} else "in_progress")
    if not begun or not way:
        return ()
    return (walk(parent.ticket, way, actor=SYSTEM, at=at, given=Resolution(), reason="as far as its parts"),)


def _implied(ticket: Ticket, to: str, actor: str, at: datetime, given: Resolution) -> Step:
    """Moved because the whole was: every line says so."""
    reason = "with the whole case"
    step = walk(ticket, path(ticket.state, to) or (to,), actor=actor, at=at, given=given, reason=reason)
    return replace(step, moves=tuple(replace(one, implied=True) for one in step.moves))


def _handed_down(whole: Ticket, children: Sequence[Standing]) -> Callable[[Ticket], Resolution]:
    """Why and what, as the whole has it, for a part. Which of the graph's causes it was is said of one topic, so it
    goes to the one part that is about that.
    """

    def is_about_it(part: Ticket) -> bool:
        return part.playbook == whole.playbook if whole.playbook else part.topics[:1] == whole.topics[:1]

    heir = next((one.ticket.id for one in children if is_about_it(one.ticket)), None)
    return lambda part: Resolution(whole.root_cause, whole.action, whole.cause if part.id == heir else None)


def _joined(children: Sequence[Standing]) -> Resolution:
    """Why and what, as the parts have it; nothing while one of those that are done does not say."""
    done = [one.ticket for one in children if one.ticket.state in FINISHED]
    if not done or any(one.incomplete for one in done):
        return Resolution()
    return Resolution(
        _said([(one.part or "", one.root_cause or "") for one in done]),
        _said([(one.part or "", one.action or "") for one in done]),
    )


def _said(words: Sequence[tuple[str, str]]) -> str | None:
    """One text where all say the same; else each with its department before it."""
    texts = {text for _, text in words}
    whole = texts.pop() if len(texts) == 1 else "\n".join(f"{who}: {text}" for who, text in words)
    return whole[:MAX_WORDS] or None


def children_open(children: Iterable[Ticket], unopened: Sequence[str] = ()) -> Conflict | None:
    """The refusal of putting a case away over the heads of those who have its parts; None when nobody is left.

    ``unopened``: departments that have none yet, and nobody was told, see ``untold``.
    """
    left = [f"{one.id} ({one.state})" for one in children if one.state not in PUT_AWAY]
    left += [f"{one} (no ticket yet)" for one in unopened]
    if not left:
        return None
    return Conflict(f"Parts of this case are not closed: {', '.join(left)}.", code="children_open")
