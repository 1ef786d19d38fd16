"""What the OpenAPI document tells of the page of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.operation import FORM, HTML, Operation
from chalicelib.lambdas.api.page import answers, schemas

OPERATIONS: Final[Mapping[str, Operation]] = {
    "make_code": Operation(answers.NewCode, 201, schemas.CodeNew, errors={422: ("no_owner", "unknown_person")}),
    "open_page": Operation(None, query=None, key=False, gives=(HTML,), pages=(404, 503)),
    "act_on_page": Operation(
        None, 303, query=None, key=False, takes=(FORM,), pages=(200, 400, 403, 404, 409, 413, 415, 422, 503)
    ),
}
