"""Routing rules: what may be said, what holds, and how reasons outlive the rule that gave them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.voice.feedback import Decision, Feedback, Reason
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.domain.workspaces import rules
from chalicelib.domain.workspaces.rules import BUILTIN, Rule, decide, effective_rules, merge_reasons, validate
from chalicelib.errors import Invalid
from tests import builders

LOW_NPS = {"field": "score.nps", "op": "lte", "value": 6}


def rule(name: str = "mine", **changes: Any) -> Rule:
    return Rule(**{"name": name, "when": LOW_NPS, "then": ("ticket",), **changes})


def holds(when: Any, feedback: Feedback) -> bool:
    """Through the front door: what is not valid may not be evaluated."""
    made = validate("mine", {"when": when, "then": ["ticket"]})
    return "ticket" in decide([made], feedback).actions


def voice(**changes: Any) -> Feedback:
    return builders.feedback(
        **{
            "unit": "SH/001",
            "channel": "hotline",
            "attributes": {"amount": "129.5", "vip": "Gold"},
            "texts": (Text("物\u200b流太慢"), Text("一定改进", speaker="staff")),
            "understanding": Understanding(
                tags=(
                    builders.tag("logistics.speed", polarity="negative"),
                    builders.tag("product.quality", polarity="positive"),
                ),
                red_lines=("legal_threat",),
                intents=("complaint",),
                lang="zh-CN",
                departments=("logistics",),
            ),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (LOW_NPS, True),
        ({"field": "score.nps", "op": "lt", "value": 3}, False),
        ({"field": "score.nps", "op": "eq", "value": 3.0}, True),
        ({"field": "score.nps", "op": "ne", "value": 3}, False),
        ({"field": "score.csat", "op": "gte", "value": 1}, False),
        ({"field": "score.csat", "op": "exists", "value": False}, True),
        ({"field": "class", "op": "eq", "value": "detractor"}, True),
        ({"field": "class", "op": "eq", "value": "unhappy"}, True),
        ({"field": "class", "op": "in", "value": ["promoter", "passive"]}, False),
        ({"field": "intent", "op": "eq", "value": "complaint"}, True),
        ({"field": "red_line", "op": "exists", "value": True}, True),
        ({"field": "red_line", "op": "eq", "value": "legal_threat"}, True),
        ({"field": "red_line", "op": "eq", "value": True}, True),
        ({"field": "red_line", "op": "ne", "value": True}, False),
        ({"field": "red_line", "op": "eq", "value": "safety"}, False),
        ({"field": "channel", "op": "in", "value": ["hotline", "chat"]}, True),
        ({"field": "touchpoint", "op": "eq", "value": "delivery"}, True),
        ({"field": "unit", "op": "eq", "value": "SH"}, True),
        ({"field": "unit", "op": "eq", "value": "SH/001"}, True),
        ({"field": "unit", "op": "eq", "value": "SH/00"}, False),
        ({"field": "unit", "op": "in", "value": ["BJ", "SH"]}, True),
        ({"field": "lang", "op": "eq", "value": "ZH-cn"}, True),
        ({"field": "text", "op": "contains", "value": "物流"}, True),
        ({"field": "text", "op": "contains", "value": "改进"}, False),
        ({"field": "attributes.amount", "op": "gt", "value": 100}, True),
        ({"field": "attributes.amount", "op": "eq", "value": 129.5}, True),
        ({"field": "attributes.vip", "op": "eq", "value": "gold"}, True),
        ({"field": "attributes.none", "op": "ne", "value": "x"}, True),
        ({"field": "attributes.vip", "op": "gt", "value": 1}, False),
        ({"tag": {"topic": "logistics", "polarity": "negative"}}, True),
        ({"tag": {"topic": "logistics.speed"}}, True),
        ({"tag": {"topic": "logistic"}}, False),
        ({"tag": {"topic": "logistics", "polarity": "positive"}}, False),
        ({"tag": {"polarity": "positive"}}, True),
        ({"all": [LOW_NPS, {"not": {"field": "channel", "op": "eq", "value": "chat"}}]}, True),
        ({"any": [{"field": "channel", "op": "eq", "value": "chat"}, LOW_NPS]}, True),
        ({"all": [LOW_NPS, {"field": "channel", "op": "eq", "value": "chat"}]}, False),
    ],
)
def test_what_holds(when: Any, expected: bool) -> None:
    assert holds(when, voice()) is expected


# ---------------------------------------------------------------- built-in rules


@pytest.mark.parametrize(
    ("score", "ticket"),
    [
        (Score("nps", 6, 0, 10), True),
        (Score("nps", 7, 0, 10), False),
        (Score("csat", 2, 1, 5), True),
        (Score("csat", 3, 1, 5), False),
        (Score("ces", 5, 1, 5, polarity="lower"), True),
        (Score("rating", 5, 1, 5), False),
    ],
)
def test_the_unhappy_get_a_ticket(score: Score, ticket: bool) -> None:
    decision = decide(effective_rules([]), voice(scores=(score,), understanding=Understanding()))
    assert list(decision.actions) == (["ticket"] if ticket else [])
    assert decision.severity == ("medium" if ticket else "low")


def test_a_red_line_gets_a_ticket_and_an_alert_whatever_the_score() -> None:
    decision = decide(effective_rules([]), voice(scores=(Score("nps", 10, 0, 10),)))
    assert set(decision.actions) == {"ticket", "alert"}
    assert decision.severity == "critical"
    assert decision.cooldowns == {"builtin-red-line": 30}


def test_a_built_in_rule_is_replaced_and_switched_off_by_name() -> None:
    replaced = effective_rules([rule("builtin-unhappy", severity="high")])
    assert {(one.name, one.severity) for one in replaced} == {
        ("builtin-unhappy", "high"),
        ("builtin-red-line", "critical"),
    }
    assert "builtin-unhappy" not in {one.name for one in effective_rules([rule("builtin-unhappy", enabled=False)])}


def test_the_built_in_rules_are_rules_that_anybody_could_write() -> None:
    for one in BUILTIN:
        body = {"when": one.when, "then": list(one.then), "severity": one.severity, "cooldown_s": one.cooldown_s}
        assert validate(one.name, body).when == one.when


def test_reasons_highest_severity_departments_and_cooldowns_come_together() -> None:
    decision = decide(
        [
            rule("a", severity="low", department="store", version=4),
            rule("b", then=("ticket", "alert"), severity="high", department="logistics"),
            rule("c", when={"field": "channel", "op": "eq", "value": "chat"}, severity="critical"),
            rule("d", enabled=False, severity="critical"),
        ],
        voice(),
    )
    assert decision.actions == {
        "ticket": (Reason("a", 4, "low"), Reason("b", 1, "high")),
        "alert": (Reason("b", 1, "high"),),
    }
    assert (decision.severity, decision.departments) == ("high", ("logistics", "store"))
    assert decision.cooldowns == {}, "the default depends on whether it is a red line"


def test_a_rule_that_names_a_cool_down_has_it() -> None:
    named = [rule("a", then=("alert",), cooldown_s=7200), rule("b", then=("ticket",), cooldown_s=60)]
    assert decide(named, voice()).cooldowns == {"a": 7200}


# ---------------------------------------------------------------- reasons over time


def decided(*reasons: Reason, **changes: Any) -> Decision:
    return Decision(**{"actions": {"ticket": reasons} if reasons else {}, "severity": "high", **changes})


def test_a_reason_that_stops_matching_lapses_and_stays_visible() -> None:
    merged = merge_reasons(decided(Reason("a", 1, "high"), Reason("b", 1, "low")), decided(Reason("b", 2, "low")))
    assert merged.actions["ticket"] == (Reason("b", 2, "low"), Reason("a", 1, "high", lapsed=True))
    assert merged.severity == "low"


def test_an_action_whose_every_reason_lapsed_is_kept_with_them() -> None:
    merged = merge_reasons(decided(Reason("a", 1, "high")), decided())
    assert merged.actions == {"ticket": (Reason("a", 1, "high", lapsed=True),)}
    assert merged.severity == "low"


def test_a_lapsed_reason_that_holds_again_is_no_longer_lapsed() -> None:
    merged = merge_reasons(decided(Reason("a", 1, "high", lapsed=True)), decided(Reason("a", 3, "medium")))
    assert merged.actions["ticket"] == (Reason("a", 3, "medium"),)


def test_nothing_before_is_the_new_decision() -> None:
    new = decided(Reason("a", 1, "high"))
    assert merge_reasons(None, new) == new


REASONS = st.builds(Reason, st.sampled_from("abc"), st.integers(1, 3), st.sampled_from(("low", "high", "critical")))
DECISIONS = st.dictionaries(
    st.sampled_from(("ticket", "alert")), st.lists(REASONS, min_size=1, unique_by=lambda one: one.rule).map(tuple)
).map(lambda actions: Decision(actions=actions))


@given(DECISIONS, DECISIONS)
def test_merging_names_every_rule_once_and_again_changes_nothing(old: Decision, new: Decision) -> None:
    merged = merge_reasons(old, new)
    for action, reasons in merged.actions.items():
        names = [reason.rule for reason in reasons]
        assert len(names) == len(set(names))
        before = {reason.rule for reason in (*old.actions.get(action, ()), *new.actions.get(action, ()))}
        assert set(names) == before
    again = merge_reasons(merged, new)
    assert again.severity == merged.severity
    assert {action: set(reasons) for action, reasons in again.actions.items()} == {
        action: set(reasons) for action, reasons in merged.actions.items()
    }


# ---------------------------------------------------------------- what may be said

OK = {"when": LOW_NPS, "then": ["ticket"]}


def nested(depth: int) -> Any:
    return {"not": nested(depth - 1)} if depth > 1 else LOW_NPS


def test_a_full_rule_is_read() -> None:
    body = {"workspace": "acme", **OK, "severity": "high", "department": " store ", "cooldown_s": 60, "enabled": False}
    assert validate("shop.late-1", body) == Rule(
        "shop.late-1", LOW_NPS, ("ticket",), severity="high", department="store", cooldown_s=60, enabled=False
    )


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"pattern": "(.*)*x"}, "rule_invalid", "/pattern"),
        ({"pattern": "(a)\\1"}, "rule_invalid", "/pattern"),
        ({"window_s": 0}, "schema_violation", "/window_s"),
        ({"threshold": -1}, "schema_violation", "/threshold"),
        ({"mention": ["u"] * 10_000}, "schema_violation", "/mention"),
        ({"template": "{{config.SECRET}}"}, "schema_violation", "/template"),
        ({}, "schema_violation", "/when"),
        ({"when": LOW_NPS}, "schema_violation", "/then"),
        ({**OK, "a/b~c": 1}, "schema_violation", "/a~1b~0c"),
        ({**OK, "then": []}, "rule_invalid", "/then"),
        ({**OK, "then": ["ticket", "ticket"]}, "rule_invalid", "/then"),
        ({**OK, "then": ["explode"]}, "rule_invalid", "/then/0"),
        ({**OK, "severity": "urgent"}, "rule_invalid", "/severity"),
        ({**OK, "cooldown_s": 0}, "rule_invalid", "/cooldown_s"),
        ({**OK, "cooldown_s": True}, "rule_invalid", "/cooldown_s"),
        ({**OK, "cooldown_s": 315360000}, "rule_invalid", "/cooldown_s"),
        ({**OK, "department": ""}, "rule_invalid", "/department"),
        ({**OK, "enabled": 1}, "rule_invalid", "/enabled"),
        ({**OK, "when": []}, "rule_invalid", "/when"),
        ({**OK, "when": {}}, "rule_invalid", "/when"),
        ({**OK, "when": {"all": []}}, "rule_invalid", "/when/all"),
        ({**OK, "when": {"all": [LOW_NPS], "any": [LOW_NPS]}}, "rule_invalid", "/when"),
        (
            {**OK, "when": {"all": [LOW_NPS, {"field": "x", "op": "eq", "value": 1}]}},
            "rule_invalid",
            "/when/all/1/field",
        ),
        ({**OK, "when": {**LOW_NPS, "op": "regex"}}, "rule_invalid", "/when/op"),
        ({**OK, "when": {**LOW_NPS, "op": "matches"}}, "rule_invalid", "/when/op"),
        ({**OK, "when": {**LOW_NPS, "value": "6"}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {**LOW_NPS, "value": float("nan")}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {**LOW_NPS, "value": 10**400}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "score.fun", "op": "eq", "value": 1}}, "rule_invalid", "/when/field"),
        ({**OK, "when": {"field": "score.nps", "op": "contains", "value": "1"}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "text", "op": "contains", "value": "\u200b"}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "text", "op": "contains", "value": "x" * 201}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "text", "op": "gt", "value": 1}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "class", "op": "eq", "value": "angry"}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "channel", "op": "in", "value": ["chat", "web"]}}, "rule_invalid", "/when/value/1"),
        ({**OK, "when": {"field": "unit", "op": "in", "value": []}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "unit", "op": "in", "value": ["u"] * 101}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "unit", "op": "eq", "value": 7}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "red_line", "op": "in", "value": [True]}}, "rule_invalid", "/when/value/0"),
        ({**OK, "when": {"field": "red_line", "op": "exists", "value": 1}}, "rule_invalid", "/when/value"),
        ({**OK, "when": {"field": "attributes.", "op": "eq", "value": "x"}}, "rule_invalid", "/when/field"),
        ({**OK, "when": {"tag": {}}}, "rule_invalid", "/when/tag"),
        ({**OK, "when": {"tag": {"topic": "Logistics!"}}}, "rule_invalid", "/when/tag/topic"),
        ({**OK, "when": {"tag": {"polarity": "bad"}}}, "rule_invalid", "/when/tag/polarity"),
        (
            {**OK, "when": {"any": [LOW_NPS] * rules.MAX_CONDITIONS}},
            "rule_invalid",
            f"/when/any/{rules.MAX_CONDITIONS - 1}",
        ),
        ({**OK, "when": nested(rules.MAX_DEPTH + 1)}, "rule_invalid", "/when" + "/not" * rules.MAX_DEPTH),
    ],
)
def test_what_a_rule_must_not_say_is_refused_with_its_place(body: Any, code: str, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        validate("mine", body)
    assert (refused.value.status, refused.value.code, refused.value.pointer) == (422, code, pointer)


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "规则", "x" * 65])
def test_a_name_that_would_not_fit_a_path_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="letters, digits, dots") as refused:
        validate(name, OK)
    assert refused.value.code == "rule_invalid"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
CONDITIONS = st.recursive(
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(["score.nps", "class", "red_line", "unit", "text", "attributes.vip", "lang"]),
            "op": st.sampled_from(rules.OPS),
            "value": JSON,
        }
    )
    | st.fixed_dictionaries({"tag": JSON}),
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}) | st.fixed_dictionaries({"not": inner}) | JSON
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_whatever_is_sent_is_refused_or_can_be_decided(when: Any) -> None:
    try:
        made = validate("mine", {"when": when, "then": ["alert"]})
    except Invalid:
        return
    decide([made], voice())
