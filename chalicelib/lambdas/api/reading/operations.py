"""What the OpenAPI document tells of feedback, corrections and code frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Deleted, Page, Queued
from chalicelib.lambdas.api.operation import FULL, Operation
from chalicelib.lambdas.api.reading import answers, frame_answers, schemas
from chalicelib.lambdas.api.schemas import GuideQuery, ListQuery, Nothing

_CORRECTION_ERRORS: Final = {
    409: ("stale", "nothing_to_read"),
    422: ("unknown_topic", "unknown_red_line", "span_invalid", "tag_twice"),
}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "list_feedback": Operation(Page[answers.FeedbackLine], query=schemas.FeedbackQuery),
    "get_feedback": Operation(answers.Feedback),
    "reparse_feedback": Operation(Queued, 202, Nothing, errors={409: ("not_parked", "body_expired")}),
    "correct_feedback": Operation(answers.Feedback, body=schemas.Correction, errors=_CORRECTION_ERRORS),
    "review_feedback": Operation(answers.Feedback, body=schemas.Verdict, errors=_CORRECTION_ERRORS),
    "list_readings": Operation(answers.Readings),
    "list_review": Operation(Page[answers.Waiting], query=ListQuery),
    "list_corrections": Operation(Page[answers.Correction], query=schemas.CorrectionQuery),
    "try_voice": Operation(answers.Tried, body=schemas.Try, errors={409: ("effect_pending",)}),
    "list_needs": Operation(answers.Needs, query=schemas.NeedsQuery, errors={422: ("range_too_long",)}),
    "list_unattended": Operation(Page[answers.FeedbackLine], query=schemas.UnattendedQuery),
    "close_feedback": Operation(
        answers.Feedback, body=schemas.CloseReason, errors={409: ("not_open", "stale"), 422: ("no_reason",)}
    ),
    "answer_feedback": Operation(
        answers.Feedback, body=schemas.AnswerGiven, errors={409: ("not_open", "stale"), 422: ("no_reason",)}
    ),
    "list_packs": Operation(Page[frame_answers.Pack]),
    "get_pack": Operation(frame_answers.WholePack, query=GuideQuery),
    "get_frame": Operation(frame_answers.Frame),
    "list_activations": Operation(Page[frame_answers.Activation]),
    "propose_frame": Operation(
        frame_answers.Proposal, 201, schemas.ProposalNew, errors={409: FULL, 422: ("unknown_pack", "frame_invalid")}
    ),
    "list_proposals": Operation(Page[frame_answers.ProposalLine]),
    "get_proposal": Operation(frame_answers.Proposal),
    "withdraw_proposal": Operation(Deleted, errors={409: ("effect_pending", "frame_active")}),
    "measure_proposal": Operation(
        frame_answers.Proposal, 202, Nothing, errors={409: ("effect_pending", "frame_active", *FULL)}
    ),
    "activate_proposal": Operation(
        frame_answers.Proposal, 202, Nothing, errors={409: ("effect_pending", "effect_stale", "frame_active")}
    ),
}
