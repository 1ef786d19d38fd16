"""Rules about the table."""

from __future__ import annotations

from collections.abc import Iterator

from infra.checks.template import Template, rule

_TABLE = "AWS::DynamoDB::Table"


@rule("R13", "point-in-time recovery, our key, a stream and expiry on the table")
def recovery(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(_TABLE):
        if properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
            yield name, "cannot be put back to a minute ago"
        encryption = properties.get("SSESpecification", {})
        if encryption.get("SSEEnabled") is not True or template.target(encryption.get("KMSMasterKeyId")) is None:
            yield name, "is not encrypted under our key"
        if properties.get("StreamSpecification", {}).get("StreamViewType") != "NEW_AND_OLD_IMAGES":
            yield name, "its stream does not show what changed"
        if properties.get("TimeToLiveSpecification", {}).get("Enabled") is not True:
            yield name, "keeps expired rows for ever"


@rule("R14", "the table outlives a mistaken delete")
def survives(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(_TABLE):
        resource = template.resources[name]
        if properties.get("DeletionProtectionEnabled") is not True:
            yield name, "can be deleted by one call"
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy) != "Retain":
                yield name, f"{policy} is not Retain: it would go with its stack"
    for name, _ in template.of_type("AWS::KMS::Key"):
        if template.resources[name].get("DeletionPolicy") != "Retain":
            yield name, "DeletionPolicy is not Retain: a kept table could not be read"
