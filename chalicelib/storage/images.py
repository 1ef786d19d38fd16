"""From the records of the table's stream to what changed.

Rows of other rooms are read by their plain attribute values, without their classes: what the outbox tells of them
stands at the top level on purpose.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from chalicelib.domain.changes import Change, FeedbackChange, RowChange
from chalicelib.storage.voice.feedback_rows import FEEDBACK, FeedbackRow, feedback_of

_FEEDBACK_PK: Final = "FB#"
# (prefix of pk, prefix of sk) → kind
_KINDS: Final = (
    ("TK#", "TK", "ticket"),
    ("IS#", "IS", "issue"),
    ("AM#", "ALERT", "alert"),
    ("FU#", "FU", "followup"),
    ("LT#", "", "telling"),
    ("DL#", "", "delivery"),
    ("WS#", "ENDPOINT#", "endpoint"),
)


def changes(records: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    """The changes that anybody is told of, in order. Removals are not: expiry is no event."""
    for record in records:
        change = _change(record["dynamodb"])
        if change is not None:
            yield change


def _change(stream: Mapping[str, Any]) -> Change | None:
    new, old = stream.get("NewImage"), stream.get("OldImage")
    if not new:
        return None
    pk, sk = stream["Keys"]["pk"]["S"], stream["Keys"]["sk"]["S"]
    if pk.startswith(_FEEDBACK_PK):
        if sk != FEEDBACK:  # an older revision, or a raw body
            return None
        return FeedbackChange(_feedback(old) if old else None, _feedback(new))
    for pk_prefix, sk_prefix, kind in _KINDS:
        if pk.startswith(pk_prefix) and sk.startswith(sk_prefix):
            at = _moment(stream["ApproximateCreationDateTime"])
            return RowChange(kind, _plain_image(old) if old else None, _plain_image(new), at)
    return None


def _feedback(image: Mapping[str, Any]) -> Any:
    return feedback_of(FeedbackRow.from_raw_data({name: _typed(value) for name, value in image.items()}))


def _typed(value: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute as DynamoDB's own answers have it: Lambda hands binaries over in base64."""
    ((kind, held),) = value.items()
    return {kind: _bytes(held)} if kind == "B" else {kind: held}


def _plain_image(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in image.items() if "B" not in value}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return float(held) if not held.lstrip("-").isdigit() else int(held)
        case "L":
            return [_plain(one) for one in held]
        case "M":
            return {name: _plain(one) for name, one in held.items()}
        case "NULL":
            return None
        case _:
            return held


def _bytes(held: str | bytes) -> bytes:
    return held if isinstance(held, bytes) else base64.b64decode(held)


def _moment(at: float | datetime) -> datetime:
    """Epoch seconds from Lambda, a datetime from the streams API."""
    return at if isinstance(at, datetime) else datetime.fromtimestamp(float(at), timezone.utc)
