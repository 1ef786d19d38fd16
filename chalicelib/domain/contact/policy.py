"""May a customer be contacted? Each rule of a workspace's policy, its verdict, and from when it would let pass. Pure.

A contact has a purpose (PURPOSES) and goes over a channel (CONTACT_CHANNELS), or over one that is not known yet. All
rules are asked, so that a refusal names every one that stands in the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.cases.sla import QuietHours
from chalicelib.domain.text.folding import fold

PURPOSES: Final = ("service", "verification", "survey", "followup", "marketing")
CONTACT_CHANNELS: Final = ("sms", "email", "phone", "wechat", "wecom", "app")
ALL_CHANNELS: Final = "*"  # of an opt-out
UNASKED: Final = ("survey", "followup", "marketing")  # what the customer's own case does not call for
OPTED_OUT: Final = "opted_out"
KEPT: Final = timedelta(days=366)  # how long a taken slot counts, and the longest window of a cap
MOST_SLOTS: Final = 1000  # of one person in KEPT


@dataclass(frozen=True, slots=True)
class Trait:
    """Customers of whom an attribute has one of these values; ``others``: all but them."""

    attribute: str
    values: tuple[str, ...]
    others: bool = False

    def fits(self, attributes: Mapping[str, str]) -> bool:
        """Letter case, full-width and blanks around a value do not matter; what is not said is none of them."""
        value = attributes.get(self.attribute)
        has = value is not None and _plain(value) in map(_plain, self.values)
        return has is not self.others


def _plain(value: str) -> str:
    return fold(value).text.strip()


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``most`` contacts in any ``days`` days. No ``purposes``: all count; no ``channels``: likewise.

    The last ``reserved`` of them are for the policy's ``priority`` purposes only. ``who``: of such customers alone.
    """

    name: str
    most: int
    days: int
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    reserved: int = 0
    who: Trait | None = None

    def counts(self, purpose: str, channel: str | None) -> bool:
        """Whether such a contact falls under this cap. One over a channel that is not known may be over any."""
        over = not self.channels or channel is None or channel in self.channels
        return over and (not self.purposes or purpose in self.purposes)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which customers are left alone, for ``purposes``. No ``time_zone``: by the unit's clock."""

    hours: QuietHours
    time_zone: str | None = None
    purposes: tuple[str, ...] = UNASKED

    def until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet that ``at`` falls into is over; None outside of it."""
        end = self.hours.over(at, ZoneInfo(self.time_zone) if self.time_zone else zone)
        return end if end > at else None


@dataclass(frozen=True, slots=True)
class Consent:
    """Which attribute of a voice says that the customer wants to hear from sales, and with which values."""

    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """One version of a workspace's policy; version 0 is what is shipped.

    ``open_case`` and ``recent_complaint`` are the purposes that wait while a case is open, and for ``complaint_days``
    after one was opened. ``followup_department`` gets what a happy customer is worth telling sales.
    """

    version: int = 0
    caps: tuple[Cap, ...] = (Cap("person", 4, 30, reserved=1), Cap("survey", 1, 30, purposes=("survey",)))
    quiet: Quiet | None = Quiet(QuietHours(21 * 60, 8 * 60))
    open_case: tuple[str, ...] = UNASKED
    recent_complaint: tuple[str, ...] = UNASKED
    complaint_days: int = 7
    priority: tuple[str, ...] = ("service", "verification")
    consent: Consent | None = None
    followup_department: str = "sales"
    followup_channel: str | None = "phone"


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants to do. ``channel`` None: it is not known yet over which one it goes.

    ``unit``: in whose time zone quiet hours are. ``later``: what is decided now is done at an hour that somebody
    chooses, so quiet hours refuse nothing. ``sparing``: a ticket that counts as no open case and no complaint.
    ``attributes``: of the customer, as far as who asks knows them.
    """

    purpose: str
    channel: str | None = None
    unit: str | None = None
    later: bool = False
    sparing: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Slot:
    """One contact that was allowed. ``claim`` is the caller's own id of it."""

    claim: str
    at: datetime
    purpose: str
    channel: str | None


@dataclass(frozen=True, slots=True)
class Skip:
    """A contact that was refused, and why."""

    at: datetime
    claim: str
    person: str | None
    purpose: str
    channel: str | None
    reasons: tuple[str, ...]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """The slots of one key; ``version`` is what the next write expects, 0 where there is no row."""

    version: int
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a person. ``opted_out``: channel, or ALL_CHANNELS → since when."""

    opted_out: Mapping[str, datetime] = field(default_factory=dict)
    open_cases: int = 0
    complained_at: datetime | None = None  # when the newest case was opened
    slots: tuple[Slot, ...] = ()
    known: bool = True  # False: nobody can tell who the customer is


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says. ``code`` is one of SAYINGS, ``next_at`` when it would let pass: None for never by itself."""

    rule: str
    passed: bool
    code: str
    given: Mapping[str, str | int] = field(default_factory=dict)
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``next_at``: the first moment at which all rules let pass as things stand; None where time alone never helps."""

    allowed: bool
    next_at: datetime | None
    verdicts: tuple[Verdict, ...]
    policy: int = 0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of the rules that stand in the way."""
        return tuple(dict.fromkeys(one.code for one in self.verdicts if not one.passed))


SAYINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "known": {"zh-CN": "知道这位客户是谁", "en": "it is known who the customer is"},
    "unknown_customer": {"zh-CN": "不知道客户是谁", "en": "nobody knows who the customer is"},
    "not_opted_out": {"zh-CN": "客户没有退订", "en": "the customer has not opted out"},
    "opted_out": {"zh-CN": "客户已于 {since} 退订（{channel}）", "en": "opted out of {channel} at {since}"},
    "no_case": {"zh-CN": "没有未了结的个案", "en": "no case is open"},
    "case_open": {"zh-CN": "还有 {open} 件个案未了结", "en": "{open} of the customer's cases are open"},
    "no_complaint": {"zh-CN": "近 {days} 天没有投诉", "en": "no complaint in the last {days} days"},
    "recent_complaint": {"zh-CN": "{days} 天内有过投诉", "en": "there was a complaint in the last {days} days"},
    "not_quiet": {"zh-CN": "不在免打扰时段", "en": "outside of quiet hours"},
    "quiet_hours": {"zh-CN": "{start}–{end} 免打扰", "en": "quiet hours from {start} to {end}"},
    "exempt": {"zh-CN": "这一目的不受此限", "en": "this purpose is exempt"},
    "room": {"zh-CN": "{days} 天内 {used} 次，上限 {most} 次", "en": "{used} of {most} contacts in {days} days"},
    "cap_reached": {
        "zh-CN": "{days} 天内已联系 {used} 次，上限 {most} 次",
        "en": "all {most} contacts of {days} days are used ({used})",
    },
    "reserved": {
        "zh-CN": "{days} 天内已联系 {used} 次，余下的留给优先目的（上限 {most} 次）",
        "en": "{used} of {most} contacts in {days} days are used, the rest is kept for other purposes",
    },
}
_CEILING: Final = Cap("ceiling", MOST_SLOTS, KEPT.days)  # however generous a policy is


def judge(policy: ContactPolicy, standing: Standing, ask: Ask, at: datetime, zone: ZoneInfo) -> Answer:
    """Put a question to every rule. ``zone`` is the unit's."""
    verdicts = _verdicts(policy, standing, ask, at, zone)
    first: datetime | None = at
    waits = _waits(verdicts)
    # What a wait leads to may be quiet in turn. All other rules only relax, so this ends at the second look or third.
    while waits and first is not None:
        known = [one for one in waits if one is not None]
        first = max(known) if len(known) == len(waits) else None
        if first is not None:
            waits = _waits(_verdicts(policy, standing, ask, first, zone))
    return Answer(not _waits(verdicts), first, verdicts, policy.version)


def _waits(verdicts: Iterable[Verdict]) -> list[datetime | None]:
    return [one.next_at for one in verdicts if not one.passed]


def _verdicts(policy: ContactPolicy, standing: Standing, ask: Ask, at: datetime, zone: ZoneInfo) -> tuple[Verdict, ...]:
    applying = [one for one in (*policy.caps, _CEILING) if one.who is None or one.who.fits(ask.attributes)]
    caps = [one for one in applying if one.counts(ask.purpose, ask.channel)]
    return (
        Verdict("customer", standing.known, "known" if standing.known else "unknown_customer"),
        _opt_out(standing, ask.channel),
        _open_case(policy, standing, ask.purpose),
        _complaint(policy, standing, ask.purpose, at),
        *(() if policy.quiet is None or ask.later else (_quiet(policy.quiet, ask.purpose, at, zone),)),
        *(_cap(policy, one, standing.slots, ask.purpose, at) for one in caps),
    )


def _opt_out(standing: Standing, channel: str | None) -> Verdict:
    """An opt-out of any channel counts while it is not known over which one it goes."""
    of = [one for one in standing.opted_out if channel is None or one in (channel, ALL_CHANNELS)]
    if not of:
        return Verdict("opt_out", True, "not_opted_out")
    first = min(of, key=lambda one: standing.opted_out[one])
    given = {"channel": first, "since": f"{standing.opted_out[first]:%Y-%m-%d}"}
    return Verdict("opt_out", False, OPTED_OUT, given)


def _open_case(policy: ContactPolicy, standing: Standing, purpose: str) -> Verdict:
    if purpose not in policy.open_case:
        return Verdict("open_case", True, "exempt")
    if not standing.open_cases:
        return Verdict("open_case", True, "no_case")
    return Verdict("open_case", False, "case_open", {"open": standing.open_cases})


def _complaint(policy: ContactPolicy, standing: Standing, purpose: str, at: datetime) -> Verdict:
    if purpose not in policy.recent_complaint:
        return Verdict("recent_complaint", True, "exempt")
    given = {"days": policy.complaint_days}
    over = standing.complained_at and standing.complained_at + timedelta(days=policy.complaint_days)
    if over is None or over <= at:
        return Verdict("recent_complaint", True, "no_complaint", given)
    return Verdict("recent_complaint", False, "recent_complaint", given, over)


def _quiet(quiet: Quiet, purpose: str, at: datetime, zone: ZoneInfo) -> Verdict:
    if purpose not in quiet.purposes:
        return Verdict("quiet_hours", True, "exempt")
    until = quiet.until(at, zone)
    if until is None:
        return Verdict("quiet_hours", True, "not_quiet")
    given = {"start": quiet.hours.begins, "end": quiet.hours.ends}
    return Verdict("quiet_hours", False, "quiet_hours", given, until)


def _cap(policy: ContactPolicy, cap: Cap, slots: Iterable[Slot], purpose: str, at: datetime) -> Verdict:
    """Free again once so many have left the window that this purpose finds room."""
    window = timedelta(days=cap.days)
    taken = sorted(one.at for one in slots if cap.counts(one.purpose, one.channel) and one.at + window > at)
    room = cap.most if purpose in policy.priority else cap.most - cap.reserved
    given = {"used": len(taken), "most": cap.most, "days": cap.days}
    rule = f"cap:{cap.name}"
    if len(taken) < room:
        return Verdict(rule, True, "room", given)
    code = "cap_reached" if len(taken) >= cap.most else "reserved"
    return Verdict(rule, False, code, given, taken[len(taken) - room] + window if room > 0 else None)


def with_slot(slots: Iterable[Slot], slot: Slot) -> tuple[Slot, ...]:
    """The slots with one more, without those that no window reaches any more, oldest first."""
    kept = (one for one in slots if one.at + KEPT > slot.at and one.claim != slot.claim)
    return tuple(sorted((*kept, slot), key=lambda one: (one.at, one.claim)))


def said(verdict: Verdict, lang: str) -> str:
    """What a rule says, for people."""
    return SAYINGS[verdict.code][lang].format(**verdict.given)
