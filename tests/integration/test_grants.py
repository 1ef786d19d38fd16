"""Runs after every other integration test: what was granted, against what they made the functions do."""

from __future__ import annotations

import pytest

from infra import grants
from infra.local import Stack

pytestmark = [pytest.mark.engine, pytest.mark.last]


def test_every_grant_is_used_and_every_use_is_granted(stack: Stack) -> None:
    compared = grants.compare(stack)
    assert not compared.unused, "granted and not used:\n" + "\n".join(map(str, compared.unused))
    assert not compared.ungranted, "used and not granted:\n" + "\n".join(map(str, compared.ungranted))
    assert not compared.idle, f"exemptions that exempt nothing: {[one.action for one in compared.idle]}"
