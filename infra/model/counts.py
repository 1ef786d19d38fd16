"""Which grams stand in which text, as one sparse matrix: ``grams.every`` for many texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix

from chalicelib.understanding.grams import LONGEST

Array = np.ndarray[Any, np.dtype[Any]]
_BITS: Final = 64 // LONGEST  # of a key, for each character: its number among the characters of the texts, from 1


@dataclass(frozen=True, slots=True)
class Counts:
    """``rows[text, place]`` is 1 where the text holds ``grams[place]``; ``lengths`` in characters."""

    grams: tuple[str, ...]
    rows: csr_matrix
    lengths: Array


def count(texts: Sequence[str], least: Sequence[int]) -> Counts:
    """Count folded texts. A gram of ``n`` characters is kept when at least ``least[n-1]`` texts hold it.

    Raises ValueError when the texts use more characters than a key can number.
    """
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    characters, inverse = np.unique(np.frombuffer("".join(texts).encode("utf-32-le"), "<u4"), return_inverse=True)
    if len(characters) >= 1 << _BITS:
        raise ValueError(f"{len(characters)} characters are more than a key can number")
    numbers: Array = inverse.astype(np.uint64) + np.uint64(1)
    owner = np.repeat(np.arange(len(texts)), lengths)
    grams: list[str] = []
    text_of: list[Array] = []
    place_of: list[Array] = []
    key: Array = np.zeros(len(numbers), dtype=np.uint64)
    for size, need in enumerate(least, 1):
        key = (key[: len(numbers) - size + 1] << np.uint64(_BITS)) | numbers[size - 1 :]
        inside = owner[: len(key)] == owner[size - 1 :]
        keys, texts_of_key, keys_of = _often(key[inside], owner[: len(key)][inside], need)
        text_of.append(texts_of_key)
        place_of.append(keys_of + len(grams))
        grams += [_spell(int(one), size, characters) for one in keys]
    at = (np.concatenate(text_of), np.concatenate(place_of))
    rows = csr_matrix((np.ones(len(at[0]), dtype=np.float32), at), shape=(len(texts), len(grams)))
    rows.sort_indices()
    return Counts(tuple(grams), rows, lengths)


def _often(key: Array, owner: Array, need: int) -> tuple[Array, Array, Array]:
    """Keys that stand in ``need`` texts or more, ascending; and each (text, place among them) once."""
    keys, places = np.unique(key, return_inverse=True)
    pairs = np.unique(owner * len(keys) + places)
    texts, places = np.divmod(pairs, max(1, len(keys)))
    kept = np.bincount(places, minlength=len(keys)) >= need
    renumbered = np.cumsum(kept) - 1
    chosen = kept[places]
    return keys[kept], texts[chosen], renumbered[places[chosen]]


def _spell(key: int, size: int, characters: Array) -> str:
    mask = (1 << _BITS) - 1
    return "".join(chr(characters[(key >> (_BITS * place) & mask) - 1]) for place in reversed(range(size)))
