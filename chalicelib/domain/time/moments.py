"""Points in time as senders write them. All results are UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=timezone.utc)
AHEAD: Final = timedelta(days=1)  # a sender's clock and zone may be wrong by so much, not by more

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_LOOSE: Final = re.compile(r"(\S+)[T ](\d\d:\d\d)(:\d\d)?(\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)", re.ASCII)
_LOCAL: Final = re.compile(
    r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?"
)
_EPOCH: Final = re.compile(r"[0-9]{9,10}|[0-9]{12,13}")


def rfc3339(text: str) -> datetime:
    """``2026-11-01T08:01:40Z`` or with an offset. Raises ValueError: no zone, a leap second, a day that is none."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 time")
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("out of range") from None


def loose(value: object) -> datetime:
    """What platforms send: RFC 3339, a blank for the T, ``+0800``, no seconds, or epoch seconds or milliseconds.

    A time without a zone is refused: guessing one would be wrong for somebody. Raises ValueError.
    """
    text = str(value).strip()
    if _EPOCH.fullmatch(text):
        seconds = int(text) / (1000 if len(text) > 10 else 1)
        return datetime.fromtimestamp(seconds, timezone.utc)
    match = _LOOSE.fullmatch(text)
    if not match:
        raise ValueError("not a time with a zone")
    day, minute, second, fraction, zone = match.groups()
    offset = "Z" if zone in ("Z", "UTC") else f"{zone[:3]}:{zone[-2:]}"
    return rfc3339(f"{day}T{minute}{second or ':00'}{(fraction or '')[:10]}{offset}")


def zoned(value: object, hours: float) -> object:
    """A platform's local ``2026-11-01 16:01:40`` (also ``2026/11/1``, without seconds) with its offset from UTC.

    Whatever has a zone already, or is no such time, stays as it is: ``loose`` decides about it.
    """
    match = _LOCAL.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return value
    year, month, day, hour, minute, second = match.groups()
    minutes = round(abs(hours) * 60)
    offset = f"{'-' if hours < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{year}-{int(month):02d}-{int(day):02d}T{int(hour):02d}:{minute}:{second or '00'}{offset}"


def plausible(moment: datetime, received_at: datetime) -> bool:
    """Between 2000 and a day after we received it."""
    return EARLIEST <= moment <= received_at + AHEAD


def written(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second, or to the millisecond where there is a fraction."""
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(timezone.utc).isoformat(timespec=precision).replace("+00:00", "Z")


def whole(moment: datetime) -> datetime:
    """To the millisecond, as rows keep moments, so that a comparison with what was stored is exact."""
    utc = moment.astimezone(timezone.utc)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
