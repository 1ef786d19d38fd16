"""The page that a card's button opens, and the codes with which people work on it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.errors import Invalid, NotFound, Rejected
from chalicelib.lambdas.api import http
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

if TYPE_CHECKING:
    from chalicelib.domain.cases.page_link import Act

bp = Blueprint(__name__)
_call = partial(call_of, bp)

MOST_TEXT: Final = 2000


@bp.route("/t/{link}", methods=["GET"])
@guarded
def open_page(link: str) -> Response:
    """Show the page of one ticket to whoever has its link: HTML, in Chinese or English (``?lang=zh-CN|en``).

    A link is signed and works for 72 hours. One that does not is a page with 404.
    """

    from chalicelib.lambdas.api.html import answered, html
    from chalicelib.pages import ticket
    from chalicelib.wiring import page

    def shown(lang: str) -> Response:
        notice = "done" if http.query(bp.current_request).get("done") == "1" else ""
        return html(ticket, 200, ticket.whole(page.open_page()(link), lang, notice=notice))

    return answered(bp.current_request, ticket, shown)


@bp.route("/t/{link}", methods=["POST"], content_types=ANY)
@guarded
def act_on_page(link: str) -> Response:
    """Do what a person's code and button ask for, then go back to the page.

    The form's fields: ``code``, ``version``, ``do`` (``accept``, ``contacted``, ``resolve`` with ``root_cause`` and
    ``action``, ``complete`` likewise for what was resolved without them, ``not_mine`` with ``reason`` and
    ``department``). ``call`` shows the owner the customer's phone, once, and is written into the audit. What is refused
    is the page again, saying why.
    """
    from chalicelib.domain.cases.page_link import CALL
    from chalicelib.lambdas.api.html import answered, html
    from chalicelib.pages import ticket
    from chalicelib.wiring import page

    def done(lang: str) -> Response:
        act = _act()
        try:
            if act.what == CALL:
                return _reached(link, lang, act)
            page.act_on_page()(link, act)
        except NotFound:
            raise
        except Rejected as refused:
            http.line().note(code=refused.code)
            opened = page.open_page()(link)
            return html(ticket, refused.status, ticket.whole(opened, lang, refused=refused.code, given=act))
        return html(ticket, 303, "", {"Location": f"?lang={lang}&done=1"})

    return answered(bp.current_request, ticket, done)


@bp.route("/v1/tickets/{ticket_id}/codes", methods=["POST"], content_types=ANY)
@guarded
def make_code(ticket_id: str) -> Response:
    """Make the code with which one person works on the ticket's page, for you to hand on. It is shown this once.

    It is for ``person``, else for the ticket's owner, for 72 hours; the code before it works no more. It is for
    somebody of the organisation, and works for as long as they are.
    """
    from chalicelib.lambdas.api.page import schemas
    from chalicelib.wiring import base, cases, page

    call = _call(access.ADMINS)
    workspace, wanted = call.body(schemas.CodeNew)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    made = page.make_code()(seen, wanted.person)
    link = page.page_links().make(workspace, seen.id, base.now())
    answer = {
        "ticket": seen.id,
        "person": made.person,
        "code": made.code,
        "expires_at": made.expires_at.isoformat().replace("+00:00", "Z"),
        "url": f"{http.base_url(bp.current_request, base.settings())}/t/{link}",
    }
    return json_response(201, answer)


def _reached(link: str, lang: str, act: Act) -> Response:
    """The page with the customer's phone on it. What nobody left is not there, and no dead link."""
    from chalicelib.lambdas.api.html import html
    from chalicelib.pages import ticket
    from chalicelib.wiring import page

    try:
        contact = page.act_on_page().contact(link, act)
    except NotFound as none:
        if none.code != "no_contact":
            raise
        contact = {}
    opened = page.open_page()(link)
    http.line().note(revealed=opened.ticket.id)
    return html(ticket, 200, ticket.whole(opened, lang, contact=contact))


def _act() -> Act:
    """The form that was sent. Raises UnsupportedMedia, TooLarge, Malformed, Invalid."""
    from chalicelib.domain.cases.page_link import Act
    from chalicelib.lambdas.api.html import form_fields

    fields = form_fields(bp.current_request)
    version = fields.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) <= 10):
        raise Invalid("The form has no version.", pointer="/version")
    if any(len(value) > MOST_TEXT for value in fields.values()):
        raise Invalid("A text is too long.")
    texts = {name: fields.get(name, "") for name in ("code", "reason", "department", "root_cause", "action", "cause")}
    return Act(what=fields.get("do", ""), version=int(version), **texts)
