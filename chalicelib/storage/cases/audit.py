"""Who looked at what is protected: one row for each time, kept longer than the data itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pynamodb.attributes import UnicodeAttribute

from chalicelib.storage import keys
from chalicelib.storage.table import Row

KEPT: Final = timedelta(days=730)


class AuditRow(Row):
    """``reason`` is what the person gave; nothing of what was shown is here."""

    workspace = UnicodeAttribute()
    what = UnicodeAttribute()
    key = UnicodeAttribute()  # id of the API key, or of the person who looked from a ticket's page
    ticket = UnicodeAttribute()
    feedback = UnicodeAttribute()
    reason = UnicodeAttribute()


class AuditLog:
    """Rows are only ever added. The table is bound by the wiring."""

    def revealed(self, workspace: str, *, at: datetime, key: str, ticket: str, feedback: str, reason: str) -> None:
        """That contact data was shown to the holder of ``key``, or to the person."""
        AuditRow(
            *keys.audit(workspace, at, ticket, key),
            workspace=workspace,
            what="contact",
            key=key,
            ticket=ticket,
            feedback=feedback,
            reason=reason,
            expires_at=int((at + KEPT).timestamp()),
        ).save()
