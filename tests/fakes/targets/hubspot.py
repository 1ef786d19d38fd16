"""HubSpot's tickets in memory, as strict as contracts §2.7 says they are."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fakes.targets.zendesk import stamp
from tests.fixtures.connectors.hubspot.profile import PROFILE

TICKETS = "/crm/v3/objects/tickets"
STAGES = {"0": ("1", "2", "3", "4")}  # pipeline → stages
PRIORITIES = ("LOW", "MEDIUM", "HIGH")
UNIQUE = "echoloop_ticket_id"


class Target:
    """``items``: ticket → object. ``lag``: objects made last that the search does not know yet (contracts §2.7, K)."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.credentials = credentials
        self.clock = clock
        self.properties = {"subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", UNIQUE}
        self.properties |= set(settings.get("templates", ()))
        self.items: dict[str, dict[str, Any]] = {}
        self.lag = 0
        self.locked = False
        self.calls: deque[float] = deque()

    def answer(self, request: HttpRequest) -> HttpResponse:
        # contracts §2.7: Bearer token of a private app; 401 is permanent.
        if request.headers.get("Authorization") != f"Bearer {self.credentials['access_token']}":
            return _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if self._is_too_fast():
            # contracts §2.7: 429 names the policy.
            return _error(429, "RATE_LIMITS", "You have reached your limit.", policyName="TEN_SECONDLY_ROLLING")
        if self.locked:
            return _error(423, "LOCKED", "The resource is locked.")  # contracts §2.7: 423 is tried again
        try:
            body = json.loads(request.body)
        except ValueError:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
        path = urlsplit(request.url).path
        if (request.method, path) == ("POST", TICKETS):
            return self._create(body)
        if (request.method, path) == ("POST", f"{TICKETS}/search"):
            return self._search(body)
        if (request.method, path) == ("POST", f"{TICKETS}/batch/read"):
            return self._read(body)
        if request.method == "PATCH" and path.startswith(f"{TICKETS}/"):
            return self._update(path.removeprefix(f"{TICKETS}/"), body)
        return _error(404, "OBJECT_NOT_FOUND", "resource not found")

    def _is_too_fast(self) -> bool:
        """contracts §2.7: 100 requests in 10 seconds on the smallest plan."""
        if self.clock is None:
            return False
        now = self.clock()
        while self.calls and self.calls[0] <= now - 10:
            self.calls.popleft()
        if len(self.calls) >= 100:
            return True
        self.calls.append(now)
        return False

    def _create(self, body: Any) -> HttpResponse:
        """contracts §2.7: no idempotency key; 201 with the id. A unique property takes a value once."""
        if not isinstance(body, dict) or not body.keys() <= {"properties", "associations"}:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
        properties = body.get("properties")
        refusal = self._refusal(properties) or _association_refusal(body.get("associations", []))
        if refusal is not None:
            return refusal
        ticket = properties.get(UNIQUE)
        if ticket is None or "hs_pipeline_stage" not in properties:
            return _error(400, "VALIDATION_ERROR", "Property values were not valid")
        if ticket in self.items:
            taken = [{"code": "CONFLICTING_UNIQUE_VALUE", "message": "already has that value"}]
            return _error(400, "VALIDATION_ERROR", "Property values were not valid", errors=taken)
        external_id = str(4_200_000_000 + len(self.items))
        self.items[ticket] = {"id": external_id, "fields": {}, "history": [], "links": body.get("associations", [])}
        self._write(ticket, properties)
        return _json(201, {"id": external_id, "properties": properties, "archived": False})

    def _search(self, body: Any) -> HttpResponse:
        """contracts §2.7: search by the unique property; what was made a moment ago may be missing."""
        try:
            (group,) = body["filterGroups"]
            (found,) = group["filters"]
            wanted, operator, value = found["propertyName"], found["operator"], found["value"]
        except (KeyError, TypeError, ValueError):
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
        if (wanted, operator) != (UNIQUE, "EQ"):
            return _error(400, "VALIDATION_ERROR", "There was a problem with the request.")
        known = list(self.items.items())[: len(self.items) - self.lag]
        results = [{"id": item["id"], "properties": {UNIQUE: name}} for name, item in known if name == value]
        return _json(200, {"total": len(results), "results": results})

    def by_hand(self, ticket: str, word: str) -> None:
        self._write(ticket, {"hs_pipeline_stage": word})

    def _read(self, body: Any) -> HttpResponse:
        """The vendor's pages on batches: at most a hundred; what there is not is an error beside the others (207)."""
        if body.keys() != {"properties", "inputs"} or not 0 < len(body["inputs"]) <= 100:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
        wanted = [one["id"] for one in body["inputs"]]
        results = [
            {"id": item["id"], "properties": {name: self._property(item, name) for name in body["properties"]}}
            for item in self.items.values()
            if item["id"] in wanted
        ]
        missing = [{"category": "OBJECT_NOT_FOUND"}] * (len(wanted) - len(results))
        return _json(207 if missing else 200, {"status": "COMPLETE", "results": results, "errors": missing})

    def _property(self, item: Mapping[str, Any], name: str) -> Any:
        return stamp(item) if name == "hs_lastmodifieddate" else item["fields"].get(name)

    def _update(self, external_id: str, body: Any) -> HttpResponse:
        ticket = next((name for name, item in self.items.items() if item["id"] == external_id), None)
        if ticket is None:
            return _error(404, "OBJECT_NOT_FOUND", "resource not found")
        if not isinstance(body, dict) or body.keys() != {"properties"}:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
        refusal = self._refusal(body["properties"])
        if refusal is not None:
            return refusal
        self._write(ticket, body["properties"])
        return _json(200, {"id": external_id, "properties": body["properties"]})

    def _refusal(self, properties: Any) -> HttpResponse | None:
        """contracts §2.7: 400 VALIDATION_ERROR, which is permanent."""
        if not isinstance(properties, dict) or not properties.keys() <= self.properties:
            return _error(400, "VALIDATION_ERROR", "Property does not exist")
        stages = STAGES.get(str(properties.get("hs_pipeline")), ())
        if properties.get("hs_pipeline_stage") not in stages:
            return _error(400, "VALIDATION_ERROR", "The stage is not in the pipeline")
        if properties.get("hs_ticket_priority") not in PRIORITIES:
            return _error(400, "VALIDATION_ERROR", "The priority is not one of the options")
        return None

    def _write(self, ticket: str, properties: Mapping[str, Any]) -> None:
        item = self.items[ticket]
        item["fields"].update(properties)
        item["status"] = item["fields"]["hs_pipeline_stage"]
        item["history"].append(item["status"])
        item["changed"] = datetime.now(timezone.utc)


def _association_refusal(associations: Any) -> HttpResponse | None:
    """contracts §2.7: {"to": {"id"}, "types": [{"associationCategory", "associationTypeId"}]}."""
    for one in associations:
        (kind,) = one["types"]
        if kind["associationCategory"] != "HUBSPOT_DEFINED" or not one["to"]["id"].isdigit():
            return _error(400, "VALIDATION_ERROR", "The association is not valid")
    return None


def _json(status: int, value: Any) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


def _error(status: int, category: str, message: str, **more: Any) -> HttpResponse:
    return _json(status, {"status": "error", "message": message, "correlationId": "c-1", "category": category, **more})
