"""In which script a text is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FEW_HAN: Final = 0.3  # share of Chinese characters under which the lexicon decides on polarity
_RANGES: Final = (
    ("en", "a", "z"),
    ("zh-CN", "\u3400", "\u9fff"),
    ("zh-CN", "\uf900", "\ufaff"),
    ("zh-CN", "\U00020000", "\U0003ffff"),
    ("ja", "\u3041", "\u30ff"),
    ("ko", "\uac00", "\ud7af"),
)
_WEIGHTIEST: Final = ("ja", "ko", "zh-CN", "en")  # Japanese and Korean use Chinese characters, too


class _Languages(dict[str, str]):
    """Folded character → the language whose script it is of, "" for none; looked up once."""

    def __missing__(self, char: str) -> str:
        self[char] = found = next((lang for lang, first, last in _RANGES if first <= char <= last), "")
        return found


class _Balance(dict[str, int]):
    """Folded character → what it adds to Chinese characters less ``FEW_HAN`` of all letters, in tenths."""

    def __missing__(self, char: str) -> int:
        self[char] = found = 10 * (_LANGUAGES[char] == "zh-CN") - round(10 * FEW_HAN) * char.isalpha()
        return found


_LANGUAGES: Final = _Languages()
_BALANCE: Final = _Balance()


def language(texts: Iterable[str]) -> str | None:
    """zh-CN, ja, ko or en of folded texts, by script; None without letters."""
    found = {lang for text in texts for lang in set(map(_LANGUAGES.__getitem__, text))}
    return next((lang for lang in _WEIGHTIEST if lang in found), None)


def mostly_han(text: str) -> bool:
    """Whether the model's Chinese n-grams have enough to go by."""
    return sum(map(_BALANCE.__getitem__, text)) > 0
