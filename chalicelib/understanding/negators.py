"""Where a folded text says no, and what that turns."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from chalicelib.understanding.matcher import Match
from chalicelib.understanding.words import Words

REACH: Final = 4  # characters between a negator and what it turns ("没有想象中好")
FAR_REACH: Final = 12  # idem, where the negator or the words in between bridge more ("没有我想象中的那么好")
LATIN_REACH: Final = 24  # idem, "not what I would call good"
MIXED_REACH: Final = 14  # idem, between a Chinese negator and an English word ("没发现任何 bug")
MAX_NEGATORS: Final = 4  # in one chain; keeps a text of nothing but "不" linear
# These patterns are compiled with the first text that needs them.
_BRIDGE: Final = "那么|这么|那样|这样|想象|预期|宣传|描述|期待|说的|特别|多么|以前|之前|隔壁|别家|专柜|一次|一直|想的"
# What may stand between a negator and the bad word that it denies: "没有任何破损", "没出现什么问题".
_FILLERS: Final = (
    "(?:有|什么|啥|任何|半点|一点|一丝|一处|一个|那么|这么|很|太|特别|非常|是|会|得|到|怎么|让|人|我|你|觉得|感觉|出现|发现|发生|遇到|过|再|"
    "谁|哪里|说|出|别的|其他|其它|想象中?的?|算|至于|能|去|要|啊|呢|大的?|严重的?|明显的?)*"
)
# What ends the reach of a negator: a new thought begins.
_LATIN_STOP: Final = r"\b(?:and|but|because|since|which|when|while|until|unless|who|why)\b"
# What may stand between an English negator and the bad word that it denies: "haven't had any problems"; with any other
# verb in between the bad thing is there: "did not fix the problem".
_LATIN_FILLERS: Final = (
    r"(?: |(?:an?|any|one|single|ever|even|really|very|so|that|too|all|at|been|be|being|have|had|having|has|get|got|"
    r"getting|see|seen|find|found|experienced?|encountered|feel|felt|is|was|are|were|it|there|of|to|in|anything|"
    r"remotely|particularly|the|least|big|major|real|more|go|gone|went|give[sn]?|gave|giving|cause[sd]?|made|makes?|"
    r"me|us|my|you|your|about|or|say|i|i'm|we)"
    r"(?![a-z]))*"
)
# They deny a noun, with a word before it or none: "no disk errors".
_NONE_OF: Final = frozenset(("no", "without", "zero", "none", "not a single", "not one single"))
_LATIN_WORD: Final = r" (?:of the |an? |any |more |real |big )?(?:[a-z]{1,12}[ /])?"
_NEVER_SUCH: Final = "过(?:这么|那么|如此|这样|更|比)"


class Negators:
    """Where a text says no."""

    def __init__(self, text: str, matches: Sequence[Match], words: Words) -> None:
        """``matches``: the negators of ``words`` in a folded text, in order."""
        self._text = text
        self._words = [words[match.term] for match in matches]
        self._starts = [match.start for match in matches]
        self._ends = [match.end for match in matches]

    def chain(self, text: str, place: int, floor: int, *, reach: int = REACH) -> tuple[int, int]:
        """How many negators that do not begin before ``floor`` govern what begins at ``place``, and where the first of
        them begins. ``reach`` is for Chinese, Latin letters have their own."""
        at = bisect_left(self._ends, place + 1) - 1
        if at < 0 or self._starts[at] < floor:
            return 0, place
        latin = text[place].isascii()
        if latin:
            reach = LATIN_REACH if text[self._starts[at]].isascii() else MIXED_REACH
        count, first = 0, place
        while count < MAX_NEGATORS and at >= 0 and self._starts[at] >= floor:
            gap = first - self._ends[at]
            if latin and re.compile(_LATIN_STOP).search(text, self._ends[at], min(first, self._ends[at] + LATIN_REACH)):
                break
            if re.compile(_NEVER_SUCH).search(text, self._ends[at], first) and gap <= FAR_REACH:
                break  # "没吃过这么难吃的" says it the stronger
            if gap > reach and (latin or gap > FAR_REACH or not (self._words[at].far or self._bridged(at, first))):
                break
            count, first, at = count + 1, self._starts[at], at - 1
        return count, first

    def denies(self, text: str, first: int, place: int) -> bool:
        """Whether the one negator at ``first`` denies the bad word at ``place``: nothing but fillers in between, and
        no mere question ("难道是假的吗" suspects, "没耳机差评" complains)."""
        at = bisect_left(self._starts, first)
        if not text[first].isascii():
            if text[place].isascii():
                return True  # "没遇到bug"
        else:
            none = text[self._starts[at] : self._ends[at]] in _NONE_OF
            return (
                re.compile(_LATIN_WORD if none else _LATIN_FILLERS).fullmatch(text, self._ends[at], place) is not None
            )
        return (not self._words[at].standing or text[place] in "不没") and re.compile(_FILLERS).fullmatch(
            text, self._ends[at], place
        ) is not None

    def _bridged(self, at: int, place: int) -> bool:
        return re.compile(_BRIDGE).search(self._text, self._ends[at], place) is not None
