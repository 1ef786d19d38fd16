"""What operations read: an e-mail in Chinese and English, and a short SMS.

The first line answers what, where and how bad. Only our own words, ids, counts and what operators themselves named
(rules, topics, units) appear: never a customer's words, name, phone or address, because a mailbox cannot forget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chalicelib.domain.alerts import sms
from chalicelib.domain.alerts.alert import NO_TOPIC, NOTICE_RULE, Alert, Mention
from chalicelib.domain.vocabulary import NO_UNIT, SEVERITIES

LANGUAGES: Final = ("zh-CN", "en")
SMS_PARTS: Final = 2  # of one alert
LINKED: Final = 20  # mentions that get links of their own; longer lists are ids alone
_LABEL: Final = 40  # characters of a name that somebody else chose
_SUBJECT: Final = 99  # characters, SNS's limit

_SEVERITY: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {"low": "低", "medium": "中", "high": "高", "critical": "紧急"},
    "en": {severity: severity for severity in SEVERITIES},
}
_RULE: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {"builtin-red-line": "红线", "builtin-unhappy": "不满意评分", NOTICE_RULE: "接口故障"},
    "en": {"builtin-red-line": "red line", "builtin-unhappy": "unhappy score", NOTICE_RULE: "endpoint trouble"},
}
_WHAT: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {"feedback": "反馈", "delivery.failed": "投递失败", "endpoint.disabled": "接口已停用"},
    "en": {"feedback": "feedback", "delivery.failed": "delivery failed", "endpoint.disabled": "endpoint disabled"},
}


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that the texts are made of, besides the alert itself."""

    alert: Alert
    topic: Mapping[str, str] = field(default_factory=dict)  # language → name of the topic; missing: its id
    base_url: str = ""  # of the API, no slash at the end; empty: ids without links
    pages: Mapping[str, str] = field(default_factory=dict, repr=False)  # ticket → name of its page, where there is one
    sms_limit: int | None = None  # set when the day's SMS parts are used up: how many there were


def email(letter: Letter, *, lang: str = LANGUAGES[0]) -> tuple[str, str]:
    """Subject (ASCII, as SNS wants it) and body: ``lang`` first, the other language after it, the ids once."""
    order = [lang, *(other for other in LANGUAGES if other != lang)]
    blocks = ["\n".join(_block(letter, one)) for one in order]
    return _subject(letter.alert), "\n\n".join([*blocks, "\n".join(_list(letter))])


def short(letter: Letter, *, lang: str = LANGUAGES[0]) -> str:
    """The SMS: the first line, one id, and the link when all of it fits into two parts."""
    alert = letter.alert
    worst = alert.mentions[0]
    brand = "【回响】" if lang == "zh-CN" else "Echoloop "
    text = f"{brand}{headline(letter, lang)} {worst.ticket or worst.subject}"
    linked = f"{text} {_link(letter, worst)}".rstrip()
    return linked if sms.parts(linked) <= SMS_PARTS else sms.shorten(text, SMS_PARTS)


def headline(letter: Letter, lang: str) -> str:
    """What, where, how bad, how many."""
    alert = letter.alert
    severity = _SEVERITY[lang][alert.severity]
    what = _RULE[lang].get(alert.key.rule) or label(alert.key.rule)
    place = " · ".join(part for part in (_topic(letter, lang), _unit(alert)) if part)
    summary = alert.swallowed > 0
    if lang == "zh-CN":
        where = f"：{place}" if place else ""
        return f"[{severity}] {'汇总 ' if summary else ''}{what}{where}，{_counts(alert.mentions, lang)}"
    where = f": {place}" if place else ""
    return f"[{severity.upper()}] {'summary, ' if summary else ''}{what}{where}, {_counts(alert.mentions, lang)}"


def label(text: str, most: int = _LABEL) -> str:
    """A name on one line: control characters and line breaks become spaces, the rest is cut."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _subject(alert: Alert) -> str:
    what = _RULE["en"].get(alert.key.rule, alert.key.rule)
    place = " ".join(part for part in (alert.key.topic, alert.key.unit) if part not in (NO_TOPIC, NO_UNIT))
    text = f"[Echoloop] {alert.severity.upper()} {what} {place} ({len(alert.mentions)})"
    ascii_only = "".join(char if " " <= char <= "~" else " " for char in text)
    return " ".join(ascii_only.split())[:_SUBJECT]


def _block(letter: Letter, lang: str) -> list[str]:
    alert = letter.alert
    named, swallowed = len(alert.mentions), alert.swallowed
    worst_first = [severity for severity in reversed(SEVERITIES) if severity in {m.severity for m in alert.mentions}]
    counted = Counter(mention.severity for mention in alert.mentions)
    spread = "，" if lang == "zh-CN" else ", "
    by_severity = spread.join(f"{_SEVERITY[lang][severity]} {counted[severity]}" for severity in worst_first)
    lines = [headline(letter, lang)]
    if lang == "zh-CN":
        lines += [
            f"规则：{label(alert.key.rule)}",
            f"主题：{_topic(letter, lang) or '（无）'}",
            f"单位：{_unit(alert) or '（无）'}",
            f"本条列出 {named} 项（{by_severity}），其中 {swallowed} 项是冷却期间累积的",
            f"告警编号：{alert.id}",
        ]
        if letter.sms_limit is not None:
            lines.append(f"今日短信额度（{letter.sms_limit} 条）已用完：本告警只发邮件。")
        return lines
    lines += [
        f"Rule: {label(alert.key.rule)}",
        f"Topic: {_topic(letter, lang) or '(none)'}",
        f"Unit: {_unit(alert) or '(none)'}",
        f"Names {named} ({by_severity}); {swallowed} of them came during the cool-down",
        f"Alert: {alert.id}",
    ]
    if letter.sms_limit is not None:
        lines.append(f"Today's SMS budget ({letter.sms_limit} parts) is used up: this alert went by e-mail only.")
    return lines


def _list(letter: Letter) -> list[str]:
    linked = len(letter.alert.mentions) <= LINKED
    lines = []
    for mention in letter.alert.mentions:
        words = [mention.subject, mention.ticket or "", mention.code, _link(letter, mention) if linked else ""]
        lines.append("- " + " ".join(word for word in words if word))
    return lines


def _link(letter: Letter, mention: Mention) -> str:
    if not letter.base_url or mention.what != "feedback":
        return ""
    if mention.ticket:
        page = letter.pages.get(mention.ticket)
        return f"{letter.base_url}/t/{page}" if page else ""
    return f"{letter.base_url}/v1/feedback/{mention.subject}"


def _topic(letter: Letter, lang: str) -> str:
    topic = letter.alert.key.topic
    return "" if topic == NO_TOPIC else label(letter.topic.get(lang, topic))


def _unit(alert: Alert) -> str:
    return "" if alert.key.unit == NO_UNIT else label(alert.key.unit)


def _counts(mentions: Sequence[Mention], lang: str) -> str:
    counted = Counter(mention.what for mention in mentions)
    if lang == "zh-CN":
        return "，".join(f"{_WHAT[lang][what]} {count} 条" for what, count in sorted(counted.items()))
    return ", ".join(f"{count} × {_WHAT[lang][what]}" for what, count in sorted(counted.items()))
