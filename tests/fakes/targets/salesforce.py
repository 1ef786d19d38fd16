"""The REST API of one Salesforce organisation in memory, as strict as contracts §2.6 says it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.salesforce.profile import PROFILE

DATA = "/services/data/v61.0/sobjects/Case/"  # contracts §2.6: the API's version and the object
STATUSES = ("New", "Working", "Escalated", "Closed")
PRIORITIES = ("Low", "Medium", "High")
LONGEST = {"Subject": 255, "Description": 32_000}  # characters; contracts §2.6 for the description


class Target:
    """``items``: ticket → record. ``quota``: calls that are left of the 24 hours (contracts, "at a glance")."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
        quota: int = 100_000,
        *,
        speaks_of_updates: bool = True,
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self.quota = quota
        self.speaks_of_updates = speaks_of_updates  # newer versions answer an upsert that updates with a body
        self.fields = {"Subject", "Description", "Origin", "Priority", "Status", "ContactId"}
        self.fields |= {settings["version_field"]} if settings.get("version_field") else set()
        self.fields |= set(settings.get("templates", ()))
        self.items: dict[str, dict[str, Any]] = {}
        self.locked: set[str] = set()  # tickets whose record somebody else is at
        self.sessions: list[str] = []
        self.valid: set[str] = set()

    def answer(self, request: HttpRequest) -> HttpResponse:
        path = urlsplit(request.url).path
        if path == "/services/oauth2/token":
            return self._token(request)
        # contracts §2.6: a session that is none answers 401 INVALID_SESSION_ID.
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self.valid:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        # contracts §2.6: 403 REQUEST_LIMIT_EXCEEDED once the quota is used up.
        if self.quota <= 0:
            return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.quota -= 1
        if (request.method, path) == ("GET", "/services/data/v61.0/query"):
            return self._query(parse_qs(urlsplit(request.url).query)["q"][0])
        if request.method != "PATCH" or not path.startswith(DATA):
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        try:
            record = json.loads(request.body)
        except ValueError:
            return _error(400, "JSON_PARSER_ERROR", "Unexpected character")
        return self._patch(path.removeprefix(DATA).split("/"), record)

    def by_hand(self, ticket: str, word: str) -> None:
        self._write(ticket, {"Status": word})

    def _query(self, soql: str) -> HttpResponse:
        """One kind of query: fields of cases whose external id is in a list. Unknown fields are refused."""
        found = re.fullmatch(r"SELECT ([\w,]+) FROM Case WHERE (\w+) IN \(('\w+'(?:,'\w+')*)\)", soql)
        if found is None or found[2] != self.settings["external_id_field"]:
            return _error(400, "MALFORMED_QUERY", "unexpected token")
        names, wanted = found[1].split(","), [one.strip("'") for one in found[3].split(",")]
        if not set(names) <= self.fields | {"Id", "LastModifiedDate", found[2]}:
            return _error(400, "INVALID_FIELD", "No such column on entity 'Case'")
        records = [self._record(ticket, names) for ticket in self.items if ticket in wanted]
        return _json(200, {"totalSize": len(records), "done": True, "records": records})

    def _record(self, ticket: str, names: list[str]) -> dict[str, Any]:
        item = self.items[ticket]
        changed = item["changed"].strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        own = {"Id": item["id"], "LastModifiedDate": changed, self.settings["external_id_field"]: ticket}
        return {name: own.get(name, item["fields"].get(name)) for name in names}

    def expire(self) -> None:
        """Every session given out so far ends."""
        self.valid.clear()

    def _token(self, request: HttpRequest) -> HttpResponse:
        """contracts §2.6: OAuth with client credentials; OAuth errors are an object, not an array."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.headers.get("Content-Type") != "application/x-www-form-urlencoded" or request.method != "POST":
            return _json(400, {"error": "invalid_request", "error_description": "must be form encoded"})
        if form.get("grant_type") != "client_credentials":
            return _json(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"})
        if {name: form.get(name) for name in self.credentials} != dict(self.credentials):
            return _json(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        token = f"00D000000000001!CANARY.session.{len(self.sessions) + 1}"
        self.sessions.append(token)
        self.valid.add(token)
        return _json(200, {"access_token": token, "instance_url": PROFILE.url, "token_type": "Bearer"})

    def _patch(self, places: list[str], record: Any) -> HttpResponse:
        refusal = self._refusal(record)
        if refusal is not None:
            return refusal
        if len(places) == 2 and places[0] == self.settings["external_id_field"]:
            return self._upsert(unquote(places[1]), record)
        ticket = next((name for name, item in self.items.items() if [item["id"]] == places), None)
        if ticket is None:
            return _error(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible")
        return self._write(ticket, record) or HttpResponse(204, self._headers())

    def _upsert(self, ticket: str, record: dict[str, Any]) -> HttpResponse:
        """contracts §2.6: 201 created, 200 (older: 204) updated; the same call twice makes one record."""
        known = self.items.get(ticket)
        if known is not None:
            refused = self._write(ticket, record)
            if refused is not None:
                return refused
            if not self.speaks_of_updates:
                return HttpResponse(204, self._headers())
            return _json(200, {"id": known["id"], "success": True, "errors": [], "created": False}, self._headers())
        if "Subject" not in record:  # a validation rule of this organisation
            return _error(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Subject]", ["Subject"])
        external_id = f"500000000000{len(self.items) + 1:06d}"
        self.items[ticket] = {"id": external_id, "fields": {}, "history": []}
        self._write(ticket, record)
        return _json(201, {"id": external_id, "success": True, "errors": [], "created": True}, self._headers())

    def _refusal(self, record: Any) -> HttpResponse | None:
        """contracts §2.6: errors are an array of {errorCode, message, fields}."""
        if not isinstance(record, dict):
            return _error(400, "JSON_PARSER_ERROR", "The HTTP entity body is required")
        for name, value in record.items():
            # The field in the path may not be repeated in the body.
            if name not in self.fields or name in ("Id", self.settings["external_id_field"]):
                return _error(400, "INVALID_FIELD", "No such column on sobject of type Case", [name])
            if isinstance(value, str) and len(value) > LONGEST.get(name, 255):
                return _error(400, "STRING_TOO_LONG", "data value too large", [name])
        for name, allowed in (("Status", STATUSES), ("Priority", PRIORITIES)):
            if name in record and record[name] not in allowed:
                return _error(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "bad value for picklist", [name])
        return None

    def _write(self, ticket: str, record: Mapping[str, Any]) -> HttpResponse | None:
        if ticket in self.locked:
            return _error(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        item = self.items[ticket]
        item["fields"].update(record)
        item["status"] = item["fields"].get("Status")
        item["history"].append(item["status"])
        item["changed"] = datetime.now(timezone.utc)
        return None

    def _headers(self) -> dict[str, str]:
        return {"sforce-limit-info": f"api-usage={100_000 - self.quota}/100000"}  # contracts §2.6


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json", **(headers or {})}, json.dumps(value).encode())


def _error(status: int, code: str, message: str, fields: list[str] | None = None) -> HttpResponse:
    return _json(status, [{"errorCode": code, "message": message, "fields": fields or []}])
