"""Put a package on AWS, or on the local engine: the same calls, another endpoint.

``python -m infra.deploy --stage prod`` builds for AWS, creates or updates the stack ``echoloop-prod`` with the
caller's own credentials, and prints the API's address and, once, the first admin key.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from chalicelib.storage import keys
from chalicelib.storage.workspaces import directory
from infra import build
from infra.build import Package

APP: Final = "echoloop"
CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
_SECONDS_BETWEEN_LOOKS: Final = 5
_UPDATABLE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")

Clients = Callable[[str], Any]  # service name → boto3 client


class DeployError(Exception):
    """The stack could not be brought to the wanted state; the message says which resource refused and why."""


def stack_name(stage: str) -> str:
    """``echoloop-<stage>``."""
    return f"{APP}-{stage}"


def deploy(
    clients: Clients,
    package: Package,
    stage: str,
    parameters: Mapping[str, str],
    *,
    tags: Mapping[str, str] | None = None,
    look_every: float = _SECONDS_BETWEEN_LOOKS,
) -> dict[str, str]:
    """Upload, create or update the stack, wait, and return its outputs. Raises DeployError."""
    bucket = _ensure_bucket(clients, stage)
    state, kept = _state(clients("cloudformation"), stack_name(stage))
    given = {"Stage": stage, **parameters}
    known = package.document()["Parameters"]
    if unknown := set(given) - set(known):
        raise DeployError(f"the template has no parameter {', '.join(sorted(unknown))}")
    request = {
        "StackName": stack_name(stage),
        "TemplateURL": _upload_template(clients, bucket, package),
        # What is not given stays as it was: a deployment must not reset what another one set.
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
        + [{"ParameterKey": name, "UsePreviousValue": True} for name in kept if name in known and name not in given],
        "Capabilities": list(CAPABILITIES),
        "Tags": [{"Key": name, "Value": value} for name, value in {"app": APP, **(tags or {})}.items()],
    }
    _apply(clients("cloudformation"), state, request, look_every)
    return outputs(clients, stage)


def outputs(clients: Clients, stage: str) -> dict[str, str]:
    """The outputs of a deployed stack by name."""
    answer = clients("cloudformation").describe_stacks(StackName=stack_name(stage))
    return {item["OutputKey"]: item["OutputValue"] for item in answer["Stacks"][0].get("Outputs", ())}


def first_admin_key(clients: Clients, table: str, workspace: str) -> str | None:
    """An operator's key for a workspace that has no key yet; None when it has one."""
    found = clients("dynamodb").query(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :kind)",
        ExpressionAttributeValues={":pk": {"S": keys.directory(workspace)}, ":kind": {"S": "KEY#"}},
        ConsistentRead=True,
        Limit=1,
    )
    return None if found["Count"] else new_admin_key(clients, table, workspace)


def new_admin_key(clients: Clients, table: str, workspace: str) -> str:
    """Write an operator's key and return its text, which is kept nowhere."""
    plaintext, items = directory.api_key_items(workspace, "admin", operator=True)
    puts = [{"Put": {"TableName": table, "Item": item}} for item in items]
    clients("dynamodb").transact_write_items(TransactItems=puts)
    return plaintext


def _ensure_bucket(clients: Clients, stage: str) -> str:
    """The bucket for templates and code: private, encrypted, versioned; made on first use."""
    s3 = clients("s3")
    account = clients("sts").get_caller_identity()["Account"]
    region = s3.meta.region_name
    bucket = f"{stack_name(stage)}-code-{account}-{region}"
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **place)
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True))
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def _upload_template(clients: Clients, bucket: str, package: Package) -> str:
    """Upload code and template under the hash of their content; returns the template's URL."""
    s3 = clients("s3")
    code = package.code.read_bytes()
    code_key = f"{hashlib.md5(code, usedforsecurity=False).hexdigest()}.zip"
    s3.put_object(Bucket=bucket, Key=code_key, Body=code)
    document = package.document()
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": code_key}
    body = json.dumps(document, separators=(",", ":")).encode()
    template_key = f"{hashlib.md5(body, usedforsecurity=False).hexdigest()}.json"
    s3.put_object(Bucket=bucket, Key=template_key, Body=body)
    signed: str = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": template_key})
    return signed.partition("?")[0]


def _apply(cloudformation: Any, state: str | None, request: dict[str, Any], look_every: float) -> None:
    if state is None:
        cloudformation.create_stack(**request, OnFailure="DELETE")
        waiter = "stack_create_complete"
    elif state in _UPDATABLE:
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise
        waiter = "stack_update_complete"
    else:
        raise DeployError(f"stack {request['StackName']} is {state}: wait, or mend it in the console first")
    try:
        cloudformation.get_waiter(waiter).wait(
            StackName=request["StackName"], WaiterConfig={"Delay": look_every, "MaxAttempts": 720}
        )
    except Exception as error:
        raise DeployError(_why(cloudformation, request["StackName"])) from error


def _state(cloudformation: Any, name: str) -> tuple[str | None, list[str]]:
    """The stack's status, None when there is no stack, and the names of its parameters."""
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None, []
        raise
    return str(stack["StackStatus"]), [item["ParameterKey"] for item in stack.get("Parameters", ())]


def _why(cloudformation: Any, name: str) -> str:
    """The first resource that failed, in the engine's words."""
    try:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    except ClientError:
        return f"stack {name} failed and is gone"
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    told = [event for event in failed if event.get("ResourceStatusReason")] or failed or events
    return f"{told[-1]['LogicalResourceId']}: {told[-1].get('ResourceStatusReason') or told[-1]['ResourceStatus']}"


def _pair(text: str) -> tuple[str, str]:
    """NAME=VALUE. Raises ValueError without the sign."""
    name, value = text.split("=", 1)
    return name, value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--workspace", default="main", help="the workspace that the first key belongs to")
    parser.add_argument("--out", type=Path, default=build.CACHE / "aws")
    parser.add_argument("parameters", nargs="*", type=_pair, metavar="NAME=VALUE", help="parameters of the template")
    options = parser.parse_args()
    package = build.build(build.aws_target(), options.out)
    print(build.report(package))
    if findings := build.gate(package, for_aws=True, with_checkov=False):
        print("\n".join(findings))
        return 1
    told = deploy(boto3.Session().client, package, options.stage, dict(options.parameters))
    print(f"api: {told['EndpointURL']}")
    key = first_admin_key(boto3.Session().client, told["TableName"], options.workspace)
    if key is not None:
        print(f"first admin key, shown once: {key}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
