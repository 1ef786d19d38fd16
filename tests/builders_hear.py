"""A hook on fakes: real checks, cache and envelope, with SSM, SQS and the clock in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.workspaces.credentials import token_hash
from chalicelib.domain.workspaces.directory import ConnectionSecret
from chalicelib.messaging.inbox import Inbox
from chalicelib.messaging.queues import SqsQueue
from chalicelib.services.inbound.hear import Hear
from chalicelib.sources import registry
from chalicelib.storage.workspaces.secrets import ConnectionSecrets
from tests.fakes.sqs import FakeSqs
from tests.fakes.ssm import FakeSsm
from tests.fakes.uploads import FakeFiles

TOKEN = "CANARY-token-of-the-hook-0000000000000000000"
WORKSPACE = "acme"
CONNECTION = "cn_7x2k"
SECRET = "whsec_" + "A" * 43 + "="


@dataclass
class Hearing:
    """Everything a test of the hook touches."""

    ssm: FakeSsm
    sqs: FakeSqs
    secrets: ConnectionSecrets
    hear: Hear
    now: datetime
    elsewhere: ConnectionSecrets  # another process that writes the same parameters
    files: FakeFiles
    connection: str = CONNECTION

    def connect(self, source: str, **changes: Any) -> ConnectionSecret:
        """Write the record of a connection, as the API does from another process."""
        fields: dict[str, Any] = {
            "workspace": WORKSPACE,
            "id": CONNECTION,
            "source": source,
            "token_hash": token_hash(TOKEN),
            "secrets": ((SECRET, None),),
        }
        record = ConnectionSecret(**{**fields, **changes})
        self.elsewhere.put(record)
        self.ssm.calls.clear()
        return record

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def post(
        self, raw: bytes, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None, **at: str
    ) -> Any:
        return self.hear.post(at.get("connection", CONNECTION), at.get("token", TOKEN), raw, headers or {}, query or {})


def hearing(now: datetime) -> Hearing:
    """A hook without any connection."""
    ssm, sqs, files = FakeSsm(), FakeSqs(), FakeFiles()

    def clock() -> datetime:
        return world.now

    def store() -> ConnectionSecrets:
        return ConnectionSecrets(ssm, "/echoloop/test", "alias/test", clock=lambda: clock().timestamp())

    secrets = store()
    hear = Hear(
        secrets=secrets,
        source=registry.load,
        inbox=Inbox(SqsQueue(sqs, "https://sqs.test/inbox")),
        fetches=Inbox(SqsQueue(sqs, "https://sqs.test/fetches")),
        files=files,
        clock=clock,
    )
    world = Hearing(ssm, sqs, secrets, hear, now, elsewhere=store(), files=files)
    return world
