"""The Jiandaoyun API in memory, as strict as contracts §2.5 says it is.

Where the sheet is silent, the open platform's own pages are followed ("open platform" below), at their least helpful.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fakes.targets.zendesk import stamp
from tests.fixtures.connectors.jiandaoyun.profile import PROFILE

PATH = "/api/v5/app/entry/data/"  # contracts §2.5: the paths all start so
SETTINGS = ("ticket_field", "status_field", "version_field", "priority_field")


class Target:
    """``items``: ticket → entry. ``widgets``: the form's. ``clock`` None: nobody counts the calls."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self.clock = clock
        self.widgets = {settings[name] for name in SETTINGS if settings.get(name)} | set(settings.get("templates", ()))
        self.items: dict[str, dict[str, Any]] = {}
        self.transactions: dict[str, list[str]] = {}
        self.calls: deque[tuple[float, str]] = deque()
        self.made = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        path = urlsplit(request.url).path
        kind = path.removeprefix(PATH)
        # contracts §2.5: every API error is an HTTP 400 with a code and a message.
        if request.method != "POST" or not path.startswith(PATH):
            return _error(404, "no such API")
        # contracts §2.5: Authorization: Bearer <API key>, no request signature.
        if request.headers.get("Authorization") != f"Bearer {self.credentials['api_key']}":
            return _error(8301, "Unauthorized")
        if self._is_too_fast(kind):
            return _error(8303, "Company Request Limit Exceeded")
        try:
            body = json.loads(request.body)
        except ValueError:
            return _error(1, "Bad Request")
        # contracts §2.5: app and form are named in the body.
        if any(body.get(name) != self.settings[name] for name in ("app_id", "entry_id")):
            return _error(1, "Bad Request")
        handle = {
            "create": self._create,
            "batch_create": self._create_batch,
            "update": self._update,
            "list": self._list,
        }.get(kind)
        return handle(body) if handle else _error(404, "no such API")

    def _is_too_fast(self, kind: str) -> bool:
        """contracts §2.5: 50 requests a second over the whole API, 10 of them batches."""
        if self.clock is None:
            return False
        now = self.clock()
        while self.calls and self.calls[0][0] <= now - 1:
            self.calls.popleft()
        batches = sum(one == "batch_create" for _, one in self.calls)
        if len(self.calls) >= 50 or (kind == "batch_create" and batches >= 10):
            return True
        self.calls.append((now, kind))
        return False

    def _create(self, body: Mapping[str, Any]) -> HttpResponse:
        known = {
            "app_id",
            "entry_id",
            "data",
            "data_creator",
            "is_start_workflow",
            "is_start_trigger",
            "transaction_id",
        }
        if not body.keys() <= known | {"transaction_id"} or not self._fits(body.get("data")):
            return _error(1, "Bad Request")
        # open platform: here the transaction id binds uploaded files and guards nothing.
        external_id = self._keep(body["data"])
        return _ok({"data": {"_id": external_id, **self._shown(external_id)}})  # contracts §2.5

    def _create_batch(self, body: Mapping[str, Any]) -> HttpResponse:
        known = {"app_id", "entry_id", "data_list", "data_creator", "is_start_workflow", "transaction_id"}
        rows = body.get("data_list")
        # contracts §2.5: at most 100 rows.
        if not body.keys() <= known or not isinstance(rows, list) or not 0 < len(rows) <= 100:
            return _error(1, "Bad Request")
        if not all(map(self._fits, rows)):
            return _error(1, "Bad Request")
        transaction = body.get("transaction_id")
        try:
            UUID(transaction)
        except (TypeError, ValueError):
            return _error(17025, "invalid transaction_id")  # open platform
        # contracts §2.5: the transaction id guards retries. Open platform: a repetition is written over the first,
        # and ``success_ids`` are of this request's own making.
        known = self.transactions.get(transaction)
        if known is not None:
            for row in rows:
                self._write(row[self.settings["ticket_field"]]["value"], row)
            return _ok({"status": "success", "success_count": len(known), "success_ids": []})
        self.transactions[transaction] = [self._keep(row) for row in rows]
        made = self.transactions[transaction]
        return _ok({"status": "success", "success_count": len(made), "success_ids": made})

    def _list(self, body: Mapping[str, Any]) -> HttpResponse:
        """open platform: entries in the order of their ids, at most ``limit``, of text fields those that are equal."""
        if not body.keys() <= {"app_id", "entry_id", "data_id", "fields", "filter", "limit"}:
            return _error(1, "Bad Request")
        filters = body.get("filter", {})
        (condition,) = filters.get("cond", [{}])
        wanted = {"field": self.settings["ticket_field"], "type": "text"}
        if condition.get("method") not in ("eq", "in") or (condition["method"] == "eq" and len(condition["value"]) > 1):
            return _error(4815, "invalid filter")
        if filters.get("rel") != "and" or {**condition, **wanted} != condition or not 1 <= body.get("limit", 10) <= 100:
            return _error(4815, "invalid filter")
        found = [item for ticket, item in self.items.items() if ticket in condition["value"]]
        return _ok({"data": [self._listed(item) for item in found[: body.get("limit", 10)]]})

    def _listed(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"_id": item["id"], "updateTime": stamp(item), **item["fields"]}

    def by_hand(self, ticket: str, word: str) -> None:
        self._write(ticket, {self.settings["status_field"]: {"value": word}})

    def _keep(self, row: Mapping[str, Any]) -> str:
        """API writes run no required and no unique checks (contracts §2.5): a second entry of a ticket is possible."""
        self.made += 1
        external_id = f"{self.made:024x}"
        ticket = row[self.settings["ticket_field"]]["value"]
        assert ticket not in self.items, "a duplicate"
        self.items[ticket] = {"id": external_id, "history": []}
        self._write(ticket, row)
        return external_id

    def _update(self, body: Mapping[str, Any]) -> HttpResponse:
        known = {"app_id", "entry_id", "data_id", "data", "is_start_trigger"}
        if not body.keys() <= known or not self._fits(body.get("data")):
            return _error(1, "Bad Request")
        # contracts §2.5: data/update with data_id.
        ticket = next((name for name, item in self.items.items() if item["id"] == body.get("data_id")), None)
        if ticket is None:
            return _error(4001, "no such data")
        self._write(ticket, body["data"])
        return _ok({"data": {"_id": body["data_id"], **self._shown(body["data_id"])}})

    def _fits(self, row: Any) -> bool:
        """contracts §2.5: each widget stands for {"value": …}; a name that the form does not have is a bad request."""
        return (
            isinstance(row, dict)
            and row.keys() <= self.widgets
            and all(isinstance(cell, dict) and cell.keys() == {"value"} for cell in row.values())
        )

    def _write(self, ticket: str, row: Mapping[str, Any]) -> None:
        item = self.items[ticket]
        values = {name: cell["value"] for name, cell in row.items()}
        item["fields"] = {**item.get("fields", {}), **values}
        item["status"] = item["fields"].get(self.settings["status_field"])
        item["history"].append(item["status"])
        item["changed"] = datetime.now(timezone.utc)

    def _shown(self, external_id: str) -> dict[str, Any]:
        item = next(one for one in self.items.values() if one["id"] == external_id)
        return dict(item["fields"])


def _ok(value: Any) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


def _error(code: int, message: str) -> HttpResponse:
    body = json.dumps({"code": code, "msg": message}).encode()
    return HttpResponse(400, {"content-type": "application/json"}, body)
