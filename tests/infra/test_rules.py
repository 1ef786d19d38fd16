"""Each rule lets the packaged template pass and finds what it is for."""

from __future__ import annotations

import copy
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from infra import checks
from infra.build import Package

Document = dict[str, Any]
Break = Callable[[dict[str, Any]], object]  # gets the resources


def of(resources: Document, name: str) -> Any:
    return resources[name]["Properties"]


def event(resources: Document, function: str) -> Any:
    return next(iter(of(resources, function)["Events"].values()))["Properties"]


def statement(resources: Document, role: str) -> Any:
    return of(resources, role)["Policies"][0]["PolicyDocument"]["Statement"][0]


def variables(resources: Document, function: str) -> Any:
    return of(resources, function)["Environment"]["Variables"]


def settings(resources: Document) -> Any:
    return of(resources, "RestAPI")["MethodSettings"][0]


def set_role(resources: Document, role: object) -> None:
    of(resources, "Enrich")["Role"] = role


ALL_SECRETS = {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${AWS::StackName}/*"}

# (rule, what to do to the template, the resource named, a part of what is said)
BROKEN: list[tuple[str, Break, str, str]] = [
    ("R01", lambda r: set_role(r, {"Fn::GetAtt": ["AlertRole", "Arn"]}), "Enrich", "shares AlertRole"),
    ("R01", lambda r: set_role(r, "arn:of:another"), "Enrich", "has no role of this template"),
    ("R01", lambda r: of(r, "EnrichRole").pop("Policies"), "EnrichRole", "no inline policy"),
    ("R01", lambda r: of(r, "EnrichRole").update(ManagedPolicyArns=["x"]), "EnrichRole", "managed policy"),
    ("R02", lambda r: event(r, "Enrich").pop("FunctionResponseTypes"), "Enrich", "whole batch again"),
    ("R03", lambda r: event(r, "Ticket").pop("ScalingConfig"), "Ticket", "not within 2..1000"),
    ("R03", lambda r: event(r, "Ticket").update(ScalingConfig={"MaximumConcurrency": 1}), "Ticket", "not within"),
    ("R04", lambda r: event(r, "Alert").update(Queue="arn:aws:sqs:x:0:alerts"), "Alert", "not of this template"),
    ("R04", lambda r: of(r, "Sweep").pop("Events"), "Sweep", "nobody calls it"),
    ("R05", lambda r: of(r, "InboxQueue").update(VisibilityTimeout=89), "Enrich", "89 s is under six times"),
    ("R05", lambda r: event(r, "Enrich").update(MaximumBatchingWindowInSeconds=1), "Enrich", "under six times"),
    ("R05", lambda r: of(r, "Enrich").pop("Timeout"), "Enrich", "must both be written down"),
    ("R04", lambda r: of(r, "Alert").pop("Events"), "AlertsQueue", "nobody takes its messages"),
    ("R05", lambda r: of(r, "APIHandler").pop("Timeout"), "APIHandler", "default timeout"),
    ("R06", lambda r: of(r, "TicketsQueue").pop("RedrivePolicy"), "TicketsQueue", "no dead letters"),
    ("R07", lambda r: of(r, "InboxQueue")["RedrivePolicy"].update(maxReceiveCount=4), "InboxQueue", "within 5..20"),
    ("R07", lambda r: of(r, "InboxQueue")["RedrivePolicy"].update(maxReceiveCount=21), "InboxQueue", "within 5..20"),
    ("R08", lambda r: of(r, "InboxDlq").pop("MessageRetentionPeriod"), "InboxDlq", "14 days"),
    ("R08", lambda r: of(r, "InboxQueue").update(MessageRetentionPeriod=1209600), "InboxDlq", "before InboxQueue"),
    ("R09", lambda r: r.pop("InboxDlqAlarm"), "InboxDlq", "nobody is told"),
    ("R09", lambda r: of(r, "AlertsAgeAlarm").pop("AlarmActions"), "AlertsQueue", "when its messages wait"),
    ("R10", lambda r: statement(r, "EnrichRole").update(Action=["dynamodb:*"]), "EnrichRole", "allows dynamodb:*"),
    ("R10", lambda r: statement(r, "EnrichRole").update(NotAction="iam:*"), "EnrichRole", "NotAction"),
    ("R11", lambda r: statement(r, "EnrichRole").update(Resource="*"), "EnrichRole", "allowed on everything"),
    ("R11", lambda r: statement(r, "EnrichRole").pop("Resource"), "EnrichRole", "allowed on everything"),
    ("R12", lambda r: statement(r, "EnrichRole").update(Resource="arn:*:sqs:eu:1:q"), "EnrichRole", "foreign"),
    (
        "R12",
        lambda r: statement(r, "EnrichRole").update(Resource={"Fn::Sub": "arn:${AWS::Partition}:sqs:eu:*:q"}),
        "EnrichRole",
        "foreign partition or account",
    ),
    ("R13", lambda r: of(r, "Table").pop("PointInTimeRecoverySpecification"), "Table", "a minute ago"),
    ("R13", lambda r: of(r, "Table").pop("SSESpecification"), "Table", "not encrypted under our key"),
    ("R13", lambda r: of(r, "Table")["StreamSpecification"].update(StreamViewType="NEW_IMAGE"), "Table", "changed"),
    ("R13", lambda r: of(r, "Table").pop("TimeToLiveSpecification"), "Table", "expired rows for ever"),
    ("R14", lambda r: of(r, "Table").pop("DeletionProtectionEnabled"), "Table", "deleted by one call"),
    ("R14", lambda r: r["Table"].pop("DeletionPolicy"), "Table", "DeletionPolicy is not Retain"),
    ("R14", lambda r: r["Table"].update(UpdateReplacePolicy="Delete"), "Table", "UpdateReplacePolicy"),
    ("R14", lambda r: r["Key"].pop("DeletionPolicy"), "Key", "could not be read"),
    ("R15", lambda r: of(r, "AlertsRule")["Targets"][0].pop("RetryPolicy"), "AlertsRule", "how long it tries"),
    ("R15", lambda r: of(r, "AlertsRule")["Targets"][0].pop("DeadLetterConfig"), "AlertsRule", "drops"),
    ("R15", lambda r: event(r, "Sweep").pop("DeadLetterConfig"), "Sweep", "drops what it cannot hand over"),
    ("R16", lambda r: r.pop("EnrichLog"), "Enrich", "no log group of this template"),
    ("R16", lambda r: of(r, "EnrichLog").pop("RetentionInDays"), "EnrichLog", "for ever"),
    ("R16", lambda r: of(r, "EnrichLog").pop("KmsKeyId"), "EnrichLog", "not encrypted under our key"),
    ("R16", lambda r: of(r, "EnrichLog").update(LogGroupName="mine"), "EnrichLog", "not named after its function"),
    ("R16", lambda r: of(r, "Key").pop("KeyPolicy"), "EnrichLog", "CloudWatch Logs may not use Key"),
    ("R17", lambda r: variables(r, "Deliver").update(OA_TOKEN="x"), "Deliver", "OA_TOKEN is named like a secret"),
    ("R17", lambda r: variables(r, "Deliver").update(X="AKIA" + "A" * 16), "Deliver", "X holds a secret"),
    ("R17", lambda r: variables(r, "Deliver").update(X="{{resolve:secretsmanager:a}}"), "Deliver", "X holds"),
    ("R18", lambda r: settings(r).pop("ThrottlingRateLimit"), "RestAPI", "ThrottlingRateLimit is not set"),
    ("R18", lambda r: of(r, "RestAPI")["MethodSettings"].append({"HttpMethod": "GET"}), "RestAPI", "every method"),
    ("R19", lambda r: of(r, "RestAPI").pop("AccessLogSetting"), "RestAPI", "no access log"),
    (
        "R19",
        lambda r: of(r, "RestAPI")["AccessLogSetting"].update(
            Format="$context.status $context.resourcePath $context.path"
        ),
        "RestAPI",
        "a hook's token",
    ),
    ("R19", lambda r: of(r, "ApiLog").pop("KmsKeyId"), "ApiLog", "not under our key"),
    ("R20", lambda r: of(r, "RestAPI").update(EndpointConfiguration="EDGE"), "RestAPI", "not regional"),
    ("R21", lambda r: of(r, "APIHandlerInvokePermission").pop("SourceArn"), "APIHandlerInvokePermission", "any"),
    (
        "R21",
        lambda r: of(r, "AlertsQueuePolicy")["PolicyDocument"]["Statement"][-1].pop("Condition"),
        "AlertsQueuePolicy",
        "any account could write",
    ),
    ("R22", lambda r: r.pop("BusArchive"), "Bus", "cannot be replayed"),
    ("R22", lambda r: of(r, "BusArchive").pop("RetentionDays"), "Bus", "cannot be replayed"),
    (
        "R23",
        lambda r: of(r, "TicketsRule")["Targets"][0].update(Arn={"Fn::GetAtt": ["Ticket", "Arn"]}),
        "TicketsRule",
        "must hand its events to a queue",
    ),
    ("R23", lambda r: of(r, "TicketsRule").pop("EventBusName"), "TicketsRule", "default bus"),
    ("R23", lambda r: of(r, "TicketsRule").pop("Targets"), "TicketsRule", "hands its events to nobody"),
    ("R24", lambda r: of(r, "Outbox").pop("Events"), "Table", "nobody reads its stream"),
    ("R24", lambda r: event(r, "Outbox").pop("BisectBatchOnFunctionError"), "Outbox", "hold up its whole batch"),
    ("R24", lambda r: event(r, "Outbox").update(MaximumRecordAgeInSeconds=-1), "Outbox", "24 hours"),
    ("R24", lambda r: event(r, "Outbox").pop("DestinationConfig"), "Outbox", "goes nowhere"),
    ("R24", lambda r: event(r, "Outbox").update(FunctionResponseTypes=["x"]), "Outbox", "partial answers"),
    ("R24", lambda r: event(r, "Outbox").update(StartingPosition="LATEST"), "Outbox", "would skip"),
    ("R25", lambda r: of(r, "AlertsQueue").pop("SqsManagedSseEnabled"), "AlertsQueue", "encrypted neither"),
    ("R25", lambda r: of(r, "AlertsQueue").update(KmsMasterKeyId={"Ref": "Key"}), "AlertsQueue", "may not use Key"),
    ("R26", lambda r: settings(r).update(LoggingLevel="INFO"), "RestAPI", "tokens of hooks"),
    ("R26", lambda r: settings(r).pop("DataTraceEnabled"), "RestAPI", "customers' words"),
    ("R27", lambda r: of(r, "Enrich").pop("Architectures"), "Enrich", "for which CPU"),
    ("R28", lambda r: variables(r, "Enrich").update(AWS_ENDPOINT_URL_SQS="http://x"), "Enrich", "every AWS call"),
    ("R28", lambda r: variables(r, "Deliver").update(ECHOLOOP_EGRESS_CIDRS="127.0.0.0/8"), "Deliver", "loopback"),
    (
        "R30",
        lambda r: statement(r, "SweepRole").update(Action=["ssm:GetParameter"]),
        "SweepRole",
        "may read secrets",
    ),
    (
        "R30",
        lambda r: statement(r, "DeliverRole").update(Action=["ssm:GetParameter"], Resource=[ALL_SECRETS]),
        "DeliverRole",
        "may read what opens a vendor's API",
    ),
    ("R31", lambda r: of(r, "UploadsBucket").pop("PublicAccessBlockConfiguration"), "UploadsBucket", "to the public"),
    (
        "R31",
        lambda r: of(r, "UploadsBucket")["PublicAccessBlockConfiguration"].update(IgnorePublicAcls=False),
        "UploadsBucket",
        "to the public",
    ),
    ("R31", lambda r: of(r, "UploadsBucket").pop("OwnershipControls"), "UploadsBucket", "an access list"),
    ("R31", lambda r: of(r, "UploadsBucket").pop("BucketEncryption"), "UploadsBucket", "not encrypted under our key"),
    ("R31", lambda r: r.pop("UploadsBucketPolicy"), "UploadsBucket", "without TLS"),
    (
        "R31",
        lambda r: of(r, "UploadsBucketPolicy")["PolicyDocument"]["Statement"][0].pop("Condition"),
        "UploadsBucket",
        "without TLS",
    ),
    ("R31", lambda r: of(r, "UploadsBucket").pop("LifecycleConfiguration"), "UploadsBucket", "for ever"),
    ("R31", lambda r: r["UploadsBucket"].pop("DeletionPolicy"), "UploadsBucket", "DeletionPolicy is not Retain"),
    ("R31", lambda r: of(r, "UploadsBucket").pop("NotificationConfiguration"), "UploadsBucket", "nobody is told"),
    (
        "R31",
        lambda r: of(r, "UploadsBucket")["CorsConfiguration"]["CorsRules"][0].update(AllowedMethods=["GET"]),
        "UploadsBucket",
        "something else than send",
    ),
    ("R29", lambda r: variables(r, "Enrich").update(X="arn:aws:sqs:eu:1:q"), "Enrich", "one partition only"),
    ("R29", lambda r: variables(r, "Enrich").update(X="https://sqs.eu.amazonaws.com.cn"), "Enrich", "one partition"),
]


def test_the_packaged_template_breaks_no_rule(package: Package) -> None:
    assert checks.run(package.document(), package.code) == []


def test_every_rule_has_a_failing_fixture() -> None:
    assert sorted({number for number, *_ in BROKEN}) == [f"R{number:02d}" for number in range(1, 32)]
    assert sorted(checks.RULES) == [f"R{number:02d}" for number in range(1, 32)]


@pytest.mark.parametrize(("number", "spoil", "where", "said"), BROKEN)
def test_a_rule_finds_what_it_is_for(document: Document, number: str, spoil: Break, where: str, said: str) -> None:
    spoil(document["Resources"])
    found = checks.RULES[number].findings(checks.Template(document))
    assert [finding for finding in found if finding.where == where and said in finding.text], found


def test_loopback_as_a_default_of_the_parameter_is_found(document: Document) -> None:
    document["Parameters"]["EgressCidrs"]["Default"] = "10.0.0.0/8,127.0.0.0/8"
    found = checks.RULES["R28"].findings(checks.Template(document))
    assert {finding.where for finding in found} == {"APIHandler", "Deliver", "Fetch"}


ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + (3).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("name", "machine", "said"),
    [
        ("a/b.cpython-313-x86_64-linux-gnu.so", 62, ["is not for aarch64"]),
        ("a/b.cpython-311-aarch64-linux-gnu.so", 183, ["is for another Python than 3.13"]),
        ("a/b.abi3.so", 183, []),
        ("a/b.cpython-313-aarch64-linux-gnu.so", 183, []),
        ("a.libs/libssl.so.3", 62, ["is not for aarch64"]),
        ("a/so.py", 62, []),
    ],
)
def test_libraries_must_be_for_the_runtime(tmp_path: Path, name: str, machine: int, said: list[str]) -> None:
    code = tmp_path / "code.zip"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(name, ELF + machine.to_bytes(2, "little"))
    found = checks.RULES["R27"].findings(checks.Template({}, code))
    assert [(finding.where, finding.text) for finding in found] == [(name, text) for text in said]


# --- the mutation gate ---------------------------------------------------------------------------------------------

# What may go without harm to what the rules protect: names and words for people, and sizes with a sane default.
# Environment and EventPattern are held to the code by test_template.py.
FREE = {
    "Description",
    "Tags",
    "Name",
    "QueueName",
    "BillingMode",
    "Tracing",
    "TracingEnabled",
    "MemorySize",
    "Variables",
}
FREE |= {"EnableKeyRotation", "MessageRetentionPeriod", "Environment", "EventPattern"}
# Types that no rule speaks for property by property.
SILENT = {"AWS::CloudWatch::Alarm", "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::KMS::Alias", "AWS::IAM::Role"}
SILENT |= {"AWS::ApiGateway::Account"}


def deletable(document: Document) -> list[tuple[str, str]]:
    """(resource, property) of what the gate may delete."""
    return [
        (name, key)
        for name, resource in sorted(document["Resources"].items())
        if resource["Type"] not in SILENT
        for key in sorted(resource.get("Properties", {}))
        if key not in FREE or (key == "MessageRetentionPeriod" and name.endswith("Dlq"))
    ]


def required(kind: str) -> set[str]:
    """What cfn-lint requires of a type (E3003); the SAM types are named here, its schema of them is its own."""
    if kind == "AWS::Serverless::Function":
        return {"Handler", "Runtime", "CodeUri"}
    if kind == "AWS::Serverless::Api":
        return {"StageName", "DefinitionBody"}
    if kind == "AWS::DynamoDB::Table":
        return {"KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"}  # E3039: they must fit together
    return set(PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("required", ()))


def test_nineteen_of_twenty_random_deletions_are_caught(packaged: Document) -> None:
    choices = deletable(packaged)
    chosen = random.Random(20261121).choices(choices, k=200)
    missed = []
    for name, key in chosen:
        broken = copy.deepcopy(packaged)
        kind = broken["Resources"][name]["Type"]
        del broken["Resources"][name]["Properties"][key]
        if key not in required(kind) and not checks.run(broken):
            missed.append(f"{name}.{key}")
    assert len(missed) <= 10, sorted(set(missed))
