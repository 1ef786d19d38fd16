"""Contacting customers: policy, ``can_contact``, opt-outs, and follow-ups of happy customers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

if TYPE_CHECKING:
    from chalicelib.lambdas.api.contact.schemas import CustomerNamed
    from chalicelib.services.contact.can_contact import Person

bp = Blueprint(__name__)
_call = partial(call_of, bp)


def _person(workspace: str, named: CustomerNamed) -> Person:
    from chalicelib.wiring import contact

    return contact.can_contact().named(workspace, customer=named.customer, phone=named.phone, email=named.email)


# --- the policy ---------------------------------------------------------------------------------------------------


@bp.route("/v1/contact-policy", methods=["GET"])
@guarded
def get_contact_policy() -> Response:
    """How often, when and for what customers may be contacted. Version 0 is what is shipped."""
    from chalicelib.lambdas.api.contact import shows
    from chalicelib.wiring import contact

    workspace = _call(access.READERS).workspace()
    return json_response(200, shows.policy(workspace, contact.manage_contact().get(workspace)))


@bp.route("/v1/contact-policy", methods=["PUT"], content_types=ANY)
@guarded
def put_contact_policy() -> Response:
    """Bring a policy into force. Its ``version`` is the one that it replaces. A ``consent`` switches the rule for
    happy customers on, taking it back switches it off.
    """
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    call = _call(access.ADMINS)
    workspace, wanted = call.body(schemas.ContactPolicy)
    made = contact.manage_contact().put(workspace, wanted.policy(), by=call.key.id)
    return json_response(200, shows.policy(workspace, made))


# --- may a customer be contacted ----------------------------------------------------------------------------------


@bp.route("/v1/contact", methods=["GET"])
@guarded
def can_contact() -> Response:
    """Whether a customer may be contacted now: each rule, its verdict, and the next allowed time. Nothing is taken."""
    from chalicelib.domain.contact.policy import Ask
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    workspace, asked = _call(access.CONTACT_READERS).query(schemas.ContactQuery)
    service, ask = contact.can_contact(), Ask(asked.purpose, asked.channel, asked.unit)
    person = service.named(workspace, customer=asked.customer)
    return json_response(200, shows.answer(workspace, person, ask, service.ask(workspace, person, ask)))


@bp.route("/v1/contact", methods=["POST"], content_types=ANY)
@guarded
def can_contact_person() -> Response:
    """The same for a customer who is named by a phone number or an address: neither stands in a URL."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    workspace, asked = _call(access.CONTACT_READERS).body(schemas.ContactAsk)
    ask, person = asked.ask(), _person(workspace, asked)
    return json_response(200, shows.answer(workspace, person, ask, contact.can_contact().ask(workspace, person, ask)))


@bp.route("/v1/contact/claims", methods=["POST"], content_types=ANY)
@guarded
def claim_contact() -> Response:
    """Take a slot before you send. Of two that race for the last one, one gets it. A refusal goes into the ledger."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    workspace, wanted = _call(access.CONTACTERS).body(schemas.ContactClaim)
    ask = wanted.ask()
    taken = contact.can_contact().claim(workspace, _person(workspace, wanted), ask, claim=wanted.claim)
    return json_response(200, shows.claimed(workspace, ask, wanted.claim, taken))


@bp.route("/v1/contact/claims/release", methods=["POST"], content_types=ANY)
@guarded
def release_contact() -> Response:
    """Give a slot back whose message was never sent. Once it is given back, or was never taken, nothing changes."""
    from chalicelib.lambdas.api.contact import schemas
    from chalicelib.wiring import contact

    workspace, given = _call(access.CONTACTERS).body(schemas.ContactRelease)
    released = contact.can_contact().release(workspace, _person(workspace, given), claim=given.claim)
    return json_response(200, {"claim": given.claim, "released": released})


@bp.route("/v1/contact/skips", methods=["GET"])
@guarded
def list_skips() -> Response:
    """Contacts that were refused in the last 90 days, newest first, each with its reasons."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import stores

    workspace, asked = _call(access.CONTACT_READERS).query(schemas.SpanQuery)
    found, cursor = stores.contact_store().skips(
        workspace, asked.since, asked.until, limit=asked.limit, cursor=asked.cursor
    )
    return json_response(200, page([shows.skip(one) for one in found], cursor))


# --- opt-outs -----------------------------------------------------------------------------------------------------


@bp.route("/v1/opt-outs/messages", methods=["POST"], content_types=ANY)
@guarded
def hear_opt_out() -> Response:
    """Tell what a customer answered. ``TD``, ``退订`` and the like opt them out of the channel at once; a sentence that
    merely holds such a word does not.
    """
    from chalicelib.lambdas.api.contact import schemas
    from chalicelib.wiring import contact

    workspace, heard = _call(access.CONTACTERS).body(schemas.OptOutMessage)
    person = _person(workspace, heard)
    out = contact.manage_contact().message(workspace, person, heard.channel, heard.text, heard.sent_at)
    return json_response(200, {"opted_out": out, "channel": heard.channel, "customers": list(person)})


@bp.route("/v1/opt-outs", methods=["POST"], content_types=ANY)
@guarded
def put_opt_out() -> Response:
    """Opt a customer out of a channel, or in again, which takes a person's key: that of who answers for it is kept."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    call = _call(access.CONTACTERS)
    workspace, wanted = call.body(schemas.OptOutWord)
    if not wanted.out:
        access.require_role(call.key, access.ADMINS)
    person, manage = _person(workspace, wanted), contact.manage_contact()
    manage.say(workspace, person, wanted.channel, out=wanted.out, by=call.key.id)
    return json_response(200, shows.opt_outs(person, manage.opt_outs(workspace, person)))


@bp.route("/v1/opt-outs", methods=["GET"])
@guarded
def list_opt_outs() -> Response:
    """What a customer last said about each channel."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    workspace, asked = _call(access.CONTACT_READERS).query(schemas.OptOutQuery)
    person = contact.can_contact().named(workspace, customer=asked.customer)
    return json_response(200, shows.opt_outs(person, contact.manage_contact().opt_outs(workspace, person)))


# --- follow-ups ---------------------------------------------------------------------------------------------------


@bp.route("/v1/followups", methods=["GET"])
@guarded
def list_followups() -> Response:
    """Happy customers as tasks for sales, newest first, and those that were suppressed, with the reasons."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import stores

    workspace, asked = _call(access.READERS).query(schemas.FollowupQuery)
    found, cursor = stores.followup_store().page(
        workspace,
        state=asked.state,
        owner=asked.owner,
        since=asked.since,
        until=asked.until,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return json_response(200, page([shows.followup(one) for one in found], cursor))


@bp.route("/v1/followups/{followup_id}", methods=["GET"])
@guarded
def get_followup(followup_id: str) -> Response:
    """One of them. Shops see those of their unit."""
    from chalicelib.lambdas.api.contact import shows
    from chalicelib.wiring import contact

    call = _call(access.CASE_READERS)
    found = contact.suggest_followup().get(call.workspace(), access.identity(followup_id))
    if not access.sees_unit(call.key, found.unit):
        raise access.nowhere()
    return json_response(200, shows.followup(found))


@bp.route("/v1/followups/{followup_id}/outcome", methods=["POST"], content_types=ANY)
@guarded
def end_followup(followup_id: str) -> Response:
    """Say what came of it."""
    from chalicelib.lambdas.api.contact import schemas, shows
    from chalicelib.wiring import contact

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.FollowupEnd)
    service = contact.suggest_followup()
    found = service.get(workspace, access.identity(followup_id))
    if not access.sees_unit(call.key, found.unit):
        raise access.nowhere()
    ended = service.end(found, wanted.outcome, wanted.note, by=call.key.id)
    return json_response(200, shows.followup(ended))
