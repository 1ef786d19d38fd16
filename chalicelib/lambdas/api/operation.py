"""What a view does not say of its operation. Each room has its own table, ``operations.py``, beside its routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from chalicelib.lambdas.api.schemas import Query

HTML: Final = "text/html"
FORM: Final = "application/x-www-form-urlencoded"
IN_BODY: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("malformed_json", "duplicate_key", "json_too_deep", "number_out_of_range", "invalid_encoding"),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    422: ("schema_violation",),
}
SIGNED: Final = (
    "signature_missing",
    "signature_invalid",
    "timestamp_invalid",
    "timestamp_out_of_window",
    "message_id_invalid",
)
ANSWER_ERRORS: Final = ("nothing_to_verify", "already_answered", "answer_late")
VERSIONED: Final = ("version_conflict",)
FULL: Final = ("too_many",)
ROTATION_ERRORS: Final = {409: ("no_secret",), 429: ("rotation_limit",)}


@dataclass(frozen=True, slots=True)
class Operation:
    """What the view's code does not say: its models, and the error codes of its own."""

    answer: type[BaseModel] | None  # None: an empty body
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[Query] | None = Query
    errors: Mapping[int, tuple[str, ...]] | None = None
    key: bool = True  # a Bearer key is needed
    takes: tuple[str, ...] = ()  # media types of text that a body may have, beside JSON where there is a model
    gives: tuple[str, ...] = ()  # likewise of the answer
    pages: tuple[int, ...] = ()  # refusals that are pages for people
