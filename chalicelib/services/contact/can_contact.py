"""May a customer be contacted now, and a slot taken for it: two that race for the last one have one winner.

Whoever is about to have a customer contacted asks here and nowhere else::

    taken = can_contact.claim_for(ticket, "verification", channel=None, claim=f"verification#{ticket.id}")
    taken.answer.allowed, taken.answer.reasons, taken.answer.next_at
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from chalicelib.domain.cases.case import MOST_CASES
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.contact.address import plain, spellings
from chalicelib.domain.contact.policy import (
    OPTED_OUT,
    Answer,
    Ask,
    ContactPolicy,
    Held,
    Skip,
    Slot,
    Standing,
    judge,
    with_slot,
)
from chalicelib.domain.ids import customer_key
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.voice import Customer
from chalicelib.errors import Conflict, Retryable
from chalicelib.services.ports import Clock

ATTEMPTS: Final = 8  # each lost race means that somebody else took a slot
MOST_KEYS: Final = 10  # under which one person is known at once
MOST_ASKED: Final = 5  # cases, the newest, that are asked who their customer is
_KEY: Final = re.compile(r"cu_[a-z2-7]{26}")

Person = tuple[str, ...]  # customer keys (``ids.customer_key``) of one and the same person; () for nobody known


@dataclass(frozen=True, slots=True)
class Claimed:
    """``again``: the slot was taken before under the same claim."""

    answer: Answer
    person: Person
    again: bool = False


class Policies(Protocol):
    def get(self, workspace: str) -> ContactPolicy:
        """The one in force; the shipped one where there is none."""


class OptOuts(Protocol):
    def of(self, workspace: str, keys: Sequence[str]) -> Mapping[str, datetime]:
        """Channel → since when, over all keys; strongly consistent."""


class Slots(Protocol):
    def held(self, workspace: str, keys: Sequence[str]) -> Mapping[str, Held]:
        """By key, strongly consistent."""

    def take(self, workspace: str, before: Mapping[str, Held], slots: Mapping[str, tuple[Slot, ...]]) -> bool:
        """Write the slots of all keys or of none; False when one is no longer at its version."""

    def skip(self, workspace: str, skip: Skip) -> None:
        """Write the refusal into the ledger."""


class Cases(Protocol):
    def of_customer(self, workspace: str, customer: str, *, limit: int) -> Sequence[Ticket]: ...


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class Vault(Protocol):
    def customer_ref(self, workspace: str, customer_id: str) -> str: ...

    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> dict[str, str] | None: ...


@dataclass(frozen=True, slots=True)
class CanContact:
    """``zone``: (workspace, unit) → the time zone of quiet hours."""

    policies: Policies
    opt_outs: OptOuts
    slots: Slots
    cases: Cases
    voices: Voices
    vault: Vault
    zone: Callable[[str, str | None], ZoneInfo]
    clock: Clock

    # --- who ------------------------------------------------------------------------------------------------------

    def named(
        self, workspace: str, *, customer: str | None = None, phone: str | None = None, email: str | None = None
    ) -> Person:
        """The person whom a caller names in one way or several. ``customer`` is an id or a key (``cu_…``)."""
        given = [*(spellings(customer) if customer else ()), *(plain(one) for one in (phone, email) if one)]
        refs = [self.vault.customer_ref(workspace, one) for one in given]
        return tuple(dict.fromkeys(one if _KEY.fullmatch(one) else customer_key(workspace, one) for one in refs))

    def of_voice(self, voice: Feedback) -> Person:
        """Who said it: by id, and by the phone number and the address that came with it."""
        workspace = voice.workspace
        known = [customer_key(workspace, one) for one in (voice.customer_ref,) if one]
        contact: Mapping[str, str] = {}
        if voice.contact is not None and voice.subject is not None:
            contact = self.vault.open_contact(workspace, voice.subject, voice.contact) or {}
        more = self.named(workspace, customer=contact.get("id"), phone=contact.get("phone"), email=contact.get("email"))
        return tuple(dict.fromkeys((*known, *more)))[:MOST_KEYS]

    def of_customer(self, workspace: str, customer: Customer) -> Person:
        """Who a voice that has just arrived says its customer is."""
        return self.named(workspace, customer=customer.id, phone=customer.phone, email=customer.email)

    def of_ticket(self, ticket: Ticket) -> Person:
        """Whose case it is."""
        return self._of_case(ticket, self.voices.get(ticket.workspace, ticket.feedback))

    def _of_case(self, ticket: Ticket, voice: Feedback | None) -> Person:
        known = (ticket.customer,) if ticket.customer else ()
        return tuple(dict.fromkeys((*known, *(self.of_voice(voice) if voice else ()))))[:MOST_KEYS]

    # --- ask ------------------------------------------------------------------------------------------------------

    def ask(self, workspace: str, person: Person, ask: Ask) -> Answer:
        """What each rule says now; nothing is taken. Raises Retryable."""
        whole, cases = self._whole(workspace, person)
        return self._judged(workspace, whole, cases, ask)[0]

    def claim(self, workspace: str, person: Person, ask: Ask, *, claim: str) -> Claimed:
        """Take a slot if every rule lets pass; a refusal goes into the ledger of skips.

        ``claim`` is the caller's id of this contact: asking again finds it taken, and takes no other.
        Raises Conflict (``claim_reused``) for an id that stands for another contact, Retryable.
        """
        whole, cases = self._whole(workspace, person)
        for _ in range(ATTEMPTS):
            answer, held = self._judged(workspace, whole, cases, ask)
            known = next((one for one in _all(held) if one.claim == claim), None)
            # Whoever opted out since then is left alone, slot or no slot.
            if known is not None and OPTED_OUT not in answer.reasons:
                if (known.purpose, known.channel) != (ask.purpose, ask.channel):
                    raise Conflict("This claim was for another contact.", code="claim_reused", pointer="/claim")
                return Claimed(replace(answer, allowed=True, next_at=known.at), whole, again=True)
            if not answer.allowed:
                self._skip(workspace, whole, ask, claim, answer)
                return Claimed(answer, whole)
            slot = Slot(claim, self.clock(), ask.purpose, ask.channel)
            if self.slots.take(workspace, held, {key: with_slot(one.slots, slot) for key, one in held.items()}):
                return Claimed(answer, whole)
        raise Retryable("The slots of this person keep changing.", code="contended")

    def release(self, workspace: str, person: Person, *, claim: str) -> bool:
        """Give a slot back: what it was taken for did not happen. False when there is none. Raises Retryable."""
        whole, _ = self._whole(workspace, person)
        for _ in range(ATTEMPTS):
            held = self.slots.held(workspace, whole) if whole else {}
            left = {key: tuple(slot for slot in one.slots if slot.claim != claim) for key, one in held.items()}
            before = {key: one for key, one in held.items() if left[key] != one.slots}
            if not before:
                return False
            if self.slots.take(workspace, before, {key: left[key] for key in before}):
                return True
        raise Retryable("The slots of this person keep changing.", code="contended")

    def refuse(self, workspace: str, person: Person, ask: Ask, *, claim: str, reasons: tuple[str, ...]) -> None:
        """Put into the ledger what somebody else had against a contact."""
        who = person[0] if person else None
        self.slots.skip(workspace, Skip(self.clock(), claim, who, ask.purpose, ask.channel, reasons, None))

    def claim_for(self, ticket: Ticket, purpose: str, *, channel: str | None, claim: str) -> Claimed:
        """``claim`` about a ticket: its customer, its unit's quiet hours, and the case itself not counted as open."""
        voice = self.voices.get(ticket.workspace, ticket.feedback)
        attributes = voice.attributes if voice else {}
        ask = Ask(purpose, channel, ticket.unit, sparing=ticket.id, attributes=attributes)
        return self.claim(ticket.workspace, self._of_case(ticket, voice), ask, claim=claim)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _whole(self, workspace: str, person: Person) -> tuple[Person, Sequence[Ticket]]:
        """All keys of a person, with those that the newest cases tell, and the cases of all of them.

        Of one case alone, one that came without a number would have an opt-out by SMS forgotten.
        """
        cases = self._cases(workspace, person)
        newest = sorted(cases, key=lambda one: (one.opened_at, one.id), reverse=True)[:MOST_ASKED]
        told = (key for one in newest for key in self.of_ticket(one))
        whole = tuple(dict.fromkeys((*person, *told)))[:MOST_KEYS]
        more = tuple(one for one in whole if one not in person)
        return whole, [*cases, *self._cases(workspace, more)]

    def _cases(self, workspace: str, person: Person) -> list[Ticket]:
        found = (self.cases.of_customer(workspace, key, limit=MOST_CASES) for key in person)
        return list({one.id: one for some in found for one in some}.values())

    def _judged(
        self, workspace: str, person: Person, cases: Sequence[Ticket], ask: Ask
    ) -> tuple[Answer, Mapping[str, Held]]:
        held = self.slots.held(workspace, person) if person else {}
        others = [one for one in cases if one.id != ask.sparing]
        standing = Standing(
            opted_out=self.opt_outs.of(workspace, person) if person else {},
            open_cases=sum(one.state not in SETTLED for one in others),
            complained_at=max((one.opened_at for one in others), default=None),
            slots=tuple({one.claim: one for one in _all(held)}.values()),
            known=bool(person),
        )
        zone = self.zone(workspace, ask.unit)
        return judge(self.policies.get(workspace), standing, ask, self.clock(), zone), held

    def _skip(self, workspace: str, person: Person, ask: Ask, claim: str, answer: Answer) -> None:
        who = person[0] if person else None
        refused = Skip(self.clock(), claim, who, ask.purpose, ask.channel, answer.reasons, answer.next_at)
        self.slots.skip(workspace, refused)


def _all(held: Mapping[str, Held]) -> Iterable[Slot]:
    return (slot for one in held.values() for slot in one.slots)
