"""Sweep: the clock of the product, once a minute."""

from __future__ import annotations

import logging

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib.errors import Retryable
from chalicelib.observability import Line, reason
from chalicelib.wiring import upkeep

bp = Blueprint(__name__)


@bp.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(_: CloudWatchEvent) -> None:
    """One run. A run that fails is made up for by the next one."""
    line = Line("sweep")
    try:
        swept = upkeep.sweep_service()()
    except Exception as error:  # noqa: BLE001 - the edge: nothing may pass it
        line.count("Failed")
        line.note(code=reason(error))
        line.write("sweep", level=logging.ERROR)
        # The runtime prints what it is raised: of an error that is not ours the text might quote a row.
        raise Retryable("The run did not end well.", code=reason(error)) from None
    line.note(actions=swept.actions, due=swept.due, buckets=swept.buckets, until=swept.until.isoformat())
    resent = swept.actions + swept.due + swept.buckets
    if resent:
        line.count("Resent", resent)
    line.write("sweep")
