"""A cold hook answers a platform that waits two seconds at most: what it does not need, it must not load."""

from __future__ import annotations

import os
import subprocess
import sys

PROBE = """
import sys
import app
from chalicelib import wiring
from chalicelib.sources import registry
wiring.hear()
for name in registry.SOURCES:
    registry.load(name)
print(" ".join(sorted({module.split(".")[0] for module in sys.modules})))
"""
HEAVY = {"pydantic", "pynamodb", "yaml", "cryptography", "aws_lambda_powertools", "boto3"}


def test_the_api_function_hears_without_anything_heavy() -> None:
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_LAMBDA_FUNCTION_NAME": "api",  # only the API function imports app.py
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    ran = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(ran.stdout.split())
    assert {"chalice", "botocore", "chalicelib"} <= loaded
    assert not loaded & HEAVY
