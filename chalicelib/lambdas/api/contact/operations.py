"""What the OpenAPI document tells of contacting customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Page
from chalicelib.lambdas.api.contact import answers, schemas
from chalicelib.lambdas.api.operation import FULL, Operation

OPERATIONS: Final[Mapping[str, Operation]] = {
    "get_contact_policy": Operation(answers.ContactRules),
    "put_contact_policy": Operation(
        answers.ContactRules,
        body=schemas.ContactPolicy,
        errors={409: ("version_conflict", *FULL)},
    ),
    "can_contact": Operation(answers.ContactAnswer, query=schemas.ContactQuery),
    "can_contact_person": Operation(answers.ContactAnswer, body=schemas.ContactAsk),
    "claim_contact": Operation(answers.ContactClaimed, body=schemas.ContactClaim, errors={409: ("claim_reused",)}),
    "release_contact": Operation(answers.ContactReleased, body=schemas.ContactRelease),
    "list_skips": Operation(Page[answers.SkipLine], query=schemas.SpanQuery),
    "hear_opt_out": Operation(answers.OptOutHeard, body=schemas.OptOutMessage),
    "put_opt_out": Operation(answers.OptOuts, body=schemas.OptOutWord),
    "list_opt_outs": Operation(answers.OptOuts, query=schemas.OptOutQuery),
    "list_followups": Operation(Page[answers.FollowupLine], query=schemas.FollowupQuery),
    "get_followup": Operation(answers.FollowupLine),
    "end_followup": Operation(answers.FollowupLine, body=schemas.FollowupEnd, errors={409: ("not_open",)}),
}
