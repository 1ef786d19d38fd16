"""What the OpenAPI document tells of tickets, promises and causes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Deleted, Page
from chalicelib.lambdas.api.cases import answers, graph_answers, graph_schemas, schemas
from chalicelib.lambdas.api.operation import FULL, Operation
from chalicelib.lambdas.api.schemas import GuideQuery, ListQuery

OPERATIONS: Final[Mapping[str, Operation]] = {
    "list_tickets": Operation(Page[answers.Ticket], query=schemas.TicketQuery),
    "get_ticket": Operation(answers.WholeTicket, query=GuideQuery),
    "move_ticket": Operation(
        answers.Ticket,
        body=schemas.Transition,
        errors={
            409: ("illegal_move", "version_conflict", "children_open"),
            422: ("unknown_state", "resolution_incomplete", "unknown_cause", "no_reason"),
        },
    ),
    "claim_ticket": Operation(
        answers.Ticket,
        body=schemas.Claim,
        errors={409: ("already_claimed", "illegal_move", "version_conflict"), 422: ("no_owner", "unknown_person")},
    ),
    "reassign_ticket": Operation(
        answers.Ticket,
        body=schemas.Reassignment,
        errors={
            409: ("illegal_move", "version_conflict"),
            422: ("nothing_changes", "no_reason", "unknown_department", "unknown_person"),
        },
    ),
    "complete_ticket": Operation(
        answers.Ticket,
        body=schemas.LateResolution,
        errors={409: ("version_conflict",), 422: ("unknown_cause",)},
    ),
    "add_note": Operation(answers.CaseNote, 201, schemas.NoteNew, errors={422: ("note_empty",)}),
    "list_notes": Operation(Page[answers.CaseNote], query=ListQuery),
    "link_ticket": Operation(
        answers.TicketLink, body=schemas.LinkNew, errors={409: ("already_linked", *FULL), 422: ("links_itself",)}
    ),
    "unlink_ticket": Operation(Deleted, errors={409: ("stale",)}),
    "mark_duplicate": Operation(
        answers.Ticket,
        body=schemas.DuplicateNew,
        errors={
            409: ("already_linked", "children_open", "illegal_move", "of_a_duplicate", "version_conflict", *FULL),
            422: ("links_itself", "no_reason"),
        },
    ),
    "undo_duplicate": Operation(
        answers.Ticket,
        body=schemas.DuplicateUndo,
        errors={409: ("not_merged", "stale", "version_conflict"), 422: ("no_reason",)},
    ),
    "list_audit": Operation(answers.Audit, query=schemas.AuditQuery),
    "audit_ticket": Operation(answers.TicketVerdict, body=schemas.AuditVerdict, errors={409: ("not_closed",)}),
    "reveal_contact": Operation(answers.Contact, body=schemas.ContactReason, errors={404: ("no_contact",)}),
    "get_graph": Operation(graph_answers.WhatWhyWho, query=graph_schemas.GraphQuery, errors={422: ("unknown_topic",)}),
    "get_own_causes": Operation(graph_answers.OwnCauses, query=graph_schemas.OwnCausesQuery),
    "put_own_causes": Operation(
        graph_answers.OwnCauses,
        body=graph_schemas.OwnCauses,
        errors={
            409: ("version_conflict",),
            422: ("unknown_topic", "unknown_cause", "unknown_department", "cause_twice"),
        },
    ),
    "get_sla": Operation(answers.Sla),
    "put_sla": Operation(answers.Sla, body=schemas.Sla, errors={409: ("version_conflict",)}),
    "get_deadline": Operation(answers.Deadline, query=schemas.DeadlineQuery, errors={422: ("deadline_too_far",)}),
    "update_customer": Operation(
        answers.Ticket, body=schemas.CustomerUpdate, errors={409: ("version_conflict", "not_open")}
    ),
}
