"""DingTalk's approvals in memory, as strict as contracts §2.3 and the pages that it sums up say they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.dingtalk_approval.profile import PROFILE

INSTANCES = "/v1.0/workflow/processInstances"
CREATED = {"originatorUserId", "processCode", "deptId", "formComponentValues", "approvers"}  # contracts §2.3
ACTIONS = ("AND", "OR", "NONE")
TICKET_FIELD = "工单"  # the form's field that holds our ticket in the profile's template


class Target:
    """``items``: ticket → instance. ``young``: an instance that began less than 15 seconds ago is not taken back."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self.items: dict[str, dict[str, Any]] = {}
        self.token = ""
        self.tokens = 0
        self.made = 0
        self.young = False
        self.throttled = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        path = urlsplit(request.url).path
        body = json.loads(request.body) if request.body else {}
        if (request.method, path) == ("POST", "/v1.0/oauth2/accessToken"):
            return self._token(body)
        # contracts §2.3: the token goes in a header; a wrong one is HTTP 400, not 401.
        if not self.token or request.headers.get("x-acs-dingtalk-access-token") != self.token:
            return _error(400, "InvalidAuthentication", "不合法的access_token")
        if self.throttled:
            self.throttled -= 1  # the pages on approvals: too many calls of one company
            return _error(400, "oaplus.query.limit", "请求过于频繁，稍后重试")
        if (request.method, path) == ("GET", INSTANCES):
            return self._show(parse_qs(urlsplit(request.url).query)["processInstanceId"][0])
        if (request.method, path) == ("POST", INSTANCES):
            return self._create(body)
        if (request.method, path) == ("POST", f"{INSTANCES}/comments"):
            return self._comment(body)
        if (request.method, path) == ("POST", f"{INSTANCES}/terminate"):
            return self._terminate(body)
        return _error(404, "InvalidAction.NotFound", "Specified api is not found")

    def finish(self, ticket: str) -> None:
        """Somebody has approved it."""
        self.by_hand(ticket, "COMPLETED")

    def by_hand(self, ticket: str, word: str) -> None:
        self._moved(self.items[ticket], word)

    def _show(self, name: str) -> HttpResponse:
        """contracts §2.3: GET as the way back without events."""
        instance = next((one for one in self.items.values() if one["id"] == name), None)
        if instance is None:
            return _error(400, "aflowProcessInstNotExist", "审批实例不存在")
        told = {"status": instance["status"], "result": "agree" if instance["status"] == "COMPLETED" else ""}
        if instance["status"] != "RUNNING":
            told["finishTime"] = instance["changed"].strftime("%Y-%m-%dT%H:%MZ")
        return _json(200, {"success": True, "result": told})

    def _token(self, body: Any) -> HttpResponse:
        """contracts §2.3: appKey and appSecret give a token of 7,200 seconds."""
        if body != {"appKey": self.credentials["app_key"], "appSecret": self.credentials["app_secret"]}:
            return _error(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        self.tokens += 1
        self.token = f"CANARY-token-{self.tokens}"
        return _json(200, {"accessToken": self.token, "expireIn": 7200})

    def _create(self, body: Any) -> HttpResponse:
        """contracts §2.3: no key, so the same call twice makes two instances."""
        if not isinstance(body, dict) or not body.keys() <= CREATED or not body.get("originatorUserId"):
            return _error(400, "invalidParameter", "发起审批实例参数错误")
        if body.get("processCode") != self.settings["process_code"]:
            return _error(400, "processCodeNotExist", "审批模板不存在")
        names = set(self.settings["templates"])
        values = body.get("formComponentValues")
        if not values or any(one.keys() != {"name", "value"} or one["name"] not in names for one in values):
            return _error(400, "invalidFormComponent", "表单控件不存在")
        if not all(isinstance(one["value"], str) for one in values):
            return _error(400, "invalidParameter", "value must be a string")
        for group in body.get("approvers", ()):
            if group["actionType"] not in ACTIONS or (group["actionType"] == "NONE") != (len(group["userIds"]) == 1):
                return _error(400, "invalidApprovers", "审批人参数错误")
        self.made += 1
        instance = {"id": f"9Qgx5QqjR7axMw{self.made:04d}", "status": "RUNNING", "history": ["RUNNING"], "comments": []}
        ticket = next(one["value"] for one in values if one["name"] == TICKET_FIELD)
        assert ticket not in self.items, "a duplicate"
        self.items[ticket] = instance
        return _json(200, {"instanceId": instance["id"]})

    def _comment(self, body: Any) -> HttpResponse:
        if body.keys() != {"processInstanceId", "text", "commentUserId"}:
            return _error(400, "invalidParameter", "添加审批评论参数错误")
        instance = self._instance(body)
        if instance is None:
            return _error(400, "aflowProcessInstNotExist", "审批实例不存在")
        instance["comments"].append(body["text"])
        return _json(200, {"result": True, "success": True})

    def _terminate(self, body: Any) -> HttpResponse:
        """Only a running instance is taken back, and not in its first 15 seconds."""
        if not body.keys() <= {"processInstanceId", "isSystem", "operatingUserId", "remark"}:
            return _error(400, "invalidParameter", "撤销审批实例参数错误")
        instance = self._instance(body)
        if instance is None:
            return _error(400, "aflowProcessInstNotExist", "审批实例不存在")
        if body.get("isSystem") is not True and not body.get("operatingUserId"):
            return _error(400, "invalidInstanceTerminateOperatingUserId", "操作人的userId不能为空")
        if self.young:
            return _error(400, "aflowProcessInstStatusException", "提交审批后 15 秒内不允许撤销")
        if instance["status"] != "RUNNING":
            return _error(400, "aflowProcessInstStatusException", "审批单已结束")
        self._moved(instance, "TERMINATED")
        return _json(200, {"result": True, "success": True})

    def _instance(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        return next((one for one in self.items.values() if one["id"] == body["processInstanceId"]), None)

    def _moved(self, instance: dict[str, Any], status: str) -> None:
        instance["status"] = status
        instance["history"].append(status)
        instance["changed"] = datetime.now(timezone.utc)


def _json(status: int, value: Any) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


def _error(status: int, code: str, message: str) -> HttpResponse:
    """contracts §2.3: HTTP 4xx or 5xx with code, message and requestid."""
    return _json(status, {"code": code, "message": message, "requestid": "R"})
