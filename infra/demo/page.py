"""The demo's three places as HTML, in Chinese and English, readable on a phone. What came from outside is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

ANSWERS = ("accepted", "in_progress", "resolved", "rejected")
PLACES = {"oa": "/", "feishu": "/chat", "room": "/room"}  # in the order of their tabs
DEMO_ZONE = timezone(timedelta(hours=8))
_LINK = re.compile(r"\[([^\]\[]{1,200})\]\((https?://[^\s()]{1,2000})\)")

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh-CN": {
        "oa": "OA 工单台",
        "oa_lead": "回响推送来的工单。接单、处理，结果会回传。",
        "feishu": "飞书 · SH/001 店长",
        "feishu_lead": "本店的每张工单是一张卡片。点按钮，飞书加密回传，卡片随工单更新。",
        "room": "钉钉群 · 紧急工单",
        "room_lead": "群机器人只说紧急的事，每分钟最多 20 条。",
        "empty": "这里还没有消息。",
        "state": "状态",
        "open": "待接单",
        "reopened": "重新打开",
        "closed": "已关闭",
        "critical": "紧急",
        "high": "高",
        "medium": "中",
        "low": "低",
        "accepted": "接单",
        "in_progress": "处理中",
        "resolved": "已解决",
        "rejected": "不受理",
        "root_cause": "根本原因",
        "action": "处理措施",
        "said": "客户说",
        "sent": "已回传",
        "failed": "回传失败",
        "changed": "卡片已更新",
        "robot": "回响机器人",
        "other": "English",
    },
    "en": {
        "oa": "OA desk",
        "oa_lead": "Tickets pushed by Echoloop. Take one, deal with it, and the answer is called back.",
        "feishu": "Feishu · manager of SH/001",
        "feishu_lead": "A card for each ticket of this shop. A press goes back encrypted, the card follows the ticket.",
        "room": "DingTalk group · critical",
        "room_lead": "The robot says what is critical and nothing else, 20 messages a minute at most.",
        "empty": "Nothing here yet.",
        "state": "State",
        "open": "open",
        "reopened": "reopened",
        "closed": "closed",
        "critical": "critical",
        "high": "high",
        "medium": "medium",
        "low": "low",
        "accepted": "Accept",
        "in_progress": "In progress",
        "resolved": "Resolved",
        "rejected": "Reject",
        "root_cause": "Root cause",
        "action": "Action taken",
        "said": "The customer said",
        "sent": "Called back",
        "failed": "The call back failed",
        "changed": "Times the card was changed:",
        "robot": "Echoloop robot",
        "other": "中文",
    },
}

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:46rem;margin:0 auto;
padding:1rem;overflow-wrap:anywhere}header{display:flex;justify-content:space-between;align-items:baseline;gap:1rem}header>a{white-space:nowrap}
h1{font-size:1.3rem;margin:.6rem 0 .2rem}nav{display:flex;flex-wrap:wrap;gap:.4rem}
nav a{border:1px solid #8888;border-radius:1rem;padding:.15rem .7rem;text-decoration:none;color:inherit;font-size:.9rem}
nav a.here{background:#3370ff;border-color:#3370ff;color:#fff}
article{border:1px solid #8886;border-left:6px solid #888;border-radius:6px;padding:.6rem .9rem;margin:.8rem 0}
article.critical,article.red{border-left-color:#c1121f}article.high,article.orange{border-left-color:#e07a1f}
article.medium,article.yellow{border-left-color:#d4a514}article.green{border-left-color:#2a9d4e}
h2{font-size:1.05rem;margin:.1rem 0}h3{font-size:1rem;margin:.1rem 0}p{margin:.35rem 0}
blockquote{margin:.4rem 0;padding-left:.7rem;border-left:3px solid #8886}
.card{padding:0;border-left-width:1px;overflow:hidden}.card h2{padding:.5rem .9rem;margin:0;color:#fff;background:#667}
.card.red h2{background:#c1121f}.card.orange h2{background:#b85c00}.card.yellow h2{background:#8a6a00}
.card.green h2{background:#237a3f}.card>div{padding:.2rem .9rem .7rem}
.meta{color:#777;font-size:.85rem}.tag{display:inline-block;border:1px solid #8888;border-radius:1rem;padding:0 .6rem;
font-size:.85rem;margin:.1rem .2rem 0 0}form{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem;
margin-top:.5rem}
input{flex:1 1 40%;min-width:8rem}button{cursor:pointer}button.primary{background:#3370ff;color:#fff}
input,button{font:inherit;padding:.35rem .6rem;border:1px solid #8888;border-radius:6px}
"""

Json = Mapping[str, Any]
safe = html.escape


def shell(place: str, lang: str, counts: Mapping[str, int], cards: Iterable[str]) -> str:
    """The page of one place, with tabs to all; ``counts`` stand on the tabs."""
    words = WORDS[lang]
    other = "en" if lang == "zh-CN" else "zh-CN"
    tabs = "".join(
        f'<a href="{path}?lang={lang}"{" class=here" if name == place else ""}>{words[name]} {counts[name]}</a>'
        for name, path in PLACES.items()
    )
    shown = "".join(cards) or f"<p>{words['empty']}</p>"
    return (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{words[place]}</title><style>{STYLE}</style><header><nav>{tabs}</nav>"
        f'<a href="{PLACES[place]}?lang={other}">{words["other"]}</a></header>'
        f"<h1>{words[place]}</h1><p>{words[place + '_lead']}</p>{shown}</html>"
    )


def oa_card(ticket_id: str, entry: Json, lang: str) -> str:
    """One ticket on the OA desk, with a form for its answer."""
    words, ticket, feedback = WORDS[lang], entry["data"]["ticket"], entry["data"].get("feedback", {})
    texts = "".join(f"<blockquote>{safe(str(text.get('text', '')))}</blockquote>" for text in feedback.get("texts", ()))
    tags = "".join(
        f'<span class="tag">{safe(str(tag.get("topic", "")))} · {safe(str(tag.get("polarity", "")))}</span>'
        for tag in feedback.get("tags", ())
    )
    buttons = "".join(f'<button name="status" value="{name}">{words[name]}</button>' for name in ANSWERS)
    said = f"<p class=meta>{words['said']}</p>{texts}" if texts else ""
    return (
        f'<article class="{safe(str(ticket["severity"]))}" id="{safe(ticket_id)}"><h2>{safe(str(ticket["title"]))}</h2>'
        f'<p class="meta">{safe(entry["external_id"])} · {safe(str(ticket.get("unit") or "-"))} · '
        f"{_word(words, ticket['severity'])} · {words['state']}: {_word(words, ticket['state'])}"
        f"{_sent(words, entry.get('last'), 'status')}</p>{said}{tags}"
        f'<form method="post" action="/answer?lang={lang}">'
        f'<input type="hidden" name="ticket" value="{safe(ticket_id)}">'
        f'<input name="root_cause" maxlength="200" placeholder="{words["root_cause"]}">'
        f'<input name="action" maxlength="200" placeholder="{words["action"]}">{buttons}</form></article>'
    )


def feishu_card(message_id: str, message: Json, lang: str) -> str:
    """One interactive card as Feishu lays it out: a coloured head, its texts, its buttons."""
    words, card = WORDS[lang], message["card"]
    texts, buttons = [], []
    for part in card["elements"]:
        if part["tag"] == "div":
            texts.append(f"<p>{safe(str(part['text']['content']))}</p>")
        elif part["tag"] == "action":
            buttons += [_feishu_button(one) for one in part["actions"]]
    changes = f"{words['changed']} {message['changes']}" if message["changes"] else ""
    form = (
        f'<form method="post" action="/press?lang={lang}"><input type="hidden" name="message" '
        f'value="{safe(message_id)}">{"".join(buttons)}</form>'
    )
    return (
        f'<article class="card {safe(str(card["header"].get("template", "")))}" id="{safe(message_id)}">'
        f"<h2>{safe(str(card['header']['title']['content']))}</h2><div>{''.join(texts)}{form if buttons else ''}"
        f'<p class="meta">{changes}{_sent(words, message.get("last"), "step")}</p></div></article>'
    )


def room_card(message: Json, lang: str) -> str:
    """One message of the group robot."""
    at = datetime.fromtimestamp(message["at"], DEMO_ZONE).strftime("%H:%M")
    link = _anchor(message["link"], safe(message["label"])) if message["link"] else ""
    return (
        f'<p class="meta">{WORDS[lang]["robot"]} · {at}</p><article class="red">{_markdown(message["text"])}'
        f"{'<p>' + link + '</p>' if link else ''}</article>"
    )


def _feishu_button(button: Json) -> str:
    label = safe(str(button["text"]["content"]))
    if "value" not in button:
        return _anchor(str(button.get("url", "")), label)
    kind = ' class="primary"' if button.get("type") == "primary" else ""
    return f'<button name="step" value="{safe(str(button["value"].get("step", "")))}"{kind}>{label}</button>'


def _anchor(url: str, label: str) -> str:
    """A link to an ordinary page; any other scheme is shown as its label."""
    if not url.startswith(("http://", "https://")):
        return label
    return f'<a rel="noreferrer" href="{safe(url)}">{label}</a>'


def _markdown(text: str) -> str:
    """As much of DingTalk's markdown as a robot of ours writes: a head, quotes, list lines and links."""
    return "".join(_block(line.strip()) for line in text.splitlines() if line.strip())


def _block(line: str) -> str:
    for mark, element in (("### ", "h3"), ("> ", "blockquote"), ("- ", "p")):
        if line.startswith(mark):
            return f"<{element}>{_linked(line.removeprefix(mark))}</{element}>"
    return f"<p>{_linked(line)}</p>"


def _linked(text: str) -> str:
    """Escaped, with what markdown calls a link as one."""
    parts: Sequence[str] = _LINK.split(text)  # text, label, address, text, …
    shown = [safe(parts[0])]
    for label, url, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        shown += [_anchor(url, safe(label)), safe(after)]
    return "".join(shown)


def _sent(words: Mapping[str, str], last: Json | None, name: str) -> str:
    """Whether the last answer from here got through."""
    return f" · {words['sent' if last['ok'] else 'failed']}: {_word(words, last[name])}" if last else ""


def _word(words: Mapping[str, str], name: object) -> str:
    """A word of ours in the reader's language; what we do not know is shown as it came."""
    return safe(words.get(str(name), str(name)))
