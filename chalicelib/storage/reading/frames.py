"""Code frames in the table: the active one, what was proposed, what was learned. Reads are strongly consistent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DeleteError, DoesNotExist, PutError
from pynamodb.expressions.condition import Condition

from chalicelib.domain.reading.frame_state import Activation, FrameState
from chalicelib.domain.reading.proposal import RETIRED, Proposal
from chalicelib.storage import keys
from chalicelib.storage.reading import frame_rows as rows
from chalicelib.storage.reading.frame_rows import ActivationRow, DeltaRow, NumberRow, ProposalRow, StateRow
from chalicelib.storage.table import committed, transaction


class FrameStore:
    """Every change of a proposal is conditional on its state, run and page being those that were read."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    # --- the active frame ---------------------------------------------------------------------------------------

    def state(self, workspace: str) -> FrameState:
        """What is active; number 0 where nobody ever activated anything."""
        try:
            row = StateRow.get(*keys.frame_state(workspace), consistent_read=True)
        except DoesNotExist:
            return FrameState(workspace)
        return rows.state_of(workspace, row)

    def activate(self, before: Proposal, after: Proposal, active: FrameState) -> bool:
        """Make ``after`` the active frame in the place of ``active``, whose proposal is retired.

        State, proposals and a line of history in one transaction; False when somebody else got there first.
        """
        state = FrameState(
            workspace=after.workspace,
            number=after.number,
            packs=after.packs,
            overlay=after.overlay,
            delta=after.delta,
            proposal=after.id,
            settled=False,
            activated_at=after.activated_at,
            by=after.activated_by,
        )
        at = after.activated_at or self._clock()
        line = Activation(after.id, after.number, after.packs, at, after.activated_by)
        changing = transaction()
        changing.save(rows.state_row(state), condition=_is_still_active(active))
        changing.save(rows.proposal_row(after), condition=_is_still(before))
        changing.save(rows.activation_row(after.workspace, line), condition=ActivationRow.pk.does_not_exist())
        if active.proposal is not None and active.proposal != after.id:
            retired = ProposalRow(*keys.proposal(after.workspace, active.proposal))
            changing.update(retired, actions=[ProposalRow.state.set(RETIRED)], condition=ProposalRow.pk.exists())
        return committed(changing)

    def settle(self, before: Proposal, after: Proposal) -> bool:
        """The last page of an applying: every older voice has been read by the active frame."""
        changing = transaction()
        changing.save(rows.proposal_row(after), condition=_is_still(before))
        state = StateRow(*keys.frame_state(after.workspace))
        changing.update(state, actions=[StateRow.settled.set(True)], condition=StateRow.number == after.number)
        return committed(changing)

    def history(self, workspace: str) -> Sequence[Activation]:
        """What was active when, newest first."""
        found = ActivationRow.query(
            keys.frames(workspace),
            ActivationRow.sk.startswith(rows.ACTIVATION_PREFIX),
            scan_index_forward=False,
            consistent_read=True,
        )
        return [rows.activation_of(row) for row in found]

    # --- proposals ----------------------------------------------------------------------------------------------

    def next_number(self, workspace: str) -> int:
        """A number that no proposal of the workspace has had."""
        row = NumberRow(*keys.frame_number(workspace))
        row.update([NumberRow.last.add(1)])
        return int(row.last)

    def create(self, one: Proposal) -> None:
        """Write a new proposal."""
        rows.proposal_row(one).save(ProposalRow.pk.does_not_exist())

    def proposal(self, workspace: str, proposal_id: str) -> Proposal | None:
        try:
            row = ProposalRow.get(*keys.proposal(workspace, proposal_id), consistent_read=True)
        except DoesNotExist:
            return None
        return None if self._is_expired(row) else rows.proposal_of(workspace, row)

    def proposals(self, workspace: str) -> Iterator[Proposal]:
        """Newest first; what was never activated is bounded, what was is history."""
        found = ProposalRow.query(
            keys.frames(workspace),
            ProposalRow.sk.startswith(rows.PROPOSAL_PREFIX),
            scan_index_forward=False,
            consistent_read=True,
        )
        return (rows.proposal_of(workspace, row) for row in found if not self._is_expired(row))

    def replace(self, before: Proposal, after: Proposal) -> bool:
        """False when somebody else got further meanwhile."""
        try:
            rows.proposal_row(after).save(_is_still(before))
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def delete(self, one: Proposal) -> bool:
        """Forget a proposal that is still as it was read."""
        try:
            ProposalRow(*keys.proposal(one.workspace, one.id)).delete(_is_still(one))
        except DeleteError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _is_expired(self, row: ProposalRow) -> bool:
        return row.expires_at is not None and row.expires_at <= self._clock().timestamp()

    # --- learned deltas -----------------------------------------------------------------------------------------

    def delta(self, workspace: str, number: int) -> Any | None:
        """The learned delta of that number as plain data; None before it was learned."""
        try:
            return DeltaRow.get(*keys.frame_delta(workspace, number), consistent_read=True).doc
        except DoesNotExist:
            return None

    def put_delta(self, workspace: str, number: int, doc: Any) -> None:
        """Keep what was learned; the first of two that learn at once is kept."""
        try:
            DeltaRow(*keys.frame_delta(workspace, number), doc=doc).save(DeltaRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise


def _is_still(one: Proposal) -> Condition:
    condition: Condition = (
        (ProposalRow.state == one.state)
        & (ProposalRow.run == one.run)
        & (ProposalRow.page == one.page)
        & (ProposalRow.planned == (one.plan is not None))
    )
    return condition


def _is_still_active(state: FrameState) -> Condition:
    if state.number == 0:
        condition: Condition = StateRow.pk.does_not_exist()
        return condition
    condition = (StateRow.number == state.number) & (StateRow.settled == state.settled)
    return condition
