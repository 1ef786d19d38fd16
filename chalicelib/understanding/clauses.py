"""Cut a folded text into clauses: the stretch in which an opinion speaks about a topic."""

import re
from collections.abc import Iterator
from typing import Final

# Sentence ends part thoughts for good; commas and spaces between Chinese words only loosely: what a clause leaves
# unsaid may stand in the next. "、" joins a list ("物流、服务都好") and parts nothing.
# A border begins with one of a few characters, so that the engine skips what lies between; each way to go on looks back
# at which of them it was.
_BORDER: Final = re.compile(
    r"[。!?;\n\r….,~\s但不然可只就却bhatey](?:"
    r"(?P<hard>(?<=[。!?;\n\r…])[。!?;\n\r…]*+|(?<=\.)(?![0-9a-z]))"
    r"|(?P<soft>(?<=[,~])[,~]*+|(?<=[^\x00-\x7f]\s)\s*+|(?<=\s)(?<!\s\s)\s*+(?=[^\x00-\x7f])|(?<=\s)[-–—]++\s)"
    r"|(?P<contrast>(?<=但)(?!凡)是?|(?<=不)过(?!分|关|期|敏|时|是)|(?<=然)而|(?<=可)[是惜]|(?<=只)是"
    r"|(?<=就)是(?=[^是说了,。]{2,12}(?:差|慢|贵|不|没|太|有点))"
    r"|(?<=却)(?<![冷忘退了推]却)(?!步)"
    r"|(?<![a-z][bhatey])(?:(?<=b)ut(?<!anything but)(?<!nothing but)(?<!can't help but)(?<!cannot help but)"
    r"|(?<=h)owever|(?<=a)lthough|(?<=t)hough|(?<=e)xcept|(?<=y)et(?<!not yet)(?<!better yet))(?![a-z])))"
)

# Speech that was written down by a machine has no punctuation. What says nothing but "and then" parts a stretch that
# is too long to be one thought; where there is none, the particle that ends a phrase does. Compiled with the first.
SPOKEN: Final = 24  # characters; a longer stretch is parted where it can be
_SHORTEST: Final = 5  # characters on either side of such a cut
_LONGEST: Final = 60  # characters; a longer stretch is parted wherever a word may end
_MARKER: Final = (
    r"(?:然后|而且|并且|另外|还有就?|再有|后来|结果(?!是)|所以|因此|反正|于是|接着|同时|首先|其次|最后(?!一)"
    r"|(?<!说)那个(?=[^,]))"
)
_PARTICLE: Final = r"(?<=[了吗呢吧啊呀嘛哦])(?![了吗呢吧啊呀嘛哦的])"
_WORD_END: Final = r"(?![a-z0-9])"


class Clause:
    """``text[start:end]``; ``opens`` says how it is parted from the clause before: hard | soft | contrast."""

    __slots__ = ("end", "opens", "start")

    def __init__(self, start: int, end: int, opens: str) -> None:
        self.start, self.end, self.opens = start, end, opens


def split(text: str) -> list[Clause]:
    """The clauses in order, empty ones left out; a contrast word belongs to the clause that it opens. Linear."""
    clauses: list[Clause] = []
    start, opens = 0, "hard"
    for border in _BORDER.finditer(text):
        kind = border.lastgroup or "soft"
        if text[start : border.start()].strip():
            _add(clauses, text, Clause(start, border.start(), opens))
            opens = kind
        elif kind == "contrast" or opens != "contrast":
            opens = kind if kind != "soft" else opens
        start = border.start() if kind == "contrast" else border.end()
    if text[start:].strip():
        _add(clauses, text, Clause(start, len(text), opens))
    return clauses


def _add(clauses: list[Clause], text: str, clause: Clause) -> None:
    """The clause, in parts when it is Chinese speech without punctuation."""
    if clause.end - clause.start <= SPOKEN or text[clause.start : clause.end].isascii():
        clauses.append(clause)
        return
    start, opens = clause.start, clause.opens
    for cut in _cuts(text, clause):
        clauses.append(Clause(start, cut, opens))
        start, opens = cut, "soft"
    clauses.append(Clause(start, clause.end, opens))


def _cuts(text: str, clause: Clause) -> Iterator[int]:
    """Places to part a long clause, each at least ``_SHORTEST`` from its neighbours and the ends."""
    last = clause.start
    particle, word_end = re.compile(_PARTICLE), re.compile(_WORD_END)
    marks = [mark.start() for mark in re.compile(_MARKER).finditer(text, clause.start, clause.end)]
    for place in (*marks, clause.end):
        if place - last > SPOKEN:
            for end in particle.finditer(text, last, place):
                if end.start() - last >= 2 * _SHORTEST and place - end.start() >= _SHORTEST:
                    last = end.start()
                    yield last
        while place - last > _LONGEST:
            last = word_end.search(text, last + _LONGEST // 2).start()  # type: ignore[union-attr]  # an end always is
            if place - last < _SHORTEST:
                break
            yield last
        if place - last >= _SHORTEST and clause.end - place >= _SHORTEST:
            last = place
            yield last
