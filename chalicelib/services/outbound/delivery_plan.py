"""When a delivery is looked at next: the message that starts an attempt, and the change of plan behind it.

The message is sent before the plan is written. A worker that dies in between leaves a message of a plan that never
came to be, which does no harm; the other order would leave a delivery that nobody wakes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.outbound.delivery import ENDED, Attempt, Delivery
from chalicelib.services.ports import Clock, DueStore, Queue

LONGEST_DELAY: Final = 900  # seconds that SQS delays a message; longer waits are due rows
SOON: Final = 1  # seconds that the message of a plan lags behind, so that it finds the plan written
QUEUE: Final = "deliveries"


class DeliveryStore(Protocol):
    """Deliveries in the table. See storage/outbound/deliveries.py for the words of each."""

    def create(self, delivery: Delivery) -> bool: ...

    def get(self, workspace: str, delivery_id: str) -> Delivery | None: ...

    def lane(self, workspace: str, subject: str, endpoint: str) -> Sequence[Delivery]: ...

    def lease(self, delivery: Delivery, until: datetime) -> str | None: ...

    def change(self, before: Delivery, after: Delivery, *, lease: str | None = None) -> bool: ...

    def add_attempt(self, delivery: Delivery, attempt: Attempt) -> None: ...

    def lagging(self, workspace: str, endpoint: str, *, after: str = "", limit: int = 100) -> Sequence[str]: ...

    def forget_lagging(self, workspace: str, endpoint: str, delivery_id: str) -> None: ...

    def join_crowd(self, workspace: str, endpoint: str, place: str) -> None: ...

    def crowd(self, workspace: str, endpoint: str, *, after: str = "", limit: int = 100) -> Sequence[str]: ...

    def leave_crowd(self, workspace: str, endpoint: str, places: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """``queue`` is the deliveries queue, ``due`` what takes over after fifteen minutes."""

    store: DeliveryStore
    queue: Queue
    due: DueStore
    clock: Clock

    def wake(self, delivery: Delivery, *, after: float = 0.0, waited: bool = False, looks: int = 0) -> None:
        """Have this plan looked at in ``after`` seconds.

        ``waited``: a rate limit told it to come back then. ``looks``: how often the plan was not there yet.
        """
        body = {
            "kind": "deliver",
            "workspace": delivery.workspace,
            "delivery_id": delivery.id,
            "version": delivery.version,
            **({"waited": True} if waited else {}),
            **({"looks": looks} if looks else {}),
        }
        if after <= LONGEST_DELAY:
            self.queue.send(body, delay=math.ceil(after))
        else:
            key = f"{delivery.workspace}#{delivery.id}#{delivery.version}"
            self.due.add(self.clock() + timedelta(seconds=after), QUEUE, body, key=key)

    def again(
        self,
        before: Delivery,
        code: str,
        *,
        after: float = SOON,
        lease: str | None = None,
        start_over: bool = False,
        waited: bool = False,
    ) -> bool:
        """Wait and try again; ``start_over`` begins the schedule anew. False when the delivery moved on meanwhile."""
        now = self.clock()
        plan = replace(
            before,
            state="waiting",
            code=code,
            version=before.version + 1,
            base=before.attempts if start_over else before.base,
            next_at=now + timedelta(seconds=after) if after > SOON else None,
            updated_at=now,
            lagging=True,
        )
        self.wake(plan, after=after, waited=waited)
        return self.store.change(before, plan, lease=lease)

    def hold(self, before: Delivery, code: str, *, lease: str | None = None) -> Delivery | None:
        """Keep it until its endpoint is active again or a person replays it. None when it moved on meanwhile."""
        held = replace(
            before,
            state="held",
            code=code,
            version=before.version + 1,
            next_at=None,
            updated_at=self.clock(),
            lagging=True,
        )
        return held if self.store.change(before, held, lease=lease) else None

    def end(self, before: Delivery, state: str, code: str, *, lease: str | None = None) -> bool:
        """Delivered, failed, uncertain or cancelled; what waits behind it goes on. False as ``again``."""
        ended = replace(
            before,
            state=state,
            code=code,
            version=before.version + 1,
            next_at=None,
            updated_at=self.clock(),
            lagging=False,
        )
        if not self.store.change(before, ended, lease=lease):
            return False
        self.wake_next(ended)
        return True

    def wake_next(self, ended: Delivery) -> None:
        """Wake the delivery of the same subject and endpoint that waits behind one that has ended."""
        lane = self.store.lane(ended.workspace, ended.subject, ended.endpoint)
        open_behind = (one for one in lane if one.order > ended.order and one.state not in ENDED)
        following = next(open_behind, None)
        if following is not None and following.state == "waiting":
            self.wake(following)
