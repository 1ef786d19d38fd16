"""The one place where text becomes HTML, and the headers that a page goes out with."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from string import Template
from typing import Final

_NOT_SHOWN: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), " ")


class Html(str):
    """Text that is HTML already. Made by ``fill`` and ``joined`` only, and of constants."""

    __slots__ = ()


def text(value: object) -> Html:
    """A text as HTML shows it, in an element or in a quoted attribute. Control characters become spaces."""
    plain = str(value).encode("utf-8", "replace").decode("utf-8").translate(_NOT_SHOWN)
    return Html(escape(plain, quote=True))


def fill(template: str, **values: object) -> Html:
    """The template with its ``$names`` filled in: whatever is not HTML already is escaped. Raises KeyError."""
    safe = {name: value if isinstance(value, Html) else text(value) for name, value in values.items()}
    return Html(Template(template).substitute(safe))


def joined(parts: Iterable[Html]) -> Html:
    """One after the other."""
    return Html("".join(parts))


def headers(style: str) -> dict[str, str]:
    """For a page with this one style sheet in it: nothing else may load or run, and nobody may frame it or find it."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Vary": "Accept-Language",
    }
