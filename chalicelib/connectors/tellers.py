"""The ways to one person alone, for what no room may read: a direct message of a company's app, or an SMS.

A direct message has no item and no buttons. Who is meant is named by the person's channel in the organisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, cards, dingtalk_open, feishu_app, registry, wecom_app
from chalicelib.connectors.card_words import say
from chalicelib.connectors.dingtalk_todo import DingTalkTodo
from chalicelib.connectors.feishu_app import FeishuApp
from chalicelib.connectors.wecom_app import WeComApp
from chalicelib.domain.outbound.delivery import is_for_codes
from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.outbound.item import Access, Token
from chalicelib.domain.outbound.ratelimit import Limit

MAX_TITLE: Final = 60  # characters of the ticket's title
ROBOT: Final = "robot_code"  # of a DingTalk app: without it the app has nobody to speak through
RESOLVED: Final = "ticket.resolved"  # type of the message that says what a resolution lacks
UPDATED: Final = "ticket.updated"  # likewise, where it brings no code, for which part no ticket could be opened
_FEISHU_KINDS: Final = {"ou_": "open_id", "on_": "union_id"}


def load(name: str, settings: Mapping[str, Any]) -> FeishuTeller | WeComTeller | DingTalkTeller | SmsTeller | None:
    """How an endpoint of that connector with these settings reaches one person; None where it does not."""
    if name == FeishuApp.name:
        return FeishuTeller() if settings.get("codes", True) else None
    if name == WeComApp.name:
        return WeComTeller() if settings.get("codes", True) else None
    if name == DingTalkTodo.name:
        return DingTalkTeller() if settings.get(ROBOT) else None
    return SmsTeller(name) if is_for_codes(settings) and registry.load_gateway(name) else None


def words(message: Message, settings: Mapping[str, Any]) -> str:
    """The message itself, in the endpoint's language: the code, what a resolution lacks, which part has no ticket, or
    that the ticket was escalated to who reads this.
    """
    lang = base.lang_of(settings)
    title = cards.clip(cards.ticket_title(message, lang), MAX_TITLE)
    if message.code:
        return say("code_sent", lang).format(title=title, code=message.code)
    if message.type == RESOLVED:
        lacking = cards.lacking_words(message, lang)
        return say("told_lacking", lang).format(title=title, lacking=lacking, link=message.link).rstrip()
    if message.type == UPDATED:
        departments = cards.unopened_words(message, lang)
        return say("told_unopened", lang).format(title=title, departments=departments, link=message.link).rstrip()
    return say("told_above", lang).format(title=title, link=message.link).rstrip()


class FeishuTeller(FeishuApp):
    """``uuid`` is the code's own, so that a second attempt within the hour is no second message."""

    channel = "feishu"

    def told(self, message: Message, address: str, access: Access) -> Access:  # noqa: ARG002
        return access

    def tell(self, message: Message, address: str, access: Access) -> HttpRequest:
        kind = "email" if "@" in address else _FEISHU_KINDS.get(address[:3], "user_id")
        body = {
            "receive_id": address,
            "msg_type": "text",
            "content": base.json_bytes({"text": words(message, access.settings)}).decode(),
            "uuid": feishu_app.message_key(access.secret, message.delivery_id),
        }
        return feishu_app.call("POST", f"?receive_id_type={kind}", access, body)


class WeComTeller(WeComApp):
    """A text to one member."""

    channel = "wecom"

    def told(self, message: Message, address: str, access: Access) -> Access:  # noqa: ARG002
        return access

    def tell(self, message: Message, address: str, access: Access) -> HttpRequest:
        body = {
            "touser": address,
            "agentid": int(access.settings["agent_id"]),
            "msgtype": "text",
            "text": {"content": words(message, access.settings)},
            "safe": 0,
        }
        return wecom_app.call("send", access, body)


class DingTalkTeller(DingTalkTodo):
    """The app's robot writes to one employee, who is named by their userId."""

    channel = "dingtalk"

    def told(self, message: Message, address: str, access: Access) -> Access:  # noqa: ARG002
        return access

    def tell(self, message: Message, address: str, access: Access) -> HttpRequest:
        body = {
            "robotCode": access.settings[ROBOT],
            "userIds": [address],
            "msgKey": "sampleText",
            "msgParam": base.json_bytes({"content": words(message, access.settings)}).decode(),
        }
        return dingtalk_open.request("POST", "/v1.0/robot/oToMessages/batchSend", access, body)

    def outcome(self, response: HttpResponse) -> Outcome:
        return dingtalk_open.outcome(response, success=("processQueryKey",))


@dataclass(frozen=True, slots=True)
class SmsTeller:
    """The endpoint's registered template, to the person's phone in the place of the endpoint's own."""

    name: str
    channel: str = "phone"

    @property
    def limits(self) -> tuple[Limit, ...]:
        return _connector(self.name).limits

    def authorise(self, access: Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return None

    def token(self, response: HttpResponse, now: datetime) -> Token | Outcome:  # noqa: ARG002
        return self.outcome(response)

    def told(self, message: Message, address: str, access: Access) -> Access:  # noqa: ARG002
        secret = access.secret
        return replace(access, secret=replace(secret, credentials={**secret.credentials, "phones": address}))

    def tell(self, message: Message, address: str, access: Access) -> HttpRequest:  # noqa: ARG002
        return _connector(self.name).render(message, access.secret, access.settings)

    def outcome(self, response: HttpResponse) -> Outcome:
        return _connector(self.name).outcome(response)


def _connector(name: str) -> base.Connector:
    return registry.load(name)
