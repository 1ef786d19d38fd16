"""The page of one ticket, for a phone in a shop: what was said, why it is mine, what to do, by when, and the form.

It is read by whoever has the link. So it shows nothing of the customer but their words, and nothing that colleagues
wrote: no contact data, customer id, attributes, notes, reasons, root causes or actions. The one exception is the answer
to the owner who has proved who they are and asked for the phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from chalicelib.connectors import deadlines
from chalicelib.domain.cases import page_link
from chalicelib.domain.cases.page_link import ACCEPT, CALL, COMPLETE, CONTACTED, NOT_MINE, RESOLVE, Act
from chalicelib.domain.cases.playbook import Playbook, said
from chalicelib.domain.cases.ticket import DUPLICATE, SETTLED, Move, title_in
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.api_keys import KEY_ID
from chalicelib.pages.html import Html, fill, headers, joined, text
from chalicelib.pages.words import LANGUAGES, blank, refusal, state, word
from chalicelib.services.page.open_page import Page
from chalicelib.understanding import called

LINES: Final = 20  # of the history, the newest

STYLE: Final = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{margin:0 auto;max-width:40rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{display:flex;justify-content:space-between;align-items:center;gap:1rem}
h1{font-size:1.25rem;line-height:1.3;margin:.5rem 0}h2{font-size:1rem;margin:1.5rem 0 .25rem}
p,ul,ol,dl{margin:.25rem 0}ol,ul{padding-left:1.4rem}
blockquote,pre{margin:.5rem 0;padding:.5rem .75rem;border-left:4px solid #888;white-space:pre-wrap;font:inherit}
mark{background:#ffe08a;color:#000;padding:0 .1em}
.facts{display:grid;grid-template-columns:minmax(4.5rem,max-content) 1fr;gap:.25rem .75rem}
dt{font-size:.85rem;line-height:1.75;opacity:.75}dt::first-letter{text-transform:uppercase}
dd{margin:0 0 .4rem}.facts dt{max-width:8rem}.facts dd{margin:0}
.due{font-weight:600}.late{color:#c00}.small{font-size:.85rem;opacity:.75}
.note{padding:.6rem .75rem;border:2px solid #2a7;border-radius:.5rem}.note.no{border-color:#c00}
label{display:block;margin:.5rem 0 .15rem}
input,select,textarea,button{width:100%;min-height:3rem;font:inherit;padding:.7rem;
border:1px solid #888;border-radius:.5rem}
button{margin:.5rem 0;min-height:3rem;background:#1456b8;color:#fff;border:0;font-weight:600}
button.second{background:transparent;color:inherit;border:1px solid #888}
details{margin:.5rem 0;border:1px solid #888;border-radius:.5rem;padding:0 .75rem}
summary{padding:.75rem 0;min-height:3rem;font-weight:600}
header a{color:inherit;padding:.6rem 0 .6rem 1rem;min-height:2.75rem}
.call{display:block;margin:.5rem 0;padding:.8rem;min-height:3rem;border-radius:.5rem;background:#17703c;color:#fff;
text-align:center;text-decoration:none;font-weight:600}
@media (prefers-color-scheme:dark){.late{color:#f88}}
"""
HEADERS: Final = headers(STYLE)

_PAGE: Final = """<!doctype html>
<html lang="$lang"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow"><meta name="referrer" content="no-referrer">
<style>$style</style></head>
<body><header><span>Echoloop 回响</span><a href="?lang=$other" hreflang="$other">$switch</a></header>
<main>$main</main></body></html>
"""
_SECTION: Final = "<section><h2>$title</h2>$body</section>"
_PAIR: Final = "<dt>$label</dt><dd>$value</dd>"
_FORM: Final = """<form method="post" action="?lang=$lang" autocomplete="off">
<input type="hidden" name="version" value="$version">
<label for="code">$code</label>
<input id="code" name="code" required maxlength="20" autocapitalize="characters" spellcheck="false">
<p class="small">$hint</p>$acts</form>"""
_TEL: Final = '<a class="call" href="tel:$number">$label</a>'
_CALL: Final = '<button name="do" value="$what" class="second">$label</button>'
_BUTTON: Final = '<button name="do" value="$what">$label</button>'
_FOLDED: Final = "<details$open><summary>$label</summary>$fields$button</details>"
_AREA: Final = """<label for="$name">$label</label>
<textarea id="$name" name="$name" rows="3" maxlength="2000">$value</textarea>"""
_SELECT: Final = '<label for="$name">$label</label><select id="$name" name="$name">$options</select>'
_OPTION: Final = '<option value="$value"$chosen>$label</option>'


def whole(
    page: Page,
    lang: str,
    *,
    notice: str = "",
    refused: str = "",
    given: Act | None = None,
    contact: Mapping[str, str] | None = None,
) -> Html:
    """The page. ``notice``: a word that is good news; ``refused``: the code of why ``given`` was not done.

    ``contact``: how to reach the customer, on the one page that answers the owner who asked for it.
    """
    ticket = page.ticket
    parts = [
        _notice(word(notice, lang), "note") if notice else Html(),
        _notice(refusal(refused, lang), "note no") if refused else Html(),
        _notice(word("incomplete", lang), "note no") if COMPLETE in page_link.possible(ticket) else Html(),
        _reach(contact, lang) if contact is not None else Html(),
        fill("<h1>$title</h1>", title=title_in(ticket, lang) or ticket.id),
        _head(page, lang),
        _section("words", lang, _words(page.feedback, lang)),
        _section("why", lang, _why(page, lang)),
        _section("parts", lang, _parts(page, lang)),
        _section("same", lang, _same(page, lang)),
        _section("what", lang, _what(page, lang)),
        _section("act", lang, _form(page, lang, given)),
        _section("history", lang, _history(page, lang)),
        fill('<p class="small">$id · $until</p>', id=ticket.id, until=_until(page, lang)),
    ]
    return _framed(f"{state(ticket.state, lang)} · {title_in(ticket, lang) or ticket.id}", joined(parts), lang)


def refusing(what: str, lang: str) -> Html:
    """The page of a link or a form that leads nowhere: ``gone``, ``busy`` or ``unread``. It tells of no ticket."""
    body = fill("<h1>$title</h1><p>$why</p>", title=word(what, lang), why=word(f"{what}_why", lang))
    return _framed(word(what, lang), body, lang)


def marked(words: str, spans: Iterable[tuple[int, int]]) -> Html:
    """The words with what lies in one of the spans between ``<mark>`` and ``</mark>``; spans may overlap or be off."""
    inside = [False] * len(words)
    for start, end in spans:
        for place in range(max(0, start), min(end, len(words))):
            inside[place] = True
    edges = [0, *(place for place in range(1, len(words)) if inside[place] != inside[place - 1]), len(words)]
    pieces = [(words[start:end], inside[start]) for start, end in pairwise(edges) if start < end]
    return joined(fill("<mark>$it</mark>", it=piece) if is_evidence else text(piece) for piece, is_evidence in pieces)


def _framed(title: str, main: Html, lang: str) -> Html:
    other = LANGUAGES[1 - LANGUAGES.index(lang)]
    return fill(_PAGE, lang=lang, other=other, switch=word("other", lang), title=title, style=Html(STYLE), main=main)


def _notice(words: str, kind: str) -> Html:
    return fill('<p class="$kind" role="status">$words</p>', kind=kind, words=words)


def _section(name: str, lang: str, body: Html) -> Html:
    return fill(_SECTION, title=word(name, lang), body=body) if body else Html()


def _pairs(pairs: Iterable[tuple[str, object]], lang: str, kind: str = "facts") -> Html:
    """A list of what there is: names of words and values; ``texts`` are long and stand below their names."""
    shown = joined(fill(_PAIR, label=word(name, lang), value=value) for name, value in pairs if value)
    return fill('<dl class="$kind">$shown</dl>', kind=kind, shown=shown) if shown else Html()


def _comma(lang: str) -> str:
    return "、" if lang == "zh-CN" else ", "


def _zone(page: Page) -> str:
    return page.organisation.zone.key


# --- what is read -------------------------------------------------------------------------------------------------


def _head(page: Page, lang: str) -> Html:
    ticket, zone = page.ticket, _zone(page)
    due = Html()
    if ticket.due_at is not None and ticket.state not in SETTLED:
        near = deadlines.near(ticket.due_at, page.now, zone, lang)
        dated = deadlines.dated(ticket.due_at, zone, lang, since=ticket.opened_at)
        kind = "due late" if page.now >= ticket.due_at else "due"
        due = fill(
            '<p class="$kind">$due</p>$sure',
            kind=kind,
            due=word("due_line", lang).format(due=word("due", lang), near=near, dated=dated),
            sure=_provisional(page, lang),
        )
    scores = page.feedback.scores if page.feedback else ()
    pairs = [
        ("state", state(ticket.state, lang)),
        ("verification", word(ticket.verification, lang) if ticket.verification != "not_asked" else ""),
        ("severity", word(ticket.severity, lang)),
        ("first_response", _promise(page, "first_response", lang)),
        ("next_update", _promise(page, "next_update", lang)),
        ("unit", _unit(page)),
        ("scores", "  ".join(f"{one.kind.upper()} {one.value:g}/{one.high:g}" for one in scores)),
    ]
    return joined([due, _pairs(pairs, lang)])


def _promise(page: Page, name: str, lang: str) -> Html:
    """By when a promise is to be kept, or how late it is; empty for one that is kept, over or not made."""
    ticket = page.ticket
    clock = ticket.clocks.named().get(name) if ticket.clocks and ticket.state not in SETTLED else None
    if clock is None or clock.due_at is None or clock.met_at is not None:
        return Html()
    near = deadlines.near(clock.due_at, page.now, _zone(page), lang)
    return fill('<span class="late">$near</span>', near=near) if page.now >= clock.due_at else text(near)


def _provisional(page: Page, lang: str) -> Html:
    """That the deadline may move, where it rests on a calendar that is not published."""
    clock = page.ticket.clocks.named().get("resolution") if page.ticket.clocks else None
    years = _comma(lang).join(str(year) for year in clock.unpublished) if clock else ""
    told = word("provisional", lang).format(years)
    return fill('<p class="small">$told</p>', told=told) if years else Html()


def _unit(page: Page) -> str:
    unit = page.ticket.unit or ""
    known = page.organisation.by_unit.get(unit)
    return f"{known.name} ({unit})" if known and known.name else unit


def _words(feedback: Feedback | None, lang: str) -> Html:
    quotes = list(_quotes(feedback)) if feedback else []
    return joined(quotes) or fill('<p class="small">$none</p>', none=word("no_words", lang))


def _quotes(feedback: Feedback) -> Iterator[Html]:
    """Each text of the customer's, with what the tags rest on marked."""
    for place, one in enumerate(feedback.texts):
        if one.speaker == "customer" and one.text.strip():
            spans = [(tag.start, tag.end) for tag in feedback.understanding.tags if tag.text == place]
            yield fill('<blockquote dir="auto">$words</blockquote>', words=marked(one.text, spans))


def _why(page: Page, lang: str) -> Html:
    ticket = page.ticket
    named = ["duplicate" if why.rule.startswith(DUPLICATE) else why.rule for why in ticket.reasons if not why.lapsed]
    rules = [word(rule, lang) for rule in dict.fromkeys(named)]
    departments = [_department(page, one, lang) for one in ticket.departments]
    pairs = [
        ("departments", _comma(lang).join(departments)),
        ("owner", _owner(page, lang, ticket.owner)),
        ("escalated_to", _comma(lang).join(_owner(page, lang, one) for one in ticket.escalated_to)),
        ("rules", _comma(lang).join(rules)),
        ("tags", _comma(lang).join(page.topic_name(topic, lang) for topic in ticket.topics)),
    ]
    way = joined(fill("<li>$why</li>", why=said(one.why, lang)) for one in page.path)
    return joined([_pairs(pairs, lang), fill("<ol>$way</ol>", way=way) if way else Html()])


def _parts(page: Page, lang: str) -> Html:
    """Of a case that was divided, whose the other pieces are and how far each is; nothing for one that was not."""
    if page.whole is not None:
        told = word("part_of", lang).format(state(page.whole.state, lang))
        return fill("<p>$told</p>", told=told)
    lines = (
        fill(
            "<li>$what · $state · $who</li>",
            what=_comma(lang).join(_department(page, one, lang) for one in part.departments),
            state=state(part.state, lang),
            who=_owner(page, lang, part.owner),
        )
        for part in page.parts
    )
    late = (
        fill("<li>$what · $how</li>", what=_department(page, one, lang), how=word("unopened", lang))
        for one in page.ticket.unopened
    )
    shown = [*lines, *late]
    return fill("<ul>$lines</ul>", lines=joined(shown)) if shown else Html()


def _same(page: Page, lang: str) -> Html:
    """The cases that tell the same, by number and state: another customer's words stand on their own page."""
    lines = (
        fill(
            "<li>$kind · $other · $state</li>",
            kind=word(link.kind, lang),
            other=link.other,
            state=state(other_state, lang),
        )
        for link, other_state in page.links
    )
    return fill("<ul>$lines</ul>", lines=joined(lines)) if page.links else Html()


def _owner(page: Page, lang: str, owner: str | None) -> str:
    """Their name as colleagues know it; of a key, the person who works with it, if anybody says who."""
    if owner is None:
        return word("nobody", lang)
    people = page.organisation.by_person
    known = people.get(owner) or next((one for one in page.organisation.people if one.key == owner), None)
    if known is not None:
        return known.name or known.id
    return "" if owner.startswith(KEY_ID) else owner


def _department(page: Page, department: str, lang: str) -> str:
    known = next((one for one in page.organisation.departments if one.id == department), None)
    return (said(known.names, lang) if known else "") or called.department(department, lang)


def _what(page: Page, lang: str) -> Html:
    playbook = page.playbook
    if playbook is None:
        return fill('<p class="small">$none</p>', none=word("no_playbook", lang))
    steps = joined(fill("<li>$step</li>", step=said(step, lang)) for step in playbook.steps)
    pairs = [
        ("limit", said(playbook.compensation, lang)),
        ("standard", said(playbook.standard, lang)),
        ("reply", _reply(page, playbook, lang)),
        ("question", said(playbook.question, lang)),
    ]
    return joined([fill("<ol>$steps</ol>", steps=steps), _pairs(pairs, lang, "texts")])


def _reply(page: Page, playbook: Playbook, lang: str) -> str:
    """What to answer, with what the ticket knows filled in; what it does not is named as a blank."""
    owner = _owner(page, lang, page.ticket.owner) if page.ticket.owner else ""
    unit = page.organisation.by_unit.get(page.ticket.unit or "")
    known = {"unit": unit.name if unit else "", "staff": owner, "ticket_id": page.ticket.id}

    def filled(found: re.Match[str]) -> str:
        return known.get(found[1]) or blank(found[1], lang) or found[0]

    return re.sub(r"\{([a-z_]+)\}", filled, said(playbook.reply, lang))


def _history(page: Page, lang: str) -> Html:
    lines = list(_lines(page, page.moves, lang))[-LINES:]
    return fill("<ul>$lines</ul>", lines=joined(lines)) if lines else Html()


def _lines(page: Page, moves: Sequence[Move], lang: str) -> Iterator[Html]:
    """When it came to which state or into which hands. What nobody sees from outside is no line."""
    before: Move | None = None
    for line in moves:
        handed = before is not None and before.departments is not None and line.departments != before.departments
        told = [state(line.after, lang)] if line.before != line.after else []
        if handed:
            names = _comma(lang).join(_department(page, one, lang) for one in line.departments or ())
            told.append(word("handed", lang).format(names))
        if told:
            at = deadlines.moment(line.at, _zone(page), lang)
            yield fill("<li>$at · $what</li>", at=at, what=_comma(lang).join(told))
        before = line


def _until(page: Page, lang: str) -> str:
    return word("until", lang).format(deadlines.moment(page.expires_at, _zone(page), lang))


# --- what is done -------------------------------------------------------------------------------------------------


def _form(page: Page, lang: str, given: Act | None) -> Html:
    """Every button that the ticket's state has a use for; what was typed stays, but for the code."""
    acts = page_link.possible(page.ticket)
    if not acts:
        return fill('<p class="small">$none</p>', none=word("nothing", lang))
    return fill(
        _FORM,
        lang=lang,
        version=page.ticket.version,
        code=word("code", lang),
        hint=word("code_hint", lang),
        acts=joined(_act(page, what, lang, given) for what in acts),
    )


def _act(page: Page, what: str, lang: str, given: Act | None) -> Html:
    label = word(what, lang)
    if what == CALL:
        return _call(page, lang)
    button = fill(_BUTTON, what=what, label=label)
    if what in (ACCEPT, CONTACTED):
        return button
    solved = ("root_cause", "action")
    names = {RESOLVE: solved, COMPLETE: solved, NOT_MINE: ("reason",)}[what]
    fields = [_area(name, getattr(given, name, ""), lang) for name in names]
    if what == NOT_MINE:
        fields.append(_departments(page, lang, given.department if given else ""))
    elif page.causes:
        options = [("", word("other_cause", lang)), *((one.id, said(one.names, lang)) for one in page.causes)]
        fields.append(_select("cause", options, lang, given.cause if given else ""))
    unfolded = Html(" open") if given is not None and given.what == what else Html()
    return fill(_FOLDED, open=unfolded, label=label, fields=joined(fields), button=button)


def _call(page: Page, lang: str) -> Html:
    """To see the phone, where one may be known and the ticket is somebody's."""
    if page.ticket.owner is None or page.feedback is None or page.feedback.contact is None:
        return Html()
    hint = fill('<p class="small">$hint</p>', hint=word("call_hint", lang))
    return joined([fill(_CALL, what=CALL, label=word(CALL, lang)), hint])


def _reach(contact: Mapping[str, str], lang: str) -> Html:
    """The phone to tap and the e-mail, once; who comes back to the page has to ask again."""
    phone, email, name = (contact.get(one, "") for one in ("phone", "email", "name"))
    number = "".join(char for char in phone if char.isascii() and (char.isdigit() or char == "+"))
    parts = [
        fill("<p>$name</p>", name=name) if name else Html(),
        fill(_TEL, number=number, label=word("call_now", lang).format(phone)) if number else Html(),
        fill("<p>$email</p>", email=email) if email else Html(),
        Html() if number or email else fill("<p>$none</p>", none=word("no_phone", lang)),
        fill('<p class="small">$once</p>', once=word("shown_once", lang)),
    ]
    return fill('<div class="note" role="status">$parts</div>', parts=joined(parts))


def _area(name: str, value: str, lang: str) -> Html:
    return fill(_AREA, name=name, label=word(name, lang), value=value)


def _departments(page: Page, lang: str, chosen: str) -> Html:
    """Those that do not have it; nothing to choose from without an organisation."""
    others = sorted(page.organisation.named_departments - set(page.ticket.departments))
    if not others:
        return Html()
    options = [("", word("triage", lang)), *((one, _department(page, one, lang)) for one in others)]
    return _select("department", options, lang, chosen)


def _select(name: str, options: Iterable[tuple[str, str]], lang: str, chosen: str) -> Html:
    """One of several; ``options``: value and label."""
    shown = (
        fill(_OPTION, value=value, label=label, chosen=Html(" selected") if value == chosen else Html())
        for value, label in options
    )
    return fill(_SELECT, name=name, label=word(name, lang), options=joined(shown))
