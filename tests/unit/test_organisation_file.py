"""Organisations in and out: YAML, JSON and tables have one grammar, and a slip is refused where it stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.time.opening_hours import hours, single_days
from chalicelib.domain.workspaces.organisation import CHANNELS, Absence, Department, Organisation, Person, Post, Unit
from chalicelib.errors import Invalid, Rejected, TooLarge
from chalicelib.services.workspaces import organisation_file as files
from chalicelib.storage.workspaces import organisation_rows as rows
from chalicelib.understanding import marked
from tests.builders import AT

TEXT = """\
version: 3
time_zone: Asia/Shanghai
calendar: CN
hours: mon-fri 09:00-18:00
triage: customer_service
units:
  cn: {name: 中国, type: country}
  cn/sh/001:
    name: 上海一店
    type: shop
    calendar: none
    hours:
      daily: 10:00-22:00
    days: 2026-11-11 closed
  NYC-1: {parent: cn, time_zone: America/New_York}
departments:
  customer_service: {zh-CN: 客服, en: Customer service}
  store_operations: 门店运营
people:
  li.na:
    name: 李娜
    posts: [cn:store_operations, "*:customer_service"]
    authority: [can_change:refund]
    deputies: wang_wei; NYC-boss
    absent: [2026-11-20/2026-11-25, 2026-12-24]
    key: ky_abc
    channels: {phone: 13800138000, email: li@example.com, wecom: li.na}
  wang_wei: {name: 王伟, superior: li.na}
  NYC-boss:
"""
OURS = Organisation(
    version=3,
    hours=hours("mon-fri 09:00-18:00"),
    triage="customer_service",
    units=(
        Unit("cn", "中国", "country"),
        Unit(
            "cn/sh/001",
            "上海一店",
            "shop",
            calendar="none",
            hours=hours("daily 10:00-22:00"),
            days=single_days("2026-11-11 closed"),
        ),
        Unit("NYC-1", parent="cn", time_zone="America/New_York"),
    ),
    departments=(
        Department("customer_service", {"zh-CN": "客服", "en": "Customer service"}),
        Department("store_operations", {"zh-CN": "门店运营", "en": "门店运营"}),
    ),
    people=(
        Person(
            "li.na",
            "李娜",
            posts=(Post("cn", "store_operations"), Post("*", "customer_service")),
            authority=("refund",),
            deputies=("wang_wei", "NYC-boss"),
            absences=(
                Absence(date(2026, 11, 20), date(2026, 11, 25)),
                Absence(date(2026, 12, 24), date(2026, 12, 24)),
            ),
            key="ky_abc",
            channels={"phone": "13800138000", "email": "li@example.com", "wecom": "li.na"},
        ),
        Person("wang_wei", "王伟", superior="li.na"),
        Person("NYC-boss"),
    ),
)


def is_country(code: str) -> bool:
    return code in ("CN", "DE-BY")


def read(text: str) -> files.Document:
    return files.from_yaml(text.encode(), is_country)


def refusal(text: str) -> tuple[str, str, str | None]:
    with pytest.raises(Invalid) as refused:
        read(text)
    return refused.value.code, refused.value.message, refused.value.pointer


def test_a_document_is_read_and_knows_its_lines() -> None:
    document = read(TEXT)
    assert document.organisation == OURS
    assert document.line(("people", "li.na", "deputies")) == 24
    assert document.line(("people", "li.na", "no such member")) == 20
    assert document.line(("nowhere",)) is None


def test_written_as_yaml_json_and_tables_it_is_read_back() -> None:
    assert read(files.to_yaml(OURS).decode()).organisation == OURS
    assert files.from_json(files.to_document(OURS), is_country).organisation == OURS
    assert files.units_from_csv(files.units_to_csv(OURS), is_country) == OURS.units
    assert files.people_from_csv(files.people_to_csv(OURS)) == OURS.people


def test_a_row_keeps_everything_but_how_people_are_reached() -> None:
    row = rows.version_row("acme", OURS, by="ky_one", at=AT)
    assert b"13800138000" not in row.doc.__repr__().encode()
    bare = tuple(replace(person, channels={}) for person in OURS.people)
    assert rows.organisation_of(row) == replace(OURS, people=bare)


def test_nobodys_channels_stand_in_a_repr() -> None:
    assert "13800138000" not in repr(OURS)
    assert "13800138000" not in repr(files.Entry("13800138000"))


@pytest.mark.parametrize(
    ("before", "after", "message", "pointer"),
    [
        ("type: shop", "kind: shop", "Line 10: There is no such member here; known are name, type, parent, "
         "time_zone, calendar, hours, days.", "/units"),
        ("Asia/Shanghai", "Asia/Shangai", "Line 2: Here stands a time zone of the IANA list, such as Asia/Shanghai.",
         "/time_zone"),
        ("Asia/Shanghai", "Asia", "Line 2: Here stands a time zone of the IANA list, such as Asia/Shanghai.",
         "/time_zone"),
        ("calendar: CN", "calendar: XX", "Line 3: Here stands a country such as CN or DE-BY, or none for a unit that "
         "knows no holidays.", "/calendar"),
        ("daily: 10:00-22:00", "daily: ten", "Line 12: A shift is written 09:00-18:00, the hours of a day as closed, "
         "24h or several shifts.", "/units"),
        ("NYC-1: {", "cn/ny: {", "Line 15: A unit whose id is a path lies below its path and names no parent.",
         "/units"),
        ("[can_change:refund]", "[refund]", "Line 23: An authority is written can_change:process.", "/people"),
        ("[cn:store_operations, ", "[store_operations, ", "Line 22: A post is written unit:department, *:department "
         "for the whole workspace.", "/people"),
        ("wang_wei; NYC", "wang_wei; wang_wei; NYC", "Line 24: Something stands in this list twice.", "/people"),
        ("NYC-boss:\n", "wang_wei:\n", "Line 29: This name stands here twice.", "/people"),
        ("NYC-boss:\n", "13800138000:\n", "Line 29: The id of a person stands on tickets and in events: it may be no "
         "number and no address.", "/people"),
        ("NYC-boss:\n", "a b:\n", "Line 29: An id is of letters, digits, dot, dash and underscore.", "/people"),
        ("version: 3", "version: three", "Line 1: Here stands a whole number.", "/version"),
        ("version: 3", "workspace: a#VERSION", "Line 1: A workspace is of small letters, digits and dashes.",
         "/workspace"),
        ("version: 3", "version: [3]", "Line 1: Here stands text.", "/version"),
        ("  cn: {name", "  '*': {name", "Line 7: The id of a unit is not * and has no semicolon.", "/units"),
        ("  cn: {name", "  ' =cn': {name", "Line 7: The id of a unit is short, printable text without a space before "
         "or after it.", "/units"),
        ("authority: [can_change:refund]", "authority: {a: b}", "Line 23: Here stands a list.", "/people"),
        ("version: 3", "version: &a 3", "Line 1: Anchors and aliases are not allowed here.", None),
        ("version: 3", "version: 3\n]", "Line 2: This is not YAML.", None),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_its_line_and_without_what_was_sent(
    before: str, after: str, message: str, pointer: str | None
) -> None:
    text = TEXT.replace(before, after, 1)
    assert refusal(text) == ("organisation_invalid", message, pointer)
    assert "13800138000" not in message


def test_json_has_no_lines_and_is_refused_at_its_member() -> None:
    with pytest.raises(Invalid) as refused:
        files.from_json({"people": {"ann": {"phone": "13800138000"}}}, is_country)
    assert (refused.value.pointer, refused.value.message[:31]) == ("/people", "There is no such member here; k")


def test_what_is_too_large_or_too_much_is_refused() -> None:
    with pytest.raises(TooLarge, match="The organisation is too large"):
        files.from_yaml(b"#" * (files.MOST_BYTES + 1), is_country)
    with pytest.raises(TooLarge, match="The organisation is too large"):
        files.people_from_csv(b"#" * (files.MOST_BYTES + 1))
    with pytest.raises(Invalid, match="There are at most 20000 units"):
        files.from_json({"units": {f"u{number}": None for number in range(files.MOST_UNITS + 1)}}, is_country)
    away = [f"2026-01-01/{date(2026, 1, 1) + timedelta(days=number)}" for number in range(101)]
    with pytest.raises(Invalid, match=r"^A person has at most 100 absences\.$"):
        files.from_json({"people": {"ann": {"absent": away}}}, is_country)


def test_a_text_of_very_many_values_is_refused_before_any_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marked, "MAX_NODES", 100)
    with pytest.raises(Invalid, match=r"^Line 2: There are more than 100 values\.$"):
        files.from_yaml(b"units:\n  [" + b"x, " * 200 + b"x]", is_country)


def test_ranges_of_days_that_are_short_to_write_and_long_to_keep_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_DAYS", 700)
    year = "2026-01-01/2026-12-31 closed"
    with pytest.raises(Invalid, match=r"^All units together name at most 700 single days\.$") as refused:
        files.from_json({"units": {"a": {"days": year}, "b": {"days": year}}}, is_country)
    assert refused.value.pointer == "/units"
    with pytest.raises(Invalid, match=r"^Line 3: All units together name at most 700 single days\.$"):
        files.units_from_csv(f"id,days\na,{year}\nb,{year}\n".encode(), is_country)


class TestTables:
    def test_a_table_of_a_spreadsheet_is_read_whatever_it_is_written_in(self) -> None:
        table = 'id;name;posts\r\nann;安妮;"cn:logistics; *:front_desk"\r\n'
        for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
            (found,) = files.people_from_csv(table.encode(encoding))
            assert (found.name, found.posts) == ("安妮", (Post("cn", "logistics"), Post("*", "front_desk")))

    def test_what_a_spreadsheet_would_calculate_is_marked_and_read_back(self) -> None:
        ours = replace(OURS, people=(Person("ann", "=1+1", channels={"phone": "+8613800138000", "email": "'a@b.c"}),))
        table = files.people_to_csv(ours)
        assert b",'=1+1," in table
        assert b",'+8613800138000," in table
        assert files.people_from_csv(table) == ours.people
        wide = replace(OURS, people=(Person("ann", "＝1+1"), Person("ben", "＠SUM(1)")))
        assert ",'＝1+1," in files.people_to_csv(wide).decode()
        assert files.people_from_csv(files.people_to_csv(wide)) == wide.people

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("id,nmae\nann,Ann\n", "Columns that are not known: 1 (nmae); known are id, name, posts, authority, "
             "deputies, superior, absent, key, most_open, phone, email, dingtalk, wecom, feishu."),
            ("id,name\nann,Ann\nann,Ann\n", "Line 3: A row has an id of its own in the column id."),
            ("id,name\n,Ann\n", "Line 2: A row has an id of its own in the column id."),
            ("id,absent\nann,today\n", "Line 2: A day is written 2026-11-20, several as 2026-11-20/2026-11-25."),
            ("", "Row 1: the table cannot be read (file_empty)."),
            ('id,name\nann,"Ann\n', "Row 2: the table cannot be read (quote_not_closed)."),
        ],
    )  # fmt: skip
    def test_a_slip_is_refused_with_its_row(self, table: str, message: str) -> None:
        with pytest.raises(Invalid) as refused:
            files.people_from_csv(table.encode())
        assert (refused.value.code, refused.value.message) == ("organisation_invalid", message)


# --- whatever is said -------------------------------------------------------------------------------------------------

names = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,8}", fullmatch=True)
words = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12)
places = st.from_regex(r"[a-z]{1,3}(/[a-z0-9]{1,3}){0,2}", fullmatch=True)
absences = st.tuples(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 40)).map(
    lambda drawn: Absence(drawn[0], drawn[0] + timedelta(days=drawn[1]))
)
posts = st.builds(Post, places | st.just("*"), names)
people = st.builds(
    Person,
    id=names,
    name=words,
    posts=st.lists(posts, unique=True, max_size=3).map(tuple),
    authority=st.lists(names, unique=True, max_size=2).map(tuple),
    deputies=st.lists(names, unique=True, max_size=2).map(tuple),
    superior=st.none() | names,
    absences=st.lists(absences, unique=True, max_size=2).map(tuple),
    key=st.none() | names,
    channels=st.dictionaries(st.sampled_from(CHANNELS), words, max_size=3),
)
units = st.builds(
    Unit,
    id=places,
    name=words,
    kind=st.just("") | words,
    time_zone=st.none() | st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]),
    calendar=st.none() | st.sampled_from(["CN", "DE-BY", "none"]),
    hours=st.none() | st.just(hours("mon-fri 09:00-12:00,22:00-02:00; holiday 10:00-11:00; makeup closed")),
    days=st.sampled_from([{}, single_days("2026-11-11 closed; 2026-12-24/2026-12-26 10:00-14:00")]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(units, unique_by=lambda one: one.id, max_size=3),
    st.lists(people, unique_by=lambda one: one.id, max_size=3),
)
def test_every_way_out_is_a_way_in(some_units: list[Unit], some_people: list[Person]) -> None:
    ours = Organisation(7, units=tuple(some_units), people=tuple(some_people))
    assert read(files.to_yaml(ours).decode()).organisation == ours
    assert files.from_json(files.to_document(ours), is_country).organisation == ours
    assert files.people_from_csv(files.people_to_csv(ours)) == ours.people
    assert files.units_from_csv(files.units_to_csv(ours), is_country) == ours.units


junk: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["units", "people", "posts", "hours", "channels", "a", "version"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(junk)
def test_junk_is_refused_and_never_breaks_anything(value: Any) -> None:
    try:
        files.from_json(value, is_country)
    except Rejected as refused:
        assert refused.code == "organisation_invalid"  # noqa: PT017 - a document may be fine by chance


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"id,name,posts\n{text}".encode()))
def test_a_junk_table_is_refused_and_never_breaks_anything(raw: bytes) -> None:
    try:
        files.people_from_csv(raw)
    except Rejected as refused:
        assert refused.code == "organisation_invalid"  # noqa: PT017 - as above
