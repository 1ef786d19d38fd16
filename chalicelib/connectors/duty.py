"""Who receives a ticket, what its reader may press, and what a press says: shared by the connectors to people's apps.

``assignees`` (department, or person to whom a case goes up the line → ids of the vendor) and ``default_assignees`` are
data of the endpoint: the product knows no person of any vendor's directory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from chalicelib.connectors import templates
from chalicelib.connectors.base import lang_of
from chalicelib.connectors.cards import clip
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

MOST: Final = 100  # ids that receive one ticket
ASSIGNEES: Final = Field("assignees", "map", longest=200)
DEFAULT_ASSIGNEES: Final = Field("default_assignees", "list", required=True, longest=MOST)

OVER: Final = SETTLED

# What may be pressed in which state; a press says the state that it asks for.
_WAITING: Final = ("triage", "open", "reopened")
_AT_WORK: Final = ("accepted", "in_progress", "waiting_customer")
_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "accepted": ("接单", "Accept"),
    "resolved": ("已解决", "Resolved"),
    "open_ticket": ("查看工单", "Open the ticket"),
}
STEPS: Final = ("accepted", "resolved")


def ticket_of(message: Message) -> Ticket:
    """The ticket of a message. Raises Invalid: these systems keep tickets and nothing else."""
    if message.ticket is None:
        raise Invalid("Only a ticket has an item.", code="ticket_missing")
    return message.ticket


def check(settings: Mapping[str, Any]) -> None:
    """Whether every entry of ``assignees`` names at least one id. Raises Invalid (``settings_invalid``)."""
    for department, ids in (settings.get("assignees") or {}).items():
        if not _ids(ids):
            raise Invalid(
                "A department needs an id, or a list of ids.",
                code="settings_invalid",
                pointer=f"/settings/assignees/{department}",
            )


def check_templates(settings: Mapping[str, Any], targets: tuple[str, ...]) -> None:
    """Whether ``templates`` fills nothing but ``targets``, with text. Raises Invalid (``settings_invalid``)."""
    for name, template in (settings.get("templates") or {}).items():
        if name not in targets or not isinstance(template, str):
            raise Invalid(
                f"templates may fill {', '.join(targets)}, each with text.",
                code="settings_invalid",
                pointer=f"/settings/templates/{name}",
                allowed=targets,
            )
        templates.check(template, pointer=f"/settings/templates/{name}")


def shown(name: str, message: Message, settings: Mapping[str, Any], limit: int, own: Callable[..., str]) -> str:
    """One text of an item, at most ``limit`` characters: the endpoint's template, else ``own`` (cards.py) of it."""
    template, lang = (settings.get("templates") or {}).get(name), lang_of(settings)
    return clip(templates.render(template, message, lang), limit) if template else own(message, lang, limit)


def assignees(message: Message, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of all the ticket's departments in order, each once; where none of them is named, the default."""
    named = settings.get("assignees") or {}
    found = [one for department in ticket_of(message).departments for one in _ids(named.get(department))]
    return tuple(dict.fromkeys(found or _ids(settings.get("default_assignees"))))[:MOST]


def told(message: Message, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of those whom a ticket has gone up the line to, where ``assignees`` names them beside the departments."""
    named = settings.get("assignees") or {}
    found = [one for person in ticket_of(message).escalated_to for one in _ids(named.get(person))]
    return tuple(dict.fromkeys(found))[:MOST]


def steps(ticket: Ticket) -> tuple[str, ...]:
    """What may be pressed now: the states that a reader may ask for."""
    if ticket.state in _WAITING:
        return STEPS
    return ("resolved",) if ticket.state in _AT_WORK else ()


def label(word: str, lang: str) -> str:
    """What stands on the button, in the reader's language."""
    zh, en = _LABELS[word]
    return zh if lang == "zh-CN" else en


def heard(word: str, settings: Mapping[str, Any], own: Mapping[str, str]) -> str | None:
    """The status to report for a vendor's word: itself where ``status_map`` has it, else ours; None: no concern."""
    return word if word in (settings.get("status_map") or {}) else own.get(word)


def item_key(ticket: Ticket, generation: int) -> str:
    """Our id of a ticket's item: letters, digits, ``_`` and ``-``. One that is made anew has another."""
    return f"{ticket.id}-{generation}" if generation else ticket.id


def moment(epoch: object, per_second: int) -> datetime | None:
    """A vendor's epoch time, as a number or digits; None for anything else."""
    if isinstance(epoch, bool) or not isinstance(epoch, int | str):
        return None
    try:
        return datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=int(epoch) * 1_000_000 // per_second)
    except (ValueError, OverflowError):
        return None


def _ids(value: object) -> list[str]:
    """One id or several."""
    several = [value] if isinstance(value, str) else value
    return [one for one in several if isinstance(one, str) and one] if isinstance(several, list | tuple) else []
