"""Contact policies, opt-outs, slots, skips and follow-ups in memory, with the conditions of the real stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from chalicelib.domain.contact.followup import OPEN, Followup
from chalicelib.domain.contact.opt_out import OptOut
from chalicelib.domain.contact.policy import ContactPolicy, Held, Skip, Slot


@dataclass
class FakeContacts:
    """``lose`` makes that many claims be late: somebody else's came first."""

    policies: dict[str, ContactPolicy] = field(default_factory=dict)
    words: dict[tuple[str, str, str], OptOut] = field(default_factory=dict)
    rows: dict[tuple[str, str], Held] = field(default_factory=dict)
    ledger: list[tuple[str, Skip]] = field(default_factory=list)
    lose: int = 0
    lock: Any = field(default_factory=Lock)

    def get(self, workspace: str) -> ContactPolicy:
        return self.policies.get(workspace, ContactPolicy())

    def put(self, workspace: str, policy: ContactPolicy, *, by: str) -> bool:
        if policy.version != self.get(workspace).version + 1:
            return False
        self.policies[workspace] = policy
        return bool(by)

    def of(self, workspace: str, customers: Sequence[str]) -> Mapping[str, datetime]:
        out = [one for key in customers for one in self.said(workspace, key) if one.out]
        return {one.channel: min(other.at for other in out if other.channel == one.channel) for one in out}

    def said(self, workspace: str, customer: str) -> Sequence[OptOut]:
        return [one for (there, key, _), one in sorted(self.words.items()) if (there, key) == (workspace, customer)]

    def say(self, workspace: str, customer: str, word: OptOut) -> bool:
        known = self.words.get((workspace, customer, word.channel))
        if known is not None and (known.at > word.at or (known.at == word.at and not word.out)):
            return False
        self.words[workspace, customer, word.channel] = word
        return True

    def held(self, workspace: str, customers: Sequence[str]) -> Mapping[str, Held]:
        with self.lock:
            return {key: self.rows.get((workspace, key), Held(0, ())) for key in customers}

    def take(self, workspace: str, before: Mapping[str, Held], slots: Mapping[str, tuple[Slot, ...]]) -> bool:
        with self.lock:
            self.lose -= 1
            standing = {key: self.rows.get((workspace, key), Held(0, ())) for key in before}
            if self.lose >= 0 or any(standing[key].version != held.version for key, held in before.items()):
                return False
            for key, held in before.items():
                self.rows[workspace, key] = Held(held.version + 1, slots[key])
            return True

    def skip(self, workspace: str, skip: Skip) -> None:
        self.ledger.append((workspace, skip))

    def skips(
        self, workspace: str, since: datetime | None, until: datetime | None, *, limit: int, cursor: str | None
    ) -> tuple[Sequence[Skip], str | None]:
        assert cursor is None
        found = [one for there, one in reversed(self.ledger) if there == workspace]
        kept = [one for one in found if (since is None or since <= one.at) and (until is None or one.at < until)]
        return kept[:limit], None


@dataclass
class FakeFollowups:
    rows: dict[tuple[str, str], Followup] = field(default_factory=dict)

    def get(self, workspace: str, followup_id: str) -> Followup | None:
        return self.rows.get((workspace, followup_id))

    def create(self, followup: Followup) -> bool:
        return self.rows.setdefault((followup.workspace, followup.id), followup) is followup

    def end(self, followup: Followup) -> bool:
        standing = self.rows.get((followup.workspace, followup.id))
        if standing is None or standing.state != OPEN:
            return False
        self.rows[followup.workspace, followup.id] = followup
        return True

    def page(
        self, workspace: str, *, state: str | None, owner: str | None, limit: int, **_: Any
    ) -> tuple[Sequence[Followup], str | None]:
        found = [one for (there, _), one in self.rows.items() if there == workspace]
        kept = [one for one in found if state in (None, one.state) and owner in (None, one.owner)]
        return sorted(kept, key=lambda one: one.at, reverse=True)[:limit], None
