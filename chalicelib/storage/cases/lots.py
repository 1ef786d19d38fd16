"""Which tickets were closed in a month, in the order in which they are audited, and how many. Bound by the wiring.

Beside a ticket lies where it stands, and the version that said so; a partition for each month has them by their places.
Both are written with the counts, in one transaction: a page of the sample reads its own rows and a few counts, however
many tickets there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.transactions import TransactWrite

from chalicelib.domain.cases.case import Lot
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR, is_below
from chalicelib.errors import Retryable
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.paging import SIFTED
from chalicelib.storage.table import Row, committed, transaction

MOST_LEVELS: Final = 20  # of units that are counted: what lies deeper is counted with the last of them
_TRIES: Final = 5  # other tickets of the month may be added to the same counts at the same moment


class StandingRow(Row):
    """Where a ticket stands, beside it. There is none for one that was never closed."""

    version = NumberAttribute()
    month = UnicodeAttribute(null=True)
    unit = UnicodeAttribute(null=True)


class LotRow(Row):
    """One ticket of a month. Its place and its id stand in the key."""

    unit = UnicodeAttribute(null=True)


class ClosedRow(Row):
    """How many were closed; one of ``keys.CLOSED_SHARDS`` parts of the number."""

    tickets = NumberAttribute()


class LotStore:
    """Reads are strongly consistent."""

    def keep(self, lot: Lot) -> None:
        """Have a ticket stand where ``lot`` says, unless a later version said something else; again changes nothing.

        Raises Retryable (``contended``).
        """
        for _ in range(_TRIES):
            known = _standing(lot.workspace, lot.ticket)
            if known is not None and known.version >= lot.version:
                return
            if committed(_move(known, lot)):
                return
        raise Retryable("Other tickets are being closed.", code="contended")

    def closed(self, workspace: str, month: str, units: Iterable[str | None]) -> list[int]:
        """How many tickets closed in a month are at each unit or below it; None is all of them."""
        asked = [_levels(unit)[-1] for unit in units]
        found: Counter[str] = Counter()
        for row in ClosedRow.batch_get(list(_parts(workspace, month, asked)), consistent_read=True):
            found[row.sk.partition("#")[2]] += int(row.tickets)
        return [found[unit] for unit in asked]

    def page(
        self, workspace: str, month: str, *, most: int, unit: str | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[str], str | None]:
        """Up to ``limit`` ids out of the first ``most`` of a month, in order, and the cursor of the next page.

        Where a ``unit`` is named a page may be short, or empty, although one follows. What came or went between two
        pages moves those behind it by one. Raises Invalid (``invalid_cursor``).
        """
        scope = "\n".join(("audit", workspace, month, unit or ""))
        after, passed = _position(scope, cursor)
        read = min(limit if unit is None else SIFTED, most - passed)
        if read <= 0:
            return [], None
        rows = list(LotRow.query(keys.lots(workspace, month), LotRow.sk > after, limit=read + 1, consistent_read=True))
        found: list[str] = []
        for row in rows[:read]:
            if unit is None or is_below(row.unit, unit):
                if len(found) == limit:
                    return found, cursors.encode(scope, {"at": after, "n": passed})
                found.append(row.sk.partition("#")[2])
            after, passed = row.sk, passed + 1
        more = len(rows) > read and passed < most
        return found, cursors.encode(scope, {"at": after, "n": passed}) if more else None


def _standing(workspace: str, ticket: str) -> Lot | None:
    try:
        row = StandingRow.get(*keys.ticket_lot(workspace, ticket), consistent_read=True)
    except DoesNotExist:
        return None
    return Lot(workspace, ticket, int(row.version), row.month, row.unit)


def _move(known: Lot | None, lot: Lot) -> TransactWrite:
    """From where a ticket stands to where it is to stand, unless somebody moved it meanwhile."""
    together = transaction()
    unchanged = StandingRow.pk.does_not_exist() if known is None else StandingRow.version == known.version
    key = keys.ticket_lot(lot.workspace, lot.ticket)
    together.save(StandingRow(*key, version=lot.version, month=lot.month, unit=lot.unit), condition=unchanged)
    before, after = _key(known), _key(lot)
    if before is not None and before != after:
        together.delete(LotRow(*before))
    if after is not None:
        together.save(LotRow(*after, unit=lot.unit))
    counts = Counter(_counts(lot))
    counts.subtract(_counts(known))
    for count, more in counts.items():
        if more:
            together.update(ClosedRow(*count), actions=[ClosedRow.tickets.add(more)])
    return together


def _key(lot: Lot | None) -> tuple[str, str] | None:
    """Its row in its month."""
    if lot is None or lot.month is None:
        return None
    return keys.lots(lot.workspace, lot.month), f"{lot.place}#{lot.ticket}"


def _counts(lot: Lot | None) -> Iterator[tuple[str, str]]:
    """The counts that a ticket is in: of each unit above it, and of all."""
    if lot is not None and lot.month is not None:
        part = keys.shard(lot.ticket, keys.CLOSED_SHARDS)
        for level in _levels(lot.unit):
            yield keys.closed_count(lot.workspace, lot.month, level, part)


def _levels(unit: str | None) -> list[str]:
    """All units (``""``), and each level of ``unit``."""
    names = unit.split(UNIT_SEPARATOR)[:MOST_LEVELS] if unit else []
    return ["", *(UNIT_SEPARATOR.join(names[:depth]) for depth in range(1, len(names) + 1))]


def _parts(workspace: str, month: str, units: Iterable[str]) -> Iterator[tuple[str, str]]:
    for unit in dict.fromkeys(units):
        for part in range(keys.CLOSED_SHARDS):
            yield keys.closed_count(workspace, month, unit, part)


def _position(scope: str, cursor: str | None) -> tuple[str, int]:
    """What a page begins behind, and how many of the month lie before it. Raises Invalid (``invalid_cursor``)."""
    if cursor is None:
        return "!", 0  # before every place: a sort key is never empty
    position = cursors.decode(scope, cursor)
    after, passed = position.get("at"), position.get("n")
    if not isinstance(after, str) or not isinstance(passed, int) or passed < 0:
        raise cursors.invalid()
    return after, passed
