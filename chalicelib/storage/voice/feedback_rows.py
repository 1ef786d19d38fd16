"""The row of a feedback, and its mapping to the domain and back.

What conditions, indexes and the stream need stands at the top level; the rest is packed into ``doc``.
``facets`` is all that a list or a recount reads. Nothing is stored in both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.domain.reading.correction import Correction, Mark
from chalicelib.domain.reading.facets import Facets, ScoreFacet, facets_of
from chalicelib.domain.reading.rollup import bucket_of
from chalicelib.domain.vocabulary import NEED_HINTS, PRODUCERS
from chalicelib.domain.voice.feedback import Closing, Decision, Feedback, Reason
from chalicelib.domain.voice.understanding import Gram, Tag, Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

FEEDBACK: Final = "FB"  # sort key of the current revision
REVISION_PREFIX: Final = "REV#"  # sort-key prefix of the older ones
READING_PREFIX: Final = "READ#"  # of the readings that are no longer current
CORRECTION_PREFIX: Final = "COR#"  # of what analysts put right
UNKNOWN_VERSION: Final = "0"
_FLAGS: Final = ("sanitised", "mapping_missed", "late", "deleted")
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


class ReviewIndex(GlobalSecondaryIndex["FeedbackRow"]):  # type: ignore[no-untyped-call]
    """What a person should look at, by arrival. Its rows are read whole, so it carries next to nothing."""

    class Meta:
        index_name = "review"
        projection = IncludeProjection(["expires_at"])

    review_pk = UnicodeAttribute(hash_key=True)
    review_sk = UnicodeAttribute(range_key=True)


class FeedbackRow(Row):
    """Current revision (sk ``FB``) or an older one (sk ``REV#…``, in no index)."""

    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)  # "<received_at>#<id>": also where received_at is read from
    bucket_pk = UnicodeAttribute(null=True)
    bucket_sk = UnicodeAttribute(null=True)
    awaiting_pk = UnicodeAttribute(null=True)
    awaiting_since = UnicodeAttribute(null=True)
    review_pk = UnicodeAttribute(null=True)
    review_sk = UnicodeAttribute(null=True)
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
    closing = UnicodeAttribute(null=True)  # JSON, who closed it when and why
    seen = UnicodeAttribute(null=True)  # JSON, event key → hash of its body, oldest first
    contact = BinaryAttribute(null=True, legacy_encoding=False)
    doc = PackedJSONAttribute()

    listing = ListingIndex()
    bucket = BucketIndex()
    waiting = AwaitingIndex()
    review = ReviewIndex()


class ReadingRow(Row):
    """A reading that is no longer the current one. The words stay with their revision, ``content_hash`` says which:
    an older revision that comes late may change a number."""

    reading = NumberAttribute()
    content_hash = UnicodeAttribute(null=True)
    doc = PackedJSONAttribute()


class CorrectionListing(GlobalSecondaryIndex["CorrectionRow"]):  # type: ignore[no-untyped-call]
    """Last given first."""

    class Meta:
        index_name = "listing"
        projection = IncludeProjection(["expires_at"])

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class CorrectionRow(Row):
    """What an analyst put right, in the list of the workspace's corrections."""

    list_pk = UnicodeAttribute()
    list_sk = UnicodeAttribute()  # "<at>#<feedback>#<revision>#<reading>", from which ``correction_key`` is made
    revision = NumberAttribute()
    reading = NumberAttribute()
    doc = PackedJSONAttribute()

    listing = CorrectionListing()


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
    if feedback.understanding.review:
        row.review_pk = keys.review(feedback.workspace, keys.shard(feedback.id, keys.REVIEW_SHARDS))
        row.review_sk = row.list_sk
    row.acted_at = _text(feedback.acted_at)
    row.ticket = feedback.ticket
    row.seen = pack_seen(feedback.seen)
    row.closing = pack_closing(feedback.closing) if feedback.closing else None
    return row


def older_row(feedback: Feedback, number: int, *, keep_days: int) -> FeedbackRow:
    """The row of a revision that is not the current one, kept as ``number``."""
    row = _row(feedback, keys.revision(feedback.workspace, feedback.id, number), keep_days)
    row.revision = number
    return row


def reading_row(feedback: Feedback, *, keep_days: int) -> ReadingRow:
    """The row of a reading that another one takes the place of; it goes when the feedback does."""
    return ReadingRow(
        *keys.reading(feedback.workspace, feedback.id, feedback.revision, feedback.reading),
        expires_at=_expiry(feedback, keep_days),
        reading=feedback.reading,
        content_hash=feedback.content_hash or None,
        doc={
            **pack_understanding(feedback.understanding),
            **_packed_decision(feedback.decision),
            "severity": feedback.decision.severity,
            "understood": _millis(feedback.understood_at),
        },
    )


def correction_row(correction: Correction, feedback: Feedback, *, keep_days: int) -> CorrectionRow:
    """The row of a correction; it goes when the feedback does."""
    return CorrectionRow(
        *keys.correction(correction.workspace, correction.feedback, correction.revision, correction.reading),
        expires_at=_expiry(feedback, keep_days),
        list_pk=keys.correction_listing(correction.workspace),
        list_sk=f"{keys.instant(correction.at)}#{correction.feedback}#{correction.revision}#{correction.reading}",
        revision=correction.revision,
        reading=correction.reading,
        doc={
            "id": correction.id,
            "verdict": correction.verdict,
            "by": correction.by,
            "frame": correction.frame_version,
            "model": correction.model_version,
            "old": [list(mark) for mark in correction.old],
            "new": [list(mark) for mark in correction.new],
            "texts": _packed_texts(correction.texts),
            "note": correction.note,
        },
    )


def _row(feedback: Feedback, key: tuple[str, str], keep_days: int) -> FeedbackRow:
    return FeedbackRow(
        *key,
        expires_at=_expiry(feedback, keep_days),
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


def _expiry(feedback: Feedback, keep_days: int) -> int:
    return int((max(feedback.received_at, feedback.occurred_at) + timedelta(days=keep_days)).timestamp())


def pack_seen(seen: Mapping[str, str]) -> str | None:
    """In order of arrival, so that the oldest can be dropped."""
    return json.dumps(seen, separators=(",", ":")) if seen else None


def pack_closing(closing: Closing) -> str:
    return _json([closing.by, closing.at.isoformat(), closing.reason])


def _closing(text: str) -> Closing:
    by, at, reason = json.loads(text)
    return Closing(by, datetime.fromisoformat(at), reason)


def pack_facets(feedback: Feedback) -> str:
    """About 200 bytes; names are one letter because every list and bucket entry repeats them."""
    facets = facets_of(feedback)
    named = [topic for topic, _ in facets.topics]
    packed = {
        "a": list(facets.actions),
        "c": facets.channel,
        "h": [named.index(topic) for topic in facets.wishes],  # hoped for
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
    doc = {
        "source": feedback.source,
        "key": feedback.response_key,
        "lang": feedback.lang,
        "customer": feedback.customer_ref,
        "subject": feedback.subject,
        "scales": [[score.low, score.high, score.polarity] for score in feedback.scores],
        "texts": _packed_texts(feedback.texts),
        **pack_understanding(feedback.understanding),
        **_packed_decision(feedback.decision),
        "attributes": dict(feedback.attributes),
        "attachments": list(feedback.attachments),
        "heard": _millis(feedback.heard_at),
        "understood": _millis(feedback.understood_at),
        "flags": [name for name in _FLAGS if getattr(feedback, name)],
    }
    return {name: value for name, value in doc.items() if value not in (None, [], {}, "")}


def _packed_texts(texts: Sequence[Text]) -> list[list[str | None]]:
    return [[text.text, text.question, text.speaker] for text in texts]


def _packed_decision(decision: Decision) -> dict[str, Any]:
    """Without the severity, which stands in the facets."""
    return {
        "actions": {
            action: [[reason.rule, reason.version, reason.severity, int(reason.lapsed)] for reason in reasons]
            for action, reasons in decision.actions.items()
        },
        "departments": list(decision.departments),
        "cooldowns": dict(decision.cooldowns),
        "ruled": [1] if decision.ruled else [],  # an empty list is left out
    }


def pack_understanding(reading: Understanding) -> dict[str, Any]:
    """A reading as members of a packed document. Probabilities are kept to a thousandth, log-odds to a hundredth."""
    doc = {
        "t": [_packed_tag(tag, reading) for tag in reading.tags],
        "red": list(reading.red_lines),
        "intents": list(reading.intents),
        "read_lang": reading.lang,
        "read_departments": list(reading.departments),
        "frame": reading.frame_version,
        "model": None if reading.model_version == UNKNOWN_VERSION else reading.model_version,
        "good": None if reading.polarity is None else round(reading.polarity * 1000),
        "do": reading.actionability,
        "effort": reading.effort,
        "emotion": reading.emotion,
        "behaviour": list(reading.behaviour),
        "review": list(reading.review),
        "correction": reading.correction,
    }
    return {name: value for name, value in doc.items() if value not in (None, [])}


def _packed_tag(tag: Tag, reading: Understanding) -> list[Any]:
    """Letters and whole numbers, spans by their length. A version that follows from the reading is left out."""
    packed: list[Any] = [
        tag.topic,
        _SIGNS[tag.polarity],
        tag.text,
        tag.start,
        tag.end - tag.start,
        round(tag.confidence * 1000),
        list(tag.terms),
        NEED_HINTS.index(tag.need_hint),
        PRODUCERS.index(tag.producer),
        round(tag.score * 100),
        [number for gram in tag.grams for number in _packed_gram(gram, tag)],
    ]
    return packed if tag.version == _versions(reading)[tag.producer] else [*packed, tag.version]


def _packed_gram(gram: Gram, tag: Tag) -> tuple[int, int, int]:
    return gram.start - tag.start, gram.end - gram.start, round(gram.weight * 100)


def _versions(reading: Understanding) -> Mapping[str, str]:
    """The version that a tag of each producer has unless its row says otherwise."""
    corrected = reading.correction or UNKNOWN_VERSION
    return dict(zip(PRODUCERS, (reading.frame_version, reading.model_version, corrected), strict=True))


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
        understanding=unpack_understanding(doc),
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
        closing=_closing(row.closing) if row.closing else None,
        sanitised="sanitised" in flags,
        mapping_missed="mapping_missed" in flags,
        late="late" in flags,
        deleted="deleted" in flags,
    )


def earlier_of(row: ReadingRow, revision: Feedback) -> Feedback:
    """The revision that was read, as that reading saw it."""
    doc = row.doc
    return replace(
        revision,
        reading=int(row.reading),
        understanding=unpack_understanding(doc),
        decision=_decision(doc, doc["severity"]),
        understood_at=_from_millis(doc["understood"]) if doc.get("understood") is not None else None,
    )


def correction_key(workspace: str, position: str) -> tuple[str, str]:
    """The key of the correction that stands at ``position`` in the list. Raises ValueError for no position."""
    _, feedback_id, revision, reading = position.split("#")
    return keys.correction(workspace, feedback_id, int(revision), int(reading))


def correction_of(row: CorrectionRow) -> Correction:
    """The correction of a row."""
    workspace, feedback_id = split_key(row.pk)
    doc = row.doc
    return Correction(
        workspace=workspace,
        id=doc["id"],
        feedback=feedback_id,
        revision=int(row.revision),
        reading=int(row.reading),
        verdict=doc["verdict"],
        by=doc["by"],
        at=_moment(row.list_sk.partition("#")[0]),
        frame_version=doc["frame"],
        model_version=doc["model"],
        old=tuple(Mark(*mark) for mark in doc["old"]),
        new=tuple(Mark(*mark) for mark in doc["new"]),
        texts=tuple(Text(*text) for text in doc["texts"]),
        note=doc["note"],
    )


def unpack_facets(text: str) -> Facets:
    """The facets of an index entry."""
    packed = json.loads(text)
    topics = tuple((topic[:-1], _POLARITIES[topic[-1]]) for topic in packed.get("t", []))
    return Facets(
        revision=packed["r"],
        occurred_at=_from_millis(packed["o"]),
        channel=packed["c"],
        severity=packed["s"],
        touchpoint=packed.get("p"),
        unit=packed.get("u"),
        scores=tuple(ScoreFacet(kind, value, name) for kind, value, name in packed.get("k", [])),
        topics=topics,
        actions=tuple(packed.get("a", [])),
        wishes=tuple(topics[place][0] for place in packed.get("h", [])),
    )


def split_key(pk: str) -> tuple[str, str]:
    """(workspace, feedback id) of a feedback's partition key."""
    _, workspace, feedback_id = pk.split("#")
    return workspace, feedback_id


def unpack_understanding(doc: Mapping[str, Any]) -> Understanding:
    """The reading of a packed document."""
    bare = Understanding(
        red_lines=tuple(doc.get("red", ())),
        intents=tuple(doc.get("intents", ())),
        lang=doc.get("read_lang"),
        departments=tuple(doc.get("read_departments", ())),
        polarity=doc["good"] / 1000 if "good" in doc else None,
        actionability=doc.get("do"),
        effort=doc.get("effort"),
        emotion=doc.get("emotion"),
        behaviour=tuple(doc.get("behaviour", ())),
        review=tuple(doc.get("review", ())),
        frame_version=doc["frame"],
        model_version=doc.get("model", UNKNOWN_VERSION),
        correction=doc.get("correction"),
    )
    if "tags" in doc:
        return bare._replace(tags=tuple(_tag_in_words(*packed) for packed in doc["tags"]))
    return bare._replace(tags=tuple(_tag(packed, bare) for packed in doc.get("t", ())))


def _tag(packed: Sequence[Any], reading: Understanding) -> Tag:
    topic, sign, text, start, length, confidence, terms, need, producer, score, grams, *version = packed
    name = PRODUCERS[producer]
    return Tag(
        topic,
        _POLARITIES[sign],
        text,
        start,
        start + length,
        confidence / 1000,
        tuple(terms),
        NEED_HINTS[need],
        name,
        version[0] if version else _versions(reading)[name],
        score / 100,
        tuple(
            Gram(start + at, start + at + size, weight / 100)
            for at, size, weight in zip(grams[::3], grams[1::3], grams[2::3], strict=True)
        ),
    )


def _tag_in_words(*packed: Any) -> Tag:
    """A tag as rows had it before there was a model."""
    topic, polarity, text, start, end, confidence, terms, need, producer, version = packed
    return Tag(topic, polarity, text, start, end, confidence, tuple(terms), need, producer, version)


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
        ruled=bool(doc.get("ruled")),
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
