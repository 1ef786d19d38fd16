"""Feedback as a key may see it: one with its revisions, or a page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere, sees_unit, visible_unit
from chalicelib.domain.workspaces.directory import ApiKey

MOST_SHOWN: Final = 20  # older revisions: an answer has at most 6 MB


class FeedbackShelf(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def revisions(self, workspace: str, feedback_id: str) -> Sequence[Feedback]: ...


class FeedbackLists(Protocol):
    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage: ...


@dataclass(frozen=True, slots=True)
class ReadFeedback:
    """What is outside a region's or a store's subtree is not there for it."""

    store: FeedbackShelf
    lists: FeedbackLists

    def get(self, key: ApiKey, workspace: str, feedback_id: str) -> tuple[Feedback, Sequence[Feedback]]:
        """The current revision and the newest of the older ones, by number. Raises NotFound."""
        feedback = self.store.get(workspace, feedback_id)
        if feedback is None or not sees_unit(key, feedback.unit):
            raise nowhere()
        return feedback, self.older(feedback)

    def older(self, feedback: Feedback) -> Sequence[Feedback]:
        """The newest of the older revisions of a feedback that the caller may see."""
        return self.store.revisions(feedback.workspace, feedback.id)[-MOST_SHOWN:]

    def page(self, key: ApiKey, query: FeedbackQuery, *, limit: int, cursor: str | None) -> FeedbackPage:
        """One page, newest first. Raises NotFound for a foreign unit, Invalid (``invalid_cursor``)."""
        return self.lists.page(replace(query, unit=visible_unit(key, query.unit)), limit=limit, cursor=cursor)
