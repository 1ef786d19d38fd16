"""钉钉审批 DingTalk OA approval: one approval instance for each ticket, whose end moves the ticket.

An instance cannot be changed and cannot be looked up by our id. So a create of unknown end stays uncertain, and a
ticket that is over here takes its running instance back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, cards, dingtalk_open, duty, words
from chalicelib.connectors.callbacks import CallbackReader, Said
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    FAILED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

MAX_VALUE: Final = 2_000  # characters of one form field
MAX_TEXT: Final = 1_000  # characters of a comment or a remark
INSTANCE: Final = "bpms_instance_change"
TASK: Final = "bpms_task_change"

# Only an agreed end says something by itself: that a request was refused or taken back does not make it right.
WORDS: Final[Mapping[str, str]] = {"agree": "resolved"}
_PATH: Final = "/v1.0/workflow/processInstances"
_NO_LONGER: Final = "aflowProcessInstStatusException"
_GONE: Final = "aflowProcessInstNotExist"
_TOO_EARLY: Final = re.compile(
    r"(?<![0-9])15\s*(?:s\b|sec|秒)"
)  # "not within 15 seconds of the start", in English or Chinese


class ApprovalEvents(dingtalk_open.Events):
    """The words: ``start``, ``agree``, ``refuse``, ``terminate``, ``delete``; of one node, the same after ``task_``."""

    def said(self, event: Mapping[str, Any], settings: Mapping[str, Any]) -> Sequence[Said]:
        kind = event.get("EventType")
        if kind not in (INSTANCE, TASK) or event.get("processCode") not in (None, settings.get("process_code")):
            return ()
        word = str(event.get("result") or "") if event.get("type") == "finish" else str(event.get("type") or "")
        status = duty.heard(word if kind == INSTANCE else f"task_{word}", settings, WORDS)
        instance, actor = event.get("processInstanceId"), event.get("staffId")
        if status is None:
            return ()
        if not is_identifier(instance):
            raise Invalid("processInstanceId is not 1 to 256 printable characters.", pointer="/processInstanceId")
        at = next(filter(None, (duty.moment(event.get(name), 1000) for name in ("EventTime", "finishTime"))), None)
        return (
            Said(
                status,
                instance,
                occurred_at=at,
                delivery=dingtalk_open.event_id(event),
                actor=actor if kind == TASK and is_identifier(actor) else None,
                alike=_taken_back(word) if kind == INSTANCE else (),
            ),
        )


class DingTalkApproval:
    """All people are named by their userId. The approvers are the template's own unless the endpoint names some."""

    name = "dingtalk_approval"
    kind = "state"
    has_idempotency = False
    key_life: float | None = None
    searches = False
    search_lag = 0.0
    reads_at_once = 1
    silent: tuple[str, ...] = ()
    chat = False
    signs = False
    credential: str | None = "app_key"
    limits: tuple[Limit, ...] = dingtalk_open.LIMITS
    fields: tuple[Field, ...] = (
        Field("process_code", required=True),
        Field("originator", required=True),
        Field("department_id", "number", sure="recalled"),
        Field("templates", "map", required=True, longest=100),
        duty.ASSIGNEES,
        Field("default_assignees", "list", longest=duty.MOST),
        Field("approval", "choice", choices=("AND", "OR"), default="OR", sure="recalled"),
        Field("comment_updates", "flag", default=False, sure="seen"),
        Field("withdraw", "flag", default=True),
    )
    credential_fields: tuple[Field, ...] = dingtalk_open.CREDENTIALS
    callback: CallbackReader | None = ApprovalEvents()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        duty.check(settings)

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return dingtalk_open.ask_token(access)

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:
        return dingtalk_open.token_in(response, now)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:  # noqa: ARG002
        return None

    def found(self, response: HttpResponse) -> str | None:  # noqa: ARG002
        return None

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        settings = access.settings
        body: dict[str, Any] = {
            "originatorUserId": settings["originator"],
            "processCode": settings["process_code"],
            "formComponentValues": _form(message, settings),
        }
        if settings.get("department_id") is not None:
            body["deptId"] = int(settings["department_id"])
        people = list(duty.assignees(message, settings))
        if people:
            action = settings.get("approval") or "OR"
            body["approvers"] = [{"actionType": action if len(people) > 1 else "NONE", "userIds": people}]
        return dingtalk_open.request("POST", _PATH, access, body)

    def created(self, response: HttpResponse, message: Message) -> str | None:  # noqa: ARG002
        found = base.answer_of(response).get("instanceId")
        return found if is_identifier(found) else None

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        settings = access.settings
        text = cards.clip(cards.headline(message, base.lang_of(settings), MAX_TEXT), MAX_TEXT)
        if duty.ticket_of(message).state in duty.OVER:
            if not settings.get("withdraw", True):
                return None
            body: dict[str, Any] = {"processInstanceId": external_id, "isSystem": True, "remark": text}
            return dingtalk_open.request("POST", f"{_PATH}/terminate", access, body)
        if not settings.get("comment_updates"):
            return None
        comment = {"processInstanceId": external_id, "text": text, "commentUserId": settings["originator"]}
        return dingtalk_open.request("POST", f"{_PATH}/comments", access, comment)

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:  # noqa: ARG002
        (item,) = items
        return dingtalk_open.request(
            "GET", f"{_PATH}?processInstanceId={dingtalk_open.part(item.external_id or '')}", access
        )

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:
        """A running instance says nothing, one that is over what its event would have said."""
        (item,), found = items, base.answer_of(response).get("result")
        status = found.get("status") if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping) or not isinstance(status, str):
            raise Invalid("The instance has no status.", code=UNREADABLE)
        ends = {"COMPLETED": str(found.get("result") or ""), "TERMINATED": "terminate", "CANCELED": "terminate"}
        word = ends.get(status, "")
        return (
            Said(
                duty.heard(word, settings, WORDS) or "",
                item.external_id or "",
                occurred_at=words.moment(found.get("finishTime")),
                alike=_taken_back(word),
            ),
        )

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        code = dingtalk_open.code_of(answer)
        if code == _GONE:
            return Outcome(FAILED, base.ITEM_MISSING)
        if code == _NO_LONGER:  # nothing is left to take back, unless it started just now
            early = _TOO_EARLY.search(dingtalk_open.message_of(answer))
            return Outcome(RETRY, "too_early", 15.0) if early else Outcome(DELIVERED)
        return dingtalk_open.outcome(response, success=("instanceId", "result", "success"))


_: type[base.StateConnector] = DingTalkApproval
_readable: type[base.Readable] = DingTalkApproval


def _taken_back(word: str) -> tuple[str, ...]:
    """Where the ticket is over, it is we who took the approval back."""
    return tuple(sorted(duty.OVER)) if word == "terminate" else ()


def _form(message: Message, settings: Mapping[str, Any]) -> list[dict[str, str]]:
    """The form fields by name. DingTalk takes texts: what is none goes as JSON, a multiple choice above all."""
    filled = words.filled(message, settings, base.lang_of(settings))
    texts = {
        name: value if isinstance(value, str) else base.json_bytes(value).decode() for name, value in filled.items()
    }
    return [{"name": name, "value": cards.clip(text, MAX_VALUE)} for name, text in texts.items()]
