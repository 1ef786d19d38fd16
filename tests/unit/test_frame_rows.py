"""Rows of code frames: what is written is what is read."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.reading.frame_state import Activation, FrameState
from chalicelib.domain.reading.proposal import Effect, Planned
from chalicelib.storage.reading import frame_rows as rows
from chalicelib.storage.reading.frame_rows import ActivationRow, ProposalRow, StateRow
from tests.builders import AT, WORKSPACE
from tests.unit.test_proposal import proposal

EFFECT = Effect(5, 4, 3, 2, 6, 7, {"logistics.speed": (0, 7), "logistics.cold_chain": (6, 0)})


def test_a_proposal_comes_back_whole() -> None:
    one = proposal(
        overlay="retire: [promotion.gift]",
        delta=1,
        effect=EFFECT,
        applied=EFFECT,
        since_measured=Effect(1),
        activated_at=AT,
        activated_by="ky_two",
        applied_at=AT + timedelta(milliseconds=7),
        run=3,
        cursor="c1",
        plan={"fb_one": Planned(1, 2, True, EFFECT)},
    )
    raw = rows.proposal_row(one).serialize()
    assert rows.proposal_of(WORKSPACE, ProposalRow.from_raw_data(raw)) == one


def test_a_plan_for_nothing_is_still_a_plan() -> None:
    for plan in (None, {}):
        row = ProposalRow.from_raw_data(rows.proposal_row(proposal(plan=plan)).serialize())
        assert rows.proposal_of(WORKSPACE, row).plan == plan


def test_a_proposal_is_forgotten_after_thirty_days_unless_it_was_activated() -> None:
    assert rows.proposal_row(proposal()).expires_at == int((AT + timedelta(days=30)).timestamp())
    assert rows.proposal_row(proposal(activated_at=AT)).expires_at is None


def test_the_active_frame_comes_back_whole() -> None:
    state = FrameState(
        WORKSPACE, 3, ("hotel", "retail"), "retire: [app]", 2, "fp_000003_x", settled=False, activated_at=AT, by="ky"
    )
    row = StateRow.from_raw_data(rows.state_row(state).serialize())
    assert rows.state_of(WORKSPACE, row) == state


def test_a_line_of_history_comes_back_whole() -> None:
    line = Activation("fp_000003_x", 3, ("hotel",), AT, "ky")
    row = ActivationRow.from_raw_data(rows.activation_row(WORKSPACE, line).serialize())
    assert rows.activation_of(row) == line


def test_a_whole_page_of_plans_fits_a_row() -> None:
    plan = {f"fb_{number:026d}": Planned(1, 1, False, EFFECT) for number in range(50)}
    row = rows.proposal_row(proposal(plan=plan, overlay="# 冷链\n" * 9_000))
    assert len(row.doc["plan"]) == 50
    assert len(str(row.serialize())) < 100_000
