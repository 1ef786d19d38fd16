"""What the OpenAPI document tells of dry runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Page
from chalicelib.lambdas.api.operation import FULL, Operation
from chalicelib.lambdas.api.rehearsal import answers, schemas

OPERATIONS: Final[Mapping[str, Operation]] = {
    "start_dry_run": Operation(
        answers.DryRun,
        202,
        schemas.DryRunNew,
        errors={
            409: FULL,
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
    "list_dry_runs": Operation(Page[answers.DryRunLine]),
    "get_dry_run": Operation(answers.DryRun),
}
