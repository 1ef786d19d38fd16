"""Organisations as people hand them in and take them out: YAML, JSON, and tables of units and people as CSV.

YAML and JSON have the same members. What a list holds may be written as one text with semicolons too, as the cells of
the tables have it, so that all of them have one grammar. What is wrong is refused with its place, and its line where
the text has lines. No refusal repeats what was sent: a person's number may stand where it does not belong.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.domain.contact.masks import is_contact
from chalicelib.domain.text import csv_text
from chalicelib.domain.time.opening_hours import (
    dates,
    hours,
    single_days,
    written_dates,
    written_days,
    written_hours,
)
from chalicelib.domain.workspaces.organisation import (
    CAN_CHANGE,
    CHANNELS,
    EVERYWHERE,
    ID,
    NO_CALENDAR,
    SEPARATOR,
    Absence,
    Department,
    Organisation,
    Person,
    Post,
    Unit,
)
from chalicelib.errors import Invalid, TooLarge

MOST_BYTES: Final = 2 * 1024 * 1024
MOST_UNITS: Final = 20_000
MOST_PEOPLE: Final = 20_000
MOST_DAYS: Final = 200_000  # single days of all units together
MOST_ABSENCES: Final = 100  # of one person
MOST_OPEN: Final = 1_000  # open tickets of one person that a limit may allow: whoever counts reads them
INVALID: Final = "organisation_invalid"

_LONGEST: Final = 200  # characters of a name or an id of a unit
_WORKSPACE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # as other bodies have it
_COLUMN: Final = re.compile(r"[^\W\d](?:[^\W\d]|[ _-]){0,39}")  # what a refusal repeats: no number, no address
_MOST_NAMED: Final = 5
_LANGUAGES: Final = ("zh-CN", "en")
_HEAD: Final = (
    "workspace", "version", "time_zone", "calendar", "hours", "triage", "most_open", "units", "departments", "people",
)  # fmt: skip
_UNIT: Final = ("name", "type", "parent", "time_zone", "calendar", "hours", "days")
_PERSON: Final = ("name", "posts", "authority", "deputies", "superior", "absent", "key", "most_open", "channels")
UNIT_COLUMNS: Final = ("id", *_UNIT)
PERSON_COLUMNS: Final = ("id", *_PERSON[:-1], *CHANNELS)
_NULLS: Final = ("", "~", "null")
# What a spreadsheet would calculate, the wide forms too that some fold into it, and our own mark against it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠", "'")

Value = TypeVar("Value")
Countries = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a document with its place. ``value``: text, a mapping, a list, or None for nothing."""

    value: str | Mapping[str, Entry] | Sequence[Entry] | None = field(repr=False)
    place: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """An organisation and the lines at which its members stand; without lines where the text has none."""

    organisation: Organisation
    workspace: str | None = None  # where it says so, as other bodies may
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, place: tuple[str, ...]) -> int | None:
        """Where a place stands, or the nearest member that holds it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return None


# --- reading: YAML and JSON -----------------------------------------------------------------------------------------


def from_yaml(raw: bytes, is_country: Countries) -> Document:
    """Raises Invalid (``organisation_invalid``), TooLarge."""
    import yaml

    from chalicelib.understanding.frame import FrameError
    from chalicelib.understanding.marked import compose

    if len(raw) > MOST_BYTES:
        raise too_large()
    try:
        root = compose(raw.decode("utf-8-sig"), "organisation", MOST_BYTES)
    except UnicodeDecodeError:
        raise Invalid("The text is not UTF-8.", code=INVALID) from None
    except FrameError as error:
        raise Invalid(f"Line {error.line}: {error.message}", code=INVALID) from None
    return _document(_of_yaml(root, (), yaml), is_country)


def from_json(value: Any, is_country: Countries) -> Document:
    """``value`` is decoded JSON. Raises as ``from_yaml``."""
    return _document(_of_json(value, ()), is_country)


def _of_yaml(node: Any, place: tuple[str, ...], yaml: Any) -> Entry:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        members: dict[str, Entry] = {}
        for key, value in node.value:
            here = Entry(None, place, key.start_mark.line + 1)
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(here, "A member has a plain name.")
            if key.value in members:
                raise _wrong(here, "This name stands here twice.")
            entry = _of_yaml(value, (*place, key.value), yaml)
            members[key.value] = replace(entry, line=key.start_mark.line + 1)
        return Entry(members, place, line)
    if isinstance(node, yaml.SequenceNode):
        entries = [_of_yaml(one, (*place, str(number)), yaml) for number, one in enumerate(node.value)]
        return Entry(entries, place, line)
    is_nothing = not node.style and node.value in _NULLS
    return Entry(None if is_nothing else str(node.value), place, line)


def _of_json(value: Any, place: tuple[str, ...]) -> Entry:
    if isinstance(value, Mapping):
        return Entry({name: _of_json(one, (*place, name)) for name, one in value.items()}, place)
    if isinstance(value, list):
        return Entry([_of_json(one, (*place, str(number))) for number, one in enumerate(value)], place)
    return Entry(None if value is None else str(value), place)


def _document(root: Entry, is_country: Countries) -> Document:
    head = _members(root, _HEAD)
    rows = {name: _named(head.get(name)) for name in ("units", "departments", "people")}
    _count(rows["units"], MOST_UNITS, "units")
    _count(rows["people"], MOST_PEOPLE, "people")
    default = Organisation()
    one = Organisation(
        version=_each(head.get("version"), _number) or 0,
        time_zone=_each(head.get("time_zone"), _zone) or default.time_zone,
        calendar=_each(head.get("calendar"), _country(is_country)) or default.calendar,
        hours=_each(head.get("hours"), hours) or default.hours,
        triage=_each(head.get("triage"), _id),
        most_open=_each(head.get("most_open"), _most_open),
        units=_units(rows["units"], is_country),
        departments=tuple(_department(name, entry) for name, entry in rows["departments"].items()),
        people=tuple(_person(name, entry) for name, entry in rows["people"].items()),
    )
    return Document(one, _each(head.get("workspace"), _workspace), dict(_lines(root)))


def _lines(entry: Entry) -> Iterator[tuple[tuple[str, ...], int]]:
    """Of the head, its rows and their members: what findings name."""
    if entry.line is not None:
        yield entry.place, entry.line
    if isinstance(entry.value, Mapping) and len(entry.place) < 3:
        for one in entry.value.values():
            yield from _lines(one)


def _units(rows: Mapping[str, Entry], is_country: Countries) -> tuple[Unit, ...]:
    found: list[Unit] = []
    days = 0
    for name, entry in rows.items():
        found.append(_unit(name, entry, is_country))
        days += len(found[-1].days)
        if days > MOST_DAYS:  # a range is short to write and long to keep
            raise _wrong(entry, f"All units together name at most {MOST_DAYS} single days.")
    return tuple(found)


def _unit(name: str, entry: Entry, is_country: Countries) -> Unit:
    if not name or name != name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise _wrong(entry, "The id of a unit is short, printable text without a space before or after it.")
    if name == EVERYWHERE or ";" in name:
        raise _wrong(entry, "The id of a unit is not * and has no semicolon.")
    given = _members(entry, _UNIT)
    if SEPARATOR in name and given.get("parent") is not None and given["parent"].value is not None:
        raise _wrong(entry, "A unit whose id is a path lies below its path and names no parent.")
    return Unit(
        id=name,
        name=_each(given.get("name"), _words) or "",
        kind=_each(given.get("type"), _words) or "",
        parent=_each(given.get("parent"), _words),
        time_zone=_each(given.get("time_zone"), _zone),
        calendar=_each(given.get("calendar"), _country(is_country)),
        hours=_each(given.get("hours"), hours),
        days=_each(given.get("days"), single_days) or {},
    )


def _department(name: str, entry: Entry) -> Department:
    _check_id(name, entry)
    if isinstance(entry.value, str):
        return Department(name, dict.fromkeys(_LANGUAGES, _checked(entry, _words)))
    given = _members(entry, _LANGUAGES)
    return Department(name, {lang: _checked(one, _words) for lang, one in given.items() if one.value is not None})


def _person(name: str, entry: Entry) -> Person:
    _check_id(name, entry)
    if is_contact(name):
        raise _wrong(entry, "The id of a person stands on tickets and in events: it may be no number and no address.")
    given = _members(entry, _PERSON)
    channels = {kind: _each(one, _words) for kind, one in _members(given.get("channels"), CHANNELS).items()}
    absences = _list(given.get("absent"), lambda text: Absence(*dates(text)))
    if len(absences) > MOST_ABSENCES:
        raise _wrong(entry, f"A person has at most {MOST_ABSENCES} absences.")
    return Person(
        id=name,
        name=_each(given.get("name"), _words) or "",
        posts=_list(given.get("posts"), _post),
        authority=_list(given.get("authority"), _authority),
        deputies=_list(given.get("deputies"), _id),
        superior=_each(given.get("superior"), _id),
        absences=absences,
        key=_each(given.get("key"), _id),
        most_open=_each(given.get("most_open"), _most_open),
        channels={kind: channel for kind, channel in channels.items() if channel is not None},
    )


# --- reading: tables ------------------------------------------------------------------------------------------------


def units_from_csv(raw: bytes, is_country: Countries) -> tuple[Unit, ...]:
    """Raises Invalid (``organisation_invalid``) with the number of the row, TooLarge."""
    return _units(_named_rows(raw, UNIT_COLUMNS, MOST_UNITS, "units"), is_country)


def people_from_csv(raw: bytes) -> tuple[Person, ...]:
    """Raises as ``units_from_csv``."""
    return tuple(
        _person(name, entry) for name, entry in _named_rows(raw, PERSON_COLUMNS, MOST_PEOPLE, "people").items()
    )


def _named_rows(raw: bytes, columns: Sequence[str], most: int, what: str) -> dict[str, Entry]:
    if len(raw) > MOST_BYTES:
        raise too_large()
    found: dict[str, Entry] = {}
    for line, cells in _cells(raw, columns):
        here = Entry(None, (what,), line)
        name = cells.pop("id", "")
        if not name or name in found:
            raise _wrong(here, "A row has an id of its own in the column id.")
        channels: dict[str, Entry] = {
            kind: Entry(cells.pop(kind), (what, name), line) for kind in CHANNELS if kind in cells
        }
        members = {member: Entry(text, (what, name, member), line) for member, text in cells.items()}
        if channels:
            members["channels"] = Entry(channels, (what, name, "channels"), line)
        found[name] = Entry(members, (what, name), line)
    _count(found, most, what)
    return found


def _cells(raw: bytes, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The row's number, as a spreadsheet counts, and its cells by column."""
    number = 1
    try:
        layout = csv_text.layout(raw, whole=True)
        records = csv_text.records(layout.units(raw[layout.start :]), layout.separator, last=True)
        names = csv_text.columns(layout, next(records))
        if unknown := [name for name in names if name not in columns]:
            said = ", ".join(name if _COLUMN.fullmatch(name) else "…" for name in unknown[:_MOST_NAMED])
            raise Invalid(
                f"Columns that are not known: {len(unknown)} ({said}); known are {', '.join(columns)}.", code=INVALID
            )
        for number, record in enumerate(records, start=2):
            row = csv_text.row(layout, names, record)
            if row:
                yield number, {name: _unmarked(cell.strip()) for name, cell in row.items()}
    except csv_text.Unreadable as error:
        raise Invalid(f"Row {number}: the table cannot be read ({error.code}).", code=INVALID) from None


def _unmarked(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


# --- reading: values ------------------------------------------------------------------------------------------------


def _members(entry: Entry | None, known: Sequence[str]) -> Mapping[str, Entry]:
    members = _named(entry)
    for name, one in members.items():
        if name not in known:
            raise _wrong(one, f"There is no such member here; known are {', '.join(known)}.")
    return members


def _named(entry: Entry | None) -> Mapping[str, Entry]:
    if entry is None or entry.value is None:
        return {}
    if not isinstance(entry.value, Mapping):
        raise _wrong(entry, "Here stand named members.")
    return entry.value


def _count(rows: Mapping[str, Entry], most: int, what: str) -> None:
    if len(rows) > most:
        raise Invalid(f"There are at most {most} {what}.", code=INVALID, pointer=f"/{what}")


def _each(entry: Entry | None, read: Callable[[str], Value]) -> Value | None:
    """The one value of a member, None when there is none."""
    return None if entry is None or entry.value is None else _checked(entry, read)


def _checked(entry: Entry, read: Callable[[str], Value]) -> Value:
    value = entry.value
    if isinstance(value, Mapping) and read in (hours, single_days):  # days on lines of their own
        value = "; ".join(f"{name} {one.value}" for name, one in value.items())
    if not isinstance(value, str):
        raise _wrong(entry, "Here stands text.")
    try:
        return read(value.strip())
    except ValueError as error:
        raise _wrong(entry, str(error)) from None


def _list(entry: Entry | None, read: Callable[[str], Value]) -> tuple[Value, ...]:
    if entry is None or entry.value is None:
        return ()
    if isinstance(entry.value, str):
        parts = (part for part in entry.value.split(";") if part.strip())
        found = [_checked(replace(entry, value=part), read) for part in parts]
    elif isinstance(entry.value, Mapping):
        raise _wrong(entry, "Here stands a list.")
    else:
        found = [_checked(one, read) for one in entry.value]
    if len(set(found)) != len(found):
        raise _wrong(entry, "Something stands in this list twice.")
    return tuple(found)


def _check_id(name: str, entry: Entry) -> None:
    if not ID.fullmatch(name):
        raise _wrong(entry, "An id is of letters, digits, dot, dash and underscore.")


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError("An id is of letters, digits, dot, dash and underscore.")
    return text


def _workspace(text: str) -> str:
    if not _WORKSPACE.fullmatch(text):
        raise ValueError("A workspace is of small letters, digits and dashes.")
    return text


def _words(text: str) -> str:
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"Here stand up to {_LONGEST} printable characters.")
    return text


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError("Here stands a whole number.")
    return int(text)


def _most_open(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= MOST_OPEN:
        raise ValueError(f"A person has at least 1 and at most {MOST_OPEN} open tickets.")
    return number


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError, ValueError):  # some wrong names are folders, some no names of files
        raise ValueError("Here stands a time zone of the IANA list, such as Asia/Shanghai.") from None
    return text


def _country(is_country: Countries) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text != NO_CALENDAR and not is_country(text):
            raise ValueError("Here stands a country such as CN or DE-BY, or none for a unit that knows no holidays.")
        return text

    return read


def _post(text: str) -> Post:
    unit, _, department = text.rpartition(":")
    if not unit.strip():
        raise ValueError("A post is written unit:department, *:department for the whole workspace.")
    return Post(unit.strip(), _id(department.strip()))


def _authority(text: str) -> str:
    if not text.startswith(CAN_CHANGE):
        raise ValueError(f"An authority is written {CAN_CHANGE}process.")
    return _id(text.removeprefix(CAN_CHANGE))


def _wrong(entry: Entry, message: str) -> Invalid:
    """The refusal at a place. The pointer stops where the sender's own names begin."""
    pointer = f"/{entry.place[0]}" if entry.place and entry.place[0] in _HEAD else ""
    told = f"Line {entry.line}: {message}" if entry.line is not None else message
    return Invalid(told, code=INVALID, pointer=pointer)


def too_large() -> TooLarge:
    """The refusal of a document that is kept nowhere."""
    return TooLarge("The organisation is too large.")


# --- writing --------------------------------------------------------------------------------------------------------


def to_document(one: Organisation) -> dict[str, Any]:
    """The members of YAML and JSON; what says nothing is left out."""
    return {
        "version": one.version,
        "time_zone": one.time_zone,
        "calendar": one.calendar,
        "hours": written_hours(one.hours),
        "triage": one.triage,
        "most_open": one.most_open,
        "units": {unit.id: _filled(_unit_members(unit)) for unit in one.units},
        "departments": {department.id: dict(department.names) for department in one.departments},
        "people": {person.id: _filled(_person_members(person)) for person in one.people},
    }


def to_yaml(one: Organisation) -> bytes:
    """What ``from_yaml`` reads."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(to_document(one), Dumper=dumper, allow_unicode=True, sort_keys=False, width=1000)
    return str(text).encode()


def units_to_csv(one: Organisation) -> bytes:
    """What ``units_from_csv`` reads."""
    return _table(UNIT_COLUMNS, ({"id": unit.id, **_unit_members(unit)} for unit in one.units))


def people_to_csv(one: Organisation) -> bytes:
    """What ``people_from_csv`` reads."""
    rows = ({"id": person.id, **_person_members(person), **person.channels} for person in one.people)
    return _table(PERSON_COLUMNS, rows)


def _unit_members(unit: Unit) -> dict[str, Any]:
    return {
        "name": unit.name,
        "type": unit.kind,
        "parent": unit.parent,
        "time_zone": unit.time_zone,
        "calendar": unit.calendar,
        "hours": written_hours(unit.hours) if unit.hours else None,
        "days": written_days(unit.days),
    }


def _person_members(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "posts": [f"{post.unit}:{post.department}" for post in person.posts],
        "authority": [CAN_CHANGE + process for process in person.authority],
        "deputies": list(person.deputies),
        "superior": person.superior,
        "absent": [written_dates(absence.first, absence.last) for absence in person.absences],
        "key": person.key,
        "most_open": person.most_open,
        "channels": dict(person.channels),
    }


def _filled(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """With a byte order mark: without it spreadsheets read Chinese wrongly."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str:
    text = "; ".join(value) if isinstance(value, list) else str(value or "")
    return f"'{text}" if text.startswith(_FORMULA) else text
