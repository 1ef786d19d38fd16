"""Opinions in a folded text: words of feeling, turned by negation, weighed by degree, and by how they are meant."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.lexicon import (
    CUES,
    FAR_NEGATORS,
    NEGATORS,
    OPINIONS,
    STANDING_NEGATORS,
    STRONGER,
    WEAKER,
)
from chalicelib.understanding.matcher import LONGEST, OUTERMOST, Match, Matcher
from chalicelib.understanding.stance import Cue, Stance, sentence

REACH: Final = 4  # characters between a negator and what it turns ("没有想象中好")
FAR_REACH: Final = 12  # idem, where the negator or the words in between bridge more ("没有我想象中的那么好")
LATIN_REACH: Final = 14  # idem, "not really that good"
MAX_NEGATORS: Final = 4  # in one chain; keeps a text of nothing but "不" linear
_TURNED: Final = -0.7  # "not bad" is less than "good"
_STRENGTHENED: Final = 1.5
_WEAKENED: Final = 0.6
_BRIDGE: Final = re.compile(
    "那么|这么|那样|这样|想象|预期|宣传|描述|期待|说的|特别|多么|以前|之前|隔壁|别家|专柜|一次|一直|想的"
)
_NUMBER: Final = "[0-9一二两三四五六七八九十几半多]"
# Waiting is told in numbers: "等了三个小时", "走了半个月". Compiled with the first text that says _WAITED.
_WAITED: Final = re.compile("[等走拖催排]了")
_WAIT: Final = (
    f"(?:等|走|拖|催|排)了(?:我|整整|快|将近|差不多|足足)?{_NUMBER}+个?多?(?:天|周|星期|礼拜|月|小时|钟头|分钟)"
)
_A_LITTLE: Final = re.compile("了?一?[点些](?!不)")  # "慢了点"
# What may stand between a negator and the bad word that it denies: "没有任何破损", "没出现什么问题".
_FILLERS: Final = re.compile(
    "(?:有|什么|啥|任何|半点|一点|一丝|一处|一个|那么|这么|很|太|特别|非常|是|会|得|到|怎么|让|人|我|你|觉得|感觉|出现|发现|发生|遇到|过|再|"
    "谁|哪里|说|出|别的|其他|其它|想象中?的?|算|至于|能|去|要|啊|呢|大的?|严重的?|明显的?)*"
)
_NEVER_SUCH: Final = re.compile("过(?:这么|那么|如此|这样|更|比)")
_NONE_AFTER: Final = re.compile("[^,。!?;]{0,2}[也都]没有?")
_RATHER: Final = frozenset(("有点", "有一点"))  # "价格有点高": what it is does not please
_QUOTES: Final = {"“": "”", '"': '"', "「": "」", "『": "』", "'": "'", "‘": "’"}
_CLAPS: Final = frozenset(("👍", "👏", "💯", "🌹"))
_RHETORICAL: Final = ("难道", "怎么能", "怎么可能", "怎能", "岂", "也叫", "能叫", "这叫", "好意思")
_EMOJI: Final = 0x2600  # the first code point of those that the model never saw
_HINT, _OPINION, _NEGATOR, _MORE, _LESS = range(5)


class Opinion(NamedTuple):
    """``text[start:end]`` is the evidence, its negator included. ``weight``: below zero bad, above zero good."""

    start: int
    end: int
    weight: float
    term: str  # the lexicon's entry
    clause: int
    rule: str = ""  # what made it say something else than its word: "" | "turned" | "twice" | "rival" | "sour" | …


class Negators:
    """Where a text says no."""

    def __init__(self, text: str, matches: Sequence[Match], far: Sequence[bool], standing: Sequence[bool]) -> None:
        self._text = text
        self._matches = matches
        self._starts = [match.start for match in matches]
        self._ends = [match.end for match in matches]
        self._far, self._standing = far, standing

    def before(self, text: str, place: int, floor: int, *, reach: int = REACH) -> tuple[bool, int]:
        """Whether what begins at ``place`` is turned by an odd number of negators that stand close before it and not
        before ``floor``; and where the first of them begins. ``reach`` is for Chinese, Latin letters have their own."""
        count, first = self.chain(text, place, floor, reach=reach)
        return count % 2 == 1, first

    def chain(self, text: str, place: int, floor: int, *, reach: int = REACH) -> tuple[int, int]:
        """How many negators govern what begins at ``place``, and where the first of them begins."""
        at = bisect_left(self._ends, place + 1) - 1
        if at < 0 or self._starts[at] < floor:
            return 0, place
        latin = text[place].isascii()
        reach = LATIN_REACH if latin else reach
        count, first = 0, place
        while count < MAX_NEGATORS and at >= 0 and self._starts[at] >= floor:
            gap = first - self._ends[at]
            if _NEVER_SUCH.search(text, self._ends[at], first) and gap <= FAR_REACH:
                break  # "没吃过这么难吃的" says it the stronger
            if gap > reach and (
                latin or gap > FAR_REACH or not (self._far[self._matches[at].term] or self._bridged(at, first))
            ):
                break
            count, first, at = count + 1, self._starts[at], at - 1
        return count, first

    def denies(self, text: str, first: int, place: int) -> bool:
        """Whether the one negator at ``first`` denies the bad word at ``place``: nothing but fillers in between, and
        no mere question ("难道是假的吗" suspects, "没耳机差评" complains)."""
        at = bisect_left(self._starts, first)
        if text[place].isascii():
            return True
        return (not self._standing[self._matches[at].term] or text[place] in "不没") and _FILLERS.fullmatch(
            text, self._ends[at], place
        ) is not None

    def _bridged(self, at: int, place: int) -> bool:
        return _BRIDGE.search(self._text, self._ends[at], place) is not None


class Said(NamedTuple):
    """What the words of feeling of one text say."""

    opinions: list[Opinion]
    negators: Negators
    cues: list[Cue]
    stance: Stance
    sarcastic: bool


class Feelings:
    """The lexicon, compiled once. ``tables`` go into a ``Matcher``; what that finds in them goes into ``read``."""

    def __init__(self) -> None:
        self._words = tuple(dict.fromkeys((*OPINIONS, *NEGATORS, *STRONGER, *WEAKER)))
        self._kinds = tuple(_kind(word) for word in self._words)
        self._weights = tuple(OPINIONS.get(word, 0) for word in self._words)
        self._standing = tuple(word in STANDING_NEGATORS or word in _RATHER for word in self._words)
        self._emoji = tuple(ord(word[0]) > _EMOJI and not word.isalnum() for word in self._words)
        self._far = tuple(word in FAR_NEGATORS for word in self._words)
        pairs = [(phrase, kind) for kind, phrases in CUES.items() for phrase in phrases]
        cues: dict[str, list[str]] = {}
        for phrase, kind in pairs:
            cues.setdefault(phrase, []).append(kind)
        self._cue_kinds = tuple(cues.values())
        self.tables = ((self._words, LONGEST), (tuple(cues), OUTERMOST))

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.tables)

    def find(self, text: str, clauses: Sequence[Clause]) -> tuple[list[Opinion], Negators]:
        """Opinions in order, each with the number of its clause; linear in the text."""
        said = self.read(text, clauses, self._matcher.find(text))
        return said.opinions, said.negators

    def read(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> Said:
        """What the matches of ``tables`` say. Opinions that are not meant so (wished, asked, past …) are left out."""
        words, cue_words = found
        cues = self._cues(clauses, cue_words, words) if cue_words else []
        stance = Stance(text, clauses, cues)
        negators = Negators(
            text, [match for match in words if self._kinds[match.term] == _NEGATOR], self._far, self._standing
        )
        plain = self._opinions(text, clauses, words, negators)
        sour = _sour(text, clauses, plain, cues)
        if sour:
            stance.sour(sour)
        if stance.plain:
            return Said(plain, negators, cues, stance, sarcastic=False)
        opinions: list[Opinion] = []
        for opinion in plain:
            weight, rule = stance.weigh(opinion.end - 1, opinion.weight)
            if weight is not None:
                opinions.append(opinion._replace(weight=weight, rule=rule) if rule else opinion)
        return Said(opinions, negators, cues, stance, sarcastic=stance.sarcastic)

    def _cues(self, clauses: Sequence[Clause], matches: Sequence[Match], words: Sequence[Match]) -> list[Cue]:
        cues: list[Cue] = []
        clause = 0
        for match in matches:
            while clause < len(clauses) - 1 and match.start >= clauses[clause].end:
                clause += 1
            cues += [Cue(kind, match.start, match.end, clause) for kind in self._cue_kinds[match.term]]
        clause = 0
        for match in words:
            if self._far[match.term] and self._words[match.term].endswith(_RHETORICAL):
                while clause < len(clauses) - 1 and match.start >= clauses[clause].end:
                    clause += 1
                cues.append(Cue("rhetorical", match.start, match.end, clause))
        return cues

    def _opinions(
        self, text: str, clauses: Sequence[Clause], matches: Sequence[Match], negators: Negators
    ) -> list[Opinion]:
        opinions: list[Opinion] = []
        standing: list[tuple[Match, int]] = []  # negators that speak for themselves unless they turn something
        clause = floor = 0
        borders = [end for _, end, _ in clauses[:-1]]
        for place, match in enumerate(matches):
            start, end, term = match
            while clause < len(borders) and start >= borders[clause]:
                clause += 1
            if self._standing[term]:
                standing.append((match, clause))
            if self._kinds[term] != _OPINION or self._is_degree(matches, place):
                continue
            count, first = negators.chain(text, start, max(floor, clauses[clause].start))
            if count == 1 and self._weights[term] < 0 and not negators.denies(text, first, start):
                count, first = 0, start
            if not count and self._goes_on(opinions, match):  # "没那么轻便好用" denies both
                count = 1 + (opinions[-1].rule == "twice")
            weight: float = self._weights[term] * self._degree(text, matches, place)
            count += not count and self._denied_after(text, match)
            if count % 2:
                weight *= _TURNED
            rule = ("emoji" if self._emoji[term] else "", "turned", "twice", "turned", "twice")[count]
            opinions.append(Opinion(first, end, weight, self._words[term], clause, rule))
            floor = end
        if _WAITED.search(text):
            opinions = _with_waits(text, clauses, opinions)
        return _with_standing(opinions, standing, self._words)

    @staticmethod
    def _denied_after(text: str, match: Match) -> bool:
        """ "一个坏的也没有", "一点毛病都没有"."""
        after = _NONE_AFTER.match(text, match.end)
        return after is not None and "一" in text[max(0, match.start - 4) : match.start]

    def _goes_on(self, opinions: Sequence[Opinion], match: Match) -> bool:
        """Whether the word before says the like and was turned."""
        before = opinions[-1] if opinions else None
        return (
            before is not None
            and before.end == match.start
            and before.rule in ("turned", "twice")
            and OPINIONS[before.term] * self._weights[match.term] > 0
        )

    def _is_degree(self, matches: Sequence[Match], place: int) -> bool:
        """ "好" in front of another feeling only strengthens it: 好贵, 好方便."""
        match = matches[place]
        if self._words[match.term] != "好" or place + 1 == len(matches):
            return False
        after = matches[place + 1]
        return after.start == match.end and self._weights[after.term] != 0

    def _degree(self, text: str, matches: Sequence[Match], place: int) -> float:
        weak = _WEAKENED if _A_LITTLE.match(text, matches[place].end) else 1
        before = matches[place - 1] if place else None
        if before is None or matches[place].start - before.end > 1:
            return weak
        kind = self._kinds[before.term]
        return _STRENGTHENED if kind == _MORE else _WEAKENED if kind == _LESS else weak


def _kind(word: str) -> int:
    if word in NEGATORS:
        return _NEGATOR
    if OPINIONS.get(word):
        return _OPINION
    return _MORE if word in STRONGER else _LESS if word in WEAKER else _HINT


def _with_waits(text: str, clauses: Sequence[Clause], opinions: list[Opinion]) -> list[Opinion]:
    starts = [clause.start for clause in clauses]
    waits = [
        Opinion(wait.start(), wait.end(), -1, wait[0][0], max(0, bisect_left(starts, wait.start() + 1) - 1), "wait")
        for wait in re.finditer(_WAIT, text)
    ]
    return sorted((*opinions, *waits)) if waits else opinions


def _with_standing(
    opinions: list[Opinion], standing: Sequence[tuple[Match, int]], words: Sequence[str]
) -> list[Opinion]:
    """Also those standing negators in whose clause nothing is left for them to turn."""
    if not standing:
        return opinions
    last_of = {opinion.clause: opinion.end for opinion in opinions}
    alone = [
        Opinion(
            match.start, match.end, -0.6 if words[match.term] in _RATHER else -1, words[match.term], clause, "standing"
        )
        for match, clause in standing
        if last_of.get(clause, 0) <= match.start
    ]
    return sorted((*opinions, *alone)) if alone else opinions


def _sour(
    text: str, clauses: Sequence[Clause], opinions: Sequence[Opinion], cues: Sequence[Cue]
) -> list[tuple[int, int]]:
    """Stretches of sarcasm: a cheer followed by a bad fact, praise in quotes, applause after trouble."""
    cheers = {cue.clause: cue for cue in cues if cue.kind == "cheer" and _is_all(cue, clauses[cue.clause])}
    sour: list[tuple[int, int]] = []
    soured: dict[int, tuple[int, int]] = {}
    before: Opinion | None = None
    for opinion in opinions:
        if opinion.weight < 0:
            for number in (opinion.clause, opinion.clause - 1):
                cheer = cheers.get(number)
                if cheer is None or number in soured or cheer.start >= opinion.start:
                    continue
                if number == opinion.clause or clauses[opinion.clause].opens == "soft":
                    soured[number] = sentence(clauses, number)
        elif text[opinion.end - 1] in _CLAPS:
            if before is not None and before.weight < 0 and before.clause == opinion.clause:
                sour.append((opinion.start, opinion.end))
        elif opinion.start and _QUOTES.get(text[opinion.start - 1], "") == text[opinion.end : opinion.end + 1] != "":
            sour.append((opinion.start, opinion.end))
        before = opinion
    return [*sour, *soured.values()]


def _is_all(cue: Cue, clause: Clause) -> bool:
    """Whether the clause is little else than the cue."""
    return cue.start - clause.start <= 2 and clause.end - cue.end <= 3
