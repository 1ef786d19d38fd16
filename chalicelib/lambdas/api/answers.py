"""What the API answers in more than one room, for its OpenAPI document and for the test that holds the views to it.

The function never checks an answer against these: they are loaded when the document is asked for.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """RFC 9457. ``code`` is stable; ``pointer`` is a JSON pointer into what was sent; nothing sent is repeated."""

    type: Literal["about:blank"]
    title: str
    status: int
    code: str
    detail: str
    pointer: str | None = None
    allowed: list[str] | None = None


class Page(Answer, Generic[Item]):
    """``cursor`` leads to the next page; null at the end."""

    items: list[Item]
    cursor: str | None


class Rotated(Answer):
    secret: str
    previous_valid_until: str


class Deleted(Answer):
    id: str
    deleted: Literal[True]


Words = dict[Literal["zh-CN", "en"], str] | str  # a text where one language was asked for


class Filled(Answer):
    """What stands beside a form field."""

    label: Words
    help: Words


class GuideChoice(Answer):
    """``label`` is null where the value speaks for itself."""

    value: str
    label: Words | None


class GuideField(Filled):
    """``longest``: characters of a text, entries of a list or map. ``sure``: how well the vendor's side is known."""

    name: str
    kind: Literal["text", "choice", "number", "flag", "list", "map"]
    required: bool
    choices: list[GuideChoice]
    default: Any
    longest: int
    least: float | None
    most: float | None
    sure: Literal["documented", "seen", "recalled", "unknown"]


class AdapterLine(Answer):
    name: str
    title: Words
    summary: Words


class Adapter(AdapterLine):
    """Texts for the administrator of the platform. ``{hook_url}`` and ``{callback_url}`` in a step stand for the URL
    that the connection or endpoint was answered with. ``common_fields`` are settings too; ``secret`` is null where
    there is none.
    """

    before_you_start: list[Words]
    steps: list[Words]
    expect: list[Words]
    limits: list[Words]
    not_sure: list[Words]
    secret: Filled | None
    fields: list[GuideField]
    common_fields: list[GuideField]
    credential_fields: list[GuideField]


class GuideHook(Answer):
    methods: list[str]
    content_types: list[str]


class Queued(Answer):
    id: str
    status: Literal["queued"]


class Health(Answer):
    status: Literal["ok"]
    stage: str


class Document(BaseModel):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    paths: dict[str, Any]


class InTwoLanguages(Answer):
    zh_cn: str = Field(alias="zh-CN")
    en: str
