"""A poll that visits several surveys one after the other, a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.errors import Gone
from chalicelib.sources.base import Found
from chalicelib.sources.collected import part

State = Mapping[str, Any]  # what is known of one survey between two steps; JSON
Payloads = tuple[Mapping[str, Any], ...]


def take_step(
    surveys: Sequence[str],
    cursor: Mapping[str, Any] | None,
    since: str,
    step: Callable[[str, State], tuple[Payloads, State, bool]],
) -> Found:
    """The next step of the round; after the last survey's, the round is over and the next poll begins a new one.

    ``step`` takes a survey and what is known of it, at first ``{"since": since}``, and says what it found, what is
    known now, and whether the survey is done for this round. A survey that the vendor does not know is passed over:
    one that was deleted must not keep the others from being read.
    """
    known = part(cursor, "surveys")
    turn = cursor.get("turn", 0) if cursor else 0
    if turn >= len(surveys):
        return Found((), {"surveys": {one: known[one] for one in surveys if one in known}, "turn": 0}, more=False)
    survey = surveys[turn]
    state: State = known.get(survey) or {"since": since}
    try:
        payloads, state, done = step(survey, state)
    except Gone:
        payloads, done = (), True
    return Found(payloads, {"surveys": {**known, survey: state}, "turn": turn + done}, more=True)
