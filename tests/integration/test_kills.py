"""Workers killed in the middle of a create: one item a ticket where the system can tell, else one for a person to see.

``make soak`` runs it at the size that is promised (KILL_DELIVERIES=500 KILLS=20, HubSpot among the systems, whose
search is half a minute late); ``make test`` at a smaller one.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

from chalicelib.connectors.registry import load_keeper
from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from infra import client
from tests.contract.profiles import profile
from tests.fakes.targets.served import served
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

DELIVERIES = int(os.environ.get("KILL_DELIVERIES", "60"))
KILLS = int(os.environ.get("KILLS", "3"))
# A key, a search, neither; and where the requests of a create go.
CREATES = {
    "zendesk": "/api/v2/tickets.json",
    "dingtalk_todo": "/tasks",
    "dingtalk_approval": "/workflow/processInstances",
    "hubspot": "/crm/v3/objects/tickets",
}
SYSTEMS = tuple(CREATES)[: 4 if KILLS > 3 else 3]
TICKETS = -(-DELIVERIES // len(SYSTEMS))
STORIES = 3 if KILLS > 3 else 1  # tickets that are worked on until they are closed
CALLERS = 8
STEPS: tuple[dict[str, str], ...] = (
    {"to": "accepted"},
    {"to": "resolved", "root_cause": "x", "action": "y"},
    {"to": "verifying"},
    {"to": "closed"},
)


@dataclass
class Deadly:
    """A fake system at which workers die: before a create is done, or after it and before its answer."""

    name: str
    stack: Any
    kills: int
    target: Any = None
    creates: int = 0
    killed: list[int] = field(default_factory=list)
    duplicates: int = 0
    refusing: bool = False  # the first change of an item is answered 503; a create still gets through
    refused: set[tuple[str, bytes]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.target = import_module(f"tests.fakes.targets.{self.name}").Target()

    def answer(self, request: HttpRequest) -> HttpResponse:
        is_create = request.method == "POST" and request.url.partition("?")[0].endswith(CREATES[self.name])
        is_update = not is_create and "oauth2" not in request.url and "search" not in request.url
        item = (request.url, re.search(rb'"processInstanceId":"[^"]*"|$', request.body)[0])  # type: ignore[index]
        if is_update and request.method != "GET" and self.refusing and item not in self.refused:
            self.refused.add(item)
            return HttpResponse(503)
        self.creates += is_create
        due = (len(self.killed) + 1) * max(TICKETS // (self.kills + 1), 1)
        deadly = is_create and len(self.killed) < self.kills and self.creates >= due
        if deadly and len(self.killed) % 2:
            self._kill()
            return HttpResponse(503)  # to nobody: it was not done
        try:
            done: HttpResponse = self.target.answer(request)
        except AssertionError:  # the fake's own word for it
            self.duplicates += 1
            raise
        if deadly:
            self._kill()
        return done

    def _kill(self) -> None:
        """SIGKILL every delivery worker, the one that waits for this answer among them. Where another system has just
        done so there is nobody, and the next create is deadly instead."""
        pids = self.stack.worker_pids("deliver")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if pids:
            self.killed.append(len(pids))


def endpoint_at(world: World, name: str, url: str) -> str:
    known = profile(name)
    wanted = {
        "name": f"{name} of the test",
        "workspace": world.workspace,
        "connector": name,
        "url": url,
        "events": ["ticket.opened", "ticket.updated", "ticket.resolved", "ticket.closed"],
        "settings": dict(known.settings),
        "credentials": dict(known.credentials),
    }
    return str(world.api.made("/v1/endpoints", wanted)["id"])


def heard(world: World, number: int) -> list[str]:
    connection = world.connect("canonical")

    def post(n: int) -> str:
        said = voice(id=f"kill-{n}", customer=None, texts=None)
        return world.heard(connection["hook_url"], client.canonical(said, connection["secret"]))

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(post, range(number)))


def ended(world: World, number: int) -> list[Any] | None:
    """Every delivery, once there are so many and none is under way."""
    time.sleep(1)  # the API shares the processors with the workers
    found = world.api.pages("/v1/deliveries", {"workspace": world.workspace})
    return found if len(found) >= number and {one["state"] for one in found} <= {"delivered", "uncertain"} else None


def close(world: World, ticket: str) -> None:
    """All that happens to a ticket until it is closed, step after step."""
    version = 1
    for step in STEPS:
        moved = world.api.call("POST", f"/v1/tickets/{ticket}/transitions", {**step, "version": version})
        assert moved.status == 200, moved.json
        version = moved.json["version"]


def work_on_some(world: World, systems: list[Deadly]) -> list[str]:
    """Tickets that every system shows are closed, while every system fails at its first changes."""

    def shown() -> list[str] | None:
        everywhere = set.intersection(*(set(system.target.items) for system in systems))
        return sorted(everywhere)[:STORIES] if len(everywhere) >= STORIES else None

    chosen = wait_for(shown, "tickets at every system", 60)
    for system in systems:
        system.refusing = True
    for ticket in chosen:
        close(world, ticket)
    return chosen


def assert_in_order(system: Deadly, tickets: list[str]) -> None:
    """Opened first, closed last, and nothing after it; each state once."""
    for ticket in tickets:
        history = system.target.items[ticket]["history"]
        steps = list(dict.fromkeys(history))
        assert [one for one, before in zip(history, [None, *history], strict=False) if one != before] == steps
        assert len(steps) >= 2, f"{system.name} was not told that the ticket is closed"
        assert system.target.items[ticket]["status"] == history[-1]


def test_killed_workers_double_nothing_and_changes_arrive_in_order(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    systems = [
        Deadly(name, world.stack, KILLS // len(SYSTEMS) + (at < KILLS % len(SYSTEMS)))
        for at, name in enumerate(SYSTEMS)
    ]
    with ExitStack() as running:
        endpoints = {endpoint_at(world, one.name, running.enter_context(served(one)).url): one.name for one in systems}
        heard(world, TICKETS)
        stories = work_on_some(world, systems)
        expected = TICKETS * len(SYSTEMS) + STORIES * len(STEPS) * len(SYSTEMS)
        found = wait_for(lambda: ended(world, expected), "every delivery at its end", 60 + DELIVERIES / 2 + 20 * KILLS)

    tickets = {one["id"] for one in world.tickets()}
    assert len(tickets) == TICKETS
    assert sum(len(one.killed) for one in systems) == KILLS
    assert [one.duplicates for one in systems] == [0] * len(systems)
    uncertain = {(endpoints[one["endpoint"]], one["subject"]) for one in found if one["state"] == "uncertain"}
    for system in systems:
        connector = load_keeper(system.name)
        assert connector is not None
        left = {ticket for name, ticket in uncertain if name == system.name}
        if connector.has_idempotency or connector.searches:
            assert left == set()
            assert set(system.target.items) == tickets
        else:
            assert len(left) >= len(system.killed)
            assert set(system.target.items) | left == tickets
        assert len(system.refused) >= len(stories), "the system failed at no change"
        assert_in_order(system, [one for one in stories if one not in left])
    states = Counter(one["state"] for one in found)
    processes = sum(sum(one.killed) for one in systems)
    with capsys.disabled():
        print(
            f"\n  kills: {len(found)} deliveries of {TICKETS} tickets to {', '.join(SYSTEMS)}, {KILLS} kills in the"
            f" middle of a create ({processes} processes): delivered {states['delivered']},"
            f" doubled 0, uncertain {len(uncertain)}, in {time.monotonic() - began:.0f} s"
        )
