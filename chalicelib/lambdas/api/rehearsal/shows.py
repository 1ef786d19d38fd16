"""What the API shows of dry runs."""

from __future__ import annotations

from chalicelib.domain.reading.dry_run import GROUPS, LEFT_OUT, TOTAL, TOTALS, Counts, DryRun, difference
from chalicelib.lambdas.api.shows import Json, moment


def dry_run(one: DryRun) -> Json:
    change = one.change
    return {
        **line(one),
        "change": {
            "put": [rule.name for rule in change.put],
            "delete": list(change.delete),
            "endpoints": [endpoint.id for endpoint in change.endpoints],
            **{name: getattr(change, name) is not None for name in ("sla", "causes", "organisation", "frame")},
        },
        "now": _counts(one.now),
        "then": _counts(one.then),
        "difference": _counts(difference(one.now, one.then)),
        "left_out": list(LEFT_OUT),
    }


def line(one: DryRun) -> Json:
    return {
        "id": one.id,
        "workspace": one.workspace,
        "state": one.state,
        "reason": one.reason or None,
        "days": one.days,
        "since": moment(one.since),
        "until": moment(one.until),
        "by": one.by,
        "finished_at": moment(one.finished_at),
    }


def _counts(counts: Counts) -> Json:
    total = counts.get(TOTAL, {})
    return {
        TOTAL: {name: total.get(name, 0) for name in TOTALS},
        **{group: dict(counts.get(group, {})) for group in GROUPS},
    }
