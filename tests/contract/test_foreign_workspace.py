"""One workspace's key on another's things, made from the route table: a new route without coverage fails here."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator, Mapping
from itertools import product as product_of
from typing import Any, Final

import pytest

from tests.builders_admin import OURS, THEIRS, Office, composed
from tests.fakes.gateway import Answer, product

CALLS: Final = 5_000
SEED: Final = 20_261_121

# Routes that need no key: nothing of a workspace is behind them, or a signature guards it (see the callbacks' tests).
OPEN: Final = {
    *("health", "hook", "openapi", "hear_callback"),
    *("open_page", "act_on_page", "open_question", "answer_question"),
}

WHEN: Final = {"field": "score.nps", "op": "lte", "value": 6}

# A body that is right but for whose things it is about; None where the route takes none.
BODIES: Final[Mapping[str, Any]] = {
    "create_connection": {"name": "n", "source": "canonical"},
    "list_connections": None,
    "get_connection": None,
    "change_connection": {"name": "taken over", "state": "paused"},
    "delete_connection": None,
    "rotate_connection": {},
    "create_upload": {"filename": "answers.csv"},
    "list_uploads": None,
    "get_upload": None,
    "create_endpoint": {
        "name": "n",
        "connector": "standard_webhooks",
        "url": "https://oa.example.com/",
        "events": ["ticket.opened"],
    },
    "list_endpoints": None,
    "get_endpoint": None,
    "change_endpoint": {"state": "active", "url": "https://evil.example.com/"},
    "delete_endpoint": None,
    "rotate_endpoint": {},
    "list_rules": None,
    "create_rule": {"name": "rule", "when": WHEN, "then": ["ticket"]},
    "put_rule": {"when": WHEN, "then": ["ticket"]},
    "delete_rule": None,
    "list_subscriptions": None,
    "create_subscription": {"severity": "high", "protocol": "email", "address": "a@example.com"},
    "delete_subscription": None,
    "list_keys": None,
    "create_key": {"role": "admin"},
    "delete_key": None,
    "list_feedback": None,
    "get_feedback": None,
    "reparse_feedback": {},
    "correct_feedback": {"revision": 1, "reading": 1, "tags": []},
    "review_feedback": {"verdict": "right"},
    "list_readings": None,
    "list_review": None,
    "list_corrections": None,
    "try_voice": {"text": "包裹破损"},
    "list_needs": None,
    "list_sources": None,
    "get_source": None,
    "list_connectors": None,
    "get_connector": None,
    "list_packs": None,
    "get_pack": None,
    "get_frame": None,
    "list_activations": None,
    "start_dry_run": {"days": 1, "change": {"rules": {"put": [{"name": "draft", "when": WHEN, "then": ["ticket"]}]}}},
    "list_dry_runs": None,
    "get_dry_run": None,
    "propose_frame": {"packs": ["ecommerce"]},
    "list_proposals": None,
    "get_proposal": None,
    "withdraw_proposal": None,
    "measure_proposal": {},
    "activate_proposal": {},
    "list_tickets": None,
    "get_ticket": None,
    "move_ticket": {"to": "accepted", "version": 1},
    "claim_ticket": {"version": 1, "owner": "li"},
    "reassign_ticket": {"version": 1, "department": "warehouse", "reason": "not ours"},
    "complete_ticket": {"version": 1, "root_cause": "a"},
    "make_code": {"person": "li"},
    "verify_ticket": {"answer": "solved"},
    "get_verification": None,
    "put_verification": {"version": 0},
    "add_note": {"text": "called twice"},
    "list_notes": None,
    "link_ticket": {"ticket": f"tk_closed_{OURS}", "kind": "related"},
    "unlink_ticket": None,
    "mark_duplicate": {"of": f"tk_whole_{OURS}", "version": 1, "reason": "told twice"},
    "undo_duplicate": {"version": 1, "reason": "another parcel"},
    "list_audit": None,
    "audit_ticket": {"verdict": "passed"},
    "list_unattended": None,
    "close_feedback": {"reason": "nothing to do"},
    "answer_feedback": {"reason": "called back"},
    "reveal_contact": {"reason": "curious"},
    "get_organisation": None,
    "put_organisation": {"version": 1, "triage": "front_desk"},
    "get_people": None,
    "put_people": b"id,name\nann,Ann\n",
    "get_units": None,
    "put_units": b"id,name\nSH,Shanghai\n",
    "check_organisation": {"triage": "front_desk"},
    "find_owner": None,
    "list_organisations": None,
    "get_calendar": None,
    "get_graph": None,
    "get_own_causes": None,
    "put_own_causes": {"version": 0},
    "get_sla": None,
    "put_sla": {"version": 0, "severities": {"low": {"resolution": 9}}},
    "get_deadline": None,
    "update_customer": {"version": 1},
    "list_issues": None,
    "create_issue": {"title": "Damage"},
    "get_issue": None,
    "change_issue": {"version": 1, "title": "taken over"},
    "move_issue": {"to": "open", "version": 1},
    "decide_issue": {"decision": "decline", "version": 1, "reason": "why"},
    "promote_issue": {"to": "L3", "version": 1, "reason": "why"},
    "merge_issue": {"into": f"is_whole_{OURS}", "version": 1},
    "split_issue": {"version": 1},
    "list_linked_cases": None,
    "link_cases": {"tickets": [f"tk_closed_{OURS}"]},
    "unlink_case": None,
    "declare_fixed": {"version": 1, "on": "2026-11-20"},
    "get_effect": None,
    "put_exposure": {"items": [{"unit": "SH/001", "day": "2026-11-20", "count": 90}]},
    "get_exposure": None,
    "get_issue_policy": None,
    "put_issue_policy": {"version": 0, "count": 9},
    "list_insights": None,
    "create_insight": {"title": "a finding"},
    "get_insight": None,
    "give_insight": {"owner": "wu", "version": 1},
    "decide_insight": {"decision": "act", "version": 1, "reason": "why"},
    "archive_insight": {"version": 1},
    "get_contact_policy": None,
    "put_contact_policy": {"version": 0, "consent": {"attribute": "callback", "values": ["yes"]}},
    "can_contact": None,
    "can_contact_person": {"phone": "13800138000", "purpose": "survey"},
    "claim_contact": {"customer": "CUST-1", "purpose": "survey", "claim": "wave-7"},
    "release_contact": {"customer": "CUST-1", "claim": "wave-7"},
    "list_skips": None,
    "hear_opt_out": {"phone": "13800138000", "channel": "sms", "text": "TD"},
    "put_opt_out": {"customer": "CUST-1", "channel": "*", "out": True},
    "list_opt_outs": None,
    "list_followups": None,
    "get_followup": None,
    "end_followup": {"outcome": "contacted"},
    "get_loop": None,
    "list_counted": None,
    "create_digest": {"endpoint": f"ep_{OURS}", "unit": "SH/001", "every": "day"},
    "list_digests": None,
    "delete_digest": None,
    "get_drift": None,
    "check_drift": {},
    "list_deliveries": None,
    "get_delivery": None,
    "replay_delivery": {},
    "replay": {"since": "2026-01-01", "until": "2026-12-31", "what": "deliveries"},
}
# Paths without a thing of a workspace: a rule is put under any name and becomes our own, packs and guides are the same
# for all.
NOBODYS: Final = {"put_rule", "get_pack", "get_source", "get_connector", "get_calendar"}
# Queries that a route needs.
QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    "put_people": {"version": "1"},
    "put_units": {"version": "1"},
    "list_audit": {"month": "2026-11"},
    "get_deadline": {"minutes": "5"},
    "get_exposure": {"unit": "SH/001"},
    "can_contact": {"customer": "CUST-1", "purpose": "survey"},
    "list_counted": {"number": "heard", "since": "2026-11-16", "until": "2026-11-23"},
    "list_opt_outs": {"customer": "CUST-1"},
}
# Calls about our own things whose body or query names one of theirs.
NAMING: Final[Mapping[str, tuple[Any, Mapping[str, str]]]] = {
    "link_ticket": ({"ticket": f"tk_{THEIRS}", "kind": "related"}, {}),
    "mark_duplicate": ({"of": f"tk_whole_{THEIRS}", "version": 1, "reason": "told twice"}, {}),
    "merge_issue": ({"into": f"is_whole_{THEIRS}", "version": 1}, {}),
    "link_cases": ({"tickets": [f"tk_{THEIRS}"]}, {}),
    "create_digest": ({"endpoint": f"ep_{THEIRS}", "unit": "SH/001", "every": "day"}, {}),
    "get_drift": (None, {"endpoint": f"ep_{THEIRS}"}),
    "check_drift": ({"endpoint": f"ep_{THEIRS}"}, {}),
}
ROUTES: Final = {
    entry.view_function.__name__: (method, path)
    for path, by_method in product().routes.items()
    for method, entry in by_method.items()
    if entry.view_function.__name__ not in OPEN
}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.furnish(OURS)
        made.furnish(THEIRS)
        yield made


def ids(workspace: str) -> dict[str, list[str]]:
    """The path parameters that name a workspace's things."""
    return {
        "connection_id": [f"cn_{workspace}", f"cn_csv_{workspace}"],
        "upload_id": [f"up_{workspace}"],
        "endpoint_id": [f"ep_{workspace}"],
        "name": [f"rule-{workspace}"],
        "subscription_id": [f"sb_{workspace}"],
        "feedback_id": [f"fb_{workspace}", f"fb_parked_{workspace}", f"fb_quiet_{workspace}"],
        "ticket_id": [f"tk_{workspace}", f"tk_closed_{workspace}", f"tk_twin_{workspace}"],
        "other_id": [f"tk_closed_{workspace}", f"tk_{workspace}"],
        "issue_id": [f"is_{workspace}", f"is_part_{workspace}", f"is_fixing_{workspace}"],
        "case_id": [f"tk_{workspace}"],
        "insight_id": [f"in_{workspace}"],
        "followup_id": [f"fu_{workspace}"],
        "digest_id": [f"dg_{workspace}"],
        "delivery_id": [f"dl-tk_{workspace}-ep_{workspace}-1"],
        "proposal_id": [f"fp_000001_{workspace}"],
        "run_id": [f"dr_{workspace}"],
        "pack": ["ecommerce"],
        "source": ["canonical"],
        "connector": ["standard_webhooks"],
        "country": ["CN"],
        "year": ["2026"],
    }


def paths(office: Office, view: str, workspace: str) -> list[dict[str, str]]:
    """Every way to fill the route's path with things of ``workspace``."""
    things = ids(workspace)
    things["key_id"] = [key.id for key in office.directory.keys.values() if key.workspace == workspace]
    names = re.findall(r"\{(\w+)\}", ROUTES[view][1])
    return [dict(zip(names, chosen, strict=True)) for chosen in product_of(*(things[name] for name in names))]


def send(office: Office, view: str, path: dict[str, str], *, named: str | None, where: str, key: str = "") -> Answer:
    """One call that names a workspace in its body or its query."""
    method, resource = ROUTES[view]
    body = copy.deepcopy(BODIES[view])
    query = dict(QUERIES.get(view, {}))
    if named is not None and where == "body" and isinstance(body, dict):
        body["workspace"] = named
    elif named is not None:
        query["workspace"] = named
    kind = {"content-type": "text/csv"} if isinstance(body, bytes) else None
    return office.call(method, resource, body, path=path, query=query, key=key or None, headers=kind)


def theirs(office: Office) -> Any:
    """All that the other workspace has."""
    directory, at = office.directory, THEIRS
    return copy.deepcopy(
        (
            [one for key, one in sorted(directory.connections_.items()) if key[0] == at],
            [one for key, one in sorted(directory.endpoints_.items()) if key[0] == at],
            [one for key, one in sorted(directory.rules_.items()) if key[0] == at],
            [one for key, one in sorted(directory.subscriptions_.items()) if key[0] == at],
            [key for key in directory.keys.values() if key.workspace == at],
            [one for key, one in sorted(office.tickets.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.cases.written.items()) if key[0] == at],
            [one for key, one in sorted(office.cases.sides.items()) if key[0] == at],
            [one for key, one in sorted(office.cases.judged.items()) if key[0] == at],
            [one for key, one in sorted(office.issues.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.issues.sides.items()) if key[0] == at],
            [one for key, one in sorted(office.insights.rows.items()) if key[0] == at],
            office.insights.policies.get(at),
            office.verification.rows.get(at),
            office.promises.rows.get(at),
            [one for key, one in sorted(office.causes.own.items()) if key[0] == at],
            office.contacts.policies.get(at),
            [one for key, one in sorted(office.contacts.words.items()) if key[0] == at],
            [one for key, one in sorted(office.contacts.rows.items()) if key[0] == at],
            [one for there, one in office.contacts.ledger if there == at],
            [one for key, one in sorted(office.followups.rows.items()) if key[0] == at],
            office.briefings.of(at),
            [one for key, one in sorted(office.watched.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.polls.states.items()) if key[0] == at],
            [one for key, one in sorted(office.effects.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.exposures.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.codes.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.deliveries.rows.items()) if key[0] == at],
            [asked for asked in office.deliveries.asked if asked[1] == at],
            {name: value for name, value in office.ssm.values.items() if at in name},
            office.audit.rows,
            [one for one in office.sqs.bodies() if one["workspace"] == at],
            [one for key, one in sorted(office.shelf.rows.items()) if key[0] == at],
            [one for one in office.shelf.corrected if one.workspace == at],
            [one for key, one in sorted(office.frames.rows.items()) if key[0] == at],
            office.frames.states.get(at),
            [one for key, one in sorted(office.dry_runs.rows.items()) if key[0] == at],
            [one for key, one in sorted(office.organisations.versions.items()) if key[0] == at],
        )
    )


def test_every_route_behind_a_key_is_covered() -> None:
    assert set(BODIES) == set(ROUTES), "a new route needs a line in BODIES"


@pytest.mark.parametrize("view", sorted(BODIES))
def test_our_key_never_reaches_their_things(office: Office, view: str) -> None:
    office.new_key(workspace=THEIRS)
    before = theirs(office)

    for path in paths(office, view, THEIRS):
        for named, where in ((None, ""), (THEIRS, "body"), (THEIRS, "query")):
            if named is None and not path:
                continue  # our own list, or a new thing of our own
            answer = send(office, view, path, named=named, where=where)
            if view in NOBODYS and named is None:
                assert answer.status == 200
                continue
            assert (answer.status, answer.code) == (404, "not_found"), (path, named, where, answer.body)
            assert THEIRS not in answer.body
    assert theirs(office) == before


@pytest.mark.parametrize("view", sorted(view for view in BODIES if "{" in ROUTES[view][1] and view not in NOBODYS))
def test_a_foreign_id_and_an_unknown_one_look_alike(office: Office, view: str) -> None:
    office.new_key(workspace=THEIRS)
    foreign = paths(office, view, THEIRS)[0]
    unknown = dict.fromkeys(foreign, "never-heard-of")

    answers = [send(office, view, path, named=None, where="") for path in (foreign, unknown)]

    assert answers[0] == answers[1]


@pytest.mark.parametrize("view", sorted(BODIES))
def test_the_same_call_on_our_own_things_goes_through(office: Office, view: str) -> None:
    """Else the refusals above would prove nothing."""
    if view == "delete_key":
        office.new_key("analyst")
    answers = [send(office, view, path, named=OURS, where="query") for path in paths(office, view, OURS)]

    assert any(200 <= answer.status < 300 for answer in answers), [answer.body for answer in answers]
    assert not any(THEIRS in answer.body for answer in answers)


@pytest.mark.parametrize("view", sorted(NAMING))
def test_a_foreign_thing_that_our_own_call_names_is_not_there(office: Office, view: str) -> None:
    method, resource = ROUTES[view]
    body, query = NAMING[view]
    before = theirs(office)
    path = paths(office, view, OURS)[0]

    answer = office.call(method, resource, body, path=path, query={"workspace": OURS, **query})

    assert (answer.status, answer.code) == (404, "not_found"), answer.body
    assert theirs(office) == before


def test_thousands_of_random_calls_find_nothing(office: Office) -> None:
    office.new_key(workspace=THEIRS)
    keys = [
        office.key,
        office.new_key("analyst"),
        office.new_key("region", unit="SH"),
        office.new_key("store", unit="SH/001"),
        office.new_key("integration"),
    ]
    before = theirs(office)
    chosen = random.Random(SEED)
    views = sorted(BODIES)

    for number in range(CALLS):
        view = chosen.choice(views)
        path = chosen.choice(paths(office, view, THEIRS))
        named = chosen.choice((None, THEIRS)) if path and view not in NOBODYS else THEIRS
        answer = send(office, view, path, named=named, where=chosen.choice(("body", "query")), key=chosen.choice(keys))
        assert answer.status in (403, 404), (SEED, number, view, path, named, answer.body)
    assert theirs(office) == before
