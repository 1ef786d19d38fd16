"""The page on which a customer answers whether their case is solved: for their phone, in their language.

Whoever has the link reads it. So it names nobody and repeats nothing of what was said. Opening it changes nothing: an
answer takes a button, which works without JavaScript.
"""

from __future__ import annotations

from typing import Final

from chalicelib.connectors import deadlines
from chalicelib.domain.cases.playbook import said
from chalicelib.domain.cases.verification import NOT_SOLVED, SOLVED
from chalicelib.pages.html import Html, fill, headers, joined
from chalicelib.pages.words import LANGUAGES
from chalicelib.services.verification.answer_links import AnswerPage

MOST_WORDS: Final = 1000  # characters that may be added to an answer

STYLE: Final = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{margin:0 auto;max-width:32rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{display:flex;justify-content:flex-end}
h1{font-size:1.4rem;line-height:1.35;margin:1.5rem 0 .5rem}p{margin:.5rem 0}
.small{font-size:.85rem;opacity:.75}
.note{padding:.75rem;border:2px solid #2a7;border-radius:.5rem}.note.no{border-color:#c00}
label{display:block;margin:1rem 0 .25rem}
textarea,button{width:100%;font:inherit;padding:.8rem;border:1px solid #888;border-radius:.5rem}
button{margin:.5rem 0;min-height:3.25rem;background:#1456b8;color:#fff;border:0;font-weight:600}
button.no{background:transparent;color:inherit;border:1px solid #888}
a{color:inherit;padding:.6rem 0 .6rem 1rem;min-height:2.75rem}
"""
HEADERS: Final = headers(STYLE)

_PAGE: Final = """<!doctype html>
<html lang="$lang"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow"><meta name="referrer" content="no-referrer">
<style>$style</style></head>
<body><header><a href="?lang=$other" hreflang="$other">$switch</a></header>
<main>$main</main></body></html>
"""
_FORM: Final = """<form method="post" action="?lang=$lang" autocomplete="off">
<label for="words">$hint</label>
<textarea id="words" name="words" rows="3" maxlength="$most">$words</textarea>$buttons</form>"""
_BUTTON: Final = '<button name="answer" value="$answer"$kind>$label</button>'

_WORDS: Final = {
    "other": ("English", "中文"),  # the language that the page is not in
    "title": ("回访", "One question"),
    "about": ("关于您 {} 反映的问题", "About what you told us at {}"),
    "solved": ("已解决", "Yes, it is solved"),
    "not_solved": ("没有解决", "No, it is not"),
    "still_not": ("又出现了，没有解决", "It is not solved after all"),
    "hint": ("想补充的话（可不填）", "Anything to add (you need not)"),
    "given_solved": ("谢谢，我们记下了：已解决。", "Thank you. We noted that it is solved."),
    "given_not_solved": (
        "谢谢，我们记下了：没有解决。我们会重新处理。",
        "Thank you. We noted that it is not solved, and take it up again.",
    ),
    "over": ("这次回访已经结束", "This question is closed"),
    "over_why": ("如果问题还在，请直接联系我们。", "If there is still something wrong, please get in touch with us."),
    "gone": ("链接已失效", "This link does not work"),
    "gone_why": (
        "它可能已过期，或没有复制完整。如果问题还在，请直接联系我们。",
        "It is over, or was not copied whole. If there is still something wrong, please get in touch with us.",
    ),
    "busy": ("系统忙", "Busy"),
    "busy_why": ("请过一会儿再试。", "Please try again in a moment."),
    "unread": ("没有收到您的回答", "We did not get your answer"),
    "unread_why": ("请返回上一页，再按一次按钮。", "Please go back and press the button again."),
}


def whole(page: AnswerPage, lang: str) -> Html:
    """The question with its buttons; what was answered; or that it is too late."""
    if page.given is None and not page.choices:
        return refusing("over", lang)
    about = _word("about", lang).format(deadlines.moment(page.said_at, page.zone, lang))
    parts = [
        fill('<p class="small">$about</p>', about=about),
        fill("<h1>$question</h1>", question=said(page.question, lang)),
        _given(page.given, lang) if page.given else Html(),
        _form(page, lang) if page.choices else Html(),
        fill('<p class="small">$id</p>', id=page.ticket),
    ]
    return _framed(_word("title", lang), joined(parts), lang)


def refusing(what: str, lang: str) -> Html:
    """The page of what leads nowhere: ``gone``, ``over``, ``busy`` or ``unread``."""
    body = fill("<h1>$title</h1><p>$why</p>", title=_word(what, lang), why=_word(f"{what}_why", lang))
    return _framed(_word(what, lang), body, lang)


def _given(answer: str, lang: str) -> Html:
    kind = "note" if answer == SOLVED else "note no"
    return fill('<p class="$kind" role="status">$words</p>', kind=kind, words=_word(f"given_{answer}", lang))


def _form(page: AnswerPage, lang: str) -> Html:
    buttons = joined(
        fill(
            _BUTTON,
            answer=answer,
            kind=Html(' class="no"') if answer == NOT_SOLVED else Html(),
            label=_word("still_not" if page.given else answer, lang),
        )
        for answer in page.choices
    )
    return fill(_FORM, lang=lang, hint=_word("hint", lang), most=MOST_WORDS, words="", buttons=buttons)


def _framed(title: str, main: Html, lang: str) -> Html:
    other = LANGUAGES[1 - LANGUAGES.index(lang)]
    return fill(_PAGE, lang=lang, other=other, switch=_word("other", lang), title=title, style=Html(STYLE), main=main)


def _word(name: str, lang: str) -> str:
    return _WORDS[name][LANGUAGES.index(lang)]
