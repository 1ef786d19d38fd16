"""What an adapter asks its administrator for: the names of its settings and credentials, and what may stand in them.

One declaration serves the check of a request, the form that a page builds, and the guide, which must explain each.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.time import moments
from chalicelib.errors import Invalid

KINDS: Final = ("text", "choice", "number", "flag", "list", "map")
SURE: Final = ("documented", "seen", "recalled", "unknown")  # how well the vendor's side of it is known


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. A credential is a text, written once and never shown again.

    ``list`` holds texts; ``map`` text names with text, number or flag values, or lists of texts.
    """

    name: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    sure: str = "documented"
    longest: int = 256  # characters of a text, entries of a list or map
    least: float | None = None  # of a number
    most: float | None = None


LONGEST_ENTRY: Final = 2_000  # characters of a text in a list or map: a template is one
LONGEST_NAME: Final = 100  # characters of a name in a map
LARGEST: Final = 16_384  # bytes of all settings together, as JSON
LEAST_POLL: Final = 5  # minutes between two polls, of a platform or of an endpoint
MAX_RATE: Final = 600  # calls a minute to one target
TIME_ZONE: Final = "Asia/Shanghai"  # of readers, where an endpoint says nothing else
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # a line break or tab may be

# What every endpoint has, whatever its connector. The API's own schema checks them, but for ``time_zone``.
ENDPOINT_FIELDS: Final = (
    Field("filter", "map"),
    Field("contact", "choice", choices=("none", "masked", "full"), default="none"),
    Field("lang", "choice", choices=("zh-CN", "en"), default="zh-CN"),
    Field("time_zone", default=TIME_ZONE, longest=64),
    Field("rate", "number", least=1, most=MAX_RATE),
    Field("headers", "map", longest=20),
    Field("split", "choice", choices=("case", "departments")),
)
STATUS_MAP: Final = Field("status_map", "map", longest=100)  # where a status comes back
ON_AMBIGUOUS: Final = Field("on_ambiguous", "choice", choices=("resend", "park"), default="resend")  # without a key
# Where a system keeps an item a ticket: what becomes of one that somebody deleted there.
ON_MISSING: Final = Field("on_missing", "choice", choices=("fail", "recreate"), default="fail")
# Where a system can be asked how its items stand: how often it is, see services/outbound/reconcile.py. 0: never.
RECONCILE: Final = Field("reconcile_minutes", "number", default=15, least=0, most=1_440)

# What a connection has where its source reads the vendor's API, and where that can be asked what is new.
REFETCH: Final = Field("refetch", "flag", default=False)
API_HOST: Final = Field("api_host", longest=200)  # a host name or the beginning of a URL; the source has its own
POLL_FIELDS: Final = (
    Field("poll_minutes", "number", default=0, least=0, most=1_440),
    Field("poll_since", longest=40),
)
LOOK_BACK: Final = Field("look_back_days", "number", default=1, least=0, most=30)  # where a poll finds edits by it


def by_name(fields: tuple[Field, ...]) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


def check_settings(settings: Mapping[str, Any], fields: tuple[Field, ...]) -> None:
    """Whether ``settings`` are ones of ``fields``, of their kinds, and whole. A name that is null counts as not given.

    Raises Invalid (``settings_invalid``) with a pointer to the first that is wrong.
    """
    _check(settings, fields, "/settings", "settings_invalid")
    _check_common(settings)
    if len(json.dumps(settings, ensure_ascii=False).encode("utf-8", "replace")) > LARGEST:
        raise Invalid("The settings together are larger than 16 KB.", code="settings_invalid", pointer="/settings")


def check_credentials(credentials: Mapping[str, str], fields: tuple[Field, ...]) -> None:
    """As ``check_settings``, with code ``credentials_invalid``; the message repeats nothing of them."""
    _check(credentials, fields, "/credentials", "credentials_invalid")
    for name, text in credentials.items():
        if text is not None and (not text.isprintable() or text != text.strip()):  # pasted along: opens nothing
            message = "One line, without spaces before or after it."
            raise Invalid(message, code="credentials_invalid", pointer=f"/credentials/{name}")


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is null: that takes a name back."""
    return {name: value for name, value in values.items() if value is not None}


def _check_common(settings: Mapping[str, Any]) -> None:
    """What the kind of a common setting does not say."""
    since, zone = settings.get("poll_since"), settings.get("time_zone")
    for name in ("poll_minutes", "reconcile_minutes"):
        if settings.get(name) and settings[name] < LEAST_POLL:
            raise Invalid(
                f"0 is off, else at least {LEAST_POLL}.", code="settings_invalid", pointer=f"/settings/{name}"
            )
    if since is not None and not _is_moment(since):
        raise Invalid("An RFC 3339 time with a zone.", code="settings_invalid", pointer="/settings/poll_since")
    if zone is not None and not _is_zone(zone):
        raise Invalid(
            "A name of the IANA list, as Asia/Shanghai.", code="settings_invalid", pointer="/settings/time_zone"
        )


def _is_moment(text: str) -> bool:
    try:
        moments.rfc3339(text)
    except ValueError:
        return False
    return True


def _is_zone(name: str) -> bool:
    """Whether the machine knows the zone. An unknown one is a KeyError, a path a ValueError, a folder an OSError."""
    from zoneinfo import ZoneInfo  # not for a hook, which loads the fields of its source

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _check(values: Mapping[str, Any], fields: tuple[Field, ...], at: str, code: str) -> None:
    """A name that there is not is not repeated: it may be a value in the wrong place."""
    if values.keys() - by_name(fields).keys():
        names = ", ".join(field.name for field in fields) or "none"
        raise Invalid(f"There is a name that is not known here. Known: {names}.", code=code, pointer=at)
    for field in fields:
        value = values.get(field.name)
        if field.required and (value is None or value in ([], {})):
            raise Invalid("This is needed.", code=code, pointer=f"{at}/{field.name}")
        if value is not None and (fault := _fault(field, value)):
            raise Invalid(fault, code=code, pointer=f"{at}/{field.name}")


def _fault(field: Field, value: Any) -> str | None:
    """What is wrong with a value; None: nothing."""
    return _FAULTS[field.kind](field, value)


def _text_fault(field: Field, value: Any) -> str | None:
    return None if _is_text(value, field.longest) else f"A text of 1 to {field.longest} characters."


def _choice_fault(field: Field, value: Any) -> str | None:
    return None if isinstance(value, str) and value in field.choices else f"One of {', '.join(field.choices)}."


def _flag_fault(_: Field, value: Any) -> str | None:
    return None if isinstance(value, bool) else "True or false."


def _list_fault(field: Field, value: Any) -> str | None:
    fits = isinstance(value, list) and len(value) <= field.longest and all(map(_is_text, value))
    return None if fits else f"A list of at most {field.longest} texts."


def _number_fault(field: Field, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "A number."
    if field.least is not None and value < field.least:
        return f"At least {field.least:g}."
    if field.most is not None and value > field.most:
        return f"At most {field.most:g}."
    return None


def _map_fault(field: Field, value: Any) -> str | None:
    if not isinstance(value, dict) or len(value) > field.longest:
        return f"An object of at most {field.longest} names."
    if not all(_is_text(name, LONGEST_NAME) for name in value):
        return f"A name has 1 to {LONGEST_NAME} characters."
    return None if all(map(_fits_a_map, value.values())) else "A name stands for a text, a number, a flag or texts."


def _fits_a_map(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return math.isfinite(value)
    if isinstance(value, list):
        return len(value) <= LONGEST_NAME and all(map(_is_text, value))
    return value == "" or _is_text(value)


def _is_text(value: Any, longest: int = LONGEST_ENTRY) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and not _CONTROLS.search(value)


_FAULTS: Final[Mapping[str, Callable[[Field, Any], str | None]]] = {
    "text": _text_fault,
    "choice": _choice_fault,
    "number": _number_fault,
    "flag": _flag_fault,
    "list": _list_fault,
    "map": _map_fault,
}
