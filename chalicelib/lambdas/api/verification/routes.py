"""Whether a case is solved: the customer's page, what a key says in their name, and how a workspace asks."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.errors import Invalid
from chalicelib.lambdas.api import http
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

bp = Blueprint(__name__)
_call = partial(call_of, bp)


# --- the customer's page ------------------------------------------------------------------------------------------


@bp.route("/v/{link}", methods=["GET"])
@guarded
def open_question(link: str) -> Response:
    """Ask the customer whether their case is solved: HTML, in Chinese or English (``?lang=zh-CN|en``).

    Opening it answers nothing. A link that does not work is a page with 404.
    """

    from chalicelib.lambdas.api.html import answered, html
    from chalicelib.pages import verification as question
    from chalicelib.wiring import verification

    def shown(lang: str) -> Response:
        return html(question, 200, question.whole(verification.open_answer_page()(link), lang))

    return answered(bp.current_request, question, shown)


@bp.route("/v/{link}", methods=["POST"], content_types=ANY)
@guarded
def answer_question(link: str) -> Response:
    """Take the customer's answer, then go back to the page.

    The form's fields: ``answer`` (``solved``, ``not_solved``) and ``words``. The first answer decides; a later
    ``not_solved`` takes the case up again. What comes too late is the page again, saying so; its words are kept.
    """

    from chalicelib.errors import Conflict
    from chalicelib.lambdas.api.html import answered, form_fields, html
    from chalicelib.pages import verification as question
    from chalicelib.wiring import verification

    def done(lang: str) -> Response:
        asked = verification.answer_links().read(link)
        fields = form_fields(bp.current_request)
        words = fields.get("words", "")
        if len(words) > question.MOST_WORDS:
            raise Invalid("The text is too long.", pointer="/words")
        try:
            taken = verification.take_answer()(
                asked.workspace, asked.ticket, fields.get("answer", ""), via="page", words=words, number=asked.number
            )
        except Conflict as refused:
            http.line().note(code=refused.code)
            verification.take_answer().keep_late(asked.workspace, asked.ticket, words)
            return html(question, refused.status, question.whole(verification.open_answer_page()(link), lang))
        http.line().note(workspace=asked.workspace, ticket=asked.ticket, answer=taken.code)
        return html(question, 303, "", {"Location": f"?lang={lang}"})

    return answered(bp.current_request, question, done)


# --- keys ---------------------------------------------------------------------------------------------------------


@bp.route("/v1/tickets/{ticket_id}/verification", methods=["POST"], content_types=ANY)
@guarded
def verify_ticket(ticket_id: str) -> Response:
    """Hand in what the customer said: whether the case is ``solved``. The history names the customer, and your key.

    ``solved`` closes a resolved case as satisfied, ``not_solved`` takes it up again; the same answer again is no news.
    """
    from chalicelib.lambdas.api.cases.shows import ticket
    from chalicelib.lambdas.api.verification import schemas
    from chalicelib.wiring import cases, verification

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.CustomerAnswer)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    taken = verification.take_answer()(workspace, seen.id, wanted.answer, via=call.key.id, words=wanted.note)
    return json_response(200, ticket(taken.ticket))


@bp.route("/v1/verification", methods=["GET"])
@guarded
def get_verification() -> Response:
    """How customers are asked whether their case is solved."""
    from chalicelib.lambdas.api.verification import shows
    from chalicelib.wiring import verification

    call = _call(access.READERS)
    workspace = call.workspace()
    return json_response(200, shows.verification(workspace, verification.manage_verification().get(workspace)))


@bp.route("/v1/verification", methods=["PUT"], content_types=ANY)
@guarded
def put_verification() -> Response:
    """Decide whether customers are asked, how many days a case waits for their answer, and for how many more they may
    take it up again. ``version`` is the one that this replaces, 0 for the first.
    """
    from chalicelib.domain.cases.verification import Rules
    from chalicelib.lambdas.api.verification import schemas, shows
    from chalicelib.wiring import verification

    call = _call(access.ADMINS)
    workspace, wanted = call.body(schemas.VerificationRules)
    rules = Rules(
        version=wanted.version,
        enabled=wanted.enabled,
        wait_days=wanted.wait_days,
        change_days=wanted.change_days,
        question=wanted.question.model_dump(by_alias=True) if wanted.question else None,
    )
    made = verification.manage_verification().put(workspace, rules, by=call.key.id)
    return json_response(200, shows.verification(workspace, made))
