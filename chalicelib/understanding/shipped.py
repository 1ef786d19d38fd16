"""The packs that ship, read once per process, from their compiled form: run time parses no YAML.

After a change of a YAML file ``python -m infra.model.packs`` compiles it anew.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from chalicelib.understanding import compiled
from chalicelib.understanding.frame import Frame

COMPILED: Final = Path(__file__).resolve().parent.parent / "packs" / "compiled"
DEFAULT_PACK: Final = "ecommerce"


@lru_cache(maxsize=16)
def load(pack: str = DEFAULT_PACK) -> Frame:
    """The frame of a shipped pack with every red line. Raises ValueError for a pack that is not there."""
    if pack not in packs():
        raise ValueError(f"There is no pack {pack[:40]!r}; known are {', '.join(packs())}.")
    return compiled.load((COMPILED / f"{pack}.json").read_bytes())


@lru_cache(maxsize=1)
def packs() -> tuple[str, ...]:
    """The names of the shipped packs, in order."""
    return tuple(sorted(path.stem for path in COMPILED.glob("*.json")))
