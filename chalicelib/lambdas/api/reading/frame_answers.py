"""What the API answers about code frames."""

from __future__ import annotations

from typing import Literal

from chalicelib.lambdas.api.answers import Answer
from chalicelib.lambdas.api.cases.answers import Playbook


class Pack(Answer):
    """``names``: locale → name; ``topics`` counts them."""

    name: str
    version: str
    names: dict[str, str]
    topics: int


class FrameTopic(Answer):
    """``prior``: the polarity when nobody says; ``terms`` and ``excludes`` count what it is known by."""

    id: str
    names: dict[str, str]
    department: str
    stage: str | None
    need: Literal["pain", "itch", "delight", "undecided"]
    prior: Literal["negative", "neutral", "positive"]
    terms: int
    excludes: int
    children: list[FrameTopic]


class FrameRedLine(Answer):
    kind: str
    names: dict[str, str]
    department: str
    terms: int


class FrameTree(Answer):
    """``retired``: topics of the packs that the workspace took out."""

    tree: list[FrameTopic]
    retired: list[str]
    red_lines: list[FrameRedLine]


class WholePack(Pack, FrameTree):
    playbooks: list[Playbook]


class Frame(FrameTree):
    """``number`` 0: nobody has activated a frame. ``settled``: older voices have all been read by it too."""

    workspace: str
    version: str
    number: int
    packs: list[str]
    overlay: str | None
    learned: bool
    settled: bool
    proposal: str | None
    activated_at: str | None
    by: str | None


class Activation(Answer):
    proposal: str
    number: int
    packs: list[str]
    activated_at: str
    by: str


class TopicChange(Answer):
    """Tags of one topic."""

    added: int
    removed: int


class FrameEffect(Answer):
    """``feedback`` was read; ``retagged`` of it has another set of topics and polarities; ``rerouted``: its ticket, on
    which somebody works, belongs to other departments; ``opened``: it gets its first ticket.
    """

    feedback: int
    retagged: int
    rerouted: int
    opened: int
    tags_added: int
    tags_removed: int
    by_topic: dict[str, TopicChange]


class ProposalLine(Answer):
    """``effect``: what the frame would change in everything received up to ``as_of``; null until it is measured.

    ``applied``: what of that it has changed, complete when the state is active; ``since_measured``: what it has changed
    in voices that came, or were read anew, after ``as_of``.
    """

    id: str
    workspace: str
    number: int
    state: Literal["measuring", "measured", "applying", "active", "retired"]
    packs: list[str]
    learned: bool
    by: str
    created_at: str
    as_of: str
    effect: FrameEffect | None
    measured_at: str | None
    activated_at: str | None
    activated_by: str | None
    applied: FrameEffect | None
    since_measured: FrameEffect | None
    applied_at: str | None


class Proposal(ProposalLine):
    overlay: str | None
