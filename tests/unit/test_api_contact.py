"""Contact policy, ``can_contact``, opt-outs and follow-ups through the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.contact.followup import Followup
from chalicelib.domain.ids import customer_key
from tests import builders
from tests.builders_admin import OURS, Office, composed

POLICY, CONTACT, CLAIMS = "/v1/contact-policy", "/v1/contact", "/v1/contact/claims"
MESSAGES, OPT_OUTS = "/v1/opt-outs/messages", "/v1/opt-outs"
ENDED = "/v1/followups/{followup_id}/outcome"
CONSENT = {"attribute": "marketing_ok", "values": ["yes"]}
PHONE = "13800138000"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def put(office: Office, version: int = 0, **changes: Any) -> Any:
    return office.call("PUT", POLICY, {"version": version, **changes})


def asked(office: Office, **changes: str) -> Any:
    return office.call("GET", CONTACT, query={"customer": "CUST-1", "purpose": "survey", "channel": "sms", **changes})


def claim(office: Office, name: str, **changes: Any) -> Any:
    body = {"customer": "CUST-1", "purpose": "survey", "channel": "sms", "claim": name, **changes}
    return office.call("POST", CLAIMS, body)


def rule(office: Office) -> Any:
    items = office.call("GET", "/v1/rules").json["items"]
    return next((one for one in items if one["name"] == "builtin-happy"), None)


class TestThePolicy:
    def test_what_is_shipped_is_shown_replaced_and_never_overwritten_by_the_late(self, office: Office) -> None:
        shipped = office.call("GET", POLICY).json
        assert (shipped["version"], shipped["quiet"]["from"], shipped["consent"]) == (0, "21:00", None)
        assert [cap["name"] for cap in shipped["caps"]] == ["person", "survey"]

        made = put(office, caps=[], quiet={"from": "22:00", "to": "07:30", "time_zone": "Europe/Berlin"})
        assert (made.status, made.json["version"], made.json["caps"]) == (200, 1, [])
        assert made.json["quiet"]["purposes"] == ["survey", "followup", "marketing"]
        assert made.json["open_case"] == shipped["open_case"]
        late = put(office, complaint_days=3)
        assert (late.status, late.code) == (409, "version_conflict")
        assert late.json["detail"] == "The policy has another version by now."
        assert put(office, 1, caps=[], quiet=made.json["quiet"]).json["version"] == 1  # the same again is no news
        assert put(office, 1, quiet=None).json["quiet"] is None

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"caps": [{"name": "a", "most": -1, "days": 1}]}, "/caps/0/most"),
            ({"caps": [{"name": "a", "most": 1, "days": 367}]}, "/caps/0/days"),
            ({"caps": [{"name": "a", "most": 1, "days": 1, "reserved": 2}]}, "/caps/0"),
            ({"caps": [{"name": "a", "most": 1, "days": 1}] * 2}, ""),
            ({"quiet": {"from": "21:00", "to": "21:00"}}, "/quiet"),
            ({"quiet": {"from": "21:00", "to": "08:00", "time_zone": "Mars/Olympus"}}, "/quiet/time_zone"),
            ({"priority": ["spam"]}, "/priority/0"),
            ({"followup_department": PHONE}, "/followup_department"),
        ],
    )
    def test_a_policy_that_makes_no_sense_is_refused_at_its_place(
        self, office: Office, changes: Any, pointer: str
    ) -> None:
        refused = put(office, **changes)
        assert (refused.status, refused.code, refused.json["pointer"]) == (422, "schema_violation", pointer)
        assert office.call("GET", POLICY).json["version"] == 0

    def test_consent_switches_the_rule_for_happy_customers_on_and_off(self, office: Office) -> None:
        assert rule(office) is None
        put(office, consent=CONSENT)
        assert (rule(office)["enabled"], rule(office)["when"]["all"][1]["field"]) == (True, "attributes.marketing_ok")
        put(office, 1, consent={**CONSENT, "attribute": "agreed"})
        assert rule(office)["when"]["all"][1]["field"] == "attributes.agreed"
        put(office, 2)
        assert rule(office) is None

    def test_a_rule_of_the_workspaces_own_is_left_alone(self, office: Office) -> None:
        own = {"when": {"field": "class", "op": "eq", "value": "happy"}, "then": ["followup"], "severity": "high"}
        office.call("PUT", "/v1/rules/{name}", own, path={"name": "builtin-happy"})
        put(office, consent=CONSENT)
        put(office, 1)
        assert (rule(office)["severity"], rule(office)["enabled"]) == ("high", True)


class TestCanContact:
    def test_each_rule_is_named_with_its_verdict_and_the_next_time(self, office: Office) -> None:
        assert claim(office, "a").json["allowed"] is True
        answer = asked(office).json
        assert (answer["allowed"], answer["customers"]) == (False, [customer_key(OURS, "CUST-1")])
        (failed,) = [one for one in answer["rules"] if not one["passed"]]
        assert (failed["rule"], failed["code"]) == ("cap:survey", "cap_reached")
        assert failed["text"] == {
            "zh-CN": "30 天内已联系 1 次，上限 1 次",
            "en": "all 1 contacts of 30 days are used (1)",
        }
        assert answer["next_at"] > "2026-12-21"
        assert asked(office, purpose="service").json["allowed"] is True

    def test_a_claim_is_taken_once_and_a_refusal_is_in_the_ledger(self, office: Office) -> None:
        assert (claim(office, "a").json["again"], claim(office, "a").json["again"]) == (False, True)
        refused = claim(office, "b").json
        assert (refused["allowed"], refused["claim"]) == (False, "b")
        reused = claim(office, "a", purpose="marketing")
        assert (reused.status, reused.code) == (409, "claim_reused")
        assert reused.json["detail"] == "This claim was for another contact."
        (skip,) = office.call("GET", "/v1/contact/skips").json["items"]
        assert (skip["claim"], skip["reasons"], skip["next_at"]) == ("b", ["cap_reached"], refused["next_at"])

    def test_a_slot_is_given_back_once(self, office: Office) -> None:
        claim(office, "a")
        body = {"customer": "CUST-1", "claim": "a"}
        freed = [office.call("POST", f"{CLAIMS}/release", body) for _ in range(2)]
        assert [(one.status, one.json["released"]) for one in freed] == [(200, True), (200, False)]
        assert claim(office, "b").json["allowed"] is True
        assert office.call("POST", f"{CLAIMS}/release", {}, key=office.new_key("analyst")).status == 403

    def test_a_cap_may_be_of_some_customers_alone(self, office: Office) -> None:
        vip = {"attribute": "tier", "values": ["VIP"]}
        caps = [
            {"name": "vip", "most": 2, "days": 30, "who": vip},
            {"name": "rest", "most": 1, "days": 30, "who": {**vip, "others": True}},
            {"name": "new", "most": 0, "days": 1, "purposes": ["marketing"],
             "who": {"attribute": "since", "values": ["new"]}},
        ]  # fmt: skip
        made = put(office, caps=caps, quiet=None).json["caps"]
        assert [(one["name"], one["who"]["others"]) for one in made] == [("vip", False), ("rest", True), ("new", False)]
        assert claim(office, "a").json["allowed"] is True
        refused = [one["rule"] for one in claim(office, "b").json["rules"] if not one["passed"]]
        assert refused == ["cap:rest"]
        assert claim(office, "b", attributes={"tier": "ｖｉｐ "}).json["allowed"] is True
        fresh = claim(office, "c", customer="CUST-2", purpose="marketing", attributes={"since": "new"}).json
        assert ([one["rule"] for one in fresh["rules"] if not one["passed"]], fresh["next_at"]) == (["cap:new"], None)

    def test_a_number_stands_in_no_url_but_in_a_body(self, office: Office) -> None:
        refused = asked(office, customer=PHONE)
        assert (refused.status, refused.code) == (422, "invalid_query")
        assert PHONE not in str(refused.json)
        answer = office.call("POST", CONTACT, {"phone": PHONE, "purpose": "service"})
        assert (answer.status, answer.json["allowed"], PHONE in str(answer.json)) == (200, True, False)
        nobody = office.call("POST", CONTACT, {"purpose": "service"})
        assert (nobody.status, nobody.code) == (422, "schema_violation")

    def test_who_works_for_a_shop_does_not_ask_about_customers(self, office: Office) -> None:
        query = {"customer": "CUST-1", "purpose": "survey"}
        units = {"analyst": {}, "integration": {}, "region": {"unit": "SH"}, "store": {"unit": "SH"}}
        rights = {
            role: office.call("GET", CONTACT, query=query, key=office.new_key(role, **unit)).status
            for role, unit in units.items()
        }
        assert rights == {"analyst": 200, "integration": 200, "region": 403, "store": 403}
        assert office.call("POST", CLAIMS, {}, key=office.new_key("analyst")).status == 403


class TestOptOuts:
    def test_a_message_opts_out_of_its_channel_at_once_and_for_good(self, office: Office) -> None:
        heard = office.call("POST", MESSAGES, {"customer": "CUST-1", "channel": "sms", "text": "ＴＤ "}).json
        assert heard["opted_out"] is True
        assert [one["code"] for one in asked(office).json["rules"] if not one["passed"]] == ["opted_out"]
        assert asked(office, channel="email").json["allowed"] is True
        office.now += timedelta(days=3000)
        assert asked(office).json["next_at"] is None

    def test_a_sentence_opts_nobody_out(self, office: Office) -> None:
        heard = office.call("POST", MESSAGES, {"phone": PHONE, "channel": "sms", "text": "我要退订单"}).json
        assert (heard["opted_out"], office.contacts.words) == (False, {})

    @pytest.mark.parametrize(
        ("named", "pointer", "said"),
        [
            ({"phone": "123"}, "/phone", "A phone number of 7 to 15 digits is needed."),
            ({"phone": "1234567890123456"}, "/phone", "A phone number of 7 to 15 digits is needed."),
            ({"customer": "CUST-1", "phone": "b"}, "/phone", "A phone number of 7 to 15 digits is needed."),
            ({"phone": "zhang@example.com"}, "/phone", "A phone number of 7 to 15 digits is needed."),
            ({"email": "x"}, "/email", "An e-mail address is needed."),
            ({"email": "zhang@example"}, "/email", "An e-mail address is needed."),
        ],
    )
    def test_one_that_can_be_nobodys_is_not_done(self, office: Office, named: Any, pointer: str, said: str) -> None:
        for path, more in ((OPT_OUTS, {"out": True}), (MESSAGES, {"text": "TD"})):
            answer = office.call("POST", path, {**named, "channel": "sms", **more})
            assert (answer.status, answer.code) == (422, "schema_violation")
            assert (answer.json["pointer"], answer.json["detail"]) == (pointer, said)

    @pytest.mark.parametrize(
        "named",
        [
            {"phone": "+1 (415) 555-2671"},
            {"phone": "0044 20 7946 0958"},
            {"phone": "021-5888 0000"},
            {"phone": "＋８６１３８００１３８０００"},
            {"email": "张三@例子.公司"},
        ],
    )
    def test_numbers_and_addresses_of_every_country_are_taken(self, office: Office, named: Any) -> None:
        assert office.call("POST", OPT_OUTS, {**named, "channel": "sms", "out": True}).status == 200

    def test_a_machine_opts_out_and_only_a_person_in_again(self, office: Office) -> None:
        machine, said = office.new_key("integration"), {"phone": PHONE, "channel": "sms"}
        assert office.call("POST", OPT_OUTS, {**said, "out": True}, key=machine).status == 200
        refused = office.call("POST", OPT_OUTS, {**said, "out": False}, key=machine)
        assert (refused.status, refused.code) == (403, "forbidden")
        assert refused.json["detail"] == "The role of this key does not allow this."
        office.now += timedelta(seconds=1)
        again = office.call("POST", OPT_OUTS, {**said, "out": False})
        assert {one["channel"]: one["out"] for one in again.json["channels"]} == {"sms": False}

    def test_opting_in_is_said_by_somebody_and_an_older_message_does_not_undo_it(self, office: Office) -> None:
        for channel in ("sms", "email"):
            office.call("POST", MESSAGES, {"customer": "CUST-1", "channel": channel, "text": "退订"})
        assert office.call("POST", MESSAGES, {"customer": "CUST-1", "channel": "sms", "text": "订阅"}).status == 200
        assert asked(office).json["allowed"] is False
        before = office.now.isoformat()
        office.now += timedelta(hours=1)
        done = office.call("POST", OPT_OUTS, {"customer": "CUST-1", "channel": "*", "out": False}).json
        assert {one["channel"]: one["out"] for one in done["channels"]} == {"*": False, "email": False, "sms": False}
        assert all(one["how"].startswith("ky_") for one in done["channels"])
        late = {"customer": "CUST-1", "channel": "sms", "text": "TD", "sent_at": before}
        office.call("POST", MESSAGES, late)
        assert asked(office).json["allowed"] is True
        office.call("POST", MESSAGES, {**late, "sent_at": "2027-06-01T00:00:00Z"})  # a clock that is ahead
        listed = office.call("GET", OPT_OUTS, query={"customer": "CUST-1"}).json["channels"]
        assert {one["channel"]: one["out"] for one in listed}["sms"] is True
        assert max(one["at"] for one in listed)[:10] == f"{office.now:%Y-%m-%d}"


class TestFollowups:
    @pytest.fixture
    def followup(self, office: Office) -> Followup:
        made = Followup(OURS, "fu_1", "fb_1", "open", builders.AT, unit="SH/001", owner="li.na", reasons=("happy",))
        office.followups.create(made)
        office.followups.create(replace(made, id="fu_2", state="suppressed", reasons=("opted_out",), owner=None))
        return made

    def test_they_are_listed_and_end_once(self, office: Office, followup: Followup) -> None:
        listed = office.call("GET", "/v1/followups", query={"state": "suppressed"}).json["items"]
        assert [(one["id"], one["reasons"]) for one in listed] == [("fu_2", ["opted_out"])]
        path = {"followup_id": followup.id}
        ended = office.call("POST", ENDED, {"outcome": "contacted", "note": "会再来"}, path=path)
        assert (ended.status, ended.json["state"], ended.json["note"]) == (200, "contacted", "会再来")
        again = office.call("POST", ENDED, {"outcome": "dropped"}, path=path)
        assert (again.status, again.code, again.json["detail"]) == (409, "not_open", "This follow-up is not open.")

    @pytest.mark.usefixtures("followup")
    def test_a_shop_sees_those_of_its_own_unit(self, office: Office) -> None:
        path, ours, other = (
            {"followup_id": "fu_1"},
            office.new_key("store", unit="SH/001"),
            office.new_key("store", unit="BJ"),
        )
        assert office.call("GET", "/v1/followups/{followup_id}", path=path, key=ours).json["owner"] == "li.na"
        assert office.call("GET", "/v1/followups/{followup_id}", path=path, key=other).status == 404
        assert office.call("POST", ENDED, {"outcome": "dropped"}, path=path, key=other).status == 404
