"""What the API shows of rules, organisations and calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.workspaces.rules import Rule
from chalicelib.lambdas.api.shows import Json, moment

if TYPE_CHECKING:
    from chalicelib.domain.time.calendar import Calendar, Year
    from chalicelib.domain.workspaces.directory import ApiKey
    from chalicelib.domain.workspaces.organisation import Kept, Organisation
    from chalicelib.domain.workspaces.organisation_check import Checked
    from chalicelib.services.workspaces.manage_organisation import Answerable
    from chalicelib.services.workspaces.organisation_file import Document


def rule(one: Rule) -> Json:
    return {
        "name": one.name,
        "version": one.version,
        "when": one.when,
        "then": list(one.then),
        "severity": one.severity,
        "department": one.department,
        "cooldown_s": one.cooldown_s,
        "enabled": one.enabled,
        "builtin": one.builtin,
    }


def key(one: ApiKey) -> Json:
    return {name: getattr(one, name) for name in ("id", "workspace", "role", "unit", "operator", "revoked")}


def taken(made: Organisation, found: Checked, leaving: int | None) -> Json:
    """An organisation that came into force: how much of it there is, how much is to be mended, and what goes on to
    somebody else.
    """
    return {
        "leaving": leaving,
        "version": made.version,
        "units": len(made.units),
        "departments": len(made.departments),
        "people": len(made.people),
        **_tally(found),
    }


def checked(found: Checked, document: Document | None) -> Json:
    """The worst findings, each in words; ``document`` knows the lines."""
    from chalicelib.domain.workspaces.organisation_check import SAYINGS
    from chalicelib.services.workspaces.manage_organisation import MOST_FINDINGS

    findings = [
        {
            "code": one.code,
            "level": "error" if one.is_error else "warning",
            "unit": one.unit,
            "department": one.department,
            "person": one.person,
            "topics": list(one.topics),
            "line": document.line(one.place) if document else None,
            "text": dict(SAYINGS[one.code]),
        }
        for one in found.findings[:MOST_FINDINGS]
    ]
    return {"sound": found.is_sound, **_tally(found), "findings": findings}


def _tally(found: Checked) -> Json:
    errors = sum(one.is_error for one in found.findings)
    return {
        "pairs": found.pairs,
        "proved": found.proved,
        "errors": errors,
        "warnings": len(found.findings) - errors,
    }


def answerable(found: Answerable, unit: str | None, topic: str | None) -> Json:
    """Who is answerable, and each step of the way there with its reason."""
    from chalicelib.domain.workspaces.organisation import said

    return {
        "organisation": found.organisation,
        "unit": unit,
        "topic": topic,
        "department": found.way.department,
        "at": moment(found.at),
        "owner": found.way.owner,
        "superior": found.superior.owner,
        "path": [
            {
                "from": edge.start,
                "to": edge.end,
                "reason": edge.reason,
                "text": {"zh-CN": said(edge, "zh-CN"), "en": said(edge, "en")},
            }
            for edge in found.way.edges
        ],
    }


def organisation_line(one: Kept) -> Json:
    return {"version": one.version, "at": moment(one.at), "by": one.by, "units": one.units, "people": one.people}


def calendar(one: Calendar, year: int, known: Year) -> Json:
    return {
        "country": one.country,
        "year": year,
        "published": known.published,
        "source": one.source,
        "weekend": sorted(day + 1 for day in one.weekend),
        "holidays": [
            {"date": holiday.day.isoformat(), "names": dict(holiday.names)}
            for holiday in sorted(known.holidays, key=lambda each: each.day)
        ],
        "workdays": [day.isoformat() for day in sorted(known.workdays)],
    }
