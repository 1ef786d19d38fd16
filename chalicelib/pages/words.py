"""The words of the ticket's page, in zh-CN and English. What cards say too is taken from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.connectors.card_words import STATES, say

LANGUAGES: Final = ("zh-CN", "en")

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "other": ("English", "中文"),  # the language that the page is not in
    "gone": ("链接已失效", "This link does not work"),
    "gone_why": (
        "链接 72 小时内有效，也可能没有复制完整。请在群里或 OA 中打开最新的卡片，或向管理员要一个新链接。",
        "A link works for 72 hours, or it was not copied whole. Open the newest card in your group or OA, or ask your "
        "administrator for a new link.",
    ),
    "busy": ("系统忙", "Busy"),
    "busy_why": ("请过一会儿再试。", "Please try again in a moment."),
    "unread": ("无法处理", "Not understood"),
    "unread_why": ("请从工单页面重新提交。", "Please send it again from the ticket's page."),
    "words": ("客户原话", "In the customer's words"),
    "no_words": ("客户没有留下文字。", "The customer left no words."),
    "why": ("为什么找我", "Why me"),
    "owner": ("负责人", "Owner"),
    "nobody": ("还没有人接单", "nobody yet"),
    "rules": ("依据", "Rules"),
    "tags": ("涉及主题", "About"),
    "due_line": ("{due}：{near}（{dated}）", "{due}: {near} ({dated})"),
    "provisional": (
        "暂定：{} 年的节假日安排尚未公布，公布后会重算。",
        "Provisional: the holidays of {} are not published yet; it is counted again when they are.",
    ),
    "verification": ("效果验收", "Verification"),
    "satisfied": ("客户确认已解决", "the customer says that it is solved"),
    "parts": ("这个投诉分给了", "Whose the parts are"),
    "unopened": ("子工单没有开出来，暂由整单负责人处理", "no ticket could be opened; it is with whoever has the case"),
    "part_of": (
        "这是一个投诉中归您部门的部分，整单状态：{}。",
        "This is your department's part of a case, which is: {}.",
    ),
    "same": ("重复工单", "Duplicates"),
    "duplicate_of": ("与此重复", "repeats"),
    "has_duplicate": ("被此重复", "repeated by"),
    "what": ("怎么做", "What to do"),
    "no_playbook": ("这个主题没有处置手册。", "There is no playbook for this."),
    "standard": ("标准", "Standard"),
    "reply": ("回复模板", "Reply"),
    "limit": ("补偿上限", "Compensation, at most"),
    "question": ("回访要问", "Ask the customer"),
    "history": ("经过", "History"),
    "handed": ("转给 {}", "handed to {}"),
    "opened": ("开单", "opened"),
    "until": ("链接有效期至 {}", "This link works until {}"),
    "act": ("处理", "Work on it"),
    "code": ("个人验证码", "Your personal code"),
    "code_hint": (
        "验证码单独发给负责人（飞书、企业微信、钉钉或短信）；没有收到请找管理员。链接会被转发，请不要转发验证码。",
        "It is sent to the owner alone, by Feishu, WeCom, DingTalk or SMS; if you have none, ask your administrator. "
        "Links get forwarded: do not forward the code.",
    ),
    "call": ("查看电话并拨打", "Show the phone and call"),
    "call_hint": ("只给负责人看，每次查看都会记录。", "For the owner only. Each look is recorded."),
    "duplicate": ("与它重复的工单说得更严重", "a duplicate of it tells of worse"),
    "call_now": ("拨打 {}", "Call {}"),
    "no_phone": ("客户没有留下电话或邮箱。", "The customer left no phone and no e-mail."),
    "shown_once": ("只显示这一次，已记录是谁查看的。", "Shown this once. Who looked is recorded."),
    "accept": ("接单", "Take it"),
    "contacted": ("已联系", "Customer contacted"),
    "resolve": ("已解决", "Resolved"),
    "complete": ("补上原因和措施", "Add cause and action"),
    "incomplete": (
        "已报告解决，但缺根本原因或措施：补上之后才会请顾客确认并结案。",
        "Reported as resolved without root cause or action: the customer is asked, and the case closed, once both are "
        "there.",
    ),
    "not_mine": ("不是我的", "Not mine"),
    "reason": ("原因", "Reason"),
    "department": ("应由哪个部门处理", "Whose it is"),
    "triage": ("请分派", "not sure: triage"),
    "root_cause": ("根本原因", "Root cause"),
    "cause": ("属于哪种原因", "Which cause it was"),
    "other_cause": ("都不是或不确定", "none of these, or not sure"),
    "action": ("采取的措施", "What was done"),
    "done": ("已保存。", "Saved."),
    "nothing": ("现在没有要做的事。", "There is nothing to do now."),
    # what a refusal says, by its code
    "code_invalid": (
        "验证码不对或已过期。请用最近收到的那一个；没有的话，向管理员要一个新的。",
        "The code is wrong or over. Use the one that you got last; if you have none, ask your administrator.",
    ),
    "owner_changed": (
        "工单已转给别人，您的验证码不再有效。",
        "The ticket is somebody else's by now: your code works no more.",
    ),
    "version_conflict": (
        "工单刚被别人改过。请看一下现在的情况再决定。",
        "Somebody has just changed the ticket. Look at it again before you decide.",
    ),
    "illegal_move": ("工单现在的状态不能这样做。", "The ticket's state does not allow this now."),
    "not_owner": ("只有负责人可以看电话。请先接单。", "Only the owner may see the phone. Take the ticket first."),
    "already_claimed": ("别人已经接了这张工单。", "Somebody else has taken this ticket."),
    "unknown_person": (
        "组织架构里没有验证码的主人。请联系管理员。",
        "The organisation does not know whose code this is. Tell your administrator.",
    ),
    "no_reason": ("请写明原因。", "Please give the reason."),
    "no_department": ("请选择应由哪个部门处理。", "Please say which department it belongs to."),
    "unknown_cause": ("没有这种原因。", "There is no such cause."),
    "unknown_department": ("没有这个部门。", "There is no such department."),
    "nothing_changes": ("它已经在那个部门了。", "It is with that department already."),
    "resolution_incomplete": ("请写明根本原因和采取的措施。", "Please give the root cause and what was done."),
}

# What the writer of a reply fills in, by its name in the templates of the playbooks.
_BLANKS: Final[Mapping[str, tuple[str, str]]] = {
    "customer": ("客户称呼", "customer's name"),
    "staff": ("您的姓名", "your name"),
    "unit": ("门店", "shop"),
    "ticket_id": ("工单编号", "ticket id"),
    "next_contact": ("下次联系时间", "time of the next contact"),
    "phone": ("联系电话", "phone to call back"),
    "offer": ("补偿内容", "what is offered"),
    "reference": ("单号", "reference"),
    "item": ("商品", "item"),
    "when": ("时间", "when"),
}


def blank(name: str, lang: str) -> str:
    """A blank of a reply, in brackets; empty for one that no playbook of ours has."""
    if name not in _BLANKS:
        return ""
    return f"〔{say(name, lang, _BLANKS)}〕" if lang == LANGUAGES[0] else f"[{say(name, lang, _BLANKS)}]"


def word(name: str, lang: str) -> str:
    """The page's word, else the cards'."""
    return say(name, lang, _WORDS) if name in _WORDS else say(name, lang)


def state(name: str, lang: str) -> str:
    return say(name, lang, STATES)


def refusal(code: str, lang: str) -> str:
    """Why something was not done."""
    return word(code if code in _WORDS else "unread_why", lang)


def language(asked: str | None, accepted: str) -> str:
    """The one that was ``asked`` for, else the first of an Accept-Language that we speak, else zh-CN."""
    if asked in LANGUAGES:
        return asked
    for entry in accepted.lower().split(","):
        for lang in LANGUAGES:
            if entry.strip().startswith(lang[:2]):
                return lang
    return LANGUAGES[0]
