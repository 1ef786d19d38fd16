"""Packs, the active frame and proposals through the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.reading.proposal import ACTIVE, APPLYING, MEASURED, MEASURING, MOST_PROPOSALS, RETIRED
from chalicelib.wiring import frames
from tests.builders_admin import NOW, OURS, THEIRS, Office, composed
from tests.fakes.gateway import Answer

ONE = "/v1/frame/proposals/{proposal_id}"
OVERLAY = """\
nodes:
  - id: logistics.cold_chain
    name: {zh-CN: 冷链, en: Cold chain}
    department: cold_chain
    negative: [冰袋全化了]
    positive: [冰袋还冻着]
    tests:
      negative: [冰袋全化了, 收到时冰袋全化了]
      positive: [冰袋还冻着, 到手冰袋还冻着]
      none: [包裹破损]
"""


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def propose(office: Office, **changes: Any) -> Answer:
    return office.call("POST", "/v1/frame/proposals", {"packs": ["ecommerce"], **changes})


def asked(office: Office, verb: str, proposal_id: str, **how: Any) -> Answer:
    return office.call("POST", f"{ONE}/{verb}", {}, path={"proposal_id": proposal_id}, **how)


def messages(office: Office) -> list[Mapping[str, Any]]:
    return [body for body in office.sqs.bodies() if body.get("kind") in ("measure", "apply")]


class TestPacks:
    def test_all_are_listed_and_one_is_shown_with_its_tree(self, office: Office) -> None:
        listed = office.call("GET", "/v1/packs").json["items"]
        assert "ecommerce" in [one["name"] for one in listed]
        shown = office.call("GET", "/v1/packs/{pack}", path={"pack": "ecommerce"}).json
        logistics = next(one for one in shown["tree"] if one["id"] == "logistics")
        assert logistics["names"]["en"]
        assert "logistics.damage" in [child["id"] for child in logistics["children"]]

    def test_its_playbooks_are_listed_in_one_language_or_all(self, office: Office) -> None:
        path = {"pack": "hotel"}
        shown = office.call("GET", "/v1/packs/{pack}", path=path).json["playbooks"]
        noise = next(one for one in shown if one["id"] == "environment.noise")
        assert set(noise["title"]) == {"zh-CN", "en"}
        assert "red_line:fraud" in [one["id"] for one in shown]
        spoken = office.call("GET", "/v1/packs/{pack}", path=path, query={"lang": "en"}).json["playbooks"]
        assert noise["title"]["en"] in [one["title"] for one in spoken]

    def test_one_that_does_not_ship_is_nowhere(self, office: Office) -> None:
        answer = office.call("GET", "/v1/packs/{pack}", path={"pack": "astrology"})
        assert (answer.status, answer.code) == (404, "not_found")


class TestPropose:
    def test_it_is_kept_and_its_measuring_is_asked_for(self, office: Office) -> None:
        answer = propose(office, overlay=OVERLAY)
        assert answer.status == 201
        assert (answer.json["state"], answer.json["effect"], answer.json["overlay"]) == (MEASURING, None, OVERLAY)
        one = office.frames.rows[OURS, answer.json["id"]]
        assert one.as_of == NOW
        assert messages(office) == [
            {"kind": "measure", "workspace": OURS, "proposal": one.id, "run": 1, "page": 0},
        ]

    def test_nothing_of_the_active_frame_changes(self, office: Office) -> None:
        propose(office, overlay=OVERLAY)
        shown = office.call("GET", "/v1/frame").json
        assert (shown["number"], shown["packs"], shown["overlay"], shown["settled"]) == (0, ["ecommerce"], None, True)

    @pytest.mark.parametrize(
        ("body", "code", "detail", "pointer"),
        [
            ({"packs": ["ecommerce", "astrology"]}, "unknown_pack", "There is no such pack.", "/packs/1"),
            ({"packs": []}, "schema_violation", "Too few entries.", "/packs"),
            ({"packs": ["hotel", "hotel"]}, "schema_violation", "A value is named twice.", "/packs"),
            (
                {"overlay": "nodes:\n  - id: logistics.cold_chain\n    nome: x\n"},
                "frame_invalid",
                "Line 3: ",
                "/overlay",
            ),
            ({"overlay": "nodes: [\n"}, "frame_invalid", "This is not YAML.", "/overlay"),
            (
                {"overlay": OVERLAY.replace("none: [包裹破损]", "none: [包裹破损, 到家冰袋全化了]")},
                "frame_invalid",
                "Line 10: sentence 6 expects none, gives negative.",
                "/overlay",
            ),
        ],
    )
    def test_a_wrong_one_is_refused_with_its_place(
        self, office: Office, body: dict[str, Any], code: str, detail: str, pointer: str
    ) -> None:
        answer = propose(office, **body)
        assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
        assert detail in answer.json["detail"]
        assert not office.frames.rows
        assert not messages(office)

    def test_what_is_left_out_stays_and_what_is_empty_goes(self, office: Office) -> None:
        first = propose(office, overlay=OVERLAY, learn=True).json["id"]
        office.frames.states[OURS] = replace(office.frames.rows[OURS, first].content)
        kept = propose(office).json
        gone = propose(office, overlay="", learn=False).json
        assert (kept["overlay"], kept["learned"]) == (OVERLAY, True)
        assert (gone["overlay"], gone["learned"]) == (None, False)
        assert office.frames.rows[OURS, kept["id"]].delta == 1

    def test_there_is_room_for_so_many_that_nobody_activates(self, office: Office) -> None:
        for number in range(MOST_PROPOSALS):
            office.proposal(id=f"fp_{number:06d}_x", number=number, state=MEASURED)
        answer = propose(office)
        assert (answer.status, answer.code) == (409, "too_many")
        assert office.call("DELETE", ONE, path={"proposal_id": "fp_000003_x"}).status == 200
        assert propose(office).status == 201

    def test_only_a_few_are_measured_at_once(self, office: Office) -> None:
        assert [propose(office).status for _ in range(4)] == [201, 201, 201, 409]

    def test_an_analyst_may_propose_and_not_activate(self, office: Office) -> None:
        office.proposal()
        analyst = office.new_key("analyst")
        body = {"packs": ["ecommerce"]}
        assert office.call("POST", "/v1/frame/proposals", body, key=analyst).status == 201
        refused = asked(office, "activate", f"fp_000001_{OURS}", key=analyst)
        assert (refused.status, refused.code) == (403, "forbidden")


class TestShow:
    def test_the_effect_is_shown_once_it_is_measured(self, office: Office) -> None:
        office.proposal()
        shown = office.call("GET", ONE, path={"proposal_id": f"fp_000001_{OURS}"}).json
        assert shown["effect"] == {
            "feedback": 2,
            "retagged": 1,
            "rerouted": 0,
            "opened": 0,
            "tags_added": 1,
            "tags_removed": 0,
            "by_topic": {"product.taste": {"added": 1, "removed": 0}},
        }
        assert shown["applied"] is None

    def test_proposals_are_listed_newest_first(self, office: Office) -> None:
        office.proposal(id="fp_000001_a", number=1)
        office.proposal(id="fp_000002_b", number=2)
        office.proposal(THEIRS)
        listed = office.call("GET", "/v1/frame/proposals").json["items"]
        assert [one["number"] for one in listed] == [2, 1]
        assert "overlay" not in listed[0]


class TestActivate:
    def test_new_voices_are_read_by_it_at_once_and_older_ones_are_sent_for(self, office: Office) -> None:
        one = office.proposal()
        answer = asked(office, "activate", one.id)
        assert (answer.status, answer.json["state"]) == (202, APPLYING)
        shown = office.call("GET", "/v1/frame").json
        assert (shown["number"], shown["packs"], shown["settled"]) == (1, ["catering"], False)
        assert frames.reader_of(OURS).frame.packs == ("catering",)
        assert messages(office) == [{"kind": "apply", "workspace": OURS, "proposal": one.id, "run": 2, "page": 0}]

    def test_asked_for_again_it_is_only_sent_on_its_way_again(self, office: Office) -> None:
        one = office.proposal()
        asked(office, "activate", one.id)
        before = office.frames.rows[OURS, one.id]
        assert asked(office, "activate", one.id).status == 202
        assert office.frames.rows[OURS, one.id] == before
        assert len(messages(office)) == 2

    @pytest.mark.parametrize(
        ("state", "code"), [(MEASURING, "effect_pending"), (ACTIVE, "frame_active"), (RETIRED, "effect_stale")]
    )
    def test_it_is_refused_unless_it_is_measured(self, office: Office, state: str, code: str) -> None:
        answer = asked(office, "activate", office.proposal(state=state).id)
        assert (answer.status, answer.code) == (409, code)
        assert not messages(office)

    def test_a_rule_that_changed_makes_the_effect_stale(self, office: Office) -> None:
        one = office.proposal()
        rule = {"when": {"field": "score.nps", "op": "lte", "value": 6}, "then": ["ticket"]}
        office.call("PUT", "/v1/rules/{name}", rule, path={"name": "new"})
        answer = asked(office, "activate", one.id)
        assert (answer.status, answer.code) == (409, "effect_stale")
        assert answer.json["detail"] == "Frame, rules or model have changed since it was measured: measure again."
        assert asked(office, "measure", one.id).json["state"] == MEASURING

    def test_two_at_once_and_one_comes_too_late(self, office: Office) -> None:
        one = office.proposal()
        office.frames.lose = 1
        answer = asked(office, "activate", one.id)
        assert (answer.status, answer.code) == (409, "effect_stale")
        assert not messages(office)

    def test_an_earlier_frame_comes_back_by_measuring_and_activating_it_again(self, office: Office) -> None:
        first, second = office.proposal(id="fp_000001_a", number=1), None
        asked(office, "activate", first.id)
        office.frames.rows[OURS, first.id] = replace(office.frames.rows[OURS, first.id], state=ACTIVE)
        second = office.proposal(id="fp_000002_b", number=2, packs=("ecommerce",))
        office.now = NOW + timedelta(hours=1)
        asked(office, "activate", second.id)
        assert office.frames.rows[OURS, first.id].state == RETIRED

        assert asked(office, "measure", first.id).status == 202
        measured = office.frames.rows[OURS, first.id]
        office.frames.rows[OURS, first.id] = replace(measured, state=MEASURED, measured_at=office.now)
        office.now = NOW + timedelta(hours=2)
        assert asked(office, "activate", first.id).status == 202

        history = office.call("GET", "/v1/frame/history").json["items"]
        assert [line["proposal"] for line in history] == [first.id, second.id, first.id]
        assert office.call("GET", "/v1/frame").json["packs"] == ["catering"]


class TestMeasureAgain:
    def test_one_that_is_being_measured_is_only_sent_on_its_way_again(self, office: Office) -> None:
        one = office.proposal(state=MEASURING, page=3)
        answer = asked(office, "measure", one.id)
        assert (answer.status, answer.json["state"]) == (202, MEASURING)
        assert office.frames.rows[OURS, one.id] == one
        assert [body["page"] for body in messages(office)] == [3]

    def test_the_active_frame_has_nothing_to_measure(self, office: Office) -> None:
        answer = asked(office, "measure", office.proposal(state=ACTIVE).id)
        assert (answer.status, answer.code) == (409, "frame_active")
        assert not messages(office)

    def test_one_that_was_applied_meanwhile_is_refused(self, office: Office) -> None:
        one = office.proposal()
        office.frames.lose = 1
        answer = asked(office, "measure", one.id)
        assert (answer.status, answer.code) == (409, "effect_pending")


class TestWithdraw:
    def test_what_was_active_once_is_history(self, office: Office) -> None:
        one = office.proposal(activated_at=NOW, state=RETIRED)
        answer = office.call("DELETE", ONE, path={"proposal_id": one.id})
        assert (answer.status, answer.code) == (409, "frame_active")
        assert (OURS, one.id) in office.frames.rows

    def test_one_that_is_being_measured_right_now_is_tried_again(self, office: Office) -> None:
        one = office.proposal()
        office.frames.lose = 1
        answer = office.call("DELETE", ONE, path={"proposal_id": one.id})
        assert (answer.status, answer.code) == (409, "effect_pending")
