"""A conversation that was written down: a hotline call or a smart badge, from any speech-to-text.

Our own strict JSON, signed as Standard Webhooks like the canonical format: one seam for every recogniser, since each
has a form of its own. ``turns`` are who said what; what one speaker says in a row becomes one text, because recognisers
cut where somebody breathes. Only what the customer said is read and scored: labels of speakers become ``customer`` or
``staff`` by the setting ``speakers``, over labels that speak for themselves, and whoever is neither counts as staff,
who are kept and never scored, unless ``unknown_speakers`` says otherwise. Interim results are answered and not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as limits
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.text import strict_json
from chalicelib.domain.vocabulary import SPEAKERS
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid
from chalicelib.sources.base import Source, settings_of
from chalicelib.sources.canonical import (
    CanonicalSource,
    Reader,
    check_language,
    each,
    identifier,
    members,
    refuse,
    revision_of,
)

COMPLETED: Final = "transcript.completed"
UPDATED: Final = "transcript.updated"
DELETED: Final = "transcript.deleted"
INTERIM: Final = "transcript.interim"
TYPES: Final = (COMPLETED, UPDATED, DELETED)
CHANNELS: Final = ("hotline", "badge")
MAX_TURNS: Final = 5_000  # fragments, before those of one speaker are joined
LONGEST_CALL: Final = 48 * 3_600_000  # milliseconds
PAUSE: Final = 700  # milliseconds: what is said after less belongs to the same breath
CUSTOMER, STAFF = SPEAKERS

# Labels that speak for themselves, compared without regard to case and blanks.
_LABELS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("客户", "顾客", "用户", "客人", "来电人", "车主", "会员", "患者"), CUSTOMER),
    **dict.fromkeys(("customer", "caller", "client", "guest", "user", "consumer"), CUSTOMER),
    **dict.fromkeys(("客服", "坐席", "座席", "员工", "店员", "店长", "导购", "销售", "顾问", "服务员", "技师"), STAFF),
    **dict.fromkeys(("agent", "staff", "operator", "advisor", "clerk", "employee", "representative", "rep"), STAFF),
    **dict.fromkeys(("机器人", "语音导航", "系统", "bot", "ivr", "assistant", "system"), STAFF),
}
_REQUIRED: Final = ("type", "id", "occurred_at", "channel")
_OPTIONAL: Final = ("revision", "unit", "touchpoint", "lang", "agent", "customer", "turns", "attributes")
_TURN: Final = ("speaker", "text", "start_ms", "end_ms", "confidence", "final")


class Transcript(CanonicalSource):
    name: ClassVar[str] = "transcript"
    fields: ClassVar[tuple[Field, ...]] = (
        Field("speakers", "map", longest=50),  # label → customer | staff
        Field("unknown_speakers", "choice", choices=(STAFF, CUSTOMER), default=STAFF),
    )

    def decode(self, raw: bytes) -> Any:
        """The payload, which tells whether it is an interim result."""
        return Source.decode(self, raw)

    def ignores(self, payload: Any) -> bool:
        """Interim results: the completed transcript says it all again, and better."""
        return isinstance(payload, Mapping) and payload.get("type") == INTERIM

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        for role in (settings.get("speakers") or {}).values():
            if role not in SPEAKERS:
                raise Invalid("A speaker is customer or staff.", code="settings_invalid", pointer="/settings/speakers")

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        """Raises Malformed, TooLarge, or Invalid (``schema_violation``) with a pointer."""
        settings = settings_of(mapping)
        reader = _Reader(arrival.received_at, roles=_roles(settings), unknown=settings.get("unknown_speakers", STAFF))
        return reader.voice(strict_json.decode(arrival.raw))


def _roles(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Who the labels are. The setting is laid over those that speak for themselves."""
    own = settings.get("speakers") or {}
    return {**_LABELS, **{_plain(label): role for label, role in own.items()}}


def _plain(label: str) -> str:
    return label.strip().casefold()


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one speaker said without a break of the recogniser. Moments in milliseconds, None where not told."""

    label: str
    text: str
    start: int | None
    end: int | None


@dataclass(slots=True)
class _Reader(Reader):
    roles: Mapping[str, str] = field(default_factory=dict)  # label, plain → customer | staff
    unknown: str = STAFF

    def voice(self, body: Any) -> Canonical:
        fields = members(body, "", (*_REQUIRED, *_OPTIONAL), _REQUIRED)
        if fields["type"] not in TYPES:
            refuse("/type", f"A type is one of {', '.join(TYPES)}.")
        if fields["channel"] not in CHANNELS:
            refuse("/channel", f"A channel is one of {', '.join(CHANNELS)}.")
        check_language(fields)
        deleted = fields["type"] == DELETED
        turns = each(fields.get("turns", []), "/turns", MAX_TURNS, self._turn)
        said = [turn for turn in turns if turn is not None]
        if not deleted and not said:
            refuse("/turns", "A transcript has at least one turn that is final.")
        texts = self._texts(_in_order(said))
        if len(texts) > limits.MAX_TEXTS:
            refuse("/turns", f"A conversation changes its speaker at most {limits.MAX_TEXTS} times.")
        return Canonical(
            response_key=identifier(fields["id"], "/id"),
            occurred_at=self.moment(fields["occurred_at"], "/occurred_at"),
            channel=fields["channel"],
            touchpoint=identifier(fields["touchpoint"], "/touchpoint") if "touchpoint" in fields else None,
            unit=identifier(fields["unit"], "/unit") if "unit" in fields else None,
            lang=fields.get("lang"),
            customer=self.customer(fields.get("customer", {})),
            texts=texts,
            attributes=self._with_agent(self.attributes(fields.get("attributes", {})), fields),
            revision=revision_of(fields["revision"]) if "revision" in fields else None,
            deleted=deleted,
            sanitised=self.sanitised,
        )

    def _with_agent(self, attributes: dict[str, str], fields: Mapping[str, Any]) -> dict[str, str]:
        """Who served is an attribute: reports group by it."""
        if "agent" not in fields:
            return attributes
        agent = identifier(fields["agent"], "/agent")
        if len({*attributes, "agent"}) > limits.MAX_ATTRIBUTES:
            refuse("/attributes", f"Attributes and the agent are at most {limits.MAX_ATTRIBUTES}.")
        return {**attributes, "agent": agent}

    def _turn(self, value: Any, at: str) -> _Turn | None:
        """None for what is not final, or holds nothing but white space."""
        fields = members(value, at, _TURN, ("speaker", "text"))
        label = identifier(fields["speaker"], f"{at}/speaker")
        words = self.words(fields["text"], f"{at}/text", limits.MAX_TEXT).strip()
        start, end = (_milliseconds(fields.get(name), f"{at}/{name}") for name in ("start_ms", "end_ms"))
        if start is not None and end is not None and end < start:
            refuse(f"{at}/end_ms", "A turn ends after it has begun.")
        _check_confidence(fields.get("confidence"), f"{at}/confidence")
        if not isinstance(fields.get("final", True), bool):
            refuse(f"{at}/final", "Final is true or false.")
        return _Turn(label, words, start, end) if words and fields.get("final", True) else None

    def _texts(self, turns: Sequence[_Turn]) -> tuple[Text, ...]:
        """What each speaker said in a row as one text; a text that would be too long is followed by another."""
        texts: list[Text] = []
        before: _Turn | None = None
        for turn in turns:
            if before is not None and _plain(before.label) == _plain(turn.label):
                joined = texts[-1].text + _gap(before, turn) + turn.text
                if len(joined) <= limits.MAX_TEXT:
                    texts[-1] = texts[-1]._replace(text=joined)
                    before = turn
                    continue
            texts.append(Text(turn.text, speaker=self.roles.get(_plain(turn.label), self.unknown)))
            before = turn
        return tuple(texts)


def _in_order(turns: Sequence[_Turn]) -> Sequence[_Turn]:
    """By their beginning where every one tells it: recordings with a track for each speaker come track by track."""
    if any(turn.start is None for turn in turns):
        return turns
    return sorted(turns, key=lambda turn: turn.start or 0)


def _gap(before: _Turn, after: _Turn) -> str:
    """What stands between two fragments. A blank is all that is ever added, so that nothing is said that was not.

    Chinese that goes on after less than a pause is one stretch; a blank would part it into two clauses.
    """
    told = before.end is not None and after.start is not None
    same_breath = told and (after.start or 0) - (before.end or 0) < PAUSE
    wide = ord(before.text[-1]) > 0x2E7F and ord(after.text[0]) > 0x2E7F
    return "" if same_breath and wide else " "


def _milliseconds(value: Any, at: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_CALL:
        refuse(at, "A moment is milliseconds from the beginning, within two days.")
    return int(value)


def _check_confidence(value: Any, at: str) -> None:
    """It is checked and not kept: recognisers do not mean the same by it."""
    if value is None:
        return
    number = float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else -1.0
    if not (isfinite(number) and 0 <= number <= 1):
        refuse(at, "A confidence lies between 0 and 1.")
