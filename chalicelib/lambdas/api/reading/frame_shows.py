"""What the API shows of code frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.lambdas.api.shows import Json, moment

if TYPE_CHECKING:
    from chalicelib.domain.reading.frame_state import Activation, FrameState
    from chalicelib.domain.reading.proposal import Effect as FrameEffect
    from chalicelib.domain.reading.proposal import Proposal
    from chalicelib.understanding.frame import Frame


def pack(name: str, frame: Frame) -> Json:
    """One pack, or what a workspace made of it, without its topics."""
    return {"name": name, "version": frame.version, "names": dict(frame.names), "topics": len(frame.nodes)}


def tree(frame: Frame) -> Json:
    """The topics of a frame as people see them: a tree, and the red lines beside it."""
    whole = frame.summary()
    return {name: whole[name] for name in ("tree", "retired", "red_lines")}


def frame_state(one: FrameState) -> Json:
    return {
        "workspace": one.workspace,
        "number": one.number,
        "packs": list(one.packs),
        "overlay": one.overlay or None,
        "learned": one.delta is not None,
        "settled": one.settled,
        "proposal": one.proposal,
        "activated_at": moment(one.activated_at),
        "by": one.by or None,
    }


def activation(one: Activation) -> Json:
    return {
        "proposal": one.proposal,
        "number": one.number,
        "packs": list(one.packs),
        "activated_at": moment(one.at),
        "by": one.by,
    }


def proposal(one: Proposal) -> Json:
    """``effect`` once it is measured; ``applied`` once it was activated, growing until the state is active."""
    is_measured, was_activated = one.measured_at is not None, one.activated_at is not None
    return {
        "id": one.id,
        "workspace": one.workspace,
        "number": one.number,
        "state": one.state,
        "packs": list(one.packs),
        "learned": one.delta is not None,
        "by": one.by,
        "created_at": moment(one.created_at),
        "as_of": moment(one.as_of),
        "effect": _frame_effect(one.effect) if is_measured else None,
        "measured_at": moment(one.measured_at),
        "activated_at": moment(one.activated_at),
        "activated_by": one.activated_by or None,
        "applied": _frame_effect(one.applied) if was_activated else None,
        "since_measured": _frame_effect(one.since_measured) if was_activated else None,
        "applied_at": moment(one.applied_at),
    }


def _frame_effect(one: FrameEffect) -> Json:
    return {
        "feedback": one.feedback,
        "retagged": one.retagged,
        "rerouted": one.rerouted,
        "opened": one.opened,
        "tags_added": one.tags_added,
        "tags_removed": one.tags_removed,
        "by_topic": {topic: {"added": more, "removed": less} for topic, (more, less) in one.by_topic.items()},
    }
