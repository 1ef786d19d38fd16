"""The closed sets of words that rows, events and the API share."""

from __future__ import annotations

from typing import Final

CHANNELS: Final = ("survey", "review", "hotline", "chat", "social", "store_qr", "badge", "email", "app")
SCORE_KINDS: Final = ("nps", "csat", "ces", "rating")
SPEAKERS: Final = ("customer", "staff")
POLARITIES: Final = ("negative", "neutral", "positive")
SEVERITIES: Final = ("low", "medium", "high", "critical")
DEFAULT_SEVERITY: Final = "medium"
ACTIONS: Final = ("ticket", "alert", "followup")
FEEDBACK_STATES: Final = ("parked", "new", "answered", "ticketed", "linked", "closed")
ROLES: Final = ("admin", "analyst", "region", "store", "integration")
DELIVERY_STATES: Final = ("waiting", "sending", "delivered", "held", "uncertain", "failed", "cancelled")
NEED_HINTS: Final = ("pain", "itch", "delight", "undecided")
PRODUCERS: Final = ("lexicon", "model", "analyst")
INTENTS: Final = ("complaint", "praise", "suggestion", "question", "churn_threat", "thanks")
ACTIONABILITY: Final = ("response_needed", "suggestion", "no_response", "not_meaningful")
BEHAVIOURS: Final = ("return", "leave", "recommend", "dissuade")
REVIEW_REASONS: Final = ("unsure_topic", "unsure_polarity", "sarcasm", "no_topic")
NO_UNIT: Final = "-"  # where a voice names no unit, in keys and buckets

EVENT_TYPES: Final = (
    "feedback.scored",
    "feedback.revised",
    "ticket.opened",
    "ticket.updated",
    "ticket.reminded",
    "ticket.escalated",
    "ticket.resolved",
    "ticket.verified",
    "ticket.reopened",
    "ticket.closed",
    "verification.asked",
    "issue.opened",
    "issue.updated",
    "alert.raised",
    "followup.suggested",
    "loop.week",
    "digest.ready",
    "delivery.failed",
    "endpoint.disabled",
)

TROUBLE_EVENTS: Final = ("delivery.failed", "endpoint.disabled")  # about the way out, not about a customer


def severity_rank(severity: str) -> int:
    """0 for low … 3 for critical. Raises ValueError on any other word."""
    return SEVERITIES.index(severity)


def higher_severity(one: str, other: str) -> str:
    """The more severe of two severities."""
    return max(one, other, key=severity_rank)
