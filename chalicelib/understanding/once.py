"""What a text tells twice is tagged once.

"价格比网上便宜,惊喜" praises the price, not the price and the whole; "后排能躺平,坐着很宽敞" names the back seat
once without and once with a verdict. Whoever counts tags would count such a voice twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.domain.voice.understanding import Tag
from chalicelib.understanding.confidence import LINE
from chalicelib.understanding.evidence import ALONE, CLOSE


class Told(NamedTuple):
    """A tag, how its evidence stands (``evidence.OWN`` …), and the review reason that it gives, "" for none."""

    tag: Tag
    how: str
    doubt: str


def once(told: Sequence[Told], whole: str | None) -> tuple[list[Tag], list[str]]:
    """The tags of one text by their place, and what is doubted about them.

    Left out is a verdict on the ``whole`` that no words of its own name, where a topic has the same one (None: kept),
    and a mention of a topic that says nothing, where another says something; wishes are kept. What is below the line
    stands for nothing else.
    """
    verdicts: dict[str, set[str]] = {}
    for tag, how, _ in told:
        if how != ALONE and tag.confidence >= LINE:
            verdicts.setdefault(tag.topic, set()).add(tag.polarity)
    said = frozenset[str]().union(*verdicts.values())
    judged = {topic for topic, polarities in verdicts.items() if polarities - {"neutral"}}
    kept = [
        one
        for one in told
        if one.tag.wished
        or not (
            (one.how == ALONE and one.tag.topic == whole and one.tag.polarity in said)
            or (one.tag.polarity == "neutral" and one.tag.topic in judged)
        )
    ]
    kept.sort(key=lambda one: _place(one.tag))
    return [one.tag for one in kept], [one.doubt for one in kept if one.doubt]


def regained(told: Sequence[Told], revised: Sequence[Tag], left_out: Sequence[Tag], whole: str | None) -> list[Tag]:
    """``revised`` by their place, with those of ``left_out`` that nothing stands for any more.

    Both as what analysts taught changed them: it may take away or turn the verdict that another tag was left out for.
    A topic that they taught to hear is heard as they did.
    """
    how = {_place(one.tag): one.how for one in told}
    taught = {tag.topic for tag in revised if _place(tag) not in how}
    back = [tag for tag in left_out if _place(tag) in how and tag.topic not in taught]
    kept, _ = once([Told(tag, how.get(_place(tag), CLOSE), "") for tag in (*revised, *back)], whole)
    needed = set(kept)
    return sorted((*revised, *(tag for tag in back if tag in needed)), key=_place)


def _place(tag: Tag) -> tuple[int, int, str]:
    return tag.start, tag.end, tag.topic
