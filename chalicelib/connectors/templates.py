"""Field templates: what stands in a field of somebody else's system, as data of the endpoint.

A template is text with placeholders in braces, such as ``[{severity}] {title}``. Every value is one harmless line, see
``cards.harmless``; what a ticket does not have is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from chalicelib.connectors import cards
from chalicelib.domain.outbound.exchange import Message
from chalicelib.errors import Invalid

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")

_VALUES: Final[Mapping[str, Callable[[Message, str], str]]] = {
    "title": cards.ticket_title,
    "severity": cards.severity_word,
    "state": cards.state_word,
    "unit": lambda message, _: cards.unit_id(message) if message.ticket else "",
    "touchpoint": lambda message, lang: cards.touchpoint_word(message, lang) if message.ticket else "",
    "departments": cards.department_words,
    "due": cards.due_words,
    "what": cards.what_words,  # this and the next two are there for events without a ticket, too
    "where": cards.where_word,
    "when": cards.when_words,
    "score": lambda message, _: cards.score_words(message),
    "words": lambda message, _: cards.customer_words(message),
    "ticket_id": lambda message, _: message.ticket.id if message.ticket else "",
    "link": lambda message, _: message.link,
    "code": lambda message, _: message.code,  # of a message to one person alone
}
PLACEHOLDERS: Final = tuple(_VALUES)


def check(template: str, *, pointer: str) -> None:
    """Raises Invalid (``settings_invalid``) for a placeholder that there is not; ``pointer`` says where it stands."""
    for name in _PLACEHOLDER.findall(template):
        if name not in _VALUES:
            raise _unknown(pointer)


def check_map(templates: Mapping[str, object], *, pointer: str = "/settings/templates") -> None:
    """``check`` for each template of a map of field names; what is no text has no placeholders."""
    for name, template in templates.items():
        if isinstance(template, str):
            check(template, pointer=f"{pointer}/{name}")


def render(template: str, message: Message, lang: str) -> str:
    """The template filled in for this message. Raises Invalid as ``check``; one without placeholders is a constant."""

    def value(found: re.Match[str]) -> str:
        make = _VALUES.get(found[1])
        if make is None:
            raise _unknown("/settings/templates")
        return make(message, lang)

    return _PLACEHOLDER.sub(value, template)


def _unknown(pointer: str) -> Invalid:
    return Invalid(
        f"A template may name {', '.join(_VALUES)}.",
        code="settings_invalid",
        pointer=pointer,
        allowed=PLACEHOLDERS,
    )
