"""Chinese personal data and secrets in free text → fixed tokens, before anything is stored, logged or sent.

Found in whatever way it is spelled: full-width or circled digits, Chinese numerals, spaces, dashes, dots, invisible
characters in between. A number counts when it proves itself (check digit, Luhn, shape) or when a label stands before
it ("卡号…"); other long numbers, such as order numbers, stay. ``redact`` is idempotent and linear in the text.

Every tenth long number passes Luhn, and an identifier that is replaced leads nowhere (worse: two become one). So in
what is an identifier by its place or name only a mobile, an ID card and an e-mail address are replaced.

How: the folded text is a shadow of the original. Each find is blanked in the shadow with a character that no pattern
knows, so a later pattern (or a second run, which blanks the tokens themselves) can never join what it parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from chalicelib.domain.text.folding import Folded, fold

MOBILE: Final = "〔手机号〕"
LANDLINE: Final = "〔座机〕"
PHONE: Final = "〔电话〕"  # of elsewhere, or of a kind that only the words around it tell
ID_CARD: Final = "〔身份证〕"
BANK_CARD: Final = "〔银行卡〕"
PLATE: Final = "〔车牌〕"
EMAIL: Final = "〔邮箱〕"
ACCOUNT: Final = "〔社交账号〕"
SECRET: Final = "〔密钥〕"  # noqa: S105 - the token that stands for one
TOKENS: Final = (MOBILE, LANDLINE, PHONE, ID_CARD, BANK_CARD, PLATE, EMAIL, ACCOUNT, SECRET)


@dataclass(frozen=True, slots=True)
class Hit:
    """Code points ``start:end`` of the text are to be replaced by ``token``."""

    start: int
    end: int
    token: str


def redact(text: str, *, identifier: bool = False) -> str:
    """The text with every personal datum or secret replaced by its token; an ``identifier`` only of what is proven."""
    hits = find(text, identifier=identifier)
    if not hits:
        return text
    parts: list[str] = []
    last = 0
    for hit in hits:
        parts += (text[last : hit.start], hit.token)
        last = hit.end
    return "".join((*parts, text[last:]))


def names_identifier(name: str) -> bool:
    """Whether an attribute of this name holds an identifier of a thing (``order_id``, ``skuCode``, 订单号)."""
    words = [word.lower() for word in _NAME_WORD.findall(name)]
    if _PERSONAL_NAME.search(name) or not _PERSONAL_WORDS.isdisjoint(words):
        return False
    return _IDENTIFIER_NAME.search(name) is not None or bool(words and words[-1] in _IDENTIFIER_WORDS)


def find(text: str, *, identifier: bool = False) -> tuple[Hit, ...]:
    """What ``redact`` would replace: ordered, never overlapping."""
    folded = fold(text)
    shadow = _TOKEN.sub(lambda found: _BLANK * len(found[0]), folded.text.translate(_DIGITS))
    hits = []
    for token, pattern in _WORDED:  # the order counts: an e-mail may hold what looks like a phone
        if identifier and token not in _PROVEN:
            continue
        spans = [found.span(1 if pattern.groups else 0) for found in pattern.finditer(shadow) if found[pattern.groups]]
        hits += [(token, *span) for span in spans]
        shadow = _blanked(shadow, spans)
    hits += _numbers(shadow, [shape for shape in _SHAPES if not identifier or shape[0] in _PROVEN])
    return _resolved(Hit(*_whole(text, folded, start, end), token) for token, start, end in hits)


def _whole(text: str, folded: Folded, start: int, end: int) -> tuple[int, int]:
    """The span in the text, with the invisible characters that trail it (the second half of a keycap)."""
    first, last = folded.span(start, end)
    return first, max(last, folded.index[end] if end < len(folded.text) else len(text))


def _resolved(hits: Iterator[Hit]) -> tuple[Hit, ...]:
    """In order. One original character may fold to several, so two neighbours may share one: those become one."""
    ordered: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if ordered and hit.start < ordered[-1].end:
            ordered[-1] = Hit(ordered[-1].start, max(hit.end, ordered[-1].end), ordered[-1].token)
        else:
            ordered.append(hit)
    return tuple(ordered)


_BLANK: Final = "\ufffe"  # a noncharacter: in no pattern, in no text that was decoded


def _blanked(shadow: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    last = 0
    for start, end in spans:
        parts += (shadow[last:start], _BLANK * (end - start))
        last = end
    return "".join((*parts, shadow[last:])) if spans else shadow


# ---------------------------------------------------------------- what is an identifier

_PROVEN: Final = (MOBILE, ID_CARD, EMAIL)
_NAME_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IDENTIFIER_WORDS: Final = frozenset(
    ("id", "ids", "no", "nr", "num", "number", "code", "ref", "reference", "serial", "sn", "sku", "spu", "uuid", "ean")
)
_IDENTIFIER_NAME: Final = re.compile("(?:号|号码|编码|代码|条码|单)$")
# What these name is somebody's, whatever the name ends on.
_PERSONAL_WORDS: Final = frozenset(
    ("phone", "mobile", "tel", "telephone", "cell", "contact", "card", "bank", "account", "acct", "iban", "plate", "qq")
)
_PERSONAL_NAME: Final = re.compile("手机|电话|座机|联系|卡|账|帐|银行|身份|证件|车牌|微信|扣扣")


# ---------------------------------------------------------------- what is known by its words

_TOKEN: Final = re.compile("|".join(TOKENS))
_WORD: Final = r"[a-z0-9._%+\-]"
_VALUE: Final = r"[a-z0-9_.~+/=!@#$%^*?\-]"
_PROVINCE: Final = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]"
_AL: Final = "[a-hj-np-z0-9]"  # plates have no I and no O

# No pattern can fail after a long run that the next start would read again: that keeps the search linear. No pattern
# looks at what stands before it: that may belong to another find, and be gone in a second run.
_WORDED: Final = (
    (
        EMAIL,
        re.compile(
            # Group 1 is a whole address; a run of letters that is none is consumed as well, not tried again.
            rf"(?:({_WORD}++\s{{0,2}}(?:@|\(at\)|\[at\]|艾特)\s{{0,2}}"
            rf"[a-z0-9\-]++(?:\.[a-z0-9\-]++|\s{{0,2}}[.。]\s{{0,2}}(?:com|cn|net|org|edu|gov))++)|{_WORD}++)"
        ),
    ),
    (SECRET, re.compile(r"-----begin [a-z ]{0,30}private key-----[a-z0-9+/=\s]*+(?:-----end [a-z ]{0,30}-----)?")),
    (
        SECRET,
        re.compile(
            rf"(?:token|secret|password|passwd|pwd|api[_\-]?key|access[_\-]?key(?:[_\-]?id)?|key[_\-]?secret"
            rf"|密码|口令|密钥)[\"'\s]{{0,3}}(?:=|[:是为](?=[^0-9]{{0,40}}[0-9]))[\"'\s]{{0,3}}({_VALUE}{{3,}}+)"
        ),
    ),
    (SECRET, re.compile(r"bearer\s{1,3}([a-z0-9_.~+/=\-]{12,}+)")),
    (SECRET, re.compile(r"验证码\s{0,2}[:是为]?\s{0,2}([0-9]{4,8})(?![0-9])")),
    (
        SECRET,
        re.compile(
            r"(?:(?:akia|asia)(?=[a-z]{0,15}[0-9])[a-z0-9]{16}|ltai(?=[a-z]{0,15}[0-9])[a-z0-9]{12,}+"
            r"|eyj[a-z0-9_.\-]{24,}+|(?:whsec_|ghp_|xox[abp]-|sk-)(?=[a-z_\-]{0,40}[0-9])[a-z0-9+/=_\-]{16,}+)"
        ),
    ),
    (
        PLATE,
        re.compile(
            rf"{_PROVINCE}\s?[a-hj-np-z][\s·•.\-]{{0,2}}"
            rf"(?:[df]{_AL}[0-9]{{4}}|[0-9]{{5}}[df]|(?=(?:[a-z]{{0,5}}[0-9]){{3}}){_AL}{{4}}(?:{_AL}|[挂学警港澳]))"
            r"(?![a-z0-9])"
        ),
    ),
    (PLATE, re.compile(rf"{_PROVINCE}\s[a-hj-np-z](?:[\s·•]{{1,3}}{_AL}){{5,6}}(?![a-z0-9])")),
    (
        ACCOUNT,
        re.compile(
            r"(?:微信|weixin|wechat|[v薇]信|[vw]x)\s{0,2}[号:是]{1,3}\s{0,2}([a-z][a-z0-9_\-]{5,19}+)(?![a-z0-9])"
        ),
    ),
    (ACCOUNT, re.compile(r"(?:qq|扣扣)\s{0,2}[号:是]{0,3}\s{0,2}([1-9][0-9]{4,11})(?![0-9])")),
)


# ---------------------------------------------------------------- what is known by its digits

_SPELLED: Final = {
    **dict(zip("零一二三四五六七八九", "0123456789", strict=True)),
    **dict(zip("〇壹贰叁肆伍陆柒捌玖", "0123456789", strict=True)),
    **dict(zip("洞幺两貳參陸拐勾", "01223679", strict=True)),
}
_FEWEST_DIGITS: Final = 7
_SEPARATOR: Final = r"[\s\-‐-―−_.·•()/,、。]"
_DIGIT: Final = rf"[0-9{''.join(_SPELLED)}]"
_CLUSTER: Final = re.compile(rf"{_DIGIT}(?:{_SEPARATOR}{{0,4}}{_DIGIT})++")
_ID_LABEL: Final = re.compile(r"(?:身份证|证件|id\s?card)[号码:是为\s]{0,5}$")
_CARD_LABEL: Final = re.compile(r"(?:卡号|银行卡|账号|帐号|账户|card|card\s?(?:no|number))[号码:.是为\s]{0,4}$")
_PHONE_LABEL: Final = re.compile(r"(?:电话|座机|固话|tel|phone)[号码:.是为\s]{0,4}$")
_CHECK_LETTER: Final = re.compile(rf"{_SEPARATOR}{{0,3}}[x×]")
_CARD_GAP: Final = re.compile(r"[\s\-‐-―−_·•]{1,4}")  # lists and prices have commas and dots
_DATED: Final = re.compile(r"20[0-4][0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_AREA: Final = re.compile(r"010|02[0-57-9]|0[3-9][0-9]{2}")

# Country code → fewest and most digits of a national number, without its trunk zero.
_COUNTRIES: Final[Mapping[str, tuple[int, int]]] = {
    **{"1": (10, 10), "7": (10, 10), "33": (9, 9), "34": (9, 9), "44": (9, 10), "60": (8, 10), "61": (9, 9)},
    **{"65": (8, 8), "66": (8, 9), "81": (9, 10), "82": (8, 10), "84": (9, 10), "86": (9, 11), "91": (10, 10)},
    **{"852": (8, 8), "853": (8, 8), "886": (8, 9)},
}
_ANY_COUNTRY: Final = (7, 12)
_COUNTRY: Final = re.compile(
    r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[05789]|9[679])[0-9]"
)
_USUAL: Final = re.compile("|".join(sorted(_COUNTRIES, key=len, reverse=True)))
_PLUS: Final = re.compile(rf"(?:^|[^0-9+{_BLANK}])\(?\+\(?$|(?:^|[^0-9a-z+{_BLANK}])\(?\+\s$")
_REACH: Final = 32  # characters before a number in which its label stands
_MOST_DIGITS: Final = 16  # a country code, a trunk zero and the number, and one more
_PHONE_GAP: Final = re.compile(r"(?:[^\S\t\r\n]|[\-‐-―−_.·•()]){1,3}")
# North America, Hong Kong, Macau, Taiwan, Malaysia, Britain, as people group them; "-" is what parts the groups.
_GROUPED: Final = re.compile(
    r"(?:1-)?(?!400|800)[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}"
    r"|852-[2-9][0-9]{3}-?[0-9]{4}|853-(?:[68][0-9]|28)[0-9]{2}-?[0-9]{4}|886-9[0-9]{2}-[0-9]{3}-?[0-9]{3}"
    r"|09[0-9]{2}-[0-9]{3}-?[0-9]{3}|0[2-9]-[0-9]{3,4}-?[0-9]{4}|01[0-9]-[0-9]{3,4}-?[0-9]{4}"
    r"|07[0-9]{3}-[0-9]{3}-?[0-9]{3}|01[0-9]{2}-[0-9]{3}-[0-9]{4}|01[0-9]{3}-[0-9]{5,6}"
)
# What begins so is a phone even where no more than blanks part its groups.
_TELLING: Final = ("0", "1", "852", "853", "886")
_CALLED: Final = re.compile(
    r"(?:电话|手机|手提|座机|固话|微信|联系|联络|我的?号码|打给|打我|打到|请打|致电|回电|来电|拨打?|whats\s?app|my\snumber"
    r"|(?<![a-z])(?:call|phone|tel|telephone|mobile|cell|dial|wechat|(?:text|ring|reach|contact|sms)(?=\sme|\sus|\s?:)))"
    r"(?:号码?|方式|同号|number|no|me|us|back|at|on|to|is|我们?|给|请|是|系|为|[\s:.(\-]){0,8}$"
)
# They name a thing that has prices and numbers of its own: alone they call no number that is split.
_DEVICE: Final = re.compile(r"(?:手机|微信|phone|mobile|cell)\s*$")
_CALLED_AFTER: Final = re.compile(
    r"[\s(]{0,3}(?:打给我|给我打|打我|致电|回电|联系我|加我|whats\s?app|(?:call|text|ring)\sme"
    r"|(?:这?[是为]|is\s)?(?:我的?|my\s)(?:电话|手机|号码|微信|phone|number|mobile|cell|tel))"
)
_THING: Final = re.compile(
    r"(?:单|单号|编号|编码|货号|型号|码|流水号|票号|快递|包裹|积分|余额|金额|充值|花了|序列|order|invoice|ticket|tracking|sku|barcode|ean|upc"
    r"|part|model|serial|ref|id|booking|reservation|confirmation|case|account|po|awb|waybill|parcel|sn|s/n|pin|coupon|zip"
    r"|room)(?:号码?|number|no|is|was|是|为|[\s:.#\-]){0,12}$|[#$¥€£]\s?$"
)
# What has numbers as long as a bank card's.
_GOODS: Final = re.compile(
    r"(?:订单|运单|快递|物流|单号|编号|货号|条形?码|流水号|票号|序列号|order|invoice|ticket|tracking|waybill|serial|barcode"
    r"|sku|ean|upc)(?:号码?|编号|number|no|is|was|是|为|[\s:.#\-]){0,12}$"
)
_GLUED_BEFORE: Final = re.compile(rf"[0-9a-z{_BLANK}][\-._/]?$|[0-9{_BLANK}]:$")
_GLUED_AFTER: Final = re.compile(rf"[a-z0-9{_BLANK}]|[\-._/:][0-9{_BLANK}]|\s?(?:[元块个件分%$¥€]|rmb|usd|hkd)")
# Behind a slash: the last digits, or all, of a second number ("88886666/8887"), unless they count or date something.
_TAIL_LENGTHS: Final = (2, 3, 4, 7, 8)
_TAIL_ENDS: Final = re.compile(
    rf"(?![a-z0-9{_BLANK}]|[\-._:][0-9{_BLANK}]|\s?[元块个件分%$¥€年月日号房间室楼层栋位次天人折])"
)


class _Digits(dict[int, str]):
    """Code point → ASCII digit for every digit of Unicode that folding left alone (Arabic, negative circled …)."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        digit = unicodedata.digit(char, None)
        value = char if digit is None else str(digit)
        self[point] = value
        return value


_DIGITS: Final = _Digits()


class _Run:
    """Digits that separators of at most four characters part; one run may hold several numbers."""

    def __init__(self, shadow: str, start: int, end: int) -> None:
        self.shadow = shadow
        self.places = [place for place in range(start, end) if shadow[place] in _VALUE_OF]
        self.digits = "".join(_VALUE_OF[shadow[place]] for place in self.places)
        self.gaps = [""] + [shadow[a + 1 : b] for a, b in zip(self.places, self.places[1:], strict=False)]
        self.before = shadow[max(0, start - _REACH) : start]

    def cut(self, at: int) -> bool:
        """Whether a number may begin or end here. Two ASCII digits that touch belong to one number; a numeral such
        as 一 is also a word ("周一13800138000")."""
        if at in (0, len(self.digits)) or self.gaps[at]:
            return True
        return self.shadow[self.places[at]] in _SPELLED or self.shadow[self.places[at - 1]] in _SPELLED

    def inner_gaps(self, start: int, end: int) -> list[str]:
        return [gap for gap in self.gaps[start + 1 : end] if gap]

    def inner_marks(self, start: int, end: int) -> set[str]:
        return set("".join(self.inner_gaps(start, end)))

    def written(self, start: int) -> str:
        """The digits of a phone number up to what parts none, with a "-" for each gap before."""
        parts = [self.digits[start]] if start < len(self.digits) else []
        for place in range(start + 1, min(start + _MOST_DIGITS, len(self.digits))):
            gap = self.gaps[place]
            if gap and not _PHONE_GAP.fullmatch(gap):
                break
            parts.append("-" + self.digits[place] if gap else self.digits[place])
        return "".join(parts)

    def ascii_digits(self, start: int, most: int) -> int:
        """How many ASCII digits touch each other from here on, at most ``most``."""
        count = 0
        for place in range(start, min(start + most, len(self.digits))):
            if self.shadow[self.places[place]] in _SPELLED or (count and self.gaps[place]):
                break
            count += 1
        return count

    def behind(self, end: int) -> str:
        """What follows the digits, as far as a label reaches."""
        last = self.places[end - 1] + 1
        return self.shadow[last : last + 20]

    def stands_alone(self, at: int) -> bool:
        """Whether nothing before it says that these digits are part, or the number, of something else."""
        first = self.places[at]
        before = self.shadow[max(0, first - _REACH) : first]
        return not _GLUED_BEFORE.search(before[-3:]) and not _THING.search(before)

    def goes_on(self, end: int) -> bool:
        """Whether what follows makes the digits a longer code or an amount; a second phone does not."""
        return _GLUED_AFTER.match(self.behind(end)) is not None and _tail(self, end) is None

    def labelled(self, at: int, label: re.Pattern[str]) -> bool:
        return at == 0 and label.search(self.before[-16:]) is not None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Span in the shadow, with a "+" or "(" that opens the number."""
        first = self.places[start]
        while first and self.shadow[first - 1] in "+(" and self.places[start] - first < 2:
            first -= 1
        return first, self.places[end - 1] + 1


_VALUE_OF: Final = {**{digit: digit for digit in "0123456789"}, **_SPELLED}


def _numbers(shadow: str, shapes: Sequence[_Shape]) -> Iterator[tuple[str, int, int]]:
    """(token, start, end) of every number in the shadow that is somebody's."""
    for found in _CLUSTER.finditer(shadow):
        run = _Run(shadow, *found.span())
        at = 0
        while at <= len(run.digits) - _FEWEST_DIGITS:
            hit = _number_at(run, at, shapes) if run.cut(at) else None
            if hit is None:
                at += 1
                continue
            token, end, tail = hit
            start, stop = run.span(at, end)
            yield token, start, stop + tail
            at = end


def _number_at(run: _Run, at: int, shapes: Sequence[_Shape]) -> tuple[str, int, int] | None:
    """(token, end, extra characters after the last digit) of the number that begins here, None when none does."""
    if (tail := _id_with_letter(run, at)) is not None:
        return ID_CARD, at + 17, tail
    for token, end_of in shapes:
        end = end_of(run, at)
        if end is not None:
            return token, _with_tails(run, end) if token in (LANDLINE, PHONE) else end, 0
    return None


def _with_tails(run: _Run, end: int) -> int:
    """The end of a phone, with the numbers behind slashes that are short for its neighbours."""
    while (tail := _tail(run, end)) is not None:
        end = tail
    return end


def _tail(run: _Run, end: int) -> int | None:
    """The end of the number behind a slash, whole or in two groups; None where none stands there."""
    if end >= len(run.digits) or run.gaps[end].strip() != "/" or _DATED.match(run.digits, end):
        return None
    length = run.ascii_digits(end, max(_TAIL_LENGTHS) + 1)
    if length not in _TAIL_LENGTHS:
        return None
    ends = [end + length]
    if length in (3, 4) and end + length < len(run.digits) and _PHONE_GAP.fullmatch(run.gaps[end + length]):
        ends = [end + length + 4] * (run.ascii_digits(end + length, 5) == 4) + ends
    return next((one for one in ends if _TAIL_ENDS.match(run.behind(one))), None)


def _id_with_letter(run: _Run, at: int) -> int | None:
    """Length of the check letter X (and what parts it) after seventeen digits, None when it is no ID."""
    if at + 17 != len(run.digits):
        return None
    letter = _CHECK_LETTER.match(run.shadow, run.places[-1] + 1)
    if letter is None or not (run.labelled(at, _ID_LABEL) or _is_id(run.digits[at:] + "x")):
        return None
    return len(letter[0])


def _id_card(run: _Run, at: int) -> int | None:
    if _fits(run, at, 18) and (run.labelled(at, _ID_LABEL) or _is_id(run.digits[at : at + 18])):
        return at + 18
    return at + 15 if _fits(run, at, 15) and run.labelled(at, _ID_LABEL) else None


def _is_id(number: str) -> bool:
    """GB 11643: a birthday, and ISO 7064 MOD 11-2 over the seventeen digits before the last character."""
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    weighted = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(number[:17]))
    return number[0] != "0" and 1880 <= born.year < 2100 and "10x98765432"[weighted % 11] == number[17]


def _mobile(run: _Run, at: int) -> int | None:
    for prefix in ("0086", "86", "0", ""):
        start = at + len(prefix)
        if not run.digits.startswith(prefix + "1", at) or run.digits[start + 1 : start + 2] < "3":
            continue
        end = start + 11
        if end <= len(run.digits) and run.cut(end) and _spelled_as_phone(run, start, end):
            return end
    return None


def _spelled_as_phone(run: _Run, start: int, end: int) -> bool:
    """Dots alone, or commas around groups of three and more, may part a phone: prices and score lists do not pass."""
    gaps = run.inner_gaps(start, end)
    if any("." in gap for gap in gaps) and len(set(gaps)) > 1:
        return False
    if not any(mark in gap for gap in gaps for mark in ",、。"):
        return True
    borders = [at for at in range(start + 1, end) if run.gaps[at]]
    return all(after - before >= 3 for before, after in zip([start, *borders], [*borders, end], strict=True))


def _bank_card(run: _Run, at: int) -> int | None:
    """The longest number of 13 to 19 digits that passes Luhn; behind a label any of them."""
    labelled = run.labelled(at, _CARD_LABEL)
    for length in range(19, 12, -1):
        number = run.digits[at : at + length]
        gaps = set(run.inner_gaps(at, at + length))
        if not _fits(run, at, length) or len(gaps) > 1 or not all(_CARD_GAP.fullmatch(gap) for gap in gaps):
            continue
        # Cards are written in groups of four, numbers of goods are not.
        if labelled or (_is_card(number) and (gaps or not run.labelled(at, _GOODS))):
            return at + length
    return None


def _is_card(number: str) -> bool:
    """Passes Luhn; and numbers that begin with a day are order numbers, no card network begins so."""
    return number[0] != "0" and not _DATED.match(number) and len(set(number)) > 1 and _luhn(number)


def _luhn(number: str) -> bool:
    doubled = (2 * int(digit) for digit in number[-2::-2])
    return (sum(map(int, number[::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0


def _landline(run: _Run, at: int) -> int | None:
    """Area code, then a gap or a label before it, then seven or eight digits."""
    labelled = run.labelled(at, _PHONE_LABEL)
    for area in (4, 3):
        if not _AREA.fullmatch(run.digits[at : at + area]) or run.inner_gaps(at, at + area):
            continue
        for length in (8, 7):
            if _fits(run, at, area + length) and (labelled or run.gaps[at + area]):
                return at + area + length
    return None


def _abroad(run: _Run, at: int) -> int | None:
    """The end of a number that tells its country: behind a plus, 00 or in brackets."""
    if run.digits.startswith("00", at) and not run.gaps[at + 1]:
        said = any(run.gaps[at + 1 : at + 8]) or (at == 0 and _CALLED.search(run.before))
        if not said and _is_bar_code(run, at):
            return None
        country = _COUNTRY if said else _USUAL  # what else begins with 00 is a bar code
        return _national(run, at + 2, country, alone=True) if run.stands_alone(at) else None
    if at or not {"+", "("} & set(run.before[-3:]):
        return None
    if _PLUS.search(run.before[-6:]):
        return _national(run, at, _COUNTRY)
    code = run.written(at).partition("-")[0]
    if code not in _COUNTRIES or code == "1" or not run.gaps[len(code)].startswith(")"):  # "(1)" numbers a list
        return None
    return _national(run, at, re.compile(code), alone=True) if run.before.endswith("(") else None


def _is_bar_code(run: _Run, at: int) -> bool:
    """GS1: thirteen digits and a check digit that fits, as one phone in ten has by chance."""
    length = run.ascii_digits(at, 14)
    number = run.digits[at : at + length]
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(number))
    return length == 13 and weighted % 10 == 0 and not _CALLED_AFTER.match(run.behind(at + length))


def _national(run: _Run, at: int, country: re.Pattern[str], *, alone: bool = False) -> int | None:
    """The end of the longest number there can be behind the country code at ``at``."""
    digits = run.written(at).replace("-", "")
    code = country.match(digits)
    if code is None:
        return None
    fewest, most = _COUNTRIES.get(code[0], _ANY_COUNTRY)
    start = code.end()
    trunk = digits.startswith("0", start)
    for end in range(min(start + most + trunk, len(digits)), start + fewest + trunk - 1, -1):
        if run.cut(at + end) and not (alone and run.goes_on(at + end)):
            return at + end
    return None


def _called(run: _Run, at: int) -> int | None:
    """The end of a number that is grouped as phones are, or next to words that say to call it."""
    grouped, plain = _grouped(run, at), _plain(run, at)
    if grouped is None and not plain:  # before the labels, which cost more
        return None
    called = at == 0 and _CALLED.search(run.before) is not None
    if not called and not run.stands_alone(at):
        return None
    # Three numbers in a row may look like one of North America.
    if grouped is not None and (called or run.digits.startswith(_TELLING, at) or run.inner_marks(at, grouped) != {" "}):
        return grouped
    return next((end for end in plain if called or _CALLED_AFTER.match(run.behind(end))), None)


def _grouped(run: _Run, at: int) -> int | None:
    if not any(run.gaps[at + 1 : at + 6]):
        return None
    found = _GROUPED.match(run.written(at))
    end = at + len(found[0].replace("-", "")) if found else at
    return end if found and run.cut(end) and not run.goes_on(end) else None


def _plain(run: _Run, at: int) -> list[int]:
    """Where seven to twelve digits in groups of three and more, or all parted, end; the longest first."""
    ends = [at + most for most in range(12, 6, -1) if _fits(run, at, most)]
    return [end for end in ends if _may_be_called(run, at, end)]


def _may_be_called(run: _Run, at: int, end: int) -> bool:
    if _DATED.match(run.digits, at) or run.digits.startswith(("400", "800"), at):
        return False
    if not all(map(_PHONE_GAP.fullmatch, run.inner_gaps(at, end))):
        return False
    borders = [at, *(place for place in range(at + 1, end) if run.gaps[place]), end]
    groups = [after - before for before, after in pairwise(borders)]
    if 1 < len(groups) < end - at and (groups[-1] < 4 or (at == 0 and _DEVICE.search(run.before))):
        return False
    return (min(groups) >= 3 or max(groups) == 1) and not run.goes_on(end)


def _fits(run: _Run, at: int, length: int) -> bool:
    return at + length <= len(run.digits) and run.cut(at + length)


_Shape = tuple[str, Callable[[_Run, int], int | None]]
_SHAPES: Final[tuple[_Shape, ...]] = (
    (ID_CARD, _id_card),
    (MOBILE, _mobile),
    (PHONE, _abroad),
    (BANK_CARD, _bank_card),
    (LANDLINE, _landline),
    (PHONE, _called),
)
