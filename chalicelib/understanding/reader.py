"""Read a voice: topics with their polarity and the words that say so, red lines, intent, departments.

The first engine: a hand lexicon, no training. Its parts know nothing of channels, so the same sentence gives the same
tags wherever it was said. ``confidence`` ranks by how close the evidence stands; it is not calibrated.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from chalicelib.domain.feedback import Tag, Understanding
from chalicelib.domain.folding import Folded, fold
from chalicelib.domain.voice import Text
from chalicelib.understanding.clauses import Clause, split
from chalicelib.understanding.frame import Frame, Node
from chalicelib.understanding.lexicon import CUES
from chalicelib.understanding.matcher import Matcher
from chalicelib.understanding.redlines import RedLines
from chalicelib.understanding.sentiment import Feelings, Negators, Opinion
from chalicelib.understanding.terms import Hit, TermTable

PRODUCER: Final = "lexicon"
_FAR: Final = 20  # characters between a topic and an opinion on it, within one clause
_LATIN_FAR: Final = 60
_DENIAL_REACH: Final = 2  # characters between a negator and a term that carries its own polarity ("没有任何破损")
_OWN, _SAID, _FAR_OFF, _NEXT_CLAUSE, _UNSAID = 0.9, 0.85, 0.7, 0.6, 0.4  # confidence by where the evidence stands
_POLAR: Final = {"negative": -1.5, "positive": 1.5, "neutral": 0.0}


class _Evidence(NamedTuple):
    """One hit of a topic with what is said about it. ``weight`` None: nothing is said."""

    start: int
    end: int
    weight: float | None
    confidence: float
    terms: tuple[str, ...]


@dataclass(slots=True)
class _Mood:
    """What the whole voice sounds like, summed over its texts."""

    good: float = 0
    bad: float = 0
    cues: set[str] = field(default_factory=set)
    red_lines: set[str] = field(default_factory=set)

    def add(self, weight: float) -> None:
        if weight > 0:
            self.good += weight
        else:
            self.bad -= weight


class Reader:
    """One frame, compiled once; ``read`` is a pure function of the texts."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._topics = TermTable((node.terms, node.excludes) for node in frame.nodes)
        self._red_lines = RedLines(frame)
        self._feelings = Feelings()
        self._cue_kinds = {phrase: kind for kind, phrases in CUES.items() for phrase in phrases}
        self._cues = Matcher(self._cue_kinds, longest=False)

    def read(self, texts: Sequence[Text]) -> Understanding:
        """Tags of the customer's texts, by place; what staff said is never scored. Linear in the texts."""
        tags: list[Tag] = []
        mood = _Mood()
        said: list[str] = []
        for number, text in enumerate(texts):
            if text.speaker != "customer":
                continue
            folded = fold(text.text)
            said.append(folded.text)
            tags += self._read_text(folded, number, mood)
        red_lines = tuple(kind for kind in self._red_lines.kinds if kind in mood.red_lines)
        return Understanding(
            tags=tuple(tags),
            red_lines=red_lines,
            intents=tuple(filter(None, (_intent(mood),))),
            lang=language(said),
            departments=self._departments(red_lines, tags),
            frame_version=self.frame.version,
        )

    def _read_text(self, folded: Folded, number: int, mood: _Mood) -> list[Tag]:
        text = folded.text
        clauses = split(text)
        if not clauses:
            return []
        opinions, negators = self._feelings.find(text, clauses)
        wishes = self._hear_cues(text, clauses, mood)
        mood.red_lines |= self._red_lines.find(text, clauses)
        hits = self._topics.find(text, clauses)
        for opinion in opinions:
            mood.add(opinion.weight)
        found = _Room(text, clauses, opinions, negators, hits)
        evidence: dict[tuple[int, int], list[_Evidence]] = {}
        for hit in self._specific(hits):
            seen = found.evidence(hit)
            if hit.term.polarity is not None and seen.weight is not None:
                mood.add(seen.weight)
            evidence.setdefault((hit.clause, hit.owner), []).append(seen)
        if not evidence and opinions and self.frame.overall is not None:
            strongest = max(opinions, key=lambda opinion: abs(opinion.weight))
            seen = _Evidence(strongest.start, strongest.end, strongest.weight, _SAID, (strongest.term,))
            evidence[strongest.clause, self.frame.nodes.index(self.frame.overall)] = [seen]
        tags = [
            self._tag(self.frame.nodes[owner], seen, folded, number, wished=clause in wishes)
            for (clause, owner), seen in evidence.items()
        ]
        return sorted(tags, key=lambda tag: (tag.start, tag.end, tag.topic))

    def _hear_cues(self, text: str, clauses: Sequence[Clause], mood: _Mood) -> set[int]:
        """Remember the cues for the intent; the clauses in which something is wished for."""
        starts = [clause.start for clause in clauses]
        wishes: set[int] = set()
        for match in self._cues.find(text):
            kind = self._cue_kinds[self._cues.terms[match.term]]
            mood.cues.add(kind)
            if kind == "wish":
                wishes.add(max(0, bisect_left(starts, match.start + 1) - 1))
        return wishes

    def _specific(self, hits: Sequence[Hit]) -> list[Hit]:
        """Without the hits of a topic whose descendant is named in the same clause."""
        ancestors = {(hit.clause, node_id) for hit in hits for node_id in _ancestors(self.frame.nodes[hit.owner].id)}
        return [hit for hit in hits if (hit.clause, self.frame.nodes[hit.owner].id) not in ancestors]

    def _tag(self, node: Node, seen: Sequence[_Evidence], folded: Folded, number: int, *, wished: bool) -> Tag:
        """The strongest evidence decides; of two equally strong ones the bad one."""
        best = max(seen, key=lambda one: (abs(one.weight or 0), -(one.weight or 0)))
        start, end = folded.span(best.start, best.end)
        polarity = _polarity(best.weight, node.prior)
        if wished and polarity == "positive":
            polarity = "neutral"  # what is wished for is not there yet
        return Tag(
            topic=node.id,
            polarity=polarity,
            text=number,
            start=start,
            end=end,
            confidence=best.confidence,
            terms=best.terms,
            need_hint=_need_hint(polarity, node.need, wished=wished),
            producer=PRODUCER,
            version=self.frame.version,
        )

    def _departments(self, red_lines: Sequence[str], tags: Iterable[Tag]) -> tuple[str, ...]:
        """Who has to mend what went wrong: whose red line it is first, then in the order in which it is told."""
        crossed = [line.department for line in self.frame.red_lines if line.kind in red_lines]
        negative = [self.frame.by_id[tag.topic].department for tag in tags if tag.polarity == "negative"]
        return tuple(dict.fromkeys((*crossed, *negative)))


class _Room:
    """One text with everything found in it; tells what is said about a hit."""

    def __init__(
        self, text: str, clauses: Sequence[Clause], opinions: Sequence[Opinion], negators: Negators, hits: Sequence[Hit]
    ) -> None:
        self._text = text
        self._clauses = clauses
        self._opinions = opinions
        self._starts = [opinion.start for opinion in opinions]
        self._negators = negators
        self._hit_starts = [hit.place for hit in hits]
        self._hit_ends = [hit.place + len(hit.term.text) for hit in hits]
        self._named = {hit.clause for hit in hits}
        self._first_of: dict[int, int] = {}
        for place, opinion in enumerate(opinions):
            self._first_of.setdefault(opinion.clause, place)

    def evidence(self, hit: Hit) -> _Evidence:
        if hit.term.polarity is not None:
            weight = _POLAR[hit.term.polarity]
            turned, first = self._negators.before(self._text, hit.place, self._floor(hit), reach=_DENIAL_REACH)
            start = min(hit.start, first)
            return _Evidence(start, hit.end, -weight if turned else weight, _OWN, (hit.term.text,))
        opinion, confidence = self._opinion_on(hit)
        if opinion is None:
            return _Evidence(hit.start, hit.end, None, _UNSAID, (hit.term.text,))
        start, end = min(hit.start, opinion.start), max(hit.end, opinion.end)
        return _Evidence(start, end, opinion.weight, confidence, (hit.term.text, opinion.term))

    def _floor(self, hit: Hit) -> int:
        """A negator before this place speaks of something else: the clause before, or the term before."""
        at = bisect_left(self._hit_starts, hit.place) - 1
        return max(self._clauses[hit.clause].start, self._hit_ends[at] if at >= 0 else 0)

    def _opinion_on(self, hit: Hit) -> tuple[Opinion | None, float]:
        """The closest opinion in the clause; failing that, one of a neighbouring clause that names no topic."""
        at = bisect_left(self._starts, hit.end)
        around = self._opinions[max(0, at - 3) : at + 3]
        costs = [
            (cost, opinion)
            for opinion in around
            if opinion.clause == hit.clause and (cost := self._cost(hit, opinion)) is not None
        ]
        if costs:
            cost, opinion = min(costs)
            return opinion, _SAID if cost <= 8 else _FAR_OFF
        for neighbour in (hit.clause + 1, hit.clause - 1):
            if self._continues(hit.clause, neighbour):
                return self._opinions[self._first_of[neighbour]], _NEXT_CLAUSE
        return None, _UNSAID

    def _cost(self, hit: Hit, opinion: Opinion) -> int | None:
        """Distance, dearer across another topic and where the language puts opinions less often; None when too far."""
        latin = hit.term.text[0].isascii()
        if opinion.start >= hit.end:
            gap, between = opinion.start - hit.end, (hit.end, opinion.start)
            dear = 0
        elif opinion.end <= hit.start:
            gap, between = hit.start - opinion.end, (opinion.start, hit.start)
            dear = (0 if gap <= 2 else 8) if latin else 4
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


def _ancestors(node_id: str) -> Iterable[str]:
    parts = node_id.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts)))


def _polarity(weight: float | None, prior: str) -> str:
    if weight is None:
        return prior
    return "negative" if weight < 0 else "positive" if weight > 0 else "neutral"


def _need_hint(polarity: str, need: str, *, wished: bool) -> str:
    """痛点, 痒点 or 悦点 of one voice; only a hint: what a topic is takes many voices."""
    if wished and polarity != "negative":
        return "itch"
    if polarity == "negative":
        return "itch" if need == "itch" else "pain"
    return "delight" if polarity == "positive" and need == "delight" else "undecided"


def _intent(mood: _Mood) -> str | None:
    """What the customer is after; the first that holds."""
    complains = bool(mood.red_lines) or (mood.bad > 0 and mood.bad >= mood.good)
    verdicts = (
        ("churn_threat", "churn" in mood.cues),
        ("complaint", complains),
        ("suggestion", "wish" in mood.cues),
        ("question", "question" in mood.cues),
        ("praise", mood.good > 0),
        ("thanks", "thanks" in mood.cues),
    )
    return next((intent for intent, holds in verdicts if holds), None)


_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7af]")
_LETTER: Final = re.compile("[a-z]")


def language(texts: Iterable[str]) -> str | None:
    """zh-CN, ja, ko or en, by script; None without letters."""
    joined = "\n".join(texts)
    scripts = ((_KANA, "ja"), (_HANGUL, "ko"), (_HAN, "zh-CN"), (_LETTER, "en"))
    return next((lang for script, lang in scripts if script.search(joined)), None)
