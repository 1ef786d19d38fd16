"""What the API answers about how customers are asked."""

from __future__ import annotations

from pydantic import Field

from chalicelib.lambdas.api.answers import Answer


class VerificationQuestion(Answer):
    zh: str = Field(alias="zh-CN")
    en: str


class Verification(Answer):
    """``version`` 0: nobody has changed anything. ``question``: null asks ours where there is no playbook."""

    workspace: str
    version: int
    enabled: bool
    wait_days: int
    change_days: int
    question: VerificationQuestion | None
    changed_at: str | None
    by: str | None
