"""Least privilege, measured: what each function may do, against what it did on the local engine.

Both differences must be empty but for ``infra/policies/exemptions.yaml``, which says why the engine never sees a use.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.engine import REGION
from infra.local import Stack

EXEMPTIONS: Final = Path(__file__).parent / "policies" / "exemptions.yaml"
_ACCOUNT: Final = "000000000000"  # the engine's
DENIED: Final = "denied"  # what stands in an access key's place for a call that was refused


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One function, one IAM action, one ARN; the ARN of a grant may be a pattern."""

    function: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.function}: {self.action} on {self.resource}"

    def covers(self, use: Access) -> bool:
        """Whether this grant allows that use."""
        same = (self.function, self.action.lower()) == (use.function, use.action.lower())
        return same and fnmatch.fnmatchcase(use.resource, self.resource)


@dataclass(frozen=True, slots=True)
class Exemption:
    """Grants that the engine cannot show in use. ``functions`` and ``resource`` are patterns."""

    action: str
    functions: str
    resource: str
    reason: str

    def covers(self, grant: Access) -> bool:
        matches = fnmatch.fnmatchcase
        return (
            self.action == grant.action
            and matches(grant.function, self.functions)
            and matches(grant.resource, self.resource)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """``unused`` grants, ``ungranted`` uses, exemptions that exempt nothing any more, and calls that were refused."""

    unused: list[Access]
    ungranted: list[Access]
    idle: list[Exemption]
    denied: list[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one stack shows: each grant and whether it was used, in the order of the template; see ``Comparison``."""

    grants: list[tuple[Access, bool]]
    ungranted: list[Access]
    denied: list[str]

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> Evidence:
        told = json.loads(text)
        grants = [(Access(**grant), used) for grant, used in told["grants"]]
        return cls(grants, [Access(**one) for one in told["ungranted"]], told["denied"])


def evidence(stack: Stack) -> Evidence:
    """The running stack's policies against the calls that it has made since it was started."""
    grants, done = list(granted(stack)), set(used(stack))
    return Evidence(
        grants=[(grant, any(grant.covers(use) for use in done)) for grant in grants],
        ungranted=sorted(use for use in done if not any(grant.covers(use) for grant in grants)),
        denied=[f"{role}: {action}" for key, _, action, role in _calls(stack) if key == DENIED],
    )


def compare(shown: Sequence[Evidence]) -> Comparison:
    """Of stacks of one template: a grant is used where one of them has used it. Raises ValueError for others."""
    exemptions = load_exemptions()
    idle = [
        same[0][0] for same in zip(*(one.grants for one in shown), strict=True) if not any(used for _, used in same)
    ]
    return Comparison(
        unused=sorted({grant for grant in idle if not any(one.covers(grant) for one in exemptions)}),
        ungranted=sorted(use for one in shown for use in one.ungranted),
        idle=[one for one in exemptions if not any(one.covers(grant) for grant in idle)],
        denied=[call for one in shown for call in one.denied],
    )


def load_exemptions() -> list[Exemption]:
    """What exemptions.yaml lists."""
    return [
        Exemption(entry["action"], entry.get("functions", "*"), entry.get("resource", "*"), entry["reason"])
        for entry in yaml.safe_load(EXEMPTIONS.read_text())
    ]


def granted(stack: Stack) -> Iterator[Access]:
    """Every (function, action, resource) that the deployed roles allow."""
    iam = stack.clients("iam")
    for name, role, _ in sorted(_functions(stack)):
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                for action in _listed(statement["Action"]):
                    for resource in _listed(statement["Resource"]):
                        yield Access(name, action, resource)


def used(stack: Stack) -> Iterator[Access]:
    """Every (function, action, resource) that was called and not refused."""
    names = {key: name for name, _, key in _functions(stack)}
    for key, service, action, resource in _calls(stack):
        if key in names:
            yield Access(names[key], f"{service}:{action}", _arn(service, resource))


def _calls(stack: Stack) -> list[list[str]]:
    """(access key, service, call, resource) of each kind of call, see recording_engine.py."""
    return [json.loads(line) for line in stack.engine.calls.read_text().splitlines()]


def _functions(stack: Stack) -> list[tuple[str, str, str]]:
    """(short name, role's name, access key that the engine gives it) of every function."""
    found = []
    for entry in stack.clients("lambda").list_functions()["Functions"]:
        identity = f"{entry['FunctionArn']}:{entry['Role']}"
        key = "ASIA" + hashlib.sha256(identity.encode()).hexdigest()[:16].upper()
        found.append((entry["FunctionName"].rsplit("-", 1)[-1], entry["Role"].rsplit("/", 1)[-1], key))
    return found


def _arn(service: str, resource: str) -> str:
    """The ARN that IAM is asked about, from the name in the request."""
    if service == "sns":  # a subscription is a matter of its topic
        return ":".join(resource.split(":")[:6])
    if resource.startswith("arn:"):
        return resource
    if service == "s3":  # buckets have neither region nor account in their names
        return f"arn:aws:s3:::{resource}"
    prefixes = {"dynamodb": "table/", "sqs": "", "ssm": "parameter", "kms": "key/", "events": "event-bus/"}
    name = resource.rsplit("/", 1)[-1] if service == "sqs" else resource
    return f"arn:aws:{service}:{REGION}:{_ACCOUNT}:{prefixes.get(service, '')}{name}"


def _listed(node: Any) -> list[str]:
    return node if isinstance(node, list) else [node]
