"""Routing rules: workspace data, evaluated by one pure function.

A condition is one of ``{"all": […]}``, ``{"any": […]}``, ``{"not": …}``, ``{"field", "op", "value"}`` or
``{"tag": {"topic", "polarity"}}``. Fields: ``score.<kind>``, ``class``, ``intent``, ``red_line``, ``channel``,
``touchpoint``, ``unit``, ``lang``, ``text``, ``attributes.<name>``. There are no regular expressions: a rule costs
what its length says. A field that is absent matches no comparison but ``ne`` and ``exists: false``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chalicelib.domain.alerts.alert import RED_LINE_COOLDOWN_S
from chalicelib.domain.text.folding import fold
from chalicelib.domain.vocabulary import (
    ACTIONS,
    CHANNELS,
    DEFAULT_SEVERITY,
    POLARITIES,
    SCORE_KINDS,
    SEVERITIES,
    higher_severity,
)
from chalicelib.domain.voice import scoring
from chalicelib.domain.voice.feedback import Decision, Feedback, Reason
from chalicelib.errors import Invalid

MAX_COOLDOWN_S: Final = 7 * 24 * 3600
MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 64
MAX_VALUES: Final = 100
MAX_LENGTH: Final = 200  # characters of one string


@dataclass(frozen=True, slots=True)
class Rule:
    """``when`` is a condition tree, ``then`` a subset of ticket | alert | followup."""

    name: str
    when: Mapping[str, Any]
    then: tuple[str, ...]
    version: int = 1
    severity: str = "medium"
    department: str | None = None
    cooldown_s: int | None = None
    enabled: bool = True
    builtin: bool = field(default=False)


# Not in force by itself: a contact policy that says how customers consent makes it a rule of the workspace.
BUILTIN_HAPPY: Final = Rule(
    name="builtin-happy",
    when={"field": "class", "op": "eq", "value": "happy"},
    then=("followup",),
    severity="low",
)
BUILTIN: Final = (
    Rule(
        name="builtin-red-line",
        when={"field": "red_line", "op": "exists", "value": True},
        then=("ticket", "alert"),
        severity="critical",
        cooldown_s=RED_LINE_COOLDOWN_S,
        builtin=True,
    ),
    Rule(
        name="builtin-unhappy",
        when={"field": "class", "op": "eq", "value": "unhappy"},
        then=("ticket",),
        builtin=True,
    ),
)


def effective_rules(own: Iterable[Rule]) -> tuple[Rule, ...]:
    """The built-in rules overlaid by the workspace's own of the same name, in order of name; disabled ones left out."""
    overlaid = {rule.name: rule for rule in (*BUILTIN, *own)}
    return tuple(overlaid[name] for name in sorted(overlaid) if overlaid[name].enabled)


# ---------------------------------------------------------------- decide


def decide(rules: Iterable[Rule], feedback: Feedback) -> Decision:
    """What the rules ask for: actions with their reasons, the highest severity, whose it is, alerts' cool-downs."""
    reading = _Reading(feedback)
    matching = [rule for rule in rules if rule.enabled and _holds(rule.when, reading)]
    actions: dict[str, tuple[Reason, ...]] = {}
    for action in ACTIONS:
        reasons = tuple(Reason(rule.name, rule.version, rule.severity) for rule in matching if action in rule.then)
        if reasons:
            actions[action] = reasons
    ruled = [rule.department for rule in matching if rule.department]
    departments = [*feedback.understanding.departments, *ruled]
    cooldowns = {
        rule.name: rule.cooldown_s for rule in matching if "alert" in rule.then and rule.cooldown_s is not None
    }
    return Decision(actions, _severity(actions), tuple(dict.fromkeys(departments)), cooldowns, bool(ruled))


def merge_reasons(old: Decision | None, new: Decision) -> Decision:
    """``new``, and of ``old`` the reasons that no longer hold, marked lapsed: they close nothing.

    Reasons are keyed by rule name and show the newest version; severity is that of the reasons that hold.
    """
    if old is None:
        return new
    actions: dict[str, tuple[Reason, ...]] = {}
    for action in ACTIONS:
        current = new.actions.get(action, ())
        named = {reason.rule for reason in current}
        lapsed = [replace(was, lapsed=True) for was in old.actions.get(action, ()) if was.rule not in named]
        if current or lapsed:
            actions[action] = (*current, *lapsed)
    return replace(new, actions=actions, severity=_severity(actions))


def _severity(actions: Mapping[str, Sequence[Reason]]) -> str:
    severity = SEVERITIES[0]
    for reasons in actions.values():
        for reason in reasons:
            if not reason.lapsed:
                severity = higher_severity(severity, reason.severity)
    return severity


class _Reading:
    """The fields of one feedback as a rule sees them, each worked out once. A field may hold several values."""

    def __init__(self, feedback: Feedback) -> None:
        self.feedback = feedback
        self._known: dict[str, tuple[Any, ...]] = {}

    def values(self, name: str) -> tuple[Any, ...]:
        if name not in self._known:
            self._known[name] = tuple(value for value in self._read(name) if value not in (None, ""))
        return self._known[name]

    def _read(self, name: str) -> Iterable[Any]:
        room, _, rest = name.partition(".")
        if room == "score":
            return [score.value for score in self.feedback.scores if score.kind == rest]
        if room == "attributes":
            return [self.feedback.attributes.get(rest)]
        return _FIELDS[name](self.feedback)


_FIELDS: Final[Mapping[str, Callable[[Feedback], Iterable[Any]]]] = {
    "class": lambda fb: [*scoring.classes(fb.scores).values(), scoring.feedback_class(fb.scores)],
    "intent": lambda fb: [fb.understanding.intent],
    "red_line": lambda fb: fb.understanding.red_lines,
    "channel": lambda fb: [fb.channel],
    "touchpoint": lambda fb: [fb.touchpoint],
    "unit": lambda fb: [fb.unit],
    "lang": lambda fb: [fb.lang or fb.understanding.lang],
    "text": lambda fb: [fold(text.text).text for text in fb.texts if text.speaker == "customer"],
}


def _holds(when: Mapping[str, Any], reading: _Reading) -> bool:
    if "all" in when:
        return all(_holds(part, reading) for part in when["all"])
    if "any" in when:
        return any(_holds(part, reading) for part in when["any"])
    if "not" in when:
        return not _holds(when["not"], reading)
    if "tag" in when:
        return _tagged(when["tag"], reading.feedback)
    return _compares(when["field"], when["op"], when["value"], reading)


def _compares(name: str, op: str, wanted: Any, reading: _Reading) -> bool:
    values = reading.values(name)
    if op == "ne":
        return not _compares(name, "eq", wanted, reading)
    if op == "exists" or isinstance(wanted, bool):  # "red_line eq true" asks whether there is one
        return bool(values) is wanted
    return any(_OPS[op](name, value, wanted) for value in values)


def _tagged(wanted: Mapping[str, str], feedback: Feedback) -> bool:
    """Topic and polarity on one and the same tag; a topic includes its descendants."""
    topic, polarity = wanted.get("topic"), wanted.get("polarity")
    return any(
        (topic is None or tag.topic == topic or tag.topic.startswith(f"{topic}."))
        and (polarity is None or tag.polarity == polarity)
        for tag in feedback.understanding.tags
    )


def _equal(name: str, value: Any, wanted: Any) -> bool:
    if name == "unit":  # a unit includes its subtree: SH covers SH/001
        return bool(value == wanted or str(value).startswith(f"{wanted}/"))
    if isinstance(value, str) and isinstance(wanted, str):
        return fold(value).text == fold(wanted).text
    number, other = _number(value), _number(wanted)
    return number is not None and number == other


def _contains(_name: str, value: Any, wanted: Any) -> bool:
    needle = fold(wanted).text
    return bool(needle) and needle in fold(str(value)).text


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[str, Any, Any], bool]:
    def holds(_name: str, value: Any, wanted: Any) -> bool:
        number, other = _number(value), _number(wanted)
        return number is not None and other is not None and compare(number, other)

    return holds


def _number(value: Any) -> float | None:
    """Attributes arrive as text: "12.5" compares as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


_OPS: Final[Mapping[str, Callable[[str, Any, Any], bool]]] = {
    "eq": _equal,
    "lt": _ordered(lambda a, b: a < b),
    "lte": _ordered(lambda a, b: a <= b),
    "gt": _ordered(lambda a, b: a > b),
    "gte": _ordered(lambda a, b: a >= b),
    "in": lambda name, value, wanted: any(_equal(name, value, one) for one in wanted),
    "contains": _contains,
}
OPS: Final = (*_OPS, "ne", "exists")


def topics_of(when: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """The topics that a valid condition names, each with the pointer to where, from the condition on."""
    for word in ("all", "any"):
        for place, part in enumerate(when.get(word, ())):
            yield from topics_of(part, f"{at}/{word}/{place}")
    if "not" in when:
        yield from topics_of(when["not"], f"{at}/not")
    if "topic" in when.get("tag", {}):
        yield when["tag"]["topic"], f"{at}/tag/topic"


# ---------------------------------------------------------------- validate

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._\-]{0,62}[A-Za-z0-9])?")
_ATTRIBUTE: Final = re.compile(r"attributes\.[^\s.][^\s]{0,63}")
_TOPIC: Final = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+){0,2}")
_MEMBERS: Final = ("workspace", "when", "then", "severity", "department", "cooldown_s", "enabled")
_CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "class": (*scoring.FEEDBACK_CLASSES, *scoring.SCORE_CLASSES),
    "channel": CHANNELS,
}


def validate(name: str, body: Mapping[str, Any]) -> Rule:
    """The rule that a request describes, version 1.

    Raises Invalid with a pointer: ``schema_violation`` for members that a rule does not have or lacks,
    ``rule_invalid`` for whatever a rule must not say.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong("/name", "A rule's name is 1 to 64 letters, digits, dots, dashes and underscores.")
    if not isinstance(body, Mapping):
        raise Invalid("A rule is a JSON object.", pointer="")
    for member in ("pattern", "regex"):
        if member in body:
            raise _wrong(f"/{member}", "A rule has no regular expressions; use the op contains.")
    for member in body:
        if member not in _MEMBERS:
            raise Invalid("A rule has no such member.", pointer=f"/{_escaped(member)}")
    for member in ("when", "then"):
        if member not in body:
            raise Invalid(f"A rule needs the member {member}.", pointer=f"/{member}")
    _condition(body["when"], "/when", 1, iter(range(MAX_CONDITIONS)))
    return Rule(
        name=name,
        when=body["when"],
        then=_then(body["then"]),
        severity=_word(body.get("severity", DEFAULT_SEVERITY), SEVERITIES, "/severity"),
        department=_department(body.get("department")),
        cooldown_s=_seconds(body.get("cooldown_s")),
        enabled=_flag(body.get("enabled", True), "/enabled"),
    )


def _wrong(pointer: str, message: str) -> Invalid:
    return Invalid(message, code="rule_invalid", pointer=pointer)


def _escaped(member: str) -> str:
    return member[:MAX_LENGTH].replace("~", "~0").replace("/", "~1")


def _condition(when: Any, at: str, depth: int, budget: Iterator[int]) -> None:
    if depth > MAX_DEPTH:
        raise _wrong(at, f"A condition nests at most {MAX_DEPTH} deep.")
    if next(budget, None) is None:
        raise _wrong(at, f"A rule has at most {MAX_CONDITIONS} conditions.")
    if not isinstance(when, Mapping):
        raise _wrong(at, "A condition is an object.")
    members = set(when)
    if members in ({"all"}, {"any"}):
        word = "all" if "all" in members else "any"
        if not isinstance(when[word], list) or not when[word]:
            raise _wrong(f"{at}/{word}", f"The member {word} is a list of at least one condition.")
        for place, part in enumerate(when[word]):
            _condition(part, f"{at}/{word}/{place}", depth + 1, budget)
    elif members == {"not"}:
        _condition(when["not"], f"{at}/not", depth + 1, budget)
    elif members == {"tag"}:
        _tag_condition(when["tag"], f"{at}/tag")
    elif members == {"field", "op", "value"}:
        _comparison(when["field"], when["op"], when["value"], at)
    else:
        raise _wrong(at, "A condition is one of all, any, not, tag, or field with op and value.")


def _tag_condition(tag: Any, at: str) -> None:
    if not isinstance(tag, Mapping) or not tag or set(tag) - {"topic", "polarity"}:
        raise _wrong(at, "A tag condition names topic, polarity or both.")
    if "topic" in tag and not (isinstance(tag["topic"], str) and _TOPIC.fullmatch(tag["topic"])):
        raise _wrong(f"{at}/topic", "A topic is a dotted id of the code frame.")
    if "polarity" in tag:
        _word(tag["polarity"], POLARITIES, f"{at}/polarity")


def _comparison(name: Any, op: Any, value: Any, at: str) -> None:
    if not isinstance(name, str) or not _is_field(name):
        raise _wrong(f"{at}/field", "There is no such field.")
    if not isinstance(op, str) or op not in OPS:
        raise _wrong(f"{at}/op", f"The op is one of {', '.join(OPS)}.")
    if op == "exists":
        _flag(value, f"{at}/value")
    elif op == "in":
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
            raise _wrong(f"{at}/value", f"The op in takes a list of 1 to {MAX_VALUES} values.")
        for place, one in enumerate(value):
            _value(name, one, f"{at}/value/{place}", flags=False)
    elif op == "contains":
        if name.startswith("score.") or not isinstance(value, str) or not fold(value).text or len(value) > MAX_LENGTH:
            raise _wrong(f"{at}/value", f"The op contains takes 1 to {MAX_LENGTH} visible characters, and no score.")
    elif op in ("lt", "lte", "gt", "gte"):
        if not name.startswith(("score.", "attributes.")) or isinstance(value, str) or _number(value) is None:
            raise _wrong(f"{at}/value", "Only scores and attributes are compared by size, and only with a number.")
    else:
        _value(name, value, f"{at}/value")


def _is_field(name: str) -> bool:
    kind = name.removeprefix("score.")
    return name in _FIELDS or (kind != name and kind in SCORE_KINDS) or bool(_ATTRIBUTE.fullmatch(name))


def _value(name: str, value: Any, at: str, *, flags: bool = True) -> None:
    if isinstance(value, bool):
        if not flags or name != "red_line":
            raise _wrong(at, "Only red_line compares with true or false, and not in a list.")
    elif name.startswith("score."):
        if isinstance(value, str) or _number(value) is None:
            raise _wrong(at, "A score compares with a number.")
    elif name in _CLOSED:
        _word(value, _CLOSED[name], at)
    elif not (isinstance(value, str) and 1 <= len(value) <= MAX_LENGTH) and (
        not name.startswith("attributes.") or isinstance(value, str) or _number(value) is None
    ):
        raise _wrong(at, f"A value is text of 1 to {MAX_LENGTH} characters; attributes also compare with numbers.")


def _then(then: Any) -> tuple[str, ...]:
    if not isinstance(then, list) or not 1 <= len(then) <= len(ACTIONS) or len(set(map(str, then))) != len(then):
        raise _wrong("/then", f"The member then lists one or more of {', '.join(ACTIONS)}, each once.")
    for place, action in enumerate(then):
        _word(action, ACTIONS, f"/then/{place}")
    return tuple(then)


def _word(word: Any, allowed: Sequence[str], at: str) -> str:
    if not isinstance(word, str) or word not in allowed:
        raise _wrong(at, f"The value is one of {', '.join(allowed)}.")
    return word


def _department(department: Any) -> str | None:
    if department is None:
        return None
    if not isinstance(department, str) or not 1 <= len(department.strip()) <= 64:
        raise _wrong("/department", "A department is 1 to 64 characters.")
    return department.strip()


def _seconds(seconds: Any) -> int | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= MAX_COOLDOWN_S:
        raise _wrong("/cooldown_s", f"A cool-down is 1 to {MAX_COOLDOWN_S} whole seconds.")
    return seconds


def _flag(flag: Any, at: str) -> bool:
    if not isinstance(flag, bool):
        raise _wrong(at, "The value is true or false.")
    return flag
