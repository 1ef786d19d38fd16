"""One attempt of one delivery: may it go now, what does it say, what did the target answer, what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from chalicelib.domain.cases.graph import Told
from chalicelib.domain.cases.playbook import Chosen, Playbook
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.cases.ticket_title import TopicNames
from chalicelib.domain.cases.verification import EVENT, Ask
from chalicelib.domain.events import rfc3339
from chalicelib.domain.outbound import bundle as bundles
from chalicelib.domain.outbound import delivery as rules
from chalicelib.domain.outbound.delivery import Attempt, Delivery
from chalicelib.domain.outbound.exchange import (
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
from chalicelib.domain.outbound.ratelimit import Limit, effective
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.domain.workspaces.fields import TIME_ZONE
from chalicelib.errors import Rejected
from chalicelib.services.alerts.spend_sms import SpendSms, Spent
from chalicelib.services.outbound.bundle import Bundle, Bundler, Waiting
from chalicelib.services.outbound.delivery_plan import SOON, DeliveryPlan
from chalicelib.services.outbound.synchronise import ALREADY_SENT, Brought, StateConnector, Synchronise, Task

LEASE: Final = timedelta(seconds=60)  # longer than one call's deadline and what is written around it, see config
AHEAD: Final = 15.0  # seconds until a message looks again whose plan is not written yet
FRESH: Final = 5.0  # seconds that credentials may be old which a final refusal is laid to
SENDER_LOST: Final = "sender_lost"
RATE_LIMITED: Final = "rate_limited"
BUNDLE_S: Final = 6.0  # seconds for the call of a bundle: what is written around it takes the rest of a call's time
LOOKS: Final = 3  # after these its plan never came to be: the worker died before writing it


class Connector(Protocol):
    """See connectors/base.py."""

    @property
    def kind(self) -> str:
        """``event``: told of each event once. ``state``: keeps an item, see services/outbound/synchronise.py."""

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
    def take(
        self, target: str, limits: Sequence[Limit], now: float, *, waited: bool, urgent: bool, together: bool = False
    ) -> float:
        """0 when a request may leave, else the seconds to come back in. See domain/outbound/ratelimit.py."""

    def close(self, target: str, now: float, until: float) -> None:
        """Let nobody through before ``until`` (epoch seconds)."""


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class ContactVault(Protocol):
    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> Mapping[str, str] | None:
        """The contact; None when its salt was deleted."""


class Door(Protocol):
    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, within: float | None = ...
    ) -> HttpResponse:
        """``within``: seconds, where the door's own deadline is too long. Raises EgressError."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """``topic_names`` gives a workspace's names of topics, ``luck`` gives 0…1 for the jitter. ``playbook`` gives what
    a ticket keeps, see services/cases/find_playbook.py; ``ask`` what its customer is to be asked, see
    services/verification/answer_links.py.

    ``keeper`` gives the connector of a name that keeps an item a ticket, None for one that is told of events;
    ``bundler`` that of a chat robot, which names many in one message.

    ``monotonic`` gives seconds for durations; ``base_url`` is where our own pages are. ``page`` names the one of a
    ticket for as long as something of a moment is news, see services/page/page_links.py. ``watch`` has what an endpoint
    makes of a ticket (workspace, endpoint, ticket) asked for, where the endpoint says where. ``unit_name`` (workspace,
    unit) is what the organisation calls a unit, empty where it does not.
    """

    plan: DeliveryPlan
    windows: Windows
    directory: Endpoints
    secrets: Secrets
    tickets: Tickets
    voices: Voices
    vault: ContactVault
    connector: Callable[[str], Connector]
    keeper: Callable[[str], StateConnector | None]
    bundler: Callable[[str], Bundler | None]
    bundle: Bundle
    synchronise: Synchronise
    sms: SpendSms
    door: Door
    topic_names: Callable[[str], TopicNames]
    luck: Callable[[], float]
    monotonic: Callable[[], float]
    base_url: str = ""
    page: Callable[[str, str, datetime], str] = lambda _, ticket, __: ticket
    lease: timedelta = LEASE
    playbook: Callable[[str, Chosen | None], Playbook | None] = lambda _, __: None
    path: Callable[[Ticket], tuple[Told, ...]] = lambda _: ()
    ask: Callable[[Ticket, Feedback | None, Playbook | None], Ask | None] = lambda _, __, ___: None
    watch: Callable[[str, str, str], None] = lambda *_: None
    unit_name: Callable[[str, str], str] = lambda *_: ""

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
        if mine.state == "sending" and self._parks(endpoint):  # its worker died, and nobody knows how far it came
            return self._uncertain(mine, SENDER_LOST)
        if mine.state == "sending" and rules.is_spent(mine):
            return self._hold(mine, SENDER_LOST)
        if endpoint.state != "active":
            return self._hold(mine, _HOLD_CODES[endpoint.state])
        if mine.behind(lane):
            return ()
        return self._go(mine, endpoint, waited)

    def _go(self, mine: Delivery, endpoint: Endpoint, waited: bool) -> tuple[str, ...]:
        """Nothing but the target's limit is in the way, and nothing at all where no call is needed."""
        if self._shows_already(mine, endpoint):
            return ("Delivered",) if self.plan.end(mine, "delivered", ALREADY_SENT) else ()
        if not self._may_leave(mine, endpoint, waited):
            return ()
        bundler = self._bundler(mine, endpoint) if waited else None
        return self._lead(mine, endpoint, bundler) if bundler else self._attempt(mine, endpoint)

    def _shows_already(self, mine: Delivery, endpoint: Endpoint) -> bool:
        """Whether an item shows what this delivery would tell: a later one has come first, and no call is needed."""
        if self.keeper(endpoint.connector) is None or not mine.detail.get("ticket_id"):
            return False
        ticket = self.tickets.get(mine.workspace, mine.detail["ticket_id"])
        return ticket is not None and self.synchronise.is_current(endpoint, ticket)

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
        together = self._bundler(mine, endpoint) is not None
        wait = self.windows.take(
            endpoint.target or endpoint.id,
            limits,
            self.plan.clock().timestamp(),
            waited=waited,
            urgent=_is_urgent(mine),
            together=together,
        )
        if wait > 0:
            if together:
                self.bundle.join(mine)
            self.plan.wake(mine, after=wait, waited=True)
        return wait <= 0

    def _bundler(self, mine: Delivery, endpoint: Endpoint) -> Bundler | None:
        """None for what goes by itself."""
        return self.bundler(endpoint.connector) if mine.code != bundles.REFUSED else None

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
        lease = self.plan.store.lease(mine, now + self.lease)
        if lease is None:
            self.plan.wake(mine, after=self.lease.total_seconds())
            return ()
        keeper = self.keeper(endpoint.connector)
        if keeper is not None:
            insists = mine.code == rules.REPLAYED_UNCERTAIN
            return self._bring(mine, Task(lease, endpoint, keeper, message, secret, insists, _is_urgent(mine)))
        connector = self.connector(endpoint.connector)
        leased = [Waiting(mine, message, lease)]
        return self._send(leased, endpoint, secret, lambda: connector.render(message, secret, endpoint.settings))

    def _reconsidered(self, outcome: Outcome, secret: EndpointSecret) -> Outcome:
        """A refusal for credentials that were changed meanwhile is not final."""
        if outcome.verdict == FAILED and self.secrets.get(secret.id, within=FRESH) != secret:
            return Outcome(RETRY, outcome.code)
        return outcome

    # --- bundles ------------------------------------------------------------------------------------------------

    def _lead(self, mine: Delivery, endpoint: Endpoint, bundler: Bundler) -> tuple[str, ...]:
        """It has a place that others wait for too: one message for as many as fit, the most urgent first."""
        secret, now = self.secrets.get(endpoint.id), self.plan.clock()
        if secret is None:
            return self._hold(mine, "credentials_missing")
        waiting = self.bundle.gather(mine, lambda one: self._message(one, endpoint, now, words=False))
        if [one.delivery.id for one in waiting] in ([], [mine.id]):
            self.bundle.leave(mine)
            return self._attempt(mine, endpoint)
        try:
            fitting = bundler.bundle([one.message for one in waiting], secret, endpoint.settings)[1]
        except Rejected:  # the credentials do not fit: said of each by itself
            return self._attempt(mine, endpoint)
        chosen = waiting[: min(fitting, bundles.MOST)]
        leased = self.bundle.lease(chosen, now + self.lease)
        told = self._tell(leased, endpoint, secret, bundler) if leased else ()
        self._hand_on(mine, chosen, leased, waiting[len(chosen) :])
        return told

    def _tell(
        self, leased: Sequence[Waiting], endpoint: Endpoint, secret: EndpointSecret, bundler: Bundler
    ) -> tuple[str, ...]:
        if len(leased) > 1:
            messages = [one.message for one in leased]
            told = self._send(leased, endpoint, secret, lambda: bundler.bundle(messages, secret, endpoint.settings)[0])
            return ("Digests", *told)
        only = leased[0]
        message = self._message(only.delivery, endpoint, only.message.now) or only.message
        connector = self.connector(endpoint.connector)
        return self._send(leased, endpoint, secret, lambda: connector.render(message, secret, endpoint.settings))

    def _hand_on(
        self, mine: Delivery, chosen: Sequence[Waiting], leased: Sequence[Waiting], rest: Sequence[Waiting]
    ) -> None:
        """Wake who takes the next place. Others of them wake by themselves, should this message be lost."""
        if mine.id in [one.delivery.id for one in leased]:
            if rest:
                self.plan.wake(rest[0].delivery, waited=True)
        elif mine.id in [one.delivery.id for one in chosen]:
            self.plan.wake(mine, after=self.lease.total_seconds())  # somebody else is at it
        else:
            self.plan.wake(mine, after=SOON, waited=True)

    def _send(
        self, leased: Sequence[Waiting], endpoint: Endpoint, secret: EndpointSecret, build: Callable[[], HttpRequest]
    ) -> tuple[str, ...]:
        """Make the call for all of them, and settle each by what it came to."""
        outcome, attempt, parts = self._call(leased, endpoint, secret, build)
        outcome = self._reconsidered(outcome, secret)
        self._close(endpoint, outcome)
        if len(leased) > 1 and outcome.verdict == DELIVERED:
            outcome = replace(outcome, code=bundles.code(leased[0].delivery.id))
        elif len(leased) > 1 and outcome.verdict == FAILED:
            outcome = Outcome(RETRY, bundles.REFUSED)  # perhaps for what one of them says
        metrics = ["SpendGuarded"] if outcome.code == rules.SMS_BUDGET_SPENT else ["SmsParts"] * parts
        for one in leased:
            mine = one.delivery
            self.plan.store.add_attempt(mine, replace(attempt, number=mine.attempts + 1))
            metrics += self._settle(mine, endpoint, outcome, one.lease, ambiguous=attempt.ambiguous)
            if outcome.verdict == DELIVERED:
                endpoint = replace(endpoint, failing_since=None)  # said once
        return tuple(metrics)

    def _close(self, endpoint: Endpoint, outcome: Outcome) -> None:
        """A target that has said for how long it shuts us out is asked by nobody before: asking prolongs it."""
        if outcome.code != RATE_LIMITED or not outcome.after or not self.connector(endpoint.connector).limits:
            return
        now = self.plan.clock().timestamp()
        until = now + min(outcome.after, rules.LONGEST_HINT)
        self.windows.close(endpoint.target or endpoint.id, now, until)

    # --- systems of record --------------------------------------------------------------------------------------

    def _bring(self, mine: Delivery, task: Task) -> tuple[str, ...]:
        """Bring the item to the ticket's state. The lease's token names the attempt."""
        brought = self.synchronise(task)
        outcome = self._reconsidered(brought.outcome, task.secret)
        if brought.last is not None:
            outcome = _with_hint(outcome, brought.last, task.message.now)
        if brought.calls:
            self.plan.store.add_attempt(mine, _attempt_of(mine, task, brought))
        tried, lease = rules.counted(mine), task.attempt
        if brought.free:
            waiting = replace(tried, base=tried.base + 1)  # it waited, which is no try
            code = mine.code if task.insists else outcome.code  # what a person decided outlasts the wait
            return self._again(waiting, code, outcome.after or AHEAD, lease, waited=True)
        if brought.uncertain:
            disabled = self._judge(task.endpoint, outcome) if brought.calls else None
            return (*(disabled or ()), *self._uncertain(tried, outcome.code, lease=lease))
        return self._settle(mine, task.endpoint, outcome, lease, ambiguous=brought.ambiguous)

    # --- events -------------------------------------------------------------------------------------------------

    def _message(self, mine: Delivery, endpoint: Endpoint, now: datetime, *, words: bool = True) -> Message | None:
        """What there is to say now; None when its ticket is gone, or its question no longer open.

        Without ``words``, nothing of the customer's.
        """
        detail = mine.detail
        ticket = self.tickets.get(mine.workspace, detail["ticket_id"]) if detail.get("ticket_id") else None
        if detail.get("ticket_id") and ticket is None:
            return None
        feedback_id = detail.get("feedback_id") if words else None
        feedback = self.voices.get(mine.workspace, feedback_id) if feedback_id else None
        playbook = self.playbook(mine.workspace, ticket.playbook) if ticket else None
        ask = self._ask(mine, ticket, feedback, playbook)
        if mine.event_type == EVENT and ask is None:
            return None
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
            page=self._page(mine),
            topic_name=self.topic_names(mine.workspace),
            unit_name=self._unit_name(mine, ticket),
            playbook=playbook,
            path=self.path(ticket) if ticket else (),
            ask=ask,
            time_zone=endpoint.settings.get("time_zone") or TIME_ZONE,
        )

    def _unit_name(self, mine: Delivery, ticket: Ticket | None) -> str:
        unit = ticket.unit if ticket else mine.detail.get("unit")
        return self.unit_name(mine.workspace, unit) if unit else ""

    def _ask(
        self, mine: Delivery, ticket: Ticket | None, feedback: Feedback | None, playbook: Playbook | None
    ) -> Ask | None:
        """The question that this event tells of; None once it was answered, or another one was asked."""
        if mine.event_type != EVENT or ticket is None or ticket.asked_at is None:
            return None
        return self.ask(ticket, feedback, playbook) if rfc3339(ticket.asked_at) == mine.occurred_at else None

    def _page(self, mine: Delivery) -> str:
        """The same for every attempt: what a target knows by its content must not change with a retry.

        That of an alert may not be there yet: its ticket is opened in the same seconds.
        """
        ticket_id = mine.detail.get("ticket_id") or mine.detail.get("opens_ticket")
        if not ticket_id or not self.base_url:
            return ""
        return self.page(mine.workspace, ticket_id, mine.created_at)

    def _customer(self, endpoint: Endpoint, feedback: Feedback | None) -> Mapping[str, str]:
        if feedback is None:
            return {}
        policy = str(endpoint.settings.get("contact") or "none")
        contact = None
        if policy != "none" and feedback.contact is not None and feedback.subject is not None:
            contact = self.vault.open_contact(feedback.workspace, feedback.subject, feedback.contact)
        return rules.customer_view(policy, feedback.customer_ref, contact)

    def _call(
        self, leased: Sequence[Waiting], endpoint: Endpoint, secret: EndpointSecret, build: Callable[[], HttpRequest]
    ) -> tuple[Outcome, Attempt, int]:
        """What the call came to, and the SMS parts that it cost."""
        began = self.monotonic()
        response, ambiguous = None, False
        spent: Spent | None = None
        first = leased[0]
        try:
            request = build()
            spent = self.sms.take(endpoint, first.message, secret)
            response = self._answer(request, bundle=len(leased) > 1)
            told = self.connector(endpoint.connector).outcome(response)
            outcome = _with_hint(told, response, first.message.now)
            ambiguous = is_ambiguous(outcome, response)
        except EgressError as error:
            outcome, ambiguous = Outcome(RETRY, error.code), error.sent
        except Rejected as error:
            outcome = Outcome(FAILED, error.code)
        if spent and outcome.verdict != DELIVERED and not ambiguous:
            self.sms.give_back(spent)
            spent = None
        attempt = Attempt(
            number=first.delivery.attempts + 1,
            at=first.message.now,
            code=outcome.code or DELIVERED,
            duration_ms=round((self.monotonic() - began) * 1000),
            status=response.status if response else None,
            answer=rules.keep_of_answer(response.body, _unrepeatable(secret, first.message)) if response else "",
            ambiguous=ambiguous,
        )
        return outcome, attempt, spent.parts if spent else 0

    def _answer(self, request: HttpRequest, *, bundle: bool) -> HttpResponse:
        """Raises EgressError."""
        if bundle:
            return self.door.send(request.method, request.url, request.headers, request.body, within=BUNDLE_S)
        return self.door.send(request.method, request.url, request.headers, request.body)

    def _settle(
        self, before: Delivery, endpoint: Endpoint, outcome: Outcome, lease: str, *, ambiguous: bool
    ) -> tuple[str, ...]:
        tried = rules.counted(before)
        if outcome.verdict == DELIVERED:
            if endpoint.settings.get("status_url") and before.detail.get("ticket_id"):
                self.watch(before.workspace, before.endpoint, before.detail["ticket_id"])
            if endpoint.failing_since is not None:
                self.directory.note_success(endpoint.workspace, endpoint.id)
            return ("Delivered",) if self.plan.end(tried, "delivered", outcome.code, lease=lease) else ()
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

    def _again(self, tried: Delivery, code: str, wait: float, lease: str, *, waited: bool = False) -> tuple[str, ...]:
        """Wait for the next try, unless the endpoint was deleted while this one was made.

        Who deletes leaves alone what is being sent. So it is looked at after the plan is written: an endpoint that is
        deleted later finds the plan and cancels it.
        """
        if not self.plan.again(tried, code, after=wait, lease=lease, waited=waited):
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
        """Whether what may have arrived is left to a person: asked for, and the target cannot tell a repetition.

        Of a system of record its item's own row says more than that.
        """
        connector = self.connector(endpoint.connector)
        parks: bool = endpoint.settings.get("on_ambiguous") == "park"
        return parks and connector.kind != "state" and not connector.has_idempotency

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


def _is_urgent(delivery: Delivery) -> bool:
    return bool(delivery.detail.get("red_line")) or delivery.detail.get("severity") == "critical"


def _attempt_of(mine: Delivery, task: Task, brought: Brought) -> Attempt:
    """What an attempt of several calls came to."""
    words = [*_unrepeatable(task.secret, task.message), *brought.seen]
    return Attempt(
        number=mine.attempts + 1,
        at=task.message.now,
        code=brought.outcome.code or DELIVERED,
        duration_ms=sum(call.duration_ms for call in brought.calls),
        status=brought.last.status if brought.last else None,
        answer=rules.keep_of_answer(brought.last.body, words) if brought.last else "",
        ambiguous=brought.ambiguous,
        calls=tuple(brought.calls),
    )


def _unrepeatable(secret: EndpointSecret, message: Message) -> list[str]:
    """What an answer may echo and no row of ours may keep."""
    parts = urlsplit(secret.url)
    keys = [value for _, value in parse_qsl(parts.query)]
    texts = [text.text for text in message.feedback.texts] if message.feedback else []
    credentials = [secret.url, parts.path, parts.query, *keys, secret.secret or "", secret.previous_secret or ""]
    given = [*secret.headers.values(), *secret.credentials.values()]
    return [*credentials, *given, *message.customer.values(), *texts]
