"""One card for every target: what it says, in zh-CN or English, with the words of others made harmless.

The first line alone answers what, where and by when; at most four lines follow it, then a button. Each robot's file
renders the one model within its vendor's size; ``plain_text`` and ``headline`` are for systems that keep items.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from chalicelib.connectors import deadlines
from chalicelib.connectors.card_words import ISSUE_STATES, LANGUAGES, LEVELS, STATES, say
from chalicelib.connectors.harmless import clip, excerpt, harmless, tail
from chalicelib.domain.alerts.alert import NO_TOPIC
from chalicelib.domain.cases.graph import QUESTION
from chalicelib.domain.cases.playbook import said
from chalicelib.domain.cases.ticket import PART_MISSING, SETTLED, lacking, title_in
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.time.clocks import CLOCKS
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Tag
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.understanding import called

__all__ = ["LANGUAGES", "Card", "build", "clip", "fit", "harmless", "headline", "plain_text"]

WORD_BUDGETS: Final = (1200, 600, 300, 150, 60, 0)  # characters of the customer's words, tried in turn
CHAT_BUDGETS: Final = (180, 90, 60, 0)  # idem, where they are one line among five
TITLE: Final = 120  # characters of the first line
TAGS_SHOWN: Final = 6
EVIDENCE_SHOWN: Final = 40
MARKED: Final = 3  # pieces of evidence that are marked in the words
STEPS_SHOWN: Final = 2
WAY: Final = 120  # characters of why and whose
_LEAST_EXCERPT: Final = 16
_LEAST_PLACE: Final = 8  # characters that a first line must have left for what and where
_SHORT: Final = 80
_SHORT_LINE: Final = 40  # characters for what and where that are too few for a title
_IN_TITLE: Final = ("severity", "unit", "due")
_LAST: Final = ("customer", "id")
_OWN_ID: Final = re.compile(r"[A-Za-z0-9]+_[A-Za-z0-9]+")  # no dialect acts on one "_" within a word

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of an event. Every text is harmless and on one line; ``quotes`` are the customer's words.

    ``facts`` are all there are, ``brief`` those that the first line does not tell: label and value.
    """

    title: str  # the first line
    severity: str
    facts: tuple[tuple[str, str], ...]
    brief: tuple[tuple[str, str], ...]
    quotes_label: str
    quotes: tuple[str, ...] = field(repr=False)  # evidence stands between marks, see harmless.OPEN
    cut: str  # says where the whole is; empty: nothing was cut
    tags_label: str
    tags: tuple[str, ...] = field(repr=False)
    history_label: str
    history: tuple[str, ...]
    playbook_label: str
    playbook: tuple[str, ...] = field(repr=False)
    link: str  # empty: none
    link_label: str

    @property
    def lines(self) -> tuple[str, ...]:
        """What follows the first line: words, facts, history, playbook, as far as there are any."""
        words = f"“{' ／ '.join(self.quotes)}”{self.cut}" if self.quotes else self.cut
        told = (
            words,
            " · ".join(f"{label} {value}" for label, value in self.brief),
            f"{self.history_label} {' · '.join(self.history)}" if self.history else "",
            f"{self.playbook_label} {' · '.join(self.playbook)}" if self.playbook else "",
        )
        return tuple(line for line in told if line)


def build(message: Message, lang: str, words: int = WORD_BUDGETS[0]) -> Card:
    """The card of an event, showing at most ``words`` characters of the customer's words."""
    facts = [(name, value) for name, value in _facts(message, lang) if value]
    quotes, cut = _quotes(message.feedback, words)
    return Card(
        title=_title(message, lang),
        severity=_severity(message),
        facts=tuple((say(name, lang), value) for name, value in facts),
        brief=tuple((say(name, lang), value) for name, value in _brief(message, facts, lang)),
        quotes_label=say("words", lang),
        quotes=quotes,
        cut=say("more", lang) if cut and message.link else "",
        tags_label=say("tags", lang),
        tags=_tags(message, lang) if words else (),
        history_label=say("history", lang),
        history=tuple(_history(message, lang)),
        playbook_label=say("playbook", lang),
        playbook=tuple(_playbook(message, lang)),
        link=message.link,
        link_label=say("button", lang),
    )


def fit(
    message: Message,
    lang: str,
    render: Callable[[Card], Body],
    size: Callable[[Body], int],
    limit: int,
    *,
    budgets: Iterable[int] = CHAT_BUDGETS,
) -> Body:
    """The body with as many of the customer's words as ``limit`` bytes hold. What else a card says always fits."""
    for words in budgets:
        body = render(build(message, lang, words))
        if size(body) <= limit:
            break
    return body


def headline(message: Message, lang: str, limit: int) -> str:
    """What, where, by when: one harmless line of at most ``limit`` characters, true whenever it is read."""
    return _line(message, lang, limit, what=_what(message, lang), when=when_words(message, lang))


def plain_text(message: Message, lang: str, limit: int) -> str:
    """The whole card as lines of harmless text, at most ``limit`` characters; the customer's words give way first."""

    def render(card: Card) -> str:
        lines = [headline(message, lang, TITLE), *(f"{label}: {value}" for label, value in card.facts)]
        if card.quotes or card.cut:
            lines += [f"{card.quotes_label}: {card.cut}".rstrip(), *(f"“{quote}”" for quote in card.quotes)]
        if card.tags:
            lines += [f"{card.tags_label}:", *card.tags]
        if card.history:
            lines.append(f"{card.history_label}: {' · '.join(card.history)}")
        if card.playbook:
            lines.append(f"{card.playbook_label}: {' · '.join(card.playbook)}")
        return "\n".join([*lines, *([f"{card.link_label}: {card.link}"] if card.link else [])])

    return clip(fit(message, lang, render, len, limit, budgets=WORD_BUDGETS), limit)


def ticket_title(message: Message, lang: str) -> str:
    """The ticket's title in the reader's language; empty without a ticket."""
    return harmless(title_in(message.ticket, lang)) if message.ticket else ""


def severity_word(message: Message, lang: str) -> str:
    """How grave it is, in the reader's language."""
    return say(_severity(message), lang)


def state_word(message: Message, lang: str) -> str:
    """The ticket's state in the reader's language; empty without a ticket."""
    return say(message.ticket.state, lang, STATES) if message.ticket else ""


def due_words(message: Message, lang: str) -> str:
    """By when, with its date; empty where the ticket names no time."""
    ticket = message.ticket
    if ticket is None or ticket.due_at is None:
        return ""
    return deadlines.dated(ticket.due_at, message.time_zone, lang, since=ticket.opened_at)


def clock_words(message: Message, lang: str) -> str:
    """Which promise a reminder or an escalation is about, and by when it was to be kept; empty for other events."""
    ticket, name = message.ticket, str(message.detail.get("reason") or "")
    if ticket is None or message.type not in ("ticket.reminded", "ticket.escalated"):
        return ""
    if name == "bounced":
        return say("bounced", lang).format(ticket.bounced)
    if name == PART_MISSING:
        return say("unopened", lang).format(unopened_words(message, lang)) if ticket.unopened else ""
    clock = ticket.clocks.named().get(name) if ticket.clocks else None
    if clock is None or clock.due_at is None:
        return say(name, lang) if name in CLOCKS else ""
    return f"{say(name, lang)} {deadlines.dated(clock.due_at, message.time_zone, lang, since=ticket.opened_at)}"


def lacking_words(message: Message, lang: str) -> str:
    """What a resolution does not say; empty where nothing is missing."""
    names = lacking(message.ticket) if message.ticket else ()
    return _comma(lang).join(say(name, lang) for name in names)


def unopened_words(message: Message, lang: str) -> str:
    """The departments that have a part of the case and no ticket."""
    names = message.ticket.unopened if message.ticket else ()
    return _comma(lang).join(harmless(called.department(one, lang)) for one in names)


def what_words(message: Message, lang: str) -> str:
    """What it is about, of any event."""
    return _what(message, lang)


def where_word(message: Message, lang: str) -> str:
    """The unit, else the touchpoint."""
    return unit_word(message) or touchpoint_word(message, lang)


def touchpoint_word(message: Message, lang: str) -> str:
    """What the touchpoint is called; empty where nothing says which it was."""
    touchpoint = message.ticket.touchpoint if message.ticket else message.detail.get("touchpoint")
    return harmless(called.touchpoint(str(touchpoint), lang)) if touchpoint else ""


def department_words(message: Message, lang: str) -> str:
    """What the ticket's departments are called."""
    departments = message.ticket.departments if message.ticket else ()
    return _comma(lang).join(harmless(called.department(role, lang)) for role in departments)


def when_words(message: Message, lang: str) -> str:
    """By when; of what is settled its state, of an alert how many it names."""
    if _is_over(message):
        return state_word(message, lang)
    return due_words(message, lang) or _count(message, lang)


def subject_id(message: Message) -> str:
    """The id of the ticket, alert or feedback, as it stands: it can be copied. Empty for what has none yet."""
    names = ("issue_id", "alert_id", "feedback_id")
    told = next((message.detail[name] for name in names if message.detail.get(name)), "")
    named = message.ticket.id if message.ticket else str(told)
    return named if _OWN_ID.fullmatch(named) else ""


def score_words(message: Message) -> str:
    """The scores that the customer gave, with their scales."""
    return _scores(message.feedback) if message.feedback else ""


def unit_word(message: Message) -> str:
    """Where it was, as far as anything says so: by its name, else by its id."""
    return harmless(message.unit_name) or unit_id(message)


def unit_id(message: Message) -> str:
    """The unit as other systems know it: what a field of theirs is chosen by."""
    unit = message.ticket.unit if message.ticket else message.detail.get("unit")
    return harmless(called.readable(str(unit))) if unit and unit != NO_UNIT else ""


def customer_words(message: Message, budget: int = WORD_BUDGETS[0]) -> str:
    """At most ``budget`` characters of what the customer said, on one line, nothing marked."""
    return " ".join(_quotes(message.feedback, budget, marked=False)[0])


# --- the first line ---------------------------------------------------------------------------------------------


def _title(message: Message, lang: str) -> str:
    """The first line of what is read now: the deadline is said as seen from now, and what happened if it is news."""
    what, when = _what(message, lang), ""
    if message.ticket and message.type != "ticket.opened":
        what = f"{say(message.type, lang)}{'：' if lang == 'zh-CN' else ': '}{what}"
    if message.ticket and message.ticket.due_at and not _is_over(message):
        when = deadlines.near(message.ticket.due_at, message.now, message.time_zone, lang)
    elif message.ticket is None:
        when = _count(message, lang)
    return _line(message, lang, TITLE, what=what, when=when)


def _line(message: Message, lang: str, limit: int, *, what: str, when: str) -> str:
    """``【紧急】what · where · when`` in ``limit`` characters: what and where give way, when does not."""
    severity = severity_word(message, lang)
    head = f"【{severity}】" if lang == "zh-CN" else f"{severity.upper()} · "
    where = where_word(message, lang)
    for start in (head, ""):
        rest = limit - len(start) - (len(when) + 3 if when else 0) - (3 if where else 0)
        if rest >= _LEAST_PLACE:
            break
    else:
        return clip(" · ".join(part for part in (what, where, when) if part), limit)
    if len(what) + len(where) > rest and rest < _SHORT_LINE:
        what = _topic_words(message, lang) or what  # the score in a title is the first that a short line can miss
    room = min(len(where), max(rest // 3, rest - len(what)))
    cut = tail if UNIT_SEPARATOR in where else clip
    return start + " · ".join(part for part in (clip(what, rest - room), cut(where, room), when) if part)


def _what(message: Message, lang: str) -> str:
    """The ticket's title; of an event without one its name, and what it is about."""
    if message.ticket:
        return ticket_title(message, lang) or say(message.type, lang)
    detail = message.detail
    topic = str(detail.get("topic") or NO_TOPIC)
    rule = _rule(message, lang)
    about = harmless(message.topic_name(topic, lang)) if topic != NO_TOPIC else ""
    return " ".join(part for part in (say(message.type, lang), rule, about, _short(detail.get("week") or "")) if part)


def _rule(message: Message, lang: str) -> str:
    rule = str(message.detail.get("rule") or "")
    said = say(rule, lang)
    return _short(called.readable(rule) if said == rule else said)


def _count(message: Message, lang: str) -> str:
    """How many voices an alert names, and how many of them had to wait for it."""
    named = message.detail.get("named") if message.ticket is None else None
    merged = message.detail.get("swallowed")
    if not named:
        return ""
    word = "count_merged" if merged and named != 1 else "count_one" if named == 1 else "count"
    return say(word, lang).format(_short(named), _short(merged))


def _topic_words(message: Message, lang: str) -> str:
    """What the ticket is about, without anything else."""
    topics = message.ticket.topics if message.ticket else ()
    return _comma(lang).join(harmless(message.topic_name(topic, lang)) for topic in topics)


def _comma(lang: str) -> str:
    return "、" if lang == "zh-CN" else ", "


def _is_over(message: Message) -> bool:
    return message.ticket is not None and message.ticket.state in SETTLED


# --- the other lines --------------------------------------------------------------------------------------------


def _severity(message: Message) -> str:
    return message.ticket.severity if message.ticket else str(message.detail.get("severity") or "medium")


def _facts(message: Message, lang: str) -> Iterator[tuple[str, str]]:
    """Name and value of everything that is known, in the order of its weight."""
    detail = message.detail
    yield "severity", severity_word(message, lang)
    yield "state", state_word(message, lang)
    if detail.get("issue_id"):
        yield "level", say(str(detail.get("level") or ""), lang, LEVELS)
        yield "state", say(str(detail.get("state") or ""), lang, ISSUE_STATES)
        yield "unit_kind", _short(detail.get("unit_kind") or "")
    yield "unit", clip(unit_word(message), _SHORT)
    yield "touchpoint", clip(touchpoint_word(message, lang), _SHORT)
    yield "departments", clip(department_words(message, lang), _SHORT)
    yield "due", due_words(message, lang)
    yield "clock", clock_words(message, lang)
    yield "lacking", lacking_words(message, lang)
    yield "escalated_to", _short(_comma(lang).join(_told(message)))
    yield "path", _path(message, lang)
    if message.ask:
        yield "ask", _short(said(message.ask.question, lang))
    yield "scores", score_words(message)
    if message.type == "alert.raised":
        yield "rule", _rule(message, lang)
        yield "named", _short(detail.get("named"))
        yield "swallowed", _short(detail.get("swallowed") or "")
    yield from _week(message, lang)
    if message.type == "digest.ready":
        yield f"digest.{detail.get('kind')}", clip(_comma(lang).join(_counts(message, lang)), 2 * WAY)
    else:
        yield "endpoint", _own_id(detail.get("endpoint_id"))
    yield "customer", _short(" ".join(message.customer.values()))
    yield "id", "" if message.link else subject_id(message)  # the page says it


def _told(message: Message) -> tuple[str, ...]:
    """Who was told beside the owner, where that is the news."""
    return message.ticket.escalated_to if message.ticket and message.type == "ticket.escalated" else ()


def _week(message: Message, lang: str) -> Iterator[tuple[str, str]]:
    """The numbers of a week, and what its issues are about, whose they are and how their fixes did."""
    if message.type != "loop.week":
        return
    for name, number in message.detail.get("numbers", {}).items():
        more = name == "ticketed" and not message.detail.get("complete", True)
        yield f"loop.{name}", _number(number["count"], more=more)
    issues = (_issue(message, one, lang) for one in message.detail.get("issues", ()))
    yield "loop.issues", clip(("；" if lang == "zh-CN" else "; ").join(issues), 2 * WAY)


def _issue(message: Message, one: Mapping[str, Any], lang: str) -> str:
    topics = _comma(lang).join(harmless(message.topic_name(topic, lang)) for topic in one["topics"])
    verdict = say(one["verdict"], lang) if one["verdict"] else ""
    told = (one["level"], topics, say(one["state"], lang, ISSUE_STATES), _short(one["owner"] or ""), verdict)
    return " ".join(part for part in told if part)


def _counts(message: Message, lang: str) -> Iterator[str]:
    """The numbers of a digest, each with what it is of."""
    called_so = {"topics": message.topic_name, "departments": called.department}.get(str(message.detail.get("kind")))
    for one in message.detail.get("counts", ()):
        name = harmless(called_so(one["name"], lang)) if called_so and one["name"] else ""
        yield f"{name} {_number(one['count'], more=not one.get('complete', True))}".strip()


def _number(count: int, *, more: bool) -> str:
    """``more``: there are more than were counted."""
    return f"{count}+" if more else str(count)


def _brief(message: Message, facts: Iterable[tuple[str, str]], lang: str) -> Iterator[tuple[str, str]]:
    """The facts that the first line does not tell, and the topics; who wrote it and the id come last."""
    told = {*_IN_TITLE, "rule", "named", "swallowed"} | (set() if unit_word(message) else {"touchpoint"})
    shown = [(name, value) for name, value in facts if name not in told]
    yield from (fact for fact in shown if fact[0] not in _LAST)
    if topics := _topics(message, lang):
        yield "tags", topics
    yield from (fact for fact in shown if fact[0] in _LAST)


def _topics(message: Message, lang: str) -> str:
    """The surest topics and how they were spoken of; the words that say so are marked where they stand."""
    tags = _surest(message.feedback)[:MARKED] if message.feedback else []
    shown = (f"{_name(message, tag, lang)} {say(tag.polarity, lang)}" for tag in tags)
    return clip(_comma(lang).join(dict.fromkeys(shown)), _SHORT)


def _history(message: Message, lang: str) -> Iterator[str]:
    """What matters of a case that is not new: when it began, and how often a fix did not hold."""
    ticket = message.ticket
    if ticket is None:
        return
    if message.type != "ticket.opened" and ticket.version > 1:
        yield say("opened_at", lang).format(deadlines.moment(ticket.opened_at, message.time_zone, lang))
    if ticket.reopened:
        yield say("reopened", lang).format(ticket.reopened)
    if ticket.bounced:
        yield say("bounced", lang).format(ticket.bounced)
    if ticket.verification in ("unsatisfied", "no_answer"):
        yield say(ticket.verification, lang)


def _playbook(message: Message, lang: str) -> Iterator[str]:
    """The first steps and the most that may be given; nothing without a playbook."""
    playbook = message.playbook
    if playbook is None:
        return
    for number, step in enumerate(playbook.steps[:STEPS_SHOWN], start=1):
        yield f"{number}. {clip(harmless(step[lang]), _SHORT)}"
    most = harmless(playbook.compensation[lang])
    if most:
        yield f"{say('compensation', lang)} {clip(most, _SHORT // 2)}"


def _path(message: Message, lang: str) -> str:
    """The way of the ticket in one line: each end with the reason that led to it. A way that forks begins anew."""
    told, reached = "", ""
    for one in message.path:
        if one.kinds.end == QUESTION:
            continue
        start = harmless(one.names[0][lang])
        if one.start != reached:
            told += f"{'；' if lang == 'zh-CN' else '; '}{start}" if told else start
        told += f" → {harmless(one.names[1][lang])}({say(f'way.{one.reason}', lang)})"
        reached = one.end
    return clip(told, WAY)


def _own_id(value: object) -> str:
    """An id of ours, so that it can be copied."""
    return str(value) if _OWN_ID.fullmatch(str(value)) else _short(value)


def _short(value: object) -> str:
    return clip(harmless(str(value)), _SHORT) if value is not None else ""


def _scores(feedback: Feedback) -> str:
    return _short("  ".join(f"{score.kind.upper()} {score.value:g}/{score.high:g}" for score in feedback.scores[:4]))


def _quotes(feedback: Feedback | None, budget: int, *, marked: bool = True) -> tuple[tuple[str, ...], bool]:
    """What the customer said, in order, and whether something was left out."""
    if feedback is None:
        return (), False
    quotes: list[str] = []
    cut = False
    for place, text in enumerate(feedback.texts):
        if text.speaker != "customer" or not text.text.strip():
            continue
        if budget < _LEAST_EXCERPT:
            return tuple(quotes), True
        shown, shortened = excerpt(text.text, _evidence(feedback, place) if marked else (), budget)
        cut = cut or shortened
        if shown:
            quotes.append(shown)
            budget -= len(shown)
    return tuple(quotes), cut


def _evidence(feedback: Feedback, place: int) -> list[tuple[int, int]]:
    """Where the surest topics of one text stand in it."""
    return [(tag.start, tag.end) for tag in _surest(feedback)[:MARKED] if tag.text == place]


def _surest(feedback: Feedback) -> list[Tag]:
    """Tags, complaints first, then by how sure they are."""
    tags = feedback.understanding.tags
    return sorted(tags, key=lambda tag: (tag.polarity != "negative", -tag.confidence))[:TAGS_SHOWN]


def _tags(message: Message, lang: str) -> tuple[str, ...]:
    """Topic, polarity and the words that say so."""
    feedback = message.feedback
    if feedback is None:
        return ()
    return tuple(dict.fromkeys(_tag(feedback, tag, _name(message, tag, lang), lang) for tag in _surest(feedback)))


def _name(message: Message, tag: Tag, lang: str) -> str:
    return _short(message.topic_name(tag.topic, lang))


def _tag(feedback: Feedback, tag: Tag, name: str, lang: str) -> str:
    evidence = feedback.texts[tag.text].text[tag.start : tag.end] if tag.text < len(feedback.texts) else ""
    shown = clip(harmless(evidence), EVIDENCE_SHOWN)
    head = f"{name} {say(tag.polarity, lang)}"
    return f"{head} “{shown}”" if shown else head
