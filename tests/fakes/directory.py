"""What people configure, in memory, with the conditions of the real store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.ids import random_id
from chalicelib.domain.workspaces.api_keys import key_hash, new_key
from chalicelib.domain.workspaces.directory import ApiKey, Connection, Endpoint, Subscription
from chalicelib.domain.workspaces.rules import Rule, effective_rules

Key = tuple[str, str]  # workspace, id or name


@dataclass
class FakeDirectory:
    connections_: dict[Key, Connection] = field(default_factory=dict)
    endpoints_: dict[Key, Endpoint] = field(default_factory=dict)
    reasons: dict[Key, str | None] = field(default_factory=dict)  # why an endpoint is in its state
    rules_: dict[Key, Rule] = field(default_factory=dict)
    versions: Counter[Key] = field(default_factory=Counter)  # of rules, deleted ones included
    subscriptions_: dict[Key, Subscription] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)  # by hash
    rotations: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    # --- connections ------------------------------------------------------------------------------------------

    def put_connection(self, connection: Connection) -> None:
        assert (connection.workspace, connection.id) not in self.connections_, "a connection is put once"
        self.connections_[connection.workspace, connection.id] = connection

    def connection(self, workspace: str, connection_id: str) -> Connection | None:
        return self.connections_.get((workspace, connection_id))

    def connections(self, workspace: str) -> Sequence[Connection]:
        return [one for (there, _), one in self.connections_.items() if there == workspace]

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
        named = None if credentials is None else tuple(credentials)
        return _changed(
            self.connections_,
            (workspace, connection_id),
            name=name,
            state=state,
            mapping=mapping,
            settings=settings,
            credentials=named,
        )

    def delete_connection(self, workspace: str, connection_id: str) -> bool:
        return self.connections_.pop((workspace, connection_id), None) is not None

    def note_connection_rotation(self, workspace: str, connection_id: str, day: str) -> bool:
        return self._rotated(workspace, connection_id, day)

    # --- endpoints --------------------------------------------------------------------------------------------

    def put_endpoint(self, endpoint: Endpoint) -> None:
        assert (endpoint.workspace, endpoint.id) not in self.endpoints_, "an endpoint is put once"
        self.endpoints_[endpoint.workspace, endpoint.id] = endpoint

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None:
        return self.endpoints_.get((workspace, endpoint_id))

    def endpoints(self, workspace: str) -> Sequence[Endpoint]:
        return [one for (there, _), one in self.endpoints_.items() if there == workspace]

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
        listed = None if events is None else tuple(events)
        named = None if credentials is None else tuple(credentials)
        return _changed(
            self.endpoints_,
            (workspace, endpoint_id),
            name=name,
            events=listed,
            settings=settings,
            host=host,
            target=target,
            credentials=named,
        )

    def delete_endpoint(self, workspace: str, endpoint_id: str) -> bool:
        return self.endpoints_.pop((workspace, endpoint_id), None) is not None

    def set_endpoint_state(self, workspace: str, endpoint_id: str, state: str, reason: str | None = None) -> bool:
        found = self.endpoint(workspace, endpoint_id)
        if found is None or found.state == state:
            return False
        failing = None if state == "active" else found.failing_since
        self.endpoints_[workspace, endpoint_id] = replace(found, state=state, failing_since=failing)
        self.reasons[workspace, endpoint_id] = reason
        return True

    def note_failure(self, workspace: str, endpoint_id: str, at: str) -> str | None:
        found = self.endpoint(workspace, endpoint_id)
        if found is None:
            return None
        since = found.failing_since or at
        self.endpoints_[workspace, endpoint_id] = replace(found, failing_since=since)
        return since

    def note_success(self, workspace: str, endpoint_id: str) -> None:
        found = self.endpoint(workspace, endpoint_id)
        if found is not None:
            self.endpoints_[workspace, endpoint_id] = replace(found, failing_since=None)

    def note_endpoint_rotation(self, workspace: str, endpoint_id: str, day: str) -> bool:
        return self._rotated(workspace, endpoint_id, day)

    # --- rules ------------------------------------------------------------------------------------------------

    def rules(self, workspace: str) -> Sequence[Rule]:
        return effective_rules(self.own_rules(workspace))

    def own_rules(self, workspace: str) -> Sequence[Rule]:
        return [one for (there, _), one in self.rules_.items() if there == workspace]

    def put_rule(self, workspace: str, rule: Rule, *, above: int = 0) -> Rule:
        key = (workspace, rule.name)
        self.versions[key] = (self.versions[key] or above) + 1
        self.rules_[key] = replace(rule, version=self.versions[key])
        return self.rules_[key]

    def delete_rule(self, workspace: str, name: str) -> bool:
        if self.rules_.pop((workspace, name), None) is None:
            return False
        self.versions[workspace, name] += 1
        return True

    # --- subscriptions and keys -------------------------------------------------------------------------------

    def put_subscription(self, subscription: Subscription) -> None:
        self.subscriptions_[subscription.workspace, subscription.id] = subscription

    def subscription(self, workspace: str, subscription_id: str) -> Subscription | None:
        return self.subscriptions_.get((workspace, subscription_id))

    def subscriptions(self, workspace: str) -> Sequence[Subscription]:
        return [one for (there, _), one in self.subscriptions_.items() if there == workspace]

    def delete_subscription(self, workspace: str, subscription_id: str) -> bool:
        return self.subscriptions_.pop((workspace, subscription_id), None) is not None

    def create_key(
        self, workspace: str, role: str, *, unit: str | None = None, operator: bool = False
    ) -> tuple[ApiKey, str]:
        plaintext = new_key()
        key = ApiKey(random_id("ky"), workspace, role, unit=unit, operator=operator)
        self.keys[key_hash(plaintext)] = key
        return key, plaintext

    def key_by_hash(self, hash_: str) -> ApiKey | None:
        return self.keys.get(hash_)

    def keys_of(self, workspace: str) -> Sequence[ApiKey]:
        return sorted((one for one in self.keys.values() if one.workspace == workspace), key=lambda one: one.id)

    def revoke_key(self, workspace: str, key_id: str) -> bool:
        for hash_, key in self.keys.items():
            if (key.workspace, key.id, key.revoked) == (workspace, key_id, False):
                self.keys[hash_] = replace(key, revoked=True)
                return True
        return False

    def _rotated(self, workspace: str, thing: str, day: str) -> bool:
        if self.rotations[workspace, thing, day] == 10:
            return False
        self.rotations[workspace, thing, day] += 1
        return True


def _changed(rows: dict[Key, Any], key: Key, **wanted: Any) -> Any:
    if key not in rows:
        return None
    rows[key] = replace(rows[key], **{name: value for name, value in wanted.items() if value is not None})
    return rows[key]
