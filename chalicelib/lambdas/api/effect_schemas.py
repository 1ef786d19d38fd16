"""What the views of fixes and exposure take, and what they answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chalicelib.domain.issues.effect import BASELINE_DAYS, EXPECTED, GUARD_DAYS, MARGIN
from chalicelib.lambdas.api.answers import Answer, InTwoLanguages
from chalicelib.lambdas.api.issue_schemas import Day, Part
from chalicelib.lambdas.api.schemas import Body, Query, Unit, _unique

Units = Annotated[list[Unit], Field(max_length=100), AfterValidator(_unique)]


class Fixed(Body):
    """``expected``: the drop, as a share, that the fix should bring and the test is planned for; ``margin``: the drop
    that must be seen. ``units``: where it was fixed, each with what lies below it; all of the issue's scope where none
    are named. ``controls``: units with the same problem where it was not; [] for none, else those that suggest
    themselves: the rest of the scope, or other units of the same kind.
    """

    version: Annotated[int, Field(ge=1)]
    on: Day
    expected: Annotated[float, Field(ge=0.1, le=0.95)] = EXPECTED
    margin: Annotated[float, Field(ge=0, le=0.95)] = MARGIN
    guard_days: Annotated[int, Field(ge=0, le=60)] = GUARD_DAYS
    baseline_days: Annotated[int, Field(ge=7, le=182)] = BASELINE_DAYS
    units: Units = Field(default_factory=list)
    controls: Units | None = None


class ExposureItem(Part):
    """``count``: transactions, guests, parcels of one unit on one of its own days; 0 when it was closed."""

    unit: Unit
    day: Day
    count: Annotated[float, Field(ge=0, le=1e9)]


class Exposures(Body):
    items: Annotated[list[ExposureItem], Field(min_length=1, max_length=500)]


class ExposureQuery(Query):
    unit: Unit
    since: Day | None = None
    until: Day | None = None


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
    """

    issue: str
    claim: FixClaim
    verdict: Literal["accepted", "not_accepted", "too_early"]
    called: InTwoLanguages
    reason: Literal["lower", "not_lower", "less_than_agreed", "waiting", "exposure_late", "no_baseline", "thin"]
    text: InTwoLanguages
    caveats: list[InTwoLanguages]
    days_more: int | None
    verdict_on: str
    planned_days: int
    basis: Literal["exposure", "counts_only"]
    design: Literal["controls", "before_after"]
    before: Side
    after: Side
    control_before: Side | None
    control_after: Side | None
    ratio: float | None
    interval: list[float | None] | None
    p: float | None
    drop: float | None
    spread: float
    judged_at: str | None


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
