"""Logger, metric names, and the one line that an invocation writes.

A line is a log record and CloudWatch metrics (EMF) at once: lines cost more than the Lambda that prints them.
Nothing in a line may come from a customer or be a secret: counts, ids, codes and durations only.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

NAMESPACE: Final = "Echoloop"

# Every metric name there is. Dimension: function.
METRICS: Final = (
    "Heard",  # hooks answered 2xx
    "Refused",  # hooks and API calls answered 4xx
    "Stored",  # feedback written
    "Duplicates",  # deliveries that changed nothing
    "Parked",  # feedback kept with a reason
    "Published",  # events put on the bus
    "Recounted",  # buckets rebuilt
    "Reread",  # voices read with a proposed or an activated code frame
    "Fetched",  # responses read whole through a vendor's API
    "FetchesDelayed",  # to be asked for again later
    "FetchesParked",  # kept with a reason: the vendor's API did not tell the whole
    "Polled",  # responses that a poll put on the inbox
    "RowsAccepted",  # of uploaded files, put on the inbox
    "RowsRefused",  # of uploaded files; the upload shows which and why
    "UploadsFailed",  # files that were given up; the upload shows why
    "PollsFailed",  # runs that ended with an error; the connection, or the drift report of the endpoint, shows it
    "TicketsOpened",
    "TicketsUpdated",
    "CallbacksApplied",  # what a system of record said that moved or completed a ticket
    "CallbacksIgnored",  # idem, that was no news or could not be followed: the line says which codes
    "AlertsSent",
    "AlertsSwallowed",
    "SmsParts",
    "SpendGuarded",  # SMS that the spend guard turned into e-mail
    "Delivered",
    "Digests",  # messages that named several deliveries to a robot
    "DeliveriesRetried",
    "DeliveriesHeld",
    "EndpointsDisabled",
    "Resent",  # actions, due rows and buckets that the sweep sent again
    "Failed",  # records given back to the queue
)


@lru_cache(maxsize=1)
def logger() -> Any:
    """The Powertools logger, built on first use. Level from POWERTOOLS_LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    return Logger(service="echoloop", log_uncaught_exceptions=False, use_rfc3339=True, utc=True)


class Line:
    """Collects what one invocation did and writes it as one line.

    ``count`` takes a name of METRICS; ``note`` takes ids and codes, the last value wins.
    """

    def __init__(self, function: str) -> None:
        self._function = function
        self._counts: Counter[str] = Counter()
        self._notes: dict[str, Any] = {}
        self._began = time.perf_counter()

    def count(self, name: str, by: int = 1) -> None:
        """Add to a metric. Raises KeyError for a name that is not declared."""
        if name not in METRICS:
            raise KeyError(name)
        self._counts[name] += by

    def note(self, **fields: Any) -> None:
        """Remember ids, codes and numbers for the line."""
        self._notes.update(fields)

    def write(self, message: str, *, level: int = logging.INFO) -> None:
        """Write the line."""
        fields: dict[str, Any] = {
            "function": self._function,
            "duration_ms": round((time.perf_counter() - self._began) * 1000, 1),
            **self._notes,
        }
        if self._counts:
            fields.update(self._emf())
        logger().log(level, message, extra=fields)

    def _emf(self) -> Mapping[str, Any]:
        """CloudWatch Embedded Metric Format, specification version 0."""
        return {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["function"]],
                        "Metrics": [{"Name": name, "Unit": "Count"} for name in self._counts],
                    }
                ],
            },
            **self._counts,
        }


def reason(error: BaseException) -> str:
    """What a log may say of an exception: its stable code, else its type. Never its text."""
    return str(getattr(error, "code", "") or type(error).__name__)
