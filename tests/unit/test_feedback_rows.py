"""A feedback as a row: nothing is lost on the way, and it stays small."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.domain.changes import FeedbackChange, RowChange
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.voice.feedback import Closing, Decision, Feedback, Reason
from chalicelib.domain.voice.understanding import Gram, Tag, Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.storage.images import changes
from chalicelib.storage.voice.feedback_rows import (
    current_row,
    earlier_of,
    feedback_of,
    older_row,
    reading_row,
    unpack_facets,
    unpack_understanding,
)
from tests.builders import AT, decision, feedback, reason, tag

FULL = feedback(
    id="fb_" + "a" * 26,
    connection="cn_" + "b" * 24,
    source="typeform",
    state="ticketed",
    heard_at=AT,
    understood_at=AT + timedelta(milliseconds=7),
    occurred_at=AT - timedelta(hours=3),
    revision=2,
    revision_order="2:2",
    content_hash="c" * 26,
    channel="review",
    customer_ref="CUST-1",
    subject="d" * 32,
    contact=b"\x00\xff sealed",
    scores=(Score("nps", 3, 0, 10), Score("ces", 6.5, 1, 7, "lower")),
    classes={"nps": "detractor", "ces": "hard"},
    texts=(Text("包裹破损", question="为什么？"), Text("您好", speaker="staff")),
    understanding=Understanding(
        tags=(
            tag(terms=("破损",), need_hint="pain", version="3"),
            tag(
                "service.attitude",
                polarity="neutral",
                text=1,
                start=3,
                producer="model",
                version="older than the reading",
                confidence=0.873,
                score=-2.13,
                grams=(Gram(2, 4, -1.25), Gram(0, 1, 0.5)),
            ),
            tag(producer="analyst", version="co_1", confidence=1.0),
        ),
        red_lines=("injury",),
        intents=("complaint", "churn_threat"),
        lang="zh",
        departments=("logistics",),
        polarity=0.021,
        actionability="response_needed",
        effort="high",
        emotion=0,
        behaviour=("leave",),
        review=("unsure_topic",),
        frame_version="3",
        model_version="m-1",
        correction="co_1",
    ),
    decision=Decision(
        actions={"ticket": (reason(), Reason("mine", 4, "high", lapsed=True)), "alert": (reason("mine"),)},
        severity="high",
        departments=("logistics", "客服"),
        cooldowns={"mine": 60},
    ),
    attributes={"订单": "A-1"},
    attachments=("https://files.example/1.jpg",),
    awaiting=frozenset({"ticket", "alert"}),
    awaiting_since=AT,
    acted_at=AT,
    parked_reason="reparsed",
    seen={"event": "body", "another": "body"},
    ticket="tk_1",
    sanitised=True,
    mapping_missed=True,
    late=True,
    deleted=True,
)


def test_every_field_comes_back() -> None:
    closed = replace(FULL, closing=Closing("ky_1", AT, "谢谢，无需处理"))
    for one in (FULL, closed):
        assert feedback_of(current_row(one, keep_days=90)) == one


def test_an_older_revision_is_in_no_index() -> None:
    row = older_row(FULL, 1, keep_days=90)
    assert (row.list_pk, row.bucket_pk, row.awaiting_pk) == (None, None, None)
    kept = feedback_of(row)
    assert (kept.revision, kept.texts, kept.received_at) == (1, FULL.texts, FULL.received_at)


def test_probabilities_are_kept_to_a_thousandth_and_log_odds_to_a_hundredth() -> None:
    fine = replace(FULL, understanding=Understanding(tags=(tag(confidence=0.87654, score=1.23456),), polarity=0.12345))
    kept = feedback_of(current_row(fine, keep_days=90)).understanding
    assert (kept.tags[0].confidence, kept.tags[0].score, kept.polarity) == (0.877, 1.23, 0.123)


def test_a_tag_of_a_row_from_before_the_model_is_still_read() -> None:
    words = ["logistics.damage", "negative", 0, 0, 4, 0.9, ["破损"], "pain", "lexicon", "2026.11.1"]
    read = unpack_understanding({"tags": [words], "frame": "2026.11.1", "intents": ["complaint"]})
    expected = Tag("logistics.damage", "negative", 0, 0, 4, 0.9, ("破损",), "pain", "lexicon", "2026.11.1")
    assert (read.tags, read.intent, read.model_version) == ((expected,), "complaint", "0")


def test_only_what_a_person_should_look_at_stands_in_the_review_queue() -> None:
    sure = replace(FULL, understanding=FULL.understanding._replace(review=()))
    doubted, settled = (current_row(one, keep_days=90) for one in (FULL, sure))
    assert doubted.review_pk.startswith("RV#acme#")
    assert doubted.review_sk == doubted.list_sk
    assert (settled.review_pk, settled.review_sk, older_row(FULL, 1, keep_days=90).review_pk) == (None, None, None)


def test_a_reading_comes_back_with_the_words_of_its_revision() -> None:
    row = reading_row(FULL, keep_days=90)
    assert earlier_of(row, replace(FULL, reading=9, understanding=Understanding(), decision=Decision())) == FULL
    assert row.expires_at == current_row(FULL, keep_days=90).expires_at


def test_an_index_entry_is_enough_for_a_list_and_a_count() -> None:
    assert unpack_facets(current_row(FULL, keep_days=90).facets) == facets_of(FULL)


def test_a_row_expires_after_the_later_of_arrival_and_event() -> None:
    ahead = replace(FULL, occurred_at=AT + timedelta(days=1))
    assert current_row(ahead, keep_days=90).expires_at == int((AT + timedelta(days=91)).timestamp())
    assert current_row(FULL, keep_days=90).expires_at == int((AT + timedelta(days=90)).timestamp())


def declared_mix() -> Feedback:
    """The benchmark's voice: 1.2 KB of body, two to three tags."""
    words = "包裹到的时候外箱已经压烂了，里面的杯子碎了两个，联系客服三次都没有人回应，等了整整一周才有人打电话过来。"
    words += "退款流程也特别麻烦，要我自己拍照上传还要填三张表，希望你们能把包装做好一点，也把售后的响应速度提上来。"
    return replace(
        FULL,
        contact=b"x" * 110,
        texts=(Text(words, question="请问您给出这个分数的主要原因是什么？"),),
        scores=(Score("nps", 3, 0, 10),),
        classes={"nps": "detractor"},
        decision=decision(reason()),
        attributes={"order_id": "SO-20261121-000042", "survey_id": "S-9"},
        attachments=(),
        seen={"e" * 26: "b" * 16},
        parked_reason=None,
        acted_at=None,
        late=False,
        deleted=False,
    )


def test_the_declared_mix_costs_two_write_units_and_one_for_each_index() -> None:
    image = current_row(declared_mix(), keep_days=90).serialize()
    entry = {name: image[name] for name in ("pk", "sk", "list_pk", "list_sk", "facets", "state", "expires_at")}
    assert size(image) <= 2048
    assert size(entry) <= 1024


def test_an_everyday_voice_costs_one_write_unit() -> None:
    """Short, as most are; tags with terms and grams. Every change of the row costs as much again."""
    weighed = {"producer": "model", "version": "2026-1", "terms": ("没有回应",), "need_hint": "pain", "score": -2.13}
    grams = (Gram(0, 2, -1.25), Gram(2, 4, -0.87), Gram(4, 6, -0.5))
    topics = ("logistics.damage", "service.response", "refund.speed")
    voice = replace(
        declared_mix(),
        texts=(Text("包裹破损了，客服没有回应，退款也一直没到账", question="您为什么给出这个分数？"),),
        understanding=Understanding(
            tags=tuple(tag(topic, **weighed, grams=grams) for topic in topics),
            intents=("complaint",),
            lang="zh-CN",
            departments=("logistics", "customer_service", "finance"),
            polarity=0.02,
            actionability="response_needed",
            emotion=2,
            frame_version="ecommerce-2026.11.2",
            model_version="2026-1",
        ),
    )
    assert size(current_row(voice, keep_days=90).serialize()) <= 1024


def size(image: dict[str, Any]) -> int:
    """Bytes as DynamoDB counts them: names and values; a number is about a byte for two digits."""
    total = 0
    for name, value in image.items():
        ((kind, held),) = value.items()
        parts = held if kind == "SS" else [held]
        total += len(name) + sum(len(str(one)) // 2 + 2 if kind == "N" else _length(one) for one in parts)
    return total


def _length(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def streamed(row: Any) -> dict[str, Any]:
    """An image as Lambda hands it over: binaries in base64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in row.serialize().items()
    }


def record(old: dict[str, Any] | None, new: dict[str, Any] | None, **keys: str) -> dict[str, Any]:
    image = new or old or {}
    names = {name: {"S": value} for name, value in keys.items()} or {name: image[name] for name in ("pk", "sk")}
    stream = {"Keys": names, "ApproximateCreationDateTime": AT.timestamp()}
    return {"dynamodb": {**stream, **({"OldImage": old} if old else {}), **({"NewImage": new} if new else {})}}


class TestStream:
    def test_a_feedback_comes_out_of_the_stream_as_it_went_in(self) -> None:
        before = replace(FULL, revision=1)
        old, new = (streamed(current_row(one, keep_days=90)) for one in (before, FULL))
        assert list(changes([record(None, old), record(old, new)])) == [
            FeedbackChange(None, before),
            FeedbackChange(before, FULL),
        ]

    def test_older_revisions_expiry_and_rows_of_no_interest_say_nothing(self) -> None:
        older = streamed(older_row(FULL, 1, keep_days=90))
        gone = streamed(current_row(FULL, keep_days=90))
        other = {"state": {"S": "x"}}
        assert not list(
            changes(
                [
                    record(None, older),
                    record(gone, None),
                    record(None, other, pk="FB#acme#fb_1", sk="RAW"),
                    record(None, other, pk="FB#acme#fb_1", sk="READ#0000000001#000001"),
                    record(None, other, pk="FB#acme#fb_1", sk="COR#0000000001#000001"),
                    record(None, other, pk="BK#acme#SH", sk="2026-11-21T08"),
                    record(None, other, pk="TK#acme#tk_1", sk="MOVE#000001"),
                    record(None, other, pk="WS#acme", sk="RULE#mine"),
                    record(None, other, pk="AL#acme#key", sk="COOLDOWN"),
                ]
            )
        )

    def test_rows_of_other_rooms_are_read_by_their_plain_values(self) -> None:
        image = {
            "id": {"S": "tk_1"},
            "version": {"N": "2"},
            "share": {"N": "0.5"},
            "incomplete": {"BOOL": True},
            "unit": {"NULL": True},
            "departments": {"L": [{"S": "logistics"}]},
            "nested": {"M": {"a": {"N": "-1"}}},
            "doc": {"B": "AAAA"},
        }
        (change,) = changes([record(None, image, pk="TK#acme#tk_1", sk="TK")])
        assert change == RowChange(
            "ticket",
            None,
            {
                "id": "tk_1",
                "version": 2,
                "share": 0.5,
                "incomplete": True,
                "unit": None,
                "departments": ["logistics"],
                "nested": {"a": -1},
            },
            AT,
        )
