"""The calendars that ship, read when somebody asks for a country. ``python -m infra.calendars`` compiles them.

The file has one line a country, so that asking for one does not read the others.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, Final

from chalicelib.domain.time.calendar import Calendar, Holiday, Year

COMPILED: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compiled.tsv")


@lru_cache(maxsize=32)
def calendar(country: str) -> Calendar | None:
    """The calendar of ``CN``, ``DE``, ``DE-BY`` …; None for a country that there is none of."""
    for code, line in _lines():
        if code == country:
            return _calendar(code, json.loads(line))
    return None


@lru_cache(maxsize=1)
def release() -> str:
    """What tells these calendars from those of another release."""
    with open(COMPILED, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """The codes of all countries, and of the parts of some, in order."""
    return tuple(code for code, _ in _lines())


def _lines() -> Iterator[tuple[str, str]]:
    with open(COMPILED, encoding="utf-8") as file:
        for text in file:
            code, _, line = text.partition("\t")
            yield code, line


def _calendar(country: str, line: Any) -> Calendar:
    years = {
        int(year): Year(
            published=bool(published),
            holidays=tuple(Holiday(_day(year, day), line["names"][name]) for day, name in off.items()),
            workdays=frozenset(_day(year, day) for day in made_up),
        )
        for year, (published, off, made_up) in line["years"].items()
    }
    return Calendar(country, years, frozenset(line["weekend"]), line["source"])


def _day(year: str, day: str) -> date:
    return date(int(year), int(day[:2]), int(day[2:]))
