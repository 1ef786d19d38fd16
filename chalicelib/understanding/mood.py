"""What a voice is after, beside its topics: intents, what it asks us to do, effort, strength of feeling, behaviour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.evidence import Evidence
from chalicelib.understanding.sentiment import Opinion, Said

_GOOD_PART: Final = 0.3  # of a text
_BEFORE_CONTRAST: Final = 0.8  # how much counts what a "but" takes back
_AFTER_CONTRAST: Final = 1.4
_CONCEDED: Final = 0.6  # "虽然有点贵": said to be waved aside
_SHOUTED: Final = ("!!", "死了", "极了", "气死")
_TOO: Final = "太.{0,6}了"
# What fills a box: answers that say nothing, greetings, laughter, digits, one character over and over.
_FILLER: Final = (
    "还行吧?|一般吧?|没什么(?:想说的?|可说的?|好说的?|感觉|意见|建议|问题)?|没啥(?:想说的?|可说的?|好说的?)?|没有|没了|没|"
    "无(?:意见|建议|评论|语评论)?|暂无(?:评价|意见|建议)?|好的?|可以|嗯+|哦+|噢+|额+|啊+|哈+|嘻+|嘿+|呃|是的?|对|谢谢|"
    "不知道(?:说什么|写什么)?|随便(?:写写|说说)?|凑(?:个)?字数|凑够?(?:十|10|15|十五)(?:个)?字|字数|"
    "此用户(?:没有|未)(?:填写|写)?(?:评价|评论)(?:内容)?|用户(?:没有|未)(?:填写)?评价|(?:系统)?默认(?:好评)?|(?:系统)?自动好评|"
    "评价方未及时做出评价|收到(?:了)?|已收到|到了|签收|已签收|测试|试试|如题|同上|略|n/?a|none|nothing|no|nil|ok(?:ay)?|test|fine|hi|hello|你好|您好"
)
_EMPTY: Final = rf"(?:{_FILLER}|[\W\d_]|(?P<one>.)(?P=one){{2,}})*+"
_FILLERS_BEGIN: Final = frozenset(
    "还一没无暂好可嗯哦噢额啊哈嘻嘿呃是对谢不随凑字此用系默自评收已到签测试如同略你您notfh"
)
_EMPTY_AT_MOST: Final = 40  # characters of a text that may be empty words
_MEANT: Final = frozenset(("还行", "一般", "好", "可以", "fine", "ok", "okay", "谢谢", "收到了"))


class Mood:
    """What the texts of one voice sound like together. ``good`` and ``bad`` are sums of weights, both ≥ 0."""

    def __init__(self) -> None:
        self.good = self.bad = 0.0
        self.up = self.down = 0.0  # the same, with what "but" and "although" make of them
        self.firm = 0.0  # of what is bad, what is not only hinted at
        self.strongest = 0.0
        self.ruled = 0.0  # what rules made say something else than its words
        self.covered = 0  # characters of that
        self.length = 0  # characters of the texts
        self.exclaimed = self.sarcastic = self.meaningful = False
        self.cues: set[str] = set()
        self.red_lines: set[str] = set()

    def hear(self, text: str, clauses: Sequence[Clause], said: Said, topics: Sequence[tuple[int, Evidence]]) -> bool:
        """Add one text: its opinions, and what its topics say by themselves as (clause number, evidence). Whether the
        text says anything."""
        factors = _factors(clauses, said)
        for clause in clauses:
            self.length += clause.end - clause.start
        for opinion in said.opinions:
            self._add(opinion.weight, factors[opinion.clause], opinion.rule)
            self.covered += (opinion.end - opinion.start) * (opinion.rule in TURNED)
        inside = _Spans(said.opinions if topics else ())
        for number, seen in topics:
            if (seen.how == "own" or seen.rule == "absent") and seen.weight and not inside.hold(seen):
                self._add(seen.weight, factors[number], seen.rule)
                self.covered += (seen.end - seen.start) * (seen.rule in TURNED)
        self.exclaimed = self.exclaimed or _exclaimed(text)
        self.sarcastic = self.sarcastic or said.sarcastic
        cues = {cue.kind for cue in said.cues if cue.kind != "asked" or said.stance.asks}
        self.cues |= cues
        if "churn" in cues:
            self._add(-1, 1, "")
        means = not empty(text) or any(not one.term.isalnum() for one in said.opinions)  # an emoji means something
        self.meaningful = self.meaningful or means
        return means

    def _add(self, weight: float, factor: float, rule: str) -> None:
        if weight > 0:
            self.good += weight
            self.up += weight * factor
        else:
            self.bad -= weight
            self.firm -= weight * (rule != "faint")
            self.down -= weight * factor
        if rule in TURNED:
            self.ruled += weight * factor
        if abs(weight) > abs(self.strongest):
            self.strongest = weight

    @property
    def overruled(self) -> bool:
        """Whether rules made most of what is said, in a good part of the text: what n-grams then say is of the words
        before they were turned."""
        said = self.up + self.down
        return abs(self.ruled) >= 0.5 * said > 0 and self.covered >= _GOOD_PART * self.length

    @property
    def intents(self) -> tuple[str, ...]:
        """What the customer is after, the weightiest first."""
        mostly_bad = self.firm > 0 and self.bad >= self.good  # "I do not eat meat" asks for nothing
        verdicts = (
            ("churn_threat", "churn" in self.cues),
            ("complaint", bool(self.red_lines) or mostly_bad),
            ("suggestion", "wish" in self.cues),
            ("question", "question" in self.cues or "asked" in self.cues),
            ("praise", self.good > 0 and self.good > self.bad),
            ("complaint", self.firm >= 1 and not mostly_bad and not self.red_lines),
            ("thanks", "thanks" in self.cues),
        )
        return tuple(intent for intent, holds in verdicts if holds)

    def actionability(self, intents: Sequence[str]) -> str:
        """vocabulary.ACTIONABILITY: what a voice with these intents asks us to do."""
        if not self.meaningful and not self.red_lines:
            return "not_meaningful"
        if intents and intents[0] in ("churn_threat", "complaint", "question"):
            return "response_needed"
        return "suggestion" if "suggestion" in intents else "no_response"

    @property
    def effort(self) -> str | None:
        """What the customer says it took."""
        if "effort" in self.cues and self.bad > 0:
            return "high"
        return "low" if "ease" in self.cues and self.good > self.bad else None

    @property
    def emotion(self) -> int:
        """0 none … 3 outrage or rapture: the strongest word, more when it is shouted."""
        strength = abs(self.strongest)
        level = 0 if not strength else 1 if strength < 1.5 else 2 if strength < 2.5 else 3
        return min(3, level + (self.exclaimed and 0 < level < 3))

    @property
    def behaviour(self) -> tuple[str, ...]:
        """vocabulary.BEHAVIOURS that the customer states."""
        leaves = "churn" in self.cues
        dissuades = "dissuade" in self.cues
        stated = (
            ("return", "return" in self.cues and not leaves and self.good >= self.bad),
            ("leave", leaves),
            ("recommend", "recommend" in self.cues and not dissuades and self.good >= self.bad),
            ("dissuade", dissuades),
        )
        return tuple(name for name, holds in stated if holds)


# Rules whose word stands over the model's: they saw what n-grams do not. And those that n-grams see a little of.
RULED: Final = frozenset({"twice", "rival", "sour", "standing"})
TURNED: Final = frozenset({"turned", "twice", "rival", "sour", "emoji"})


class _Spans:
    """Where opinions stand, to count a topic's own words once."""

    def __init__(self, opinions: Sequence[Opinion]) -> None:
        self._places = {place for one in opinions for place in range(one.start, one.end)}

    def hold(self, seen: Evidence) -> bool:
        return any(place in self._places for place in range(seen.start, seen.end))


def _exclaimed(text: str) -> bool:
    """Whether it is shouted, or somebody is beside himself."""
    loud = text.endswith(("!", "!\n")) or any(map(text.__contains__, _SHOUTED))
    return loud or ("太" in text and re.search(_TOO, text) is not None)


def _factors(clauses: Sequence[Clause], said: Said) -> list[float]:
    """How much each clause counts: more after a "but", less before it and after an "although"."""
    factors = [1.0] * len(clauses)
    for number, clause in enumerate(clauses):
        if clause.opens == "contrast" and number:
            factors[number] = _AFTER_CONTRAST
            factors[number - 1] *= _BEFORE_CONTRAST
    for cue in said.cues:
        if cue.kind == "concedes":
            factors[cue.clause] *= _CONCEDED
    return factors


def empty(text: str) -> bool:
    """Whether a folded text says nothing: fillers, marks and digits only. One plain "好" or "还行" says something."""
    if len(text) > _EMPTY_AT_MOST:
        return not any(char.isalpha() or ord(char) > 0x2600 for char in text)
    return _may_be_filled(text) and re.fullmatch(_EMPTY, text) is not None and text.strip(" .,!。~") not in _MEANT


def _may_be_filled(text: str) -> bool:
    """Whether its first letter begins a filler or stands there three times; most texts end here, and never need the
    pattern."""
    for place, char in enumerate(text):
        if char.isalnum() and not char.isdecimal():
            return char in _FILLERS_BEGIN or text.startswith(char * 3, place)
    return True
