"""A pack that is wrong is refused with its file and line."""

from __future__ import annotations

import pytest

from chalicelib.understanding.frame_file import FrameError, parse, parse_red_lines

GOOD = """\
pack: tiny
version: "1"
name: {zh-CN: 小, en: Tiny}
nodes:
  - id: logistics
    name: {zh-CN: 物流, en: Logistics}
    department: logistics
    stage: delivery
    need: pain
    include: [物流]
    children:
      - id: logistics.speed
        name: {zh-CN: 时效, en: Speed}
        negative: [迟迟不到, ＬＡＴＥ]
        near: [{terms: [慢], words: [物流], polarity: negative}]
        exclude: [慢慢]
        tests: {negative: [a, b], positive: [c], none: [d, e]}
red_lines:
  - kind: safety
    name: {zh-CN: 安全, en: Safety}
    department: quality
    include: [起火]
    tests: {hit: [a, b, c], none: [d, e]}
"""


def test_a_good_pack_is_read_with_what_children_inherit() -> None:
    frame = parse(GOOD, "tiny.yaml")
    parent, leaf = frame.nodes
    assert (leaf.id, leaf.parent, parent.parent) == ("logistics.speed", "logistics", None)
    assert (leaf.department, leaf.stage, leaf.need, leaf.prior) == ("logistics", "delivery", "pain", "neutral")
    assert [(term.text, term.polarity, sorted(term.near)) for term in leaf.terms] == [
        ("迟迟不到", "negative", []),
        ("late", "negative", []),
        ("慢", "negative", ["物流"]),
    ]
    assert frame.leaves == (leaf,)
    assert [(line.kind, line.department) for line in frame.red_lines] == [("safety", "quality")]
    assert {sample.line for sample in leaf.samples} == {17}


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        (GOOD, "", 1, "The file is empty"),
        ("pack: tiny", "pack: @tiny", 1, "This is not YAML"),
        ("pack: tiny", "pack: ", 1, "Here stands text"),
        ('version: "1"\n', "", 1, "The member 'version' is missing"),
        ("    stage: delivery", "    steige: delivery", 8, "There is no member 'steige'"),
        ("    stage: delivery", "    need: pain", 9, "The member 'need' stands here twice"),
        ("need: pain", "need: agony", 9, "Here stands one of pain, itch, delight, undecided"),
        ("id: logistics.speed", "id: shipping.speed", 12, "after 'logistics.'"),
        ("id: logistics.speed", "id: logistics.Speed", 12, "one word of a-z"),
        ("{zh-CN: 时效, en: Speed}", "{zh-CN: 时效}", 13, "The member 'en' is missing"),
        ("include: [物流]", "? [a]\n    : b", 10, "A member has a plain name"),
        ("include: [物流]", "include: *a", 10, "Anchors and aliases are not allowed"),
        ("include: [物流]", "include: []", 10, "a list of at least one"),
        ("[迟迟不到, ＬＡＴＥ]", "[物流]", 14, "The term '物流' already belongs to logistics"),
        ("[迟迟不到, ＬＡＴＥ]", '["\\u200b"]', 14, "no visible character"),
        ("words: [物流], ", "", 15, "The member 'words' is missing"),
        ("polarity: negative", "polarity: bad", 15, "Here stands one of negative, neutral, positive"),
        ("none: [d, e]}\nred", "none: [d]}\nred", 12, "at least 5 test sentences"),
        ("positive: [c], none: [d, e]}\nred", "none: [d, e, f]}\nred", 12, "lack: positive"),
        ("    department: logistics\n", "", 5, "A node needs a department"),
        ("kind: safety", "kind: danger", 19, "Here stands one of safety"),
        ("{hit: [a, b, c], none: [d, e]}", "{hit: [a, b, c, d, e]}", 19, "hits and near misses"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(good: str, bad: str, line: int, message: str) -> None:
    assert good in GOOD
    with pytest.raises(FrameError) as refused:
        parse(GOOD.replace(good, bad, 1), "tiny.yaml")
    assert str(refused.value).startswith(f"tiny.yaml:{line}: ")
    assert message in str(refused.value)


SHARED = """\
red_lines:
  - kind: safety
    name: {zh-CN: 安全, en: Danger}
    department: risk
    include: [着火]
    tests: {hit: [a, b, c], none: [d, e]}
  - kind: fraud
    name: {zh-CN: 欺诈, en: Fraud}
    department: risk
    include: [诈骗]
    tests: {hit: [a, b, c], none: [d, e]}
"""


def test_a_pack_has_the_shared_red_lines_and_adds_its_own_words() -> None:
    frame = parse(GOOD, "tiny.yaml", parse_red_lines(SHARED, "red_lines.yaml"))
    assert [(line.kind, line.department, [term.text for term in line.terms]) for line in frame.red_lines] == [
        ("safety", "risk", ["着火", "起火"]),
        ("fraud", "risk", ["诈骗"]),
    ]
    assert frame.red_lines[0].names["en"] == "Danger"


def test_a_pack_needs_no_red_lines_of_its_own() -> None:
    frame = parse(GOOD[: GOOD.index("red_lines:")], "tiny.yaml")
    assert (frame.packs, frame.version, frame.red_lines) == (("tiny",), "tiny-1", ())


def test_a_wrong_red_line_file_is_refused_with_its_line() -> None:
    with pytest.raises(FrameError, match=r"^red_lines\.yaml:2: The member 'tests' is missing"):
        parse_red_lines("red_lines:\n- {kind: fraud, name: {zh-CN: 欺, en: F}, department: x}", "red_lines.yaml")
    with pytest.raises(FrameError, match=r"^red_lines\.yaml:1: The member 'red_lines' is missing"):
        parse_red_lines("{}", "red_lines.yaml")


def test_suspects_are_read_with_their_neighbours_and_reach() -> None:
    suspect = "    suspect: [{terms: [摔, 烫], words: [手], reach: 20}, {terms: [担架]}]\n    include: [起火]"
    (line,) = parse(GOOD.replace("    include: [起火]", suspect), "tiny.yaml").red_lines
    assert [(term.text, sorted(term.near), term.reach) for term in line.suspects] == [
        ("摔", ["手"], 20),
        ("烫", ["手"], 20),
        ("担架", [], 0),
    ]


@pytest.mark.parametrize(
    ("suspect", "line", "message"),
    [
        ("[]", 22, "Here stands a list of at least one"),
        ("\n    - {words: [手], reach: 20}", 23, "The member 'terms' is missing"),
        ("\n    - {terms: [摔], words: [手]}", 23, "The member 'reach' is missing"),
        ("\n    - {terms: [摔], reach: 20}", 23, "The member 'words' is missing"),
        ("\n    - {terms: [摔], words: [手], polarity: negative}", 23, "There is no member 'polarity'"),
        (
            "\n    - terms: [摔]\n      words: [手]\n      reach: 41",
            25,
            "Here stands a whole number of characters, 1 to 40",
        ),
        ("\n    - {terms: [摔], words: [手], reach: far}", 23, "Here stands a whole number of characters, 1 to 40"),
    ],
)
def test_a_wrong_suspect_is_refused_with_its_line(suspect: str, line: int, message: str) -> None:
    text = GOOD.replace("    include: [起火]", f"    suspect: {suspect}\n    include: [起火]")
    with pytest.raises(FrameError, match=rf"^tiny\.yaml:{line}: {message}"):
        parse(text, "tiny.yaml")


def test_too_many_words_of_a_suspect_are_refused() -> None:
    words = ", ".join(f"w{number}" for number in range(201))
    text = GOOD.replace("    include: [起火]", f"    suspect: [{{terms: [摔], words: [{words}], reach: 9}}]")
    with pytest.raises(FrameError, match=r"^tiny\.yaml:22: A term requires at most 200 words nearby"):
        parse(text, "tiny.yaml")


def test_a_fourth_level_is_refused() -> None:
    deep = GOOD.replace(
        "        negative: [迟迟不到, ＬＡＴＥ]",
        """\
        children:
          - id: logistics.speed.a
            name: {zh-CN: 一, en: A}
            tests: {negative: [a, b], positive: [c], none: [d, e]}
            children:
              - id: logistics.speed.a.b
                name: {zh-CN: 二, en: B}
                tests: {negative: [a, b], positive: [c], none: [d, e]}""",
    )
    with pytest.raises(FrameError, match=r"tiny\.yaml:19: A frame has at most 3 levels"):
        parse(deep, "tiny.yaml")


def test_the_same_id_twice_is_refused() -> None:
    twice = GOOD.replace("red_lines:", GOOD[GOOD.index("  - id: logistics") : GOOD.index("red_lines:")] + "red_lines:")
    with pytest.raises(FrameError, match="The id logistics is taken"):
        parse(twice, "tiny.yaml")
