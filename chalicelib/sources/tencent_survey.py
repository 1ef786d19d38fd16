"""腾讯问卷 Tencent Survey (wj.qq.com, wesurvey.com): webhook without a signature, so the path token is the proof.

Answers come page by page with the type of each question; the page ``custom_args`` holds what the link carried.

* text questions become texts, with the question's title where it is sent
* choices become attributes: the options that are ``checked``
* ``nps`` becomes an NPS where its answer is a number. How stars and scales are sent is not documented: they stay
  attributes until the connection's mapping names them, ``{"fields": {"<question id or title>": {"kind": "csat",
  "scale": [1, 5]}}}``. Where the answers are words, the setting ``option_values`` gives them their numbers.

``answer.update`` is a revision by the event's own time, ``answer.delete`` a tombstone after every edit. An event that
says of itself that it is about something else than an answer is answered and not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.time.moments import zoned
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Parked
from chalicelib.sources.base import Source, read_json, settings_of, tombstone
from chalicelib.sources.collected import Collected, Rule, entries, part

DELETED: Final = "answer.delete"
_KEPT: Final = ("answer.create", "answer.update")
_NPS: Final = tuple(map(str, range(11)))
_LINK: Final = "custom_args"  # the page that holds the parameters of the survey's link


class TencentSurvey(Source):
    name: ClassVar[str] = "tencent_survey"
    proof: ClassVar[str] = "token"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/payload/answer_id",
        "occurred_at": "/payload/ended_at",
        "revision_at": "/created_at",
    }
    fields: ClassVar[tuple[Field, ...]] = (
        Field("customer_arg", default="customer_id", longest=mappings.MAX_NAME),
        Field("option_values", "map", longest=100, sure="unknown"),
        Field("utc_offset", "number", default=8, least=-12, most=14, sure="recalled"),
    )

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Nothing to check: the token was."""

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        """Questions may be named by their id or title in ``fields``."""

    def ignores(self, payload: Any) -> bool:
        """What the platform sends to try the URL out, as far as it says so."""
        if not isinstance(payload, Mapping):
            return False
        about, action = payload.get("object"), payload.get("action")
        if isinstance(action, str):
            return not action.startswith("answer.")
        return isinstance(about, str) and not _is_answer(about)

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None:  # noqa: ARG002
        found = payload.get("id") if isinstance(payload, Mapping) else None
        return found if isinstance(found, str) and 0 < len(found) <= 256 else None

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """``survey:answer``: answers count per survey, and one hook may serve several."""
        survey = mappings.response_key(payload, "/payload/survey_id")
        return f"{survey}:{super().response_key(payload, pointer)}"

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        settings = settings_of(mapping)
        payload = _zoned(read_json(arrival.raw), settings.get("utc_offset", 8))
        action = payload.get("action")
        if not _is_answer(payload.get("object", "Answer")) or (action != DELETED and action not in _KEPT):
            raise Parked("This action carries no answer.", code="unknown_operation")
        merged = {**self.mapping, **mapping}
        key = self.response_key(payload, merged["response_id"])
        if action == DELETED:
            return self._tombstone(payload, key, arrival)
        found = Collected(merged.get("fields", {}))
        _Answers(found, settings).read(part(payload, "payload"))
        voice = mappings.apply(
            merged, payload, received_at=arrival.received_at, base=found.voice(key, arrival.received_at)
        )
        return replace(voice, response_key=key)

    def _tombstone(self, payload: Mapping[str, Any], key: str, arrival: Arrival) -> Canonical:
        """The deletion happened after every edit, however the platform's clock runs."""
        now = arrival.received_at
        places = {name: self.mapping[name] for name in ("occurred_at", "revision_at")}
        voice = tombstone(key, payload, places, now)
        return replace(voice, revision_at=max(now, voice.revision_at or now))


def _is_answer(about: Any) -> bool:
    return isinstance(about, str) and about.lower() == "answer"


class _Answers:
    """Walks through the pages of one answer."""

    def __init__(self, found: Collected, settings: Mapping[str, Any]) -> None:
        self._found = found
        self._customer_arg = settings.get("customer_arg", "customer_id")
        self._values = settings.get("option_values", {})  # an option's words → its number

    def read(self, answer: Mapping[str, Any]) -> None:
        for page in entries(answer.get("answer")):
            for question in entries(page.get("questions")):
                if page.get("id") == _LINK:
                    self._carried(question)
                else:
                    self._question(question)
        person = part(answer, "third_party_user")
        self._found.known("id", person.get("openid"))
        self._found.known("name", person.get("nickname"))

    def _carried(self, parameter: Mapping[str, Any]) -> None:
        name, value = parameter.get("title"), parameter.get("text")
        self._found.hidden("customer_id" if name == self._customer_arg else name, value)

    def _question(self, question: Mapping[str, Any]) -> None:
        kind, title, said = question.get("type"), question.get("title"), question.get("text")
        name = title or question.get("id")
        chosen = [option.get("text") for option in entries(question.get("options")) if _checked(option)]
        value = self._number(chosen[0] if said in (None, "") and chosen else said)
        rule = self._found.rule(question.get("id"), title) or _own_rule(kind, value)
        if rule:
            self._found.number(rule, name, value)
        elif chosen:
            self._found.attribute(name, chosen)
        elif isinstance(kind, str) and kind.startswith("text"):
            self._found.text(said, title)
        else:
            self._found.attribute(name, said)
        blanks = question.get("blanks")
        for blank in blanks if isinstance(blanks, list) else ():
            self._found.text(blank.get("text") if isinstance(blank, Mapping) else blank, title)

    def _number(self, words: Any) -> Any:
        return self._values.get(words, words) if isinstance(words, str) else words


def _checked(option: Mapping[str, Any]) -> bool:
    """All options may come, those that were not chosen as well."""
    return option.get("checked") in (1, True, "1")


def _own_rule(kind: Any, value: Any) -> Rule | None:
    """The scale where the type says it and the answer is on it."""
    return {"kind": "nps"} if kind == "nps" and str(value) in _NPS else None


def _zoned(payload: Mapping[str, Any], hours: float) -> Mapping[str, Any]:
    """The payload with a zone at its local times."""
    answer = part(payload, "payload")
    return {
        **payload,
        "created_at": zoned(payload.get("created_at"), hours),
        "payload": {**answer, "ended_at": zoned(answer.get("ended_at"), hours)},
    }
