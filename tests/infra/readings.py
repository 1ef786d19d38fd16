"""What readers make of many texts: a job as JSON on standard input, reprs as JSON out.

Runs in a process of its own, on whichever ``chalicelib`` comes first. ``job``: ``texts``, each for two packs or three,
and ``own`` for the pack that they are listed under.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.domain.voice.understanding import Text
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.delta import Delta
from chalicelib.understanding.reader import Reader

SHARES = 3  # of the texts: a pack reads one, the next pack the next
SOME = 15  # of so many texts one is read in every other way, too
TOGETHER = 4  # texts of one voice
TAUGHT = Delta({"物流": -5.0, "不错": 4.0, "慢": 6.0}, {"客服": {"price": 6.0}, "很": {"service": 5.0, "price": -6.0}})


def readings(pack: str, texts: Sequence[str]) -> Iterator[str]:
    """Of each text as it is read when its voice comes in; of some without n-grams, by the lexicon alone, with what a
    workspace taught, and several in one voice."""
    frame, model = shipped.load(pack), weights.load()
    reader = Reader(frame, model)
    yield from (repr(reader.read([Text(text)])) for text in texts)
    some = texts[::SOME]
    yield from (repr(reader.read([Text(text)], explains=False)) for text in some)
    for other in (Reader(frame), Reader(frame, model, TAUGHT), Reader(frame, None, TAUGHT)):
        yield from (repr(other.read([Text(text)])) for text in some)
    for at in range(0, len(some), TOGETHER):
        first, *rest = some[at : at + TOGETHER]
        yield repr(reader.read([Text(first, speaker="staff"), *map(Text, rest)]))


def main() -> None:
    job: dict[str, Any] = json.load(sys.stdin)
    found = {
        pack: [*readings(pack, [*job["texts"][number % SHARES :: SHARES], *job["own"].get(pack, ())])]
        for number, pack in enumerate(shipped.packs())
    }
    loaded = {name: module.__file__ for name, module in sys.modules.items() if name.startswith("chalicelib.")}
    json.dump({"readings": found, "loaded": loaded}, sys.stdout)


if __name__ == "__main__":
    main()
