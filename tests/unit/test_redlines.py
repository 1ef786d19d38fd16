"""Red lines: what crosses one, what denies it, and what counts only in a voice that is bad on the whole."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.domain.voice.understanding import Text
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.frame_file import parse
from chalicelib.understanding.reader import Reader

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load((FIXTURES / "red_lines.yaml").read_text("utf-8"))
SUSPECTS: dict[str, list[dict[str, Any]]] = yaml.safe_load((FIXTURES / "suspects.yaml").read_text("utf-8"))
NONE, ANY = "none", "cross"


@lru_cache
def reader(pack: str) -> Reader:
    return Reader(shipped.load(pack), weights.load())


def crossed(text: str, pack: str = "ecommerce") -> set[str]:
    return set(reader(pack).read([Text(text)], explains=False).red_lines)


# ---------------------------------------------------------------- denials


@pytest.mark.parametrize(
    ("pack", "text"),
    [
        ("ecommerce", "孩子的手没有被划伤，边角圆润"),
        ("ecommerce", "充电宝用了两年没有鼓包"),
        ("catering", "吃了没有肚子疼，放心"),
        ("ecommerce", "骑手没有威胁我，别乱说"),
        ("ecommerce", "没有骑手威胁我"),
        ("hotel", "保安没有打人"),
        ("ecommerce", "脸上没有红肿，温和不刺激"),
        ("ecommerce", "牛奶喝了从来不肚子疼"),
        ("catering", "没吃到虫子"),
    ],
)
def test_a_denial_stands_before_the_term_or_before_the_phrase_that_its_neighbour_begins(pack: str, text: str) -> None:
    assert crossed(text, pack) == set()


@pytest.mark.parametrize(
    ("pack", "text", "kind"),
    [
        ("catering", "还没吃完就肚子疼了", "food_poisoning"),
        ("ecommerce", "再不处理就起诉", "legal_threat"),
        ("ecommerce", "没有起火,但是漏电", "safety"),
    ],
)
def test_what_is_denied_beside_it_denies_nothing(pack: str, text: str, kind: str) -> None:
    assert kind in crossed(text, pack)


@pytest.mark.parametrize(
    "text",
    [
        "零甲醛，不用担心甲醛超标",
        "远离中毒",
        "不易短路，不容易起火",
        "防漏电又防触电",
        "要不是保安扶着我妈就摔倒受伤了",
        "差点被骗走三千块，多亏客服提醒",
        "差点没摔伤",
        "用了一年没发现漏电",
    ],
)
def test_what_is_far_from_it_or_nearly_happened_is_denied(text: str) -> None:
    assert crossed(text) == set()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("插座差点起火", "safety"),  # a hazard all the same
        ("被逼得差点跳楼", "self_harm"),
        ("吃果冻差点窒息", "injury"),
        ("差点没命", "injury"),
        ("要不是因为漏电我就给五星了", "safety"),  # the condition is what happened
        ("赶紧退款，否则就起诉", "legal_threat"),
        ("零食里有虫子", "food_poisoning"),
        ("消防来了才知道起火", "safety"),
    ],
)
def test_a_hazard_a_threat_and_what_did_happen_are_not_denied(text: str, kind: str) -> None:
    assert kind in crossed(text)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("text", ["手机屏幕划伤了", "夹到手机了", "cut the handle in half"])
def test_a_neighbour_inside_a_longer_word_is_none(text: str) -> None:
    assert "injury" not in crossed(text)


@pytest.mark.parametrize(
    ("pack", "kinds"), [("hotel", set()), ("airline", set()), ("catering", {"food_poisoning"})], ids=str
)
def test_vermin_in_a_room_is_dirt_and_in_a_restaurant_food_safety(pack: str, kinds: set[str]) -> None:
    assert crossed("地毯很脏，有蟑螂", pack) == kinds
    assert crossed("早餐里有蟑螂", pack) == {"food_poisoning"}


# ---------------------------------------------------------------- suspects

SUSPECTED = """\
pack: tiny
version: "1"
name: {zh-CN: 小, en: Tiny}
nodes:
  - id: overall
    name: {zh-CN: 整体, en: Overall}
    department: care
    overall: true
    include: [整体]
    tests: {negative: [整体很差, 整体不好], positive: [整体很好, 整体不错], none: [你好]}
red_lines:
  - kind: injury
    name: {zh-CN: 人身伤害, en: Injury}
    department: quality
    suspect:
      - {terms: [碎了], words: [手], reach: 6}
      - {terms: [担架]}
    exclude: [手机]
    tests: {hit: [a, b, c], none: [d, e]}
"""
TINY = Reader(parse(SUSPECTED, "tiny.yaml"))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("太差了，杯子碎了，我的手", ("injury",)),  # across commas
        ("太差了，担架", ("injury",)),
        ("很好，杯子碎了，我的手", ()),  # a good voice
        ("担架", ()),  # neither good nor bad
        ("太差了，杯子碎了。手", ()),  # not across sentences
        ("太差了，杯子碎了。但是手", ()),
        ("太差了，碎了一地都是，我的手", ()),  # out of reach
        ("太差了，杯子碎了，手机", ()),
        ("太差了，手没碎了", ()),
    ],
)
def test_suspects_count_in_a_voice_that_is_bad_on_the_whole(text: str, kinds: tuple[str, ...]) -> None:
    assert TINY.read([Text(text)]).red_lines == kinds


@pytest.mark.parametrize(
    ("pack", "text"),
    [
        ("ecommerce", "太差了，柜门掉下来，孩子的衣服没法放"),  # nobody is harmed
        ("ecommerce", "给宝宝买的，箱子被砸扁了，太差"),  # a thing is
        ("hotel", "早餐难吃，窗户玻璃还破着洞，太差"),  # nobody found it there
        ("catering", "医院楼下这家店，吃的又贵又难吃"),  # nobody says what was eaten
    ],
)
def test_a_suspicion_rests_on_no_word_beyond_a_comma_that_speaks_of_something_else(pack: str, text: str) -> None:
    assert crossed(text, pack) == set()


@pytest.mark.parametrize(
    ("pack", "text", "kind"),
    [
        ("airline", "餐车撞过来，膝盖青了一块，太差", "injury"),
        ("ecommerce", "孩子坐上去，车轮掉了，摔得满身青，差评", "injury"),
        ("retail", "面包刚撕开，中间一根头绳，恶心死了", "food_poisoning"),
        ("catering", "全家跑厕所，昨天吃了你家的凉菜，太差", "food_poisoning"),
        ("airline", "膝盖被餐车撞了，头也不回，太差", "injury"),  # the head is nearer, and elsewhere
        ("hotel", "床头板掉下来，正中我鼻梁，太差", "injury"),  # a part of the body needs no word of harm
        ("ecommerce", "货架掉下来，儿子的胳膊变形了，太可怕", "injury"),
        ("hotel", "柜子砸下来，孩子送去抢救了，酒店没人管", "injury"),
        ("catering", "面包一掰开，三只蟑螂，恶心死了", "food_poisoning"),
        ("retail", "果盒打开，蟑螂腿，恶心，差评", "food_poisoning"),
        ("retail", "熟食买回来，苍蝇尸体，太差了", "food_poisoning"),
    ],
)
def test_a_suspicion_rests_on_words_beyond_a_comma_that_go_on_with_it(pack: str, text: str, kind: str) -> None:
    assert kind in crossed(text, pack)


def test_a_suspicion_of_one_text_counts_where_the_whole_voice_is_bad() -> None:
    read = TINY.read([Text("担架"), Text("太差了，差评")])
    assert (read.red_lines, read.departments, read.intent) == (("injury",), ("quality", "care"), "complaint")
    assert TINY.read([Text("担架", speaker="staff"), Text("太差了，差评")]).red_lines == ()


def test_suspects_are_looked_at_in_linear_time() -> None:
    """Every term looks at the neighbours within its reach, however many there are: counted, not timed."""
    table = TINY._lexicon.red_lines._suspects
    looked: Counter[int] = Counter()

    class Counted(str):
        __slots__ = ()

        def __hash__(self) -> int:
            looked[0] += 1
            return str.__hash__(self)

    counts = []
    for size in (200, 400):
        sight = TINY._lexicon.look("太差了手碎了" * size)
        words = table._neighbours
        table._neighbours = tuple(Counted(word) for word in words)
        looked.clear()
        assert TINY._lexicon.suspected(sight) == {"injury"}
        counts.append(looked[0])
        table._neighbours = words
    assert 0 < counts[1] <= 2.1 * counts[0]


# ---------------------------------------------------------------- how much is found


def judged(sentences: dict[str, list[dict[str, Any]]], *, unseen: bool) -> Counter[str]:
    """How many sentences must cross a line and do, and how many must not and do."""
    count: Counter[str] = Counter()
    for kind, cases in sentences.items():
        for case in cases:
            if unseen and not case.get("unseen"):
                continue
            got = crossed(case["text"], case["pack"])
            right = not got if kind == NONE else kind in got or (kind == ANY and bool(got))
            side = "false" if kind == NONE else "found"
            count[side] += right is (kind != NONE)
            count[f"{side} of"] += 1
            count["changed"] += right is bool(case.get("missed"))
    return count


def test_what_must_be_found_is_found_and_what_must_not_is_not() -> None:
    """A floor: it may be raised, and a sentence that changes sides changes its ``missed``."""
    known = judged(CASES, unseen=False)
    assert known["found"] >= 0.84 * known["found of"] >= 84, known
    assert known["false"] <= 0.07 * known["false of"], known
    assert known["changed"] == 0, known


def test_what_stands_beyond_a_comma_is_mostly_told_apart() -> None:
    """A floor as above. Of the unseen ones 40 of 42 were found, and 33 of 41 false, when every neighbour counted."""
    known, fresh = judged(SUSPECTS, unseen=False), judged(SUSPECTS, unseen=True)
    assert known["found"] >= 98, known
    assert known["false"] <= 7, known
    assert known["changed"] == 0, known
    assert (fresh["found"], fresh["false"]) == (37, 5), fresh


def test_the_readme_says_how_much_of_what_was_never_looked_at_is_found() -> None:
    fresh = judged(CASES, unseen=True)
    assert fresh["found"] >= 14, fresh
    assert fresh["false"] == 0, fresh
    readme = (ROOT / "README.md").read_text("utf-8")
    told = re.search(r"\*\*red lines\*\*.*?(\d+) of (\d+).*?(\d+) of (\d+)", readme, re.S)
    assert told, "the README has no figures of red lines"
    assert [int(one) for one in told.groups()] == [fresh[one] for one in ("found", "found of", "false", "false of")]
