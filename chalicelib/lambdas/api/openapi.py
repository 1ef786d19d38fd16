"""The API as an OpenAPI 3.1 document: made from the route table and the models, so it cannot drift from them.

A route without an entry in ``OPERATIONS`` is a KeyError, and a test asks for the document.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.lambdas.api import (
    answers,
    contact_answers,
    contact_schemas,
    effect_schemas,
    issue_answers,
    issue_schemas,
    loop_schemas,
    schemas,
)

Json = dict[str, Any]

_MAY_BE_EMPTY: Final = ("check_organisation",)  # a body is taken and none is needed
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = "application/problem+json"
_HTML: Final = "text/html"
_FORM: Final = "application/x-www-form-urlencoded"
_IN_BODY: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("malformed_json", "duplicate_key", "json_too_deep", "number_out_of_range", "invalid_encoding"),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    422: ("schema_violation",),
}
_BEHIND_A_KEY: Final[Mapping[int, tuple[str, ...]]] = {401: ("unauthorized",), 403: ("forbidden",)}
_NOWHERE: Final[Mapping[int, tuple[str, ...]]] = {404: ("not_found",)}
_BUSY: Final[Mapping[int, tuple[str, ...]]] = {503: ("temporarily_unavailable",)}
_SIGNED: Final = (
    "signature_missing",
    "signature_invalid",
    "timestamp_invalid",
    "timestamp_out_of_window",
    "message_id_invalid",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the view's code does not say: its models, and the error codes of its own."""

    answer: type[BaseModel] | None  # None: an empty body
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[schemas.Query] | None = schemas.Query
    errors: Mapping[int, tuple[str, ...]] | None = None
    key: bool = True  # a Bearer key is needed
    takes: tuple[str, ...] = ()  # media types of text that a body may have, beside JSON where there is a model
    gives: tuple[str, ...] = ()  # likewise of the answer
    pages: tuple[int, ...] = ()  # refusals that are pages for people


_ENDPOINT_ERRORS: Final = {
    422: (
        "url_not_allowed",
        "unknown_connector",
        "secret_invalid",
        "secret_too_large",
        "settings_invalid",
        "contact_not_allowed",
        "credentials_invalid",
        "event_not_taken",
    )
}
_CONNECTION_ERRORS: Final = ("secret_too_large", "settings_invalid", "credentials_invalid")
_SECRET_ERRORS: Final = ("secret_missing", "secret_invalid")
_FULL: Final = ("too_many",)
_RULE_ERRORS: Final = {409: _FULL, 422: ("rule_invalid",)}
_CORRECTION_ERRORS: Final = {
    409: ("stale", "nothing_to_read"),
    422: ("unknown_topic", "unknown_red_line", "span_invalid", "tag_twice"),
}
_TABLE_ERRORS: Final = {
    400: ("invalid_encoding",),
    409: ("version_conflict",),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    422: ("organisation_invalid",),
}
_ANSWER_ERRORS: Final = ("nothing_to_verify", "already_answered", "answer_late")
_ISSUE_MOVES: Final = {
    403: ("no_authority",),
    409: ("illegal_move", "version_conflict"),
    422: (
        "unknown_state",
        "definition_missing",
        "process_missing",
        "study_missing",
        "executive_missing",
        "no_reason",
        "date_missing",
        "merge_by_name",
    ),
}
_VERSIONED: Final = ("version_conflict",)
_ROTATION_ERRORS: Final = {409: ("no_secret",), 429: ("rotation_limit",)}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "health": Operation(answers.Health, query=None, key=False),
    "hook_get": Operation(None, query=None, key=False, errors={401: ("signature_invalid",)}),
    "hook_head": Operation(None, query=None, key=False, errors={401: ("signature_invalid",)}),
    "hook_post": Operation(
        answers.HookHeard, 202, query=None, key=False, errors={401: _SIGNED, 413: ("payload_too_large",), **_IN_BODY}
    ),
    "openapi": Operation(answers.Document, query=None, key=False),
    "create_connection": Operation(
        answers.NewConnection,
        201,
        schemas.ConnectionNew,
        errors={422: ("unknown_source", *_SECRET_ERRORS, *_CONNECTION_ERRORS), 409: _FULL},
    ),
    "list_connections": Operation(answers.Page[answers.Connection]),
    "get_connection": Operation(answers.ConnectionDetail),
    "change_connection": Operation(
        answers.ChangedConnection, body=schemas.ConnectionChange, errors={422: _CONNECTION_ERRORS}
    ),
    "delete_connection": Operation(answers.Deleted),
    "rotate_connection": Operation(
        answers.Rotated, body=schemas.NewSecret, errors={**_ROTATION_ERRORS, 422: _SECRET_ERRORS}
    ),
    "create_upload": Operation(
        answers.NewUpload,
        201,
        schemas.UploadNew,
        errors={409: ("source_takes_no_files",), 422: ("not_csv",)},
    ),
    "list_uploads": Operation(answers.Page[answers.UploadLine], query=schemas.ListQuery),
    "get_upload": Operation(answers.Upload),
    "create_endpoint": Operation(
        answers.NewEndpoint, 201, schemas.EndpointNew, errors={**_ENDPOINT_ERRORS, 409: _FULL}
    ),
    "list_endpoints": Operation(answers.Page[answers.Endpoint]),
    "get_endpoint": Operation(answers.Endpoint),
    "change_endpoint": Operation(answers.ChangedEndpoint, body=schemas.EndpointChange, errors=_ENDPOINT_ERRORS),
    "delete_endpoint": Operation(answers.DeletedEndpoint),
    "rotate_endpoint": Operation(answers.Rotated, body=schemas.Nothing, errors=_ROTATION_ERRORS),
    "list_sources": Operation(answers.Page[answers.SourceLine], query=schemas.GuideQuery),
    "get_source": Operation(answers.Source, query=schemas.GuideQuery),
    "list_connectors": Operation(answers.Page[answers.ConnectorLine], query=schemas.GuideQuery),
    "get_connector": Operation(answers.Connector, query=schemas.GuideQuery),
    "list_rules": Operation(answers.Page[answers.Rule]),
    "create_rule": Operation(answers.Rule, body=schemas.NamedRule, errors=_RULE_ERRORS),
    "put_rule": Operation(answers.Rule, body=schemas.RuleBody, errors=_RULE_ERRORS),
    "delete_rule": Operation(answers.DeletedRule),
    "create_subscription": Operation(answers.Subscription, 201, schemas.SubscriptionNew),
    "delete_subscription": Operation(answers.Deleted),
    "create_key": Operation(answers.NewKey, 201, schemas.KeyNew),
    "delete_key": Operation(answers.Deleted),
    "list_feedback": Operation(answers.Page[answers.FeedbackLine], query=schemas.FeedbackQuery),
    "get_feedback": Operation(answers.Feedback),
    "reparse_feedback": Operation(answers.Queued, 202, schemas.Nothing, errors={409: ("not_parked", "body_expired")}),
    "correct_feedback": Operation(answers.Feedback, body=schemas.Correction, errors=_CORRECTION_ERRORS),
    "review_feedback": Operation(answers.Feedback, body=schemas.Verdict, errors=_CORRECTION_ERRORS),
    "list_readings": Operation(answers.Readings),
    "list_review": Operation(answers.Page[answers.Waiting], query=schemas.ListQuery),
    "list_corrections": Operation(answers.Page[answers.Correction], query=schemas.CorrectionQuery),
    "try_voice": Operation(answers.Tried, body=schemas.Try, errors={409: ("effect_pending",)}),
    "list_needs": Operation(answers.Needs, query=schemas.NeedsQuery, errors={422: ("range_too_long",)}),
    "list_tickets": Operation(answers.Page[answers.Ticket], query=schemas.TicketQuery),
    "get_ticket": Operation(answers.WholeTicket, query=schemas.GuideQuery),
    "move_ticket": Operation(
        answers.Ticket,
        body=schemas.Transition,
        errors={
            409: ("illegal_move", "version_conflict", "children_open"),
            422: ("unknown_state", "resolution_incomplete", "unknown_cause"),
        },
    ),
    "claim_ticket": Operation(
        answers.Ticket,
        body=schemas.Claim,
        errors={409: ("already_claimed", "illegal_move", "version_conflict"), 422: ("unknown_person",)},
    ),
    "reassign_ticket": Operation(
        answers.Ticket,
        body=schemas.Reassignment,
        errors={
            409: ("illegal_move", "version_conflict"),
            422: ("nothing_changes", "no_reason", "unknown_department", "unknown_person"),
        },
    ),
    "complete_ticket": Operation(
        answers.Ticket,
        body=schemas.LateResolution,
        errors={409: ("version_conflict",), 422: ("unknown_cause",)},
    ),
    "make_code": Operation(answers.NewCode, 201, schemas.CodeNew, errors={422: ("no_owner",)}),
    "open_page": Operation(None, query=None, key=False, gives=(_HTML,), pages=(404, 503)),
    "act_on_page": Operation(
        None, 303, query=None, key=False, takes=(_FORM,), pages=(200, 400, 403, 404, 409, 413, 415, 422, 503)
    ),
    "open_question": Operation(None, query=None, key=False, gives=(_HTML,), pages=(404, 503)),
    "answer_question": Operation(
        None, 303, query=None, key=False, takes=(_FORM,), pages=(400, 404, 409, 413, 415, 422, 503)
    ),
    "verify_ticket": Operation(answers.Ticket, body=schemas.CustomerAnswer, errors={409: _ANSWER_ERRORS}),
    "get_verification": Operation(answers.Verification),
    "put_verification": Operation(
        answers.Verification, body=schemas.VerificationRules, errors={409: ("version_conflict",)}
    ),
    "add_note": Operation(answers.CaseNote, 201, schemas.NoteNew, errors={422: ("note_empty",)}),
    "list_notes": Operation(answers.Page[answers.CaseNote], query=schemas.ListQuery),
    "link_ticket": Operation(
        answers.TicketLink, body=schemas.LinkNew, errors={409: ("already_linked", *_FULL), 422: ("links_itself",)}
    ),
    "unlink_ticket": Operation(answers.Deleted, errors={409: ("stale",)}),
    "mark_duplicate": Operation(
        answers.Ticket,
        body=schemas.DuplicateNew,
        errors={
            409: ("already_linked", "children_open", "illegal_move", "of_a_duplicate", "version_conflict", *_FULL),
            422: ("links_itself", "no_reason"),
        },
    ),
    "undo_duplicate": Operation(
        answers.Ticket,
        body=schemas.DuplicateUndo,
        errors={409: ("not_merged", "stale", "version_conflict"), 422: ("no_reason",)},
    ),
    "list_audit": Operation(answers.Audit, query=schemas.AuditQuery),
    "audit_ticket": Operation(answers.TicketVerdict, body=schemas.AuditVerdict, errors={409: ("not_closed",)}),
    "list_unattended": Operation(answers.Page[answers.FeedbackLine], query=schemas.UnattendedQuery),
    "close_feedback": Operation(
        answers.Feedback, body=schemas.CloseReason, errors={409: ("not_open", "stale"), 422: ("no_reason",)}
    ),
    "answer_feedback": Operation(
        answers.Feedback, body=schemas.AnswerGiven, errors={409: ("not_open", "stale"), 422: ("no_reason",)}
    ),
    "reveal_contact": Operation(answers.Contact, body=schemas.ContactReason, errors={404: ("no_contact",)}),
    "get_drift": Operation(answers.DriftReport, query=schemas.DriftQuery),
    "check_drift": Operation(answers.DriftChecked, 202, schemas.DriftCheck),
    "list_deliveries": Operation(answers.Page[answers.Delivery], query=schemas.DeliveryQuery),
    "get_delivery": Operation(answers.WholeDelivery),
    "replay_delivery": Operation(answers.Queued, 202, schemas.Nothing, errors={409: ("delivery_in_progress",)}),
    "replay": Operation(answers.Replayed, 202, schemas.Replay, errors={422: ("invalid_cursor",)}),
    "list_packs": Operation(answers.Page[answers.Pack]),
    "get_pack": Operation(answers.WholePack, query=schemas.GuideQuery),
    "get_frame": Operation(answers.Frame),
    "list_activations": Operation(answers.Page[answers.Activation]),
    "propose_frame": Operation(
        answers.Proposal, 201, schemas.ProposalNew, errors={409: _FULL, 422: ("unknown_pack", "frame_invalid")}
    ),
    "list_proposals": Operation(answers.Page[answers.ProposalLine]),
    "get_proposal": Operation(answers.Proposal),
    "withdraw_proposal": Operation(answers.Deleted, errors={409: ("effect_pending", "frame_active")}),
    "measure_proposal": Operation(
        answers.Proposal, 202, schemas.Nothing, errors={409: ("effect_pending", "frame_active", *_FULL)}
    ),
    "activate_proposal": Operation(
        answers.Proposal, 202, schemas.Nothing, errors={409: ("effect_pending", "effect_stale", "frame_active")}
    ),
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
    "list_organisations": Operation(answers.Page[answers.OrganisationLine], query=schemas.ListQuery),
    "get_calendar": Operation(answers.Calendar),
    "get_graph": Operation(answers.WhatWhyWho, query=schemas.GraphQuery, errors={422: ("unknown_topic",)}),
    "get_own_causes": Operation(answers.OwnCauses, query=schemas.OwnCausesQuery),
    "put_own_causes": Operation(
        answers.OwnCauses,
        body=schemas.OwnCauses,
        errors={
            409: ("version_conflict",),
            422: ("unknown_topic", "unknown_cause", "unknown_department", "cause_twice"),
        },
    ),
    "start_dry_run": Operation(
        answers.DryRun,
        202,
        schemas.DryRunNew,
        errors={
            409: _FULL,
            422: (
                "nothing_to_try",
                "rule_invalid",
                "unknown_rule",
                "unknown_endpoint",
                "unknown_pack",
                "frame_invalid",
                "organisation_invalid",
                "unknown_topic",
                "unknown_cause",
                "unknown_department",
                "cause_twice",
            ),
        },
    ),
    "list_dry_runs": Operation(answers.Page[answers.DryRunLine]),
    "get_dry_run": Operation(answers.DryRun),
    "get_sla": Operation(answers.Sla),
    "put_sla": Operation(answers.Sla, body=schemas.Sla, errors={409: ("version_conflict",)}),
    "get_deadline": Operation(answers.Deadline, query=schemas.DeadlineQuery, errors={422: ("deadline_too_far",)}),
    "update_customer": Operation(
        answers.Ticket, body=schemas.CustomerUpdate, errors={409: ("version_conflict", "not_open")}
    ),
    "declare_fixed": Operation(
        effect_schemas.FixedIssue,
        body=effect_schemas.Fixed,
        errors={
            409: ("version_conflict", "illegal_move", "already_claimed"),
            422: ("fix_in_future", "fix_too_old", "margin_over_expected", "scope_too_wide"),
        },
    ),
    "get_effect": Operation(effect_schemas.Effect, errors={422: ("scope_too_wide",)}),
    "put_exposure": Operation(
        effect_schemas.ExposureKept, body=effect_schemas.Exposures, errors={422: ("day_twice", "day_in_future")}
    ),
    "get_exposure": Operation(
        effect_schemas.ExposureList, query=effect_schemas.ExposureQuery, errors={422: ("range_too_long",)}
    ),
    "get_loop": Operation(
        loop_schemas.LoopWeek, query=loop_schemas.WeekQuery, errors={422: ("unknown_week", "week_out_of_range")}
    ),
    "list_counted": Operation(
        answers.Page[answers.FeedbackLine], query=loop_schemas.CountedQuery, errors={422: ("not_counted",)}
    ),
    "create_digest": Operation(
        loop_schemas.Digest,
        201,
        loop_schemas.DigestNew,
        errors={409: _FULL, 422: ("event_not_taken",)},
    ),
    "list_digests": Operation(answers.Page[loop_schemas.Digest]),
    "delete_digest": Operation(answers.Deleted),
    "get_contact_policy": Operation(contact_answers.ContactRules),
    "put_contact_policy": Operation(
        contact_answers.ContactRules,
        body=contact_schemas.ContactPolicy,
        errors={409: ("version_conflict", *_FULL)},
    ),
    "can_contact": Operation(contact_answers.ContactAnswer, query=contact_schemas.ContactQuery),
    "can_contact_person": Operation(contact_answers.ContactAnswer, body=contact_schemas.ContactAsk),
    "claim_contact": Operation(
        contact_answers.ContactClaimed, body=contact_schemas.ContactClaim, errors={409: ("claim_reused",)}
    ),
    "release_contact": Operation(contact_answers.ContactReleased, body=contact_schemas.ContactRelease),
    "list_skips": Operation(answers.Page[contact_answers.SkipLine], query=contact_schemas.SpanQuery),
    "hear_opt_out": Operation(contact_answers.OptOutHeard, body=contact_schemas.OptOutMessage),
    "put_opt_out": Operation(contact_answers.OptOuts, body=contact_schemas.OptOutWord),
    "list_opt_outs": Operation(contact_answers.OptOuts, query=contact_schemas.OptOutQuery),
    "list_followups": Operation(answers.Page[contact_answers.FollowupLine], query=contact_schemas.FollowupQuery),
    "get_followup": Operation(contact_answers.FollowupLine),
    "end_followup": Operation(
        contact_answers.FollowupLine, body=contact_schemas.FollowupEnd, errors={409: ("not_open",)}
    ),
    "hear_callback_get": Operation(None, query=None, key=False, errors={401: _SIGNED, 405: ("method_not_allowed",)}),
    "hear_callback_post": Operation(
        answers.CallbackHeard,
        body=answers.CallbackBody,
        query=None,
        key=False,
        errors={
            401: _SIGNED,
            409: ("illegal_move", "external_id_mismatch", *_ANSWER_ERRORS),
            422: ("unknown_state", "unknown_answer"),
        },
    ),
    "list_issues": Operation(answers.Page[issue_answers.Issue], query=issue_schemas.IssueQuery),
    "create_issue": Operation(
        issue_answers.Issue,
        201,
        issue_schemas.IssueNew,
        errors={409: _FULL, 422: ("unknown_person", "words_missing")},
    ),
    "get_issue": Operation(issue_answers.IssueDetail),
    "change_issue": Operation(
        issue_answers.Issue,
        body=issue_schemas.IssueChange,
        errors={
            409: ("accepted", *_VERSIONED, *_FULL),
            422: ("unknown_person", "words_missing", "definition_missing"),
        },
    ),
    "move_issue": Operation(issue_answers.Issue, body=issue_schemas.IssueTransition, errors=_ISSUE_MOVES),
    "decide_issue": Operation(issue_answers.Issue, body=issue_schemas.IssueDecision, errors=_ISSUE_MOVES),
    "promote_issue": Operation(
        issue_answers.Issue,
        body=issue_schemas.IssuePromotion,
        errors={409: ("same_level", "illegal_move", *_VERSIONED), 422: ("no_reason",)},
    ),
    "merge_issue": Operation(
        issue_answers.Issue,
        body=issue_schemas.IssueMerge,
        errors={409: ("merges_itself", "illegal_move", *_VERSIONED, *_FULL)},
    ),
    "split_issue": Operation(
        issue_answers.Issue, body=issue_schemas.IssueSplit, errors={409: ("not_merged", *_VERSIONED)}
    ),
    "list_linked_cases": Operation(answers.Page[issue_answers.LinkedCase], query=schemas.ListQuery),
    "link_cases": Operation(
        issue_answers.LinkedCases, body=issue_schemas.IssueLinks, errors={409: ("already_linked", "not_open")}
    ),
    "unlink_case": Operation(answers.Deleted),
    "get_issue_policy": Operation(issue_answers.IssuePolicy),
    "put_issue_policy": Operation(
        issue_answers.IssuePolicy,
        body=issue_schemas.IssuePolicyBody,
        errors={409: _VERSIONED, 422: ("unknown_person",)},
    ),
    "list_insights": Operation(answers.Page[issue_answers.Insight], query=issue_schemas.InsightQuery),
    "create_insight": Operation(
        issue_answers.Insight, 201, issue_schemas.InsightNew, errors={422: ("unknown_person", "words_missing")}
    ),
    "get_insight": Operation(issue_answers.Insight),
    "give_insight": Operation(
        issue_answers.Insight,
        body=issue_schemas.InsightOwner,
        errors={409: ("archived", *_VERSIONED), 422: ("unknown_person",)},
    ),
    "decide_insight": Operation(
        issue_answers.Insight,
        body=issue_schemas.InsightDecision,
        errors={409: ("archived", *_VERSIONED), 422: ("no_reason",)},
    ),
    "archive_insight": Operation(
        issue_answers.Insight,
        body=issue_schemas.InsightArchive,
        errors={409: ("owner_missing", "decision_missing", "archived", *_VERSIONED)},
    ),
}


def document(routes: Mapping[str, Mapping[str, Any]], base_url: str) -> Json:
    """``routes`` is Chalice's table: path → method → entry with its ``view_function``."""
    names, components = _components()
    paths = {
        path: {
            method.lower(): _operation(path, operation_id(by_method, method), entry.view_function, names)
            for method, entry in by_method.items()
        }
        for path, by_method in sorted(routes.items())
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Echoloop", "version": "1", "description": "A customer-experience loop over HTTP."},
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ek_…"}},
        },
    }


def operation_id(by_method: Mapping[str, Any], method: str) -> str:
    """The view's name, with the method where one view serves several."""
    view = by_method[method].view_function
    alone = sum(entry.view_function is view for entry in by_method.values()) == 1
    return str(view.__name__) if alone else f"{view.__name__}_{method.lower()}"


def _components() -> tuple[Mapping[type[BaseModel], str], Json]:
    """The name of each model, and all schemas under those names."""
    models = dict.fromkeys(
        model for one in OPERATIONS.values() for model in (one.body, one.answer, answers.Problem) if model is not None
    )
    found, top = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    names = {model: str(found[model, "validation"]["$ref"]).rpartition("/")[2] for model in models}
    return names, top["$defs"]


def _operation(path: str, name: str, view: Callable[..., Any], names: Mapping[type[BaseModel], str]) -> Json:
    one = OPERATIONS[name]
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition(". ")
    described: Json = {
        "operationId": name,
        "summary": summary.rstrip("."),
        "parameters": [*_path_parameters(path), *(_query_parameters(one.query) if one.query else [])],
        "responses": {str(one.status): _done(one, names), **_errors(path, one, names), **_pages(one)},
        "security": [{"key": []}] if one.key else [],
    }
    if rest:
        described["description"] = rest
    if one.body is not None or one.takes:
        described["requestBody"] = {
            "required": one.body is not schemas.Nothing and name not in _MAY_BE_EMPTY,
            "content": _media(one.body, one.takes, names),
        }
    return described


def _errors(path: str, one: Operation, names: Mapping[type[BaseModel], str]) -> Json:
    """Every refusal with its codes: those of the frame that an operation stands in, and its own."""
    codes: dict[int, list[str]] = {}
    frames = [
        _BEHIND_A_KEY if one.key else {},
        _NOWHERE if one.key or one.body is not None else {},
        _IN_BODY if one.body is not None else {},
        {422: ("invalid_query",)} if one.query else {},
        {422: ("invalid_cursor",)} if one.query and "cursor" in one.query.model_fields else {},
        one.errors or {},
        _BUSY if path.startswith("/v1") and path != "/v1/health" else {},
    ]
    for frame in frames:
        for status, more in frame.items():
            codes.setdefault(status, []).extend(code for code in more if code not in codes.get(status, ()))
    return {
        str(status): {
            "description": "Code: " + ", ".join(listed) + ".",
            "content": _content(_PROBLEM, names[answers.Problem]),
        }
        for status, listed in sorted(codes.items())
    }


def _pages(one: Operation) -> Json:
    """Refusals that a person reads."""
    content = {_HTML: {"schema": {"type": "string"}}}
    return {str(status): {"description": "A page that says why.", "content": content} for status in one.pages}


def _done(one: Operation, names: Mapping[type[BaseModel], str]) -> Json:
    if one.answer is None and not one.gives:
        return {"description": "Done; the body is empty."}
    return {"description": "Done.", "content": _media(one.answer, one.gives, names)}


def _media(model: type[BaseModel] | None, texts: tuple[str, ...], names: Mapping[type[BaseModel], str]) -> Json:
    """JSON of the model where there is one, and what is plain text to this document."""
    json = {} if model is None else _content("application/json", names[model])
    return {**json, **{media_type: {"schema": {"type": "string"}} for media_type in texts}}


def _content(media_type: str, name: str) -> Json:
    return {media_type: {"schema": {"$ref": _REF.format(model=name)}}}


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(model: type[schemas.Query]) -> list[Json]:
    properties = model.model_json_schema(ref_template=_REF)["properties"]
    return [{"name": name, "in": "query", "schema": _given(schema)} for name, schema in properties.items()]


def _given(schema: Json) -> Json:
    """A parameter that is absent is left out, never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    kept = choices[0] if len(choices) == 1 else schema
    return {name: value for name, value in kept.items() if name not in ("title", "default") or value is not None}
