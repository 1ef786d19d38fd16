"""The access token of an endpoint: one for all workers, replaced in time, and by one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeGuard

from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.exchange import DELIVERED, RETRY, UNREADABLE, HttpRequest, HttpResponse, Outcome
from chalicelib.domain.outbound.item import TOKEN_EXPIRED, Access, KeptToken, Token
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.services.inbound.vendor_calls import Answer, Calls, Stop, later
from chalicelib.services.ports import Clock

LEASE: Final = timedelta(seconds=15)  # longer than one attempt's deadline
TOKEN_BUSY: Final = "token_busy"  # noqa: S105  (a code)
AGAIN: Final = 2.0  # seconds until one looks again whether another worker has got the token
FETCH: Final = "token"


class Tokens(Protocol):
    """See storage/outbound/items.py."""

    def get(self, workspace: str, endpoint: str) -> KeptToken | None: ...

    def lease(self, workspace: str, endpoint: str, *, now: datetime, until: datetime) -> bool: ...

    def put(self, workspace: str, endpoint: str, kept: KeptToken) -> None: ...

    def release(self, workspace: str, endpoint: str) -> None: ...


class Authoriser(Protocol):
    """The part of a connector that gets in."""

    def authorise(self, access: Access, now: datetime) -> HttpRequest | None: ...

    def token(self, response: HttpResponse, now: datetime) -> Token | Outcome: ...


class AskedConnector(Authoriser, Protocol):
    """With what its answers mean."""

    def outcome(self, response: HttpResponse) -> Outcome: ...


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
        place = access.secret.workspace, access.secret.id
        opened_with = _opened_with(access.secret)
        kept = self.tokens.get(*place)
        if _is_fresh(kept, opened_with, refused, now):
            return kept.token.value
        if not self.tokens.lease(*place, now=now, until=now + LEASE):
            if _is_usable(kept, opened_with, refused, now):
                return kept.token.value
            raise later(TOKEN_BUSY, AGAIN)
        kept = self.tokens.get(*place)  # another worker may have got one between the look and the lease
        if _is_fresh(kept, opened_with, refused, now):
            self.tokens.release(*place)
            return kept.token.value
        try:
            token = _fetch(connector, request, calls, now)
        except Stop:
            self._leave(place, kept, refused, now)
            if not _is_usable(kept, opened_with, refused, now):
                raise
            return kept.token.value  # the one before is good for a while
        self.tokens.put(*place, KeptToken(token, token.refresh_at(self.clock()), opened_with))
        return token.value

    def _leave(self, place: tuple[str, str], kept: KeptToken | None, refused: str | None, now: datetime) -> None:
        """Nothing was fetched. A token that the target refuses is over: the next attempt begins with asking for one,
        and does not spend the one call that a narrow limit lets through on being refused again.
        """
        if kept is not None and kept.token.value == refused:
            self.tokens.put(*place, replace(kept, token=replace(kept.token, expires_at=now)))
        else:
            self.tokens.release(*place)


@dataclass(frozen=True, slots=True)
class AuthorisedCalls:
    """The calls of one attempt, each with a token in force. ``access`` gives what a call with that token is made with.

    ``seen``: tokens that an answer may echo.
    """

    keep_token: KeepToken
    connector: AskedConnector
    calls: Calls
    access: Callable[[str | None], Access]
    seen: list[str] = field(default_factory=list, repr=False)

    def __call__(
        self, step: str, build: Callable[[Access], HttpRequest | None], *, before: Callable[[], None] | None = None
    ) -> Answer | None:
        """One call, and once more if the target has dropped the token; None for no request.

        ``before`` runs when the call may leave and before it does. Raises Stop, Rejected.
        """
        token = self._token()
        answer = self._send(step, build, token, before)
        if token is None or answer is None or answer.outcome.code != TOKEN_EXPIRED:
            return answer
        return self._send(step, build, self._token(refused=token), before)

    def _send(
        self,
        step: str,
        build: Callable[[Access], HttpRequest | None],
        token: str | None,
        before: Callable[[], None] | None,
    ) -> Answer | None:
        request = build(self.access(token))
        if request is None:
            return None
        self.calls.admit()
        if before is not None:
            before()
        return self.calls.send(step, request, self.connector.outcome)

    def _token(self, *, refused: str | None = None) -> str | None:
        token = self.keep_token(self.connector, self.access(None), self.calls, refused=refused)
        if token is not None:
            self.seen.append(token)
        return token


def _fetch(connector: Authoriser, request: HttpRequest, calls: Calls, now: datetime) -> Token:
    got: list[Token] = []

    def judge(response: HttpResponse) -> Outcome:
        answer = connector.token(response, now)
        if isinstance(answer, Outcome):  # an answer without a token is no success, whatever code it has
            return Outcome(RETRY, UNREADABLE) if answer.verdict == DELIVERED else answer
        if not (answer.value.isascii() and answer.value.isprintable()):  # no header field could hold it
            return Outcome(RETRY, UNREADABLE)
        got.append(answer)
        return Outcome(DELIVERED)

    calls.admit()
    answer = calls.send(FETCH, request, judge)
    if not got:
        raise Stop(answer.outcome)
    return got[0]


def _is_usable(kept: KeptToken | None, opened_with: str, refused: str | None, now: datetime) -> TypeGuard[KeptToken]:
    return (
        kept is not None
        and kept.opened_with == opened_with
        and kept.token.value != refused
        and now < kept.token.expires_at
    )


def _is_fresh(kept: KeptToken | None, opened_with: str, refused: str | None, now: datetime) -> TypeGuard[KeptToken]:
    """Usable, and not to be replaced yet."""
    return _is_usable(kept, opened_with, refused, now) and now < kept.refresh_at


def _opened_with(secret: EndpointSecret) -> str:
    """Changes with the credentials: a token of the old ones opens what may be somebody else's account."""
    pairs = (part for name, value in sorted(secret.credentials.items()) for part in (name, value))
    return digest("opened_with", secret.url, secret.secret or "", *pairs)
