"""Where a text speaks of what is not so: wished for, asked, supposed, past, said by others, said of a rival, or sour.

Words there mean something else than they say. Each stance is a set of stretches of the folded text.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from chalicelib.understanding.clauses import Clause

_INSULT: Final = 2  # words so strong are not asked: "你们是摆设吗"
_FLIPPED: Final = -0.7  # what is good of a rival is less than bad of us
_NOT_PAST: Final = ("比", "如", "跟", "和", "像", "较", "是", "与", "同")  # "比以前好" is about today
_COMPARES: Final = ("比", "跟", "和", "没有", "没", "如", "像", "较", "于", "不上", "不及", "与")
_WE: Final = ("你家", "你们", "这家", "我", "本店", "your", "this")
_LAUGHTER: Final = frozenset("呵")
_RATHER: Final = ("是", "就是", "而是", "只是")
_ASKS_LAST: Final = frozenset({"吗"})  # asks at the end of a clause only
_FAR: Final = 24  # characters within which a stance is ended by another word
_REPLY: Final = 3  # clauses within which the present answers the past


class Cue(NamedTuple):
    """Words that say how something is meant."""

    kind: str  # a key of lexicon.CUES
    start: int
    end: int
    clause: int


class Stretches:
    """Stretches of a text, merged; ``hold`` is a search, so that no number of them makes a reader slow."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(pairs):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def hold(self, place: int) -> bool:
        """Whether one of them holds ``place``."""
        at = bisect_right(self._starts, place) - 1
        return at >= 0 and place < self._ends[at]


class Stance:
    """``weigh`` says what a feeling at a place is worth once its stance is taken into account."""

    def __init__(self, text: str, clauses: Sequence[Clause], cues: Sequence[Cue]) -> None:
        self._sour: list[tuple[int, int]] = []
        self._found: dict[str, Stretches] = {}
        if cues:
            self._hear(text, clauses, cues)

    def _hear(self, text: str, clauses: Sequence[Clause], cues: Sequence[Cue]) -> None:
        found: dict[str, list[tuple[int, int]]] = {}
        kinds = {cue.kind for cue in cues}
        rhetorical = {cue.clause for cue in cues if cue.kind == "rhetorical"}
        for number, cue in enumerate(cues):
            clause = clauses[cue.clause]
            if cue.kind == "wish":
                found.setdefault("wish", []).append((clause.start, clause.end))
            elif cue.kind == "asked" and cue.clause not in rhetorical and _asks(text, cue, clause):
                found.setdefault("asked", []).append((clause.start, clause.end))
            elif cue.kind == "if":
                stop = text.find("谁", cue.end, min(clause.end, cue.end + _FAR))
                found.setdefault("void", []).append((cue.start, stop if stop >= 0 else clause.end))
            elif cue.kind == "past" and "now" in kinds:
                _past(text, cues, number, found)
            elif cue.kind == "others" and _answered(clauses, cue.clause):
                found.setdefault("void", []).append((cue.start, clause.end))
            elif cue.kind == "rival" and not _compared(text, clause.start, cue.start):
                found.setdefault("rival", []).append((cue.start, _until(text, cue.end, clause.end)))
            elif cue.kind == "than_you":
                found.setdefault("than_you", []).append((cue.end, clause.end))
            elif cue.kind == "is_not" and _rather(text, clauses, cue.clause):
                found.setdefault("void", []).append((cue.start, clause.end))
            elif cue.kind == "sneer" and sneers(text, cue, clause):
                found.setdefault("sour", []).append(sentence(clauses, cue.clause))
        self._sour = found.get("sour", [])
        self._found = {kind: Stretches(pairs) for kind, pairs in found.items()}

    def sour(self, stretches: Iterable[tuple[int, int]]) -> None:
        """Praise in these stretches is meant the other way round."""
        self._sour += stretches
        self._found["sour"] = Stretches(self._sour)

    @property
    def sarcastic(self) -> bool:
        """Whether praise here may be blame."""
        return "sour" in self._found

    @property
    def asks(self) -> bool:
        """Whether anything here is asked and not said."""
        return "asked" in self._found

    @property
    def plain(self) -> bool:
        """Nothing here means anything but what it says."""
        return not self._found

    def is_(self, kind: str, place: int) -> bool:
        """Whether ``place`` lies in a stretch of that stance: wish | asked | void | rival | than_you | sour."""
        stretches = self._found.get(kind)
        return stretches is not None and stretches.hold(place)

    def weigh(self, place: int, weight: float) -> tuple[float | None, str]:  # noqa: PLR0911 - one line a stance
        """(weight, stance that changed it or ""); None: says nothing about how things are."""
        if not self._found:
            return weight, ""
        if self.is_("void", place):
            return None, "void"
        if self.is_("asked", place) and abs(weight) < _INSULT:
            return None, "asked"
        if self.is_("wish", place) and weight > 0:
            return None, "wish"
        if self.is_("rival", place):
            return (weight * _FLIPPED if weight > 0 else None), "rival"
        if self.is_("than_you", place) or (self.is_("sour", place) and weight > 0):
            return weight * _FLIPPED, "sour" if self.is_("sour", place) else "rival"
        return weight, ""


def sentence(clauses: Sequence[Clause], number: int) -> tuple[int, int]:
    """From the hard border before clause ``number`` to the next one; at most eight clauses either way."""
    first = last = number
    while first > max(0, number - 8) and clauses[first].opens != "hard":
        first -= 1
    while last + 1 < min(len(clauses), number + 9) and clauses[last + 1].opens != "hard":
        last += 1
    return clauses[first].start, clauses[last].end


def _asks(text: str, cue: Cue, clause: Clause) -> bool:
    if text[cue.start].isascii():  # "is it" asks where it comes first: "why is it", "the problem is it"
        return not text[clause.start : cue.start].strip()
    return text[cue.start] not in _ASKS_LAST or cue.end >= clause.end


def _past(text: str, cues: Sequence[Cue], number: int, found: dict[str, list[tuple[int, int]]]) -> None:
    """What was before stands no more once the present answers it."""
    cue = cues[number]
    if text[max(0, cue.start - 1) : cue.start] in _NOT_PAST:
        return
    for later in cues[number + 1 : number + 8]:
        if later.kind == "now" and later.clause - cue.clause <= _REPLY:
            found.setdefault("void", []).append((cue.start, later.start))
            return


def _answered(clauses: Sequence[Clause], number: int) -> bool:
    """Whether the sentence goes on after clause ``number``."""
    return number + 1 < len(clauses) and clauses[number + 1].opens != "hard"


def sneers(text: str, cue: Cue, clause: Clause) -> bool:
    """Laughter sneers only where it opens a sentence; at the end of one it is friendly."""
    return text[cue.start] not in _LAUGHTER or (clause.opens == "hard" and cue.start == clause.start)


def _rather(text: str, clauses: Sequence[Clause], number: int) -> bool:
    """Whether the next clause says what is the case instead."""
    return _answered(clauses, number) and text.startswith(_RATHER, clauses[number + 1].start)


def _compared(text: str, floor: int, place: int) -> bool:
    """Whether the rival that stands at ``place`` is what we are measured by, and not who is spoken of."""
    before = text[max(floor, place - 3) : place]
    return any(word in before for word in _COMPARES)


def _until(text: str, start: int, end: int) -> int:
    """Up to where a rival is spoken of: before we are."""
    near = min(end, start + _FAR)
    return min((place for word in _WE if (place := text.find(word, start, near)) >= 0), default=end)
