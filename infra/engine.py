"""The local AWS engine as a background process: one folder, one port, an environment of its own.

Its state is written on a clean stop alone, so nothing here ever kills it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REGION: Final = "us-east-1"
ACCESS_KEY: Final = "test"  # the engine's root
SECRET_KEY: Final = "test"  # noqa: S105 - not a secret: a fixed pair of the engine
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 60
_WORKERS: Final = "ministack-lambda-"
_SCRIPT: Final = Path(__file__).with_name("recording_engine.py")


class EngineError(Exception):
    """The engine did not come up or go down in time; the message names its log."""


@dataclass(slots=True)
class Engine:
    """One engine. ``home`` holds its state, its log and the folders of its workers."""

    port: int
    home: Path
    _process: subprocess.Popen[bytes] | None = None  # while this interpreter is the one that started it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and return when it answers. Raises EngineError."""
        if self.answers():
            raise EngineError(f"port {self.port} is in use; ECHOLOOP_PORT moves the stack to another")
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        self._replay_stream_from_the_start()
        self.calls.write_text("")
        with (self.home / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_SCRIPT)],
                cwd=self.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid_file.write_text(str(self._process.pid))
        until = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise EngineError(f"the engine did not start, see {self.home / 'engine.log'}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it cleanly, which saves its state, and remove what its workers unpacked. Raises EngineError."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + _STOP_SECONDS
            while self.pid() is not None:
                if time.monotonic() > until:
                    raise EngineError(f"the engine (process {pid}) is still saving its state")
                time.sleep(0.05)
            if self._process is not None:
                self._process.wait()
            self._pid_file.unlink(missing_ok=True)
        for folder in (self.home / "tmp").glob(f"{_WORKERS}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def answers(self) -> bool:
        """Whether something answers on the port."""
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def pid(self) -> int | None:
        """The engine's process, None when it does not run."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        # Another process may have the number by now, and one that ended may wait for its parent.
        alive = (
            process.pid == pid and _SCRIPT.name in process.command and not process.state.startswith("Z")
            for process in _processes()
        )
        return pid if any(alive) else None

    def worker_pids(self, function: str = "") -> list[int]:
        """The processes that run functions now; ``function`` is the end of a function's name, such as ``enrich``."""
        engine = self.pid()
        if engine is None:
            return []
        return [
            process.pid
            for process in _processes()
            if process.parent == engine and _WORKERS in process.command and f"{function}-" in process.command
        ]

    @property
    def calls(self) -> Path:
        """Which role called what since the engine was started, see recording_engine.py."""
        return self.home / "calls.jsonl"

    @property
    def _pid_file(self) -> Path:
        return self.home / "engine.pid"

    def _environment(self) -> dict[str, str]:
        """Nothing of the caller's but PATH: workers inherit it, and an exported endpoint would reach another stack."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.home / "tmp"),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.home / "state"),
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",  # it would bind the same port for every engine
            "LAMBDA_WARM_TTL_SECONDS": "86400",
            "CLOUDTRAIL_RECORDING": "1",
            "CLOUDTRAIL_MAX_EVENTS": "100000",
            "ECHOLOOP_CALLS": str(self.calls),
        }

    def _replay_stream_from_the_start(self) -> None:
        """Stream records do not survive a stop, the reader's position does: without this nothing would be relayed."""
        file = self.home / "state" / "lambda.json"
        if file.exists():
            state = json.loads(file.read_text())
            state["payload"]["dynamodb_stream_positions"]["data"] = {}
            file.write_text(json.dumps(state))


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    state: str
    command: str


def _processes() -> Iterator[_Process]:
    """What runs on this machine; from /proc where there is one, because slim images have no ps."""
    if Path("/proc/self/stat").exists():
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # The name in brackets may hold anything; state and parent come after it.
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue  # it ended meanwhile
            yield _Process(int(folder.name), int(parent), state, command)
        return
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, parent, state, command = line.split(None, 3)
        yield _Process(int(pid), int(parent), state, command)
