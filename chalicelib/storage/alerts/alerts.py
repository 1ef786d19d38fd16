"""Alert keys, what waits under them, what was named, what was sent, and what SMS cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition

from chalicelib.domain.alerts.alert import IDLE, NAMING_DAYS, Alert, AlertKey, Cooldown, Mention
from chalicelib.domain.vocabulary import NO_UNIT, severity_rank
from chalicelib.errors import Retryable
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row, transaction

_KEY_DAYS: Final = 35  # an idle key is forgotten after its namings
_SPEND_DAYS: Final = 3
_SUBJECTS: Final = 16  # ids kept on an alert row: it stays within one write unit
_CONFLICTS: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class CooldownRow(Row):
    """State of one alert key. Its words are kept because wake-ups carry the key's hash alone."""

    rule = UnicodeAttribute()
    topic = UnicodeAttribute()
    unit = UnicodeAttribute()
    state = UnicodeAttribute()
    version = NumberAttribute()
    arrivals = NumberAttribute()
    red_lines = NumberAttribute()
    until = NumberAttribute()


class NamingRow(Row):
    """There exactly when the subject waits under the key of ``topic`` and ``unit``, or was named there."""

    topic = UnicodeAttribute()
    unit = UnicodeAttribute()
    rank = NumberAttribute()


class WaitingRow(Row):
    """One mention, until a message has named it. ``doc`` is the mention."""

    doc = PackedJSONAttribute()


class AlertRow(Row):
    """A message that was sent. The outbox reads the top-level fields; ``doc`` holds the first subjects.

    ``feedback``: the voice that leads it; ``opens``: the ticket which that voice opens, ``touchpoint``: where it was.
    """

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    rule = UnicodeAttribute()
    severity = UnicodeAttribute()
    unit = UnicodeAttribute(null=True)
    topic = UnicodeAttribute()
    feedback = UnicodeAttribute(null=True)
    opens = UnicodeAttribute(null=True)
    touchpoint = UnicodeAttribute(null=True)
    named = NumberAttribute()
    swallowed = NumberAttribute()
    raised_at = UnicodeAttribute()
    doc = PackedJSONAttribute()


class SpendRow(Row):
    """SMS parts of one workspace on one UTC day."""

    parts = NumberAttribute()


class AlertStore:
    """The rows behind ``services.alerts.send_alert`` and ``services.alerts.raise_alert``. Bound by the wiring."""

    def __init__(self, *, retention_days: int) -> None:
        self._retention = timedelta(days=retention_days)

    # --- what waits -------------------------------------------------------------------------------------------

    def admit(self, key: AlertKey, mention: Mention, *, at: datetime) -> AlertKey | None:
        """Let ``mention`` wait under ``key``, unless it was named for this rule in the last 30 days as severely.

        Returns the key under which it waits (an earlier revision may have chosen another one), None when it was named.
        The naming and the waiting row are one transaction: a naming alone would lose the mention.
        Raises Retryable when two workers admit the same subject at once.
        """
        rank = severity_rank(mention.severity)
        naming = NamingRow(
            *keys.naming(key.workspace, mention.subject, key.rule),
            topic=key.topic,
            unit=key.unit,
            rank=rank,
            expires_at=_after(at, timedelta(days=NAMING_DAYS)),
        )
        waiting = WaitingRow(
            *keys.swallowed(key.workspace, key.id, mention.subject, rank),
            doc=_mention_doc(mention),
            expires_at=_after(at, timedelta(days=_KEY_DAYS)),
        )
        fresh = NamingRow.pk.does_not_exist() | (NamingRow.expires_at <= at.timestamp()) | (NamingRow.rank < rank)
        try:
            with transaction() as writes:
                writes.save(naming, condition=fresh)
                writes.save(waiting)
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if codes & _CONFLICTS:
                raise Retryable("The same thing is being named by another worker.", code="alert_busy") from None
            if "ConditionalCheckFailed" in codes:
                return self._waits_under(key, mention.subject)
            raise
        return key

    def _waits_under(self, key: AlertKey, subject: str) -> AlertKey | None:
        try:
            naming = NamingRow.get(*keys.naming(key.workspace, subject, key.rule), consistent_read=True)
            there = AlertKey(key.workspace, key.rule, naming.topic, naming.unit)
            WaitingRow.get(*keys.swallowed(key.workspace, there.id, subject, int(naming.rank)), consistent_read=True)
        except DoesNotExist:
            return None
        return there

    def waiting(self, key: AlertKey, *, at: datetime, most: int) -> Sequence[Mention]:
        """What waits under ``key``, at most ``most``."""
        pk, prefix = keys.cooldown(key.workspace, key.id)[0], "SWALLOWED#"
        rows = WaitingRow.query(pk, WaitingRow.sk.startswith(prefix), consistent_read=True, limit=most)
        return [_mention_of(row.doc) for row in rows if row.expires_at is None or row.expires_at > at.timestamp()]

    def forget(self, key: AlertKey, mentions: Iterable[Mention]) -> None:
        """Drop what a message has named. 25 to a call: a bundle may name thousands."""
        with WaitingRow.batch_write() as batch:
            for mention in mentions:
                rank = severity_rank(mention.severity)
                batch.delete(WaitingRow(*keys.swallowed(key.workspace, key.id, mention.subject, rank)))

    # --- the key ----------------------------------------------------------------------------------------------

    def arrive(self, key: AlertKey, *, red_line: bool, at: datetime) -> Cooldown:
        """Count an arrival that waits already, and return the key as it is then. An unknown key begins idle."""
        row = CooldownRow(*keys.cooldown(key.workspace, key.id))
        row.update(
            [
                CooldownRow.arrivals.add(1),
                CooldownRow.red_lines.add(1 if red_line else 0),
                CooldownRow.rule.set(key.rule),
                CooldownRow.topic.set(key.topic),
                CooldownRow.unit.set(key.unit),
                CooldownRow.state.set(CooldownRow.state | IDLE),
                CooldownRow.version.set(CooldownRow.version | 0),
                CooldownRow.until.set(CooldownRow.until | 0),
                CooldownRow.expires_at.set(_after(at, timedelta(days=_KEY_DAYS))),
            ]
        )
        return _cooldown_of(row)

    def load(self, workspace: str, key_id: str) -> tuple[AlertKey, Cooldown] | None:
        """The key by the id that a wake-up carries; None when it is forgotten."""
        try:
            row = CooldownRow.get(*keys.cooldown(workspace, key_id), consistent_read=True)
        except DoesNotExist:
            return None
        return AlertKey(workspace, row.rule, row.topic, row.unit), _cooldown_of(row)

    def change(
        self, key: AlertKey, before: Cooldown, after: Cooldown, *, at: datetime, unchanged: str | None = None
    ) -> bool:
        """Move the key from ``before`` to ``after``; False when somebody else moved it first.

        ``unchanged`` names a counter (``arrivals`` or ``red_lines``) that must still stand where ``before`` saw it.
        """
        condition: Condition = CooldownRow.version == before.version
        if unchanged == "arrivals":
            condition &= CooldownRow.arrivals == before.arrivals
        elif unchanged == "red_lines":
            condition &= CooldownRow.red_lines == before.red_lines
        row = CooldownRow(*keys.cooldown(key.workspace, key.id))
        ends = max(at.timestamp(), after.until)
        try:
            row.update(
                [
                    CooldownRow.state.set(after.state),
                    CooldownRow.version.set(after.version),
                    CooldownRow.until.set(after.until),
                    CooldownRow.expires_at.set(round(ends + _KEY_DAYS * 86400)),
                ],
                condition,
            )
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    # --- what was sent ----------------------------------------------------------------------------------------

    def record(self, alert: Alert) -> None:
        """Write the message; the insert puts ``alert.raised`` on the bus."""
        lead = alert.lead
        AlertRow(
            *keys.alert(alert.key.workspace, alert.id),
            workspace=alert.key.workspace,
            id=alert.id,
            rule=alert.key.rule,
            severity=alert.severity,
            unit=None if alert.key.unit == NO_UNIT else alert.key.unit,
            topic=alert.key.topic,
            feedback=lead.subject if lead else None,
            opens=lead.ticket if lead else None,
            touchpoint=lead.touchpoint if lead else None,
            named=len(alert.mentions),
            swallowed=alert.swallowed,
            raised_at=keys.instant(alert.at),
            doc={"subjects": [mention.subject for mention in alert.mentions[:_SUBJECTS]]},
            expires_at=_after(alert.at, self._retention),
        ).save()

    def spend(self, workspace: str, parts: int, *, limit: int, at: datetime) -> bool:
        """Take ``parts`` from the day's ``limit`` in one conditional write; False, and nothing taken, without room."""
        if parts > limit:
            return False
        row = SpendRow(*keys.spend(workspace, keys.day(at)))
        room = SpendRow.parts.does_not_exist() | (SpendRow.parts <= limit - parts)
        try:
            row.update(
                [SpendRow.parts.add(parts), SpendRow.expires_at.set(_after(at, timedelta(days=_SPEND_DAYS)))], room
            )
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def refund(self, workspace: str, parts: int, *, at: datetime) -> None:
        """Give back what ``spend`` took at the same instant, when nothing was sent."""
        SpendRow(*keys.spend(workspace, keys.day(at))).update([SpendRow.parts.add(-parts)])


def _after(at: datetime, span: timedelta) -> int:
    return round((at + span).timestamp())


def _cooldown_of(row: CooldownRow) -> Cooldown:
    return Cooldown(
        state=row.state,
        version=int(row.version),
        arrivals=int(row.arrivals),
        red_lines=int(row.red_lines),
        until=float(row.until),
    )


def _mention_doc(mention: Mention) -> dict[str, Any]:
    return {
        "subject": mention.subject,
        "severity": mention.severity,
        "cooldown": mention.cooldown,
        "red_line": mention.red_line,
        "ticket": mention.ticket,
        "what": mention.what,
        "code": mention.code,
        "touchpoint": mention.touchpoint,
    }


def _mention_of(doc: Mapping[str, Any]) -> Mention:
    return Mention(**doc)
