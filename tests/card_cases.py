"""The messages whose cards are kept as texts in ``tests/fixtures/cards``, and how a person sees each target's card.

``python -m tests.card_cases`` writes the files anew; read the difference before you keep it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from chalicelib.connectors import cards
from chalicelib.connectors.registry import load
from chalicelib.domain.cases.playbook import Playbook
from chalicelib.domain.outbound.exchange import HttpRequest, Message
from chalicelib.domain.outbound.item import Access
from chalicelib.domain.reports import loop
from chalicelib.domain.time.clocks import Clock, Clocks
from chalicelib.domain.voice.understanding import Text, Understanding
from tests.builders import endpoint_secret, feedback, message, tag, ticket
from tests.contract.profiles import profile

FOLDER = Path(__file__).parent / "fixtures" / "cards"
LANGUAGES = ("zh-CN", "en")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)  # 16:00 in Shanghai
NAMES = {
    "logistics.damage": ("包裹破损", "Damaged parcel"),
    "service.response": ("客服无回应", "No answer from service"),
}
WORDS = "快递到的时候箱子已经塌了，打开一看包裹破损，杯子碎了三个。我找了客服两次，客服没有回应，真的很失望。"
PLAYBOOK = Playbook(
    id="logistics.damage",
    version="1",
    title={"zh-CN": "包裹破损", "en": "Damaged parcel"},
    steps=(
        {"zh-CN": "2 小时内致电致歉", "en": "Call and apologise within 2 hours"},
        {"zh-CN": "当天补发", "en": "Send a new one today"},
        {"zh-CN": "向承运商索赔", "en": "Claim from the carrier"},
    ),
    standard={"zh-CN": "客户确认收到", "en": "The customer has it"},
    reply={"zh-CN": "非常抱歉", "en": "We are sorry"},
    compensation={"zh-CN": "50 元", "en": "CNY 50"},
    question={"zh-CN": "收到补发了吗？", "en": "Did the new one arrive?"},
)


def _name(topic: str, lang: str) -> str:
    zh, en = NAMES.get(topic, (topic, topic))
    return zh if lang == "zh-CN" else en


def about(words: str = WORDS, **changes: Any) -> Message:
    """A critical ticket on a damaged parcel, due today at 18:00."""
    start, late = words.find("包裹破损"), words.find("客服没有回应")
    tags = tuple(
        tag(topic, start=at, end=at + length, confidence=sure)
        for topic, at, length, sure in (("logistics.damage", start, 4, 0.9), ("service.response", late, 6, 0.8))
        if at >= 0
    )
    case = replace(
        ticket(
            title="NPS 2/10 贬损者：包裹破损、客服无回应",
            severity="critical",
            unit="上海一店",
            due_at=NOW + timedelta(hours=2),
            departments=("物流部",),
            opened_at=NOW,
        ),
        **changes.pop("ticket", {}),
    )
    said = {
        "ticket": None if changes.pop("without_ticket", False) else case,
        "feedback": feedback(texts=(Text(words),), understanding=Understanding(tags=tags)),
        "customer": {"id": "CUST-1"},
        "now": NOW,
        "topic_name": _name,
        **changes,
    }
    return message(**said)


ALERT = {"alert_id": "al_1", "rule": "builtin-red-line", "severity": "critical", "unit": "华东/上海/一店",
         "topic": "logistics.damage", "named": 3, "swallowed": 2}  # fmt: skip
CASES: Mapping[str, Callable[[], Message]] = {
    "opened": about,
    "opened, with a playbook": lambda: about(playbook=PLAYBOOK),
    "reopened, long words, due tomorrow": lambda: about(
        "我先说说经过。" * 60 + WORDS,
        type="ticket.reopened",
        ticket={
            "state": "reopened",
            "version": 7,
            "reopened": 2,
            "bounced": 1,
            "verification": "unsatisfied",
            "opened_at": NOW - timedelta(days=1, hours=7),
            "due_at": NOW + timedelta(hours=17),
        },
    ),
    "reminded": lambda: about(
        type="ticket.reminded",
        detail={"reason": "first_response"},
        ticket={
            "version": 2,
            "due_at": NOW + timedelta(hours=6),
            "clocks": Clocks("medium", None, 1).having(
                {"first_response": Clock(timedelta(hours=1), NOW, timedelta(hours=1), NOW + timedelta(hours=1))}
            ),
        },
    ),
    "escalated, overdue": lambda: about(
        type="ticket.escalated",
        detail={"reason": "resolution"},
        ticket={
            "state": "open",
            "version": 2,
            "escalated_to": ("zhang.san",),
            "due_at": NOW - timedelta(hours=3),
            "opened_at": NOW - timedelta(days=1),
        },
    ),
    "ids as a workspace and the packs have them": lambda: about(
        ticket={"unit": None, "touchpoint": "after_sales", "departments": ("after_sales", "night_shift_team")},
    ),
    "closed": lambda: about(type="ticket.closed", ticket={"state": "closed", "version": 5}),
    "hostile": lambda: about(
        '@所有人 [点我](https://evil.test) **已处理** <at user_id="all"></at> 〖假证据〗 包裹破损',
        ticket={"title": "[x](https://evil.test) # 标题", "unit": "<@all>", "departments": ("**部**",)},
    ),
}
LED = {**ALERT, "feedback_id": "fb_1", "opens_ticket": "tk_1", "touchpoint": "after_sales"}
ISSUE = {
    "issue_id": "is_1",
    "issue_version": 1,
    "state": "triage",
    "level": "L2",
    "severity": "high",
    "topics": ["logistics.damage"],
    "topic": "logistics.damage",
    "unit": None,
    "unit_kind": "旗舰店",
    "departments": ["logistics"],
    "owner": "wang.wei",
}
WEEK = {
    "week": "2026-W47",
    "unit": "SH/001",
    "severity": "low",
    "numbers": {
        name: {"count": count, "feedback": f"/v1/loop/feedback?number={name}"}
        for name, count in zip(loop.NUMBERS, (31, 29, 7, 4, 1, 0), strict=True)
    },
    "issues": [
        {
            "issue_id": "is_1",
            "level": "L2",
            "state": "fixed",
            "topics": ["logistics.damage"],
            "owner": "wang.wei",
            "verdict": "too_early",
            "cases": {"count": 5, "feedback": "/v1/loop/feedback?number=ticketed&issue=is_1"},
        }
    ],
}
DIGEST = {
    "endpoint_id": "ep_oa",
    "digest_id": "dg_1",
    "kind": "topics",
    "unit": None,
    "severity": "low",
    "counts": [
        {"name": "logistics.damage", "count": 3, "feedback": "/v1/loop/feedback?topic=logistics.damage"},
        {"name": "service.response", "count": 1, "feedback": "/v1/loop/feedback?topic=service.response"},
    ],
}
ALERTS: Mapping[str, Callable[[], Message]] = {
    "alert on a voice that opens a ticket": lambda: about(
        type="alert.raised", detail=LED, page="tk_1", without_ticket=True
    ),
    "alert without a unit": lambda: about(
        type="alert.raised",
        detail={**LED, "unit": None, "named": 1, "swallowed": 0, "rule": "night_shift"},
        page="tk_1",
        without_ticket=True,
    ),
    "alert": lambda: message(type="alert.raised", detail=ALERT, now=NOW, topic_name=_name),
    "issue opened": lambda: message(type="issue.opened", detail=ISSUE, now=NOW, topic_name=_name),
    "issue fixed": lambda: message(
        type="issue.updated", detail={**ISSUE, "state": "fixed", "level": "L3"}, now=NOW, topic_name=_name
    ),
    "the week": lambda: message(type="loop.week", detail=WEEK, now=NOW, topic_name=_name),
    "digest of topics": lambda: message(type="digest.ready", detail=DIGEST, now=NOW, topic_name=_name),
    "digest of what nobody answered": lambda: message(
        type="digest.ready",
        detail={**DIGEST, "kind": "unanswered", "counts": [{"name": None, "count": 4, "feedback": "/v1/unattended"}]},
        now=NOW,
    ),
    "endpoint disabled": lambda: message(type="endpoint.disabled", detail={"endpoint_id": "ep_oa"}, now=NOW),
}


def request(name: str, told: Message, lang: str) -> HttpRequest:
    """What an endpoint of ``name`` is sent first."""
    known, connector = profile(name), load(name)
    secret = endpoint_secret(url=known.url, secret=None, credentials=dict(known.credentials))
    settings = {**known.settings, "lang": lang}
    if connector.kind == "event":
        return connector.render(told, secret, settings)
    keeper: Any = connector
    made: HttpRequest = keeper.create(told, Access(replace(secret, secret=known.secret), settings, "token"))
    return made


def _feishu(body: Mapping[str, Any]) -> list[str]:
    card = body["card"] if "card" in body else json.loads(body["content"])
    lines = [f"({card['header']['template']}) {card['header']['title']['content']}"]
    for part in card["elements"]:
        if part["tag"] == "div":
            lines.append(part["text"]["content"])
        lines += [f"[ {one['text']['content']} ] {one.get('url', '')}".rstrip() for one in part.get("actions", ())]
    return lines


def _dingtalk(body: Mapping[str, Any]) -> list[str]:
    card = body.get("actionCard") or body["markdown"]
    button = [f"[ {card['singleTitle']} ] {card['singleURL']}"] if "singleURL" in card else []
    return [*card["text"].split("\n\n"), *button]


def _wecom(body: Mapping[str, Any]) -> list[str]:
    return list(body["markdown"]["content"].split("\n"))


def _wecom_app(body: Mapping[str, Any]) -> list[str]:
    if "markdown" in body:
        return _wecom(body)
    card = body["template_card"]
    facts = [f"{one['keyname']}: {one['value']}" for one in card["horizontal_content_list"]]
    buttons = [f"[ {one['text']} ]" for one in card["button_list"]]
    return [card["main_title"]["title"], card["sub_title_text"], *facts, *buttons, card["card_action"]["url"]]


SEEN: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "feishu": _feishu,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
    "feishu_app": _feishu,
    "wecom_app": _wecom_app,
}
TARGETS = (*SEEN, "plain_text")


def lines(target: str, told: Message, lang: str) -> list[str]:
    """What a reader of ``target`` sees, a line each."""
    if target == "plain_text":
        return cards.plain_text(told, lang, 2_000).split("\n")
    return SEEN[target](json.loads(request(target, told, lang).body))


def shown(target: str, lang: str) -> str:
    """Every case, as the file has it."""
    takes_all = target == "plain_text" or load(target).kind == "event"
    cases = {**CASES, **ALERTS} if takes_all else CASES
    return "\n\n".join(f"=== {case}\n" + "\n".join(lines(target, make(), lang)) for case, make in cases.items()) + "\n"


def path(target: str, lang: str) -> Path:
    return FOLDER / f"{target}.{lang}.txt"


if __name__ == "__main__":
    for one in TARGETS:
        for language in LANGUAGES:
            path(one, language).write_text(shown(one, language), "utf-8")
