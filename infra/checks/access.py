"""Rules about who may do what, and about names that hold in one partition only."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.checks.template import FUNCTION, Template, rule, strings

_WITHOUT_RESOURCE: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")  # they take no other than "*"
_OPEN_ARN: Final = re.compile(r"arn:(\*:|[^:]*:[^:]*:[^:]*:\*:)")
_PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}")  # it has colons of its own
_SPELLED: Final = re.compile(r"arn:aws[a-z-]*:|amazonaws\.com|\.aws\.dev")
_SERVICE: Final = re.compile(r"[a-z0-9-]+\.amazonaws\.com")


_NO_WAY_OUT: Final = ("Enrich", "Sweep")  # what reads customers' words, or everything's clock, calls nobody
_READS: Final = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory")
_VENDORS: Final = "arn:x:ssm:x:x:parameter/x/vendors/x"


def _statements(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(role, statement) of everything that an identity is allowed."""
    for name, properties in template.of_type("AWS::IAM::Role"):
        for policy in properties.get("Policies", ()):
            for statement in policy.get("PolicyDocument", {}).get("Statement", ()):
                if statement.get("Effect") == "Allow":
                    yield name, statement


def _listed(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node]


@rule("R10", "no wildcard in an action")
def no_wildcard_action(template: Template) -> Iterator[tuple[str, str]]:
    for name, statement in _statements(template):
        if "NotAction" in statement:
            yield name, "NotAction allows what does not exist yet"
        for action in _listed(statement.get("Action", [])):
            if "*" in action:
                yield name, f"allows {action}"


@rule("R11", "no statement on every resource, but for X-Ray")
def no_wildcard_resource(template: Template) -> Iterator[tuple[str, str]]:
    for name, statement in _statements(template):
        if set(_listed(statement.get("Action", []))) <= set(_WITHOUT_RESOURCE):
            continue
        resources = _listed(statement.get("Resource", []))
        if "NotResource" in statement or not resources or "*" in resources:
            yield name, f"{statement.get('Sid', 'a statement')} is allowed on everything"


@rule("R12", "no wildcard partition or account")
def no_open_arn(template: Template) -> Iterator[tuple[str, str]]:
    for name, resource in template.resources.items():
        for path, text in strings(resource):
            if _OPEN_ARN.search(_PLACEHOLDER.sub("x", text)):
                yield name, f"{path} is open to a foreign partition or account"


@rule("R21", "a permission to call a function names its source")
def permission_source(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type("AWS::Lambda::Permission"):
        if not properties.get("SourceArn"):
            yield name, "any account could call through that service"
    for name, properties in template.of_type("AWS::SQS::QueuePolicy"):
        for statement in properties.get("PolicyDocument", {}).get("Statement", ()):
            chosen = template.value(statement)
            if chosen.get("Effect") == "Allow" and "aws:SourceArn" not in str(chosen.get("Condition", {})):
                yield name, "any account could write through that service"


@rule("R29", "no partition and no URL suffix spelled out")
def neutral(template: Template) -> Iterator[tuple[str, str]]:
    for section in ("Resources", "Outputs", "Conditions"):
        for name, node in template.document.get(section, {}).items():
            for path, text in strings(node):
                # Service principals are the same in every partition; hosts and ARNs are not.
                principal = path.endswith(("/Principal", "/Principal/Service")) and _SERVICE.fullmatch(text)
                if _SPELLED.search(text) and not principal:
                    yield name, f"{path} holds in one partition only"


@rule("R30", "what opens a vendor's API is read by fetch alone; enrich and sweep read no secret at all")
def vendor_secrets(template: Template) -> Iterator[tuple[str, str]]:
    functions = {template.target(properties.get("Role")): name for name, properties in template.of_type(FUNCTION)}
    for role, statement in _statements(template):
        actions = _listed(statement.get("Action", []))
        if functions.get(role) in _NO_WAY_OUT and any(one.startswith(("ssm:", "secretsmanager:")) for one in actions):
            yield role, "may read secrets"
        reads = set(actions) & set(_READS)
        if functions.get(role) != "Fetch" and reads and _reaches(statement.get("Resource"), _VENDORS):
            yield role, "may read what opens a vendor's API"


def _reaches(resource: Any, wanted: str) -> bool:
    """Whether a pattern of the resource covers ``wanted``, in which x stands for whatever the template fills in."""
    return any(fnmatch.fnmatchcase(wanted, _PLACEHOLDER.sub("x", text)) for _, text in strings(resource))
