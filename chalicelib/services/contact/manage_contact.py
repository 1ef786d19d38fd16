"""A workspace's contact policy, and what its customers say to being contacted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.domain.contact.followup import happy_rule
from chalicelib.domain.contact.opt_out import MESSAGE, OptOut, opts_out
from chalicelib.domain.contact.policy import ALL_CHANNELS, Consent, ContactPolicy
from chalicelib.domain.workspaces.limits import MAX_RULES, room_for_one_more
from chalicelib.domain.workspaces.rules import BUILTIN_HAPPY, Rule
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.contact.can_contact import Person
from chalicelib.services.ports import Clock


class Store(Protocol):
    def get(self, workspace: str) -> ContactPolicy: ...

    def put(self, workspace: str, policy: ContactPolicy, *, by: str) -> bool:
        """After the version before it; False when that is not the one in force any more."""

    def said(self, workspace: str, customer: str) -> Sequence[OptOut]:
        """What one customer last said about each channel."""

    def say(self, workspace: str, customer: str, word: OptOut) -> bool:
        """Keep a word unless a later one is kept; False then."""


class Rules(Protocol):
    def own_rules(self, workspace: str) -> Sequence[Rule]: ...

    def put_rule(self, workspace: str, rule: Rule, *, above: int = 0) -> Rule: ...

    def delete_rule(self, workspace: str, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class ManageContact:
    store: Store
    rules: Rules
    clock: Clock

    # --- the policy -----------------------------------------------------------------------------------------------

    def get(self, workspace: str) -> ContactPolicy:
        """The one in force; of version 0 what is shipped."""
        return self.store.get(workspace)

    def put(self, workspace: str, policy: ContactPolicy, *, by: str) -> ContactPolicy:
        """Bring ``policy`` into force in the place of the version that it names; equal to that one, it is no news.

        A consent switches the rule for happy customers on, taking it back switches it off, unless the workspace has
        written one of its own. Raises Conflict (``version_conflict``, ``too_many``).
        """
        before = self.store.get(workspace)
        after = replace(policy, version=policy.version + 1)
        if policy.version != before.version:
            raise _conflict()
        # The rule first: a policy that is in force without it would look finished.
        self._switch(workspace, before.consent, policy.consent)
        if policy == before and before.version:
            return before
        if not self.store.put(workspace, after, by=by):
            raise _conflict()
        return after

    def _switch(self, workspace: str, before: Consent | None, after: Consent | None) -> None:
        own = {rule.name: rule for rule in self.rules.own_rules(workspace)}
        name, mine = BUILTIN_HAPPY.name, own.get(BUILTIN_HAPPY.name)
        ours = mine is None or any(_alike(mine, happy_rule(one)) for one in (before, after) if one is not None)
        if not ours:
            return
        if after is None:
            if mine is not None:
                self.rules.delete_rule(workspace, name)
        elif mine is None or not _alike(mine, happy_rule(after)):
            room_for_one_more(len([one for one in own if one != name]), MAX_RULES)
            self.rules.put_rule(workspace, happy_rule(after), above=BUILTIN_HAPPY.version)

    # --- opt-outs -------------------------------------------------------------------------------------------------

    def message(self, workspace: str, person: Person, channel: str, text: str, sent_at: datetime | None) -> bool:
        """Whether a customer's message opts them out of its channel; if so, it is kept before this returns.

        Raises Invalid (``unknown_customer``).
        """
        _known(person)
        if not opts_out(text):
            return False
        self.heard(workspace, person, (channel,), sent_at)
        return True

    def heard(self, workspace: str, person: Person, channels: Sequence[str], sent_at: datetime | None) -> None:
        """Keep that a customer's own word opted them out; the same again changes nothing."""
        for channel in channels:
            self._say(workspace, person, OptOut(channel, True, self._at(sent_at), MESSAGE))

    def say(self, workspace: str, person: Person, channel: str, *, out: bool, by: str) -> None:
        """What somebody with the key ``by`` answers for. Opting in to all channels takes back each opt-out.

        Raises Invalid (``unknown_customer``).
        """
        _known(person)
        channels = {channel}
        if not out and channel == ALL_CHANNELS:
            channels |= {one.channel for key in person for one in self.store.said(workspace, key)}
        for one in sorted(channels):
            self._say(workspace, person, OptOut(one, out, self.clock(), by))

    def opt_outs(self, workspace: str, person: Person) -> Sequence[OptOut]:
        """The last word about each channel; of several keys of one person an opt-out counts."""
        found: dict[str, OptOut] = {}
        for one in (one for key in person for one in self.store.said(workspace, key)):
            known = found.get(one.channel)
            if known is None or (one.out, one.at) > (known.out, known.at):
                found[one.channel] = one
        return [found[channel] for channel in sorted(found)]

    def _say(self, workspace: str, person: Person, word: OptOut) -> None:
        for key in person:
            self.store.say(workspace, key, word)

    def _at(self, sent_at: datetime | None) -> datetime:
        """A clock of somebody else's that is ahead must not outlast what is said later."""
        now = self.clock()
        return now if sent_at is None else min(sent_at, now)


def _known(person: Person) -> None:
    if not person:
        raise Invalid("It must be said who the customer is.", code="unknown_customer", pointer="/customer")


def _alike(one: Rule, other: Rule) -> bool:
    return replace(one, version=other.version) == other


def _conflict() -> Conflict:
    return Conflict("The policy has another version by now.", code="version_conflict", pointer="/version")
