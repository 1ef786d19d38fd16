"""What stands on all rooms: from the stream to the bus, what follows a case, the clock of the product, replay."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.cases.follow_case import FollowCase
    from chalicelib.services.outbox import Outbox
    from chalicelib.services.replay import Replay
    from chalicelib.services.sweep import Sweep


@lru_cache(maxsize=1)
def outbox_service() -> Outbox:
    """From the table's stream to the bus."""
    from chalicelib.services.outbox import Listeners, Outbox
    from chalicelib.storage.images import changes
    from chalicelib.wiring import stores

    return Outbox(
        decode=changes,
        listeners=Listeners(stores.directory(), clock=base.now),
        bus=base.bus(),
        buckets=stores.bucket_store(),
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
    from chalicelib.wiring import stores

    return Sweep(
        feedback=stores.feedback_store(),
        due=base.due_store(),
        buckets=stores.bucket_store(),
        queues={name: base.queue(name) for name in ("tickets", "alerts", "deliveries", "rollups", "fetches", "cases")},
        clock=base.now,
        calendars=book.release,
    )


@lru_cache(maxsize=1)
def replay_service() -> Replay:
    """Do a time range again."""
    from chalicelib.services.replay import Replay
    from chalicelib.wiring import inbound, outbound, stores, tickets

    return Replay(
        feedback=stores.feedback_store(),
        lists=stores.feedback_list(),
        tickets=tickets.ticket_store(),
        endpoints=stores.directory(),
        deliveries=outbound.delivery_admin_service(),
        reparse=inbound.reparse(),
        bus=base.bus(),
    )


def follow_case() -> FollowCase:
    """What the case function calls, one for each batch: everything that follows from a ticket's change, or that a clock
    decides.
    """
    from chalicelib.services.cases.follow_bounces import FollowBounces
    from chalicelib.services.cases.follow_case import FollowCase
    from chalicelib.services.cases.follow_closing import FollowClosing
    from chalicelib.services.cases.follow_parts import FollowParts
    from chalicelib.services.cases.learn_causes import LearnCauses
    from chalicelib.services.cases.one_look import Afresh, OneLook
    from chalicelib.services.reports.follow_loop import FollowLoop
    from chalicelib.wiring import (
        cases,
        contact,
        frames,
        issues,
        outbound,
        reports,
        stores,
        tickets,
        verification,
        workspaces,
    )

    look = OneLook(tickets.ticket_store())
    counting = issues.count_in_a_batch()
    afresh, asking, recurring = Afresh(look), verification.ask_customer(look), issues.watch_recurrence(look, counting)
    departures = cases.follow_departures(look)
    return FollowCase(
        begin=look.begin,
        followers={
            "recurrence": recurring.follow,
            "verification": asking.follow,
            "parts": FollowParts(afresh, base.now),
            "issues": issues.promote(look, afresh, recurring.watches),
            "causes": LearnCauses(tickets.ticket_store(), stores.cause_store(), frames.find_graph()),
            "watched": outbound.watch_again(),
            "bounces": FollowBounces(look, workspaces.find_owner().organisation, base.now),
            "departures": departures.follow,
            "loop": FollowLoop(stores.loop_book(), look),
            "audit": FollowClosing(stores.lot_store(), look),
        },
        kinds={
            "verification": asking.wake,
            "clock": cases.strike_clock(),
            "recount": cases.recount_deadlines(),
            "parts": cases.look_for_parts(),
            "issue_level": issues.link_cases().level,
            "effect": issues.judge_effect(counting),
            "recurrence": recurring,
            "loop": reports.send_week(),
            "digest": reports.send_digest(),
            "departures": departures,
        },
        listeners={"followup": contact.suggest_followup()},
    )
