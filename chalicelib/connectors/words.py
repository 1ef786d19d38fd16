"""Two vocabularies: our states and severities, and the words of a system that keeps an item for each ticket.

``state_map`` (state → word) and ``priority_map`` (severity → word) of an endpoint's settings are laid over a
connector's own words. The way back needs no second map: it is ``state_map`` read backwards, unless the endpoint's
``status_map`` (word → state) says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import crypto, templates
from chalicelib.connectors.callbacks import Call, Opened
from chalicelib.domain.cases.ticket import STATES, Ticket
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.text import strict_json
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.domain.time import moments
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Malformed, TooLarge

# Where several states share a word, the first of these is what the word says of a ticket.
_BACKWARDS: Final = ("resolved", "in_progress", "waiting_customer", "accepted", "open", "reopened", "triage",
                     "verifying", "closed", "rejected", "merged")  # fmt: skip
_MARK: Final = re.compile(r"[0-9]{1,15}:(.*)", re.DOTALL)

MAPS: Final = (
    Field("templates", "map", longest=50),
    Field("state_map", "map", longest=len(STATES)),
    Field("priority_map", "map", longest=len(SEVERITIES)),
)


def check(settings: Mapping[str, Any]) -> None:
    """Whether the maps of words and the lists of templates fit. Raises Invalid (``settings_invalid``)."""
    for name, allowed in (("state_map", STATES), ("priority_map", SEVERITIES)):
        for key, word in (settings.get(name) or {}).items():
            if key not in allowed:
                raise _unfit(f"{name} may name {', '.join(allowed)}.", f"/settings/{name}/{key}", allowed)
            if not is_identifier(word):
                raise _unfit("The word is not 1 to 256 printable characters.", f"/settings/{name}/{key}")
    for key, parts in (settings.get("templates") or {}).items():
        for part in parts if isinstance(parts, list) else ():
            templates.check(part, pointer=f"/settings/templates/{key}")


def of_state(ticket: Ticket, settings: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """Their word for the ticket's state; ``own`` has one for every state."""
    return str((settings.get("state_map") or {}).get(ticket.state) or own[ticket.state])


def of_severity(ticket: Ticket, settings: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """Their word for the ticket's severity; ``own`` has one for every severity."""
    return str((settings.get("priority_map") or {}).get(ticket.severity) or own[ticket.severity])


def back(word: str, settings: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """What a word of theirs says of the ticket: itself where ``status_map`` knows it or nobody does, else our state."""
    if word in (settings.get("status_map") or {}):
        return word
    words = {**own, **(settings.get("state_map") or {})}
    return next((state for state in _BACKWARDS if words.get(state) == word), word)


def alike(word: str, settings: Mapping[str, Any], own: Mapping[str, str]) -> tuple[str, ...]:
    """The states whose word it is: of a ticket in one of them it says nothing that the item did not show already."""
    words = {**own, **(settings.get("state_map") or {})}
    return tuple(state for state in STATES if words.get(state) == word)


def filled(message: Message, settings: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """The endpoint's own fields: texts with their placeholders filled in, everything else as it stands."""

    def value(template: Any) -> Any:
        if isinstance(template, list):
            return [value(part) for part in template]
        return templates.render(template, message, lang) if isinstance(template, str) else template

    return {name: value(template) for name, template in (settings.get("templates") or {}).items()}


def mark(ticket: Ticket, word: str) -> str:
    """What we leave in an item with every write: the ticket's version and the status that we wrote.

    A change made by somebody else leaves the mark alone. So a status that is the mark's own is the echo of our write,
    however late it comes, and any other was set by a person.
    """
    return f"{ticket.version}:{word}"


def is_own(marked: object, word: str) -> bool:
    """Whether ``word`` is what the mark says that we wrote ourselves."""
    found = _MARK.fullmatch(marked) if isinstance(marked, str) else None
    return found is not None and found[1] == word


def ticket_of(message: Message) -> Ticket:
    """The ticket that an item is of. Raises Invalid (``ticket_missing``) for an event that is about none."""
    if message.ticket is None:
        raise Invalid("Only a ticket has an item.", code="ticket_missing")
    return message.ticket


def moment(value: object) -> datetime | None:
    """A vendor's time with its zone; None for anything else."""
    try:
        return moments.loose(value)
    except ValueError:
        return None


def decoded(payload: Mapping[str, Any]) -> Any:
    """The JSON value in the ``body`` of an opened request. Raises Invalid with the decoder's code."""
    try:
        return strict_json.decode(str(payload["body"]).encode("utf-8", "surrogatepass"))
    except (Malformed, TooLarge) as error:
        raise Invalid(error.message, code=error.code) from None


def opened(call: Call, delivery: str | None = None) -> Opened:
    """A proven request as it may wait in a queue. Raises Unauthorized for bytes that are no text."""
    try:
        body = call.body.decode("utf-8")
    except UnicodeDecodeError:
        raise crypto.refused() from None
    return Opened({"delivery": delivery, "body": body})


def _unfit(message: str, pointer: str, allowed: tuple[str, ...] = ()) -> Invalid:
    return Invalid(message, code="settings_invalid", pointer=pointer, allowed=allowed)
