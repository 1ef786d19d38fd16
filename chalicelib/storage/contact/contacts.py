"""What decides whether a customer is contacted: policy, opt-outs, slots, and the ledger of what was refused.

A customer stands here by key alone (``ids.customer_key``). Opt-outs have no expiry: they outlive every voice and case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError
from pynamodb.expressions.condition import Condition

from chalicelib.domain.cases.sla import QuietHours
from chalicelib.domain.contact.opt_out import OptOut
from chalicelib.domain.contact.policy import KEPT, Cap, Consent, ContactPolicy, Held, Quiet, Skip, Slot, Trait
from chalicelib.domain.ids import digest
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row, committed, transaction

SKIP_KEPT: Final = timedelta(days=90)
_EPOCH: Final = "0"
_END: Final = "9999"
_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#[a-z2-7]{26}")


class PolicyRow(Row):
    """The policy in force; ``version`` is the optimistic lock."""

    version = NumberAttribute()
    by = UnicodeAttribute()
    at = UnicodeAttribute()
    doc = PackedJSONAttribute()


class OptOutRow(Row):
    """``out``: whether the last word was no."""

    out = BooleanAttribute()
    at = UnicodeAttribute()
    how = UnicodeAttribute()


class SlotsRow(Row):
    """The slots of one customer; ``version`` is the optimistic lock of every claim."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class SkipRow(Row):
    """One refusal, written once."""

    doc = PackedJSONAttribute()


class ContactStore:
    """The ports of ``services.contact.can_contact`` and what manages policy and opt-outs. Bound by the wiring."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    # --- the policy -------------------------------------------------------------------------------------------

    def get(self, workspace: str) -> ContactPolicy:
        """The one in force; the shipped one where there is none."""
        try:
            row = PolicyRow.get(*keys.contact_policy(workspace), consistent_read=True)
        except DoesNotExist:
            return ContactPolicy()
        return _policy_of(row.doc, int(row.version))

    def put(self, workspace: str, policy: ContactPolicy, *, by: str) -> bool:
        """Bring it into force after the version before it; False when that is not the one in force any more."""
        unchanged = PolicyRow.pk.does_not_exist() if policy.version == 1 else PolicyRow.version == policy.version - 1
        at = keys.instant(self._clock())
        row = PolicyRow(*keys.contact_policy(workspace), version=policy.version, by=by, at=at, doc=_policy_doc(policy))
        return _saved(row, unchanged)

    # --- opt-outs ---------------------------------------------------------------------------------------------

    def of(self, workspace: str, customers: Sequence[str]) -> Mapping[str, datetime]:
        """Channel → since when, over all keys; strongly consistent."""
        out: dict[str, datetime] = {}
        for customer in customers:
            for one in self.said(workspace, customer):
                if one.out:
                    out[one.channel] = min(one.at, out.get(one.channel, one.at))
        return out

    def said(self, workspace: str, customer: str) -> Sequence[OptOut]:
        """What one customer last said about each channel."""
        pk, _ = keys.opt_out(workspace, customer, "")
        return [
            OptOut(row.sk, bool(row.out), datetime.fromisoformat(row.at), row.how)
            for row in OptOutRow.query(pk, consistent_read=True)
        ]

    def say(self, workspace: str, customer: str, word: OptOut) -> bool:
        """Keep a word unless a later one is kept; False then. Of two of one moment the no stays."""
        row = OptOutRow(
            *keys.opt_out(workspace, customer, word.channel),
            out=word.out,
            at=keys.instant(word.at),
            how=word.how,
        )
        later = OptOutRow.at <= row.at if word.out else OptOutRow.at < row.at
        return _saved(row, OptOutRow.pk.does_not_exist() | later)

    # --- slots ------------------------------------------------------------------------------------------------

    def held(self, workspace: str, customers: Sequence[str]) -> Mapping[str, Held]:
        """By key, strongly consistent."""
        found = {key: Held(0, ()) for key in customers}
        for key in found:
            try:
                row = SlotsRow.get(*keys.contact_slots(workspace, key), consistent_read=True)
            except DoesNotExist:
                continue
            slots = tuple(Slot(one[0], datetime.fromisoformat(one[1]), one[2], one[3]) for one in row.doc)
            found[key] = Held(int(row.version), slots)
        return found

    def take(self, workspace: str, before: Mapping[str, Held], slots: Mapping[str, tuple[Slot, ...]]) -> bool:
        """Write the slots of all keys or of none; False when one is no longer at its version."""
        together = transaction()
        expires_at = int((self._clock() + KEPT).timestamp())
        for key, held in before.items():
            doc = [[one.claim, one.at.isoformat(), one.purpose, one.channel] for one in slots[key]]
            row = SlotsRow(
                *keys.contact_slots(workspace, key), version=held.version + 1, doc=doc, expires_at=expires_at
            )
            # A row whose time is over may be there still, or be gone since it was read: both are a new start.
            unchanged = SlotsRow.pk.does_not_exist() if held.version == 0 else SlotsRow.version == held.version
            together.save(row, condition=unchanged)
        return committed(together)

    # --- the ledger -------------------------------------------------------------------------------------------

    def skip(self, workspace: str, skip: Skip) -> None:
        """Write the refusal into the ledger."""
        doc = {
            "claim": skip.claim,
            "person": skip.person,
            "purpose": skip.purpose,
            "channel": skip.channel,
            "reasons": skip.reasons,
            "next_at": skip.next_at.isoformat() if skip.next_at else None,
        }
        key = keys.contact_skip(workspace, skip.at, digest(skip.claim))
        SkipRow(*key, doc=doc, expires_at=int((skip.at + SKIP_KEPT).timestamp())).save()

    def skips(
        self, workspace: str, since: datetime | None, until: datetime | None, *, limit: int, cursor: str | None
    ) -> tuple[Sequence[Skip], str | None]:
        """One page of ``since`` ≤ time < ``until``, newest first. Raises Invalid (``invalid_cursor``)."""
        pk, _ = keys.contact_skip(workspace, self._clock(), "")
        first, last = keys.instant(since) if since else _EPOCH, keys.instant(until) if until else _END
        scope = "\n".join(("skips", workspace, first, last))
        start = _start(pk, (first, last), scope, cursor)
        found = list(
            SkipRow.query(
                pk,
                SkipRow.sk.between(first, last),
                scan_index_forward=False,
                consistent_read=True,
                limit=limit + 1,
                last_evaluated_key=start,
            )
        )
        more = cursors.encode(scope, {"at": found[limit - 1].sk}) if len(found) > limit else None
        return [_skip_of(row) for row in found[:limit]], more


def _start(pk: str, span: tuple[str, str], scope: str, cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    position = cursors.decode(scope, cursor).get("at")
    # A start outside of the span is an error to DynamoDB, so a made-up one must not get there.
    if not isinstance(position, str) or not _POSITION.fullmatch(position) or not span[0] <= position <= span[1]:
        raise cursors.invalid()
    return {"pk": {"S": pk}, "sk": {"S": position}}


def _skip_of(row: SkipRow) -> Skip:
    doc, at = row.doc, row.sk.partition("#")[0]
    next_at = datetime.fromisoformat(doc["next_at"]) if doc["next_at"] else None
    return Skip(
        datetime.fromisoformat(at),
        doc["claim"],
        doc["person"],
        doc["purpose"],
        doc["channel"],
        tuple(doc["reasons"]),
        next_at,
    )


def _saved(row: Row, condition: Condition) -> bool:
    try:
        row.save(condition)
    except PutError as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _policy_doc(policy: ContactPolicy) -> dict[str, Any]:
    return {name: value for name, value in asdict(policy).items() if name != "version"}


def _cap_of(doc: Mapping[str, Any]) -> Cap:
    who = doc.get("who")
    trait = who and Trait(who["attribute"], tuple(who["values"]), who["others"])
    return Cap(**{**doc, "purposes": tuple(doc["purposes"]), "channels": tuple(doc["channels"]), "who": trait})


def _policy_of(doc: Mapping[str, Any], version: int) -> ContactPolicy:
    caps = tuple(_cap_of(one) for one in doc["caps"])
    quiet, consent = doc["quiet"], doc["consent"]
    return ContactPolicy(
        version=version,
        caps=caps,
        quiet=quiet and Quiet(QuietHours(**quiet["hours"]), quiet["time_zone"], tuple(quiet["purposes"])),
        open_case=tuple(doc["open_case"]),
        recent_complaint=tuple(doc["recent_complaint"]),
        complaint_days=doc["complaint_days"],
        priority=tuple(doc["priority"]),
        consent=consent and Consent(consent["attribute"], tuple(consent["values"])),
        followup_department=doc["followup_department"],
        followup_channel=doc["followup_channel"],
    )
