"""Qualtrics, by either of its two ways out. Both know a response by its ``ResponseID`` and can read it whole by API.

* ``qualtrics``: event subscriptions. A form with ``Topic``, ``MSG`` (JSON) and ``HMAC``, the hexadecimal HMAC-SHA512 of
  the decoded ``MSG``. An event holds ids only, and several topics may tell of one response, so nothing is read from it
  but the ids; what is kept is the response as the API gives it. ``Topic`` is not signed and decides nothing.
* ``qualtrics_workflow``: the web-service task of a workflow, whose body the customer writes with piped text. The URL
  proves it, and a header ``X-Echoloop-Token`` where the connection has a secret. Known names (``response_id``,
  ``survey_id``, ``recorded_at``, ``nps``, ``comment``, ``email``, ``phone``, ``name``, ``customer_id``, ``unit``,
  ``touchpoint``, ``lang``) need no mapping; other names are attributes until ``fields`` makes them scores. JSON, or
  the form that piped text with quotes in it cannot break.

Of a whole response, an NPS is told by its ``_NPS_GROUP``, texts by ``_TEXT``, choices by their labels, and embedded
data by not being a question. Other numbers are recoded values of an unknown scale: attributes until ``fields`` names
them by their question id (``QID3``).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import unquote_to_bytes

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.time import moments
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Gone, Invalid, Parked
from chalicelib.sources.base import FetchingSource, Found, VendorApi, read_json, settings_of
from chalicelib.sources.collected import Collected, check_signature, entries, fitting, part
from chalicelib.sources.rounds import Payloads, State, take_step

OVERLAP: Final = timedelta(minutes=15)  # a response may show up in an export a while after it was recorded
LONGEST: Final = timedelta(days=1)  # of one export: its file must stay small enough to be read at once
SHORTEST: Final = timedelta(minutes=5)  # idem, where a day's file was too large
_SURVEY: Final = re.compile(r"SV_[A-Za-z0-9]{1,40}")
_RESPONSE: Final = re.compile(r"R_[A-Za-z0-9]{1,40}")
_FILE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_QUESTION: Final = re.compile(r"(?:[0-9]+_)?QID[0-9]+")
_NPS_GROUP: Final = "_NPS_GROUP"
# Display order, timing and files of a question: nothing that was answered in words or numbers.
_BESIDE: Final = re.compile(
    r".*_(?:DO(?:_[0-9]+)?|NPS_GROUP|FIRST_CLICK|LAST_CLICK|PAGE_SUBMIT|CLICK_COUNT|FILE_(?:ID|NAME|SIZE|TYPE))"
)
_SYSTEM: Final = (
    *("startDate", "endDate", "recordedDate", "status", "finished", "progress", "duration", "ipAddress", "_recordId"),
    *("locationLatitude", "locationLongitude", "distributionChannel", "userLanguage", "externalDataReference"),
    *("recipientEmail", "recipientFirstName", "recipientLastName"),
)
_LANGUAGES: Final = {"ZH-S": "zh-CN", "ZH-T": "zh-TW"}  # its own codes
_UNFILLED: Final = re.compile(r"\$\{[a-z]+://.*\}")  # piped text that pointed at nothing
_WORKFLOW_OWN: Final = ("response_id", "survey_id", "recorded_at")


class _Qualtrics(FetchingSource):
    """What both have in common: the API, and how a whole response reads."""

    host: ClassVar[str] = "iad1.qualtrics.com"
    api_limits: ClassVar[tuple[Limit, ...]] = (Limit(60, 60.0, guard=0.0),)
    credential_fields: ClassVar[tuple[Field, ...]] = (Field("api_token"),)
    whole: ClassVar[Mapping[str, Any]] = {
        "response_id": "/response/responseId",
        "occurred_at": "/response/values/endDate",
        "revision_at": "/response/values/recordedDate",
    }

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their id in ``fields``; the identity of a response is its own."""
        if "response_id" in mapping:
            raise Invalid("Qualtrics names its responses itself.", pointer="/mapping/response_id")

    def api_headers(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        return {"x-api-token": credentials["api_token"]}

    def fetch(self, payload: Any, api: VendorApi, settings: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        survey, response = _ids(payload)
        answer = api.get(f"/API/v3/surveys/{survey}/responses/{response}")
        return _whole(survey, part(answer, "result"))

    def read_whole(self, payload: Mapping[str, Any], mapping: Mapping[str, Any], received_at: datetime) -> Canonical:
        """A response as ``fetch`` and ``poll`` return it."""
        response = part(payload, "response")
        merged = {**self.whole, **mapping, "response_id": self.whole["response_id"]}
        found = Collected(merged.get("fields", {}))
        values, labels = part(response, "values"), part(response, "labels")
        for name, value in values.items():
            if name not in _SYSTEM and value is not None and value != "":
                _read_value(found, name, value, labels.get(name), f"{name}{_NPS_GROUP}" in values)
        _read_record(found, values, labels)
        base = found.voice(mappings.response_key(payload, merged["response_id"]), received_at)
        return mappings.apply(merged, payload, received_at=received_at, base=base)


class Qualtrics(_Qualtrics):
    name: ClassVar[str] = "qualtrics"
    polls: ClassVar[bool] = True
    mapping: ClassVar[Mapping[str, Any]] = {"response_id": "/MSG/ResponseID"}
    fields: ClassVar[tuple[Field, ...]] = (
        Field("api_host", required=True),
        Field("surveys", "list", longest=50),
    )

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Only ``MSG`` is signed: a body that would be read as anything else than its form has no proof."""
        form = {} if _is_json(arrival.raw) else _form(arrival.raw)
        message = form.get("MSG", b"")
        given = form.get("HMAC", b"").decode("utf-8", "replace") if message else ""
        check_signature(given, "HMAC field", [signature(message, secret) for secret in secrets])

    def decode(self, raw: bytes) -> Any:
        try:
            return read_event(raw)
        except Parked:
            return None

    def thin(self, payload: Any) -> bool:
        return bool(part(payload, "MSG"))

    def response_key(self, payload: Any, pointer: str | None) -> str:  # noqa: ARG002
        place = self.whole if part(payload, "response") else self.mapping
        return mappings.response_key(payload, place["response_id"])

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_event(arrival.raw)
        if self.thin(payload):
            raise Parked("The event holds ids only: the response must be read by API.", code="thin_event")
        return self.read_whole(payload, mapping, arrival.received_at)

    def poll(
        self, cursor: Mapping[str, Any] | None, api: VendorApi, settings: Mapping[str, Any], now: datetime
    ) -> Found:
        """One step for one survey: start an export, or take the one that is ready. A round visits every survey once."""
        surveys = [one for one in settings.get("surveys", ()) if _SURVEY.fullmatch(one)]
        return take_step(
            surveys, cursor, settings["poll_since"], lambda survey, state: (*_export(survey, state, api, now), True)
        )


class QualtricsWorkflow(_Qualtrics):
    name: ClassVar[str] = "qualtrics_workflow"
    proof: ClassVar[str] = "token"
    may_sign: ClassVar[bool] = True
    mapping: ClassVar[Mapping[str, Any]] = {"response_id": "/response_id"}
    fields: ClassVar[tuple[Field, ...]] = (
        Field("api_host"),
        Field("utc_offset", "number", default=8, least=-12, most=14, sure="recalled"),
    )

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """The secret itself, in a header, where there is one: the task can send headers and sign nothing."""
        if secrets:
            check_signature(arrival.headers.get("x-echoloop-token"), "X-Echoloop-Token header", secrets)

    def decode(self, raw: bytes) -> Any:
        try:
            return read_task(raw)
        except Parked:
            return None

    def response_key(self, payload: Any, pointer: str | None) -> str:  # noqa: ARG002
        place = self.whole if part(payload, "response") else self.mapping
        return mappings.response_key(payload, place["response_id"])

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        payload = read_task(arrival.raw)
        if part(payload, "response"):
            return self.read_whole(payload, mapping, arrival.received_at)
        merged = {**self.mapping, **mapping}
        found = Collected(merged.get("fields", {}))
        for name, value in payload.items():
            if name not in _WORKFLOW_OWN and not (isinstance(value, str) and _UNFILLED.fullmatch(value.strip())):
                _read_named(found, name, value)
        recorded = _moment(payload.get("recorded_at"), settings_of(mapping), arrival.received_at)
        base = found.voice(self.response_key(payload, None), arrival.received_at, occurred_at=recorded)
        return mappings.apply(merged, payload, received_at=arrival.received_at, base=base)


def signature(message: bytes, secret: str) -> str:
    """What ``HMAC`` says for this ``MSG``, decoded from the form: lower-case hexadecimal."""
    return hmac.new(secret.encode("utf-8"), message, hashlib.sha512).hexdigest()


def read_event(raw: bytes) -> Mapping[str, Any]:
    """``{"Topic", "MSG"}`` of an event with its ``MSG`` decoded, or a whole response. Raises Parked."""
    if _is_json(raw):
        payload = read_json(raw)
        if not part(payload, "response"):
            raise Parked("The payload is no event and no response.", code="unknown_shape")
        return payload
    form = _form(raw)
    if "MSG" not in form:
        raise Parked("The form holds no MSG.", code="unknown_shape")
    return {"Topic": form.get("Topic", b"").decode("utf-8", "replace"), "MSG": read_json(form["MSG"])}


def read_task(raw: bytes) -> Mapping[str, Any]:
    """The body of a web-service task by its names, or a whole response. Raises Parked."""
    if _is_json(raw):
        return read_json(raw)
    try:
        form = {name: value.decode("utf-8") for name, value in _form(raw).items()}
    except UnicodeDecodeError:
        raise Parked("The form is not UTF-8.", code="invalid_encoding") from None
    if not form:
        raise Parked("The body is neither JSON nor a form.", code="unknown_shape")
    return form


def _is_json(raw: bytes) -> bool:
    return raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _form(raw: bytes) -> dict[str, bytes]:
    """The fields of a form, decoded. What has no name is left out, and of two that share one both are."""
    found: dict[str, bytes] = {}
    twice = set()
    for pair in raw.removeprefix(b"\xef\xbb\xbf").split(b"&", 1_000)[:1_000]:
        name, equals, value = (unquote_to_bytes(one.replace(b"+", b" ")) for one in pair.partition(b"="))
        key = name.decode("utf-8", "replace").strip()
        if key in found:
            twice.add(key)
        elif equals and key:
            found[key] = value
    return {name: value for name, value in found.items() if name not in twice}


def _ids(payload: Any) -> tuple[str, str]:
    """Survey and response, from an event, a task's body or a whole response. Raises Parked."""
    message = part(payload, "MSG")
    survey = message.get("SurveyID") or (payload.get("survey_id") if isinstance(payload, Mapping) else None)
    response = message.get("ResponseID") or part(payload, "response").get("responseId")
    response = response or (payload.get("response_id") if isinstance(payload, Mapping) else None)
    if not isinstance(survey, str) or not _SURVEY.fullmatch(survey):
        raise Parked("The event names no survey.", code="unknown_shape")
    if not isinstance(response, str) or not _RESPONSE.fullmatch(response):
        raise Parked("The event names no response.", code="mapping_bad_response_id")
    return survey, response


def _whole(survey: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a response: not what was merely displayed."""
    if not isinstance(result.get("responseId"), str) or not isinstance(result.get("values"), Mapping):
        raise Parked("The vendor's answer holds no response.", code="unknown_shape")
    kept = {name: result[name] for name in ("responseId", "values", "labels") if name in result}
    return {"survey_id": survey, "response": kept}


def _export(survey: str, state: State, api: VendorApi, now: datetime) -> tuple[Payloads, State]:
    """The responses of an export that is ready, and what to know at the survey's next turn."""
    path = f"/API/v3/surveys/{survey}/export-responses"
    span = {"span": state["span"]} if "span" in state else {}
    since = {"since": state["since"], **span}
    if "progress" not in state:
        return (), {**_begin(path, state, api, now), **span}
    try:
        shown = part(api.get(f"{path}/{state['progress']}"), "result")
        if not shown.get("fileId"):
            return (), since if shown.get("status") == "failed" else state
        answer = api.get(f"{path}/{_file(shown['fileId'])}/file")
    except Gone:
        return (), since  # exports are thrown away after a while: begin again
    except Parked as error:
        return (), {"since": state["since"], "span": _smaller(state, error)}
    listed = entries(answer.get("responses") if isinstance(answer, Mapping) else None)
    after = {**since, "since": _next_since(moments.rfc3339(state["since"]), moments.rfc3339(state["until"]), now)}
    return tuple(_whole(survey, one) for one in listed), after


def _smaller(state: State, error: Parked) -> float:
    """Seconds of the next export where the file of the one before was too large. Raises the error for anything else."""
    span = timedelta(seconds=state.get("span", LONGEST.total_seconds())) / 4
    if error.code != "vendor_answer_too_large" or span < SHORTEST:
        raise error
    return span.total_seconds()


def _begin(path: str, state: State, api: VendorApi, now: datetime) -> Mapping[str, Any]:
    """Ask for an export of the next stretch of time."""
    since = state["since"]
    begin = moments.rfc3339(since)
    until = min(now, begin + timedelta(seconds=state.get("span", LONGEST.total_seconds())))
    if until <= begin:
        return {"since": since}
    stretch = {"startDate": moments.written(begin), "endDate": moments.written(until)}
    answer = api.post(path, {"format": "json", "compress": False, **stretch})
    progress = _file(part(answer, "result").get("progressId"))
    return {"since": since, "until": stretch["endDate"], "progress": progress}


def _next_since(since: datetime, until: datetime, now: datetime) -> str:
    """Where the next export begins: what has just passed is looked at again, so that what shows up late is found."""
    return moments.written(max(since, min(until, now - OVERLAP)))


def _file(value: Any) -> str:
    """The id of an export or of its file, as it may stand in a path."""
    if not isinstance(value, str) or not _FILE.fullmatch(value):
        raise Parked("The vendor's answer names no export.", code="unknown_shape")
    return value


def _read_value(found: Collected, name: str, value: Any, label: Any, nps: bool) -> None:
    """One value to its place, by its name and by whether it has a label."""
    rule = found.rule(name) or (fitting({"kind": "nps"}, value) if nps else None)
    if rule is not None:
        found.number(rule, name, value)
    elif _QUESTION.match(name) and _BESIDE.fullmatch(name):
        return
    elif not _QUESTION.match(name):
        found.hidden(name, value)
    elif label is not None:
        found.attribute(name, label)
    elif isinstance(value, str):
        found.text(value)
    else:
        found.attribute(name, value)


def _read_record(found: Collected, values: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
    """Who answered and how: what the platform records of every response."""
    found.known("id", values.get("externalDataReference"))
    found.known("email", values.get("recipientEmail"))
    names = [values.get(name) for name in ("recipientFirstName", "recipientLastName")]
    found.known("name", " ".join(name for name in names if isinstance(name, str) and name))
    spoken = values.get("userLanguage")
    if isinstance(spoken, str):
        found.hidden("lang", _LANGUAGES.get(spoken, spoken.lower()))
    if values.get("finished") in (0, False, "0"):
        found.attribute("finished", False)
    if values.get("status") not in (None, 0, "0", ""):
        found.attribute("status", labels.get("status") or values["status"])  # a preview, a test, spam


def _read_named(found: Collected, name: str, value: Any) -> None:
    """One name of a task's body."""
    rule = found.rule(name)
    if rule is not None or name == "nps":
        found.number(rule or {"kind": "nps"}, name, value.strip() if isinstance(value, str) else value)
    elif name == "comment" or name.startswith("comment_"):
        found.text(value)
    elif name in ("email", "phone", "name"):
        found.known(name, value)
    else:
        found.hidden(name, value)


def _moment(value: Any, settings: Mapping[str, Any], received_at: datetime) -> datetime:
    """When it was answered; the task runs at once, so a time that cannot be read is now."""
    try:
        moment = moments.loose(moments.zoned(value, settings.get("utc_offset", 8)))
    except ValueError:
        return received_at
    return moment if moments.plausible(moment, received_at) else received_at
