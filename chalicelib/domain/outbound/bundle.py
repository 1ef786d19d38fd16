"""Which of the messages that wait for a robot's limit go into one, and in which order. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chalicelib.domain.events import rfc3339
from chalicelib.domain.outbound.delivery import Delivery
from chalicelib.domain.vocabulary import severity_rank

MOST: Final = 50  # deliveries in one message: each is read, leased and ended by its own writes
READ: Final = 200  # entries of the list of those that wait that one bundle looks at
REFUSED: Final = "digest_refused"  # the robot took no bundle: goes by itself from now on
_CODE: Final = "digest:"  # kept, and shown in the log of deliveries
_HIGHEST: Final = severity_rank("critical")


def position(delivery: Delivery) -> str:
    """Where it stands among those that wait: red lines, then by severity, the oldest first. Never changes."""
    red_line = bool(delivery.detail.get("red_line"))
    severity = str(delivery.detail.get("severity") or "medium")
    grade = 0 if red_line else 1 + _HIGHEST - severity_rank(severity)
    return f"{grade}#{rfc3339(delivery.created_at)}#{delivery.id}"


def id_at(place: str) -> str:
    """The delivery that stands there."""
    return place.split("#", 2)[2]


def may_be_named(delivery: Delivery, now: datetime) -> bool:
    """Whether nothing but the robot's limit keeps it: nobody sends it, and it is in no back-off."""
    return (
        delivery.state == "waiting"
        and delivery.code != REFUSED
        and (delivery.next_at is None or delivery.next_at <= now)
    )


def code(head: str) -> str:
    """What the deliveries end with that a bundle named: ``head`` is the first one, whose log has the call."""
    return f"{_CODE}{head}"
