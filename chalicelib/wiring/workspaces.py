"""What a workspace configures: keys, rules, the organisation and who is answerable in it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.reading.frame_state import FrameState
    from chalicelib.domain.time.calendar import Calendar
    from chalicelib.domain.workspaces.organisation import Organisation
    from chalicelib.domain.workspaces.organisation_check import Asked
    from chalicelib.services.cases.find_owner import FindOwner
    from chalicelib.services.workspaces.authenticate import Authenticate
    from chalicelib.services.workspaces.known_names import KnownNames
    from chalicelib.services.workspaces.manage_keys import ManageKeys
    from chalicelib.services.workspaces.manage_organisation import ManageOrganisation
    from chalicelib.services.workspaces.manage_rules import ManageRules


@lru_cache(maxsize=1)
def find_owner() -> FindOwner:
    """Who gets a ticket."""
    from chalicelib.services.cases.find_owner import FindOwner
    from chalicelib.wiring import stores

    return FindOwner(stores.organisation_store(), base.now, stores.open_tickets_of)


@lru_cache(maxsize=1)
def authenticate() -> Authenticate:
    """From an Authorization header to the key that it holds."""
    from chalicelib.services.workspaces.authenticate import Authenticate
    from chalicelib.wiring import stores

    return Authenticate(stores.directory())


@lru_cache(maxsize=1)
def manage_rules() -> ManageRules:
    """Routing rules."""
    from chalicelib.services.workspaces.manage_rules import ManageRules
    from chalicelib.wiring import stores

    return ManageRules(stores.directory(), known_names())


@lru_cache(maxsize=1)
def manage_keys() -> ManageKeys:
    """API keys."""
    from chalicelib.services.workspaces.manage_keys import ManageKeys
    from chalicelib.wiring import stores

    return ManageKeys(stores.directory())


@lru_cache(maxsize=1)
def manage_organisation() -> ManageOrganisation:
    """Units, departments, people."""
    from chalicelib.calendars import book
    from chalicelib.services.workspaces.manage_organisation import ManageOrganisation
    from chalicelib.wiring import stores

    return ManageOrganisation(
        store=stores.organisation_store(),
        asked=asked_of_organisation,
        countries=book.countries,
        clock=base.now,
        load=stores.open_tickets_of,
        has_issues=stores.issue_store().has_open,
    )


@lru_cache(maxsize=1)
def known_names() -> KnownNames:
    """Topics, departments and units that a workspace knows."""
    from chalicelib.services.workspaces.known_names import KnownNames
    from chalicelib.wiring import frames

    return KnownNames(organisation_now, asked_of_organisation, frames.coming_topics)


def organisation_now(workspace: str) -> Organisation:
    """The version in force; what ``find_owner`` knows may be two seconds old, and who names a department may have made
    it a moment ago.
    """
    from chalicelib.services.cases.find_owner import FindOwner
    from chalicelib.wiring import stores

    return FindOwner(stores.organisation_store(), base.now).organisation(workspace)


def asked_of_organisation(workspace: str, state: FrameState | None = None) -> Asked:
    """The departments that the workspace's code frame, or ``state`` in its place, its rules and follow-ups name."""
    from chalicelib.domain.workspaces.organisation_check import Asked
    from chalicelib.wiring import frames, stores

    frame = frames.frame_book().frame(state or stores.frame_store().state(workspace))
    ruled = {rule.department for rule in stores.directory().rules(workspace) if rule.department}
    mending = {cause.department for cause in frames.find_graph()(workspace).causes.by_id.values()}
    policy = stores.contact_store().get(workspace)
    sales = {policy.followup_department} if policy.consent else set()
    others = ruled | mending | sales | {line.department for line in frame.red_lines}
    return Asked({node.id: node.department for node in frame.nodes}, frozenset(others), frame.version)


def calendar(country: str) -> Calendar | None:
    """Public holidays of a country."""
    from chalicelib.calendars import book

    return book.calendar(country)
