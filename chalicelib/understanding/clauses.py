"""Cut a folded text into clauses: the stretch in which an opinion speaks about a topic."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Sentence ends part thoughts for good; commas and spaces between Chinese words only loosely: what a clause leaves
# unsaid may stand in the next. "、" joins a list ("物流、服务都好") and parts nothing.
_BORDER: Final = re.compile(
    r"(?P<hard>[。!?;\n\r…]+|\.(?![0-9a-z])|\.{2,})"
    r"|(?P<soft>[,~]+|(?<=[^\x00-\x7f])\s++|(?<!\s)\s++(?=[^\x00-\x7f])|\s[-–—]++\s)"
    r"|(?P<contrast>但是|但(?!凡)|不过(?!分|关|期|敏|时|是)|然而|可是|只是|就是(?=[^是说了,。]{2,12}(?:差|慢|贵|不|没|太|有点))|可惜"
    r"|(?<![a-z])(?:but|however|although|though|except|yet)(?![a-z]))"
)


class Clause(NamedTuple):
    """``text[start:end]``; ``opens`` says how it is parted from the clause before: hard | soft | contrast."""

    start: int
    end: int
    opens: str


def split(text: str) -> list[Clause]:
    """The clauses in order, empty ones left out; a contrast word belongs to the clause that it opens. Linear."""
    clauses: list[Clause] = []
    start, opens = 0, "hard"
    for border in _BORDER.finditer(text):
        kind = border.lastgroup or "soft"
        if text[start : border.start()].strip():
            clauses.append(Clause(start, border.start(), opens))
            opens = kind
        elif kind == "contrast" or opens != "contrast":
            opens = kind if kind != "soft" else opens
        start = border.start() if kind == "contrast" else border.end()
    if text[start:].strip():
        clauses.append(Clause(start, len(text), opens))
    return clauses
