"""The frames and readers of workspaces, made on demand and kept: what a ``FrameState`` means in words and topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from chalicelib.domain.cases.playbook import RED_LINE, Playbooks
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.errors import Conflict, Invalid
from chalicelib.understanding import shipped
from chalicelib.understanding.causes import graph_of
from chalicelib.understanding.compose import compose, failures
from chalicelib.understanding.frame import Frame, FrameError
from chalicelib.understanding.playbooks import of_frame
from chalicelib.understanding.reader import Reader

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Graph
    from chalicelib.domain.reading.correction import Correction
    from chalicelib.understanding.delta import Delta
    from chalicelib.understanding.weights import Weights

KEPT: Final = 32  # composed frames and readers in one process
MOST_FAILURES: Final = 5  # that a refusal names

_Content = tuple[str, int, tuple[str, ...], str, int | None]  # what makes two states the same frame


class FrameBook:
    """``weights`` gives the shipped model; ``delta`` what a workspace's corrections taught, by its number."""

    def __init__(self, weights: Callable[[], Weights | None], delta: Callable[[str, int], Delta | None]) -> None:
        self._weights = weights
        self._delta = delta
        self._frame = lru_cache(maxsize=KEPT)(_composed)
        self._playbooks = lru_cache(maxsize=KEPT)(lambda content: of_frame(self._frame(content)))
        self._graph = lru_cache(maxsize=KEPT)(lambda content: graph_of(self._frame(content)))
        self._reader = lru_cache(maxsize=KEPT)(self._made)

    def packs(self) -> tuple[str, ...]:
        """The names of the packs that ship, in order."""
        return shipped.packs()

    def frame(self, state: FrameState) -> Frame:
        """The composed frame; of an overlay what no longer fits newer packs is left out."""
        return self._frame(_content(state))

    def playbooks(self, state: FrameState) -> Playbooks:
        """What is to be done about its topics and red lines."""
        return self._playbooks(_content(state))

    def graph(self, state: FrameState) -> Graph:
        """Why things go wrong with its topics, and whose they are; without the workspace's own causes."""
        return self._graph(_content(state))

    def words(self, state: Callable[[], FrameState]) -> Words:
        """What the frame of a state says, looked up when it is first asked."""
        return Words(self, state)

    def reader(self, state: FrameState, *, whole: bool = False) -> Reader:
        """What reads a workspace's voices. Workspaces with nothing of their own share one.

        A delta that is not learned yet is left out, and such a reader not kept; ``whole`` raises Conflict
        (``effect_pending``) instead.
        """
        try:
            return self._reader(_content(state))
        except Conflict:
            if whole:
                raise
            return Reader(self.frame(state), self._weights(), None)

    def version(self, state: FrameState) -> str:
        """Of everything that decides how words are read: frame, model and delta."""
        weights = self._weights()
        return f"{self.frame(state).version}/{weights.version if weights else ''}/{state.delta or ''}"

    def learned(self, state: FrameState, corrections: Sequence[Correction]) -> dict[str, Any]:
        """What the corrections teach a frame, as plain data: see ``understanding/learn.py``."""
        from chalicelib.understanding.learn import learn

        return learn(corrections, self._weights(), self.frame(state)).to_document()

    def check(self, state: FrameState) -> None:
        """Raises Invalid: ``unknown_pack``, ``frame_invalid`` for an overlay that is wrong or fails itself."""
        for number, pack in enumerate(state.packs):
            if pack not in shipped.packs():
                raise Invalid("There is no such pack.", code="unknown_pack", pointer=f"/packs/{number}")
        if not state.overlay.strip():
            return
        try:
            frame = compose([shipped.load(pack) for pack in state.packs], state.overlay, state.number)
        except FrameError as error:
            raise _refused(f"Line {error.line}: {error.message}") from None
        samples = [sample for node in frame.nodes for sample in node.samples]
        wrong = {(failure.line, failure.text): failure for failure in failures(frame, self._with_model(frame, state))}
        said = [
            f"Line {sample.line}: sentence {number} expects {sample.expects}, gives {', '.join(failure.got) or 'none'}."
            for number, sample in enumerate(sorted(samples, key=lambda one: one.line), start=1)
            if (failure := wrong.get((sample.line, sample.text))) is not None
        ]
        if said:
            more = [f"{len(said) - MOST_FAILURES} more fail."] if len(said) > MOST_FAILURES else []
            raise _refused(" ".join((*said[:MOST_FAILURES], *more)))

    def _made(self, content: _Content) -> Reader:
        workspace, _, _, _, number = content
        delta = None if number is None else self._delta(workspace, number)
        if number is not None and delta is None:  # raised, for what is returned is kept
            raise Conflict("What the corrections teach is still being learned.", code="effect_pending")
        return Reader(self._frame(content), self._weights(), delta)

    def _with_model(self, frame: Frame, state: FrameState) -> Reader:
        delta = None if state.delta is None else self._delta(state.workspace, state.delta)
        return Reader(frame, self._weights(), delta)


class Words:
    """``domain.cases.playbook.FrameWords``: one look at the state for names and playbooks together."""

    def __init__(self, book: FrameBook, state: Callable[[], FrameState]) -> None:
        self._book = book
        self._state = lru_cache(maxsize=1)(state)

    def name(self, topic: str, lang: str) -> str:
        return self._book.frame(self._state()).name(topic, lang)

    def playbooks(self) -> Playbooks:
        return self._book.playbooks(self._state())

    def department(self, about: str) -> str | None:
        return department_of(self._book.frame(self._state()), about)


def department_of(frame: Frame, about: str) -> str | None:
    """Whose a topic or, with RED_LINE before its kind, a red line is by a frame."""
    if about.startswith(RED_LINE):
        kind = about.removeprefix(RED_LINE)
        return next((line.department for line in frame.red_lines if line.kind == kind), None)
    node = frame.by_id.get(about)
    return node.department if node else None


def _content(state: FrameState) -> _Content:
    if not state.is_own:
        return "", 0, state.packs, "", None
    return state.workspace, state.number, state.packs, state.overlay, state.delta


def _composed(content: _Content) -> Frame:
    _, number, packs, overlay, _ = content
    return compose([shipped.load(pack) for pack in packs], overlay, number, strict=False)


def _refused(detail: str) -> Invalid:
    return Invalid(detail, code="frame_invalid", pointer="/overlay")
