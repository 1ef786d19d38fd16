"""A workspace's frame and reader from its state."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Conflict, Invalid
from chalicelib.understanding import shipped
from chalicelib.understanding.book import MOST_FAILURES, FrameBook
from chalicelib.understanding.delta import Delta
from tests.builders import WORKSPACE

OVERLAY = """\
nodes:
  - id: logistics.cold_chain
    name: {zh-CN: 冷链, en: Cold chain}
    negative: [冰袋全化了]
    positive: [冰袋还冻着]
    tests:
      negative: [冰袋全化了, 收到时冰袋全化了]
      positive: [冰袋还冻着, 到手冰袋还冻着]
      none: [包裹破损]
"""


def book(**deltas: Any) -> FrameBook:
    return FrameBook(lambda: None, lambda workspace, number: deltas.get(f"{workspace}{number}"))


def state(**changes: Any) -> FrameState:
    return FrameState(**{"workspace": WORKSPACE, "number": 3, "overlay": OVERLAY, **changes})


def test_workspaces_with_nothing_of_their_own_share_one_reader() -> None:
    one = book()
    assert one.reader(FrameState("a")) is one.reader(FrameState("b", number=4))
    assert one.reader(FrameState("a")) is not one.reader(FrameState("a", packs=("catering",)))


def test_an_overlay_is_its_workspaces_alone_and_names_its_number() -> None:
    one = book()
    mine = one.reader(state())
    assert mine is one.reader(state())
    assert mine is not one.reader(state(workspace="globex"))
    assert mine.frame.version == f"{shipped.load().version}~3"
    (tag,) = mine.read([Text("冰袋全化了")]).tags
    assert (tag.topic, tag.version) == ("logistics.cold_chain", mine.frame.version)


def test_a_reader_without_the_delta_that_it_should_have_is_not_kept() -> None:
    learned: dict[int, Any] = {}
    one = FrameBook(lambda: None, lambda workspace, number: learned.get(number))
    before = one.reader(state(delta=3))
    assert before.read([Text("冰袋全化了")]).tags
    assert before is not one.reader(state(delta=3))
    with pytest.raises(Conflict) as told:
        one.reader(state(delta=3), whole=True)
    assert told.value.code == "effect_pending"
    learned[3] = Delta({}, {})
    after = one.reader(state(delta=3), whole=True)
    assert after is one.reader(state(delta=3))


def test_the_version_changes_with_everything_that_decides_how_words_are_read() -> None:
    one = book()
    versions = {one.version(state(**change)) for change in ({}, {"number": 4}, {"packs": ("catering",)}, {"delta": 2})}
    assert len(versions) == 4


def test_an_overlay_that_a_newer_pack_leaves_no_room_for_goes_on_without_what_does_not_fit() -> None:
    extended = "extend: [{id: logistics.gone, negative: [冰袋全化了]}]\nretire: [promotion]"
    frame = book().frame(state(overlay=extended))
    assert "promotion" not in frame.by_id
    with pytest.raises(Invalid) as refused:
        book().check(state(overlay=extended))
    assert (refused.value.code, refused.value.pointer) == ("frame_invalid", "/overlay")
    assert refused.value.message.startswith("Line 1: ")


def test_every_sentence_that_fails_is_named_up_to_a_few() -> None:
    wrong = ", ".join(f"冰袋全化了{number}" for number in range(MOST_FAILURES + 2))
    with pytest.raises(Invalid) as refused:
        book().check(state(overlay=OVERLAY.replace("none: [包裹破损]", f"none: [{wrong}]")))
    assert refused.value.message.startswith("Line 9: sentence 5 expects none, gives negative.")
    assert refused.value.message.endswith("2 more fail.")


def test_a_pack_that_does_not_ship_is_refused_by_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        book().check(state(packs=("ecommerce", "astrology")))
    assert (refused.value.code, refused.value.pointer) == ("unknown_pack", "/packs/1")
