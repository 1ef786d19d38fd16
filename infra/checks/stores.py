"""Rules about the table and the bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.template import Template, rule

_TABLE = "AWS::DynamoDB::Table"
_BUCKET = "AWS::S3::Bucket"
_POLICY = "AWS::S3::BucketPolicy"
_PUBLIC = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


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


@rule("R31", "a bucket is private, under our key, over TLS alone; its files expire, and somebody is told of them")
def buckets(template: Template) -> Iterator[tuple[str, str]]:
    over_tls = {
        template.target(policy.get("Bucket")) for _, policy in template.of_type(_POLICY) if _denies_http(policy)
    }
    for name, properties in template.of_type(_BUCKET):
        resource = template.resources[name]
        if not all(properties.get("PublicAccessBlockConfiguration", {}).get(part) is True for part in _PUBLIC):
            yield name, "could be opened to the public"
        if {"ObjectOwnership": "BucketOwnerEnforced"} not in properties.get("OwnershipControls", {}).get("Rules", ()):
            yield name, "could be opened by an access list"
        rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ())
        if not any(_is_ours(template, one.get("ServerSideEncryptionByDefault", {})) for one in rules):
            yield name, "is not encrypted under our key"
        if name not in over_tls:
            yield name, "can be read without TLS"
        expiring = properties.get("LifecycleConfiguration", {}).get("Rules", ())
        if not any(one.get("Status") == "Enabled" and template.number(one.get("ExpirationInDays")) for one in expiring):
            yield name, "keeps its files for ever"
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy) != "Retain":
                yield name, f"{policy} is not Retain: it would go with its stack"
        told = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", ())
        if not any(template.target(one.get("Queue")) for one in told):
            yield name, "nobody is told of a new file"
        allowed = [
            rule_.get("AllowedMethods") for rule_ in properties.get("CorsConfiguration", {}).get("CorsRules", ())
        ]
        if allowed != [["PUT"]]:
            yield name, "pages may do something else than send a file"


def _is_ours(template: Template, encryption: Mapping[str, Any]) -> bool:
    wanted = encryption.get("SSEAlgorithm") == "aws:kms"
    return wanted and template.target(encryption.get("KMSMasterKeyID")) is not None


def _denies_http(policy: Mapping[str, Any]) -> bool:
    """Whether a bucket's policy denies everybody everything that does not come over TLS."""
    return any(
        one.get("Effect") == "Deny"
        and one.get("Principal") == "*"
        and one.get("Action") == "s3:*"
        and len(one.get("Resource", ())) == 2
        and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for one in policy.get("PolicyDocument", {}).get("Statement", ())
    )
