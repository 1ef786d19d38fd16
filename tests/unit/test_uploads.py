"""Uploads through the API, the bucket's client, batches on a queue, and what a hook does with a file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.domain.inbound.upload import FileMissing, FileReplaced, RowError, Upload
from chalicelib.errors import Invalid, Retryable
from chalicelib.lambdas import intake as worker
from chalicelib.messaging.queues import SqsQueue
from chalicelib.observability import Line
from chalicelib.services.inbound.intake import Taken
from chalicelib.sources.registry import Catalogue
from chalicelib.storage.inbound.raw_files import RawFiles
from tests.builders import AT
from tests.builders_admin import OURS, Office, composed
from tests.builders_hear import CONNECTION, WORKSPACE, hearing

ALL = "/v1/connections/{connection_id}/uploads"
ONE = ALL + "/{upload_id}"
PATH = {"connection_id": "cn_csv"}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.connection(id="cn_csv", source="csv")
        yield made


# --- the API ------------------------------------------------------------------------------------------------------


def test_a_place_is_given_out_once_and_bound_to_type_and_size(office: Office) -> None:
    answer = office.call("POST", ALL, {"filename": "十一月.csv", "bytes": 12}, path=PATH)
    assert answer.status == 201
    made = answer.json
    url = urlsplit(made["upload_url"])
    assert url.path == f"/{OURS}/cn_csv/{made['id']}"
    assert parse_qs(url.query)["type"] + parse_qs(url.query)["size"] == ["text/csv", "12"]
    assert made["headers"] == {"Content-Type": "text/csv"}
    assert made["expires_at"] == "2026-11-21T08:15:00Z"
    shown = office.call("GET", ONE, path={**PATH, "upload_id": made["id"]})
    assert (shown.json["state"], shown.json["bytes"], shown.json["filename"]) == ("waiting", 12, "十一月.csv")
    assert "Signature" not in shown.body


def test_the_report_shows_rows_codes_and_columns(office: Office) -> None:
    errors = (RowError(3, "mapping_bad_time", "when"), RowError(9, "row_not_text"))
    state = Upload(OURS, "cn_csv", "up_1", state="done", rows=9, accepted=7, refused=2, errors=errors, created_at="c")
    office.uploads.save(state)
    shown = office.call("GET", ONE, path={**PATH, "upload_id": "up_1"}).json
    assert shown["errors"] == [
        {"row": 3, "code": "mapping_bad_time", "column": "when"},
        {"row": 9, "code": "row_not_text", "column": None},
    ]
    assert (shown["rows"], shown["accepted"], shown["refused"], shown["more_errors"]) == (9, 7, 2, False)
    (line,) = office.call("GET", ALL, path=PATH).json["items"]
    assert "errors" not in line


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"filename": "a.xlsx"}, 422, "not_csv", "/filename"),
        ({"filename": ""}, 422, "schema_violation", "/filename"),
        ({"filename": "a\nb"}, 422, "schema_violation", "/filename"),
        ({"filename": "a.csv", "bytes": 0}, 422, "schema_violation", "/bytes"),
        ({"filename": "a.csv", "bytes": 104_857_601}, 422, "schema_violation", "/bytes"),
        ({"filename": "a.csv", "bytes": "12"}, 422, "schema_violation", "/bytes"),
        ({"bytes": 12}, 422, "schema_violation", "/filename"),
    ],
)
def test_a_place_that_cannot_be_is_refused(office: Office, body: Any, status: int, code: str, pointer: str) -> None:
    answer = office.call("POST", ALL, body, path=PATH)
    assert (answer.status, answer.code, answer.json["pointer"]) == (status, code, pointer)
    assert office.uploads.states == {}


def test_only_a_source_of_rows_takes_files(office: Office) -> None:
    office.connection(id="cn_other")
    answer = office.call("POST", ALL, {"filename": "a.csv"}, path={"connection_id": "cn_other"})
    assert (answer.status, answer.code) == (409, "source_takes_no_files")
    assert answer.json["detail"] == "Files cannot be uploaded to this connection."


def test_an_analyst_reads_reports_and_uploads_nothing(office: Office) -> None:
    analyst = office.new_key("analyst")
    assert office.call("GET", ALL, path=PATH, key=analyst).status == 200
    assert office.call("POST", ALL, {"filename": "a.csv"}, path=PATH, key=analyst).status == 403


def test_a_mapping_of_rows_names_columns_only() -> None:
    Catalogue().check_mapping(
        "csv", {"response_id": "/a~1b", "texts": [{"path": "/x"}], "channel": {"const": "review"}}
    )
    with pytest.raises(Invalid, match="A column is found by /name") as refused:
        Catalogue().check_mapping("csv", {"response_id": "/a", "scores": [{"path": "/a/b", "kind": "nps"}]})
    assert refused.value.pointer == "/mapping/scores"


# --- the hook -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", ["text/csv", "TEXT/CSV; charset=gbk", "text/tab-separated-values"])
def test_a_table_posted_to_the_hook_is_kept_as_a_file(media: str) -> None:
    world = hearing(AT)
    world.connect("csv", secrets=())
    heard = world.post(b"id,x\n1,2\n3,4\n", {"content-type": media})
    assert world.files.objects == {f"{WORKSPACE}/{CONNECTION}/{heard.id}": b"id,x\n1,2\n3,4\n"}
    assert (heard.status, world.sqs.sent) == ("accepted", [])
    assert heard.id.startswith("up_")


def test_a_table_is_no_file_for_another_source() -> None:
    world = hearing(AT)
    world.connect("jinshuju", secrets=())
    world.post(b"id,x\n1,2\n", {"content-type": "text/csv"})
    assert (len(world.sqs.sent), world.files.objects) == (1, {})


# --- the bucket ---------------------------------------------------------------------------------------------------


class Client:
    """Answers or raises, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def get_object(self, **request: Any) -> Any:
        self.asked = request
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    put_object = get_object


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "CANARY"}}, "GetObject")


def test_a_part_is_read_by_its_range_of_the_very_bytes() -> None:
    client = Client({"Body": io.BytesIO(b"cdef"), "ContentRange": "bytes 2-5/9"})
    part = RawFiles(lambda: client, "b").read("k", 2, 4, "e1")
    assert (part.raw, part.total) == (b"cdef", 9)
    assert client.asked == {"Bucket": "b", "Key": "k", "Range": "bytes=2-5", "IfMatch": '"e1"'}
    assert "cdef" not in repr(part)


@pytest.mark.parametrize(("code", "error"), [("PreconditionFailed", FileReplaced), ("NoSuchKey", FileMissing)])
def test_other_bytes_and_no_bytes_are_told_apart(code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        RawFiles(lambda: Client(refusal(code)), "b").read("k", 0, 4, "e1")


def test_an_empty_file_has_nothing_to_read() -> None:
    assert RawFiles(lambda: Client(refusal("InvalidRange")), "b").read("k", 0, 4, "e1").total == 0


@pytest.mark.parametrize("trouble", [refusal("AccessDenied"), EndpointConnectionError(endpoint_url="https://CANARY")])
def test_trouble_of_the_bucket_is_tried_again_and_not_repeated(trouble: Exception) -> None:
    files = RawFiles(lambda: Client(trouble), "b")
    for call in (lambda: files.read("k", 0, 4, "e1"), lambda: files.put("k", b"", "text/csv")):
        with pytest.raises(Retryable, match="The bucket did not") as refused:
            call()
        assert refused.value.code == "bucket_unavailable"
        assert "CANARY" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_presigned_url_signs_type_and_size_in_every_region() -> None:
    made = botocore.session.get_session().create_client(
        "s3",
        "eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(signature_version="s3v4", request_checksum_calculation="when_required"),
    )
    files = RawFiles(lambda: made, "bucket")
    query = parse_qs(urlsplit(files.upload_url("w/c/u", "text/csv", 12, 900)).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert query["X-Amz-Expires"] == ["900"]
    free = parse_qs(urlsplit(files.upload_url("w/c/u", "text/csv", None, 900)).query)
    assert free["X-Amz-SignedHeaders"] == ["content-type;host"]


# --- many messages at once ------------------------------------------------------------------------------------------


class Batches:
    """SQS that leaves out the first message of each of its first ``grudging`` calls."""

    def __init__(self, grudging: int = 0) -> None:
        self.calls: list[list[Any]] = []
        self.grudging = grudging

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803 - SQS's own names
        self.calls.append(Entries)
        self.grudging -= 1
        return {"Failed": [{"Id": Entries[0]["Id"]}]} if self.grudging >= 0 else {}

    def taken(self) -> list[Any]:
        return [json.loads(entry["MessageBody"]) for entries in self.calls for entry in entries]


def test_messages_go_ten_at_a_time_and_never_more_than_a_call_takes() -> None:
    sqs = Batches()
    SqsQueue(sqs, "q").send_all([{"n": number} for number in range(23)])
    assert [len(call) for call in sqs.calls] == [10, 10, 3]
    assert sqs.taken() == [{"n": number} for number in range(23)]
    sqs = Batches()
    SqsQueue(sqs, "q").send_all([{"x": "a" * 150_000}, {"x": "a" * 150_000}, {"x": "a" * 300_000}])
    assert [len(call) for call in sqs.calls] == [1, 1, 1]
    SqsQueue(sqs, "q").send_all([])
    assert len(sqs.calls) == 3


def test_what_a_call_left_out_is_sent_again() -> None:
    sqs = Batches(grudging=2)
    SqsQueue(sqs, "q").send_all([{"n": 1}, {"n": 2}])
    assert sqs.taken() == [{"n": 1}, {"n": 2}, {"n": 1}, {"n": 1}]
    with pytest.raises(Retryable, match="did not take all messages") as refused:
        SqsQueue(Batches(grudging=3), "q").send_all([{"n": 1}])
    assert refused.value.code == "queue_unavailable"


# --- the function ---------------------------------------------------------------------------------------------------


def test_the_function_counts_rows_and_names_why_a_file_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter([Taken("read", 5, 2), Taken("read", error="not_csv")])
    monkeypatch.setattr(worker.inbound, "intake_service", lambda: lambda *_: next(results))
    message = {"kind": "upload", "workspace": "acme", "connection": "cn_1", "upload": "up_1", "etag": "e"}
    line = Line("intake")
    worker.handle(message, line)
    worker.handle(message, line)
    assert line._counts == {"RowsAccepted": 5, "RowsRefused": 2, "UploadsFailed": 1}
    assert line._notes["upload_error"] == "not_csv"
