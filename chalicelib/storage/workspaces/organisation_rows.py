"""Rows of organisations and their mapping to the domain. A version is written once; nobody's channels stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.domain.time.opening_hours import hours, single_days, written_days, written_hours
from chalicelib.domain.workspaces.organisation import Absence, Department, Organisation, Person, Post, Unit
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row


class HeadRow(Row):
    """The version in force. Small: whoever opens tickets reads it all the time."""

    version = NumberAttribute()


class ChannelsRow(Row):
    """The channels of the people of the version in force, sealed."""

    value = BinaryAttribute(legacy_encoding=False)


class LeaverRow(Row):
    """Its key says all."""


class VersionRow(Row):
    """One version. What the history shows stands on top, so that it can be read without ``doc``."""

    version = NumberAttribute()
    at = UnicodeAttribute()
    by = UnicodeAttribute()
    units = NumberAttribute()
    people = NumberAttribute()
    doc = PackedJSONAttribute()


def version_row(workspace: str, one: Organisation, *, by: str, at: datetime) -> VersionRow:
    doc = {
        "head": [one.time_zone, one.calendar, written_hours(one.hours), one.triage, one.most_open],
        "units": [_packed_unit(unit) for unit in one.units],
        "departments": [[department.id, dict(department.names)] for department in one.departments],
        "people": [_packed_person(person) for person in one.people],
    }
    return VersionRow(
        *keys.organisation_version(workspace, one.version),
        version=one.version,
        at=keys.instant(at),
        by=by,
        units=len(one.units),
        people=len(one.people),
        doc=doc,
    )


def organisation_of(row: VersionRow) -> Organisation:
    doc: Mapping[str, Any] = row.doc
    time_zone, calendar, week, triage, *more = doc["head"]  # versions of before have no most_open
    return Organisation(
        version=int(row.version),
        time_zone=time_zone,
        calendar=calendar,
        hours=hours(week),
        triage=triage,
        units=tuple(_unit(packed) for packed in doc["units"]),
        departments=tuple(Department(name, names) for name, names in doc["departments"]),
        people=tuple(_person(packed) for packed in doc["people"]),
        most_open=more[0] if more else None,
    )


def _packed_unit(one: Unit) -> list[Any]:
    week = written_hours(one.hours) if one.hours else None
    return [one.id, one.name, one.kind, one.parent, one.time_zone, one.calendar, week, written_days(one.days)]


def _unit(packed: list[Any]) -> Unit:
    name, called, kind, parent, time_zone, calendar, week, days = packed
    return Unit(name, called, kind, parent, time_zone, calendar, hours(week) if week else None, single_days(days))


def _packed_person(one: Person) -> list[Any]:
    return [
        one.id,
        one.name,
        [[post.unit, post.department] for post in one.posts],
        list(one.authority),
        list(one.deputies),
        one.superior,
        [[absence.first.isoformat(), absence.last.isoformat()] for absence in one.absences],
        one.key,
        one.most_open,
    ]


def _person(packed: list[Any]) -> Person:
    name, called, posts, authority, deputies, superior, absences, key, *more = packed
    return Person(
        id=name,
        name=called,
        posts=tuple(Post(*post) for post in posts),
        authority=tuple(authority),
        deputies=tuple(deputies),
        superior=superior,
        absences=tuple(Absence(date.fromisoformat(first), date.fromisoformat(last)) for first, last in absences),
        key=key,
        most_open=more[0] if more else None,
    )
