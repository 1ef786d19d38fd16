"""An OA or CRM says what became of its item: a signed callback moves our ticket, once and in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain import strict_json
from chalicelib.domain.access import nowhere
from chalicelib.domain.callback import Callback, ExternalItem, Verdict, judge, read
from chalicelib.domain.directory import Endpoint, EndpointSecret
from chalicelib.domain.standard_webhooks import no_fit, verify
from chalicelib.domain.ticket import Step, Ticket
from chalicelib.errors import Retryable, TooLarge, Unauthorized, UnsupportedMedia
from chalicelib.services.ports import Clock

ATTEMPTS: Final = 30  # each lost race means that another callback got on
FRESH: Final = 60.0  # seconds that credentials may come from memory
FRESH_AFTER_FAILURE: Final = 5.0  # idem, once a signature did not fit: they may have been rotated elsewhere
_NOBODY: Final = EndpointSecret(workspace="", id="", url="")


class EndpointSecrets(Protocol):
    def get(self, record_id: str, *, within: float) -> EndpointSecret | None:
        """The credentials, read at most ``within`` seconds ago; None for an unknown endpoint. Raises Retryable."""


class Endpoints(Protocol):
    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...


class HeardTickets(Protocol):
    """Tickets and what was heard of them, written together."""

    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def external_item(self, workspace: str, endpoint: str, external_id: str) -> ExternalItem | None: ...

    def hear(self, item: ExternalItem, *, known: ExternalItem | None, step: Step | None, expected_version: int) -> bool:
        """Remember ``item`` and write ``step``, both or neither; False when somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Heard:
    """``status`` applied | ignored; ``code`` ok | echo | duplicate | stale says why, in the answer and the log line."""

    status: str
    code: str
    ticket: Ticket

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        ticket = {"id": self.ticket.id, "version": self.ticket.version, "state": self.ticket.state}
        return {"status": self.status, "code": self.code, "ticket": ticket}


@dataclass(frozen=True, slots=True)
class HearCallback:
    """Nothing is parsed before it is authenticated; an unknown and a foreign endpoint answer alike."""

    secrets: EndpointSecrets
    endpoints: Endpoints
    tickets: HeardTickets
    clock: Clock

    def __call__(self, endpoint_id: str, headers: Mapping[str, str], body: bytes) -> Heard:
        """Apply the callback, or ignore one that is no news. Header names in lower case.

        Raises TooLarge, UnsupportedMedia, Unauthorized (as ``standard_webhooks.verify``), Malformed, Invalid,
        NotFound (no such ticket in the endpoint's workspace), Conflict (``illegal_move``, ``external_id_mismatch``),
        Retryable.
        """
        _check_form(headers, body)
        now = self.clock()
        secret = self._proven(endpoint_id, headers, body, now)
        endpoint = self.endpoints.endpoint(secret.workspace, endpoint_id)
        if endpoint is None:  # deleted a moment ago
            raise no_fit()
        return self._apply(endpoint, read(strict_json.decode(body), now), now)

    def _proven(self, endpoint_id: str, headers: Mapping[str, str], body: bytes, now: datetime) -> EndpointSecret:
        """The endpoint's credentials, once the signature fits them. An unknown endpoint has none that could fit."""
        secret = self.secrets.get(endpoint_id, within=FRESH) or _NOBODY
        try:
            verify(_valid(secret, now), headers, body, now)
        except Unauthorized as refusal:
            newer = self.secrets.get(endpoint_id, within=FRESH_AFTER_FAILURE) or _NOBODY
            if refusal.code != "signature_invalid" or newer == secret:
                raise
            verify(_valid(newer, now), headers, body, now)
            return newer
        return secret

    def _apply(self, endpoint: Endpoint, callback: Callback, now: datetime) -> Heard:
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(endpoint.workspace, callback.ticket)
            if ticket is None:
                raise nowhere()
            known = self.tickets.external_item(endpoint.workspace, endpoint.id, callback.external_id)
            status_map = endpoint.settings.get("status_map") or {}
            verdict = judge(callback, ticket, known, endpoint=endpoint.id, status_map=status_map, at=now)
            if self._kept(verdict, known, ticket):
                after = verdict.step.ticket if verdict.step else ticket
                return Heard("applied" if verdict.step else "ignored", verdict.code, after)
        raise Retryable("The ticket keeps changing.", code="contended")

    def _kept(self, verdict: Verdict, known: ExternalItem | None, ticket: Ticket) -> bool:
        """Write what the verdict says; True when there was nothing to write."""
        if verdict.item is None:
            return True
        return self.tickets.hear(verdict.item, known=known, step=verdict.step, expected_version=ticket.version)


def _check_form(headers: Mapping[str, str], body: bytes) -> None:
    """What can be refused by size and type alone."""
    if len(body) > strict_json.MAX_BYTES:
        raise TooLarge(f"The body is larger than {strict_json.MAX_BYTES} bytes.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Compressed bodies are not taken.")
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("The body must be application/json.")


def _valid(secret: EndpointSecret, now: datetime) -> list[str]:
    """The secrets that count now: two during a rotation, none for an endpoint that signs nothing."""
    until = secret.previous_valid_until
    previous = secret.previous_secret if until is None or now.timestamp() < until else None
    return [one for one in (secret.secret, previous) if one]
