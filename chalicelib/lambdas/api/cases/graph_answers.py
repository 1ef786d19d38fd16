"""What the API answers about why things go wrong, and whose they are."""

from __future__ import annotations

from chalicelib.lambdas.api.answers import Answer, Words
from chalicelib.lambdas.api.cases.graph_schemas import OwnCause, OwnWeight


class Named(Answer):
    id: str
    name: Words


class GraphCause(Answer):
    """``weight``: by experience. ``closed``: tickets that were closed with it. ``share``: what is expected of it, 0…1.

    ``before``: causes that experience alone would put before it; ``why`` says what changed that.
    """

    id: str
    name: Words
    department: Named
    terms: list[str]
    weight: int
    closed: int
    share: float
    before: list[str]
    why: Words | None


class GraphPlaybook(Answer):
    id: str
    version: str


class GraphTopic(Answer):
    """``listed``: the topic whose causes count for this one. ``closed``: tickets that their order was learned from."""

    topic: str
    name: Words
    listed: str
    department: Named
    closed: int
    since: str | None
    causes: list[GraphCause]
    playbook: GraphPlaybook | None
    question: Words | None


class WhatWhyWho(Answer):
    """``own``: version of the workspace's own causes, 0 without. ``without_causes``: topics that have none."""

    workspace: str
    frame: str
    own: int
    topics: list[GraphTopic]
    without_causes: list[str]


class OwnCauses(Answer):
    workspace: str
    version: int
    causes: list[OwnCause]
    topics: dict[str, list[OwnWeight]]
