"""What a text says about each topic that it names: the words, the weight, and how close the evidence stands."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.sentiment import Opinion, Said
from chalicelib.understanding.terms import Hit

_FAR: Final = 20  # characters between a topic and an opinion on it, within one clause
_LATIN_FAR: Final = 60
_DENIAL_REACH: Final = 2  # characters between a negator and a term that carries its own polarity ("没有任何破损")
_POLAR: Final = {"negative": -1.5, "positive": 1.5, "neutral": 0.0}
_ABSENT: Final = -0.7  # what one misses
_CLOSE: Final = 8  # cost up to which an opinion stands close
# How evidence stands, the surest first.
OWN, CLOSE, FAR, NEXT, UNSAID, ALONE = "own", "close", "far", "next", "unsaid", "alone"


class Evidence:
    """What one hit says, at ``start`` to ``end`` of the folded text. ``weight``: below zero bad, None when nothing is
    said; ``how`` it stands: OWN | CLOSE | FAR | NEXT | UNSAID | ALONE; ``rule`` as in ``Opinion``: why the words mean
    something else than they say."""

    __slots__ = ("end", "how", "rule", "start", "terms", "weight")

    def __init__(
        self, span: tuple[int, int], weight: float | None, how: str, terms: tuple[str, ...], rule: str = ""
    ) -> None:
        self.start, self.end = span
        self.weight, self.how, self.terms, self.rule = weight, how, terms, rule


class Room:
    """One text with everything found in it; tells what is said about a hit."""

    def __init__(self, text: str, clauses: Sequence[Clause], said: Said, hits: Sequence[Hit]) -> None:
        self._text = text
        self._clauses = clauses
        self._opinions = said.opinions
        self._starts = [opinion.start for opinion in said.opinions]
        self._negators = said.negators
        self._stance = said.stance
        self._hit_starts = [hit.place for hit in hits]
        self._hit_ends = [hit.place + len(hit.term.text) for hit in hits]
        self._named = {hit.clause for hit in hits}
        self._first_of: dict[int, int] = {}
        for place, opinion in enumerate(said.opinions):
            if opinion.rule != "faint":  # "send me the receipt, thank you": manners are not about the receipt
                self._first_of.setdefault(opinion.clause, place)

    def evidence(self, hit: Hit) -> Evidence:
        """The hit's own polarity where its words have one and mean it, else the opinion that stands closest."""
        if hit.term.polarity is not None and (wider := self._around(hit)) is not None:
            return Evidence((wider.start, max(hit.end, wider.end)), wider.weight, OWN, (wider.term,), wider.rule)
        if hit.term.polarity is not None:
            count, first = self._negators.chain(self._text, hit.place, self._floor(hit), reach=_DENIAL_REACH)
            if count == 1 and self._spared(hit, first):
                count, first = 0, hit.place
            said = _POLAR[hit.term.polarity] * (-1 if count % 2 else 1)
            weight, rule = self._stance.weigh(hit.place, said)
            if weight is not None:
                rule = rule or ("", "turned", "twice", "turned", "twice")[count]
                return Evidence((min(hit.start, first), hit.end), weight, OWN, (hit.term.text,), rule)
            if rule in ("asked", "wish"):
                return Evidence((hit.start, hit.end), None, UNSAID, (hit.term.text,), rule)
        opinion, how = self._opinion_on(hit)
        if opinion is None:
            return self._unsaid(hit)
        span = min(hit.start, opinion.start), max(hit.end, opinion.end)
        return Evidence(span, opinion.weight, how, (hit.term.text, opinion.term), opinion.rule)

    def _spared(self, hit: Hit, first: int) -> bool:
        """Whether an English negator is about something else: "won't look for my lost luggage"."""
        bad = hit.term.polarity == "negative" and hit.term.text[0].isascii()
        return bad and not self._negators.denies(self._text, first, hit.place)

    def _around(self, hit: Hit) -> Opinion | None:
        """The opinion whose longer word settles what the term means: "给力" in "不给力"."""
        at = bisect_left(self._starts, hit.place) - 1
        if at < 0:
            return None
        opinion, size = self._opinions[at], len(hit.term.text)
        holds = opinion.end >= hit.place + size and size < len(opinion.term) and hit.term.text in opinion.term
        return opinion if holds else None

    def _unsaid(self, hit: Hit) -> Evidence:
        stance = self._stance
        rule = next((kind for kind in ("asked", "wish", "void") if stance.is_(kind, hit.place)), "")
        count, first = self._negators.chain(self._text, hit.place, self._floor(hit))
        if count % 2 and not rule and self._text[first] in "没无看":  # "没看出来有什么效果": it is not there
            return Evidence((first, hit.end), _ABSENT, FAR, (hit.term.text,), "absent")
        return Evidence((hit.start, hit.end), None, UNSAID, (hit.term.text,), rule)

    def _floor(self, hit: Hit) -> int:
        """A negator before this place speaks of something else: the clause before, or the term before."""
        at = bisect_left(self._hit_starts, hit.place) - 1
        return max(self._clauses[hit.clause].start, self._hit_ends[at] if at >= 0 else 0)

    def _opinion_on(self, hit: Hit) -> tuple[Opinion | None, str]:
        """The closest opinion in the clause; failing that, one of a neighbouring clause that names no topic."""
        at = bisect_left(self._starts, hit.end)
        around = self._opinions[max(0, at - 3) : at + 3]
        costs = [
            (cost, opinion)
            for opinion in around
            if opinion.clause == hit.clause and (cost := self._cost(hit, opinion)) is not None
        ]
        if costs:
            cost, opinion = min(costs, key=_dearness)
            return opinion, CLOSE if cost <= _CLOSE and opinion.rule != "faint" else FAR
        for neighbour in (hit.clause + 1, hit.clause - 1):
            if self._continues(hit.clause, neighbour):
                return self._opinions[self._first_of[neighbour]], NEXT
        return None, UNSAID

    def _cost(self, hit: Hit, opinion: Opinion) -> int | None:
        """Distance, dearer across another topic and where the language puts opinions less often; None when too far."""
        latin = hit.term.text[0].isascii()
        if opinion.start >= hit.end:
            gap, between = opinion.start - hit.end, (hit.end, opinion.start)
            dear = 0
        elif opinion.end <= hit.start:
            gap, between = hit.start - opinion.end, (opinion.start, hit.start)
            dear = (0 if gap <= 2 else 8) if latin else 4
        elif opinion.start < hit.start and opinion.end > hit.end and opinion.rule in ("wait", "standing"):
            return 0
        elif opinion.start < hit.start and opinion.end > hit.start:  # its negator stands before the topic
            gap, between, dear = 0, (hit.end, hit.end), 0
        else:
            return None
        if gap > (_LATIN_FAR if latin else _FAR):
            return None
        others = bisect_left(self._hit_starts, between[1]) - bisect_left(self._hit_starts, between[0])
        return gap + dear + 8 * min(others, 2)

    def _continues(self, clause: int, neighbour: int) -> bool:
        """Whether the neighbour may speak for the clause: no full stop or contrast between, no topic of its own."""
        if neighbour not in self._first_of or neighbour in self._named:
            return False
        return self._clauses[max(clause, neighbour)].opens == "soft"


def _dearness(priced: tuple[int, Opinion]) -> tuple[int, int]:
    """Of two that cost the same the first is meant."""
    cost, opinion = priced
    return cost, opinion.start
