"""A ticket's item in somebody else's system: what was made, what it was last told, what may have been made. Pure.

A create is marked before it leaves. Whoever finds the mark later knows that the item may exist, and ``way`` says what
to do about it: repeat the request where the target knows its key, look for the item where it can be looked for, and
else leave it to a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.workspaces.directory import EndpointSecret

# Codes of an Outcome that mean more than themselves to whoever synchronises.
TOKEN_EXPIRED: Final = "token_expired"  # noqa: S105  (with RETRY: once more at once with a new token)
ITEM_MISSING: Final = "item_missing"  # to an update: it was deleted there, as a 404 or 410 says; to a search: none
KEY_CONFLICT: Final = "key_conflict"  # with RETRY, to a create: the target knows the key and the request was another

CREATE: Final = "create"
REPEAT: Final = "repeat"  # the same create again, under its key
FIND: Final = "find"
UNCERTAIN: Final = "uncertain"

EARLY: Final = timedelta(minutes=2)  # a token is replaced this long before its end, or at half of a shorter life
LONGEST_ID: Final = 256  # characters of an item's id


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as the vendor gave it out."""

    value: str = field(repr=False)
    expires_at: datetime  # aware, UTC; by the vendor's word, or the documented life where it says none

    def refresh_at(self, now: datetime) -> datetime:
        """When it is time for the next one, if it was given out at ``now``."""
        return self.expires_at - min(EARLY, (self.expires_at - now) / 2)


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token as the workers of one endpoint share it."""

    token: Token
    refresh_at: datetime
    opened_with: str  # digest of the credentials that it was asked for with


@dataclass(frozen=True, slots=True)
class Access:
    """All that a request to a system of record is made with: where it is, and what opens it."""

    secret: EndpointSecret = field(repr=False)
    settings: Mapping[str, Any]
    token: str | None = field(default=None, repr=False)  # where ``authorise`` asks for one
    generation: int = 0  # how often a deleted item was made anew: belongs to a create's key


@dataclass(frozen=True, slots=True)
class Mark:
    """A create that left, or was about to, and whose end nobody has written down."""

    attempt: str  # the last one that sent it
    version: int  # of the ticket that the first one under its key was made of
    first_at: datetime
    last_at: datetime
    spent: bool = False  # the target refuses to take the key again


@dataclass(frozen=True, slots=True)
class Item:
    """``sent`` is the ticket version that the item shows, 0 for none."""

    workspace: str
    ticket: str
    endpoint: str
    external_id: str | None = None
    sent: int = 0
    generation: int = 0
    creating: Mark | None = None
    uncertain: bool = False  # a person decides whether to make it again
    missing: bool = False  # it was deleted there, and the endpoint's setting leaves it so
    updated_at: datetime | None = None

    @property
    def state(self) -> str:
        """made | creating | uncertain | missing | none."""
        if self.uncertain:
            return "uncertain"
        if self.external_id is None:
            return "creating" if self.creating else "none"
        return "missing" if self.missing else "made"


class Target(Protocol):
    """What of a connector decides how a create of unknown end goes on. See connectors/base.py."""

    @property
    def has_idempotency(self) -> bool: ...

    @property
    def key_life(self) -> float | None: ...

    @property
    def searches(self) -> bool: ...


def way(item: Item, version: int, target: Target, now: datetime) -> str:
    """CREATE, REPEAT, FIND or UNCERTAIN, for an item without an id whose ticket is at ``version``.

    A key is of use while the target knows it, and for the same request: where the ticket has changed since and the
    item can be looked for, it is.
    """
    mark = item.creating
    if mark is None:
        return CREATE
    if target.has_idempotency and not mark.spent and _is_known(mark, target, now):
        return REPEAT if mark.version == version or not target.searches else FIND
    return FIND if target.searches else UNCERTAIN


def _is_known(mark: Mark, target: Target, now: datetime) -> bool:
    return target.key_life is None or now - mark.first_at < timedelta(seconds=target.key_life)


def usable_id(external_id: str | None) -> str | None:
    """An id that can be kept and called for; None for anything else that a vendor may answer."""
    if external_id is None or not 0 < len(external_id) <= LONGEST_ID or not external_id.isprintable():
        return None
    return external_id
