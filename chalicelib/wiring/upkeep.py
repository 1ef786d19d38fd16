"""What belongs to no room: from the stream to the bus, the clock of the product, replay."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.outbox import Outbox
    from chalicelib.services.replay import Replay
    from chalicelib.services.sweep import Sweep


@lru_cache(maxsize=1)
def outbox_service() -> Outbox:
    """From the table's stream to the bus."""
    from chalicelib.services.outbox import Listeners, Outbox
    from chalicelib.storage.images import changes
    from chalicelib.wiring import reading, workspaces

    return Outbox(
        decode=changes,
        listeners=Listeners(workspaces.directory(), clock=base.now),
        bus=base.bus(),
        buckets=reading.bucket_store(),
        rollups=base.queue("rollups"),
        clock=base.now,
        retention_days=base.settings().retention_days,
        delay=base.settings().rollup_delay,
    )


@lru_cache(maxsize=1)
def sweep_service() -> Sweep:
    """What the schedule calls."""
    from chalicelib.calendars import book
    from chalicelib.services.sweep import Sweep
    from chalicelib.wiring import reading

    return Sweep(
        feedback=reading.feedback_store(),
        due=base.due_store(),
        buckets=reading.bucket_store(),
        queues={name: base.queue(name) for name in ("tickets", "alerts", "deliveries", "rollups", "fetches", "cases")},
        clock=base.now,
        calendars=book.release,
    )


@lru_cache(maxsize=1)
def replay_service() -> Replay:
    """Do a time range again."""
    from chalicelib.services.replay import Replay
    from chalicelib.wiring import cases, inbound, outbound, reading, workspaces

    return Replay(
        feedback=reading.feedback_store(),
        lists=reading.feedback_list(),
        tickets=cases.ticket_store(),
        endpoints=workspaces.directory(),
        deliveries=outbound.delivery_admin_service(),
        reparse=inbound.reparse(),
        bus=base.bus(),
    )
