"""Runs after every other integration test: what was granted, against what they made the functions do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra import grants
from infra.grants import Evidence
from infra.local import Stack
from tests.integration.conftest import traces
from tests.integration.world import wait_for

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


def of_the_others(tmp_path_factory: pytest.TempPathFactory) -> list[Evidence]:
    """What the stacks of other processes showed at their end. This test is handed out last, so theirs is near."""
    mine = os.environ.get("PYTEST_XDIST_WORKER", "only")
    started = [one for one in traces(tmp_path_factory).glob("*.started") if one.stem != mine]
    ended = [one.with_suffix(".ended") for one in started]
    wait_for(lambda: all(one.exists() for one in ended), "the end of the other processes' stacks", 900)
    shown = [one.read_text(encoding="utf-8") for one in ended]
    if not all(shown):
        pytest.skip("a test has failed in another process: what it did not come to was not used")
    return [Evidence.of_json(one) for one in shown]


def test_every_grant_is_used_and_every_use_is_granted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = of_the_others(tmp_path_factory)
    stack: Stack = request.getfixturevalue("stack")  # asked for late: no engine is started only to be skipped
    compared = grants.compare([grants.evidence(stack), *others])
    assert not compared.denied, "refused:\n" + "\n".join(compared.denied)
    assert not compared.unused, "granted and not used:\n" + "\n".join(map(str, compared.unused))
    assert not compared.ungranted, "used and not granted:\n" + "\n".join(map(str, compared.ungranted))
    assert not compared.idle, f"exemptions that exempt nothing: {[one.action for one in compared.idle]}"
