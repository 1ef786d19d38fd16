"""Composition root: builds each collaborator on first use and never at import.

A function imports this module and calls one builder; only what that builder names is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib import config

if TYPE_CHECKING:
    from chalicelib.connectors.registry import ConnectorCatalogue
    from chalicelib.domain.egress_policy import Policy, Target
    from chalicelib.egress import Door
    from chalicelib.messaging.bus import EventBus
    from chalicelib.messaging.inbox import Inbox
    from chalicelib.messaging.notifications import SnsNotifications
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.services.activate_frame import ActivateFrame
    from chalicelib.services.authenticate import Authenticate
    from chalicelib.services.correct import Correct
    from chalicelib.services.deliver import Deliver
    from chalicelib.services.delivery_plan import DeliveryPlan
    from chalicelib.services.enrich import Enrich
    from chalicelib.services.fan_out import FanOut
    from chalicelib.services.hear import Hear
    from chalicelib.services.hear_callback import HearCallback
    from chalicelib.services.learn_delta import LearnDelta
    from chalicelib.services.manage_connections import ManageConnections
    from chalicelib.services.manage_endpoints import ManageEndpoints
    from chalicelib.services.manage_keys import ManageKeys
    from chalicelib.services.manage_rules import ManageRules
    from chalicelib.services.manage_subscriptions import ManageSubscriptions
    from chalicelib.services.move_ticket import MoveTicket
    from chalicelib.services.open_ticket import OpenTicket
    from chalicelib.services.outbox import Outbox
    from chalicelib.services.propose_frame import ProposeFrame
    from chalicelib.services.raise_alert import RaiseAlert
    from chalicelib.services.read_corrections import ReadCorrections
    from chalicelib.services.read_deliveries import ReadDeliveries
    from chalicelib.services.read_feedback import ReadFeedback
    from chalicelib.services.read_frame import ReadFrame
    from chalicelib.services.read_needs import ReadNeeds
    from chalicelib.services.read_tickets import ReadTickets
    from chalicelib.services.redeliver import Redeliver
    from chalicelib.services.reparse import Reparse
    from chalicelib.services.replay import Replay
    from chalicelib.services.reread import Reread
    from chalicelib.services.reread_range import RereadRange
    from chalicelib.services.reveal_contact import RevealContact
    from chalicelib.services.review import Review
    from chalicelib.services.rollup import Rollup
    from chalicelib.services.sweep import Sweep
    from chalicelib.services.try_reading import TryReading
    from chalicelib.sources.registry import Catalogue
    from chalicelib.storage.alerts import AlertStore
    from chalicelib.storage.audit import AuditLog
    from chalicelib.storage.buckets import BucketStore
    from chalicelib.storage.corrections import CorrectionList
    from chalicelib.storage.deliveries import DeliveryStore
    from chalicelib.storage.directory import DirectoryStore
    from chalicelib.storage.due import DueStore
    from chalicelib.storage.feedback import FeedbackStore
    from chalicelib.storage.feedback_list import FeedbackList
    from chalicelib.storage.frames import FrameStore
    from chalicelib.storage.review_queue import ReviewQueue
    from chalicelib.storage.secrets import ConnectionSecrets, EndpointSecrets
    from chalicelib.storage.tickets import TicketStore
    from chalicelib.storage.vault import Vault
    from chalicelib.understanding.book import FrameBook
    from chalicelib.understanding.delta import Delta
    from chalicelib.understanding.frame import Frame
    from chalicelib.understanding.reader import Reader
    from chalicelib.understanding.weights import Weights


def now() -> datetime:
    """The only clock."""
    return datetime.now(timezone.utc)


@lru_cache(maxsize=1)
def settings() -> config.Settings:
    return config.load()


@lru_cache(maxsize=1)
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


@lru_cache(maxsize=8)
def client(service: str) -> Any:
    """A botocore client from the one session."""
    return _built(service, connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


@lru_cache(maxsize=4)
def hook_client(service: str) -> Any:
    """A client that gives up in time for the hook to answer within 1.5 seconds: the platform tries again."""
    once = {"mode": "standard", "total_max_attempts": 1}
    return _built(service, connect_timeout=1, read_timeout=1.2, retries=once)


def _built(service: str, **limits: Any) -> Any:
    """With a fixed user agent, since botocore would build its own twice a call, and without checks of what we send."""
    from botocore.config import Config

    config = Config(user_agent="echoloop", parameter_validation=False, **limits)
    return _session().create_client(service, config=config)


@lru_cache(maxsize=1)
def hear() -> Hear:
    """What a hook calls."""
    from chalicelib.services.hear import Hear
    from chalicelib.sources.registry import load
    from chalicelib.storage.secrets import ConnectionSecrets

    secrets = ConnectionSecrets(hook_client("ssm"), settings().parameter_prefix, settings().key_id)
    return Hear(secrets=secrets, source=load, inbox=inbox(), clock=now)


@lru_cache(maxsize=1)
def inbox() -> Inbox:
    """Where hooks put what they heard."""
    from chalicelib.messaging.inbox import Inbox
    from chalicelib.messaging.queues import SqsQueue

    return Inbox(SqsQueue(hook_client("sqs"), settings().inbox_url))


@lru_cache(maxsize=1)
def source_catalogue() -> Catalogue:
    """What the management of connections asks about sources."""
    from chalicelib.sources.registry import Catalogue

    return Catalogue()


@lru_cache(maxsize=1)
def connection_secrets() -> ConnectionSecrets:
    """The tokens and secrets of connections, for those who manage them."""
    from chalicelib.storage.secrets import ConnectionSecrets

    return ConnectionSecrets(client("ssm"), settings().parameter_prefix, settings().key_id)


@lru_cache(maxsize=1)
def endpoint_secrets() -> EndpointSecrets:
    """URLs and secrets of endpoints."""
    from chalicelib.storage.secrets import EndpointSecrets

    return EndpointSecrets(client("ssm"), settings().parameter_prefix, settings().key_id)


@lru_cache(maxsize=1)
def directory() -> DirectoryStore:
    """What people configure."""
    from chalicelib.storage.directory import DirectoryStore

    _bind()
    return DirectoryStore()


# --- tickets and time ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def ticket_store() -> TicketStore:
    """Tickets, their history, and what OAs said of them."""
    from chalicelib.storage.tickets import TicketStore

    _bind()
    return TicketStore()


@lru_cache(maxsize=1)
def due_store() -> DueStore:
    """Waits longer than fifteen minutes, and how far the sweep has come."""
    from chalicelib.storage.due import DueStore

    _bind()
    return DueStore(now)


@lru_cache(maxsize=1)
def open_ticket_service() -> OpenTicket:
    """What the ticket function calls."""
    from chalicelib.services.open_ticket import OpenTicket

    return OpenTicket(feedback=feedback_store(), tickets=ticket_store(), topic_names=topic_names, clock=now)


def topic_names(workspace: str) -> Callable[[str, str], str]:
    """What a workspace's code frame calls a topic in ``zh-CN`` or ``en``; its id where the frame knows it no more.

    The frame is looked up with the first name that is asked for.
    """
    frame: list[Frame] = []

    def name(topic: str, lang: str) -> str:
        if not frame:
            frame.append(frame_book().frame(frame_store().state(workspace)))
        return frame[0].name(topic, lang)

    return name


@lru_cache(maxsize=1)
def move_ticket() -> MoveTicket:
    """A person's move through the API."""
    from chalicelib.services.move_ticket import MoveTicket

    return MoveTicket(tickets=ticket_store(), clock=now)


@lru_cache(maxsize=1)
def hear_callback() -> HearCallback:
    """What an OA says back."""
    from chalicelib.services.hear_callback import HearCallback

    return HearCallback(secrets=endpoint_secrets(), endpoints=directory(), tickets=ticket_store(), clock=now)


@lru_cache(maxsize=1)
def sweep_service() -> Sweep:
    """What the schedule calls."""
    from chalicelib.services.sweep import Sweep

    return Sweep(
        feedback=feedback_store(),
        due=due_store(),
        buckets=bucket_store(),
        queues={name: queue(name) for name in ("tickets", "alerts", "deliveries", "rollups")},
        clock=now,
    )


@lru_cache(maxsize=1)
def feedback_store() -> FeedbackStore:
    """Feedback, its revisions and what is parked."""
    from chalicelib.storage.feedback import FeedbackStore

    _bind()
    return FeedbackStore(keep_days=settings().retention_days, clock=now)


@lru_cache(maxsize=1)
def feedback_list() -> FeedbackList:
    """Pages of feedback, newest first."""
    from chalicelib.storage.feedback_list import FeedbackList

    _bind()
    return FeedbackList(keep_days=settings().retention_days, clock=now)


@lru_cache(maxsize=1)
def vault() -> Vault:
    """Contact data and raw bodies, sealed."""
    from chalicelib.storage.vault import Vault

    _bind()
    return Vault(client("kms"), settings().key_id)


@lru_cache(maxsize=1)
def bucket_store() -> BucketStore:
    """Counted hours."""
    from chalicelib.storage.buckets import BucketStore

    _bind()
    return BucketStore()


@lru_cache(maxsize=1)
def bus() -> EventBus:
    """The custom event bus."""
    from chalicelib.messaging.bus import EventBus

    return EventBus(client("events"), settings().bus)


@lru_cache(maxsize=8)
def queue(name: str) -> SqsQueue:
    """One of our queues: inbox, tickets, alerts, deliveries, rollups or readings."""
    from chalicelib.messaging.queues import SqsQueue

    return SqsQueue(client("sqs"), getattr(settings(), f"{name}_url"))


def reader_of(workspace: str, proposal: str | None = None) -> Reader:
    """What reads the words of a workspace: by the frame in force, or by a proposed one.

    Raises NotFound, Conflict (``effect_pending``) while the proposed one's delta is not learned.
    """
    from chalicelib.domain.access import nowhere

    if proposal is None:
        return frame_book().reader(frame_store().state(workspace))
    proposed = frame_store().proposal(workspace, proposal)
    if proposed is None:
        raise nowhere()
    return frame_book().reader(proposed.content, whole=True)


@lru_cache(maxsize=1)
def enrich_service() -> Enrich:
    """From a message of the inbox to a stored feedback."""
    from chalicelib.services.enrich import Enrich
    from chalicelib.sources.registry import load

    return Enrich(
        store=feedback_store(),
        vault=vault(),
        directory=directory(),
        frames=frame_store(),
        source=load,
        readers=frame_book().reader,
        clock=now,
        retention_days=settings().retention_days,
    )


@lru_cache(maxsize=1)
def outbox_service() -> Outbox:
    """From the table's stream to the bus."""
    from chalicelib.services.outbox import Listeners, Outbox
    from chalicelib.storage.images import changes

    return Outbox(
        decode=changes,
        listeners=Listeners(directory(), clock=now),
        bus=bus(),
        buckets=bucket_store(),
        rollups=queue("rollups"),
        clock=now,
        retention_days=settings().retention_days,
        delay=settings().rollup_delay,
    )


@lru_cache(maxsize=1)
def rollup_service() -> Rollup:
    """Counts a marked bucket."""
    from chalicelib.services.rollup import Rollup

    return Rollup(
        buckets=bucket_store(),
        rollups=queue("rollups"),
        clock=now,
        retention_days=settings().retention_days,
        delay=settings().rollup_delay,
    )


# --- code frames ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def frame_store() -> FrameStore:
    """Code frames of workspaces: active, proposed, learned."""
    from chalicelib.storage.frames import FrameStore

    _bind()
    return FrameStore(now)


@lru_cache(maxsize=1)
def frame_book() -> FrameBook:
    """Frames and their readers, kept while the process lives."""
    from chalicelib.understanding.book import FrameBook

    return FrameBook(_weights, _delta)


def _weights() -> Weights:
    from chalicelib.understanding import weights

    return weights.load()


def _delta(workspace: str, number: int) -> Delta | None:
    """What the corrections of a workspace taught; None before it was learned."""
    from chalicelib.understanding.delta import Delta

    kept = frame_store().delta(workspace, number)
    return None if kept is None else Delta.from_document(kept)


@lru_cache(maxsize=1)
def read_frame() -> ReadFrame:
    """Packs, the active frame, proposals."""
    from chalicelib.services.read_frame import ReadFrame

    return ReadFrame(frames=frame_store(), book=frame_book())


@lru_cache(maxsize=1)
def propose_frame() -> ProposeFrame:
    """A proposed frame, to be measured."""
    from chalicelib.services.propose_frame import ProposeFrame

    return ProposeFrame(
        frames=frame_store(), book=frame_book(), rules=directory(), readings=queue("readings"), clock=now
    )


@lru_cache(maxsize=1)
def activate_frame() -> ActivateFrame:
    """A measured frame comes into force."""
    from chalicelib.services.activate_frame import ActivateFrame

    return ActivateFrame(
        frames=frame_store(),
        book=frame_book(),
        rules=directory(),
        readings=queue("readings"),
        clock=now,
        delay=settings().reading_delay,
    )


@lru_cache(maxsize=1)
def learn_delta() -> LearnDelta:
    """What a workspace's corrections teach."""
    from chalicelib.services.learn_delta import LearnDelta

    return LearnDelta(frames=frame_store(), corrections=read_corrections(), learn=frame_book().learned)


@lru_cache(maxsize=1)
def reread_range() -> RereadRange:
    """What the reread function calls."""
    from chalicelib.services.reread_range import RereadRange

    return RereadRange(
        frames=frame_store(),
        voices=feedback_store(),
        lists=feedback_list(),
        tickets=ticket_store(),
        rules=directory(),
        readers=frame_book().reader,
        learn=learn_delta(),
        reread=reread_service(),
        readings=queue("readings"),
        clock=now,
    )


# --- the management API --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def authenticate() -> Authenticate:
    """From an Authorization header to the key that it holds."""
    from chalicelib.services.authenticate import Authenticate

    return Authenticate(directory())


@lru_cache(maxsize=1)
def manage_connections() -> ManageConnections:
    """Where voices come in."""
    from chalicelib.services.manage_connections import ManageConnections

    return ManageConnections(
        store=directory(),
        secrets=connection_secrets(),
        sources=source_catalogue(),
        resume=reparse().connection,
        clock=now,
    )


@lru_cache(maxsize=4)
def manage_endpoints(own_url: str) -> ManageEndpoints:
    """Where tasks go out. ``own_url`` is where we are reached: an endpoint may not be ourselves."""
    from chalicelib.services.manage_endpoints import ManageEndpoints

    return ManageEndpoints(
        store=directory(),
        secrets=endpoint_secrets(),
        connectors=connector_catalogue(),
        deliveries=delivery_admin_service(),
        check_url=check_url(own_url),
        clock=now,
    )


def check_url(own_url: str) -> Callable[[str], Target]:
    """What an endpoint's URL is asked when it is saved."""
    from chalicelib.domain.egress_policy import Policy, self_host
    from chalicelib.egress import Door

    policy = Policy(
        settings().egress_cidrs, loopback_allowed=settings().loopback_allowed, self_hosts=(self_host(own_url),)
    )
    return Door(policy).check


@lru_cache(maxsize=1)
def manage_rules() -> ManageRules:
    """Routing rules."""
    from chalicelib.services.manage_rules import ManageRules

    return ManageRules(directory())


@lru_cache(maxsize=1)
def manage_keys() -> ManageKeys:
    """API keys."""
    from chalicelib.services.manage_keys import ManageKeys

    return ManageKeys(directory())


@lru_cache(maxsize=1)
def read_needs() -> ReadNeeds:
    """What topics are to customers."""
    from chalicelib.services.read_needs import ReadNeeds

    return ReadNeeds(lists=feedback_list(), name=topic_names, clock=now)


@lru_cache(maxsize=1)
def read_feedback() -> ReadFeedback:
    """Feedback as a key may see it."""
    from chalicelib.services.read_feedback import ReadFeedback

    return ReadFeedback(store=feedback_store(), lists=feedback_list())


@lru_cache(maxsize=1)
def read_tickets() -> ReadTickets:
    """Tickets as a key may see them."""
    from chalicelib.services.read_tickets import ReadTickets

    return ReadTickets(ticket_store())


@lru_cache(maxsize=1)
def read_deliveries() -> ReadDeliveries:
    """The delivery log."""
    from chalicelib.services.read_deliveries import ReadDeliveries

    return ReadDeliveries(delivery_store())


@lru_cache(maxsize=1)
def reparse() -> Reparse:
    """Read parked content again."""
    from chalicelib.services.reparse import Reparse

    return Reparse(store=feedback_store(), lists=feedback_list(), vault=vault(), inbox=queue("inbox"), clock=now)


@lru_cache(maxsize=1)
def reread_service() -> Reread:
    """Another reading of stored words."""
    from chalicelib.services.reread import Reread

    return Reread(store=feedback_store(), clock=now)


@lru_cache(maxsize=1)
def correct() -> Correct:
    """An analyst's correction."""
    from chalicelib.services.correct import Correct

    return Correct(reread=reread_service(), directory=directory(), frame=lambda workspace: reader_of(workspace).frame)


@lru_cache(maxsize=1)
def review() -> Review:
    """What waits for a person to look at, and their verdicts."""
    from chalicelib.services.review import Review

    return Review(queue=review_queue(), correct=correct())


@lru_cache(maxsize=1)
def read_corrections() -> ReadCorrections:
    """Corrections as training data, and the readings of one feedback."""
    from chalicelib.services.read_corrections import ReadCorrections

    return ReadCorrections(lists=correction_list(), store=feedback_store())


@lru_cache(maxsize=1)
def review_queue() -> ReviewQueue:
    """Pages of what waits for a person to look at."""
    from chalicelib.storage.review_queue import ReviewQueue

    _bind()
    return ReviewQueue(clock=now)


@lru_cache(maxsize=1)
def correction_list() -> CorrectionList:
    """Pages of corrections."""
    from chalicelib.storage.corrections import CorrectionList

    _bind()
    return CorrectionList(clock=now)


@lru_cache(maxsize=1)
def try_reading() -> TryReading:
    """A sentence against frame and routing, storing nothing."""
    from chalicelib.connectors import cards
    from chalicelib.services.try_reading import TryReading
    from chalicelib.sources.registry import load

    return TryReading(reader=reader_of, directory=directory(), source=load, card=cards.build, clock=now)


@lru_cache(maxsize=1)
def replay_service() -> Replay:
    """Do a time range again."""
    from chalicelib.services.replay import Replay

    return Replay(
        feedback=feedback_store(),
        lists=feedback_list(),
        tickets=ticket_store(),
        endpoints=directory(),
        deliveries=delivery_admin_service(),
        reparse=reparse(),
        bus=bus(),
    )


@lru_cache(maxsize=1)
def reveal_contact() -> RevealContact:
    """Contact data, for the person who has to call back."""
    from chalicelib.services.reveal_contact import RevealContact

    return RevealContact(feedback=feedback_store(), vault=vault(), audit=audit_log(), clock=now)


@lru_cache(maxsize=1)
def audit_log() -> AuditLog:
    """Who looked at what is protected."""
    from chalicelib.storage.audit import AuditLog

    _bind()
    return AuditLog()


# --- deliveries ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def egress_policy() -> Policy:
    """What the operator lets out. Our own host is no target: a delivery to ourselves would go round for ever."""
    from chalicelib.domain.egress_policy import Policy, self_host

    return Policy(
        settings().egress_cidrs,
        loopback_allowed=settings().loopback_allowed,
        self_hosts=(self_host(settings().public_url),),
    )


@lru_cache(maxsize=1)
def egress_door() -> Door:
    """The one way out; its ``check`` is asked when a URL is saved."""
    from chalicelib.egress import Door

    return Door(egress_policy())


@lru_cache(maxsize=1)
def connector_catalogue() -> ConnectorCatalogue:
    """What the management of endpoints asks about connectors."""
    from chalicelib.connectors.registry import ConnectorCatalogue

    return ConnectorCatalogue()


@lru_cache(maxsize=1)
def delivery_store() -> DeliveryStore:
    """Deliveries and their attempts."""
    from chalicelib.storage.deliveries import DeliveryStore

    _bind()
    return DeliveryStore(now)


@lru_cache(maxsize=1)
def _delivery_plan() -> DeliveryPlan:
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.services.delivery_plan import DeliveryPlan

    queue = SqsQueue(client("sqs"), settings().deliveries_url)
    return DeliveryPlan(store=delivery_store(), queue=queue, due=due_store(), clock=now)


@lru_cache(maxsize=1)
def fan_out_service() -> FanOut:
    """From a bus event to deliveries."""
    from chalicelib.services.fan_out import FanOut

    return FanOut(directory=directory(), plan=_delivery_plan())


@lru_cache(maxsize=1)
def deliver_service() -> Deliver:
    """One attempt."""
    import random
    import time

    from chalicelib.connectors.registry import load
    from chalicelib.services.deliver import Deliver
    from chalicelib.storage.deliveries import TargetWindows

    return Deliver(
        plan=_delivery_plan(),
        windows=TargetWindows(),
        directory=directory(),
        secrets=endpoint_secrets(),
        tickets=ticket_store(),
        voices=feedback_store(),
        vault=vault(),
        connector=load,
        door=egress_door(),
        topic_names=topic_names,
        luck=random.SystemRandom().random,
        monotonic=time.monotonic,
        base_url=settings().public_url,
    )


@lru_cache(maxsize=1)
def delivery_admin_service() -> Redeliver:
    """Replay, release and cancel."""
    from chalicelib.connectors.registry import load
    from chalicelib.services.redeliver import Redeliver

    def knows_repeats(workspace: str, endpoint_id: str) -> bool:
        endpoint = directory().endpoint(workspace, endpoint_id)
        return endpoint is not None and load(endpoint.connector).has_idempotency

    return Redeliver(plan=_delivery_plan(), lists=delivery_store(), knows_repeats=knows_repeats)


# --- alerts --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def alert_store() -> AlertStore:
    """Alert keys, what waits under them, what was sent."""
    from chalicelib.storage.alerts import AlertStore

    _bind()
    return AlertStore(retention_days=settings().retention_days)


@lru_cache(maxsize=1)
def notifications() -> SnsNotifications:
    """The topics of e-mail and SMS."""
    from chalicelib.messaging.notifications import SnsNotifications

    return SnsNotifications(client("sns"), settings().topic_prefix)


@lru_cache(maxsize=1)
def raise_alert_service() -> RaiseAlert:
    """What the alert function calls."""
    from chalicelib.services.raise_alert import RaiseAlert
    from chalicelib.services.send_alert import SendAlert

    send = SendAlert(
        store=alert_store(),
        notifier=notifications(),
        queue=queue("alerts"),
        due=due_store(),
        subscribers=directory(),
        topic_names=topic_names,
        clock=now,
        sms_parts_per_day=settings().sms_parts_per_day,
        base_url=settings().public_url,
    )
    return RaiseAlert(feedback=feedback_store(), admission=alert_store(), send=send, clock=now)


@lru_cache(maxsize=1)
def manage_subscriptions() -> ManageSubscriptions:
    """Who gets a workspace's alerts."""
    from chalicelib.services.manage_subscriptions import ManageSubscriptions

    return ManageSubscriptions(store=directory(), subscriber=notifications())


def _bind() -> None:
    """Point the row classes at the table and at the one client. Cheap enough for every store to do it."""
    from chalicelib.storage.table import bind

    bind(settings().table, client("dynamodb"))
