"""What people read in place of an id."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.understanding import called
from chalicelib.understanding.frame import FrameError
from infra.model import packs


@pytest.mark.parametrize(
    ("lang", "department", "touchpoint"), [("zh-CN", "售后部", "售后"), ("en", "After-sales", "After-sales")]
)
def test_a_known_id_has_a_name_in_both_languages(lang: str, department: str, touchpoint: str) -> None:
    assert called.department("after_sales", lang) == department
    assert called.touchpoint("after_sales", lang) == touchpoint


@pytest.mark.parametrize(
    ("own", "shown"), [("night_shift_team", "night shift team"), ("物流部", "物流部"), ("a__b_", "a b")]
)
def test_an_id_of_a_workspace_is_made_readable(own: str, shown: str) -> None:
    assert called.department(own, "zh-CN") == called.touchpoint(own, "en") == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("departments: {a: {zh-CN: 甲, en: A}}", "departments and touchpoints"),
        ("departments: {a: {zh-CN: 甲}}\ntouchpoints: {}", "a of departments needs a name in zh-CN, en."),
        ("departments: {}\ntouchpoints: {b: {zh-CN: 乙, en: ''}}", "b of touchpoints needs a name in zh-CN, en."),
        ("[]", "departments and touchpoints"),
    ],
)
def test_a_file_that_lacks_a_name_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(FrameError, match=said):
        packs.read_names(path)
