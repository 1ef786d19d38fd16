"""Rows of what people configure, and their mapping to the domain and back.

Connections, endpoints, rules, subscriptions and key entries share the partition ``WS#<workspace>``,
so one query with a prefix lists a kind. Credentials are not here: they live in SSM, see storage/workspaces/secrets.py.
"""

from __future__ import annotations

from typing import Final

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.domain.workspaces.directory import ApiKey, Connection, Endpoint, Subscription
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

CONNECTION_PREFIX: Final = "CONNECTION#"
ENDPOINT_PREFIX: Final = "ENDPOINT#"
RULE_PREFIX: Final = "RULE#"
SUBSCRIPTION_PREFIX: Final = "SUBSCRIPTION#"
KEY_PREFIX: Final = "KEY#"


class ConnectionRow(Row):
    """``doc`` is the mapping. ``rotations`` counts the secret's rotations on the day ``rotated_on``.

    ``credentials`` are the names of those that lie in SSM.
    """

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    name = UnicodeAttribute()
    source = UnicodeAttribute()
    state = UnicodeAttribute()
    created_at = UnicodeAttribute(default="")
    rotated_on = UnicodeAttribute(null=True)
    rotations = NumberAttribute(null=True)
    doc = PackedJSONAttribute()
    settings = PackedJSONAttribute(null=True)
    credentials: ListAttribute[str] = ListAttribute(null=True)


class EndpointRow(Row):
    """``doc`` is the settings. The outbox reads ``state`` and ``disabled_reason`` from the stream."""

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    name = UnicodeAttribute()
    connector = UnicodeAttribute()
    host = UnicodeAttribute()
    target = UnicodeAttribute(default="")
    events: ListAttribute[str] = ListAttribute()
    state = UnicodeAttribute()
    state_version = NumberAttribute(default=1)
    disabled_reason = UnicodeAttribute(null=True)
    failing_since = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(default="")
    rotated_on = UnicodeAttribute(null=True)
    rotations = NumberAttribute(null=True)
    doc = PackedJSONAttribute()
    credentials: ListAttribute[str] = ListAttribute(null=True)


class RuleRow(Row):
    """A deleted rule stays as a tombstone, so that its version goes on when it is written again."""

    name = UnicodeAttribute()
    version = NumberAttribute()
    deleted = BooleanAttribute(default=False)
    doc = PackedJSONAttribute()


class SubscriptionRow(Row):
    """The address is contact data of a colleague; it is needed to unsubscribe and is never logged."""

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    severity = UnicodeAttribute()
    protocol = UnicodeAttribute()
    address = UnicodeAttribute()
    arns: ListAttribute[str] = ListAttribute()


class ApiKeyRow(Row):
    """Found by the hash of the key that a caller presents."""

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    role = UnicodeAttribute()
    unit = UnicodeAttribute(null=True)
    operator = BooleanAttribute(default=False)
    revoked = BooleanAttribute(default=False)


class ApiKeyEntryRow(Row):
    """The key's place in its workspace: from its id to its hash."""

    id = UnicodeAttribute()
    key_hash = UnicodeAttribute()


def connection_row(connection: Connection) -> ConnectionRow:
    pk, sk = keys.connection(connection.workspace, connection.id)
    return ConnectionRow(
        pk,
        sk,
        workspace=connection.workspace,
        id=connection.id,
        name=connection.name,
        source=connection.source,
        state=connection.state,
        created_at=connection.created_at,
        doc=dict(connection.mapping),
        settings=dict(connection.settings) or None,
        credentials=list(connection.credentials) or None,
    )


def connection_of(row: ConnectionRow) -> Connection:
    return Connection(
        workspace=row.workspace,
        id=row.id,
        name=row.name,
        source=row.source,
        state=row.state,
        mapping=row.doc,
        created_at=row.created_at,
        settings=row.settings or {},
        credentials=tuple(row.credentials or ()),
    )


def endpoint_row(endpoint: Endpoint) -> EndpointRow:
    pk, sk = keys.endpoint(endpoint.workspace, endpoint.id)
    return EndpointRow(
        pk,
        sk,
        workspace=endpoint.workspace,
        id=endpoint.id,
        name=endpoint.name,
        connector=endpoint.connector,
        host=endpoint.host,
        target=endpoint.target,
        events=list(endpoint.events),
        state=endpoint.state,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
        doc=dict(endpoint.settings),
        credentials=list(endpoint.credentials) or None,
    )


def endpoint_of(row: EndpointRow) -> Endpoint:
    return Endpoint(
        workspace=row.workspace,
        id=row.id,
        name=row.name,
        connector=row.connector,
        host=row.host,
        target=row.target,
        events=tuple(row.events),
        state=row.state,
        settings=row.doc,
        failing_since=row.failing_since,
        created_at=row.created_at,
        credentials=tuple(row.credentials or ()),
    )


def rule_doc(rule: Rule) -> dict[str, object]:
    """All of a rule but its name and version."""
    return {
        "when": rule.when,
        "then": list(rule.then),
        "severity": rule.severity,
        "department": rule.department,
        "cooldown_s": rule.cooldown_s,
        "enabled": rule.enabled,
    }


def rule_of(row: RuleRow) -> Rule:
    doc = row.doc
    return Rule(
        name=row.name,
        when=doc["when"],
        then=tuple(doc["then"]),
        version=int(row.version),
        severity=doc["severity"],
        department=doc["department"],
        cooldown_s=doc["cooldown_s"],
        enabled=doc["enabled"],
    )


def subscription_row(subscription: Subscription) -> SubscriptionRow:
    pk, sk = keys.subscription(subscription.workspace, subscription.id)
    return SubscriptionRow(
        pk,
        sk,
        workspace=subscription.workspace,
        id=subscription.id,
        severity=subscription.severity,
        protocol=subscription.protocol,
        address=subscription.address,
        arns=list(subscription.arns),
    )


def subscription_of(row: SubscriptionRow) -> Subscription:
    return Subscription(
        workspace=row.workspace,
        id=row.id,
        severity=row.severity,
        protocol=row.protocol,
        address=row.address,
        arns=tuple(row.arns),
    )


def api_key_rows(key: ApiKey, key_hash: str) -> tuple[ApiKeyRow, ApiKeyEntryRow]:
    """The two rows of a key: by hash for the caller, by id for who revokes it."""
    pk, sk = keys.api_key(key_hash)
    by_hash = ApiKeyRow(
        pk,
        sk,
        workspace=key.workspace,
        id=key.id,
        role=key.role,
        unit=key.unit,
        operator=key.operator,
        revoked=key.revoked,
    )
    pk, sk = keys.api_key_entry(key.workspace, key.id)
    return by_hash, ApiKeyEntryRow(pk, sk, id=key.id, key_hash=key_hash)


def api_key_of(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        workspace=row.workspace,
        role=row.role,
        unit=row.unit,
        operator=bool(row.operator),
        revoked=bool(row.revoked),
    )
