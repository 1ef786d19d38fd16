"""Alerts, and who gets them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions
    from chalicelib.services.alerts.raise_alert import RaiseAlert


@lru_cache(maxsize=1)
def raise_alert_service() -> RaiseAlert:
    """What the alert function calls."""
    from chalicelib.services.alerts.raise_alert import RaiseAlert
    from chalicelib.services.alerts.send_alert import SendAlert
    from chalicelib.wiring import frames, page, stores

    send = SendAlert(
        store=stores.alert_store(),
        notifier=stores.notifications(),
        queue=base.queue("alerts"),
        due=base.due_store(),
        subscribers=stores.directory(),
        topic_names=frames.topic_names,
        clock=base.now,
        sms_parts_per_day=base.settings().sms_parts_per_day,
        base_url=base.settings().public_url,
        page=page.known_page,
    )
    return RaiseAlert(feedback=stores.feedback_store(), admission=stores.alert_store(), send=send, clock=base.now)


@lru_cache(maxsize=1)
def manage_subscriptions() -> ManageSubscriptions:
    """Who gets a workspace's alerts."""
    from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions
    from chalicelib.wiring import stores

    return ManageSubscriptions(store=stores.directory(), subscriber=stores.notifications())
