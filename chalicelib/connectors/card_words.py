"""The words that cards are made of, in zh-CN and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("zh-CN", "en")

WORDS: Final[Mapping[str, tuple[str, str]]] = {
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
    "builtin-red-line": ("红线", "red line"),
    "builtin-unhappy": ("不满意评分", "unhappy score"),
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
    "endpoint": ("推送目标", "Endpoint"),
    "id": ("编号", "Id"),
    "words": ("客户原话", "In the customer's words"),
    "tags": ("标签", "Tags"),
    "positive": ("正面", "positive"),
    "negative": ("负面", "negative"),
    "neutral": ("中性", "neutral"),
    "history": ("经过", "So far"),
    "opened_at": ("{} 开单", "opened {}"),
    "reopened": ("重新打开 {} 次", "reopened {}×"),
    "bounced": ("被退回 {} 次", "handed back {}×"),
    "unsatisfied": ("客户回访仍不满意", "customer still unsatisfied when asked"),
    "no_answer": ("客户回访未答复", "customer did not answer when asked"),
    "count": ("{} 条反馈", "{} voices"),
    "count_one": ("{} 条反馈", "{} voice"),
    "count_merged": ("{} 条反馈（其中 {} 条合并）", "{} voices ({} merged)"),
    "playbook": ("处理建议", "What to do"),
    "compensation": ("补偿上限", "at most"),
    "button": ("查看工单", "Open the ticket"),
    "more": ("（全文见工单）", "(full text on the ticket)"),
}
STATES: Final[Mapping[str, tuple[str, str]]] = {
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


def say(word: str, lang: str, words: Mapping[str, tuple[str, str]] = WORDS) -> str:
    """The word in ``lang``; what has no entry stays as it is."""
    zh, en = words.get(word, (word, word))
    return zh if lang == "zh-CN" else en
