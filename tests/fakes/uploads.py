"""Uploaded files in memory: the bucket with its byte ranges, and the rows that say how far each file is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.domain.inbound.upload import FileMissing, FileReplaced, Part, Upload


@dataclass
class FakeFiles:
    objects: dict[str, bytes] = field(default_factory=dict)
    reads: list[tuple[int, int]] = field(default_factory=list)  # (first byte, how many were given)
    before_read: Callable[[], None] | None = None

    def put(self, key: str, raw: bytes, content_type: str) -> None:
        self.objects[key] = raw

    def upload_url(self, key: str, content_type: str, size: int | None, seconds: int) -> str:
        return f"https://bucket.test/{key}?type={content_type}&size={size}&seconds={seconds}&X-Amz-Signature=CANARY"

    def etag(self, key: str) -> str:
        return hashlib.sha256(self.objects[key]).hexdigest()[:32]

    def read(self, key: str, start: int, length: int, etag: str) -> Part:
        if self.before_read is not None:
            self.before_read()
        if key not in self.objects:
            raise FileMissing
        if etag != self.etag(key):
            raise FileReplaced
        raw = self.objects[key]
        self.reads.append((start, len(raw[start : start + length])))
        return Part(raw[start : start + length], len(raw))


@dataclass
class FakeUploadStore:
    """``on_save`` is called before each write: the moment at which a worker dies, or another gets in between."""

    states: dict[tuple[str, str, str], Upload] = field(default_factory=dict)
    on_save: Callable[[Upload], None] | None = None

    def get(self, workspace: str, connection: str, upload_id: str) -> Upload | None:
        return self.states.get((workspace, connection, upload_id))

    def save(self, state: Upload) -> Upload | None:
        if self.on_save is not None:
            self.on_save(state)
        key = (state.workspace, state.connection, state.id)
        known = self.states[key].version if key in self.states else 0
        if known != state.version:
            return None
        self.states[key] = replace(state, version=known + 1)
        return self.states[key]

    def page(
        self, workspace: str, connection: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[Upload], str | None]:
        found = [
            one
            for (there, name, _), one in sorted(self.states.items(), reverse=True)
            if (there, name) == (workspace, connection)
        ]
        return found[:limit], None
