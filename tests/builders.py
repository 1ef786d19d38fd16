"""Values for tests, valid as they come: a test names only what it is about."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from chalicelib.domain.cases.playbook import Allowance, Playbook
from chalicelib.domain.cases.ticket import Ticket, opened
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.voice.feedback import Decision, Feedback, Reason
from chalicelib.domain.voice.understanding import Tag, Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret

WORKSPACE = "acme"
AT = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)


def reason(rule: str = "builtin-unhappy", **changes: Any) -> Reason:
    return Reason(**{"rule": rule, "version": 1, "severity": "medium", **changes})


def tag(topic: str = "logistics.damage", **changes: Any) -> Tag:
    values = {"topic": topic, "polarity": "negative", "text": 0, "start": 0, "end": 4, "confidence": 0.9, **changes}
    return Tag(**values)


def playbook(**changes: Any) -> Playbook:
    """What to do about late parcels."""
    values: dict[str, Any] = {
        "id": "logistics.speed",
        "version": "ecommerce-1",
        "title": {"zh-CN": "配送慢", "en": "Slow delivery"},
        "steps": tuple({"zh-CN": f"第{number}步", "en": f"Step {number}"} for number in (1, 2, 3)),
        "standard": {"zh-CN": "首次联系 2 小时内", "en": "First contact in 2 hours"},
        "reply": {"zh-CN": "您好{customer}", "en": "Dear {customer}"},
        "compensation": {"zh-CN": "客服不超过 20 元。", "en": "Agent up to CNY 20."},
        "question": {"zh-CN": "收到了吗？", "en": "Has it arrived?"},
        "limits": (Allowance("agent", {"zh-CN": "客服", "en": "Agent"}, 20, "CNY"),),
        **changes,
    }
    return Playbook(**values)


def feedback(**changes: Any) -> Feedback:
    """A detractor with a damaged parcel, whose ticket is not open yet."""
    values: dict[str, Any] = {
        "workspace": WORKSPACE,
        "id": "fb_one",
        "connection": "cn_one",
        "source": "canonical",
        "state": "new",
        "received_at": AT,
        "occurred_at": AT,
        "understood_at": AT,
        "response_key": "R-1",
        "unit": "SH-001",
        "touchpoint": "delivery",
        "lang": "zh-CN",
        "scores": (Score("nps", 3, 0, 10),),
        "classes": {"nps": "detractor"},
        "texts": (Text("包裹破损，客服没有回应"),),
        "understanding": Understanding(tags=(tag(),)),
        "decision": decision(reason()),
        "awaiting": frozenset({"ticket"}),
        "awaiting_since": AT,
        **changes,
    }
    return Feedback(**values)


def decision(*reasons: Reason, **changes: Any) -> Decision:
    """Asks for a ticket, for these reasons."""
    values = {"actions": {"ticket": reasons}, "severity": "medium", "departments": ("logistics",), **changes}
    return Decision(**values)


def ticket(**changes: Any) -> Ticket:
    """An open ticket, version 1."""
    from dataclasses import replace

    return replace(opened(feedback(), "NPS 3/10 贬损者：破损", AT).ticket, **changes)


def endpoint(**changes: Any) -> Endpoint:
    """An active one that speaks Standard Webhooks and wants everything about tickets."""
    values: dict[str, Any] = {
        "workspace": WORKSPACE,
        "id": "ep_one",
        "name": "OA",
        "connector": "standard_webhooks",
        "host": "oa.example.com",
        "events": ("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.closed", "alert.raised"),
        "target": "target-one",
        **changes,
    }
    return Endpoint(**values)


def message(**changes: Any) -> Message:
    """One opened ticket for one endpoint."""
    values: dict[str, Any] = {
        "delivery_id": "dl-tk_one-ep_one-1",
        "type": "ticket.opened",
        "sequence": 1,
        "occurred_at": "2026-11-21T08:00:00.000Z",
        "now": AT,
        "detail": {"severity": "medium"},
        "base_url": "https://echoloop.example.org",
        **changes,
    }
    return Message(**values)


def endpoint_secret(**changes: Any) -> EndpointSecret:
    values: dict[str, Any] = {
        "workspace": WORKSPACE,
        "id": "ep_one",
        "url": "https://oa.example.com/hook?key=CANARY-URL",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        **changes,
    }
    return EndpointSecret(**values)
