"""Every connector by name. Loaded on demand: a broken one cannot take the others down."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, cast

from chalicelib.connectors.base import Connector
from chalicelib.domain.credentials import new_secret
from chalicelib.domain.egress_policy import Target
from chalicelib.domain.standard_webhooks import signing_key
from chalicelib.errors import Invalid

CONNECTORS: Final[Mapping[str, str]] = {
    "standard_webhooks": "chalicelib.connectors.standard_webhooks:StandardWebhooks",
    "feishu": "chalicelib.connectors.feishu:Feishu",
    "dingtalk": "chalicelib.connectors.dingtalk:DingTalk",
    "wecom": "chalicelib.connectors.wecom:WeCom",
}
KEY_BYTES: Final = (24, 64)  # what Standard Webhooks asks of a symmetric secret


@lru_cache(maxsize=len(CONNECTORS))
def load(name: str) -> Connector:
    """The connector of that name. Raises Invalid (``unknown_connector``)."""
    dotted = CONNECTORS.get(name)
    if dotted is None:
        raise Invalid("There is no such connector.", code="unknown_connector", pointer="/connector")
    module, _, attribute = dotted.partition(":")
    return cast(Connector, getattr(import_module(module), attribute)())


class ConnectorCatalogue:
    """What the management of endpoints asks about connectors, by name."""

    def first_secret(self, connector: str, given: str | None) -> str | None:
        """The secret to start with: the one given, one made up, or none.

        Raises Invalid: ``unknown_connector``, or ``secret_invalid`` for one that we could not sign with.
        """
        if not load(connector).signs:
            return given
        if given is None:
            return new_secret()
        if not KEY_BYTES[0] <= len(signing_key(given)) <= KEY_BYTES[1]:
            raise Invalid(
                f"The secret must stand for {KEY_BYTES[0]} to {KEY_BYTES[1]} bytes.",
                code="secret_invalid",
                pointer="/secret",
            )
        return given

    def makes_secrets(self, connector: str) -> bool:
        """Whether the secret is ours to choose: a robot's is made by its vendor."""
        return load(connector).signs

    def check_settings(self, connector: str, settings: Mapping[str, Any]) -> None:
        """Raises Invalid for settings that this connector does not take."""
        load(connector).validate_settings(settings)

    def target(self, connector: str, target: Target) -> str:
        """What the rate limit counts: every connector so far carries its credential in the URL."""
        return target.fingerprint(load(connector).credential)
