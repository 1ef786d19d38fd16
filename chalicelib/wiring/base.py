"""What every room stands on: settings, the clock, clients, queues, the bound table, the way out.

Imports no room.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib import config

if TYPE_CHECKING:
    from chalicelib.connectors.registry import ConnectorCatalogue
    from chalicelib.domain.outbound.egress_policy import Policy, Target
    from chalicelib.egress import Door
    from chalicelib.messaging.bus import EventBus
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.storage.due import DueStore
    from chalicelib.storage.vault import Vault


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


@lru_cache(maxsize=8)
def hook_client(service: str) -> Any:
    """A client that gives up in time for the hook to answer within 1.5 seconds: the platform tries again."""
    once = {"mode": "standard", "total_max_attempts": 1}
    return _built(service, connect_timeout=1, read_timeout=1.2, retries=once)


def _built(service: str, **limits: Any) -> Any:
    """With a fixed user agent, since botocore would build its own twice a call, and without checks of what we send."""
    from botocore.config import Config

    if service == "s3":
        # Version 4 in every region: URLs of the older one end in another year. No checksum that a browser cannot make.
        limits |= {"signature_version": "s3v4", "request_checksum_calculation": "when_required"}
    config = Config(user_agent="echoloop", parameter_validation=False, **limits)
    return _session().create_client(service, config=config)


@lru_cache(maxsize=8)
def queue(name: str) -> SqsQueue:
    """One of our queues: inbox, tickets, alerts, deliveries, rollups, readings, fetches or uploads."""
    from chalicelib.messaging.queues import SqsQueue

    return SqsQueue(client("sqs"), getattr(settings(), f"{name}_url"))


def bind() -> None:
    """Point the row classes at the table and at the one client. Cheap enough for every store to do it."""
    from chalicelib.storage import table

    table.bind(settings().table, client("dynamodb"))


@lru_cache(maxsize=1)
def bus() -> EventBus:
    """The custom event bus."""
    from chalicelib.messaging.bus import EventBus

    return EventBus(client("events"), settings().bus)


@lru_cache(maxsize=1)
def due_store() -> DueStore:
    """Waits longer than fifteen minutes, and how far the sweep has come."""
    from chalicelib.storage.due import DueStore

    bind()
    return DueStore(now)


@lru_cache(maxsize=1)
def vault() -> Vault:
    """Contact data and raw bodies, sealed."""
    from chalicelib.storage.vault import Vault

    bind()
    return Vault(client("kms"), settings().key_id)


@lru_cache(maxsize=1)
def egress_policy() -> Policy:
    """What the operator lets out. Our own host is no target: a delivery to ourselves would go round for ever."""
    from chalicelib.domain.outbound.egress_policy import Policy, self_host

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


def check_url(own_url: str) -> Callable[[str], Target]:
    """What an endpoint's URL is asked when it is saved."""
    from chalicelib.domain.outbound.egress_policy import Policy, self_host
    from chalicelib.egress import Door

    policy = Policy(
        settings().egress_cidrs, loopback_allowed=settings().loopback_allowed, self_hosts=(self_host(own_url),)
    )
    return Door(policy).check


@lru_cache(maxsize=1)
def connector_catalogue() -> ConnectorCatalogue:
    """What the management of endpoints asks about connectors."""
    from chalicelib.connectors.registry import ConnectorCatalogue

    return ConnectorCatalogue()
