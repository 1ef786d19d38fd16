"""One card that names many events: a line each, with how grave, what, where, by when, and its page or else its id.

Nothing of a customer's words is in it but what a ticket's title has of them, made harmless as in ``cards``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from chalicelib.connectors import cards
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.vocabulary import SEVERITIES

LINE: Final = 110  # characters of one line without its id
_GRAVE: Final = ("critical", "high")  # counted in the title

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Line:
    """One event. ``text`` is harmless and on one line."""

    severity: str
    text: str
    link: str  # empty: none


@dataclass(frozen=True, slots=True)
class BundleCard:
    """``lines`` are as the messages were given: the most urgent first."""

    title: str
    severity: str  # the highest of them
    lines: tuple[Line, ...]
    link_label: str


def build(messages: Sequence[Message], lang: str) -> BundleCard:
    """The card that names all of them."""
    lines = tuple(_line(message, lang) for message in messages)
    counts = Counter(line.severity for line in lines)
    by_severity = {cards.severity_word(message, lang): _severity(message) for message in messages}
    grave = [f"{word} {counts[one]}" for word, one in by_severity.items() if one in _GRAVE]
    head = f"{len(lines)} 条消息合并发送" if lang == "zh-CN" else f"{len(lines)} messages in one"
    return BundleCard(
        title=" · ".join([head, *grave]),
        severity=max(counts, key=SEVERITIES.index),
        lines=lines,
        link_label="查看" if lang == "zh-CN" else "Open",
    )


def fit(
    messages: Sequence[Message],
    lang: str,
    render: Callable[[BundleCard], Body],
    size: Callable[[Body], int],
    limit: int,
) -> tuple[Body, int]:
    """The body that names the first of them, as many as ``limit`` bytes hold, and how many: one always fits."""
    low, high = 1, len(messages)
    while low < high:
        middle = (low + high + 1) // 2
        if size(render(build(messages[:middle], lang))) <= limit:
            low = middle
        else:
            high = middle - 1
    return render(build(messages[:low], lang)), low


def _line(message: Message, lang: str) -> Line:
    """How grave, what, where, by when, and where no page of ours says it, its id."""
    told = (cards.headline(message, lang, LINE), "" if message.link else cards.subject_id(message))
    return Line(_severity(message), " · ".join(part for part in told if part), message.link)


def _severity(message: Message) -> str:
    told = message.ticket.severity if message.ticket else str(message.detail.get("severity") or "medium")
    return told if told in SEVERITIES else "medium"
