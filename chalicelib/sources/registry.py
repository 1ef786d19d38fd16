"""Every source there is. A module is loaded when its first body comes in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from chalicelib.domain.mapping import validate_mapping
from chalicelib.errors import Invalid
from chalicelib.sources.base import Source

SOURCES: Final = {
    "canonical": "chalicelib.sources.canonical:CanonicalSource",
    "jiandaoyun": "chalicelib.sources.jiandaoyun:Jiandaoyun",
    "jinshuju": "chalicelib.sources.jinshuju:Jinshuju",
    "typeform": "chalicelib.sources.typeform:Typeform",
}


def load(name: str) -> Source:
    """The source of that name. Raises Invalid (``unknown_source``)."""
    if name not in SOURCES:
        raise Invalid(f"A source is one of {', '.join(SOURCES)}.", code="unknown_source", pointer="/source")
    return _made(SOURCES[name])


@cache
def _made(dotted: str) -> Source:
    module, _, attribute = dotted.partition(":")
    source: Source = getattr(import_module(module), attribute)()
    return source


class Catalogue:
    """What the management of connections asks about sources."""

    def signs(self, source: str) -> bool:
        """Whether the platform signs. Raises Invalid for a source that there is not."""
        return load(source).proof == "signature"

    def check_mapping(self, source: str, mapping: Mapping[str, Any]) -> None:
        """Raises Invalid (``schema_violation``) with a pointer to the part that could never be read."""
        load(source).check_mapping(validate_mapping(mapping))

    def check_secret(self, source: str, secret: str) -> None:
        """Raises Invalid (``secret_invalid``)."""
        load(source).check_secret(secret)

    def response_pointer(self, source: str, mapping: Mapping[str, Any]) -> str | None:
        """Where the response id is, for the hook to name the feedback that it answers."""
        pointer = {**load(source).mapping, **mapping}.get("response_id")
        return pointer if isinstance(pointer, str) else None
