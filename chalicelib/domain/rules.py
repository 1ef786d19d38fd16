"""Routing rules: workspace data, evaluated by one pure function. Filled in by the rules room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """``when`` is a condition tree, ``then`` a subset of ticket | alert | followup."""

    name: str
    when: Mapping[str, Any]
    then: tuple[str, ...]
    version: int = 1
    severity: str = "medium"
    department: str | None = None
    cooldown_s: int | None = None
    enabled: bool = True
    builtin: bool = field(default=False)
