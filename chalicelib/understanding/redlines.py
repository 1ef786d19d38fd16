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
_THEN: Final = re.compile("[就又便才都]|结果")  # "没吃完就吐了" denies the meal, "没吃到虫子" the worm
_END: Final = re.compile("[。!?;\n…]")
_REACH: Final = 24  # characters before the words in which a denial may stand

# What is said of a neighbour beyond a comma. A blow falls on things as on people: behind it there must be a part of the
# body that is in few idioms (膝盖, not 手 or 嘴), or a word of harm; and no harmed thing in its own clause. Who is ill
# ate before, or says what was eaten. What is no food was eaten, counted or found ("一块玻璃", "掰开，蟑螂"), or is at
# home nowhere else (蛆), and does not just stand about ("玻璃桌上全是灰").
_COMMA: Final = re.compile("[,、]")
_BLOW: Final = re.compile("[摔砸撞磕夹压掉泼溅洒烫]")
_BODY: Final = re.compile(
    "额|下巴|唇|牙|鼻|眼角|眉骨|脖|喉|手[指臂背腕掌筋心]|虎口|指甲|指头|胳膊|肩|后背|腰椎|[大小]腿|膝"
    "|脚[踝趾底面背]|趾|脑袋|脑门|屁股|尾椎|尾骨|胯|皮肤|头皮|耳朵|胸|肋"
)
_BODY_REACH: Final = 4  # characters behind a person in which the part of the body is named ("我妈的脚趾")
_HARMED: Final = re.compile(
    "[红青紫肿疼痛血泡伤疤淤哭晕昏残瘸瘫破断]|(?<!排)骨|包(?![装裹邮括子])|被[压夹砸撞]|[动起]不了|[站起]不[来住稳]"
    "|变形|发[黑麻]|层皮|[没起脱掉]皮|缝[^,]{0,4}针|脸[^,]{0,2}毁|吞[了下进]|咽下|轮椅|流产|去世|死亡|[摔砸撞压夹烫]死"
    "|抢救|急救|救护|送医|icu|没(?:气|命|救|知觉|呼吸)|背过气"
)
_HARMED_THING: Final = re.compile("(?<!吓)坏|[碎扁烂瘪凹漆]|变形|[个掉]角")
_EATEN: Final = re.compile("[了完过坏出到]")
_EATING: Final = frozenset("吃喝")
_IN_FOOD: Final = re.compile("米虫|蛆|蚯蚓|头绳|创[可口]贴|订书钉|异物|鼠屎")
_OPENED: Final = re.compile("[掰撕拆切打剥揭翻]开|咬|嚼|一口|[吃喝]到")
_FOUND: Final = re.compile(
    "(?:[0-9一二两三四五六七八九十几半整][根块条只截颗个片粒团坨种]|[有是满着到出见现活死]|[好很许]多|不少|密密麻麻)[^,]{0,3}$"
)
_CRAWLS: Final = re.compile("[^,]{0,2}(?:[爬漂飞游蠕]|尸体)")


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
        _, excluding, _, terms, words = found
        sentences = _sentences(text, clauses)
        related: list[Hit] = []
        unrelated: dict[int, int] = {}  # where → sentence
        for hit in self._suspects.hits(text, sentences, (terms, excluding, words)):
            if _elsewhere(text, sentences[hit.clause], hit, self._kinds[hit.owner]):
                unrelated[hit.place] = hit.clause
            else:
                related.append(hit)
        if unrelated:  # the nearest neighbour stands elsewhere, another one may stand in the same clause
            hits = self._suspects.hits(text, clauses, (terms, excluding, words))
            related += [hit._replace(clause=unrelated[hit.place]) for hit in hits if hit.place in unrelated]
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
        if clause.opens == "hard" or not sentences or _END.search(text, sentences[-1].end, clause.start):
            sentences.append(clause)
        else:
            sentences[-1] = sentences[-1]._replace(end=clause.end)
    return sentences


def _elsewhere(text: str, sentence: Clause, hit: Hit, kind: str) -> bool:
    """Whether the neighbour of a suspect stands beyond a comma, in words about something else."""
    end, is_before = hit.place + len(hit.term.text), hit.start < hit.place
    if not _COMMA.search(text, *((hit.start, hit.place) if is_before else (end, hit.end))):
        return False
    if kind == "injury" and _BLOW.search(hit.term.text):
        if is_before:
            return _HARMED_THING.search(_part_around(text, sentence, hit.place, end)) is not None
        return not _is_harmed(text, sentence, hit)
    if kind == "food_poisoning" and _EATING.isdisjoint(hit.term.near):
        return not _is_in_food(text, sentence, hit)
    if kind == "food_poisoning":
        return not is_before and text[hit.end - 1] in _EATING and _EATEN.match(text, hit.end) is None
    return False


def _is_harmed(text: str, sentence: Clause, hit: Hit) -> bool:
    """Whether the neighbour behind a blow is a part of the body, or somebody of whom one or a harm is told."""
    named = _COMMA.split(text[hit.place : hit.end])[-1]
    beside = _COMMA.split(text[hit.end : min(sentence.end, hit.end + _BODY_REACH)])[0]
    return bool(_BODY.search(named + beside) or _HARMED.search(_part_around(text, sentence, hit.end, hit.end)))


def _is_in_food(text: str, sentence: Clause, hit: Hit) -> bool:
    """Whether what is no food was in it, and does not stand near where people eat."""
    opened = hit.start < hit.place and _OPENED.search(text, hit.start, hit.place)
    found = _FOUND.search(text, max(sentence.start, hit.place - _REACH), hit.place)
    end = hit.place + len(hit.term.text)
    return bool(opened or found or _IN_FOOD.search(hit.term.text) or _CRAWLS.match(text, end))


def _part_around(text: str, sentence: Clause, start: int, end: int) -> str:
    """``start:end`` with what stands around it up to the commas, as far as a denial would reach."""
    before = _COMMA.split(text[max(sentence.start, start - _REACH) : start])[-1]
    return before + _COMMA.split(text[start : min(sentence.end, end + _REACH)])[0]


def _denied(text: str, clause: int, hit: Hit, kind: str) -> bool:
    """Whether a denial stands right before the term; or before the neighbour that makes one phrase with it."""
    if _not_so(text[max(clause, hit.place - _REACH) : hit.place], kind):
        return True
    if hit.start == hit.place or _THEN.search(text, hit.start, hit.place):
        return False
    return _not_so(text[max(clause, hit.start - _REACH) : hit.start], kind)


def _not_so(before: str, kind: str) -> bool:
    """An odd number of denials at the end of ``before``, or that it nearly happened."""
    denial = re.search(_DENIAL, before)
    if denial is not None and len(re.findall(_NOT, denial[0])) % 2 == 1:
        return True
    return kind not in _NEAR_IS_ENOUGH and re.search(_NEARLY, before) is not None
