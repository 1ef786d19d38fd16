"""One stack on the local engine for the whole session, on a free port and in a folder of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from infra.local import Stack
from tests.integration.world import oa, world

__all__ = ["oa", "stack", "world"]

# A killed worker's messages come back after the visibility timeout; hours are recounted at once.
QUICK = {
    "VisibilitySeconds": "6",
    "DeliveryVisibilitySeconds": "4",
    "DeliveryLeaseSeconds": "3",
    "ReadingVisibilitySeconds": "6",
    "FetchVisibilitySeconds": "6",
    "UploadVisibilitySeconds": "6",
    "RollupDelaySeconds": "1",
    "ReadingDelaySeconds": "1",
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The deployed stack. Tests share it, so each works in a workspace of its own."""
    running = Stack(free_port(), tmp_path_factory.mktemp("stack"))
    try:
        running.up(**QUICK)
        yield running
    finally:
        running.remove()
