"""Organisation and calendars through the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.calendars import book
from tests.builders_admin import NOW, OURS, THEIRS, Office, composed
from tests.fakes.gateway import Answer

ALL = "/v1/organisation"
TEXT = """\
triage: customer_service
units:
  cn: {name: 中国}
  cn/sh/001: {name: 上海一店}
people:
  ann: {posts: [cn/sh/001:logistics], absent: 2026-11-20/2026-11-25, deputies: ben, channels: {phone: 13800138000}}
  ben: {channels: {email: ben@example.com}}
  eve: {posts: ["*:customer_service", "*:logistics"], channels: {wecom: eve}}
"""
AT = "2026-11-21T08:00:00Z"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def put(office: Office, text: str = TEXT, **how: Any) -> Answer:
    return office.call("PUT", ALL, text.encode(), headers={"content-type": "application/yaml"}, **how)


def table(office: Office, name: str, text: str, **query: str) -> Answer:
    return office.call("PUT", f"{ALL}/{name}.csv", text.encode(), headers={"content-type": "text/csv"}, query=query)


class TestTheDocument:
    def test_is_brought_into_force_and_shown_as_it_was_given(self, office: Office) -> None:
        answer = put(office)
        assert answer.status == 200, answer.body
        told = {name: answer.json[name] for name in ("version", "units", "people", "errors")}
        assert told == {"version": 1, "units": 2, "people": 3, "errors": 0}
        assert answer.json["proved"] == answer.json["pairs"] > 60
        shown = office.call("GET", ALL)
        assert shown.json["version"] == 1
        assert shown.json["people"]["ann"] == {
            "posts": ["cn/sh/001:logistics"],
            "deputies": ["ben"],
            "absent": ["2026-11-20/2026-11-25"],
            "channels": {"phone": "13800138000"},
        }

    def test_what_is_shown_can_be_handed_in_again_as_yaml_or_json(self, office: Office) -> None:
        put(office)
        text = office.call("GET", ALL, headers={"accept": "application/yaml"})
        assert text.headers["Content-Type"] == "application/yaml; charset=utf-8"
        assert put(office, text.body).json["version"] == 1, "equal content is no new version"
        shown = office.call("GET", ALL).json
        assert office.call("PUT", ALL, {**shown, "workspace": OURS, "triage": "logistics"}).json["version"] == 2
        assert office.call("GET", ALL).json["people"] == shown["people"]

    def test_replaces_only_the_version_that_it_names(self, office: Office) -> None:
        put(office)
        late = put(office)
        assert (late.status, late.code) == (409, "version_conflict")
        assert late.json["detail"] == "The organisation has another version by now."
        office.organisations.lose = 1
        assert put(office, "version: 1\n" + TEXT.replace("上海", "沪")).code == "version_conflict"
        assert office.organisations.version(OURS) == 1

    def test_that_contradicts_itself_is_refused_with_its_line(self, office: Office) -> None:
        answer = put(office, TEXT.replace("deputies: ben", "deputies: bob"))
        assert (answer.status, answer.code, answer.json["pointer"]) == (422, "organisation_invalid", "/people")
        assert answer.json["detail"] == "Line 6: a deputy or superior is nobody of this organisation."
        assert office.call("GET", ALL).status == 404

    def test_channels_are_shown_to_an_admin_only_and_not_of_older_versions(self, office: Office) -> None:
        put(office)
        put(office, "version: 1\n" + TEXT.replace("上海", "沪"))
        analyst = office.new_key("analyst")
        for answer in (
            office.call("GET", ALL, key=analyst),
            office.call("GET", f"{ALL}/people.csv", key=analyst),
            office.call("GET", ALL, query={"version": "1"}),
        ):
            assert (answer.status, "13800138000" in answer.body, "ann" in answer.body) == (200, False, True)
        assert "13800138000" in office.call("GET", f"{ALL}/people.csv").body
        assert "上海一店" in office.call("GET", ALL, query={"version": "1"}).body

    def test_nobodys_number_is_in_a_log_line(self, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
        put(office)
        put(office, TEXT.replace("phone: 1", "fone: 1"))
        office.call("GET", f"{ALL}/people.csv")
        assert "13800138000" not in capsys.readouterr().out

    def test_only_an_admin_changes_it(self, office: Office) -> None:
        for role in ("analyst", "integration"):
            assert put(office, key=office.new_key(role)).status == 403
        assert office.call("POST", f"{ALL}/check", key=office.new_key("analyst")).status == 403
        assert put(office, query={"workspace": THEIRS}).status == 404

    def test_no_calendar_is_read_to_know_its_country(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(book, "calendar", pytest.fail)
        assert put(office, "calendar: DE-BY\ntriage: legal\n").status == 200
        refused = put(office, "calendar: XX\n")
        assert (refused.status, refused.code, refused.json["pointer"]) == (422, "organisation_invalid", "/calendar")

    def test_comes_in_no_other_form(self, office: Office) -> None:
        answer = office.call("PUT", ALL, b"<a/>", headers={"content-type": "application/xml"})
        assert (answer.status, answer.code) == (415, "unsupported_media_type")
        assert answer.json["detail"] == "The body must be application/yaml."

    def test_every_version_is_remembered_with_whose_key_brought_it(self, office: Office) -> None:
        put(office)
        put(office, "version: 1\ntriage: legal\n")
        lines = office.call("GET", f"{ALL}/history").json["items"]
        assert [(one["version"], one["units"], one["people"]) for one in lines] == [(2, 0, 0), (1, 2, 3)]
        assert lines[0]["by"].startswith("ky_")
        first = office.call("GET", f"{ALL}/history", query={"limit": "1"}).json
        rest = office.call("GET", f"{ALL}/history", query={"limit": "1", "cursor": first["cursor"]}).json
        assert ([*first["items"], *rest["items"]], rest["cursor"]) == (lines, None)
        assert office.call("GET", ALL, query={"version": "9"}).status == 404


class TestTables:
    def test_people_go_out_to_a_spreadsheet_and_come_back(self, office: Office) -> None:
        put(office)
        shown = office.call("GET", f"{ALL}/people.csv")
        assert shown.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert table(office, "people", shown.body, version="1").json["version"] == 1
        changed = shown.body.replace("2026-11-20/2026-11-25", "")
        assert table(office, "people", changed, version="1").json["version"] == 2
        assert "absent" not in office.call("GET", ALL).json["people"]["ann"]
        assert office.call("GET", ALL).json["people"]["ann"]["channels"] == {"phone": "13800138000"}

    def test_units_are_replaced_and_the_people_stay(self, office: Office) -> None:
        put(office)
        lines = office.call("GET", f"{ALL}/units.csv").body + "cn/sh/002,上海二店,shop,,,none,daily 10:00-22:00,\n"
        assert table(office, "units", lines, version="1").json["units"] == 3
        shown = office.call("GET", ALL).json
        assert shown["units"]["cn/sh/002"]["hours"] == "daily 10:00-22:00"
        assert shown["people"]["ben"]["channels"] == {"email": "ben@example.com"}

    def test_need_the_version_that_they_were_taken_from(self, office: Office) -> None:
        put(office)
        assert table(office, "people", "id\nann\n", version="0").code == "version_conflict"
        assert table(office, "people", "id\nann\n").code == "invalid_query"
        assert table(office, "people", "id\nann\n", version="-1").json["detail"] == "A whole number is needed."

    def test_may_be_the_first_thing_of_an_organisation(self, office: Office) -> None:
        answer = table(office, "units", "id,name\ncn,中国\n", version="0")
        assert (answer.status, answer.json["version"], answer.json["units"]) == (200, 1, 1)

    def test_that_lose_a_unit_with_posts_are_refused(self, office: Office) -> None:
        put(office)
        answer = table(office, "units", "id\ncn\n", version="1")
        assert (answer.code, answer.json["detail"]) == (
            "organisation_invalid",
            "a post is at a unit that there is not.",
        )


class TestTheCheck:
    def test_lists_what_is_wrong_with_a_document_that_is_not_kept(self, office: Office) -> None:
        text = TEXT.replace('"*:customer_service", "*:logistics"', '"cn:customer_service"').replace("wecom: eve", "")
        answer = office.call("POST", f"{ALL}/check", text.encode(), headers={"content-type": "text/yaml"})
        found = [(one["code"], one["unit"], one["department"], one["line"]) for one in answer.json["findings"]]
        assert not answer.json["sound"]
        assert ("gap", "*", "logistics", None) in found
        assert ("no_channel", None, None, 8) in found
        assert answer.json["findings"][-1]["text"] == {
            "zh-CN": "没有联系方式",
            "en": "there is no way to reach this person",
        }
        assert answer.json["proved"] == answer.json["pairs"] * 2 // 3
        assert office.organisations.versions == {}

    def test_without_a_document_is_of_the_one_in_force(self, office: Office) -> None:
        assert office.call("POST", f"{ALL}/check").status == 404
        put(office)
        answer = office.call("POST", f"{ALL}/check").json
        assert (answer["sound"], answer["proved"]) == (True, answer["pairs"])

    def test_knows_the_departments_of_rules(self, office: Office) -> None:
        rule = {"when": {"field": "score.nps", "op": "lte", "value": 6}, "then": ["ticket"], "department": "vip"}
        office.call("PUT", "/v1/rules/{name}", rule, path={"name": "vip"})
        put(office)
        findings = office.call("POST", f"{ALL}/check").json["findings"]
        assert ("unstaffed", "vip") in [(one["code"], one["department"]) for one in findings]


class TestWhoIsGone:
    def test_leaves_tickets_that_are_counted(self, office: Office) -> None:
        put(office)
        for name, state in (("tk_1", "open"), ("tk_2", "accepted"), ("tk_3", "closed")):
            office.ticket(id=name, owner="eve", state=state)
        without = "version: 1\n" + TEXT.partition("  eve:")[0]
        assert [put(office, without).json["leaving"], put(office, TEXT, key="").status] == [2, 401]
        assert put(office, without.replace("version: 1", "version: 2")).json["leaving"] == 2, "the same is no new one"

    def test_is_told_of_where_there_is_nobody_to_have_them(self, office: Office) -> None:
        put(office)
        office.ticket(id="tk_1", owner="gone")
        office.organisations.keep_leaver(OURS, "gone")
        office.organisations.keep_leaver(OURS, "eve")  # who came back
        office.organisations.keep_leaver(OURS, "done")  # and somebody whose tickets are settled by now

        answer = office.call("POST", f"{ALL}/check").json

        assert (answer["sound"], answer["errors"]) == (False, 1)
        first = answer["findings"][0]
        assert (first["code"], first["level"], first["person"]) == ("left_behind", "error", "gone")
        assert first["text"] == {
            "zh-CN": "已不在组织中，但还有未了结的工单或系统性问题，且无人可接",
            "en": "is not in the organisation any more and has open tickets or issues, for which there is nobody",
        }

    def test_is_told_of_where_an_issue_is_all_that_they_left(self, office: Office) -> None:
        put(office)
        office.issue(owner="gone")
        for person in ("gone", "done"):
            office.organisations.keep_leaver(OURS, person)
        office.issue(id="is_closed", owner="done", state="closed")
        found = office.call("POST", f"{ALL}/check").json["findings"]
        assert [one["person"] for one in found if one["code"] == "left_behind"] == ["gone"]

    def test_many_are_not_counted(self, office: Office) -> None:
        put(office, "people: {" + ", ".join(f"p{number}: {{}}" for number in range(21)) + "}")
        assert put(office, "version: 1\npeople: {p0: {}}").json["leaving"] == 0
        put(office, "version: 2\npeople: {" + ", ".join(f"p{number}: {{}}" for number in range(21)) + "}")
        assert put(office, "version: 3\npeople: {}").json["leaving"] is None


class TestTheOwner:
    def test_comes_with_the_way_and_the_reason_of_each_step(self, office: Office) -> None:
        put(office)
        query = {"unit": "cn/sh/001", "topic": "logistics.damage", "at": AT}
        answer = office.call("GET", f"{ALL}/owner", query=query).json
        assert (answer["owner"], answer["superior"], answer["department"]) == ("ben", "eve", "logistics")
        assert [(step["from"], step["reason"], step["to"]) for step in answer["path"]] == [
            ("logistics.damage", "topic", "logistics"),
            ("cn/sh/001", "holds", "ann"),
            ("ann", "deputy", "ben"),
        ]
        assert answer["path"][0]["text"]["en"].startswith("code frame ecommerce-")
        assert answer["path"][2]["text"]["zh-CN"] == "ann 自 2026-11-20 至 2026-11-25 不在，由 ben 代理"
        back = office.call("GET", f"{ALL}/owner", query={**query, "at": "2026-11-25T16:00:00Z"}).json
        assert back["owner"] == "ann"

    def test_of_no_topic_is_who_does_triage(self, office: Office) -> None:
        put(office)
        answer = office.call("GET", f"{ALL}/owner").json
        assert (answer["owner"], answer["department"], answer["at"]) == (
            "eve",
            "customer_service",
            NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            if NOW.microsecond
            else NOW.strftime("%FT%TZ"),
        )

    def test_of_a_department_needs_no_topic(self, office: Office) -> None:
        put(office)
        answer = office.call("GET", f"{ALL}/owner", query={"department": "logistics", "unit": "cn"}).json
        assert (answer["owner"], answer["path"][0]["reason"]) == ("eve", "asked")
        both = office.call("GET", f"{ALL}/owner", query={"department": "logistics", "topic": "logistics"})
        assert both.json["detail"] == "Either topic or department is asked for."

    def test_a_topic_that_there_is_not_is_refused(self, office: Office) -> None:
        put(office)
        answer = office.call("GET", f"{ALL}/owner", query={"topic": "astrology"})
        assert (answer.status, answer.code, answer.json["detail"]) == (
            422,
            "unknown_topic",
            "The code frame has no such topic.",
        )

    def test_a_store_asks_about_its_own_units_only(self, office: Office) -> None:
        put(office)
        store = office.new_key("store", unit="cn/sh/001")
        assert office.call("GET", f"{ALL}/owner", query={"unit": "cn/sh/001"}, key=store).status == 200
        assert office.call("GET", f"{ALL}/owner", query={"unit": "cn"}, key=store).status == 404
        assert office.call("GET", ALL, key=store).status == 403


class TestCalendars:
    def year(self, office: Office, country: str, year: str) -> Answer:
        return office.call("GET", "/v1/calendars/{country}/{year}", path={"country": country, "year": year})

    def test_show_holidays_and_make_up_days(self, office: Office) -> None:
        shown = self.year(office, "CN", "2026").json
        assert (shown["published"], shown["source"], shown["weekend"]) == (True, "chinesecalendar 1.11.0", [6, 7])
        assert "2026-02-14" in shown["workdays"]
        names = {one["date"]: one["names"] for one in shown["holidays"]}
        assert names["2026-02-17"] == {"en": "Spring Festival", "zh-CN": "春节"}

    def test_say_of_a_year_that_is_not_published_what_is_expected(self, office: Office) -> None:
        shown = self.year(office, "CN", "2027").json
        assert (shown["published"], shown["workdays"]) == (False, [])
        assert "2027-10-01" in [one["date"] for one in shown["holidays"]]

    def test_are_of_other_countries_and_their_parts_too(self, office: Office) -> None:
        bavaria = self.year(office, "DE-BY", "2026").json
        assert "2026-01-06" in [one["date"] for one in bavaria["holidays"]]
        assert "2026-01-06" not in [one["date"] for one in self.year(office, "DE", "2026").json["holidays"]]

    @pytest.mark.parametrize(("country", "year"), [("XX", "2026"), ("CN", "1999"), ("CN", "20²6"), ("cn/", "2026")])
    def test_that_there_are_not_are_nowhere(self, office: Office, country: str, year: str) -> None:
        assert self.year(office, country, year).status == 404
