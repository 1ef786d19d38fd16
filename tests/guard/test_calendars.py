"""What ships is what the kept libraries say: after raising one of them run ``make packs``."""

from __future__ import annotations

import json
from datetime import date
from importlib import metadata
from pathlib import Path

from chinese_calendar import is_workday

from chalicelib.calendars import book
from infra import calendars

MEND = "run `make packs` (python -m infra.calendars) and commit chalicelib/calendars"


def test_the_file_is_what_the_libraries_say() -> None:
    """Every twentieth line, and those that somebody would miss first: all of them take seconds."""
    lines = Path(book.COMPILED).read_text("utf-8").splitlines(keepends=True)
    assert [line.partition("\t")[0] for line in lines] == list(calendars.codes()), MEND
    looked_at = [line for line in lines[::20] if not line.startswith("US-")]
    looked_at += [line for line in lines if line.startswith(("CN\t", "HK\t", "TW\t", "SG\t", "JP\t", "US\t", "DE\t"))]
    assert [calendars.compiled(line.partition("\t")[0]) for line in looked_at] == looked_at, MEND
    versions = {f"{name} {metadata.version(name)}" for name in ("chinesecalendar", "holidays")}
    assert {json.loads(line.partition("\t")[2])["source"] for line in lines} == versions, MEND


def test_a_day_is_a_workday_in_china_where_the_library_says_so() -> None:
    china = book.calendar("CN")
    assert china is not None
    for year in (year for year, one in china.years.items() if one.published):
        for number in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()):
            day = date.fromordinal(number)
            ours = china.is_makeup(day) or (day.weekday() < 5 and not china.is_holiday(day))
            assert ours == is_workday(day), day


def test_countries_have_years_and_names() -> None:
    assert len(book.countries()) > 250
    for code in ("CN", "HK", "TW", "SG", "JP", "US", "DE-BY", "GB-SCT"):
        found = book.calendar(code)
        assert found is not None
        assert found.years[2026].holidays
        assert all(one.names["en"] for one in found.years[2026].holidays)
    assert book.calendar("XX") is None
