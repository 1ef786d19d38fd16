"""What a survey platform is to us.

A new one is one file with a subclass of ``Source``, one line in the registry, and its fixtures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from chalicelib.domain import mapping as mappings
from chalicelib.domain import strict_json
from chalicelib.domain.arrival import Arrival
from chalicelib.domain.voice import Canonical
from chalicelib.errors import Invalid, Parked, Rejected

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Source(ABC):
    """One platform. Stateless; header names arrive in lower case.

    A strict source refuses what it cannot read (4xx). The others accept everything that proves where it comes
    from, and park it: a platform that is refused switches its customer's webhook off.
    """

    name: ClassVar[str]
    proof: ClassVar[str] = "signature"  # signature | token: whether the path token is all that proves the sender
    strict: ClassVar[bool] = False
    content_types: ClassVar[tuple[str, ...]] = ("*/*",)
    probes: ClassVar[tuple[str, ...]] = ("GET", "HEAD")  # methods with which the platform tries the URL out
    kept_headers: ClassVar[tuple[str, ...]] = ()  # what ``parse`` needs later; nothing else leaves the hook
    kept_query: ClassVar[tuple[str, ...]] = ()
    mapping: ClassVar[Mapping[str, Any]] = {}  # what a connection's own mapping is laid over

    @abstractmethod
    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Check the proof over the raw bytes against every secret that still counts.

        Raises Unauthorized and nothing else: ``signature_missing``, ``signature_invalid``, ``timestamp_invalid``,
        ``timestamp_out_of_window``, ``message_id_invalid``.
        """

    def check_secret(self, secret: str) -> None:
        """Whether a person's own secret can be used. Raises Invalid (``secret_invalid``)."""
        if not (8 <= len(secret) <= 256 and secret.isascii() and secret.isprintable()):
            raise Invalid("A secret is 8 to 256 plain characters.", code="secret_invalid", pointer="/secret")

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Whether a mapping that is well formed fits this source. Raises Invalid (``schema_violation``)."""
        if "fields" in mapping:
            raise Invalid("This source has no questions to name here.", pointer="/mapping/fields")

    def decode(self, raw: bytes) -> Any:
        """The payload, or None where it is none; the hook only looks for keys in it."""
        try:
            return read_json(raw)
        except Parked:
            return None

    def ignores(self, payload: Any) -> bool:  # noqa: ARG002
        """Whether this is no voice at all, and answered without being kept."""
        return False

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        """The platform's id of this delivery, the same on every retry; None where it has none: the bytes count."""
        return None

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """The identity of the response. ``pointer`` is the connection's own, if any. Raises Parked."""
        return mappings.response_key(payload, pointer or self.mapping.get("response_id"))

    @abstractmethod
    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        """The voice. ``mapping`` is the connection's. Raises Parked, or Rejected where the source is strict."""


class MappedSource(Source):
    """A platform whose questions only the connection's mapping can tell apart."""

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_json(arrival.raw)
        merged = {**self.mapping, **mapping}
        if not merged.get("scores") and not merged.get("texts"):
            raise Parked("The connection's mapping names no score and no text.", code="mapping_empty")
        return self.keyed(mappings.apply(merged, payload, received_at=arrival.received_at), payload, merged)

    def keyed(self, voice: Canonical, payload: Any, mapping: Mapping[str, Any]) -> Canonical:
        """The voice under the source's own response key."""
        return replace(voice, response_key=self.response_key(payload, mapping.get("response_id")))


def read_json(raw: bytes) -> Mapping[str, Any]:
    """A platform's JSON object; a byte order mark is forgiven. Raises Parked with the decoder's code."""
    try:
        payload = strict_json.decode(raw.removeprefix(_BYTE_ORDER_MARK), limit=len(raw))
    except Rejected as error:
        raise Parked(error.message, code=error.code) from None
    if not isinstance(payload, Mapping):
        raise Parked("The payload is not a JSON object.", code="unknown_shape")
    return payload
