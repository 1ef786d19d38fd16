"""Formbricks: ``responseCreated``, ``responseUpdated`` and ``responseFinished``, signed as Standard Webhooks.

All three tell of one response, which is one feedback: each is a revision in the order of ``updatedAt``, so a score that
comes before its comment is upgraded in place. Until the response is finished, its attribute ``finished`` is "false".

The webhook does not say what kind of question an answer belongs to. So either the connection's mapping names scores and
texts (``{"scores": [{"path": "/data/data/nps", "kind": "nps"}], "texts": [{"path": "/data/data/why"}]}``, or ``fields``
by the question's id), or the connection re-fetches: then the survey is read with the response, and its questions are
known by their type, their words and the range of a rating.

A question that was left empty is not among the answers, but may be among the times that were spent (``ttc``) and is
among the questions of the survey: it is there, and empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound import standard_webhooks
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Parked
from chalicelib.sources.base import FetchingSource, VendorApi, read_json
from chalicelib.sources.collected import PLACED, Collected, Rule, entries, fitting, part

EVENTS: Final = ("responseCreated", "responseUpdated", "responseFinished")
TEST: Final = "testEndpoint"  # what the platform sends to try an address out
_KEY_BYTES: Final = range(24, 65)  # what Standard Webhooks allows
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RANGES: Final = range(3, 11)  # what a rating may go up to
_PRIVATE: Final = ("address", "cal")  # say who and where somebody is, not what they think


class Formbricks(FetchingSource):
    name: ClassVar[str] = "formbricks"
    key_made_by: ClassVar[str] = "vendor_later"  # it is shown once the webhook is there
    host: ClassVar[str] = "app.formbricks.com"
    api_limits: ClassVar[tuple[Limit, ...]] = (Limit(60, 60.0, guard=0.0),)
    fields: ClassVar[tuple[Field, ...]] = (Field("api_host", sure="recalled"),)
    credential_fields: ClassVar[tuple[Field, ...]] = (Field("api_key"),)
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/data/id",
        "occurred_at": "/data/createdAt",
        "revision_at": "/data/updatedAt",
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        standard_webhooks.verify(secrets, arrival.headers, arrival.raw, arrival.received_at)

    def check_secret(self, secret: str) -> None:
        if len(standard_webhooks.signing_key(secret)) not in _KEY_BYTES:
            raise Invalid("A secret stands for 24 to 64 bytes.", code="secret_invalid", pointer="/secret")

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their id in ``fields``."""

    def ignores(self, payload: Any) -> bool:
        return isinstance(payload, Mapping) and payload.get("event") == TEST

    # No delivery id: some releases make a new one for every attempt, and the bytes or the content tell a repetition.

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_json(arrival.raw)
        response = part(payload, "data")
        if not isinstance(response.get("data"), Mapping):
            raise Parked("The payload holds no answers.", code="unknown_shape")
        if payload.get("event") not in EVENTS:
            raise Parked("This event carries no response.", code="unknown_operation")
        questions = part(response, "survey").get("questions")
        if not isinstance(questions, list) and not any(mapping.get(name) for name in ("scores", "texts", "fields")):
            raise Parked("The connection's mapping names no score and no text.", code="mapping_empty")
        merged = {**self.mapping, **mapping}
        found = Collected(merged.get("fields", {}))
        known = {str(one.get("id")): one for one in entries(questions)}
        if not isinstance(questions, list) and _names_others(mapping, response):
            raise mappings.finds_nothing()
        _read_answers(found, response["data"], known)
        _read_person(found, response)
        if response.get("finished") is False:
            found.attribute("finished", False)
        if response.get("language") != "default":
            found.hidden("lang", response.get("language"))
        base = found.voice(self.response_key(payload, merged["response_id"]), arrival.received_at)
        asked = dict.fromkeys((*known, *part(response, "ttc")))
        whole = {**payload, "data": {**response, "data": {**asked, **response["data"]}}}
        return mappings.apply(merged, whole, received_at=arrival.received_at, base=base)

    # --- the platform's API --------------------------------------------------------------------------------------

    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        return {"x-api-key": credentials["api_key"]}

    def fetch(self, payload: Any, api: VendorApi, settings: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """The response as it is now, with the questions of its survey."""
        response = _data(api.get(f"/api/v1/management/responses/{_id(part(payload, 'data').get('id'))}"))
        survey = _data(api.get(f"/api/v1/management/surveys/{_id(response.get('surveyId'))}"))
        known = {"questions": [_trimmed(one) for one in _questions(survey)]}
        return {"event": payload.get("event"), "data": {**response, "survey": known}}


def _names_others(mapping: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether ``fields``, which alone tell the answers apart, name none of the questions that are there."""
    by_place = mapping.get("scores") or mapping.get("texts")  # of which the mapping's own reading judges
    there = response["data"].keys() | part(response, "ttc").keys()
    return bool(response["data"]) and not by_place and not mapping.get("fields", {}).keys() & there


def _read_answers(found: Collected, answers: Mapping[str, Any], questions: Mapping[str, Mapping[str, Any]]) -> None:
    for name, value in answers.items():
        rule, question = found.rule(name), questions.get(name)
        if value is None or value in ("", []):
            continue
        if rule is not None:
            found.number(rule, name, value)
        elif question is not None:
            _read_answer(found, question, value)
        elif questions or name in PLACED:
            found.hidden(name, value)
        # Anything else may be somebody's address: without its question only the mapping says what it is.


def _read_answer(found: Collected, question: Mapping[str, Any], value: Any) -> None:
    """One answer to its place, by the type of its question."""
    kind, asked = question.get("type"), question.get("headline") or question.get("id")
    if kind == "openText":
        _read_words(found, question.get("inputType"), asked, value)
    elif kind == "contactInfo" and isinstance(value, list):
        first, last, email, phone = [*value, "", "", "", ""][:4]
        found.known("name", " ".join(name for name in (first, last) if isinstance(name, str) and name))
        found.known("email", email)
        found.known("phone", phone)
    elif kind in ("multipleChoiceSingle", "multipleChoiceMulti"):
        _choose(found, question.get("choices"), asked, value)
    elif kind == "matrix" and isinstance(value, Mapping):
        for row, chosen in value.items():
            found.attribute(f"{asked}: {row}", chosen)
    elif kind == "fileUpload" and isinstance(value, list):
        for link in value:
            found.attachment(link)
    elif kind not in _PRIVATE:
        rule = _own_rule(question)
        found.number(rule and fitting(rule, value), asked, value)


def _read_words(found: Collected, kind: Any, asked: Any, value: Any) -> None:
    if kind in ("email", "phone"):
        found.known(kind, value)
    elif kind in ("number", "url"):
        found.attribute(asked, value)
    else:
        found.text(value, asked)


def _choose(found: Collected, choices: Any, asked: Any, value: Any) -> None:
    """Choices come as their labels; what is none of them was typed by the customer."""
    chosen = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    labels = choices if isinstance(choices, list) and choices else chosen
    found.attribute(asked, [one for one in chosen if one in labels])
    for one in chosen:
        if one not in labels:
            found.text(one, asked)


def _own_rule(question: Mapping[str, Any]) -> Rule | None:
    """Kind and scale where the question itself says them; None: no score."""
    if question.get("type") == "nps":
        return {"kind": "nps"}
    highest = question.get("range")
    if question.get("type") == "rating" and type(highest) is int and highest in _RANGES:
        return {"kind": "rating", "scale": [1, highest]}
    return None


def _read_person(found: Collected, response: Mapping[str, Any]) -> None:
    """Who answered: ``contact`` and ``contactAttributes``, in older releases ``person`` and ``personAttributes``."""
    for who, more in (("contact", "contactAttributes"), ("person", "personAttributes")):
        known = part(response, more)
        found.known("id", part(response, who).get("userId") or known.get("userId"))
        found.known("email", known.get("email"))
        found.known("phone", known.get("phone"))


def _data(answer: Any) -> Mapping[str, Any]:
    """What the API wraps its answers in. Raises Parked where it is none."""
    found = part(answer, "data")
    if not found:
        raise Parked("The vendor's answer holds no data.", code="unknown_shape")
    return found


def _id(value: Any) -> str:
    """An id that may stand in a path."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Parked("The response or its survey has no plain id.", code="mapping_bad_response_id")
    return value


def _questions(survey: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Newer releases keep them in blocks, older ones in one list."""
    blocks = [one for block in entries(survey.get("blocks")) for one in entries(block.get("elements"))]
    return blocks or entries(survey.get("questions"))


def _trimmed(question: Mapping[str, Any]) -> dict[str, Any]:
    """What reading needs of a question: a survey with its pictures and logic would not fit into a message."""
    kept = {name: question[name] for name in ("id", "type", "range", "inputType") if name in question}
    labels = [label for one in entries(question.get("choices")) for label in _spoken(one.get("label"))]
    return {**kept, "headline": next(iter(_spoken(question.get("headline"))), None), "choices": labels}


def _spoken(text: Any) -> list[str]:
    """A text in all its languages, the default one first."""
    if isinstance(text, str):
        return [text]
    if not isinstance(text, Mapping):
        return []
    ordered = [text.get("default"), *(one for name, one in text.items() if name != "default")]
    return [one for one in ordered if isinstance(one, str) and one]
