"""简道云 Jiandaoyun: data push, signed with a plain SHA-1 over ``nonce:body:secret:timestamp``.

``data_create`` and ``data_update`` carry the whole entry, ``data_remove`` takes the voice back, and
``data_recover`` brings it again. Widgets have numbers for names, so a connection's mapping tells them apart.
Other operations (a form's structure, for one) are parked as ``unknown_operation``: seen by a person, never lost.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final

from chalicelib.domain import mapping as mappings
from chalicelib.domain.arrival import Arrival
from chalicelib.domain.voice import Canonical
from chalicelib.errors import Parked, Unauthorized
from chalicelib.sources.base import MappedSource, read_json

TOLERANCE: Final = 300  # seconds, either way; the platform names none
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_KEPT: Final = ("data_create", "data_update", "data_recover")


class Jiandaoyun(MappedSource):
    name: ClassVar[str] = "jiandaoyun"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/data/_id",
        "revision_at": "/data/updateTime",
        "occurred_at": "/data/createTime",
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        offered = arrival.headers.get("x-jdy-signature")
        if not offered:
            raise Unauthorized("The X-JDY-Signature header is missing.", code="signature_missing")
        timestamp = arrival.query.get("timestamp", "")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise Unauthorized("The timestamp is not a whole number of seconds.", code="timestamp_invalid")
        if abs(arrival.received_at.timestamp() - int(timestamp)) > TOLERANCE:
            raise Unauthorized("The timestamp is too far from now.", code="timestamp_out_of_window")
        nonce, given = arrival.query.get("nonce", ""), offered.encode("utf-8", "surrogatepass")
        fits = [
            hmac.compare_digest(signature(arrival.raw, nonce, secret, timestamp).encode(), given) for secret in secrets
        ]
        if not any(fits):
            raise Unauthorized("No signature fits.", code="signature_invalid")

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:
        """The platform's id of the push, with what it is about: its documentation shows placeholders for the id."""
        pushed = arrival.headers.get("x-jdy-deliverid")
        if not pushed or not isinstance(payload, Mapping):
            return None
        about = (mappings.resolve(payload, place) for place in ("/op", "/data/_id", "/data/updateTime"))
        return ":".join([pushed, *(str(part) if isinstance(part, str) else "" for part in about)])

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_json(arrival.raw)
        operation = payload.get("op")
        if operation == "data_remove":
            return self._tombstone(payload, mapping, arrival.received_at)
        if operation not in _KEPT:
            raise Parked("This operation carries no entry.", code="unknown_operation")
        voice = super().parse(arrival, mapping)
        # An entry that comes back has its old edit time, which would lose against its own removal.
        return replace(voice, revision_at=arrival.received_at) if operation == "data_recover" else voice

    def _tombstone(self, payload: Mapping[str, Any], mapping: Mapping[str, Any], received_at: datetime) -> Canonical:
        """The removal happened after every edit, whatever edit time the body still shows."""
        key = self.response_key(payload, mapping.get("response_id"))
        places = {"occurred_at": self.mapping["occurred_at"], "revision_at": "/data/deleteTime"}
        base = Canonical(response_key=key, occurred_at=received_at, revision_at=received_at, deleted=True)
        return mappings.apply(places, payload, received_at=received_at, base=base)


def signature(raw: bytes, nonce: str, secret: str, timestamp: str) -> str:
    """Lower-case hex, over the raw bytes: the vendor's own sample serialises the body again and is right by luck."""
    signed = b":".join((nonce.encode("utf-8", "surrogatepass"), raw, secret.encode("utf-8"), timestamp.encode("ascii")))
    return hashlib.sha1(signed).hexdigest()  # noqa: S324 - the platform's choice
