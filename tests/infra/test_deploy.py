"""What a deployment asks of CloudFormation, with AWS played by fakes; the real calls run in tests/integration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import deploy
from infra.build import Package

DOCUMENT = {
    "Parameters": {"Stage": {}, "AlarmEmail": {}, "LogDays": {}},
    "Resources": {"Enrich": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./code.zip"}}},
}


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


class Waiter:
    def wait(self, **_: Any) -> None:
        """Everything is done at once."""


class Aws:
    """Every client in one: remembers what was asked."""

    def __init__(self, stack: dict[str, Any] | None = None, *, changed: bool = True) -> None:
        self.stack, self.changed = stack, changed
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[dict[str, Any]] = []
        self.meta = type("Meta", (), {"region_name": "eu-west-1"})

    def __call__(self, _service: str) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            self.asked.append((name, request))
            return {}

        return call

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}

    def head_bucket(self, **_: Any) -> None:
        raise refused("404", "Not Found")

    def generate_presigned_url(self, _call: str, *, Params: dict[str, str]) -> str:  # noqa: N803 - boto3's own name
        return f"https://s3/{Params['Bucket']}/{Params['Key']}?signature"

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        if self.stack is None:
            raise refused("ValidationError", "Stack with id echoloop-prod does not exist")
        return {"Stacks": [self.stack]}

    def create_stack(self, **request: Any) -> None:
        self.asked.append(("create_stack", request))
        self.stack = {"StackStatus": "CREATE_COMPLETE", "Outputs": [{"OutputKey": "TableName", "OutputValue": "t"}]}

    def update_stack(self, **request: Any) -> None:
        self.asked.append(("update_stack", request))
        if not self.changed:
            raise refused("ValidationError", "No updates are to be performed.")

    def get_waiter(self, _name: str) -> Waiter:
        return Waiter()

    def query(self, **_: Any) -> dict[str, int]:
        return {"Count": len(self.keys)}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803 - boto3's own name
        self.keys = TransactItems

    def request(self, name: str) -> dict[str, Any]:
        (found,) = [request for call, request in self.asked if call == name]
        return found


@pytest.fixture
def package(tmp_path: Path) -> Package:
    template, code = tmp_path / "template.json", tmp_path / "code.zip"
    template.write_text(json.dumps(DOCUMENT))
    code.write_bytes(b"zip")
    return Package(template, code)


def test_a_first_deployment_makes_a_private_bucket_and_the_stack(package: Package) -> None:
    aws = Aws()
    told = deploy.deploy(aws, package, "prod", {"AlarmEmail": "ops@example.com"})

    assert told == {"TableName": "t"}
    bucket = "echoloop-prod-code-123456789012-eu-west-1"
    assert aws.request("create_bucket")["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}
    assert all(aws.request("put_public_access_block")["PublicAccessBlockConfiguration"].values())
    code, template = [request for call, request in aws.asked if call == "put_object"]
    uploaded = json.loads(template["Body"])["Resources"]["Enrich"]["Properties"]["CodeUri"]
    assert uploaded == {"Bucket": bucket, "Key": code["Key"]}
    created = aws.request("create_stack")
    assert created["StackName"] == "echoloop-prod"
    assert created["TemplateURL"] == f"https://s3/{bucket}/{template['Key']}"
    assert created["Parameters"] == [
        {"ParameterKey": "Stage", "ParameterValue": "prod"},
        {"ParameterKey": "AlarmEmail", "ParameterValue": "ops@example.com"},
    ]


def test_an_update_keeps_the_parameters_that_it_does_not_name(package: Package) -> None:
    before = [{"ParameterKey": name, "ParameterValue": "x"} for name in ("Stage", "AlarmEmail", "LogDays", "Dropped")]
    aws = Aws({"StackStatus": "UPDATE_COMPLETE", "Parameters": before})
    deploy.deploy(aws, package, "prod", {"LogDays": "90"})
    assert aws.request("update_stack")["Parameters"] == [
        {"ParameterKey": "Stage", "ParameterValue": "prod"},
        {"ParameterKey": "LogDays", "ParameterValue": "90"},
        {"ParameterKey": "AlarmEmail", "UsePreviousValue": True},
    ]


def test_an_update_that_changes_nothing_is_done(package: Package) -> None:
    assert deploy.deploy(Aws({"StackStatus": "UPDATE_COMPLETE"}, changed=False), package, "prod", {}) == {}


def test_a_parameter_that_the_template_does_not_have_is_named(package: Package) -> None:
    with pytest.raises(deploy.DeployError, match="the template has no parameter AlarmMail"):
        deploy.deploy(Aws(), package, "prod", {"AlarmMail": "ops@example.com"})


def test_a_stack_in_trouble_is_left_alone(package: Package) -> None:
    aws = Aws({"StackStatus": "UPDATE_ROLLBACK_FAILED"})
    with pytest.raises(deploy.DeployError, match="is UPDATE_ROLLBACK_FAILED: wait, or mend it"):
        deploy.deploy(aws, package, "prod", {})


def test_a_failed_stack_is_reported_by_its_first_failed_resource(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = Aws()
    events = [
        {"LogicalResourceId": "stack", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "a resource failed"},
        {"LogicalResourceId": "Bus", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "name is taken"},
        {"LogicalResourceId": "Key", "ResourceStatus": "CREATE_COMPLETE"},
    ]
    monkeypatch.setattr(Waiter, "wait", lambda self, **_: (_ for _ in ()).throw(RuntimeError("failed")))
    aws.describe_stack_events = lambda **_: {"StackEvents": events}  # type: ignore[attr-defined]
    with pytest.raises(deploy.DeployError, match=r"^Bus: name is taken$"):
        deploy.deploy(aws, package, "prod", {})


def test_the_first_admin_key_is_made_once() -> None:
    aws = Aws()
    key = deploy.first_admin_key(aws, "t", "main")
    assert key is not None
    assert key.startswith("ek_")
    assert len(aws.keys) == 2
    assert key not in json.dumps(aws.keys, default=str), "only its hash is written"
    assert deploy.first_admin_key(aws, "t", "main") is None


def test_parameters_are_pairs() -> None:
    assert deploy._pair("AlarmEmail=a=b") == ("AlarmEmail", "a=b")
    with pytest.raises(ValueError, match="not enough values to unpack"):
        deploy._pair("AlarmEmail")
