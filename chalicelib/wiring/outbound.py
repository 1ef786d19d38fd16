"""How tasks go out and answers come back: endpoints, deliveries, items in other systems, callbacks."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.outbound.apply_callback import ApplyCallback
    from chalicelib.services.outbound.deliver import Deliver
    from chalicelib.services.outbound.delivery_plan import DeliveryPlan
    from chalicelib.services.outbound.fan_out import FanOut
    from chalicelib.services.outbound.hear_callback import HearCallback
    from chalicelib.services.outbound.manage_endpoints import ManageEndpoints
    from chalicelib.services.outbound.read_deliveries import ReadDeliveries
    from chalicelib.services.outbound.reconcile import Drifts, Reconcile, WatchAgain
    from chalicelib.services.outbound.redeliver import Redeliver
    from chalicelib.services.outbound.synchronise import Synchronise


@lru_cache(maxsize=4)
def manage_endpoints(own_url: str) -> ManageEndpoints:
    """Where tasks go out. ``own_url`` is where we are reached: an endpoint may not be ourselves."""
    from chalicelib.services.outbound.manage_endpoints import ManageEndpoints
    from chalicelib.wiring import reports, stores

    return ManageEndpoints(
        store=stores.directory(),
        secrets=stores.endpoint_secrets(),
        connectors=base.connector_catalogue(),
        deliveries=delivery_admin_service(),
        check_url=base.check_url(own_url),
        clock=base.now,
        polls=drifts(),
        weekly=reports.arm_weeks(),
    )


@lru_cache(maxsize=1)
def _delivery_plan() -> DeliveryPlan:
    from chalicelib.services.outbound.delivery_plan import DeliveryPlan
    from chalicelib.wiring import stores

    return DeliveryPlan(
        store=stores.delivery_store(), queue=base.queue("deliveries"), due=base.due_store(), clock=base.now
    )


@lru_cache(maxsize=1)
def read_deliveries() -> ReadDeliveries:
    """The delivery log."""
    from chalicelib.services.outbound.read_deliveries import ReadDeliveries
    from chalicelib.wiring import stores

    return ReadDeliveries(stores.delivery_store())


def fan_out_service() -> FanOut:
    """From a bus event to deliveries, one for each batch."""
    from chalicelib.services.outbound.fan_out import FanOut
    from chalicelib.wiring import page, stores

    return FanOut(endpoints=cache(stores.directory().endpoints), plan=_delivery_plan(), send_code=page.send_code().plan)


@lru_cache(maxsize=1)
def deliver_service() -> Deliver:
    """One attempt."""
    import random
    import time

    from chalicelib.connectors.registry import load, load_bundler, load_gateway, load_keeper
    from chalicelib.services.alerts.spend_sms import SpendSms
    from chalicelib.services.outbound.bundle import Bundle
    from chalicelib.services.outbound.deliver import Deliver
    from chalicelib.storage.outbound.deliveries import TargetWindows
    from chalicelib.wiring import cases, frames, page, stores, tickets, verification, workspaces

    return Deliver(
        plan=_delivery_plan(),
        windows=TargetWindows(),
        directory=stores.directory(),
        secrets=stores.endpoint_secrets(),
        tickets=tickets.ticket_store(),
        voices=stores.feedback_store(),
        vault=base.vault(),
        connector=load,
        keeper=load_keeper,
        bundler=load_bundler,
        bundle=Bundle(_delivery_plan()),
        synchronise=_synchronise(),
        sms=SpendSms(stores.alert_store(), load_gateway, base.settings().sms_parts_per_day, base.now),
        door=base.egress_door(),
        topic_names=frames.topic_names,
        luck=random.SystemRandom().random,
        monotonic=time.monotonic,
        base_url=base.settings().public_url,
        page=page.page_links().make,
        lease=timedelta(seconds=base.settings().delivery_lease),
        playbook=cases.find_playbook(),
        path=frames.find_graph().told,
        ask=verification.answer_links().ask,
        watch=stores.watched_store().add,
        unit_name=workspaces.find_owner().unit_name,
    )


@lru_cache(maxsize=1)
def delivery_admin_service() -> Redeliver:
    """Replay, release and cancel."""
    from chalicelib.connectors.registry import load
    from chalicelib.services.outbound.redeliver import Redeliver
    from chalicelib.wiring import stores

    def knows_repeats(workspace: str, endpoint_id: str) -> bool:
        endpoint = stores.directory().endpoint(workspace, endpoint_id)
        return endpoint is not None and load(endpoint.connector).has_idempotency

    return Redeliver(plan=_delivery_plan(), lists=stores.delivery_store(), knows_repeats=knows_repeats)


@lru_cache(maxsize=1)
def _synchronise() -> Synchronise:
    """Its door reads larger answers: an item comes back whole, with all that others have put into it."""
    import time

    from chalicelib.egress import Door
    from chalicelib.services.outbound.keep_token import KeepToken
    from chalicelib.services.outbound.synchronise import LARGEST_ANSWER, Synchronise
    from chalicelib.storage.outbound.deliveries import TargetWindows
    from chalicelib.storage.outbound.items import TokenStore
    from chalicelib.wiring import stores

    return Synchronise(
        items=stores.item_store(),
        keep_token=KeepToken(TokenStore(base.vault()), base.now),
        windows=TargetWindows(),
        door=Door(base.egress_policy(), body_cap=LARGEST_ANSWER),
        clock=base.now,
        monotonic=time.monotonic,
        lease=timedelta(seconds=base.settings().delivery_lease) / 2,  # it ends before its delivery's
        watch=lambda *item: stores.watched_store().add(*item),
    )


@lru_cache(maxsize=1)
def reconcile() -> Reconcile:
    """What asks another system how its items stand."""
    import time

    from chalicelib.connectors.registry import load_readable
    from chalicelib.egress import Door
    from chalicelib.services.outbound.keep_token import KeepToken
    from chalicelib.services.outbound.reconcile import Reconcile
    from chalicelib.services.outbound.synchronise import LARGEST_ANSWER
    from chalicelib.storage.outbound.deliveries import TargetWindows
    from chalicelib.storage.outbound.items import TokenStore
    from chalicelib.wiring import stores, tickets

    return Reconcile(
        directory=stores.directory(),
        secrets=stores.endpoint_secrets(),
        store=stores.poll_store(),
        watched=stores.watched_store(),
        items=stores.item_store(),
        tickets=tickets.ticket_store(),
        judge=apply_callback(),
        reader=load_readable,
        keep_token=KeepToken(TokenStore(base.vault()), base.now),
        windows=TargetWindows(),
        door=Door(base.egress_policy(), body_cap=LARGEST_ANSWER),
        due=base.due_store(),
        queue=base.queue("deliveries"),
        clock=base.now,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def drifts() -> Drifts:
    """What the polls of endpoints find, and switches them on and off."""
    from chalicelib.connectors.registry import load_readable
    from chalicelib.services.outbound.reconcile import Drifts
    from chalicelib.wiring import stores

    return Drifts(
        directory=stores.directory(),
        store=stores.poll_store(),
        watched=stores.watched_store(),
        due=base.due_store(),
        queue=base.queue("deliveries"),
        reader=load_readable,
        clock=base.now,
    )


def watch_again() -> WatchAgain:
    """Has the items of a reopened ticket asked for again."""
    from chalicelib.connectors.registry import load_readable
    from chalicelib.services.outbound.reconcile import WatchAgain
    from chalicelib.wiring import stores

    return WatchAgain(stores.item_store(), stores.watched_store(), stores.directory(), load_readable)


@lru_cache(maxsize=1)
def hear_callback() -> HearCallback:
    """The door for what systems of record say back. Light: some of them wait for 1.5 seconds."""
    from chalicelib.connectors.registry import callback_reader
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.services.outbound.hear_callback import HearCallback
    from chalicelib.storage.workspaces.secrets import EndpointSecrets

    return HearCallback(
        secrets=EndpointSecrets(base.hook_client("ssm"), base.settings().parameter_prefix, base.settings().key_id),
        reader=callback_reader,
        judge=apply_callback,
        queue=SqsQueue(base.hook_client("sqs"), base.settings().callbacks_url),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def apply_callback() -> ApplyCallback:
    """What was said, judged and written."""
    from chalicelib.connectors.registry import callback_reader
    from chalicelib.services.outbound.apply_callback import ApplyCallback
    from chalicelib.storage.outbound.callbacks import CallbackMemory
    from chalicelib.wiring import stores, tickets, verification

    return ApplyCallback(
        endpoints=stores.directory(),
        tickets=tickets.ticket_store(),
        items=stores.item_store(),
        memory=CallbackMemory(base.now),
        reader=callback_reader,
        queue=base.queue("callbacks"),
        clock=base.now,
        answer=verification.take_answer,
    )
