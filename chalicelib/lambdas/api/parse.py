"""From a request to checked values. Refusals name the place and the rule, never what was sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar, get_args

from chalice.app import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.domain.text import strict_json
from chalicelib.errors import Invalid, Malformed, UnsupportedMedia
from chalicelib.lambdas.api import http, schemas

AnyBody = TypeVar("AnyBody", bound=schemas.Body)
AnyQuery = TypeVar("AnyQuery", bound=schemas.Query)

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Only what these say goes out: other messages of the library may quote the input.
_SAYINGS: Final = {
    "missing": "A required field is missing.",
    "extra_forbidden": "There is a field that is not known here.",
    "string_too_short": "The text is too short.",
    "string_too_long": "The text is too long.",
    "too_short": "Too few entries.",
    "too_long": "Too many entries.",
    "greater_than_equal": "The number is too small.",
    "less_than_equal": "The number is too large.",
    "literal_error": "The value is not one of those allowed.",
}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_OF_THE_SENDER: Final = ("headers", "status_map", "mapping", "when")  # fields whose keys are chosen by the sender


def read_json(request: Request, *, limit: int = strict_json.MAX_BYTES) -> Any:
    """The decoded body, of at most ``limit`` bytes; {} when there is none.

    Raises UnsupportedMedia, TooLarge or Malformed.
    """
    raw = read_bytes(request, (http.JSON,))
    return _plain(strict_json.decode(raw, limit=limit)) if raw else {}


def read_bytes(request: Request, types: Sequence[str]) -> bytes:
    """The body as it came; an empty one may have any type. Raises UnsupportedMedia, Malformed."""
    fields = http.headers(request)
    if fields.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Compressed bodies are not taken.")
    raw = http.raw_body(request)
    if raw and fields.get("content-type", "").split(";")[0].strip().lower() not in types:
        raise UnsupportedMedia(f"The body must be {types[0]}.")
    return raw


def body(model: type[AnyBody], value: Any) -> AnyBody:
    """``value`` as a model. Raises Invalid (``schema_violation``) with a JSON pointer."""
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.", pointer="")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=True, include_input=False)[0]
        raise Invalid(_saying(first, model), pointer=_pointer(first)) from None


def query(model: type[AnyQuery], request: Request) -> AnyQuery:
    """The query parameters as a model. Raises Invalid (``invalid_query``, ``invalid_cursor``)."""
    try:
        return model.model_validate(http.query(request))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=True, include_input=False)[0]
        pointer = _pointer(first)
        code = "invalid_cursor" if pointer == "/cursor" else "invalid_query"
        raise Invalid(_saying(first, model), code=code, pointer=pointer) from None


def refuse_patterns(value: object) -> None:
    """People look for regular expressions in rules: say that there are none. Raises Invalid (``rule_invalid``)."""
    if isinstance(value, dict) and ("pattern" in value or "regex" in value):
        raise Invalid("Rules take no patterns: use contains.", code="rule_invalid", pointer="")


def _plain(value: Any) -> Any:
    """The value itself, when it is something that settings may hold: no text that is not Unicode, no endless fraction.

    The strict decoder has bounded the depth.
    """
    if isinstance(value, dict):
        for key, entry in value.items():
            _plain(key)
            _plain(entry)
    elif isinstance(value, list):
        for entry in value:
            _plain(entry)
    elif isinstance(value, Decimal):
        raise Malformed("A number has too many digits.", code="number_out_of_range")
    elif isinstance(value, str) and _SURROGATE.search(value):
        raise Malformed("A text is not Unicode.", code="invalid_encoding")
    return value


def _saying(error: ErrorDetails, model: type[BaseModel]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])  # our own validators' words
    if error["type"] == "extra_forbidden" and (known := _known(model, error["loc"][:-1])):
        return f"{_SAYINGS['extra_forbidden']} Known: {', '.join(known)}."
    return _SAYINGS.get(error["type"], "The value has the wrong form.")


def _known(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The fields of what stands at ``place`` of a model; none where that may be one of several things."""
    for part in place:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            within = _models(fields[part].annotation) if part in fields else []
            if len(within) != 1:
                return []
            model = within[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]


def _pointer(error: ErrorDetails) -> str:
    """JSON pointer to the field; it stops where the sender's own names would begin. A field that is not known is named
    where its name can be one: a value in the wrong place is not repeated.
    """
    parts: list[str] = []
    place = error["loc"]
    if error["type"] == "extra_forbidden" and not _NAME.fullmatch(str(place[-1])):
        place = place[:-1]
    for part in place:
        parts.append(str(part))
        if part in _OF_THE_SENDER:
            break
    return "".join(f"/{part}" for part in parts)
