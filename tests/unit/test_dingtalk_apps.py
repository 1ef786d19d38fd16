"""DingTalk's todos and approvals, and the events of both."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import crypto, dingtalk_open
from chalicelib.connectors.callbacks import Call, Opened
from chalicelib.connectors.dingtalk_approval import ApprovalEvents, DingTalkApproval
from chalicelib.connectors.dingtalk_todo import MAX_DESCRIPTION, DingTalkTodo, TodoEvents
from chalicelib.domain.outbound.callback import judge, of_said
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, RETRY, HttpResponse, Outcome
from chalicelib.domain.outbound.item import Access, Token
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, feedback, ticket
from tests.builders_items import about, access, call
from tests.contract.profiles import profile
from tests.fakes.targets import dingtalk_approval, dingtalk_todo

TODO, APPROVAL = DingTalkTodo(), DingTalkApproval()
SECRET = access("dingtalk_todo").secret
GIVEN = profile("dingtalk_todo").credentials
NOW = AT


def opened_way(connector: Any, target: Any, **settings: Any) -> Access:
    """The way in with a token that the fake gave out."""
    way_in = access(connector.name, **settings)
    request = connector.authorise(way_in, NOW)
    assert request is not None
    token = connector.token(target.answer(request), NOW)
    assert isinstance(token, Token)
    assert token.expires_at == NOW + timedelta(hours=2)
    return replace(way_in, token=token.value)


def sealed(event: Any, receiver: str = GIVEN["app_key"], at: datetime = NOW, **query: str) -> Call:
    """An event as DingTalk would send it, signed and encrypted."""
    encrypted = crypto.wx_encrypt(GIVEN["event_aes_key"], json.dumps(event).encode(), receiver)
    stamp = str(int(at.timestamp() * 1000))
    signature = crypto.wx_signature(GIVEN["event_token"], stamp, "n", encrypted)
    body = json.dumps({"encrypt": encrypted}).encode()
    return call(body, query={"msg_signature": signature, "timestamp": stamp, "nonce": "n", **query})


# --- todo -------------------------------------------------------------------------------------------------------


def test_a_todo_is_made_for_the_departments_people_and_done_with_the_ticket() -> None:
    target = dingtalk_todo.Target()
    way_in = opened_way(TODO, target, assignees={"logistics": ["union-a", "union-b"]}, participants=["union-c"])
    answer = target.answer(TODO.create(about(), way_in))
    todo_id = TODO.created(answer, about())
    todo = target.items[ticket().id]
    assert todo["id"] == todo_id
    assert todo["fields"]["executorIds"] == ["union-a", "union-b"]
    assert todo["fields"]["participantIds"] == ["union-c"]
    assert todo["fields"]["priority"] == 30
    assert todo["fields"]["detailUrl"]["pcUrl"] == about().link
    for state, word in (("accepted", "open"), ("closed", "done"), ("reopened", "open"), ("merged", "done")):
        request = TODO.update(about(state, 2), str(todo_id), way_in)
        assert request is not None
        assert TODO.outcome(target.answer(request)) == Outcome(DELIVERED)
        assert todo["status"] == word


def test_whom_a_case_goes_up_to_takes_part_in_its_todo_from_then_on() -> None:
    target = dingtalk_todo.Target()
    way_in = opened_way(TODO, target, assignees={"zhang.san": "union-z"}, participants=["union-c"])
    todo_id = TODO.created(target.answer(TODO.create(about(), way_in)), about())
    told = replace(about(version=2), ticket=ticket(escalated_to=("zhang.san",)))
    request = TODO.update(told, str(todo_id), way_in)
    assert request is not None
    assert TODO.outcome(target.answer(request)) == Outcome(DELIVERED)
    assert target.items[ticket().id]["fields"]["participantIds"] == ["union-c", "union-z"]


def test_a_todo_is_found_by_our_id_and_a_second_one_is_refused_until_it_is() -> None:
    target = dingtalk_todo.Target()
    way_in = opened_way(TODO, target)
    look = TODO.find(about(), way_in)
    assert look is not None
    nothing = target.answer(look)
    assert (TODO.outcome(nothing), TODO.found(nothing)) == (Outcome(FAILED, "item_missing"), None)
    made = TODO.created(target.answer(TODO.create(about(), way_in)), about())
    assert TODO.outcome(target.answer(TODO.create(about(), way_in))) == Outcome(RETRY, "answer_unreadable")
    assert TODO.found(target.answer(look)) == made
    assert len(target.items) == 1


def test_a_todo_made_anew_has_another_id_of_ours() -> None:
    one, other = (json.loads(TODO.create(about(), replace(access("dingtalk_todo"), generation=n)).body) for n in (0, 1))
    assert other["sourceId"] == one["sourceId"] + "-1"


def test_a_due_time_is_told_in_milliseconds_and_none_is_left_out() -> None:
    case = replace(ticket(), due_at=datetime(2026, 11, 22, tzinfo=timezone.utc))
    assert (
        json.loads(TODO.create(replace(about(), ticket=case), access("dingtalk_todo")).body)["dueTime"] == 1795305600000
    )
    assert "dueTime" not in json.loads(TODO.create(about(), access("dingtalk_todo")).body)


def test_a_ticket_without_a_page_makes_a_todo_without_a_link_which_dingtalk_refuses() -> None:
    target = dingtalk_todo.Target()
    answer = target.answer(TODO.create(about(base_url=""), opened_way(TODO, target)))
    assert TODO.outcome(answer) == Outcome(FAILED, "code_todo.taskCreate.paramError")


@given(words=st.text(max_size=3_000))
def test_any_words_fit_into_a_todo(words: str) -> None:
    said = about(feedback=feedback(texts=(Text(words * 3),)))
    body = json.loads(TODO.create(said, access("dingtalk_todo")).body)
    assert len(body["description"]) <= MAX_DESCRIPTION


def test_templates_and_card_fields_are_filled_in() -> None:
    way_in = access("dingtalk_todo", templates={"subject": "{title}!"}, content_fields={"unit": "门店 {unit}"})
    body = json.loads(TODO.create(about(), way_in).body)
    assert body["subject"] == f"{ticket().title}!"
    assert body["contentFieldList"] == [{"fieldKey": "unit", "fieldValue": "门店 SH-001"}]


def test_dingtalks_limit_passes() -> None:
    target = dingtalk_todo.Target()
    way_in = opened_way(TODO, target)
    target.throttled = 1
    assert TODO.outcome(target.answer(TODO.create(about(), way_in))) == Outcome(RETRY, "rate_limited")
    assert TODO.outcome(target.answer(TODO.create(about(), way_in))) == Outcome(DELIVERED)


def test_wrong_credentials_give_no_token() -> None:
    way_in = access("dingtalk_todo")
    wrong = replace(way_in, secret=replace(way_in.secret, credentials={"app_key": "x", "app_secret": "y"}))
    request = TODO.authorise(wrong, NOW)
    assert request is not None
    assert TODO.token(dingtalk_todo.Target().answer(request), NOW) == Outcome(FAILED, "code_invalidClientIdOrSecret")


@pytest.mark.parametrize(
    ("settings", "pointer", "words"),
    [
        ({"assignees": {"logistics": []}}, "/settings/assignees/logistics", "needs an id"),
        ({"priority_map": {"high": 15}}, "/settings/priority_map/high", "10, 20, 30 or 40"),
        ({"priority_map": {"grave": 10}}, "/settings/priority_map/grave", "10, 20, 30 or 40"),
        ({"templates": {"body": "x"}}, "/settings/templates/body", "may fill subject, description"),
        ({"templates": {"subject": "{phone}"}}, "/settings/templates/subject", "may name"),
        ({"content_fields": {"k": "{phone}"}}, "/settings/content_fields/k", "may name"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        TODO.validate_settings(settings)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", pointer)


def test_an_error_word_that_may_not_stand_in_a_log_is_not_repeated() -> None:
    response = HttpResponse(400, {}, json.dumps({"code": "客户说 13800000000"}).encode())
    assert TODO.outcome(response) == Outcome(FAILED, "http_400")


# --- approval ---------------------------------------------------------------------------------------------------


def test_an_approval_is_started_commented_and_taken_back() -> None:
    target = dingtalk_approval.Target()
    way_in = opened_way(APPROVAL, target)
    instance = APPROVAL.created(target.answer(APPROVAL.create(about(), way_in)), about())
    item = target.items[ticket().id]
    for state, status in (("accepted", "RUNNING"), ("merged", "TERMINATED")):
        request = APPROVAL.update(about(state, 2), str(instance), way_in)
        assert request is not None
        assert APPROVAL.outcome(target.answer(request)) == Outcome(DELIVERED)
        assert item["status"] == status
    assert len(item["comments"]) == 1


def test_an_approval_that_has_ended_needs_no_taking_back_and_a_young_one_waits() -> None:
    target = dingtalk_approval.Target()
    way_in = opened_way(APPROVAL, target)
    instance = APPROVAL.created(target.answer(APPROVAL.create(about(), way_in)), about())
    request = APPROVAL.update(about("closed", 3), str(instance), way_in)
    assert request is not None
    target.young = True
    assert APPROVAL.outcome(target.answer(request)) == Outcome(RETRY, "too_early", 15.0)
    target.young = False
    target.finish(ticket().id)
    assert APPROVAL.outcome(target.answer(request)) == Outcome(DELIVERED)
    assert target.items[ticket().id]["status"] == "COMPLETED"


def test_an_approval_is_left_alone_where_the_endpoint_says_so() -> None:
    way_in = access("dingtalk_approval", comment_updates=False, withdraw=False)
    assert APPROVAL.update(about("accepted", 2), "i", way_in) is None
    assert APPROVAL.update(about("closed", 3), "i", way_in) is None


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([], None),
        (["a"], [{"actionType": "NONE", "userIds": ["a"]}]),
        (["a", "b"], [{"actionType": "AND", "userIds": ["a", "b"]}]),
    ],
)
def test_the_template_names_the_approvers_unless_the_endpoint_does(people: list[str], expected: Any) -> None:
    way_in = access("dingtalk_approval", assignees={"logistics": people} if people else {}, approval="AND")
    assert json.loads(APPROVAL.create(about(), way_in).body).get("approvers") == expected


def test_a_choice_of_several_goes_as_json() -> None:
    way_in = access("dingtalk_approval", templates={"部门": ["{departments}", "x"]}, department_id=-1)
    body = json.loads(APPROVAL.create(about(), way_in).body)
    assert body["formComponentValues"] == [{"name": "部门", "value": '["物流部","x"]'}]
    assert body["deptId"] == -1


# --- events -----------------------------------------------------------------------------------------------------


def test_the_url_check_and_every_event_are_answered_with_an_encrypted_success() -> None:
    reader = TodoEvents()
    for event, shakes in (({"EventType": "check_url"}, True), ({"EventType": "todo_task_update"}, False)):
        opened = reader.prove(sealed(event), SECRET, NOW)
        assert (reader.handshake(opened, SECRET, NOW) is not None) is shakes
        answer = json.loads(reader.reply(opened, SECRET, NOW).body)
        fits = crypto.wx_signature(GIVEN["event_token"], answer["timeStamp"], answer["nonce"], answer["encrypt"])
        assert answer["msg_signature"] == fits
        assert crypto.wx_decrypt(GIVEN["event_aes_key"], answer["encrypt"]) == (b"success", GIVEN["app_key"])


def test_the_older_name_of_the_receiver_is_the_company() -> None:
    secret = replace(SECRET, credentials={**GIVEN, "corp_id": "ding-corp"})
    assert TodoEvents().prove(sealed({}, receiver="ding-corp"), secret, NOW).payload["receiver"] == "ding-corp"
    for known in (SECRET, replace(SECRET, credentials={**GIVEN, "corp_id": ""})):
        with pytest.raises(Unauthorized, match="No signature fits"):
            TodoEvents().prove(sealed({}, receiver="ding-corp"), known, NOW)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (call(b'{"encrypt":"x"}'), "signature_missing"),
        (call(b"<xml/>"), "signature_missing"),
        (call(b"\xff", query={"signature": "a"}), "signature_invalid"),
        (sealed({}, msg_signature="0" * 40), "signature_invalid"),
        (sealed({}, at=NOW - timedelta(minutes=6)), "timestamp_out_of_window"),
        (sealed([]), "signature_invalid"),
    ],
)
def test_what_proves_nothing_is_refused(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        TodoEvents().prove(sent, SECRET, NOW)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")


def test_an_endpoint_without_an_event_key_takes_no_event() -> None:
    for missing in ("event_token", "event_aes_key", "app_key"):
        secret = replace(SECRET, credentials={**GIVEN, missing: ""})
        with pytest.raises(Unauthorized, match="No signature fits"):
            TodoEvents().prove(sealed({"EventType": "check_url"}), secret, NOW)


def opened(event: dict[str, Any]) -> Opened:
    return Opened({"receiver": "r", "event": event})


FINISHED = {
    "EventType": "bpms_instance_change",
    "EventTime": 1795305600000,
    "eventId": "E1",
    "processInstanceId": "i-1",
    "processCode": "PROC-1",
    "type": "finish",
    "result": "agree",
    "staffId": "user-1",
}


@pytest.mark.parametrize(
    ("changes", "status_map", "status"),
    [
        ({}, {}, "resolved"),
        ({}, {"agree": "in_progress"}, "agree"),
        ({"result": "refuse"}, {}, None),
        ({"result": "refuse"}, {"refuse": "rejected"}, "refuse"),
        ({"type": "start"}, {}, None),
        ({"type": "terminate", "result": None}, {"terminate": "open"}, "terminate"),
        ({"EventType": "bpms_task_change"}, {}, None),
        ({"EventType": "bpms_task_change"}, {"task_agree": "in_progress"}, "task_agree"),
        ({"EventType": "user_add_org"}, {"agree": "resolved"}, None),
        ({"processCode": "PROC-2"}, {}, None),
    ],
)
def test_what_an_approvals_events_say(changes: dict[str, Any], status_map: dict[str, str], status: str | None) -> None:
    settings = {"process_code": "PROC-1", "status_map": status_map}
    said = ApprovalEvents().read(opened({**FINISHED, **changes}), settings, NOW)
    assert [one.status for one in said] == ([status] if status else [])
    for one in said:
        assert (one.external_id, one.delivery, one.ticket_id) == ("i-1", "E1", None)
        assert one.occurred_at == datetime(2026, 11, 22, tzinfo=timezone.utc)


def test_a_deleted_todo_counts_where_the_map_says_so_and_a_changed_one_never() -> None:
    event = {"EventType": "todo_task_delete", "taskId": "t-1", "BizId": "B1", "EventTime": 1795305600000}
    assert TodoEvents().read(opened(event), {}, NOW) == ()
    (said,) = TodoEvents().read(opened(event), {"status_map": {"todo_task_delete": "rejected"}}, NOW)
    assert (said.status, said.external_id, said.delivery) == ("todo_task_delete", "t-1", "B1")
    changed = {**event, "EventType": "todo_task_update"}
    assert TodoEvents().read(opened(changed), {"status_map": {"todo_task_update": "resolved"}}, NOW) == ()


def test_an_event_without_a_usable_id_is_refused() -> None:
    with pytest.raises(Invalid, match="processInstanceId is not") as refusal:
        ApprovalEvents().read(opened({**FINISHED, "processInstanceId": 7}), {"process_code": "PROC-1"}, NOW)
    assert (refusal.value.code, refusal.value.pointer) == ("schema_violation", "/processInstanceId")
    with pytest.raises(Invalid, match="taskId is not") as refusal:
        TodoEvents().read(opened({"EventType": "todo_task_delete"}), {"status_map": {"todo_task_delete": "open"}}, NOW)
    assert refusal.value.pointer == "/taskId"


@given(event=st.dictionaries(st.text(max_size=20) | st.sampled_from(sorted(FINISHED)), st.text() | st.integers()))
def test_any_event_is_said_or_refused(event: dict[str, Any]) -> None:
    told = {"EventType": "bpms_instance_change", "type": "finish", **event}
    for reader in (ApprovalEvents(), TodoEvents()):
        with suppress(Invalid):
            assert all(one.status == "resolved" for one in reader.read(opened(told), {}, NOW))


def test_a_vendors_word_is_cut_to_what_a_log_may_hold() -> None:
    assert dingtalk_open.code_of({"code": "a" * 99}) == "a" * 60
    assert dingtalk_open.code_of({"code": "a b"}) == dingtalk_open.code_of({"code": 7}) == ""


def test_our_own_withdrawal_says_nothing_of_a_ticket_that_is_over() -> None:
    """Taking an approval back is reported as its termination; mapped to a state, it moved the closed ticket again."""
    settings = {"process_code": "PROC-1", "status_map": {"terminate": "reopened"}}
    ended = opened({**FINISHED, "type": "terminate", "result": None})
    (said,) = ApprovalEvents().read(ended, settings, NOW)
    for state, code in (("closed", "echo"), ("rejected", "echo"), ("resolved", "echo")):
        case = ticket(state=state)
        callback = of_said(said, case.id, NOW)
        assert judge(callback, case, None, endpoint="e", status_map={"terminate": "reopened"}, at=NOW).code == code
    case = ticket(state="open")
    callback = of_said(said, case.id, NOW)
    verdict = judge(callback, case, None, endpoint="e", status_map={"terminate": "rejected"}, at=NOW)
    assert verdict.step is not None, "somebody else took it back"


def test_an_event_without_an_id_is_known_again() -> None:
    bare = {name: value for name, value in FINISHED.items() if name not in ("eventId", "EventTime")}
    settings = {"process_code": "PROC-1"}
    (first,), (again,) = (ApprovalEvents().read(opened(dict(bare)), settings, NOW) for _ in range(2))
    (other,) = ApprovalEvents().read(opened({**bare, "finishTime": 1}), settings, NOW)
    assert first.delivery == again.delivery != other.delivery


def test_an_ended_approval_with_a_fifteen_in_its_message_is_not_waited_for() -> None:
    def outcome(message: str) -> Outcome:
        body = json.dumps({"code": "aflowProcessInstStatusException", "message": message}).encode()
        return APPROVAL.outcome(HttpResponse(400, {}, body))

    assert outcome("instance i-15 has ended") == Outcome(DELIVERED)
    assert outcome("审批发起15秒内不能撤销").code == "too_early"
    assert outcome("not within 15 seconds of the start").code == "too_early"


@pytest.mark.parametrize("life", [10**18, -5, 0, 10**11])
def test_a_life_that_no_token_has_counts_as_the_usual_one(life: int) -> None:
    answer = HttpResponse(200, {}, json.dumps({"accessToken": "t", "expireIn": life}).encode())
    assert TODO.token(answer, NOW) == Token("t", NOW + timedelta(seconds=7_200))
