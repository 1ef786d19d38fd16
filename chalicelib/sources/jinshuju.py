"""金数据 Jinshuju: data push. It signs nothing, so the path token is the proof.

An edit looks like a new entry: same form and serial number, later ``updated_at``. Labels are not in the body,
so a connection's mapping says which ``field_N`` is what. An NPS comes as a number, a rating as a string.

After six failed pushes the platform stops and never sends what it did not: its API, version 1, is asked for entries
by the time of their creation, fifty a page. Edits are found as long as their entry is not older than the look back.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, Final
from urllib.parse import quote

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.mapping import response_key
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.time import moments
from chalicelib.domain.workspaces.fields import LOOK_BACK, Field
from chalicelib.sources.base import FetchingSource, Found, MappedSource, VendorApi, created_since, needed

_BEIJING: Final = timezone(timedelta(hours=8))  # the API takes a time without a zone, and means this one
_OVERLAP: Final = timedelta(hours=1)  # read again at least


class Jinshuju(MappedSource, FetchingSource):
    name: ClassVar[str] = "jinshuju"
    proof: ClassVar[str] = "token"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/entry/serial_number",
        "revision_at": "/entry/updated_at",
        "occurred_at": "/entry/created_at",
    }
    fields: ClassVar[tuple[Field, ...]] = (Field("form", longest=64), LOOK_BACK)
    credential_fields: ClassVar[tuple[Field, ...]] = (Field("api_key"), Field("api_secret"))
    host: ClassVar[str] = "jinshuju.net"
    polls: ClassVar[bool] = True
    api_limits: ClassVar[tuple[Limit, ...]] = (Limit(5, 1.0, guard=0.2),)  # under the 20,000 an hour of small plans

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Nothing to check: the token was."""

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """``form:serial``: serial numbers count per form, and one hook may serve several forms."""
        form = response_key(payload, "/form")
        return f"{form}:{super().response_key(payload, pointer)}"

    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        pair = f"{credentials['api_key']}:{credentials['api_secret']}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}

    def fetch(self, payload: Any, api: VendorApi, settings: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        form, serial = response_key(payload, "/form"), response_key(payload, "/entry/serial_number")
        answer = api.get(f"{_entries(form)}/{quote(serial, safe='')}")
        if str(answer["entry"]["serial_number"]) != serial:
            raise ValueError("another entry")
        return {"form": form, "form_name": answer.get("form_name"), "entry": answer["entry"]}

    def poll(
        self, cursor: Mapping[str, Any] | None, api: VendorApi, settings: Mapping[str, Any], now: datetime
    ) -> Found:
        """``cursor``: from which creation on, and where the next page of an unfinished poll begins."""
        form, known = needed(settings, "form"), cursor or {}
        since = str(known.get("since") or settings["poll_since"])
        page = known.get("next")
        title = known["form_name"] if page else api.get(f"/api/v1/forms/{quote(form, safe='')}").get("name")
        query = {"created_at": moments.rfc3339(since).astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")}
        answer = api.get(_entries(form), {**query, "next": str(page)} if page else query)
        entries = created_since(settings["poll_since"], answer["data"], "created_at")
        payloads = tuple({"form": form, "form_name": title, "entry": entry} for entry in entries)
        following = answer.get("next")
        if answer["data"] and following and following != page:
            return Found(payloads, {"since": since, "next": following, "form_name": title}, more=True)
        look_back = timedelta(days=settings.get(LOOK_BACK.name, LOOK_BACK.default))
        begin = max(moments.rfc3339(since), now - max(look_back, _OVERLAP))
        return Found(payloads, {"since": moments.written(begin)}, more=False)


def _entries(form: str) -> str:
    return f"/api/v1/forms/{quote(form, safe='')}/entries"
