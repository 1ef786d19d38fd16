"""What every test gets: no AWS of the caller's, and Hypothesis without a clock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# A test that forgets to say where AWS is must fail here, never reach an account.
for name in [name for name in os.environ if name.startswith(("AWS_", "ECHOLOOP_"))]:
    del os.environ[name]
os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)

settings.register_profile("echoloop", deadline=None, print_blob=True)
settings.load_profile("echoloop")


OWN_STACK: Final = {"test_local_engine.py", "test_ssrf_over_http.py"}  # beside the one that all others share


class Halves(LoadScopeScheduling):
    """What shares the one stack goes through one process, beside it the rest, file after file, through another."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", 1)[0])
        return "stack" if file.parent.name == "integration" and file.name not in OWN_STACK else str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Halves:
    return Halves(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The shared stack's tests first: theirs is the longest way. Those marked ``last`` look back on the others."""
    items.sort(key=lambda one: (one.path.parent.name != "integration", one.get_closest_marker("last") is not None))
