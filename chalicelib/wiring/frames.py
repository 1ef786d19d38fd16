"""Code frames and causes: which are in force, what reads by them, and how others come into force."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Graph
    from chalicelib.services.cases.find_graph import FindGraph
    from chalicelib.services.reading.activate_frame import ActivateFrame
    from chalicelib.services.reading.propose_frame import ProposeFrame
    from chalicelib.services.reading.read_frame import ReadFrame
    from chalicelib.understanding.book import FrameBook, Words
    from chalicelib.understanding.delta import Delta
    from chalicelib.understanding.reader import Reader
    from chalicelib.understanding.weights import Weights


@lru_cache(maxsize=1)
def frame_book() -> FrameBook:
    """Frames and their readers, kept while the process lives."""
    from chalicelib.understanding.book import FrameBook

    return FrameBook(_weights, _delta)


def _weights() -> Weights:
    from chalicelib.understanding import weights

    return weights.load()


def _delta(workspace: str, number: int) -> Delta | None:
    """What the corrections of a workspace taught; None before it was learned."""
    from chalicelib.understanding.delta import Delta
    from chalicelib.wiring import stores

    kept = stores.frame_store().delta(workspace, number)
    return None if kept is None else Delta.from_document(kept)


def reader_of(workspace: str, proposal: str | None = None) -> Reader:
    """What reads the words of a workspace: by the frame in force, or by a proposed one.

    Raises NotFound, Conflict (``effect_pending``) while the proposed one's delta is not learned.
    """
    from chalicelib.domain.workspaces.access import nowhere
    from chalicelib.wiring import stores

    if proposal is None:
        return frame_book().reader(stores.frame_store().state(workspace))
    proposed = stores.frame_store().proposal(workspace, proposal)
    if proposed is None:
        raise nowhere()
    return frame_book().reader(proposed.content, whole=True)


def frame_words(workspace: str) -> Words:
    """What a workspace's code frame says of topics: looked up once, with the first word that is asked for."""

    from chalicelib.wiring import stores

    return frame_book().words(lambda: stores.frame_store().state(workspace))


def topic_names(workspace: str) -> Callable[[str, str], str]:
    """What a workspace's code frame calls a topic in ``zh-CN`` or ``en``; its id where the frame knows it no more.

    The frame is looked up with the first name that is asked for.
    """
    words: list[Words] = []

    def name(topic: str, lang: str) -> str:
        if not words:
            words.append(frame_words(workspace))
        return words[0].name(topic, lang)

    return name


def coming_topics(workspace: str) -> frozenset[str]:
    """The topics of the frames that are proposed. One that was replaced is none before it is measured again."""
    from chalicelib.domain.reading.proposal import RETIRED
    from chalicelib.wiring import stores

    proposed = [one for one in stores.frame_store().proposals(workspace) if one.state != RETIRED]
    return frozenset(node.id for one in proposed for node in frame_book().frame(one.content).nodes)


@lru_cache(maxsize=1)
def read_frame() -> ReadFrame:
    """Packs, the active frame, proposals."""
    from chalicelib.services.reading.read_frame import ReadFrame
    from chalicelib.wiring import stores

    return ReadFrame(frames=stores.frame_store(), book=frame_book())


@lru_cache(maxsize=1)
def propose_frame() -> ProposeFrame:
    """A proposed frame, to be measured."""
    from chalicelib.services.reading.propose_frame import ProposeFrame
    from chalicelib.wiring import stores

    return ProposeFrame(
        frames=stores.frame_store(),
        book=frame_book(),
        rules=stores.directory(),
        readings=base.queue("readings"),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def activate_frame() -> ActivateFrame:
    """A measured frame comes into force."""
    from chalicelib.services.reading.activate_frame import ActivateFrame
    from chalicelib.wiring import stores

    return ActivateFrame(
        frames=stores.frame_store(),
        book=frame_book(),
        rules=stores.directory(),
        readings=base.queue("readings"),
        clock=base.now,
        delay=base.settings().reading_delay,
    )


@lru_cache(maxsize=1)
def find_graph() -> FindGraph:
    """Why things go wrong, and whose they are."""
    from chalicelib.services.cases.find_graph import FindGraph
    from chalicelib.understanding import called
    from chalicelib.wiring import stores

    return FindGraph(shipped_graph, stores.cause_store(), topic_names, called.department, base.now)


def shipped_graph(workspace: str) -> Graph:
    """What the packs of a workspace's frame say."""

    from chalicelib.wiring import stores

    return frame_book().graph(stores.frame_store().state(workspace))
