"""Links to the page of a ticket: ours open it, nothing else does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cases import page_link
from chalicelib.domain.cases.page_link import ACCEPT, CALL, CONTACTED, NOT_MINE, RESOLVE, possible
from chalicelib.errors import NotFound
from chalicelib.services.page.page_links import PageLinks
from tests import builders
from tests.builders_admin import OURS, THEIRS, FakeVault

AT = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
TICKET = "tk_abcdefghijklmnopqrstuvwxyz"
LINKS = PageLinks(FakeVault(), lambda: AT)
OURS_LINK = LINKS.make(OURS, TICKET, AT)
CHARS = st.sampled_from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789._-~%/ é\n")


def refused(text: str) -> None:
    with pytest.raises(NotFound, match=r"There is no such thing here\.") as told:
        LINKS.read(text)
    assert told.value.code == "not_found"


def test_a_link_opens_its_ticket_for_72_hours_from_its_event_and_is_the_same_for_every_retry() -> None:
    now = [AT]
    links = PageLinks(FakeVault(), lambda: now[0])

    assert links.make(OURS, TICKET, AT) == OURS_LINK
    now[0] = AT + timedelta(hours=72) - timedelta(seconds=1)
    found = links.read(OURS_LINK)
    assert (found.workspace, found.ticket, found.expires_at) == (OURS, TICKET, AT + timedelta(hours=72))
    now[0] += timedelta(seconds=1)
    with pytest.raises(NotFound):
        links.read(OURS_LINK)


@given(place=st.integers(0, len(OURS_LINK) - 1), char=CHARS)
def test_any_other_character_anywhere_is_refused(place: int, char: str) -> None:
    changed = OURS_LINK[:place] + char + OURS_LINK[place + 1 :]
    if changed != OURS_LINK:
        refused(changed)


@given(place=st.integers(0, len(OURS_LINK)), more=st.text(CHARS, min_size=1, max_size=4), cut=st.integers(1, 60))
def test_more_or_less_of_it_is_refused(place: int, more: str, cut: int) -> None:
    refused(OURS_LINK[:place] + more + OURS_LINK[place:])
    refused(OURS_LINK[:-cut])
    refused(OURS_LINK[cut:])


@given(text=st.text(max_size=200))
def test_anything_else_is_refused(text: str) -> None:
    refused(text)


def test_the_mark_of_another_ticket_workspace_moment_or_purpose_opens_nothing() -> None:
    ticket, workspace, expires, mark = OURS_LINK.split(".")

    refused(f"tk_other.{workspace}.{expires}.{mark}")
    refused(f"{ticket}.{THEIRS}.{expires}.{mark}")
    refused(f"{ticket}.{workspace}.{int(expires) + 1}.{mark}")
    refused(f"{ticket}.{workspace}.{expires}.{FakeVault().mark(OURS, 'code', OURS_LINK.rpartition('.')[0])}")


def test_a_guess_at_a_workspace_that_is_not_there_makes_it_no_key() -> None:
    class Strict(FakeVault):
        def mark(self, workspace: str, purpose: str, text: str) -> str:
            assert self.knows(workspace), "its key would have been made"
            return super().mark(workspace, purpose, text)

    with pytest.raises(NotFound):
        PageLinks(Strict(), lambda: AT).read(f"{TICKET}.nobody.{page_link.expiry(AT)}.{'a' * 26}")


@pytest.mark.parametrize(
    ("state", "acts"),
    [
        ("triage", {CALL, NOT_MINE}),
        ("open", {CALL, ACCEPT, NOT_MINE}),
        ("accepted", {CALL, CONTACTED, RESOLVE, NOT_MINE}),
        ("in_progress", {CALL, CONTACTED, RESOLVE, NOT_MINE}),
        ("waiting_customer", {CALL, CONTACTED, RESOLVE, NOT_MINE}),
        ("resolved", set()),
        ("verifying", set()),
        ("closed", set()),
        ("reopened", {CALL, ACCEPT, CONTACTED, NOT_MINE}),
        ("merged", set()),
        ("rejected", set()),
    ],
)
def test_each_state_offers_what_may_follow_it(state: str, acts: set[str]) -> None:
    assert set(possible(builders.ticket(state=state, owner="u_li"))) == acts


def test_a_code_is_read_as_it_was_meant_and_has_no_letters_that_look_alike() -> None:
    assert page_link.typed(" ab-cd 2345\u3000") == "ABCD2345"
    assert not set(page_link.ALPHABET) & set("01OILU")


def test_a_code_is_not_found_by_sending_all_that_the_api_takes_for_as_long_as_it_lasts() -> None:
    rate = re.search(r"^  ApiRate:\n.*\n    Default: (\d+)$", Path("infra/resources.yaml").read_text(), re.MULTILINE)
    assert rate is not None
    requests = int(rate[1]) * page_link.LIFETIME.total_seconds()

    assert len(set(page_link.ALPHABET)) ** page_link.CODE_LENGTH > 2_000_000 * requests


@given(mark=st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26))
def test_a_code_that_is_made_of_a_mark_is_always_the_same_and_of_letters_that_nobody_misreads(mark: str) -> None:
    text = page_link.spelt(mark)

    assert text == page_link.spelt(mark) == page_link.typed(f" {text[:4].lower()}-{text[4:]}")
    assert len(text) == page_link.CODE_LENGTH
    assert set(text) <= set(page_link.ALPHABET)
