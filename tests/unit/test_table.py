"""Trouble of the table, whichever store meets it: Retryable, and silent about what was asked."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.domain.alerts.alert import AlertKey
from chalicelib.domain.cases.case import Link, Lot, Note, Verdict
from chalicelib.domain.cases.ticket import Move
from chalicelib.domain.reading.listing import FeedbackQuery
from chalicelib.domain.reading.rollup import Bucket
from chalicelib.domain.voice.feedback import Closing
from chalicelib.errors import Retryable
from chalicelib.storage.alerts.alerts import AlertStore
from chalicelib.storage.cases.audit import AuditLog
from chalicelib.storage.cases.cases import CaseStore
from chalicelib.storage.cases.lots import LotStore
from chalicelib.storage.cases.tickets import TicketStore
from chalicelib.storage.due import DueStore
from chalicelib.storage.outbound.deliveries import DeliveryStore, TargetWindows
from chalicelib.storage.reading.buckets import BucketStore
from chalicelib.storage.table import Row, bind
from chalicelib.storage.vault import Vault
from chalicelib.storage.voice.feedback import FeedbackStore
from chalicelib.storage.voice.feedback_list import FeedbackList
from chalicelib.storage.voice.feedback_rows import current_row
from chalicelib.storage.workspaces.directory import DirectoryStore
from tests.builders import AT, WORKSPACE, feedback, ticket

CANARY = "CANARY-of-a-customer"


class BrokenTable:
    """A botocore client all of whose calls end in ``error``."""

    _request_signer = None

    def __init__(self, error: Exception) -> None:
        self.error = error

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        raise self.error


def answer(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": CANARY}, **more}, "AnyOperation")  # type: ignore[typeddict-item]


@pytest.fixture
def broken() -> Iterator[Callable[[Exception], None]]:
    before, client = Row.Meta.table_name, Row.shared_client
    yield lambda error: bind("table", BrokenTable(error))
    Row.Meta.table_name, Row.shared_client = before, client


def clock() -> datetime:
    return AT


ONE, TICKET = feedback(), ticket()
LOT = Lot(WORKSPACE, "tk_one", 7, "2026-11", "SH/001")
MOVE = Move(version=1, before="", after="open", actor="echoloop", at=AT)
BUCKET = Bucket(WORKSPACE, "-", "2026-11-21T08")
KEY = AlertKey(WORKSPACE, "rule", "topic", "-")


def rooms() -> FeedbackStore:
    return FeedbackStore(keep_days=90, clock=clock)


CALLS: dict[str, Callable[[], object]] = {
    "feedback get": lambda: rooms().get(WORKSPACE, "fb_one"),
    "feedback revisions": lambda: rooms().revisions(WORKSPACE, "fb_one"),
    "feedback create": lambda: rooms().create(ONE),
    "feedback supersede": lambda: rooms().supersede(ONE, ONE),
    "feedback erase": lambda: rooms().erase_words(ONE, ONE),
    "feedback remember": lambda: rooms().remember(ONE, ONE),
    "feedback park": lambda: rooms().park(ONE, b""),
    "feedback raw body": lambda: rooms().raw_body(WORKSPACE, "fb_one"),
    "feedback action": lambda: rooms().action_done(ONE, "ticket", at=AT),
    "feedback awaiting": lambda: list(rooms().awaiting_before(AT)),
    "feedback list": lambda: FeedbackList(keep_days=90, clock=clock).page(FeedbackQuery(WORKSPACE), limit=5),
    "bucket mark": lambda: BucketStore().mark(BUCKET, 1),
    "bucket rows": lambda: list(BucketStore().rows(BUCKET)),
    "bucket write": lambda: BucketStore().write(BUCKET, {}, 1),
    "bucket hour": lambda: list(BucketStore().of_hour("2026-11-21T08")),
    "due add": lambda: DueStore(clock).add(AT, "tickets", {}, key="key"),
    "due take": lambda: list(DueStore(clock).take(AT)),
    "due position": lambda: DueStore(clock).position("sweep"),
    "ticket get": lambda: TicketStore().get(WORKSPACE, "tk_one"),
    "ticket create": lambda: TicketStore().create(TICKET, MOVE),
    "ticket moves": lambda: TicketStore().moves(WORKSPACE, "tk_one"),
    "customer's cases": lambda: TicketStore().of_customer(WORKSPACE, "cu_one", limit=5),
    "tickets by id": lambda: TicketStore().some(WORKSPACE, ["tk_one"]),
    "lot": lambda: LotStore().keep(LOT),
    "lots counted": lambda: LotStore().closed(WORKSPACE, "2026-11", [None]),
    "lots listed": lambda: LotStore().page(WORKSPACE, "2026-11", most=1, unit=None, limit=5, cursor=None),
    "notes": lambda: CaseStore().notes(WORKSPACE, "tk_one"),
    "note": lambda: CaseStore().add_note(WORKSPACE, "tk_one", Note("nt_1", "ky", AT, "")),
    "link": lambda: CaseStore().link(Link(WORKSPACE, "tk_one", "tk_two", "related", "ky", AT)),
    "unlink": lambda: CaseStore().unlink(Link(WORKSPACE, "tk_one", "tk_two", "related", "ky", AT)),
    "verdict": lambda: CaseStore().judge(WORKSPACE, "tk_one", Verdict("passed", "ky", AT, 1)),
    "verdicts": lambda: CaseStore().verdicts(WORKSPACE, ["tk_one"]),
    "feedback closed": lambda: rooms().close(ONE, Closing("ky", AT, "回电"), "closed"),
    "ticket list": lambda: TicketStore().page(WORKSPACE),
    "external item": lambda: TicketStore().external_item(WORKSPACE, "ep_one", "OA-1"),
    "delivery get": lambda: DeliveryStore(clock).get(WORKSPACE, "dl-tk_one-ep_one-1"),
    "delivery list": lambda: DeliveryStore(clock).page(WORKSPACE),
    "target window": lambda: TargetWindows().take("target", (), 0.0),
    "alert waiting": lambda: AlertStore(retention_days=90).waiting(KEY, at=AT, most=5),
    "alert spend": lambda: AlertStore(retention_days=90).spend(WORKSPACE, 1, limit=2, at=AT),
    "directory list": lambda: DirectoryStore().connections(WORKSPACE),
    "directory key": lambda: DirectoryStore().create_key(WORKSPACE, "admin"),
    "vault": lambda: Vault(None, "key").subject(WORKSPACE, "CUST-1"),
    "audit": lambda: AuditLog().revealed(WORKSPACE, at=AT, key="ky", ticket="tk", feedback="fb", reason="回电"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (answer("InternalServerError"), "table_unavailable"),
        (answer("ThrottlingException"), "table_unavailable"),
        (EndpointConnectionError(endpoint_url=f"https://{CANARY}"), "table_unavailable"),
        (answer("ValidationException"), "table_refused"),
        (answer("AccessDeniedException"), "table_refused"),
    ],
    ids=["internal", "throttled", "unreachable", "refused", "denied"],
)
def test_every_store_says_that_it_may_be_tried_again(
    call: Callable[[], object], error: Exception, code: str, broken: Callable[[Exception], None]
) -> None:
    broken(error)
    with pytest.raises(Retryable, match=r"^The table did not take the request\.$") as raised:
        call()
    assert raised.value.code == code
    assert CANARY not in "".join(traceback.format_exception(raised.value))


def cancelled(*codes: str, **reason: Any) -> ClientError:
    return answer("TransactionCanceledException", CancellationReasons=[{"Code": code, **reason} for code in codes])


def test_a_failed_condition_is_an_answer_and_no_trouble(broken: Callable[[Exception], None]) -> None:
    standing = current_row(ONE, keep_days=90).serialize()
    broken(answer("ConditionalCheckFailedException", Item=standing))
    assert rooms().create(ONE) == ONE
    assert not rooms().remember(ONE, ONE)
    broken(cancelled("ConditionalCheckFailed", Item=standing))
    assert rooms().park(ONE, b"") == ONE


@pytest.mark.parametrize("codes", [("ConditionalCheckFailed", "None"), ("None", "TransactionConflict")])
def test_a_transaction_that_lost_a_race_is_looked_at_again(
    codes: tuple[str, ...], broken: Callable[[Exception], None]
) -> None:
    broken(cancelled(*codes))
    assert not rooms().supersede(ONE, ONE)
    assert not TicketStore().update(TICKET, (MOVE,), expected_version=1)


def test_a_transaction_that_was_throttled_is_trouble(broken: Callable[[Exception], None]) -> None:
    broken(cancelled("ThrottlingError"))
    for write in (
        lambda: rooms().supersede(ONE, ONE),
        lambda: TicketStore().update(TICKET, (MOVE,), expected_version=1),
    ):
        with pytest.raises(Retryable) as raised:
            write()
        assert raised.value.code == "table_unavailable"


def test_two_that_park_at_once_are_told_to_come_again(broken: Callable[[Exception], None]) -> None:
    broken(cancelled("TransactionConflict"))
    with pytest.raises(Retryable) as raised:
        rooms().park(ONE, b"")
    assert raised.value.code == "contended"


class RecordingTable(BrokenTable):
    """Answers queries with ``keys`` and keeps what it is asked."""

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        super().__init__(RuntimeError())
        self.keys = keys
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((operation, request))
        if operation != "Query":
            return {}
        items = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in self.keys]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}


@pytest.fixture
def recorded() -> Iterator[Callable[[list[tuple[str, str]]], RecordingTable]]:
    before, client = Row.Meta.table_name, Row.shared_client

    def record(keys: list[tuple[str, str]]) -> RecordingTable:
        table = RecordingTable(keys)
        bind("table", table)
        return table

    yield record
    Row.Meta.table_name, Row.shared_client = before, client


def test_a_voice_of_many_revisions_is_erased_whole(recorded: Callable[[list[tuple[str, str]]], RecordingTable]) -> None:
    """A transaction takes a hundred rows; what is beyond goes first, and the tombstone last."""
    table = recorded([("FB#acme#fb_one", f"REV#{number:010d}") for number in range(250)])
    assert rooms().erase_words(ONE, ONE)
    operations = [operation for operation, _ in table.asked]
    assert operations == ["Query", *["DeleteItem"] * 160, "TransactWriteItems"]
    together = table.asked[-1][1]["TransactItems"]
    assert len(together) == 91
    erased = [request["Key"]["sk"]["S"] for _, request in table.asked[1:-1]]
    erased += [item["Delete"]["Key"]["sk"]["S"] for item in together if "Delete" in item]
    assert len(set(erased)) == 250


def test_a_number_left_by_an_expired_revision_can_be_taken(
    recorded: Callable[[list[tuple[str, str]]], RecordingTable],
) -> None:
    """TTL is days late; a voice that comes again after its expiry has its revisions from 1 on."""
    table = recorded([])
    assert rooms().supersede(ONE, feedback(revision=2))
    ((_, request),) = table.asked
    (older, _) = (item["Put"] for item in request["TransactItems"])
    assert "attribute_not_exists" in older["ConditionExpression"]
    assert {"N": str(int(AT.timestamp()))} in older["ExpressionAttributeValues"].values()


def test_the_longest_name_of_a_unit_fits_the_keys_of_its_bucket(
    recorded: Callable[[list[tuple[str, str]]], RecordingTable],
) -> None:
    """DynamoDB takes 2,048 bytes of a partition key and 1,024 of a sort key."""
    table = recorded([])
    BucketStore().mark(Bucket("w" * 64, "😀" * 256, "2026-11-21T08"), 1)
    ((_, request),) = table.asked
    assert len(request["Key"]["pk"]["S"].encode()) <= 2048
    texts = [value["S"] for value in request["ExpressionAttributeValues"].values() if "S" in value]
    assert texts
    assert all(len(text.encode()) <= 1024 for text in texts)


def test_what_waits_is_looked_at_newest_first(recorded: Callable[[list[tuple[str, str]]], RecordingTable]) -> None:
    table = recorded([])
    assert list(rooms().awaiting_before(AT - timedelta(minutes=5))) == []
    assert [request["ScanIndexForward"] for _, request in table.asked] == [False] * 4, "one look a shard"
