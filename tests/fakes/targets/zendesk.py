"""Zendesk's tickets in memory, as strict as contracts §2.8 says they are."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.zendesk.profile import PROFILE

TICKETS = "/api/v2/tickets.json"  # contracts §2.8
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
CHANGED = {"subject", "priority", "status", "custom_fields"}  # what both calls may bring
CREATED = CHANGED | {"comment", "requester", "external_id", "tags"}  # contracts §2.8: the body of a create


class Target:
    """``items``: ticket → Zendesk's own. ``keys``: Idempotency-Key → what the first request under it was answered."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
    ) -> None:
        self.custom = {int(name) for name in settings.get("templates", ()) if name.isdigit()}
        self.credentials = credentials
        self.items: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, HttpResponse] = {}

    def answer(self, request: HttpRequest) -> HttpResponse:
        # contracts §2.8: basic, "email/token:<api token>"; 401 is final.
        pair = f"{self.credentials['email']}/token:{self.credentials['api_token']}"
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(pair.encode()).decode():
            return _error(401, "Couldn't authenticate you")
        path = urlsplit(request.url).path
        if (request.method, path) == ("GET", "/api/v2/tickets/show_many.json"):
            return self._show(parse_qs(urlsplit(request.url).query)["ids"][0].split(","))
        try:
            body = json.loads(request.body)
        except ValueError:
            return _error(422, "Unprocessable Entity")
        if (request.method, path) == ("POST", TICKETS):
            return self._create(request, body)
        found = re.fullmatch(r"/api/v2/tickets/([0-9]+)\.json", path)
        return (
            self._update(int(found[1]), body) if found and request.method == "PUT" else _error(404, "InvalidEndpoint")
        )

    def _create(self, request: HttpRequest, body: Any) -> HttpResponse:
        key = request.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= 255:  # contracts §2.8
            return _error(422, "RecordInvalid")
        if key in self.keys:  # contracts §2.8: the first answer again, marked as a hit
            first = self.keys[key]
            return HttpResponse(first.status, {**first.headers, "x-idempotency-lookup": "hit"}, first.body)
        if self._refuses(body, CREATED) or not isinstance(body["ticket"].get("comment", {}).get("body"), str):
            return _error(422, "RecordInvalid")  # contracts §2.8: final
        item = body["ticket"]
        assert item["external_id"] not in self.items, "a duplicate"
        made = {"id": 35_436 + len(self.keys), "fields": {"status": "new"}, "status": "new", "history": []}
        self.items[item["external_id"]] = made
        self._write(made, item)
        self.keys[key] = _json(201, {"ticket": {"id": made["id"], "status": made["status"]}, "audit": {"id": 1}})
        return HttpResponse(201, {"x-idempotency-lookup": "miss"}, self.keys[key].body)

    def by_hand(self, ticket: str, word: str) -> None:
        self._write(self.items[ticket], {"status": word})

    def _show(self, numbers: list[str]) -> HttpResponse:
        """At most a hundred; those that there are not are left out (recalled)."""
        if len(numbers) > 100:
            return _error(400, "TooManyIds")
        found = [(ticket, one) for ticket, one in self.items.items() if str(one["id"]) in numbers]
        told = [
            {"id": one["id"], "external_id": ticket, "status": one["status"], "updated_at": stamp(one)}
            for ticket, one in found
        ]
        return _json(200, {"tickets": told, "count": len(told)})

    def _update(self, number: int, body: Any) -> HttpResponse:
        item = next((one for one in self.items.values() if one["id"] == number), None)
        if item is None:
            return _error(404, "RecordNotFound")
        if self._refuses(body, CHANGED):
            return _error(422, "RecordInvalid")
        self._write(item, body["ticket"])
        return _json(200, {"ticket": {"id": number, "status": item["status"]}})

    def _refuses(self, body: Any, known: set[str]) -> bool:
        """contracts §2.8: 422 for what is no ticket. Stricter than Zendesk, which ignores unknown fields."""
        item = body.get("ticket") if isinstance(body, dict) and body.keys() == {"ticket"} else None
        if not isinstance(item, dict) or not item.keys() <= known or not item.get("subject"):
            return True
        if item.get("status", "new") not in STATUSES or item.get("priority") not in PRIORITIES:
            return True
        return not {one["id"] for one in item.get("custom_fields", ())} <= self.custom

    def _write(self, item: dict[str, Any], fields: Mapping[str, Any]) -> None:
        item["fields"].update(fields)
        item["status"] = item["fields"]["status"]
        item["history"].append(item["status"])
        item["changed"] = datetime.now(timezone.utc)


def stamp(item: Mapping[str, Any]) -> str:
    """When an item was changed last, by whomever."""
    return str(item["changed"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _json(status: int, value: Any) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


def _error(status: int, error: str) -> HttpResponse:
    return _json(status, {"error": error, "description": "Not found"})
