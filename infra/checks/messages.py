"""Rules about queues, the bus and the alarms that watch them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.checks.template import BUS_RULE, FUNCTION, QUEUE, Template, rule

_TWO_WEEKS: Final = 1209600
_DEFAULT_RETENTION: Final = 345600


@rule("R06", "a redrive policy on every work queue")
def redrive(template: Template) -> Iterator[tuple[str, str]]:
    for name in template.work_queues():
        policy = template.resources[name]["Properties"].get("RedrivePolicy", {})
        dead = template.target(policy.get("deadLetterTargetArn"))
        if dead is None or template.resources[dead].get("Type") != QUEUE:
            yield name, "has no dead letters of this template"


@rule("R07", "between 5 and 20 tries before a message is dead")
def tries(template: Template) -> Iterator[tuple[str, str]]:
    for name in template.work_queues():
        policy = template.resources[name]["Properties"].get("RedrivePolicy", {})
        count = template.number(policy.get("maxReceiveCount"))
        if count is None or not 5 <= count <= 20:
            yield name, "maxReceiveCount is not within 5..20"


@rule("R08", "dead letters are kept 14 days, longer than where they come from")
def dead_letters_last(template: Template) -> Iterator[tuple[str, str]]:
    for dead, sources in template.dead_letter_queues().items():
        kept = template.number(template.resources[dead]["Properties"].get("MessageRetentionPeriod"))
        if kept != _TWO_WEEKS:
            yield dead, "does not keep its messages 14 days"
        for source in sources:
            before = template.resources[source]["Properties"].get("MessageRetentionPeriod", _DEFAULT_RETENTION)
            if (template.number(before) or 0) >= (kept or 0):
                yield dead, f"forgets before {source} does: a dead letter keeps its first date"


@rule("R09", "an alarm on every dead-letter queue, and on the oldest message of every work queue")
def alarms(template: Template) -> Iterator[tuple[str, str]]:
    watched = {
        (properties.get("MetricName"), template.target(dimension.get("Value")))
        for _, properties in template.of_type("AWS::CloudWatch::Alarm")
        if _rings(template, properties)
        for dimension in properties.get("Dimensions", ())
        if dimension.get("Name") == "QueueName"
    }
    for name in template.dead_letter_queues():
        if ("ApproximateNumberOfMessagesVisible", name) not in watched:
            yield name, "nobody is told of its first message"
    for name in template.work_queues():
        if ("ApproximateAgeOfOldestMessage", name) not in watched:
            yield name, "nobody is told when its messages wait"


def _rings(template: Template, alarm: Mapping[str, Any]) -> bool:
    """Whether an alarm is complete and tells a topic of this template; cfn-lint lets half of one pass."""
    told = [template.target(action) for action in alarm.get("AlarmActions", ())]
    needed = ("Namespace", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator", "TreatMissingData")
    whole = all(name in alarm for name in needed) and "Threshold" in alarm and "AlarmDescription" in alarm
    return whole and any(told)


@rule("R15", "a retry policy and dead letters on every EventBridge target")
def target_retries(template: Template) -> Iterator[tuple[str, str]]:
    targets = [*template.rule_targets(), *((name, event) for name, _, event in template.events("Schedule"))]
    for name, target in targets:
        retries = target.get("RetryPolicy", {})
        if not {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"} <= set(retries):
            yield name, "does not say how long it tries"
        if template.target(target.get("DeadLetterConfig", {}).get("Arn")) is None:
            yield name, "drops what it cannot hand over"


@rule("R22", "an archive with retention on every bus")
def archive(template: Template) -> Iterator[tuple[str, str]]:
    kept = {
        template.target(properties.get("SourceArn"))
        for _, properties in template.of_type("AWS::Events::Archive")
        if template.number(properties.get("RetentionDays"))
    }
    for name, _ in template.of_type("AWS::Events::EventBus"):
        if name not in kept:
            yield name, "its events cannot be replayed"


@rule("R23", "no rule of the bus targets a function")
def no_function_targets(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(BUS_RULE):
        if "EventBusName" not in properties:
            yield name, "is a rule of the default bus"
        if not properties.get("Targets"):
            yield name, "hands its events to nobody"
    for name, target in template.rule_targets():
        hit = template.target(target.get("Arn"))
        if hit is None or template.resources[hit].get("Type") == FUNCTION:
            yield name, "must hand its events to a queue of this template, which waits and retries"


@rule("R25", "queues are encrypted in a way that lets EventBridge and SNS write to them")
def encrypted_queues(template: Template) -> Iterator[tuple[str, str]]:
    fed = {template.target(target.get("Arn")) for _, target in template.rule_targets()}
    for name, properties in template.of_type(QUEUE):
        own_key = template.target(properties.get("KmsMasterKeyId"))
        if properties.get("SqsManagedSseEnabled") is not True and own_key is None:
            yield name, "is encrypted neither by SQS itself nor under our key"
        if name in fed and own_key is not None and "events.amazonaws.com" not in template.key_users(own_key):
            yield name, f"EventBridge may not use {own_key}, so nothing would arrive"
