"""Rows of code frames: the active one, proposals, activations, learned deltas; and their mapping to the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.domain.reading.frame_state import Activation, FrameState
from chalicelib.domain.reading.proposal import Effect, Planned, Proposal
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

PROPOSAL_PREFIX: Final = "PROPOSAL#"
ACTIVATION_PREFIX: Final = "ACTIVE#"
KEPT: Final = timedelta(days=30)  # of a proposal that nobody activates


class StateRow(Row):
    """The active frame. ``doc`` has what no condition asks for."""

    number = NumberAttribute()
    settled = BooleanAttribute()
    doc = PackedJSONAttribute()


class NumberRow(Row):
    """The last number that a proposal got."""

    last = NumberAttribute()


class ProposalRow(Row):
    """``state``, ``run`` and ``page`` are its lock: each change names those that it saw."""

    state = UnicodeAttribute()
    run = NumberAttribute()
    page = NumberAttribute()
    planned = BooleanAttribute(default=False)
    doc = PackedJSONAttribute()


class ActivationRow(Row):
    """One line of the history; kept for good."""

    doc = PackedJSONAttribute()


class DeltaRow(Row):
    """What ``understanding/delta.py`` wrote. Never changed: a frame that names it reads the same for ever."""

    doc = PackedJSONAttribute()


def state_row(state: FrameState) -> StateRow:
    doc = {
        "packs": list(state.packs),
        "overlay": state.overlay,
        "delta": state.delta,
        "proposal": state.proposal,
        "at": _written(state.activated_at),
        "by": state.by,
    }
    return StateRow(*keys.frame_state(state.workspace), number=state.number, settled=state.settled, doc=doc)


def state_of(workspace: str, row: StateRow) -> FrameState:
    doc = row.doc
    return FrameState(
        workspace=workspace,
        number=int(row.number),
        packs=tuple(doc["packs"]),
        overlay=doc["overlay"],
        delta=doc["delta"],
        proposal=doc["proposal"],
        settled=row.settled,
        activated_at=_moment(doc["at"]),
        by=doc["by"],
    )


def activation_row(workspace: str, one: Activation) -> ActivationRow:
    doc = {"proposal": one.proposal, "number": one.number, "packs": list(one.packs), "by": one.by}
    return ActivationRow(*keys.frame_activation(workspace, one.at), doc=doc)


def activation_of(row: ActivationRow) -> Activation:
    at = datetime.fromisoformat(row.sk.removeprefix(ACTIVATION_PREFIX))
    doc = row.doc
    return Activation(doc["proposal"], doc["number"], tuple(doc["packs"]), at, doc["by"])


def proposal_row(one: Proposal) -> ProposalRow:
    """It expires unless it was activated once."""
    doc = {
        "number": one.number,
        "packs": list(one.packs),
        "overlay": one.overlay,
        "delta": one.delta,
        "by": one.by,
        "created": keys.instant(one.created_at),
        "as_of": keys.instant(one.as_of),
        "basis": one.basis,
        "effect": _packed(one.effect),
        "measured": _written(one.measured_at),
        "applied": _packed(one.applied),
        "since": _packed(one.since_measured),
        "activated": _written(one.activated_at),
        "activated_by": one.activated_by,
        "done": _written(one.applied_at),
        "cursor": one.cursor,
        "plan": {name: [*planned[:3], _packed(planned.effect)] for name, planned in (one.plan or {}).items()},
    }
    expires = None if one.activated_at else int((one.created_at + KEPT).timestamp())
    return ProposalRow(
        *keys.proposal(one.workspace, one.id),
        state=one.state,
        run=one.run,
        page=one.page,
        planned=one.plan is not None,
        doc=doc,
        expires_at=expires,
    )


def proposal_of(workspace: str, row: ProposalRow) -> Proposal:
    doc: Mapping[str, Any] = row.doc
    plan = {
        name: Planned(revision, reading, since, _effect(effect))
        for name, (revision, reading, since, effect) in doc["plan"].items()
    }
    return Proposal(
        workspace=workspace,
        id=row.sk.removeprefix(PROPOSAL_PREFIX),
        number=doc["number"],
        packs=tuple(doc["packs"]),
        by=doc["by"],
        created_at=datetime.fromisoformat(doc["created"]),
        as_of=datetime.fromisoformat(doc["as_of"]),
        overlay=doc["overlay"],
        delta=doc["delta"],
        state=row.state,
        basis=doc["basis"],
        effect=_effect(doc["effect"]),
        measured_at=_moment(doc["measured"]),
        applied=_effect(doc["applied"]),
        since_measured=_effect(doc["since"]),
        activated_at=_moment(doc["activated"]),
        activated_by=doc["activated_by"],
        applied_at=_moment(doc["done"]),
        run=int(row.run),
        page=int(row.page),
        cursor=doc["cursor"],
        plan=plan if row.planned else None,
    )


def _packed(effect: Effect) -> list[Any]:
    topics = {topic: list(counts) for topic, counts in effect.by_topic.items()}
    return [
        effect.feedback,
        effect.retagged,
        effect.rerouted,
        effect.opened,
        effect.tags_added,
        effect.tags_removed,
        topics,
    ]


def _effect(packed: list[Any]) -> Effect:
    *counts, topics = packed
    by_topic = {topic: (added, removed) for topic, (added, removed) in topics.items()}
    return replace(Effect(*counts), by_topic=by_topic)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else keys.instant(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
