"""What reads customers' words, and the clock of the product, cannot call anybody's server: they never load the door."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROBE = """
import sys
from chalicelib.lambdas import {function}
from chalicelib.sources import registry
from chalicelib.wiring import {room}
{room}.{builder}()
for name in registry.SOURCES:
    registry.load(name)
print(" ".join(sys.modules))
"""
CLIENTS = {"requests", "httpx", "aiohttp", "http.server", "websocket", "ftplib", "smtplib"}
DOORS = {
    "chalicelib.egress",
    "chalicelib.services.inbound.vendor",
    "chalicelib.services.inbound.fetch",
    "chalicelib.services.inbound.poll",
}
OUTWARD = ("chalicelib.connectors",)


def loaded(function: str, room: str, builder: str) -> set[str]:
    """Every module in a process that does what the function does when it starts."""
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "TABLE": "none",
    }
    probe = PROBE.format(function=function, room=room, builder=builder)
    ran = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True, check=True, timeout=60)
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    ("function", "room", "builder"), [("enrich", "reading", "enrich_service"), ("sweep", "upkeep", "sweep_service")]
)
def test_it_loads_no_http_client_but_botocores(function: str, room: str, builder: str) -> None:
    found = loaded(function, room, builder)
    assert {"botocore", f"chalicelib.wiring.{room}", "chalicelib.sources.jinshuju"} <= found
    assert not found & CLIENTS
    assert not found & DOORS
    assert not [name for name in found if name.startswith(OUTWARD)]


def test_fetch_does_load_the_door() -> None:
    assert loaded("fetch", "inbound", "fetch_service") | loaded("fetch", "inbound", "poll_service") >= DOORS
