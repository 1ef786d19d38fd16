"""What every HTTP view shares: problem documents, the one log line, and reading a request.

Errors leave as RFC 9457 problem documents with a stable ``code``; nothing of the request is echoed.
"""

from __future__ import annotations

import binascii
import functools
import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

from chalice.app import Request, Response

from chalicelib.config import Settings
from chalicelib.errors import Malformed, Parked, Rejected, Retryable
from chalicelib.observability import Line

JSON: Final = "application/json"
# Chalice would answer 415 before anyone is authenticated, and not as a problem document: we check it ourselves.
ANY: Final = ["*/*"]
PROBLEM: Final = "application/problem+json"
RETRY_AFTER: Final = 5  # seconds, when the trouble is ours and named no wait of its own
_COMMON: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_line: ContextVar[Line] = ContextVar("line")


def line() -> Line:
    """The line of the running invocation, for counts and ids. Raises LookupError outside a guarded view."""
    return _line.get()


def json_response(status: int, body: Any, *, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer. ``headers`` add to the common ones."""
    return _response(status, body, JSON, headers or {})


def bytes_response(status: int, body: bytes, content_type: str) -> Response:
    """An answer in a vendor's own form: text in UTF-8, as it is."""
    return Response(
        body.decode("utf-8", "replace"), headers={"Content-Type": content_type, **_COMMON}, status_code=status
    )


def problem(error: BaseException) -> Response:
    """The problem document of an error. What is not ours becomes a 500 that says nothing."""
    headers: dict[str, str] = {}
    document: dict[str, Any] = {"type": "about:blank"}
    if isinstance(error, Rejected):
        status, code, detail = error.status, error.code, error.message
        if error.pointer is not None:
            document["pointer"] = error.pointer
        if error.allowed:
            document["allowed"] = list(error.allowed)
        if status == 405:
            headers["Allow"] = ", ".join(error.allowed)
        if error.retry_after is not None:
            headers["Retry-After"] = str(max(0, error.retry_after))
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, Parked):
        status, code, detail = 422, error.code, error.message
    elif isinstance(error, Retryable):
        status, code, detail = 503, "temporarily_unavailable", "The service is busy. Try again later."
        headers["Retry-After"] = str(max(1, round(error.after or RETRY_AFTER)))
    else:
        status, code, detail = 500, "internal_error", "Something went wrong on our side."
    document.update(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    return _response(status, document, PROBLEM, headers)


def guarded(view: Callable[..., Response]) -> Callable[..., Response]:
    """Turn whatever a view raises into a problem document and write the invocation's one line.

    The line names the view, never the path: a hook's path holds its token.
    """

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        current = Line("api")
        current.note(view=view.__name__)
        token = _line.set(current)
        try:
            answer = view(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge: nothing may pass it
            answer = problem(error)
            _note(current, error, answer)
        finally:
            _line.reset(token)
        current.note(status=answer.status_code)
        current.write("request", level=logging.ERROR if answer.status_code >= 500 else logging.INFO)
        return answer

    return wrapper


def base_url(request: Request, settings: Settings) -> str:
    """Where callers reach this API, without a slash at the end.

    The setting wins. Else it is the host that the gateway accepted, with the path in front of the route
    (stage or base path mapping): a route of n segments owns the last n segments of the path.
    """
    if settings.public_url:
        return settings.public_url
    context = request.context
    host = str(context.get("domainName") or request.headers.get("host", "localhost"))
    scheme = "https" if context.get("domainName") else str(request.headers.get("x-forwarded-proto", "http"))
    segments = str(context.get("path", "")).strip("/").split("/")
    own = len(str(context.get("resourcePath", "")).strip("/").split("/"))
    prefix = "/".join(segments[: max(0, len(segments) - own)])
    return f"{scheme}://{host}/{prefix}".rstrip("/")


def raw_body(request: Request) -> bytes:
    """The body as it came over the wire. Raises Malformed when the gateway's own encoding is broken."""
    try:
        return bytes(request.raw_body)
    except (binascii.Error, UnicodeError):
        raise Malformed("The body could not be read.", code="invalid_encoding") from None


def headers(request: Request) -> dict[str, str]:
    """Header fields under lower-case names; a field sent more than once is joined with a comma."""
    many = request.to_original_event().get("multiValueHeaders") or {}
    found: dict[str, list[str]] = {}
    for name, values in many.items():
        found.setdefault(name.lower(), []).extend(str(value) for value in values or ())
    return {name: ", ".join(values) for name, values in found.items()} or dict(request.headers)


def query(request: Request) -> dict[str, str]:
    """Query parameters; the last one of a repeated name wins."""
    return dict(request.query_params or {})


def public_uri(url: str, query: Mapping[str, str]) -> str:
    """``url`` with its query as its caller wrote it, but for the escapes, which the gateway has taken off."""
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _response(status: int, body: Any, content_type: str, headers: dict[str, str]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate cannot leave as UTF-8; the runtime would fail the whole answer for it.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return Response(text, headers={"Content-Type": content_type, **_COMMON, **headers}, status_code=status)


def _note(current: Line, error: Exception, answer: Response) -> None:
    """Say in the line what was refused or broke: codes and places, never texts."""
    if answer.status_code < 500:
        current.count("Refused")
        current.note(code=getattr(error, "code", "error"))
        return
    current.note(code=getattr(error, "code", "internal_error"), error=type(error).__name__, at=_place(error))


def _place(error: BaseException) -> str:
    """``module:line`` of the innermost frame: enough to find the fault without printing a message."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
