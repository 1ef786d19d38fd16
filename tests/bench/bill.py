"""What a million feedback cost at list price, line by line, from what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.meter import Meter

# US dollars, us-east-1, arm64, no free tier. List prices as of 2026-11; look them up again before quoting.
REST_REQUEST: Final = 3.50e-6
HTTP_API_REQUEST: Final = 1.00e-6
LAMBDA_REQUEST: Final = 0.20e-6
LAMBDA_GB_S: Final = 13.33e-6
SQS_REQUEST: Final = 0.40e-6
EVENT: Final = 1.00e-6
WRITE_UNIT: Final = 0.625e-6
READ_UNIT: Final = 0.125e-6
STORAGE_GB_MONTH: Final = 0.25
RECOVERY_GB_MONTH: Final = 0.20
LOGS_GB: Final = 0.50
MAIL: Final = 20e-6
KMS_REQUEST: Final = 3e-6

# Not measured here: a Lambda of 1,769 MB has one vCPU, and a call to AWS takes this long inside a region.
ONE_CPU_MB: Final = 1769
CALL_S: Final = 0.005
MEMORY_MB: Final[Mapping[str, int]] = {"enrich": 1024}
DEFAULT_MB: Final = 512
CONSUMED: Final = ("enrich", "ticket", "alert", "deliver", "rollup")
ENTRY_OVERHEAD: Final = 100  # bytes that DynamoDB adds to every stored item and index entry


@dataclass(frozen=True, slots=True)
class Counted:
    """One measured run."""

    meter: Meter
    feedback: int
    log_bytes: int
    item_bytes: float  # per feedback, all its rows in the table
    index_bytes: float  # per feedback, all its index entries
    days: int


def lines(run: Counted) -> dict[str, float]:
    """Dollars per million feedback, by what is billed."""
    meter, million = run.meter, 1e6 / run.feedback
    stored_gb = 1e6 * run.days / 30 / 1e9
    found = {
        "API Gateway, REST": REST_REQUEST * 1e6,
        "Lambda requests": LAMBDA_REQUEST * million * sum(meter.invocations.values()),
        "Lambda GB-seconds": LAMBDA_GB_S * million * sum(gb_seconds(meter).values()),
        "SQS": SQS_REQUEST * million * sqs_requests(meter),
        "EventBridge": EVENT * million * meter.events,
        "DynamoDB writes": WRITE_UNIT * million * sum(meter.write_units.values()),
        "DynamoDB reads": READ_UNIT * million * sum(meter.read_units.values()),
        f"DynamoDB storage, {run.days} days": STORAGE_GB_MONTH * stored_gb * (run.item_bytes + run.index_bytes),
        f"DynamoDB recovery, {run.days} days": RECOVERY_GB_MONTH * stored_gb * run.item_bytes,
        "KMS": KMS_REQUEST * million * sum(meter.total(stage, "kms") for stage in meter.invocations),
        "SNS e-mail": MAIL * million * sum(meter.total(stage, "sns", "Publish") for stage in meter.invocations),
        "CloudWatch Logs": LOGS_GB * million * run.log_bytes / 1e9,
    }
    return found


def savings(found: dict[str, float], days: int) -> dict[str, float]:
    """The way down from ``found``: dollars per million that each step takes off, the easiest first."""
    stored = sum(
        dollars for name, dollars in found.items() if name.startswith(("DynamoDB storage", "DynamoDB recovery"))
    )
    return {
        "RetentionDays=30": stored * (1 - 30 / days),
        "an HTTP API in front instead of the REST API": found["API Gateway, REST"] - HTTP_API_REQUEST * 1e6,
        "bus events only for feedback that a rule asks for": found["EventBridge"] * 0.9,
    }


def gb_seconds(meter: Meter) -> dict[str, float]:
    """Per function: CPU as slow as its memory makes it, plus the wait for its calls."""
    found = {}
    for stage in meter.invocations:
        memory = MEMORY_MB.get(stage, DEFAULT_MB)
        calls = sum(number for (at, _, _), number in meter.calls.items() if at == stage)
        seconds = meter.cpu[stage] * ONE_CPU_MB / memory + calls * CALL_S
        found[stage] = seconds * memory / 1024
    return found


def sqs_requests(meter: Meter) -> int:
    """Sends of ours and of EventBridge, and one receive and one delete for each batch that Lambda polls."""
    sent = sum(
        number for (_, service, what), number in meter.calls.items() if (service, what) == ("sqs", "SendMessage")
    )
    return sent + meter.fanned_out + sum(2 * meter.invocations[stage] for stage in CONSUMED)
