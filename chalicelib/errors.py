"""Every error that Echoloop raises on purpose. Three leaves decide what happens next::

    EcholoopError
    ├── Rejected      the caller is told no; nothing is kept          → 4xx, stable ``code``
    │   ├── Unauthorized (401)   Forbidden (403)    NotFound (404)    MethodNotAllowed (405)   Conflict (409)
    │   ├── Malformed (400)      Invalid (422)      TooLarge (413)
    │   └── UnsupportedMedia (415)   TooMany (429)
    ├── Parked        the content is kept with its reason, a person mends it
    │   └── Gone      a vendor's API does not know what was asked for
    └── Retryable     our trouble or the target's; the queue or the schedule tries again

A message is written for the caller and never repeats the input: no secret, no customer's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class EcholoopError(Exception):
    """Root of the tree. ``code`` is stable: callers may match on it."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Rejected(EcholoopError):
    """The request is refused and leaves nothing behind. ``status`` is the HTTP status."""

    status = 400
    code = "rejected"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        pointer: str | None = None,
        retry_after: int | None = None,
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, code=code)
        self.pointer = pointer  # JSON pointer to the offending field, never its value
        self.retry_after = retry_after  # seconds
        self.allowed = allowed  # what would have been legal (state moves)


@contextmanager
def standing_at(place: str) -> Iterator[None]:
    """What is refused inside stands at ``place`` of the body: its pointer begins there."""
    try:
        yield
    except Invalid as error:
        pointer = place + (error.pointer or "")
        raise Invalid(error.message, code=error.code, pointer=pointer, allowed=error.allowed) from None


class Malformed(Rejected):
    """The bytes could not be decoded into a request."""

    status, code = 400, "malformed_json"


class Unauthorized(Rejected):
    """The proof is missing or wrong. Unknown and foreign look alike."""

    status, code = 401, "unauthorized"


class Forbidden(Rejected):
    """A known caller whose role does not allow this."""

    status, code = 403, "forbidden"


class NotFound(Rejected):
    """No such thing in the caller's workspace."""

    status, code = 404, "not_found"


class MethodNotAllowed(Rejected):
    """The path is right and the method is not; ``allowed`` names those that are."""

    status, code = 405, "method_not_allowed"


class Conflict(Rejected):
    """The thing is in a state that forbids the change."""

    status, code = 409, "conflict"


class TooLarge(Rejected):
    """The body is over the limit."""

    status, code = 413, "payload_too_large"


class UnsupportedMedia(Rejected):
    """Content type or encoding that this route does not take."""

    status, code = 415, "unsupported_media_type"


class Invalid(Rejected):
    """Well-formed, but a field breaks its rule."""

    status, code = 422, "schema_violation"


class TooMany(Rejected):
    """Over a quota; ``retry_after`` says when to come back."""

    status, code = 429, "rate_limited"


class Parked(EcholoopError):
    """Kept with ``code`` as its reason until a person mends the cause and re-parses."""

    code = "unparseable"


class Gone(Parked):
    """The other side does not know what was asked for: not yet, or no more."""

    code = "vendor_gone"


class Retryable(EcholoopError):
    """Try again. ``after`` is the earliest wait in seconds, when the other side named one."""

    code = "retryable"

    def __init__(self, message: str, *, code: str | None = None, after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.after = after
