"""A reading: our tagging of one revision. Revisions count what the customer sent, readings what we made of it.

A new reading decides anew and loses nothing that was done: ticket, times and reasons stay. What an analyst said of the
words stands until the words themselves change; a frame that no longer has one of the topics is the only exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.events import lapsed_actions, wanted_actions
from chalicelib.domain.voice.feedback import Decision, Feedback
from chalicelib.domain.voice.understanding import Tag, Understanding
from chalicelib.domain.workspaces import rules
from chalicelib.domain.workspaces.rules import Rule

ANALYST: Final = "analyst"  # the producer of a tag that a person gave
_AWAITED: Final = frozenset({"ticket", "alert"})  # actions that a worker reports back on


class Topic(Protocol):
    """One node of a code frame, see ``understanding/frame.py``."""

    @property
    def department(self) -> str: ...

    @property
    def need(self) -> str: ...


class RedLine(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def department(self) -> str: ...


class CodeFrame(Protocol):
    """What is asked of a workspace's frame."""

    @property
    def version(self) -> str: ...

    @property
    def by_id(self) -> Mapping[str, Any]:
        """Node id → ``Topic``."""

    @property
    def red_lines(self) -> Sequence[Any]:
        """``RedLine`` values."""


def is_readable(feedback: Feedback) -> bool:
    """Whether there are words to be read: not parked, not deleted at its source."""
    return feedback.reading > 0 and not feedback.deleted


def next_reading(
    stored: Feedback, understanding: Understanding, in_force: Iterable[Rule], frame: CodeFrame, at: datetime
) -> Feedback:
    """The next reading of the same revision, decided by the rules in force; ``stored`` itself when it says the same.

    An analyst's tags outlive ``understanding`` unless that is a correction itself. Only another reading is decided
    anew: a rule that was edited meanwhile does not reach back for what nobody read differently.
    """
    read = understanding if understanding.correction else kept(stored.understanding, understanding, frame)
    if not is_readable(stored) or (says(read) == says(stored.understanding) and not understanding.correction):
        return stored
    fresh = replace(stored, understanding=read, reading=stored.reading + 1, understood_at=at)
    return decided(fresh, rules.merge_reasons(stored.decision, rules.decide(in_force, fresh)), at)


def decided(feedback: Feedback, decision: Decision, at: datetime) -> Feedback:
    """With its outcome, and waiting for what workers have to do about it.

    A ticket must also hear that nothing asks for it any more.
    """
    told = {*wanted_actions(decision), *({"ticket"} & set(lapsed_actions(decision)))}
    awaiting = frozenset(told) & _AWAITED
    return replace(feedback, decision=decision, awaiting=awaiting, awaiting_since=at if awaiting else None)


def says(understanding: Understanding) -> tuple[Any, ...]:
    """What anybody acts on. A probability that moved, or a new frame that says the same, is no new reading."""
    return (
        tuple((tag.topic, tag.polarity, tag.text, tag.start, tag.end) for tag in understanding.tags),
        understanding.red_lines,
        understanding.intents,
        understanding.lang,
        understanding.departments,
        understanding.actionability,
        understanding.effort,
        understanding.emotion,
        understanding.behaviour,
        understanding.review,
        understanding.polarity is not None and round(understanding.polarity, 3) >= 0.5,  # as it is stored
    )


def kept(known: Understanding, fresh: Understanding, frame: CodeFrame) -> Understanding:
    """``fresh`` with an analyst's tags in the place of its own.

    Where the frame no longer has a topic that the analyst gave, the fresh tags of those words stand in, with the fresh
    doubts: somebody should look again.
    """
    if known.correction is None:
        return fresh
    mine = tuple(tag for tag in known.tags if tag.topic in frame.by_id)
    lost = [tag for tag in known.tags if tag.topic not in frame.by_id]
    instead = tuple(tag for tag in fresh.tags if _overlaps(tag, lost) and not _overlaps(tag, mine))
    tags = tuple(sorted((*mine, *instead), key=lambda tag: (tag.text, tag.start, tag.end, tag.topic)))
    sure = [tag for tag in tags if tag.producer == ANALYST or _department(tag, frame) in fresh.departments]
    return fresh._replace(
        tags=tags,
        red_lines=known.red_lines,
        intents=known.intents,
        departments=departments(known.red_lines, sure, frame),
        review=fresh.review if lost else (),
        correction=known.correction,
    )


def departments(red_lines: Sequence[str], tags: Iterable[Tag], frame: CodeFrame) -> tuple[str, ...]:
    """Who has to mend what went wrong: whose red line it is first, then in the order in which it is told."""
    crossed = [line.department for line in frame.red_lines if line.kind in red_lines]
    negative = [_department(tag, frame) for tag in tags if tag.polarity == "negative"]
    return tuple(dict.fromkeys(name for name in (*crossed, *negative) if name))


def _department(tag: Tag, frame: CodeFrame) -> str | None:
    node = frame.by_id.get(tag.topic)
    return node.department if node is not None else None


def _overlaps(tag: Tag, others: Iterable[Tag]) -> bool:
    return any(tag.text == one.text and tag.start < one.end and one.start < tag.end for one in others)
