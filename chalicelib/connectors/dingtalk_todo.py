"""钉钉待办 DingTalk todo: one work todo for each ticket, done when the ticket is.

Our id stands in ``sourceId``, of which DingTalk keeps one todo each and by which it finds it. A work todo is finished
on the page that it opens, which is ours, so the state comes back from there; DingTalk's own event of a changed todo
does not say what changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, cards, dingtalk_open, duty, templates
from chalicelib.connectors.callbacks import CallbackReader, Said
from chalicelib.domain.cases.ticket import STATES
from chalicelib.domain.outbound.exchange import (
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

MAX_SUBJECT: Final = 1_024  # characters
MAX_DESCRIPTION: Final = 4_096  # characters
MAX_LINK: Final = 1_024  # bytes
PRIORITIES: Final[Mapping[str, int]] = {"low": 10, "medium": 20, "high": 30, "critical": 40}
TEMPLATES: Final = ("subject", "description")
DELETED: Final = "todo_task_delete"
WORDS: Final[Mapping[str, str]] = {"done": "resolved"}


class TodoEvents(dingtalk_open.Events):
    """A deleted todo is reported where ``status_map`` says what that means for the ticket."""

    def said(self, event: Mapping[str, Any], settings: Mapping[str, Any]) -> Sequence[Said]:
        status = duty.heard(DELETED, settings, {}) if event.get("EventType") == DELETED else None
        task = event.get("taskId")
        if status is None:
            return ()
        if not is_identifier(task):
            raise Invalid("taskId is not 1 to 256 printable characters.", pointer="/taskId")
        at = duty.moment(event.get("EventTime"), 1000)
        return (Said(status, task, occurred_at=at, delivery=dingtalk_open.event_id(event)),)


class DingTalkTodo:
    """All people are named by their unionId."""

    name = "dingtalk_todo"
    kind = "state"
    has_idempotency = False
    key_life: float | None = None
    searches = True
    search_lag = 5.0
    reads_at_once = 1
    silent: tuple[str, ...] = ()
    chat = False
    signs = False
    credential: str | None = "app_key"
    limits: tuple[Limit, ...] = dingtalk_open.LIMITS
    fields: tuple[Field, ...] = (
        Field("operator", required=True),
        duty.DEFAULT_ASSIGNEES,
        duty.ASSIGNEES,
        Field("robot_code", longest=128),
        Field("participants", "list", longest=duty.MOST),
        Field("templates", "map", longest=len(TEMPLATES)),
        Field("priority_map", "map", longest=len(PRIORITIES)),
        Field("content_fields", "map", longest=20, sure="seen"),
        Field("only_executors", "flag", default=False),
    )
    credential_fields: tuple[Field, ...] = dingtalk_open.CREDENTIALS
    callback: CallbackReader | None = TodoEvents()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        duty.check(settings)
        duty.check_templates(settings, TEMPLATES)
        templates.check_map(settings.get("content_fields") or {}, pointer="/settings/content_fields")
        for severity, number in (settings.get("priority_map") or {}).items():
            if severity not in PRIORITIES or number not in PRIORITIES.values():
                raise Invalid(
                    "A severity has the priority 10, 20, 30 or 40.",
                    code="settings_invalid",
                    pointer=f"/settings/priority_map/{severity}",
                    allowed=tuple(PRIORITIES),
                )

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return dingtalk_open.ask_token(access)

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:
        return dingtalk_open.token_in(response, now)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:
        source = dingtalk_open.part(duty.item_key(duty.ticket_of(message), access.generation))
        return dingtalk_open.request("GET", f"{_tasks(access)}/sources/{source}", access)

    def found(self, response: HttpResponse) -> str | None:
        return _id(response)

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        body = {
            "sourceId": duty.item_key(duty.ticket_of(message), access.generation),
            "creatorId": access.settings["operator"],
            **_shown(message, access),
            **_link(message),
            "priority": _priority(message, access.settings),
            "isOnlyShowExecutor": bool(access.settings.get("only_executors")),
        }
        fields = access.settings.get("content_fields") or {}
        if fields:
            lang = base.lang_of(access.settings)
            body["contentFieldList"] = [
                {"fieldKey": key, "fieldValue": cards.clip(templates.render(str(text), message, lang), 300)}
                for key, text in fields.items()
            ]
        return dingtalk_open.request("POST", f"{_tasks(access)}?{_operator(access)}", access, body)

    def created(self, response: HttpResponse, message: Message) -> str | None:  # noqa: ARG002
        return _id(response)

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        body = {**_shown(message, access), "done": duty.ticket_of(message).state in duty.OVER}
        path = f"{_tasks(access)}/{dingtalk_open.part(external_id)}?{_operator(access)}"
        return dingtalk_open.request("PUT", path, access, body)

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:  # noqa: ARG002
        (item,) = items
        return dingtalk_open.request("GET", f"{_tasks(access)}/{dingtalk_open.part(item.external_id or '')}", access)

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:
        """A todo is done or not; that it is open again is told where ``status_map`` says what it means."""
        (item,), answer = items, base.answer_of(response)
        done = answer.get("done")
        if not isinstance(done, bool):
            raise Invalid("The todo does not say whether it is done.", code=UNREADABLE)
        status = duty.heard("done" if done else "undone", settings, WORDS)
        at = duty.moment(answer.get("modifiedTime"), 1000)
        alike = tuple(state for state in STATES if (state in duty.OVER) == done)
        return (Said(status or "", item.external_id or "", occurred_at=at, alike=alike),)

    def outcome(self, response: HttpResponse) -> Outcome:
        said = dingtalk_open.message_of(base.answer_of(response))
        if "task not exist" in said:
            return Outcome(FAILED, base.ITEM_MISSING)
        if "task exist" in said:  # the create before this one went through after all: look for what it made
            return Outcome(RETRY, UNREADABLE)
        return dingtalk_open.outcome(response, success=("id", "result"))


_: type[base.StateConnector] = DingTalkTodo
_readable: type[base.Readable] = DingTalkTodo


def _tasks(access: base.Access) -> str:
    return f"/v1.0/todo/users/{dingtalk_open.part(access.settings['operator'])}/tasks"


def _operator(access: base.Access) -> str:
    return f"operatorId={dingtalk_open.part(access.settings['operator'])}"


def _shown(message: Message, access: base.Access) -> dict[str, Any]:
    """What a todo shows and an update may change."""
    settings, ticket = access.settings, duty.ticket_of(message)
    shown: dict[str, Any] = {
        "subject": duty.shown("subject", message, settings, MAX_SUBJECT, cards.headline),
        "description": duty.shown("description", message, settings, MAX_DESCRIPTION, cards.plain_text),
        "executorIds": list(duty.assignees(message, settings)),
        "participantIds": list(dict.fromkeys((*(settings.get("participants") or ()), *duty.told(message, settings)))),
    }
    if ticket.due_at:
        shown["dueTime"] = int(ticket.due_at.timestamp() * 1000)
    return shown


def _link(message: Message) -> dict[str, Any]:
    """The page that the todo opens; DingTalk takes no work todo without one."""
    link = message.link
    return {"detailUrl": {"appUrl": link, "pcUrl": link}} if 0 < len(link.encode()) <= MAX_LINK else {}


def _priority(message: Message, settings: Mapping[str, Any]) -> int:
    severity = duty.ticket_of(message).severity
    return int((settings.get("priority_map") or {}).get(severity) or PRIORITIES[severity])


def _id(response: HttpResponse) -> str | None:
    found = base.answer_of(response).get("id")
    return found if is_identifier(found) else None
