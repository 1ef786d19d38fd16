"""Settings and credentials as adapters declare them: what is taken, and what the refusal names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.domain.workspaces import fields
from chalicelib.domain.workspaces.fields import Field, check_credentials, check_settings
from chalicelib.errors import Invalid

KNOWN = (
    Field("plain", longest=5),
    Field("needed", required=True),
    Field("pick", "choice", choices=("a", "b")),
    Field("count", "number", least=1, most=9),
    Field("on", "flag"),
    Field("names", "list", longest=2),
    Field("places", "map", longest=4),
    *fields.ENDPOINT_FIELDS[3:4],
    *fields.POLL_FIELDS,
)


def settings(**changes: Any) -> dict[str, Any]:
    return {"needed": "x", **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"plain": "中文 ok"[:5], "pick": "b", "count": 1, "on": False, "names": [], "places": {}},
        {"count": 9.0, "names": ["a", "b"], "places": {"标题": "{title}\n{words}", "n": 3, "on": True, "l": ["x"]}},
        {"places": {"empty": ""}},
        {"plain": None, "count": None},
        {"time_zone": "Asia/Shanghai", "poll_minutes": 0, "poll_since": "2026-01-01T00:00:00+08:00"},
        {"poll_minutes": 5},
    ],
)
def test_what_fits_is_taken(changes: dict[str, Any]) -> None:
    check_settings(settings(**changes), KNOWN)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("plain", "", "1 to 5 characters"),
        ("plain", "abcdef", "1 to 5 characters"),
        ("plain", "a\x00", "1 to 5 characters"),
        ("plain", "a\r\n", "1 to 5 characters"),
        ("plain", "\ud800", "1 to 5 characters"),
        ("plain", 5, "1 to 5 characters"),
        ("needed", None, "This is needed"),
        ("pick", "c", "One of a, b"),
        ("pick", ["a"], "One of a, b"),
        ("count", 0, "At least 1"),
        ("count", 10, "At most 9"),
        ("count", True, "A number"),
        ("count", "3", "A number"),
        ("count", float("nan"), "A number"),
        ("count", float("inf"), "A number"),
        ("on", 1, "True or false"),
        ("on", "true", "True or false"),
        ("names", ["a", "b", "c"], "at most 2 texts"),
        ("names", "a", "at most 2 texts"),
        ("names", [1], "at most 2 texts"),
        ("places", [], "at most 4 names"),
        ("places", dict.fromkeys("abcde", 1), "at most 4 names"),
        ("places", {"": 1}, "1 to 100 characters"),
        ("places", {"a": None}, "A name stands for"),
        ("places", {"a": {"b": 1}}, "A name stands for"),
        ("places", {"a": [["b"]]}, "A name stands for"),
        ("places", {"a": "x" * 2_001}, "A name stands for"),
        ("places", {"a": float("nan")}, "A name stands for"),
        ("time_zone", "Shanghai", "IANA"),
        ("time_zone", "../../etc/passwd", "IANA"),
        ("time_zone", "/etc/localtime", "IANA"),
        ("time_zone", "Asia", "IANA"),
        ("poll_minutes", 4, "at least 5"),
        ("poll_minutes", -1, "At least 0"),
        ("poll_since", "2026-01-01", "RFC 3339"),
        ("poll_since", "yesterday", "RFC 3339"),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refusal:
        check_settings(settings(**{name: value}), KNOWN)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", f"/settings/{name}")


def test_a_name_that_there_is_not_is_not_repeated() -> None:
    with pytest.raises(Invalid, match="Known: plain, needed") as refusal:
        check_settings(settings(CANARY=1), KNOWN)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings")
    assert "CANARY" not in refusal.value.message


def test_no_fields_take_no_settings() -> None:
    check_settings({}, ())
    with pytest.raises(Invalid, match="Known: none") as refusal:
        check_settings({"x": 1}, ())
    assert refusal.value.pointer == "/settings"


def test_all_settings_together_have_a_limit() -> None:
    many = tuple(Field(f"t{number}", longest=2_000) for number in range(9))
    with pytest.raises(Invalid, match="16 KB") as refusal:
        check_settings({field.name: "x" * 2_000 for field in many}, many)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings")


def test_a_credential_is_refused_without_being_repeated() -> None:
    known = (Field("api_key", required=True, longest=8),)
    check_credentials({"api_key": "CANARY"}, known)
    for wrong, pointer in (({}, "/api_key"), ({"api_key": "CANARY-too-long"}, "/api_key"), ({"CANARY": "x"}, "")):
        with pytest.raises(Invalid) as refusal:
            check_credentials(wrong, known)
        assert (refusal.value.code, refusal.value.pointer) == ("credentials_invalid", f"/credentials{pointer}")
        assert "CANARY" not in refusal.value.message


@given(
    st.dictionaries(
        st.sampled_from([field.name for field in KNOWN]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
@hypothesis_settings(max_examples=40)
def test_whatever_is_given_is_taken_or_refused_with_its_place(given_: dict[str, Any]) -> None:
    refusal = None
    try:
        check_settings(given_, KNOWN)
    except Invalid as error:
        refusal = error
    if refusal is not None:
        assert refusal.code == "settings_invalid"
        assert (refusal.pointer or "").startswith("/settings")


@pytest.mark.parametrize("text", ["CANARY\n", " CANARY", "CANARY\t", "CAN\nARY", "CANARY\u00a0"])
def test_a_credential_that_was_pasted_with_its_surroundings_is_refused(text: str) -> None:
    """It would open nothing, or break the header field that it stands in."""
    with pytest.raises(Invalid, match="One line") as refusal:
        check_credentials({"api_key": text}, (Field("api_key"),))
    assert (refusal.value.code, refusal.value.pointer) == ("credentials_invalid", "/credentials/api_key")
    assert "CANARY" not in str(refusal.value)
    check_credentials({"api_key": "CANARY of two words"}, (Field("api_key"),))


@pytest.mark.parametrize(("kind", "empty"), [("list", []), ("map", {})])
def test_what_is_needed_may_not_be_empty(kind: str, empty: Any) -> None:
    """A message to nobody, a form without a field: the vendor would refuse every delivery."""
    with pytest.raises(Invalid, match="needed") as refusal:
        check_settings({"people": empty}, (Field("people", kind, required=True),))
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/people")
    check_settings({"people": empty}, (Field("people", kind),))
