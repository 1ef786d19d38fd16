"""Every connector by name. Loaded on demand: a broken one cannot take the others down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, cast

from chalicelib.connectors.base import Bundling, Connector, Readable, SmsConnector, StateConnector
from chalicelib.connectors.callbacks import CallbackReader
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.egress_policy import Target
from chalicelib.domain.outbound.standard_webhooks import check_signing
from chalicelib.domain.vocabulary import EVENT_TYPES
from chalicelib.domain.workspaces import fields
from chalicelib.domain.workspaces.credentials import new_secret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

CONNECTORS: Final[Mapping[str, str]] = {
    "standard_webhooks": "chalicelib.connectors.standard_webhooks:StandardWebhooks",
    "feishu": "chalicelib.connectors.feishu:Feishu",
    "dingtalk": "chalicelib.connectors.dingtalk:DingTalk",
    "wecom": "chalicelib.connectors.wecom:WeCom",
    "slack": "chalicelib.connectors.slack:Slack",
    "jiandaoyun": "chalicelib.connectors.jiandaoyun:Jiandaoyun",
    "salesforce": "chalicelib.connectors.salesforce:Salesforce",
    "hubspot": "chalicelib.connectors.hubspot:HubSpot",
    "zendesk": "chalicelib.connectors.zendesk:Zendesk",
    "dingtalk_todo": "chalicelib.connectors.dingtalk_todo:DingTalkTodo",
    "dingtalk_approval": "chalicelib.connectors.dingtalk_approval:DingTalkApproval",
    "feishu_app": "chalicelib.connectors.feishu_app:FeishuApp",
    "wecom_app": "chalicelib.connectors.wecom_app:WeComApp",
    "aliyun_sms": "chalicelib.connectors.aliyun_sms:AliyunSms",
    "tencent_sms": "chalicelib.connectors.tencent_sms:TencentSms",
}
COMMON: Final = (
    *fields.ENDPOINT_FIELDS,
    fields.STATUS_MAP,
    fields.ON_AMBIGUOUS,
    fields.ON_MISSING,
    fields.RECONCILE,
)  # settings of every endpoint


@lru_cache(maxsize=len(CONNECTORS))
def load(name: str) -> Connector:
    """The connector of that name. Raises Invalid (``unknown_connector``)."""
    dotted = CONNECTORS.get(name)
    if dotted is None:
        raise Invalid("There is no such connector.", code="unknown_connector", pointer="/connector")
    module, _, attribute = dotted.partition(":")
    return cast(Connector, getattr(import_module(module), attribute)())


def callback_reader(name: str) -> CallbackReader | None:
    """The way back of that connector; None for one that has none, and for a name that there is not."""
    if name not in CONNECTORS:
        return None
    return cast("CallbackReader | None", getattr(load(name), "callback", None))


def taken(connector: Connector) -> tuple[str, ...]:
    """The events that its endpoints may ask for."""
    if connector.kind == "state":
        return tuple(one for one in EVENT_TYPES if one.startswith("ticket."))
    return EVENT_TYPES


def common_fields(connector: Connector) -> tuple[Field, ...]:
    """The settings that its endpoints have beside its own: no way back, no map of states; a key, nothing uncertain."""
    keeps = connector.kind == "state"  # what is uncertain then follows from its own means
    left_out = ("status_map",) * (connector.chat and not keeps) + ("on_missing",) * (not keeps)
    left_out += ("reconcile_minutes",) * (not hasattr(connector, "read"))
    left_out += ("on_ambiguous",) * (connector.has_idempotency or keeps)
    return tuple(one for one in COMMON if one.name not in left_out)


def load_keeper(name: str) -> StateConnector | None:
    """The connector of that name where it keeps an item a ticket, else None. Raises as ``load``."""
    found = load(name)
    return cast(StateConnector, found) if found.kind == "state" else None


def load_readable(name: str, settings: Mapping[str, Any]) -> Readable | None:
    """The connector of that name where its system can be asked how its items stand, else None. Raises as ``load``.

    One that keeps no items of ours can where the endpoint says with which URL.
    """
    found = load(name)
    asks = hasattr(found, "read") and (found.kind == "state" or bool(settings.get("status_url")))
    return cast(Readable, found) if asks else None


def load_bundler(name: str) -> Bundling | None:
    """The connector of that name where it names many events in one message, else None. Raises as ``load``."""
    found = load(name)
    return cast(Bundling, found) if found.kind == "event" and found.chat else None


def load_gateway(name: str) -> SmsConnector | None:
    """The connector of that name where it sends SMS, else None. Raises as ``load``."""
    found = load(name)
    return cast(SmsConnector, found) if hasattr(found, "bill") else None


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
        check_signing(given)
        return given

    def makes_secrets(self, connector: str) -> bool:
        """Whether the secret is ours to choose: a robot's is made by its vendor."""
        return load(connector).signs

    def check_settings(self, connector: str, settings: Mapping[str, Any]) -> None:
        """Raises Invalid for settings that this connector does not take."""
        loaded = load(connector)
        fields.check_settings(settings, (*COMMON, *loaded.fields))
        loaded.validate_settings(settings)

    def check_credentials(self, connector: str, credentials: Mapping[str, str]) -> None:
        """Raises Invalid (``credentials_invalid``) for credentials that this connector does not take."""
        loaded = load(connector)
        fields.check_credentials(credentials, loaded.credential_fields)
        own = getattr(loaded, "validate_credentials", None)
        if own is not None:
            own(credentials)

    def check_events(self, connector: str, events: Sequence[str]) -> None:
        """Raises Invalid (``event_not_taken``): what keeps one item a ticket has nothing to do with an alert."""
        for number, event in enumerate(events):
            if event not in taken(load(connector)):
                raise Invalid(
                    "This connector takes events of tickets only.", code="event_not_taken", pointer=f"/events/{number}"
                )

    def target(self, connector: str, target: Target, credentials: Mapping[str, str] | None = None) -> str:
        """What the rate limit counts: where the URL is no credential, the host and the one that the vendor goes by."""
        loaded = load(connector)
        if loaded.kind != "state":
            return target.fingerprint(loaded.credential)
        counted = (credentials or {}).get(loaded.credential, "") if loaded.credential else ""
        return digest("target", target.host, str(target.port), counted)
