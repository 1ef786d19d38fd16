"""A bus event becomes one delivery for every endpoint that asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.outbound.delivery import (
    Delivery,
    delivery_id,
    mark_of,
    sequence_of,
    subject_of,
    wants,
)
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.services.outbound.delivery_plan import DeliveryPlan

SETTLING: Final = 1.0  # seconds a later event gives an earlier one of its ticket: the bus keeps no order
# Given an event and all endpoints of its workspace.
PlanCode = Callable[[Mapping[str, Any], Sequence[Endpoint]], bool]


def no_code(detail: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> bool:  # noqa: ARG001 - as PlanCode
    """Where nobody is sent one."""
    return False


@dataclass(frozen=True, slots=True)
class FanOut:
    """Idempotent: the same event finds its deliveries there and only wakes them again.

    ``endpoints`` gives those of a workspace. ``send_code`` has a ticket's owner sent their code, see
    services/page/send_code.py.
    """

    endpoints: Callable[[str], Sequence[Endpoint]]
    plan: DeliveryPlan
    send_code: PlanCode = no_code

    def handle(self, event: Mapping[str, Any]) -> int:
        """Make and wake the deliveries of one event (``Event.as_detail``); returns how many are new."""
        endpoints = self.endpoints(event["workspace"])
        wanting = [endpoint for endpoint in endpoints if wants(endpoint, event["type"], event)]
        made = sum(self._deliver_to(endpoint, event) for endpoint in wanting)
        self.send_code(event, endpoints)
        return made

    def _deliver_to(self, endpoint: Endpoint, event: Mapping[str, Any]) -> bool:
        delivery = self._delivery(endpoint, event)
        is_new = self.plan.store.create(delivery)
        is_later = "ticket_id" in event and delivery.sequence > 1
        self.plan.wake(delivery, after=SETTLING if is_later else 0.0)
        return is_new

    def _delivery(self, endpoint: Endpoint, event: Mapping[str, Any]) -> Delivery:
        now = self.plan.clock()
        subject, sequence, mark = subject_of(event), sequence_of(event), mark_of(event["type"])
        return Delivery(
            workspace=endpoint.workspace,
            id=delivery_id(subject, endpoint.id, sequence, mark),
            endpoint=endpoint.id,
            subject=subject,
            sequence=sequence,
            mark=mark,
            event_type=event["type"],
            state="waiting",
            created_at=now,
            updated_at=now,
            occurred_at=str(event.get("occurred_at", "")),
            detail=dict(event),
        )
