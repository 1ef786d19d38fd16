"""What a survey platform is to us.

A new one is one file with a subclass of ``Source``, one line in the registry, and its fixtures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Protocol

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text import strict_json
from chalicelib.domain.time import moments
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Parked, Rejected

OK: Final = "ok"
RETRY: Final = "retry"
GONE: Final = "gone"
REFUSED: Final = "refused"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Source(ABC):
    """One platform. Stateless; header names arrive in lower case.

    A strict source refuses what it cannot read (4xx). The others accept everything that proves where it comes
    from, and park it: a platform that is refused switches its customer's webhook off.
    """

    name: ClassVar[str]
    proof: ClassVar[str] = "signature"  # signature | token: whether the path token is all that proves the sender
    may_sign: ClassVar[bool] = False  # with proof ``token``: a secret, where a person sets one, is checked as well
    key_made_by: ClassVar[str] = "us"  # us | vendor | vendor_later: who makes the secret, see ``manage_connections``
    strict: ClassVar[bool] = False
    content_types: ClassVar[tuple[str, ...]] = ("*/*",)
    probes: ClassVar[tuple[str, ...]] = ("GET", "HEAD")  # methods with which the platform tries the URL out
    kept_headers: ClassVar[tuple[str, ...]] = ()  # what ``parse`` needs later; nothing else leaves the hook
    kept_query: ClassVar[tuple[str, ...]] = ()
    mapping: ClassVar[Mapping[str, Any]] = {}  # what a connection's own mapping is laid over
    fields: ClassVar[tuple[Field, ...]] = ()  # settings of a connection
    credential_fields: ClassVar[tuple[Field, ...]] = ()  # what reading the vendor's API needs
    fetches: ClassVar[bool] = False  # whether it is a FetchingSource
    polls: ClassVar[bool] = False  # whether its API can be asked what is new
    takes_files: ClassVar[bool] = False  # whether files of many voices can be uploaded, see ``intake``

    @abstractmethod
    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Check the proof over the raw bytes against every secret that still counts.

        Raises Unauthorized and nothing else: ``signature_missing``, ``signature_invalid``, ``timestamp_invalid``,
        ``timestamp_out_of_window``, ``message_id_invalid``.
        """

    def opened(self, arrival: Arrival, secrets: Sequence[str]) -> Arrival:  # noqa: ARG002
        """The proved arrival in clear, where the platform seals its body: only the hook has the secrets to do so.

        Never raises: what cannot be opened stays as it is, and is parked when it is read.
        """
        return arrival

    def check_secret(self, secret: str) -> None:
        """Whether a person's own secret can be used. Raises Invalid (``secret_invalid``)."""
        if not (8 <= len(secret) <= 256 and secret.isascii() and secret.isprintable()):
            raise Invalid("A secret is 8 to 256 plain characters.", code="secret_invalid", pointer="/secret")

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Whether a mapping that is well formed fits this source. Raises Invalid (``schema_violation``)."""
        if "fields" in mapping:
            raise Invalid("This source has no questions to name here.", pointer="/mapping/fields")

    def check_settings(self, settings: Mapping[str, Any]) -> None:  # noqa: B027 - most have nothing to add
        """What the kinds of the fields do not say. Raises Invalid (``settings_invalid``)."""

    def is_file(self, arrival: Arrival) -> bool:  # noqa: ARG002
        """Whether the body is a file of many voices: it is kept as one, and read as an uploaded file is."""
        return False

    def decode(self, raw: bytes) -> Any:
        """The payload, or None where it is none; the hook only looks for keys in it."""
        try:
            return read_json(raw)
        except Parked:
            return None

    def ignores(self, payload: Any) -> bool:  # noqa: ARG002
        """Whether this is no voice at all, and answered without being kept."""
        return False

    def thin(self, payload: Any) -> bool:  # noqa: ARG002
        """Whether this event holds ids only and must be read through the platform's API."""
        return False

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        """The platform's id of this delivery, the same on every retry; None where it has none: the bytes count."""
        return None

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """The identity of the response. ``pointer`` is the connection's own, if any. Raises Parked."""
        return mappings.response_key(payload, pointer or self.mapping.get("response_id"))

    @abstractmethod
    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        """The voice. ``mapping`` is the connection's, with its settings, see ``settings_of``.

        Raises Parked, or Rejected where the source is strict.
        """


class MappedSource(Source):
    """A platform whose questions only the connection's mapping can tell apart."""

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        merged = {**self.mapping, **mapping}
        payload = self.payload(arrival.raw, merged)
        if not merged.get("scores") and not merged.get("texts"):
            raise Parked("The connection's mapping names no score and no text.", code="mapping_empty")
        return self.keyed(mappings.apply(merged, payload, received_at=arrival.received_at), payload, merged)

    def payload(self, raw: bytes, mapping: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """What the mapping's pointers look into. Raises Parked."""
        return read_json(raw)

    def keyed(self, voice: Canonical, payload: Any, mapping: Mapping[str, Any]) -> Canonical:
        """The voice under the source's own response key."""
        return replace(voice, response_key=self.response_key(payload, mapping.get("response_id")))


class VendorApi(Protocol):
    """The vendor's API as one connection may use it: authorised, within its limits, JSON in and out.

    Each raises Retryable (no answer, 429, 5xx, ``vendor_lags``), Gone for a 404 or 410, Parked for any other refusal.
    """

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any: ...

    def post(self, path: str, body: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what a poll found. ``payloads`` are whole: ``parse`` reads them as if they had been pushed."""

    payloads: tuple[Mapping[str, Any], ...] = field(repr=False)
    cursor: Mapping[str, Any]  # where the next page or the next poll begins; JSON, no customer data
    more: bool  # whether to go on at once


class FetchingSource(Source):
    """A platform whose API tells what its webhook does not, or what it never sent."""

    fetches: ClassVar[bool] = True
    host: ClassVar[str]  # of the API, unless the connection's setting ``api_host`` names another
    api_limits: ClassVar[tuple[Limit, ...]] = ()  # ``guard`` as small as the vendor forgives

    @abstractmethod
    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """What opens the API. Only credentials that are set are there: raises KeyError for one that it needs."""

    def verdict(self, status: int, answer: Any) -> str:  # noqa: ARG002
        """What an answer means: ok | retry | gone | refused. ``answer`` is its JSON, None where it is none."""
        if 200 <= status < 300:
            return OK
        if status in (404, 410):
            return GONE
        return RETRY if status in (408, 425, 429) or status >= 500 else REFUSED

    @abstractmethod
    def fetch(self, payload: Any, api: VendorApi, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The whole payload that an event tells of, in the form that ``parse`` reads. Takes its own result, too.

        Raises as ``VendorApi``; Gone or Retryable ``vendor_lags`` where the API does not know the response (yet): it is
        asked again for a while before ``gone`` decides.
        """

    def gone(self, payload: Any) -> Mapping[str, Any] | None:  # noqa: ARG002
        """The payload that takes back a response which the API no longer knows; None: the event is parked as it came.

        Only where the API's answer cannot also mean a wrong setting: it erases words.
        """
        return None

    def poll(
        self, cursor: Mapping[str, Any] | None, api: VendorApi, settings: Mapping[str, Any], now: datetime
    ) -> Found:
        """What is new or changed since ``cursor`` (None: the first time). Only where ``polls``.

        ``settings`` always hold ``poll_since`` (RFC 3339): what was answered before is no concern of ours.
        """
        raise NotImplementedError


def needed(settings: Mapping[str, Any], name: str) -> str:
    """A setting that reading the API needs. Raises Parked (``settings_missing``)."""
    found = settings.get(name)
    if not found:
        raise Parked(f"The connection's setting {name} is needed for this.", code="settings_missing")
    return str(found)


def created_since(since: str, entries: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The entries whose moment ``name`` is not before ``since``, and those that do not tell it. Raises ValueError."""
    first = moments.rfc3339(since)
    return [entry for entry in entries if not entry.get(name) or moments.loose(entry[name]) >= first]


def tombstone(key: str, payload: Any, places: Mapping[str, str], received_at: datetime) -> Canonical:
    """What takes a response back. ``places``: where its times are, by the part of the voice that they are.

    A time that cannot be read is its arrival: words that must go do not stay for that.
    """
    found = Canonical(response_key=key, occurred_at=received_at, revision_at=received_at, deleted=True)
    for part, place in places.items():
        try:
            found = mappings.apply({part: place}, payload, received_at=received_at, base=found)
        except Parked:
            continue
    return found


def settings_of(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """The connection's settings, which come with its mapping; empty where it has none."""
    settings = mapping.get(mappings.SETTINGS)
    return settings if isinstance(settings, Mapping) else {}


def read_json(raw: bytes) -> Mapping[str, Any]:
    """A platform's JSON object; a byte order mark is forgiven. Raises Parked with the decoder's code."""
    try:
        payload = strict_json.decode(raw.removeprefix(_BYTE_ORDER_MARK), limit=len(raw))
    except Rejected as error:
        raise Parked(error.message, code=error.code) from None
    if not isinstance(payload, Mapping):
        raise Parked("The payload is not a JSON object.", code="unknown_shape")
    return payload
