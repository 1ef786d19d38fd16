"""Rows of tickets, their history and the items of OAs, and their mapping to the domain and back.

What conditions, filters, the stream and the index need stands on top; the rest is packed in ``doc``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.domain.cases.playbook import Chosen
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.outbound.callback import ExternalItem
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.voice.feedback import Reason
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.domain.workspaces.organisation import Edge
from chalicelib.storage import keys
from chalicelib.storage.cases import clock_rows
from chalicelib.storage.table import PackedJSONAttribute, Row

MOVE_PREFIX: Final = "MOVE#"
MARK: Final = "|"  # that facets begin with, and those of before do not
INCOMPLETE: Final = "incomplete"
LISTED: Final = ["state", "facets", "owner", "departments", "updated_at"]  # what lists of tickets are narrowed by


class ListingIndex(GlobalSecondaryIndex["TicketRow"]):  # type: ignore[no-untyped-call]
    """A workspace's tickets by when they were opened."""

    class Meta:
        index_name = "listing"
        projection = IncludeProjection(LISTED)

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class TicketRow(Row):
    """The ticket as it is now. ``version`` is the optimistic lock of every write.

    ``facets``: see ``_packed_facets``. Rows of before have its unit alone there, or nothing.
    """

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    version = NumberAttribute()
    state = UnicodeAttribute()
    severity = UnicodeAttribute()
    unit = UnicodeAttribute(null=True)
    touchpoint = UnicodeAttribute(null=True)
    departments: ListAttribute[str] = ListAttribute()
    feedback = UnicodeAttribute()
    verification = UnicodeAttribute()
    incomplete = BooleanAttribute()
    owner = UnicodeAttribute(null=True)
    parent = UnicodeAttribute(null=True)
    parts: ListAttribute[str] = ListAttribute(null=True)
    change = UnicodeAttribute()
    about = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute()
    facets = UnicodeAttribute(null=True)
    list_pk = UnicodeAttribute()
    list_sk = UnicodeAttribute()
    doc = PackedJSONAttribute()

    listing = ListingIndex()


class MoveRow(Row):
    """One line of a ticket's history, written once; the first one lies in the ticket's own row."""

    doc = PackedJSONAttribute()


class CustomerCaseRow(Row):
    """That a ticket is one of a customer's, written once with the ticket. All that it says stands in its key."""


class ExternalItemRow(Row):
    """``stamp`` is what the next write expects to find unchanged."""

    ticket = UnicodeAttribute()
    stamp = UnicodeAttribute()
    doc = PackedJSONAttribute()


def ticket_row(ticket: Ticket) -> TicketRow:
    pk, sk = keys.ticket(ticket.workspace, ticket.id)
    return TicketRow(
        pk,
        sk,
        workspace=ticket.workspace,
        id=ticket.id,
        version=ticket.version,
        state=ticket.state,
        severity=ticket.severity,
        unit=ticket.unit,
        touchpoint=ticket.touchpoint,
        departments=list(ticket.departments),
        feedback=ticket.feedback,
        verification=ticket.verification,
        incomplete=ticket.incomplete,
        owner=ticket.owner,
        parent=ticket.parent,
        parts=list(ticket.parts) or None,
        change=ticket.change,
        about=ticket.about or None,
        updated_at=keys.instant(ticket.updated_at),
        facets=_packed_facets(ticket),
        list_pk=keys.ticket_listing(ticket.workspace),
        list_sk=f"{keys.instant(ticket.opened_at)}#{ticket.id}",
        doc={
            "title": ticket.title,
            **({"titles": dict(ticket.titles)} if ticket.titles else {}),
            "opened_at": ticket.opened_at.isoformat(),
            "updated_at": ticket.updated_at.isoformat(),
            "topics": ticket.topics,
            **({} if ticket.complained else {"complained": False}),
            "reasons": [[reason.rule, reason.version, reason.severity, reason.lapsed] for reason in ticket.reasons],
            "revision": ticket.revision,
            "reading": ticket.reading,
            "former_state": ticket.former_state,
            "root_cause": ticket.root_cause,
            "action": ticket.action,
            "due_at": ticket.due_at.isoformat() if ticket.due_at else None,
            "clocks": clock_rows.packed(ticket.clocks),
            "escalated_to": ticket.escalated_to,
            "playbook": ticket.playbook,
            **({"set_aside": ticket.set_aside} if ticket.set_aside else {}),
            "path": [[edge.start, edge.end, edge.reason, dict(edge.given)] for edge in ticket.path],
            "cause": ticket.cause,
            "reopened": ticket.reopened,
            "bounced": ticket.bounced,
            "assigned": ticket.assigned,
            "part": ticket.part,
            **({"unopened": ticket.unopened} if ticket.unopened else {}),
            **({"red_lines": ticket.red_lines} if ticket.red_lines is not None else {}),
            "bounce_told": ticket.bounce_told,
            "customer": ticket.customer,
            "closed_at": ticket.closed_at.isoformat() if ticket.closed_at else None,
            "level": ticket.level,
            "issue": ticket.issue,
            "asked_at": ticket.asked_at.isoformat() if ticket.asked_at else None,
            "answer_by": ticket.answer_by.isoformat() if ticket.answer_by else None,
            "answered_at": ticket.answered_at.isoformat() if ticket.answered_at else None,
            "first": _packed_first(ticket),
        },
    )


def _packed_facets(ticket: Ticket) -> str:
    """What lists are narrowed by, under the name by which the listing index carries that of feedback."""
    lacking = f"{INCOMPLETE}|" if ticket.incomplete else ""
    return f"{MARK}{ticket.severity}|{lacking}{ticket.unit or NO_UNIT}{UNIT_SEPARATOR}"


def customer_case_row(ticket: Ticket) -> CustomerCaseRow:
    """Raises ValueError for a ticket of nobody that is known."""
    if ticket.customer is None:
        raise ValueError("The ticket names no customer.")
    return CustomerCaseRow(*keys.customer_case(ticket.workspace, ticket.customer, ticket.opened_at, ticket.id))


def ticket_of(row: TicketRow) -> Ticket:
    doc = row.doc
    return Ticket(
        workspace=row.workspace,
        id=row.id,
        feedback=row.feedback,
        version=int(row.version),
        state=row.state,
        severity=row.severity,
        title=doc["title"],
        opened_at=datetime.fromisoformat(doc["opened_at"]),
        updated_at=datetime.fromisoformat(doc["updated_at"]),
        unit=row.unit,
        touchpoint=row.touchpoint,
        departments=tuple(row.departments),
        topics=tuple(doc["topics"]),
        complained=doc.get("complained", True),
        reasons=tuple(Reason(*reason) for reason in doc["reasons"]),
        revision=doc["revision"],
        reading=doc["reading"],
        owner=row.owner,
        former_state=doc["former_state"],
        root_cause=doc["root_cause"],
        action=doc["action"],
        incomplete=bool(row.incomplete),
        verification=row.verification,
        due_at=_moment(doc["due_at"]),
        clocks=clock_rows.unpacked(doc.get("clocks")),
        escalated_to=tuple(doc.get("escalated_to") or ()),
        about=row.about or "",
        reopened=doc.get("reopened", 0),  # rows of before it was counted
        bounced=doc.get("bounced", 0),
        assigned=doc.get("assigned", False),
        parent=row.parent,
        part=doc.get("part"),
        parts=tuple(row.parts or ()),
        unopened=tuple(doc.get("unopened") or ()),
        red_lines=tuple(doc["red_lines"]) if "red_lines" in doc else None,
        bounce_told=doc.get("bounce_told", 0),
        customer=doc.get("customer"),
        closed_at=_closed_at(row.state, doc),
        level=doc.get("level", "L1"),
        issue=doc.get("issue"),
        asked_at=_moment(doc.get("asked_at")),
        answer_by=_moment(doc.get("answer_by")),
        answered_at=_moment(doc.get("answered_at")),
        change=row.change,
        playbook=Chosen(*doc["playbook"]) if doc.get("playbook") else None,  # rows of before have none
        set_aside=tuple(Chosen(*one) if one else None for one in doc.get("set_aside", ())),
        path=tuple(Edge(*edge) for edge in doc.get("path", ())),
        cause=doc.get("cause"),
        first=_first(doc),
        titles=dict(doc.get("titles") or {}),  # rows of before have one title
    )


def _closed_at(state: str, doc: dict[str, Any]) -> datetime | None:
    """A ticket that was closed before the time was kept was so with its newest version, or little earlier: that is the
    time from then on, whatever is changed afterwards.
    """
    return _moment(doc.get("closed_at") or (doc["updated_at"] if state == "closed" else None))


def _packed_first(ticket: Ticket) -> list[Any] | None:
    """The line that a ticket was opened with, at the moment that it was opened at; lines after it have their rows."""
    line = ticket.first
    return None if line is None else [line.after, line.actor, line.reason, line.owner, line.departments]


def _first(doc: dict[str, Any]) -> Move | None:
    """None for rows of before: the line has a row of its own."""
    if not doc.get("first"):
        return None
    after, actor, reason, owner, departments = doc["first"]
    named = None if departments is None else tuple(departments)
    opened_at = datetime.fromisoformat(doc["opened_at"])
    return Move(1, "", after, actor, opened_at, reason=reason, owner=owner, departments=named)


def move_row(workspace: str, ticket_id: str, move: Move) -> MoveRow:
    pk, sk = keys.ticket_move(workspace, ticket_id, move.version)
    doc: dict[str, Any] = {
        "version": move.version,
        "before": move.before,
        "after": move.after,
        "actor": move.actor,
        "at": move.at.isoformat(),
        "reason": move.reason,
        "implied": move.implied,
        "root_cause": move.root_cause,
        "action": move.action,
        "cause": move.cause,
        "owner": move.owner,
        "departments": move.departments,
    }
    return MoveRow(pk, sk, doc=doc)


def move_of(row: MoveRow) -> Move:
    doc = row.doc
    return Move(
        version=doc["version"],
        before=doc["before"],
        after=doc["after"],
        actor=doc["actor"],
        at=datetime.fromisoformat(doc["at"]),
        reason=doc["reason"],
        implied=doc["implied"],
        root_cause=doc["root_cause"],
        action=doc["action"],
        cause=doc.get("cause"),
        owner=doc.get("owner"),  # lines of before have neither
        departments=None if doc.get("departments") is None else tuple(doc["departments"]),
    )


def external_item_row(item: ExternalItem) -> ExternalItemRow:
    pk, sk = keys.external_item(item.workspace, item.endpoint, item.external_id)
    doc = {
        "workspace": item.workspace,
        "endpoint": item.endpoint,
        "external_id": item.external_id,
        "version": item.version,
        "occurred_at": item.occurred_at.isoformat(),
        "status": item.status,
        "ticket_version": item.ticket_version,
    }
    return ExternalItemRow(pk, sk, ticket=item.ticket, stamp=external_stamp(item), doc=doc)


def external_item_of(row: ExternalItemRow) -> ExternalItem:
    doc = row.doc
    return ExternalItem(
        workspace=doc["workspace"],
        endpoint=doc["endpoint"],
        external_id=doc["external_id"],
        ticket=row.ticket,
        occurred_at=datetime.fromisoformat(doc["occurred_at"]),
        version=doc["version"],
        status=doc.get("status", ""),  # rows of before have neither
        ticket_version=doc.get("ticket_version", 0),
    )


def external_stamp(item: ExternalItem) -> str:
    """Equal for equal knowledge of the item."""
    return f"{'' if item.version is None else item.version}#{item.occurred_at.isoformat()}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
