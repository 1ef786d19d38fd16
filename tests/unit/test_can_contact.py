"""Who a customer is, what stands in the way, and slots that are taken once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.contact.opt_out import OptOut
from chalicelib.domain.contact.policy import Ask, Cap, ContactPolicy
from chalicelib.domain.ids import customer_key
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.errors import Conflict, Retryable
from chalicelib.services.contact.can_contact import ATTEMPTS, CanContact
from tests import builders
from tests.fakes.contacts import FakeContacts

W = builders.WORKSPACE
SURVEY = Ask("survey", "sms")
WANG = customer_key(W, "CUST-1")


@dataclass
class Room:
    """Everything that ``CanContact`` stands on; ``at`` is the time. The customers' numbers are kept in the clear."""

    at: datetime = builders.AT
    store: FakeContacts = field(default_factory=FakeContacts)
    tickets: list[Ticket] = field(default_factory=list)
    heard: dict[str, Feedback] = field(default_factory=dict)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store.policies[W] = ContactPolicy(version=1, caps=(Cap("survey", 1, 30, ("survey",)),), quiet=None)

    def of_customer(self, workspace: str, customer: str, *, limit: int) -> Sequence[Ticket]:
        return [one for one in self.tickets if (one.workspace, one.customer) == (workspace, customer)][:limit]

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return self.heard.get(feedback_id) if workspace == W else None

    def customer_ref(self, workspace: str, customer_id: str) -> str:
        return f"{workspace}-{customer_id[::-1]}" if customer_id.startswith(("1", "+", "wang@")) else customer_id

    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> Mapping[str, str] | None:
        return self.contacts.get(subject) if sealed and workspace else None

    @property
    def service(self) -> CanContact:
        zone = ZoneInfo("Asia/Shanghai")
        return CanContact(self.store, self.store, self.store, self, self, self, lambda *_: zone, lambda: self.at)

    def case(self, number: int = 1, **changes: Any) -> Ticket:
        """A case of Wang's, whose voice came with a phone number."""
        voice = builders.feedback(id=f"fb_{number}", customer_ref="CUST-1", subject="s1", contact=b"sealed")
        self.heard[voice.id] = voice
        self.contacts["s1"] = {"phone": "138 0013 8000", "email": "wang@example.com"}
        ticket = builders.ticket(id=f"tk_{number}", feedback=voice.id, customer=WANG, **changes)
        self.tickets.append(ticket)
        return ticket


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_number_an_address_and_an_id_are_keys_without_what_they_say(room: Room) -> None:
    person = room.service.named(W, customer="CUST-1", phone="+86 138-0013-8000", email="wang@example.com")
    assert person[0] == WANG
    assert all(key.startswith("cu_") for key in person)
    assert room.service.named(W, phone="13800138000") == person[1:2]
    assert room.service.named(W, customer="138 0013 8000")[1:] == person[1:2]
    assert room.service.named(W, customer=WANG) == (WANG,)
    assert room.service.named(W) == ()


def test_the_newest_case_tells_more_keys_so_an_opt_out_by_phone_holds_for_the_id(room: Room) -> None:
    room.case(state="closed", opened_at=room.at - timedelta(days=60))
    phone = room.service.named(W, phone="13800138000")
    room.store.say(W, phone[0], OptOut("sms", True, room.at, "message"))
    answer = room.service.ask(W, (WANG,), SURVEY)
    assert (answer.allowed, answer.reasons) == (False, ("opted_out",))
    assert room.service.ask(W, (WANG,), Ask("survey", "email")).allowed


def test_a_newer_case_that_came_without_a_number_does_not_forget_an_opt_out_by_sms(room: Room) -> None:
    room.case(state="closed", opened_at=room.at - timedelta(days=60))
    phone = room.service.named(W, phone="13800138000")
    room.store.say(W, phone[0], OptOut("sms", True, room.at, "message"))
    newer = room.case(2, state="closed", opened_at=room.at - timedelta(days=50))
    room.heard[newer.feedback] = replace(room.heard[newer.feedback], contact=None)
    assert room.service.ask(W, (WANG,), SURVEY).reasons == ("opted_out",)


def test_a_slot_whose_message_was_never_sent_is_free_again_under_every_key(room: Room) -> None:
    room.case(state="closed", opened_at=room.at - timedelta(days=60))
    assert room.service.claim(W, (WANG,), SURVEY, claim="a").answer.allowed
    assert not room.service.release(W, (WANG,), claim="b")
    assert not room.service.release(W, (), claim="a")
    room.store.lose = 2  # somebody else was faster
    assert room.service.release(W, (WANG,), claim="a")
    assert [held.slots for held in room.store.rows.values()] == [(), (), ()]
    assert not room.service.release(W, (WANG,), claim="a")
    assert room.service.claim(W, room.service.named(W, phone="13800138000"), SURVEY, claim="b").answer.allowed


def test_two_keys_of_one_person_are_one_budget(room: Room) -> None:
    room.case(state="closed", opened_at=room.at - timedelta(days=60))
    assert room.service.claim(W, (WANG,), SURVEY, claim="a").answer.allowed
    by_phone = room.service.named(W, phone="13800138000")
    assert room.service.claim(W, by_phone, SURVEY, claim="b").answer.reasons == ("cap_reached",)


def test_an_open_case_and_a_fresh_one_count_but_not_the_one_that_is_asked_about(room: Room) -> None:
    case = room.case(opened_at=room.at)
    assert room.service.ask(W, (WANG,), SURVEY).reasons == ("case_open", "recent_complaint")
    assert room.service.ask(W, (WANG,), replace(SURVEY, sparing=case.id)).allowed
    other = room.case(2, opened_at=room.at - timedelta(days=1), state="resolved")
    assert room.service.ask(W, (WANG,), replace(SURVEY, sparing=case.id)).reasons == ("recent_complaint",)
    assert room.service.claim_for(other, "verification", channel=None, claim="v1").answer.allowed


def test_a_ticket_of_nobody_is_refused(room: Room) -> None:
    taken = room.service.claim_for(builders.ticket(), "verification", channel=None, claim="v")
    assert (taken.answer.reasons, taken.person) == (("unknown_customer",), ())


def test_the_same_claim_takes_one_slot_and_stands_for_one_contact(room: Room) -> None:
    first = room.service.claim(W, (WANG,), SURVEY, claim="a")
    room.at += timedelta(days=1)
    again = room.service.claim(W, (WANG,), SURVEY, claim="a")
    assert (first.again, again.again, again.answer.allowed) == (False, True, True)
    assert len(room.store.rows[W, WANG].slots) == 1
    room.store.say(W, WANG, OptOut("sms", True, room.at, "message"))
    since = room.service.claim(W, (WANG,), SURVEY, claim="a")
    assert (since.answer.allowed, since.answer.reasons) == (False, ("opted_out", "cap_reached"))
    room.store.words.clear()
    with pytest.raises(Conflict, match="another contact") as refused:
        room.service.claim(W, (WANG,), Ask("marketing", "sms"), claim="a")
    assert refused.value.code == "claim_reused"


def test_a_refusal_is_in_the_ledger_with_its_reasons_and_takes_nothing(room: Room) -> None:
    room.service.claim(W, (WANG,), SURVEY, claim="a")
    refused = room.service.claim(W, (WANG,), SURVEY, claim="b")
    assert refused.answer.next_at == room.at + timedelta(days=30)
    ((_, skip),) = room.store.ledger
    assert (skip.claim, skip.person, skip.reasons, skip.next_at) == (
        "b",
        WANG,
        ("cap_reached",),
        room.at + timedelta(days=30),
    )
    assert len(room.store.rows[W, WANG].slots) == 1
    room.at += timedelta(days=30)
    assert room.service.claim(W, (WANG,), SURVEY, claim="b").answer.allowed


def test_of_many_that_race_for_the_last_slots_as_many_win_as_there_are(room: Room) -> None:
    room.store.policies[W] = ContactPolicy(version=1, caps=(Cap("survey", 2, 30, ("survey",)),), quiet=None)
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda n: room.service.claim(W, (WANG,), SURVEY, claim=f"c{n}"), range(6)))
    assert sum(one.answer.allowed for one in taken) == 2
    assert len(room.store.rows[W, WANG].slots) == 2


def test_a_lost_race_is_looked_at_again_and_given_up_in_the_end(room: Room) -> None:
    room.store.lose = ATTEMPTS - 1
    assert room.service.claim(W, (WANG,), SURVEY, claim="a").answer.allowed
    room.store.lose = ATTEMPTS
    with pytest.raises(Retryable, match="keep changing") as given_up:
        room.service.claim(W, ("cu_other",), SURVEY, claim="b")
    assert given_up.value.code == "contended"
