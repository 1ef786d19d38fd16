"""Asking customers whether a resolution holds."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.cases.ticket import Ticket
    from chalicelib.services.ports import TicketStore as TicketPort
    from chalicelib.services.verification.answer_links import AnswerLinks, OpenAnswerPage
    from chalicelib.services.verification.ask_customer import AskCustomer
    from chalicelib.services.verification.manage_verification import ManageVerification
    from chalicelib.services.verification.take_answer import TakeAnswer


@lru_cache(maxsize=1)
def manage_verification() -> ManageVerification:
    """The same, for those who decide it."""
    from chalicelib.services.verification.manage_verification import ManageVerification
    from chalicelib.wiring import stores

    return ManageVerification(store=stores.verification_rules(), clock=base.now)


def ask_customer(tickets: TicketPort) -> AskCustomer:
    """Whether a resolution holds is asked once."""
    from chalicelib.services.cases.follow_parts import WholeCases
    from chalicelib.services.verification.ask_customer import AskCustomer, Leave
    from chalicelib.wiring import contact, stores

    def take_leave(ticket: Ticket, claim: str) -> Leave:
        answer = contact.can_contact().claim_for(ticket, "verification", channel=None, claim=claim).answer
        return Leave(answer.allowed, answer.next_at)

    return AskCustomer(
        tickets=WholeCases(tickets, base.now),
        voices=stores.feedback_store(),
        directory=stores.directory(),
        rules=stores.verification_rules().get,
        due=base.due_store(),
        clock=base.now,
        take_leave=take_leave,
    )


@lru_cache(maxsize=1)
def take_answer() -> TakeAnswer:
    """What the customer says to it."""
    from chalicelib.services.cases.follow_parts import WholeCases
    from chalicelib.services.verification.take_answer import TakeAnswer
    from chalicelib.wiring import stores, tickets

    return TakeAnswer(
        tickets=WholeCases(tickets.ticket_store(), base.now),
        notes=stores.case_store(),
        rules=stores.verification_rules().get,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def answer_links() -> AnswerLinks:
    """The question, and the link to answer it."""
    from chalicelib.domain.cases.verification import LIFETIME
    from chalicelib.services.page.page_links import PageLinks
    from chalicelib.services.verification.answer_links import PURPOSE, AnswerLinks
    from chalicelib.wiring import stores

    links = PageLinks(marks=base.vault(), clock=base.now, purpose=PURPOSE, lifetime=LIFETIME)
    return AnswerLinks(links=links, rules=stores.verification_rules().get, base_url=base.settings().public_url)


@lru_cache(maxsize=1)
def open_answer_page() -> OpenAnswerPage:
    """The page behind that link."""
    from chalicelib.services.verification.answer_links import OpenAnswerPage
    from chalicelib.wiring import cases, stores, tickets, workspaces

    def zone(workspace: str, unit: str | None) -> str:
        return workspaces.find_owner().organisation(workspace).business_time(unit, {}).zone.key

    return OpenAnswerPage(
        links=answer_links(),
        tickets=tickets.ticket_store(),
        voices=stores.feedback_store(),
        playbook=cases.find_playbook(),
        zone=zone,
        clock=base.now,
    )
