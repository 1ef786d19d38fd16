"""What follows from cases in a world in memory: who counts when, and what is asked once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.domain.reading.dry_run import TOTAL, Tally
from chalicelib.domain.workspaces.organisation import Organisation, Unit
from chalicelib.services.rehearsal.dry_followers import Issues, Questions
from tests import builders
from tests.builders import AT, WORKSPACE

TOPIC = "logistics.damage"
HOUR = timedelta(hours=1)
ORGANISATION = Organisation(
    version=1, units=(Unit("SH", kind="shop"), Unit("BJ", kind="shop"), Unit("KI", kind="kiosk"))
)


class Page:
    """Cases one hour after the other; ``turned`` goes on as the next page of the run does."""

    def __init__(self, memory: Any = None, tally: Tally | None = None) -> None:
        self.tally = tally or Tally()
        self.issues = Issues(memory or {}, IssuePolicy(count=3, days=2), ORGANISATION, self.tally)

    def opened(self, name: str, hours: int, **changes: Any) -> Ticket:
        at = AT + hours * HOUR
        case = builders.ticket(**{"id": name, "unit": "SH", "topics": (TOPIC,), "opened_at": at, **changes})
        self.issues.until(at)
        self.issues.opened(case)
        return case

    def lived(self, name: str, hours: int, state: str) -> None:
        self.issues.changed(builders.ticket(id=name, state=state), AT + hours * HOUR)

    def turned(self, hours: int) -> Page:
        return Page(json.loads(json.dumps(self.issues.memory(AT + hours * HOUR))), self.tally)

    @property
    def count(self) -> int:
        return self.tally.counts[TOTAL].get("issues", 0)


def test_cases_of_one_topic_and_kind_of_unit_are_one_issue_however_many_come() -> None:
    page = Page()
    page.opened("a", 0)
    page.opened("b", 1, unit="BJ")
    page.opened("c", 2, unit="KI")
    page.opened("d", 3, topics=("service.response",))
    page.opened("e", 4, parent="whole")
    assert page.count == 0

    page = page.turned(5)
    page.opened("f", 5)
    page.opened("g", 6)
    page.opened("h", 7)
    page.opened("i", 8)

    assert (page.count, page.tally.counts["issue"]) == (1, {TOPIC: 1})


def test_praise_does_not_recur() -> None:
    page = Page()
    for number, name in enumerate("abcde"):
        page.opened(name, number, complained=False)
    assert page.count == 0


@pytest.mark.parametrize(("hours", "issues"), [(47, 1), (49, 0)])
def test_cases_count_together_within_the_days(hours: int, issues: int) -> None:
    page = Page()
    page.opened("a", 0)
    page.opened("b", 1)
    page.turned(2).opened("c", hours)
    assert page.count == issues


def test_a_case_that_is_none_any_more_counts_again_from_when_it_is_taken_up() -> None:
    page = Page()
    page.opened("a", 0)
    page.lived("a", 1, "rejected")
    page.lived("a", 5, "reopened")
    page = page.turned(1)
    page.opened("b", 2)
    page = page.turned(3)
    page.opened("c", 4)
    assert page.count == 0

    page.turned(4).issues.until(AT + 5 * HOUR)

    assert page.count == 1


def test_a_case_of_an_issue_makes_no_other_when_it_is_taken_up_again() -> None:
    page = Page()
    for hour, name in enumerate("abc"):
        page.opened(name, hour, topics=(TOPIC, "service.response"))
    page.lived("a", 3, "rejected")
    page.lived("a", 4, "reopened")
    page = page.turned(3)
    page.issues.until(AT + 4 * HOUR)
    for hour, name in enumerate("de"):
        page.opened(name, 5 + hour, topics=("service.response",))

    assert page.count == 1


def test_a_customer_is_asked_once_for_each_resolution() -> None:
    tally = Tally()
    questions = Questions(lambda _, __: None, tally)
    for reopened, change in ((0, "asked"), (0, "asked"), (0, "moved"), (1, "asked")):
        asked = builders.ticket(state="verifying", reopened=reopened, change=change)
        assert questions.update(asked, (), expected_version=1)

    assert tally.counts[TOTAL] == {"questions": 2}
    assert questions.get(WORKSPACE, "tk_one") is None
