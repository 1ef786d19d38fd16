"""Items in other people's systems: what a ticket became there, which ticket an item is of, and the tokens to get in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.update import Action

from chalicelib.domain.outbound.item import Item, KeptToken, Mark, Token
from chalicelib.errors import Retryable
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row, in_the_way, transaction

CONFLICT_TRIES: Final = 4  # times an item is written when another transaction is at the row in the same moment
_REFUSED: Final = "ConditionalCheckFailedException"


class ItemRow(Row):
    """``mark`` is a create of unknown end. ``lease`` is the attempt that is at the item until ``lease_until``."""

    workspace = UnicodeAttribute()
    ticket = UnicodeAttribute()
    external_id = UnicodeAttribute(null=True)
    sent = NumberAttribute(default=0)
    generation = NumberAttribute(default=0)
    mark = PackedJSONAttribute(null=True)
    uncertain = BooleanAttribute(default=False)
    missing = BooleanAttribute(default=False)
    updated_at = UnicodeAttribute(null=True)
    lease = UnicodeAttribute(null=True)
    lease_until = UnicodeAttribute(null=True)


class ItemBackRow(Row):
    """Which ticket an item is of."""

    ticket = UnicodeAttribute()


class TokenRow(Row):
    """``lease_until``: somebody is fetching the next one until then."""

    value = BinaryAttribute(legacy_encoding=False, null=True)
    until = UnicodeAttribute(null=True)  # instants
    refresh_at = UnicodeAttribute(null=True)
    opened_with = UnicodeAttribute(null=True)
    lease_until = UnicodeAttribute(null=True)


class ItemStore:
    """Every read is strongly consistent. The table is bound by the wiring."""

    def get(self, workspace: str, ticket: str, endpoint: str) -> Item:
        """What is known of an item; one that nobody has made is known as such."""
        try:
            row = ItemRow.get(*keys.item(workspace, ticket, endpoint), consistent_read=True)
        except DoesNotExist:
            return Item(workspace, ticket, endpoint)
        return _item_of(row, endpoint)

    def take(
        self, workspace: str, ticket: str, endpoint: str, *, attempt: str, now: datetime, until: datetime
    ) -> Item | None:
        """The item, for this attempt alone until then; None while another attempt is at it."""
        row = ItemRow(*keys.item(workspace, ticket, endpoint))
        actions: list[Action] = [
            ItemRow.workspace.set(workspace),
            ItemRow.ticket.set(ticket),
            ItemRow.lease.set(attempt),
            ItemRow.lease_until.set(keys.instant(until)),
        ]
        free = ItemRow.lease.does_not_exist() | (ItemRow.lease_until < keys.instant(now)) | (ItemRow.lease == attempt)
        try:
            row.update(actions, condition=free)  # and reads what stands there, in the same call
        except UpdateError as error:
            if error.cause_response_code == _REFUSED:
                return None
            raise
        return _item_of(row, endpoint)

    def put(self, item: Item, *, attempt: str, release: bool) -> bool:
        """Write what is known now; False when the item is no longer this attempt's."""
        row = ItemRow(*keys.item(item.workspace, item.ticket, item.endpoint))
        try:
            row.update(_actions(item, release=release), condition=ItemRow.lease == attempt)
        except UpdateError as error:
            if error.cause_response_code == _REFUSED:
                return False
            raise
        return True

    def link(self, item: Item, *, attempt: str, release: bool) -> bool:
        """``put`` for an item that has got its id: with it, and only with it, the way back is written."""
        back = ItemBackRow(*keys.item_back(item.workspace, item.endpoint, item.external_id or ""), ticket=item.ticket)
        row = ItemRow(*keys.item(item.workspace, item.ticket, item.endpoint))
        for _ in range(CONFLICT_TRIES):
            writes = transaction()
            writes.save(back)
            writes.update(row, _actions(item, release=release), condition=ItemRow.lease == attempt)
            reasons = in_the_way(writes)
            if not reasons:
                return True
            if any(reason.code == "ConditionalCheckFailed" for reason in reasons):
                return False
        raise Retryable("The item is being changed by others.", code="item_busy")

    def of_ticket(self, workspace: str, ticket: str) -> list[Item]:
        """The ticket's items, one an endpoint at most."""
        pk, _ = keys.item(workspace, ticket, "")
        return [_item_of(row, row.sk) for row in ItemRow.query(pk, consistent_read=True)]

    def ticket_of_item(self, workspace: str, endpoint: str, external_id: str) -> str | None:
        """The ticket that an endpoint's item is of; None for an item that is none of ours."""
        if not 0 < len(external_id.encode("utf-8", "replace")) <= 1024:  # longer than a key can be
            return None
        try:
            row = ItemBackRow.get(*keys.item_back(workspace, endpoint, external_id), consistent_read=True)
        except DoesNotExist:
            return None
        return str(row.ticket)


class TokenVault(Protocol):
    def seal_token(self, workspace: str, endpoint: str, token: str) -> bytes: ...

    def open_token(self, workspace: str, endpoint: str, sealed: bytes) -> str: ...


class TokenStore:
    """One token an endpoint, sealed. Every worker uses it, and one at a time fetches the next."""

    def __init__(self, vault: TokenVault) -> None:
        self._vault = vault

    def get(self, workspace: str, endpoint: str) -> KeptToken | None:
        try:
            row = TokenRow.get(*keys.endpoint_token(workspace, endpoint), consistent_read=True)
        except DoesNotExist:
            return None
        if not row.value:  # the first one is being fetched
            return None
        value = self._vault.open_token(workspace, endpoint, row.value)
        token = Token(value, datetime.fromisoformat(row.until))
        return KeptToken(token, datetime.fromisoformat(row.refresh_at), row.opened_with)

    def lease(self, workspace: str, endpoint: str, *, now: datetime, until: datetime) -> bool:
        """Whether it is on the caller to fetch the next token, until then."""
        row = TokenRow(*keys.endpoint_token(workspace, endpoint))
        free = TokenRow.lease_until.does_not_exist() | (TokenRow.lease_until < keys.instant(now))
        try:
            row.update([TokenRow.lease_until.set(keys.instant(until))], condition=free)
        except UpdateError as error:
            if error.cause_response_code == _REFUSED:
                return False
            raise
        return True

    def put(self, workspace: str, endpoint: str, kept: KeptToken) -> None:
        """Keep a fetched token and let go of the lease."""
        TokenRow(
            *keys.endpoint_token(workspace, endpoint),
            value=self._vault.seal_token(workspace, endpoint, kept.token.value),
            until=kept.token.expires_at.isoformat(),
            refresh_at=kept.refresh_at.isoformat(),
            opened_with=kept.opened_with,
            expires_at=int(kept.token.expires_at.timestamp()),
        ).save()

    def release(self, workspace: str, endpoint: str) -> None:
        """Nothing was fetched: let another try."""
        TokenRow(*keys.endpoint_token(workspace, endpoint)).update([TokenRow.lease_until.remove()])


def _actions(item: Item, *, release: bool) -> list[Action]:
    mark = item.creating
    actions: list[Action] = [
        ItemRow.external_id.remove() if item.external_id is None else ItemRow.external_id.set(item.external_id),
        ItemRow.sent.set(item.sent),
        ItemRow.generation.set(item.generation),
        ItemRow.mark.remove() if mark is None else ItemRow.mark.set(_mark_document(mark)),
        ItemRow.uncertain.set(item.uncertain),
        ItemRow.missing.set(item.missing),
    ]
    if item.updated_at is not None:
        actions.append(ItemRow.updated_at.set(keys.instant(item.updated_at)))
    if release:
        actions += [ItemRow.lease.remove(), ItemRow.lease_until.remove()]
    return actions


def _item_of(row: ItemRow, endpoint: str) -> Item:
    return Item(
        workspace=row.workspace,
        ticket=row.ticket,
        endpoint=endpoint,
        external_id=row.external_id,
        sent=int(row.sent or 0),
        generation=int(row.generation or 0),
        creating=_mark_of(row.mark) if row.mark else None,
        uncertain=bool(row.uncertain),
        missing=bool(row.missing),
        updated_at=datetime.fromisoformat(row.updated_at) if row.updated_at else None,
    )


def _mark_document(mark: Mark) -> dict[str, Any]:
    return {
        "attempt": mark.attempt,
        "version": mark.version,
        "first_at": mark.first_at.isoformat(),
        "last_at": mark.last_at.isoformat(),
        "spent": mark.spent,
    }


def _mark_of(document: dict[str, Any]) -> Mark:
    return Mark(
        attempt=document["attempt"],
        version=document["version"],
        first_at=datetime.fromisoformat(document["first_at"]),
        last_at=datetime.fromisoformat(document["last_at"]),
        spent=document["spent"],
    )
