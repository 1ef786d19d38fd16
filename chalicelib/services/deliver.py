"""One attempt of one delivery: may it go now, what does it say, what did the target answer, what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from chalicelib.domain import delivery as rules
from chalicelib.domain.delivery import Attempt, Delivery
from chalicelib.domain.directory import Endpoint, EndpointSecret
from chalicelib.domain.events import rfc3339
from chalicelib.domain.feedback import Feedback
from chalicelib.domain.outbound import (
    DELIVERED,
    DISABLE,
    FAILED,
    RETRY,
    EgressError,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
    is_ambiguous,
)
from chalicelib.domain.ratelimit import Limit, effective
from chalicelib.domain.ticket import Ticket
from chalicelib.domain.ticket_title import TopicNames
from chalicelib.errors import Rejected
from chalicelib.services.delivery_plan import DeliveryPlan

LEASE: Final = timedelta(seconds=60)  # longer than one call's deadline and what is written around it
AHEAD: Final = 15.0  # seconds until a message looks again whose plan is not written yet
FRESH: Final = 5.0  # seconds that credentials may be old which a final refusal is laid to
SENDER_LOST: Final = "sender_lost"
LOOKS: Final = 3  # after these its plan never came to be: the worker died before writing it


class Connector(Protocol):
    """See connectors/base.py."""

    @property
    def has_idempotency(self) -> bool:
        """Whether the target drops a second request with the same key."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The target's own."""

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest: ...

    def outcome(self, response: HttpResponse) -> Outcome: ...


class Endpoints(Protocol):
    """The endpoint as it is now, and what its answers say of it."""

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...

    def set_endpoint_state(self, workspace: str, endpoint_id: str, state: str, reason: str | None = None) -> bool:
        """False when it is in that state already: of two that disable it, one alone has done so."""

    def note_failure(self, workspace: str, endpoint_id: str, at: str) -> str | None:
        """Since when it fails."""

    def note_success(self, workspace: str, endpoint_id: str) -> None: ...


class Secrets(Protocol):
    def get(self, record_id: str, *, within: float = ...) -> EndpointSecret | None:
        """The credentials, read at most ``within`` seconds ago; without it, a minute ago."""


class Windows(Protocol):
    def take(self, target: str, limits: Sequence[Limit], now: float, *, waited: bool, urgent: bool) -> float:
        """0 when a request may leave, else the seconds to come back in. See domain/ratelimit.py."""


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class ContactVault(Protocol):
    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> Mapping[str, str] | None:
        """The contact; None when its salt was deleted."""


class Door(Protocol):
    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Raises EgressError."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """``topic_names`` gives a workspace's names of topics, ``luck`` gives 0…1 for the jitter.

    ``monotonic`` gives seconds for durations; ``base_url`` is where our own pages are.
    """

    plan: DeliveryPlan
    windows: Windows
    directory: Endpoints
    secrets: Secrets
    tickets: Tickets
    voices: Voices
    vault: ContactVault
    connector: Callable[[str], Connector]
    door: Door
    topic_names: Callable[[str], TopicNames]
    luck: Callable[[], float]
    monotonic: Callable[[], float]
    base_url: str = ""

    def handle(
        self, workspace: str, delivery_id: str, version: int, *, waited: bool = False, looks: int = 0
    ) -> tuple[str, ...]:
        """Attempt the delivery if its plan says so; returns the metrics to count.

        Nothing that a target does is raised: it becomes the delivery's next plan. Raises Retryable for our own trouble.
        """
        mine, lane = self._find(workspace, delivery_id)
        if mine is None or self._is_unwritten(mine, version, looks):
            return ()
        if mine.state in rules.ENDED:
            # Said again, in case the worker that ended it died before it woke the next.
            self.plan.wake_next(mine)
            return ()
        if mine.state == "held":
            self._look_again(mine)
            return ()
        if mine.state not in ("waiting", "sending") or mine.version > version or self._is_early(mine):
            return ()
        return self._try(mine, lane, waited)

    def _try(self, mine: Delivery, lane: Sequence[Delivery], waited: bool) -> tuple[str, ...]:
        """Its time has come; the endpoint, what goes before it and the target's limit may still be in the way."""
        endpoint = self.directory.endpoint(mine.workspace, mine.endpoint)
        if endpoint is None:
            self.plan.end(mine, "cancelled", "endpoint_deleted")
            return ()
        if mine.state == "sending":  # its worker died, and nobody knows how far it came
            if self._parks(endpoint):
                return self._uncertain(mine, SENDER_LOST)
            if rules.is_spent(mine):
                return self._hold(mine, SENDER_LOST)
        if endpoint.state != "active":
            return self._hold(mine, _HOLD_CODES[endpoint.state])
        if mine.behind(lane) or not self._may_leave(mine, endpoint, waited):
            return ()
        return self._attempt(mine, endpoint)

    def _find(self, workspace: str, delivery_id: str) -> tuple[Delivery | None, Sequence[Delivery]]:
        parts = rules.parse_id(delivery_id)
        lane = self.plan.store.lane(workspace, parts[0], parts[1]) if parts else ()
        return next((one for one in lane if one.id == delivery_id), None), lane

    def _is_unwritten(self, mine: Delivery, version: int, looks: int) -> bool:
        """Whether the message is of a plan that is not there; it looks again a few times.

        A delivery that is being sent is no such case: its lease tells whether the sender lives.
        """
        if mine.version >= version or mine.state == "sending":
            return False
        if looks < LOOKS:
            self.plan.wake(replace(mine, version=version), after=AHEAD, looks=looks + 1)
        return True

    def _is_early(self, mine: Delivery) -> bool:
        """Whether somebody else is on it or its time has not come; then it has been woken for later."""
        now = self.plan.clock()
        if mine.state == "sending" and mine.lease_until is not None and mine.lease_until >= now:
            # Not left to the sender's own message: deleting this copy of it may delete that one.
            self.plan.wake(mine, after=(mine.lease_until - now).total_seconds() + 1)
            return True
        if mine.next_at is not None and mine.next_at > now:
            self.plan.wake(mine, after=(mine.next_at - now).total_seconds())
            return True
        return False

    def _may_leave(self, mine: Delivery, endpoint: Endpoint, waited: bool) -> bool:
        """Ask the target's log. Coming back later costs no attempt. What is critical overtakes what was turned away."""
        limits = effective(self.connector(endpoint.connector).limits, endpoint.settings.get("rate"))
        if not limits:
            return True
        wait = self.windows.take(
            endpoint.target or endpoint.id,
            limits,
            self.plan.clock().timestamp(),
            waited=waited,
            urgent=mine.detail.get("severity") == "critical",
        )
        if wait > 0:
            self.plan.wake(mine, after=wait, waited=True)
        return wait <= 0

    def _attempt(self, mine: Delivery, endpoint: Endpoint) -> tuple[str, ...]:
        now = self.plan.clock()
        secret = self.secrets.get(endpoint.id)
        if secret is None:
            return self._hold(mine, "credentials_missing")
        message = self._message(mine, endpoint, now)
        if message is None:
            self.plan.end(mine, "cancelled", "subject_gone")
            return ()
        # Taken last: an error in what is read above must not keep the delivery leased.
        lease = self.plan.store.lease(mine, now + LEASE)
        if lease is None:
            self.plan.wake(mine, after=LEASE.total_seconds())
            return ()
        outcome, attempt = self._call(mine, endpoint, secret, message)
        if outcome.verdict == FAILED and self.secrets.get(endpoint.id, within=FRESH) != secret:
            outcome = Outcome(RETRY, outcome.code)  # refused for credentials that were changed meanwhile
        self.plan.store.add_attempt(mine, attempt)
        return self._settle(mine, endpoint, outcome, lease, ambiguous=attempt.ambiguous)

    def _message(self, mine: Delivery, endpoint: Endpoint, now: datetime) -> Message | None:
        """What there is to say now; None when its ticket is gone."""
        detail = mine.detail
        ticket = self.tickets.get(mine.workspace, detail["ticket_id"]) if detail.get("ticket_id") else None
        if detail.get("ticket_id") and ticket is None:
            return None
        feedback = self.voices.get(mine.workspace, detail["feedback_id"]) if detail.get("feedback_id") else None
        return Message(
            delivery_id=mine.id,
            type=mine.event_type,
            sequence=mine.sequence,
            occurred_at=mine.occurred_at,
            now=now,
            detail=detail,
            ticket=ticket,
            feedback=feedback,
            customer=self._customer(endpoint, feedback),
            base_url=self.base_url,
            topic_name=self.topic_names(mine.workspace),
        )

    def _customer(self, endpoint: Endpoint, feedback: Feedback | None) -> Mapping[str, str]:
        if feedback is None:
            return {}
        policy = str(endpoint.settings.get("contact") or "none")
        contact = None
        if policy != "none" and feedback.contact is not None and feedback.subject is not None:
            contact = self.vault.open_contact(feedback.workspace, feedback.subject, feedback.contact)
        return rules.customer_view(policy, feedback.customer_ref, contact)

    def _call(
        self, mine: Delivery, endpoint: Endpoint, secret: EndpointSecret, message: Message
    ) -> tuple[Outcome, Attempt]:
        began = self.monotonic()
        response, ambiguous = None, False
        connector = self.connector(endpoint.connector)
        try:
            request = connector.render(message, secret, endpoint.settings)
            response = self.door.send(request.method, request.url, request.headers, request.body)
            outcome = _with_hint(connector.outcome(response), response, message.now)
            ambiguous = is_ambiguous(outcome, response)
        except EgressError as error:
            outcome, ambiguous = Outcome(RETRY, error.code), error.sent
        except Rejected as error:
            outcome = Outcome(FAILED, error.code)
        attempt = Attempt(
            number=mine.attempts + 1,
            at=message.now,
            code=outcome.code or DELIVERED,
            duration_ms=round((self.monotonic() - began) * 1000),
            status=response.status if response else None,
            answer=rules.keep_of_answer(response.body, _unrepeatable(secret, message)) if response else "",
            ambiguous=ambiguous,
        )
        return outcome, attempt

    def _settle(
        self, before: Delivery, endpoint: Endpoint, outcome: Outcome, lease: str, *, ambiguous: bool
    ) -> tuple[str, ...]:
        tried = rules.counted(before)
        if outcome.verdict == DELIVERED:
            if endpoint.failing_since is not None:
                self.directory.note_success(endpoint.workspace, endpoint.id)
            return ("Delivered",) if self.plan.end(tried, "delivered", "", lease=lease) else ()
        disabled = self._judge(endpoint, outcome)
        if ambiguous and self._parks(endpoint):
            return (*(disabled or ()), *self._uncertain(tried, outcome.code, lease=lease))
        if disabled is not None:
            return (*disabled, *self._hold(tried, rules.ENDPOINT_DISABLED, lease=lease))
        if outcome.verdict == FAILED:
            return ("DeliveriesHeld",) if self.plan.end(tried, "failed", outcome.code, lease=lease) else ()
        wait = rules.next_wait(
            rules.schedule_of(tried.detail), tried.attempts - tried.base, luck=self.luck(), hint=outcome.after
        )
        if wait is None:
            return self._hold(tried, outcome.code, lease=lease)
        return self._again(tried, outcome.code, wait, lease)

    def _again(self, tried: Delivery, code: str, wait: float, lease: str) -> tuple[str, ...]:
        """Wait for the next try, unless the endpoint was deleted while this one was made.

        Who deletes leaves alone what is being sent. So it is looked at after the plan is written: an endpoint that is
        deleted later finds the plan and cancels it.
        """
        if not self.plan.again(tried, code, after=wait, lease=lease):
            return ()
        if self.directory.endpoint(tried.workspace, tried.endpoint) is None:
            waiting = self.plan.store.get(tried.workspace, tried.id)
            if waiting is not None and waiting.state == "waiting":
                self.plan.end(waiting, "cancelled", "endpoint_deleted")
        return ("DeliveriesRetried",)

    def _judge(self, endpoint: Endpoint, outcome: Outcome) -> tuple[str, ...] | None:
        """The metrics of disabling the endpoint; None when it may go on."""
        workspace, now = endpoint.workspace, self.plan.clock()
        reason = outcome.code
        if outcome.verdict != DISABLE:
            if outcome.code in rules.NOT_THE_TARGETS_FAULT:
                return None
            since = endpoint.failing_since or self.directory.note_failure(workspace, endpoint.id, rfc3339(now))
            if not rules.has_failed_too_long(since, now):
                return None
            reason = "failing_five_days"
        changed = self.directory.set_endpoint_state(workspace, endpoint.id, "disabled", reason)
        return ("EndpointsDisabled",) if changed else ()

    def _parks(self, endpoint: Endpoint) -> bool:
        """Whether what may have arrived is left to a person: asked for, and the target cannot tell a repetition."""
        parks: bool = endpoint.settings.get("on_ambiguous") == "park"
        return parks and not self.connector(endpoint.connector).has_idempotency

    def _uncertain(self, before: Delivery, code: str, *, lease: str | None = None) -> tuple[str, ...]:
        return ("DeliveriesHeld",) if self.plan.end(before, "uncertain", code, lease=lease) else ()

    def _hold(self, before: Delivery, code: str, *, lease: str | None = None) -> tuple[str, ...]:
        held = self.plan.hold(before, code, lease=lease)
        if held is None:
            return ()
        self._look_again(held)
        return ("DeliveriesHeld",)

    def _look_again(self, held: Delivery) -> None:
        """Release or cancel what was held a moment too late: who resumed or deleted its endpoint did not see it."""
        endpoint = self.directory.endpoint(held.workspace, held.endpoint)
        if endpoint is None:
            self.plan.end(held, "cancelled", "endpoint_deleted")
        elif endpoint.state == "active" and held.code in _HOLD_CODES.values():
            self.plan.again(held, "released", start_over=True)


_HOLD_CODES: Final = {"paused": rules.ENDPOINT_PAUSED, "disabled": rules.ENDPOINT_DISABLED}


def _with_hint(outcome: Outcome, response: HttpResponse, now: datetime) -> Outcome:
    """The target's Retry-After, where its answer's body did not say it better."""
    if outcome.verdict != RETRY or outcome.after is not None:
        return outcome
    return Outcome(RETRY, outcome.code, rules.retry_after(response.headers.get("retry-after"), now))


def _unrepeatable(secret: EndpointSecret, message: Message) -> list[str]:
    """What an answer may echo and no row of ours may keep."""
    parts = urlsplit(secret.url)
    keys = [value for _, value in parse_qsl(parts.query)]
    texts = [text.text for text in message.feedback.texts] if message.feedback else []
    credentials = [secret.url, parts.path, parts.query, *keys, secret.secret or "", secret.previous_secret or ""]
    return [*credentials, *secret.headers.values(), *message.customer.values(), *texts]
