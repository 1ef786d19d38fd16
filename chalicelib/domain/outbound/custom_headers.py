"""Header fields that an endpoint's owner may add to our calls: credentials of an OA, never routing or framing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from chalicelib.errors import Invalid

MOST: Final = 20
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")  # RFC 9110 token
_VALUE: Final = re.compile(r"[\x20-\x7e\xa0-\xff]{0,2048}")  # Latin-1 without controls: no CR, LF, NUL or tab

# Framing and hops belong to the HTTP client; the signature's own fields to the connector.
_RESERVED: Final = frozenset(
    {
        "host",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "forwarded",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        # These turn a plain request into one that a cloud's metadata service answers.
        "metadata",
        "metadata-flavor",
    }
)
_RESERVED_PREFIXES: Final = (
    "proxy-",
    "webhook-",
    "x-aws-",
    "x-echoloop-",
    "x-forwarded-",
    "x-google-",
    "x-metadata-",
)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises Invalid (``schema_violation``) for a name or value that may not be sent. Never names the offender."""
    names = [name.lower() for name in headers]
    if len(names) > MOST:
        raise _invalid(f"At most {MOST} header fields are allowed.")
    if len(set(names)) != len(names):
        raise _invalid("A header field is named twice.")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise _invalid("A header field's name is not an HTTP token.")
        if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
            raise _invalid("A header field is reserved.")
        if not _VALUE.fullmatch(value) or value != value.strip(" "):
            raise _invalid("A header field's value may hold printable Latin-1 characters only.")


def _invalid(message: str) -> Invalid:
    return Invalid(message, pointer="/settings/headers")
