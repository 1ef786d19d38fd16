"""Rules, keys, organisations and calendars.

Loaded by the API function together with the hooks, so nothing heavy is imported here. The document of an organisation
goes in and out as YAML or JSON, by ``Content-Type`` and ``Accept``; units and people as CSV too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, bytes_response, guarded, headers, json_response, line

if TYPE_CHECKING:
    from chalicelib.domain.workspaces.organisation import Organisation
    from chalicelib.lambdas.api.call import Call
    from chalicelib.lambdas.api.workspaces import schemas
    from chalicelib.services.workspaces.organisation_file import Document

bp = Blueprint(__name__)
_call = partial(call_of, bp)

_YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_CSV: Final = ("text/csv",)
_YAML_OUT: Final = "application/yaml; charset=utf-8"
_CSV_OUT: Final = "text/csv; charset=utf-8"


# --- rules --------------------------------------------------------------------------------------------------------


@bp.route("/v1/rules", methods=["GET"])
@guarded
def list_rules() -> Response:
    """The workspace's rules and the built-in ones that they do not replace, by name."""
    from chalicelib.lambdas.api.shows import page
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    workspace = _call(access.READERS).workspace()
    return json_response(200, page([shows.rule(one) for one in workspaces.manage_rules().list(workspace)], None))


@bp.route("/v1/rules", methods=["POST"], content_types=ANY)
@guarded
def create_rule() -> Response:
    """As PUT, with the name in the body."""
    from chalicelib.lambdas.api import parse
    from chalicelib.lambdas.api.workspaces import schemas

    call = _call(access.ADMINS)
    value = parse.read_json(call.request)
    parse.refuse_patterns(value)
    workspace, wanted = call.checked(schemas.NamedRule, value)
    return _put_rule(workspace, wanted.name, wanted)


@bp.route("/v1/rules/{name}", methods=["PUT"], content_types=ANY)
@guarded
def put_rule(name: str) -> Response:
    """Write the next version of a rule. A built-in rule is replaced by one of its name."""
    from chalicelib.lambdas.api import parse
    from chalicelib.lambdas.api.workspaces import schemas

    call = _call(access.ADMINS)
    value = parse.read_json(call.request)
    parse.refuse_patterns(value)
    workspace, wanted = call.checked(schemas.RuleBody, value)
    return _put_rule(workspace, name, wanted)


def _put_rule(workspace: str, name: str, wanted: schemas.RuleBody) -> Response:
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    body = wanted.model_dump(exclude={"name", "workspace"})
    return json_response(200, shows.rule(workspaces.manage_rules().put(workspace, name, body)))


@bp.route("/v1/rules/{name}", methods=["DELETE"])
@guarded
def delete_rule(name: str) -> Response:
    """Take a rule back. A built-in rule that it replaced is in force again."""
    from chalicelib.wiring import workspaces

    workspace = _call(access.ADMINS).workspace()
    workspaces.manage_rules().delete(workspace, access.identity(name))
    return json_response(200, {"name": name, "deleted": True})


# --- keys ---------------------------------------------------------------------------------------------------------


@bp.route("/v1/keys", methods=["POST"], content_types=ANY)
@guarded
def create_key() -> Response:
    """Make an API key. It is shown this once; only its hash is kept."""
    from chalicelib.lambdas.api.workspaces import schemas
    from chalicelib.wiring import workspaces

    workspace, wanted = _call(access.ADMINS).body(schemas.KeyNew)
    made, plaintext = workspaces.manage_keys().create(workspace, wanted.role, wanted.unit)
    body = {"id": made.id, "workspace": workspace, "role": made.role, "unit": made.unit, "key": plaintext}
    return json_response(201, body)


@bp.route("/v1/keys", methods=["GET"])
@guarded
def list_keys() -> Response:
    """The workspace's keys, revoked ones too, in the order of their ids; no secret."""
    from chalicelib.lambdas.api.shows import page
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    workspace = _call(access.ADMINS).workspace()
    return json_response(200, page([shows.key(one) for one in workspaces.manage_keys().list(workspace)], None))


@bp.route("/v1/keys/{key_id}", methods=["DELETE"])
@guarded
def delete_key(key_id: str) -> Response:
    """Revoke a key. It is refused from the next call on."""
    from chalicelib.wiring import workspaces

    workspace = _call(access.ADMINS).workspace()
    workspaces.manage_keys().revoke(workspace, access.identity(key_id))
    return json_response(200, {"id": key_id, "deleted": True})


# --- organisations ------------------------------------------------------------------------------------------------


@bp.route("/v1/organisation", methods=["GET"])
@guarded
def get_organisation() -> Response:
    """Units, departments and people, of the version in force or of an older one. Only an admin sees channels, and only
    those of the version in force. YAML where it is accepted.
    """
    from chalicelib.lambdas.api.workspaces import schemas
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    call = _call(access.READERS)
    workspace, asked = call.query(schemas.OrganisationQuery)
    found = workspaces.manage_organisation().get(workspace, asked.version, channels=_sees_channels(call))
    if "yaml" in headers(call.request).get("accept", ""):
        return bytes_response(200, organisation_file.to_yaml(found), _YAML_OUT)
    return json_response(200, organisation_file.to_document(found))


@bp.route("/v1/organisation", methods=["PUT"], content_types=ANY)
@guarded
def put_organisation() -> Response:
    """Bring an organisation into force. Its ``version`` is the one that it replaces, 0 for the first; what is left out
    is gone. Gaps are taken and counted, what contradicts itself is refused with its line. Open tickets of who is gone
    go to whoever is next in line.
    """
    from chalicelib.wiring import workspaces

    call = _call(access.ADMINS)
    document = _document(call)
    workspace = call.named(document.workspace)
    made = workspaces.manage_organisation().put(workspace, document, by=call.key.id)
    return _taken(workspace, made)


@bp.route("/v1/organisation/people.csv", methods=["GET"])
@guarded
def get_people() -> Response:
    """The people of the version in force as a table. Lists in a cell are divided by semicolons."""
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    call = _call(access.READERS)
    found = workspaces.manage_organisation().get(call.workspace(), channels=_sees_channels(call))
    return bytes_response(200, organisation_file.people_to_csv(found), _CSV_OUT)


@bp.route("/v1/organisation/people.csv", methods=["PUT"], content_types=ANY)
@guarded
def put_people() -> Response:
    """Replace the people of a version by a table; who is not in it is gone."""
    from chalicelib.lambdas.api import parse
    from chalicelib.lambdas.api.workspaces import schemas
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    call = _call(access.ADMINS)
    workspace, asked = call.query(schemas.TableQuery)
    people = organisation_file.people_from_csv(parse.read_bytes(call.request, _CSV))
    made = workspaces.manage_organisation().put_people(workspace, asked.version, people, by=call.key.id)
    return _taken(workspace, made)


@bp.route("/v1/organisation/units.csv", methods=["GET"])
@guarded
def get_units() -> Response:
    """The units of the version in force as a table."""
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    found = workspaces.manage_organisation().get(_call(access.READERS).workspace(), channels=False)
    return bytes_response(200, organisation_file.units_to_csv(found), _CSV_OUT)


@bp.route("/v1/organisation/units.csv", methods=["PUT"], content_types=ANY)
@guarded
def put_units() -> Response:
    """Replace the units of a version by a table; what is not in it is gone."""
    from chalicelib.lambdas.api import parse
    from chalicelib.lambdas.api.workspaces import schemas
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    call = _call(access.ADMINS)
    workspace, asked = call.query(schemas.TableQuery)
    manage = workspaces.manage_organisation()
    units = organisation_file.units_from_csv(parse.read_bytes(call.request, _CSV), manage.is_country)
    return _taken(workspace, manage.put_units(workspace, asked.version, units, by=call.key.id))


@bp.route("/v1/organisation/check", methods=["POST"], content_types=ANY)
@guarded
def check_organisation() -> Response:
    """Prove that every topic of the code frame has one owner in every unit, and list what is wrong, worst first. Of the
    document in the body, which is not kept; without one, of the version in force.
    """
    from chalicelib.lambdas.api import http
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    call = _call(access.ADMINS)
    document = _document(call) if http.raw_body(call.request) else None
    workspace = call.named(document.workspace if document else None)
    return json_response(200, shows.checked(workspaces.manage_organisation().check(workspace, document), document))


@bp.route("/v1/organisation/owner", methods=["GET"])
@guarded
def find_owner() -> Response:
    """Who is answerable at a unit for a topic or a department, at a moment, with the way there and why each step was
    taken. With neither, who gets what nobody else is answerable for.
    """
    from chalicelib.lambdas.api.workspaces import schemas, shows
    from chalicelib.wiring import workspaces

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.OwnerQuery)
    unit = access.visible_unit(call.key, asked.unit)
    found = workspaces.manage_organisation().owner(workspace, asked.topic, asked.department, unit, asked.at)
    return json_response(200, shows.answerable(found, unit, asked.topic))


@bp.route("/v1/organisation/history", methods=["GET"])
@guarded
def list_organisations() -> Response:
    """Every version, newest first, and whose key brought it."""
    from chalicelib.lambdas.api.schemas import ListQuery
    from chalicelib.lambdas.api.shows import page
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    workspace, asked = _call(access.READERS).query(ListQuery)
    found, cursor = workspaces.manage_organisation().history(workspace, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.organisation_line(one) for one in found], cursor))


def _sees_channels(call: Call) -> bool:
    return call.key.role in access.ADMINS


def _document(call: Call) -> Document:
    from chalicelib.lambdas.api import http, parse
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    is_country = workspaces.manage_organisation().is_country
    if headers(call.request).get("content-type", "").split(";")[0].strip().lower() == http.JSON:
        value = parse.read_json(call.request, limit=organisation_file.MOST_BYTES)
        return organisation_file.from_json(value, is_country)
    return organisation_file.from_yaml(parse.read_bytes(call.request, _YAML), is_country)


def _taken(workspace: str, made: Organisation) -> Response:
    """What came into force, and how much of it is still to be mended."""
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    line().note(organisation=made.version)
    manage = workspaces.manage_organisation()
    return json_response(200, shows.taken(made, manage.check_one(workspace, made), manage.leaving(workspace, made)))


# --- calendars ----------------------------------------------------------------------------------------------------


@bp.route("/v1/calendars/{country}/{year}", methods=["GET"])
@guarded
def get_calendar(country: str, year: str) -> Response:
    """Public holidays and make-up days of a country (``CN``) or a part of one (``DE-BY``). A year that is not published
    shows what is expected, and may change.
    """
    from chalicelib.lambdas.api.workspaces import shows
    from chalicelib.wiring import workspaces

    _call(access.EVERYBODY).workspace()
    found = workspaces.calendar(access.identity(country))
    known = found.years.get(int(year)) if found and year.isascii() and year.isdecimal() and len(year) == 4 else None
    if found is None or known is None:
        raise access.nowhere()
    return json_response(200, shows.calendar(found, int(year), known))
