"""What a text tells twice is tagged once.

"价格比网上便宜,惊喜" praises the price, not the price and the whole; "后排能躺平,坐着很宽敞" names the back seat
once without and once with a verdict. Whoever counts tags would count such a voice twice.
"""

from collections.abc import Sequence

from chalicelib.domain.voice.understanding import Tag
from chalicelib.understanding.confidence import LINE
from chalicelib.understanding.evidence import ALONE, CLOSE


class Told:
    """A tag, how its evidence stands (``evidence.OWN`` …), and the review reason that it gives, "" for none."""

    __slots__ = ("doubt", "how", "tag")

    def __init__(self, tag: Tag, how: str, doubt: str) -> None:
        self.tag, self.how, self.doubt = tag, how, doubt


def once(told: Sequence[Told], whole: str | None) -> tuple[list[Tag], list[str]]:
    """The tags of one text by their place, and what is doubted about them.

    Left out is a verdict on the ``whole`` that no words of its own name, where a topic has the same one (None: kept),
    and a mention of a topic that says nothing, where another says something; wishes are kept. What is below the line
    stands for nothing else.
    """
    kept = [*told]
    if len(told) > 1 and any(_is_mention(one) or _is_of_the(whole, one) for one in told):
        sure = [one.tag for one in told if one.how != ALONE and one.tag.confidence >= LINE]
        verdicts = {(tag.topic, tag.polarity) for tag in sure}
        said = {polarity for _, polarity in verdicts}
        judged = {topic for topic, polarity in verdicts if polarity != "neutral"}
        kept = [
            one
            for one in told
            if not (_is_of_the(whole, one) and one.tag.polarity in said)
            and not (_is_mention(one) and one.tag.topic in judged)
        ]
    kept.sort(key=_where)
    return [one.tag for one in kept], [one.doubt for one in kept if one.doubt]


def _is_of_the(whole: str | None, one: Told) -> bool:
    return one.how == ALONE and one.tag.topic == whole and not one.tag.wished


def _is_mention(one: Told) -> bool:
    return one.tag.polarity == "neutral" and not one.tag.wished


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


def _where(told: Told) -> tuple[int, int, str]:
    return _place(told.tag)


def _place(tag: Tag) -> tuple[int, int, str]:
    return tag.start, tag.end, tag.topic
