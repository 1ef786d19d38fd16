"""Feedback, tickets and deliveries through the API: what is shown to whom, and what moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.domain.cases.playbook import Chosen
from chalicelib.domain.cases.ticket import STANDING, Move, said_by_us
from chalicelib.domain.outbound.item import Item, Mark
from chalicelib.domain.outbound.standard_webhooks import sign
from chalicelib.domain.voice.feedback import Reason
from chalicelib.domain.voice.understanding import Text
from tests import builders
from tests.builders_admin import CONTACT, NOW, OURS, SECRET, THEIRS, Office, composed
from tests.fakes.gateway import Answer

FEEDBACK = "/v1/feedback/{feedback_id}"
TICKET = "/v1/tickets/{ticket_id}"
DELIVERY = "/v1/deliveries/{delivery_id}"
CALLBACK = "/v1/callbacks/{endpoint_id}"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


# --- feedback -----------------------------------------------------------------------------------------------------


def test_a_feedback_is_shown_whole_with_its_evidence_and_reasons(office: Office) -> None:
    lapsed = Reason("rule-a", 3, "high", lapsed=True)
    decision = replace(
        builders.decision(builders.reason()), actions={"ticket": (builders.reason(), lapsed), "alert": (lapsed,)}
    )
    made = office.feedback(decision=decision, heard_at=NOW, acted_at=None)
    office.shelf.add(made, replace(made, revision=0, texts=(Text("早先的话"),)))

    shown = office.call("GET", FEEDBACK, path={"feedback_id": made.id}).json

    assert shown["tags"][0]["evidence"] == "包裹破损"
    assert shown["actions"] == ["ticket"]
    assert [(why["action"], why["rule"], why["lapsed"]) for why in shown["reasons"]] == [
        ("ticket", "builtin-unhappy", False),
        ("ticket", "rule-a", True),
        ("alert", "rule-a", True),
    ]
    assert shown["scores"] == [
        {"kind": "nps", "value": 3, "scale": [0, 10], "polarity": "higher", "class": "detractor"}
    ]
    assert (shown["heard_at"], shown["understood_at"], shown["acted_at"]) == (
        "2026-11-21T08:00:00Z",
        "2026-11-21T08:00:00Z",
        None,
    )
    assert [text["text"] for text in shown["revisions"][0]["texts"]] == ["早先的话"]


def test_contact_data_is_nowhere_in_a_feedback(office: Office) -> None:
    made = office.feedback()

    one = office.call("GET", FEEDBACK, path={"feedback_id": made.id})
    listed = office.call("GET", "/v1/feedback")

    for value in (CONTACT["name"], CONTACT["phone"], "subject", "contact"):
        assert value not in one.body + listed.body


def test_the_list_is_filtered_and_paged(office: Office) -> None:
    for number in range(5):
        office.feedback(id=f"fb_{number}", unit=f"SH/00{number}")
    office.feedback(id="fb_bj", unit="BJ/001")

    first = office.call("GET", "/v1/feedback", query={"unit": "SH", "limit": "3"}).json
    second = office.call("GET", "/v1/feedback", query={"unit": "SH", "limit": "3", "cursor": first["cursor"]}).json

    assert [item["id"] for item in first["items"] + second["items"]] == [f"fb_{number}" for number in range(5)]
    assert second["cursor"] is None
    assert "text" not in first["items"][0]
    topics = office.call("GET", "/v1/feedback", query={"topic": "logistics", "state": "new"}).json
    assert len(topics["items"]) == 6
    assert office.call("GET", "/v1/feedback", query={"state": "closed"}).json["items"] == []


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"limit": "0"}, "invalid_query", "/limit"),
        ({"limit": "101"}, "invalid_query", "/limit"),
        ({"limit": "abc"}, "invalid_query", "/limit"),
        ({"limit": "1e1"}, "invalid_query", "/limit"),
        ({"cursor": ""}, "invalid_cursor", "/cursor"),
        ({"cursor": "AAAA"}, "invalid_cursor", "/cursor"),
        ({"state": "open' OR '1'='1"}, "invalid_query", "/state"),
        ({"since": "yesterday"}, "invalid_query", "/since"),
        ({"since": "2026-02-30"}, "invalid_query", "/since"),
        ({"since": "2026-02-01T00:00:00"}, "invalid_query", "/since"),
        ({"since": "0001-01-01"}, "invalid_query", "/since"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "invalid_query", ""),
        ({"colour": "canary"}, "invalid_query", "/colour"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(office: Office, query: dict[str, str], code: str, pointer: str) -> None:
    answer = office.call("GET", "/v1/feedback", query=query)

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
    assert "canary" not in answer.body
    assert "OR" not in answer.body


def test_another_workspaces_cursor_is_refused(office: Office) -> None:
    for number in range(3):
        office.ticket(THEIRS, id=f"tk_{number}")
    theirs = office.call("GET", "/v1/tickets", key=office.new_key(workspace=THEIRS), query={"limit": "1"})

    answer = office.call("GET", "/v1/tickets", query={"cursor": theirs.json["cursor"]})

    assert (answer.status, answer.code) == (422, "invalid_cursor")


def test_a_page_of_a_shop_is_full_however_many_tickets_others_have(office: Office) -> None:
    for number in range(9):
        office.ticket(id=f"tk_{number}", unit="SH/001" if number > 6 else "BJ/001")
    found = office.call("GET", "/v1/tickets", query={"limit": "2"}, key=office.new_key("store", unit="SH/001")).json
    assert ([one["id"] for one in found["items"]], found["cursor"]) == (["tk_7", "tk_8"], None)


def test_a_region_sees_its_subtree_and_nothing_else(office: Office) -> None:
    inside, outside, without = (
        office.feedback(id="fb_in", unit="SH/001"),
        office.feedback(id="fb_out", unit="BJ/001"),
        office.feedback(id="fb_none", unit=None),
    )
    held = office.new_key("region", unit="SH")

    listed = office.call("GET", "/v1/feedback", key=held).json["items"]
    statuses = [
        office.call("GET", FEEDBACK, key=held, path={"feedback_id": one.id}).status
        for one in (inside, outside, without)
    ]
    unknown = office.call("GET", FEEDBACK, key=held, path={"feedback_id": "fb_unknown"})
    hidden = office.call("GET", FEEDBACK, key=held, path={"feedback_id": outside.id})

    assert [item["id"] for item in listed] == ["fb_in"]
    assert statuses == [200, 404, 404]
    assert unknown.body == hidden.body
    assert office.call("GET", "/v1/feedback", key=held, query={"unit": "BJ"}).status == 404


def test_parked_content_goes_to_the_inbox_again_as_it_came(office: Office) -> None:
    made = office.parked()

    answer = office.call("POST", FEEDBACK + "/reparse", path={"feedback_id": made.id})

    assert (answer.status, answer.json) == (202, {"id": made.id, "status": "queued"})
    message = office.sqs.bodies()[0]
    assert (message["feedback_id"], message["reparse"], message["paused"]) == (made.id, True, False)
    assert message["body"] == "e30="


def test_what_is_not_parked_or_has_expired_is_a_conflict(office: Office) -> None:
    read = office.feedback()
    expired = office.parked(sealed=False)

    for one, code in ((read, "not_parked"), (expired, "body_expired")):
        answer = office.call("POST", FEEDBACK + "/reparse", {}, path={"feedback_id": one.id})
        assert (answer.status, answer.code) == (409, code)
    assert office.sqs.sent == []


# --- tickets ------------------------------------------------------------------------------------------------------


def test_a_ticket_is_shown_with_its_whole_history(office: Office) -> None:
    made = office.ticket()
    for move in (Move(1, "", "open", "echoloop", NOW), Move(2, "open", "accepted", "ky_1", NOW, reason="取件")):
        office.tickets.lines[OURS, made.id, move.version] = move

    shown = office.call("GET", TICKET, path={"ticket_id": made.id}).json

    assert [(step["from"], step["to"], step["reason"]) for step in shown["history"]] == [
        (None, "open", None),
        ("open", "accepted", "取件"),
    ]
    assert shown["reasons"] == [{"rule": "builtin-unhappy", "version": 1, "severity": "medium", "lapsed": False}]


def test_a_ticket_shows_what_it_became_in_other_systems(office: Office) -> None:
    made = office.ticket()
    for item in (
        Item(OURS, made.id, "ep_two", external_id="35436", sent=3, updated_at=NOW),
        Item(OURS, made.id, "ep_one", creating=Mark("a", 1, NOW, NOW), uncertain=True, updated_at=NOW),
        Item(OURS, "tk_other", "ep_one", external_id="1"),
    ):
        office.items.rows[item.workspace, item.ticket, item.endpoint] = item

    shown = office.call("GET", TICKET, path={"ticket_id": made.id}).json["items"]

    assert [(one["endpoint"], one["external_id"], one["sent_version"], one["state"]) for one in shown] == [
        ("ep_one", None, None, "uncertain"),
        ("ep_two", "35436", 3, "made"),
    ]


def test_a_ticket_is_called_and_its_history_is_told_in_the_readers_language(office: Office) -> None:
    titles = {"zh-CN": "NPS 3/10 贬损者：破损", "en": "NPS 3/10 detractor: damage"}
    made = office.ticket(titles=titles)
    path = {"ticket_id": made.id}
    assert office.call("GET", TICKET, path=path, query={"lang": "en"}).json["title"] == titles["en"]
    assert office.call("GET", TICKET, path=path, query={"lang": "zh-CN"}).json["title"] == titles["zh-CN"]
    assert office.call("GET", TICKET, path=path).json["title"] == made.title

    moved = "/v1/tickets/{ticket_id}/transitions"
    for version, body in ((1, {"to": "accepted"}), (2, {"to": "open", "reason": "by a person"})):
        assert office.call("POST", moved, {**body, "version": version}, path=path).status == 200
    taken, given_back = office.call("GET", TICKET, path=path).json["history"][-2:]
    assert (taken["reason"], taken["why"]) == ("taken on", {"zh-CN": "已受理", "en": "taken on"})
    assert (given_back["reason"], given_back["why"]) == ("by a person", None)


def test_every_standing_reason_is_said_in_both_languages() -> None:
    for reason in STANDING.values():
        said = said_by_us(reason)
        assert said is not None
        assert said["en"] == reason
        assert not said["zh-CN"].isascii()


def test_a_ticket_says_what_to_do_in_the_asked_language(office: Office) -> None:
    made = office.ticket(playbook=Chosen("logistics.damage", "ecommerce-0"))
    path = {"ticket_id": made.id}

    shown = office.call("GET", TICKET, path=path).json["playbook"]
    spoken = office.call("GET", TICKET, path=path, query={"lang": "zh-CN"}).json["playbook"]

    assert (shown["id"], shown["version"], shown["kept_version"]) == ("logistics.damage", "ecommerce-1", "ecommerce-0")
    assert set(shown["reply"]) == {"zh-CN", "en"}
    assert spoken["reply"] == shown["reply"]["zh-CN"]
    assert office.call("GET", TICKET, path=path, query={"lang": "fr"}).code == "invalid_query"


@pytest.mark.parametrize("kept", [None, Chosen("logistics.retired", "own-1~1")])
def test_a_playbook_that_is_none_or_gone_is_null(office: Office, kept: Chosen | None) -> None:
    made = office.ticket(playbook=kept)
    assert office.call("GET", TICKET, path={"ticket_id": made.id}).json["playbook"] is None


def test_a_move_counts_the_version_and_names_the_key(office: Office) -> None:
    made = office.ticket()

    answer = office.call("POST", TICKET + "/transitions", {"to": "accepted", "version": 1}, path={"ticket_id": made.id})

    assert (answer.status, answer.json["state"], answer.json["version"]) == (200, "accepted", 2)
    assert office.tickets.lines[OURS, made.id, 2].actor.startswith("ky_")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"to": "closed", "version": 1}, 409, "illegal_move"),
        ({"to": "accepted", "version": 7}, 409, "version_conflict"),
        ({"to": "burnt", "version": 1}, 422, "unknown_state"),
        ({"to": "accepted"}, 422, "schema_violation"),
        ({"to": "accepted", "version": 0}, 422, "schema_violation"),
        ({"to": "accepted", "version": True}, 422, "schema_violation"),
        ({"to": "accepted", "version": 1, "reason": "x" * 2001}, 422, "schema_violation"),
    ],
)
def test_an_illegal_move_changes_nothing(office: Office, body: dict[str, object], status: int, code: str) -> None:
    made = office.ticket()

    answer = office.call("POST", TICKET + "/transitions", body, path={"ticket_id": made.id})

    assert (answer.status, answer.code) == (status, code)
    if code == "illegal_move":
        assert answer.json["allowed"] == ["accepted", "rejected", "merged"]
    assert office.tickets.rows[OURS, made.id] == made


def test_a_store_moves_its_own_tickets_only(office: Office) -> None:
    office.ticket(id="tk_in", unit="SH/001")
    office.ticket(id="tk_out", unit="SH/002")
    held = office.new_key("store", unit="SH/001")
    body = {"to": "accepted", "version": 1}

    inside = office.call("POST", TICKET + "/transitions", body, key=held, path={"ticket_id": "tk_in"})
    outside = office.call("POST", TICKET + "/transitions", body, key=held, path={"ticket_id": "tk_out"})

    assert (inside.status, outside.status) == (200, 404)
    assert [item["id"] for item in office.call("GET", "/v1/tickets", key=held).json["items"]] == ["tk_in"]


def test_the_list_of_tickets_is_filtered(office: Office) -> None:
    office.ticket(id="tk_a", owner="ky_owner")
    office.ticket(id="tk_b", state="resolved")

    def ids(**query: str) -> list[str]:
        return [item["id"] for item in office.call("GET", "/v1/tickets", query=query).json["items"]]

    assert ids(state="resolved") == ["tk_b"]
    assert ids(owner="ky_owner") == ["tk_a"]
    assert ids(department="logistics") == ["tk_a", "tk_b"]
    assert ids(department="finance") == []


def test_contact_is_revealed_to_an_admin_and_the_trace_is_written_first(office: Office) -> None:
    office.feedback()
    made = office.ticket()

    answer = office.call("POST", TICKET + "/contact", {"reason": "回电致歉"}, path={"ticket_id": made.id})

    assert (answer.status, answer.json["customer"]) == (200, CONTACT)
    trace = office.audit.rows[0]
    assert (trace["workspace"], trace["ticket"], trace["feedback"], trace["reason"]) == (
        OURS,
        made.id,
        f"fb_{OURS}",
        "回电致歉",
    )
    assert trace["at"] == NOW
    assert trace["key"].startswith("ky_")


def test_contact_is_revealed_to_the_owner_and_to_no_colleague(office: Office) -> None:
    office.feedback()
    owner, colleague = office.new_key("store", unit="SH/001"), office.new_key("store", unit="SH/001")
    owner_id = next(key.id for key in office.directory.keys.values() if key.role == "store")
    made = office.ticket(owner=owner_id)

    shown = office.call("POST", TICKET + "/contact", {"reason": "回电"}, key=owner, path={"ticket_id": made.id})
    refused = office.call("POST", TICKET + "/contact", {"reason": "回电"}, key=colleague, path={"ticket_id": made.id})
    analyst = office.call(
        "POST", TICKET + "/contact", {"reason": "回电"}, key=office.new_key("analyst"), path={"ticket_id": made.id}
    )

    assert (shown.status, refused.status, analyst.status) == (200, 403, 403)
    assert len(office.audit.rows) == 1


def test_what_is_not_kept_or_was_shredded_cannot_be_revealed(office: Office) -> None:
    office.feedback(contact=None)
    made = office.ticket()
    path, body = {"ticket_id": made.id}, {"reason": "回电"}

    without = office.call("POST", TICKET + "/contact", body, path=path)
    office.feedback()
    office.vault.shredded = frozenset({f"sub_{OURS}"})
    shredded = office.call("POST", TICKET + "/contact", body, path=path)
    blank = office.call("POST", TICKET + "/contact", {"reason": "  "}, path=path)

    assert [(answer.status, answer.code) for answer in (without, shredded)] == [(404, "no_contact")] * 2
    assert (blank.status, blank.json["pointer"]) == (422, "/reason")


# --- deliveries ---------------------------------------------------------------------------------------------------


def test_the_delivery_log_shows_every_attempt(office: Office) -> None:
    made = office.delivery()

    shown = office.call("GET", DELIVERY, path={"delivery_id": made.id}).json

    assert (shown["state"], shown["endpoint"], shown["subject"]) == ("held", f"ep_{OURS}", f"tk_{OURS}")
    assert [(one["status"], one["duration_ms"], one["answer"]) for one in shown["attempts"]] == [
        (500, 12, "〔masked〕")
    ]
    listed = office.call("GET", "/v1/deliveries", query={"ticket": f"tk_{OURS}", "state": "held"}).json
    assert [item["id"] for item in listed["items"]] == [made.id]
    assert office.call("GET", "/v1/deliveries", query={"endpoint": "ep_x"}).json["items"] == []


def test_a_delivery_is_replayed_under_its_own_id(office: Office) -> None:
    made = office.delivery()

    answer = office.call("POST", DELIVERY + "/replay", path={"delivery_id": made.id})

    assert (answer.status, answer.json) == (202, {"id": made.id, "status": "queued"})
    assert office.deliveries.asked == [("replay", OURS, made.id)]


def test_a_time_range_is_replayed_in_parts(office: Office) -> None:
    office.delivery()
    office.parked()
    span = {"since": "2026-11-01", "until": "2026-12-01T00:00:00Z"}

    sent = [office.call("POST", "/v1/replay", {**span, "what": what}).json["sent"] for what in ("deliveries", "parked")]

    assert sent == [1, 1]
    assert office.deliveries.asked == [("replay_range", OURS, "2026-11-01T00:00:00+00:00")]
    assert len(office.sqs.sent) == 1


@pytest.mark.parametrize(
    "changes",
    [{"what": "everything"}, {"since": "2027-01-01"}, {"since": None}, {"until": 5}, {"cursor": ""}, {"extra": 1}],
)
def test_a_senseless_replay_is_refused(office: Office, changes: dict[str, object]) -> None:
    body = {"since": "2026-11-01", "until": "2026-12-01", "what": "events", **changes}

    assert office.call("POST", "/v1/replay", body).status == 422


def test_a_replay_with_a_made_up_cursor_is_refused(office: Office) -> None:
    body = {"since": "2026-11-01", "until": "2026-12-01", "what": "events", "cursor": "nothing.AAAA"}

    answer = office.call("POST", "/v1/replay", body)

    assert (answer.status, answer.code) == (422, "invalid_cursor")


# --- callbacks ----------------------------------------------------------------------------------------------------


def callback(office: Office, endpoint: str, ticket: str, secret: str = SECRET) -> Answer:
    data = {"ticket_id": ticket, "external_id": "OA-1", "status": "accepted", "version": 1}
    raw = json.dumps({"type": "ticket.status_changed", "data": data}).encode()
    at = int(office.now.timestamp())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": sign(secret, "msg_1", at, raw),
    }
    return office.call("POST", CALLBACK, raw, key="", path={"endpoint_id": endpoint}, headers=headers)


def test_a_signed_callback_moves_the_ticket(office: Office) -> None:
    office.endpoint()
    made = office.ticket()

    answer = callback(office, f"ep_{OURS}", made.id)

    assert (answer.status, answer.json["status"], answer.json["ticket"]["state"]) == (200, "applied", "accepted")
    assert office.tickets.rows[OURS, made.id].state == "accepted"


def test_a_forged_callback_and_one_to_an_unknown_endpoint_look_alike(office: Office) -> None:
    office.endpoint()
    made = office.ticket()
    other = "whsec_" + "B" * 43 + "="

    forged, unknown = callback(office, f"ep_{OURS}", made.id, other), callback(office, "ep_unknown", made.id)

    assert (forged.status, forged.code) == (401, "signature_invalid")
    assert forged.body == unknown.body
    assert office.tickets.rows[OURS, made.id] == made


def test_an_endpoint_moves_no_other_workspaces_ticket(office: Office) -> None:
    office.endpoint()
    theirs = office.ticket(THEIRS)

    foreign, unknown = callback(office, f"ep_{OURS}", theirs.id), callback(office, f"ep_{OURS}", "tk_unknown")

    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.body == unknown.body
    assert office.tickets.rows[THEIRS, theirs.id] == theirs
