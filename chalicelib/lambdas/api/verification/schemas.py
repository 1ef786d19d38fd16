"""What the API takes about whether a case is solved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.domain.cases.verification import MOST_CHANGE, MOST_WAIT
from chalicelib.lambdas.api.schemas import Body, Note


class CustomerAnswer(Body):
    """``note``: what else the customer said; kept for colleagues, redacted."""

    answer: Literal["solved", "not_solved"]
    note: Note | None = Field(default=None, repr=False)


class Question(BaseModel):
    """Yes or no; yes means that it is solved."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    zh: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(alias="zh-CN")
    en: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class VerificationRules(Body):
    """``question`` is asked where there is no playbook; left out, ours."""

    version: int = Field(ge=0, le=2**31)
    enabled: bool = True
    wait_days: int = Field(default=3, ge=1, le=MOST_WAIT)
    change_days: int = Field(default=7, ge=0, le=MOST_CHANGE)
    question: Question | None = None
