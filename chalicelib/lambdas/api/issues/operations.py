"""What the OpenAPI document tells of issues, insights and fixes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Deleted, Page
from chalicelib.lambdas.api.issues import answers, effect_answers, effect_schemas, schemas
from chalicelib.lambdas.api.operation import FULL, VERSIONED, Operation
from chalicelib.lambdas.api.schemas import ListQuery

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

OPERATIONS: Final[Mapping[str, Operation]] = {
    "declare_fixed": Operation(
        effect_answers.FixedIssue,
        body=effect_schemas.Fixed,
        errors={
            409: ("version_conflict", "illegal_move", "already_claimed"),
            422: ("fix_in_future", "fix_too_old", "margin_over_expected"),
        },
    ),
    "get_effect": Operation(effect_answers.Effect, errors={404: ("not_declared_fixed",)}),
    "put_exposure": Operation(
        effect_answers.ExposureKept,
        body=effect_schemas.Exposures,
        errors={422: ("day_twice", "day_in_future", "unknown_unit")},
    ),
    "get_exposure": Operation(
        effect_answers.ExposureList, query=effect_schemas.ExposureQuery, errors={422: ("range_too_long",)}
    ),
    "list_issues": Operation(Page[answers.Issue], query=schemas.IssueQuery),
    "create_issue": Operation(
        answers.Issue,
        201,
        schemas.IssueNew,
        errors={409: FULL, 422: ("unknown_person", "words_missing")},
    ),
    "get_issue": Operation(answers.IssueDetail),
    "change_issue": Operation(
        answers.Issue,
        body=schemas.IssueChange,
        errors={
            403: ("no_authority",),
            409: ("accepted", *VERSIONED, *FULL),
            422: ("unknown_person", "words_missing", "definition_missing"),
        },
    ),
    "move_issue": Operation(answers.Issue, body=schemas.IssueTransition, errors=_ISSUE_MOVES),
    "decide_issue": Operation(answers.Issue, body=schemas.IssueDecision, errors=_ISSUE_MOVES),
    "promote_issue": Operation(
        answers.Issue,
        body=schemas.IssuePromotion,
        errors={
            403: ("no_authority",),
            409: ("same_level", "illegal_move", *VERSIONED),
            422: ("no_reason",),
        },
    ),
    "merge_issue": Operation(
        answers.Issue,
        body=schemas.IssueMerge,
        errors={403: ("no_authority",), 409: ("merges_itself", "illegal_move", *VERSIONED, *FULL)},
    ),
    "split_issue": Operation(answers.Issue, body=schemas.IssueSplit, errors={409: ("not_merged", *VERSIONED)}),
    "list_linked_cases": Operation(Page[answers.LinkedCase], query=ListQuery),
    "link_cases": Operation(answers.LinkedCases, body=schemas.IssueLinks, errors={409: ("already_linked", "not_open")}),
    "unlink_case": Operation(Deleted),
    "get_issue_policy": Operation(answers.IssuePolicy),
    "put_issue_policy": Operation(
        answers.IssuePolicy,
        body=schemas.IssuePolicyBody,
        errors={409: VERSIONED, 422: ("unknown_person",)},
    ),
    "list_insights": Operation(Page[answers.Insight], query=schemas.InsightQuery),
    "create_insight": Operation(
        answers.Insight, 201, schemas.InsightNew, errors={422: ("unknown_person", "words_missing")}
    ),
    "get_insight": Operation(answers.Insight),
    "give_insight": Operation(
        answers.Insight,
        body=schemas.InsightOwner,
        errors={409: ("archived", *VERSIONED), 422: ("unknown_person",)},
    ),
    "decide_insight": Operation(
        answers.Insight,
        body=schemas.InsightDecision,
        errors={409: ("archived", *VERSIONED), 422: ("no_reason",)},
    ),
    "archive_insight": Operation(
        answers.Insight,
        body=schemas.InsightArchive,
        errors={409: ("owner_missing", "decision_missing", "archived", *VERSIONED)},
    ),
}
