"""One card for every chat robot: what it says, in zh-CN or English, with a customer's words made harmless.

Chat clients read markdown dialects that honour no escape sign in common. So characters that any of them acts on are
replaced by their full-width twins, "@" is followed by a zero-width joiner, and addresses are broken by a zero-width
space: the text still reads the same, and nothing in it is a mention, link, image, header or tag.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from chalicelib.domain.feedback import Feedback
from chalicelib.domain.outbound import Message
from chalicelib.domain.ticket import Ticket
from chalicelib.domain.understanding import Tag

_TWINS: Final = str.maketrans("<>[]*`#&_|~\\!{}", "＜＞［］＊｀＃＆＿｜～＼！｛｝")
_MENTION: Final = re.compile("([@＠])(?!\u200d)")
_SCHEME: Final = re.compile(":(?=//)")
_DOMAIN_DOT: Final = re.compile(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z])")
_KEPT_FORMAT: Final = "\u200d\u200b"  # joiners inside emoji, and our own marks

WORD_BUDGETS: Final = (1200, 600, 300, 150, 60, 0)  # characters of the customer's words, tried in turn
TAGS_SHOWN: Final = 6
EVIDENCE_SHOWN: Final = 40
LANGUAGES: Final = ("zh-CN", "en")

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "ticket.opened": ("新工单", "New ticket"),
    "ticket.updated": ("工单更新", "Ticket updated"),
    "ticket.escalated": ("工单升级", "Ticket escalated"),
    "ticket.resolved": ("工单已解决", "Ticket resolved"),
    "ticket.verified": ("客户确认已解决", "Customer confirmed the fix"),
    "ticket.reopened": ("工单重新打开", "Ticket reopened"),
    "ticket.closed": ("工单已关闭", "Ticket closed"),
    "alert.raised": ("预警", "Alert"),
    "feedback.scored": ("新反馈", "New feedback"),
    "feedback.revised": ("反馈有更新", "Feedback revised"),
    "followup.suggested": ("建议回访", "Follow-up suggested"),
    "recommendation.suggested": ("改进建议", "Recommendation"),
    "delivery.failed": ("推送失败", "Delivery failed"),
    "endpoint.disabled": ("推送已停用", "Endpoint disabled"),
    "low": ("低", "low"),
    "medium": ("中", "medium"),
    "high": ("高", "high"),
    "critical": ("紧急", "critical"),
    "severity": ("级别", "Severity"),
    "state": ("状态", "State"),
    "unit": ("门店", "Unit"),
    "touchpoint": ("触点", "Touchpoint"),
    "departments": ("责任部门", "Departments"),
    "scores": ("评分", "Scores"),
    "due": ("处理期限", "Due"),
    "customer": ("客户", "Customer"),
    "rule": ("规则", "Rule"),
    "named": ("涉及反馈", "Feedback named"),
    "swallowed": ("冷却期内合并", "Merged by cool-down"),
    "id": ("编号", "Id"),
    "words": ("客户原话", "In the customer's words"),
    "tags": ("标签", "Tags"),
    "positive": ("正面", "positive"),
    "negative": ("负面", "negative"),
    "neutral": ("中性", "neutral"),
    "open": ("查看工单", "Open the ticket"),
    "more": ("全文见工单", "full text on the ticket"),
}
_STATE_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "triage": ("待分派", "triage"),
    "open": ("待受理", "open"),
    "accepted": ("已受理", "accepted"),
    "in_progress": ("处理中", "in progress"),
    "waiting_customer": ("等待客户", "waiting for the customer"),
    "resolved": ("已解决", "resolved"),
    "verifying": ("回访确认中", "verifying"),
    "closed": ("已关闭", "closed"),
    "reopened": ("重新打开", "reopened"),
    "merged": ("已合并", "merged"),
    "rejected": ("已驳回", "rejected"),
}

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Card:
    """What a robot shows. Every text is harmless and on one line; ``quotes`` are the customer's words."""

    title: str
    severity: str
    facts: tuple[tuple[str, str], ...]  # label, value
    quotes_label: str
    quotes: tuple[str, ...] = field(repr=False)
    tags_label: str
    tags: tuple[str, ...] = field(repr=False)
    link: str  # empty: none
    link_label: str


def build(message: Message, lang: str, words: int = WORD_BUDGETS[0]) -> Card:
    """The card of an event, showing at most ``words`` characters of the customer's words."""

    def say(word: str) -> str:
        return _say(_WORDS, word, lang)

    severity = str(message.detail.get("severity") or (message.ticket.severity if message.ticket else "medium"))
    subject = message.ticket.title if message.ticket else ""
    title = " · ".join(part for part in (say(message.type), harmless(subject)) if part)
    quotes, cut = _quotes(message.feedback, words)
    if cut and message.link:
        quotes = (*quotes, f"（{say('more')}）" if lang == "zh-CN" else f"({say('more')})")
    return Card(
        title=clip(title, 120),
        severity=severity,
        facts=tuple((label, value) for label, value in _facts(message, severity, lang) if value),
        quotes_label=say("words"),
        quotes=quotes,
        tags_label=say("tags"),
        tags=_tags(message, lang) if words else (),
        link=message.link,
        link_label=say("open"),
    )


def fit(message: Message, lang: str, render: Callable[[Card], Body], size: Callable[[Body], int], limit: int) -> Body:
    """The body with as many of the customer's words as ``limit`` bytes hold. What else a card says always fits."""
    for words in WORD_BUDGETS:
        body = render(build(message, lang, words))
        if size(body) <= limit:
            break
    return body


def harmless(text: str) -> str:
    """One line that no chat client acts on. Doing it twice changes nothing."""
    kept = (_plain(char) for char in text)
    line = " ".join("".join(kept).translate(_TWINS).split())
    line = _MENTION.sub("\\1\u200d", line)
    line = _SCHEME.sub(":\u200b", line)
    return _DOMAIN_DOT.sub(".\u200b", line)


def clip(text: str, length: int) -> str:
    """At most ``length`` characters, ended by an ellipsis when cut, never inside what is seen as one character."""
    if len(text) <= length:
        return text
    end = max(length - 1, 0)
    while end > 0 and _joined(text, end):
        end -= 1
    return text[:end].rstrip() + "…" if length > 0 else ""


def _plain(char: str) -> str:
    """Control and format characters (bidi overrides among them) are no part of what a customer says."""
    if char in _KEPT_FORMAT:
        return char
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" else char


def _joined(text: str, at: int) -> bool:
    """Whether a cut before ``text[at]`` would take a mark, a modifier or half a flag off its base."""
    char, before = text[at], text[at - 1]
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Mc"):
        return True
    if "\u200d" in (char, before) or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    return _is_flag_half(char) and _flag_halves_before(text, at) % 2 == 1


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_halves_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag_half(text[at - count - 1]):
        count += 1
    return count


def _say(words: Mapping[str, tuple[str, str]], word: str, lang: str) -> str:
    zh, en = words.get(word, (word, word))
    return zh if lang == "zh-CN" else en


def _facts(message: Message, severity: str, lang: str) -> Iterator[tuple[str, str]]:
    def say(word: str) -> str:
        return _say(_WORDS, word, lang)

    detail = message.detail
    yield say("severity"), say(severity)
    if message.ticket:
        yield from _ticket_facts(message.ticket, lang)
    else:
        yield say("unit"), _short(detail.get("unit"))
        yield say("touchpoint"), _short(detail.get("touchpoint"))
    if message.feedback:
        yield say("scores"), _scores(message.feedback)
    if message.type == "alert.raised":
        yield say("rule"), _short(detail.get("rule"))
        yield say("named"), _short(detail.get("named"))
        yield say("swallowed"), _short(detail.get("swallowed") or "")
    yield say("customer"), _short(" ".join(message.customer.values()))
    yield say("id"), _short(message.ticket.id if message.ticket else message.delivery_id)


def _ticket_facts(ticket: Ticket, lang: str) -> Iterator[tuple[str, str]]:
    yield _say(_WORDS, "state", lang), _say(_STATE_WORDS, ticket.state, lang)
    yield _say(_WORDS, "unit", lang), _short(ticket.unit)
    yield _say(_WORDS, "touchpoint", lang), _short(ticket.touchpoint)
    yield _say(_WORDS, "departments", lang), _short("、".join(ticket.departments))
    yield _say(_WORDS, "due", lang), ticket.due_at.strftime("%Y-%m-%d %H:%M UTC") if ticket.due_at else ""


def _short(value: object) -> str:
    return clip(harmless(str(value)), 80) if value is not None else ""


def _scores(feedback: Feedback) -> str:
    return _short("  ".join(f"{score.kind.upper()} {score.value:g}/{score.high:g}" for score in feedback.scores[:4]))


def _quotes(feedback: Feedback | None, budget: int) -> tuple[tuple[str, ...], bool]:
    """What the customer said, in order, and whether something was left out."""
    if feedback is None:
        return (), False
    quotes: list[str] = []
    said = [harmless(text.text) for text in feedback.texts if text.speaker == "customer" and text.text.strip()]
    for text in said:
        if budget <= 0:
            break
        quotes.append(clip(text, budget))
        budget -= len(quotes[-1])
    return tuple(quotes), quotes != said


def _tags(message: Message, lang: str) -> tuple[str, ...]:
    """Topic, polarity and the words that say so, the surest first."""
    feedback = message.feedback
    if feedback is None:
        return ()
    surest = sorted(feedback.understanding.tags, key=lambda tag: -tag.confidence)[:TAGS_SHOWN]
    return tuple(dict.fromkeys(_tag(feedback, tag, message.topic_name(tag.topic, lang), lang) for tag in surest))


def _tag(feedback: Feedback, tag: Tag, name: str, lang: str) -> str:
    evidence = feedback.texts[tag.text].text[tag.start : tag.end] if tag.text < len(feedback.texts) else ""
    shown = clip(harmless(evidence), EVIDENCE_SHOWN)
    head = f"{_short(name)} {_say(_WORDS, tag.polarity, lang)}"
    return f"{head} “{shown}”" if shown else head
