"""What a self-describing platform's answers say, collected question by question into one voice.

A source walks through its questions and puts each answer where it belongs; what is empty, too long or of a strange
shape is passed over here, once for all of them. A scale that nobody names is no score: any guess would turn a
"5 of 5" into an unhappy customer, so the number stays an attribute until the connection's mapping names it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.text.hygiene import MAX_IDENTIFIER, clean, visible
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Customer, Score
from chalicelib.errors import Parked, Unauthorized

PLACED: Final = ("customer_id", "unit", "touchpoint", "lang")  # names of hidden fields that are no attributes
Rule = Mapping[str, Any]  # kind, scale and polarity of a score, as in a mapping's ``fields``


def check_signature(given: str | None, header: str, made: Iterable[str]) -> None:
    """Whether the header holds one of the signatures that the secrets make; each comparison in constant time.

    Raises Unauthorized (``signature_missing``, ``signature_invalid``).
    """
    if not given:
        raise Unauthorized(f"The {header} is missing.", code="signature_missing")
    offered = given.encode("utf-8", "surrogatepass")
    fits = [hmac.compare_digest(one.encode("utf-8"), offered) for one in made]
    if not any(fits):
        raise Unauthorized("No signature fits.", code="signature_invalid")


@dataclass(slots=True)
class Collected:
    """``rules``: what the connection's mapping says in ``fields``, by a name of the question."""

    rules: Mapping[str, Rule]
    scores: list[Score] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    attachments: list[str] = field(default_factory=list)
    person: dict[str, str] = field(default_factory=dict)  # parts of a Customer
    places: dict[str, str] = field(default_factory=dict)  # unit, touchpoint, lang
    sanitised: bool = False

    def rule(self, *names: Any) -> Rule | None:
        """What the mapping says about the question that goes by one of these names."""
        return next((self.rules[name] for name in names if isinstance(name, str) and name in self.rules), None)

    def number(self, rule: Rule | None, name: Any, value: Any) -> None:
        """A score where a rule says which, else an attribute. Raises Parked where it does not fit its rule."""
        if value is None or value == "":
            return
        if rule is None:
            self.attribute(name, value)
        else:
            self.scores.append(mappings.score(rule, value))

    def text(self, value: Any, question: Any = None) -> None:
        """The customer's own words. Raises Parked (``mapping_text_too_long``)."""
        value = _written(value)
        if value is None or not value.strip():
            return
        if len(value) > mappings.MAX_TEXT:
            raise Parked(f"A text has more than {mappings.MAX_TEXT} characters.", code="mapping_text_too_long")
        asked = clean(question).strip()[: mappings.MAX_QUESTION] if isinstance(question, str) else ""
        self.texts.append(Text(self._clean(value), asked or None))

    def attribute(self, name: Any, value: Any) -> None:
        """A choice, a date, a number: one value, or the entries of a list. Of a name that is taken, see ``_free``.

        What there is no more room for is cut off or left out, and the voice says that it is not all of it.
        """
        if isinstance(value, list):
            value = "、".join(words for entry in value if (words := _written(entry)))
        written = str(value).lower() if isinstance(value, bool) else _written(value)
        shown = visible(name)[: mappings.MAX_NAME].strip() if isinstance(name, str) else ""
        if written is None or not written.strip() or not shown:
            return
        kept = self._clean(written)[: mappings.MAX_ATTRIBUTE]
        free = self._free(shown, kept)
        if free is None:
            return
        full = len(self.attributes) >= mappings.MAX_ATTRIBUTES
        self.sanitised |= full or len(written) > mappings.MAX_ATTRIBUTE
        if not full:
            self.attributes[free] = kept

    def _free(self, name: str, value: str) -> str | None:
        """The name, with a number where other questions have it too; None where it says the same already."""
        free, number = name, 1
        while free in self.attributes:
            if self.attributes[free] == value:
                return None
            number += 1
            free = f"{name[: mappings.MAX_NAME - len(str(number)) - 1]} {number}"
        return free

    def hidden(self, name: Any, value: Any) -> None:
        """What the survey's link carried: to its place where the name is one of ``PLACED``, else an attribute."""
        if name == "customer_id":
            self.known("id", value)
        elif name in PLACED:
            found = _identifier(value)
            if found:
                self.places.setdefault(str(name), found)
        else:
            self.attribute(name, value)

    def known(self, part: str, value: Any) -> None:
        """A part of the customer: id, name, phone, email. The first that is found stays."""
        found = _identifier(value)
        if found:
            self.person.setdefault(part, found)

    def attachment(self, value: Any) -> None:
        if mappings.is_https_url(value) and len(self.attachments) < mappings.MAX_ATTACHMENTS:
            self.attachments.append(str(value))

    def voice(self, key: str, received_at: datetime, **more: Any) -> Canonical:
        """All of it; ``more`` are further parts of the voice."""
        return Canonical(
            response_key=key,
            customer=Customer(**self.person),
            scores=tuple(self.scores[: mappings.MAX_SCORES]),
            texts=tuple(self.texts[: mappings.MAX_TEXTS]),
            attributes=self.attributes,
            attachments=tuple(self.attachments),
            sanitised=self.sanitised or len(self.scores) > mappings.MAX_SCORES or len(self.texts) > mappings.MAX_TEXTS,
            **{"occurred_at": received_at, **self.places, **more},
        )

    def _clean(self, text: str) -> str:
        cleaned = clean(text)
        self.sanitised |= cleaned != text
        return cleaned


def fitting(rule: Rule, value: Any) -> Rule | None:
    """A rule that nobody wrote down, if the value is a score by it: what a platform means by others is not known."""
    try:
        mappings.score(rule, value)
    except Parked:
        return None
    return rule


def entries(value: Any) -> list[Mapping[str, Any]]:
    """The objects of an array; empty for anything else."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def part(payload: Any, name: str) -> Mapping[str, Any]:
    """The object that stands under a name; empty where there is none."""
    found = payload.get(name) if isinstance(payload, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _written(value: Any) -> str | None:
    """A text, or a number as one; None for anything else."""
    is_plain = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    return str(value) if is_plain else None


def _identifier(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    seen = visible(value) if isinstance(value, str) else ""
    return seen if 0 < len(seen) <= MAX_IDENTIFIER else None
