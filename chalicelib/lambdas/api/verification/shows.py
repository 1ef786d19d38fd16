"""What the API shows of how customers are asked."""

from __future__ import annotations

from chalicelib.domain.cases.verification import Rules
from chalicelib.lambdas.api.shows import Json, moment


def verification(workspace: str, one: Rules) -> Json:
    return {
        "workspace": workspace,
        "version": one.version,
        "enabled": one.enabled,
        "wait_days": one.wait_days,
        "change_days": one.change_days,
        "question": dict(one.question) if one.question else None,
        "changed_at": moment(one.changed_at),
        "by": one.by,
    }
