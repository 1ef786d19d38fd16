"""One feedback as a key may see it."""

from __future__ import annotations

import pytest

from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import NotFound
from chalicelib.services.reading.read_feedback import MOST_SHOWN, ReadFeedback
from tests.builders import WORKSPACE, feedback
from tests.fakes.feedback import FakeFeedbackStore


class NoLists:
    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage:
        raise AssertionError(query)


def key(**changes: str) -> ApiKey:
    return ApiKey("ky_one", WORKSPACE, **{"role": "admin", **changes})  # type: ignore[arg-type]


def test_of_many_revisions_the_newest_are_shown() -> None:
    store = FakeFeedbackStore()
    for number in range(1, MOST_SHOWN + 6):
        current = feedback(revision=number)
        if number == 1:
            store.create(current)
        else:
            store.supersede(feedback(revision=number - 1), current)
    found, older = ReadFeedback(store, NoLists()).get(key(), WORKSPACE, "fb_one")
    assert found.revision == MOST_SHOWN + 5
    assert [one.revision for one in older] == list(range(5, MOST_SHOWN + 5))


def test_what_is_outside_of_a_keys_units_is_not_there() -> None:
    store = FakeFeedbackStore()
    store.create(feedback(unit="SH-001"))
    reads = ReadFeedback(store, NoLists())
    assert reads.get(key(role="store", unit="SH-001"), WORKSPACE, "fb_one")[0].unit == "SH-001"
    with pytest.raises(NotFound):
        reads.get(key(role="store", unit="BJ-001"), WORKSPACE, "fb_one")
