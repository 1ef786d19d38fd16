"""Red lines: words that a person must see within a minute, unless the text denies them ("没有食物中毒").

Suspects are words that may mean it ("孩子…摔"): they count only where the whole voice is bad (``SUSPECTS_AT``), which
``Reader.read`` knows at its end. A neighbour behind a comma counts unless the words between speak of something else:
"箱子砸了，膝盖青了" tells an injury, "箱子砸了，嘴上道歉" does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.matcher import Match
from chalicelib.understanding.terms import Hit, TermTable

SUSPECTS_AT: Final = 0.4  # probability that the voice is positive, up to which its suspects count

# A denial stands right before the words, with nothing but fillers in between: "再不退款就起诉" denies nothing.
# Compiled where the first red line is crossed: most texts cross none.
_NOT: Final = (
    r"没有|没|未|无(?!故)|不是|不会|并非|不至于|不想|不打算|不用|不必|没必要|避免|防止|预防|以免|免得|不担心|不怕|不太?(?:容)?易"
    r"|零|远离|(?<!消)防|(?<![得能])不"
    r"|(?<![a-z])(?:not|no|never|nobody|no one|without|isn't|wasn't|weren't|didn't|don't|won't|wouldn't)(?![a-z])"
)
_FILLER: Final = (
    r"有|会|是|过|再|去|要|说|被|出现|发现|担心|见过?|闻到|看到|发生|造成|引起|导致|遇到|什么|任何|真的|我们|你们|我|人"
    r"|(?<![a-z])(?:a|an|any|the|been|be|was|is|were|get|got|have|had|of|going to|on)(?![a-z])"
)
_DENIAL: Final = rf"(?:(?P<no>{_NOT})\s*(?:(?:{_FILLER})\s*){{0,3}})+$"
# What nearly happened did not happen ("差点没摔死" says the same as "差点摔死").
_NEARLY: Final = (
    r"(?:差一?点儿?|险些)(?:就|没)*(?:被|把|给|我|人){0,2}$"
    r"|要不是(?!因为).{1,14}(?:就|早|都|肯定).{0,4}$|(?:不然|否则)(?:早|我|肯定)*(?:就|要|会)(?:被|要|会|是)*$"
)
# A fire that was prevented is a hazard all the same, and so is who nearly jumped; "否则就起诉" is the threat itself.
_NEAR_IS_ENOUGH: Final = frozenset({"safety", "self_harm", "legal_threat"})
_THEN: Final = "[就又便才都]|结果"  # "没吃完就吐了" denies the meal, "没吃到虫子" the worm
_END: Final = frozenset("。!?;\n…")
_REACH: Final = 24  # characters before the words in which a denial may stand


class RedLines:
    """The red lines of a frame, compiled once."""

    def __init__(self, frame: Frame) -> None:
        self._kinds = tuple(line.kind for line in frame.red_lines)
        self._table = TermTable(((line.terms, line.excludes) for line in frame.red_lines), shadowed=True)
        self._suspects = TermTable(((line.suspects, line.excludes) for line in frame.red_lines), shadowed=True)

        terms, _, words = self._suspects.tables  # its excluding phrases are those of the other table
        self.tables = (*self._table.tables, terms, words)

    def crossed(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> set[str]:
        """Kinds that the folded text crosses; ``found``: what a ``Matcher`` found in ``tables``. Linear in the text."""
        return self._undenied(text, clauses, self._table.hits(text, clauses, found[:3])) if found[0] else set()

    def suspected(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> set[str]:
        """Kinds that the folded text crosses where its voice is bad; ``found`` as in ``crossed``."""
        from chalicelib.understanding.commas import elsewhere

        _, excluding, _, terms, words = found
        sentences = _sentences(text, clauses)
        related: list[Hit] = []
        unrelated: dict[int, int] = {}  # where → sentence
        for hit in self._suspects.hits(text, sentences, (terms, excluding, words)):
            if elsewhere(text, sentences[hit.clause], hit, self._kinds[hit.owner]):
                unrelated[hit.place] = hit.clause
            else:
                related.append(hit)
        if unrelated:  # the nearest neighbour stands elsewhere, another one may stand in the same clause
            hits = self._suspects.hits(text, clauses, (terms, excluding, words))
            related += [hit.moved(unrelated[hit.place]) for hit in hits if hit.place in unrelated]
        return self._undenied(text, sentences, related)

    def _undenied(self, text: str, clauses: Sequence[Clause], hits: Sequence[Hit]) -> set[str]:
        return {
            kind
            for kind, hit in [(self._kinds[hit.owner], hit) for hit in hits]
            if not _denied(text, clauses[hit.clause].start, hit, kind)
        }

    def in_order(self, crossed: Set[str]) -> tuple[str, ...]:
        """The kinds ``crossed`` in the order of the pack."""
        return tuple([kind for kind in self._kinds if kind in crossed]) if crossed else ()


def _sentences(text: str, clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses that no sentence end parts as one; a "but" after a full stop opens a sentence, too."""
    sentences: list[Clause] = []
    for clause in clauses:
        if clause.opens == "hard" or not sentences or not _END.isdisjoint(text[sentences[-1].end : clause.start]):
            sentences.append(clause)
        else:
            sentences[-1] = Clause(sentences[-1].start, clause.end, sentences[-1].opens)
    return sentences


def _denied(text: str, clause: int, hit: Hit, kind: str) -> bool:
    """Whether a denial stands right before the term; or before the neighbour that makes one phrase with it."""
    if _not_so(text[max(clause, hit.place - _REACH) : hit.place], kind):
        return True
    if hit.start == hit.place or re.compile(_THEN).search(text, hit.start, hit.place):
        return False
    return _not_so(text[max(clause, hit.start - _REACH) : hit.start], kind)


def _not_so(before: str, kind: str) -> bool:
    """An odd number of denials at the end of ``before``, or that it nearly happened."""
    denial = re.search(_DENIAL, before)
    if denial is not None and len(re.findall(_NOT, denial[0])) % 2 == 1:
        return True
    return kind not in _NEAR_IS_ENOUGH and re.search(_NEARLY, before) is not None
