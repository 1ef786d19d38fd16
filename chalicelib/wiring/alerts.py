"""Alerts, and who gets them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.messaging.notifications import SnsNotifications
    from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions
    from chalicelib.services.alerts.raise_alert import RaiseAlert
    from chalicelib.storage.alerts.alerts import AlertStore


@lru_cache(maxsize=1)
def alert_store() -> AlertStore:
    """Alert keys, what waits under them, what was sent."""
    from chalicelib.storage.alerts.alerts import AlertStore

    base.bind()
    return AlertStore(retention_days=base.settings().retention_days)


@lru_cache(maxsize=1)
def notifications() -> SnsNotifications:
    """The topics of e-mail and SMS."""
    from chalicelib.messaging.notifications import SnsNotifications

    return SnsNotifications(base.client("sns"), base.settings().topic_prefix)


@lru_cache(maxsize=1)
def raise_alert_service() -> RaiseAlert:
    """What the alert function calls."""
    from chalicelib.services.alerts.raise_alert import RaiseAlert
    from chalicelib.services.alerts.send_alert import SendAlert
    from chalicelib.wiring import frames, page, reading, workspaces

    send = SendAlert(
        store=alert_store(),
        notifier=notifications(),
        queue=base.queue("alerts"),
        due=base.due_store(),
        subscribers=workspaces.directory(),
        topic_names=frames.topic_names,
        clock=base.now,
        sms_parts_per_day=base.settings().sms_parts_per_day,
        base_url=base.settings().public_url,
        page=page.known_page,
    )
    return RaiseAlert(feedback=reading.feedback_store(), admission=alert_store(), send=send, clock=base.now)


@lru_cache(maxsize=1)
def manage_subscriptions() -> ManageSubscriptions:
    """Who gets a workspace's alerts."""
    from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions
    from chalicelib.wiring import workspaces

    return ManageSubscriptions(store=workspaces.directory(), subscriber=notifications())
