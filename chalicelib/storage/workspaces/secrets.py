"""Credentials of connections, endpoints and vendors: one SSM SecureString each, read through a small cache.

A hook or a delivery needs everything about its secret in one read, warm in none. Ids come out of URLs,
so what is not known is remembered too, for a while and in bounded number.
"""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.workspaces.credentials import new_secret
from chalicelib.domain.workspaces.directory import ConnectionSecret, EndpointSecret, VendorSecret
from chalicelib.errors import Invalid, NotFound, Retryable

FRESH: Final = 60.0  # seconds that a record is served from memory
UNKNOWN: Final = 30.0  # seconds that an unknown id is remembered
ENTRIES: Final = 1_024  # remembered ids, known ones and unknown ones each
LARGEST: Final = 4_096  # bytes, a standard parameter's limit; larger ones cost money each month
OVERLAP: Final = timedelta(hours=24)  # both secrets count during a rotation

_ID: Final = re.compile(r"[a-z0-9_]{1,64}")  # everything else is unknown, and no path of ours


class _Record(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Record)


class _Parameters(ABC, Generic[R]):
    """SecureStrings under ``{prefix}/{folder}/{id}``, as JSON."""

    folder = ""

    def __init__(self, client: Any, prefix: str, key_id: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._prefix = prefix
        self._key_id = key_id
        self._clock = clock  # seconds, any origin
        self._known: dict[str, tuple[float, R]] = {}
        self._unknown: dict[str, float] = {}  # apart, so that guesses cannot push known ones out

    def get(self, record_id: str, *, within: float = FRESH) -> R | None:
        """The record, read at most ``within`` seconds ago; None for an id that there is not.

        A failed check asks again with ``within=5``, so that a rotation made elsewhere counts at once and a
        flood of wrong tokens costs one read in five seconds. Raises Retryable when SSM does not answer.
        """
        if not _ID.fullmatch(record_id):
            return None
        now = self._clock()
        if record_id in self._unknown and now - self._unknown[record_id] < UNKNOWN:
            return None
        if record_id in self._known:
            read_at, known = self._known[record_id]
            if now - read_at < within:
                return known
        record = self._read(record_id)
        self._remember(record_id, record)
        return record

    def put(self, record: R) -> None:
        """Write the record. Raises Invalid (``secret_too_large``), Retryable."""
        value = json.dumps(self._encode(record), ensure_ascii=False, separators=(",", ":"))
        if len(value.encode("utf-8", "replace")) > LARGEST:
            raise Invalid("The credentials together are larger than 4 KB.", code="secret_too_large")
        key = {"KeyId": self._key_id} if self._key_id else {}
        self._call("put_parameter", record.id, Value=value, Type="SecureString", Overwrite=True, **key)
        self._remember(record.id, record)

    def delete(self, record_id: str) -> None:
        """Remove the record; one that is not there is removed already. Raises Retryable."""
        self._call("delete_parameter", record_id)
        self._known.pop(record_id, None)

    def _existing(self, record_id: str) -> R:
        record = self.get(record_id, within=0)
        if record is None:
            raise NotFound("There is no such thing.")
        return record

    def _read(self, record_id: str) -> R | None:
        answer = self._call("get_parameter", record_id, WithDecryption=True)
        if answer is None:
            return None
        try:
            return self._decode(json.loads(answer["Parameter"]["Value"]))
        except (KeyError, TypeError, ValueError):
            raise Retryable("A stored credential cannot be read.", code="secret_unreadable") from None

    def _call(self, operation: str, record_id: str, **arguments: Any) -> Any:
        """One call; None when there is no such parameter. What SSM says is cut off: it may repeat what was sent."""
        try:
            return getattr(self._client, operation)(Name=f"{self._prefix}/{self.folder}/{record_id}", **arguments)
        except (BotoCoreError, ClientError) as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code")
            if code == "ParameterNotFound":
                return None
            raise Retryable("The credentials cannot be reached.", code="secrets_unavailable") from None
        except AttributeError:
            # botocore's own, for an error whose body is JSON and no object: what stands before SSM answered.
            raise Retryable("The credentials cannot be reached.", code="secrets_unavailable") from None

    def _remember(self, record_id: str, record: R | None) -> None:
        self._known.pop(record_id, None)
        self._unknown.pop(record_id, None)
        if record is None:
            _make_room(self._unknown)
            self._unknown[record_id] = self._clock()
        else:
            _make_room(self._known)
            self._known[record_id] = (self._clock(), record)

    @abstractmethod
    def _encode(self, record: R) -> Mapping[str, Any]: ...

    @abstractmethod
    def _decode(self, document: Any) -> R: ...


def _make_room(entries: dict[str, Any]) -> None:
    while len(entries) >= ENTRIES:
        del entries[next(iter(entries))]  # the one read longest ago


class ConnectionSecrets(_Parameters[ConnectionSecret]):
    """What a hook needs to know about its connection."""

    folder = "connections"

    def rotate(
        self, record_id: str, now: datetime, *, secret: str | None = None, overlap: timedelta = OVERLAP
    ) -> tuple[str, datetime]:
        """Put a new secret in force; the one before counts until the returned moment, older ones no more.

        Returns the new secret. Raises NotFound, Retryable.
        """
        record = self._existing(record_id)
        until = now + overlap
        fresh = secret or new_secret()
        previous = tuple((old, until.timestamp()) for old, ends in record.secrets if ends is None)
        self.put(replace(record, secrets=((fresh, None), *previous[:1])))
        return fresh, until

    def _encode(self, record: ConnectionSecret) -> Mapping[str, Any]:
        return {
            "workspace": record.workspace,
            "id": record.id,
            "source": record.source,
            "token_hash": record.token_hash,
            "secrets": [list(pair) for pair in record.secrets],
            "response_id": record.response_id,
            "fetch": record.fetch,
        }

    def _decode(self, document: Any) -> ConnectionSecret:
        return ConnectionSecret(
            workspace=document["workspace"],
            id=document["id"],
            source=document["source"],
            token_hash=document["token_hash"],
            secrets=tuple((secret, until) for secret, until in document["secrets"]),
            response_id=document.get("response_id"),
            fetch=document.get("fetch", False),
        )


class EndpointSecrets(_Parameters[EndpointSecret]):
    """Where an endpoint is and how it is signed for."""

    folder = "endpoints"

    def rotate(
        self, record_id: str, now: datetime, *, secret: str | None = None, overlap: timedelta = OVERLAP
    ) -> tuple[str, datetime]:
        """As for connections."""
        record = self._existing(record_id)
        until = now + overlap
        fresh = secret or new_secret()
        self.put(
            replace(
                record,
                secret=fresh,
                previous_secret=record.secret,
                previous_valid_until=until.timestamp() if record.secret else None,
            )
        )
        return fresh, until

    def _encode(self, record: EndpointSecret) -> Mapping[str, Any]:
        return {
            "workspace": record.workspace,
            "id": record.id,
            "url": record.url,
            "secret": record.secret,
            "previous_secret": record.previous_secret,
            "previous_valid_until": record.previous_valid_until,
            "headers": dict(record.headers),
            "credentials": dict(record.credentials),
            "connector": record.connector,
        }

    def _decode(self, document: Any) -> EndpointSecret:
        return EndpointSecret(
            workspace=document["workspace"],
            id=document["id"],
            url=document["url"],
            secret=document.get("secret"),
            previous_secret=document.get("previous_secret"),
            previous_valid_until=document.get("previous_valid_until"),
            headers=dict(document.get("headers") or {}),
            credentials=dict(document.get("credentials") or {}),
            connector=document.get("connector") or "",
        )


class VendorSecrets(_Parameters[VendorSecret]):
    """What opens a vendor's API for a connection. ``put`` and ``delete`` are the API's, ``get`` is fetch's."""

    folder = "vendors"

    def _encode(self, record: VendorSecret) -> Mapping[str, Any]:
        return {
            "workspace": record.workspace,
            "id": record.id,
            "source": record.source,
            "credentials": dict(record.credentials),
        }

    def _decode(self, document: Any) -> VendorSecret:
        return VendorSecret(
            workspace=document["workspace"],
            id=document["id"],
            source=document["source"],
            credentials=dict(document["credentials"]),
        )
