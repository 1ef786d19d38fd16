"""Happy customers as tasks for sales, and what keeps them from becoming one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.changes import RowChange, events_of
from chalicelib.domain.contact.followup import followup_id, happy_rule
from chalicelib.domain.contact.policy import Consent, ContactPolicy
from chalicelib.domain.voice.feedback import Decision, Feedback
from chalicelib.domain.voice.voice import Score
from chalicelib.domain.workspaces.rules import BUILTIN_HAPPY, decide, effective_rules
from chalicelib.errors import Conflict
from chalicelib.services.cases.follow_case import FollowCase
from chalicelib.services.contact.suggest_followup import SuggestFollowup
from tests import builders
from tests.fakes.contacts import FakeFollowups
from tests.unit.test_can_contact import WANG, Room, W

CONSENT = Consent("marketing_ok", ("yes", "是"))
ASKS = Decision({"followup": (builders.reason("builtin-happy", severity="low"),)})


class Sales:
    """The service on a room; li.na answers for sales at every unit."""

    def __init__(self) -> None:
        self.room, self.kept = Room(), FakeFollowups()
        policy = ContactPolicy(version=1, quiet=ContactPolicy().quiet, consent=CONSENT)
        self.room.store.policies[W] = policy
        self.asked: list[tuple[str, ...]] = []

    @property
    def service(self) -> SuggestFollowup:
        room = self.room
        return SuggestFollowup(room, self.kept, room.store, room.service, self.owner, lambda: room.at)

    def owner(self, _: str, departments: Any, unit: str | None) -> str:
        self.asked.append((*departments, str(unit)))
        return "li.na"

    def hears(self, **changes: Any) -> str | None:
        values = {"id": "fb_happy", "decision": ASKS, "customer_ref": "CUST-1", "attributes": {"marketing_ok": "YES"}}
        voice = builders.feedback(**{**values, **changes})
        self.room.heard[voice.id] = voice
        return self.service({"workspace": W, "feedback_id": voice.id, "type": "feedback.scored"})

    def made(self, feedback: str = "fb_happy") -> Any:
        return self.kept.rows[W, followup_id(W, feedback)]


@pytest.fixture
def sales() -> Sales:
    return Sales()


def test_a_consenting_customer_becomes_one_task_of_the_sales_department(sales: Sales) -> None:
    assert (sales.hears(), sales.hears()) == ("suggested", None)
    made = sales.made()
    assert (made.state, made.owner, made.department, made.customer) == ("open", "li.na", "sales", WANG)
    assert (made.reasons, sales.asked) == (("builtin-happy",), [("sales", "SH-001")])
    assert [one.purpose for one in sales.room.store.rows[W, WANG].slots] == ["followup"]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"attributes": {}}, ("no_consent",)),
        ({"attributes": {"marketing_ok": "no"}}, ("no_consent",)),
        ({"customer_ref": None}, ("unknown_customer",)),
        ({"decision": Decision({**ASKS.actions, "ticket": (builders.reason(),)})}, ("case_open",)),
    ],
)
def test_what_speaks_against_it_is_kept_with_the_reason(sales: Sales, changes: Any, reasons: tuple[str, ...]) -> None:
    assert sales.hears(**changes) == "suppressed"
    assert (sales.made().state, sales.made().reasons, sales.made().owner) == ("suppressed", reasons, None)
    assert [skip.reasons for _, skip in sales.room.store.ledger] == [reasons]
    assert not sales.room.store.rows


def test_an_open_case_an_opt_out_and_a_cap_suppress_it(sales: Sales) -> None:
    case = sales.room.case()
    assert (sales.hears(), sales.made().reasons) == ("suppressed", ("case_open", "recent_complaint"))
    sales.room.tickets[:] = [replace(case, state="closed", opened_at=case.opened_at.replace(year=2025))]
    assert (sales.hears(id="fb_2"), sales.made("fb_2").state) == ("suggested", "open")
    for number in (3, 4):
        assert sales.hears(id=f"fb_{number}") == "suggested"
    assert (sales.hears(id="fb_5"), sales.made("fb_5").reasons) == ("suppressed", ("reserved",))
    assert sales.made("fb_5").next_at is not None


def test_without_a_policy_of_consent_nobody_is_called(sales: Sales) -> None:
    sales.room.store.policies.clear()
    assert (sales.hears(), sales.made().reasons) == ("suppressed", ("consent_unset",))


def test_a_voice_that_nothing_asks_to_follow_up_is_none_of_it(sales: Sales) -> None:
    lapsed = Decision({"followup": (builders.reason("builtin-happy", lapsed=True),)})
    assert (sales.hears(decision=lapsed), sales.hears(id="fb_x", decision=Decision())) == (None, None)
    assert sales.service({"workspace": W, "feedback_id": "fb_gone"}) is None
    assert not sales.kept.rows


def test_after_a_crash_the_slot_is_found_and_the_task_is_made(sales: Sales) -> None:
    assert sales.hears() == "suggested"
    sales.kept.rows.clear()
    assert sales.hears() == "suggested"
    assert len(sales.room.store.rows[W, WANG].slots) == 1


def test_a_task_ends_once(sales: Sales) -> None:
    sales.hears()
    ended = sales.service.end(sales.made(), "contacted", "打给 13987254361", by="ky_1")
    assert (ended.state, ended.closed_by, ended.note) == ("contacted", "ky_1", "打给 〔手机号〕")
    with pytest.raises(Conflict, match="not open") as refused:
        sales.service.end(ended, "dropped", None, by="ky_1")
    assert refused.value.code == "not_open"


def test_a_task_that_nobody_took_up_gives_its_slot_back_and_one_that_was_tried_does_not(sales: Sales) -> None:
    for number, outcome in enumerate(("unreachable", "dropped")):
        sales.hears(id=f"fb_{number}")
        sales.service.end(sales.made(f"fb_{number}"), outcome, None, by="ky_1")
    assert [one.claim for one in sales.room.store.rows[W, WANG].slots] == [followup_id(W, "fb_0")]


def test_the_case_function_hands_voices_to_those_who_listen(sales: Sales) -> None:
    follow = FollowCase({"other": lambda _: pytest.fail("a voice is no ticket")}, {}, {"followup": sales.service})
    sales.hears()
    sales.kept.rows.clear()
    detail = {"workspace": W, "feedback_id": "fb_happy", "type": "feedback.scored"}
    assert (follow({"detail": detail}), follow({"detail": detail})) == ({"followup": "suggested"}, {})


def test_the_bus_hears_of_an_open_task_once_and_of_no_suppressed_one() -> None:
    row = {"workspace": W, "id": "fu_1", "feedback": "fb_1", "state": "open", "unit": "SH", "department": "sales"}

    def told(old: Any, new: Any) -> list[Any]:
        return list(events_of(RowChange("followup", old, new, builders.AT), lambda *_: True))

    (event,) = told(None, {**row, "owner": "li.na"})
    assert (event.type, event.detail["feedback_id"], event.detail["departments"]) == (
        "followup.suggested",
        "fb_1",
        ["sales"],
    )
    assert (event.detail["owner"], event.detail["followup_id"]) == ("li.na", "fu_1")
    assert told(None, {**row, "state": "suppressed"}) == []
    assert told(row, {**row, "state": "contacted"}) == []


def test_the_shipped_rule_is_off_and_asks_for_consent_once_it_is_on() -> None:
    assert BUILTIN_HAPPY.name not in {one.name for one in effective_rules([])}
    on = effective_rules([happy_rule(CONSENT)])

    def asked(**changes: Any) -> bool:
        voice: Feedback = builders.feedback(scores=(Score("nps", 10, 0, 10),), **changes)
        return "followup" in decide(on, voice).actions

    assert asked(attributes={"marketing_ok": "是"})
    assert not asked(attributes={"marketing_ok": "否"})
    assert not asked()
    assert "followup" not in decide(on, builders.feedback(attributes={"marketing_ok": "是"})).actions
