"""A proposal's life and what one new reading counts for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.proposal import (
    ACTIVE,
    APPLYING,
    MEASURED,
    MEASURING,
    RETIRED,
    Effect,
    Planned,
    Proposal,
    activated,
    basis,
    change,
    measured_again,
    message,
)
from chalicelib.domain.voice.feedback import Decision
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces.rules import BUILTIN
from chalicelib.errors import Conflict
from tests.builders import AT, WORKSPACE, decision, feedback, reason, tag

LATER = AT + timedelta(hours=1)


def proposal(**changes: Any) -> Proposal:
    """Measured, with an effect."""
    values: dict[str, Any] = {
        "workspace": WORKSPACE,
        "id": "fp_000001_aaaaaaaaaaaa",
        "number": 1,
        "packs": ("ecommerce",),
        "by": "ky_one",
        "created_at": AT,
        "as_of": AT,
        "state": MEASURED,
        "basis": "as measured",
        "effect": Effect(feedback=3, retagged=1),
        "measured_at": AT,
        "page": 2,
        **changes,
    }
    return Proposal(**values)


class TestChange:
    def test_a_reading_that_says_the_same_changes_nothing(self) -> None:
        before = feedback()
        assert change(before, before, ticket_is_open=True) == Effect(feedback=1)

    def test_a_tag_on_another_topic_is_one_removed_and_one_added(self) -> None:
        before = feedback()
        after = replace(before, understanding=Understanding(tags=(tag("logistics.cold_chain"),)))
        seen = change(before, after, ticket_is_open=False)
        assert (seen.retagged, seen.tags_added, seen.tags_removed) == (1, 1, 1)
        assert seen.by_topic == {"logistics.cold_chain": (1, 0), "logistics.damage": (0, 1)}

    def test_another_polarity_is_another_tag_of_the_same_topic(self) -> None:
        before = feedback()
        after = replace(before, understanding=Understanding(tags=(tag(polarity="neutral"),)))
        assert change(before, after, ticket_is_open=False).by_topic == {"logistics.damage": (1, 1)}

    def test_a_tag_that_only_stands_elsewhere_is_not_another_tag(self) -> None:
        before = feedback()
        after = replace(before, understanding=Understanding(tags=(tag(start=1, end=3),)))
        assert change(before, after, ticket_is_open=False).retagged == 0

    @pytest.mark.parametrize(("is_open", "counted"), [(True, 1), (False, 0)])
    def test_other_departments_count_when_somebody_works_on_the_ticket(self, *, is_open: bool, counted: int) -> None:
        before = feedback(ticket="tk_one")
        after = replace(before, decision=replace(before.decision, departments=("cold_chain",)))
        assert change(before, after, ticket_is_open=is_open).rerouted == counted

    def test_a_first_ticket_counts_as_opened_and_a_second_reason_does_not(self) -> None:
        calm = feedback(decision=Decision())
        assert change(calm, replace(calm, decision=decision(reason())), ticket_is_open=False).opened == 1
        asked = feedback()
        twice = replace(asked, decision=decision(reason(), reason("another")))
        assert change(asked, twice, ticket_is_open=False).opened == 0

    def test_a_lapsed_reason_asks_for_no_ticket(self) -> None:
        calm = feedback(decision=Decision())
        lapsed = replace(calm, decision=decision(reason(lapsed=True)))
        assert change(calm, lapsed, ticket_is_open=False).opened == 0

    def test_effects_add_up(self) -> None:
        one = Effect(1, 1, 0, 1, 2, 1, {"a": (2, 0), "b": (0, 1)})
        assert one + Effect(1, 0, 1, 0, 0, 1, {"b": (0, 1)}) == Effect(2, 1, 1, 1, 2, 2, {"a": (2, 0), "b": (0, 2)})


class TestActivate:
    def test_it_begins_at_the_first_page_of_a_new_run(self) -> None:
        after = activated(proposal(cursor="x", applied=Effect(9)), LATER, "ky_two", "as measured")
        assert (after.state, after.run, after.page, after.cursor) == (APPLYING, 2, 0, None)
        assert (after.activated_at, after.activated_by, after.applied) == (LATER, "ky_two", Effect())
        assert after.effect == proposal().effect
        assert after.until == LATER

    @pytest.mark.parametrize(
        ("state", "measured_on", "code"),
        [
            (MEASURING, "as measured", "effect_pending"),
            (APPLYING, "as measured", "frame_active"),
            (ACTIVE, "as measured", "frame_active"),
            (RETIRED, "as measured", "effect_stale"),
            (MEASURED, "something else", "effect_stale"),
        ],
    )
    def test_it_is_refused_unless_its_effect_is_true(self, state: str, measured_on: str, code: str) -> None:
        with pytest.raises(Conflict) as refused:
            activated(proposal(state=state, basis=measured_on), LATER, "ky_two", "as measured")
        assert refused.value.code == code
        assert refused.value.message


class TestMeasureAgain:
    @pytest.mark.parametrize("state", [MEASURED, RETIRED])
    def test_what_was_measured_or_retired_is_counted_anew(self, state: str) -> None:
        after = measured_again(proposal(state=state, activated_at=AT), LATER, "now")
        assert (after.state, after.as_of, after.basis, after.effect) == (MEASURING, LATER, "now", Effect())
        assert (after.run, after.page, after.measured_at) == (2, 0, None)
        assert after.until == LATER

    @pytest.mark.parametrize(
        ("state", "code"), [(MEASURING, "effect_pending"), (APPLYING, "effect_pending"), (ACTIVE, "frame_active")]
    )
    def test_what_is_under_way_or_active_is_not(self, state: str, code: str) -> None:
        with pytest.raises(Conflict) as refused:
            measured_again(proposal(state=state), LATER, "now")
        assert refused.value.code == code


class TestBasis:
    def test_it_changes_with_frame_rules_and_model_and_with_nothing_else(self) -> None:
        state = FrameState(WORKSPACE)
        first = basis(state, "v1", BUILTIN)
        assert basis(state, "v1", tuple(reversed(BUILTIN))) == first
        edited = (replace(BUILTIN[0], version=BUILTIN[0].version + 1), *BUILTIN[1:])
        others = {
            basis(replace(state, number=1), "v1", BUILTIN),
            basis(replace(state, settled=False), "v1", BUILTIN),
            basis(state, "v2", BUILTIN),
            basis(state, "v1", BUILTIN[1:]),
            basis(state, "v1", edited),
        }
        assert len(others - {first}) == 5


def test_the_message_names_the_page_that_is_next() -> None:
    one = proposal(state=APPLYING, run=4, page=7, plan={"fb_one": Planned(1, 1, False, Effect())})
    assert message(one) == {"kind": "apply", "workspace": WORKSPACE, "proposal": one.id, "run": 4, "page": 7}
