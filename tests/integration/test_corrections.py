"""Another reading of the same words, from outside: a correction moves the ticket, and never opens a second one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.reading.correction import Correction, Mark
from chalicelib.domain.voice.feedback import Decision, Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.storage.reading.corrections import CorrectionList
from chalicelib.storage.reading.review_queue import ReviewQueue
from chalicelib.storage.table import Row, bind
from chalicelib.storage.voice.feedback import FeedbackStore
from infra import client
from tests.builders import feedback as built
from tests.builders import tag
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

NOW = datetime.now(timezone.utc).replace(microsecond=0)
RUDE = {"topic": "service.attitude", "polarity": "negative", "text": 0, "start": 5, "end": 11}


def correct(world: World, seen: Any, *tags: Any, **more: Any) -> Any:
    """Put what was ``seen`` right."""
    sent = {"revision": seen["revision"], "reading": seen["reading"], "tags": list(tags), **more}
    return world.api.call("POST", f"/v1/feedback/{seen['id']}/corrections", sent)


def heard(world: World, connection: Any, body: Any) -> str:
    return world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))


def items(stack: Any, workspace: str, feedback_id: str) -> list[str]:
    """Sort keys of everything that is kept of a feedback."""
    asked = {":pk": {"S": f"FB#{workspace}#{feedback_id}"}}
    table = stack.facts["table"]
    answer = stack.clients("dynamodb").query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=asked, ConsistentRead=True
    )
    return [item["sk"]["S"].partition("#")[0] for item in answer["Items"]]


def test_a_correction_moves_the_ticket_and_never_opens_a_second(world: World, oa: Oa, stack: Any) -> None:
    connection = world.connect("canonical")
    world.endpoint(oa)
    said = voice(texts=[{"text": "包裹破损，客服没有回应", "speaker": "customer"}], revision=1)
    seen = world.settled(heard(world, connection, said), "ticketed")
    opened = wait_for(lambda: oa.of("ticket.opened"), "ticket.opened at the OA")[0]
    assert "logistics" in opened["data"]["ticket"]["departments"]

    answer = correct(world, seen, RUDE, note="电话 13800138000 问过")

    assert (answer.status, answer.json["reading"]) == (200, 2), answer.json
    updated = wait_for(lambda: oa.of("ticket.updated"), "ticket.updated at the OA")[0]
    assert updated["data"]["ticket"]["departments"] == answer.json["departments"]
    assert "logistics" not in updated["data"]["ticket"]["departments"]
    assert updated["sequence"] > opened["sequence"]
    assert [one["topic"] for one in updated["data"]["feedback"]["tags"]] == ["service.attitude"]

    again = correct(world, seen, RUDE)
    assert (again.status, again.json["code"]) == (409, "stale")
    acted = wait_for(lambda: _idle(world, seen["id"]), "the reading acted upon")
    assert (acted["state"], acted["ticket"], acted["revision"]) == ("ticketed", seen["ticket"], 1)
    readings = world.api.call("GET", f"/v1/feedback/{seen['id']}/readings").json["items"]
    assert [(one["revision"], one["reading"], one["corrected_by"] is not None) for one in readings] == [
        (1, 1, True),
        (1, 2, False),
    ]
    given = world.api.call("GET", "/v1/corrections", query={"workspace": world.workspace}).json["items"]
    assert [(one["note"], one["rows"][0]["labels"]) for one in given] == [
        ("电话 〔手机号〕 问过", [["service.attitude", -1]])
    ]
    _recounted(world, stack, seen, "service.attitude")

    since = {"workspace": world.workspace, "since": "2025-01-01", "until": "2099-01-01", "what": "events"}
    assert world.api.call("POST", "/v1/replay", since).status == 202
    heard(world, connection, {**said, "revision": 2, "texts": [{"text": "快递太慢", "speaker": "customer"}]})
    newer = wait_for(lambda: _at(world, seen["id"], 2, 1), "the next revision, read for the first time")
    assert newer["correction"] is None, "what was said of other words stays with them"
    wait_for(lambda: _idle(world, seen["id"]), "the revision acted upon")
    assert [len(world.tickets()), len(oa.of("ticket.opened"))] == [1, 1]

    heard(
        world,
        connection,
        {"type": "feedback.deleted", "id": said["id"], "occurred_at": said["occurred_at"], "revision": 3},
    )
    wait_for(lambda: world.feedback(seen["id"])["deleted"], "the deletion at the source")
    assert items(stack, world.workspace, seen["id"]) == ["FB"], "a reading or a correction outlived its words"
    assert world.api.call("GET", "/v1/corrections", query={"workspace": world.workspace}).json["items"] == []


def _idle(world: World, feedback_id: str) -> Any:
    found = world.feedback(feedback_id)
    return found if found["awaiting"] == [] else None


def _at(world: World, feedback_id: str, revision: int, reading: int) -> Any:
    found = world.feedback(feedback_id)
    return found if (found["revision"], found["reading"]) == (revision, reading) else None


def _recounted(world: World, stack: Any, seen: Any, topic: str) -> None:
    """The hour counts what the newest reading says."""
    key = {"pk": {"S": f"BK#{world.workspace}#{seen['unit']}"}, "sk": {"S": seen["occurred_at"][:13]}}

    def topics() -> bool:
        from chalicelib.storage.packing import unpack

        row = stack.clients("dynamodb").get_item(TableName=stack.facts["table"], Key=key).get("Item", {})
        packed = [value["B"] for value in row.values() if "B" in value]
        return bool(packed) and list(unpack(packed[0])["topics"]) == [topic]

    wait_for(topics, "the hour counted anew")


def test_a_correction_that_makes_a_first_rule_match_opens_the_ticket(world: World, oa: Oa) -> None:
    connection = world.connect("canonical")
    world.endpoint(oa)
    rule = {"workspace": world.workspace, "when": {"tag": {"topic": "service", "polarity": "negative"}}}
    assert world.api.call("PUT", "/v1/rules/rude", {**rule, "then": ["ticket"], "severity": "high"}).status == 200
    happy = voice(
        scores=[{"kind": "nps", "value": 10, "scale": [0, 10]}],
        texts=[{"text": "昨天去了你们店里逛了一圈", "speaker": "customer"}],
    )
    feedback_id = heard(world, connection, happy)
    seen = wait_for(lambda: world.feedback(feedback_id), "the feedback")
    assert (seen["state"], seen["actions"]) == ("new", [])

    assert correct(world, seen, RUDE).status == 200

    opened = wait_for(lambda: oa.of("ticket.opened"), "ticket.opened at the OA")
    assert (opened[0]["data"]["ticket"]["severity"], len(opened)) == ("high", 1)
    assert world.settled(feedback_id, "ticketed")["reading"] == 2


def test_a_try_reads_routes_and_keeps_nothing(world: World, stack: Any) -> None:
    sent = {"workspace": world.workspace, "text": "快递把包裹摔破了", "scores": [{"kind": "nps", "value": 1}]}

    tried = world.api.call("POST", "/v1/try", sent)

    assert (tried.status, tried.json["owner"]) == (200, "logistics"), tried.json
    assert tried.json["tags"][0]["evidence"] in sent["text"]
    assert [one["rule"] for one in tried.json["rules"]] == ["builtin-unhappy"]
    assert tried.json["title"] in tried.json["card"]["title"]
    assert (world.all_feedback(), world.tickets()) == ([], [])


class TestStores:
    @pytest.fixture(autouse=True)
    def table(self, stack: Any) -> Iterator[None]:
        """The rows on the stack's table, and afterwards as they were."""
        before, shared = Row.Meta.table_name, Row.shared_client
        bind(stack.facts["table"], stack.clients("dynamodb"))
        yield
        Row.Meta.table_name, Row.shared_client = before, shared

    @pytest.fixture
    def store(self) -> FeedbackStore:
        return FeedbackStore(keep_days=90, clock=lambda: NOW)

    def stored(self, world: World, store: FeedbackStore, minutes: int = 0, **changes: Any) -> Feedback:
        """A feedback of now that asks for nothing and is doubted."""
        values = {
            "decision": Decision(),
            "workspace": world.workspace,
            "id": f"fb_{minutes:03d}",
            "received_at": NOW - timedelta(minutes=minutes),
            "occurred_at": NOW,
            "awaiting": frozenset(),
            "awaiting_since": None,
            "content_hash": "one",
            "understanding": Understanding(tags=(tag(confidence=0.4),), review=("unsure_topic",)),
        }
        made = built(**{**values, **changes})
        assert store.create(made) is None
        return made

    def again(self, one: Feedback, **changes: Any) -> Feedback:
        values = {"reading": one.reading + 1, "understanding": Understanding(), **changes}
        return replace(one, **values)

    def given(self, one: Feedback, minutes: int = 0) -> Correction:
        return Correction(
            workspace=one.workspace,
            id=f"co_{minutes}",
            feedback=one.id,
            revision=one.revision,
            reading=one.reading,
            verdict="corrected",
            by="ky_1",
            at=NOW + timedelta(minutes=minutes),
            frame_version="f-1",
            model_version="m-1",
            old=(Mark("logistics.damage", "negative", 0, 0, 4),),
            new=(),
            texts=one.texts,
            note="看过",
        )

    def test_the_queue_is_paged_oldest_first_and_left_by_another_reading(
        self, world: World, store: FeedbackStore
    ) -> None:
        waiting = [self.stored(world, store, minutes) for minutes in range(7)]
        self.stored(world, store, 99, understanding=Understanding())
        shown: list[str] = []
        cursor = None
        while True:
            query = {"workspace": world.workspace, "limit": 3, **({"cursor": cursor} if cursor else {})}
            page = world.api.call("GET", "/v1/review", query=query).json
            shown += [one["id"] for one in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert shown == [one.id for one in reversed(waiting)]

        done = world.api.call("POST", f"/v1/feedback/{waiting[6].id}/review", {"verdict": "right"})

        assert (done.status, done.json["review"], done.json["reading"]) == (200, [], 2), done.json
        left, _ = ReviewQueue(clock=lambda: NOW).page(world.workspace, limit=100)
        assert [one.id for one in left] == shown[1:]

    def test_readings_and_corrections_come_back_and_expire_with_the_feedback(
        self, world: World, store: FeedbackStore
    ) -> None:
        one = self.stored(world, store, decision=Decision(severity="high", departments=("logistics",)))
        two = self.again(one, understood_at=NOW)
        assert store.reread(one, two, self.given(one))
        assert store.get(one.workspace, one.id) == two
        assert store.readings(two) == [one]
        assert store.corrections(one.workspace, one.id) == [self.given(one)]

        late = FeedbackStore(keep_days=90, clock=lambda: NOW + timedelta(days=91))

        assert (late.readings(two), late.corrections(one.workspace, one.id)) == ([], [])
        assert CorrectionList(clock=lambda: NOW + timedelta(days=91)).page(one.workspace, since=None, limit=9)[0] == []

    def test_of_two_readings_of_the_same_only_the_first_is_stored(self, world: World, store: FeedbackStore) -> None:
        one = self.stored(world, store)
        assert store.reread(one, self.again(one), self.given(one))

        assert not store.reread(one, self.again(one, understanding=Understanding(lang="en")), self.given(one))

        assert len(store.corrections(one.workspace, one.id)) == 1

    def test_a_reading_stays_with_its_words_when_its_revision_gets_another_number(
        self, world: World, store: FeedbackStore
    ) -> None:
        one = self.stored(world, store)
        two = self.again(one)
        assert store.reread(one, two)
        older = replace(one, content_hash="zero", understanding=Understanding(lang="en"))
        moved = replace(two, revision=2)

        assert store.keep_older(two, moved, older)

        found = [(one.revision, one.reading, one.content_hash) for one in store.readings(moved)]
        assert found == [(1, 1, "zero"), (2, 1, "one")]

    def test_a_page_of_long_texts_is_short_and_nothing_is_left_out(
        self, world: World, store: FeedbackStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chalicelib.storage.reading.corrections.MOST_LETTERS", 25)
        monkeypatch.setattr("chalicelib.storage.reading.review_queue.MOST_LETTERS", 25)
        for minutes in range(3):
            one = self.stored(world, store, minutes)  # eleven characters each
            assert store.reread(one, self.again(one, understanding=one.understanding), self.given(one, minutes))
        lists, queue = CorrectionList(clock=lambda: NOW), ReviewQueue(clock=lambda: NOW)

        first, cursor = lists.page(world.workspace, since=None, limit=9)
        rest, end = lists.page(world.workspace, since=None, limit=9, cursor=cursor)
        doubted, onward = queue.page(world.workspace, limit=9)
        others, last = queue.page(world.workspace, limit=9, cursor=onward)

        assert ([one.id for one in first], [one.id for one in rest], end) == (["co_2", "co_1"], ["co_0"], None)
        assert ([one.id for one in doubted], [one.id for one in others], last) == (
            ["fb_002", "fb_001"],
            ["fb_000"],
            None,
        )

    def test_corrections_are_listed_last_given_first(self, world: World, store: FeedbackStore) -> None:
        given = []
        for minutes in range(5):
            one = self.stored(world, store, minutes)
            given.append(self.given(one, minutes))
            assert store.reread(one, self.again(one), given[-1])
        lists = CorrectionList(clock=lambda: NOW)

        first, cursor = lists.page(world.workspace, since=NOW + timedelta(minutes=1), limit=3)
        rest, end = lists.page(world.workspace, since=NOW + timedelta(minutes=1), limit=3, cursor=cursor)

        assert [*first, *rest] == given[:0:-1]
        assert end is None
