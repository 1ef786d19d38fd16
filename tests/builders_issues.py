"""An issue that is valid by default, and a world in which tickets become issues by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.issue import Issue, Scope
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.organisation import Organisation, Person, Post, Unit
from chalicelib.services.cases.find_owner import FindOwner
from chalicelib.services.issues.link_cases import LinkCases
from chalicelib.services.issues.promote import Promote
from tests.builders import AT, WORKSPACE, feedback, ticket
from tests.fakes.issues import FakeIssues, FakeRecurrences
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.tickets import FakeClock, FakeDue, FakeTickets

OFFICE = Organisation(
    version=1,
    units=(Unit("SH"), Unit("SH/001", kind="shop"), Unit("SH/002", kind="shop"), Unit("SH/K1", kind="kiosk")),
    people=(
        Person("li", posts=(Post("SH", "logistics"),), key="ky_li"),
        Person("wang", posts=(Post("*", "logistics"),), authority=("logistics", "packaging"), key="ky_wang"),
    ),
)


def issue(**changes: Any) -> Issue:
    """An L2 issue in triage, version 1, that could be accepted once it is open."""
    values: dict[str, Any] = {
        "workspace": WORKSPACE,
        "id": "is_one",
        "version": 1,
        "state": "triage",
        "level": "L2",
        "title": "破损 / Damage · shop",
        "opened_at": AT,
        "updated_at": AT,
        "first_seen": AT,
        "definition": "Parcels arrive damaged",
        "scope": Scope(topics=("logistics.damage",), unit_kind="shop"),
        "process": "packaging",
        "plan": "Weigh a hundred parcels",
        "analyst": "li",
        "departments": ("logistics",),
        **changes,
    }
    return Issue(**values)


@dataclass
class FakeVoices:
    """Feedback by id; the one of every ticket is there."""

    rows: dict[tuple[str, str], Feedback] = field(default_factory=dict)

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return self.rows.get((workspace, feedback_id))

    def settle(self, found: Feedback, state: str) -> bool:
        if self.rows.get((found.workspace, found.id)) != found:
            return False
        self.rows[found.workspace, found.id] = replace(found, state=state)
        return True


@dataclass
class IssueWorld:
    """Everything that promotion touches, in memory."""

    tickets: FakeTickets = field(default_factory=FakeTickets)
    issues: FakeIssues = field(default_factory=FakeIssues)
    recurrences: FakeRecurrences = field(default_factory=FakeRecurrences)
    voices: FakeVoices = field(default_factory=FakeVoices)
    due: FakeDue = field(default_factory=FakeDue)
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))
    policy: IssuePolicy = field(default_factory=IssuePolicy)
    organisation: Organisation = OFFICE
    watched: bool = False

    def __post_init__(self) -> None:
        shelf = FakeOrganisations()
        shelf.put(WORKSPACE, self.organisation, by="ky_one", at=AT)
        office = FindOwner(shelf, self.clock)
        self.links = LinkCases(self.issues, self.tickets, self.voices, self.due, self.clock)
        self.promote = Promote(
            tickets=self.tickets,
            issues=self.issues,
            recurrences=self.recurrences,
            links=self.links,
            policy=lambda _: self.policy,
            office=office,
            names=lambda _: lambda topic, lang: {"zh-CN": "破损", "en": "Damage"}[lang] if topic else "",
            clock=self.clock,
            watched=lambda _: self.watched,
        )

    def opened(self, name: str, at: datetime = AT, **changes: Any) -> Ticket:
        """A ticket with its voice, as opened at ``at``."""
        values = {"id": f"tk_{name}", "feedback": f"fb_{name}", "unit": "SH/001", "topics": ("logistics.damage",)}
        made = replace(ticket(), **{**values, "opened_at": at, "updated_at": at, **changes})
        self.tickets.rows[WORKSPACE, made.id] = made
        voice = feedback(id=made.feedback, state="ticketed", ticket=made.id, awaiting=frozenset())
        self.voices.rows[WORKSPACE, voice.id] = voice
        return made

    def hear(self, name: str, event: str = "ticket.opened") -> str | None:
        """The ticket's event reaches the follower."""
        return self.promote({"type": event, "workspace": WORKSPACE, "ticket_id": f"tk_{name}"})

    def only(self) -> Issue:
        """The one issue that there is."""
        (found,) = self.issues.rows.values()
        return found
