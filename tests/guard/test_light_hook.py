"""A cold hook answers a platform that waits two seconds at most: what it does not need, it must not load."""

from __future__ import annotations

import os
import subprocess
import sys

PROBE = """
import sys
import app
from chalicelib.sources import registry
from chalicelib.wiring import inbound
inbound.hear()
for name in registry.SOURCES:
    registry.load(name)
print(" ".join(sys.modules))
"""
ROOMS = "chalicelib.wiring."
HEAVY = {"pydantic", "pynamodb", "yaml", "cryptography", "aws_lambda_powertools", "boto3"}


def _loaded(probe: str) -> set[str]:
    """The top-level modules, and the rooms of the wiring, that a cold API function has loaded after ``probe``."""
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_LAMBDA_FUNCTION_NAME": "api",  # only the API function imports app.py
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    ran = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True, check=True, timeout=60)
    loaded = {name if name.startswith(ROOMS) else name.split(".")[0] for name in ran.stdout.split()}
    assert {"chalice", "botocore", "chalicelib"} <= loaded
    return loaded


def test_the_api_function_hears_without_anything_heavy() -> None:
    loaded = _loaded(PROBE)
    assert not loaded & HEAVY
    rooms = {name.removeprefix(ROOMS) for name in loaded if name.startswith(ROOMS)}
    assert rooms == {"base", "stores", "inbound"}


BACK = """
import sys
import app
from chalicelib.connectors import registry
from chalicelib.wiring import outbound
outbound.hear_callback()
for name in registry.CONNECTORS:
    registry.callback_reader(name)
print(" ".join(sys.modules))
"""


def test_the_api_function_hears_callbacks_without_anything_heavy() -> None:
    """DingTalk waits 1.5 seconds. What opens its envelopes is loaded with the first of them and not before."""
    assert not _loaded(BACK) & HEAVY
