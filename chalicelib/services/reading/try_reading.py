"""Try a sentence against frame and routing: what it would be tagged, who would get it, and what they would see.

Nothing is stored and nobody is told. The words go the way of a real voice: checked, redacted, read, decided.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from chalicelib.domain.cases.graph import Told
from chalicelib.domain.cases.parts import by_department, opened_part, parts_of
from chalicelib.domain.cases.playbook import Playbook, Playbooks, choose
from chalicelib.domain.cases.ticket import Ticket, opened, wants_ticket
from chalicelib.domain.cases.ticket_title import language, title
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.reading.reading import CodeFrame
from chalicelib.domain.time import moments
from chalicelib.domain.voice import scoring
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.workspaces import rules
from chalicelib.services.ports import Clock, Directory
from chalicelib.services.reading.enrich import Source, redacted

_NOBODY: Final = "-"  # where a real voice has its id


class NamingFrame(CodeFrame, Protocol):
    def name(self, topic: str, lang: str) -> str: ...


class FramedReader(Protocol):
    """A reader with the frame that it reads by, see ``understanding/reader.py``."""

    @property
    def frame(self) -> Any:
        """A ``NamingFrame``."""

    def read(self, texts: Sequence[Text]) -> Understanding: ...


@dataclass(frozen=True, slots=True)
class TriedPart:
    """What one of several departments would get."""

    ticket: Ticket
    playbook: Playbook | None


@dataclass(frozen=True, slots=True)
class Tried:
    """``ticket``, ``card`` and ``playbook`` are None when no rule asks for a ticket; ``parts`` are of a case that is
    divided."""

    feedback: Feedback
    ticket: Ticket | None
    card: Any  # connectors.cards.Card
    playbook: Playbook | None = None
    lang: str = "zh-CN"  # of title, card, playbook and path
    path: tuple[Told, ...] = ()
    parts: tuple[TriedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class TryReading:
    """``reader`` gives the one in force in a workspace, or that of a proposed frame; raises NotFound.

    ``playbooks`` gives those of a reader's frame, ``path`` the way that a ticket would take in it, ``department`` whose
    a topic or red line is by it.
    """

    reader: Callable[[str, str | None], FramedReader]
    directory: Directory
    source: Callable[[str], Source]
    card: Callable[[Message, str], Any]
    playbooks: Callable[[Any], Playbooks]
    clock: Clock
    path: Callable[[Ticket, Any], tuple[Told, ...]] = lambda _, __: ()
    department: Callable[[Any, str], str | None] = lambda _, __: None

    def __call__(self, workspace: str, voice: Mapping[str, Any], *, proposal: str | None = None) -> Tried:
        """``voice`` has the fields of a canonical body but its identity. Raises Invalid as that source, NotFound."""
        reader = self.reader(workspace, proposal)
        read = self._read(workspace, voice, reader)
        known = tuple(self.directory.rules(workspace))
        feedback = replace(read, decision=rules.decide(known, read))
        if not wants_ticket(feedback):
            return Tried(feedback, None, None)
        lang = language(feedback)
        playbook = choose(feedback, lambda: self.playbooks(reader.frame))
        chosen = playbook.chosen if playbook else None
        step = opened(feedback, title(feedback, reader.frame.name, lang), feedback.received_at, chosen)
        ticket = replace(step.ticket, id="", feedback="")
        path = self.path(ticket, reader.frame)
        card = self.card(_message(feedback, ticket, reader.frame, playbook, path), lang)
        return Tried(feedback, ticket, card, playbook, lang, path, self._parts(feedback, reader.frame, known))

    def _parts(self, feedback: Feedback, frame: Any, known: Sequence[rules.Rule]) -> tuple[TriedPart, ...]:
        """As the tickets queue would divide a new case, see services/cases/open_ticket.py."""
        found = by_department(feedback, lambda about: self.department(frame, about), known)
        parts = []
        for department in parts_of(None, feedback, found):
            part = found[department]
            playbook = choose(part, lambda: self.playbooks(frame))
            about = title(part, frame.name, language(part))
            step = opened_part(department, part, about, part.received_at, playbook.chosen if playbook else None)
            parts.append(TriedPart(step.ticket, playbook))
        return tuple(parts)

    def _read(self, workspace: str, voice: Mapping[str, Any], reader: FramedReader) -> Feedback:
        now = self.clock()
        body = {**voice, "type": "feedback.created", "id": _NOBODY, "occurred_at": moments.written(now)}
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        canonical = redacted(self.source("canonical").parse(Arrival(raw, now), {}))
        return Feedback(
            workspace=workspace,
            id=_NOBODY,
            connection=_NOBODY,
            source="canonical",
            state="new",
            received_at=now,
            occurred_at=now,
            channel=canonical.channel,
            touchpoint=canonical.touchpoint,
            unit=canonical.unit,
            lang=canonical.lang,
            scores=canonical.scores,
            classes=scoring.classes(canonical.scores),
            texts=canonical.texts,
            understanding=reader.read(canonical.texts),
            understood_at=now,
        )


def _message(
    feedback: Feedback, ticket: Ticket, frame: NamingFrame, playbook: Playbook | None, path: tuple[Told, ...]
) -> Message:
    """What a chat robot would be given of the new ticket, which has no id and so no link."""
    return Message(
        delivery_id=_NOBODY,
        type="ticket.opened",
        sequence=1,
        occurred_at=moments.written(feedback.received_at),
        now=feedback.received_at,
        ticket=ticket,
        feedback=feedback,
        topic_name=frame.name,
        playbook=playbook,
        path=path,
    )
