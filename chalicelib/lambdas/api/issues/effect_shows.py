"""What the API shows of a fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.domain.issues.effect import CAVEATS, REASONS, VERDICTS, Claim, Kept
from chalicelib.lambdas.api.shows import Json

if TYPE_CHECKING:
    from chalicelib.domain.issues.issue import Issue


def effect(issue: Issue, kept: Kept, told: Mapping[str, Any]) -> Json:
    caveats = [*(one for one in (told["basis"], told["design"]) if one in CAVEATS)]
    caveats += ["touchpoints"] if issue.scope.touchpoints else []
    return {
        "issue": issue.id,
        "claim": _claim(kept.claim),
        **told,
        "called": VERDICTS[told["verdict"]],
        "text": REASONS[told["reason"]],
        "caveats": [CAVEATS[one] for one in caveats],
        "judged_at": kept.judged_at.isoformat() if kept.judged_at else None,
        "counted_at": kept.looked_at.isoformat() if kept.looked_at else None,
    }


def _claim(one: Claim) -> Json:
    return {
        "on": one.on.isoformat(),
        "expected": one.expected,
        "margin": one.margin,
        "guard_days": one.guard_days,
        "baseline_days": one.baseline_days,
        "units": list(one.units),
        "controls": None if one.controls is None else list(one.controls),
        "excluded": [{"first": span.first.isoformat(), "last": span.last.isoformat()} for span in one.peaks],
        "by": one.by,
        "at": one.at.isoformat(),
    }
