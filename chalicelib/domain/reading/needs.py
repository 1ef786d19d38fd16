"""What a topic is to customers - 痛点, 痒点, 悦点 - from how their score moves when they mention it well or badly.

Penalty-reward contrast (R. D. Brandt, "A procedure for identifying value-enhancing service components using customer
satisfaction survey data", 1987), read with N. Kano's qualities (1984). Per topic, y being the score:

    P = mean(y | mentioned badly) - mean(y | not mentioned)     penalty
    R = mean(y | mentioned well)  - mean(y | not mentioned)     reward

    pain             痛点    P below 0 and |P| clearly above |R|: a must-be, it is missed and not noticed
    delight          悦点    R above 0 and |R| clearly above |P|: attractive, it pleases and is not missed
    itch             痒点    P and R are not told from 0, and many who mention it wish for something: a latent wish
    one_dimensional  期望型  P below 0 and R above 0, neither clearly the larger: more is better
    undecided        未定    too few mentions, or none of the above can be told

The mapping is this project's own. Means are told from 0 by normal theory with variances of their own (B. L. Welch,
Biometrika 34, 1947) at z = 2.24: 5 % over the two tests of a topic (Bonferroni). "Clearly" is one-sided 5 %, z = 1.64.
P and R share the mean of those who say nothing, so the variance of aP + bR is

    a² s²(bad)/n(bad) + b² s²(well)/n(well) + (a + b)² s²(none)/n(none)

Known weakness: scores end at the top of their scale, which cuts rewards short. Of topics that weigh the same both ways
20 to 35 in 100 are called pain; so the intervals belong beside every verdict. And it is association, not cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from chalicelib.domain.reading.facets import Facets

# Verdict → what people call it.
NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "pain": {"zh-CN": "痛点", "en": "Pain point"},
    "itch": {"zh-CN": "痒点", "en": "Latent wish"},
    "delight": {"zh-CN": "悦点", "en": "Delight"},
    "one_dimensional": {"zh-CN": "期望型", "en": "More is better"},
    "undecided": {"zh-CN": "未定", "en": "Undecided"},
}
LEAST: Final = 30  # mentions of a kind, good or bad
WISHED: Final = 0.25  # share of the mentions that wish for something, from which a wish is a topic's character
Z_EFFECT: Final = 2.24
Z_CONTRAST: Final = 1.64
Words = Mapping[str, str]  # language → text
CAVEATS: Final[tuple[Words, ...]] = (
    {"zh-CN": "这是相关，不是因果。", "en": "Association, not cause."},
    {
        "zh-CN": "分值有上限，好评的作用会被低估：两面影响相同的主题中，"
        "每 100 个有 20 到 35 个会被判为痛点。请看区间。",
        "en": "A scale that ends cuts rewards short: of topics that weigh the same both ways 20 to 35 in 100 are called"
        " pain. Read the intervals.",
    },
)
_POOLED: Final[Words] = {
    "zh-CN": "合并了 {} 个渠道；指定一个渠道可单独查看。",
    "en": "{} channels are pooled; name one to see it alone.",
}
_AS_THEY_ARE: Final[Words] = {
    "zh-CN": "这类分值按原值比较，不论量表。",
    "en": "Values of this kind are compared as they are, whatever their scale.",
}
_WISHED: Final[Words] = {
    "zh-CN": "提到它的人中有 {:.0%} 希望有所改变；分值没有明显升降。",
    "en": "{:.0%} of those who mention it wish for something; the score moves neither way.",
}
_TOO_FEW: Final[Words] = {
    "zh-CN": "差评提及 {} 条，好评提及 {} 条，未提及 {} 条；每类至少需要 {} 条。",
    "en": "{} bad and {} good mentions, {} without one; {} of each are needed.",
}
_REASONS: Final[Mapping[str, Words]] = {
    "pain": {
        "zh-CN": "差评带来的损失明显大于好评带来的提升。",
        "en": "Bad mentions cost clearly more than good ones bring.",
    },
    "delight": {
        "zh-CN": "好评带来的提升明显大于差评带来的损失。",
        "en": "Good mentions bring clearly more than bad ones cost.",
    },
    "one_dimensional": {
        "zh-CN": "差评拉低分值，好评提升分值，两者相差不明显。",
        "en": "Bad mentions cost and good ones bring; neither is clearly the larger.",
    },
    "undecided": {
        "zh-CN": "分值没有随评价明显变化。",
        "en": "The score does not move clearly enough with what is said of it.",
    },
}


@dataclass(slots=True)
class Moments:
    """Count, sum and sum of squares of scores; one can be taken from another.

    The sums are exact, so large scores that differ little lose nothing and the order makes no difference. Whole scores,
    as nearly all are, stay whole numbers.
    """

    n: int = 0
    total: int | Fraction = 0
    squares: int | Fraction = 0

    def add(self, score: float) -> None:
        exact = int(score) if score == int(score) else Fraction(score)
        self.n += 1
        self.total += exact
        self.squares += exact * exact

    def without(self, other: Moments) -> Moments:
        return Moments(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> float:
        return float(self.total / self.n)

    @property
    def error(self) -> float:
        """Square of the standard error of the mean: s²/n with n-1 degrees of freedom. Needs two scores."""
        spread = self.n * self.squares - self.total * self.total
        return float(spread / (self.n * self.n * (self.n - 1)))


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a mention moves the mean score, with the interval at ``Z_EFFECT``."""

    value: float
    low: float
    high: float


@dataclass(slots=True)
class Mentions:
    """The scores of those who mention one topic."""

    bad: Moments = field(default_factory=Moments)
    well: Moments = field(default_factory=Moments)
    any: Moments = field(default_factory=Moments)  # neutral and mixed mentions too
    wishes: int = 0


@dataclass(frozen=True, slots=True)
class Need:
    """What one topic is to customers, and what that rests on. Effects are None where a mean or its error has no base.

    ``bad``, ``well``: voices that mention it only badly, only well; ``none``: that do not mention it.
    """

    topic: str
    bad: int
    well: int
    none: int
    mentions: int
    wishes: int
    penalty: Shift | None
    reward: Shift | None
    verdict: str  # one of NAMES
    reason: Words

    @property
    def wish_share(self) -> float:
        """Of the voices that mention the topic, how many wish for something of it."""
        return self.wishes / self.mentions


class Tally:
    """Voices counted one by one; the order makes no difference. y is the score of ``kind``, the worst of a voice."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.voices = 0
        self.channels: dict[str, int] = {}  # of voices that have the score
        self._all = Moments()
        self._topics: dict[str, Mentions] = {}

    @property
    def scored(self) -> int:
        return self._all.n

    def add(self, voice: Facets) -> None:
        """A voice counts for each of its topics and for what they hang below; without the score it counts nowhere."""
        self.voices += 1
        score = min((one.value for one in voice.scores if one.kind == self._kind), default=None)
        if score is None:
            return
        self.channels[voice.channel] = self.channels.get(voice.channel, 0) + 1
        self._all.add(score)
        wished = _with_ancestors(voice.wishes)
        for topic, polarities in _said(voice.topics).items():
            mentions = self._topics.setdefault(topic, Mentions())
            mentions.any.add(score)
            mentions.wishes += topic in wished
            if polarities & {"negative", "positive"} == {"negative"}:
                mentions.bad.add(score)
            elif polarities & {"negative", "positive"} == {"positive"}:
                mentions.well.add(score)

    def caveats(self) -> list[Words]:
        """What must be said beside the verdicts."""
        found = list(CAVEATS)
        if len(self.channels) > 1:
            found.append(_filled(_POOLED, len(self.channels)))
        if self._kind != "nps":
            found.append(_AS_THEY_ARE)
        return found

    def needs(self) -> list[Need]:
        """Every topic that was mentioned, the most mentioned first."""
        found = [_need(topic, one, self._all.without(one.any)) for topic, one in self._topics.items()]
        return sorted(found, key=lambda need: (-need.mentions, need.topic))


def _said(topics: Iterable[tuple[str, str]]) -> Mapping[str, set[str]]:
    """Topic or ancestor → the polarities that a voice has for it and below it."""
    said: dict[str, set[str]] = {}
    for topic, polarity in topics:
        for name in _line(topic):
            said.setdefault(name, set()).add(polarity)
    return said


def _with_ancestors(topics: Iterable[str]) -> set[str]:
    return {name for topic in topics for name in _line(topic)}


def _line(topic: str) -> list[str]:
    """The topic and what it hangs below."""
    parts = topic.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]


def _need(topic: str, mentions: Mentions, none: Moments) -> Need:
    penalty, reward = shift(mentions.bad, none), shift(mentions.well, none)
    verdict, reason = _verdict(mentions, none, penalty, reward)
    return Need(
        topic=topic,
        bad=mentions.bad.n,
        well=mentions.well.n,
        none=none.n,
        mentions=mentions.any.n,
        wishes=mentions.wishes,
        penalty=penalty,
        reward=reward,
        verdict=verdict,
        reason=reason,
    )


def shift(group: Moments, none: Moments) -> Shift | None:
    """The difference of two means with variances of their own; None where one has fewer than two scores."""
    if group.n < 2 or none.n < 2:
        return None
    value, half = group.mean - none.mean, Z_EFFECT * math.sqrt(group.error + none.error)
    return Shift(value, value - half, value + half)


def contrast(bad: Moments, well: Moments, none: Moments) -> tuple[float, float]:
    """(|P| - |R|, its standard error). Each group has two scores or more."""
    penalty, reward = bad.mean - none.mean, well.mean - none.mean
    a, b = math.copysign(1, penalty), -math.copysign(1, reward)
    return abs(penalty) - abs(reward), math.sqrt(bad.error + well.error + (a + b) ** 2 * none.error)


def _verdict(mentions: Mentions, none: Moments, penalty: Shift | None, reward: Shift | None) -> tuple[str, Words]:
    """(verdict, why)."""
    hurts = penalty is not None and penalty.high < 0
    pleases = reward is not None and reward.low > 0
    told = any(one is not None and (one.low > 0 or one.high < 0) for one in (penalty, reward))
    share = mentions.wishes / mentions.any.n
    if mentions.any.n >= 2 * LEAST and none.n >= LEAST and share >= WISHED and not told:
        return "itch", _filled(_WISHED, share)
    if min(mentions.bad.n, mentions.well.n) < LEAST or none.n < LEAST:
        return "undecided", _filled(_TOO_FEW, mentions.bad.n, mentions.well.n, none.n, LEAST)
    difference, error = contrast(mentions.bad, mentions.well, none)
    if hurts and difference > Z_CONTRAST * error:
        return "pain", _REASONS["pain"]
    if pleases and -difference > Z_CONTRAST * error:
        return "delight", _REASONS["delight"]
    if hurts and pleases:
        return "one_dimensional", _REASONS["one_dimensional"]
    return "undecided", _REASONS["undecided"]


def _filled(words: Words, *numbers: float) -> Words:
    return {lang: text.format(*numbers) for lang, text in words.items()}
