"""浩客 Howxm: webhook without a signature, so the path token is the proof. It describes its own questions.

* ``NpsField`` becomes an NPS, a type with ``Text`` in its name a text
* everything else becomes an attribute under the question's label. How other scales are sent is not documented: a
  number stays an attribute until the connection's mapping names it,
  ``{"fields": {"<code or label>": {"kind": "csat", "scale": [1, 5]}}}``
* an NPS that is no number from 0 to 10 is an attribute, too
* the event that showed the survey is the touchpoint

An entry that comes again with other answers, for instance first without its comment, is the next revision of the same
response, by arrival: the body tells no time of an edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.time.moments import zoned
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Parked
from chalicelib.sources.base import Source, read_json, settings_of
from chalicelib.sources.collected import Collected, entries, fitting, part


class Howxm(Source):
    name: ClassVar[str] = "howxm"
    proof: ClassVar[str] = "token"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/entry/serial_number",
        "occurred_at": "/entry/created_at",
        "touchpoint": "/entry/triggerred_by_event",  # the platform's own spelling
    }

    fields: ClassVar[tuple[Field, ...]] = (
        Field("utc_offset", "number", default=8, least=-12, most=14, sure="recalled"),
    )

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Nothing to check: the token was."""

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their code or label in ``fields``."""

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """``campaign:serial``: serial numbers count per campaign, and one hook may serve several."""
        campaign = mappings.response_key(payload, "/campaign/id")
        return f"{campaign}:{super().response_key(payload, pointer)}"

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = _zoned(read_json(arrival.raw), settings_of(mapping).get("utc_offset", 8))
        if payload.get("event_type") != "entry_submitted":
            raise Parked("This event carries no entry.", code="unknown_operation")
        merged = {**self.mapping, **mapping}
        key = self.response_key(payload, merged["response_id"])
        found = Collected(merged.get("fields", {}))
        _read(found, payload)
        voice = mappings.apply(
            merged, payload, received_at=arrival.received_at, base=found.voice(key, arrival.received_at)
        )
        return replace(voice, response_key=key)


def _zoned(payload: Mapping[str, Any], hours: float) -> Mapping[str, Any]:
    """The payload with a zone at its time, should it have none."""
    entry = part(payload, "entry")
    return {**payload, "entry": {**entry, "created_at": zoned(entry.get("created_at"), hours)}}


def _read(found: Collected, payload: Mapping[str, Any]) -> None:
    campaign, entry = part(payload, "campaign"), part(payload, "entry")
    answers = part(entry, "fields")
    questions = {question["code"]: question for question in entries(campaign.get("fields")) if _coded(question)}
    for code in dict.fromkeys([*questions, *answers]):  # as asked; what nobody describes comes last
        if code in answers:
            _answer(found, code, questions.get(code, {}), answers[code])
    person = part(entry, "customer")
    for kept, theirs in (("id", "uid"), ("name", "name"), ("email", "email"), ("phone", "mobile")):
        found.known(kept, person.get(theirs))
    found.attribute("campaign", campaign.get("name"))
    for name in ("delivery_method", "submitted_on"):
        found.attribute(name, entry.get(name))


def _answer(found: Collected, code: str, question: Mapping[str, Any], value: Any) -> None:
    kind, label = question.get("type"), question.get("label") or code
    rule = found.rule(code, question.get("label")) or (fitting({"kind": "nps"}, value) if kind == "NpsField" else None)
    if rule:
        found.number(rule, label, value)
    elif isinstance(kind, str) and "Text" in kind:
        found.text(value, question.get("label"))
    elif isinstance(value, Mapping):  # no documented answer is an object; what it names must not be lost
        for name, answer in value.items():
            found.attribute(f"{label} {name}", answer)
    else:
        found.attribute(label, _in_words(value, question.get("choices")))


def _in_words(value: Any, choices: Any) -> Any:
    """Choices by their label where they come by a code."""
    labels = {str(choice.get("code")): choice.get("label") for choice in entries(choices)}
    chosen = [labels.get(str(entry)) or entry for entry in (value if isinstance(value, list) else [value])]
    return chosen if isinstance(value, list) else chosen[0]


def _coded(described: Mapping[str, Any]) -> bool:
    return isinstance(described.get("code"), str)
