"""The page of a ticket, and the codes with which people work on it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.page.act_on_page import ActOnPage, MakeCode
    from chalicelib.services.page.open_page import OpenPage
    from chalicelib.services.page.page_links import PageLinks
    from chalicelib.services.page.send_code import SendCode


@lru_cache(maxsize=1)
def page_links() -> PageLinks:
    """Links to the page of a ticket."""
    from chalicelib.services.page.page_links import PageLinks

    return PageLinks(marks=base.vault(), clock=base.now)


def known_page(workspace: str, ticket: str, since: datetime) -> str:
    """The page of a ticket; none where the workspace has no key yet: an alert makes none."""
    return page_links().make(workspace, ticket, since) if base.vault().knows(workspace) else ""


@lru_cache(maxsize=1)
def open_page() -> OpenPage:
    """What the page shows."""
    from chalicelib.services.page.open_page import OpenPage
    from chalicelib.wiring import cases, frames, stores, tickets, workspaces

    return OpenPage(
        links=page_links(),
        tickets=tickets.ticket_store(),
        voices=stores.feedback_store(),
        playbook=cases.find_playbook(),
        path=frames.find_graph().told,
        causes=frames.find_graph().causes,
        links_of=stores.case_store().links,
        topic_names=frames.topic_names,
        organisation=workspaces.find_owner().organisation,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def make_code() -> MakeCode:
    """A code for a person and a ticket."""
    from chalicelib.services.page.act_on_page import MakeCode
    from chalicelib.wiring import stores, workspaces

    organisation = workspaces.find_owner().organisation
    return MakeCode(codes=stores.page_codes(), marks=base.vault(), organisation=organisation, clock=base.now)


@lru_cache(maxsize=1)
def act_on_page() -> ActOnPage:
    """A person's work from the page."""
    from chalicelib.services.page.act_on_page import ActOnPage
    from chalicelib.wiring import cases, stores, tickets, workspaces

    return ActOnPage(
        links=page_links(),
        codes=stores.page_codes(),
        marks=base.vault(),
        tickets=tickets.ticket_store(),
        move=cases.move_ticket(),
        hand_over=cases.hand_over(),
        organisation=workspaces.find_owner().organisation,
        reveal=cases.reveal_contact().to_person,
        updated=cases.manage_sla().updated,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def send_code() -> SendCode:
    """The owner of a ticket gets their code, and who stands above them is told."""
    import time

    from chalicelib.connectors import tellers
    from chalicelib.connectors.registry import load_gateway
    from chalicelib.services.alerts.spend_sms import SpendSms
    from chalicelib.services.outbound.keep_token import KeepToken
    from chalicelib.services.page.send_code import SendCode
    from chalicelib.storage.outbound.deliveries import TargetWindows
    from chalicelib.storage.outbound.items import TokenStore
    from chalicelib.wiring import frames, stores, tickets, workspaces

    return SendCode(
        tickets=tickets.ticket_store(),
        codes=stores.page_codes(),
        marks=base.vault(),
        directory=stores.directory(),
        organisation=workspaces.find_owner().organisation,
        channels=stores.organisation_store().channels,
        secrets=stores.endpoint_secrets(),
        teller=tellers.load,
        keep_token=KeepToken(TokenStore(base.vault()), base.now),
        windows=TargetWindows(),
        door=base.egress_door(),
        sms=SpendSms(stores.alert_store(), load_gateway, base.settings().sms_parts_per_day, base.now),
        topic_names=frames.topic_names,
        queue=base.queue("deliveries"),
        due=base.due_store(),
        clock=base.now,
        monotonic=time.monotonic,
        base_url=base.settings().public_url,
        page=page_links().make,
    )
