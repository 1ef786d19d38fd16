"""One voice as it is kept: read, scored, decided.

Text in these objects is a customer's: their reprs never show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.voice.voice import Score


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule asked for an action. ``lapsed`` once the rule no longer matches; closes nothing."""

    rule: str
    version: int
    severity: str
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcome of the routing rules, stored on the feedback."""

    actions: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)  # action → reasons
    severity: str = "low"
    departments: tuple[str, ...] = ()
    cooldowns: Mapping[str, int] = field(default_factory=dict)  # alert rule → its own seconds, if it names any
    ruled: bool = False  # a rule gave a department: it is one department's case, whatever else is complained of


@dataclass(frozen=True, slots=True)
class Closing:
    """That a person put a voice away, and why: nothing was to be done, or what its customer was told."""

    by: str
    at: datetime
    reason: str = field(repr=False)


_NOTHING: Final = Understanding()


@dataclass(frozen=True, slots=True)
class Feedback:
    """The stored voice. ``texts`` hold redacted words only."""

    workspace: str
    id: str
    connection: str
    source: str
    state: str  # vocabulary.FEEDBACK_STATES
    received_at: datetime
    occurred_at: datetime
    response_key: str = ""
    revision: int = 1  # counts what the customer sent
    reading: int = 1  # counts our taggings of the same words
    revision_order: str = ""  # sortable order key of this revision, see domain/voice/revision.py
    content_hash: str = ""  # of the canonical content, equal content is a duplicate
    channel: str = "survey"
    touchpoint: str | None = None
    unit: str | None = None
    lang: str | None = None
    customer_ref: str | None = None  # customer id, or its HMAC when it is a phone or e-mail
    subject: str | None = None  # HMAC of the customer id: key of the salt that encrypts the contact
    contact: bytes | None = field(default=None, repr=False)  # AES-GCM ciphertext, see storage/vault.py
    scores: tuple[Score, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)  # score kind → class, e.g. nps → detractor
    texts: tuple[Text, ...] = ()
    understanding: Understanding = _NOTHING
    decision: Decision = Decision()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[str, ...] = field(default=(), repr=False)
    awaiting: frozenset[str] = frozenset()  # ⊆ {"ticket", "alert"}
    awaiting_since: datetime | None = None
    heard_at: datetime | None = None
    understood_at: datetime | None = None
    acted_at: datetime | None = None
    parked_reason: str | None = None
    seen: Mapping[str, str] = field(default_factory=dict)  # event key → sha256 of its raw body
    ticket: str | None = None
    closing: Closing | None = None  # closed by a person, not by an erasure or because it was read anew
    sanitised: bool = False
    mapping_missed: bool = False
    late: bool = False  # its bucket was frozen, so it counts in the hour it was received
    deleted: bool = False
