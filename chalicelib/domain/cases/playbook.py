"""What to do about a topic 处置手册: steps, standard, reply, compensation limit, verification question. Pure.

Every text is a mapping ``{"zh-CN": …, "en": …}``. A playbook stands at a topic of the frame and holds for the topics
below it that have none of their own; a crossed red line has its own, whatever the topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from chalicelib.domain.voice.feedback import Feedback

LANGUAGES: Final = ("zh-CN", "en")
RED_LINE: Final = "red_line:"  # before the kind, where a topic's playbook has the topic's id

# What a reply may leave to be filled in by whoever sends it.
PLACEHOLDERS: Final[Mapping[str, str]] = {
    "customer": "how the customer is addressed",
    "unit": "our shop, hotel, branch or brand",
    "staff": "who writes, with their position",
    "phone": "where the writer is reached",
    "ticket_id": "the number of the case",
    "reference": "order, booking, flight or the last digits of an account",
    "item": "the product, dish, room, vehicle or service",
    "when": "when it happened",
    "next_contact": "when the customer hears from us next",
    "offer": "what is offered, within the limit",
}

Text = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one role may give in one case without asking. ``amount`` 0: nothing; else in ``currency``.

    ``currency`` is an ISO 4217 code, or ``points`` or ``miles`` of the company's own programme.
    """

    role: str
    names: Text
    amount: int
    currency: str = ""


class Chosen(NamedTuple):
    """Which playbook a ticket was opened or updated with."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Playbook:
    """``id`` is a topic's, or ``red_line:`` and a kind. ``version`` names these texts for ever.

    ``compensation`` says in words what ``limits`` say as data, and in which form it is given.
    """

    id: str
    version: str
    title: Text
    steps: tuple[Text, ...]  # in order; who does what by when
    standard: Text
    reply: Text  # a template: see PLACEHOLDERS
    compensation: Text
    question: Text  # yes or no; yes means that it is solved
    limits: tuple[Allowance, ...] = ()

    @property
    def chosen(self) -> Chosen:
        return Chosen(self.id, self.version)


class Playbooks:
    """Those in force in one frame. Of several with one id the last one counts."""

    def __init__(self, found: Iterable[Playbook] = ()) -> None:
        self.by_id: Mapping[str, Playbook] = {one.id: one for one in found}

    def of_topic(self, topic: str) -> Playbook | None:
        """The topic's own, or that of its nearest ancestor with one."""
        while topic:
            if topic in self.by_id:
                return self.by_id[topic]
            topic = topic.rpartition(".")[0]
        return None

    def of_red_line(self, kind: str) -> Playbook | None:
        return self.by_id.get(RED_LINE + kind)


class FrameWords(Protocol):
    """What a workspace's frame has to say; looked up when it is first asked for something."""

    def name(self, topic: str, lang: str) -> str: ...

    def playbooks(self) -> Playbooks: ...

    def department(self, about: str) -> str | None:
        """Whose a topic or, with RED_LINE before its kind, a red line is; None for what the frame knows no more."""


def choose(feedback: Feedback, playbooks: Callable[[], Playbooks]) -> Playbook | None:
    """What to do about a feedback: red lines first, then the topics complained of, in the order of the ticket's title.

    Where a topic below one of them is complained of too, that says it more exactly. Without a complaint what is named
    neither way counts; praise needs no playbook. ``playbooks`` is asked only when there is something to choose by.
    """
    understanding = feedback.understanding
    topics = [tag.topic for tag in understanding.tags if tag.polarity == "negative"]
    topics = topics or [tag.topic for tag in understanding.tags if tag.polarity == "neutral"]
    if not understanding.red_lines and not topics:
        return None
    shelf = playbooks()
    found = [shelf.of_red_line(kind) for kind in understanding.red_lines]
    found += [shelf.of_topic(_nearer(topic, topics)) for topic in topics]
    return next((one for one in found if one is not None), None)


def _nearer(topic: str, topics: Iterable[str]) -> str:
    """The topic, or the first of ``topics`` below it."""
    return next((other for other in topics if other.startswith(f"{topic}.")), topic)


def in_words(limits: Iterable[Allowance], form: Text) -> dict[str, str]:
    """Allowances for people, one text a language; ``form`` says in which form they are given."""
    known = tuple(limits)
    if not any(one.amount for one in known):
        words = dict(_NOTHING)
    else:
        words = {
            "zh-CN": "；".join(f"{one.names['zh-CN']}{_sum(one, 'zh-CN')}" for one in known) + "。",
            "en": "; ".join(f"{one.names['en']} {_sum(one, 'en')}" for one in known) + ".",
        }
    return {"zh-CN": words["zh-CN"] + form.get("zh-CN", ""), "en": f"{words['en']} {form.get('en', '')}".rstrip()}


def said(text: Text, lang: str) -> str:
    """The text in ``lang``; in another language where that one is missing; empty without any."""
    return text.get(lang) or next((text[other] for other in LANGUAGES if text.get(other)), "")


def spoken(one: Playbook, lang: str | None) -> dict[str, Any]:
    """As data for people: each text in ``lang``, or in every language when none is asked for."""

    def say(text: Text) -> Any:
        return text[lang] if lang else dict(text)

    return {
        "id": one.id,
        "version": one.version,
        "title": say(one.title),
        "steps": [say(step) for step in one.steps],
        "standard": say(one.standard),
        "reply": say(one.reply),
        "compensation": say(one.compensation),
        "limits": [
            {"role": limit.role, "name": say(limit.names), "amount": limit.amount, "currency": limit.currency or None}
            for limit in one.limits
        ],
        "question": say(one.question),
    }


_NOTHING: Final[Text] = {"zh-CN": "不作补偿。", "en": "No compensation."}


def _sum(one: Allowance, lang: str) -> str:
    if not one.amount:
        return "无权限" if lang == "zh-CN" else "none"
    if lang == "zh-CN":
        return f"不超过 {one.amount} {_UNITS.get(one.currency, one.currency)}"
    amount = f"{one.amount:,}"
    return f"up to {amount} {one.currency}" if one.currency.islower() else f"up to {one.currency} {amount}"


_UNITS: Final[Mapping[str, str]] = {"CNY": "元", "HKD": "港元", "USD": "美元", "points": "积分", "miles": "里程"}
