"""Reading uploaded files: rows onto the inbox, the report of bad ones, and going on after whatever went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import ids
from chalicelib.domain.inbound import upload
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.upload import RowError, Upload
from chalicelib.domain.text import csv_text
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.errors import Parked, Retryable
from chalicelib.services.inbound import intake
from chalicelib.services.inbound.intake import Intake, Taken, told
from chalicelib.sources import registry
from tests.builders import AT
from tests.fakes.directory import FakeDirectory
from tests.fakes.fetches import FakeQueue
from tests.fakes.uploads import FakeFiles, FakeUploadStore

MAPPING = {
    "response_id": "/id",
    "occurred_at": "/when",
    "scores": [{"path": "/nps", "kind": "nps"}, {"path": "/csat", "kind": "csat", "scale": [1, 5]}],
    "texts": [{"path": "/why"}],
}
HEADER = "id,when,nps,csat,why"


@dataclass
class Inbox:
    envelopes: list[Envelope] = field(default_factory=list)
    down_after: int | None = None  # envelopes

    def put_all(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            if self.down_after is not None and len(self.envelopes) >= self.down_after:
                raise Retryable("down", code="queue_unavailable")
            self.envelopes.append(envelope)

    def keys(self) -> list[str]:
        """Identities, each once, in the order of their first arrival."""
        return list(dict.fromkeys(envelope.event_key for envelope in self.envelopes))


@dataclass
class Desk:
    """An intake on fakes with one connection and one file."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    store: FakeUploadStore = field(default_factory=FakeUploadStore)
    files: FakeFiles = field(default_factory=FakeFiles)
    inbox: Inbox = field(default_factory=Inbox)
    queue: FakeQueue = field(default_factory=FakeQueue)
    seconds: float = 0.0
    step: float = 0.0  # that pass with every look at the clock

    def __post_init__(self) -> None:
        self.connect()

    def connect(self, **changes: Any) -> None:
        values = {"id": "cn_1", "name": "n", "source": "csv", "mapping": MAPPING}
        self.directory.connections_.clear()
        self.directory.put_connection(Connection("acme", **{**values, **changes}))

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    @property
    def intake(self) -> Intake:
        return Intake(
            directory=self.directory,
            store=self.store,
            files=self.files,
            source=registry.load,
            inbox=self.inbox,
            queue=self.queue,
            clock=lambda: AT,
            monotonic=self.monotonic,
        )

    def put(self, raw: bytes) -> None:
        self.files.put("acme/cn_1/up_1", raw, "text/csv")

    def take(self) -> Taken:
        return self.intake("acme", "cn_1", "up_1", self.files.etag("acme/cn_1/up_1"))

    def finish(self) -> None:
        """Until no message to go on is left."""
        self.take()
        while bodies := self.queue.taken():
            for body in bodies:
                for one in told(json.loads(json.dumps(body))):
                    self.intake(*one)

    @property
    def state(self) -> Upload:
        found = self.store.get("acme", "cn_1", "up_1")
        assert found is not None
        return found


def table(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows)).encode()


def many(count: int) -> bytes:
    return table(*(f"R-{number},,9,,{'好' * (number % 7)}" for number in range(count)))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_row_is_what_a_hook_would_have_heard(desk: Desk) -> None:
    desk.put(table("R-1,2026-11-01 08:00,3,,包裹破损"))
    assert desk.take() == Taken("read", accepted=1)
    (envelope,) = desk.inbox.envelopes
    assert json.loads(envelope.arrival.raw) == {"id": "R-1", "when": "2026-11-01 08:00", "nps": "3", "why": "包裹破损"}
    assert envelope.feedback_id == ids.feedback_id("acme", "cn_1", "R-1")
    assert envelope.event_key == ids.event_key("cn_1", None, envelope.arrival.raw)
    assert (envelope.source, envelope.arrival.received_at) == ("csv", AT)
    assert (desk.state.state, desk.state.rows, desk.state.accepted, desk.state.row) == ("done", 1, 1, 2)
    assert desk.state.finished_at == "2026-11-21T08:00:00Z"


def test_a_row_without_an_answer_is_an_empty_voice_because_the_file_has_the_columns(desk: Desk) -> None:
    desk.put(table("R-1,2026-11-01 08:00,,,"))
    assert desk.take() == Taken("read", accepted=1)
    (envelope,) = desk.inbox.envelopes
    source = registry.load("csv")
    assert source.parse(envelope.arrival, MAPPING).scores == ()
    bare = replace(envelope.arrival, raw=b'{"id": "R-1", "NPS": "3"}')
    with pytest.raises(Parked, match="where the mapping looks"):
        source.parse(bare, MAPPING)


def test_the_order_of_columns_and_the_way_of_writing_are_no_other_event(desk: Desk) -> None:
    desk.put(table("R-1,,3,,好"))
    desk.take()
    desk.put('why;nps;id;new\r\n"好";"3";R-1;\r\n'.encode("gb18030"))
    desk.connect(mapping={name: MAPPING[name] for name in ("response_id", "texts")})
    desk.take()
    assert len(desk.inbox.envelopes) == 2
    assert len(desk.inbox.keys()) == 1


def test_bad_rows_are_told_by_number_code_and_column_and_never_by_their_words(desk: Desk) -> None:
    desk.put(
        table("R-1,yesterday CANARY,3,,", "R-2,,eleven,,", "", "R-3,,11,,", "R-4,,3,9,", ",,3,,", "R-6,,3,,好,CANARY")
    )
    assert desk.take() == Taken("read", refused=6)
    assert desk.state.errors == (
        RowError(2, "mapping_bad_time", "when"),
        RowError(3, "mapping_score_not_a_number", "nps"),
        RowError(5, "mapping_score_out_of_scale", "nps"),
        RowError(6, "mapping_score_out_of_scale", "csat"),
        RowError(7, "mapping_missing_response_id", "id"),
        RowError(8, "row_too_many_cells", None),
    )
    assert (desk.state.rows, desk.state.accepted, desk.state.refused) == (6, 0, 6)
    assert "CANARY" not in repr(desk.state)
    assert desk.inbox.envelopes == []


def test_errors_beyond_a_hundred_are_counted_and_not_listed(desk: Desk) -> None:
    desk.put(table(*(f"R-{number},,x,," for number in range(101))))
    desk.take()
    assert (len(desk.state.errors), desk.state.more_errors, desk.state.refused) == (100, True, 101)


def test_a_row_that_is_too_large_is_one_bad_row(desk: Desk) -> None:
    desk.put(table(f"R-1,,3,,{'x' * 262_144}", "R-2,,3,,"))
    assert desk.take() == Taken("read", accepted=1, refused=1)
    assert desk.state.errors == (RowError(2, "row_too_large"),)


@pytest.mark.parametrize(
    ("raw", "error", "row", "column"),
    [
        (b"", "file_empty", 1, None),
        (b"PK\x03\x04", "not_csv", 1, None),
        (b"id,id\n", "header_repeated", 1, None),
        (b"id,when,nps,csat\n", "column_missing", 1, "why"),
        (table("R-1,,3,,") + b'\nR-2,,3,,"' + b"x" * csv_text.WINDOW * 2, "row_too_large", 3, None),
    ],
)
def test_a_file_that_cannot_be_read_is_given_up_with_its_reason(
    desk: Desk, raw: bytes, error: str, row: int, column: str | None
) -> None:
    desk.put(raw)
    assert desk.take() == Taken("read", error=error)
    assert (desk.state.state, desk.state.error) == ("failed", error)
    assert desk.state.errors[-1] == RowError(row, error, column)
    assert desk.take() == Taken("passed")


def test_what_was_read_before_a_file_was_given_up_stays_counted(desk: Desk) -> None:
    desk.put(table("R-1,,3,,") + b'\nR-2,,3,,"' + b"x" * csv_text.WINDOW * 2)
    desk.take()
    assert (desk.state.accepted, len(desk.inbox.envelopes)) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"source": "canonical", "mapping": {}}, "source_takes_no_files"),
        ({"mapping": {"texts": [{"path": "/why"}]}}, "mapping_missing_response_id"),
        ({"mapping": {"response_id": "/id"}}, "mapping_empty"),
    ],
)
def test_a_connection_that_could_read_no_row_gives_the_file_up(desk: Desk, changes: Any, error: str) -> None:
    desk.connect(**changes)
    desk.put(table("R-1,,3,,"))
    assert desk.take().error == error
    assert desk.state.error == error


def test_a_file_of_a_connection_that_is_gone_is_given_up(desk: Desk) -> None:
    desk.put(table("R-1,,3,,"))
    desk.directory.delete_connection("acme", "cn_1")
    assert desk.take().error == "connection_deleted"


def test_a_file_over_the_limits_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_ROWS", 2)
    desk.put(many(3))
    assert desk.take().error == "too_many_rows"
    monkeypatch.setattr(upload, "MAX_BYTES", 10)
    desk.put(many(4))
    assert desk.take().error == "file_too_large"


def test_a_file_that_has_expired_is_given_up(desk: Desk) -> None:
    assert desk.intake("acme", "cn_1", "up_1", "e1").error == "file_gone"
    assert (desk.state.state, desk.state.error) == ("failed", "file_gone")


def test_other_bytes_under_the_name_are_read_from_the_beginning(desk: Desk) -> None:
    desk.put(many(3))
    old = desk.files.etag("acme/cn_1/up_1")
    desk.take()
    desk.put(many(5))
    assert desk.intake("acme", "cn_1", "up_1", old) == Taken("passed")
    assert desk.take() == Taken("read", accepted=5)
    assert desk.state.rows == 5
    assert len(desk.inbox.keys()) == 5


def test_a_run_out_of_time_hands_over_and_the_next_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "GROUP", 4)
    desk.step = intake.LONGEST
    desk.put(many(11))
    assert desk.take() == Taken("handed_over", accepted=4)
    assert desk.state.state == "reading"
    desk.finish()
    assert (desk.state.state, desk.state.accepted, len(desk.inbox.envelopes)) == ("done", 11, 11)


def test_a_large_file_is_read_in_turns_by_ranges(desk: Desk) -> None:
    raw = table(*(f"R-{number},,9,,{'x' * 10_000}" for number in range(250)))
    desk.put(raw)
    assert desk.take().what == "handed_over"
    desk.finish()
    assert (desk.state.state, desk.state.accepted, len(desk.inbox.envelopes)) == ("done", 250, 250)
    assert max(count for _, count in desk.files.reads) == csv_text.WINDOW


class Killed(BaseException):
    """The process is gone: nothing may catch it."""


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_whenever_a_run_dies_every_row_arrives_and_counts_once(data: st.DataObject) -> None:
    desk = Desk(step=data.draw(st.sampled_from((0.0, intake.LONGEST / 2))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "GROUP", data.draw(st.integers(1, 5)))
        patch.setattr(csv_text, "WINDOW", data.draw(st.sampled_from((64, 100, 10_000))))
        desk.put(many(17))
        blows = data.draw(st.lists(st.integers(0, 8), max_size=6))

        def blow(*_: Any) -> None:
            if blows:
                blows[0] -= 1
                if blows[0] < 0:
                    blows.pop(0)
                    raise Killed

        desk.files.before_read = desk.store.on_save = blow
        for _ in range(20):
            desk.inbox.down_after = data.draw(st.one_of(st.none(), st.integers(0, 40)))
            try:
                desk.finish()
                break
            except (Killed, Retryable):
                desk.queue.taken()  # the message that was under way comes back, the one to go on may be lost
        else:
            desk.inbox.down_after = None
            desk.finish()
    assert desk.state.state == "done"
    assert (desk.state.accepted, desk.state.rows, desk.state.refused) == (17, 17, 0)
    assert len(desk.inbox.keys()) == 17


def test_of_two_runs_at_once_one_gives_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "GROUP", 4)
    desk.put(many(11))
    other: list[Taken] = []

    def meanwhile(state: Upload) -> None:
        if state.row == 5 and not other:
            desk.store.on_save = None
            other.append(desk.take())

    desk.store.on_save = meanwhile
    assert desk.take() == Taken("passed")
    assert other == [Taken("read", accepted=11)]
    assert (desk.state.state, desk.state.accepted, len(desk.inbox.keys())) == ("done", 11, 11)


def test_messages_of_the_bucket_are_understood() -> None:
    found = {"s3": {"bucket": {"name": "b"}, "object": {"key": "acme/cn_1/up_1", "eTag": "e1", "size": 3}}}
    assert list(told({"Records": [found]})) == [("acme", "cn_1", "up_1", "e1")]
    assert list(told({"Service": "Amazon S3", "Event": "s3:TestEvent"})) == []
    with pytest.raises(ValueError, match="unpack"):
        list(told({"Records": [{"s3": {"object": {"key": "stray", "eTag": "e1"}}}]}))
