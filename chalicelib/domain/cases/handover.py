"""Who has a case: taking it, handing it on, and how long it lay with whom. Pure.

What it lay with whom is read from the history alone: each line names who had the ticket from there on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from chalicelib.domain.cases.ticket import (
    SETTLED,
    SYSTEM,
    TAKEN,
    WITH_THE_OWNER,
    Move,
    Step,
    Ticket,
    history_line,
    legal_moves,
    move,
)
from chalicelib.errors import Conflict, Invalid

_WAITING: Final = "waiting_customer"
MOST_BOUNCES: Final = 2  # with one more it goes up the line, and so with each after it


@dataclass(frozen=True, slots=True)
class Hands:
    """Who has a ticket. ``owner`` None: nobody in the department yet."""

    owner: str | None
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handover:
    """From whom to whom one line of the history brought the ticket."""

    before: Hands
    after: Hands


def claimed(ticket: Ticket, owner: str, *, actor: str, at: datetime) -> Step | None:
    """The ticket taken by ``owner``: accepted, unless it was already; None when it is theirs and accepted.

    Raises Conflict: ``already_claimed`` when somebody else has taken it, ``illegal_move`` where nobody can take it.
    """
    if ticket.state in WITH_THE_OWNER:
        if ticket.owner == owner:
            return None
        if ticket.owner is not None:
            raise Conflict("Somebody else has taken this ticket.", code="already_claimed")
        return _step(ticket, _next(replace(ticket, owner=owner), at), actor=actor, reason=None)
    return _step(ticket, move(replace(ticket, owner=owner), "accepted", at), actor=actor, reason=None)


def reassigned(
    ticket: Ticket, *, department: str | None, owner: str | None, actor: str, at: datetime, reason: str
) -> Step:
    """The ticket in other hands; who had taken it has it no more, and whoever gets it accepts it anew.

    Another department takes it without an owner unless one is named, and keeps it whatever is read of the words
    later. That is a bounce, and so is any handover by or over the head of who had taken it. The department that has it
    already, the first one, may get it for itself alone: that is none.
    Raises Conflict (``illegal_move``) when it is settled, Invalid (``nothing_changes``) when they have it already.
    """
    if ticket.state in SETTLED:
        raise Conflict(
            f"A ticket that is {ticket.state} cannot be handed over.", code="illegal_move", allowed=legal_moves(ticket)
        )
    departments = (department,) if department else ticket.departments
    moves_on = departments[:1] != ticket.departments[:1]
    then = Hands(owner or (None if moves_on else ticket.owner), departments)
    if then == Hands(ticket.owner, ticket.departments):
        raise Invalid("It is with them already.", code="nothing_changes")
    taken_away = ticket.state in WITH_THE_OWNER and ticket.owner not in (None, then.owner)
    bounced = moves_on or taken_away
    newer = replace(
        _next(ticket, at),
        owner=then.owner,
        departments=then.departments,
        assigned=ticket.assigned or departments != ticket.departments,
        bounced=ticket.bounced + bounced,
        state="open" if bounced and ticket.state in TAKEN else ticket.state,
    )
    return _step(ticket, newer, actor=actor, reason=reason)


def handed_on(ticket: Ticket, owner: str, *, at: datetime) -> Step:
    """The ticket of somebody who is gone with ``owner``, who accepts it anew: no bounce, nobody gave it back."""
    state = "open" if ticket.state in TAKEN else ticket.state
    newer = replace(_next(ticket, at), owner=owner, state=state)
    reason = f"{ticket.owner} is no longer in the organisation: to {owner}"
    return _step(ticket, newer, actor=SYSTEM, reason=reason)


def goes_up(ticket: Ticket) -> bool:
    """Whether it was handed round once too often since who stands above was last told."""
    return ticket.state not in SETTLED and ticket.bounced > max(MOST_BOUNCES, ticket.bounce_told)


def told_of(ticket: Ticket, superior: str | None, *, at: datetime) -> Step:
    """The bounced ticket with who stands above its owner: they have it now. Without anybody it stays where it is."""
    told = (superior,) if superior and superior not in ticket.escalated_to else ()
    newer = replace(
        _next(ticket, at),
        owner=superior or ticket.owner,
        escalated_to=(*ticket.escalated_to, *told),
        bounce_told=ticket.bounced,
        change="escalated",
        about="bounced",
    )
    whom = f"to {superior}" if superior else "nobody stands above"
    return _step(ticket, newer, actor=SYSTEM, reason=f"bounced {ticket.bounced} times: {whom}")


def handovers(moves: Sequence[Move]) -> Mapping[int, Handover]:
    """The lines, by version, that brought the ticket into other hands. Lines of before hands were kept count for none.

    ``moves`` is the whole history, oldest first.
    """
    found: dict[int, Handover] = {}
    for earlier, line in pairwise(moves):
        if earlier.departments is None or line.departments is None:
            continue
        before, after = Hands(earlier.owner, earlier.departments), Hands(line.owner, line.departments)
        if before != after:
            found[line.version] = Handover(before, after)
    return found


def time_in_queue(moves: Sequence[Move], now: datetime, *, otherwise: tuple[str, ...] = ()) -> Mapping[str, int]:
    """Whole seconds that each department has had the ticket, by the calendar's clock.

    What is settled lies with nobody, and what waits for the customer is not the department's time. ``otherwise``:
    who had it on lines of before that was kept. A ticket of two departments lies with both.
    """
    spent: dict[str, float] = {}
    had = otherwise
    ends = [*(line.at for line in moves), now][1:]
    for line, end in zip(moves, ends, strict=True):
        had = line.departments if line.departments is not None else had
        if line.after in SETTLED or line.after == _WAITING:
            continue
        for department in had:
            spent[department] = spent.get(department, 0.0) + max(0.0, (end - line.at).total_seconds())
    return {department: int(seconds) for department, seconds in spent.items()}


def _next(ticket: Ticket, at: datetime) -> Ticket:
    return replace(ticket, version=ticket.version + 1, updated_at=at, change="updated")


def _step(before: Ticket, after: Ticket, *, actor: str, reason: str | None) -> Step:
    return Step(after, (history_line(before, after, actor=actor, reason=reason),))
