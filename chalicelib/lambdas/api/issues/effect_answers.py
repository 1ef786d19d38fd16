"""What the API answers about fixes and exposure."""

from __future__ import annotations

from typing import Literal

from chalicelib.lambdas.api.answers import Answer, InTwoLanguages


class Days(Answer):
    first: str
    last: str


class FixClaim(Answer):
    """``excluded``: days that made somebody look, and so no fair baseline."""

    on: str
    expected: float
    margin: float
    guard_days: int
    baseline_days: int
    units: list[str]
    controls: list[str] | None
    excluded: list[Days]
    by: str
    at: str


class Side(Answer):
    """``exposure`` is days where only counts are compared; ``rate`` is null without any."""

    complaints: int
    exposure: float
    rate: float | None


class Effect(Answer):
    """``verdict`` too_early: in ``days_more`` days it can be told, null when it never will. Until ``verdict_on`` there
    is no ``ratio``: numbers that are looked at on the way are no test. ``interval``: 90 % of the ratio of the rates,
    after over before; its upper end is null where there is none. ``spread``: how much wider than chance days scatter.
    ``judged_at`` is null while it is only a look.

    Where the units are too many to be counted in one call they are counted by and by: with the ``reason`` counting no
    number is known yet, and those of an earlier look are of ``counted_at``, which is null for those of now.
    """

    issue: str
    claim: FixClaim
    verdict: Literal["accepted", "not_accepted", "too_early"]
    called: InTwoLanguages
    reason: Literal[
        "lower", "not_lower", "less_than_agreed", "waiting", "exposure_late", "no_baseline", "thin", "counting"
    ]
    text: InTwoLanguages
    caveats: list[InTwoLanguages]
    days_more: int | None
    verdict_on: str | None
    planned_days: int | None
    basis: Literal["exposure", "counts_only"] | None
    design: Literal["controls", "before_after"] | None
    before: Side | None
    after: Side | None
    control_before: Side | None
    control_after: Side | None
    ratio: float | None
    interval: list[float | None] | None
    p: float | None
    drop: float | None
    spread: float | None
    judged_at: str | None
    counted_at: str | None


class FixedIssue(Answer):
    """``version``: the issue's now."""

    id: str
    version: int
    state: str
    effect: Effect


class ExposureLine(Answer):
    unit: str
    day: str
    count: float


class ExposureList(Answer):
    items: list[ExposureLine]


class ExposureKept(Answer):
    kept: int
