"""What people read in place of an id: the names of departments and touchpoints, from ``packs/words`` as it is compiled.

After a change of the YAML file ``python -m infra.model.packs`` compiles it anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from chalicelib.understanding.shipped import COMPILED

LANGUAGES: Final = ("zh-CN", "en")
KINDS: Final = ("departments", "touchpoints")
FOLDER: Final = "words"
FILE: Final = "names.json"

Names = Mapping[str, Mapping[str, Mapping[str, str]]]  # kind → id → language → name


def department(role: str, lang: str) -> str:
    """What the department is called in ``lang``; an id that we do not know is made readable."""
    return _called("departments", role, lang)


def touchpoint(touchpoint_id: str, lang: str) -> str:
    """What the touchpoint is called in ``lang``; an id that we do not know is made readable."""
    return _called("touchpoints", touchpoint_id, lang)


def readable(own_id: str) -> str:
    """An id that a workspace made up: its underscores are spaces, the rest stands as they wrote it."""
    return " ".join(own_id.replace("_", " ").split()) or own_id


def _called(kind: str, own_id: str, lang: str) -> str:
    return names()[kind].get(own_id, {}).get(lang) or readable(own_id)


@lru_cache(maxsize=1)
def names() -> Names:
    """Every name that ships, read once per process."""
    with open(os.path.join(COMPILED, FOLDER, FILE), "rb") as file:
        read: Names = json.load(file)
    return read


def dump(read: Names) -> bytes:
    """The bytes that ``names`` reads: the same names give the same bytes, an id a line."""
    kinds = (f'"{kind}":{{\n' + ",\n".join(_rows(read[kind])) + "\n}" for kind in KINDS)
    return ("{" + ",\n".join(kinds) + "}\n").encode()


def _rows(named: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [f"{json.dumps(own_id)}:{json.dumps(named[own_id], ensure_ascii=False)}" for own_id in sorted(named)]
