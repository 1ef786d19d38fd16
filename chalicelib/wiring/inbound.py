"""How voices come in: hooks, connections, the APIs of survey platforms, uploaded files."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.inbound.fetch import Fetch
    from chalicelib.services.inbound.hear import Hear
    from chalicelib.services.inbound.intake import Intake
    from chalicelib.services.inbound.manage_connections import ManageConnections
    from chalicelib.services.inbound.manage_uploads import ManageUploads
    from chalicelib.services.inbound.poll import ArmPolls, Poll
    from chalicelib.services.inbound.reparse import Reparse
    from chalicelib.services.inbound.vendor import VendorApis
    from chalicelib.sources.registry import Catalogue


@lru_cache(maxsize=1)
def hear() -> Hear:
    """What a hook calls."""
    from chalicelib.services.inbound.hear import Hear
    from chalicelib.sources.registry import load
    from chalicelib.storage.inbound.raw_files import RawFiles
    from chalicelib.storage.workspaces.secrets import ConnectionSecrets
    from chalicelib.wiring import stores

    secrets = ConnectionSecrets(base.hook_client("ssm"), base.settings().parameter_prefix, base.settings().key_id)
    return Hear(
        secrets=secrets,
        source=load,
        inbox=stores.hook_inbox("inbox"),
        fetches=stores.hook_inbox("fetches"),
        files=RawFiles(lambda: base.hook_client("s3"), base.settings().uploads_bucket),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def source_catalogue() -> Catalogue:
    """What the management of connections asks about sources."""
    from chalicelib.sources.registry import Catalogue

    return Catalogue()


@lru_cache(maxsize=1)
def manage_connections() -> ManageConnections:
    """Where voices come in."""
    from chalicelib.services.inbound.manage_connections import ManageConnections
    from chalicelib.wiring import stores

    return ManageConnections(
        store=stores.directory(),
        secrets=stores.connection_secrets(),
        vendor_secrets=stores.vendor_secrets(),
        polls=arm_polls(),
        sources=source_catalogue(),
        resume=reparse().connection,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def reparse() -> Reparse:
    """Read parked content again."""
    from chalicelib.services.inbound.reparse import Reparse
    from chalicelib.wiring import stores

    return Reparse(
        store=stores.feedback_store(),
        lists=stores.feedback_list(),
        vault=base.vault(),
        inbox=base.queue("inbox"),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def fetch_service() -> Fetch:
    """What reads the whole of an event through its platform's API."""
    import random

    from chalicelib.services.inbound.fetch import Fetch
    from chalicelib.wiring import stores

    return Fetch(
        directory=stores.directory(),
        source=_fetching_source,
        api=vendor_apis(),
        inbox=stores.inbox(),
        queue=base.queue("fetches"),
        clock=base.now,
        luck=random.SystemRandom().random,
    )


@lru_cache(maxsize=1)
def poll_service() -> Poll:
    """What asks a platform for what it did not push."""
    import time

    from chalicelib.services.inbound.poll import Poll
    from chalicelib.wiring import stores

    return Poll(
        directory=stores.directory(),
        store=stores.poll_store(),
        due=base.due_store(),
        source=_fetching_source,
        api=vendor_apis(),
        inbox=stores.inbox(),
        queue=base.queue("fetches"),
        clock=base.now,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def arm_polls() -> ArmPolls:
    """Switches pollers on and off, and shows how far they are."""
    from chalicelib.services.inbound.poll import ArmPolls
    from chalicelib.wiring import stores

    return ArmPolls(store=stores.poll_store(), due=base.due_store(), source=_fetching_source, clock=base.now)


def _fetching_source(name: str) -> Any:
    """Whoever asks looks at ``fetches`` and ``polls`` before it asks for more than every source has."""
    from chalicelib.sources.registry import load

    return load(name)


@lru_cache(maxsize=1)
def vendor_apis() -> VendorApis:
    """Clients of platforms' APIs. Their door reads larger answers: a page of responses is one."""
    import time

    from chalicelib.egress import Door
    from chalicelib.services.inbound.vendor import LARGEST_ANSWER, VendorApis
    from chalicelib.storage.outbound.deliveries import TargetWindows
    from chalicelib.wiring import stores

    return VendorApis(
        door=Door(base.egress_policy(), body_cap=LARGEST_ANSWER),
        windows=TargetWindows(),
        secrets=stores.vendor_secrets(),
        clock=base.now,
        pause=time.sleep,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def intake_service() -> Intake:
    """What reads uploaded files."""
    import time

    from chalicelib.services.inbound.intake import Intake
    from chalicelib.sources.registry import load
    from chalicelib.wiring import stores

    return Intake(
        directory=stores.directory(),
        store=stores.upload_store(),
        files=stores.raw_files(),
        source=load,
        inbox=stores.inbox(),
        queue=base.queue("uploads"),
        clock=base.now,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def manage_uploads() -> ManageUploads:
    """Where a connection's files go, and what became of each."""
    from chalicelib.services.inbound.manage_uploads import ManageUploads
    from chalicelib.sources.registry import load
    from chalicelib.wiring import stores

    return ManageUploads(
        connections=stores.directory(),
        store=stores.upload_store(),
        files=stores.raw_files(),
        takes_files=lambda source: load(source).takes_files,
        clock=base.now,
    )
