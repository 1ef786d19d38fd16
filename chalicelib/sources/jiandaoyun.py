"""简道云 Jiandaoyun: data push, signed with a plain SHA-1 over ``nonce:body:secret:timestamp``.

``data_create`` and ``data_update`` carry the whole entry, ``data_remove`` takes the voice back, and
``data_recover`` brings it again. Widgets have numbers for names, so a connection's mapping tells them apart.
Other operations (a form's structure, for one) are parked as ``unknown_operation``: seen by a person, never lost.

Bulk imports and edits are not pushed, and a push that failed a hundred times is closed: the API is asked for entries
in the order of their ids, a hundred a page. The cursor remembers where each of the last days ended, so that entries
younger than the look back are read again for their edits. A removal that was not pushed is not found.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.time import moments
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import LOOK_BACK, Field
from chalicelib.errors import Gone, Parked, Unauthorized
from chalicelib.sources.base import (
    GONE,
    RETRY,
    FetchingSource,
    Found,
    MappedSource,
    VendorApi,
    created_since,
    needed,
    read_json,
    tombstone,
)

TOLERANCE: Final = 300  # seconds, either way; the platform names none
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_KEPT: Final = ("data_create", "data_update", "data_recover")
_TOO_FAST: Final = 8303  # the API's own code, with status 400
_NO_SUCH_ENTRY: Final = 4001
_PAGE: Final = 100  # the most that the API gives
_BEGINNING: Final = ""  # sorts before every day


class Jiandaoyun(MappedSource, FetchingSource):
    name: ClassVar[str] = "jiandaoyun"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/data/_id",
        "revision_at": "/data/updateTime",
        "occurred_at": "/data/createTime",
    }
    fields: ClassVar[tuple[Field, ...]] = (Field("app_id", longest=64), Field("entry_id", longest=64), LOOK_BACK)
    credential_fields: ClassVar[tuple[Field, ...]] = (Field("api_key"),)
    host: ClassVar[str] = "api.jiandaoyun.com"
    polls: ClassVar[bool] = True
    api_limits: ClassVar[tuple[Limit, ...]] = (Limit(5, 1.0, guard=0.2),)  # of the oldest version; the newest has 30

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

    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {credentials['api_key']}"}

    def verdict(self, status: int, answer: Any) -> str:
        """Every refusal has status 400 and says in ``code`` what it is."""
        code = answer.get("code") if status == 400 and isinstance(answer, Mapping) else None
        if code == _TOO_FAST:
            return RETRY
        return GONE if code == _NO_SUCH_ENTRY else super().verdict(status, answer)

    def fetch(self, payload: Any, api: VendorApi, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The entry as it is now. That it is not there is what a removal says, so then the removal itself."""
        operation, wanted = payload.get("op"), mappings.response_key(payload, "/data/_id")
        if operation != "data_remove" and operation not in _KEPT:
            return dict(payload)  # it carries no entry, which parsing says
        try:
            entry = api.post("/api/v5/app/entry/data/get", {**_form(settings), "data_id": wanted})["data"]
        except Gone:
            entry = None
        if not entry:
            if operation == "data_remove":
                return dict(payload)
            raise Gone("The API knows no such entry.")
        if entry["_id"] != wanted:
            raise ValueError("another entry")
        return {"op": "data_update" if operation == "data_remove" else operation, "data": entry}

    def poll(
        self, cursor: Mapping[str, Any] | None, api: VendorApi, settings: Mapping[str, Any], now: datetime
    ) -> Found:
        """``cursor``: the id after which the next page begins, and the last id of each day that was read."""
        known = cursor or {"after": _BEGINNING, "days": {_BEGINNING: _BEGINNING}}
        asked = {**_form(settings), "limit": _PAGE, **({"data_id": known["after"]} if known["after"] else {})}
        entries = api.post("/api/v5/app/entry/data/list", asked)["data"]
        days = dict(known["days"])
        for entry in entries:
            days[moments.loose(entry["createTime"]).date().isoformat()] = entry["_id"]
        fresh = created_since(settings["poll_since"], entries, "createTime")
        payloads = tuple({"op": "data_update", "data": entry} for entry in fresh)
        oldest = (now - timedelta(days=settings.get(LOOK_BACK.name, LOOK_BACK.default))).date().isoformat()
        begin = max(day for day in days if day < oldest)
        days = {day: last for day, last in days.items() if day >= begin}
        more = len(entries) == _PAGE
        return Found(payloads, {"after": entries[-1]["_id"] if more else days[begin], "days": days}, more=more)

    def _tombstone(self, payload: Mapping[str, Any], mapping: Mapping[str, Any], received_at: datetime) -> Canonical:
        """The removal happened after every edit, whatever edit time the body still shows."""
        key = self.response_key(payload, mapping.get("response_id"))
        places = {"occurred_at": self.mapping["occurred_at"], "revision_at": "/data/deleteTime"}
        return tombstone(key, payload, places, received_at)


def signature(raw: bytes, nonce: str, secret: str, timestamp: str) -> str:
    """Lower-case hex, over the raw bytes: the vendor's own sample serialises the body again and is right by luck."""
    signed = b":".join((nonce.encode("utf-8", "surrogatepass"), raw, secret.encode("utf-8"), timestamp.encode("ascii")))
    return hashlib.sha1(signed).hexdigest()  # noqa: S324 - the platform's choice


def _form(settings: Mapping[str, Any]) -> dict[str, str]:
    """Which form of which application. Raises Parked (``settings_missing``)."""
    return {"app_id": needed(settings, "app_id"), "entry_id": needed(settings, "entry_id")}
