"""Dry runs in the table: how far each has come, and beside it what it tries. Reads are strongly consistent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.reading.dry_run import Change, DryRun, EndpointChange, FrameChange
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import TooLarge
from chalicelib.storage import keys
from chalicelib.storage.cases.causes import causes_of, packed_causes
from chalicelib.storage.cases.sla import packed_policy, policy_of
from chalicelib.storage.table import PackedJSONAttribute, Row, committed, transaction
from chalicelib.storage.workspaces.directory_rows import rule_doc
from chalicelib.storage.workspaces.organisation_rows import VersionRow, organisation_of, version_row

LARGEST_ROW: Final = 380_000  # bytes; the table takes 400 KB
KEPT: Final = timedelta(days=30)


class DryRunRow(Row):
    """``state`` and ``page`` are its lock: each change names those that it saw."""

    state = UnicodeAttribute()
    page = NumberAttribute()
    doc = PackedJSONAttribute()


class TriedRow(Row):
    """What a run tries; written once."""

    doc = PackedJSONAttribute()


class DryRunStore:
    """The table is bound by the wiring."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def create(self, one: DryRun) -> None:
        """Write a new run and what it tries. Raises TooLarge."""
        tried = TriedRow(*keys.dry_run_change(one.workspace, one.id), doc=packed_change(one), expires_at=_expiry(one))
        _measure(tried)
        changing = transaction()
        changing.save(_row(one), condition=DryRunRow.pk.does_not_exist())
        changing.save(tried, condition=TriedRow.pk.does_not_exist())
        committed(changing)

    def get(self, workspace: str, run: str) -> DryRun | None:
        """One run with what it tries; None for one that there is not, or no more."""
        try:
            row = DryRunRow.get(*keys.dry_run(workspace, run), consistent_read=True)
            tried = TriedRow.get(*keys.dry_run_change(workspace, run), consistent_read=True)
        except DoesNotExist:
            return None
        return None if self._is_expired(row) else _run(workspace, row, change_of(tried.doc))

    def runs(self, workspace: str) -> Iterator[DryRun]:
        """Newest first, without what they try."""
        pk, prefix = keys.dry_run(workspace, "")
        found = DryRunRow.query(pk, DryRunRow.sk.startswith(prefix), scan_index_forward=False, consistent_read=True)
        return (_run(workspace, row, Change()) for row in found if not self._is_expired(row))

    def replace(self, before: DryRun, after: DryRun) -> bool:
        """False when somebody else got further meanwhile. Raises TooLarge."""
        row = _row(after)
        _measure(row)
        try:
            row.save((DryRunRow.state == before.state) & (DryRunRow.page == before.page))
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _is_expired(self, row: DryRunRow) -> bool:
        return row.expires_at is not None and row.expires_at <= self._clock().timestamp()


def _measure(row: DryRunRow | TriedRow) -> None:
    if len(type(row).doc.serialize(row.doc)) > LARGEST_ROW:
        raise TooLarge("The dry run is too large.")


def _expiry(one: DryRun) -> int:
    return int((one.until + KEPT).timestamp())


def _row(one: DryRun) -> DryRunRow:
    doc = {
        "by": one.by,
        "days": one.days,
        "since": keys.instant(one.since),
        "until": keys.instant(one.until),
        "basis": one.basis,
        "reason": one.reason,
        "position": one.position,
        "now": one.now,
        "then": one.then,
        "memory": list(one.memory),
        "finished": keys.instant(one.finished_at) if one.finished_at else None,
    }
    return DryRunRow(
        *keys.dry_run(one.workspace, one.id), state=one.state, page=one.page, doc=doc, expires_at=_expiry(one)
    )


def _run(workspace: str, row: DryRunRow, change: Change) -> DryRun:
    doc: Mapping[str, Any] = row.doc
    now, then = doc["memory"]
    return DryRun(
        workspace=workspace,
        id=row.sk.removeprefix(keys.dry_run(workspace, "")[1]),
        by=doc["by"],
        days=doc["days"],
        since=datetime.fromisoformat(doc["since"]),
        until=datetime.fromisoformat(doc["until"]),
        change=change,
        basis=doc["basis"],
        state=row.state,
        reason=doc["reason"],
        page=int(row.page),
        position=doc["position"],
        now=doc["now"],
        then=doc["then"],
        memory=(now, then),
        finished_at=datetime.fromisoformat(doc["finished"]) if doc["finished"] else None,
    )


def packed_change(one: DryRun) -> dict[str, Any]:
    """What a run tries, as JSON; of an organisation without anybody's channels."""
    change = one.change
    return {
        "put": [[rule.name, rule.version, rule_doc(rule)] for rule in change.put],
        "delete": list(change.delete),
        "sla": [change.sla.version, packed_policy(change.sla)] if change.sla else None,
        "causes": packed_causes(change.causes) if change.causes else None,
        "organisation": _packed_organisation(one.workspace, change.organisation, one) if change.organisation else None,
        "frame": [list(change.frame.packs), change.frame.overlay] if change.frame else None,
        "endpoints": [
            [
                endpoint.id,
                list(endpoint.events) if endpoint.events is not None else None,
                endpoint.filter,
                endpoint.split,
            ]
            for endpoint in change.endpoints
        ],
    }


def _packed_organisation(workspace: str, organisation: Organisation, one: DryRun) -> list[Any]:
    return [organisation.version, version_row(workspace, organisation, by=one.by, at=one.until).doc]


def change_of(doc: Mapping[str, Any]) -> Change:
    """The way back."""
    frame, organisation = doc["frame"], doc["organisation"]
    return Change(
        put=tuple(_rule(*packed) for packed in doc["put"]),
        delete=tuple(doc["delete"]),
        sla=policy_of(*doc["sla"]) if doc["sla"] else None,
        causes=causes_of(doc["causes"]) if doc["causes"] else None,
        organisation=organisation_of(VersionRow(version=organisation[0], doc=organisation[1]))
        if organisation
        else None,
        frame=FrameChange(tuple(frame[0]), frame[1]) if frame else None,
        endpoints=tuple(
            EndpointChange(name, tuple(events) if events is not None else None, sieve, split)
            for name, events, sieve, split in doc["endpoints"]
        ),
    )


def _rule(name: str, version: int, doc: Mapping[str, Any]) -> Rule:
    return Rule(**{**doc, "name": name, "version": version, "then": tuple(doc["then"])})
