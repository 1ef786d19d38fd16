"""A voice that a rule asks to follow up becomes a task for sales, unless the customer should be left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chalicelib.domain.cases.ticket import wants_ticket
from chalicelib.domain.contact.followup import (
    CASE_COMING,
    CONSENT_UNSET,
    DROPPED,
    NO_CONSENT,
    OPEN,
    SUPPRESSED,
    Followup,
    consents,
    followup_id,
    rules_asking,
)
from chalicelib.domain.contact.policy import Ask, ContactPolicy
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.contact.can_contact import CanContact, Voices
from chalicelib.services.ports import Clock

Owners = Callable[[str, Sequence[str], str | None], str | None]  # workspace, departments, unit → person


class Policies(Protocol):
    def get(self, workspace: str) -> ContactPolicy: ...


class Followups(Protocol):
    def get(self, workspace: str, followup_id: str) -> Followup | None:
        """Strongly consistent."""

    def create(self, followup: Followup) -> bool:
        """Write it, which puts an open one on the bus; False when there is one."""

    def end(self, followup: Followup) -> bool:
        """Write how it ended; False when it is not open any more."""


@dataclass(frozen=True, slots=True)
class SuggestFollowup:
    """``owner``: who is answerable now. A voice is decided once: what suppressed it is kept, with the reasons."""

    voices: Voices
    followups: Followups
    policies: Policies
    can_contact: CanContact
    owner: Owners
    clock: Clock

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """``detail`` is that of a ``feedback.*`` event. suggested | suppressed | None. Raises Retryable.

        The slot is taken before the task is written, under the id of the task: a repetition finds both.
        """
        voice = self.voices.get(str(detail.get("workspace")), str(detail.get("feedback_id")))
        rules = rules_asking(voice) if voice is not None else ()
        if voice is None or not rules:
            return None
        identity = followup_id(voice.workspace, voice.id)
        if self.followups.get(voice.workspace, identity) is not None:
            return None
        made = self._decided(voice, identity, rules)
        self.followups.create(made)
        return "suppressed" if made.state == SUPPRESSED else "suggested"

    def _decided(self, voice: Feedback, identity: str, rules: tuple[str, ...]) -> Followup:
        policy, person = self.policies.get(voice.workspace), self.can_contact.of_voice(voice)
        made = Followup(
            workspace=voice.workspace,
            id=identity,
            feedback=voice.id,
            state=OPEN,
            at=self.clock(),
            customer=person[0] if person else None,
            unit=voice.unit,
            department=policy.followup_department,
            reasons=rules,
        )
        against = _against(voice, policy)
        # When sales calls is for sales to choose, so the quiet hours of now refuse nothing.
        ask = Ask("followup", policy.followup_channel, voice.unit, later=True, attributes=voice.attributes)
        if against:
            self.can_contact.refuse(voice.workspace, person, ask, claim=identity, reasons=against)
            return replace(made, state=SUPPRESSED, reasons=against)
        taken = self.can_contact.claim(voice.workspace, person, ask, claim=identity)
        if not taken.answer.allowed:
            return replace(made, state=SUPPRESSED, reasons=taken.answer.reasons, next_at=taken.answer.next_at)
        return replace(made, owner=self.owner(voice.workspace, (policy.followup_department,), voice.unit))

    def end(self, seen: Followup, outcome: str, note: str | None, *, by: str) -> Followup:
        """How a task ended. One that is dropped has contacted nobody: its slot is free again.

        Raises Conflict (``not_open``), Retryable.
        """
        ended = replace(seen, state=outcome, closed_by=by, closed_at=self.clock(), note=colleagues_words(note))
        if seen.state != OPEN or not self.followups.end(ended):
            raise Conflict("This follow-up is not open.", code="not_open")
        voice = self.voices.get(seen.workspace, seen.feedback) if outcome == DROPPED else None
        if voice is not None:
            self.can_contact.release(seen.workspace, self.can_contact.of_voice(voice), claim=seen.id)
        return ended

    def get(self, workspace: str, identity: str) -> Followup:
        """Raises NotFound."""
        found = self.followups.get(workspace, identity)
        if found is None:
            raise nowhere()
        return found


def _against(voice: Feedback, policy: ContactPolicy) -> tuple[str, ...]:
    """What of the voice itself speaks against it, before anybody is asked about the customer."""
    found = [CASE_COMING] if wants_ticket(voice) else []
    if policy.consent is None:
        found.append(CONSENT_UNSET)
    elif not consents(voice, policy.consent):
        found.append(NO_CONSENT)
    return tuple(found)
