"""Strict JSON: a value, or one of our errors; never anything else."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.text.strict_json import MAX_BYTES, MAX_DEPTH, decode
from chalicelib.errors import Malformed, Rejected, TooLarge

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**37), 10**37)
    | st.floats(-1e99, 1e99).map(lambda x: x or 0.0)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
).filter(lambda value: not _tiny(value))


def _tiny(value: Any) -> bool:
    """Floats beyond what we keep: refused on purpose, see the range test."""
    if isinstance(value, float):
        return 0 < abs(value) < 1e-99
    if isinstance(value, list):
        return any(_tiny(entry) for entry in value)
    return isinstance(value, dict) and any(_tiny(entry) for entry in value.values())


@given(values)
def test_what_json_wrote_comes_back(value: Any) -> None:
    assert decode(json.dumps(value).encode()) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_our_error(raw: bytes) -> None:
    with contextlib.suppress(Malformed, TooLarge):
        decode(raw)


@given(st.text(alphabet='[]{}",:\\u0e-1.tn \x00', max_size=120))
def test_nearly_json_is_a_value_or_our_error(text: str) -> None:
    try:
        value = decode(text.encode())
    except Malformed:
        return
    json.dumps(value, default=str)


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b"", "malformed_json", "not JSON"),
        (b" \r\n\t", "malformed_json", "not JSON"),
        (b"{'a':1}", "malformed_json", "not JSON"),
        (b'{"a":1}{"a":1}', "malformed_json", "not JSON"),
        (b'{"a":1}\x00', "malformed_json", "not JSON"),
        (b'\x00{"a":1}', "malformed_json", "not JSON"),
        (b'"a\tb"', "malformed_json", "not JSON"),
        (b'"\\x41"', "malformed_json", "not JSON"),
        (b"[NaN]", "malformed_json", "NaN and Infinity"),
        (b"[-Infinity]", "malformed_json", "NaN and Infinity"),
        (b"[01]", "malformed_json", "not JSON"),
        ("[１]".encode(), "malformed_json", "not JSON"),
        (b"\xef\xbb\xbf{}", "invalid_encoding", "UTF-8"),
        ('{"a":1}'.encode("utf-16"), "invalid_encoding", "UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "invalid_encoding", "UTF-8"),
        ('{"a":1}'.encode("utf-16-be"), "invalid_encoding", "UTF-8"),
        ('{"a":1}'.encode("utf-32-be"), "invalid_encoding", "UTF-8"),
        (b'"\xc0\xaf"', "invalid_encoding", "UTF-8"),
        (b'"\xed\xa0\x80"', "invalid_encoding", "UTF-8"),
        (b'{"a":1,"b":{"c":1,"c":2}}', "duplicate_key", "twice"),
        (b'{"a":1,"\\u0061":2}', "duplicate_key", "twice"),
        (b"[1e999]", "number_out_of_range", "too large"),
        (b"[1e-400]", "number_out_of_range", "too small"),
        (b"[1e99999999999999999999]", "number_out_of_range", "too large"),
        (b"[" + b"9" * 39 + b"]", "number_out_of_range", "too long"),
        (b"[0." + b"1" * 39 + b"]", "number_out_of_range", "too long"),
        (b"[" * 33 + b"]" * 33, "json_too_deep", "32 levels"),
        (b"[" * 100_000, "json_too_deep", "32 levels"),
        (b'{"a":' * 50_000, "json_too_deep", "32 levels"),
    ],
)
def test_what_is_refused_is_refused_by_its_code(raw: bytes, code: str, says: str) -> None:
    with pytest.raises(Malformed, match=says) as refused:
        decode(raw)
    assert refused.value.code == code


def test_depth_is_counted_outside_of_strings() -> None:
    text = "[{" * 60 + '\\"'
    assert decode(json.dumps([text]).encode()) == [text]
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert decode(deepest)


def test_size_is_checked_first_and_the_limit_itself_is_fine() -> None:
    assert decode(b'"' + b"a" * (MAX_BYTES - 2) + b'"')
    with pytest.raises(TooLarge, match="262144 bytes") as refused:
        decode(b'"' + b"a" * (MAX_BYTES - 1) + b'"')
    assert (refused.value.code, refused.value.status) == ("payload_too_large", 413)


def test_a_runaway_nesting_is_named_even_when_it_is_too_large_as_well() -> None:
    with pytest.raises(Malformed) as refused:
        decode(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    assert refused.value.code == "json_too_deep"


@pytest.mark.parametrize(
    ("text", "value"), [("3.0", 3.0), ("1e2", 100.0), ("-0.0", 0.0), ("0e9999", 0.0), ("0.1", 0.1)]
)
def test_plain_fractions_are_floats(text: str, value: float) -> None:
    found = decode(text.encode())
    assert found == value
    assert isinstance(found, float)


def test_a_fraction_that_no_float_holds_keeps_its_spelling() -> None:
    assert decode(b"3.0000000000000000001") == Decimal("3.0000000000000000001")


def test_a_lone_surrogate_is_decoded_for_its_field_to_judge() -> None:
    assert decode(b'"\\ud800"') == "\ud800"


@given(st.text(max_size=50))
def test_no_message_repeats_the_input(text: str) -> None:
    canary = "CANARY" + text
    with pytest.raises(Rejected) as refused:
        decode(b"{" + json.dumps(canary).encode() + b":01}")
    assert "CANARY" not in str(refused.value)
    assert refused.value.__cause__ is None
