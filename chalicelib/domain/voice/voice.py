"""One voice as it arrived: what every source turns its payload into.

Text in these objects is a customer's: their reprs never show it. Apart from ``feedback``, so that a hook's cold start
does not pay for what only later stages need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.voice.understanding import Text


@dataclass(frozen=True, slots=True)
class Score:
    """A number on its own scale. ``polarity`` "lower" marks scales where a high value is bad (CES v1)."""

    kind: str  # vocabulary.SCORE_KINDS
    value: float
    low: float
    high: float
    polarity: str = "higher"  # higher | lower is better


@dataclass(frozen=True, slots=True)
class Customer:
    """Contact data as it arrived; leaves the enrich function only through the vault."""

    id: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Canonical:
    """What every source turns its payload into."""

    response_key: str
    occurred_at: datetime  # aware, UTC
    channel: str = "survey"
    touchpoint: str | None = None
    unit: str | None = None
    lang: str | None = None
    customer: Customer = Customer()
    scores: tuple[Score, ...] = ()
    texts: tuple[Text, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[str, ...] = field(default=(), repr=False)
    revision: int | None = None  # the sender's own counter
    revision_at: datetime | None = None  # else the platform's edit time
    deleted: bool = False  # a tombstone: the platform deleted the response
    sanitised: bool = False  # control characters were replaced by U+FFFD
    mapping_missed: bool = False  # some places where the mapping looks for scores and texts were not in the payload
