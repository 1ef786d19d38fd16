"""One stack on the local engine for each process of the session, on a free port and in a folder of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import grants
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
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The deployed stack. Tests share it, so each works in a workspace of its own.

    At its end it leaves what it shows of its grants, for the process that looks back on all of them.
    """
    running = Stack(free_port(), tmp_path_factory.mktemp("stack"))
    here = traces(tmp_path_factory) / f"{os.environ.get('PYTEST_XDIST_WORKER', 'only')}.started"
    try:
        running.up(**QUICK)
        here.touch()
        yield running
        shown = "" if request.session.testsfailed else grants.evidence(running).as_json()
        here.with_suffix(".part").write_text(shown, encoding="utf-8")
        here.with_suffix(".part").rename(here.with_suffix(".ended"))
    finally:
        running.remove()


def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the processes of one session share."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "stacks"
    shared.mkdir(exist_ok=True)
    return shared
