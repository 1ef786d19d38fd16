"""The what–why–who graph of a workspace, for those who open tickets, resolve them or show the way they took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.cases.graph import Cause, Graph, Name, Overlay, Tally, Told, about, path, told, went_wrong
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.workspaces.organisation import Edge
from chalicelib.errors import Invalid
from chalicelib.services.ports import Clock

RECENT: Final = timedelta(seconds=2)  # that what is in force may be old
MOST_KEPT: Final = 64  # workspaces in one process
Tallies = Callable[[str, str], Tally]  # what closed tickets taught: workspace, topic → its list


class Learned(Protocol):
    def overlay(self, workspace: str) -> Overlay:
        """The workspace's own causes in force; version 0 without any."""

    def tally(self, workspace: str, topic: str) -> Tally:
        """What closed tickets taught of one topic's list."""


@dataclass(frozen=True, slots=True)
class FindGraph:
    """``shipped`` gives what a workspace's packs say; ``topic`` gives names by its frame, ``department`` of any."""

    shipped: Callable[[str], Graph]
    store: Learned
    topic: Callable[[str], Name]
    department: Name
    clock: Clock
    _seen: dict[str, tuple[datetime, Graph]] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, workspace: str) -> Graph:
        """What counts now, or did two seconds ago. Raises Retryable."""
        now = self.clock()
        at, known = self._seen.get(workspace, (now, None))
        if known is not None and now - at < RECENT:
            return known
        found = self.over(workspace, self.shipped(workspace))
        if len(self._seen) >= MOST_KEPT:
            self._seen.clear()
        self._seen[workspace] = (now, found)
        return found

    def over(self, workspace: str, below: Graph) -> Graph:
        """The graph of a frame with the workspace's own causes over it; its lists for topics that are there."""
        own = self.store.overlay(workspace)
        if not own.version:
            return below
        lists: Mapping[str, object] = below.departments
        causes = replace(own.causes, topics={name: one for name, one in own.causes.topics.items() if name in lists})
        return replace(below, causes=causes.over(below.causes), overlay=own.version)

    def path(self, ticket: Ticket, graph: Graph | None = None, tally: Tallies | None = None) -> tuple[Edge, ...]:
        """The way that a ticket takes now; by ``tally`` where the caller has one. Raises Retryable."""
        graph = self(ticket.workspace) if graph is None else graph
        learned = self.store.tally if tally is None else tally
        return path(ticket, graph, lambda topic: learned(ticket.workspace, topic))

    def told(self, ticket: Ticket, graph: Graph | None = None, topic: Name | None = None) -> tuple[Told, ...]:
        """The way that a ticket keeps, in words. Raises Retryable."""
        if not ticket.path:
            return ()
        graph = self(ticket.workspace) if graph is None else graph
        return told(ticket.path, graph, topic or self.topic(ticket.workspace), self.department)

    def causes(self, ticket: Ticket) -> tuple[Cause, ...]:
        """What it may have been, the likeliest first: for whoever resolves it. Raises Retryable."""
        graph = self(ticket.workspace)
        topic = about(ticket, graph.playbooks)
        if topic is None or not went_wrong(ticket):
            return ()
        ranked = graph.ranked(topic, self.store.tally(ticket.workspace, graph.list_of(topic)))
        return tuple(graph.causes.by_id[one.cause] for one in ranked)

    def check(self, workspace: str, cause: str | None) -> None:
        """Raises Invalid (``unknown_cause``), Retryable."""
        if cause is not None and cause not in self(workspace).causes.by_id:
            raise Invalid("The graph has no such cause.", code="unknown_cause", pointer="/cause")
