"""Opinions in a folded text: words of feeling, turned by negation, weighed by degree, and by how they are meant."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.lexicon import COMES, CUES, FAINT, FAINT_NEGATORS, OPINIONS, UNABLE
from chalicelib.understanding.matcher import LONGEST, OUTERMOST, Match, Matcher
from chalicelib.understanding.negators import Negators
from chalicelib.understanding.stance import Cue, Stance, sentence
from chalicelib.understanding.words import LATIN, LESS, MORE, NEGATOR, OPINION, RATHER, Word, Words, parted

_TURNED: Final = -0.7  # "not bad" is less than "good"
_TURNS: Final = ("turned", "twice", "turned", "twice")  # the rule of an opinion under one, two … negators
_STRENGTHENED: Final = 1.5
_WEAKENED: Final = 0.6
_NUMBER: Final = "[0-9一二两三四五六七八九十几半多]"
# Waiting is told in numbers: "等了三个小时", "走了半个月". Compiled with the first text that says _WAITED.
_WAITED: Final = ("等了", "走了", "拖了", "催了", "排了")
_WAIT: Final = (
    f"(?:等|走|拖|催|排)了(?:我|整整|快|将近|差不多|足足)?{_NUMBER}+个?多?(?:天|周|星期|礼拜|月|小时|钟头|分钟)"
)
# In English only where somebody waits, for a battery should last ten hours. Minutes are long from twenty up.
_UNITS: Final = ("hour", "hr", "min", "day", "week", "month")
_ENGLISH_WAIT: Final = (
    r"\b(?<!only )(?<!just )"
    r"(?:(?P<waits>took|waits?|waited|waiting|sat|sitting|stood|standing|it's been|it has been|going on|stuck|queued)|"
    r"takes?|taking|spent|past|another|after|over|for)"
    r"(?: (?!only\b|just\b|less\b|under\b|about to\b|no more\b)[a-z]{1,10}){0,3}? "
    r"(?P<time>(?:\d{1,2}\+?|an?|one|two|three|four|five|six|seven|eight|nine|ten|several|many|few)[ -]?(?:more )?"
    r"(?:hours?|hrs?|days?|weeks?|months?)|(?:[2-9]\d|1\d\d)\+? ?(?:minutes?|mins?))\b"
)
# Somebody waits: close before or behind a time in the same clause.
_COMPANY: Final = (
    r"\b(?:wait(?:s|ed|ing)?|on hold|hold for|held up|queue|queued|queueing|queuing|in line|(?:the|long) lines?|"
    r"stuck|stranded|trapped|delay|delays|delayed|took|sat|sitting|stood|standing|hanging|tarmac|runway|"
    r"on (?:the|a) (?:plane|phone)|trying|tried (?:to|for|over|calling)|no (?:reply|answer|response|one)|nobody|"
    r"to (?:get (?:an?|my|our|the|someone)|hear|be|reply|respond|answer|arrive|ship|deliver|check|board|load|open))\b"
)
_NEAR: Final = (40, 24)  # characters before and behind a time
_A_LITTLE: Final = "了?一?[点些](?!不)"  # "慢了点"
_A_LITTLE_BEGINS: Final = ("点", "些", "一", "了")
# "I can't recommend it enough" praises.
_ENOUGH: Final = r"(?: (?!and\b|or\b|but\b|not\b)[a-z']{1,12}){0,4}? enough(?![a-z])"
_CANNOT: Final = ("can't", "cannot", "couldn't", "can not", "cant", "couldnt")
_SAID: Final = frozenset(("recommend", "appreciate", "thank you", "thank u", "thanks"))
_OR, _AND = " or ", " and "  # "not clean or quiet" denies both, and so does "not clean and quiet enough"
_BRACKET: Final = r"(?<! [:=])(?<!:[-'])(?<!>:)\(|\)"  # but those of frowns
# "<3" in front of these is no heart but a measure.
_MEASURE: Final = (
    r"[^\W_]|\.\d| ?%| (?:kg|g|mg|t|lbs?|oz|mm|cm|m|km|ml|l|h|hrs?|hours?|s|secs?|seconds?|mins?|minutes?|days?|weeks?|"
    r"months?|years?|stars?|items?|pcs|pieces|people|persons|nights?|times)(?![a-z])"
)
_NONE_AFTER: Final = "[^,。!?;]{0,2}[也都]没有?"
_QUOTES: Final = {"“": "”", '"': '"', "「": "」", "『": "』", "'": "'", "‘": "’"}
_CLAPS: Final = frozenset(("👍", "👏", "💯", "🌹"))
_RHETORICAL: Final = ("难道", "怎么能", "怎么可能", "怎能", "岂", "也叫", "能叫", "这叫", "好意思")


class Opinion:
    """``text[start:end]`` is the evidence, its negator included. ``weight``: below zero bad, above zero good; ``term``:
    the lexicon's entry; ``rule``: what made it say something else than its word: "" | "turned" | "twice" | "rival" |
    "sour" | …"""

    __slots__ = ("clause", "end", "rule", "start", "term", "weight")

    def __init__(self, span: tuple[int, int], weight: float, term: str, clause: int, rule: str = "") -> None:
        self.start, self.end = span
        self.weight, self.term, self.clause, self.rule = weight, term, clause, rule

    def meant(self, weight: float, rule: str) -> Opinion:
        """The same words, meant otherwise."""
        return Opinion((self.start, self.end), weight, self.term, self.clause, rule)


def in_order(opinion: Opinion) -> tuple[int, int]:
    """What opinions of a text are sorted by."""
    return opinion.start, opinion.end


class Said:
    """What the words of feeling of one text say."""

    __slots__ = ("cues", "negators", "opinions", "sarcastic", "stance")

    def __init__(
        self, opinions: list[Opinion], negators: Negators, cues: list[Cue], stance: Stance, *, sarcastic: bool
    ) -> None:
        self.opinions, self.negators, self.cues, self.stance = opinions, negators, cues, stance
        self.sarcastic = sarcastic


class Feelings:
    """The lexicon, compiled once. ``tables`` go into a ``Matcher``; what that finds in them goes into ``read``.

    The English words have an automaton of their own, compiled with the first text in Latin letters: most readers never
    meet one, and should not start the slower for it.
    """

    def __init__(self) -> None:
        self._words = Words()
        cues: dict[str, list[str]] = {}
        for kind, phrases in CUES.items():
            for phrase in phrases:
                cues.setdefault(phrase, []).append(kind)
        chinese_cues, english_cues = parted(cues)
        self._cue_kinds = tuple(cues[phrase] for phrase in (*chinese_cues, *english_cues))
        self.tables = ((self._words.chinese, LONGEST), (chinese_cues, OUTERMOST))
        english = ((self._words.english, LONGEST), (english_cues, OUTERMOST))
        chinese = self.tables  # not through self, which would hold itself until the collector comes
        self._matcher = lru_cache(maxsize=1)(lambda: Matcher(chinese))
        self._english_matcher = lru_cache(maxsize=1)(lambda: Matcher(english))

    def find(self, text: str, clauses: Sequence[Clause]) -> tuple[list[Opinion], Negators]:
        """Opinions in order, each with the number of its clause; linear in the text."""
        said = self.read(text, clauses, self._matcher().find(text))
        return said.opinions, said.negators

    def read(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> Said:
        """What the matches of ``tables`` say. Opinions that are not meant so (wished, asked, past …) are left out."""
        words, cue_words = self._with_english(text, found) if LATIN.search(text) else found
        cues = self._cues(text, clauses, (cue_words, words)) if cue_words else []
        stance = Stance(text, clauses, cues)
        met = [self._words[match.term] for match in words]
        turning = [match for match, word in zip(words, met, strict=True) if word.kind == NEGATOR]
        negators = Negators(text, turning, self._words)
        plain = self._opinions(text, clauses, (words, met), negators)
        sour = _sour(text, clauses, plain, cues)
        if sour:
            stance.sour(sour)
        if stance.plain:
            return Said(plain, negators, cues, stance, sarcastic=False)
        opinions: list[Opinion] = []
        for opinion in plain:
            weight, rule = stance.weigh(opinion.end - 1, opinion.weight)
            if weight is not None:
                opinions.append(opinion.meant(weight, rule) if rule else opinion)
        return Said(opinions, negators, cues, stance, sarcastic=stance.sarcastic)

    def _with_english(self, text: str, found: Sequence[Sequence[Match]]) -> list[Sequence[Match]]:
        """The matches of ``tables`` and those of the English words, by their start."""
        united: list[Sequence[Match]] = []
        for table, matches in enumerate(self._english_matcher().find(text)):
            first = len(self.tables[table][0])
            numbered = [Match(match.start, match.end, first + match.term) for match in matches]
            united.append(sorted((*found[table], *numbered), key=_place) if found[table] else numbered)
        return united

    def _cues(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> list[Cue]:
        matches, words = found
        cues: list[Cue] = []
        clause = loyal = 0
        for match in matches:
            while clause < len(clauses) - 1 and match.start >= clauses[clause].end:
                clause += 1
            for kind in self._cue_kinds[match.term]:
                if kind == "never":
                    comes = next((word for word in COMES if text.startswith(word, match.end)), "")
                    if comes and text.startswith("别", match.end + len(comes)):  # "再也不去别家了" stays
                        loyal = match.end + len(comes)
                    elif comes:
                        cues.append(Cue("churn", match.start, match.end, clause))
                elif kind == "stays":
                    loyal = match.end
                elif kind != "churn" or match.start >= loyal:
                    cues.append(Cue(kind, match.start, match.end, clause))
        clause = 0
        for match in words:
            word = self._words[match.term]
            if word.far and word.text.endswith(_RHETORICAL):
                while clause < len(clauses) - 1 and match.start >= clauses[clause].end:
                    clause += 1
                cues.append(Cue("rhetorical", match.start, match.end, clause))
        return cues

    def _opinions(
        self, text: str, clauses: Sequence[Clause], found: tuple[Sequence[Match], Sequence[Word]], negators: Negators
    ) -> list[Opinion]:
        """``found``: where words stand, and which."""
        opinions: list[Opinion] = []
        standing: list[tuple[Match, Word, int]] = []  # they speak for themselves unless they turn something
        clause = floor = 0
        borders = [one.end for one in clauses[:-1]]
        matches, words = found
        brackets: _Brackets | None = None
        for place, match in enumerate(matches):
            start, end = match.start, match.end
            while clause < len(borders) and start >= borders[clause]:
                clause += 1
            word = words[place]
            if word.standing:
                standing.append((match, word, clause))
            if word.kind != OPINION or (word.text == "好" and _is_degree(matches, words, place)):
                continue
            if word.face:
                brackets = brackets or _Brackets(text)
                if not brackets.smiles(start, end):
                    continue
                count, first = 0, start
            else:
                count, first = negators.chain(text, start, max(floor, clauses[clause].start))
                if count == 1:
                    count, first = _turned(text, negators, word, (first, start, end))
                if not count:
                    count = _turned_otherwise(text, opinions, (start, end), word.weight)
            weight = word.weight * _degree(text, matches, words, place) * (_TURNED if count % 2 else 1)
            opinions.append(Opinion((first, end), weight, word.text, clause, (word.rule, *_TURNS)[count]))
            floor = end
        if any(map(text.__contains__, _WAITED)):
            opinions = _with_waits(text, clauses, opinions)
        if " " in text and any(map(text.count, _UNITS)):
            opinions = _with_english_waits(text, clauses, opinions, negators)
        return _with_standing(opinions, standing)


def _place(match: Match) -> tuple[int, int, int]:
    return match.start, match.end, match.term


class _Brackets:
    """Tells a smile from the end of a bracket that holds a colon: "（选填：）"."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._open = text, 0, 0

    def smiles(self, start: int, end: int) -> bool:
        """Whether ``text[start:end]`` is meant for a face; to be asked in the order of the text."""
        text = self._text
        if text[end - 1] == "3":
            return re.compile(_MEASURE).match(text, end) is None
        if text[end - 1] != ")":
            return True
        for bracket in re.compile(_BRACKET).finditer(text, self._at, start):
            self._open = self._open + 1 if bracket[0] == "(" else max(0, self._open - 1)
        self._at = start
        return not self._open or text.startswith(")", end)


def _turned(text: str, negators: Negators, word: Word, span: tuple[int, int, int]) -> tuple[int, int]:
    """How many negators the one that begins ``span`` (its start, start and end of the word) counts for, and the start
    of what they turn."""
    first, start, end = span
    if word.weight < 0 and not negators.denies(text, first, start):
        return 0, start
    return 2 if word.text in _SAID and _says_enough(text, first, end) else 1, first


def _turned_otherwise(text: str, opinions: Sequence[Opinion], span: tuple[int, int], weight: float) -> int:
    """How many negators govern a word that none stands before: "没那么轻便好用" denies both, "一个坏的也没有"."""
    if opinions and opinions[-1].rule and _goes_on(text, opinions[-1], span, weight):
        return 1 + (opinions[-1].rule == "twice")
    start, end = span
    return 1 if "一" in text[max(0, start - 4) : start] and re.compile(_NONE_AFTER).match(text, end) else 0


def _says_enough(text: str, first: int, end: int) -> bool:
    """Whether what cannot be said often enough begins at ``first``."""
    cannot = text.startswith(_CANNOT, first) or text.endswith("could ", 0, first)
    return cannot and re.compile(_ENOUGH).match(text, end) is not None


def _goes_on(text: str, before: Opinion, span: tuple[int, int], weight: float) -> bool:
    """Whether the word before the one of ``span`` says the like of its weight, and was turned."""
    if before.rule not in ("turned", "twice") or OPINIONS[before.term] * weight <= 0:
        return False
    between = text[before.end : span[0]] if span[0] - before.end <= len(_AND) else None
    return between in ("", _OR) or (between == _AND and text.startswith(" enough", span[1]))


def _is_degree(matches: Sequence[Match], words: Sequence[Word], place: int) -> bool:
    """ "好" in front of another feeling only strengthens it: 好贵, 好方便."""
    after = place + 1
    return after < len(matches) and matches[after].start == matches[place].end and words[after].weight != 0


def _degree(text: str, matches: Sequence[Match], words: Sequence[Word], place: int) -> float:
    end = matches[place].end
    little = text.startswith(_A_LITTLE_BEGINS, end) and re.compile(_A_LITTLE).match(text, end)
    weak = _WEAKENED if little else 1
    if not place or matches[place].start - matches[place - 1].end > 1:
        return weak
    kind = words[place - 1].kind
    return _STRENGTHENED if kind == MORE else _WEAKENED if kind == LESS else weak


def _with_waits(text: str, clauses: Sequence[Clause], opinions: list[Opinion]) -> list[Opinion]:
    starts = [clause.start for clause in clauses]
    waits = [
        Opinion(wait.span(), -1, wait[0][0], max(0, bisect_left(starts, wait.start() + 1) - 1), "wait")
        for wait in re.finditer(_WAIT, text)
    ]
    return sorted((*opinions, *waits), key=in_order) if waits else opinions


def _with_english_waits(
    text: str, clauses: Sequence[Clause], opinions: list[Opinion], negators: Negators
) -> list[Opinion]:
    """Also times that somebody waited, where no word of feeling in that stretch says so yet: "it took 3 hours"."""
    starts, ends = [clause.start for clause in clauses], [opinion.end for opinion in opinions]
    waits: list[Opinion] = []
    reached = 0
    for wait in re.finditer(_ENGLISH_WAIT, text):
        number = max(0, bisect_left(starts, wait.start() + 1) - 1)
        stretch = _waited(text, clauses[number], wait)
        if stretch is None or stretch[0] < reached or _denied(text, negators, clauses[number].start, wait):
            continue
        start, end = stretch
        after = bisect_left(ends, start + 1)  # the first opinion that ends behind the start
        if after == len(opinions) or opinions[after].start >= end:
            waits.append(Opinion((start, end), -1, wait[0], number, "wait"))
            reached = end
    return sorted((*opinions, *waits), key=in_order) if waits else opinions


def _waited(text: str, clause: Clause, wait: re.Match[str]) -> tuple[int, int] | None:
    """From the word that waits to the time or the other way round; None where nobody waits in the clause."""
    if wait["waits"]:
        return wait.span()
    low, high = max(clause.start, wait.start() - _NEAR[0]), min(clause.end, wait.end() + _NEAR[1])
    company = re.compile(_COMPANY).search(text, low, high)
    return None if company is None else (min(company.start(), wait.start()), max(company.end(), wait.end()))


def _denied(text: str, negators: Negators, floor: int, wait: re.Match[str]) -> bool:
    """Whether it took no such time: "it did not take 3 hours", "it took less than a day"."""
    return any(negators.chain(text, place, floor)[0] % 2 for place in (wait.start(), wait.start("time")))


def _with_standing(opinions: list[Opinion], standing: Sequence[tuple[Match, Word, int]]) -> list[Opinion]:
    """Also those standing negators in whose clause nothing is left for them to turn."""
    if not standing:
        return opinions
    last_of = {opinion.clause: opinion.end for opinion in opinions}
    alone = [
        _alone(match, word.text, clause) for match, word, clause in standing if last_of.get(clause, 0) <= match.start
    ]
    return sorted((*opinions, *alone), key=in_order) if alone else opinions


def _alone(negator: Match, word: str, clause: int) -> Opinion:
    weight = -FAINT if word in RATHER or word in FAINT_NEGATORS else -1
    rule = "unable" if word in UNABLE else "faint" if word in FAINT_NEGATORS else "standing"
    return Opinion((negator.start, negator.end), weight, word, clause, rule)


def _sour(
    text: str, clauses: Sequence[Clause], opinions: Sequence[Opinion], cues: Sequence[Cue]
) -> list[tuple[int, int]]:
    """Stretches of sarcasm: a cheer followed by a bad fact, praise in quotes, applause after trouble."""
    cheers = {cue.clause: cue for cue in cues if cue.kind == "cheer" and _is_all(cue, clauses[cue.clause])}
    sour: list[tuple[int, int]] = []
    soured: dict[int, tuple[int, int]] = {}
    before: Opinion | None = None
    for opinion in opinions:
        if opinion.weight < 0:
            for number in (opinion.clause, opinion.clause - 1):
                cheer = cheers.get(number)
                if cheer is None or number in soured or cheer.start >= opinion.start:
                    continue
                if number == opinion.clause or clauses[opinion.clause].opens == "soft":
                    soured[number] = sentence(clauses, number)
        elif text[opinion.end - 1] in _CLAPS:
            if before is not None and before.weight < 0 and before.clause == opinion.clause:
                sour.append((opinion.start, opinion.end))
        elif opinion.start and _QUOTES.get(text[opinion.start - 1], "") == text[opinion.end : opinion.end + 1] != "":
            sour.append((opinion.start, opinion.end))
        before = opinion
    return [*sour, *soured.values()]


def _is_all(cue: Cue, clause: Clause) -> bool:
    """Whether the clause is little else than the cue."""
    return cue.start - clause.start <= 2 and clause.end - cue.end <= 3
