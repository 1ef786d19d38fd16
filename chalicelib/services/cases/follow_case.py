"""What follows from a ticket's change, and what a clock decides about a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import Parked

# Given the detail of a ticket's event. An outcome code, or None where the event is nothing to it. It is called at least
# once and in any order, so it looks at the ticket as it is now, and does nothing twice.
Follower = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class FollowCase:
    """``followers`` all hear of every change of a ticket, ``listeners`` of every voice that is to be followed up; a
    message of a due row goes to the one of its kind. ``begin`` is told of each message, or its event, before they are.
    """

    followers: Mapping[str, Follower]
    kinds: Mapping[str, Follower]
    listeners: Mapping[str, Follower] = field(default_factory=dict)
    begin: Callable[[Mapping[str, Any]], None] = lambda _: None

    def __call__(self, message: Mapping[str, Any]) -> Mapping[str, str]:
        """What each came to, by name. One that fails has all of them called again.

        Raises Parked (``message_invalid``), Retryable.
        """
        if "kind" in message:
            kind = message["kind"]
            if kind not in self.kinds:
                raise Parked("Nobody takes such a message.", code="message_invalid")
            self.begin(message)
            return _told({kind: self.kinds[kind](message)})
        detail = message.get("detail")
        if isinstance(detail, Mapping) and str(detail.get("type")).startswith("feedback."):
            self.begin(detail)
            return _told({name: listen(detail) for name, listen in self.listeners.items()})
        if not isinstance(detail, Mapping) or not isinstance(detail.get("ticket_id"), str):
            raise Parked("The message names no ticket.", code="message_invalid")
        self.begin(detail)
        return _told({name: follow(detail) for name, follow in self.followers.items()})


def _told(outcomes: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: code for name, code in outcomes.items() if code is not None}
