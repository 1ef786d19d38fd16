"""The door for what systems of record say back: proof over the raw bytes first, then the answer that they wait for.

Some vendors wait for 1.5 seconds. So what one says is put on a queue, in one call, and judged behind it
(``apply_callback``); only a sender that wants the verdict waits for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.outbound.calls import Call, Opened, Reply
from chalicelib.domain.text import strict_json
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.errors import MethodNotAllowed, TooLarge, Unauthorized, UnsupportedMedia
from chalicelib.services.outbound.apply_callback import KIND, Heard
from chalicelib.services.ports import Clock, Queue

FRESH: Final = 60.0  # seconds that credentials may come from memory
FRESH_AFTER_FAILURE: Final = 5.0  # idem, once a signature did not fit: they may have been rotated elsewhere
ACCEPTED: Final = Reply(200, b'{"status":"accepted","code":"ok"}')  # to a vendor that wants nothing of its own
# The scheme of an endpoint that there is not, of one that has no way back, and of records older than their field.
USUAL: Final = "standard_webhooks"
_NOBODY: Final = EndpointSecret(workspace="", id="", url="")


class EndpointSecrets(Protocol):
    def get(self, record_id: str, *, within: float) -> EndpointSecret | None:
        """The credentials, read at most ``within`` seconds ago; None for an unknown endpoint. Raises Retryable."""


class Reader(Protocol):
    """What this door asks of a reader, see ``connectors/callbacks.py``."""

    @property
    def methods(self) -> Sequence[str]: ...

    @property
    def content_types(self) -> Sequence[str]: ...

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened: ...

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None: ...

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None: ...


class Judge(Protocol):
    def verdict(self, workspace: str, endpoint_id: str, opened: Opened, now: datetime) -> Heard: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer, and what the log line says of it. ``code``: handshake | queued | the verdict's own."""

    reply: Reply
    workspace: str
    code: str
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class HearCallback:
    """Nothing is parsed before it is authenticated; an unknown and a foreign endpoint answer alike."""

    secrets: EndpointSecrets
    reader: Callable[[str], Reader | None]  # by connector; None: it has no way back
    judge: Callable[[], Judge]  # built for a sender that waits, and not before
    queue: Queue
    clock: Clock

    def __call__(self, endpoint_id: str, call: Call) -> Answered:
        """Answer the callback. Of AWS it takes the credentials, once a minute, and one message.

        Raises TooLarge, Unauthorized, MethodNotAllowed, UnsupportedMedia, Retryable, and for a sender that waits for
        the verdict whatever ``ApplyCallback.verdict`` raises.
        """
        if len(call.body) > strict_json.MAX_BYTES:
            raise TooLarge(f"The body is larger than {strict_json.MAX_BYTES} bytes.")
        now = self.clock()
        secret, reader, opened = self._proven(endpoint_id, call, now)
        _check_form(call, reader)
        shaken = reader.handshake(opened, secret, now)
        if shaken is not None:
            return Answered(shaken, secret.workspace, "handshake")
        if getattr(reader, "tells_verdict", False):
            heard = self.judge().verdict(secret.workspace, endpoint_id, opened, now)
            body = json.dumps(heard.as_json(), separators=(",", ":")).encode()
            return Answered(Reply(200, body), secret.workspace, heard.code, heard.ticket.id)
        self.queue.send(_message(secret.workspace, endpoint_id, opened, now))
        return Answered(reader.reply(opened, secret, now) or ACCEPTED, secret.workspace, "queued")

    def _proven(self, endpoint_id: str, call: Call, now: datetime) -> tuple[EndpointSecret, Reader, Opened]:
        """What the proof opened. Credentials that do not fit are read once more: a rotation counts at once."""
        secret = self.secrets.get(endpoint_id, within=FRESH) or _NOBODY
        try:
            return self._opened(secret, call, now)
        except Unauthorized as refusal:
            newer = self.secrets.get(endpoint_id, within=FRESH_AFTER_FAILURE) or _NOBODY
            if refusal.code != "signature_invalid" or newer == secret:
                raise
            return self._opened(newer, call, now)

    def _opened(self, secret: EndpointSecret, call: Call, now: datetime) -> tuple[EndpointSecret, Reader, Opened]:
        reader = self.reader(secret.connector or USUAL)
        if reader is None:
            secret, reader = _NOBODY, self.reader(USUAL)
        if reader is None:
            raise LookupError(USUAL)
        return secret, reader, reader.prove(call, secret, now)


def _check_form(call: Call, reader: Reader) -> None:
    """What a proven sender may still get wrong. An unproven one is not told what would be taken."""
    if call.method not in reader.methods:
        raise MethodNotAllowed("This endpoint's system does not call so.", allowed=tuple(reader.methods))
    if call.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Compressed bodies are not taken.")
    given = call.headers.get("content-type", "").split(";")[0].strip().lower()
    bare = not (call.body or given)  # nothing was sent, and so nothing is said of its form
    if call.method != "GET" and not bare and given not in reader.content_types:
        raise UnsupportedMedia(f"The body must be {' or '.join(reader.content_types)}.")


def _message(workspace: str, endpoint_id: str, opened: Opened, now: datetime) -> Mapping[str, Any]:
    """What waits in the queue, which is encrypted as the inbox is: a payload may hold colleagues' words."""
    payload = json.loads(json.dumps(opened.payload, default=str))
    return {
        "kind": KIND,
        "workspace": workspace,
        "endpoint": endpoint_id,
        "payload": payload,
        "heard_at": now.isoformat(),
    }
