"""What the OpenAPI document tells of rules, keys, organisations and calendars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Deleted, Page
from chalicelib.lambdas.api.operation import FULL, Operation
from chalicelib.lambdas.api.schemas import ListQuery
from chalicelib.lambdas.api.workspaces import answers, schemas

_RULE_ERRORS: Final = {409: FULL, 422: ("rule_invalid", "unknown_topic", "unknown_department")}
_TABLE_ERRORS: Final = {
    400: ("invalid_encoding",),
    409: ("version_conflict",),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    422: ("organisation_invalid",),
}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "list_rules": Operation(Page[answers.Rule]),
    "create_rule": Operation(answers.Rule, body=schemas.NamedRule, errors=_RULE_ERRORS),
    "put_rule": Operation(answers.Rule, body=schemas.RuleBody, errors=_RULE_ERRORS),
    "delete_rule": Operation(answers.DeletedRule),
    "list_keys": Operation(Page[answers.Key]),
    "create_key": Operation(answers.NewKey, 201, schemas.KeyNew),
    "delete_key": Operation(Deleted),
    "get_organisation": Operation(answers.Organisation, query=schemas.OrganisationQuery, gives=("application/yaml",)),
    "put_organisation": Operation(
        answers.OrganisationTaken,
        body=answers.Organisation,
        errors={409: ("version_conflict",), 422: ("organisation_invalid",)},
        takes=("application/yaml",),
    ),
    "get_people": Operation(None, gives=("text/csv",)),
    "put_people": Operation(
        answers.OrganisationTaken, query=schemas.TableQuery, errors=_TABLE_ERRORS, takes=("text/csv",)
    ),
    "get_units": Operation(None, gives=("text/csv",)),
    "put_units": Operation(
        answers.OrganisationTaken, query=schemas.TableQuery, errors=_TABLE_ERRORS, takes=("text/csv",)
    ),
    "check_organisation": Operation(
        answers.OrganisationChecked,
        body=answers.Organisation,
        errors={422: ("organisation_invalid",)},
        takes=("application/yaml",),
    ),
    "find_owner": Operation(answers.Owner, query=schemas.OwnerQuery, errors={422: ("unknown_topic",)}),
    "list_organisations": Operation(Page[answers.OrganisationLine], query=ListQuery),
    "get_calendar": Operation(answers.Calendar),
}
