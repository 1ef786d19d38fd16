"""The corpus of hostile inputs, told in our own names.

The corpus uses other names than we do. ``TABLE`` is the whole translation; lines about bytes go as they are.
Used in-process by ``tests/contract`` and over HTTP by ``tests/integration``.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

Line = Mapping[str, Any]

PATH: Final = Path(__file__).parent / "fixtures" / "corpora" / "hostile_inputs.jsonl"

TABLE: Final = (
    ("response_id", "id"),
    ("submitted_at", "occurred_at"),
    ("score", "scores[0].value, an nps on 0 to 10"),
    ("comment", "texts[0].text"),
    ("survey_id", "attributes.survey_id"),
    ("channel web", "channel survey"),
    ("attachments[].url", "attachments[]"),
    ("(nothing)", "type feedback.created"),
)

# A hook makes one call: these are accepted at once and judged by their effect.
BY_EFFECT: Final = {
    "IN-146": "one row, one ticket",
    "IN-148": "first row unchanged, the other body parked as idempotency_mismatch",
    "IN-150": "revision 2, no second ticket",
    "IN-256": "the erased identifier does not come back",
    "IN-257": "as many rows as 202 answers",
}
_ACCEPTED_BY_EFFECT: Final = ("IN-146", "IN-148", "IN-150")

# HTTP libraries and servers take the blank away, so what arrives is a valid header.
NOT_OVER_HTTP: Final = {"IN-140": "white space in front of a header value does not survive HTTP"}


@dataclass(frozen=True)
class Keys:
    """Signing secrets (``whsec_…``) of the connection under test, and of a stranger."""

    current: str
    previous: str  # rotated out, still inside the overlap
    expired: str  # rotated out 25 hours ago
    other: str  # another workspace's


@dataclass(frozen=True)
class Expected:
    """What may be answered. ``enqueued`` is how many messages may come of it, None where the line does not count."""

    statuses: frozenset[int]
    codes: frozenset[str]
    enqueued: int | None


@cache
def load(target: str) -> tuple[Line, ...]:
    """All lines of a target: ingest | admin | outbound_url | callback."""
    lines = (json.loads(text) for text in PATH.read_text(encoding="utf-8").splitlines() if text.strip())
    return tuple(line for line in lines if line["target"] == target)


def body(line: Line) -> bytes:
    """The bytes of the line, large ones generated."""
    recipe = line.get("body_gen")
    if not recipe:
        return base64.b64decode(line["body_b64"] or "")
    part = {name: base64.b64decode(recipe[f"{name}_b64"]) for name in ("prefix", "unit", "mid", "unit2", "suffix")}
    made = b"".join(
        (
            part["prefix"],
            part["unit"] * recipe["times"],
            part["mid"],
            part["unit2"] * recipe["times2"],
            part["suffix"],
        )
    )
    return gzip.compress(made, mtime=0) if recipe.get("encode") == "gzip" else made


def translate_body(line: Line) -> bytes:
    """The body in our names, where it is one JSON object; else its bytes as they are."""
    raw = body(line)
    try:
        fields = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_literal,
            parse_float=_literal,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        return raw
    if not isinstance(fields, dict) or len(fields) < 2 or line.get("body_gen"):
        return raw
    text = json.dumps(translate(fields), separators=(",", ":"))
    return re.sub(r'"@@number:([^"@]*)@@"', r"\1", text).encode("ascii")


def translate(fields: Mapping[str, Any]) -> dict[str, Any]:
    """One object of the corpus in our names, by ``TABLE``. What the table does not name stays."""
    made: dict[str, Any] = {"type": "feedback.created"}
    for name, value in fields.items():
        if name == "response_id":
            made["id"] = value
        elif name == "submitted_at":
            made["occurred_at"] = value
        elif name == "score":
            made["scores"] = [{"kind": "nps", "value": value, "scale": [0, 10]}]
        elif name == "comment":
            made["texts"] = [{"text": value}]
        elif name == "survey_id":
            made["attributes"] = {"survey_id": value}
        elif name == "channel":
            made["channel"] = "survey" if value == "web" else value
        elif name == "attachments" and isinstance(value, list):
            made["attachments"] = [entry.get("url", entry) if isinstance(entry, dict) else entry for entry in value]
        else:
            made[name] = value
    return made


def fill_headers(line: Line, keys: Keys, now: datetime, raw: bytes, *, msg_id: str) -> dict[str, str]:
    """The line's headers with every placeholder filled; signatures are made over ``raw`` and the filled headers."""
    seconds = int(now.timestamp())
    plain = {"${NOW}": str(seconds), "${NOW_MS}": str(seconds * 1000), "${MSGID}": msg_id}
    plain["${NOW_FULLWIDTH}"] = "".join(chr(ord(digit) + 0xFEE0) for digit in str(seconds))
    made = {}
    for name, value in line["headers"].items():
        filled = re.sub(r"\$\{NOW([+-]\d+)\}", lambda match: str(seconds + int(match[1])), value)
        for placeholder, text in plain.items():
            filled = filled.replace(placeholder, text)
        made[name.lower()] = filled
    signed = (made.get("webhook-id", ""), made.get("webhook-timestamp", ""), raw)
    for placeholder, secret in (
        ("${SIG}", keys.current),
        ("${SIG_PREVIOUS}", keys.previous),
        ("${SIG_EXPIRED}", keys.expired),
        ("${SIG_K2}", keys.other),
    ):
        made = {name: value.replace(placeholder, sign(secret, *signed)) for name, value in made.items()}
    left = [value for value in made.values() if "${" in value]
    if left:
        raise ValueError(f"{line['id']}: unknown placeholder in {left}")
    return made


def sign(secret: str, msg_id: str, timestamp: str, raw: bytes) -> str:
    """A Standard Webhooks signature, written apart from the product's own."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{msg_id}.{timestamp}.".encode() + raw
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def expected(line: Line) -> Expected:
    """What the line allows, after what the issue says of a hook that makes one call."""
    if line["id"] in _ACCEPTED_BY_EFFECT:
        return Expected(frozenset({202}), frozenset({"accepted"}), None)
    wanted = line["expected"]
    counted = wanted.get("enqueued")
    return Expected(
        frozenset(_many(wanted["status"])),
        frozenset(_many(wanted["code"])),
        counted if isinstance(counted, int) else None,
    )


def left_out(line: Line) -> str | None:
    """Why an in-process runner cannot judge the line; None when it can."""
    if line["id"] in BY_EFFECT:
        return f"judged by effect: {BY_EFFECT[line['id']]}"
    return "needs a socket" if line.get("transport") == "http" else None


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key twice: a line about bytes")
    return dict(pairs)


def _literal(text: str) -> str:
    """Numbers keep their spelling: 3.0000000000000000001 must not become 3.0 on the way."""
    return f"@@number:{text}@@"


def _refuse(text: str) -> Any:
    raise ValueError(text)
