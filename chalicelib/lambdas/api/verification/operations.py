"""What the OpenAPI document tells of whether a case is solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.cases.answers import Ticket
from chalicelib.lambdas.api.operation import ANSWER_ERRORS, FORM, HTML, Operation
from chalicelib.lambdas.api.verification import answers, schemas

OPERATIONS: Final[Mapping[str, Operation]] = {
    "open_question": Operation(None, query=None, key=False, gives=(HTML,), pages=(404, 503)),
    "answer_question": Operation(
        None, 303, query=None, key=False, takes=(FORM,), pages=(400, 404, 409, 413, 415, 422, 503)
    ),
    "verify_ticket": Operation(Ticket, body=schemas.CustomerAnswer, errors={409: ANSWER_ERRORS}),
    "get_verification": Operation(answers.Verification),
    "put_verification": Operation(
        answers.Verification, body=schemas.VerificationRules, errors={409: ("version_conflict",)}
    ),
}
