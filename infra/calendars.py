"""Public holidays of two kept libraries → one small file that ships: ``python -m infra.calendars``.

China's holidays and make-up days are those of ``chinesecalendar``, which follows the State Council's notices; a year
without a notice has what ``holidays`` expects and is not published. All other countries are those of ``holidays``. A
year of theirs is published unless one of its days is an estimate, or the country moves working days by decree and the
decree of that year is not in the library yet.

Raising a library in requirements-dev.txt and running this is how a new year is published.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import holidays
from chinese_calendar.constants import Holiday as ChineseHoliday
from chinese_calendar.constants import holidays as chinese_holidays
from chinese_calendar.constants import workdays as chinese_workdays

from chalicelib.calendars import book

OUT: Final = Path(book.COMPILED)
YEARS: Final = range(2024, 2029)
RELEASED: Final = 2026  # year of the pinned libraries: what they know of it is not awaited any more
CHINA: Final = "CN"
DIVIDED: Final = ("AU", "CA", "CH", "DE", "ES", "GB", "IN", "MY", "US")  # whose parts are there too: DE-BY
_ESTIMATED: Final = "(estimated)"
_CHINESE: Final = {one.value: one.chinese for one in ChineseHoliday}

Days = dict[date, dict[str, str]]


def codes() -> tuple[str, ...]:
    """Every country, and the parts of some."""
    supported = holidays.list_supported_countries(include_aliases=False)
    parts = (f"{country}-{part}" for country in DIVIDED for part in supported[country])
    return tuple(sorted((*supported, *parts)))


def compiled(code: str) -> str:
    """One line: the code, a tab, its years as JSON."""
    country, _, part = code.partition("-")
    line = _china() if code == CHINA else _country(country, part or None)
    return f"{code}\t{json.dumps(line, ensure_ascii=False, separators=(',', ':'))}\n"


def compile_all() -> bytes:
    """The whole file."""
    return "".join(map(compiled, codes())).encode()


def _china() -> dict[str, Any]:
    expected = _days(CHINA, None)
    decreed: Days = {day: {"en": name, "zh-CN": _CHINESE[name]} for day, name in chinese_holidays.items()}
    published = {day.year for day in chinese_holidays}
    days = {day: names for day, names in expected.items() if day.year not in published} | decreed
    return _line("chinesecalendar", {5, 6}, days, chinese_workdays, published)


def _country(country: str, part: str | None) -> dict[str, Any]:
    table = holidays.country_holidays(country, subdiv=part, years=YEARS, language=_spoken(country, "en"))
    days = _days(country, part)
    moved = {day for day in getattr(table, "weekend_workdays", ()) if day.year in YEARS}
    estimated = {day.year for day, names in days.items() if _ESTIMATED in names["en"]}
    last = max(RELEASED, *(day.year for day in moved)) if moved else YEARS[-1]
    published = {year for year in YEARS if year not in estimated and year <= last}
    return _line("holidays", table.weekend, days, moved, published)


def _days(country: str, part: str | None) -> Days:
    """Day → names in English, and in Chinese where the library speaks it of this country."""
    found: Days = {}
    for lang, prefix in (("en", "en"), ("zh-CN", "zh_CN")):
        spoken = _spoken(country, prefix)
        if lang == "en" or spoken is not None:
            for day, name in holidays.country_holidays(country, subdiv=part, years=YEARS, language=spoken).items():
                found.setdefault(day, {})[lang] = name
    return found


def _spoken(country: str, prefix: str) -> str | None:
    languages = holidays.country_holidays(country).supported_languages
    return next((one for one in sorted(languages, reverse=True) if one.startswith(prefix)), None)


def _line(
    library: str, weekend: Iterable[int], days: Days, workdays: Iterable[date], published: Iterable[int]
) -> dict[str, Any]:
    """As ``calendars.book`` reads it: days by month and day, their names by number."""
    named: list[Mapping[str, str]] = []
    years: dict[str, Any] = {}
    for year in YEARS:
        off: dict[str, int] = {}
        for day, names in sorted(days.items()):
            if day.year == year:
                if names not in named:
                    named.append(names)
                off[day.strftime("%m%d")] = named.index(names)
        made_up = [day.strftime("%m%d") for day in sorted(workdays) if day.year == year]
        if off or made_up:
            years[str(year)] = [int(year in set(published)), off, made_up]
    source = f"{library} {metadata.version(library)}"
    return {"source": source, "weekend": sorted(weekend), "names": named, "years": years}


def main() -> int:
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(compile_all())
    print(f"{os.path.basename(OUT)}: {OUT.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
