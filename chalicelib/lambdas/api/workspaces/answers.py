"""What the API answers about rules, keys, organisations and calendars."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.lambdas.api.answers import Answer, InTwoLanguages
from chalicelib.lambdas.api.schemas import Severity
from chalicelib.lambdas.api.workspaces.schemas import Role


class Rule(Answer):
    name: str
    version: int
    when: dict[str, Any]
    then: list[Literal["ticket", "alert", "followup"]]
    severity: Severity
    department: str | None
    cooldown_s: int | None
    enabled: bool
    builtin: bool


class DeletedRule(Answer):
    name: str
    deleted: Literal[True]


class Key(Answer):
    """A key without its secret, of which only a hash is kept. ``operator``: it may name any workspace."""

    id: str
    workspace: str
    role: Role
    unit: str | None
    operator: bool
    revoked: bool


class NewKey(Answer):
    id: str
    workspace: str
    role: Role
    unit: str | None
    key: str


class OrganisationUnit(Answer):
    """What is left out a unit has from the units above it. ``calendar``: a country, a part of one (``DE-BY``), or
    ``none`` for a unit that is open on holidays as ever. ``hours``: ``mon-fri 09:00-12:00,13:30-18:00; sat 24h``.
    ``days``: ``2026-11-11 closed; 2026-12-24/2026-12-26 10:00-14:00``.
    """

    name: str | None = None
    type: str | None = None
    parent: str | None = None
    time_zone: str | None = None
    calendar: str | None = None
    hours: str | dict[str, str] | None = None
    days: str | dict[str, str] | None = None


class OrganisationPerson(Answer):
    """``posts``: ``unit:department``, with ``*`` for the whole workspace. ``authority``: ``can_change:process``.
    ``absent``: ``2026-11-20/2026-11-25``, both days included. ``key``: id of the API key that this person works with.
    ``channels`` are shown to an admin only. ``most_open``: open tickets before the next in line gets them.
    """

    name: str | None = None
    posts: list[str] | str | None = None
    authority: list[str] | str | None = None
    deputies: list[str] | str | None = None
    superior: str | None = None
    absent: list[str] | str | None = None
    key: str | None = None
    most_open: int | str | None = None
    channels: dict[Literal["phone", "email", "dingtalk", "wecom", "feishu"], str] | None = None


class Organisation(Answer):
    """``triage`` is the department of what no other is answerable for. Units, departments and people by id.

    ``workspace`` is given as in other bodies, and never answered.
    """

    workspace: str | None = None
    version: int = 0
    time_zone: str | None = None
    calendar: str | None = None
    hours: str | dict[str, str] | None = None
    triage: str | None = None
    most_open: int | str | None = None
    units: dict[str, OrganisationUnit | None] | None = None
    departments: dict[str, dict[Literal["zh-CN", "en"], str] | str | None] | None = None
    people: dict[str, OrganisationPerson | None] | None = None


class OrganisationTally(Answer):
    """``pairs`` of a unit and a topic were looked at; ``proved`` of them have exactly one owner."""

    pairs: int
    proved: int
    errors: int
    warnings: int


class OrganisationTaken(OrganisationTally):
    """``leaving``: open tickets of people who were in the version before it, which go to whoever is next in line within
    minutes; null where more than 20 are gone.
    """

    leaving: int | None
    version: int
    units: int
    departments: int
    people: int


class OrganisationFinding(Answer):
    """``unit`` is ``*`` for voices that name no unit. ``topics`` are those that it concerns."""

    code: Literal[
        "unit_cycle",
        "unknown_parent",
        "unknown_unit",
        "unknown_person",
        "unknown_department",
        "no_triage",
        "gap",
        "double",
        "superior_loop",
        "left_behind",
        "unstaffed",
        "no_channel",
        "deputy_loop",
        "absence_uncovered",
    ]
    level: Literal["error", "warning"]
    unit: str | None
    department: str | None
    person: str | None
    topics: list[str]
    line: int | None
    text: InTwoLanguages


class OrganisationChecked(OrganisationTally):
    """``sound``: there is no error. The first 500 findings are listed, errors first."""

    sound: bool
    findings: list[OrganisationFinding]


class OwnerStep(Answer):
    from_: str = Field(alias="from")
    to: str
    reason: Literal[
        "topic",
        "asked",
        "triage",
        "unstaffed",
        "unknown_unit",
        "nobody",
        "nowhere",
        "away",
        "absent",
        "holds",
        "first",
        "deputy",
        "full",
        "all_full",
        "kept",
    ]
    text: InTwoLanguages


class Owner(Answer):
    """``organisation`` is the version that says so. ``superior``: who is next in line above the owner."""

    organisation: int
    unit: str | None
    topic: str | None
    department: str | None
    at: str
    owner: str | None
    superior: str | None
    path: list[OwnerStep]


class OrganisationLine(Answer):
    version: int
    at: str
    by: str
    units: int
    people: int


class PublicHoliday(Answer):
    """``names``: language → name; ``en`` is always there."""

    date: str
    names: dict[Literal["zh-CN", "en"], str]


class Calendar(Answer):
    """``workdays``: days of the weekend on which people work (调休). ``weekend``: 1 is Monday, 7 is Sunday."""

    country: str
    year: int
    published: bool
    source: str
    weekend: list[int]
    holidays: list[PublicHoliday]
    workdays: list[str]
