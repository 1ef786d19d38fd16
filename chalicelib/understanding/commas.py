"""Whether a suspect of a red line and its neighbour, with a comma between them, speak of one thing.

A blow falls on things as on people: behind it there must be a part of the body that is in few idioms (膝盖, not 手 or
嘴), or a word of harm; and no harmed thing in its own clause. Who is ill ate before, or says what was eaten. What is no
food was eaten, counted or found ("一块玻璃", "掰开，蟑螂"), or is at home nowhere else (蛆), and does not just stand
about ("玻璃桌上全是灰"). Loaded with the first bad voice that a suspect stands in.
"""

from __future__ import annotations

import re
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.terms import Hit

_REACH: Final = 24  # characters around the words that are still said of them
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


def elsewhere(text: str, sentence: Clause, hit: Hit, kind: str) -> bool:
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
    """``start:end`` with what stands around it, up to the commas and within reach."""
    before = _COMMA.split(text[max(sentence.start, start - _REACH) : start])[-1]
    return before + _COMMA.split(text[start : min(sentence.end, end + _REACH)])[0]
