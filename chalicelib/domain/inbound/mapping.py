"""A connection's mapping: data that says where in a platform's payload a voice is.

A place is a JSON pointer (RFC 6901) or ``{"const": value}``. Places that hold nothing are simply absent from the
voice: optional questions are skipped all the time. A place that holds something unusable parks the voice, with a
reason that names the part of the mapping, so that a person can mend the mapping and parse again. So does a payload that
has not one of the places where scores and texts are looked for: it is not empty there, the mapping looks elsewhere.
Where it has some and not others, the voice says so (``mapping_missed``): a wrong pointer and a question that the
platform left out look the same.
What no place names is not read at all: it stays in no table, however much of it a platform adds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NoReturn

from chalicelib.domain.text.hygiene import MAX_IDENTIFIER, clean, is_identifier, visible
from chalicelib.domain.time import moments
from chalicelib.domain.vocabulary import CHANNELS, SCORE_KINDS, SPEAKERS
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Customer, Score
from chalicelib.errors import Invalid, Parked

MAX_TEXT: Final = 20_000  # characters of one text
MAX_TEXTS: Final = 1_000
MAX_SCORES: Final = 20
MAX_ATTRIBUTES: Final = 50
MAX_ATTRIBUTE: Final = 1_000  # characters of one value
MAX_NAME: Final = 64  # characters of an attribute's name
MAX_ATTACHMENTS: Final = 20
MAX_REVISION: Final = 1_000_000_000  # a counter: a time belongs into revision_at
MAX_QUESTION: Final = 1_000
NPS_SCALE: Final = (0.0, 10.0)
POLARITIES: Final = ("higher", "lower")
SETTINGS: Final = "settings"  # where a connection's settings lie when its mapping is handed to the source

Place = str | Mapping[str, Any]
MISSING: Final = object()

_PLACES: Final = ("revision", "revision_at", "occurred_at", "channel", "touchpoint", "unit", "lang", "attachments")
_CUSTOMER: Final = ("id", "name", "phone", "email")
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_HTTPS: Final = re.compile(r"https://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")


def resolve(payload: Any, pointer: str) -> Any:
    """What a JSON pointer points at, or MISSING."""
    value = payload
    for escaped in pointer.split("/")[1:]:
        token = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and token in value:
            value = value[token]
        elif isinstance(value, list) and _INDEX.fullmatch(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            return MISSING
    return value


def is_https_url(value: object) -> bool:
    """A plain https URL of at most 2,048 characters: a host name, no user, no white space. Nobody fetches it."""
    return isinstance(value, str) and len(value) <= 2_048 and bool(_HTTPS.fullmatch(value))


# --- checking a mapping that a person wrote -------------------------------------------------------------------


def validate_mapping(mapping: object, *, at: str = "/mapping") -> dict[str, Any]:
    """The mapping, checked. ``at`` is where it stands in the request.

    Raises Invalid (``schema_violation``) whose pointer names the part that is wrong.
    """
    checked = _object(mapping, at, ("response_id", *_PLACES, "customer", "scores", "texts", "attributes", "fields"))
    if "response_id" in checked and not _is_pointer(checked["response_id"]):
        _refuse(f"{at}/response_id", "A response id is found by a JSON pointer.")
    for name in _PLACES:
        if name in checked:
            _check_place(checked[name], f"{at}/{name}")
    if "channel" in checked and isinstance(checked["channel"], Mapping) and checked["channel"]["const"] not in CHANNELS:
        _refuse(f"{at}/channel/const", f"A channel is one of {', '.join(CHANNELS)}.")
    for name, place in _object(checked.get("customer", {}), f"{at}/customer", _CUSTOMER).items():
        _check_place(place, f"{at}/customer/{name}")
    for number, score in enumerate(_array(checked.get("scores", []), f"{at}/scores", MAX_SCORES)):
        _check_score(score, f"{at}/scores/{number}", ("path", "kind", "scale", "polarity"))
        _check_place(score.get("path"), f"{at}/scores/{number}/path")
    for number, text in enumerate(_array(checked.get("texts", []), f"{at}/texts", MAX_TEXTS)):
        _check_text(text, f"{at}/texts/{number}")
    for name, place in _named(checked.get("attributes", {}), f"{at}/attributes").items():
        _check_place(place, f"{at}/attributes/{_escape(name)}")
    for name, rule in _named(checked.get("fields", {}), f"{at}/fields").items():
        _check_score(rule, f"{at}/fields/{_escape(name)}", ("kind", "scale", "polarity"))
    return dict(checked)


def _check_score(score: object, at: str, allowed: tuple[str, ...]) -> None:
    checked = _object(score, at, allowed)
    if checked.get("kind") not in SCORE_KINDS:
        _refuse(f"{at}/kind", f"A kind is one of {', '.join(SCORE_KINDS)}.")
    if checked.get("polarity", "higher") not in POLARITIES:
        _refuse(f"{at}/polarity", "A polarity is higher or lower.")
    if read_scale(checked["kind"], checked.get("scale")) is None:
        _refuse(f"{at}/scale", "A scale is [lowest, highest]; an NPS is always [0, 10].")


def _check_text(text: object, at: str) -> None:
    checked = _object(text, at, ("path", "question", "speaker"))
    _check_place(checked.get("path"), f"{at}/path")
    question = checked.get("question")
    if question is not None and not (isinstance(question, str) and len(question) <= MAX_QUESTION):
        _refuse(f"{at}/question", f"A question is text of at most {MAX_QUESTION} characters.")
    if checked.get("speaker", "customer") not in SPEAKERS:
        _refuse(f"{at}/speaker", f"A speaker is one of {', '.join(SPEAKERS)}.")


def _check_place(place: object, at: str) -> None:
    if _is_pointer(place):
        return
    if not isinstance(place, Mapping) or set(place) != {"const"}:
        _refuse(at, 'A place is a JSON pointer or {"const": value}.')
    if not isinstance(place["const"], str | int | float) or len(str(place["const"])) > MAX_IDENTIFIER:
        _refuse(f"{at}/const", "A constant is a short text or a number.")


def _is_pointer(place: object) -> bool:
    return isinstance(place, str) and 0 < len(place) <= 512 and bool(_POINTER.fullmatch(place))


def _object(value: object, at: str, allowed: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        _refuse(at, "This is an object.")
    for name in value:
        if name not in allowed:
            _refuse(at, f"This object takes only {', '.join(allowed)}.")
    return value


def _array(value: object, at: str, longest: int) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > longest:
        _refuse(at, f"This is an array of at most {longest} entries.")
    return list(value)


def _named(value: object, at: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or len(value) > MAX_ATTRIBUTES:
        _refuse(at, f"This is an object of at most {MAX_ATTRIBUTES} names.")
    if not all(is_identifier(name) and len(name) <= MAX_NAME for name in value):
        _refuse(at, f"A name is 1 to {MAX_NAME} printable characters.")
    return value


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def _refuse(at: str, message: str) -> NoReturn:
    raise Invalid(message, pointer=at)


# --- reading a payload by it ----------------------------------------------------------------------------------


def apply(
    mapping: Mapping[str, Any], payload: Any, *, received_at: datetime, base: Canonical | None = None
) -> Canonical:
    """The voice that the payload holds.

    ``base`` is what the source read by itself: the mapping's parts replace it, the others stay.
    Raises Parked: ``mapping_missing_response_id``, ``mapping_bad_<part>``, ``mapping_score_not_a_number``,
    ``mapping_score_out_of_scale``, ``mapping_bad_time``, ``mapping_text_too_long``, ``mapping_finds_nothing``.
    """
    reader = _Reader(payload)
    voice = base or Canonical(response_key=response_key(payload, mapping.get("response_id")), occurred_at=received_at)
    found: dict[str, Any] = {}
    if base is not None and "response_id" in mapping:
        found["response_key"] = response_key(payload, mapping["response_id"])
    for part in ("touchpoint", "unit", "lang"):
        if part in mapping:
            found[part] = reader.identifier(mapping[part], part)
    for part in ("occurred_at", "revision_at"):
        if part in mapping and (moment := reader.moment(mapping[part], received_at)) is not None:
            found[part] = moment
    if "revision" in mapping:
        found["revision"] = reader.revision(mapping["revision"])
    if "channel" in mapping:
        found["channel"] = reader.channel(mapping["channel"])
    if "customer" in mapping:
        found["customer"] = reader.customer(mapping["customer"], voice.customer)
    if "scores" in mapping:
        found["scores"] = reader.scores(mapping["scores"])
    if "texts" in mapping:
        found["texts"] = reader.texts(mapping["texts"])
    if "attributes" in mapping:
        found["attributes"] = {**voice.attributes, **reader.attributes(mapping["attributes"])}
    if "attachments" in mapping:
        found["attachments"] = reader.attachments(mapping["attachments"])
    return _found(mapping, payload, replace(voice, **found, sanitised=voice.sanitised or reader.sanitised))


def finds_nothing() -> Parked:
    """Why a payload is parked where the mapping looks for scores and texts in places that it does not have."""
    return Parked("The payload has no score and no text where the mapping looks.", code="mapping_finds_nothing")


def _found(mapping: Mapping[str, Any], payload: Any, voice: Canonical) -> Canonical:
    """The voice, unless it is empty because the payload has not one of the places of scores and texts: one that is
    there and holds nothing is an answer left out. Raises Parked (``mapping_finds_nothing``).
    """
    entries = (*mapping.get("scores", ()), *mapping.get("texts", ()))
    places = [entry["path"] for entry in entries if isinstance(entry["path"], str)]
    missed = sum(not _is_there(payload, place) for place in places)
    is_empty = not (voice.scores or voice.texts or voice.attachments)
    if is_empty and places and missed == len(places):
        raise finds_nothing()
    return replace(voice, mapping_missed=missed > 0)


def _is_there(payload: Any, pointer: str) -> bool:
    """Whether the payload has the place, or something empty on the way to it: then nothing is overlooked there."""
    if resolve(payload, pointer) is not MISSING:
        return True
    tokens = pointer.split("/")
    return any(resolve(payload, "/".join(tokens[:end])) in _EMPTY for end in range(2, len(tokens)))


def response_key(payload: Any, pointer: str | None) -> str:
    """The platform's own id of the response.

    Raises Parked (``mapping_missing_response_id``, ``mapping_bad_response_id``).
    """
    value = MISSING if pointer is None else resolve(payload, pointer)
    if value is MISSING or value is None or value == "":
        raise Parked("The payload has no response id where the mapping looks.", code="mapping_missing_response_id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not is_identifier(value):
        raise Parked("The response id is not a plain short text.", code="mapping_bad_response_id")
    return str(value)


def read_scale(kind: str, scale: object) -> tuple[float, float] | None:
    """Both ends of a scale; an NPS may leave it out. None when it is not one."""
    if scale is None:
        return NPS_SCALE if kind == "nps" else None
    if not isinstance(scale, list | tuple) or len(scale) != 2:
        return None
    if not all(isinstance(end, int | float) and not isinstance(end, bool) and abs(end) <= 1_000 for end in scale):
        return None
    low, high = float(scale[0]), float(scale[1])
    return (low, high) if low < high and (kind != "nps" or (low, high) == NPS_SCALE) else None


def on_scale(kind: str, value: float, low: float, high: float) -> bool:
    """Whether the value can have been given on its scale; an NPS is a whole number."""
    return low <= value <= high and (kind != "nps" or value == int(value))


@dataclass(slots=True)
class _Reader:
    """Reads places of one payload and remembers whether anything had to be cleaned."""

    payload: Any
    sanitised: bool = False

    def value(self, place: Place) -> Any:
        """What is at a place; None for nothing."""
        found = place["const"] if isinstance(place, Mapping) else resolve(self.payload, place)
        empty = not found.strip() if isinstance(found, str) else found in (MISSING, [], {})
        return None if empty else found

    def words(self, place: Place, part: str) -> str | None:
        """A value as text: choices come as arrays, numbers as themselves. An object has no text."""
        found = self.value(place)
        if found is None:
            return None
        if isinstance(found, list):
            return "、".join(_plain(entry, part) for entry in found if entry is not None)
        return _plain(found, part)

    def free_text(self, place: Place, part: str) -> str | None:
        words = self.words(place, part)
        if words is None or not words.strip():
            return None
        cleaned = clean(words)
        self.sanitised |= cleaned != words
        return cleaned

    def identifier(self, place: Place, part: str) -> str | None:
        words = self.words(place, part)
        if words is None:
            return None
        seen = visible(words)
        self.sanitised |= seen != words.strip()
        if len(seen) > MAX_IDENTIFIER:
            raise Parked("An identifier is too long.", code=f"mapping_bad_{part}")
        return seen or None

    def moment(self, place: Place, received_at: datetime) -> datetime | None:
        found = self.value(place)
        if found is None:
            return None
        try:
            moment = moments.loose(found)
        except ValueError:
            raise Parked("A time is not a time with a zone.", code="mapping_bad_time") from None
        if not moments.plausible(moment, received_at):
            raise Parked("A time is before 2000 or in the future.", code="mapping_bad_time")
        return moment

    def revision(self, place: Place) -> int | None:
        found = self.value(place)
        if found is None:
            return None
        number = _number(found)
        if number is None or number != int(number) or not 1 <= number <= MAX_REVISION:
            raise Parked("A revision is a whole number from 1.", code="mapping_bad_revision")
        return int(number)

    def channel(self, place: Place) -> str:
        found = self.value(place)
        if found not in CHANNELS:
            raise Parked("The channel is none of ours.", code="mapping_bad_channel")
        return str(found)

    def customer(self, places: Mapping[str, Place], base: Customer) -> Customer:
        """What the places hold; where they hold nothing, what the source found by itself stays."""
        found = {
            part: self.free_text(place, "customer_name")
            if part == "name"
            else self.identifier(place, f"customer_{part}")
            for part, place in places.items()
        }
        return replace(base, **{part: value[:MAX_IDENTIFIER] for part, value in found.items() if value})

    def scores(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
        found = [(entry, self.value(entry["path"])) for entry in entries]
        return tuple(score(entry, value) for entry, value in found if value is not None)

    def texts(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Text, ...]:
        found = []
        for entry in entries:
            words = self.free_text(entry["path"], "text")
            if words is None:
                continue
            if len(words) > MAX_TEXT:
                raise Parked(f"A text has more than {MAX_TEXT} characters.", code="mapping_text_too_long")
            found.append(Text(words, entry.get("question"), entry.get("speaker", "customer")))
        return tuple(found)

    def attributes(self, places: Mapping[str, Place]) -> dict[str, str]:
        found = {name: self.free_text(place, "attribute") for name, place in places.items()}
        self.sanitised |= any(value is not None and len(value) > MAX_ATTRIBUTE for value in found.values())
        return {name: value[:MAX_ATTRIBUTE] for name, value in found.items() if value is not None}

    def attachments(self, place: Place) -> tuple[str, ...]:
        """Links that are plain https URLs; others are left out: a platform's link is no reason to lose the words."""
        found = self.value(place)
        links = found if isinstance(found, list) else [found]
        return tuple(link for link in links if is_https_url(link))[:MAX_ATTACHMENTS]


def score(entry: Mapping[str, Any], value: Any) -> Score:
    """One score of a mapped kind and scale. A number in a text counts: rating questions often come so.

    Raises Parked (``mapping_score_not_a_number``, ``mapping_score_out_of_scale``).
    """
    number = _number(value)
    if number is None:
        raise Parked("A score is not a number.", code="mapping_score_not_a_number")
    scale = read_scale(entry["kind"], entry.get("scale"))
    if scale is None or not on_scale(entry["kind"], number, *scale):
        raise Parked("A score is outside of its scale.", code="mapping_score_out_of_scale")
    return Score(entry["kind"], number, *scale, polarity=entry.get("polarity", "higher"))


def _number(value: Any) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def _plain(value: Any, part: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    raise Parked("A mapped place holds no text.", code=f"mapping_bad_{part}")
