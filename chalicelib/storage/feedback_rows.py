"""The row of a feedback, and its mapping to the domain and back.

What conditions, indexes and the stream need stands at the top level; the rest is packed into ``doc``.
``facets`` is all that a list or a recount reads. Nothing is stored in both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.domain.facets import Facets, ScoreFacet, facets_of
from chalicelib.domain.feedback import Decision, Feedback, Reason, Tag, Understanding
from chalicelib.domain.rollup import bucket_of
from chalicelib.domain.voice import Score, Text
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

FEEDBACK: Final = "FB"  # sort key of the current revision
REVISION_PREFIX: Final = "REV#"  # sort-key prefix of the older ones
_SIGNS: Final = {"negative": "-", "neutral": "0", "positive": "+"}
_POLARITIES: Final = {sign: polarity for polarity, sign in _SIGNS.items()}


class ListingIndex(GlobalSecondaryIndex["FeedbackRow"]):  # type: ignore[no-untyped-call]
    """Newest first, by day and shard of arrival."""

    class Meta:
        index_name = "listing"
        projection = IncludeProjection(["facets", "state", "expires_at"])

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class BucketIndex(GlobalSecondaryIndex["FeedbackRow"]):  # type: ignore[no-untyped-call]
    """What one bucket counts."""

    class Meta:
        index_name = "bucket"
        projection = IncludeProjection(["facets", "expires_at"])

    bucket_pk = UnicodeAttribute(hash_key=True)
    bucket_sk = UnicodeAttribute(range_key=True)


# Index keys need not be unique, and a recount takes the whole bucket: the shortest sort key is the cheapest.
BUCKET_SK: Final = "-"


class AwaitingIndex(GlobalSecondaryIndex["FeedbackRow"]):  # type: ignore[no-untyped-call]
    """What still waits for its ticket or alert, by how long."""

    class Meta:
        index_name = "awaiting"
        projection = IncludeProjection(["expires_at"])

    awaiting_pk = UnicodeAttribute(hash_key=True)
    awaiting_since = UnicodeAttribute(range_key=True)


class FeedbackRow(Row):
    """Current revision (sk ``FB``) or an older one (sk ``REV#…``, in no index)."""

    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)  # "<received_at>#<id>": also where received_at is read from
    bucket_pk = UnicodeAttribute(null=True)
    bucket_sk = UnicodeAttribute(null=True)
    awaiting_pk = UnicodeAttribute(null=True)
    awaiting_since = UnicodeAttribute(null=True)
    received_at = UnicodeAttribute(null=True)  # of an older revision, which has no list_sk
    state = UnicodeAttribute()
    revision = NumberAttribute()
    reading = NumberAttribute()
    order = UnicodeAttribute(null=True)
    content_hash = UnicodeAttribute(null=True)
    facets = UnicodeAttribute()
    awaiting = UnicodeSetAttribute(null=True)
    acted_at = UnicodeAttribute(null=True)
    ticket = UnicodeAttribute(null=True)
    seen = UnicodeAttribute(null=True)  # JSON, event key → hash of its body, oldest first
    contact = BinaryAttribute(null=True, legacy_encoding=False)
    doc = PackedJSONAttribute()

    listing = ListingIndex()
    bucket = BucketIndex()
    waiting = AwaitingIndex()


class RawBodyRow(Row):
    """The encrypted body of a parked feedback."""

    body = BinaryAttribute(legacy_encoding=False)


# --- domain → row -----------------------------------------------------------------------------------------------


def current_row(feedback: Feedback, *, keep_days: int) -> FeedbackRow:
    """The row of the current revision with its index keys. ``keep_days`` after its arrival it expires."""
    row = _row(feedback, keys.feedback(feedback.workspace, feedback.id), keep_days)
    received = keys.instant(feedback.received_at)
    listing_shard = keys.shard(feedback.id, keys.LISTING_SHARDS)
    row.list_pk = keys.feedback_listing(feedback.workspace, keys.day(feedback.received_at), listing_shard)
    row.list_sk = f"{received}#{feedback.id}"
    row.received_at = None
    bucket = bucket_of(feedback)
    if bucket is not None:
        row.bucket_pk = keys.bucket_index(bucket.workspace, bucket.unit, bucket.hour)
        row.bucket_sk = BUCKET_SK
    if feedback.awaiting:
        row.awaiting = set(feedback.awaiting)
        row.awaiting_pk = keys.awaiting(keys.shard(feedback.id, keys.AWAITING_SHARDS))
        row.awaiting_since = keys.instant(feedback.awaiting_since or feedback.received_at)
    row.acted_at = _text(feedback.acted_at)
    row.ticket = feedback.ticket
    row.seen = pack_seen(feedback.seen)
    return row


def older_row(feedback: Feedback, number: int, *, keep_days: int) -> FeedbackRow:
    """The row of a revision that is not the current one, kept as ``number``."""
    row = _row(feedback, keys.revision(feedback.workspace, feedback.id, number), keep_days)
    row.revision = number
    return row


def _row(feedback: Feedback, key: tuple[str, str], keep_days: int) -> FeedbackRow:
    latest = max(feedback.received_at, feedback.occurred_at)
    return FeedbackRow(
        *key,
        expires_at=int((latest + timedelta(days=keep_days)).timestamp()),
        received_at=keys.instant(feedback.received_at),
        state=feedback.state,
        revision=feedback.revision,
        reading=feedback.reading,
        order=feedback.revision_order or None,
        content_hash=feedback.content_hash or None,
        facets=pack_facets(feedback),
        contact=feedback.contact,
        doc=_doc(feedback),
    )


def pack_seen(seen: Mapping[str, str]) -> str | None:
    """In order of arrival, so that the oldest can be dropped."""
    return json.dumps(seen, separators=(",", ":")) if seen else None


def pack_facets(feedback: Feedback) -> str:
    """About 200 bytes; names are one letter because every list and bucket entry repeats them."""
    facets = facets_of(feedback)
    packed = {
        "a": list(facets.actions),
        "c": facets.channel,
        "k": [[score.kind, score.value, score.name] for score in facets.scores],
        "n": feedback.connection,
        "o": _millis(facets.occurred_at),
        "p": facets.touchpoint,
        "r": facets.revision,
        "s": facets.severity,
        "t": [topic + _SIGNS[polarity] for topic, polarity in facets.topics],
        "u": facets.unit,
        "w": feedback.parked_reason,
    }
    return _json({name: value for name, value in packed.items() if value not in (None, [])})


def _doc(feedback: Feedback) -> dict[str, Any]:
    reading, decision = feedback.understanding, feedback.decision
    doc = {
        "source": feedback.source,
        "key": feedback.response_key,
        "lang": feedback.lang,
        "customer": feedback.customer_ref,
        "subject": feedback.subject,
        "scales": [[score.low, score.high, score.polarity] for score in feedback.scores],
        "texts": [[text.text, text.question, text.speaker] for text in feedback.texts],
        "tags": [_packed_tag(tag) for tag in reading.tags],
        "red": list(reading.red_lines),
        "intents": list(reading.intents),
        "read_lang": reading.lang,
        "read_departments": list(reading.departments),
        "frame": reading.frame_version,
        "actions": {
            action: [[reason.rule, reason.version, reason.severity, int(reason.lapsed)] for reason in reasons]
            for action, reasons in decision.actions.items()
        },
        "departments": list(decision.departments),
        "cooldowns": dict(decision.cooldowns),
        "attributes": dict(feedback.attributes),
        "attachments": list(feedback.attachments),
        "heard": _millis(feedback.heard_at),
        "understood": _millis(feedback.understood_at),
        "flags": [name for name in ("sanitised", "late", "deleted") if getattr(feedback, name)],
    }
    return {name: value for name, value in doc.items() if value not in (None, [], {}, "")}


def _packed_tag(tag: Tag) -> list[Any]:
    return [
        tag.topic,
        tag.polarity,
        tag.text,
        tag.start,
        tag.end,
        tag.confidence,
        list(tag.terms),
        tag.need_hint,
        tag.producer,
        tag.version,
    ]


# --- row → domain -----------------------------------------------------------------------------------------------


def feedback_of(row: FeedbackRow) -> Feedback:
    """The feedback of a current or an older row."""
    workspace, feedback_id = split_key(row.pk)
    packed, doc = json.loads(row.facets), row.doc
    kinds = packed.get("k", [])
    flags = doc.get("flags", [])
    return Feedback(
        workspace=workspace,
        id=feedback_id,
        connection=packed["n"],
        source=doc["source"],
        state=row.state,
        received_at=_moment(row.received_at or row.list_sk.partition("#")[0]),
        occurred_at=_from_millis(packed["o"]),
        response_key=doc.get("key", ""),
        revision=int(row.revision),
        reading=int(row.reading),
        revision_order=row.order or "",
        content_hash=row.content_hash or "",
        channel=packed["c"],
        touchpoint=packed.get("p"),
        unit=packed.get("u"),
        lang=doc.get("lang"),
        customer_ref=doc.get("customer"),
        subject=doc.get("subject"),
        contact=row.contact,
        scores=tuple(
            Score(kind, value, low, high, polarity)
            for (kind, value, _), (low, high, polarity) in zip(kinds, doc.get("scales", []), strict=True)
        ),
        classes={kind: name for kind, _, name in kinds if name is not None},
        texts=tuple(Text(text, question, speaker) for text, question, speaker in doc.get("texts", [])),
        understanding=_understanding(doc),
        decision=_decision(doc, packed["s"]),
        attributes=doc.get("attributes", {}),
        attachments=tuple(doc.get("attachments", [])),
        awaiting=frozenset(row.awaiting or ()),
        awaiting_since=_moment(row.awaiting_since) if row.awaiting_since else None,
        heard_at=_from_millis(doc["heard"]) if "heard" in doc else None,
        understood_at=_from_millis(doc["understood"]) if "understood" in doc else None,
        acted_at=_moment(row.acted_at) if row.acted_at else None,
        parked_reason=packed.get("w"),
        seen=json.loads(row.seen) if row.seen else {},
        ticket=row.ticket,
        sanitised="sanitised" in flags,
        late="late" in flags,
        deleted="deleted" in flags,
    )


def unpack_facets(text: str) -> Facets:
    """The facets of an index entry."""
    packed = json.loads(text)
    return Facets(
        revision=packed["r"],
        occurred_at=_from_millis(packed["o"]),
        channel=packed["c"],
        severity=packed["s"],
        touchpoint=packed.get("p"),
        unit=packed.get("u"),
        scores=tuple(ScoreFacet(kind, value, name) for kind, value, name in packed.get("k", [])),
        topics=tuple((topic[:-1], _POLARITIES[topic[-1]]) for topic in packed.get("t", [])),
        actions=tuple(packed.get("a", [])),
    )


def split_key(pk: str) -> tuple[str, str]:
    """(workspace, feedback id) of a feedback's partition key."""
    _, workspace, feedback_id = pk.split("#")
    return workspace, feedback_id


def _understanding(doc: Mapping[str, Any]) -> Understanding:
    return Understanding(
        tags=tuple(
            Tag(topic, polarity, text, start, end, confidence, tuple(terms), need, producer, version)
            for topic, polarity, text, start, end, confidence, terms, need, producer, version in doc.get("tags", [])
        ),
        red_lines=tuple(doc.get("red", [])),
        intents=tuple(doc.get("intents", ())),
        lang=doc.get("read_lang"),
        departments=tuple(doc.get("read_departments", [])),
        frame_version=doc["frame"],
    )


def _decision(doc: Mapping[str, Any], severity: str) -> Decision:
    return Decision(
        actions={
            action: tuple(
                Reason(rule, version, severity_, bool(lapsed)) for rule, version, severity_, lapsed in reasons
            )
            for action, reasons in doc.get("actions", {}).items()
        },
        severity=severity,
        departments=tuple(doc.get("departments", [])),
        cooldowns=doc.get("cooldowns", {}),
    )


# --- time and text ----------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else keys.instant(moment)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _from_millis(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, timezone.utc)
