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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chalicelib.domain.text.folding import Folded, fold

MOBILE: Final = "〔手机号〕"
LANDLINE: Final = "〔座机〕"
ID_CARD: Final = "〔身份证〕"
BANK_CARD: Final = "〔银行卡〕"
PLATE: Final = "〔车牌〕"
EMAIL: Final = "〔邮箱〕"
ACCOUNT: Final = "〔社交账号〕"
SECRET: Final = "〔密钥〕"  # noqa: S105 - the token that stands for one
TOKENS: Final = (MOBILE, LANDLINE, ID_CARD, BANK_CARD, PLATE, EMAIL, ACCOUNT, SECRET)


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
        self.before = shadow[max(0, start - 16) : start]

    def cut(self, at: int) -> bool:
        """Whether a number may begin or end here. Two ASCII digits that touch belong to one number; a numeral such
        as 一 is also a word ("周一13800138000")."""
        if at in (0, len(self.digits)) or self.gaps[at]:
            return True
        return self.shadow[self.places[at]] in _SPELLED or self.shadow[self.places[at - 1]] in _SPELLED

    def inner_gaps(self, start: int, end: int) -> list[str]:
        return [gap for gap in self.gaps[start + 1 : end] if gap]

    def labelled(self, at: int, label: re.Pattern[str]) -> bool:
        return at == 0 and label.search(self.before) is not None

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
        while at < len(run.digits):
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
            return token, end, 0
    return None


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
        # Numbers that begin with a day are order numbers; no card network begins so.
        if labelled or (number[0] != "0" and not _DATED.match(number) and len(set(number)) > 1 and _luhn(number)):
            return at + length
    return None


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


def _fits(run: _Run, at: int, length: int) -> bool:
    return at + length <= len(run.digits) and run.cut(at + length)


_Shape = tuple[str, Callable[[_Run, int], int | None]]
_SHAPES: Final[tuple[_Shape, ...]] = (
    (ID_CARD, _id_card),
    (MOBILE, _mobile),
    (BANK_CARD, _bank_card),
    (LANDLINE, _landline),
)
