"""Organisations in the table: what is in force, and every version that ever was. Reads are strongly consistent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.workspaces.organisation import MOST_VERSIONS, Kept, Organisation
from chalicelib.errors import TooLarge
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.due import due_row
from chalicelib.storage.table import committed, transaction
from chalicelib.storage.workspaces import organisation_rows as rows
from chalicelib.storage.workspaces.organisation_rows import ChannelsRow, HeadRow, LeaverRow, VersionRow

if TYPE_CHECKING:
    from chalicelib.storage.vault import Vault

SOON: Final = timedelta(minutes=1)  # the least that a due row lies ahead
LARGEST_ROW: Final = 380_000  # bytes; the table takes 400 KB


class OrganisationStore:
    """Whoever asks for nobody's channels needs no key: the vault loads one when it opens or seals."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def version(self, workspace: str) -> int:
        """The version in force; 0 where there is none."""
        try:
            return int(HeadRow.get(*keys.organisation_head(workspace), consistent_read=True).version)
        except DoesNotExist:
            return 0

    def get(self, workspace: str, version: int) -> Organisation | None:
        """One version, without anybody's channels."""
        try:
            return rows.organisation_of(
                VersionRow.get(*keys.organisation_version(workspace, version), consistent_read=True)
            )
        except DoesNotExist:
            return None

    def channels(self, workspace: str) -> Mapping[str, Mapping[str, str]]:
        """Person → how to reach them, of the version in force."""
        try:
            row = ChannelsRow.get(*keys.organisation_channels(workspace), consistent_read=True)
        except DoesNotExist:
            return {}
        opened: dict[str, dict[str, str]] = json.loads(self._vault.open_channels(workspace, bytes(row.value)))
        return opened

    def put(self, workspace: str, one: Organisation, *, by: str, at: datetime) -> bool:
        """Bring ``one`` into force after the version before it; False when that is not the one in force any more.

        What somebody leaves behind who is in it no more is looked at a minute later: the message that says so is
        written with it. Raises TooLarge.
        """
        reachable = {person.id: dict(person.channels) for person in one.people if person.channels}
        sealed = self._vault.seal_channels(workspace, json.dumps(reachable, ensure_ascii=False).encode())
        version = rows.version_row(workspace, one, by=by, at=at)
        if max(len(sealed), len(VersionRow.doc.serialize(version.doc))) > LARGEST_ROW:
            raise TooLarge("The organisation is too large.")
        unchanged = HeadRow.pk.does_not_exist() if one.version == 1 else HeadRow.version == one.version - 1
        changing = transaction()
        changing.save(HeadRow(*keys.organisation_head(workspace), version=one.version), condition=unchanged)
        changing.save(ChannelsRow(*keys.organisation_channels(workspace), value=sealed))
        changing.save(version, condition=VersionRow.pk.does_not_exist())
        if one.version > 1:
            body = {"kind": "departures", "workspace": workspace, "version": one.version}
            changing.save(due_row(at + SOON, "cases", body, key=f"departures#{workspace}#{one.version}"))
        return committed(changing)

    # --- who is gone and left something behind ------------------------------------------------------------------

    def leavers(self, workspace: str) -> list[str]:
        """Whose open tickets or issues had nobody to go to when they were last looked at."""
        pk, prefix = keys.leaver(workspace, "")
        found = LeaverRow.query(pk, LeaverRow.sk.startswith(prefix), consistent_read=True)
        return [row.sk.removeprefix(prefix) for row in found]

    def keep_leaver(self, workspace: str, person: str) -> None:
        """Once or again."""
        LeaverRow(*keys.leaver(workspace, person)).save()

    def forget_leaver(self, workspace: str, person: str) -> None:
        """One who is not kept is forgotten already."""
        LeaverRow(*keys.leaver(workspace, person)).delete()

    def history(self, workspace: str, *, limit: int, cursor: str | None) -> tuple[Sequence[Kept], str | None]:
        """Up to ``limit`` lines, newest first, and the cursor of the next page. Raises Invalid (``invalid_cursor``).

        Whole versions are read for it, so a page is what is asked for and never the history.
        """
        scope = f"organisations\n{workspace}"
        before = _before(scope, cursor) if cursor else MOST_VERSIONS + 1
        pk, first = keys.organisation_version(workspace, 1)
        _, last = keys.organisation_version(workspace, before - 1)
        found = list(
            VersionRow.query(
                pk,
                VersionRow.sk.between(first, last),
                scan_index_forward=False,
                consistent_read=True,
                limit=limit + 1,
                attributes_to_get=["version", "at", "by", "units", "people"],
            )
        )
        lines = [
            Kept(int(row.version), datetime.fromisoformat(row.at), row.by, int(row.units), int(row.people))
            for row in found[:limit]
        ]
        return lines, cursors.encode(scope, {"before": lines[-1].version}) if len(found) > limit else None


def _before(scope: str, cursor: str) -> int:
    """The version that a page ended with. Raises Invalid (``invalid_cursor``)."""
    version = cursors.decode(scope, cursor).get("before")
    # A span that ends before it begins is an error to DynamoDB, so a made-up version must not get there.
    if not isinstance(version, int) or not 1 < version <= MOST_VERSIONS:
        raise cursors.invalid()
    return version
