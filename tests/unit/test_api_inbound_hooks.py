"""What is told of hooks is what they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders_admin import OURS, Office, composed, told_of

HOOK = "/v1/hooks/{connection}/{token}"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def test_a_hook_that_no_platform_tries_out_says_so(office: Office) -> None:
    office.connection()
    told = told_of()["paths"][HOOK]
    for method in ("get", "head"):
        answer = office.call(method.upper(), HOOK, path={"connection": f"cn_{OURS}", "token": "x"}, key="")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert set(told[method]["responses"]) == {"200", "405", "503"}
