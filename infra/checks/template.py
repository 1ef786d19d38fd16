"""How the rules look at a template: resources by type, references followed, parameters at their defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FUNCTION: Final = "AWS::Serverless::Function"
QUEUE: Final = "AWS::SQS::Queue"
BUS_RULE: Final = "AWS::Events::Rule"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: its number, the resource, and what is wrong there."""

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} {self.where}: {self.text}"


class Template:
    """A packaged template (SAM, merged) and, for the rule about it, the zip that goes with it."""

    def __init__(self, document: Mapping[str, Any], code: Path | None = None) -> None:
        self.document = document
        self.code = code
        self.resources: Mapping[str, Any] = document.get("Resources", {})

    def of_type(self, *types: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Logical id and properties of each resource of these types; intrinsics are left as they are."""
        for name, resource in self.resources.items():
            if resource.get("Type") in types:
                yield name, resource.get("Properties", {})

    def value(self, node: Any) -> Any:
        """``node`` with parameters at their defaults and conditions decided by them; other intrinsics stay."""
        if not isinstance(node, dict) or len(node) != 1:
            return node
        (name, argument), parameters = next(iter(node.items())), self.document.get("Parameters", {})
        if name == "Ref" and argument in parameters:
            return parameters[argument].get("Default")
        if name == "Fn::If":
            return self.value(argument[1] if self._holds(argument[0]) else argument[2])
        return node

    def number(self, node: Any) -> float | None:
        """A number, also when a parameter holds it as text; None for anything else."""
        try:
            return float(self.value(node))
        except (TypeError, ValueError):
            return None

    def target(self, node: Any) -> str | None:
        """Logical id that ``Ref``, ``GetAtt`` or a bare ``${Name.Attribute}`` points at, if it is in the template."""
        node = self.value(node)
        if not isinstance(node, dict) or len(node) != 1:
            return None
        name, argument = next(iter(node.items()))
        if name == "Fn::GetAtt":
            found = argument[0] if isinstance(argument, list) else str(argument).split(".")[0]
        elif name == "Ref":
            found = argument
        elif name == "Fn::Sub" and isinstance(argument, str) and argument.startswith("${") and argument.endswith("}"):
            found = argument[2:-1].split(".")[0]
        else:
            return None
        return found if found in self.resources else None

    def events(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
        """(function, its properties, the event's properties) of each event of a kind: SQS, DynamoDB, Schedule."""
        for name, properties in self.of_type(FUNCTION):
            for event in properties.get("Events", {}).values():
                if event.get("Type") == kind:
                    yield name, properties, event.get("Properties", {})

    def dead_letter_queues(self) -> dict[str, list[str]]:
        """Every queue that takes dead letters, with the work queues it takes them from."""
        found: dict[str, list[str]] = {}
        for name, properties in self.of_type(QUEUE):
            dead = self.target(properties.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
            if dead:
                found.setdefault(dead, []).append(name)
        elsewhere = [event.get("DeadLetterConfig", {}).get("Arn") for *_, event in self.events("Schedule")]
        elsewhere += [target.get("DeadLetterConfig", {}).get("Arn") for _, target in self.rule_targets()]
        elsewhere += [
            event.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            for *_, event in self.events("DynamoDB")
        ]
        for node in elsewhere:
            dead = self.target(node)
            if dead:
                found.setdefault(dead, [])
        return found

    def work_queues(self) -> list[str]:
        """Queues that are nobody's dead letters."""
        dead = self.dead_letter_queues()
        return [name for name, _ in self.of_type(QUEUE) if name not in dead]

    def key_users(self, key: str) -> list[str]:
        """Service principals that a key's own policy lets in."""
        policy = self.resources[key].get("Properties", {}).get("KeyPolicy", {})
        named = [entry.get("Principal", {}).get("Service") for entry in policy.get("Statement", ())]
        return [text for node in named for _, text in strings(node)]

    def rule_targets(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(rule, target) of each rule written out as such."""
        for name, properties in self.of_type(BUS_RULE):
            for target in properties.get("Targets", ()):
                yield name, target

    def _holds(self, condition: Any) -> bool:
        """A condition at the parameters' defaults."""
        if isinstance(condition, str):
            return self._holds(self.document["Conditions"][condition])
        name, arguments = next(iter(condition.items()))
        if name == "Fn::Equals":
            return bool(self.value(arguments[0]) == self.value(arguments[1]))
        if name == "Condition":
            return self._holds(arguments)
        parts = [self._holds(argument) for argument in arguments]
        return {"Fn::Not": not parts[0], "Fn::And": all(parts), "Fn::Or": any(parts)}[name]


Check = Callable[[Template], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A numbered rule. ``check`` yields (resource, what is wrong)."""

    number: str
    meaning: str
    check: Check

    def findings(self, template: Template) -> list[Finding]:
        return [Finding(self.number, where, text) for where, text in self.check(template)]


RULES: dict[str, Rule] = {}


def rule(number: str, meaning: str) -> Callable[[Check], Check]:
    """Register a check under its number."""

    def register(check: Check) -> Check:
        if number in RULES:
            raise ValueError(f"{number} is taken")
        RULES[number] = Rule(number, meaning, check)
        return check

    return register


def strings(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of every text in a tree, keys left out."""
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from strings(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from strings(value, f"{path}/{index}")
