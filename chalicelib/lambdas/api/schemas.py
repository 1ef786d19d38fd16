"""What all that the API takes is made of: bodies, queries and the words in them, as Pydantic models.

Shapes and bounds only; what a rule, a mapping or an address means is checked by the domain.
Unknown fields are refused everywhere: a misspelt setting that is ignored is a setting that is not there.
Each room has its own beside its routes, loaded by the views that need them.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated, Final, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from chalicelib.domain.contact.masks import is_contact
from chalicelib.domain.time.moments import EARLIEST, rfc3339

MOST_ITEMS: Final = 100  # on one page of a list
LATEST: Final = datetime(2100, 1, 1, tzinfo=timezone.utc)
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DIGITS: Final = 20  # that are read of a number: more make it no less too large
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def printable(text: str) -> str:
    if _CONTROLS.search(text):
        raise ValueError("Control characters are not allowed.")
    return text


def _no_contact(text: str) -> str:
    """Whoever has a ticket stands in its events, which go to other systems."""
    if is_contact(text):
        raise ValueError("A name or an id is needed, not a number or an address.")
    return text


def _https(text: str) -> str:
    """A link that a person may follow: nothing that a browser would run, and no password in it."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fits = False
    if not fits or re.search(r"\s", printable(text)):
        raise ValueError("An https address without a user is needed.")
    return text


def _moment(value: object) -> datetime:
    """RFC 3339 with a zone, or a date, which means its first moment in UTC."""
    if not isinstance(value, str):
        raise ValueError("A time is text.")  # noqa: TRY004 - Pydantic reports ValueError only
    try:
        moment = rfc3339(f"{value}T00:00:00Z" if _DATE.fullmatch(value) else value)
    except ValueError:
        raise ValueError("An RFC 3339 time with a zone, or a date, is needed.") from None
    if not EARLIEST <= moment < LATEST:
        raise ValueError("The time is out of range.")
    return moment


def _whole(value: object) -> int:
    """A page size as it stands in a query: digits only."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]+", value):
        raise ValueError("A whole number is needed.")
    return int(value[:_DIGITS])


def number(value: object) -> int:
    """A version as it stands in a query: digits only."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,8}", value):
        raise ValueError("A whole number is needed.")
    return int(value)


def unique(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("A value is named twice.")
    return values


# In Pydantic's patterns (Rust) a dollar sign is the very end of the text, with no line break after it.
Workspace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(printable)]
Owner = Annotated[Name, AfterValidator(_no_contact)]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
Note = Annotated[str, StringConstraints(max_length=2000)]
Secret = Annotated[str, StringConstraints(pattern=r"^[!-~]{8,256}$")]
Link = Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(_https)]
Identity = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,100}$")]
Credentials = Annotated[dict[Word, Annotated[str, StringConstraints(max_length=4096)] | None], Field(max_length=20)]
Severity = Literal["low", "medium", "high", "critical"]
TicketState = Literal[
    "triage",
    "open",
    "accepted",
    "in_progress",
    "waiting_customer",
    "resolved",
    "verifying",
    "closed",
    "reopened",
    "merged",
    "rejected",
]
Limit = Annotated[
    int,
    Field(ge=1, le=MOST_ITEMS),
    BeforeValidator(_whole, json_schema_input_type=Annotated[int, Field(ge=1, le=MOST_ITEMS)]),
]
Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Span(Protocol):
    @property
    def since(self) -> datetime | None: ...

    @property
    def until(self) -> datetime | None: ...


AnySpan = TypeVar("AnySpan", bound=_Span)


class Body(BaseModel):
    """A JSON object. ``workspace`` is the key's own unless an operator names another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    workspace: Workspace | None = None


class Nothing(Body):
    """A call that needs no body."""


class Query(BaseModel):
    """Query parameters arrive as text; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    workspace: Workspace | None = None


class ListQuery(Query):
    limit: Limit = 50
    cursor: str | None = Field(default=None, min_length=1, max_length=1024)


class GuideQuery(Query):
    """``lang``: texts in this language alone; left out, each text is an object of all languages."""

    lang: Literal["zh-CN", "en"] | None = None


def ordered(span: AnySpan) -> AnySpan:
    if span.since is not None and span.until is not None and span.since > span.until:
        raise ValueError("since is after until.")
    return span
