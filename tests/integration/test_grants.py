"""Runs after every other integration test: what was granted, against what they made the functions do."""

from __future__ import annotations

import pytest

from infra import grants
from infra.local import Stack

pytestmark = [pytest.mark.engine, pytest.mark.last]


def test_every_grant_is_used_and_every_use_is_granted(stack: Stack) -> None:
    compared = grants.compare(stack)
    assert [str(grant) for grant in compared.unused] == []
    assert [str(use) for use in compared.ungranted] == []
    assert [f"{one.functions}: {one.action}" for one in compared.idle] == []
