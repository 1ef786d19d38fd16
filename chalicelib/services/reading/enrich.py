"""Make out and decide: from a message of the inbox to one stored feedback.

Parse, redact, read, score, decide, and then one conditional put. Only when the id is already taken does it look at
what stands there: a repetition writes nothing, a newer revision takes its place, an older one is kept beside it, and
content that cannot be read is parked with its reason. Whatever arrives however often, in whatever order, the table
ends up the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain import ids
from chalicelib.domain.contact.masks import is_contact
from chalicelib.domain.contact.opt_out import opted_out_of
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.mapping import SETTINGS
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.reading import decided
from chalicelib.domain.reading.rollup import hour_of, is_frozen
from chalicelib.domain.text.redaction import names_identifier, redact
from chalicelib.domain.voice import revision, scoring
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.voice.voice import Canonical, Customer
from chalicelib.domain.workspaces import rules
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Parked, Rejected, Retryable
from chalicelib.services.ports import Clock, Directory, Queue

STORED: Final = "stored"
DUPLICATE: Final = "duplicate"
PARKED: Final = "parked"
PASSED_ON: Final = "passed_on"  # the vendor's API must tell the whole first

MISMATCH: Final = "idempotency_mismatch"
PAUSED: Final = "connection_paused"
REPARSED: Final = "reparsed"
DELETED: Final = "deleted_at_source"
_SETTLED: Final = ("ticketed", "linked")  # states that a new revision does not undo
_TRIES: Final = 5  # of a write that other workers get in the way of


class Source(Protocol):
    """What enrich asks of a source, see ``sources/base.py``."""

    @property
    def fetches(self) -> bool: ...

    def decode(self, raw: bytes) -> Any: ...

    def thin(self, payload: Any) -> bool: ...

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical: ...


class Reader(Protocol):
    """What the words say, see ``understanding/``."""

    def read(self, texts: Sequence[Text]) -> Understanding: ...


class Frames(Protocol):
    def state(self, workspace: str) -> FrameState:
        """The code frame that is active, strongly consistent."""


class Vault(Protocol):
    """Keyed names and encryption, see ``storage/vault.py``."""

    def subject(self, workspace: str, identity: str) -> str: ...

    def customer_ref(self, workspace: str, customer_id: str) -> str: ...

    def seal_contact(self, workspace: str, subject: str, contact: Mapping[str, str]) -> bytes: ...

    def seal_body(self, workspace: str, body: bytes) -> bytes: ...

    def open_body(self, workspace: str, sealed: bytes) -> bytes: ...


class FeedbackWriter(Protocol):
    """The conditional writes of ``storage/voice/feedback.py``: False, or what stands in the way, means look again."""

    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def revisions(self, workspace: str, feedback_id: str) -> Sequence[Feedback]: ...

    def create(self, feedback: Feedback) -> Feedback | None: ...

    def supersede(self, old: Feedback, new: Feedback) -> bool: ...

    def keep_older(self, current: Feedback, renumbered: Feedback, older: Feedback) -> bool: ...

    def erase_words(self, old: Feedback, tombstone: Feedback) -> bool: ...

    def remember(self, old: Feedback, new: Feedback) -> bool: ...

    def park(self, parked: Feedback, raw: bytes) -> Feedback | None: ...

    def park_again(self, old: Feedback, new: Feedback) -> bool: ...

    def unpark(self, parked: Feedback, feedback: Feedback) -> bool: ...

    def displace(self, parked: Feedback, elsewhere: Feedback, raw: bytes, feedback: Feedback) -> bool: ...

    def raw_body(self, workspace: str, feedback_id: str) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: stored | duplicate | parked | passed_on, under which id and for which reason."""

    what: str
    feedback_id: str
    reason: str | None = None


@dataclass(slots=True)
class Configuration:
    """Rules, connections and the active code frame, read once per batch and workspace."""

    directory: Directory
    frames: Frames
    _rules: dict[str, Sequence[Rule]] = field(default_factory=dict)
    _connections: dict[tuple[str, str], Connection | None] = field(default_factory=dict)
    _frames: dict[str, FrameState] = field(default_factory=dict)

    def rules(self, workspace: str) -> Sequence[Rule]:
        if workspace not in self._rules:
            self._rules[workspace] = self.directory.rules(workspace)
        return self._rules[workspace]

    def frame(self, workspace: str) -> FrameState:
        if workspace not in self._frames:
            self._frames[workspace] = self.frames.state(workspace)
        return self._frames[workspace]

    def connection(self, workspace: str, connection_id: str) -> Connection | None:
        key = (workspace, connection_id)
        if key not in self._connections:
            self._connections[key] = self.directory.connection(workspace, connection_id)
        return self._connections[key]


@dataclass(frozen=True, slots=True)
class Enrich:
    """``source`` loads a source by name, ``readers`` gives what reads the words by a code frame.

    ``fetches`` takes what the hook should have sent there; ``retention_days`` is how long feedback is kept.
    ``opt_out`` keeps that a voice opts its customer out of channels.
    """

    store: FeedbackWriter
    vault: Vault
    directory: Directory
    frames: Frames
    source: Callable[[str], Source]
    readers: Callable[[FrameState], Reader]
    fetches: Queue
    clock: Clock
    retention_days: int
    opt_out: Callable[[str, Canonical, Sequence[str]], None] = lambda *_: None

    def batch(self) -> Configuration:
        """A fresh look at what people configured, for one batch."""
        return Configuration(self.directory, self.frames)

    def take(self, envelope: Envelope, configuration: Configuration) -> Outcome:
        """Read one message and store what it says. Raises Retryable when the table was contended or out of reach."""
        try:
            connection = self._connection(envelope, configuration)
            if self._must_be_fetched(envelope, connection):
                self.fetches.send(envelope.to_message())
                return Outcome(PASSED_ON, envelope.feedback_id)
            canonical = self._parse(envelope, connection)
        except Parked as error:
            return self._keep(envelope, error.code)
        feedback = self._feedback(envelope, canonical, configuration)
        outcome = self._store(envelope, canonical, feedback, configuration)
        if envelope.reparse and outcome.what != PARKED and envelope.feedback_id != feedback.id:
            self._close_parked(envelope, feedback.id)
        return outcome

    # --- make out ------------------------------------------------------------------------------------------------

    def _connection(self, envelope: Envelope, configuration: Configuration) -> Connection:
        """The connection as it is now. Raises Parked, also for what must not be read."""
        connection = configuration.connection(envelope.workspace, envelope.connection)
        if connection is None:
            raise Parked("The connection is no longer there.", code="connection_deleted")
        # Before the pause: whoever ends it has everything read that it has parked.
        if envelope.unread is not None:
            raise Parked("It was not told whole, or not proved.", code=envelope.unread)
        # The hook does not know: its record is cached, and a pause must hold at once.
        if connection.state == "paused" and not envelope.reparse:
            raise Parked("The connection is paused.", code=PAUSED)
        return connection

    def _must_be_fetched(self, envelope: Envelope, connection: Connection) -> bool:
        """Whether the body counts only once the vendor's API has told it. The hook's record may be older than that."""
        source = self.source(envelope.source)
        if envelope.fetched or not source.fetches:
            return False
        return bool(connection.settings.get("refetch")) or source.thin(source.decode(envelope.arrival.raw))

    def _parse(self, envelope: Envelope, connection: Connection) -> Canonical:
        """The voice with its words redacted. Raises Parked."""
        try:
            mapping = {**connection.mapping, SETTINGS: connection.settings}
            canonical = redacted(self.source(envelope.source).parse(envelope.arrival, mapping))
        except Rejected as error:
            raise Parked(error.message, code=error.code) from None
        self._hear_opt_out(envelope.workspace, canonical)
        return canonical

    def _hear_opt_out(self, workspace: str, canonical: Canonical) -> None:
        """Before the voice is stored: an attempt that dies in between is made again, and says the same."""
        channels = opted_out_of(canonical)
        if channels:
            self.opt_out(workspace, canonical, channels)

    def _feedback(self, envelope: Envelope, canonical: Canonical, configuration: Configuration) -> Feedback:
        """The first revision of a new feedback, read and decided."""
        now, received_at = self.clock(), envelope.arrival.received_at
        person = self._person(envelope.workspace, canonical)
        feedback = Feedback(
            workspace=envelope.workspace,
            id=ids.feedback_id(envelope.workspace, envelope.connection, canonical.response_key),
            connection=envelope.connection,
            source=envelope.source,
            state="new",
            received_at=received_at,
            occurred_at=canonical.occurred_at,
            response_key=redact(canonical.response_key, identifier=True),
            revision=canonical.revision or 1,
            revision_order=revision.order_key(canonical),
            content_hash=revision.content_hash(
                canonical, person=self._fingerprint(envelope.workspace, canonical), received_at=received_at
            ),
            channel=canonical.channel,
            touchpoint=canonical.touchpoint,
            unit=canonical.unit,
            lang=canonical.lang,
            scores=canonical.scores,
            classes=scoring.classes(canonical.scores),
            texts=canonical.texts,
            attributes=canonical.attributes,
            attachments=canonical.attachments,
            heard_at=received_at,
            understood_at=now,
            seen={envelope.event_key: revision.body_hash(envelope.arrival.raw)},
            sanitised=canonical.sanitised,
            mapping_missed=canonical.mapping_missed,
            late=self._is_late(canonical.occurred_at, received_at),
        )
        if canonical.deleted:
            return _tombstone(feedback)
        reader = self.readers(configuration.frame(envelope.workspace))
        read = replace(feedback, understanding=reader.read(canonical.texts), **person)
        return decided(read, rules.decide(configuration.rules(envelope.workspace), read), now)

    def _person(self, workspace: str, canonical: Canonical) -> dict[str, Any]:
        """``customer_ref``, ``subject`` and the sealed ``contact``, as far as the voice names somebody."""
        customer = canonical.customer
        contact = _contact(customer)
        if canonical.deleted or (customer.id is None and not contact):
            return {}
        # A name alone does not tell two people apart: such a contact belongs to its response.
        identity = customer.id or customer.phone or customer.email or canonical.response_key
        subject = self.vault.subject(workspace, identity)
        return {
            "customer_ref": self.vault.customer_ref(workspace, customer.id) if customer.id else None,
            "subject": subject,
            "contact": self.vault.seal_contact(workspace, subject, contact) if contact else None,
        }

    def _fingerprint(self, workspace: str, canonical: Canonical) -> str:
        """Keyed: a plain hash of a phone number is as good as the number."""
        customer = canonical.customer
        known = [customer.id, customer.name, customer.phone, customer.email]
        return self.vault.subject(workspace, json.dumps(known)) if any(known) else ""

    def _is_late(self, occurred_at: datetime, received_at: datetime) -> bool:
        return is_frozen(hour_of(occurred_at), now=received_at, retention_days=self.retention_days)

    # --- store ---------------------------------------------------------------------------------------------------

    def _store(
        self, envelope: Envelope, canonical: Canonical, feedback: Feedback, configuration: Configuration
    ) -> Outcome:
        for _ in range(_TRIES):
            standing = self.store.create(feedback)
            if standing is None:
                return Outcome(STORED, feedback.id)
            outcome = self._meet(envelope, canonical, feedback, standing, configuration)
            if outcome is not None:
                return outcome
        raise Retryable("The feedback kept changing while a revision was stored.", code="contended")

    def _meet(
        self,
        envelope: Envelope,
        canonical: Canonical,
        feedback: Feedback,
        standing: Feedback,
        configuration: Configuration,
    ) -> Outcome | None:
        """What becomes of an arrival whose id is taken; None to look again, because the row has changed meanwhile."""
        body = revision.body_hash(envelope.arrival.raw)
        known = revision.recognise(standing.seen, envelope.event_key, body)
        if isinstance(known, revision.Mismatch):
            return self._park(envelope, MISMATCH)
        if standing.state == PARKED:
            return self._meet_parked(envelope, feedback, standing, configuration)
        if known is not None or (standing.deleted and not _comes_after(feedback, standing)):
            return Outcome(DUPLICATE, standing.id)
        seen = revision.remember(standing.seen, envelope.event_key, body)
        older = self.store.revisions(standing.workspace, standing.id) if _differ(feedback, standing) else ()
        arrival = revision.Arrival(feedback.revision_order, feedback.content_hash, canonical.revision)
        verdict = revision.place(arrival, _stored(standing), [_stored(one) for one in older])
        match verdict:
            case revision.Duplicate(order):
                done = self.store.remember(standing, replace(standing, seen=seen, revision_order=order))
                return Outcome(DUPLICATE, standing.id) if done else None
            case revision.Older(number, current):
                beside = replace(feedback, revision=number, awaiting=frozenset(), received_at=standing.received_at)
                done = self.store.keep_older(standing, replace(standing, revision=current, seen=seen), beside)
            case revision.Newer(number):
                done = self._supersede(standing, replace(feedback, revision=number, seen=seen))
        return Outcome(STORED, standing.id) if done else None

    def _supersede(self, standing: Feedback, feedback: Feedback) -> bool:
        """``feedback`` becomes current. What was done for the one before, and when it first arrived, stays."""
        new = replace(
            feedback,
            received_at=standing.received_at,
            late=self._is_late(feedback.occurred_at, standing.received_at),
            ticket=standing.ticket,
            acted_at=standing.acted_at,
        )
        new = decided(new, rules.merge_reasons(standing.decision, feedback.decision), self.clock())
        if new.deleted:
            return self.store.erase_words(standing, new)
        if standing.state in _SETTLED:
            new = replace(new, state=standing.state)
        return self.store.supersede(standing, new)

    # --- park ----------------------------------------------------------------------------------------------------

    def _keep(self, envelope: Envelope, reason: str) -> Outcome:
        """Park it, unless its connection was resumed meanwhile: whoever resumed may have looked for it too early."""
        outcome = self._park(envelope, reason)
        if reason != PAUSED or outcome.what != PARKED:
            return outcome
        connection = self.directory.connection(envelope.workspace, envelope.connection)
        if connection is None or connection.state == "paused":
            return outcome
        return self.take(replace(envelope, feedback_id=outcome.feedback_id, reparse=True), self.batch())

    def _park(self, envelope: Envelope, reason: str) -> Outcome:
        """Keep what cannot be read. It never takes the place of anything: a taken id leads to the next one."""
        if envelope.reparse:
            return self._park_again(envelope, reason)
        body = revision.body_hash(envelope.arrival.raw)
        spare = ids.parked_id(envelope.event_key)
        for candidate in (envelope.feedback_id, spare, ids.parked_id(f"{envelope.event_key}/{body}")):
            parked = _parked(envelope, candidate, reason)
            standing = self.store.park(parked, self._sealed(envelope, candidate))
            if standing is None:
                return Outcome(PARKED, candidate, reason)
            if standing.seen.get(envelope.event_key) == body:
                return Outcome(DUPLICATE, candidate)
        raise Retryable("No id was free to park this under.", code="contended")

    def _park_again(self, envelope: Envelope, reason: str) -> Outcome:
        """A second reading failed too: the row stays and shows the newest reason."""
        parked = self.store.get(envelope.workspace, envelope.feedback_id)
        if parked is not None and parked.state == PARKED and parked.parked_reason != reason:
            self.store.park_again(parked, replace(parked, parked_reason=reason))
        return Outcome(PARKED, envelope.feedback_id, reason)

    def _meet_parked(
        self, envelope: Envelope, feedback: Feedback, parked: Feedback, configuration: Configuration
    ) -> Outcome | None:
        """A readable arrival takes the row of a parked one.

        Another delivery that is parked there is read first where it can be by now (its connection was resumed, its
        mapping mended), and else moves to an id of its own.
        """
        if envelope.keys & parked.seen.keys():
            done = self.store.unpark(parked, feedback)
            return Outcome(STORED, feedback.id) if done else None
        sealed = self.store.raw_body(parked.workspace, parked.id)
        if sealed is None:
            return None
        message = json.loads(self.vault.open_body(parked.workspace, sealed))
        other = Envelope.from_message(message)
        readable = self._readable(other, configuration)
        if readable is not None and readable.id == parked.id:
            self.store.unpark(parked, readable)
            return None
        elsewhere = replace(parked, id=ids.parked_id(other.event_key))
        done = self.store.displace(parked, elsewhere, self._sealed(other, elsewhere.id), feedback)
        return Outcome(STORED, feedback.id) if done else None

    def _readable(self, envelope: Envelope, configuration: Configuration) -> Feedback | None:
        """What a parked message says; None while it cannot be read."""
        try:
            connection = self._connection(envelope, configuration)
            if self._must_be_fetched(envelope, connection):
                return None
            canonical = self._parse(envelope, connection)
        except Parked:
            return None
        return self._feedback(envelope, canonical, configuration)

    def _close_parked(self, envelope: Envelope, feedback_id: str) -> None:
        """The id that the hook answered leads on to what its content has become."""
        parked = self.store.get(envelope.workspace, envelope.feedback_id)
        if parked is None or parked.state != PARKED or not envelope.keys & parked.seen.keys():
            return
        closed = replace(parked, state="closed", parked_reason=REPARSED, attributes={"reparsed_as": feedback_id})
        self.store.unpark(parked, closed)

    def _sealed(self, envelope: Envelope, feedback_id: str) -> bytes:
        """The message as it can be sent again, under the id that it is parked under."""
        message = replace(envelope, feedback_id=feedback_id, reparse=False).to_message()
        return self.vault.seal_body(envelope.workspace, json.dumps(message, separators=(",", ":")).encode())


def redacted(canonical: Canonical) -> Canonical:
    """Personal data out of everything that is stored in the clear or goes on the bus."""
    return replace(
        canonical,
        touchpoint=_identifier(canonical.touchpoint),
        unit=_identifier(canonical.unit),
        lang=_identifier(canonical.lang),
        texts=tuple(
            text._replace(text=redact(text.text), question=redact(text.question) if text.question else None)
            for text in canonical.texts
        ),
        attributes={
            redact(name, identifier=True): redact(value, identifier=names_identifier(name))
            for name, value in canonical.attributes.items()
        },
        attachments=tuple(redact(link, identifier=True) for link in canonical.attachments),
    )


def _identifier(value: str | None) -> str | None:
    return redact(value, identifier=True) if value else None


def _contact(customer: Customer) -> dict[str, str]:
    """What has to be encrypted: name, phone, e-mail, and an id that is one of the latter."""
    fields = {"name": customer.name, "phone": customer.phone, "email": customer.email}
    if customer.id and is_contact(customer.id):
        fields["id"] = customer.id
    return {name: value for name, value in fields.items() if value}


def _tombstone(feedback: Feedback) -> Feedback:
    """What is left of a voice that was deleted at its source: that there was one, and nothing of what it said."""
    return replace(
        feedback,
        state="closed",
        parked_reason=DELETED,
        deleted=True,
        lang=None,
        scores=(),
        classes={},
        texts=(),
        attributes={},
        attachments=(),
    )


def _parked(envelope: Envelope, feedback_id: str, reason: str) -> Feedback:
    """A row that says why its content is not read. ``reading`` 0: nobody has read it yet."""
    received_at = envelope.arrival.received_at
    return Feedback(
        workspace=envelope.workspace,
        id=feedback_id,
        connection=envelope.connection,
        source=envelope.source,
        state=PARKED,
        received_at=received_at,
        occurred_at=received_at,
        reading=0,
        heard_at=received_at,
        parked_reason=reason,
        seen={envelope.event_key: revision.body_hash(envelope.arrival.raw)},
    )


def _comes_after(feedback: Feedback, tombstone: Feedback) -> bool:
    """Whether the sender's own order says that it was given again after its deletion. Arrival alone says nothing."""
    return bool(tombstone.revision_order) and feedback.revision_order > tombstone.revision_order


def _differ(feedback: Feedback, standing: Feedback) -> bool:
    return feedback.content_hash != standing.content_hash


def _stored(feedback: Feedback) -> revision.Revision:
    return revision.Revision(feedback.revision, feedback.revision_order, feedback.content_hash)
