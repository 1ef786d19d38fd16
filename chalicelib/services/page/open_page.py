"""What the page of a ticket shows: the voice, whose it is and why, what to do, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.graph import Cause, Told
from chalicelib.domain.cases.playbook import Chosen, Playbook
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.cases.ticket_title import TopicNames
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.services.cases.follow_parts import children
from chalicelib.services.page.page_links import PageLinks
from chalicelib.services.ports import Clock

MOST_LINKS: Final = 5  # that are shown


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


@dataclass(frozen=True, slots=True)
class Page:
    """One ticket as it is now. Contact data and colleagues' words are not in what is shown of it."""

    ticket: Ticket
    moves: Sequence[Move]
    organisation: Organisation
    topic_name: TopicNames = field(repr=False)
    now: datetime
    expires_at: datetime  # of the link
    feedback: Feedback | None = field(default=None, repr=False)
    playbook: Playbook | None = field(default=None, repr=False)
    path: tuple[Told, ...] = ()
    causes: tuple[Cause, ...] = ()  # to choose from, the likeliest first
    parts: Sequence[Ticket] = ()  # what the case was divided into, in the order of its departments
    whole: Ticket | None = None  # the case that it is a part of
    links: Sequence[tuple[Link, str]] = ()  # to other cases, with the state of each


@dataclass(frozen=True, slots=True)
class OpenPage:
    """``playbook``: see services/cases/find_playbook.py; ``path`` and ``causes``: services/cases/find_graph.py.

    ``organisation`` gives a workspace's, an empty one without; ``links_of`` those of a ticket.
    """

    links: PageLinks
    tickets: Tickets
    voices: Voices
    playbook: Callable[[str, Chosen | None], Playbook | None]
    topic_names: Callable[[str], TopicNames]
    organisation: Callable[[str], Organisation]
    clock: Clock
    path: Callable[[Ticket], tuple[Told, ...]] = lambda _: ()
    causes: Callable[[Ticket], tuple[Cause, ...]] = lambda _: ()
    links_of: Callable[[str, str], Sequence[Link]] = lambda _, __: ()

    def __call__(self, text: str) -> Page:
        """Raises NotFound for a link that is over or was never made, Retryable."""
        link = self.links.read(text)
        ticket = self.tickets.get(link.workspace, link.ticket)
        if ticket is None:
            raise nowhere()
        return Page(
            ticket=ticket,
            moves=self.tickets.moves(link.workspace, ticket.id),
            organisation=self.organisation(link.workspace),
            topic_name=self.topic_names(link.workspace),
            now=self.clock(),
            expires_at=link.expires_at,
            feedback=self.voices.get(link.workspace, ticket.feedback),
            playbook=self.playbook(link.workspace, ticket.playbook),
            path=self.path(ticket),
            causes=self.causes(ticket),
            parts=children(self.tickets, ticket) if ticket.parts else (),
            whole=self.tickets.get(link.workspace, ticket.parent) if ticket.parent else None,
            links=self._links(ticket),
        )

    def _links(self, ticket: Ticket) -> Sequence[tuple[Link, str]]:
        """A few of them: each other case is looked at."""
        some = [one for one in self.links_of(ticket.workspace, ticket.id) if one.kind != "related"][:MOST_LINKS]
        found = [(one, self.tickets.get(ticket.workspace, one.other)) for one in some]
        return [(one, other.state) for one, other in found if other is not None]
