"""Rows of what people add to a ticket, and their mapping to the domain and back. They lie beside the ticket's own row.

Nothing stands on top but what a condition needs: the stream tells nobody of these rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pynamodb.attributes import UnicodeAttribute

from chalicelib.domain.cases.case import Link, Note, Verdict
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

NOTE_PREFIX: Final = "NOTE#"
LINK_PREFIX: Final = "LINK#"


class NoteRow(Row):
    """One note, written once."""

    doc = PackedJSONAttribute()


class LinkRow(Row):
    """One side of a link."""

    kind = UnicodeAttribute()
    doc = PackedJSONAttribute()


class VerdictRow(Row):
    """The last verdict of an audit."""

    doc = PackedJSONAttribute()


def note_row(workspace: str, ticket: str, note: Note) -> NoteRow:
    doc = {"by": note.by, "at": note.at.isoformat(), "text": note.text, "attachments": note.attachments}
    return NoteRow(*keys.ticket_note(workspace, ticket, note.id), doc=doc)


def note_of(row: NoteRow) -> Note:
    doc = row.doc
    at = datetime.fromisoformat(doc["at"])
    return Note(row.sk.removeprefix(NOTE_PREFIX), doc["by"], at, doc["text"], tuple(doc["attachments"]))


def link_row(link: Link) -> LinkRow:
    doc = {"by": link.by, "at": link.at.isoformat()}
    return LinkRow(*keys.ticket_link(link.workspace, link.ticket, link.other), kind=link.kind, doc=doc)


def link_of(row: LinkRow) -> Link:
    _, workspace, ticket = row.pk.split("#")
    other, at = row.sk.removeprefix(LINK_PREFIX), datetime.fromisoformat(row.doc["at"])
    return Link(workspace, ticket, other, row.kind, row.doc["by"], at)


def verdict_row(workspace: str, ticket: str, verdict: Verdict) -> VerdictRow:
    doc = {
        "verdict": verdict.verdict,
        "by": verdict.by,
        "at": verdict.at.isoformat(),
        "version": verdict.version,
        "note": verdict.note,
    }
    return VerdictRow(*keys.ticket_verdict(workspace, ticket), doc=doc)


def verdict_of(row: VerdictRow) -> Verdict:
    doc = row.doc
    return Verdict(doc["verdict"], doc["by"], datetime.fromisoformat(doc["at"]), doc["version"], doc["note"])
