"""The playbooks that ship, loaded from their compiled form, and those in force in a frame: run time parses no YAML."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import astuple
from functools import lru_cache
from typing import Any, Final

from chalicelib.domain.cases.playbook import RED_LINE, Allowance, Playbook, Playbooks, Text
from chalicelib.understanding import shipped
from chalicelib.understanding.frame import Frame

COMPILED: Final = os.path.join(shipped.COMPILED, "playbooks")


def dump(found: Sequence[Playbook]) -> bytes:
    """One playbook a row. The same playbooks give the same bytes."""
    rows = [json.dumps(_row(one), ensure_ascii=False, separators=(",", ":"), sort_keys=True) for one in found]
    return "\n".join(rows).encode() + b"\n"


def undump(data: bytes) -> tuple[Playbook, ...]:
    """What ``dump`` kept. Raises ValueError or TypeError when the bytes are none of ours."""
    rows = data.decode().removesuffix("\n").split("\n")
    return tuple(_playbook(*row) for row in json.loads(f"[{','.join(rows)}]"))


def _row(one: Playbook) -> list[Any]:
    texts = [one.title, one.steps, one.standard, one.reply, one.compensation, one.question]
    return [one.id, one.version, *texts, *(astuple(limit) for limit in one.limits)]


def _playbook(id_: str, version: str, title: Text, steps: Sequence[Text], *later: Any) -> Playbook:
    standard, reply, compensation, question, *limits = later
    given = tuple(Allowance(*limit) for limit in limits)
    return Playbook(id_, version, title, tuple(steps), standard, reply, compensation, question, given)


@lru_cache(maxsize=16)
def load(pack: str) -> tuple[Playbook, ...]:
    """Those of a shipped pack, of its red lines too; () for a pack without."""
    try:
        with open(os.path.join(COMPILED, f"{pack}.json"), "rb") as file:
            return undump(file.read())
    except FileNotFoundError:
        return ()


def of_frame(frame: Frame) -> Playbooks:
    """Those in force: of what several packs have, the first one's; the workspace's own before them.

    A retired topic has none.
    """
    theirs = [one for pack in reversed(frame.packs) for one in load(pack)]
    found = (*theirs, *frame.playbooks)
    return Playbooks(one for one in found if one.id.startswith(RED_LINE) or one.id in frame.by_id)
