"""Opaque cursors: what comes back is what was put in, or a 422."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.storage import cursor, keys
from chalicelib.storage.cases.cases import CaseStore
from chalicelib.storage.cases.lots import LotStore
from chalicelib.storage.workspaces.organisations import OrganisationStore

_VALUES = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20), st.integers(-(2**53), 2**53)
)


@given(st.text(max_size=40), st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), _VALUES, max_size=3))
def test_a_position_survives_the_way_out_and_back(scope: str, key: dict[str, str | int]) -> None:
    assert cursor.decode(scope, cursor.encode(scope, key)) == key


def test_a_cursor_of_another_list_is_refused() -> None:
    _refused("tickets acme", cursor.encode("tickets other", {"at": "x"}))


def test_the_scope_cannot_be_read_from_the_cursor() -> None:
    text = cursor.encode("tickets secret-workspace", {"at": "x"})
    assert b"secret-workspace" not in base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    "key",
    [
        {"at": ""},
        {"at": None},
        {"at": 1.5},
        {"at": True},
        {"at": 2**60},
        {"at": ["x"]},
        {"at": "\ud800"},
        [],
        "x",
        None,
    ],
)
def test_a_position_with_another_shape_is_refused(key: object) -> None:
    mark = json.loads(base64.urlsafe_b64decode(cursor.encode("list", {}) + "=="))["s"]
    text = base64.urlsafe_b64encode(json.dumps({"s": mark, "k": key}).encode()).decode().rstrip("=")
    _refused("list", text)


@pytest.mark.parametrize("text", ["", "=", "a b", "é", "A" * 1025, "W1tb", "bnVsbA", "W10", "_____w", "eyJzIjoxfQ"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    _refused("list", text)


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    _refused("list", text)


def test_deep_nesting_is_refused() -> None:
    _refused("list", base64.urlsafe_b64encode(b"[" * 700).decode().rstrip("="))


def _refused(scope: str, text: str) -> None:
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        cursor.decode(scope, text)
    assert (refusal.value.code, refusal.value.pointer) == ("invalid_cursor", "/cursor")


@pytest.mark.parametrize("at", ["~~", "nt_1~", "x" * 65, 7])
def test_a_made_up_note_to_go_on_after_never_reaches_the_table(at: str | int) -> None:
    scope = f"notes\n{keys.ticket_note('ours', 'tk_1', '')[0]}"
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        CaseStore().notes("ours", "tk_1", cursor=cursor.encode(scope, {"at": at}))
    assert refusal.value.code == "invalid_cursor"


@pytest.mark.parametrize("before", [1, -5, 10**9, "3"])
def test_a_made_up_version_to_go_on_before_never_reaches_the_table(before: str | int) -> None:
    made = cursor.encode("organisations\nours", {"before": before})
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        OrganisationStore(None).history("ours", limit=1, cursor=made)  # type: ignore[arg-type]
    assert refusal.value.code == "invalid_cursor"


@pytest.mark.parametrize(
    "made", [{"at": 7, "n": 1}, {"at": "a#tk_1", "n": "1"}, {"at": "a#tk_1", "n": -1}, {"at": "a"}]
)
def test_a_made_up_place_in_a_months_audit_never_reaches_the_table(made: dict[str, str | int]) -> None:
    forged = cursor.encode("audit\nours\n2026-11\n", made)
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        LotStore().page("ours", "2026-11", most=5, unit=None, limit=1, cursor=forged)
    assert refusal.value.code == "invalid_cursor"
