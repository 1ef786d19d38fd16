"""The access token of an endpoint: one for all workers, replaced in time, and by one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.directory import EndpointSecret
from chalicelib.domain.ids import digest
from chalicelib.domain.item import Access, KeptToken, Token
from chalicelib.domain.outbound import DELIVERED, HttpRequest, HttpResponse, Outcome
from chalicelib.services.ports import Clock
from chalicelib.services.vendor_calls import Calls, Stop, later

LEASE: Final = timedelta(seconds=15)  # longer than one attempt's deadline
TOKEN_BUSY: Final = "token_busy"  # noqa: S105  (a code)
AGAIN: Final = 2.0  # seconds until one looks again whether another worker has got the token
FETCH: Final = "token"


class Tokens(Protocol):
    """See storage/items.py."""

    def get(self, workspace: str, endpoint: str) -> KeptToken | None: ...

    def lease(self, workspace: str, endpoint: str, *, now: datetime, until: datetime) -> bool: ...

    def put(self, workspace: str, endpoint: str, kept: KeptToken) -> None: ...

    def release(self, workspace: str, endpoint: str) -> None: ...


class Authoriser(Protocol):
    """The part of a connector that gets in."""

    def authorise(self, access: Access, now: datetime) -> HttpRequest | None: ...

    def token(self, response: HttpResponse, now: datetime) -> Token | Outcome: ...


@dataclass(frozen=True, slots=True)
class KeepToken:
    tokens: Tokens
    clock: Clock

    def __call__(
        self, connector: Authoriser, access: Access, calls: Calls, *, refused: str | None = None
    ) -> str | None:
        """A token that is in force; None where none is needed. ``refused``: the target has just turned this one away.

        Raises Stop when it cannot be had now, and Rejected for credentials that do not fit.
        """
        now = self.clock()
        request = connector.authorise(access, now)
        if request is None:
            return None
        workspace, endpoint = access.secret.workspace, access.secret.id
        opened_with = _opened_with(access.secret)
        kept = self.tokens.get(workspace, endpoint)
        usable = kept.token.value if kept is not None and _is_usable(kept, opened_with, refused, now) else None
        if kept is not None and usable is not None and now < kept.refresh_at:
            return usable
        if not self.tokens.lease(workspace, endpoint, now=now, until=now + LEASE):
            if usable is not None:
                return usable
            raise later(TOKEN_BUSY, AGAIN)
        try:
            token = _fetch(connector, request, calls, now)
        except Stop:
            self.tokens.release(workspace, endpoint)
            if usable is None:
                raise
            return usable  # the one before is good for a while
        self.tokens.put(workspace, endpoint, KeptToken(token, token.refresh_at(self.clock()), opened_with))
        return token.value


def _fetch(connector: Authoriser, request: HttpRequest, calls: Calls, now: datetime) -> Token:
    got: list[Token] = []

    def judge(response: HttpResponse) -> Outcome:
        answer = connector.token(response, now)
        if isinstance(answer, Outcome):
            return answer
        got.append(answer)
        return Outcome(DELIVERED)

    calls.admit()
    answer = calls.send(FETCH, request, judge)
    if not got:
        raise Stop(answer.outcome)
    return got[0]


def _is_usable(kept: KeptToken, opened_with: str, refused: str | None, now: datetime) -> bool:
    return kept.opened_with == opened_with and kept.token.value != refused and now < kept.token.expires_at


def _opened_with(secret: EndpointSecret) -> str:
    """Changes with the credentials: a token of the old ones opens what may be somebody else's account."""
    pairs = (part for name, value in sorted(secret.credentials.items()) for part in (name, value))
    return digest("opened_with", secret.url, secret.secret or "", *pairs)
