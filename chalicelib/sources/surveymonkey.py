"""SurveyMonkey: webhooks that hold ids, signed with HMAC-SHA1 under ``<client id>&<client secret>``; answers by API.

An event about a response makes us read it, whatever has happened to it: ``response_updated`` comes once per page, and
each reading is a revision in the order of ``date_modified``. ``response_deleted`` takes the voice back. Events about
surveys and collectors are answered and not kept.

Answers name their choices by ids, so the survey's own definition is read with them:

* an NPS is a rating of eleven choices weighed -100, 0 and 100; stars are their weights; a rating whose choices are
  numbers is on the scale of those numbers; ratings in words stay attributes until the mapping names them by the
  question's id: ``{"fields": {"2003": {"kind": "csat", "scale": [1, 5]}}}`` reads their weights;
* essays and "other" are texts, choices are attributes in their words, contact questions are the customer's;
* custom variables ``customer_id``, ``unit``, ``touchpoint``, ``lang`` go to their places, others become attributes;
  the collector's custom value is the customer's id where no variable is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.time import moments
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Parked
from chalicelib.sources.base import FetchingSource, Found, VendorApi, read_json, tombstone
from chalicelib.sources.collected import Collected, Rule, check_signature, entries, part
from chalicelib.sources.rounds import Payloads, State, take_step

DELETED: Final = "response_deleted"
PAGE: Final = 100  # responses, the most that the API gives at once
OVERLAP: Final = timedelta(minutes=15)  # a response may show up a while after it was modified
_ID: Final = re.compile(r"[0-9]{1,24}")
_TAG: Final = re.compile(r"<[^<>]{0,300}>")  # headings may be formatted
_NUMBER: Final = re.compile(r"[0-9]{1,3}")  # as a choice may hold it
_NPS_WEIGHTS: Final = (-100, 0, 100)  # of detractors, passives, promoters
_KEPT: Final = (
    *("id", "survey_id", "collector_id", "response_status", "collection_mode", "date_created", "date_modified"),
    *("custom_value", "custom_variables", "pages"),
)
_PERSON: Final = ("name", "email", "phone")  # of a contact question; addresses are not read


class SurveyMonkey(FetchingSource):
    name: ClassVar[str] = "surveymonkey"
    key_made_by: ClassVar[str] = "vendor"
    host: ClassVar[str] = "api.surveymonkey.com"
    polls: ClassVar[bool] = True
    api_limits: ClassVar[tuple[Limit, ...]] = (Limit(100, 60.0, guard=0.0),)
    fields: ClassVar[tuple[Field, ...]] = (
        Field(
            "api_host",
            "choice",
            choices=("api.surveymonkey.com", "api.eu.surveymonkey.com", "api.surveymonkey.ca"),
            default="api.surveymonkey.com",
            sure="recalled",
        ),
        Field("surveys", "list", longest=50),
    )
    credential_fields: ClassVar[tuple[Field, ...]] = (Field("access_token", longest=500),)
    mapping: ClassVar[Mapping[str, Any]] = {"response_id": "/object_id"}
    whole: ClassVar[Mapping[str, Any]] = {
        "response_id": "/response/id",
        "occurred_at": "/response/date_created",
        "revision_at": "/response/date_modified",
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        made = [signature(arrival.raw, secret) for secret in secrets]
        check_signature(arrival.headers.get("sm-signature"), "Sm-Signature header", made)

    def check_secret(self, secret: str) -> None:
        super().check_secret(secret)
        if not all(secret.partition("&")):
            raise Invalid("The secret is <client id>&<client secret>.", code="secret_invalid", pointer="/secret")

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their id in ``fields``; the identity of a response is its own."""
        if "response_id" in mapping:
            raise Invalid("SurveyMonkey names its responses itself.", pointer="/mapping/response_id")

    def ignores(self, payload: Any) -> bool:
        event = payload.get("event_type") if isinstance(payload, Mapping) else None
        return isinstance(event, str) and not event.startswith("response_")

    def thin(self, payload: Any) -> bool:
        event = payload.get("event_type") if isinstance(payload, Mapping) else None
        return isinstance(event, str) and event.startswith("response_") and event != DELETED

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        """The event's; a response that was read by API has none, and its content tells a repetition."""
        found = payload.get("event_id") if isinstance(payload, Mapping) else None
        return found if isinstance(found, str) and 0 < len(found) <= 256 else None

    def response_key(self, payload: Any, pointer: str | None) -> str:  # noqa: ARG002
        place = self.whole if part(payload, "response") else self.mapping
        return mappings.response_key(payload, place["response_id"])

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_json(arrival.raw)
        if payload.get("event_type") == DELETED:
            key, places = self.response_key(payload, None), {"revision_at": "/event_datetime"}
            return tombstone(key, payload, places, arrival.received_at)
        if self.thin(payload):
            raise Parked("The event holds ids only: the response must be read by API.", code="thin_event")
        response = part(payload, "response")
        if not response:
            raise Parked("The payload is no event and no response.", code="unknown_shape")
        merged = {**self.whole, **mapping, "response_id": self.whole["response_id"]}
        found = Collected(merged.get("fields", {}))
        for page in entries(response.get("pages")):
            for question in entries(page.get("questions")):
                known = part(part(payload, "questions"), str(question.get("id")))
                _Question(str(question.get("id")), known).read(found, entries(question.get("answers")))
        _read_record(found, response)
        base = found.voice(self.response_key(payload, None), arrival.received_at)
        return mappings.apply(merged, payload, received_at=arrival.received_at, base=base)

    # --- the platform's API --------------------------------------------------------------------------------------

    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        return {"authorization": f"Bearer {credentials['access_token']}"}

    def fetch(self, payload: Any, api: VendorApi, settings: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """The response as it is now, with the questions that it answers. A removal is taken at its signed word."""
        if isinstance(payload, Mapping) and payload.get("event_type") == DELETED:
            return dict(payload)
        known = part(payload, "response")
        survey = _id(known.get("survey_id") or part(payload, "resources").get("survey_id"))
        response = _id(known.get("id") or (payload.get("object_id") if isinstance(payload, Mapping) else None))
        details = api.get(f"/v3/surveys/{survey}/responses/{response}/details")
        return _whole(details, _questions(api.get(f"/v3/surveys/{survey}/details")))

    def poll(
        self, cursor: Mapping[str, Any] | None, api: VendorApi, settings: Mapping[str, Any], now: datetime
    ) -> Found:
        """One page of one survey, in the order of modification. A round visits every survey until it is read."""
        surveys = [one for one in settings.get("surveys", ()) if _ID.fullmatch(one)]
        return take_step(surveys, cursor, settings["poll_since"], lambda survey, state: _page(survey, state, api, now))


def signature(raw: bytes, secret: str) -> str:
    """What the header says for this body."""
    return base64.b64encode(hmac.new(secret.encode("utf-8"), raw, hashlib.sha1).digest()).decode("ascii")


class _Question:
    """A question as its survey defines it; of one that is no longer there, only words can be read."""

    def __init__(self, name: str, known: Mapping[str, Any]) -> None:
        self.name = name
        self.known = known
        self.asked = known.get("heading") or name
        self.choices, self.rows = _objects(part(known, "choices")), _objects(part(known, "rows"))

    def read(self, found: Collected, answers: Sequence[Mapping[str, Any]]) -> None:
        """Put the answers where they belong."""
        rule = found.rule(self.name, self.asked) or self._own_rule()
        chosen: dict[str, list[str]] = {}  # row, or nothing → the words of its choices
        for answer in answers:
            row, column = (part(self.rows, str(answer.get(name))).get("text") for name in ("row_id", "col_id"))
            choice = part(self.choices, str(answer.get("choice_id")))
            value = None if not choice or choice.get("na") else self._number(choice)
            if not choice:
                self._read_words(found, answer, rule, part(self.rows, str(answer.get("row_id"))))
            elif rule is not None and value is not None:
                found.number(rule, self.asked, value)
            else:
                place = " / ".join(one for one in (row, column) if isinstance(one, str) and one)
                chosen.setdefault(place, []).append(str(choice.get("text") or ""))
        for place, words in chosen.items():
            found.attribute(f"{self.asked}: {place}" if place else self.asked, words)

    def _read_words(
        self, found: Collected, answer: Mapping[str, Any], rule: Rule | None, row: Mapping[str, Any]
    ) -> None:
        """What was typed, by the family of the question."""
        family, words = self.known.get("family"), answer.get("text")
        asked = f"{self.asked}: {row['text']}" if row.get("text") else self.asked
        if "download_url" in answer:
            found.attachment(answer["download_url"])
        elif family == "demographic":
            if row.get("type") in _PERSON:
                found.known(str(row["type"]), words)
        elif rule is not None and "other_id" not in answer:  # beside a score, "other" is its comment
            found.number(rule, asked, words)
        elif "other_id" in answer:
            found.text(words, asked)
        elif family == "datetime" or self.known.get("display") == "slider" or self.known.get("subtype") == "numerical":
            found.attribute(asked, words)
        else:
            found.text(words, asked if self.known else None)

    def _own_rule(self) -> Rule | None:
        """Kind and scale where the question itself says them, see the module's text; None: no score."""
        if self.known.get("family") != "matrix" or self.known.get("subtype") != "rating":
            return None
        if self._is_nps():
            return {"kind": "nps"}
        counted = [choice for choice in self.choices.values() if not choice.get("na")]
        written = all(_in_words(choice) is not None for choice in counted)
        numbers = sorted(value for choice in counted if (value := self._number(choice)) is not None)
        if len(numbers) < 2 or not (written or self.known.get("display") == "emoji"):
            return None
        steps = [numbers[0] + step for step in range(len(counted))]
        return {"kind": "rating", "scale": [steps[0], steps[-1]]} if numbers == steps and steps[0] in (0, 1) else None

    def _is_nps(self) -> bool:
        weights = [choice.get("weight") for choice in self.choices.values() if not choice.get("na")]
        fits = all(weight in _NPS_WEIGHTS for weight in weights) and all(one in weights for one in _NPS_WEIGHTS)
        return len(weights) == 11 and fits

    def _number(self, choice: Mapping[str, Any]) -> int | float | None:
        """What a choice counts: the number in its words, else its place on an NPS, else its weight."""
        written = _in_words(choice)
        if written is not None:
            return written
        if self._is_nps():
            counted = (one for one in self.choices.values() if not one.get("na"))
            return next(place for place, one in enumerate(counted) if one is choice)
        weight = choice.get("weight")
        return weight if isinstance(weight, int | float) and not isinstance(weight, bool) else None


def _objects(named: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: one for name, one in named.items() if isinstance(one, Mapping)}


def _in_words(choice: Mapping[str, Any]) -> int | None:
    """The one number in a choice's words; None for none or several."""
    found = _NUMBER.findall(str(choice.get("text") or ""))
    return int(found[0]) if len(found) == 1 else None


def _read_record(found: Collected, response: Mapping[str, Any]) -> None:
    """Who answered and how far: what the platform records of every response."""
    for name, value in part(response, "custom_variables").items():
        found.hidden(name, value)
    found.known("id", response.get("custom_value"))
    status, mode = response.get("response_status"), response.get("collection_mode")
    if status == "partial":
        found.attribute("finished", False)
    elif status != "completed":
        found.attribute("status", status)
    if mode != "default":
        found.attribute("collection_mode", mode)  # a preview, entered by hand, an edit


def _whole(response: Any, questions: Mapping[str, Any]) -> dict[str, Any]:
    """What ``parse`` reads: the same whether it was fetched for an event or found by a poll."""
    if not isinstance(response, Mapping) or not isinstance(response.get("pages"), list):
        raise Parked("The vendor's answer holds no response.", code="unknown_shape")
    answered = {str(one.get("id")) for page in entries(response["pages"]) for one in entries(page.get("questions"))}
    kept = {name: response[name] for name in _KEPT if name in response}
    return {"response": kept, "questions": {name: one for name, one in questions.items() if name in answered}}


def _questions(survey: Any) -> dict[str, dict[str, Any]]:
    """The questions of a survey by their ids, with what reading needs of them."""
    pages = entries(survey.get("pages")) if isinstance(survey, Mapping) else []
    return {str(one.get("id")): _definition(one) for page in pages for one in entries(page.get("questions"))}


def _definition(question: Mapping[str, Any]) -> dict[str, Any]:
    answers = part(question, "answers")
    columns = entries(answers.get("cols"))
    choices = [*entries(answers.get("choices")), *(one for column in columns for one in entries(column.get("choices")))]
    heading = next((one.get("heading") for one in entries(question.get("headings"))), None)
    return {
        "heading": _TAG.sub("", heading).strip() if isinstance(heading, str) else None,
        "family": question.get("family"),
        "subtype": question.get("subtype"),
        "display": part(question, "display_options").get("display_type"),
        "choices": {
            str(one.get("id")): {"text": one.get("text"), "weight": one.get("weight"), "na": one.get("is_na") is True}
            for one in choices
        },
        "rows": {
            str(one.get("id")): {"text": one.get("text"), "type": one.get("type")}
            for one in (*entries(answers.get("rows")), *columns)
        },
    }


def _page(survey: str, state: State, api: VendorApi, now: datetime) -> tuple[Payloads, State, bool]:
    """One page of what was modified, where the next one begins, and whether this was the last."""
    since, page = moments.rfc3339(state["since"]), state.get("page", 1)
    wanted = {
        "start_modified_at": since.isoformat(timespec="seconds"),
        "sort_by": "date_modified",
        "sort_order": "ASC",
        "per_page": str(PAGE),
        "page": str(page),
    }
    answer = api.get(f"/v3/surveys/{survey}/responses/bulk", wanted)
    listed = entries(answer.get("data") if isinstance(answer, Mapping) else None)
    if not listed:
        return (), {"since": state["since"]}, True
    questions = _questions(api.get(f"/v3/surveys/{survey}/details"))
    payloads = tuple(_whole(one, questions) for one in listed)
    newest = max(_modified(one, since) for one in listed)
    last = newest - timedelta(seconds=1)
    if len(listed) < PAGE:
        return payloads, {"since": moments.written(max(since, min(newest, now - OVERLAP)))}, True
    if last > since:
        # From the last one on, not by number: pages shift when a response is modified meanwhile.
        return payloads, {"since": moments.written(last)}, False
    return payloads, {"since": state["since"], "page": page + 1}, False


def _modified(response: Mapping[str, Any], since: datetime) -> datetime:
    try:
        return moments.loose(response.get("date_modified"))
    except ValueError:
        return since


def _id(value: Any) -> str:
    """An id that may stand in a path."""
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(written, str) or not _ID.fullmatch(written):
        raise Parked("The event names no response of a survey.", code="mapping_bad_response_id")
    return written
