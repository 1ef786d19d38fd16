"""What the API shows of endpoints and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from chalicelib.domain.outbound.delivery import Attempt, Delivery
from chalicelib.domain.outbound.reconciliation import WHY, Drift
from chalicelib.domain.time.moments import written
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.lambdas.api.shows import Json, moment

if TYPE_CHECKING:
    from chalicelib.services.outbound.reconcile import EndpointDrift

MASK: Final = "***"


def endpoint(one: Endpoint, header_names: Sequence[str] = ()) -> Json:
    """The URL as its host only, the values of header fields masked."""
    settings = dict(one.settings)
    if header_names:
        settings["headers"] = dict.fromkeys(header_names, MASK)
    return {
        "id": one.id,
        "workspace": one.workspace,
        "name": one.name,
        "connector": one.connector,
        "host": one.host,
        "events": list(one.events),
        "state": one.state,
        "settings": settings,
        "credentials": list(one.credentials),
        "failing_since": one.failing_since,
        "created_at": one.created_at,
    }


def drifts(found: Sequence[EndpointDrift]) -> Json:
    return {"endpoints": [_endpoint_drift(one) for one in found]}


def _endpoint_drift(one: EndpointDrift) -> Json:
    state = one.state
    return {
        "endpoint": one.endpoint.id,
        "connector": one.endpoint.connector,
        "readable": one.readable,
        "next_at": state.next_at if state else None,
        "ran_at": state.ran_at if state else None,
        "reached_at": state.reached_at if state else None,
        "error": state.error if state else None,
        "items": [_drift(watched.ticket, watched.drift) for watched in one.items if watched.drift],
        "more": one.more,
    }


def _drift(ticket_id: str, drift: Drift) -> Json:
    winner, chinese, english = WHY[drift.code]
    return {
        "ticket": ticket_id,
        "external_id": drift.external_id,
        "ours": drift.ours,
        "theirs": drift.theirs,
        "since": written(drift.since),
        "seen_at": written(drift.seen_at),
        "winner": winner,
        "code": drift.code,
        "why": {"zh-CN": chinese, "en": english},
    }


def delivery(one: Delivery) -> Json:
    """Where one event is on its way to one endpoint."""
    return {
        "id": one.id,
        "workspace": one.workspace,
        "endpoint": one.endpoint,
        "subject": one.subject,
        "sequence": one.sequence,
        "event_type": one.event_type,
        "state": one.state,
        "code": one.code or None,
        "tries": one.attempts,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "next_at": moment(one.next_at),
    }


def attempt(one: Attempt) -> Json:
    """One call; its answer was masked when it was kept."""
    return {
        "number": one.number,
        "at": moment(one.at),
        "status": one.status,
        "code": one.code,
        "duration_ms": one.duration_ms,
        "answer": one.answer,
        "ambiguous": one.ambiguous,
        "calls": [
            {"step": call.step, "status": call.status, "code": call.code, "duration_ms": call.duration_ms}
            for call in one.calls
        ],
    }
