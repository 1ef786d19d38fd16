"""A page for people: answered in their language, as a page whatever goes wrong; and what its form says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol
from urllib.parse import parse_qsl

from chalice.app import Request, Response

from chalicelib.errors import EcholoopError, Invalid, NotFound, Rejected, TooLarge, UnsupportedMedia
from chalicelib.lambdas.api import http

BUSY_S: Final = "5"
FORM: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 64 * 1024  # of a form; its texts take at most 2,000 characters each
MOST_FIELDS: Final = 20


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


def form_fields(request: Request) -> dict[str, str]:
    """The fields of a form that a page has sent. Raises UnsupportedMedia, TooLarge, Malformed, Invalid."""
    if http.headers(request).get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise UnsupportedMedia("A form is needed.", code="unsupported_media_type")
    raw = http.raw_body(request)
    if len(raw) > MOST_BYTES:
        raise TooLarge("The form is too large.")
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Invalid("The form cannot be read.") from None
