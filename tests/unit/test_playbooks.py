"""The playbooks that ship, and what a workspace's overlay makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.domain.cases.playbook import LANGUAGES, PLACEHOLDERS, RED_LINE, Playbook
from chalicelib.understanding import shipped
from chalicelib.understanding.compose import compose
from chalicelib.understanding.frame import FrameError
from chalicelib.understanding.frame_file import RED_LINE_KINDS
from chalicelib.understanding.playbooks import dump, load, of_frame, undump
from infra.model import packs

PACKS = shipped.packs()
HAN = re.compile("[\u4e00-\u9fff]")
HOLE = re.compile(r"\{([a-z_]+)\}")
# What a reply never says: whose fault it is in law, and what nobody can promise.
NEVER = re.compile(
    r"我们的责任|我方责任|全责|承担法律|赔偿一切|保证|一定会|违法|过错"
    r"|\bliab|our fault|our responsibility|we are responsible|guarantee|negligen|illegal|we promise",
    re.IGNORECASE,
)
SUM = re.compile(r"\d\s*(元|%|折|积分|里程)|[¥￥$]\s*\d|CNY|\d\s*(points|miles)", re.IGNORECASE)
MEASURE = re.compile(r"\d+\s*(分钟|小时|天|日|个工作日|桌|人)|\b\d+\b")
OVERLAY = """\
nodes:
  - id: logistics.cold_chain
    name: {zh-CN: 冷链, en: Cold chain}
    negative: [冰袋全化了]
    tests: {negative: [冰袋全化了, 收到时冰袋全化了, 打开冰袋全化了], positive: [POSITIVE], none: [包裹破损]}
roles:
  agent: {zh-CN: 客服, en: Agent}
playbooks:
"""
ENTRY = """\
  - topic: TOPIC
    version: 3
    title: {zh-CN: 冷链, en: Cold chain}
    steps: [{zh-CN: 一, en: One}, {zh-CN: 二, en: Two}, {zh-CN: 三, en: Three}]
    standard: {zh-CN: 1 小时内, en: In 1 hour}
    reply: {zh-CN: 您好, en: Hello}
    compensation: {limits: {agent: none}}
    question: {zh-CN: 好了吗？, en: "Done?"}
"""
ROLES = "roles: {agent: {zh-CN: 客服, en: Agent}}\nplaybooks:\n"


def texts(one: Playbook) -> Iterator[dict[str, str]]:
    for text in (one.title, *one.steps, one.standard, one.reply, one.compensation, one.question):
        yield dict(text)
    yield from (dict(limit.names) for limit in one.limits)


def own(pack: str) -> list[Playbook]:
    return [one for one in load(pack) if not one.id.startswith(RED_LINE)]


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_has_ten_to_fifteen_for_topics_that_it_has(pack: str) -> None:
    ids = [one.id for one in own(pack)]
    assert 10 <= len(ids) <= 15
    assert set(ids) <= set(shipped.load(pack).by_id)
    assert {one.id for one in load(pack)} - set(ids) == {RED_LINE + kind for kind in RED_LINE_KINDS}


@pytest.mark.parametrize("pack", PACKS)
def test_both_languages_are_whole(pack: str) -> None:
    for one in load(pack):
        for text in texts(one):
            assert set(text) == set(LANGUAGES), one.id
            assert HAN.search(text["zh-CN"]), (one.id, text)
            assert not HAN.search(text["en"]), (one.id, text)


@pytest.mark.parametrize("pack", PACKS)
def test_a_reply_admits_no_liability_and_names_no_sum(pack: str) -> None:
    for one in load(pack):
        for lang in LANGUAGES:
            reply = one.reply[lang]
            assert not NEVER.search(reply), (one.id, reply)
            assert not SUM.search(reply), (one.id, reply)
            assert set(HOLE.findall(reply)) <= set(PLACEHOLDERS)
            assert "{customer}" in reply
            assert ("{offer}" in reply) <= any(limit.amount for limit in one.limits)


@pytest.mark.parametrize("pack", PACKS)
def test_standards_are_measurable_limits_grow_and_versions_name_their_pack(pack: str) -> None:
    for one in load(pack):
        assert all(MEASURE.search(one.standard[lang]) for lang in LANGUAGES), one.id
        amounts = [limit.amount for limit in one.limits]
        assert amounts == sorted(amounts), one.id
        assert len({limit.currency for limit in one.limits if limit.amount}) <= 1, one.id
        series = "common" if one.id.startswith(RED_LINE) else pack
        assert re.fullmatch(rf"{series}-[1-9]\d*", one.version), one.id


@pytest.mark.parametrize("pack", PACKS)
def test_nobody_pays_on_site_when_a_red_line_is_crossed(pack: str) -> None:
    assert not any(limit.amount for one in load(pack) if one.id.startswith(RED_LINE) for limit in one.limits)


def test_what_is_compiled_is_what_is_loaded() -> None:
    assert undump(dump(load("hotel"))) == load("hotel")
    assert load("no_such_pack") == ()
    with pytest.raises((ValueError, TypeError)):
        undump(b'[["a"]]\n')


def test_the_first_of_several_packs_says_what_to_do() -> None:
    both = of_frame(compose([shipped.load("catering"), shipped.load("retail")]))
    assert both.by_id["product.freshness"].version == "catering-1"
    assert both.by_id["store.queue"].version == "retail-1"


def test_an_overlay_adds_replaces_and_retires() -> None:
    base = shipped.load("ecommerce")
    overlay = ROLES + ENTRY.replace("TOPIC", "logistics.speed") + ENTRY.replace("topic: TOPIC", "red_line: fraud")
    now = of_frame(compose([base], overlay, 7))
    assert (now.by_id["logistics.speed"].version, now.by_id["red_line:fraud"].version) == ("own-3~7", "own-3~7")
    assert now.by_id["logistics"] == of_frame(base).by_id["logistics"]
    retired = of_frame(compose([base], "retire: [logistics.damage]", 8))
    assert "logistics.damage" in of_frame(base).by_id
    assert "logistics.damage" not in retired.by_id


def test_an_overlay_may_say_what_to_do_about_its_own_topics() -> None:
    overlay = OVERLAY.replace("[POSITIVE]", "[冷链很棒]") + ENTRY.replace("TOPIC", "logistics.cold_chain")
    found = of_frame(compose([shipped.load()], overlay, 7)).of_topic("logistics.cold_chain")
    assert found is not None
    assert found.version == "own-3~7"


def test_a_playbook_for_a_topic_that_is_not_there_is_refused_or_left_out() -> None:
    overlay = ROLES + ENTRY.replace("TOPIC", "gone.topic")
    with pytest.raises(FrameError, match=r"^overlay:3: The topic 'gone\.topic' is unknown\.$"):
        compose([shipped.load()], overlay, 1)
    assert compose([shipped.load()], overlay, 1, strict=False).playbooks == ()
    retired = f"retire: [logistics.speed]\n{ROLES}{ENTRY.replace('TOPIC', 'logistics.speed')}"
    with pytest.raises(FrameError, match=r"^overlay:4: The topic 'logistics\.speed' is retired here\.$"):
        compose([shipped.load()], retired, 1)


def test_a_changed_text_under_a_version_that_is_compiled_is_refused_with_file_and_line(tmp_path: Path) -> None:
    folder, out = tmp_path / "packs", tmp_path / "packs" / "compiled"
    (folder / "playbooks").mkdir(parents=True)
    for name in ("airline.yaml", "red_lines.yaml", "playbooks/airline.yaml", "playbooks/red_lines.yaml"):
        (folder / name).write_bytes((packs.SOURCES / name).read_bytes())
    file = folder / "playbooks" / "airline.yaml"
    text = file.read_text("utf-8")
    packs.compile_all(folder, out)
    packs.compile_all(folder, out)  # the same again is no change
    before = (out / "playbooks" / "airline.json").read_bytes()

    file.write_text(text.replace("en: Booking and changes", "en: Bookings", 1), "utf-8")
    refusal = "airline.yaml:9: Version 1 is compiled with other texts: raise it to 2."
    with pytest.raises(FrameError, match=f"^{re.escape(refusal)}$"):
        packs.compile_all(folder, out)
    assert packs.main([str(file)]) == 1
    assert (out / "playbooks" / "airline.json").read_bytes() == before

    file.write_text(file.read_text("utf-8").replace("version: 1", "version: 2", 1), "utf-8")
    packs.compile_all(folder, out)
    assert b"airline-2" in (out / "playbooks" / "airline.json").read_bytes()
    file.write_text(text, "utf-8")
    with pytest.raises(FrameError, match="Version 2 is compiled with other texts: raise it to 3"):
        packs.compile_all(folder, out)
