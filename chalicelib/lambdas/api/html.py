"""How a page for people is answered: in their language, and as a page whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from chalice.app import Request, Response

from chalicelib.errors import EcholoopError, NotFound, Rejected
from chalicelib.lambdas.api import http

BUSY_S: Final = "5"


class Page(Protocol):
    """A module of ``chalicelib.pages``. Its headers hold the hash of its style."""

    @property
    def HEADERS(self) -> Mapping[str, str]: ...  # noqa: N802 - a constant of the module

    def refusing(self, what: str, lang: str) -> str:
        """The page of what leads nowhere: ``gone``, ``busy`` or ``unread``."""


def html(page: Page, status: int, body: str, more: Mapping[str, str] | None = None) -> Response:
    return Response(str(body), headers={**page.HEADERS, **(more or {})}, status_code=status)


def answered(request: Request, page: Page, view: Callable[[str], Response]) -> Response:
    """What ``view`` answers in the reader's language."""
    from chalicelib.pages.words import language

    lang = language(http.query(request).get("lang"), http.headers(request).get("accept-language", ""))
    try:
        return view(lang)
    except NotFound as error:
        http.line().note(code=error.code)
        return html(page, 404, page.refusing("gone", lang))
    except Rejected as error:
        http.line().note(code=error.code)
        return html(page, error.status, page.refusing("unread", lang))
    except EcholoopError as error:
        http.line().note(code=error.code)
        return html(page, 503, page.refusing("busy", lang), {"Retry-After": BUSY_S})
