"""Who gets a ticket: asked when it is opened and when it goes elsewhere, with one small read a batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.changes import RowChange, events_of
from chalicelib.domain.events import ticket_events
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.voice.feedback import Decision
from chalicelib.domain.workspaces.organisation import Organisation, Person, Post, Unit
from chalicelib.services.cases.find_owner import RECENT, FindOwner
from chalicelib.services.cases.open_ticket import OpenTicket
from tests.builders import AT, WORKSPACE, decision, feedback, reason, ticket
from tests.builders_admin import OURS, Office, composed
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.tickets import FakeClock, FakeFeedback, FakeTickets
from tests.unit.test_open_ticket import Frame, message

ID = ticket_id(WORKSPACE, "fb_one")
ONE = Organisation(
    version=1,
    triage="care",
    units=(Unit("cn"),),
    people=(Person("ann", posts=(Post("*", "logistics"),)), Person("eve", posts=(Post("*", "care"),))),
)


def of(*departments: str) -> Decision:
    return decision(reason(), departments=departments)


@pytest.fixture
def store() -> FakeOrganisations:
    found = FakeOrganisations()
    assert found.put(WORKSPACE, ONE, by="ky_one", at=AT)
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AT)


@pytest.fixture
def find(store: FakeOrganisations, clock: FakeClock) -> FindOwner:
    return FindOwner(store, clock)


def test_a_batch_reads_the_document_once(find: FindOwner, store: FakeOrganisations) -> None:
    assert [find(WORKSPACE, ("logistics",), None) for _ in range(10)] == ["ann"] * 10
    assert store.reads == ["version", "document"]


def test_a_later_batch_reads_what_is_in_force_and_the_document_only_when_that_is_another(
    find: FindOwner, store: FakeOrganisations, clock: FakeClock
) -> None:
    find(WORKSPACE, ("logistics",), None)
    clock.now += RECENT
    find(WORKSPACE, ("logistics",), None)
    assert store.reads == ["version", "document", "version"]
    store.put(WORKSPACE, replace(ONE, version=2, people=ONE.people[1:]), by="ky_one", at=AT)
    assert find(WORKSPACE, ("logistics",), None) == "ann"
    clock.now += RECENT
    assert find(WORKSPACE, ("logistics",), None) == "eve"
    assert store.reads == ["version", "document", "version", "version", "document"]


def test_without_an_organisation_nobody_is_answerable_and_no_document_is_read(clock: FakeClock) -> None:
    empty = FakeOrganisations()
    find = FindOwner(empty, clock)
    assert [find(WORKSPACE, ("logistics",), None) for _ in range(2)] == [None, None]
    assert empty.reads == ["version"]


def test_a_person_and_their_key_are_known_by_each_other(find: FindOwner, store: FakeOrganisations) -> None:
    people = (replace(ONE.people[0], key="ky_ann"), ONE.people[1])
    store.put(WORKSPACE, replace(ONE, version=2, people=people), by="ky_one", at=AT)
    assert (find.key_of(WORKSPACE, "ann"), find.key_of(WORKSPACE, "eve"), find.key_of(WORKSPACE, "zoe")) == (
        "ky_ann",
        None,
        None,
    )
    assert (find.person_of(WORKSPACE, "ky_ann"), find.person_of(WORKSPACE, "ky_zoe")) == ("ann", None)


def test_a_key_that_several_people_work_with_is_none_of_them(find: FindOwner, store: FakeOrganisations) -> None:
    shared = tuple(replace(one, key="ky_shop") for one in ONE.people)
    store.put(WORKSPACE, replace(ONE, version=2, people=shared), by="ky_one", at=AT)
    assert find.person_of(WORKSPACE, "ky_shop") is None
    assert find.key_of(WORKSPACE, "eve") == "ky_shop"


class TestTickets:
    @pytest.fixture
    def rows(self) -> FakeFeedback:
        rows = FakeFeedback()
        rows.add(feedback(decision=of("logistics", "care")))
        return rows

    @pytest.fixture
    def tickets(self) -> FakeTickets:
        return FakeTickets()

    @pytest.fixture
    def opens(self, rows: FakeFeedback, tickets: FakeTickets, find: FindOwner) -> OpenTicket:
        return OpenTicket(feedback=rows, tickets=tickets, frames=lambda _: Frame(), clock=FakeClock(AT), owner=find)

    def test_opens_with_its_owner_who_stands_in_the_history_too(self, opens: OpenTicket, tickets: FakeTickets) -> None:
        assert opens(message()) == "opened"
        assert tickets.rows[WORKSPACE, ID].owner == "ann"
        assert [move.owner for move in tickets.lines.values()] == ["ann"]

    def test_goes_to_another_owner_with_another_department(
        self, opens: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
    ) -> None:
        opens(message())
        rows.add(feedback(decision=of("care"), reading=2))
        assert opens(message()) == "updated"
        assert tickets.rows[WORKSPACE, ID].owner == "eve"

    def test_stays_with_whom_it_has_while_it_belongs_to_the_same_department(
        self, opens: OpenTicket, rows: FakeFeedback, tickets: FakeTickets, store: FakeOrganisations, clock: FakeClock
    ) -> None:
        opens(message())
        store.put(WORKSPACE, replace(ONE, version=2, people=ONE.people[1:]), by="ky_one", at=AT)
        clock.now += timedelta(minutes=1)
        rows.add(feedback(decision=of("logistics"), reading=2))
        assert opens(message()) == "updated"
        assert tickets.rows[WORKSPACE, ID].owner == "ann"

    @pytest.mark.parametrize("state", ["accepted", "in_progress", "waiting_customer", "resolved", "closed", "rejected"])
    def test_stays_with_who_has_accepted_it_and_with_who_settled_it(
        self, opens: OpenTicket, rows: FakeFeedback, tickets: FakeTickets, state: str
    ) -> None:
        opens(message())
        tickets.rows[WORKSPACE, ID] = replace(tickets.rows[WORKSPACE, ID], state=state, owner="zoe")
        rows.add(feedback(decision=of("care"), reading=2, unit="cn/sh"))
        assert opens(message()) == "updated"
        assert (tickets.rows[WORKSPACE, ID].owner, tickets.rows[WORKSPACE, ID].departments) == ("zoe", ("care",))

    def test_finds_an_owner_for_what_an_oa_accepted_for_nobody(
        self, opens: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
    ) -> None:
        opens(message())
        tickets.rows[WORKSPACE, ID] = replace(tickets.rows[WORKSPACE, ID], state="accepted", owner=None)
        rows.add(feedback(decision=of("care"), reading=2))
        assert opens(message()) == "updated"
        assert tickets.rows[WORKSPACE, ID].owner == "eve"

    def test_stays_where_a_person_assigned_it(
        self, opens: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
    ) -> None:
        opens(message())
        mine = replace(tickets.rows[WORKSPACE, ID], assigned=True, owner="zoe", departments=("vip",))
        tickets.rows[WORKSPACE, ID] = mine
        rows.add(feedback(decision=of("care"), reading=2, unit="cn/sh"))
        assert opens(message()) == "updated"
        assert (tickets.rows[WORKSPACE, ID].owner, tickets.rows[WORKSPACE, ID].unit) == ("zoe", "cn/sh")


def test_events_name_the_owner_and_the_rows_image_has_one() -> None:
    mine = ticket(owner="ann")
    assert ticket_events(mine)[0].detail["owner"] == "ann"
    image = {
        "workspace": WORKSPACE,
        "id": ID,
        "feedback": "fb_one",
        "version": 1,
        "state": "open",
        "severity": "high",
        "verification": "not_asked",
        "change": "opened",
        "updated_at": "2026-11-21T08:00:00.000Z",
    }
    for owner in ("ann", None):
        (event,) = events_of(RowChange("ticket", None, {**image, "owner": owner}, AT), lambda *_: False)
        assert event.detail["owner"] == owner


def test_the_owners_own_key_sees_the_contact_and_another_key_of_the_store_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with composed(monkeypatch, Office()) as office:
        store = office.new_key("store", unit="SH-001")
        other = office.new_key("store", unit="SH-001")
        mine = next(one.id for one in office.directory.keys.values() if one.role == "store")
        people = (Person("ann", key=mine), Person("eve"))
        office.organisations.put(OURS, Organisation(version=1, people=people), by="ky_one", at=AT)
        office.feedback(OURS)
        found = office.ticket(OURS)
        office.tickets.rows[OURS, found.id] = replace(found, owner="ann", unit="SH-001")
        path = {"ticket_id": found.id}
        route = "/v1/tickets/{ticket_id}/contact"
        refused = office.call("POST", route, {"reason": "call back"}, path=path, key=other)
        assert (refused.status, refused.json["detail"]) == (403, "Only the ticket's owner or an admin may see this.")
        assert office.call("POST", route, {"reason": "call back"}, path=path, key=store).status == 200


def test_a_unit_is_called_by_its_name_where_it_has_one(find: FindOwner, store: FakeOrganisations) -> None:
    assert [find.unit_name(WORKSPACE, one) for one in ("cn", "cn/sh")] == ["", ""]
    named = replace(ONE, version=2, units=(Unit("cn"), Unit("cn/sh", name="上海一店")))
    assert store.put(WORKSPACE, named, by="ky_one", at=AT)
    other = FindOwner(store, FakeClock(AT))
    assert [other.unit_name(WORKSPACE, one) for one in ("cn", "cn/sh", "cn/bj")] == ["", "上海一店", ""]
    assert other.unit_name("another", "cn/sh") == ""
