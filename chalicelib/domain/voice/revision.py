"""Which of several arrivals of one response is the newest, and which is nothing new.

Order: the sender's own revision number; else the platform's edit time; a tie is broken by the hash of the content.
An arrival with neither is the next one by arrival, unless its content is already known. Whatever the order in which
N revisions arrive, the same one ends up current.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from chalicelib.domain.ids import digest
from chalicelib.domain.voice.voice import Canonical

# How many deliveries a feedback remembers. Platforms repeat the last few, not one of twenty edits ago;
# beyond that the content hash still recognises a repetition.
MOST_SEEN: Final = 20


@dataclass(frozen=True, slots=True)
class Revision:
    """What decides about one revision. ``order`` is sortable, empty where the sender gives no order."""

    number: int
    order: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A response as it comes in; ``number`` is the sender's own, if it has one."""

    order: str
    content_hash: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Nothing new. ``order`` is later than the stored one where the sender re-numbered the same content."""

    order: str


@dataclass(frozen=True, slots=True)
class Newer:
    """Becomes the current revision under ``number``; the one that was current stays beside it."""

    number: int


@dataclass(frozen=True, slots=True)
class Older:
    """Is kept as ``number``; the current revision becomes (or stays) ``current``, always the highest number."""

    number: int
    current: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The same delivery id came with another body: whoever sent it, it is not a repetition."""


def order_key(canonical: Canonical) -> str:
    """Sortable order of a revision; a sender's number outranks an edit time, both outrank nothing (``""``)."""
    if canonical.revision is not None:
        return f"2:{canonical.revision:020d}"
    if canonical.revision_at is not None:
        return f"1:{canonical.revision_at.astimezone(timezone.utc).isoformat(timespec='microseconds')}"
    return ""


def content_hash(canonical: Canonical, *, person: str, received_at: datetime) -> str:
    """Identity of what was said, whatever delivery it came in and whenever that was.

    Give the redacted content, and for ``person`` a keyed fingerprint of the contact data or "":
    a plain hash of a phone number is as good as the number.
    """
    content = {
        # Where the platform names no time, it is the arrival's, and a repetition arrives later.
        "at": None if canonical.occurred_at == received_at else _instant(canonical.occurred_at),
        "channel": canonical.channel,
        "touchpoint": canonical.touchpoint,
        "unit": canonical.unit,
        "lang": canonical.lang,
        "person": person,
        "scores": [[s.kind, float(s.value), float(s.low), float(s.high), s.polarity] for s in canonical.scores],
        "texts": [[t.text, t.question, t.speaker] for t in canonical.texts],
        "attributes": dict(canonical.attributes),
        "attachments": list(canonical.attachments),
        "deleted": canonical.deleted,
    }
    return digest("content", json.dumps(content, sort_keys=True, separators=(",", ":")))


def body_hash(body: bytes) -> str:
    """What ``seen`` remembers of a raw body: 80 bits, enough to tell two bodies of one delivery id apart."""
    return digest("body", body, length=16)


def recognise(seen: Mapping[str, str], event_key: str, body: str) -> Duplicate | Mismatch | None:
    """What the delivery id alone says; None for one that was not seen."""
    if event_key not in seen:
        return None
    return Duplicate(order="") if seen[event_key] == body else Mismatch()


def remember(seen: Mapping[str, str], event_key: str, body: str) -> dict[str, str]:
    """``seen`` with one more delivery, the oldest dropped beyond the limit."""
    kept = {key: value for key, value in seen.items() if key != event_key}
    return dict([*kept.items(), (event_key, body)][-MOST_SEEN:])


def place(arrival: Arrival, current: Revision, older: Sequence[Revision]) -> Duplicate | Newer | Older:
    """Where an arrival that was not recognised by its delivery id belongs."""
    if arrival.content_hash == current.content_hash:
        return Duplicate(order=max(arrival.order, current.order))
    if _is_newer(arrival, current, older):
        return Newer(number=max(arrival.number or 0, current.number + 1))
    if any(arrival.content_hash == revision.content_hash for revision in older):
        return Duplicate(order=current.order)
    return _older(arrival, current, older)


def _is_newer(arrival: Arrival, current: Revision, older: Sequence[Revision]) -> bool:
    if not arrival.order:
        return all(arrival.content_hash != revision.content_hash for revision in older)
    ordered = [(rev.order, rev.content_hash) for rev in (*older, current) if rev.order]
    return not ordered or (arrival.order, arrival.content_hash) > max(ordered)


def _older(arrival: Arrival, current: Revision, older: Sequence[Revision]) -> Older:
    """The sender's number where it is free; else the arrival takes the current one's, which moves up."""
    taken = {revision.number for revision in older}
    if arrival.number is not None and arrival.number < current.number and arrival.number not in taken:
        return Older(number=arrival.number, current=current.number)
    return Older(number=current.number, current=current.number + 1)


def _instant(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
