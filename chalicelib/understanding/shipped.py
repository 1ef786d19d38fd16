"""The packs that ship, read once per process, from their compiled form: run time parses no YAML.

After a change of a YAML file ``python -m infra.model.packs`` compiles it anew.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

from chalicelib.understanding import compiled
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.uncollected import Uncollected

# No pathlib here: it takes 3 ms to import.
COMPILED: Final = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "packs", "compiled")
DEFAULT_PACK: Final = "ecommerce"
_ENDING: Final = ".json"


@lru_cache(maxsize=16)
def load(pack: str = DEFAULT_PACK) -> Frame:
    """The frame of a shipped pack with every red line. Raises ValueError for a pack that is not there."""
    if pack not in packs():
        raise ValueError(f"There is no pack {pack[:40]!r}; known are {', '.join(packs())}.")
    with Uncollected(), open(os.path.join(COMPILED, pack + _ENDING), "rb") as file:
        return compiled.load(file.read())


@lru_cache(maxsize=1)
def packs() -> tuple[str, ...]:
    """The names of the shipped packs, in order."""
    return tuple(sorted(name.removesuffix(_ENDING) for name in os.listdir(COMPILED) if name.endswith(_ENDING)))
