"""What every test gets: no AWS of the caller's, and Hypothesis without a clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A test that forgets to say where AWS is must fail here, never reach an account.
for name in [name for name in os.environ if name.startswith(("AWS_", "ECHOLOOP_"))]:
    del os.environ[name]
os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)

settings.register_profile("echoloop", deadline=None, print_blob=True)
settings.load_profile("echoloop")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The engine's stories first: they take longest. Those marked ``last`` look back on all others."""
    items.sort(key=lambda one: (one.get_closest_marker("last") is not None, one.path.parent.name != "integration"))
