"""Our states in other people's words, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import hubspot, jiandaoyun, salesforce, words, zendesk
from chalicelib.domain.cases.ticket import STATES
from chalicelib.domain.outbound.callback import judge, of_said
from chalicelib.domain.outbound.calls import Opened, Said
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, message, ticket
from tests.builders_items import about, call

OWN = {"jiandaoyun": jiandaoyun.STATES, "salesforce": salesforce.STATES, "hubspot": hubspot.STAGES}
GRAVE = {"jiandaoyun": jiandaoyun.PRIORITIES, "salesforce": salesforce.PRIORITIES, "hubspot": hubspot.PRIORITIES}


@pytest.mark.parametrize("name", OWN)
def test_every_state_and_severity_has_a_word(name: str) -> None:
    assert OWN[name].keys() == set(STATES)
    assert GRAVE[name].keys() == set(SEVERITIES)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("state", STATES)
def test_a_word_comes_back_as_a_state_of_the_same_word(name: str, state: str) -> None:
    word = words.of_state(ticket(state=state), {}, OWN[name])
    assert OWN[name][words.back(word, {}, OWN[name])] == word


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("state", ["resolved", "verifying", "closed", "merged", "rejected"])
def test_what_is_finished_over_there_is_resolved_here(name: str, state: str) -> None:
    """Their word for closed must not reopen, reject or merge anything."""
    assert words.back(OWN[name][state], {}, OWN[name]) == "resolved"


def test_an_endpoints_own_words_win_both_ways() -> None:
    settings = {"state_map": {"in_progress": "Escalated"}}
    assert words.of_state(ticket(state="in_progress"), settings, salesforce.STATES) == "Escalated"
    assert words.back("Escalated", settings, salesforce.STATES) == "in_progress"
    assert words.back("Working", settings, salesforce.STATES) == "waiting_customer"


def test_a_status_map_is_left_to_whoever_judges() -> None:
    assert words.back("Closed", {"status_map": {"Closed": "rejected"}}, salesforce.STATES) == "Closed"


def test_a_word_that_nobody_knows_stays_as_it_is() -> None:
    assert words.back("Parked", {}, salesforce.STATES) == "Parked"


@pytest.mark.parametrize(
    ("settings", "pointer", "says"),
    [
        ({"state_map": {"done": "x"}}, "/settings/state_map/done", "state_map may name triage"),
        ({"state_map": {"open": 1}}, "/settings/state_map/open", "1 to 256 printable characters"),
        ({"priority_map": {"urgent": "x"}}, "/settings/priority_map/urgent", "priority_map may name low"),
        ({"priority_map": {"low": ""}}, "/settings/priority_map/low", "1 to 256 printable characters"),
        ({"templates": {"f": ["{title}", "{phone}"]}}, "/settings/templates/f", "A template may name title"),
    ],
)
def test_maps_that_do_not_fit_are_refused(settings: dict[str, object], pointer: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refusal:
        words.check(settings)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", pointer)


def test_fields_are_filled_in_and_constants_stay() -> None:
    settings = {"templates": {"a": "[{severity}] {ticket_id}", "b": 3, "c": True, "d": ["{state}", "x"]}}
    words.check(settings)
    assert words.filled(about(), settings, "en") == {
        "a": f"[high] {ticket().id}", "b": 3, "c": True, "d": ["open", "x"]
    }  # fmt: skip


@given(version=st.integers(1, 10**9), word=st.text(), other=st.text())
def test_a_mark_names_its_own_status_and_no_other(version: int, word: str, other: str) -> None:
    marked = words.mark(ticket(version=version), word)
    assert words.is_own(marked, word)
    assert words.is_own(marked, other) == (other == word)


@pytest.mark.parametrize("marked", [None, "", 5, "open", "x:open", ":open", ["1:open"]])
def test_what_is_no_mark_marks_nothing(marked: object) -> None:
    assert not words.is_own(marked, "open")


def test_an_event_without_a_ticket_has_no_item() -> None:
    with pytest.raises(Invalid, match="Only a ticket has an item") as refusal:
        words.ticket_of(message(type="alert.raised"))
    assert refusal.value.code == "ticket_missing"


def test_a_proven_body_that_is_no_text_is_refused() -> None:
    with pytest.raises(Unauthorized, match="No signature fits") as refusal:
        words.opened(call(b"\xff"))
    assert refusal.value.code == "signature_invalid"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text() | st.none())
def test_a_proven_request_may_wait_in_a_queue(body: str, delivery: str | None) -> None:
    payload = words.opened(call(json.dumps(body).encode()), delivery).payload
    waited = json.loads(json.dumps(payload))
    assert waited == payload
    assert words.decoded(waited) == body


@pytest.mark.parametrize("body", ["{", '{"a":1,"a":2}', "", "[" * 100])
def test_a_body_that_is_no_json_is_invalid(body: str) -> None:
    with pytest.raises(Invalid) as refusal:
        words.decoded(Opened({"delivery": None, "body": body}).payload)
    assert refusal.value.code in ("malformed_json", "duplicate_key", "json_too_deep")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", [*OWN, "zendesk"])
def test_a_word_that_we_wrote_ourselves_moves_no_ticket(name: str, state: str) -> None:
    """As a vendor sends it back that has no mark of ours: a rejected ticket was reopened and resolved by its echo."""
    own = {**OWN, "zendesk": zendesk.STATES}[name]
    word = own[state]
    if name == "zendesk":
        body = json.dumps({"ticket_id": "7", "status": word})
        (said,) = zendesk.ZendeskCallback().read(
            Opened({"text": body, "at": "2026-11-01T08:00:00Z", "signature": "s"}), {}, AT
        )
        if not said.status:
            return  # says nothing at all
    else:
        said = Said(words.back(word, {}, own), "7", occurred_at=AT, alike=words.alike(word, {}, own))
    case = ticket(state=state)
    verdict = judge(of_said(said, case.id, AT), case, None, endpoint="ep_one", status_map={}, at=AT)
    assert (verdict.code, verdict.step) == ("echo", None)


def test_a_word_that_stands_for_another_state_moves_the_ticket() -> None:
    assert words.alike("Working", {}, salesforce.STATES) == ("accepted", "in_progress", "waiting_customer")
    assert words.alike("Escalated", {"state_map": {"accepted": "Escalated"}}, salesforce.STATES) == ("accepted",)
    said = Said("in_progress", "7", occurred_at=AT, alike=words.alike("Working", {}, salesforce.STATES))
    case = ticket(state="open")
    verdict = judge(of_said(said, case.id, AT), case, None, endpoint="ep_one", status_map={}, at=AT)
    assert verdict.step is not None
    assert verdict.step.ticket.state == "in_progress"
