"""The only reader of the environment. Everything else takes ``Settings``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment decides. Times are seconds unless the name says otherwise."""

    stage: str
    table: str
    bus: str
    inbox_url: str
    tickets_url: str
    callbacks_url: str
    cases_url: str
    alerts_url: str
    deliveries_url: str
    rollups_url: str
    readings_url: str
    fetches_url: str
    uploads_url: str
    uploads_bucket: str  # where files lie as they were uploaded
    topic_prefix: str  # ARN up to and including the dash before "<severity>-<protocol>"
    parameter_prefix: str  # SSM path under which connections' and endpoints' secrets live
    key_id: str  # KMS key for secrets and workspace data keys
    public_url: str  # base URL of the API; empty: taken from the request
    egress_cidrs: tuple[str, ...]
    loopback_allowed: bool
    retention_days: int
    rollup_delay: int
    reading_delay: int  # until an activated frame reads older voices: longer than a batch of new ones takes
    delivery_lease: int  # how long an attempt has a delivery to itself; longer than one call and what is written
    sms_parts_per_day: int  # spend guard: SMS parts a workspace may send a day


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Missing names are empty: a function sets only those that it uses."""
    env = os.environ if env is None else env
    return Settings(
        stage=env.get("ECHOLOOP_STAGE", "local"),
        table=env.get("TABLE", ""),
        bus=env.get("BUS", ""),
        inbox_url=env.get("INBOX_URL", ""),
        tickets_url=env.get("TICKETS_URL", ""),
        callbacks_url=env.get("CALLBACKS_URL", ""),
        cases_url=env.get("CASES_URL", ""),
        alerts_url=env.get("ALERTS_URL", ""),
        deliveries_url=env.get("DELIVERIES_URL", ""),
        rollups_url=env.get("ROLLUPS_URL", ""),
        readings_url=env.get("READINGS_URL", ""),
        fetches_url=env.get("FETCHES_URL", ""),
        uploads_url=env.get("UPLOADS_URL", ""),
        uploads_bucket=env.get("UPLOADS_BUCKET", ""),
        topic_prefix=env.get("TOPIC_PREFIX", ""),
        parameter_prefix=env.get("PARAMETER_PREFIX", ""),
        key_id=env.get("KEY_ID", ""),
        public_url=env.get("PUBLIC_URL", "").rstrip("/"),
        egress_cidrs=tuple(part.strip() for part in env.get("ECHOLOOP_EGRESS_CIDRS", "").split(",") if part.strip()),
        # Loopback is honoured only on the local engine, which is known by botocore's own variable.
        loopback_allowed=bool(env.get("AWS_ENDPOINT_URL")),
        retention_days=int(env.get("RETENTION_DAYS", "90")),
        rollup_delay=int(env.get("ROLLUP_DELAY_S", "30")),
        reading_delay=int(env.get("READING_DELAY_S", "20")),
        delivery_lease=int(env.get("DELIVERY_LEASE_S", "60")),
        sms_parts_per_day=int(env.get("SMS_PARTS_PER_DAY", "200")),
    )
