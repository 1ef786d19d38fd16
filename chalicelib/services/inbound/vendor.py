"""The vendor's API as one connection may use it: its credentials, within its limits, through the one HTTP door."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Protocol
from urllib.parse import urlencode

from chalicelib.domain import ids
from chalicelib.domain.outbound.delivery import LONGEST_HINT, retry_after
from chalicelib.domain.outbound.exchange import EgressError, HttpResponse
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import Connection, VendorSecret
from chalicelib.errors import Gone, Parked, Retryable
from chalicelib.services.ports import Clock

FRESH: Final = 5.0  # seconds that credentials may be old
PATIENCE: Final = 20.0  # seconds that one client may wait for its turn, all calls together
LARGEST_ANSWER: Final = 4 * 1024 * 1024  # bytes
CREDENTIALS_MISSING: Final = "credentials_missing"
UNKNOWN_ANSWER: Final = "vendor_answer_unknown"


class Door(Protocol):
    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Raises EgressError."""


class Windows(Protocol):
    def take(self, target: str, limits: Sequence[Limit], now: float, *, waited: bool, urgent: bool) -> float:
        """0 when a request may leave, else the seconds to come back in. See domain/outbound/ratelimit.py."""

    def close(self, target: str, now: float, until: float) -> None:
        """Let nobody through before ``until`` (epoch seconds)."""


class VendorSecrets(Protocol):
    def get(self, record_id: str, *, within: float = ...) -> VendorSecret | None: ...


class ApiSource(Protocol):
    """What a client asks of a source, see ``sources/base.py``."""

    @property
    def host(self) -> str: ...

    @property
    def api_limits(self) -> tuple[Limit, ...]: ...

    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]: ...

    def verdict(self, status: int, answer: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class VendorApis:
    """Makes clients. ``pause`` waits so many seconds; ``monotonic`` gives seconds for durations."""

    door: Door
    windows: Windows
    secrets: VendorSecrets
    clock: Clock
    pause: Callable[[float], None]
    monotonic: Callable[[], float]

    def __call__(self, connection: Connection, source: ApiSource, *, waited: bool = False) -> VendorClient:
        """A client for one message; ``waited``: it was told to come back now. Raises Parked (``credentials_missing``).

        Else it would be sent behind those turned away after it, again and again.
        """
        secret = self.secrets.get(connection.id, within=FRESH)
        try:
            headers = source.api_headers(secret.credentials if secret else {})
        except KeyError:
            raise Parked("The connection has no credentials for the API.", code=CREDENTIALS_MISSING) from None
        host = str(connection.settings.get("api_host") or source.host).rstrip("/")
        base = host if "://" in host else f"https://{host}"
        target = ids.digest("vendor", base, *(part for pair in sorted(headers.items()) for part in pair))
        return VendorClient(self, source, base, headers, target, self.monotonic() + PATIENCE, waited)


@dataclass(slots=True)
class VendorClient:
    """``VendorApi`` of ``sources/base.py``. Two connections with one key share one limit: ``target`` is of the key."""

    apis: VendorApis
    source: ApiSource
    base: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    target: str
    until: float  # monotonic seconds: longer it does not wait for its turn
    waited: bool = False  # its turn has come: what it asks further is part of that

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""), b"")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("POST", path, compact(body))

    def _ask(self, method: str, path: str, body: bytes) -> Any:
        if not path.startswith("/") or {".", ".."} & set(path.partition("?")[0].split("/")):
            # An id out of an event that nobody signed must not lead to another place of the API, nor to another host.
            raise Parked("An id is no part of a path.", code="vendor_bad_id")
        self._wait_for_turn()
        own = {"Accept": "application/json", **({"Content-Type": "application/json"} if body else {})}
        try:
            response = self.apis.door.send(method, self.base + path, {**own, **self.headers}, body)
        except EgressError as error:
            if error.code == "url_not_allowed":
                raise Parked("The API's address is not allowed.", code=error.code) from None
            raise
        answer = _decoded(response)
        verdict = self.source.verdict(response.status, answer)
        if verdict != "ok":
            self._refuse(verdict, response)
        if response.truncated:
            raise Parked("The answer is too large.", code="vendor_answer_too_large")
        if answer is None:
            raise Retryable("The answer cannot be read.", code="vendor_unreadable")
        return answer

    def _wait_for_turn(self) -> None:
        """The limit's log decides; a short wait is spent here, a long one is the message's."""
        limits = self.source.api_limits
        while limits:
            now = self.apis.clock().timestamp()
            wait = self.apis.windows.take(self.target, limits, now, waited=self.waited, urgent=False)
            if wait <= 0:
                break
            if self.apis.monotonic() + wait > self.until:
                raise Retryable("Others are using up the limit of this API.", code="vendor_limit", after=wait)
            self.apis.pause(wait)
            self.waited = True
        self.waited = True

    def _refuse(self, verdict: str, response: HttpResponse) -> NoReturn:
        if verdict == "gone":
            raise Gone("The API does not know it.")
        if verdict == "retry":
            code = "vendor_unavailable" if response.status >= 500 else "vendor_limit"
            now = self.apis.clock()
            after = retry_after(response.headers.get("retry-after"), now)
            if after and self.source.api_limits:  # whoever shares the key asks no sooner either
                until = now.timestamp() + min(after, LONGEST_HINT)
                self.apis.windows.close(self.target, now.timestamp(), until)
            raise Retryable("The API asks for patience.", code=code, after=after)
        if response.status in (401, 403):
            raise Parked("The API refuses the credentials.", code="vendor_refused_credentials")
        raise Parked("The API refuses the request.", code="vendor_refused")


def compact(document: Any) -> bytes:
    """JSON without blanks; half characters as escapes, which is how they came."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode("ascii")


def _decoded(response: HttpResponse) -> Any:
    """The answer's JSON; None where it is none, or not all of it is there."""
    if response.truncated:
        return None
    try:
        return json.loads(response.body, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return None


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
