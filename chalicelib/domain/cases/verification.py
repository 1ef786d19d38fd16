"""Whether a resolution holds is for the customer to say 效果验收: one question, and what its answer does. Pure.

The customer is asked once for each resolution. The first answer decides. Another one counts only where it takes the
case up again: nobody is talked out of "not solved", and "solved" may turn out to be wrong. Silence is no consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.cases.playbook import Playbook, Text
from chalicelib.domain.cases.ticket import CUSTOMER, SYSTEM, Resolution, Step, Ticket, history_line, legal_moves, walk
from chalicelib.domain.cases.ticket_title import language
from chalicelib.domain.ids import digest
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.errors import Conflict, Invalid

SOLVED, NOT_SOLVED = "solved", "not_solved"
ANSWERS: Final = (SOLVED, NOT_SOLVED)
EVENT: Final = "verification.asked"
ANSWERABLE: Final = frozenset({"resolved", "verifying", "closed"})
QUESTION: Final[Text] = {"zh-CN": "您反映的问题解决了吗？", "en": "Has the problem that you told us about been solved?"}
MOST_WAIT: Final = 30  # days until silence closes a case
MOST_CHANGE: Final = 30  # days in which a closed case is taken up again by an answer
MOST_NOTES: Final = 5  # that one answer may bring: a link is anybody's who has it, and must not fill a ticket
# Of a link to the question: longer than a case can wait for its answer. When it still counts the ticket says.
LIFETIME: Final = timedelta(days=MOST_WAIT + MOST_CHANGE)

_AS_SAID: Final = {SOLVED: "satisfied", NOT_SOLVED: "unsatisfied"}


@dataclass(frozen=True, slots=True)
class Rules:
    """How a workspace asks. ``version`` is the optimistic lock, 0 before anybody has changed anything.

    ``question`` is asked where the ticket has no playbook; None: ours.
    """

    version: int = 0
    enabled: bool = True
    wait_days: int = 3
    change_days: int = 7
    question: Text | None = None
    changed_at: datetime | None = None
    by: str | None = None

    @property
    def wait(self) -> timedelta:
        return timedelta(days=self.wait_days)

    @property
    def changeable(self) -> timedelta:
        return timedelta(days=self.change_days)


@dataclass(frozen=True, slots=True)
class Ask:
    """The one question, for whoever puts it to the customer. ``url`` is the page to answer on; empty: there is none."""

    question: Text
    lang: str  # the customer's, zh-CN or en
    answer_by: datetime
    url: str = field(default="", repr=False)


def question_of(playbook: Playbook | None, rules: Rules) -> Text:
    """Yes or no; yes means that it is solved."""
    found: Mapping[str, str] | None = playbook.question if playbook else None
    return found or rules.question or QUESTION


def language_of(feedback: Feedback | None) -> str:
    """The language in which the customer wrote, of those that we speak."""
    return language(feedback) if feedback else "zh-CN"


def is_answered(ticket: Ticket) -> bool:
    """Whether the customer is satisfied with a resolution that could not be closed when they said so."""
    return ticket.state in ("resolved", "verifying") and ticket.verification == "satisfied"


def asked(ticket: Ticket, at: datetime, answer_by: datetime) -> Step:
    """The resolved ticket, with its customer being asked. Raises Conflict (``illegal_move``)."""
    step = walk(ticket, ("verifying",), actor=SYSTEM, at=at, given=Resolution(), reason=EVENT)
    return Step(replace(step.ticket, asked_at=at, answer_by=answer_by, change="asked"), step.moves)


def unanswered(ticket: Ticket, at: datetime) -> Step:
    """Closed without the customer's word: ``no_answer`` where they were asked, ``not_asked`` where nobody was.

    Raises Conflict (``illegal_move``), Invalid (``resolution_incomplete``).
    """
    word = "no_answer" if ticket.state == "verifying" else "not_asked"
    step = walk(ticket, _way_to_closed(ticket), actor=SYSTEM, at=at, given=Resolution(), reason=word)
    return Step(replace(step.ticket, verification=word), step.moves)


def settled(ticket: Ticket, at: datetime) -> Step:
    """Closed as the customer had said before it could be. Raises as ``unanswered``."""
    return walk(ticket, _way_to_closed(ticket), actor=SYSTEM, at=at, given=Resolution(), reason=ticket.verification)


def answered(
    ticket: Ticket,
    answer: str,
    *,
    at: datetime,
    via: str,
    changeable: timedelta,
    number: int | None = None,
    parts_open: bool = False,
) -> Step | None:
    """What the customer's answer does; None where it is the one that is known.

    ``via``: who told us, a key, an endpoint or our page. ``number``: which resolution it is about (``reopened`` at the
    time); None: the newest. ``parts_open``: a part of the case is worked on, so that ``solved`` is kept and closes
    nothing yet. Raises Invalid (``unknown_answer``), Conflict: ``nothing_to_verify`` (nobody says that it
    is solved), ``already_answered``, ``answer_late``.
    """
    if answer not in ANSWERS:
        raise Invalid("An answer is solved or not_solved.", code="unknown_answer", pointer="/answer")
    unsatisfied = ticket.verification == "unsatisfied"
    if number is not None and number != ticket.reopened - unsatisfied:
        raise _late()
    if unsatisfied:
        if answer == NOT_SOLVED:
            return None
        raise Conflict("The customer has said that it is not solved.", code="already_answered")
    if ticket.state not in ANSWERABLE:
        raise Conflict("Nobody has said that this case is solved.", code="nothing_to_verify")
    if _AS_SAID[answer] == ticket.verification:
        return None
    if ticket.state == "closed" and at >= (ticket.answered_at or ticket.closed_at or ticket.updated_at) + changeable:
        raise _late()
    is_closable = not (ticket.incomplete or parts_open)
    step = _reopened(ticket, at, via) if answer == NOT_SOLVED else _confirmed(ticket, at, via, is_closable=is_closable)
    return Step(replace(step.ticket, verification=_AS_SAID[answer], answered_at=at), step.moves)


def note_ids(ticket: Ticket, *, late: bool = False) -> tuple[str, ...]:
    """Of the notes that words become which came with an answer, those of a ``late`` one that decides nothing too.

    They sort by time. There are MOST_NOTES for each answer, and for each version of the ticket that was late.
    """
    at = ticket.updated_at if late else ticket.answered_at or ticket.updated_at
    since = int(at.timestamp() * 1000)
    mark = digest("late" if late else "answer", ticket.workspace, ticket.id, length=16)
    return tuple(f"nt_{since + number:012x}{mark}" for number in range(MOST_NOTES))


def _reopened(ticket: Ticket, at: datetime, via: str) -> Step:
    return walk(ticket, ("reopened",), actor=CUSTOMER, at=at, given=Resolution(), reason=_reason(NOT_SOLVED, via))


def _confirmed(ticket: Ticket, at: datetime, via: str, *, is_closable: bool) -> Step:
    """Closed with it, unless it is closed, or something is to be done first: that is no business of the customer's."""
    reason = _reason(SOLVED, via)
    if ticket.state != "closed" and is_closable:
        return walk(ticket, _way_to_closed(ticket), actor=CUSTOMER, at=at, given=Resolution(), reason=reason)
    change = "verified" if ticket.state == "closed" else "updated"
    newer = replace(ticket, version=ticket.version + 1, updated_at=at, change=change)
    return Step(newer, (history_line(ticket, newer, actor=CUSTOMER, reason=reason),))


def _way_to_closed(ticket: Ticket) -> tuple[str, ...]:
    return ("closed",) if "closed" in legal_moves(ticket) else ("verifying", "closed")


def _reason(answer: str, via: str) -> str:
    return f"{answer}, {via}"


def _late() -> Conflict:
    return Conflict("This question is not open any more.", code="answer_late")
