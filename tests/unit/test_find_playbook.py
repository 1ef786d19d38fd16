"""A ticket's playbook is found with few reads, and never in an outdated frame."""

from __future__ import annotations

from chalicelib.domain.cases.playbook import Chosen, Playbooks
from chalicelib.services.cases.find_playbook import MOST_KEPT, RECENT, FindPlaybook
from tests.builders import playbook


class Desk:
    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0
        self.shelf = Playbooks([playbook(id="logistics", version="a-1")])
        self.find = FindPlaybook(self.read, lambda: self.now)

    def read(self, workspace: str) -> Playbooks:
        self.reads += 1
        return self.shelf


def test_the_version_that_is_known_costs_one_read_a_minute() -> None:
    desk = Desk()
    for _ in range(5):
        assert desk.find("acme", Chosen("logistics", "a-1")) == playbook(id="logistics", version="a-1")
    assert desk.reads == 1
    desk.now += RECENT
    desk.find("acme", Chosen("logistics", "a-1"))
    assert desk.reads == 2


def test_a_version_or_playbook_that_is_not_known_is_looked_up_now() -> None:
    desk = Desk()
    desk.find("acme", Chosen("logistics", "a-1"))
    desk.shelf = Playbooks([playbook(id="logistics", version="a-2")])
    found = desk.find("acme", Chosen("logistics", "a-2"))
    assert found is not None
    assert (found.version, desk.reads) == ("a-2", 2)
    assert desk.find("acme", Chosen("retired", "a-1")) is None
    assert desk.reads == 3


def test_without_a_playbook_nothing_is_read() -> None:
    desk = Desk()
    assert desk.find("acme", None) is None
    assert desk.reads == 0


def test_what_is_kept_is_bounded() -> None:
    desk = Desk()
    for number in range(MOST_KEPT + 1):
        desk.find(f"w{number}", Chosen("logistics", "a-1"))
    desk.find(f"w{MOST_KEPT}", Chosen("logistics", "a-1"))
    assert desk.reads == MOST_KEPT + 1
    desk.find("w0", Chosen("logistics", "a-1"))
    assert desk.reads == MOST_KEPT + 2
