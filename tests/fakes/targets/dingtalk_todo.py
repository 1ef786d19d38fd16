"""DingTalk's todos in memory, as strict as contracts §2.3 and the pages that it sums up say they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.dingtalk_todo.profile import PROFILE

CHANGED = {"subject", "description", "dueTime", "done", "executorIds", "participantIds"}  # updates-dingtalk-to-do-tasks
CREATED = (CHANGED - {"done"}) | {
    "sourceId",
    "creatorId",
    "detailUrl",
    "priority",
    "isOnlyShowExecutor",
    "contentFieldList",
}
LONGEST = {"subject": 1_024, "description": 4_096}  # characters, add-dingtalk-to-do-task


class Target:
    """``items``: ticket → todo. ``throttled``: how many of the next calls are over DingTalk's limit."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
    ) -> None:
        self.operator = settings["operator"]
        self.credentials = credentials
        self.items: dict[str, dict[str, Any]] = {}
        self.token = ""
        self.tokens = 0
        self.made = 0
        self.throttled = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        body = json.loads(request.body) if request.body else None
        if (request.method, parts.path) == ("POST", "/v1.0/oauth2/accessToken"):
            return self._token(body)
        # contracts §2.3: the token goes in a header; a wrong one is HTTP 400, not 401.
        if not self.token or request.headers.get("x-acs-dingtalk-access-token") != self.token:
            return _error(400, "InvalidAuthentication", "不合法的access_token")
        if self.throttled:
            self.throttled -= 1  # contracts §2.3: throttling codes are tried again
            return _error(403, "Forbidden.AccessDenied.QpsLimitForApi", "qps limit")
        # contracts §2.3: all ids are unionIds, and the operator is the todo's owner.
        found = re.fullmatch(rf"/v1\.0/todo/users/{self.operator}/tasks(?:/(sources/)?([^/]+))?", parts.path)
        if found is None:
            return _error(404, "InvalidAction.NotFound", "Specified api is not found")
        by_source, name = found[1], unquote(found[2] or "")
        if request.method == "GET" and by_source:
            return self._find(name)
        if request.method == "GET" and name:
            return self._show(name)
        if parse_qs(parts.query).get("operatorId") != [self.operator]:
            return _error(400, "MissingoperatorId", "operatorId is mandatory")
        if request.method == "POST" and not name:
            return self._create(body)
        if request.method == "PUT" and name and not by_source:
            return self._update(name, body)
        return _error(404, "InvalidAction.NotFound", "Specified api is not found")

    def _token(self, body: Any) -> HttpResponse:
        """contracts §2.3: appKey and appSecret give a token of 7,200 seconds."""
        given = {"appKey": self.credentials["app_key"], "appSecret": self.credentials["app_secret"]}
        if body != given:
            return _error(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        self.tokens += 1
        self.token = f"CANARY-token-{self.tokens}"
        return _json(200, {"accessToken": self.token, "expireIn": 7200})

    def _create(self, body: Any) -> HttpResponse:
        refusal = self._refusal(body, CREATED, "todo.taskCreate.paramError")
        if refusal is not None:
            return refusal
        # add-dingtalk-to-do-task: since 2024-02-01 no todo without a page of its own.
        if not isinstance(body.get("detailUrl"), dict) or body["detailUrl"].keys() != {"appUrl", "pcUrl"}:
            return _error(400, "todo.taskCreate.paramError", "detailUrl is empty")
        if body.get("priority") not in (10, 20, 30, 40):
            return _error(400, "todo.taskCreate.paramError", "priority is invalid")
        if any(one["sourceId"] == body["sourceId"] for one in self.items.values()):
            # contracts §2.3 (K), add-dingtalk-to-do-task: one todo for one sourceId.
            return _error(400, "todo.taskCreate.paramError", "task exist")
        self.made += 1
        todo = {"id": f"task{self.made:020d}", "sourceId": body["sourceId"], "status": "open", "history": ["open"]}
        self.items[re.sub(r"-[0-9]+$", "", body["sourceId"])] = {**todo, "fields": body}
        return _json(200, {"id": todo["id"], "sourceId": todo["sourceId"], "done": False, "requestId": "R"})

    def _find(self, source: str) -> HttpResponse:
        """GetTodoTaskBySourceId of DingTalk's own library; what there is not is not an empty success."""
        for todo in self.items.values():
            if todo["sourceId"] == source:
                return _json(200, {"id": todo["id"], "sourceId": source, "requestId": "R"})
        return _error(400, "todo.taskQuery.paramError", "task not exist")

    def by_hand(self, ticket: str, word: str) -> None:
        todo = self.items[ticket]
        todo["status"], todo["changed"] = word, datetime.now(timezone.utc)

    def _show(self, name: str) -> HttpResponse:
        """contracts §2.3: the state of a todo by GET (recalled)."""
        todo = next((one for one in self.items.values() if one["id"] == name), None)
        if todo is None:
            return _error(400, "todo.taskQuery.paramError", "task not exist")
        changed = int(todo.get("changed", datetime.now(timezone.utc)).timestamp() * 1000)
        return _json(200, {"id": name, "done": todo["status"] == "done", "modifiedTime": changed, "requestId": "R"})

    def _update(self, name: str, body: Any) -> HttpResponse:
        todo = next((one for one in self.items.values() if one["id"] == name), None)
        if todo is None:
            return _error(400, "todo.taskUpdate.paramError", "task not exist")
        refusal = self._refusal(body, CHANGED, "todo.taskUpdate.paramError")
        if refusal is not None:
            return refusal
        todo["fields"].update(body)
        todo["status"] = "done" if body.get("done") else "open"
        todo["history"].append(todo["status"])
        return _json(200, {"result": True, "requestId": "R"})

    def _refusal(self, body: Any, known: set[str], code: str) -> HttpResponse | None:
        if not isinstance(body, dict) or not body.keys() <= known or not body.get("subject"):
            return _error(400, code, code)
        for name, longest in LONGEST.items():
            if len(body.get(name, "")) > longest:
                return _error(400, code, f"{name} is oversize")
        if len(body.get("executorIds", ())) > 100:
            return _error(400, code, "executors is oversize")
        if not isinstance(body.get("dueTime", 0), int):
            return _error(400, code, "dueTime is invalid")
        return None


def _json(status: int, value: Any) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


def _error(status: int, code: str, message: str) -> HttpResponse:
    """contracts §2.3: HTTP 4xx or 5xx with code, message and requestid."""
    return _json(status, {"code": code, "message": message, "requestid": "R"})
