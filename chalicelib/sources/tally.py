"""Tally: ``FORM_RESPONSE`` webhooks, signed with HMAC-SHA256 over the body.

Fields are read by their type, so a form works without a mapping:

* long and short texts are texts, e-mail and phone number are the customer's, the ids of choices are resolved to their
  words, and those, dates, numbers and calculated fields become attributes under the question's label;
* hidden ``customer_id``, ``unit``, ``touchpoint``, ``lang`` go to their places, other hidden fields become attributes;
* stars are 1 to 5, and 1 to 10 once a value says so. An NPS has no type of its own: it is a linear scale, whose ends
  are not in the webhook. A linear scale stays an attribute until the mapping names it by the field's key or label:
  ``{"fields": {"question_abc123": {"kind": "nps"}}}``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical
from chalicelib.errors import Parked
from chalicelib.sources.base import Source, read_json
from chalicelib.sources.collected import Collected, Rule, check_signature, entries, fitting

EVENT: Final = "FORM_RESPONSE"
_TEXTS: Final = ("TEXTAREA", "INPUT_TEXT")
_CHOICES: Final = ("MULTIPLE_CHOICE", "CHECKBOXES", "DROPDOWN", "MULTI_SELECT", "RANKING")
_FILES: Final = ("FILE_UPLOAD", "SIGNATURE")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Tally(Source):
    name: ClassVar[str] = "tally"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/data/responseId",
        "occurred_at": "/data/createdAt",
        "revision_at": "/createdAt",
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        made = [signature(arrival.raw, secret) for secret in secrets]
        check_signature(arrival.headers.get("tally-signature"), "Tally-Signature header", made)

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their key or label in ``fields``."""

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        found = payload.get("eventId") if isinstance(payload, Mapping) else None
        return found if isinstance(found, str) and 0 < len(found) <= 256 else None

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_json(arrival.raw)
        fields = mappings.resolve(payload, "/data/fields")
        if not isinstance(fields, list):
            raise Parked("The payload holds no fields.", code="unknown_shape")
        if payload.get("eventType") != EVENT:
            raise Parked("This event carries no submission.", code="unknown_operation")
        merged = {**self.mapping, **mapping}
        found = Collected(merged.get("fields", {}))
        # A form with checkboxes names the choices once in a list, and once more in a flag for each option.
        listed = [one.get("key") for one in entries(fields) if isinstance(one.get("value"), list)]
        for one in entries(fields):
            if not (isinstance(one.get("value"), bool) and _is_option_of(one.get("key"), listed)):
                _read(found, one)
        base = found.voice(self.response_key(payload, merged["response_id"]), arrival.received_at)
        return mappings.apply(merged, payload, received_at=arrival.received_at, base=base)


def signature(raw: bytes, secret: str) -> str:
    """What the header says for this body."""
    return base64.b64encode(hmac.new(secret.encode("utf-8"), raw, hashlib.sha256).digest()).decode("ascii")


def _read(found: Collected, one: Mapping[str, Any]) -> None:
    """One field to its place, by its type."""
    kind, value, label = one.get("type"), one.get("value"), one.get("label") or one.get("key")
    if kind in _CHOICES and isinstance(value, str) and value:
        one = {**one, "value": (value := [value])}
    rule = found.rule(one.get("key"), one.get("label"))
    if kind == "HIDDEN_FIELDS":
        found.hidden(label, value)
    elif kind in _CHOICES and isinstance(value, list):
        _choose(found, rule, one, label)
    elif kind == "MATRIX" and isinstance(value, Mapping):
        _read_matrix(found, rule, one, label)
    elif kind in _FILES:
        for file in entries(value):
            found.attachment(file.get("url"))
    elif kind == "INPUT_EMAIL":
        found.known("email", value)
    elif kind == "INPUT_PHONE_NUMBER":
        found.known("phone", value)
    elif kind in _TEXTS and rule is None:
        found.text(value, label)
    elif value is not False:  # an option that was not ticked says nothing
        found.number(rule or _stars(kind, value), label, value)


def _choose(found: Collected, rule: Rule | None, one: Mapping[str, Any], label: Any) -> None:
    """Chosen options by their words; what is no option's id was typed by the customer."""
    words = _words(one.get("options"))
    chosen = [words[entry] for entry in one["value"] if isinstance(entry, str) and entry in words]
    if rule is not None and len(chosen) == 1:
        found.number(rule, label, chosen[0])
    else:
        found.attribute(label, chosen)
    for entry in one["value"]:
        if isinstance(entry, str) and entry not in words and not _UUID.fullmatch(entry):
            found.text(entry, label)


def _read_matrix(found: Collected, rule: Rule | None, one: Mapping[str, Any], label: Any) -> None:
    """One attribute, or score, for each row that was answered."""
    rows, columns = _words(one.get("rows")), _words(one.get("columns"))
    for row, chosen in one["value"].items():
        marks = chosen if isinstance(chosen, list) else []
        picked = [columns[mark] for mark in marks if isinstance(mark, str) and mark in columns]
        if rule is not None and len(picked) == 1:
            found.number(rule, label, picked[0])
        else:
            found.attribute(f"{label}: {rows.get(row, row)}", picked)


def _words(options: Any) -> dict[str, str]:
    """The words of options, by their ids."""
    return {
        one["id"]: one["text"]
        for one in entries(options)
        if isinstance(one.get("id"), str) and isinstance(one.get("text"), str)
    }


def _stars(kind: Any, value: Any) -> Rule | None:
    """Kind and scale where the field itself says them, see the module's text; None: no score."""
    if kind != "RATING" or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return fitting({"kind": "rating", "scale": [1, 5 if value <= 5 else 10]}, value)


def _is_option_of(key: Any, listed: Sequence[Any]) -> bool:
    return isinstance(key, str) and any(isinstance(one, str) and key.startswith(f"{one}_") for one in listed)
