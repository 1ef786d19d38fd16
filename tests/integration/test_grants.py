"""Runs after every other integration test: what was granted, against what they made the functions do."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import grants
from infra.local import Stack

pytestmark = [pytest.mark.engine, pytest.mark.last]

FILES = {path.name for path in Path(__file__).parent.glob("test_*.py")}


@pytest.fixture(autouse=True)
def everything(request: pytest.FixtureRequest) -> None:
    """A part of the tests uses a part of the grants: that says nothing about the others."""
    missing = FILES - {item.path.name for item in request.session.items}
    if missing or request.config.option.keyword or any("::" in one for one in request.config.args):
        pytest.skip(f"not all integration tests are part of this run (files left out: {sorted(missing) or 'none'})")
    if request.session.testsfailed:
        pytest.skip("a test has failed: what it did not come to was not used")


def test_every_grant_is_used_and_every_use_is_granted(request: pytest.FixtureRequest) -> None:
    stack: Stack = request.getfixturevalue("stack")  # asked for late: no engine is started only to be skipped
    compared = grants.compare(stack)
    assert not compared.denied, "refused:\n" + "\n".join(compared.denied)
    assert not compared.unused, "granted and not used:\n" + "\n".join(map(str, compared.unused))
    assert not compared.ungranted, "used and not granted:\n" + "\n".join(map(str, compared.ungranted))
    assert not compared.idle, f"exemptions that exempt nothing: {[one.action for one in compared.idle]}"
