"""What the API takes about fixes and exposure."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.domain.issues.effect import BASELINE_DAYS, EXPECTED, GUARD_DAYS, MARGIN
from chalicelib.lambdas.api.issues.schemas import Day, Part
from chalicelib.lambdas.api.schemas import Body, Query, Unit, unique

Units = Annotated[list[Unit], Field(max_length=100), AfterValidator(unique)]


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
