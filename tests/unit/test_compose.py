"""Packs and an overlay become one frame, and whatever an overlay says wrong is refused with its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding.compose import Failure, compose, failures
from chalicelib.understanding.frame import Frame, FrameError, Node
from chalicelib.understanding.frame_file import parse
from chalicelib.understanding.reader import Reader

TESTS = "tests: {negative: [a, b], positive: [c], none: [d, e]}"


def pack(name: str, nodes: str, *, version: str = "1") -> Frame:
    """A pack with these nodes; "TESTS" stands for a leaf's sentences."""
    text = f'pack: {name}\nversion: "{version}"\nname: {{zh-CN: {name}中, en: {name}}}\nnodes:\n{nodes}'
    return parse(text.replace("TESTS", TESTS), f"{name}.yaml")


SHOP = pack(
    "shop",
    """\
  - id: logistics
    name: {zh-CN: 物流, en: Logistics}
    department: logistics
    stage: delivery
    need: pain
    children:
      - id: logistics.speed
        name: {zh-CN: 时效, en: Speed}
        include: [配送时间]
        negative: [迟迟不到]
        near: [{terms: [慢], words: [物流], polarity: negative}]
        TESTS
      - id: logistics.courier
        name: {zh-CN: 骑手, en: Courier}
        department: riders
        include: [骑手]
        exclude: [骑手服]
        TESTS
  - id: overall
    name: {zh-CN: 整体, en: Overall}
    department: care
    overall: true
    include: [整体]
    TESTS
""",
)
FOOD = pack(
    "food",
    """\
  - id: dish
    name: {zh-CN: 菜, en: Dish}
    department: kitchen
    include: [菜, 整体]
    TESTS
  - id: logistics
    name: {zh-CN: 外送, en: Courier delivery}
    department: riders
    include: [外送]
    children:
      - id: logistics.speed
        name: {zh-CN: 快慢, en: How fast}
        negative: [迟迟不到, 骑手, 饭都凉了]
        exclude: [凉拌]
        TESTS
      - id: logistics.warmth
        name: {zh-CN: 温度, en: Warmth}
        include: [保温]
        TESTS
""",
)
HOTEL = pack(
    "hotel",
    """\
  - id: room
    name: {zh-CN: 房间, en: Room}
    department: housekeeping
    include: [房间, 菜]
    TESTS
""",
)
PACKS = (SHOP, FOOD, HOTEL)

OVERLAY = """\
nodes:
  - id: logistics.cold
    name: {zh-CN: 冷链, en: Cold chain}
    include: [冰袋, 骑手]
    tests: {negative: [冰袋太差, 冰袋很烂], positive: [冰袋很好], none: [今天晴, 衣服好看]}
extend:
  - id: logistics.speed
    name: {zh-CN: 快慢, en: Pace}
    negative: [龟速]
    tests: {negative: [龟速]}
  - id: logistics
    department: fleet
retire: [overall]
"""


def terms(node: Node) -> list[str]:
    return [term.text for term in node.terms]


# ---------------------------------------------------------------- packs


def test_equal_ids_are_one_topic_that_the_first_pack_names() -> None:
    frame = compose([SHOP, FOOD])
    speed = frame.by_id["logistics.speed"]
    assert (speed.names["en"], speed.department) == ("Speed", "logistics")
    assert terms(speed) == ["配送时间", "迟迟不到", "慢", "饭都凉了"]
    assert speed.excludes == ("凉拌",)
    assert frame.by_id["logistics.warmth"].department == "riders"


def test_a_term_that_two_topics_claim_goes_to_the_first_pack() -> None:
    frame = compose([SHOP, FOOD])
    assert terms(frame.by_id["dish"]) == ["菜"]
    assert terms(frame.by_id["overall"]) == ["整体"]
    assert "骑手" not in terms(frame.by_id["logistics.speed"])


def test_the_version_names_every_pack_and_a_family_stands_together() -> None:
    frame = compose([SHOP, FOOD])
    assert (frame.packs, frame.version) == (("shop", "food"), "shop-1+food-1")
    assert [node.id for node in frame.nodes] == [
        "logistics",
        "logistics.speed",
        "logistics.courier",
        "logistics.warmth",
        "overall",
        "dish",
    ]


def test_one_pack_stays_what_it_is_and_none_is_refused() -> None:
    assert compose([SHOP]) is SHOP
    assert compose([SHOP, SHOP], "  \n") is SHOP
    with pytest.raises(ValueError, match="A frame needs a pack"):
        compose([])


@given(st.permutations(PACKS), st.integers(1, 2))
def test_composing_is_associative(packs: Sequence[Frame], cut: int) -> None:
    whole = compose(packs)
    assert compose([compose(packs[:cut]), compose(packs[cut:])]) == whole
    assert compose([whole]) == whole


@given(st.permutations(PACKS))
def test_every_term_has_one_topic_in_any_order(packs: Sequence[Frame]) -> None:
    frame = compose(packs)
    plain = [term.text for node in frame.nodes for term in node.terms if not term.near]
    assert len(plain) == len(set(plain))
    assert set(plain) == {term.text for pack in PACKS for node in pack.nodes for term in node.terms if not term.near}
    known: set[str | None] = {None}
    for node in frame.nodes:
        assert node.parent in known
        known.add(node.id)


# ---------------------------------------------------------------- overlay


def test_an_overlay_adds_changes_and_retires() -> None:
    frame = compose([SHOP], OVERLAY, 7)
    assert frame.version == "shop-1~7"
    cold = frame.by_id["logistics.cold"]
    assert (cold.department, cold.stage, cold.need) == ("fleet", "delivery", "pain")
    speed = frame.by_id["logistics.speed"]
    assert (speed.names["en"], terms(speed)) == ("Pace", ["配送时间", "迟迟不到", "慢", "龟速"])
    assert [node.id for node in frame.retired] == ["overall"]
    assert "overall" not in frame.by_id


def test_a_changed_department_holds_below_where_it_was_the_same() -> None:
    frame = compose([SHOP], OVERLAY, 7)
    departments = {node.id: node.department for node in frame.nodes}
    assert departments["logistics"] == departments["logistics.speed"] == "fleet"
    assert departments["logistics.courier"] == "riders"
    both = compose([SHOP], "extend: [{id: logistics, need: itch}, {id: logistics.speed, need: delight}]")
    assert [both.by_id[name].need for name in ("logistics", "logistics.speed", "logistics.courier")] == [
        "itch",
        "delight",
        "itch",
    ]


def test_a_term_that_the_overlay_names_is_taken_from_the_packs() -> None:
    frame = compose([SHOP], OVERLAY)
    assert terms(frame.by_id["logistics.cold"]) == ["冰袋", "骑手"]
    assert terms(frame.by_id["logistics.courier"]) == []


def test_a_retired_topic_takes_those_below_it_along_and_keeps_its_name() -> None:
    frame = compose([SHOP], "retire: [logistics]")
    assert [node.id for node in frame.nodes] == ["overall"]
    assert frame.name("logistics.speed", "en") == "Speed"
    assert frame.name("nobody", "en") == "nobody"


@lru_cache
def reader_without(retired: frozenset[str]) -> Reader:
    """Reads with the shop's pack but for these topics, and with one of its own, so that some topic is left."""
    other = f"nodes: [{{id: other, name: {{zh-CN: 他, en: O}}, department: d, include: [它], {TESTS}}}]"
    return Reader(compose([SHOP], f"{other}\nretire: [{', '.join(sorted(retired))}]"))


@given(
    st.frozensets(st.sampled_from([node.id for node in SHOP.nodes]), min_size=1),
    st.text("物流慢迟不到骑手整体好，", max_size=20),
)
def test_a_retired_topic_never_tags(retired: frozenset[str], text: str) -> None:
    tags = reader_without(retired).read([Text(text)]).tags
    gone = {node.id for node in SHOP.nodes if any(f"{node.id}.".startswith(f"{name}.") for name in retired)}
    assert not gone & {tag.topic for tag in tags}


NODE = f"""\
nodes:
  - id: logistics.cold
    name: {{zh-CN: 冷链, en: Cold chain}}
    include: [冰袋]
    {TESTS}
"""


@pytest.mark.parametrize(
    ("overlay", "line", "message"),
    [
        ("# nothing", 1, "The file is empty"),
        ("[", 1, "This is not YAML"),
        ("a: 1\nb: [1\n", 2, "This is not YAML"),
        ("\n\nnode: []", 3, "There is no member 'node' here; known are extend, nodes, playbooks, retire, roles"),
        ("{}", 1, "An overlay says nodes, extend, retire or playbooks"),
        ("nodes: {}", 1, "a list of at least one"),
        ("? [a]\n: b", 1, "A member has a plain name"),
        ("retire:\n- overall\n- elsewhere", 3, "The topic 'elsewhere' is unknown"),
        ("retire: [logistics, overall]", 1, "No topic would be left"),
        ("retire: [overall]\nextend:\n- id: overall\n  need: pain", 3, "The topic 'overall' is retired here"),
        ("extend:\n- id: nobody\n  need: pain", 2, "The topic 'nobody' is unknown"),
        ("extend:\n- id: overall", 2, "An extension says what it changes"),
        ("extend:\n- {id: overall, need: pain}\n- {id: overall, need: itch}", 3, "overall is extended twice"),
        ("extend:\n- id: overall\n  need: agony", 3, "Here stands one of pain, itch, delight, undecided"),
        ("extend:\n- id: overall\n  children: []", 3, "There is no member 'children'"),
        ("extend:\n- {id: overall, include: [好]}\n- {id: logistics, include: [好]}", 3, "already belongs to overall"),
        (NODE.replace("logistics.cold", "logistics.speed"), 2, "logistics.speed is there already"),
        (NODE.replace("logistics.cold", "nowhere.cold"), 2, "The topic 'nowhere' is unknown"),
        (NODE.replace("logistics.cold", "logistics.speed.a.b"), 2, "The topic 'logistics.speed.a' is unknown"),
        (NODE.replace("logistics.cold", "cold"), 2, "A node needs a department"),
        (NODE.replace("logistics.cold", "logistics.Cold"), 2, "one word of a-z"),
        (NODE.replace("冷链", "冷" * 65), 3, "at most 64 characters"),
        (NODE.replace("冷链", '"冷\\n链"'), 3, "without control characters"),
        (NODE.replace("[冰袋]", "&a [冰袋]"), 4, "Anchors and aliases are not allowed"),
        (NODE.replace("[冰袋]", "*a"), 4, "Anchors and aliases are not allowed"),
        (NODE.replace("[冰袋]", "[冰袋\x07]"), 4, "YAML does not allow this character"),
        (NODE.replace("[冰袋]", "[冰袋\ud800]"), 4, "YAML does not allow this character"),
        (NODE.replace("[a, b]", "[a]"), 2, "at least 5 test sentences"),
        (NODE.replace("    include", "    overall: true\n    include"), 2, "Only one node is the overall one"),
        ("\n" + "[" * 40, 2, "Nested deeper than 12"),
        ("# " + "长" * 30_000, 1, "The file is larger than 64 KiB"),
        ("retire:\n" + "- overall\n" * 501, 502, "at most 500 topics"),
        (
            "extend:\n- id: overall\n  include:\n" + "".join(f"  - t{n}\n" for n in range(5001)),
            5004,
            "at most 5000 terms",
        ),
        (
            f"extend:\n- id: overall\n  near:\n  - terms: [a]\n    words: {[f'w{n}' for n in range(201)]}",
            5,
            "at most 200 words",
        ),
    ],
)
def test_what_an_overlay_says_wrong_is_named_with_its_line(overlay: str, line: int, message: str) -> None:
    with pytest.raises(FrameError) as refused:
        compose([SHOP], overlay, 1)
    assert (refused.value.file, refused.value.line) == ("overlay", line)
    assert message in str(refused.value)


def test_a_fourth_level_is_refused() -> None:
    deep = NODE.replace("logistics.cold", "logistics.speed.rain")
    three = compose([SHOP], deep)
    assert three.by_id["logistics.speed.rain"].parent == "logistics.speed"
    below = deep + deep.replace("nodes:\n", "").replace("speed.rain", "speed.rain.hard").replace("冰袋", "雨")
    with pytest.raises(FrameError, match=r"^overlay:6: A frame has at most 3 levels"):
        compose([SHOP], below)


@pytest.mark.parametrize(
    "overlay",
    [
        NODE.replace("logistics.cold", "logistics.speed"),
        NODE.replace("logistics.cold", "nowhere.cold") + "retire: [overall]",
        NODE + "extend: [{id: nobody, need: pain}]",
        NODE + "retire: [nobody]",
        NODE.replace("    include", "    overall: true\n    include"),
    ],
)
def test_an_overlay_that_newer_packs_overtook_goes_on_with_what_fits(overlay: str) -> None:
    with pytest.raises(FrameError):
        compose([SHOP], overlay, 3)
    frame = compose([SHOP], overlay, 3, strict=False)
    assert frame.version == "shop-1~3"
    assert {node.id for node in frame.nodes} > {"logistics", "logistics.courier"}
    assert len({node.id for node in frame.nodes}) == len(frame.nodes)


def test_what_is_no_overlay_is_refused_strict_or_not() -> None:
    with pytest.raises(FrameError, match=r"^overlay:1: There is no member 'colour'"):
        compose([SHOP], "colour: red", strict=False)


_SCALARS = st.one_of(
    st.sampled_from(["logistics", "logistics.speed", "overall", "x", "logistics.x", "pain", "negative", "慢", "true"]),
    st.text(max_size=6),
)
_MEMBERS = st.sampled_from(
    ["nodes", "extend", "retire", "id", "name", "include", "near", "tests", "children", "need", "zh-CN", "en", "terms"]
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_MEMBERS, inner, max_size=4),
    max_leaves=12,
)


def _lines(text: str) -> int:
    return len(text.splitlines()) or 1


def refused_line(read: Callable[[], Frame]) -> int:
    """The line that FrameError names, 1 when nothing is refused; whatever else is raised fails the test."""
    try:
        read()
    except FrameError as error:
        return error.line
    return 1


@given(
    st.text(st.sampled_from("ab: -[]{}\n,&*!|>'\"%@`#?\t\\慢\x85\u2028\ud800\x00"), max_size=40) | st.text(max_size=60)
)
def test_any_text_is_an_overlay_a_pack_or_refused_within_its_lines(text: str) -> None:
    for read in (lambda: compose([SHOP], text, 1), lambda: parse(text, "any.yaml")):
        assert 1 <= refused_line(read) <= _lines(text)


@given(
    st.dictionaries(st.sampled_from(["nodes", "extend", "retire"]), _VALUES | st.lists(_VALUES, max_size=3), max_size=3)
)
def test_any_shape_is_an_overlay_or_refused_within_its_lines(shape: dict[str, object]) -> None:
    text = str(shape)  # Python's own notation of lists and mappings is flow style
    for strict in (True, False):
        assert 1 <= refused_line(partial(compose, [SHOP], text, 1, strict=strict)) <= _lines(text)


def test_a_flood_of_aliases_or_brackets_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(100))
    with pytest.raises(FrameError, match=r"^overlay:1: Anchors and aliases"):
        compose([SHOP], bomb)
    for bracket in ("[", "{", "- ", "? ", "[{"):
        with pytest.raises(FrameError, match=r"^overlay:1: (Nested deeper|This is not YAML)"):
            compose([SHOP], bracket * (60_000 // len(bracket)))


# ---------------------------------------------------------------- own sentences


def test_an_overlay_is_held_to_its_own_sentences_alone() -> None:
    frame = compose([SHOP], OVERLAY.replace("今天晴", "冰袋晴"), 1)
    assert sum(len(node.samples) for node in frame.nodes) == 6
    assert [(one.line, one.topic, one.text, one.expects) for one in failures(frame, Reader(frame))] == [
        (5, "logistics.cold", "冰袋晴", "none"),
    ]


class _Silent:
    """Reads nothing into anything."""

    def read(self, texts: Sequence[Text]) -> Understanding:
        return Understanding()


def test_a_sentence_that_gives_nothing_fails_unless_nothing_is_expected() -> None:
    failed = failures(SHOP, _Silent())
    assert {one.expects for one in failed} == {"negative", "positive"}
    assert len(failed) == 9
    assert str(failed[0]) == "16: logistics.speed expects negative of 'a' and got none"
    assert failed[0] == Failure(16, "logistics.speed", "a", "negative", ())


# ---------------------------------------------------------------- views


def test_a_frame_shows_itself_as_a_tree() -> None:
    shown = compose([SHOP], OVERLAY, 2).summary()
    assert (shown["version"], shown["topics"], shown["leaves"], shown["retired"]) == ("shop-1~2", 4, 3, ["overall"])
    (logistics,) = shown["tree"]
    assert [child["id"] for child in logistics["children"]] == [
        "logistics.speed",
        "logistics.courier",
        "logistics.cold",
    ]
    assert logistics["children"][0] == {
        "id": "logistics.speed",
        "names": {"zh-CN": "快慢", "en": "Pace"},
        "department": "fleet",
        "stage": "delivery",
        "need": "pain",
        "prior": "neutral",
        "terms": 4,
        "excludes": 0,
        "children": [],
    }
