"""Typeform: ``form_response`` webhooks, signed with HMAC-SHA256 over the body.

Questions are read by their type, so a form works without a mapping:

* ``nps`` is an NPS, 0 to 10; texts are texts; e-mail and phone number are the customer's; choices, dates, numbers
  and hidden fields become attributes; hidden ``customer_id``, ``unit``, ``touchpoint``, ``lang`` go to their places.
* The scale of ``rating`` and ``opinion_scale`` is not in the webhook (their definition sometimes says ``steps``).
  A rating without steps is taken as 1 to 5, the platform's own default, and as 1 to 10 once a value says so.
  An opinion scale without steps may be satisfaction, effort or agreement from 0 or 1 to anything between 4 and 10:
  any guess would turn a "5 of 5" into an unhappy customer. It stays an attribute until the connection's mapping
  names it: ``{"fields": {"<ref or id>": {"kind": "csat", "scale": [1, 5]}}}``.

Partial submissions (``form_response_partial``) are answered and not kept: the customer has not sent them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.text.hygiene import clean, visible
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Customer, Score
from chalicelib.errors import Parked, Unauthorized
from chalicelib.sources.base import Source, read_json

PARTIAL: Final = "form_response_partial"
_PREFIX: Final = "sha256="
_PLACED: Final = ("customer_id", "unit", "touchpoint", "lang")  # hidden fields that are no attributes


class Typeform(Source):
    name: ClassVar[str] = "typeform"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/form_response/token",
        "occurred_at": "/form_response/submitted_at",
        "revision_at": "/form_response/submitted_at",
        "customer": {"id": "/form_response/hidden/customer_id"},
        "unit": "/form_response/hidden/unit",
        "touchpoint": "/form_response/hidden/touchpoint",
        "lang": "/form_response/hidden/lang",
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        offered = arrival.headers.get("typeform-signature")
        if not offered:
            raise Unauthorized("The Typeform-Signature header is missing.", code="signature_missing")
        given = offered.encode("utf-8", "surrogatepass")
        fits = [hmac.compare_digest(signature(arrival.raw, secret).encode(), given) for secret in secrets]
        if not any(fits):
            raise Unauthorized("No signature fits.", code="signature_invalid")

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their ref or id in ``fields``."""

    def ignores(self, payload: Any) -> bool:
        return isinstance(payload, Mapping) and payload.get("event_type") == PARTIAL

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        found = payload.get("event_id") if isinstance(payload, Mapping) else None
        return found if isinstance(found, str) and 0 < len(found) <= 256 else None

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_json(arrival.raw)
        if self.ignores(payload):
            raise Parked("The customer has not sent this response.", code="partial_response")
        response = payload.get("form_response")
        if not isinstance(response, Mapping):
            raise Parked("The payload holds no form_response.", code="unknown_shape")
        merged = {**self.mapping, **mapping}
        key = self.response_key(payload, merged["response_id"])
        base = _Answers(merged.get("fields", {}), _definitions(response)).read(response, key, arrival.received_at)
        return mappings.apply(merged, payload, received_at=arrival.received_at, base=base)


def signature(raw: bytes, secret: str) -> str:
    """What the header says for this body."""
    return _PREFIX + base64.b64encode(hmac.new(secret.encode("utf-8"), raw, hashlib.sha256).digest()).decode("ascii")


@dataclass(slots=True)
class _Answers:
    """Collects what the answers say, by the type of their question."""

    rules: Mapping[str, Mapping[str, Any]]  # question ref or id → kind and scale
    definitions: Mapping[str, Mapping[str, Any]]  # question id → its definition
    scores: list[Score] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    attachments: list[str] = field(default_factory=list)
    email: str | None = None
    phone: str | None = None
    sanitised: bool = False

    def read(self, response: Mapping[str, Any], key: str, received_at: datetime) -> Canonical:
        hidden = response.get("hidden")
        for name, value in hidden.items() if isinstance(hidden, Mapping) else ():
            if name not in _PLACED:
                self._attribute(name, value)
        answers = response.get("answers")
        for answer in answers if isinstance(answers, list) else ():
            if isinstance(answer, Mapping) and isinstance(answer.get("field"), Mapping):
                self._answer(answer, answer["field"])
        return Canonical(
            response_key=key,
            occurred_at=received_at,
            customer=Customer(email=self.email, phone=self.phone),
            scores=tuple(self.scores[: mappings.MAX_SCORES]),
            texts=tuple(self.texts[: mappings.MAX_TEXTS]),
            attributes=self.attributes,
            attachments=tuple(self.attachments[: mappings.MAX_ATTACHMENTS]),
            sanitised=self.sanitised,
        )

    def _answer(self, answer: Mapping[str, Any], question: Mapping[str, Any]) -> None:
        kind = answer.get("type")
        value = answer.get(kind) if isinstance(kind, str) else None
        name = str(question.get("ref") or question.get("id") or "")
        if kind == "number":
            self._number(question, name, value)
        elif kind == "text":
            self._text(question, value)
        elif kind == "email":
            self.email = self.email or _identifier(value)
        elif kind == "phone_number":
            self.phone = self.phone or _identifier(value)
        elif kind in ("choice", "choices") and isinstance(value, Mapping):
            self._attribute(name, value.get("label") or value.get("labels"))
            self._text(question, value.get("other"))
        elif kind == "file_url" and mappings.is_https_url(value):
            self.attachments.append(str(value))
        elif kind in ("boolean", "date", "url"):
            self._attribute(name, value)

    def _number(self, question: Mapping[str, Any], name: str, value: Any) -> None:
        rule = self.rules.get(name) or self.rules.get(str(question.get("id"))) or self._own_rule(question, value)
        if rule is None:
            self._attribute(name, value)
        else:
            self.scores.append(mappings.score(rule, value))

    def _own_rule(self, question: Mapping[str, Any], value: Any) -> Mapping[str, Any] | None:
        """Kind and scale where the question itself says them, see the module's text; None: no score."""
        kind = question.get("type")
        if kind == "nps":
            return {"kind": "nps"}
        properties = self.definitions.get(str(question.get("id")), {}).get("properties")
        shape = properties if isinstance(properties, Mapping) else {}
        steps = shape.get("steps")
        known = steps if type(steps) is int and 3 <= steps <= 11 else None
        if kind == "rating":
            usual = 5 if isinstance(value, int) and value <= 5 else 10
            return {"kind": "rating", "scale": [1, known or usual]}
        if kind == "opinion_scale" and known:
            lowest = 1 if shape.get("start_at_one") is True else 0
            return {"kind": "rating", "scale": [lowest, lowest + known - 1]}
        return None

    def _text(self, question: Mapping[str, Any], value: Any) -> None:
        if not isinstance(value, str) or not value.strip():
            return
        if len(value) > mappings.MAX_TEXT:
            raise Parked(f"A text has more than {mappings.MAX_TEXT} characters.", code="mapping_text_too_long")
        title = self.definitions.get(str(question.get("id")), {}).get("title")
        asked = clean(title)[: mappings.MAX_QUESTION] if isinstance(title, str) else None
        self.texts.append(Text(self._clean(value), asked))

    def _attribute(self, name: str, value: Any) -> None:
        if isinstance(value, list):
            value = "、".join(entry for entry in value if isinstance(entry, str))
        if isinstance(value, bool):
            value = str(value).lower()
        shown = visible(name)[: mappings.MAX_NAME]
        if (
            isinstance(value, str | int | float)
            and value != ""
            and shown
            and len(self.attributes) < mappings.MAX_ATTRIBUTES
        ):
            self.attributes[shown] = self._clean(str(value))[: mappings.MAX_ATTRIBUTE]

    def _clean(self, text: str) -> str:
        cleaned = clean(text)
        self.sanitised |= cleaned != text
        return cleaned


def _definitions(response: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    fields = mappings.resolve(response, "/definition/fields")
    return {
        str(entry.get("id")): entry
        for entry in (fields if isinstance(fields, list) else ())
        if isinstance(entry, Mapping)
    }


def _identifier(value: Any) -> str | None:
    seen = visible(value) if isinstance(value, str) else ""
    return seen if 0 < len(seen) <= 256 else None
