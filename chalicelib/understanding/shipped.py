"""The packs that ship, read once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from chalicelib.understanding.frame import Frame
from chalicelib.understanding.frame_file import parse

PACKS: Final = Path(__file__).resolve().parent.parent / "packs"
DEFAULT_PACK: Final = "ecommerce"


@lru_cache(maxsize=4)
def load(pack: str = DEFAULT_PACK) -> Frame:
    """The frame of a shipped pack. Raises FrameError, a ValueError, that names file and line."""
    path = PACKS / f"{pack}.yaml"
    return parse(path.read_text(encoding="utf-8"), path.name)
