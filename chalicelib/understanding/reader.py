"""Read a voice: topics with their polarity and the words that say so, red lines, mood, departments.

A lexicon, and where the artefact knows the frame a linear model on top: the model judges topics and polarity, the
lexicon says which leaf it is and has the last word where rules turn the words round (double negation, sarcasm,
rivals). Nothing here knows of channels, so the same sentence gives the same tags wherever it was said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from chalicelib.domain.text.folding import Folded, fold
from chalicelib.domain.voice.understanding import Gram, Tag, Text, Understanding, need_hint
from chalicelib.understanding import confidence
from chalicelib.understanding.clauses import Clause, split
from chalicelib.understanding.confidence import sigmoid
from chalicelib.understanding.evidence import ALONE, OWN, UNSAID, Evidence, Room
from chalicelib.understanding.frame import Frame, Node
from chalicelib.understanding.matcher import Match, Matcher
from chalicelib.understanding.mood import RULED, TURNED, Mood
from chalicelib.understanding.once import Told, once, regained
from chalicelib.understanding.redlines import SUSPECTS_AT, RedLines
from chalicelib.understanding.scripts import language, letters, mostly_han
from chalicelib.understanding.sentiment import Feelings, Opinion, Said
from chalicelib.understanding.terms import Hit, TermTable
from chalicelib.understanding.uncollected import Uncollected

if TYPE_CHECKING:
    from chalicelib.understanding.delta import Delta
    from chalicelib.understanding.grams import Scan
    from chalicelib.understanding.polarity import PolarityModel
    from chalicelib.understanding.topics import Air, TopicModel
    from chalicelib.understanding.weights import Weights

MOST_GRAMS: Final = 3  # of evidence that a tag carries
_A_FEW: Final = 8  # opinions of a clause that are looked at
_WORTH_A_TOPIC: Final = 6  # characters from which on a voice without any topic is for a person


class Sight:
    """One folded text with everything that the tables found in it. Training reads texts through this, too.

    ``suspects``: where a red line may be crossed, what its tables found.
    """

    __slots__ = ("clauses", "hits", "red_lines", "said", "suspects", "text")

    def __init__(self, text: str, clauses: list[Clause], said: Said) -> None:
        self.text, self.clauses, self.said = text, clauses, said
        self.hits: list[Hit] = []
        self.red_lines: set[str] = set()
        self.suspects: Sequence[Sequence[Match]] = ()


class Lexicon:
    """Everything hand-written, compiled once into one automaton: topics, feelings, cues, red lines."""

    def __init__(self, frame: Frame) -> None:
        self._topics = TermTable((node.terms, node.excludes) for node in frame.nodes)
        self._feelings = Feelings()
        self.red_lines = RedLines(frame)
        self._matcher = Matcher((*self._topics.tables, *self._feelings.tables, *self.red_lines.tables))

    def look(self, text: str) -> Sight:
        """What stands in a folded text; one pass, linear."""
        clauses = split(text)
        if not clauses:
            return Sight(text, [], self._feelings.read(text, [], ([], [])))
        found = self._matcher.find(text)
        sight = Sight(text, clauses, self._feelings.read(text, clauses, found[3:5]))
        sight.hits = self._topics.hits(text, clauses, found[0:3])
        sight.red_lines = self.red_lines.crossed(text, clauses, found[5:])
        if found[8]:
            sight.suspects = found[5:]
        return sight

    def suspected(self, sight: Sight) -> set[str]:
        """Red lines that what was seen crosses in a voice that is bad on the whole."""
        return self.red_lines.suspected(sight.text, sight.clauses, sight.suspects) if sight.suspects else set()


class _Model:
    """The parts of the artefact that a frame uses."""

    __slots__ = ("polarity", "topics", "weights")

    def __init__(self, weights: Weights, polarity: PolarityModel, topics: TopicModel | None) -> None:
        self.weights, self.polarity, self.topics = weights, polarity, topics


class _Reading:
    """What is known of one text while it is read."""

    def __init__(self, number: int, folded: Folded, sight: Sight, *, explains: bool) -> None:
        self.number = number
        self.explains = explains  # whether its tags say which n-grams they rest on
        self.folded = folded
        self.sight = sight
        self.scan: Scan | None = None  # none without a model, and for a text that is hardly Chinese
        self.means = False  # whether it says anything
        self.log_odds = 0.0  # of positive, by the model's document column: what its topics hear
        self.whole = 0.0  # the same of the voice, where a review that turns is weighed side against side
        self.up = self.down = 0.0  # the mood's, of these words alone
        self.grams: dict[int, tuple[Gram, ...]] = {}  # of evidence, by clause
        self.air: Air | None = None  # what its clauses sound like together, where its topics hear that


class Reader:
    """One frame, compiled once; ``read`` is a pure function of the texts. Without ``weights`` the lexicon is alone.

    ``delta``: what a workspace's corrections taught, on top of the weights.
    """

    def __init__(self, frame: Frame, weights: Weights | None = None, delta: Delta | None = None) -> None:
        self.frame = frame
        self._delta = delta
        with Uncollected():
            self._lexicon = Lexicon(frame)
            self._model = _model(frame, weights) if weights is not None else None
        self._overall = frame.nodes.index(frame.overall) if frame.overall is not None else None
        self._places = {node.id: place for place, node in enumerate(frame.nodes)}
        self._whole = self._heard_alone()
        model = self._model.weights.version if self._model is not None else "0"
        self.model_version = model if delta is None else f"{model}~{delta.version}"

    def read(self, texts: Sequence[Text], *, explains: bool = True) -> Understanding:
        """Tags of the customer's texts, by place; what staff said is never scored. Linear in the texts.

        ``explains``: whether the tags carry the n-grams that they rest on. Who only counts tags saves that.
        """
        tags: list[Tag] = []
        mood = Mood()
        said: list[str] = []
        readings: list[_Reading] = []
        unsure: list[str] = []
        scripts: set[str] = set()
        for number, text in enumerate(texts):
            if text.speaker != "customer":
                continue
            folded = fold(text.text)
            said.append(folded.text)
            reading = _Reading(number, folded, self._lexicon.look(folded.text), explains=explains)
            spelled = letters(folded.text)
            scripts.update(spelled)
            if self._model is not None and mostly_han(spelled):
                reading.scan = self._model.weights.scan(folded.text)
            if reading.sight.clauses:
                up, down = mood.up, mood.down
                tags += self._read_text(reading, mood, unsure)
                reading.up, reading.down = mood.up - up, mood.down - down
                readings.append(reading)
        probability = self._probability(readings, mood)
        if probability is not None and probability <= SUSPECTS_AT:
            for reading in readings:
                mood.red_lines |= self._lexicon.suspected(reading.sight)
        intents = mood.intents
        red_lines = self._lexicon.red_lines.in_order(mood.red_lines)
        return Understanding(
            tags=tuple(tags),
            red_lines=red_lines,
            intents=intents,
            lang=language(scripts),
            departments=self._departments(red_lines, tags),
            polarity=probability,
            actionability=mood.actionability(intents) if said else None,
            effort=mood.effort,
            emotion=mood.emotion if mood.meaningful else None,
            behaviour=mood.behaviour,
            review=_review(said, tags, mood, probability, unsure),
            frame_version=self.frame.version,
            model_version=self.model_version,
        )

    # ------------------------------------------------------------ one text

    def _read_text(self, reading: _Reading, mood: Mood, unsure: list[str]) -> list[Tag]:
        sight = reading.sight
        text, clauses, said, hits = sight.text, sight.clauses, sight.said, sight.hits
        seen_by_hit: list[tuple[Hit, Evidence]] = []
        if hits:
            room = Room(text, clauses, said, hits)
            seen_by_hit = [(hit, room.evidence(hit)) for hit in hits]
        means = mood.hear(text, clauses, said, [(hit.clause, seen) for hit, seen in seen_by_hit])
        mood.red_lines |= sight.red_lines
        reading.means = means
        if not means:
            return []
        if self._model is not None and reading.scan is not None:
            reading.log_odds, reading.whole = self._model.polarity.judge(reading.scan, clauses, said.opinions)
        evidence = self._evidence(seen_by_hit)
        self._of_the_whole(evidence, said)
        verdicts = self._verdicts(reading)
        if verdicts is not None:
            evidence = self._governed(evidence, verdicts, reading)
        told = [self._told(reading, place, seen, verdicts or {}) for place, seen in evidence.items()]
        tags, doubts = once(told, whole=self._whole)
        self._as_topics_say(reading, tags)
        if self._delta is not None:
            tags, doubts = self._revised(self._delta, reading, told, tags, doubts)
        unsure += doubts
        return tags

    def _of_the_whole(self, evidence: dict[tuple[int, int], list[Evidence]], said: Said) -> None:
        """Add what clauses without a topic say: they say it of the whole, if they say it and do not only hint at it."""
        if self._overall is None:
            return
        named = {clause for clause, _ in evidence}
        for one in said.opinions:
            if one.clause not in named and one.rule != "faint":
                seen = Evidence((one.start, one.end), one.weight, ALONE, (one.term,), one.rule)
                evidence.setdefault((one.clause, self._overall), []).append(seen)

    def _heard_alone(self) -> str | None:
        """The node of the whole where only the lexicon hears it; a head of the model learned where it is told beside
        other topics, and a lexicon without a model tags whatever it sees."""
        overall = self.frame.overall
        if overall is None or self._model is None or self._model.topics is None:
            return None
        return overall.id if self._model.topics.governs(overall.id) is None else None

    def _as_topics_say(self, reading: _Reading, tags: Sequence[Tag]) -> None:
        """Where a text is about one thing, seldom two, it is as good as what it says of that: the mean of its topics'
        log-odds, each of which can be believed. What it says of the whole is not counted, nor what says nothing."""
        if self._model is None or self._model.topics is None or not self._model.topics.rivals or reading.scan is None:
            return
        overall = self.frame.overall.id if self.frame.overall is not None else None
        said = [tag.score for tag in tags if tag.score and tag.topic != overall]
        if said:
            reading.whole = self._model.polarity.believed(sum(said) / len(said))

    def _revised(
        self, delta: Delta, reading: _Reading, told: Sequence[Told], tags: Sequence[Tag], doubts: list[str]
    ) -> tuple[list[Tag], list[str]]:
        """The tags and what is doubted about them after what the workspace's analysts taught."""
        clauses = reading.sight.clauses
        reading.whole += delta.document(reading.sight.text, clauses)
        revised = self._by_delta(delta, reading, tags)
        known = set(tags)
        left_out = [one.tag for one in told if one.tag not in known]
        if left_out:
            revised = regained(told, revised, self._by_delta(delta, reading, left_out), self._whole)
        below = any(tag.confidence < confidence.LINE for tag in revised)
        return revised, (doubts or ["unsure_topic"]) if below else []

    def _by_delta(self, delta: Delta, reading: _Reading, tags: Sequence[Tag]) -> list[Tag]:
        clauses, version = reading.sight.clauses, self.model_version
        return delta.revise(reading.folded, clauses, tags, reading.number, self.frame, version=version)

    def _evidence(self, seen_by_hit: Sequence[tuple[Hit, Evidence]]) -> dict[tuple[int, int], list[Evidence]]:
        """(clause number, node number) → evidence, without topics whose descendant is named in the same clause."""
        nodes = self.frame.nodes
        ancestors = {(hit.clause, above) for hit, _ in seen_by_hit for above in _ancestors(nodes[hit.owner].id)}
        found: dict[tuple[int, int], list[Evidence]] = {}
        for hit, seen in seen_by_hit:
            if (hit.clause, nodes[hit.owner].id) not in ancestors:
                found.setdefault((hit.clause, hit.owner), []).append(seen)
        return found

    def _verdicts(self, reading: _Reading) -> dict[tuple[int, str], float] | None:
        """(clause number, head) → confidence, by the topic model; None where the lexicon is alone."""
        if self._model is None or self._model.topics is None or reading.scan is None:
            return None
        return self._model.topics.read(reading.scan, reading.sight.clauses, reading.sight.hits)

    def _governed(
        self,
        evidence: dict[tuple[int, int], list[Evidence]],
        verdicts: dict[tuple[int, str], float],
        reading: _Reading,
    ) -> dict[tuple[int, int], list[Evidence]]:
        """The lexicon's evidence where a head of the model agrees or governs nothing, and heads that it saw nowhere."""
        assert self._model is not None and self._model.topics is not None  # noqa: S101, PT018 - for the type checker
        governs = self._model.topics.governs
        kept: dict[tuple[int, int], list[Evidence]] = {}
        named: set[str] = set()
        for (clause, place), seen in evidence.items():
            head = governs(self.frame.nodes[place].id)
            if head is None or (clause, head) in verdicts:
                kept[clause, place] = seen
                if head is not None:
                    named.add(head)
        for clause, head in verdicts:
            if head not in named:
                kept[clause, self._places[head]] = [_unnamed(reading.sight, clause)]
        return kept

    # ------------------------------------------------------------ one tag

    def _told(
        self,
        reading: _Reading,
        place: tuple[int, int],
        seen: Sequence[Evidence],
        verdicts: dict[tuple[int, str], float],
    ) -> Told:
        """The strongest evidence decides; of two equally strong ones the bad one."""
        clause_number, owner = place
        node = self.frame.nodes[owner]
        best = seen[0] if len(seen) == 1 else max(seen, key=lambda one: (abs(one.weight or 0), -(one.weight or 0)))
        by_model = self._topic_confidence(clause_number, node, verdicts)
        polarity, score, sure = self._polarity(reading, clause_number, node, best)
        topic_sure = by_model if by_model is not None else confidence.TOPIC_BY_EVIDENCE[best.how]
        if best.rule == "sour":
            sure = min(sure, confidence.SARCASTIC)
        start, end = reading.folded.span(best.start, best.end)
        wished = reading.sight.said.stance.is_("wish", best.start)
        tag = Tag(
            topic=node.id,
            polarity=polarity,
            text=reading.number,
            start=start,
            end=end,
            confidence=_rounded(max(0.01, topic_sure * sure)),
            terms=best.terms,
            need_hint=need_hint(polarity, node.need, wished=wished),
            producer="lexicon" if by_model is None else "model",
            version=self.frame.version if by_model is None else self.model_version,
            score=_rounded(score),
            grams=self._grams(reading, clause_number),
        )
        return Told(tag, best.how, _doubt(topic_sure, sure, best))

    def _topic_confidence(self, clause: int, node: Node, verdicts: dict[tuple[int, str], float]) -> float | None:
        if not verdicts or self._model is None or self._model.topics is None:
            return None
        head = self._model.topics.governs(node.id)
        return verdicts.get((clause, head)) if head is not None else None

    def _polarity(self, reading: _Reading, clause: int, node: Node, seen: Evidence) -> tuple[str, float, float]:
        """(polarity, log-odds of positive, probability that the polarity is right)."""
        model = self._model
        wished = seen.rule in ("wish", "asked", "void")
        if model is None or model.topics is None or reading.scan is None or wished:
            return _by_lexicon(seen, node)
        if reading.air is None:
            reading.air = model.topics.air(reading.scan, reading.sight.clauses, reading.sight.hits)
        log_odds, neutral = model.topics.polarity(
            reading.scan,
            reading.sight.clauses[clause],
            node.id,
            seen.weight,
            reading.log_odds,
            own=(seen.weight or 0.0) if seen.how == OWN else 0.0,
            air=reading.air,
        )
        if _decides(seen):
            return _unless(neutral, log_odds, *_by_lexicon(seen, node))
        if seen.weight is not None and seen.rule in TURNED:
            log_odds += confidence.TURNED_WORDS * seen.weight
        positive = sigmoid(log_odds)
        polarity, sure = ("negative", 1 - positive) if positive <= 0.5 else ("positive", positive)
        if (1 - neutral) * sure < neutral:
            return "neutral", log_odds, neutral
        return polarity, log_odds, (1 - neutral) * sure

    def _grams(self, reading: _Reading, number: int) -> tuple[Gram, ...]:
        """The n-grams of the clause that weighed most for its polarity, at most three, none over another."""
        if not reading.explains or self._model is None or reading.scan is None:
            return ()
        if number in reading.grams:
            return reading.grams[number]
        clause = reading.sight.clauses[number]
        chosen: list[Gram] = []
        for first, last, weight in self._model.polarity.loudest(reading.scan, clause.start, clause.end):
            start, end = reading.folded.span(first, last)
            if not [other for other in chosen if start < other.end and end > other.start]:
                chosen.append(Gram(start, end, _rounded(weight)))
                if len(chosen) == MOST_GRAMS:
                    break
        reading.grams[number] = grams = tuple(sorted(chosen))
        return grams

    # ------------------------------------------------------------ the whole voice

    def _probability(self, readings: Sequence[_Reading], mood: Mood) -> float | None:
        """Calibrated probability that the voice is positive; None when there is nothing to read."""
        if not mood.meaningful:
            return None
        log_odds = _over_all(readings)
        if self._model is None or not any(reading.scan is not None for reading in readings):
            if not mood.good and not mood.bad and not log_odds:
                return None
            return round(sigmoid(confidence.by_lexicon(mood.up, mood.down) + log_odds), 4)
        if mood.overruled:
            log_odds = confidence.overrule(log_odds, mood.up, mood.down)
        return round(self._model.polarity.probability(log_odds), 4)

    def _departments(self, red_lines: Sequence[str], tags: Iterable[Tag]) -> tuple[str, ...]:
        """Who has to mend what went wrong: whose red line it is first, then in the order in which it is told."""
        crossed = [line.department for line in self.frame.red_lines if line.kind in red_lines] if red_lines else ()
        negative = [
            self.frame.by_id[tag.topic].department
            for tag in tags
            if tag.polarity == "negative" and tag.confidence >= confidence.LINE
        ]
        return tuple(dict.fromkeys((*crossed, *negative)))


def _over_all(readings: Sequence[_Reading]) -> float:
    """Log-odds of positive of several texts: the mean by length. A sum would be sure of whatever is said at length.

    Beside a text that the model can read, one that it cannot counts by its own words of feeling.
    """
    modelled = any(reading.scan is not None for reading in readings)
    weighed = weight = 0.0
    for reading in readings:
        if reading.means:
            own = confidence.by_lexicon(reading.up, reading.down) if modelled and reading.scan is None else 0.0
            weight += len(reading.sight.text)
            weighed += len(reading.sight.text) * (reading.whole + own)
    return weighed / weight if weight else 0.0


def _model(frame: Frame, weights: Weights) -> _Model:
    from chalicelib.understanding.polarity import PolarityModel
    from chalicelib.understanding.topics import TopicModel

    return _Model(weights, PolarityModel(weights, frame.packs), TopicModel.for_frame(weights, frame))


def _unnamed(sight: Sight, number: int) -> Evidence:
    """What a clause says about a topic that only the model saw in it: its strongest opinion."""
    clause = sight.clauses[number]
    first = bisect_left(sight.said.opinions, clause.start, key=_start)
    opinions = [opinion for opinion in sight.said.opinions[first : first + _A_FEW] if opinion.clause == number]
    start = (
        clause.start + len(sight.text[clause.start : clause.end]) - len(sight.text[clause.start : clause.end].lstrip())
    )
    end = clause.start + len(sight.text[clause.start : clause.end].rstrip())
    if not opinions:
        return Evidence((start, end), None, UNSAID, ())
    best = max(opinions, key=lambda opinion: abs(opinion.weight))
    return Evidence((start, end), best.weight, "close", (best.term,), best.rule)


def _decides(seen: Evidence) -> bool:
    """Whether rules read the words where n-grams cannot: then the lexicon has the last word."""
    return seen.rule in RULED or (seen.how == OWN and seen.rule in TURNED)


def _start(opinion: Opinion) -> int:
    return opinion.start


def _rounded(value: float) -> float:
    """To three decimals. ``round(value, 3)`` writes the number out and reads it again, which costs far more."""
    return round(value * 1000) / 1000


def _doubt(topic_sure: float, sure: float, seen: Evidence) -> str:
    """What of a tag is for a person to look at, "" where nothing is."""
    if topic_sure < confidence.LINE:
        return "unsure_topic"
    return "unsure_polarity" if topic_sure * sure < confidence.LINE and seen.weight is not None else ""


def _by_lexicon(seen: Evidence, node: Node) -> tuple[str, float, float]:
    weight = seen.weight
    if weight is None:
        neutral = seen.rule in ("wish", "asked", "void")
        polarity = "neutral" if neutral else node.prior
    else:
        polarity = "negative" if weight < 0 else "positive" if weight > 0 else "neutral"
    sure = confidence.BY_EVIDENCE[seen.how] / confidence.TOPIC_BY_EVIDENCE[seen.how]
    return polarity, confidence.SCORE * (weight or 0.0), min(1.0, sure)


def _unless(neutral: float, log_odds: float, polarity: str, score: float, sure: float) -> tuple[str, float, float]:
    """What rules read, or that nothing is felt, where that is likelier: rules turn words, they do not weigh posts."""
    if (1 - neutral) * sure < neutral:
        return "neutral", log_odds, neutral
    return polarity, score, sure


def _ancestors(node_id: str) -> Iterable[str]:
    parts = node_id.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts)))


def _is_unsure(probability: float | None) -> bool:
    return probability is not None and confidence.UNSURE_ABOVE < probability < confidence.UNSURE_BELOW


def _review(
    said: Sequence[str], tags: Sequence[Tag], mood: Mood, probability: float | None, unsure: Sequence[str]
) -> tuple[str, ...]:
    """vocabulary.REVIEW_REASONS: why a person should look."""
    if not mood.meaningful:
        return ()
    reasons = (
        ("unsure_topic", "unsure_topic" in unsure),
        ("unsure_polarity", "unsure_polarity" in unsure or _is_unsure(probability)),
        ("sarcasm", mood.sarcastic),
        ("no_topic", not tags and sum(map(len, said)) >= _WORTH_A_TOPIC and not mood.cues),
    )
    return tuple(reason for reason, holds in reasons if holds)
