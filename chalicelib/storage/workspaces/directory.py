"""What people configure, in the table. Every read is strongly consistent: a paused endpoint is paused now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pynamodb.exceptions import DeleteError, DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.ids import random_id
from chalicelib.domain.workspaces import rules as rule_book
from chalicelib.domain.workspaces.api_keys import key_hash, new_key
from chalicelib.domain.workspaces.directory import ApiKey, Connection, Endpoint, Subscription
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Retryable
from chalicelib.storage import keys
from chalicelib.storage.table import Row, committed, transaction
from chalicelib.storage.workspaces import directory_rows as rows
from chalicelib.storage.workspaces.directory_rows import (
    ApiKeyEntryRow,
    ApiKeyRow,
    ConnectionRow,
    EndpointRow,
    RuleRow,
    SubscriptionRow,
)

ROTATIONS_PER_DAY: Final = 10

AnyRow = TypeVar("AnyRow", bound=Row)


class DirectoryStore:
    """Connections, endpoints, rules, subscriptions and API keys of all workspaces.

    Reads give None, writes give False or None, for a thing that is not there. Every method raises Retryable when
    the table is out of reach. The table is bound by the wiring.
    """

    # --- connections ------------------------------------------------------------------------------------------

    def put_connection(self, connection: Connection) -> None:
        """Write a new connection."""
        _put_new(rows.connection_row(connection))

    def connection(self, workspace: str, connection_id: str) -> Connection | None:
        row = _get(ConnectionRow, keys.connection(workspace, connection_id))
        return None if row is None else rows.connection_of(row)

    def connections(self, workspace: str) -> Sequence[Connection]:
        return [rows.connection_of(row) for row in _list(ConnectionRow, workspace, rows.CONNECTION_PREFIX)]

    def update_connection(
        self,
        workspace: str,
        connection_id: str,
        *,
        name: str | None = None,
        state: str | None = None,
        mapping: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        credentials: Sequence[str] | None = None,
    ) -> Connection | None:
        """Change what is given and return the connection as it is now."""
        row = ConnectionRow(*keys.connection(workspace, connection_id))
        actions: list[Action] = [
            attribute.set(value)
            for attribute, value in ((ConnectionRow.name, name), (ConnectionRow.state, state))
            if value is not None
        ]
        if mapping is not None:
            actions.append(ConnectionRow.doc.set(dict(mapping)))
        if settings is not None:
            actions.append(ConnectionRow.settings.set(dict(settings)))
        if credentials is not None:
            actions.append(ConnectionRow.credentials.set(list(credentials)))
        return rows.connection_of(row) if _update(row, actions) else None

    def delete_connection(self, workspace: str, connection_id: str) -> bool:
        return _delete(ConnectionRow(*keys.connection(workspace, connection_id)))

    def note_connection_rotation(self, workspace: str, connection_id: str, day: str) -> bool:
        """Count one rotation on ``day``; False when the day's ten are used up."""
        return _count_rotation(ConnectionRow, keys.connection(workspace, connection_id), day)

    # --- endpoints --------------------------------------------------------------------------------------------

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Write a new endpoint."""
        _put_new(rows.endpoint_row(endpoint))

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None:
        row = _get(EndpointRow, keys.endpoint(workspace, endpoint_id))
        return None if row is None else rows.endpoint_of(row)

    def endpoints(self, workspace: str) -> Sequence[Endpoint]:
        return [rows.endpoint_of(row) for row in _list(EndpointRow, workspace, rows.ENDPOINT_PREFIX)]

    def update_endpoint(
        self,
        workspace: str,
        endpoint_id: str,
        *,
        name: str | None = None,
        events: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        host: str | None = None,
        target: str | None = None,
        credentials: Sequence[str] | None = None,
    ) -> Endpoint | None:
        """Change what is given and return the endpoint as it is now. For the state see ``set_endpoint_state``."""
        row = EndpointRow(*keys.endpoint(workspace, endpoint_id))
        actions: list[Action] = [
            attribute.set(value)
            for attribute, value in (
                (EndpointRow.name, name),
                (EndpointRow.host, host),
                (EndpointRow.target, target),
            )
            if value is not None
        ]
        if events is not None:
            actions.append(EndpointRow.events.set(list(events)))
        if settings is not None:
            actions.append(EndpointRow.doc.set(dict(settings)))
        if credentials is not None:
            actions.append(EndpointRow.credentials.set(list(credentials)))
        return rows.endpoint_of(row) if _update(row, actions) else None

    def delete_endpoint(self, workspace: str, endpoint_id: str) -> bool:
        return _delete(EndpointRow(*keys.endpoint(workspace, endpoint_id)))

    def set_endpoint_state(self, workspace: str, endpoint_id: str, state: str, reason: str | None = None) -> bool:
        """Move to ``state``; False when the endpoint is there already, or is gone.

        So of two workers that disable at once, one alone has done it. Becoming active forgets the failures.
        """
        row = EndpointRow(*keys.endpoint(workspace, endpoint_id))
        actions: list[Action] = [EndpointRow.state.set(state), EndpointRow.state_version.add(1)]
        if reason is None:
            actions.append(EndpointRow.disabled_reason.remove())
        else:
            actions.append(EndpointRow.disabled_reason.set(reason))
        if state == "active":
            actions.append(EndpointRow.failing_since.remove())
        return _update(row, actions, EndpointRow.state != state)

    def note_failure(self, workspace: str, endpoint_id: str, at: str) -> str | None:
        """Remember the first failure since the last success; returns when that was (RFC 3339, UTC)."""
        row = EndpointRow(*keys.endpoint(workspace, endpoint_id))
        first = EndpointRow.failing_since.set(EndpointRow.failing_since | at)
        return row.failing_since if _update(row, [first]) else None

    def note_success(self, workspace: str, endpoint_id: str) -> None:
        """Forget the failures. Call it only when the endpoint was failing: it costs a write."""
        row = EndpointRow(*keys.endpoint(workspace, endpoint_id))
        _update(row, [EndpointRow.failing_since.remove()], EndpointRow.failing_since.exists())

    def note_endpoint_rotation(self, workspace: str, endpoint_id: str, day: str) -> bool:
        """Count one rotation on ``day``; False when the day's ten are used up."""
        return _count_rotation(EndpointRow, keys.endpoint(workspace, endpoint_id), day)

    # --- rules ------------------------------------------------------------------------------------------------

    def rules(self, workspace: str) -> Sequence[Rule]:
        """What is in force: built-in rules overlaid by the workspace's own; disabled ones left out."""
        return rule_book.effective_rules(self.own_rules(workspace))

    def own_rules(self, workspace: str) -> Sequence[Rule]:
        """The workspace's own rules, disabled ones included."""
        return [rows.rule_of(row) for row in _list(RuleRow, workspace, rows.RULE_PREFIX) if not row.deleted]

    def put_rule(self, workspace: str, rule: Rule, *, above: int = 0) -> Rule:
        """Write ``rule`` under the next version, at least ``above`` + 1 (the version of a built-in it replaces)."""
        row = RuleRow(*keys.rule(workspace, rule.name))
        actions: list[Action] = [
            RuleRow.name.set(rule.name),
            RuleRow.version.set((RuleRow.version | above) + 1),
            RuleRow.deleted.set(False),
            RuleRow.doc.set(rows.rule_doc(rule)),
        ]
        row.update(actions)
        return rows.rule_of(row)

    def delete_rule(self, workspace: str, name: str) -> bool:
        """Leave a tombstone with the next version."""
        row = RuleRow(*keys.rule(workspace, name))
        actions: list[Action] = [RuleRow.deleted.set(True), RuleRow.version.add(1)]
        return _update(row, actions, RuleRow.deleted == False)  # noqa: E712 - a DynamoDB condition

    # --- subscriptions ----------------------------------------------------------------------------------------

    def put_subscription(self, subscription: Subscription) -> None:
        """Write it, or replace it when its SNS subscriptions have become known."""
        rows.subscription_row(subscription).save()

    def subscription(self, workspace: str, subscription_id: str) -> Subscription | None:
        row = _get(SubscriptionRow, keys.subscription(workspace, subscription_id))
        return None if row is None else rows.subscription_of(row)

    def subscriptions(self, workspace: str) -> Sequence[Subscription]:
        return [rows.subscription_of(row) for row in _list(SubscriptionRow, workspace, rows.SUBSCRIPTION_PREFIX)]

    def delete_subscription(self, workspace: str, subscription_id: str) -> bool:
        return _delete(SubscriptionRow(*keys.subscription(workspace, subscription_id)))

    # --- API keys ---------------------------------------------------------------------------------------------

    def create_key(
        self, workspace: str, role: str, *, unit: str | None = None, operator: bool = False
    ) -> tuple[ApiKey, str]:
        """A new key and its plaintext, which is shown once and kept nowhere."""
        plaintext = new_key()
        key = ApiKey(random_id("ky"), workspace, role, unit=unit, operator=operator)
        by_hash, entry = rows.api_key_rows(key, key_hash(plaintext))
        both = transaction()
        both.save(by_hash, condition=ApiKeyRow.pk.does_not_exist())
        both.save(entry, condition=ApiKeyEntryRow.pk.does_not_exist())
        if not committed(both):
            raise Retryable("The new key's id is taken.", code="contended")
        return key, plaintext

    def key_by_hash(self, hash_: str) -> ApiKey | None:
        """The key with this hash, revoked or not."""
        row = _get(ApiKeyRow, keys.api_key(hash_))
        return None if row is None else rows.api_key_of(row)

    def keys_of(self, workspace: str) -> Sequence[ApiKey]:
        """All keys of a workspace, revoked or not, in the order of their ids."""
        hashes = [entry.key_hash for entry in _list(ApiKeyEntryRow, workspace, rows.KEY_PREFIX)]
        found = ApiKeyRow.batch_get([keys.api_key(one) for one in hashes], consistent_read=True)
        return sorted(map(rows.api_key_of, found), key=lambda one: one.id)

    def revoke_key(self, workspace: str, key_id: str) -> bool:
        """Revoke for good; False when there is no such key, or it is revoked already."""
        entry = _get(ApiKeyEntryRow, keys.api_key_entry(workspace, key_id))
        if entry is None:
            return False
        row = ApiKeyRow(*keys.api_key(entry.key_hash))
        return _update(row, [ApiKeyRow.revoked.set(True)], ApiKeyRow.revoked == False)  # noqa: E712


def api_key_items(
    workspace: str, role: str, *, operator: bool = False, unit: str | None = None
) -> tuple[str, list[dict[str, Any]]]:
    """A key's plaintext and its two items in DynamoDB's own form: how the first key of a stack is seeded."""
    plaintext = new_key()
    key = ApiKey(random_id("ky"), workspace, role, unit=unit, operator=operator)
    by_hash, entry = rows.api_key_rows(key, key_hash(plaintext))
    return plaintext, [by_hash.serialize(), entry.serialize()]


def _get(kind: type[AnyRow], key: tuple[str, str]) -> AnyRow | None:
    try:
        return kind.get(*key, consistent_read=True)
    except DoesNotExist:
        return None


def _list(kind: type[AnyRow], workspace: str, prefix: str) -> list[AnyRow]:
    return list(kind.query(keys.directory(workspace), kind.sk.startswith(prefix), consistent_read=True))


def _put_new(row: Row) -> None:
    row.save(type(row).pk.does_not_exist())


def _update(row: Row, actions: list[Action], condition: Condition | None = None) -> bool:
    """Apply ``actions`` to a row that exists and refresh it; False when it does not, or ``condition`` fails."""
    exists = type(row).pk.exists()
    try:
        row.update(actions, exists if condition is None else exists & condition)
    except UpdateError:
        return False
    return True


def _delete(row: Row) -> bool:
    try:
        row.delete(type(row).pk.exists())
    except DeleteError:
        return False
    return True


def _count_rotation(kind: type[ConnectionRow] | type[EndpointRow], key: tuple[str, str], day: str) -> bool:
    """Two conditional updates, so that two callers at once cannot both take the last rotation."""
    same_day = _update(
        kind(*key),
        [kind.rotations.add(1)],
        (kind.rotated_on == day) & (kind.rotations < ROTATIONS_PER_DAY),
    )
    if same_day:
        return True
    return _update(
        kind(*key),
        [kind.rotated_on.set(day), kind.rotations.set(1)],
        kind.rotated_on.does_not_exist() | (kind.rotated_on != day),
    )
