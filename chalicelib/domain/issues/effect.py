"""Whether a problem that was declared fixed is: complaints after the fix against complaints before it. Pure.

An issue is opened because of a peak, and a peak falls by itself: whoever compares with the days that triggered it finds
an effect of every fix. So the baseline is the nearest days before the fix without those. When to judge is planned from
the baseline alone, for ``POWER`` to see the expected drop, and judged once: looking every day until something shows
accepts many a fix that did nothing. Until then the answer is how many days more.

    baseline      ``baseline_days`` back from the day before the fix, leaving out the spans in ``peaks``
    guard         the first ``guard_days`` from the fix count nowhere: what was bought before is still complained of
    after         whole weeks from there, 4 to 26
    accepted      lower at 5 % one-sided, and by the agreed margin; against the controls' change where there are some
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from chalicelib.domain.issues.rates import NORMAL, Counted, Ratio, dispersion, p_as_many, ratio, ratio_of_ratios

ALPHA: Final = 0.05  # one-sided; the interval shown is at 1 - 2 ALPHA, so that it says the same
POWER: Final = 0.8
WEEK: Final = 7
LEAST_DAYS: Final = 4 * WEEK  # after the guard
MOST_DAYS: Final = 26 * WEEK
SETTLING: Final = timedelta(days=1)  # an hour is counted once more a day later
LATE: Final = timedelta(days=7)  # how long a verdict waits for the exposure of its last days
LEAST_CONTROL: Final = 20  # complaints of the control units in the baseline, else they only add noise
EXPECTED: Final = 0.5  # the drop that is planned for, where nobody says
MARGIN: Final = 0.2  # the drop that must be seen, where nobody says
GUARD_DAYS: Final = 3
BASELINE_DAYS: Final = 4 * WEEK
TRIGGER_DAYS: Final = (7, 30)  # before the opening that are left out: at least, at most

RECURRENCE_ALPHA: Final = 0.001  # of a look at both spans
RECURRENCE_SPANS: Final = (7, 28)  # days
LEAST_RECURRENCE: Final = 5  # complaints
WATCHED: Final = timedelta(days=365)  # how long an accepted fix is watched

# Verdict → what people call it; reason → why, in one sentence.
VERDICTS: Final[Mapping[str, Mapping[str, str]]] = {
    "accepted": {"zh-CN": "验收通过", "en": "Accepted"},
    "not_accepted": {"zh-CN": "验收未通过", "en": "Not accepted"},
    "too_early": {"zh-CN": "为时尚早", "en": "Too early to tell"},
}
REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "lower": {"zh-CN": "投诉率确有下降，且达到约定幅度", "en": "The rate is lower, by the agreed margin at least."},
    "not_lower": {
        "zh-CN": "不能证明投诉率有下降",
        "en": "The rate is not shown to be lower.",
    },
    "less_than_agreed": {
        "zh-CN": "投诉率有下降，但未达到约定幅度",
        "en": "The rate is lower, but by less than was agreed.",
    },
    "waiting": {"zh-CN": "观察期未满", "en": "The days that the test needs are not over."},
    "counting": {
        "zh-CN": "门店较多，正在后台分批统计，请稍后再看",
        "en": "There are too many units to count at once: they are being counted. Look again later.",
    },
    "exposure_late": {
        "zh-CN": "观察期已满，最后几天的业务量还没有报来",
        "en": "The days are over, but the exposure of the last ones has not come yet.",
    },
    "no_baseline": {
        "zh-CN": "整改前没有可比的投诉，无法比较",
        "en": "There were no complaints before the fix to compare with.",
    },
    "thin": {
        "zh-CN": "投诉太少，观察到最长期限仍看不出差别",
        "en": "There are too few complaints: even the longest span cannot tell.",
    },
}

# What must be said beside the numbers.
CAVEATS: Final[Mapping[str, Mapping[str, str]]] = {
    "counts_only": {
        "zh-CN": "仅按件数比较：业务量未知，生意的增减也会改变投诉件数",
        "en": "Counts only: how much business there was is not known, and complaints rise and fall with it.",
    },
    "before_after": {
        "zh-CN": "仅为整改前后对比，没有对照门店：同时发生的其他变化无法排除",
        "en": "Before and after only, without control units: what else changed at the time cannot be told apart.",
    },
    "touchpoints": {
        "zh-CN": "按主题计数，未按触点区分",
        "en": "Counted by topic: the touchpoints of the scope are not told apart.",
    },
}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Claim:
    """That an issue is fixed since the morning of ``on``. Shares are of 1.

    ``reopened``: how often the issue had been by then, so that a claim is of one round only. ``units``: where it was
    fixed, each with its subtree; empty is all of the issue's scope. ``controls``: units with the same problem where it
    was not; None: those that suggest themselves. ``peaks``: days that made somebody look, and so no fair baseline.
    """

    on: date
    reopened: int
    by: str
    at: datetime
    expected: float = EXPECTED
    margin: float = MARGIN
    guard_days: int = GUARD_DAYS
    baseline_days: int = BASELINE_DAYS
    units: tuple[str, ...] = ()
    controls: tuple[str, ...] | None = None
    peaks: tuple[Span, ...] = ()

    @property
    def counted_from(self) -> date:
        """The first day after the guard."""
        return self.on + timedelta(days=self.guard_days)

    def before(self) -> tuple[date, ...]:
        """The days of the baseline, in order."""
        found: list[date] = []
        day = self.on
        while len(found) < self.baseline_days:
            day -= timedelta(days=1)
            covering = next((peak for peak in self.peaks if day in peak), None)
            if covering is None:
                found.append(day)
            else:
                day = covering.first
        return tuple(found[::-1])

    def after(self, days: int) -> tuple[date, ...]:
        """``days`` days from the end of the guard."""
        return tuple(self.counted_from + timedelta(days=number) for number in range(days))


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much business a unit did on one of its own days: transactions, guests, parcels. Any unit of measure will do,
    as long as it stays the same."""

    unit: str
    day: date
    count: float


@dataclass(frozen=True, slots=True)
class Group:
    """Complaints of a set of units by day, and what they are divided by.

    A day that is missing in ``events`` had none; one that is missing in ``exposure`` is not known.
    """

    events: Mapping[date, int]
    exposure: Mapping[date, float] = field(default_factory=dict)

    def covers(self, days: Sequence[date]) -> bool:
        """Whether a rate can be told: every day has its exposure, and they are not all 0."""
        if not all(day in self.exposure for day in days):
            return False
        return not days or any(self.exposure[day] for day in days)

    def daily(self, days: Sequence[date], *, rated: bool) -> tuple[list[int], list[float]]:
        """Complaints and exposures day by day; unless ``rated`` each day is one."""
        return [self.events.get(day, 0) for day in days], [self.exposure[day] if rated else 1.0 for day in days]

    def counted(self, days: Sequence[date], *, rated: bool) -> Counted:
        events, exposures = self.daily(days, rated=rated)
        return Counted(sum(events), math.fsum(exposures))


@dataclass(frozen=True, slots=True)
class Tally:
    """The sum over the units that were counted so far. ``exposure`` is of the days on which it is known of each of them
    that said anything; None: none has."""

    events: Mapping[date, int] = field(default_factory=dict)
    exposure: Mapping[date, float] | None = None

    def plus(self, events: Mapping[date, int], exposure: Mapping[date, float]) -> Tally:
        """With one unit more."""
        if not events and not exposure:
            return self
        summed = {day: self.events.get(day, 0) + events.get(day, 0) for day in (*self.events, *events)}
        if self.exposure is None:
            return Tally(summed, exposure)
        return Tally(summed, {day: self.exposure[day] + exposure[day] for day in self.exposure if day in exposure})

    def group(self) -> Group:
        return Group(self.events, self.exposure or {})


@dataclass(frozen=True, slots=True)
class Plan:
    """When a claim is judged, known from the baseline alone. ``thin``: not even MOST_DAYS have the power."""

    days: int  # after the guard
    on: date
    thin: bool
    controlled: bool  # whether the control units are enough to compare with


@dataclass(frozen=True, slots=True)
class Effect:
    """What a look at a claim came to. ``ratio`` is None before the day of the verdict: a look on the way is no test.

    ``days_more`` is None with a verdict, and where no number of days will do. ``look_again``: when that may have
    changed. Exposures are days unless ``rated``.
    """

    verdict: str  # VERDICTS
    reason: str  # REASONS
    plan: Plan
    rated: bool
    before: Counted
    after: Counted
    control: tuple[Counted, Counted] | None = None  # before and after, of units where nothing was fixed
    spread: float = 1.0  # how much wider than chance the days scatter
    ratio: Ratio | None = None
    days_more: int | None = None
    look_again: date | None = None

    @property
    def drop(self) -> float | None:
        """Share by which the rate is lower; below 0 it is higher."""
        return None if self.ratio is None else 1 - self.ratio.value


def trigger(first_seen: date, opened: date) -> Span:
    """The days that made somebody open an issue."""
    least, most = TRIGGER_DAYS
    earliest = max(first_seen, opened - timedelta(days=most))
    return Span(min(earliest, opened - timedelta(days=least)), opened)


# --- when to judge --------------------------------------------------------------------------------------------------


def planned(claim: Claim, treated: Group, controls: Group | None) -> Plan:
    """When the claim is judged: whole weeks, enough for POWER at ALPHA to see the expected drop.

    Controls are used where they have LEAST_CONTROL complaints before and do not put the end out of reach.
    """
    before = claim.before()
    groups = (treated,) if controls is None else (treated, controls)
    rated = all(group.covers(before) for group in groups)
    spread = dispersion(*(group.daily(before, rated=rated) for group in groups))
    weights = [group.counted(before, rated=rated).events / spread for group in groups]
    if len(weights) == 2 and weights[1] >= LEAST_CONTROL:
        days = needed_days(claim, *weights)
        if days is not None:
            return _plan(claim, days, controlled=True)
    return _plan(claim, needed_days(claim, weights[0]), controlled=False)


def needed_days(claim: Claim, events: float, control: float | None = None) -> int | None:
    """Days after the guard, by normal theory on the logarithm of the ratio; None when no number in reach will do.

    ``events``, ``control``: weight of what was complained of in the baseline.
    """
    if not events:
        return None
    z = NORMAL.inv_cdf(1 - ALPHA) + NORMAL.inv_cdf(POWER)
    variance = (math.log(1 - claim.expected) / z) ** 2
    left = variance - 1 / events - (1 / control if control else 0)
    if left <= 0:
        return None
    later = 1 / (events * (1 - claim.expected)) + (1 / control if control else 0)
    days = max(LEAST_DAYS, math.ceil(claim.baseline_days * later / left / WEEK) * WEEK)
    return days if days <= MOST_DAYS else None


def _plan(claim: Claim, days: int | None, *, controlled: bool) -> Plan:
    length = MOST_DAYS if days is None else days
    on = claim.counted_from + timedelta(days=length) + SETTLING
    return Plan(days=length, on=on, thin=days is None, controlled=controlled)


# --- the verdict ----------------------------------------------------------------------------------------------------


def judge(claim: Claim, treated: Group, controls: Group | None, today: date) -> Effect:
    """What can be said of a claim on ``today``, a day of the units. Nothing from ``today`` on is looked at."""
    plan = planned(claim, treated, controls)
    groups = (treated, controls) if plan.controlled and controls is not None else (treated,)
    found, known = _seen(claim, plan, groups, today)
    if not found.before.events:
        return replace(found, reason="no_baseline")
    if today < plan.on:
        return replace(found, days_more=(plan.on - today).days, look_again=plan.on)
    if known and not found.rated and today < plan.on + LATE:
        more = plan.on + LATE - today
        return replace(found, reason="exposure_late", days_more=more.days, look_again=today + timedelta(days=1))
    told = _ratio(found)
    verdict, reason = _verdict(claim, plan, told)
    return replace(found, verdict=verdict, reason=reason, ratio=told)


def _seen(claim: Claim, plan: Plan, groups: Sequence[Group], today: date) -> tuple[Effect, bool]:
    """The numbers as they are so far, and whether the baseline has its exposure."""
    before = claim.before()
    after = tuple(day for day in claim.after(plan.days) if day < today)
    known = all(group.covers(before) for group in groups)
    rated = known and all(group.covers(after) for group in groups)
    sides = [(group.counted(before, rated=rated), group.counted(after, rated=rated)) for group in groups]
    days = [group.daily(span, rated=rated) for group in groups for span in (before, after)]
    effect = Effect(
        verdict="too_early",
        reason="waiting",
        plan=plan,
        rated=rated,
        before=sides[0][0],
        after=sides[0][1],
        control=sides[1] if len(sides) == 2 else None,
        spread=dispersion(*days),
    )
    return effect, known


def _ratio(found: Effect) -> Ratio:
    if found.control is not None:
        return ratio_of_ratios((found.before, found.after), found.control, spread=found.spread, alpha=ALPHA)
    return ratio(found.before.weighed(found.spread), found.after.weighed(found.spread), alpha=ALPHA)


def _verdict(claim: Claim, plan: Plan, told: Ratio) -> tuple[str, str]:
    """(verdict, reason). Where there was no power, what was not seen is refused only when the expected drop is."""
    if told.p >= ALPHA:
        if plan.thin and told.low <= 1 - claim.expected:
            return "too_early", "thin"
        return "not_accepted", "not_lower"
    if told.value > 1 - claim.margin:
        return "not_accepted", "less_than_agreed"
    return "accepted", "lower"


# --- after it was accepted ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Level:
    """What an accepted fix left: complaints in a number of days, and how wide they scatter."""

    events: int
    days: int
    spread: float
    since: date  # the first day behind those


@dataclass(frozen=True, slots=True)
class Kept:
    """The last claim of an issue. ``numbers``: what it came to at ``judged_at``, see ``numbers``; or, where its units
    are too many to be counted whenever somebody asks, at ``looked_at``. None before.

    ``level``: what its return is measured by, where it was accepted.
    """

    claim: Claim
    numbers: Mapping[str, Any] | None = None
    judged_at: datetime | None = None
    level: Level | None = None
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recurrence:
    """More complaints than the accepted level explains. ``p``: how likely so many are, were nothing changed."""

    span: Span
    events: int
    expected: float
    p: float


def recurrence(level: Level, events: Mapping[date, int], today: date) -> Recurrence | None:
    """Whether the days up to ``today`` are more than the level allows; the shortest span that shows it.

    Each span is looked at every day for as long as the fix is watched, so it must show by far.
    """
    for length in RECURRENCE_SPANS:
        first = max(level.since, today - timedelta(days=length - 1))
        days = (today - first).days + 1
        if days <= 0:
            continue
        seen = sum(count for day, count in events.items() if first <= day <= today)
        known, weight = level.events / level.spread, seen / level.spread
        p = p_as_many(weight, known=known, times=days / level.days)
        if seen >= LEAST_RECURRENCE and p <= RECURRENCE_ALPHA / len(RECURRENCE_SPANS):
            return Recurrence(Span(first, today), seen, level.events * days / level.days, p)
    return None


# --- as documents ---------------------------------------------------------------------------------------------------


def numbers(found: Effect) -> dict[str, Any]:
    """An effect as plain values: for an issue's history and for whoever asks. An end that is infinite is None."""
    told = found.ratio
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "days_more": found.days_more,
        "verdict_on": found.plan.on.isoformat(),
        "planned_days": found.plan.days,
        "basis": "exposure" if found.rated else "counts_only",
        "design": "controls" if found.control else "before_after",
        "before": _side(found.before),
        "after": _side(found.after),
        "control_before": _side(found.control[0]) if found.control else None,
        "control_after": _side(found.control[1]) if found.control else None,
        "ratio": _short(told.value) if told else None,
        "interval": [_short(told.low), _short(told.high) if told.high < math.inf else None] if told else None,
        "p": _short(told.p) if told else None,
        "drop": None if found.drop is None else _short(found.drop),
        "spread": _short(found.spread),
    }


def counting() -> dict[str, Any]:
    """Likewise, while the units of a claim are counted for the first time: no number is known."""
    known = {"verdict": "too_early", "reason": "counting"}
    unknown = (
        *("days_more", "verdict_on", "planned_days", "basis", "design", "before", "after"),
        *("control_before", "control_after", "ratio", "interval", "p", "drop", "spread"),
    )
    return {**known, **dict.fromkeys(unknown)}


def as_of(told: Mapping[str, Any], today: date) -> Mapping[str, Any]:
    """What was told of an earlier look, with the days that are left by now."""
    if told["reason"] != "waiting":
        return told
    return {**told, "days_more": max((date.fromisoformat(told["verdict_on"]) - today).days, 0)}


def recurrence_numbers(found: Recurrence) -> dict[str, Any]:
    """Likewise, of complaints that have come back."""
    return {
        "first": found.span.first.isoformat(),
        "last": found.span.last.isoformat(),
        "complaints": found.events,
        "expected": _short(found.expected),
        "p": _short(found.p),
    }


def _side(one: Counted) -> dict[str, Any]:
    return {
        "complaints": int(one.events),
        "exposure": _short(one.exposure),
        "rate": None if one.rate is None else _short(one.rate),
    }


def _short(value: float) -> float:
    """Four significant digits: more is noise."""
    return float(f"{value:.4g}")
