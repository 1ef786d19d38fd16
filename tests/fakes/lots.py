"""The lots of closed tickets in memory, as the real store has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chalicelib.domain.cases.case import Lot, lot_of
from chalicelib.domain.workspaces.access import is_below
from chalicelib.storage import cursor as cursors
from tests.fakes.tickets import FakeTickets


@dataclass
class FakeLots:
    """Whatever is closed among ``tickets`` has its lot, as if its event had been followed; ``late`` has not been."""

    tickets: FakeTickets = field(default_factory=FakeTickets)
    late: dict[str, Lot] = field(default_factory=dict)
    kept: list[Lot] = field(default_factory=list)

    def keep(self, lot: Lot) -> None:
        self.kept.append(lot)

    def closed(self, workspace: str, month: str, units: Iterable[str | None]) -> list[int]:
        lots = list(self._of(workspace, month))
        return [sum(unit is None or is_below(one.unit, unit) for one in lots) for unit in units]

    def page(
        self, workspace: str, month: str, *, most: int, unit: str | None, limit: int, cursor: str | None
    ) -> tuple[list[str], str | None]:
        scope = f"audit {workspace} {month} {unit}"
        after = str(cursors.decode(scope, cursor)["at"]) if cursor else ""
        first = sorted(self._of(workspace, month), key=lambda one: one.place)[:most]
        found = [one for one in first if one.place > after and (unit is None or is_below(one.unit, unit))]
        more = len(found) > limit
        return [one.ticket for one in found[:limit]], (
            cursors.encode(scope, {"at": found[limit - 1].place}) if more else None
        )

    def _of(self, workspace: str, month: str) -> Iterator[Lot]:
        for (there, ticket_id), ticket in self.tickets.rows.items():
            lot = self.late.get(ticket_id) or lot_of(ticket)
            if (there, lot.month) == (workspace, month):
                yield lot
