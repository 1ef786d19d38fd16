"""What the API takes about contacting customers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.domain.cases.sla import QuietHours
from chalicelib.domain.contact import policy as domain
from chalicelib.domain.contact.address import is_email, is_phone
from chalicelib.domain.contact.masks import is_contact
from chalicelib.lambdas.api.schemas import Body, ClockTime, ListQuery, Moment, Name, Note, Owner, Query

Purpose = Literal["service", "verification", "survey", "followup", "marketing"]
ContactChannel = Literal["sms", "email", "phone", "wechat", "wecom", "app"]
OptOutChannel = Literal["sms", "email", "phone", "wechat", "wecom", "app", "*"]
FollowupOutcome = Literal["contacted", "unreachable", "not_interested", "dropped"]
FollowupState = Literal["open", "contacted", "unreachable", "not_interested", "dropped", "suppressed"]
Purposes = Annotated[list[Purpose], Field(max_length=5)]
Given = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
ClaimId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:#-]{1,128}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
Attribute = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError, ValueError):  # some wrong names are folders, some no names of files
        raise ValueError("A time zone of the IANA list is needed, such as Asia/Shanghai.") from None
    return text


def _no_contact(text: str) -> str:
    """Addresses of requests are written down on their way."""
    if is_contact(text):
        raise ValueError("A phone number or an e-mail address does not stand in a URL: send it in a body with POST.")
    return text


def _phone(text: str) -> str:
    if not is_phone(text):
        raise ValueError("A phone number of 7 to 15 digits is needed.")
    return text


def _email(text: str) -> str:
    if not is_email(text):
        raise ValueError("An e-mail address is needed.")
    return text


Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
NoContact = Annotated[Given, AfterValidator(_no_contact)]


class Part(BaseModel):
    """What stands within a body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class ContactTrait(Part):
    """Customers of whom an attribute has one of the values; ``others``: all but them."""

    attribute: Attribute
    values: Annotated[list[Given], Field(min_length=1, max_length=20)]
    others: bool = False


class ContactCap(Part):
    """At most ``most`` contacts in any ``days`` days of the ``purposes`` over the ``channels``; empty is all of them.

    The last ``reserved`` are for the policy's ``priority`` purposes only. ``who``: of such customers alone, as far as
    who asks tells their attributes.
    """

    name: Slug
    most: int = Field(ge=0, le=100)
    days: int = Field(ge=1, le=domain.KEPT.days)
    purposes: Purposes = Field(default_factory=list)
    channels: Annotated[list[ContactChannel], Field(max_length=6)] = Field(default_factory=list)
    reserved: int = Field(default=0, ge=0, le=100)
    who: ContactTrait | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> ContactCap:
        if self.reserved > self.most:
            raise ValueError("More is reserved than there is.")
        return self


class ContactQuiet(Part):
    """Nobody is contacted then for these ``purposes``; left out, for ``survey``, ``followup`` and ``marketing``.

    ``time_zone``: left out, by the unit's clock.
    """

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    time_zone: Zone | None = None
    purposes: Purposes | None = None

    @model_validator(mode="after")
    def _lasts(self) -> ContactQuiet:
        if self.from_ == self.to:
            raise ValueError("Quiet hours end at another time than they begin.")
        return self


class ContactConsent(Part):
    """The attribute of a voice that says that sales may call, and the values that say yes."""

    attribute: Attribute
    values: Annotated[list[Given], Field(min_length=1, max_length=20)]


class ContactPolicy(Body):
    """``version`` is the one that this replaces. What is left out is as shipped, null is none.

    ``open_case``, ``recent_complaint``: purposes that wait while a case of the customer is open, and for
    ``complaint_days`` after the newest was opened. ``consent`` switches the rule ``builtin-happy`` on.
    """

    version: int = Field(ge=0, le=2**31)
    caps: Annotated[list[ContactCap], Field(max_length=20)] | None = None
    quiet: ContactQuiet | None = None
    open_case: Purposes | None = None
    recent_complaint: Purposes | None = None
    complaint_days: int = Field(default=7, ge=1, le=366)
    priority: Purposes | None = None
    consent: ContactConsent | None = None
    followup_department: Owner = "sales"
    followup_channel: ContactChannel | None = "phone"

    @model_validator(mode="after")
    def _caps_differ(self) -> ContactPolicy:
        names = [one.name for one in self.caps or ()]
        if len(set(names)) != len(names):
            raise ValueError("Two caps have one name.")
        return self

    def policy(self) -> domain.ContactPolicy:
        """What the domain makes of it."""
        made: dict[str, Any] = {
            "caps": tuple(_cap(one) for one in self.caps or ()),
            "quiet": _quiet(self.quiet) if self.quiet else None,
            "consent": domain.Consent(self.consent.attribute, _once(self.consent.values)) if self.consent else None,
            "complaint_days": self.complaint_days,
            "followup_department": self.followup_department,
            "followup_channel": self.followup_channel,
            **{name: _once(getattr(self, name) or ()) for name in ("open_case", "recent_complaint", "priority")},
        }
        given = {name: value for name, value in made.items() if name in self.model_fields_set}
        return replace(domain.ContactPolicy(), version=self.version, **given)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _cap(one: ContactCap) -> domain.Cap:
    who = domain.Trait(one.who.attribute, _once(one.who.values), one.who.others) if one.who else None
    return domain.Cap(one.name, one.most, one.days, _once(one.purposes), _once(one.channels), one.reserved, who)


def _quiet(one: ContactQuiet) -> domain.Quiet:
    start, end = (time.fromisoformat(text) for text in (one.from_, one.to))
    hours = QuietHours(start.hour * 60 + start.minute, end.hour * 60 + end.minute)
    purposes = domain.UNASKED if one.purposes is None else _once(one.purposes)
    return domain.Quiet(hours, one.time_zone, purposes)


class CustomerNamed(Body):
    """The customer by ``customer`` (an id, or a key ``cu_…``), ``phone``, ``email``, or several of them.

    A ``phone`` has 7 to 15 digits, grouped in any way: what is none would opt nobody out and stop no contact.
    """

    customer: Given | None = Field(default=None, repr=False)
    phone: Annotated[Given, AfterValidator(_phone)] | None = Field(default=None, repr=False)
    email: Annotated[Given, AfterValidator(_email)] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _names_somebody(self) -> CustomerNamed:
        if self.customer is None and self.phone is None and self.email is None:
            raise ValueError("A customer, a phone or an email is needed.")
        return self


class ContactAsk(CustomerNamed):
    """``channel``: left out, it is not known yet. ``unit``: by whose clock quiet hours are. ``attributes``: of the
    customer, for the caps that are of some customers alone.
    """

    purpose: Purpose
    channel: ContactChannel | None = None
    unit: Name | None = None
    attributes: Annotated[dict[Attribute, Given], Field(max_length=20, repr=False)] = Field(default_factory=dict)

    def ask(self) -> domain.Ask:
        """What the domain makes of it."""
        return domain.Ask(self.purpose, self.channel, self.unit, attributes=self.attributes)


class ContactClaim(ContactAsk):
    """``claim``: the caller's id of this one contact; the same again takes no second slot."""

    claim: ClaimId


class ContactRelease(CustomerNamed):
    """``claim``: the id under which the slot was taken. The customer is named as it was then."""

    claim: ClaimId


class OptOutMessage(CustomerNamed):
    """``text`` as the customer sent it; it is not kept. ``sent_at``: a message from before a later word is void."""

    channel: ContactChannel
    text: str = Field(max_length=2000, repr=False)
    sent_at: Moment | None = None


class OptOutWord(CustomerNamed):
    """``out`` false opts in again; ``channel`` ``*`` is all of them."""

    channel: OptOutChannel
    out: bool


class FollowupEnd(Body):
    outcome: FollowupOutcome
    note: Note | None = Field(default=None, repr=False)


class ContactQuery(Query):
    customer: NoContact
    purpose: Purpose
    channel: ContactChannel | None = None
    unit: Name | None = None


class OptOutQuery(Query):
    customer: NoContact


class SpanQuery(ListQuery):
    """``since`` ≤ time < ``until``."""

    since: Moment | None = None
    until: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> SpanQuery:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since is after until.")
        return self


class FollowupQuery(SpanQuery):
    state: FollowupState | None = None
    owner: Name | None = None
