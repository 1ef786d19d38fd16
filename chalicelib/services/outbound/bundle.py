"""One message for many: which of the deliveries that wait for a robot's limit it names, and who is at them.

Every delivery keeps a message of its own that wakes it, whether it is listed here or not, and each is leased before
it is named. So a worker that dies may leave one to be named again, and none that is not named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.domain.outbound import bundle as rules
from chalicelib.domain.outbound.delivery import Delivery, parse_id
from chalicelib.domain.outbound.exchange import HttpRequest, Message
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.services.outbound.delivery_plan import DeliveryPlan


class Bundler(Protocol):
    """A chat robot's connector, see connectors/base.py."""

    def bundle(
        self, messages: Sequence[Message], secret: EndpointSecret, settings: Mapping[str, Any]
    ) -> tuple[HttpRequest, int]: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery and what there is to say of it; ``lease`` once it is ours."""

    delivery: Delivery
    message: Message
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    plan: DeliveryPlan

    def join(self, mine: Delivery) -> None:
        """The limit has turned it away: whoever goes next may name it."""
        self.plan.store.join_crowd(mine.workspace, mine.endpoint, rules.position(mine))

    def leave(self, mine: Delivery) -> None:
        self.plan.store.leave_crowd(mine.workspace, mine.endpoint, [rules.position(mine)])

    def gather(self, mine: Delivery, about: Callable[[Delivery], Message | None]) -> list[Waiting]:
        """Who waits, the most urgent first: as many as one message may name, and the one after them.

        ``mine`` has its place among them and may be too far behind. Who waits no longer is struck off.
        """
        store, own = self.plan.store, rules.position(mine)
        places = {own, *store.crowd(mine.workspace, mine.endpoint, limit=rules.READ)}
        found: list[Waiting] = []
        gone: list[str] = []
        for place in sorted(places):
            if len(found) > rules.MOST:
                break
            one = mine if place == own else self._at(mine.workspace, place, gone)
            message = about(one) if one is not None else None
            if one is not None and message is not None:
                found.append(Waiting(one, message))
        if gone:
            store.leave_crowd(mine.workspace, mine.endpoint, gone)
        return found

    def _at(self, workspace: str, place: str, gone: list[str]) -> Delivery | None:
        """The delivery at that place, None when it may not be named now; ``gone`` gets who does not wait there."""
        identity = rules.id_at(place)
        parts = parse_id(identity)
        lane = self.plan.store.lane(workspace, parts[0], parts[1]) if parts else ()
        one = next((one for one in lane if one.id == identity), None)
        if one is not None and rules.may_be_named(one, self.plan.clock()) and not one.behind(lane):
            return one
        if one is None or one.state != "sending":
            gone.append(place)  # it comes back to the list by itself if the limit turns it away again
        return None

    def lease(self, chosen: Sequence[Waiting], until: datetime) -> list[Waiting]:
        """Those of them that nobody else is at; they are ours until then."""
        ours = []
        for one in chosen:
            token = self.plan.store.lease(one.delivery, until)
            if token is not None:
                ours.append(Waiting(one.delivery, one.message, token))
        if ours:
            first = ours[0].delivery
            places = [rules.position(one.delivery) for one in ours]
            self.plan.store.leave_crowd(first.workspace, first.endpoint, places)
        return ours
