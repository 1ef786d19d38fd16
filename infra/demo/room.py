"""A DingTalk group with a robot in it: what the robot was told to say, as the group sees it.

It checks the robot's signature and keeps DingTalk's limit of 20 messages in a minute; errors are HTTP 200 with an
``errcode``, as DingTalk's are.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST = 20  # messages in WINDOW
WINDOW = 60.0  # seconds
FRESH = 3_600.0  # seconds that a signature is good for
MAX_BODY = 20_000  # bytes

Json = dict[str, Any]


class Room:
    """``folder`` holds ``endpoint.json``, whose part ``robot`` is the robot's, and ``room.json``, its memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._said: list[Json] = []
        with contextlib.suppress(FileNotFoundError, ValueError):
            self._said = json.loads((folder / "room.json").read_text("utf-8"))

    def said(self) -> list[Json]:
        """A copy of what the robot said, the newest first: {"at", "title", "text", "link", "label"}."""
        with self._lock:
            return [dict(one) for one in reversed(self._said)]

    def answer(self, query: Mapping[str, str], body: bytes) -> Json:
        """What DingTalk answers, always with HTTP 200."""
        robot = json.loads((self._folder / "endpoint.json").read_text("utf-8"))["robot"]
        if query.get("access_token") != robot["access_token"]:
            return _error(300005, "token is not exist")
        if not _fits(query, robot["secret"]):
            return _error(310000, "sign not match")
        message = _message(body)
        if message is None:
            return _error(40035, "missing parameter")
        now = time.time()
        with self._lock:
            if sum(now - one["at"] < WINDOW for one in self._said) >= MOST:
                return _error(130101, "send too fast, exceed 20 times per minute")
            self._said.append({"at": now, **message})
            (self._folder / "room.json").write_text(json.dumps(self._said, ensure_ascii=False), "utf-8")
        return {"errcode": 0, "errmsg": "ok"}


def _fits(query: Mapping[str, str], secret: str) -> bool:
    """Base64 HMAC-SHA256 of "time (ms), line feed, secret" under the secret, not older than an hour."""
    timestamp = query.get("timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp) / 1_000) > FRESH:
        return False
    made = base64.b64encode(hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), "sha256")).decode()
    return hmac.compare_digest(made.encode(), query.get("sign", "").encode())


def _message(body: bytes) -> Json | None:
    """Markdown, or a card with one button; None for what the robot was not asked to say in the demo."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        given = json.loads(body)
        kind = given["msgtype"]
        if kind in ("markdown", "actionCard") and len(body) <= MAX_BODY:
            shown = given[kind]
            link = {"link": shown.get("singleURL", ""), "label": shown.get("singleTitle", "")}
            return {"title": str(shown["title"]), "text": str(shown["text"]), **link}
    return None


def _error(code: int, message: str) -> Json:
    return {"errcode": code, "errmsg": message}
