"""The feedback room's adapters on the real engine: what only DynamoDB and KMS can say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from chalicelib.domain.cases.sla import Office, Policy
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery
from chalicelib.domain.reading.rollup import Bucket, recount
from chalicelib.domain.time.calendar import BusinessTime
from chalicelib.domain.time.opening_hours import hours
from chalicelib.domain.voice.feedback import Closing, Decision, Feedback
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Invalid
from chalicelib.services.cases.strike_clock import StrikeClock
from chalicelib.storage import keys
from chalicelib.storage.cases.tickets import LOOK_AFTER, TicketStore
from chalicelib.storage.due import DueStore
from chalicelib.storage.reading.buckets import BucketStore
from chalicelib.storage.table import Row, bind
from chalicelib.storage.vault import Vault
from chalicelib.storage.voice.feedback import FeedbackStore
from chalicelib.storage.voice.feedback_list import FeedbackList
from tests.builders import feedback as built
from tests.builders import ticket

pytestmark = pytest.mark.engine

NOW = datetime.now(timezone.utc).replace(microsecond=0)


@pytest.fixture(autouse=True)
def table(stack: Any) -> Iterator[None]:
    """The rows on the stack's table, and afterwards as they were."""
    before, client = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield
    Row.Meta.table_name, Row.shared_client = before, client


@pytest.fixture
def workspace() -> str:
    return f"ws-{uuid4().hex[:12]}"


@pytest.fixture
def store() -> FeedbackStore:
    return FeedbackStore(keep_days=90, clock=lambda: NOW)


@pytest.fixture
def lists() -> FeedbackList:
    return FeedbackList(keep_days=90, clock=lambda: NOW)


def one(workspace: str, **changes: Any) -> Feedback:
    """A feedback of now that asks for nothing: the stack's own workers would answer it in the middle of a test."""
    values = {
        "decision": Decision(),
        "workspace": workspace,
        "id": f"fb_{uuid4().hex}",
        "received_at": NOW,
        "occurred_at": NOW,
        "understood_at": NOW,
        "heard_at": NOW,
        "awaiting_since": NOW,
        "content_hash": "content",
        "seen": {"event": "body"},
        **changes,
    }
    return built(**values)


class TestFeedback:
    def test_what_is_written_is_read_back_whole(self, store: FeedbackStore, workspace: str) -> None:
        feedback = one(workspace, contact=os.urandom(40), attributes={"订单": "A-1"}, late=True, revision_order="2:1")
        assert store.create(feedback) is None
        assert store.get(workspace, feedback.id) == feedback

    def test_an_id_that_is_taken_shows_what_stands_there(self, store: FeedbackStore, workspace: str) -> None:
        feedback = one(workspace)
        store.create(feedback)
        assert store.create(replace(feedback, content_hash="other")) == feedback
        assert store.get(workspace, feedback.id) == feedback

    def test_a_row_that_has_expired_is_no_row(self, store: FeedbackStore, workspace: str) -> None:
        old = NOW - timedelta(days=91)
        expired = one(workspace, received_at=old, occurred_at=old)
        store.create(expired)
        assert store.get(workspace, expired.id) is None
        fresh = replace(expired, received_at=NOW, occurred_at=NOW)
        assert store.create(fresh) is None
        assert store.get(workspace, expired.id) == fresh

    def test_a_newer_revision_keeps_the_older_one_beside_it(self, store: FeedbackStore, workspace: str) -> None:
        first = one(workspace)
        second = replace(first, revision=2, content_hash="second")
        store.create(first)
        assert store.supersede(first, second)
        assert store.get(workspace, first.id) == second
        assert [kept.content_hash for kept in store.revisions(workspace, first.id)] == ["content"]
        assert not store.supersede(first, replace(first, revision=2, content_hash="late")), "the row is not first's"

    def test_nothing_that_a_worker_noted_is_overwritten(self, store: FeedbackStore, workspace: str) -> None:
        feedback = one(workspace)
        store.create(feedback)
        assert store.action_done(feedback, "ticket", at=NOW, ticket="tk_1")
        assert not store.supersede(feedback, replace(feedback, revision=2))
        assert not store.remember(feedback, replace(feedback, seen={"x": "y"}))

    def test_an_older_revision_moves_the_current_one_up(self, store: FeedbackStore, workspace: str) -> None:
        current = one(workspace, content_hash="new")
        older = replace(current, content_hash="old")
        store.create(current)
        renumbered = replace(current, revision=2, seen={"event": "body", "late": "b"})
        assert store.keep_older(current, renumbered, older)
        assert store.get(workspace, current.id) == renumbered
        assert [kept.content_hash for kept in store.revisions(workspace, current.id)] == ["old"]
        assert not store.keep_older(renumbered, renumbered, older), "its number is taken"

    def test_a_deletion_at_the_source_leaves_no_words(self, store: FeedbackStore, workspace: str) -> None:
        first = one(workspace)
        second = replace(first, revision=2)
        store.create(first)
        store.supersede(first, second)
        gone = replace(second, revision=3, deleted=True, texts=(), scores=(), classes={}, state="closed")
        assert store.erase_words(second, gone)
        assert store.get(workspace, first.id) == gone
        assert store.revisions(workspace, first.id) == []

    def test_the_last_action_out_ends_the_waiting(self, store: FeedbackStore, workspace: str) -> None:
        feedback = one(workspace, awaiting=frozenset({"ticket", "alert"}))
        store.create(feedback)
        assert store.action_done(feedback, "alert", at=NOW)
        assert store.action_done(feedback, "ticket", at=NOW, ticket="tk_1"), "what alert did meanwhile is no obstacle"
        done = store.get(workspace, feedback.id)
        assert done is not None
        assert (done.awaiting, done.awaiting_since, done.acted_at) == (frozenset(), None, NOW)
        assert (done.state, done.ticket) == ("ticketed", "tk_1")
        assert store.action_done(feedback, "ticket", at=NOW, ticket="tk_1")
        assert not store.action_done(replace(feedback, revision=2), "ticket", at=NOW)

    def test_a_voice_is_closed_as_it_was_seen_and_a_ticket_takes_it_up(
        self, store: FeedbackStore, workspace: str
    ) -> None:
        seen, closing = one(workspace, awaiting=frozenset(), awaiting_since=None), Closing("ky_1", NOW, "谢谢")
        store.create(seen)
        assert not store.close(replace(seen, reading=2), closing, "closed")
        assert store.close(seen, closing, "closed")
        closed = replace(seen, state="closed", closing=closing)
        assert store.get(workspace, seen.id) == closed
        assert not store.close(seen, closing, "closed"), "it is closed by now"
        again = replace(closed, reading=2, awaiting=frozenset({"ticket"}), awaiting_since=NOW)
        assert store.reread(closed, again)
        assert store.action_done(again, "ticket", at=NOW, ticket="tk_1")
        after = store.get(workspace, seen.id)
        assert after is not None
        assert (after.state, after.ticket) == ("ticketed", "tk_1")

    def test_what_waits_is_found_by_its_age(self, store: FeedbackStore, workspace: str) -> None:
        waiting = one(workspace, awaiting_since=NOW - timedelta(minutes=10))
        store.create(waiting)
        store.create(one(workspace))
        found = [key for key in store.awaiting_before(NOW - timedelta(minutes=5)) if key[0] == workspace]
        assert found == [(workspace, waiting.id, waiting.awaiting_since)]


class TestParking:
    def parked(self, workspace: str, **changes: Any) -> Feedback:
        values = {"state": "parked", "reading": 0, "parked_reason": "unparseable", "content_hash": "", **changes}
        return one(workspace, awaiting=frozenset(), awaiting_since=None, **values)

    def test_a_parked_row_keeps_its_body_for_thirty_days(self, store: FeedbackStore, workspace: str) -> None:
        parked = self.parked(workspace)
        assert store.park(parked, b"sealed") is None
        assert store.get(workspace, parked.id) == parked
        assert store.raw_body(workspace, parked.id) == b"sealed"
        later = FeedbackStore(keep_days=90, clock=lambda: NOW + timedelta(days=30))
        assert later.get(workspace, parked.id) is None
        assert later.raw_body(workspace, parked.id) is None

    def test_parking_never_takes_a_place(self, store: FeedbackStore, workspace: str) -> None:
        good = one(workspace)
        store.create(good)
        assert store.park(self.parked(workspace, id=good.id), b"sealed") == good
        assert store.raw_body(workspace, good.id) is None

    def test_what_has_been_read_loses_its_raw_body(self, store: FeedbackStore, workspace: str) -> None:
        parked = self.parked(workspace)
        store.park(parked, b"sealed")
        good = one(workspace, id=parked.id)
        assert store.unpark(parked, good)
        assert store.get(workspace, parked.id) == good
        assert store.raw_body(workspace, parked.id) is None
        assert not store.unpark(parked, good)

    def test_another_parked_delivery_moves_out_of_the_way(self, store: FeedbackStore, workspace: str) -> None:
        parked, good = self.parked(workspace), one(workspace)
        good = replace(good, id=parked.id)
        elsewhere = replace(parked, id=f"{parked.id}x")
        store.park(parked, b"sealed")
        assert store.displace(parked, elsewhere, b"sealed again", good)
        assert store.get(workspace, good.id) == good
        assert store.get(workspace, elsewhere.id) == elsewhere
        assert store.raw_body(workspace, elsewhere.id) == b"sealed again"
        assert store.raw_body(workspace, good.id) is None

    def test_a_second_failure_changes_the_reason(self, store: FeedbackStore, workspace: str) -> None:
        parked = self.parked(workspace)
        store.park(parked, b"sealed")
        assert store.park_again(parked, replace(parked, parked_reason="unknown_shape"))
        found = store.get(workspace, parked.id)
        assert found is not None
        assert found.parked_reason == "unknown_shape"


class Killed(Exception):
    """The function is no more."""


class Mortal:
    """The engine's client of a function that is killed before its next write after so many of them."""

    def __init__(self, client: Any, writes: int) -> None:
        self._client, self._writes = client, writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> Any:
        if operation in ("PutItem", "TransactWriteItems"):
            if self._writes == 0:
                raise Killed
            self._writes -= 1
        return self._client._make_api_call(operation, request)


def no_office(_: str) -> Office:
    pytest.fail("nobody asks for the office of a ticket that there is not")


def open_office(_: str) -> Office:
    return Office(Policy(1, {}), lambda _: BusinessTime(ZoneInfo("UTC"), hours("daily 24h")))


def no_organisation(_: str) -> Organisation:
    pytest.fail("nobody is told of what has no clock")


class TestOpeningsThatDie:
    """The alarm comes first, then the row of the customer, the row of the owner, the ticket."""

    CUSTOMER, OWNER = "cu_one", "u_li"

    def opening(self, voice: Feedback, opened_at: datetime = NOW, customer: str = CUSTOMER) -> Ticket:
        values = {"workspace": voice.workspace, "id": f"tk_{voice.id}", "feedback": voice.id}
        return ticket(**values, customer=customer, owner=self.OWNER, opened_at=opened_at, updated_at=opened_at)

    def kill(self, stack: Any, opening: Ticket, after: int) -> None:
        """The opening, up to so many writes."""
        client = Row.shared_client
        bind(stack.facts["table"], Mortal(client, after))
        with pytest.raises(Killed):
            TicketStore().create(opening, Move(1, "", "open", "echoloop", opening.opened_at))
        bind(stack.facts["table"], client)

    def left(self, stack: Any, workspace: str, customer: str = CUSTOMER) -> list[tuple[str, str]]:
        """What still says that there was to be a case: kind and place of the customer's rows and the owner's."""
        customers, _ = keys.customer_case(workspace, customer, NOW, "")
        owners, _ = keys.open_case(workspace, self.OWNER, "")
        found: list[tuple[str, str]] = []
        for partition in (customers, owners):
            answer = stack.clients("dynamodb").query(
                TableName=stack.facts["table"],
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
                ConsistentRead=True,
            )
            found += [(item["pk"]["S"][:2], item["sk"]["S"]) for item in answer["Items"]]
        return found

    def strike(self, opening: Ticket, office: Callable[[str], Office] = no_office) -> list[str]:
        """The minute of its alarm comes, if there is one; what came of it."""
        due, at, outcomes = DueStore(lambda: NOW), opening.opened_at + LOOK_AFTER, []
        clock = StrikeClock(TicketStore(), office, no_organisation, due, lambda: at, TicketStore().forget)
        for item in due.take(at):
            if item.body["ticket"] == opening.id and item.body["opening"]["at"] == opening.opened_at.isoformat():
                outcomes.append(clock(item.body))
                due.delete(item)
        return outcomes

    @pytest.mark.parametrize(("after", "rows"), [(0, 0), (1, 0), (2, 1), (3, 2)])
    def test_nothing_of_them_outlives_the_voice_that_its_source_deletes(
        self, store: FeedbackStore, stack: Any, workspace: str, after: int, rows: int
    ) -> None:
        voice = one(workspace, customer_ref="CUST-1")
        store.create(voice)
        opening = self.opening(voice)
        self.kill(stack, opening, after)
        assert len(self.left(stack, workspace)) == rows
        gone = replace(voice, revision=2, deleted=True, texts=(), scores=(), customer_ref=None, state="closed")
        assert store.erase_words(voice, gone)
        assert self.strike(opening) == ["gone"] * min(after, 1)
        assert self.left(stack, workspace) == []

    def test_an_alarm_takes_nothing_of_the_opening_that_is_tried_again(self, stack: Any, workspace: str) -> None:
        voice = one(workspace)
        first, second = (self.opening(voice, NOW + timedelta(seconds=more)) for more in (0, 5))
        for opening in (first, second):
            self.kill(stack, opening, 3)
        assert len(self.left(stack, workspace)) == 3, "the owner's row is one"
        self.strike(first)
        kept = [("CU", f"{keys.instant(second.opened_at)}#{second.id}"), ("OC", second.id)]
        assert self.left(stack, workspace) == kept
        self.strike(second)
        assert self.left(stack, workspace) == []

    def test_a_ticket_keeps_its_rows_and_none_of_another_customers_opening_stays_beside_them(
        self, stack: Any, workspace: str
    ) -> None:
        voice = one(workspace)
        dead, living = self.opening(voice, customer="cu_two"), self.opening(voice, NOW + timedelta(seconds=5))
        self.kill(stack, dead, 3)
        assert TicketStore().create(living, Move(1, "", "open", "echoloop", living.opened_at))
        owners = [("OC", living.id)]
        assert len(self.left(stack, workspace, "cu_two")) == 1 + len(owners)

        assert [self.strike(each, open_office) for each in (dead, living)] == [["stale"], ["stale"]]

        assert self.left(stack, workspace, "cu_two") == owners
        assert self.left(stack, workspace) == [("CU", f"{keys.instant(living.opened_at)}#{living.id}"), *owners]


class TestListing:
    def walk(self, lists: FeedbackList, query: FeedbackQuery, limit: int) -> list[FeedbackPage]:
        pages = [lists.page(query, limit=limit)]
        while pages[-1].cursor is not None:
            pages.append(lists.page(query, limit=limit, cursor=pages[-1].cursor))
        return pages

    def test_pages_are_newest_first_and_miss_nothing(
        self, store: FeedbackStore, lists: FeedbackList, workspace: str
    ) -> None:
        moments = [NOW - timedelta(hours=7 * number) for number in range(11)]
        made = [one(workspace, received_at=moment) for moment in moments]
        for feedback in reversed(made):
            store.create(feedback)
        pages = self.walk(lists, FeedbackQuery(workspace), limit=4)
        assert [line.id for page in pages for line in page.items] == [feedback.id for feedback in made]
        assert pages[0].items[0].facets == facets_of(made[0])

    def test_the_way_onwards_is_the_list_turned_round(
        self, store: FeedbackStore, lists: FeedbackList, workspace: str
    ) -> None:
        moments = [NOW - timedelta(days=days, seconds=second) for days in (0, 1, 40, 80) for second in (0, 0, 5)]
        for moment in moments:
            store.create(one(workspace, received_at=moment))
        since, until = NOW - timedelta(days=79), NOW
        found: list[str] = []
        after, pages = None, 0
        while pages == 0 or after:
            lines, after = lists.onwards(workspace, since, until, limit=2, after=after)
            found += [line.id for line in lines]
            pages += 1
        newest = [line.id for line in lists.newest(workspace, since, until)]
        assert found == newest[::-1]
        assert len(found) == 7, "what came at the end of the span, or before it, is no part of it"
        assert pages >= 4

    def test_filters_hold_together(self, store: FeedbackStore, lists: FeedbackList, workspace: str) -> None:
        wanted = one(workspace, unit="SH/001")
        elsewhere, ticketed = one(workspace, unit="SHX"), one(workspace, unit="SH", state="ticketed")
        for feedback in (wanted, elsewhere, ticketed):
            store.create(feedback)
        query = FeedbackQuery(workspace, unit="SH", topic="logistics", state="new", since=NOW)
        assert [line.id for line in lists.page(query, limit=10).items] == [wanted.id]
        assert lists.page(replace(query, until=NOW), limit=10).items == ()

    def test_a_whole_span_is_walked_newest_first_and_only_as_far_as_it_is_looked_at(
        self, store: FeedbackStore, lists: FeedbackList, workspace: str
    ) -> None:
        made = [one(workspace, received_at=NOW - timedelta(hours=7 * number)) for number in range(6)]
        for feedback in made:
            store.create(feedback)
        walk = lists.newest(workspace, made[4].received_at, NOW)
        assert next(walk).id == made[1].id, "the end of a span is left out"
        assert [line.id for line in walk] == [feedback.id for feedback in made[2:5]]

    @pytest.mark.parametrize("changes", [{"workspace": "other"}, {"unit": "SH"}])
    def test_a_cursor_belongs_to_its_list(
        self, store: FeedbackStore, lists: FeedbackList, workspace: str, changes: dict[str, str]
    ) -> None:
        for _ in range(2):
            store.create(one(workspace))
        query = FeedbackQuery(workspace)
        cursor = lists.page(query, limit=1).cursor
        assert cursor is not None
        with pytest.raises(Invalid, match="was not given out for this list") as refused:
            lists.page(replace(query, **changes), limit=1, cursor=cursor)
        assert refused.value.code == "invalid_cursor"


class TestBuckets:
    def test_a_count_clears_the_marks_that_it_took_in(self, workspace: str) -> None:
        buckets, bucket = BucketStore(), Bucket(workspace, "SH-001", "2026-11-21T08")
        assert not buckets.is_marked(bucket)
        assert not buckets.mark(bucket, 100)
        assert buckets.is_marked(bucket)
        assert buckets.mark(bucket, 120), "already marked"
        assert buckets.write(bucket, {"n": 1}, 100).is_marked, "120 is younger"
        assert not buckets.write(bucket, {"n": 2}, 120).is_marked
        assert buckets.counts(bucket) == {"n": 2}

    def test_a_late_count_changes_nothing(self, workspace: str) -> None:
        buckets, bucket = BucketStore(), Bucket(workspace, "-", "2026-11-21T08")
        buckets.mark(bucket, 100)
        buckets.write(bucket, {"n": 2}, 100)
        assert not buckets.write(bucket, {"n": 1}, 90).is_marked
        assert buckets.counts(bucket) == {"n": 2}

    def test_a_bucket_counts_its_rows(self, store: FeedbackStore, workspace: str) -> None:
        first, second = one(workspace), one(workspace)
        for feedback in (first, second, one(workspace, unit=None), one(workspace, deleted=True)):
            store.create(feedback)
        bucket = Bucket(workspace, "SH-001", NOW.strftime("%Y-%m-%dT%H"))
        assert recount(BucketStore().rows(bucket)) == recount([facets_of(first), facets_of(second)])

    def test_the_buckets_of_an_hour_are_found(self, workspace: str) -> None:
        buckets = BucketStore()
        made = {Bucket(workspace, unit, "2026-11-21T09") for unit in ("-", "SH#1", "上海")}
        for bucket in made:
            buckets.mark(bucket, 1)
        assert {bucket for bucket in buckets.of_hour("2026-11-21T09") if bucket.workspace == workspace} == made


class TestVault:
    @pytest.fixture
    def vault(self, stack: Any) -> Vault:
        kms = stack.clients("kms")
        return Vault(kms, kms.create_key()["KeyMetadata"]["KeyId"])

    def test_another_process_opens_what_one_has_sealed(self, vault: Vault, workspace: str) -> None:
        other = Vault(vault._kms, vault._key_id)
        contact = {"name": "张三", "phone": "13800138000"}
        subject = vault.subject(workspace, "CUST-1")
        assert other.subject(workspace, "CUST-1") == subject
        assert other.open_contact(workspace, subject, vault.seal_contact(workspace, subject, contact)) == contact
        assert other.open_body(workspace, vault.seal_body(workspace, b"raw" * 100)) == b"raw" * 100

    def test_two_processes_make_one_salt(self, vault: Vault, workspace: str) -> None:
        other = Vault(vault._kms, vault._key_id)
        subject = vault.subject(workspace, "CUST-1")
        sealed = [one.seal_contact(workspace, subject, {"name": "a"}) for one in (vault, other)]
        assert [vault.open_contact(workspace, subject, each) for each in sealed] == [{"name": "a"}] * 2

    def test_without_its_salt_a_contact_is_gone(self, vault: Vault, stack: Any, workspace: str) -> None:
        subject = vault.subject(workspace, "CUST-1")
        sealed = vault.seal_contact(workspace, subject, {"name": "张三"})
        key = {"pk": {"S": f"SB#{workspace}#{subject}"}, "sk": {"S": "SALT"}}
        stack.clients("dynamodb").delete_item(TableName=stack.facts["table"], Key=key)
        assert vault.open_contact(workspace, subject, sealed) is None

    def test_a_person_has_another_name_in_another_workspace(self, vault: Vault, workspace: str) -> None:
        assert vault.subject(workspace, "CUST-1") != vault.subject(f"{workspace}-2", "CUST-1")
