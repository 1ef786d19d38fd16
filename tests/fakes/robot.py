"""A DingTalk group robot, as strict as contracts §2.2 says it is. It answers everything with HTTP 200."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse

MOST, WINDOW, PENALTY = 20, 60.0, 600.0  # contracts §2.2: 20 a minute, above that ten minutes closed
LONGEST = 20_000  # bytes, contracts §2.2
_ID = re.compile(r"al[_＿]([a-z0-9]+)")


@dataclass
class Robot:
    """``messages``: when each was shown, and its text. ``penalties``: how often somebody was over the limit."""

    clock: Callable[[], float]
    messages: list[tuple[float, str]] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    penalties: int = 0
    closed_until: float = 0.0
    errors: list[int] = field(default_factory=list)
    then: Callable[[int], HttpResponse | None] = lambda _: None  # what call number n is answered instead

    def answer(self, request: HttpRequest) -> HttpResponse:
        now = self.clock()
        self.calls.append(now)
        if now < self.closed_until:
            self.closed_until = now + PENALTY  # contracts §2.2: a retry storm prolongs it
            return self._error(410100, "throttled")
        if len([at for at in self.calls if at > now - WINDOW]) > MOST:
            self.penalties += 1
            self.closed_until = now + PENALTY
            return self._error(130101, "send too fast, exceed 20 times per minute")
        instead = self.then(len(self.calls))
        return instead if instead is not None else self._shown(now, request)

    def _shown(self, now: float, request: HttpRequest) -> HttpResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.method != "POST":
            return self._error(43002, "require POST method")
        if "application/json" not in headers.get("content-type", ""):
            return self._error(43004, "invalid content-type")
        if len(request.body) > LONGEST:
            return self._error(460101, "message too long")
        body = json.loads(request.body)
        if body.get("msgtype") not in ("markdown", "actionCard"):
            return self._error(400105, "unsupported msgtype")
        shown = body.get(body["msgtype"], {})
        if not shown.get("title") or not shown.get("text"):
            return self._error(40035, "missing parameter title or text")
        self.messages.append((now, shown["text"]))
        return _json({"errcode": 0, "errmsg": "ok"})

    def _error(self, code: int, message: str) -> HttpResponse:
        self.errors.append(code)
        return _json({"errcode": code, "errmsg": message})

    def send(self, method: str, url: str, headers: Any, body: bytes, *, within: float | None = None) -> HttpResponse:
        """The robot in the place of the door."""
        del within
        return self.answer(HttpRequest(method, url, headers, body))

    @property
    def named(self) -> list[list[str]]:
        """The alerts of each message, in its order."""
        return [[f"al_{one}" for one in _ID.findall(text)] for _, text in self.messages]

    @property
    def busiest(self) -> int:
        """The most calls in any sliding minute."""
        return max((sum(start <= at < start + WINDOW for at in self.calls) for start in self.calls), default=0)


def _json(value: Any) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


@dataclass
class FeishuRobot:
    """A Feishu group robot, contracts §2.4: five calls a second and a hundred a minute; HTTP 200 with a code."""

    clock: Callable[[], float]
    messages: list[tuple[float, str]] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    refused: int = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        now = self.clock()
        self.calls.append(now)
        if any(len([at for at in self.calls if at > now - span]) > most for most, span in ((5, 1.0), (100, 60.0))):
            self.refused += 1
            return _json({"code": 11232, "msg": "frequency limited"})
        if len(request.body) > LONGEST or json.loads(request.body).get("msg_type") != "interactive":
            self.refused += 1
            return _json({"code": 9499, "msg": "Bad Request"})
        self.messages.append((now, json.dumps(json.loads(request.body), ensure_ascii=False)))
        return _json({"code": 0, "msg": "success"})

    @property
    def named(self) -> list[list[str]]:
        return [[f"al_{one}" for one in _ID.findall(text)] for _, text in self.messages]
