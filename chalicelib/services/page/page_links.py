"""Links to a page about a ticket: made for cards and questions, looked at when somebody opens one."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.cases import page_link
from chalicelib.domain.cases.page_link import PageLink
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.services.ports import Clock

PURPOSE: Final = "page"


class Marks(Protocol):
    """See storage/vault.py."""

    def mark(self, workspace: str, purpose: str, text: str) -> str: ...

    def knows(self, workspace: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class PageLinks:
    """A link opens one ticket and says nothing of who holds it: links get forwarded. One ``purpose`` is not another."""

    marks: Marks
    clock: Clock
    purpose: str = PURPOSE
    lifetime: timedelta = page_link.LIFETIME

    def make(self, workspace: str, ticket: str, since: datetime) -> str:
        """The last part of the page's URL, valid for ``lifetime`` from ``since``. Raises Retryable."""
        told = page_link.unsigned(workspace, ticket, page_link.expiry(since, self.lifetime))
        return f"{told}.{self.marks.mark(workspace, self.purpose, told)}"

    def read(self, text: str) -> PageLink:
        """Raises NotFound for what we did not make and for what is over, both alike; Retryable."""
        link = page_link.read(text)
        # A workspace without a key has no links: asked first, or every guess would make it one.
        if link is None or not self.marks.knows(link.workspace):
            raise nowhere()
        genuine = hmac.compare_digest(self.marks.mark(link.workspace, self.purpose, link.signed), link.mark)
        if not genuine or self.clock() >= link.expires_at:
            raise nowhere()
        return link
