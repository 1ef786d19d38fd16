"""Playbooks as YAML: what is wrong is refused with file and line."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cases.playbook import Playbook
from chalicelib.understanding.frame import FrameError
from chalicelib.understanding.marked import compose
from chalicelib.understanding.playbook_file import MAX_PLAYBOOKS, MEMBERS, PlaybookParser

GOOD = """\
roles:
  agent: {zh-CN: 客服, en: Agent}
playbooks:
  - topic: logistics
    version: 2
    title: {zh-CN: 配送, en: Delivery}
    steps:
      - {zh-CN: 一, en: One}
      - {zh-CN: 二, en: Two}
      - {zh-CN: 三, en: Three}
    standard: {zh-CN: 两小时内, en: In two hours}
    reply: {zh-CN: "{customer}您好，{offer}", en: "Dear {customer}, {offer}"}
    compensation: {limits: {agent: 20 CNY}, form: {zh-CN: 券。, en: Coupon.}}
    question: {zh-CN: 好了吗？, en: "Done?"}
"""


def read(text: str) -> tuple[Playbook, ...]:
    parser = PlaybookParser("shop.yaml", "shop", "~4")
    root = compose(text, "shop.yaml", 100_000)
    return tuple(one for _, one in parser.playbooks(root, parser.mapping(root, MEMBERS)))


def test_a_sound_file_is_read_whole() -> None:
    (one,) = read(GOOD)
    assert (one.id, one.version, one.steps[2]["en"]) == ("logistics", "shop-2~4", "Three")
    assert (one.limits[0].amount, one.limits[0].currency) == (20, "CNY")
    assert one.compensation == {"zh-CN": "客服不超过 20 元。券。", "en": "Agent up to CNY 20. Coupon."}


WRONG: list[tuple[str, str, int, str]] = [
    ("topic: logistics", "topic: logistics\n    red_line: fraud", 4, "A playbook is for a topic or for a red_line."),
    ("topic: logistics", "red_line: theft", 4, "Here stands one of safety"),
    ("version: 2", "version: 2.1", 5, "A version is a whole number from 1."),
    ("version: 2", "edition: 2", 5, "There is no member 'edition' here"),
    ("title: {zh-CN: 配送, en: Delivery}", "title: {zh-CN: 配送}", 6, "The member 'en' is missing."),
    ("title: {zh-CN: 配送", f"title: {{zh-CN: {'长' * 41}", 6, "Here stand at most 40 characters."),
    ("      - {zh-CN: 三, en: Three}\n", "", 8, "A playbook has 3 to 7 steps."),
    ("Dear {customer}, {offer}", "Dear {name}, {offer}", 12, "There is no placeholder 'name'"),
    ("Dear {customer}, {offer}", "Dear {customer}", 12, "leaves something else to be filled in"),
    ("Dear {customer}, {offer}", "Dear {customer}}, {offer}", 12, "A brace stands alone in the reply."),
    ("{agent: 20 CNY}", "{agent: none}", 12, "makes an offer although nobody may give anything."),
    ("{agent: 20 CNY}", "{boss: 20 CNY}", 13, "There is no member 'boss' here; known are agent."),
    ("{agent: 20 CNY}", "{agent: 20 元}", 13, "A limit is 'none', or an amount with its currency"),
    ("{agent: 20 CNY}", "{}", 13, "The limits name at least one role."),
    ("Done?", "Done? Sure?", 14, "The question asks one thing and ends in '?'."),
    ("Done?", "Tell us", 14, "The question asks one thing and ends in '?'."),
    ("  agent: {zh-CN: 客服", "  Agent: {zh-CN: 客服", 2, "A role is one word of a-z, 0-9 and _."),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG)
def test_what_is_wrong_is_refused_where_it_stands(old: str, new: str, line: int, message: str) -> None:
    assert old in GOOD
    with pytest.raises(FrameError) as refused:
        read(GOOD.replace(old, new, 1))
    assert (refused.value.file, refused.value.line) == ("shop.yaml", line)
    assert message in refused.value.message


def test_a_topic_has_one_playbook_and_a_file_not_too_many() -> None:
    entry = GOOD[GOOD.index("  - topic") :]
    with pytest.raises(FrameError, match=r"^shop\.yaml:15: There are two playbooks for logistics\.$"):
        read(GOOD + entry)
    with pytest.raises(FrameError, match=f"Here stand at most {MAX_PLAYBOOKS} playbooks"):
        read(GOOD + entry * MAX_PLAYBOOKS)
    with pytest.raises(FrameError, match=r"^shop\.yaml:1: The roles serve no playbook\.$"):
        read(GOOD[: GOOD.index("playbooks:")])


@settings(max_examples=60)
@given(st.data())
def test_a_mutilated_file_raises_nothing_else(data: st.DataObject) -> None:
    """One place of the document becomes something else."""
    document: Any = yaml.safe_load(GOOD)
    place: Any = document
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(st.sampled_from([None, 0, "", "x", "{", [], {}, ["x"], {"en": "x"}, "{offer}"]))
            break
        place = place[key]
    try:
        read(yaml.safe_dump(document, allow_unicode=True))
    except FrameError:
        return
