"""What an OA or CRM says back about its item, and what that does to our ticket. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.cases.ticket import MOVES, Resolution, Step, Ticket, completed, legal_moves, path, walk
from chalicelib.domain.cases.verification import ANSWERS
from chalicelib.domain.outbound.calls import Said
from chalicelib.domain.text.hygiene import MAX_IDENTIFIER, clean, is_identifier, visible
from chalicelib.domain.text.redaction import redact
from chalicelib.domain.time import moments
from chalicelib.errors import Conflict, Invalid

TYPE: Final = "ticket.status_changed"
ANSWER_TYPE: Final = "verification.answered"
MAX_WORDS: Final = 4_000  # characters of a note, a root cause or an action
MAX_AHEAD: Final = timedelta(minutes=5)  # a clock further ahead would shut out every later callback

# Past "resolved" the case is ours to verify: an OA that repeats "resolved" says nothing new.
_RESOLVED: Final = ("resolved", "verifying", "closed")


@dataclass(frozen=True, slots=True)
class Callback:
    """One status change of one item. ``version`` is the sender's own counter, not our ticket's."""

    ticket: str
    external_id: str
    status: str
    version: int | None = None
    occurred_at: datetime | None = None  # orders the changes of a sender that does not count
    given: Resolution = field(default_factory=Resolution)
    alike: tuple[str, ...] = ()  # states that the sender's word stands for as well
    note: str | None = field(default=None, repr=False)
    actor: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ExternalItem:
    """The newest that one endpoint said about one of its items, and the ticket that the item stands for."""

    workspace: str
    endpoint: str
    external_id: str
    ticket: str
    occurred_at: datetime
    version: int | None = None
    status: str = ""  # the word, as its reader told it; empty on rows of before it was kept
    ticket_version: int = 0  # of our ticket once this was heard: whether a write of ours came after it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a callback.

    ``code``: ok (applied) | echo (it names the state that the ticket is in) | duplicate | stale.
    ``item`` is to be remembered, ``step`` to be written with it; both None when nothing is new.
    """

    code: str
    item: ExternalItem | None = None
    step: Step | None = None


def read(body: Any, now: datetime | None) -> Callback:
    """The callback in a decoded JSON body. Raises Invalid with the pointer of the field that breaks its rule.

    Without ``now`` a time ahead of our clock is taken: ``of_said`` knows what to do with one.
    """
    if not isinstance(body, dict) or body.get("type") != TYPE:
        raise Invalid(f"The type is not {TYPE}.", pointer="/type")
    data = body.get("data")
    if not isinstance(data, dict):
        raise Invalid("The data is not an object.", pointer="/data")
    version = _version(data.get("version"))
    return Callback(
        ticket=_identifier(data, "ticket_id"),
        external_id=_identifier(data, "external_id"),
        status=_identifier(data, "status"),
        version=version,
        occurred_at=_occurred_at(data.get("occurred_at"), now, needed=version is None),
        given=Resolution(_words(data, "root_cause"), _words(data, "action")),
        note=_words(data, "note"),
        actor=_words(data, "actor", longest=100),
    )


def read_answer(body: Any) -> Said | None:
    """What the customer answered; None for a body of another type. ``note`` holds their words. Raises Invalid."""
    if not isinstance(body, dict) or body.get("type") != ANSWER_TYPE:
        return None
    data = body.get("data")
    if not isinstance(data, dict):
        raise Invalid("The data is not an object.", pointer="/data")
    answer = data.get("answer")
    if answer not in ANSWERS:
        raise Invalid("An answer is solved or not_solved.", code="unknown_answer", pointer="/data/answer")
    ticket = _identifier(data, "ticket_id")
    return Said(status="", external_id="", ticket_id=ticket, answer=answer, note=_words(data, "note"))


def as_said(callback: Callback) -> Said:
    """What our own form says, in the words that all readers share."""
    return Said(
        status=callback.status,
        external_id=callback.external_id,
        ticket_id=callback.ticket,
        version=callback.version,
        occurred_at=callback.occurred_at,
        note=callback.note,
        root_cause=callback.given.root_cause,
        action=callback.given.action,
        actor=callback.actor,
    )


def of_said(said: Said, ticket_id: str, heard_at: datetime, place: int = 0) -> Callback:
    """What a reader read, made fit: a vendor that we cannot correct is cut and cleaned, never refused for its words.

    Where the vendor neither counts nor tells the time, the order of arrival is what there is; its clock may run ahead
    by no more than ``MAX_AHEAD``. ``place`` keeps several events of one body and one moment apart.
    """
    moment = said.occurred_at
    if moment is None or moment > heard_at + MAX_AHEAD:
        moment = None if said.version is not None else heard_at
    return Callback(
        ticket=ticket_id,
        external_id=said.external_id,
        status=visible(said.status)[:MAX_IDENTIFIER],
        version=said.version,
        occurred_at=moment and moment + timedelta(microseconds=place),
        given=Resolution(_fit(said.root_cause), _fit(said.action)),
        alike=said.alike,
        note=_fit(said.note),
        actor=_fit(said.actor, 100),
    )


def judge(
    callback: Callback,
    ticket: Ticket,
    known: ExternalItem | None,
    *,
    endpoint: str,
    status_map: Mapping[str, str],
    at: datetime,
    system: str = "another system",
) -> Verdict:
    """What ``callback`` does to ``ticket``, given the newest that was heard of its item. ``system``: what people call
    the endpoint; it stands for the reason of a rejection that came without one.

    Raises Conflict ``external_id_mismatch`` (the item stands for another ticket) or ``illegal_move`` (no legal way
    leads there), Invalid ``unknown_state`` for a status that is neither a state nor mapped to one.
    """
    if known is not None:
        if known.ticket != ticket.id:
            raise Conflict("This external id stands for another ticket.", code="external_id_mismatch")
        age = _age(callback, known)
        if age is not None:
            return Verdict(age)
    target = _target(callback.status, status_map)
    if target == "rejected" and callback.note is None:
        callback = replace(callback, note=f"rejected in {system}")
    step = _step(callback, ticket, target, _actor(endpoint, callback.actor), at)
    item = ExternalItem(
        workspace=ticket.workspace,
        endpoint=endpoint,
        external_id=callback.external_id,
        ticket=ticket.id,
        occurred_at=callback.occurred_at or at,
        version=callback.version,
        status=callback.status,
        ticket_version=(step.ticket if step else ticket).version,
    )
    return Verdict("ok" if step else "echo", item, step)


def agrees(status: str, alike: tuple[str, ...], ticket: Ticket, status_map: Mapping[str, str]) -> bool:
    """Whether a sender's word says of the ticket what it is already. A word that stands for no state says something."""
    state = status_map.get(status, status)
    return state in MOVES and _is_there(_target(status, status_map), alike, ticket)


def _step(callback: Callback, ticket: Ticket, target: str, actor: str, at: datetime) -> Step | None:
    if _is_there(target, callback.alike, ticket):
        return completed(ticket, callback.given, actor=actor, at=at, reason=callback.note)
    way = (target,) if target in legal_moves(ticket) else path(ticket.state, target)
    if not way:
        raise Conflict(
            f"A ticket that is {ticket.state} cannot become {target}.", code="illegal_move", allowed=legal_moves(ticket)
        )
    return walk(ticket, way, actor=actor, at=at, given=callback.given, reason=callback.note)


def _is_there(target: str, alike: tuple[str, ...], ticket: Ticket) -> bool:
    same = ticket.state == target or ticket.state in alike
    return same or (target == "resolved" and ticket.state in _RESOLVED)


def _target(status: str, status_map: Mapping[str, str]) -> str:
    """Our state for an OA's word. Its *closed* means resolved: closing is for the customer or the numbers to say."""
    state = status_map.get(status, status)
    if state not in MOVES:
        raise Invalid("The status is not mapped to a ticket state.", code="unknown_state", pointer="/data/status")
    return "resolved" if state == "closed" else state


def _age(callback: Callback, known: ExternalItem) -> str | None:
    """``duplicate`` or ``stale``; None when the callback is newer. Counters decide where both sides have one."""
    if callback.version is not None and known.version is not None:
        return _order(callback.version - known.version)
    if callback.occurred_at is not None:
        return _order((callback.occurred_at - known.occurred_at).total_seconds())
    return None


def _order(distance: float) -> str | None:
    if distance > 0:
        return None
    return "stale" if distance else "duplicate"


def _actor(endpoint: str, name: str | None) -> str:
    """Who moved it: the endpoint vouches for the name, we do not."""
    return f"{endpoint}/{name}" if name else endpoint


def _identifier(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not is_identifier(value):
        raise Invalid(f"{name} is not 1 to 256 printable characters.", pointer=f"/data/{name}")
    return value


def _words(data: Mapping[str, Any], name: str, longest: int = MAX_WORDS) -> str | None:
    """Words of colleagues, who quote customers: made fit and redacted; blank is as good as absent."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise Invalid(f"{name} is not text of at most {longest} characters.", pointer=f"/data/{name}")
    return redact(clean(value)).strip() or None


def _fit(words: str | None, longest: int = MAX_WORDS) -> str | None:
    return redact(clean(words or "")).strip()[:longest].strip() or None


def _version(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Invalid("version is not a whole number from 0.", pointer="/data/version")
    return value


def _occurred_at(value: Any, now: datetime | None, *, needed: bool) -> datetime | None:
    """``needed``: the sender does not count its changes, so the time orders them and must be a sane one."""
    if value is None and not needed:
        return None
    try:
        moment = moments.rfc3339(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid("occurred_at is not an RFC 3339 time.", pointer="/data/occurred_at") from None
    if needed and now is not None and moment > now + MAX_AHEAD:
        raise Invalid("occurred_at lies in the future.", pointer="/data/occurred_at")
    return moment
