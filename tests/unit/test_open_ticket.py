"""One ticket per feedback, whatever is delivered how often and in which order."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.playbook import Chosen, Playbooks
from chalicelib.domain.cases.ticket import Resolution, Ticket, brought_up, lifted, title_in, walk
from chalicelib.domain.events import feedback_event, ticket_events
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.errors import Parked, Retryable
from chalicelib.services.cases.open_ticket import ATTEMPTS, OpenTicket
from tests import builders
from tests.builders import AT, WORKSPACE, decision, feedback, reason, ticket
from tests.fakes.tickets import FakeClock, FakeFeedback, FakeTickets

ID = ticket_id(WORKSPACE, "fb_one")


class Frame:
    """What a frame says, with a playbook for every delivery."""

    def name(self, topic: str, lang: str) -> str:
        return {"zh-CN": "包装破损", "en": "damaged parcel"}[lang]

    def playbooks(self) -> Playbooks:
        return Playbooks([builders.playbook(id="logistics", version="ecommerce-1")])


@pytest.fixture
def rows() -> FakeFeedback:
    store = FakeFeedback()
    store.add(feedback())
    return store


@pytest.fixture
def tickets() -> FakeTickets:
    return FakeTickets()


@pytest.fixture
def service(rows: FakeFeedback, tickets: FakeTickets) -> OpenTicket:
    return OpenTicket(feedback=rows, tickets=tickets, frames=lambda _: Frame(), clock=FakeClock(AT))


def message(one: Feedback | None = None) -> dict[str, Any]:
    return {"detail-type": "feedback.scored", "detail": feedback_event(one or feedback()).as_detail()}


def test_a_feedback_gets_its_ticket_and_knows_it(service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets) -> None:
    assert service(message()) == "opened"
    opened = tickets.rows[WORKSPACE, ID]
    assert (opened.title, opened.state, opened.version) == ("NPS 3/10 贬损者：包装破损", "open", 1)
    after = rows.rows[WORKSPACE, "fb_one"]
    assert (after.ticket, after.state, after.awaiting, after.acted_at) == (ID, "ticketed", frozenset(), AT)


def test_a_ticket_keeps_the_playbook_that_it_came_by(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    assert tickets.rows[WORKSPACE, ID].playbook == Chosen("logistics", "ecommerce-1")


def test_another_playbook_alone_makes_no_version(rows: FakeFeedback, tickets: FakeTickets) -> None:
    class Newer(Frame):
        def playbooks(self) -> Playbooks:
            return Playbooks([builders.playbook(id="logistics", version="ecommerce-2")])

    for frame in (Frame(), Newer()):
        OpenTicket(feedback=rows, tickets=tickets, frames=lambda _, frame=frame: frame, clock=FakeClock(AT))(message())
    kept = tickets.rows[WORKSPACE, ID]
    assert (kept.version, kept.playbook) == (1, Chosen("logistics", "ecommerce-1"))
    rows.add(replace(rows.rows[WORKSPACE, "fb_one"], revision=2, unit="shop-2", awaiting=frozenset({"ticket"})))
    OpenTicket(feedback=rows, tickets=tickets, frames=lambda _: Newer(), clock=FakeClock(AT))(message())
    kept = tickets.rows[WORKSPACE, ID]
    assert (kept.version, kept.playbook) == (2, Chosen("logistics", "ecommerce-2"))


def test_a_replay_writes_nothing(service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets) -> None:
    service(message())
    before = (dict(tickets.rows), dict(tickets.lines), rows.writes)
    assert [service(message()) for _ in range(3)] == ["unchanged"] * 3
    assert (tickets.rows, tickets.lines, rows.writes) == before


def test_a_replay_after_a_crash_before_the_feedback_was_told_finishes(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    rows.add(feedback())  # as it was before action_done
    assert service(message()) == "unchanged"
    assert rows.rows[WORKSPACE, "fb_one"].ticket == ID
    assert len(tickets.rows) == 1


def test_a_revision_updates_the_one_ticket(service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets) -> None:
    service(message())
    rules = (reason("vip", severity="high"), reason(version=2), reason("slow"))
    rows.add(feedback(revision=2, decision=decision(*rules), ticket=ID, state="ticketed"))
    assert service(message()) == "updated"
    updated = tickets.rows[WORKSPACE, ID]
    assert (updated.version, updated.severity, len(updated.reasons)) == (2, "high", 3)
    assert [line.version for line in tickets.moves(WORKSPACE, ID)] == [1, 2]


def test_no_reason_and_no_ticket_clears_the_wait(service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets) -> None:
    rows.add(feedback(decision=decision(reason(lapsed=True))))
    assert service(message()) == "cleared"
    after = rows.rows[WORKSPACE, "fb_one"]
    assert (after.awaiting, after.ticket, after.state) == (frozenset(), None, "new")
    assert tickets.rows == {}
    assert service(message()) == "cleared"
    assert rows.writes == 1


def test_lapsed_reasons_are_shown_on_a_ticket_that_exists(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    rows.add(feedback(revision=2, decision=decision(reason(lapsed=True))))
    assert service(message()) == "updated"
    assert tickets.rows[WORKSPACE, ID].reasons == (reason(lapsed=True),)
    assert rows.rows[WORKSPACE, "fb_one"].ticket == ID


def test_a_feedback_that_is_gone_needs_nothing(service: OpenTicket, rows: FakeFeedback) -> None:
    rows.rows.clear()
    assert service(message()) == "gone"


def test_a_lost_race_is_run_again(service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets) -> None:
    service(message())
    rows.add(feedback(revision=2, unit="SH-002"))
    tickets.lose = 2
    assert service(message()) == "updated"
    assert tickets.rows[WORKSPACE, ID].unit == "SH-002"


def test_a_race_without_end_goes_back_to_the_queue(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    rows.add(feedback(revision=2, unit="SH-002"))
    tickets.lose = ATTEMPTS
    with pytest.raises(Retryable, match=r"^The feedback or its ticket keeps changing\.$") as refusal:
        service(message())
    assert refusal.value.code == "contended"


def test_a_revision_that_arrives_in_between_is_what_the_ticket_ends_with(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    """The worker read revision 1; before it can note that, revision 2 is there."""
    rows.after_get = lambda: rows.add(feedback(revision=2, unit="SH-002"))
    assert service(message()) == "updated"
    assert tickets.rows[WORKSPACE, ID].unit == "SH-002"
    assert rows.rows[WORKSPACE, "fb_one"].awaiting == frozenset()


@pytest.mark.parametrize(
    "broken",
    [{}, {"detail": None}, {"detail": {"workspace": "acme"}}, {"detail": {"workspace": 1, "feedback_id": "x"}}],
)
def test_a_message_that_names_no_feedback_is_parked(service: OpenTicket, broken: dict[str, Any]) -> None:
    with pytest.raises(Parked, match=r"^The message names no feedback\.$") as refusal:
        service(broken)
    assert refusal.value.code == "message_invalid"


def test_many_workers_with_every_message_three_times_open_one_ticket_each(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    many = [feedback(id=f"fb_{number}") for number in range(40)]
    rows.add(*many)
    deliveries = [message(one) for one in many for _ in range(3)]
    random.Random(7).shuffle(deliveries)  # can be repeated
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(service, deliveries))
    assert outcomes.count("opened") == len(tickets.rows) == 40
    assert all(one.version == 1 for one in tickets.rows.values())


def test_an_english_voice_gets_an_english_title(service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets) -> None:
    red = feedback().understanding._replace(red_lines=("injury",))
    rows.add(feedback(lang="en", understanding=red))
    service(message())
    assert tickets.rows[WORKSPACE, ID].title == "[Red line: injury] NPS 3/10 detractor: damaged parcel"


def test_a_ticket_is_called_so_that_its_reader_understands(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    opened = tickets.rows[WORKSPACE, ID]
    assert title_in(opened, "en") == "NPS 3/10 detractor: damaged parcel"
    assert title_in(opened, "zh-CN") == opened.title == "NPS 3/10 贬损者：包装破损"

    red = feedback().understanding._replace(red_lines=("injury",))
    rows.add(feedback(revision=2, understanding=red))
    assert service(message()) == "updated"
    newer = tickets.rows[WORKSPACE, ID]
    assert title_in(newer, "en") == "[Red line: injury] NPS 3/10 detractor: damaged parcel"
    assert title_in(newer, "zh-CN") == newer.title


def test_a_ticket_of_before_keeps_the_one_language_in_which_systems_were_told_it(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    tickets.rows[WORKSPACE, ID] = replace(tickets.rows[WORKSPACE, ID], titles={})
    assert service(message()) == "unchanged"
    rows.add(feedback(revision=2, understanding=feedback().understanding._replace(red_lines=("injury",))))
    assert service(message()) == "updated"
    newer = tickets.rows[WORKSPACE, ID]
    assert title_in(newer, "en") == title_in(newer, "zh-CN") == "【红线·人身伤害】NPS 3/10 贬损者：包装破损"


def test_another_name_of_a_topic_renames_no_ticket(tickets: FakeTickets, rows: FakeFeedback) -> None:
    class Renamed(Frame):
        def name(self, topic: str, lang: str) -> str:
            return {"zh-CN": "包装破损", "en": "broken box"}[lang]

    for frame in (Frame(), Renamed()):
        OpenTicket(feedback=rows, tickets=tickets, frames=lambda _, it=frame: it, clock=FakeClock(AT))(message())
    assert title_in(tickets.rows[WORKSPACE, ID], "en") == "NPS 3/10 detractor: damaged parcel"


def test_a_ticket_that_a_person_has_moved_is_still_brought_up(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    tickets.rows[WORKSPACE, ID] = replace(tickets.rows[WORKSPACE, ID], state="closed")
    rows.add(feedback(revision=2, touchpoint="after_sales"))
    assert service(message()) == "updated"
    after = tickets.rows[WORKSPACE, ID]
    assert (after.state, after.touchpoint, after.id) == ("closed", "after_sales", ticket().id)


# --- words that take a case up again ------------------------------------------------------------------------------

WORSE = "revision 2, reading 1: critical, injury"


def worse(revision: int = 2, *red: str, **changes: Any) -> Feedback:
    """The voice with a red line that it did not have."""
    lines = Understanding(tags=(builders.tag(),), red_lines=red or ("injury",))
    asked = decision(reason(severity="critical"), severity="critical")
    again = {"understanding": lines, "decision": asked, "ticket": ID, "state": "ticketed", **changes}
    return feedback(revision=revision, **again)


def settled_as(tickets: FakeTickets, *states: str, of: str = ID) -> Ticket:
    before = tickets.rows[WORKSPACE, of]
    step = walk(before, states, actor="ky_li", at=AT, given=Resolution("thin carton", "sent another"))
    assert tickets.update(step.ticket, step.moves, expected_version=before.version)
    return step.ticket


@pytest.mark.parametrize(
    "states",
    [
        ("rejected",),
        ("accepted", "resolved"),
        ("accepted", "resolved", "verifying"),
        ("accepted", "resolved", "verifying", "closed"),
    ],
)
def test_a_red_line_in_a_revision_takes_a_settled_case_up_again_once(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets, states: tuple[str, ...]
) -> None:
    service(message())
    before = settled_as(tickets, *states)
    rows.add(worse())
    assert [service(message()) for _ in range(3)] == ["updated", "unchanged", "unchanged"]
    again, line = tickets.rows[WORKSPACE, ID], tickets.moves(WORKSPACE, ID)[-1]
    assert (again.state, again.severity, again.reopened, again.version) == (
        "reopened",
        "critical",
        1,
        before.version + 1,
    )
    assert (again.root_cause, again.closed_at, again.verification) == (None, None, "not_asked")
    assert (line.before, line.after, line.actor, line.reason) == (states[-1], "reopened", "customer", WORSE)
    assert [event.type for event in ticket_events(again)] == ["ticket.reopened"]


def test_a_revision_that_adds_nothing_worse_leaves_a_case_closed(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    rows.add(worse(1))
    service(message())
    settled_as(tickets, "accepted", "resolved", "verifying", "closed")
    for revision, one in ((2, worse(2, unit="SH-002")), (3, feedback(revision=3, ticket=ID, state="ticketed"))):
        rows.add(one)
        assert service(message()) == "updated", revision
        assert tickets.rows[WORKSPACE, ID].state == "closed"


def test_a_second_red_line_of_the_same_severity_takes_it_up_again(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    rows.add(worse(1))
    service(message())
    settled_as(tickets, "rejected")
    rows.add(worse(2, "injury", "food_poisoning"))
    service(message())
    assert tickets.rows[WORKSPACE, ID].state == "reopened"


def test_another_reading_of_the_same_words_takes_nothing_up(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    settled_as(tickets, "rejected")
    rows.add(worse(1, reading=2))
    assert service(message()) == "updated"
    assert (tickets.rows[WORKSPACE, ID].state, tickets.rows[WORKSPACE, ID].severity) == ("rejected", "critical")


def test_another_reading_takes_nothing_up_where_the_first_changed_nothing(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    settled_as(tickets, "rejected")
    rows.add(feedback(revision=2, ticket=ID, state="ticketed"))
    assert service(message()) == "unchanged"
    rows.add(worse(2, reading=2))
    service(message())
    assert tickets.rows[WORKSPACE, ID].state == "rejected"


def test_a_ticket_of_before_its_red_lines_were_kept_is_judged_by_its_severity(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    rows.add(worse(1))
    service(message())
    settled_as(tickets, "rejected")
    tickets.rows[WORKSPACE, ID] = replace(tickets.rows[WORKSPACE, ID], red_lines=None)
    rows.add(worse(2, unit="SH-002"))
    service(message())
    assert tickets.rows[WORKSPACE, ID].state == "rejected"


def test_revisions_in_any_order_take_a_case_up_once(
    service: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    service(message())
    settled_as(tickets, "rejected")
    for one in (worse(3), worse(2), worse(3), worse(1)):
        rows.add(one)
        service(message())
    assert tickets.rows[WORKSPACE, ID].reopened == 1
    settled_as(tickets, "rejected")
    for one in (worse(3), worse(2)):
        rows.add(one)
        service(message())
    assert (tickets.rows[WORKSPACE, ID].state, tickets.rows[WORKSPACE, ID].reopened) == ("rejected", 1)


MAIN = "tk_main"


@pytest.fixture
def merged(service: OpenTicket, tickets: FakeTickets) -> OpenTicket:
    """The case told twice, merged into another one, which is closed."""
    service(message())
    settled_as(tickets, "merged")
    tickets.rows[WORKSPACE, MAIN] = ticket(id=MAIN, feedback="fb_main", owner="u_li")
    settled_as(tickets, "accepted", "resolved", "verifying", "closed", of=MAIN)
    link = Link(WORKSPACE, ID, MAIN, "duplicate_of", "ky_li", AT)
    return replace(service, links=lambda _, one: (link,) if one == ID else ())


def test_what_is_worse_in_a_duplicate_takes_up_the_case_that_has_it_once(
    merged: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    rows.add(worse())
    before = dict(tickets.rows)
    assert merged(message()) == "updated"
    main, line = tickets.rows[WORKSPACE, MAIN], tickets.moves(WORKSPACE, MAIN)[-1]
    assert (main.state, main.severity, main.owner) == ("reopened", "critical", "u_li")
    assert line.reason == f"duplicate {ID}, revision 2: critical"
    assert tickets.rows[WORKSPACE, ID].state == "merged"
    settled_as(tickets, "rejected", of=MAIN)
    tickets.rows[WORKSPACE, ID] = before[WORKSPACE, ID]  # the worker died in between
    del tickets.lines[WORKSPACE, ID, 3]
    assert merged(message()) == "updated"
    assert tickets.rows[WORKSPACE, MAIN].state == "rejected"


def test_a_case_that_is_worked_on_becomes_as_grave_as_its_duplicate_and_stays_so(
    merged: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    settled_as(tickets, "reopened", "accepted", of=MAIN)
    rows.add(worse())
    merged(message())
    main = tickets.rows[WORKSPACE, MAIN]
    assert (main.state, main.severity, main.change) == ("accepted", "critical", "updated")
    own = brought_up(main, feedback(id="fb_main", revision=2, unit="SH-002"), "title", AT)
    assert own is not None
    assert own.ticket.severity == "critical"


def test_a_case_is_never_less_grave_for_what_its_duplicate_came_to() -> None:
    main = ticket(id=MAIN, severity="critical", reasons=(), owner="u_li")
    step = lifted(main, ticket(id=ID, severity="high", revision=2), AT)
    assert step is not None
    assert step.ticket.severity == "critical"


def test_a_merged_case_whose_main_case_nobody_knows_is_taken_out_again(
    merged: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    rows.add(worse())
    assert replace(merged, links=lambda *_: ())(message()) == "updated"
    out = tickets.rows[WORKSPACE, ID]
    assert (out.state, out.former_state, out.severity) == ("open", None, "critical")
    assert tickets.moves(WORKSPACE, ID)[-1].reason == "revision 2, reading 1"


def test_a_lost_race_for_the_main_case_is_run_again(
    merged: OpenTicket, rows: FakeFeedback, tickets: FakeTickets
) -> None:
    rows.add(worse())
    tickets.lose = 1
    assert merged(message()) == "updated"
    assert (tickets.rows[WORKSPACE, MAIN].state, tickets.rows[WORKSPACE, ID].severity) == ("reopened", "critical")
