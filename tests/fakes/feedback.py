"""Feedback, the vault, buckets and the bus in memory, with the conditions of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.changes import FeedbackChange
from chalicelib.domain.contact.masks import is_contact
from chalicelib.domain.events import Event
from chalicelib.domain.ids import digest
from chalicelib.domain.reading.facets import Facets, facets_of
from chalicelib.domain.reading.rollup import Bucket, bucket_of
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.errors import Retryable

Key = tuple[str, str]


@dataclass
class FakeFeedbackStore:
    """``stream`` is what the table's stream would carry. ``lose`` makes that many replacements come too late."""

    rows: dict[Key, Feedback] = field(default_factory=dict)
    older: dict[Key, dict[int, Feedback]] = field(default_factory=dict)
    raw: dict[Key, bytes] = field(default_factory=dict)
    stream: list[FeedbackChange] = field(default_factory=list)
    writes: int = 0
    lose: int = 0

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return self.rows.get((workspace, feedback_id))

    def revisions(self, workspace: str, feedback_id: str) -> Sequence[Feedback]:
        kept = self.older.get((workspace, feedback_id), {})
        return [kept[number] for number in sorted(kept)]

    def create(self, feedback: Feedback) -> Feedback | None:
        standing = self.rows.get(_key(feedback))
        if standing is None:
            self._write(feedback)
        return standing

    def supersede(self, old: Feedback, new: Feedback) -> bool:
        if self._is_late(old) or old.revision in self.older.get(_key(old), {}):
            return False
        self.older.setdefault(_key(old), {})[old.revision] = old
        self._write(new)
        return True

    def keep_older(self, current: Feedback, renumbered: Feedback, older: Feedback) -> bool:
        if self._is_late(current) or older.revision in self.older.get(_key(current), {}):
            return False
        self.older.setdefault(_key(current), {})[older.revision] = older
        self._write(renumbered)
        return True

    def erase_words(self, old: Feedback, tombstone: Feedback) -> bool:
        if self._is_late(old):
            return False
        self.older.pop(_key(old), None)
        self._write(tombstone)
        return True

    def remember(self, old: Feedback, new: Feedback) -> bool:
        return self._replace(old, new)

    def park(self, parked: Feedback, raw: bytes) -> Feedback | None:
        standing = self.create(parked)
        if standing is None:
            self.raw[_key(parked)] = raw
        return standing

    def park_again(self, old: Feedback, new: Feedback) -> bool:
        return self._replace(old, new)

    def unpark(self, parked: Feedback, feedback: Feedback) -> bool:
        done = self._replace(parked, feedback)
        if done:
            self.raw.pop(_key(parked), None)
        return done

    def displace(self, parked: Feedback, elsewhere: Feedback, raw: bytes, feedback: Feedback) -> bool:
        if _key(elsewhere) in self.rows or not self.unpark(parked, feedback):
            return False
        self.park(elsewhere, raw)
        return True

    def raw_body(self, workspace: str, feedback_id: str) -> bytes | None:
        return self.raw.get((workspace, feedback_id))

    def _replace(self, old: Feedback, new: Feedback) -> bool:
        if self._is_late(old):
            return False
        self._write(new)
        return True

    def _is_late(self, old: Feedback) -> bool:
        if self.lose:
            self.lose -= 1
            return True
        return self.rows.get(_key(old)) != old

    def _write(self, feedback: Feedback) -> None:
        self.writes += 1
        self.stream.append(FeedbackChange(self.rows.get(_key(feedback)), feedback))
        self.rows[_key(feedback)] = feedback


@dataclass
class FakeVault:
    """Seals by turning bytes round: enough to tell sealed from plain."""

    salts: set[Key] = field(default_factory=set)

    def subject(self, workspace: str, identity: str) -> str:
        return digest("subject", workspace, identity)

    def customer_ref(self, workspace: str, customer_id: str) -> str:
        return self.subject(workspace, customer_id) if is_contact(customer_id) else customer_id

    def seal_contact(self, workspace: str, subject: str, contact: Mapping[str, str]) -> bytes:
        self.salts.add((workspace, subject))
        return json.dumps(dict(contact)).encode()[::-1]

    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> dict[str, str] | None:
        return json.loads(sealed[::-1]) if (workspace, subject) in self.salts else None

    def seal_body(self, workspace: str, body: bytes) -> bytes:
        return body[::-1]

    def open_body(self, workspace: str, sealed: bytes) -> bytes:
        return sealed[::-1]


@dataclass(frozen=True)
class Standing:
    mark: int = 0
    counted: int = 0

    @property
    def is_marked(self) -> bool:
        return self.mark > self.counted


@dataclass
class FakeBuckets:
    """Counts the rows of ``store`` as they are at that moment."""

    store: FakeFeedbackStore = field(default_factory=FakeFeedbackStore)
    standing: dict[Bucket, Standing] = field(default_factory=dict)
    counts: dict[Bucket, dict[str, Any]] = field(default_factory=dict)

    def is_marked(self, bucket: Bucket) -> bool:
        return self.standing.get(bucket, Standing()).is_marked

    def mark(self, bucket: Bucket, mark: int) -> bool:
        before = self.standing.get(bucket, Standing())
        self.standing[bucket] = replace(before, mark=mark)
        return before.is_marked

    def rows(self, bucket: Bucket) -> Iterator[Facets]:
        return (facets_of(row) for row in self.store.rows.values() if bucket_of(row) == bucket)

    def write(self, bucket: Bucket, counts: dict[str, Any], mark: int) -> Standing:
        before = self.standing.get(bucket, Standing())
        if before.counted < mark:
            self.counts[bucket] = counts
            self.standing[bucket] = replace(before, counted=mark)
        return self.standing.get(bucket, before)


@dataclass
class FakeBus:
    """``refuse`` makes that many calls fail, after having taken a part."""

    events: list[Event] = field(default_factory=list)
    refuse: int = 0

    def publish(self, events: Sequence[Event]) -> None:
        if self.refuse:
            self.refuse -= 1
            self.events += events[: len(events) // 2]
            raise Retryable("The bus refused a part of the events.", code="bus_refused")
        self.events += events


def _key(feedback: Feedback) -> Key:
    return feedback.workspace, feedback.id
