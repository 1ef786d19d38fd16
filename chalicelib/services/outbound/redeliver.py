"""What people do about deliveries: send one again, resume an endpoint, give up on one, replay a time range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.outbound.delivery import ENDED, REPLAYED_UNCERTAIN, Delivery
from chalicelib.errors import Conflict, NotFound
from chalicelib.services.outbound.delivery_plan import DeliveryPlan

PAGE: Final = 100  # deliveries read at a time
AT_ONCE: Final = 500  # deliveries an API call handles itself; a message to the worker goes on with the rest
REPLAYABLE: Final = frozenset({"delivered", "failed", "held", "cancelled", "uncertain", "waiting"})

_TAKEN: Final = ("delivered", "uncertain")  # by the target, or perhaps


class DeliveryLists(Protocol):
    """The reading side of the store."""

    def page(
        self,
        workspace: str,
        *,
        ticket: str | None = None,
        endpoint: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[Delivery], str | None]: ...


@dataclass(frozen=True, slots=True)
class Redeliver:
    """The id of a delivery, and with it the idempotency key that its target sees, stays what it was.

    ``knows_repeats``: whether the target of an endpoint (workspace, id) drops what it has seen.
    """

    plan: DeliveryPlan
    lists: DeliveryLists
    knows_repeats: Callable[[str, str], bool]

    def replay(self, workspace: str, delivery_id: str) -> None:
        """Send it again, whatever became of it. Raises NotFound, or Conflict while somebody is sending it."""
        if not self._replayed(self._existing(workspace, delivery_id)):
            raise Conflict("The delivery is being sent.", code="delivery_in_progress")

    def replay_range(
        self,
        workspace: str,
        since: datetime,
        until: datetime,
        *,
        endpoint: str | None = None,
        state: str | None = None,
        limit: int = PAGE,
        cursor: str | None = None,
    ) -> tuple[int, str | None]:
        """Send one page of deliveries made in ``since`` ≤ time < ``until`` again.

        What was delivered, or may have been, goes out again only to a target that drops what it has seen: a chat room
        is not told twice.
        Returns how many, and the cursor of the next page, None at the end. Raises Invalid (``invalid_cursor``).
        """
        found, following = self.lists.page(
            workspace, endpoint=endpoint, state=state, since=since, until=until, limit=limit, cursor=cursor
        )
        knowing = {one: self.knows_repeats(workspace, one) for one in {delivery.endpoint for delivery in found}}
        wanted = [one for one in found if one.state not in _TAKEN or knowing[one.endpoint]]
        return sum(self._replayed(delivery) for delivery in wanted), following

    def release(self, workspace: str, endpoint_id: str, *, after: str = "") -> int:
        """Send what was held for an endpoint that is active again; returns how many of the first ones."""
        return self._each("release", workspace, endpoint_id, after, self._released)

    def cancel(self, workspace: str, endpoint_id: str, *, after: str = "") -> int:
        """End what waits for an endpoint that goes away; returns how many of the first ones.

        What has not been tried yet is not listed: its own message finds the endpoint gone and cancels it.
        """
        return self._each("cancel", workspace, endpoint_id, after, self._cancelled)

    def _each(self, kind: str, workspace: str, endpoint_id: str, after: str, act: Callable[[Delivery], bool]) -> int:
        done = seen = 0
        while ids := self.plan.store.lagging(workspace, endpoint_id, after=after, limit=PAGE):
            for delivery_id in ids:
                delivery = self.plan.store.get(workspace, delivery_id)
                if delivery is None:
                    self.plan.store.forget_lagging(workspace, endpoint_id, delivery_id)
                else:
                    done += act(delivery)
            after, seen = ids[-1], seen + len(ids)
            if seen >= AT_ONCE:
                body = {"kind": kind, "workspace": workspace, "endpoint_id": endpoint_id, "after": after}
                self.plan.queue.send(body)
                break
        return done

    def _released(self, delivery: Delivery) -> bool:
        return delivery.state == "held" and self.plan.again(delivery, "released", start_over=True)

    def _cancelled(self, delivery: Delivery) -> bool:
        return delivery.state not in ENDED and self.plan.end(delivery, "cancelled", "endpoint_deleted")

    def _replayed(self, delivery: Delivery) -> bool:
        code = REPLAYED_UNCERTAIN if delivery.state == "uncertain" else "replayed"
        return delivery.state in REPLAYABLE and self.plan.again(delivery, code, start_over=True)

    def _existing(self, workspace: str, delivery_id: str) -> Delivery:
        delivery = self.plan.store.get(workspace, delivery_id)
        if delivery is None:
            raise NotFound("There is no such delivery.")
        return delivery
