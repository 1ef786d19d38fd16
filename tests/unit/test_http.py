"""The HTTP edge: problem documents, the line, and what is read from a request."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from chalice.app import Request, Response

from chalicelib import config, observability
from chalicelib.errors import Conflict, EcholoopError, Invalid, Malformed, NotFound, Parked, Retryable, TooMany
from chalicelib.lambdas.api import http


def request(**changes: Any) -> Request:
    event = {
        "headers": {"Host": "127.0.0.1:4730"},
        "multiValueHeaders": {"Host": ["127.0.0.1:4730"]},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": "/v1/hooks/{connection}/{token}",
            "path": "/api/v1/hooks/cn_1/t",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
        },
        "body": None,
        **changes,
    }
    return Request(event)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Malformed("No."), 400, "malformed_json"),
        (NotFound("No."), 404, "not_found"),
        (Invalid("No.", code="rule_invalid"), 422, "rule_invalid"),
        (Parked("No.", code="mapping_empty"), 422, "mapping_empty"),
        (Retryable("CANARY", code="queue_unavailable"), 503, "temporarily_unavailable"),
        (EcholoopError("CANARY"), 500, "internal_error"),
        (KeyError("CANARY"), 500, "internal_error"),
        (RecursionError("CANARY"), 500, "internal_error"),
    ],
)
def test_every_error_becomes_a_problem_document(error: Exception, status: int, code: str) -> None:
    answer = http.problem(error)
    document = json.loads(answer.body)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (document["type"], document["status"], document["code"]) == ("about:blank", status, code)
    assert document["title"]
    assert document["detail"]
    assert "CANARY" not in answer.body


def test_a_problem_says_where_what_and_when() -> None:
    assert json.loads(http.problem(Invalid("No.", pointer="/a/0")).body)["pointer"] == "/a/0"
    assert json.loads(http.problem(Conflict("No.", allowed=("open", "merged"))).body)["allowed"] == ["open", "merged"]
    assert http.problem(TooMany("No.", retry_after=7)).headers["Retry-After"] == "7"
    assert http.problem(Retryable("No.")).headers["Retry-After"] == "5"
    assert http.problem(Retryable("No.", after=0.2)).headers["Retry-After"] == "1"
    assert http.problem(http.Malformed("No.")).headers["Cache-Control"] == "no-store"


class Lines:
    """Takes the place of the logger."""

    def __init__(self) -> None:
        self.written: list[tuple[int, str, dict[str, Any]]] = []

    def log(self, level: int, message: str, *, extra: dict[str, Any]) -> None:
        self.written.append((level, message, extra))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    recorder = Lines()
    monkeypatch.setattr(observability, "logger", lambda: recorder)
    return recorder


def test_one_line_names_the_view_the_status_and_the_code(lines: Lines) -> None:
    @http.guarded
    def view(token: str) -> Response:
        http.line().note(workspace="acme")
        raise NotFound("Nothing of CANARY here.")

    assert view("CANARY").status_code == 404
    ((level, message, line),) = lines.written
    assert (level, message) == (logging.INFO, "request")
    said = {name: line[name] for name in ("function", "view", "status", "code", "workspace", "Refused")}
    assert said == {
        "function": "api",
        "view": "view",
        "status": 404,
        "code": "not_found",
        "workspace": "acme",
        "Refused": 1,
    }
    assert "CANARY" not in repr(lines.written)


def test_an_accident_is_logged_by_type_and_place_only(lines: Lines) -> None:
    @http.guarded
    def view() -> Response:
        raise ValueError("CANARY")

    assert view().status_code == 500
    ((level, _, line),) = lines.written
    assert (level, line["error"], line["code"]) == (logging.ERROR, "ValueError", "internal_error")
    assert line["at"].startswith("tests.unit.test_http:")
    assert "Refused" not in line
    assert "CANARY" not in repr(lines.written)


def test_a_line_belongs_to_its_invocation() -> None:
    with pytest.raises(LookupError):
        http.line()


def test_text_that_cannot_leave_as_utf8_does_not_fail_the_answer() -> None:
    answer = http.json_response(200, {"text": "坏\ud800"})
    assert json.loads(answer.body) == {"text": "坏?"}
    assert answer.headers["Content-Type"] == "application/json"


def test_the_base_url_is_the_setting_or_what_the_gateway_accepted() -> None:
    assert http.base_url(request(), config.load({})) == "https://abc.execute-api.eu-west-1.amazonaws.com/api"
    assert (
        http.base_url(request(), config.load({"PUBLIC_URL": "https://voice.example.com/"}))
        == "https://voice.example.com"
    )
    own = {"httpMethod": "GET", "resourcePath": "/v1/health", "path": "/v1/health", "domainName": "voice.example.com"}
    assert http.base_url(request(requestContext=own), config.load({})) == "https://voice.example.com"
    bare = {"httpMethod": "GET", "resourcePath": "/v1/health", "path": "/api/v1/health"}
    assert http.base_url(request(requestContext=bare), config.load({})) == "http://127.0.0.1:4730/api"


def test_bytes_arrive_as_they_were_sent() -> None:
    assert http.raw_body(request(body="/wA=", isBase64Encoded=True)) == b"\xff\x00"
    assert http.raw_body(request(body="好")) == "好".encode()
    assert http.raw_body(request()) == b""


@pytest.mark.parametrize("body", [{"body": "a", "isBase64Encoded": True}, {"body": "\ud800"}])
def test_a_body_that_the_gateway_broke_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="could not be read") as refused:
        http.raw_body(request(**body))
    assert refused.value.code == "invalid_encoding"


def test_header_names_are_lower_case_and_repeated_fields_are_joined() -> None:
    many = request(multiValueHeaders={"Webhook-Id": ["a", "b"], "HOST": ["x"]})
    assert http.headers(many) == {"webhook-id": "a, b", "host": "x"}
    assert http.headers(request(multiValueHeaders=None)) == {"host": "127.0.0.1:4730"}


def test_the_last_of_a_repeated_parameter_wins() -> None:
    assert http.query(request(multiValueQueryStringParameters={"nonce": ["a", "b"]})) == {"nonce": "b"}
    assert http.query(request()) == {}
