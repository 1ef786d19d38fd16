"""A happy customer as a task for sales, or why there is none. Pure: consent and what a rule asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.contact.policy import Consent, Trait
from chalicelib.domain.ids import digest
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.rules import BUILTIN_HAPPY, Rule

OPEN: Final = "open"
SUPPRESSED: Final = "suppressed"
DROPPED: Final = "dropped"  # nobody tried
OUTCOMES: Final = ("contacted", "unreachable", "not_interested", DROPPED)  # how an open one ends
STATES: Final = (OPEN, *OUTCOMES, SUPPRESSED)

CONSENT_UNSET: Final = "consent_unset"  # no policy says how a customer consents
NO_CONSENT: Final = "no_consent"
CASE_COMING: Final = "case_open"  # the same voice asks for a ticket


@dataclass(frozen=True, slots=True)
class Followup:
    """One a voice. ``reasons`` are codes: the rules that asked for it, or what suppressed it."""

    workspace: str
    id: str
    feedback: str
    state: str  # STATES
    at: datetime
    customer: str | None = None  # ids.customer_key
    unit: str | None = None
    department: str | None = None
    owner: str | None = None
    reasons: tuple[str, ...] = ()
    next_at: datetime | None = None  # of a suppressed one: when nothing would have stood in the way
    closed_by: str | None = None
    closed_at: datetime | None = None
    note: str | None = field(default=None, repr=False)


def followup_id(workspace: str, feedback: str) -> str:
    """One a voice, whatever its revisions."""
    return "fu_" + digest("followup", workspace, feedback)


def rules_asking(feedback: Feedback) -> tuple[str, ...]:
    """Names of the rules that ask for a follow-up of this voice now."""
    return tuple(why.rule for why in feedback.decision.actions.get("followup", ()) if not why.lapsed)


def consents(feedback: Feedback, consent: Consent) -> bool:
    """Whether the voice says that sales may call."""
    return Trait(consent.attribute, consent.values).fits(feedback.attributes)


def happy_rule(consent: Consent) -> Rule:
    """The shipped rule as it is switched on: happy customers who consent."""
    condition: dict[str, Any] = {
        "all": [
            BUILTIN_HAPPY.when,
            {"field": f"attributes.{consent.attribute}", "op": "in", "value": list(consent.values)},
        ]
    }
    return Rule(BUILTIN_HAPPY.name, condition, BUILTIN_HAPPY.then, severity=BUILTIN_HAPPY.severity)
