"""Why things go wrong, whose it is, and how closed tickets shift the order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connectors import cards
from chalicelib.connectors.standard_webhooks import StandardWebhooks
from chalicelib.domain.cases import graph as graphs
from chalicelib.domain.cases.graph import (
    EXPERIENCE,
    REASONS,
    Cause,
    Causes,
    Counted,
    Graph,
    Overlay,
    Tally,
    Weighed,
    moved_words,
    rank,
)
from chalicelib.domain.cases.playbook import LANGUAGES, Playbooks
from chalicelib.domain.cases.ticket import Resolution, Ticket, move, resolved_by
from chalicelib.domain.events import feedback_event
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces.organisation_check import Asked
from chalicelib.errors import Conflict, Invalid, NotFound, Retryable
from chalicelib.services.cases.find_graph import FindGraph
from chalicelib.services.cases.find_owner import FindOwner
from chalicelib.services.cases.hand_over import HandOver
from chalicelib.services.cases.learn_causes import LearnCauses
from chalicelib.services.cases.manage_graph import ManageGraph
from chalicelib.services.cases.move_ticket import MoveTicket
from chalicelib.services.cases.open_ticket import OpenTicket
from chalicelib.storage.cases import ticket_rows
from chalicelib.understanding import causes, marked, playbooks, shipped
from chalicelib.understanding.cause_file import CauseParser
from chalicelib.understanding.compose import compose
from chalicelib.understanding.frame import FrameError
from infra.model import packs
from tests.builders import AT, WORKSPACE, endpoint_secret, feedback, message, playbook, tag, ticket
from tests.fakes.causes import FakeCauses
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.tickets import FakeClock, FakeFeedback, FakeTickets

TOPIC = "logistics.speed"


def cause(name: str, department: str = "warehouse", **changes: Any) -> Cause:
    return Cause(
        **{"id": name, "names": {"zh-CN": f"因{name}", "en": f"why {name}"}, "department": department, **changes}
    )


def graph(**changes: Any) -> Graph:
    """Slow parcels: mostly the carrier, sometimes the warehouse, seldom the weather."""
    causes = {
        "carrier": cause("carrier", "logistics", terms=("快递慢", "slow carrier")),
        "late": cause("late"),
        "weather": cause("weather", "logistics"),
    }
    lists = {TOPIC: (Weighed("carrier", 5), Weighed("late", 3), Weighed("weather", 1))}
    values: dict[str, Any] = {
        "causes": Causes(causes, lists),
        "departments": {TOPIC: "logistics", "logistics": "logistics", "service": "care", "red_line:injury": "quality"},
        "playbooks": Playbooks([playbook(), playbook(id="red_line:injury", version="common-1")]),
        "frame": "ecommerce-1",
        **changes,
    }
    return Graph(**values)


def slow(**changes: Any) -> Ticket:
    values = {"topics": (TOPIC,), "departments": ("logistics",), "playbook": playbook().chosen, **changes}
    return ticket(**values)


def closed(name: str = "tk_one", **changes: Any) -> Ticket:
    values = {"id": name, "state": "closed", "closed_at": AT, "root_cause": "x", "action": "y", **changes}
    return slow(**values)


def no_tally(topic: str) -> Tally:
    return Tally()


def way(one: Ticket, known: Graph | None = None, tally: Tally | None = None) -> list[tuple[str, str, str]]:
    edges = graphs.path(one, known or graph(), lambda _: tally or Tally())
    return [(edge.start, edge.end, edge.reason) for edge in edges]


# --- the way ----------------------------------------------------------------------------------------------------------


def test_the_way_goes_from_topic_to_cause_to_department_to_playbook_to_question() -> None:
    assert way(slow()) == [
        (TOPIC, "carrier", "prior"),
        ("carrier", "logistics", "mends"),
        ("logistics", TOPIC, "own"),
        (TOPIC, "ecommerce-1", "asks"),
    ]


@pytest.mark.parametrize(
    ("one", "edge"),
    [
        (slow(departments=("care",)), (TOPIC, "care", "rule")),
        (slow(departments=("care",), topics=(TOPIC, "service")), ("service", "care", "frame")),
        (slow(departments=("care",), assigned=True), (TOPIC, "care", "person")),
    ],
)
def test_the_way_forks_where_others_than_those_who_have_the_ticket_mend_the_cause(
    one: Ticket, edge: tuple[str, str, str]
) -> None:
    assert way(one)[1:3] == [("carrier", "logistics", "mends"), edge]


def test_a_topic_without_a_list_has_the_causes_and_the_playbook_of_the_one_above() -> None:
    below = f"{TOPIC}.rural"
    assert way(slow(topics=(below,)))[0] == (below, "carrier", "prior")
    assert way(slow(topics=(below,)))[2] == ("logistics", TOPIC, "above")


def test_a_red_line_goes_to_its_department_and_playbook_without_a_guess_at_its_cause() -> None:
    hurt = slow(departments=("quality",), playbook=graph().playbooks.by_id["red_line:injury"].chosen)
    assert way(hurt) == [
        ("red_line:injury", "quality", "frame"),
        ("quality", "red_line:injury", "red_line"),
        ("red_line:injury", "common-1", "asks"),
    ]


def test_praise_has_no_cause_to_mend_and_teaches_none() -> None:
    praise = slow(complained=False, playbook=None)
    assert way(praise) == [(TOPIC, "logistics", "frame")]
    assert graphs.counted(closed(complained=False, playbook=None, cause="late"), graph()) is None
    asked = way(slow(complained=False))
    assert asked[0] == (TOPIC, "carrier", "prior"), "what is named neither way has a playbook, and causes"


def test_a_ticket_about_nothing_has_no_way() -> None:
    assert way(slow(topics=(), playbook=None)) == []


def test_the_way_is_about_the_topic_that_the_playbook_was_chosen_for() -> None:
    assert way(slow(topics=("service", TOPIC)))[0][0] == TOPIC


def test_every_edge_is_said_in_both_languages_by_name() -> None:
    edges = graphs.path(slow(departments=("care",)), graph(), lambda _: Tally({"late": 9, "carrier": 1}, AT))
    told = graphs.told(edges, graph(), lambda one, lang: f"{lang}:{one}", lambda one, lang: f"{lang}/{one}")
    assert [one.reason for one in told] == ["learned", "mends", "rule", "own", "asks"]
    assert told[0].why == {
        "zh-CN": f"zh-CN:{TOPIC}：“因late”排到“因carrier”之前，2026-11-21 以来结案的 10 起中占 9 起",
        "en": f"en:{TOPIC}: “why late” before “why carrier”, 9 of 10 closed since 2026-11-21",
    }
    assert told[2].why["en"] == "rule builtin-unhappy gives this to en/care"
    assert told[-1].names[1] == playbook().question


def test_what_is_known_no_more_is_called_by_its_id() -> None:
    edges = graphs.path(slow(), graph(), no_tally)
    told = graphs.told(edges, Graph(), lambda one, _: one, lambda one, _: one)
    assert told[0].names == (dict.fromkeys(LANGUAGES, TOPIC), dict.fromkeys(LANGUAGES, "carrier"))


def test_every_reason_has_words_for_both_languages() -> None:
    assert all(set(words) == set(LANGUAGES) for _, words in REASONS.values())


# --- the order --------------------------------------------------------------------------------------------------------


def test_without_closed_tickets_experience_orders_the_causes() -> None:
    found = graph().ranked(TOPIC, Tally())
    assert [(one.cause, round(one.share, 2), one.passed) for one in found] == [
        ("carrier", 0.56, ()),
        ("late", 0.33, ()),
        ("weather", 0.11, ()),
    ]


def test_after_twenty_closed_with_another_cause_the_order_changes_and_says_why() -> None:
    tally = Tally({"late": 12, "carrier": 8}, AT)
    first, second, _ = graph().ranked(TOPIC, tally)
    assert (first.cause, first.passed, second.cause, second.passed) == ("late", ("carrier",), "carrier", ())
    assert moved_words(first, tally, graph().causes) == {
        "zh-CN": "因late排在因carrier之前：2026-11-21 以来结案的 20 起中占 12 起（因carrier 8）",
        "en": "why late before why carrier: 12 of 20 closed since 2026-11-21 (why carrier 8)",
    }
    assert moved_words(second, tally, graph().causes) is None
    assert way(slow(), tally=tally)[0] == (TOPIC, "late", "learned")


def test_a_few_closed_tickets_do_not_turn_the_order_over() -> None:
    assert graph().ranked(TOPIC, Tally({"weather": 3}, AT))[0].cause == "carrier"
    assert way(slow(), tally=Tally({"carrier": 3}, AT))[0] == (TOPIC, "carrier", "seen")


def test_a_cause_that_people_gave_joins_the_list_and_one_that_nobody_knows_does_not() -> None:
    causes = replace(graph().causes, by_id={**graph().causes.by_id, "fog": cause("fog")})
    found = replace(graph(), causes=causes).ranked(TOPIC, Tally({"fog": 30, "gone": 99}, AT))
    assert (found[0].cause, found[0].weight, found[0].closed, found[0].total) == ("fog", 0, 30, 30)
    assert "gone" not in [one.cause for one in found]


def test_a_red_line_learns_its_causes_from_nothing() -> None:
    assert graph().ranked("red_line:injury", Tally()) == ()
    assert [one.share for one in graph().ranked("red_line:injury", Tally({"late": 3, "carrier": 1}, AT))] == [
        0.75,
        0.25,
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=1),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50)),
)
def test_shares_make_one_whole_and_whoever_is_passed_has_the_smaller_share(
    weights: dict[str, int], counts: dict[str, int]
) -> None:
    listed = [Weighed(name, weight) for name, weight in weights.items()]
    found = rank(listed, Tally(counts, AT), dict.fromkeys("abcdefg"))
    assert abs(sum(one.share for one in found) - 1) < 1e-9
    assert {one.cause for one in found} == set(weights) | (set(counts) - {"h"})
    share = {one.cause: one.share for one in found}
    for one in found:
        assert all(share[one.cause] > share[other] and counts.get(one.cause, 0) for other in one.passed)


def test_experience_weighs_as_much_as_it_says() -> None:
    listed = [Weighed("a", 1), Weighed("b", 1)]
    assert rank(listed, Tally({"b": EXPERIENCE}, AT), {"a": 1, "b": 1})[0].share == 0.75


# --- what a closed ticket teaches -------------------------------------------------------------------------------------


def test_the_cause_that_was_chosen_counts_whatever_the_words_say() -> None:
    assert graphs.counted(closed(cause="late", root_cause="快递慢"), graph()) == Counted(TOPIC, "late")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("快递慢", "carrier"),
        ("快遞慢。", "carrier"),
        ("SLOW CARRIER, we changed it", "carrier"),
        ("why late", "late"),
        ("不是快递慢", None),
        ("快递慢的问题", None),
        ("快递慢，因late", None),
        ("", None),
        (None, None),
    ],
)
def test_a_cause_is_inferred_by_its_very_name_only_and_marked(words: str | None, found: str | None) -> None:
    expected = Counted(TOPIC, found, inferred=True) if found else None
    assert graphs.counted(closed(root_cause=words), graph()) == expected


@pytest.mark.parametrize("state", ["open", "resolved", "verifying", "reopened"])
def test_only_a_closed_ticket_teaches(state: str) -> None:
    assert graphs.counted(closed(cause="late", state=state), graph()) is None


def test_what_happened_once_counts_once_however_many_departments_had_a_part_of_it() -> None:
    whole = closed(cause="late", root_cause="logistics: slow carrier", parts=("logistics", "care"))
    assert graphs.counted(whole, graph()) is None


def test_reopening_forgets_the_cause_and_the_line_of_history_keeps_it() -> None:
    resolved = resolved_by(slow(state="closed"), Resolution("a", "b", "late"))
    assert resolved.cause == "late"
    assert move(resolved, "reopened", AT).cause is None


@dataclass
class Store(FakeCauses):
    """With the tickets that it is about."""

    tickets: dict[str, Ticket] = field(default_factory=dict)

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        return self.tickets.get(ticket_id)


@dataclass
class Meanwhile(Store):
    """``between`` happens once, after a ticket was looked at and before it is counted."""

    between: Callable[[], None] | None = None

    def count(
        self, workspace: str, ticket: str, known: Counted | None, now: Counted | None, at: datetime | None
    ) -> bool:
        between, self.between = self.between, None
        if between is not None:
            between()
        return super().count(workspace, ticket, known, now, at)


def learning(store: Store) -> LearnCauses:
    return LearnCauses(store, store, lambda _: graph())


def event(kind: str = "ticket.closed", name: str = "tk_one") -> dict[str, str]:
    return {"type": kind, "workspace": WORKSPACE, "ticket_id": name, "state": "closed"}


def test_a_closing_that_is_told_ten_times_counts_once() -> None:
    store = Store(tickets={"tk_one": closed(cause="late")})
    assert [learning(store)(event()) for _ in range(10)] == ["counted", *["known"] * 9]
    assert store.learned[TOPIC].closed == {"late": 1}


def test_a_reopened_ticket_counts_no_more_and_closed_anew_counts_under_its_new_cause() -> None:
    store = Store(tickets={"tk_one": closed(cause="late")})
    learn = learning(store)
    learn(event())
    store.tickets["tk_one"] = closed(state="reopened", cause=None)
    assert (learn(event("ticket.reopened")), store.learned[TOPIC].total, store.rows) == ("uncounted", 0, {})
    store.tickets["tk_one"] = closed(cause="weather")
    assert (learn(event()), store.learned[TOPIC].closed) == ("counted", {"weather": 1})


def test_a_root_cause_that_comes_after_the_closing_counts_too() -> None:
    store = Store(tickets={"tk_one": closed(root_cause="no idea")})
    assert learning(store)(event()) == "no_cause"
    store.tickets["tk_one"] = closed(root_cause="快递慢")
    assert learning(store)(event("ticket.updated")) == "counted"
    assert store.rows["tk_one"] == Counted(TOPIC, "carrier", inferred=True)


def test_lost_races_are_run_again_and_at_last_left_to_the_queue() -> None:
    store = Store(tickets={"tk_one": closed(cause="late")}, lose=3)
    assert learning(store)(event()) == "counted"
    with pytest.raises(Retryable, match="keep changing") as refused:
        learning(Store(tickets={"tk_one": closed(cause="late")}, lose=99))(event())
    assert refused.value.code == "contended"


@pytest.mark.parametrize("first", ["closed", "reopened"])
def test_a_ticket_that_changes_while_it_is_counted_is_counted_as_it_is_in_the_end(first: str) -> None:
    """The other event is heard in between, and finds nothing to do."""
    second = "reopened" if first == "closed" else "closed"
    was, will_be = (closed(state=one, cause="late") for one in (first, second))
    store = Meanwhile(tickets={"tk_one": was})
    learn = learning(store)
    if first == "reopened":
        store.tickets["tk_one"] = will_be
        learn(event())
        store.tickets["tk_one"] = was

    def between() -> None:
        store.tickets["tk_one"] = will_be
        learn(event(f"ticket.{will_be.state}"))

    store.between = between
    learn(event(f"ticket.{first}"))
    assert list(store.rows) == (["tk_one"] if will_be.state == "closed" else [])


@pytest.mark.parametrize("kind", ["ticket.opened", "ticket.resolved", "ticket.reminded"])
def test_other_news_is_nothing_to_it(kind: str) -> None:
    store = Store(tickets={"tk_one": closed(cause="late")})
    assert (learning(store)(event(kind)), store.rows) == (None, {})


def test_a_ticket_that_is_gone_teaches_nothing() -> None:
    assert learning(Store())(event()) == "no_cause"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["late", "carrier", "weather", None]))))
def test_the_tally_is_always_that_of_the_tickets_that_are_closed_now(changes: list[tuple[int, str | None]]) -> None:
    store = Store()
    learn = learning(store)
    for number, chosen in changes:
        name = f"tk_{number}"
        store.tickets[name] = closed(name, cause=chosen, state="closed" if chosen else "reopened")
        learn(event("ticket.closed" if chosen else "ticket.reopened", name))
    now = [one.cause for one in store.tickets.values() if one.cause]
    assert store.tally(WORKSPACE, TOPIC).closed == {name: now.count(name) for name in set(now)}


# --- in a workspace ---------------------------------------------------------------------------------------------------


def find(store: Store, now: list[datetime] | None = None) -> FindGraph:
    times = now or [AT]
    return FindGraph(lambda _: graph(), store, lambda _: lambda one, _: one, lambda one, _: one, lambda: times[-1])


def test_the_own_causes_of_a_workspace_stand_over_those_of_its_packs() -> None:
    own = Causes({"late": cause("late", "night_shift")}, {TOPIC: (Weighed("late", 9),), "gone": (Weighed("late", 1),)})
    found = find(Store(own={(WORKSPACE, 1): Overlay(1, own)}))
    assert way(slow(), found(WORKSPACE))[:2] == [(TOPIC, "late", "prior"), ("late", "night_shift", "mends")]
    assert set(found(WORKSPACE).causes.topics) == {TOPIC}
    assert "weather" in found(WORKSPACE).causes.by_id


def test_the_graph_is_read_again_only_after_a_while() -> None:
    store, times = Store(), [AT]
    found = find(store, times)
    for _ in range(3):
        found(WORKSPACE)
    assert store.reads == 1
    times.append(AT + timedelta(seconds=3))
    found(WORKSPACE)
    assert store.reads == 2


def test_a_cause_of_no_graph_is_refused_before_the_ticket_is_looked_at() -> None:
    moving = MoveTicket(tickets=Store(), clock=lambda: AT, knows=find(Store()).check)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="no such cause") as refused:
        moving(WORKSPACE, "tk_one", to="resolved", version=1, actor="ky", cause="gremlins")
    assert (refused.value.code, refused.value.pointer) == ("unknown_cause", "/cause")


def manage(store: Store, departments: frozenset[str] | None = None) -> ManageGraph:
    return ManageGraph(store, lambda _: graph(), find(store).over, lambda _: departments, lambda: AT)


def test_own_causes_come_into_force_version_by_version_and_stay_readable() -> None:
    store = Store()
    first, second = Causes({"a": cause("a")}), Causes({"b": cause("b")})
    assert manage(store).put(WORKSPACE, 0, first, by="ky").version == 1
    assert manage(store).put(WORKSPACE, 1, first, by="ky").version == 1  # the same again changes nothing
    assert manage(store).put(WORKSPACE, 1, second, by="ky").version == 2
    assert [manage(store).own(WORKSPACE, number).causes for number in (1, 2)] == [first, second]
    with pytest.raises(NotFound):
        manage(store).own(WORKSPACE, 3)


@pytest.mark.parametrize(("version", "lose"), [(1, 0), (0, 9)])
def test_own_causes_against_another_version_are_refused(version: int, lose: int) -> None:
    with pytest.raises(Conflict, match="another version") as refused:
        manage(Store(lose=lose)).put(WORKSPACE, version, Causes({"a": cause("a")}), by="ky")
    assert refused.value.code == "version_conflict"


@pytest.mark.parametrize(
    ("causes", "code", "pointer"),
    [
        (Causes({"a": cause("a", "nobody")}), "unknown_department", "/causes/0/department"),
        (Causes({}, {"nowhere": (Weighed("late", 1),)}), "unknown_topic", "/topics/nowhere"),
        (Causes({}, {TOPIC: (Weighed("late", 1), Weighed("fog", 1))}), "unknown_cause", f"/topics/{TOPIC}/1"),
        (
            Causes({"a": cause("a", terms=("快递慢",))}, {TOPIC: (Weighed("carrier", 1), Weighed("a", 1))}),
            "cause_twice",
            f"/topics/{TOPIC}/1",
        ),
    ],
)
def test_own_causes_that_lead_nowhere_are_refused_where_they_stand(causes: Causes, code: str, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        manage(Store(), frozenset({"warehouse", "logistics"})).put(WORKSPACE, 0, causes, by="ky")
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_the_graph_is_shown_by_topic_with_its_gaps() -> None:
    store = Store(learned={"red_line:injury": Tally({"late": 1}, AT)})
    found, shown = manage(store).show(WORKSPACE, None)
    assert [one.topic for one in shown] == [TOPIC, "red_line:injury"]
    assert manage(store).gaps(found) == ("logistics", "service")
    (one,) = manage(store).show(WORKSPACE, TOPIC)[1]
    assert (one.listed, one.department, one.playbook) == (TOPIC, "logistics", playbook())
    with pytest.raises(Invalid, match="no such topic") as refused:
        manage(store).show(WORKSPACE, "nowhere")
    assert refused.value.code == "unknown_topic"


# --- on the ticket ----------------------------------------------------------------------------------------------------


class Frame:
    """What a frame says of slow parcels."""

    def name(self, topic: str, lang: str) -> str:
        return topic

    def playbooks(self) -> Playbooks:
        return graph().playbooks

    def department(self, about: str) -> str | None:
        return graph().departments.get(about)


def test_a_ticket_is_opened_with_its_way_and_takes_another_with_what_the_customer_says_next() -> None:
    rows, tickets, store = FakeFeedback(), FakeTickets(), Store()
    voice = feedback(understanding=Understanding(tags=(tag(TOPIC),)))
    rows.add(voice)
    opening = OpenTicket(rows, tickets, lambda _: Frame(), FakeClock(AT), path=find(store).path)
    message = {"detail": feedback_event(voice).as_detail()}
    opening(message)
    (one,) = tickets.rows.values()
    assert [edge.reason for edge in one.path] == ["prior", "mends", "own", "asks"]
    store.learned[TOPIC] = Tally({"late": 20}, AT)
    assert (opening(message), next(iter(tickets.rows.values())).path) == ("unchanged", one.path)
    rows.add(replace(rows.rows[WORKSPACE, voice.id], revision=2, unit="shop-2", awaiting=frozenset({"ticket"})))
    opening(message)
    assert [edge.reason for edge in next(iter(tickets.rows.values())).path][:2] == ["learned", "mends"]


def test_a_ticket_that_a_person_hands_to_others_says_so_on_its_way() -> None:
    tickets, clock, one = FakeTickets(), FakeClock(AT), slow(state="open")
    one = replace(one, path=find(Store()).path(one))
    tickets.rows[WORKSPACE, one.id] = one
    hand = HandOver(tickets, clock, FindOwner(FakeOrganisations(), clock), lambda _: Asked({}), path=find(Store()).path)

    def given(version: int, **to: str) -> Ticket:
        whom = {"department": None, "owner": None, **to}
        return hand.reassign(WORKSPACE, one.id, version=version, reason="theirs", actor="ky_1", **whom)

    assert given(one.version, owner="li").path == one.path
    handed = given(one.version + 1, department="care")
    assert [(edge.end, edge.reason) for edge in handed.path[1:3]] == [("logistics", "mends"), ("care", "person")]


def test_a_ticket_comes_out_of_its_row_with_its_way_and_cause() -> None:
    edges = graphs.path(slow(), graph(), lambda _: Tally({"late": 20}, AT))
    one = slow(path=edges, cause="late")
    assert ticket_rows.ticket_of(ticket_rows.ticket_row(one)) == one


# --- as others see it -------------------------------------------------------------------------------------------------


def told() -> tuple[graphs.Told, ...]:
    edges = graphs.path(slow(), graph(), lambda _: Tally({"late": 20}, AT))
    return graphs.told(edges, graph(), lambda one, _: one, lambda one, lang: f"{lang}/{one}")


def test_the_card_shows_the_way_in_one_line_with_the_reason_of_each_step() -> None:
    edges = graphs.path(slow(), graph(), lambda _: Tally({"late": 20}, AT))
    names = {TOPIC: "慢", "warehouse": "仓储部", "logistics": "物流部"}
    shown = graphs.told(edges, graph(), lambda one, _: names[one], lambda one, _: names[one])
    card = cards.build(message(ticket=slow(), path=shown), "zh-CN")
    assert dict(card.facts)["为什么、归谁"] == (
        "慢 → 因late(结案后改判) → 仓储部(改进)；慢 → 物流部(码框) → 配送慢(手册)"
    )
    assert "Why and whose" not in dict(cards.build(message(ticket=slow()), "en").facts)


def test_a_signed_event_has_the_way_with_its_reasons() -> None:
    request = StandardWebhooks().render(message(ticket=slow(), path=told()), endpoint_secret(), {"lang": "en"})
    sent = json.loads(request.body)["data"]["path"]
    assert [(one["from"]["id"], one["to"]["id"], one["reason"]) for one in sent][:2] == [
        (TOPIC, "late", "learned"),
        ("late", "warehouse", "mends"),
    ]
    assert sent[1]["why"] == "“why late” is for en/warehouse to mend"


def test_a_full_event_keeps_the_way_as_ids() -> None:
    long = playbook(reply=dict.fromkeys(LANGUAGES, "x" * 30000))
    full = message(ticket=slow(), path=told(), playbook=long)
    sent = json.loads(StandardWebhooks().render(full, endpoint_secret(), {}).body)["data"]["path"]
    assert set(sent[0]) == {"from", "to", "reason"}
    assert set(sent[0]["from"]) == {"kind", "id"}


# --- the causes that ship ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", packs.sources())
def test_every_topic_with_a_playbook_has_causes_and_every_cause_a_department_of_its_pack(name: str) -> None:
    frame, found = shipped.load(name), causes.load(name)
    departments = {node.department for node in frame.nodes} | {line.department for line in frame.red_lines}
    assert {one.department for one in found.by_id.values()} <= departments
    topics = {one.id for one in playbooks.load(name) if one.id in frame.by_id}
    assert topics <= set(found.topics)
    assert all(3 <= len(listed) <= 6 for listed in found.topics.values())


SOUND = """pack: catering
causes:
  a: {zh-CN: 甲, en: A, department: kitchen}
  b: {zh-CN: 乙, en: B, department: kitchen, terms: [bb]}
  c: {zh-CN: 丙, en: C, department: quality}
topics:
  service.speed: {a: 5, b: 3, c: 1}
"""


@pytest.mark.parametrize(
    ("before", "after", "line", "wrong"),
    [
        ("pack: catering", "pack: hotel", 1, "The file is called catering."),
        ("department: quality", "department: moon", 5, "Nobody is answerable for 'moon' in this pack."),
        ("service.speed", "service.warp", 7, "The topic 'service.warp' is unknown."),
        ("c: 1}", "d: 1}", 7, "There is no cause 'd'."),
        ("a: 5", "a: 0", 7, "A weight is a whole number from 1 to 9."),
        (", c: 1}", "}", 7, "A topic has 3 to 6 causes."),
        ("[bb]", "[甲]", 7, "b and a are both called '甲'."),
        ("[bb]", "[乙、丙]", 4, "A name or term is one clause: nobody would be found to have said it."),
        ("  a: {zh", "  A: {zh", 3, "An id is one word of a-z, 0-9 and _."),
        ("topics:", "  d: {zh-CN: 丁, en: D, department: kitchen}\ntopics:", 3, "No topic has the cause d."),
    ],
)
def test_a_wrong_file_of_causes_is_refused_where_it_stands(before: str, after: str, line: int, wrong: str) -> None:
    text = SOUND.replace(before, after, 1)
    with pytest.raises(FrameError) as refused:
        parsed(text)
    assert (refused.value.line, refused.value.message) == (line, wrong)


def test_a_sound_file_of_causes_is_read_and_comes_back_from_its_compiled_form() -> None:
    found = parsed(SOUND)
    assert found.topics == {"service.speed": (Weighed("a", 5), Weighed("b", 3), Weighed("c", 1))}
    assert causes.undump(causes.dump(found)) == found


def test_a_playbook_without_causes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catering.yaml").write_text(SOUND, encoding="utf-8")
    with pytest.raises(FrameError, match="has a playbook and no causes"):
        packs.read_causes(tmp_path / "catering.yaml", shipped.load("catering"), playbooks.load("catering"))


def test_of_several_packs_the_first_says_what_a_topic_suffers_from() -> None:
    found = causes.graph_of(compose([shipped.load("hotel"), shipped.load("catering")]))
    assert found.causes.topics["service"] == causes.load("hotel").topics["service"]
    assert "service.speed" in found.causes.topics
    assert found.departments["red_line:injury"] == "quality"


def parsed(text: str) -> Causes:
    frame = shipped.load("catering")
    departments = {node.department for node in frame.nodes}
    root = marked.compose(text, "catering.yaml", 10_000)
    return CauseParser("catering.yaml").causes(root, "catering", frame.by_id, departments)
