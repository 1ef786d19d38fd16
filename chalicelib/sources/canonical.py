"""Our own format, signed as Standard Webhooks, for systems that can be told what to send.

Strict: every field is checked, unknown ones are refused (a typo must not lose a phone number), and the answer says
where. What does not fit a field goes into ``attributes``: at most 50 of text, number or boolean.
Checked by hand rather than by a model library: it would double the start of the hook (see infra/decisions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final, NoReturn

from chalicelib.domain.inbound import mapping as limits
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound import standard_webhooks
from chalicelib.domain.text import strict_json
from chalicelib.domain.text.hygiene import clean, is_identifier
from chalicelib.domain.time import moments
from chalicelib.domain.vocabulary import CHANNELS, SCORE_KINDS, SPEAKERS
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Customer, Score
from chalicelib.errors import Invalid
from chalicelib.sources.base import Source

TYPES: Final = ("feedback.created", "feedback.updated", "feedback.deleted")
KEY_BYTES: Final = range(24, 65)  # what Standard Webhooks allows
_REQUIRED: Final = ("type", "id", "occurred_at")
_OPTIONAL: Final = (
    *("revision", "channel", "touchpoint", "unit", "lang", "customer"),
    *("scores", "texts", "attributes", "attachments"),
)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")


class CanonicalSource(Source):
    name: ClassVar[str] = "canonical"
    strict: ClassVar[bool] = True
    content_types: ClassVar[tuple[str, ...]] = ("application/json",)
    probes: ClassVar[tuple[str, ...]] = ()
    mapping: ClassVar[Mapping[str, Any]] = {"response_id": "/id"}

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        standard_webhooks.verify(secrets, arrival.headers, arrival.raw, arrival.received_at)

    def check_secret(self, secret: str) -> None:
        if len(standard_webhooks.signing_key(secret)) not in KEY_BYTES:
            raise Invalid("A secret stands for 24 to 64 bytes.", code="secret_invalid", pointer="/secret")

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """It is mapped already."""
        if mapping:
            raise Invalid("The canonical source takes no mapping.", pointer="/mapping")

    def decode(self, raw: bytes) -> Any:  # noqa: ARG002
        """None: the hook has ``parse`` judge the whole body, and looks for no keys in it before."""
        return None

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        return arrival.headers.get("webhook-id")

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:  # noqa: ARG002
        """Raises Malformed, TooLarge, or Invalid (``schema_violation``) with a pointer."""
        return Reader(arrival.received_at).voice(strict_json.decode(arrival.raw))


@dataclass(slots=True)
class Reader:
    """Checks field by field; remembers whether free text had to be cleaned."""

    received_at: datetime
    sanitised: bool = False

    def voice(self, body: Any) -> Canonical:
        fields = members(body, "", (*_REQUIRED, *_OPTIONAL), _REQUIRED)
        if fields["type"] not in TYPES:
            refuse("/type", f"A type is one of {', '.join(TYPES)}.")
        deleted = fields["type"] == "feedback.deleted"
        if not deleted and not fields.get("scores") and not fields.get("texts"):
            refuse("", "A voice has a score or a text.")
        if fields.get("channel", "survey") not in CHANNELS:
            refuse("/channel", f"A channel is one of {', '.join(CHANNELS)}.")
        check_language(fields)
        return Canonical(
            response_key=identifier(fields["id"], "/id"),
            occurred_at=self.moment(fields["occurred_at"], "/occurred_at"),
            channel=fields.get("channel", "survey"),
            touchpoint=identifier(fields["touchpoint"], "/touchpoint") if "touchpoint" in fields else None,
            unit=identifier(fields["unit"], "/unit") if "unit" in fields else None,
            lang=fields.get("lang"),
            customer=self.customer(fields.get("customer", {})),
            scores=tuple(each(fields.get("scores", []), "/scores", limits.MAX_SCORES, self._score)),
            texts=tuple(each(fields.get("texts", []), "/texts", limits.MAX_TEXTS, self._text)),
            attributes=self.attributes(fields.get("attributes", {})),
            attachments=tuple(each(fields.get("attachments", []), "/attachments", limits.MAX_ATTACHMENTS, _link)),
            revision=revision_of(fields["revision"]) if "revision" in fields else None,
            deleted=deleted,
            sanitised=self.sanitised,
        )

    def moment(self, value: Any, at: str) -> datetime:
        try:
            moment = moments.rfc3339(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None:
            refuse(at, "A time is RFC 3339 with a zone.")
        if not moments.plausible(moment, self.received_at):
            refuse(at, "A time is from 2000 on and at most a day ahead.")
        return moment

    def customer(self, value: Any) -> Customer:
        fields = members(value, "/customer", ("id", "name", "phone", "email"))
        ids = {
            name: identifier(fields[name], f"/customer/{name}") for name in ("id", "phone", "email") if name in fields
        }
        name = self.words(fields["name"], "/customer/name", 256) if "name" in fields else None
        return Customer(name=name, **ids)

    def _score(self, value: Any, at: str) -> Score:
        fields = members(value, at, ("kind", "value", "scale", "polarity"), ("kind", "value"))
        if fields["kind"] not in SCORE_KINDS:
            refuse(f"{at}/kind", f"A kind is one of {', '.join(SCORE_KINDS)}.")
        scale = limits.read_scale(fields["kind"], fields.get("scale"))
        if scale is None:
            refuse(f"{at}/scale", "A scale is [lowest, highest]; an NPS is always [0, 10].")
        polarity = fields.get("polarity", "higher")
        if polarity not in limits.POLARITIES:
            refuse(f"{at}/polarity", "A polarity is higher or lower.")
        number = fields["value"]
        # bool is an int, and a Decimal is a number that no float is: neither was given on a scale.
        if isinstance(number, bool) or not isinstance(number, int | float):
            refuse(f"{at}/value", "A value is a plain number.")
        if not limits.on_scale(fields["kind"], number, *scale):
            refuse(f"{at}/value", "A value lies on its scale; an NPS is whole.")
        return Score(fields["kind"], float(number), *scale, polarity=polarity)

    def _text(self, value: Any, at: str) -> Text:
        fields = members(value, at, ("text", "question", "speaker"), ("text",))
        if fields.get("speaker", "customer") not in SPEAKERS:
            refuse(f"{at}/speaker", f"A speaker is one of {', '.join(SPEAKERS)}.")
        asked = fields.get("question")
        return Text(
            text=self.words(fields["text"], f"{at}/text", limits.MAX_TEXT),
            question=None if asked is None else self.words(asked, f"{at}/question", limits.MAX_QUESTION),
            speaker=fields.get("speaker", "customer"),
        )

    def attributes(self, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping) or len(value) > limits.MAX_ATTRIBUTES:
            refuse("/attributes", f"Attributes are an object of at most {limits.MAX_ATTRIBUTES} names.")
        if not all(is_identifier(name) and len(name) <= limits.MAX_NAME for name in value):
            refuse("/attributes", f"A name is 1 to {limits.MAX_NAME} printable characters.")
        return {name: self._attribute(entry) for name, entry in value.items()}

    def _attribute(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float | Decimal):
            return str(value)
        return self.words(value, "/attributes", limits.MAX_ATTRIBUTE)

    def words(self, value: Any, at: str, longest: int) -> str:
        """Free text: what does not belong in it is replaced, not refused."""
        if not isinstance(value, str) or len(value) > longest:
            refuse(at, f"This is text of at most {longest} characters.")
        cleaned = clean(value)
        self.sanitised |= cleaned != value
        return cleaned


def check_language(fields: Mapping[str, Any]) -> None:
    """``lang`` is a language tag, where there is one."""
    if "lang" in fields and not (isinstance(fields["lang"], str) and _LANGUAGE.fullmatch(fields["lang"])):
        refuse("/lang", "A language is a tag such as zh-CN.")


def each(value: Any, at: str, longest: int, read: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > longest:
        refuse(at, f"This is an array of at most {longest} entries.")
    return [read(entry, f"{at}/{number}") for number, entry in enumerate(value)]


def members(value: Any, at: str, allowed: Sequence[str], required: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        refuse(at, "This is an object.")
    if not value.keys() <= set(allowed):
        refuse(at, f"This object takes only {', '.join(allowed)}.")
    for name in required:
        if name not in value:
            refuse(f"{at}/{name}", "This is required.")
    return value


def identifier(value: Any, at: str) -> str:
    if not is_identifier(value):
        refuse(at, "An identifier is 1 to 256 printable characters.")
    return value


def _link(value: Any, at: str) -> str:
    if not limits.is_https_url(value):
        refuse(at, "An attachment is an https URL.")
    return str(value)


def revision_of(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limits.MAX_REVISION:
        refuse("/revision", "A revision is a whole number from 1.")
    return value


def refuse(at: str, message: str) -> NoReturn:
    raise Invalid(message, pointer=at)
