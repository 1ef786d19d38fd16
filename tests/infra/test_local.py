"""The engine's house-keeping that needs no engine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from infra import grants, recording_engine
from infra.engine import Engine
from infra.grants import Access, Exemption
from infra.local import DEFAULT_PORT, LOCAL, Stack, own_port


def test_the_engines_environment_has_nothing_of_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "HTTPS_PROXY", "PYTHONPATH", "ECHOLOOP_EGRESS_CIDRS"):
        monkeypatch.setenv(name, "of another stack")
    environment = Engine(4711, tmp_path)._environment()
    assert "of another stack" not in environment.values()
    assert (environment["BIND_HOST"], environment["GATEWAY_PORT"]) == ("127.0.0.1", "4711")
    assert environment["AUTH"] == "true"
    assert {environment["TMPDIR"], environment["STATE_DIR"]} == {str(tmp_path / "tmp"), str(tmp_path / "state")}


def test_the_streams_reader_starts_again_at_its_first_record(tmp_path: Path) -> None:
    state = tmp_path / "state" / "lambda.json"
    state.parent.mkdir()
    positions = {"__account_region_scoped__": True, "data": {"mapping": 6867}}
    state.write_text(json.dumps({"payload": {"functions": 1, "dynamodb_stream_positions": positions}}))
    Engine(4711, tmp_path)._replay_stream_from_the_start()
    kept = json.loads(state.read_text())["payload"]
    assert kept == {"functions": 1, "dynamodb_stream_positions": {"__account_region_scoped__": True, "data": {}}}


def test_another_process_with_the_engines_old_number_is_not_the_engine(tmp_path: Path) -> None:
    engine = Engine(4711, tmp_path)
    assert engine.pid() is None
    (tmp_path / "engine.pid").write_text(str(os.getpid()))
    assert engine.pid() is None
    assert engine.worker_pids() == []
    engine.stop()


def test_the_port_says_where_a_stack_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_port() == DEFAULT_PORT
    monkeypatch.setenv("ECHOLOOP_PORT", "4801")
    assert own_port() == 4801
    assert Stack(4801).file == LOCAL / "4801" / "stack.json"


@pytest.mark.parametrize(
    ("service", "call", "asked", "wanted"),
    [
        ("sqs", "SendMessage", {"QueueUrl": "http://h/0/q"}, [("SendMessage", "http://h/0/q")]),
        ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"}, [("Query", "t/index/i")]),
        ("dynamodb", "GetItem", {"TableName": "t"}, [("GetItem", "t")]),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"t": {}}}, [("BatchGetItem", "t")]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]},
            [("PutItem", "t"), ("ConditionCheckItem", "u")],
        ),
        ("events", "PutEvents", {"Entries": [{"EventBusName": "b"}]}, [("PutEvents", "b")]),
        ("sns", "POST.sns", {"Action": "Publish", "TopicArn": "a"}, [("Publish", "a")]),
    ],
)
def test_a_request_becomes_what_iam_is_asked(
    service: str, call: str, asked: dict[str, object], wanted: list[tuple[str, str]]
) -> None:
    assert list(recording_engine.uses(service, call, asked)) == wanted


def test_a_refused_call_is_on_the_list_and_still_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_engine.iam_actions, "access_denied_response", lambda *_, **__: "refused")
    monkeypatch.setattr(recording_engine.cloudtrail, "record_event", lambda **_: None)
    recording_engine.record_to(str(tmp_path / "calls"))
    for _ in range(2):
        answer = recording_engine.iam_actions.access_denied_response(
            "sqs", "sqs:SendMessage", "arn:role", "r", headers={}
        )
        assert answer == "refused"
    assert json.loads((tmp_path / "calls").read_text()) == [grants.DENIED, "sqs", "sqs:SendMessage", "arn:role"]
    assert recording_engine.DENIED == grants.DENIED


@pytest.mark.parametrize(
    ("service", "named", "arn"),
    [
        ("sqs", "http://h:1/000000000000/s-inbox", "arn:aws:sqs:us-east-1:000000000000:s-inbox"),
        ("dynamodb", "t/index/listing", "arn:aws:dynamodb:us-east-1:000000000000:table/t/index/listing"),
        ("ssm", "/s/connections/c", "arn:aws:ssm:us-east-1:000000000000:parameter/s/connections/c"),
        ("events", "s-bus", "arn:aws:events:us-east-1:000000000000:event-bus/s-bus"),
        ("kms", "arn:aws:kms:us-east-1:000000000000:key/k", "arn:aws:kms:us-east-1:000000000000:key/k"),
        ("sns", "arn:aws:sns:us-east-1:000000000000:topic:sub", "arn:aws:sns:us-east-1:000000000000:topic"),
    ],
)
def test_a_name_becomes_an_arn(service: str, named: str, arn: str) -> None:
    assert grants._arn(service, named) == arn


def test_a_grant_covers_its_own_function_action_and_pattern_alone() -> None:
    grant = Access("api", "ssm:GetParameter", "arn:p/connections/*")
    assert grant.covers(Access("api", "ssm:GetParameter", "arn:p/connections/c"))
    assert not grant.covers(Access("deliver", "ssm:GetParameter", "arn:p/connections/c"))
    assert not grant.covers(Access("api", "ssm:PutParameter", "arn:p/connections/c"))
    assert not grant.covers(Access("api", "ssm:GetParameter", "arn:p/endpoints/e"))


def test_an_exemption_covers_grants_by_pattern() -> None:
    one = Exemption("sqs:SendMessage", "out*", "*-dlq", "because")
    assert one.covers(Access("outbox", "sqs:SendMessage", "arn:s-outbox-dlq"))
    assert not one.covers(Access("sweep", "sqs:SendMessage", "arn:s-outbox-dlq"))
    assert not one.covers(Access("outbox", "sqs:SendMessage", "arn:s-rollups"))


def test_every_exemption_has_a_reason() -> None:
    assert all(len(one.reason) > 20 for one in grants.load_exemptions())
