"""A workspace's graph as people see it, and its own causes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from chalicelib.domain.cases.graph import Causes, Graph, Overlay, Ranked, Tally, called
from chalicelib.domain.cases.playbook import RED_LINE, Playbook
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.ports import Clock


class Store(Protocol):
    def overlay(self, workspace: str, version: int | None = None) -> Overlay: ...

    def put_overlay(self, workspace: str, one: Overlay, *, by: str, at: datetime) -> bool:
        """Bring ``one`` into force after the version before it; False when that is in force no more."""

    def tally(self, workspace: str, topic: str) -> Tally: ...

    def tallies(self, workspace: str) -> Mapping[str, Tally]: ...


class Shown(NamedTuple):
    """What is known of one topic. ``listed``: the topic whose causes count for it."""

    topic: str
    listed: str
    department: str
    ranked: tuple[Ranked, ...]
    tally: Tally
    playbook: Playbook | None


@dataclass(frozen=True, slots=True)
class ManageGraph:
    """``shipped`` gives what the packs alone say, ``over`` the same with the workspace's own causes over it.

    ``departments`` that the organisation, the frame and the rules know; None where any will do: there is no
    organisation.
    """

    store: Store
    shipped: Callable[[str], Graph]
    over: Callable[[str, Graph], Graph]
    departments: Callable[[str], Collection[str] | None]
    clock: Clock

    def show(self, workspace: str, topic: str | None) -> tuple[Graph, tuple[Shown, ...]]:
        """One topic or red line, or all that have a list or were learned about. Raises Invalid (``unknown_topic``)."""
        graph = self.over(workspace, self.shipped(workspace))
        if topic is None:
            tallies = self.store.tallies(workspace)
            wanted = [one for one in graph.departments if one in graph.causes.topics or one in tallies]
            return graph, tuple(_shown(one, graph, tallies.get(one, Tally())) for one in wanted)
        if topic not in graph.departments:
            raise Invalid("The code frame has no such topic.", code="unknown_topic", pointer="/topic")
        return graph, (_shown(topic, graph, self.store.tally(workspace, graph.list_of(topic))),)

    def gaps(self, graph: Graph) -> tuple[str, ...]:
        """Topics for which neither they nor any above them have causes: of such, nobody learns why they go wrong."""
        return tuple(
            one
            for one in graph.departments
            if not one.startswith(RED_LINE) and graph.list_of(one) not in graph.causes.topics
        )

    def own(self, workspace: str, version: int | None) -> Overlay:
        """The workspace's own causes: in force, or an older version. Raises NotFound for a version that never was."""
        found = self.store.overlay(workspace, version)
        if version and not found.version:
            raise nowhere()
        return found

    def put(self, workspace: str, version: int, causes: Causes, *, by: str) -> Overlay:
        """Bring causes into force in the place of ``version``, 0 for the first; what is not named is gone.

        Raises Conflict (``version_conflict``), Invalid (``unknown_topic``, ``unknown_cause``, ``unknown_department``,
        ``cause_twice``), TooLarge.
        """
        before = self.store.overlay(workspace)
        if before.version != version:
            raise _conflict()
        if before.version and before.causes == causes:
            return before
        self.check(workspace, causes)
        after = Overlay(version + 1, causes)
        if not self.store.put_overlay(workspace, after, by=by, at=self.clock()):
            raise _conflict()
        return after

    def check(self, workspace: str, causes: Causes) -> None:
        """Whether causes could be brought into force. Raises Invalid as ``put``."""
        below = self.shipped(workspace)
        known = self.departments(workspace)
        for place, cause in enumerate(causes.by_id.values()):
            if known is not None and cause.department not in known:
                pointer = f"/causes/{place}/department"
                raise Invalid("There is no such department.", code="unknown_department", pointer=pointer)
        whole = causes.over(below.causes)
        for topic, listed in causes.topics.items():
            if topic not in below.departments:
                raise Invalid("The code frame has no such topic.", code="unknown_topic", pointer=f"/topics/{topic}")
            names: dict[str, str] = {}
            for place, one in enumerate(listed):
                pointer = f"/topics/{topic}/{place}"
                if one.cause not in whole.by_id:
                    raise Invalid("There is no such cause.", code="unknown_cause", pointer=pointer)
                words = called(whole.by_id[one.cause])
                if any(names.setdefault(word, one.cause) != one.cause for word in words):
                    raise Invalid("Two causes of a topic have one name.", code="cause_twice", pointer=pointer)


def _shown(topic: str, graph: Graph, tally: Tally) -> Shown:
    playbook = graph.playbooks.by_id.get(topic) if topic.startswith(RED_LINE) else graph.playbooks.of_topic(topic)
    ranked = graph.ranked(topic, tally)
    return Shown(topic, graph.list_of(topic), graph.departments[topic], ranked, tally, playbook)


def _conflict() -> Conflict:
    return Conflict("The causes have another version by now.", code="version_conflict", pointer="/version")
