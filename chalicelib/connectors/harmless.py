"""Words of others made harmless for any chat client or ticket system, and cut without breaking what is seen.

Chat clients read markdown dialects that honour no escape sign in common. So characters that any of them acts on are
replaced by their full-width twins, "@" is followed by a zero-width joiner, and addresses are broken by a zero-width
space: the text still reads the same, and nothing in it is a mention, link, image, header or tag.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

OPEN, CLOSE = "〖", "〗"  # around the words that a topic was read from; no client acts on them

_TWINS: Final = str.maketrans("<>[]*`#&_|~\\!{}", "＜＞［］＊｀＃＆＿｜～＼！｛｝")
_NO_MARKS: Final = str.maketrans(OPEN + CLOSE, "［］")
_MENTION: Final = re.compile("([@＠])(?!\u200d)")
_SCHEME: Final = re.compile(":(?=//)")
_DOMAIN_DOT: Final = re.compile(r"(?<=\w)\.(?=[^\W\d_])")  # of any script: 中国 is a top-level domain
_KEPT_FORMAT: Final = "\u200d\u200b"  # joiners inside emoji, and our own marks


def harmless(text: str) -> str:
    """One line that no chat client acts on. Doing it twice changes nothing."""
    kept = (_plain(char) for char in text)
    line = " ".join("".join(kept).translate(_TWINS).split())
    line = _MENTION.sub("\\1\u200d", line)
    line = _SCHEME.sub(":\u200b", line)
    return _DOMAIN_DOT.sub(".\u200b", line)


def clip(text: str, length: int) -> str:
    """At most ``length`` characters, ended by an ellipsis when cut, never inside what is seen as one character."""
    if len(text) <= length:
        return text
    end = max(length - 1, 0)
    while end > 0 and _joined(text, end):
        end -= 1
    return text[:end].rstrip() + "…" if length > 0 else ""


def tail(text: str, length: int) -> str:
    """As ``clip``, but the end of it: the last parts of a path tell the most."""
    if len(text) <= length:
        return text
    begin = len(text) - max(length - 1, 0)
    while begin < len(text) and _joined(text, begin):
        begin += 1
    return "…" + text[begin:].lstrip() if length > 0 else ""


def excerpt(text: str, spans: Iterable[tuple[int, int]], budget: int) -> tuple[str, bool]:
    """At most ``budget`` (16 or more) harmless characters of ``text``, its ``spans`` marked; and whether it was cut.

    A long text is shown from a little before its first span, or a reader would miss what it is about.
    """
    wanted = _merged(spans, len(text))
    begin = 0
    if wanted and len(text) > budget and wanted[0][1] > budget * 2 // 3:
        begin = max(0, wanted[0][0] - budget // 4)
        while begin > 0 and _joined(text, begin):
            begin -= 1
    end = min(len(text), begin + 4 * budget)  # what is dropped makes it shorter: enough, and no more than that
    line = harmless(_marked(text, begin, end, wanted))
    lead = "…" if begin else ""
    shown = lead + _closed(line, budget - len(lead))
    return shown, begin > 0 or end < len(text) or len(line) > budget - len(lead)


def _merged(spans: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """In order, within the text, none overlapping or touching another."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(start, 0), min(end, length)) for start, end in spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _marked(text: str, begin: int, end: int, spans: Iterable[tuple[int, int]]) -> str:
    """Part of the text with marks around its spans. Marks that a customer typed become other brackets."""
    plain, at, parts = text.translate(_NO_MARKS), begin, []
    for first, last in spans:
        start, stop = max(first, begin), min(last, end)
        if start < stop:
            parts += [plain[at:start], OPEN, plain[start:stop], CLOSE]
            at = stop
    return "".join([*parts, plain[at:end]])


def _closed(line: str, length: int) -> str:
    """The line cut to ``length``; a mark whose end was cut off is closed."""
    shown = clip(line, length)
    if shown.count(OPEN) > shown.count(CLOSE):
        shown = clip(line, length - 1) + CLOSE
        if shown.count(OPEN) < shown.count(CLOSE):
            return shown[:-1]
    return shown


def _plain(char: str) -> str:
    """Control and format characters (bidi overrides among them) are no part of what a customer says."""
    if char in _KEPT_FORMAT:
        return char
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" else char


def _joined(text: str, at: int) -> bool:
    """Whether a cut before ``text[at]`` would take a mark, a modifier or half a flag off its base."""
    char, before = text[at], text[at - 1]
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Mc"):
        return True
    if "\u200d" in (char, before) or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    return _is_flag_half(char) and _flag_halves_before(text, at) % 2 == 1


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_halves_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag_half(text[at - count - 1]):
        count += 1
    return count
