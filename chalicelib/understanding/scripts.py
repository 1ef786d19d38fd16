"""In which script a text is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
_OTHER: Final = "other"
_WEIGHTIEST: Final = ("ja", "ko", "zh-CN", "en")  # Japanese and Korean use Chinese characters, too


class _Languages(dict[str, str]):
    """Folded character → the language whose script it is of; ``_OTHER`` for other letters, "" for what is none; looked
    up once."""

    def __missing__(self, char: str) -> str:
        other = _OTHER if char.isalpha() else ""
        self[char] = found = next((lang for lang, first, last in _RANGES if first <= char <= last), other)
        return found


_LANGUAGES: Final = _Languages()


def letters(chars: Iterable[str]) -> list[str]:
    """For each folded character the language whose script it is of; for what is no letter ""."""
    return list(map(_LANGUAGES.__getitem__, chars))


def language(found: Collection[str]) -> str | None:
    """zh-CN, ja, ko or en of the ``letters`` of texts; None without letters."""
    return next((lang for lang in _WEIGHTIEST if lang in found), None)


def mostly_han(found: Sequence[str]) -> bool:
    """Whether the model's Chinese n-grams have enough to go by in a text of these ``letters``."""
    return found.count("zh-CN") > FEW_HAN * (len(found) - found.count(""))
