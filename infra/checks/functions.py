"""Rules about functions and what calls them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from infra.checks.template import FUNCTION, QUEUE, Template, rule, strings

_SECRET_NAME: Final = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY")
_SECRET_VALUE: Final = re.compile(r"AKIA[0-9A-Z]{16}|whsec_|\{\{resolve:(secretsmanager|ssm-secure)|BEGIN [A-Z ]*KEY")
_LOOPBACK: Final = re.compile(r"\b127\.\d+\.\d+\.\d+|::1\b|localhost", re.IGNORECASE)


@rule("R01", "one role per function, with inline policies alone")
def own_role(template: Template) -> Iterator[tuple[str, str]]:
    roles = {name: template.target(properties.get("Role")) for name, properties in template.of_type(FUNCTION)}
    shared = {role for role, times in Counter(roles.values()).items() if times > 1}
    for name, role in roles.items():
        if role is None:
            yield name, "has no role of this template"
        elif role in shared:
            yield name, f"shares {role}"
        elif not template.resources[role].get("Properties", {}).get("Policies"):
            yield role, "has no inline policy"
        elif template.resources[role]["Properties"].get("ManagedPolicyArns"):
            yield role, "has a managed policy: nobody here decides what it grants"


@rule("R02", "partial batch responses on every SQS mapping")
def partial_batches(template: Template) -> Iterator[tuple[str, str]]:
    for name, _, event in template.events("SQS"):
        if event.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield name, "one bad message would run its whole batch again"


@rule("R03", "a maximum concurrency on every SQS mapping")
def maximum_concurrency(template: Template) -> Iterator[tuple[str, str]]:
    for name, _, event in template.events("SQS"):
        limit = template.number(event.get("ScalingConfig", {}).get("MaximumConcurrency"))
        if limit is None or not 2 <= limit <= 1000:
            yield name, "MaximumConcurrency of its mapping is not within 2..1000"


@rule("R04", "a mapped queue is in the same template; every work queue is taken from, every function called")
def mapped_queue(template: Template) -> Iterator[tuple[str, str]]:
    taken = set()
    for name, _, event in template.events("SQS"):
        queue = template.target(event.get("Queue"))
        taken.add(queue)
        if queue is None or template.resources[queue].get("Type") != QUEUE:
            yield name, "its queue is not of this template"
    for name in template.work_queues():
        if name not in taken:
            yield name, "nobody takes its messages"
    called = {template.target(one.get("FunctionName")) for _, one in template.of_type("AWS::Lambda::Permission")}
    for name, properties in template.of_type(FUNCTION):
        if not properties.get("Events") and name not in called:
            yield name, "nobody calls it"


@rule("R05", "visibility is at least six times the function's timeout, and the batching window")
def visibility(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties, event in template.events("SQS"):
        queue = template.target(event.get("Queue"))
        timeout = template.number(properties.get("Timeout"))
        held = template.number(template.resources.get(queue or "", {}).get("Properties", {}).get("VisibilityTimeout"))
        if timeout is None or held is None:
            yield name, "timeout and visibility must both be written down"
        elif held < 6 * timeout + (template.number(event.get("MaximumBatchingWindowInSeconds")) or 0):
            yield name, f"visibility {held:g} s is under six times its timeout of {timeout:g} s"
    for name, properties in template.of_type(FUNCTION):
        if template.number(properties.get("Timeout")) is None:
            yield name, "has the default timeout of 3 seconds"


@rule("R16", "a log group with retention and our key per function")
def log_groups(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(FUNCTION):
        group = template.target(properties.get("LoggingConfig", {}).get("LogGroup"))
        if group is None:
            yield name, "writes to no log group of this template"
            continue
        wanted = template.resources[group].get("Properties", {})
        if not template.number(wanted.get("RetentionInDays")):
            yield group, "keeps its lines for ever"
        key = template.target(wanted.get("KmsKeyId"))
        if key is None:
            yield group, "is not encrypted under our key"
        elif not any(text.startswith("logs.") for text in template.key_users(key)):
            yield group, f"CloudWatch Logs may not use {key}, so nothing could be written"
        # The local engine, and a function started before its group exists, use the name that Lambda derives.
        if _text(wanted.get("LogGroupName")) != f"/aws/lambda/{_text(properties.get('FunctionName'))}":
            yield group, "is not named after its function"


def _text(node: object) -> object:
    return node["Fn::Sub"] if isinstance(node, dict) and "Fn::Sub" in node else node


@rule("R17", "no secret in an environment variable")
def no_secrets(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(FUNCTION):
        for variable, value in properties.get("Environment", {}).get("Variables", {}).items():
            if _SECRET_NAME.search(variable.upper()):
                yield name, f"{variable} is named like a secret"
            if any(_SECRET_VALUE.search(text) for _, text in strings(value)):
                yield name, f"{variable} holds a secret"


@rule("R24", "the stream mapping bisects, has an age and a destination, and expects an exception")
def stream_mapping(template: Template) -> Iterator[tuple[str, str]]:
    if not list(template.events("DynamoDB")):
        for name, _ in template.of_type("AWS::DynamoDB::Table"):
            yield name, "nobody reads its stream"
    for name, _, event in template.events("DynamoDB"):
        if event.get("BisectBatchOnFunctionError") is not True:
            yield name, "one bad record would hold up its whole batch"
        if not 60 <= (template.number(event.get("MaximumRecordAgeInSeconds")) or 0) < 86400:
            yield name, "the age at which it gives up is not under the stream's own 24 hours"
        failure = event.get("DestinationConfig", {}).get("OnFailure", {})
        if failure.get("Type") != "SQS" or template.target(failure.get("Destination")) is None:
            yield name, "what it gives up goes nowhere"
        if event.get("FunctionResponseTypes"):
            yield name, "takes partial answers: a lost one loses events, the function must raise"
        if event.get("StartingPosition") != "TRIM_HORIZON":
            yield name, "would skip what was written before it was deployed"


@rule("R28", "no loopback egress and no endpoint of botocore's outside the local engine")
def no_loopback(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(FUNCTION):
        for variable, value in properties.get("Environment", {}).get("Variables", {}).items():
            if variable.startswith("AWS_ENDPOINT_URL"):
                yield name, f"{variable} would send every AWS call somewhere else, and opens loopback"
            if any(_LOOPBACK.search(text) for _, text in strings(template.value(value))):
                yield name, f"{variable} names the loopback network"
