"""Headless Chromium over its debugging pipe: a phone's screen, what it complained of, and a picture if wanted."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

CHROMIUM: Final = shutil.which("chromium")
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
)


class Tab:
    """One page at 390 × 844. ``complaints`` are errors and refusals that the browser has logged."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[Any] = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Network"):
            self.do(f"{domain}.enable")
        self.do("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)

    @property
    def complaints(self) -> list[str]:
        told = [
            event["params"] for event in self.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
        ]
        return [json.dumps(one, ensure_ascii=False) for one in told]

    @property
    def requests(self) -> list[str]:
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [str(one["request"]["url"]) for one in sent]

    def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        start = len(self.events)
        self.do("Page.navigate", url=url)
        self._until("Page.loadEventFired", start)

    def submit(self, expression: str) -> None:
        """Run what sends a form, and wait for the page that follows."""
        start = len(self.events)
        self.value(expression)
        self._until("Page.loadEventFired", start)

    def value(self, expression: str) -> Any:
        """What an expression comes to on the page."""
        return self.do("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.do("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def do(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _until(self, method: str, start: int) -> None:
        while not any(event["method"] == method for event in self.events[start:]):
            self.events.append(self._next())

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            got = os.read(self._reads, 65536)
            assert got, "the browser has gone"
            self._rest += got
        whole, _, self._rest = self._rest.partition(b"\0")
        return json.loads(whole)


@contextmanager
def phone(profile: Path) -> Iterator[Tab]:
    """A browser with one tab, ended afterwards."""
    assert CHROMIUM is not None
    theirs_in, ours_out = _pipe()
    ours_in, theirs_out = _pipe()
    child = os.posix_spawn(
        CHROMIUM,
        [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
        dict(os.environ),
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs_in, 3),
            (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Tab(ours_in, ours_out)
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        os.close(ours_in)
        os.close(ours_out)


def _pipe() -> tuple[int, int]:
    """Both ends well above 3 and 4, which are the browser's."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
