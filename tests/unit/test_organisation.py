"""From a topic to one person, and the proof that there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.calendars import book
from chalicelib.domain.time.opening_hours import hours, single_days
from chalicelib.domain.workspaces.organisation import (
    EVERYWHERE,
    REASONS,
    Absence,
    Edge,
    Organisation,
    Person,
    Post,
    Unit,
    said,
)
from chalicelib.domain.workspaces.organisation_check import ERRORS, SAYINGS, Asked, Checked, check
from chalicelib.lambdas.api.workspaces.answers import OrganisationFinding

NOW = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
TODAY = date(2026, 11, 21)
ASKED = Asked({"service": "front_desk", "service.attitude": "front_desk", "logistics": "logistics"}, frozenset(), "f-1")
PHONE = {"phone": "13800138000"}


def person(name: str, *posts: str, **more: Any) -> Person:
    held = tuple(Post(*post.split(":")) for post in posts)
    return Person(id=name, posts=held, **{"channels": PHONE, **more})


def away(days: int = 3) -> tuple[Absence, ...]:
    return (Absence(TODAY, TODAY + timedelta(days=days)),)


def organisation(*people: Person, units: tuple[str, ...] = ("cn", "cn/sh", "cn/sh/001"), **more: Any) -> Organisation:
    return Organisation(1, triage="front_desk", units=tuple(Unit(one) for one in units), people=people, **more)


def steps(edges: tuple[Edge, ...]) -> list[tuple[str, str, str]]:
    return [(edge.start, edge.reason, edge.end) for edge in edges]


class TestTheWay:
    def test_leads_to_who_holds_the_department_at_the_unit(self) -> None:
        ours = organisation(person("ann", "cn/sh/001:logistics"), person("bob", "cn:logistics"))
        way = ours.way(["logistics", "front_desk"], "cn/sh/001", NOW)
        assert (way.owner, way.department) == ("ann", "logistics")
        assert steps(way.edges) == [("cn/sh/001", "holds", "ann")]

    def test_goes_up_until_somebody_holds_it(self) -> None:
        way = organisation(person("bob", "cn:logistics")).way(["logistics"], "cn/sh/001", NOW)
        assert way.owner == "bob"
        assert steps(way.edges) == [
            ("cn/sh/001", "nobody", "cn/sh"),
            ("cn/sh", "nobody", "cn"),
            ("cn", "holds", "bob"),
        ]

    def test_a_unit_that_nobody_has_heard_of_lies_where_its_path_says(self) -> None:
        way = organisation(person("bob", "cn/sh:logistics")).way(["logistics"], "cn/sh/999", NOW)
        assert steps(way.edges) == [("cn/sh/999", "unknown_unit", "cn/sh"), ("cn/sh", "holds", "bob")]

    def test_the_whole_workspace_is_asked_once(self) -> None:
        way = organisation().way(("logistics",), EVERYWHERE, NOW)
        assert [step for step in steps(way.edges) if step[1] == "nowhere"] == [
            (EVERYWHERE, "nowhere", EVERYWHERE),
            (EVERYWHERE, "nowhere", EVERYWHERE),
        ]  # for the department, and for triage

    def test_a_voice_without_a_unit_goes_to_the_whole_workspace(self) -> None:
        ours = organisation(person("ann", "cn:logistics"), person("eve", "*:logistics"))
        assert ours.way(["logistics"], None, NOW).owner == "eve"

    def test_a_unit_whose_id_is_no_path_lies_below_its_parent(self) -> None:
        ours = organisation(person("bob", "cn:logistics"))
        ours = replace(ours, units=(Unit("cn"), Unit("SH-001", parent="cn")))
        assert ours.way(["logistics"], "SH-001", NOW).owner == "bob"

    def test_goes_to_the_first_deputy_who_is_there_while_somebody_is_away(self) -> None:
        ours = organisation(
            person("ann", "cn/sh/001:logistics", absences=away(), deputies=("ben", "cat")),
            person("ben", absences=away()),
            person("cat"),
        )
        way = ours.way(["logistics"], "cn/sh/001", NOW)
        assert steps(way.edges) == [("cn/sh/001", "holds", "ann"), ("ann", "deputy", "cat")]
        assert way.edges[1].given == {"first": "2026-11-21", "last": "2026-11-24"}
        assert ours.way(["logistics"], "cn/sh/001", NOW + timedelta(days=4)).owner == "ann"

    def test_goes_to_the_deputy_of_a_deputy(self) -> None:
        ours = organisation(
            person("ann", "cn:logistics", absences=away(), deputies=("ben",)),
            person("ben", absences=away(), deputies=("ann", "cat")),
            person("cat"),
        )
        assert ours.way(["logistics"], "cn", NOW).owner == "cat"

    def test_an_absence_is_of_the_organisations_days(self) -> None:
        ours = organisation(
            person("ann", "cn:logistics", absences=(Absence(TODAY, TODAY),), deputies=("ben",)), person("ben")
        )
        midnight = datetime(2026, 11, 20, 16, tzinfo=timezone.utc)  # in Shanghai
        assert ours.way(["logistics"], "cn", midnight - timedelta(seconds=1)).owner == "ann"
        assert ours.way(["logistics"], "cn", midnight).owner == "ben"

    def test_goes_up_when_nobody_of_a_level_is_there(self) -> None:
        ours = organisation(person("ann", "cn/sh:logistics", absences=away()), person("bob", "cn:logistics"))
        way = ours.way(["logistics"], "cn/sh", NOW)
        assert steps(way.edges) == [("cn/sh", "holds", "ann"), ("cn/sh", "away", "cn"), ("cn", "holds", "bob")]

    def test_a_chain_of_deputies_without_an_end_is_followed_for_a_while_only(self) -> None:
        chain = tuple(person(f"p{number}", absences=away(), deputies=(f"p{number + 1}",)) for number in range(3000))
        ours = organisation(person("ann", "cn:logistics", absences=away(), deputies=("p0",)), *chain, person("p3000"))
        assert (ours.way(["logistics"], "cn", NOW).owner, check(ours, ASKED, NOW).is_sound) == ("ann", False)

    def test_a_tree_of_units_may_be_as_deep_as_it_is_large(self) -> None:
        units = (Unit("u0"), *(Unit(f"u{number}", parent=f"u{number - 1}") for number in range(1, 3000)))
        ours = replace(organisation(person("ann", "u0:logistics", "*:front_desk", "*:logistics")), units=units)
        assert ours.way(["logistics"], "u2999", NOW).owner == "ann"
        assert check(ours, ASKED, NOW).is_sound

    def test_never_ends_with_nobody_while_somebody_holds_it(self) -> None:
        ours = organisation(person("ann", "cn/sh:logistics", absences=away()))
        way = ours.way(["logistics"], "cn/sh/001", NOW)
        assert (way.owner, way.edges[-1].reason) == ("ann", "kept")

    def test_of_several_holders_takes_the_first_of_the_document(self) -> None:
        way = organisation(person("zoe", "cn:logistics"), person("ann", "cn:logistics")).way(["logistics"], "cn", NOW)
        assert steps(way.edges) == [("cn", "first", "zoe")]

    def test_what_no_department_answers_for_goes_to_triage(self) -> None:
        ours = organisation(person("ann", "*:front_desk"))
        assert steps(ours.way([], "cn", NOW).edges)[0] == ("cn", "triage", "front_desk")
        way = ours.way(["legal"], "cn", NOW)
        assert (way.owner, way.department) == ("ann", "front_desk")
        assert [edge.reason for edge in way.edges] == ["nobody", "nowhere", "unstaffed", "nobody", "holds"]

    def test_without_anybody_there_is_no_owner(self) -> None:
        assert Organisation().way(["logistics"], "cn", NOW).owner is None
        assert Organisation().way([], None, NOW).edges == ()

    def test_who_has_as_many_as_may_be_is_passed_over_for_the_next_in_line(self) -> None:
        posts = ("cn/sh/001:logistics",)
        ours = organisation(person("ann", *posts, most_open=2), person("bob", *posts), person("eve", "cn:logistics"),
                            most_open=1)  # fmt: skip

        def led(**load: int) -> tuple[str | None, list[tuple[str, str, str]]]:
            way = ours.way(["logistics"], "cn/sh/001", NOW, load=lambda one: load.get(one, 0))
            return way.owner, [step for step in steps(way.edges) if step[1] in ("full", "all_full")]

        assert led(ann=1, bob=5) == ("ann", [])
        assert led(ann=2) == ("bob", [("ann", "full", "bob")])
        assert led(ann=2, bob=1) == ("eve", [("ann", "full", "bob"), ("bob", "full", "cn/sh")])
        assert led(ann=2, bob=1, eve=1)[0] == "ann"
        assert led(ann=2, bob=1, eve=1)[1][-1] == ("cn/sh/001", "all_full", "ann")
        assert ours.way(["logistics"], "cn/sh/001", NOW).owner == "ann"

    def test_who_holds_the_same_post_and_is_there_comes_before_the_next_level(self) -> None:
        ours = organisation(
            person("ann", "cn/sh:logistics", absences=away()),
            person("ben", "cn/sh:logistics"),
            person("cat", "cn:logistics"),
        )
        way = ours.way(["logistics"], "cn/sh", NOW)
        assert steps(way.edges) == [("cn/sh", "first", "ann"), ("ann", "absent", "ben")]
        assert (way.owner, said(way.edges[-1], "en")) == ("ben", "ann and all deputies are away: ben is next")

    def test_a_deputy_has_a_limit_too_and_who_is_away_does_not_keep_it_from_who_is_full(self) -> None:
        ours = organisation(
            person("ann", "cn/sh/001:logistics", absences=away(), deputies=("dan",)), person("dan", most_open=1)
        )
        assert ours.way(["logistics"], "cn/sh/001", NOW, load={"dan": 0}.__getitem__).owner == "dan"
        assert ours.way(["logistics"], "cn/sh/001", NOW, load={"dan": 1}.__getitem__).owner == "dan"

    def test_nobody_is_counted_who_has_no_limit_and_the_next_in_line_above_is_not(self) -> None:
        ours = organisation(person("ann", "cn/sh/001:logistics"), person("bob", "cn:logistics", most_open=1))
        counted: list[str] = []
        ours.way(["logistics"], "cn/sh/001", NOW, load=lambda one: counted.append(one) or 0)  # type: ignore[func-returns-value]
        assert (counted, ours.above("ann", "logistics", "cn/sh/001", NOW).owner) == ([], "bob")

    def test_every_step_has_its_reason_in_both_languages(self) -> None:
        ours = organisation(person("ann", "cn:logistics", absences=away(), deputies=("ben",)), person("ben"))
        told = [(said(edge, "zh-CN"), said(edge, "en")) for edge in ours.way(["logistics"], "cn/sh", NOW).edges]
        assert told[-1] == (
            "ann 自 2026-11-21 至 2026-11-24 不在，由 ben 代理",
            "ann is away from 2026-11-21 to 2026-11-24: ben stands in",
        )
        assert told[0] == ("cn/sh 没有部门 logistics 的人，看上级", "cn/sh has nobody for logistics: one level up")
        given = {"department": "d", "frame": "f", "first": "a", "last": "b", "open": "5", "most": "5"}
        for reason in REASONS:
            for lang in ("zh-CN", "en"):
                assert "{" not in said(Edge("x", EVERYWHERE, reason, given), lang)


class TestTheSuperior:
    def test_is_the_one_that_is_named(self) -> None:
        ours = organisation(person("ann", "cn/sh:logistics", superior="eve"), person("eve"))
        assert ours.above("ann", "logistics", "cn/sh", NOW).owner == "eve"

    def test_else_who_holds_the_department_further_up(self) -> None:
        ours = organisation(person("ann", "cn/sh:logistics", "cn:logistics"), person("eve", "*:logistics"))
        assert ours.above("ann", "logistics", "cn/sh", NOW).owner == "eve"

    def test_is_not_the_person_that_it_is_asked_for(self) -> None:
        ours = organisation(person("ann", "cn:logistics"), person("eve", deputies=("ann",), absences=away()))
        assert ours.above("ann", "logistics", "cn", NOW).owner is None


def test_a_unit_has_from_above_what_it_does_not_say() -> None:
    units = (
        Unit("cn", hours=hours("mon-fri 10:00-19:00"), days=single_days("2026-11-11 closed; 2026-11-12 closed")),
        Unit("cn/sh", time_zone="Asia/Urumqi", calendar="none", days=single_days("2026-11-12 10:00-11:00")),
    )
    ours = replace(organisation(), units=units)
    assert ours.countries() == {"CN"}
    china = book.calendar("CN")
    assert china is not None
    time = ours.business_time("cn/sh/001", {"CN": china})
    assert (time.zone.key, time.calendar) == ("Asia/Urumqi", None)
    assert time.hours == hours("mon-fri 10:00-19:00")
    assert (time.days[date(2026, 11, 11)], len(time.days[date(2026, 11, 12)])) == ((), 1)
    company = ours.business_time(None, {"CN": china})
    assert (company.zone.key, company.calendar) == ("Asia/Shanghai", china)


# --- the proof ------------------------------------------------------------------------------------------------------


def findings(found: Checked) -> list[tuple[str, str | None, str | None]]:
    return [(one.code, one.unit or one.person, one.department) for one in found.findings]


SOUND = (person("ann", "cn/sh:logistics"), person("eve", "*:front_desk", "*:logistics"))


class TestTheCheck:
    def test_proves_every_topic_at_every_unit_and_without_one(self) -> None:
        found = check(organisation(*SOUND), ASKED, NOW)
        assert (found.is_sound, found.findings, found.pairs, found.proved) == (True, (), 12, 12)

    def test_lists_every_gap_with_its_topics(self) -> None:
        ours = replace(organisation(person("ann", "cn/sh:logistics", "cn:front_desk")), triage=None)
        found = check(ours, ASKED, NOW)
        assert findings(found) == [
            ("no_triage", None, None),
            ("gap", "cn", "logistics"),
            ("gap", "*", "front_desk"),
            ("gap", "*", "logistics"),
        ]
        assert found.findings[2].topics == ("service", "service.attitude")
        assert (found.is_sound, found.pairs, found.proved) == (False, 12, 8)

    def test_triage_fills_gaps_and_a_department_without_anybody_is_told_of_once(self) -> None:
        found = check(organisation(person("eve", "*:front_desk")), ASKED, NOW)
        assert (findings(found), found.is_sound) == ([("unstaffed", None, "logistics")], True)
        assert found.proved == found.pairs == 12

    def test_two_who_hold_one_post_are_a_double_there_and_below(self) -> None:
        found = check(organisation(*SOUND, person("bob", "cn/sh:logistics")), ASKED, NOW)
        assert findings(found) == [("double", "cn/sh", "logistics")]
        assert (found.findings[0].person, found.findings[0].topics) == ("bob", ("logistics",))
        assert found.proved == 12 - 2

    def test_departments_of_rules_and_red_lines_need_somebody_too(self) -> None:
        ours = replace(organisation(person("ann", "*:logistics")), triage=None)
        asked = Asked({"logistics": "logistics"}, frozenset({"legal"}))
        gaps = [one for one in check(ours, asked, NOW).findings if one.code == "gap"]
        assert {(one.department, one.topics) for one in gaps} == {("legal", ())}
        assert len(gaps) == 4

    def test_a_circle_of_units_and_what_is_not_there_break_it(self) -> None:
        ours = organisation(
            person("ann", "jp:logistics"), person("bob", deputies=("nobody",)), person("cat", superior="nobody")
        )
        units = (Unit("a", parent="b"), Unit("b", parent="a"), Unit("c", parent="z"), Unit("d", parent="a"))
        found = check(replace(ours, units=units), ASKED, NOW)
        assert [one[:2] for one in findings(found)] == [
            ("unit_cycle", "a"),
            ("unit_cycle", "b"),
            ("unknown_parent", "c"),
            ("unknown_unit", "jp"),
            ("unknown_person", "bob"),
            ("unknown_person", "cat"),
        ]
        assert (found.pairs, found.is_sound) == (0, False)

    def test_a_department_that_nobody_asks_for_is_a_slip(self) -> None:
        found = check(organisation(*SOUND, person("bob", "cn:logistix")), ASKED, NOW)
        assert findings(found) == [("unknown_department", "bob", "logistix")]

    def test_people_who_cannot_be_reached_and_circles_of_people(self) -> None:
        ours = organisation(
            *SOUND,
            person("bob", channels={}),
            person("cat", deputies=("dan",), superior="dan"),
            person("dan", deputies=("cat",), superior="cat"),
        )
        assert findings(check(ours, ASKED, NOW)) == [
            ("superior_loop", "cat", None),
            ("superior_loop", "dan", None),
            ("no_channel", "bob", None),
            ("deputy_loop", "cat", None),
            ("deputy_loop", "dan", None),
        ]

    def test_an_absence_that_nobody_covers_to_its_last_day(self) -> None:
        gone = person("bob", "cn:logistics", absences=away(5), deputies=("cat",))
        cover = person("cat", absences=(Absence(TODAY + timedelta(days=5), TODAY + timedelta(days=9)),))
        found = check(organisation(*SOUND, gone, cover), ASKED, NOW)
        assert findings(found) == [("absence_uncovered", "bob", None)]
        past = replace(gone, absences=(Absence(date(2026, 1, 1), date(2026, 11, 20)),), deputies=())
        assert check(organisation(*SOUND, past), ASKED, NOW).findings == ()

    def test_a_day_far_into_a_long_absence_counts_too(self) -> None:
        far = TODAY + timedelta(days=500)
        gone = person("bob", "cn:logistics", absences=away(800), deputies=("cat",))
        assert findings(
            check(organisation(*SOUND, gone, person("cat", absences=(Absence(far, far),))), ASKED, NOW)
        ) == [("absence_uncovered", "bob", None)]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.lists(st.tuples(st.integers(-3, 12), st.integers(0, 6)), max_size=3), min_size=3, max_size=3))
    def test_an_absence_is_uncovered_when_on_one_of_its_days_nobody_is_there(self, drawn: Any) -> None:
        spans = [
            tuple(Absence(TODAY + timedelta(days=first), TODAY + timedelta(days=first + more)) for first, more in one)
            for one in drawn
        ]
        people = [person("bob", "cn:logistics", deputies=("cat",)), person("cat", deputies=("dan",)), person("dan")]
        people = [replace(one, absences=span) for one, span in zip(people, spans, strict=True)]
        days = [TODAY + timedelta(days=number) for number in range(30)]
        alone = any(all(one.absence(day) for one in people) for day in days)
        found = check(organisation(*SOUND, *people), ASKED, NOW)
        assert [one.code for one in found.findings] == ["absence_uncovered"] * alone

    def test_every_code_that_the_api_names_has_its_words(self) -> None:
        assert set(SAYINGS) == set(get_args(OrganisationFinding.model_fields["code"].annotation))
        assert set(ERRORS) < set(SAYINGS)
        assert all(set(words) == {"zh-CN", "en"} for words in SAYINGS.values())


PLACES = ("cn", "cn/sh", "cn/sh/001", "cn/bj", EVERYWHERE)
posts = st.sets(st.tuples(st.sampled_from(PLACES), st.sampled_from(("front_desk", "logistics", "legal"))), max_size=3)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(posts, st.booleans(), st.sets(st.integers(0, 4), max_size=2)), max_size=5), st.booleans())
def test_what_is_proved_is_what_the_way_finds(drawn: list[Any], has_triage: bool) -> None:
    """Whatever the organisation: an owner is there exactly where the check says so, absent people or not."""
    names = [f"p{number}" for number in range(len(drawn))]
    people = tuple(
        Person(
            names[number],
            posts=tuple(Post(*post) for post in sorted(held)),
            absences=away() if is_away else (),
            deputies=tuple(names[other] for other in sorted(others) if other < len(names)),
            channels=PHONE,
        )
        for number, (held, is_away, others) in enumerate(drawn)
    )
    units = tuple(Unit(one) for one in PLACES if one != EVERYWHERE)
    ours = Organisation(1, triage="front_desk" if has_triage else None, units=units, people=people)
    gaps = {(one.unit, one.department) for one in check(ours, ASKED, NOW).findings if one.code == "gap"}
    for place in PLACES:
        for department in set(ASKED.topics.values()):
            way = ours.way([department], None if place == EVERYWHERE else place, NOW)
            assert (way.owner is None) == ((place, department) in gaps)
            assert way.owner is None or way.owner in names
            assert way.owner is None or way.edges[-1].end == way.owner
