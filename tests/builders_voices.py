"""A voice's whole way in on fakes: the hook's real checks and envelope, then the real enrich on a store in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.services.reading.enrich import Enrich, Outcome
from chalicelib.sources import registry
from tests.builders_hear import CONNECTION, WORKSPACE, Hearing, hearing
from tests.fakes.directory import FakeDirectory
from tests.fakes.feedback import FakeFeedbackStore, FakeVault
from tests.fakes.fetches import FakeQueue
from tests.fakes.frames import FakeFrames
from tests.fakes.tickets import FakeClock


class _Silent:
    """Reads nothing into the words: here it is about how they come in."""

    def read(self, texts: object) -> Understanding:
        return Understanding()


@dataclass
class Way:
    """One connection of one source, and what is stored of what it heard."""

    hearing: Hearing
    enrich: Enrich
    store: FakeFeedbackStore
    answers: list[Any] = field(default_factory=list)  # of the hook

    def send(
        self, raw: bytes, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> Outcome | None:
        """One request, taken in and read; None where the hook kept nothing of it."""
        before = len(self.hearing.sqs.sent)
        self.answers.append(self.hearing.post(raw, headers, query))
        bodies = self.hearing.sqs.bodies()[before:]
        return self.enrich.take(Envelope.from_message(bodies[0]), self.enrich.batch()) if bodies else None

    def only(self) -> Feedback:
        """The one feedback that all of it became."""
        (feedback,) = self.store.rows.values()
        return feedback


def way_in(
    source: str,
    now: datetime,
    *,
    secrets: tuple[str, ...] = (),
    mapping: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Way:
    """A connection of ``source`` with these secrets, without any where there is none."""
    hook = hearing(now)
    pointer = registry.Catalogue().response_pointer(source, mapping or {})
    hook.connect(source, secrets=tuple((secret, None) for secret in secrets), response_id=pointer)
    directory, store = FakeDirectory(), FakeFeedbackStore()
    connection = Connection(WORKSPACE, CONNECTION, "shop", source, mapping=mapping or {}, settings=settings or {})
    directory.put_connection(connection)
    enrich = Enrich(
        store=store,
        vault=FakeVault(),
        directory=directory,
        source=registry.load,
        frames=FakeFrames(),
        fetches=FakeQueue(),
        readers=lambda _: _Silent(),
        clock=FakeClock(now),
        retention_days=90,
    )
    return Way(hook, enrich, store)
