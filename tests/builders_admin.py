"""The management API on fakes: the real routes, services and wiring, with the table, SSM, SQS and SNS in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from chalicelib import config, wiring
from chalicelib.connectors.registry import ConnectorCatalogue
from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.contact.followup import Followup
from chalicelib.domain.contact.masks import is_contact
from chalicelib.domain.contact.policy import Skip
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.upload import Upload
from chalicelib.domain.issues.effect import Claim, Kept
from chalicelib.domain.issues.insight import Insight
from chalicelib.domain.issues.issue import Decision, Issue, IssueLink
from chalicelib.domain.outbound.delivery import Attempt, Delivery, delivery_id
from chalicelib.domain.outbound.egress_policy import Policy, self_host
from chalicelib.domain.outbound.reconciliation import Drift
from chalicelib.domain.reading.correction import Correction
from chalicelib.domain.reading.dry_run import Change, DryRun
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.listing import UNATTENDED, FeedbackPage, FeedbackQuery, FeedbackSummary, matches
from chalicelib.domain.reading.proposal import Effect, Proposal, basis
from chalicelib.domain.reports.briefing import Briefing
from chalicelib.domain.voice.feedback import Closing, Feedback
from chalicelib.domain.workspaces.access import is_below
from chalicelib.domain.workspaces.directory import Connection, ConnectionSecret, Endpoint, EndpointSecret, Subscription
from chalicelib.domain.workspaces.organisation import Organisation, Person
from chalicelib.egress import Door
from chalicelib.lambdas.api import answers, openapi
from chalicelib.services.cases.find_owner import FindOwner
from chalicelib.sources.registry import Catalogue
from chalicelib.storage import cursor as cursors
from chalicelib.storage.workspaces.secrets import ConnectionSecrets, EndpointSecrets, VendorSecrets
from chalicelib.wiring import (
    base,
    frames,
    inbound,
    outbound,
    stores,
    tickets,
    workspaces,
)
from tests import builders, builders_issues
from tests.fakes.cases import FakeCases
from tests.fakes.causes import FakeCauses
from tests.fakes.contacts import FakeContacts, FakeFollowups
from tests.fakes.directory import FakeDirectory
from tests.fakes.dry_runs import FakeRuns
from tests.fakes.effects import FakeEffects, FakeExposures, FakeHours
from tests.fakes.fetches import FakeDue, FakePollStore
from tests.fakes.frames import FakeFrames
from tests.fakes.gateway import Answer, call, product
from tests.fakes.issues import FakeInsights, FakeIssues
from tests.fakes.items import FakeItems
from tests.fakes.loop import FakeBook, FakeBriefings, FakeTellings
from tests.fakes.lots import FakeLots
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.page_codes import FakePageCodes
from tests.fakes.sla import FakeSla
from tests.fakes.sqs import FakeSqs
from tests.fakes.ssm import FakeSsm
from tests.fakes.tickets import FakeTickets
from tests.fakes.uploads import FakeFiles, FakeUploadStore
from tests.fakes.verification import FakeVerificationRules
from tests.fakes.watched import FakeWatched

NOW = builders.AT
OURS = "acme"  # the workspace of the tests
THEIRS = "globex"  # somebody else's
SECRET = "whsec_" + "A" * 43 + "="
CONTACT = {"id": "CUST-1", "name": "王小明", "phone": "13800138000"}
MAPPING = {"response_id": "/id", "scores": [{"path": "/score", "kind": "nps", "scale": [0, 10]}]}
SETTINGS = config.load(
    {
        "PARAMETER_PREFIX": "/echoloop/test",
        "KEY_ID": "alias/test",
        "INBOX_URL": "https://sqs.test/inbox",
        "READINGS_URL": "https://sqs.test/readings",
        "FETCHES_URL": "https://sqs.test/fetches",
    }
)


@dataclass
class FakeShelf:
    """Feedback with its revisions and sealed bodies, and its list."""

    rows: dict[tuple[str, str], Feedback] = field(default_factory=dict)
    older: dict[tuple[str, str], list[Feedback]] = field(default_factory=dict)
    sealed: dict[tuple[str, str], bytes] = field(default_factory=dict)
    read_before: list[Feedback] = field(default_factory=list)
    corrected: list[Correction] = field(default_factory=list)
    lose: int = 0  # that many writes come too late

    def add(self, feedback: Feedback, *older: Feedback) -> Feedback:
        self.rows[feedback.workspace, feedback.id] = feedback
        self.older[feedback.workspace, feedback.id] = list(older)
        return feedback

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return self.rows.get((workspace, feedback_id))

    def revisions(self, workspace: str, feedback_id: str) -> Sequence[Feedback]:
        return self.older.get((workspace, feedback_id), [])

    def raw_body(self, workspace: str, feedback_id: str) -> bytes | None:
        return self.sealed.get((workspace, feedback_id))

    def reread(self, old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
        self.lose -= 1
        if self.lose >= 0 or self.rows[old.workspace, old.id] != old:
            return False
        self.rows[new.workspace, new.id] = new
        self.read_before.append(old)
        self.corrected += [correction] if correction else []
        return True

    def readings(self, current: Feedback) -> Sequence[Feedback]:
        return [one for one in self.read_before if (one.workspace, one.id) == (current.workspace, current.id)]

    def corrections(self, workspace: str, feedback_id: str) -> Sequence[Correction]:
        return [one for one in self.corrected if (one.workspace, one.feedback) == (workspace, feedback_id)]

    def settle(self, feedback: Feedback, state: str) -> bool:
        self.lose -= 1
        if self.lose >= 0 or self.rows[feedback.workspace, feedback.id] != feedback:
            return False
        self.rows[feedback.workspace, feedback.id] = replace(feedback, state=state)
        return True

    def close(self, feedback: Feedback, closing: Closing, state: str) -> bool:
        self.lose -= 1
        if self.lose >= 0 or self.rows[feedback.workspace, feedback.id] != feedback:
            return False
        self.rows[feedback.workspace, feedback.id] = replace(feedback, state=state, closing=closing)
        return True

    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage:
        lines = [_line(one) for (workspace, _), one in sorted(self.rows.items()) if workspace == query.workspace]
        found = [
            line
            for line in lines
            if matches(query, line)
            and (not query.unattended or line.received_at < NOW - UNATTENDED)
            and (query.since is None or line.received_at >= query.since)
            and (query.until is None or line.received_at < query.until)
        ]
        start, following = _window(f"feedback {query.workspace}", len(found), limit, cursor)
        return FeedbackPage(tuple(found[start : start + limit]), following)

    def onwards(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, after: str | None = None
    ) -> tuple[list[FeedbackSummary], str | None]:
        found = list(self.newest(workspace, since, until))[::-1]
        start, following = _window(f"onwards {workspace}", len(found), limit, after)
        return found[start : start + limit], following

    def count(self, query: FeedbackQuery) -> int:
        return len(self.page(query, limit=10_000).items)

    def of(self, workspace: str, ids: Sequence[str]) -> list[FeedbackSummary]:
        return [_line(self.rows[workspace, one]) for one in ids if (workspace, one) in self.rows]

    def newest(self, workspace: str, since: datetime, until: datetime) -> Iterator[FeedbackSummary]:
        found = sorted(
            (one for (there, _), one in self.rows.items() if there == workspace and since <= one.received_at < until),
            key=lambda one: one.received_at,
            reverse=True,
        )
        return (_line(one) for one in found)


@dataclass
class FakeQueue:
    """What the shelf has to be looked at, by id."""

    shelf: FakeShelf

    def page(self, workspace: str, *, limit: int, cursor: str | None = None) -> tuple[list[Feedback], str | None]:
        found = [
            one
            for (there, _), one in sorted(self.shelf.rows.items())
            if there == workspace and one.understanding.review
        ]
        start, following = _window(f"review {workspace}", len(found), limit, cursor)
        return found[start : start + limit], following


@dataclass
class FakeCorrections:
    """What the shelf has of corrections, last given first."""

    shelf: FakeShelf

    def page(
        self, workspace: str, *, since: datetime | None, limit: int, cursor: str | None = None
    ) -> tuple[list[Correction], str | None]:
        found = [
            one
            for one in reversed(self.shelf.corrected)
            if one.workspace == workspace and (since is None or one.at >= since)
        ]
        start, following = _window(f"corrections {workspace}", len(found), limit, cursor)
        return found[start : start + limit], following


@dataclass
class FakeTicketShelf(FakeTickets):
    def page(
        self,
        workspace: str,
        *,
        state: str | None = None,
        owner: str | None = None,
        department: str | None = None,
        severity: str | None = None,
        incomplete: bool = False,
        unit: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Ticket], str | None]:
        found = [
            one
            for (there, _), one in sorted(self.rows.items())
            if there == workspace
            and state in (None, one.state)
            and owner in (None, one.owner)
            and (department is None or department in one.departments)
            and severity in (None, one.severity)
            and (one.incomplete or not incomplete)
            and (unit is None or is_below(one.unit, unit))
            and (since is None or one.opened_at >= since)
            and (until is None or one.opened_at < until)
        ]
        start, following = _window(f"tickets {workspace}", len(found), limit, cursor)
        return found[start : start + limit], following


@dataclass
class FakeDeliveries:
    """The delivery log, and what was asked of it."""

    rows: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    calls: dict[str, list[Attempt]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def get(self, workspace: str, delivery_id: str) -> Delivery | None:
        return self.rows.get((workspace, delivery_id))

    def attempts(self, workspace: str, delivery_id: str) -> list[Attempt]:
        return self.calls.get(delivery_id, [])

    def page(
        self, workspace: str, *, limit: int = 50, cursor: str | None = None, **filters: Any
    ) -> tuple[list[Delivery], str | None]:
        wanted = {"subject": filters["ticket"], "endpoint": filters["endpoint"], "state": filters["state"]}
        found = [
            one
            for (there, _), one in sorted(self.rows.items())
            if there == workspace and all(value in (None, getattr(one, name)) for name, value in wanted.items())
        ]
        start, following = _window(f"deliveries {workspace}", len(found), limit, cursor)
        return found[start : start + limit], following

    # --- delivery_admin_service -------------------------------------------------------------------------------

    def cancel(self, workspace: str, endpoint_id: str) -> int:
        return self._end("cancel", workspace, endpoint_id, "cancelled")

    def release(self, workspace: str, endpoint_id: str) -> int:
        return self._end("release", workspace, endpoint_id, "waiting")

    def replay(self, workspace: str, delivery_id: str) -> None:
        from chalicelib.domain.workspaces.access import nowhere

        if (workspace, delivery_id) not in self.rows:
            raise nowhere()
        self.asked.append(("replay", workspace, delivery_id))

    def replay_range(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, cursor: str | None
    ) -> tuple[int, str | None]:
        self.asked.append(("replay_range", workspace, since.isoformat()))
        return sum(there == workspace for there, _ in self.rows), None

    def _end(self, verb: str, workspace: str, endpoint_id: str, state: str) -> int:
        self.asked.append((verb, workspace, endpoint_id))
        before = "held" if verb == "release" else "waiting"
        found = [
            k for k, one in self.rows.items() if (k[0], one.endpoint, one.state) == (workspace, endpoint_id, before)
        ]
        for key in found:
            self.rows[key] = replace(self.rows[key], state=state)
        return len(found)


class FakeVault:
    """Seals by a prefix. A subject in ``shredded`` can be opened no more."""

    shredded: frozenset[str] = frozenset()

    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> dict[str, str] | None:
        assert sealed.startswith(f"{workspace}/{subject}/".encode())
        return None if subject in self.shredded else dict(json.loads(sealed.split(b"/", 2)[2]))

    def customer_ref(self, workspace: str, customer_id: str) -> str:
        return self.mark(workspace, "customer", customer_id) if is_contact(customer_id) else customer_id

    def open_body(self, workspace: str, sealed: bytes) -> bytes:
        assert sealed.startswith(f"{workspace}/".encode())
        return sealed.split(b"/", 1)[1]

    def mark(self, workspace: str, purpose: str, text: str) -> str:
        mac = hmac.new(f"{workspace}/{purpose}".encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.b32encode(mac.digest()).decode().lower()[:26]

    def knows(self, workspace: str) -> bool:
        return workspace in (OURS, THEIRS)


@dataclass
class FakeSns:
    subscribed: list[tuple[str, str, str, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def subscribe(self, workspace: str, severity: str, protocol: str, address: str) -> tuple[str, ...]:
        self.subscribed.append((workspace, severity, protocol, address))
        return (f"arn:{severity}",)

    def unsubscribe(self, workspace: str, arns: Sequence[str]) -> None:
        self.removed.extend(arns)


@dataclass
class FakeAudit:
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def revealed(self, workspace: str, **what: Any) -> None:
        self.rows.append({"workspace": workspace, **what})


@dataclass
class Office:
    """Everything a test of the management API touches. ``key`` is an admin of OURS."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    shelf: FakeShelf = field(default_factory=FakeShelf)
    frames: FakeFrames = field(default_factory=FakeFrames)
    dry_runs: FakeRuns = field(default_factory=FakeRuns)
    tickets: FakeTicketShelf = field(default_factory=FakeTicketShelf)
    cases: FakeCases = field(default_factory=FakeCases)
    lots: FakeLots = field(init=False)
    causes: FakeCauses = field(default_factory=FakeCauses)
    codes: FakePageCodes = field(default_factory=FakePageCodes)
    items: FakeItems = field(default_factory=FakeItems)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    vault: FakeVault = field(default_factory=FakeVault)
    sns: FakeSns = field(default_factory=FakeSns)
    audit: FakeAudit = field(default_factory=FakeAudit)
    organisations: FakeOrganisations = field(default_factory=FakeOrganisations)
    effects: FakeEffects = field(default_factory=FakeEffects)
    exposures: FakeExposures = field(default_factory=FakeExposures)
    hours: FakeHours = field(default_factory=FakeHours)
    ssm: FakeSsm = field(default_factory=FakeSsm)
    sqs: FakeSqs = field(default_factory=FakeSqs)
    polls: FakePollStore = field(default_factory=FakePollStore)
    watched: FakeWatched = field(default_factory=FakeWatched)
    due: FakeDue = field(default_factory=FakeDue)
    verification: FakeVerificationRules = field(default_factory=FakeVerificationRules)
    promises: FakeSla = field(default_factory=FakeSla)
    issues: FakeIssues = field(default_factory=FakeIssues)
    insights: FakeInsights = field(default_factory=FakeInsights)
    contacts: FakeContacts = field(default_factory=FakeContacts)
    followups: FakeFollowups = field(default_factory=FakeFollowups)
    book: FakeBook = field(default_factory=FakeBook)
    tellings: FakeTellings = field(default_factory=FakeTellings)
    briefings: FakeBriefings = field(default_factory=FakeBriefings)
    uploads: FakeUploadStore = field(default_factory=FakeUploadStore)
    files: FakeFiles = field(default_factory=FakeFiles)
    addresses: dict[str, list[str]] = field(default_factory=dict)  # host → addresses; else a public one
    now: datetime = NOW
    key: str = ""

    def __post_init__(self) -> None:
        self.key = self.new_key()
        self.lots = FakeLots(self.tickets)

    def new_key(self, role: str = "admin", workspace: str = OURS, **more: Any) -> str:
        return self.directory.create_key(workspace, role, **more)[1]

    def clock(self) -> datetime:
        return self.now

    def open_tickets_of(self, workspace: str, person: str) -> int:
        mine = [one for one in self.tickets.rows.values() if (one.workspace, one.owner) == (workspace, person)]
        return sum(one.state not in SETTLED for one in mine)

    def seconds(self) -> float:
        return self.now.timestamp()

    @property
    def connection_secrets(self) -> ConnectionSecrets:
        return ConnectionSecrets(self.ssm, "/echoloop/test", "alias/test", clock=self.seconds)

    @property
    def endpoint_secrets(self) -> EndpointSecrets:
        return EndpointSecrets(self.ssm, "/echoloop/test", "alias/test", clock=self.seconds)

    @property
    def vendor_secrets(self) -> VendorSecrets:
        return VendorSecrets(self.ssm, "/echoloop/test", "alias/test", clock=self.seconds)

    # --- things that are there ----------------------------------------------------------------------------------

    def connection(self, workspace: str = OURS, **changes: Any) -> Connection:
        values = {"id": f"cn_{workspace}", "name": "Shops", "source": "canonical", "created_at": "2026-11-01T00:00:00Z"}
        made = Connection(workspace, **{**values, **changes})
        self.directory.put_connection(made)
        secrets = ((SECRET, None),) if made.source != "jinshuju" else ()
        self.connection_secrets.put(ConnectionSecret(workspace, made.id, made.source, "0" * 64, secrets))
        return made

    def endpoint(self, workspace: str = OURS, **changes: Any) -> Endpoint:
        values = {
            "id": f"ep_{workspace}",
            "name": "OA",
            "connector": "standard_webhooks",
            "host": "oa.example.com",
            "events": ("ticket.opened",),
            "settings": {"contact": "none"},
        }
        made = Endpoint(workspace, **{**values, **changes})
        self.directory.put_endpoint(made)
        url = "https://oa.example.com/hook?token=CANARY-url-token"
        headers = {"Authorization": "CANARY-authorization"}
        self.endpoint_secrets.put(EndpointSecret(workspace, made.id, url, SECRET, headers=headers))
        return made

    def feedback(self, workspace: str = OURS, **changes: Any) -> Feedback:
        subject = f"sub_{workspace}"
        values = {
            "workspace": workspace,
            "id": f"fb_{workspace}",
            "unit": "SH/001",
            "subject": subject,
            "contact": f"{workspace}/{subject}/{json.dumps(CONTACT)}".encode(),
        }
        return self.shelf.add(builders.feedback(**{**values, **changes}))

    def parked(self, workspace: str = OURS, *, sealed: bool = True, **changes: Any) -> Feedback:
        values = {"id": f"fb_parked_{workspace}", "state": "parked", "parked_reason": "mapping_missing_response_id"}
        made = self.feedback(workspace, **{**values, **changes})
        if sealed:
            envelope = Envelope(workspace, made.connection, made.source, made.id, "ev_1", Arrival(b"{}", NOW))
            message = json.dumps(envelope.to_message()).encode()
            self.shelf.sealed[workspace, made.id] = workspace.encode() + b"/" + message
        return made

    def ticket(self, workspace: str = OURS, **changes: Any) -> Ticket:
        values = {"workspace": workspace, "id": f"tk_{workspace}", "feedback": f"fb_{workspace}", "unit": "SH/001"}
        made = builders.ticket(**{**values, **changes})
        self.tickets.rows[workspace, made.id] = made
        return made

    def delivery(self, workspace: str = OURS, **changes: Any) -> Delivery:
        ticket, endpoint = f"tk_{workspace}", f"ep_{workspace}"
        values = {
            "id": delivery_id(ticket, endpoint, 1),
            "endpoint": endpoint,
            "subject": ticket,
            "sequence": 1,
            "mark": "",
            "event_type": "ticket.opened",
            "state": "held",
            "created_at": NOW,
            "updated_at": NOW,
        }
        made = Delivery(workspace, **{**values, **changes})
        self.deliveries.rows[workspace, made.id] = made
        attempt = Attempt(1, NOW, "http_500", 12, 500, "〔masked〕")
        self.deliveries.calls[made.id] = [attempt]
        return made

    def dry_run(self, workspace: str = OURS, **changes: Any) -> DryRun:
        values = {"by": "ky_one", "days": 1, "since": NOW, "until": NOW, "change": Change()}
        made = DryRun(workspace, f"dr_{workspace}", basis="basis", **{**values, **changes})
        self.dry_runs.create(made)
        return made

    def proposal(self, workspace: str = OURS, **changes: Any) -> Proposal:
        """A frame of the catering pack that was measured and may be activated."""
        values = {
            "workspace": workspace,
            "id": f"fp_000001_{workspace}",
            "number": 1,
            "packs": ("catering",),
            "by": "ky_one",
            "created_at": NOW,
            "as_of": NOW,
            "state": "measured",
            "effect": Effect(feedback=2, retagged=1, tags_added=1, by_topic={"product.taste": (1, 0)}),
            "measured_at": NOW,
        }
        made = Proposal(**{**values, **changes})
        if not made.basis:
            version = frames.frame_book().version(made.content)
            measured_on = basis(self.frames.state(workspace), version, self.directory.rules(workspace))
            made = replace(made, basis=measured_on)
        self.frames.numbers[workspace] = max(made.number, self.frames.numbers.get(workspace, 0))
        self.frames.rows[workspace, made.id] = made
        return made

    def issue(self, workspace: str = OURS, **changes: Any) -> Issue:
        """An L2 issue in triage that could be accepted once it is open."""
        made = builders_issues.issue(**{"workspace": workspace, "id": f"is_{workspace}", **changes})
        self.issues.rows[workspace, made.id] = made
        return made

    def furnish(self, workspace: str) -> None:
        """One of everything, under ids that name the workspace."""
        self.connection(workspace)
        asked = self.endpoint(workspace, settings={"contact": "none", "status_url": "/status/{ticket_id}"})
        self.connection(workspace, id=f"cn_csv_{workspace}", source="csv")
        self.uploads.save(Upload(workspace, f"cn_{workspace}", f"up_{workspace}", filename="answers.csv"))
        self.feedback(workspace)
        self.parked(workspace)
        self.feedback(workspace, id=f"fb_quiet_{workspace}", awaiting=frozenset())
        ours = self.ticket(workspace)
        closed = self.ticket(workspace, id=f"tk_closed_{workspace}", state="closed", closed_at=NOW)
        self.cases.link(Link(workspace, ours.id, closed.id, "related", "ky_one", NOW))
        whole = self.ticket(workspace, id=f"tk_whole_{workspace}")
        twin = self.ticket(workspace, id=f"tk_twin_{workspace}", state="merged", former_state="open")
        self.cases.link(Link(workspace, twin.id, whole.id, "duplicate_of", "ky_one", NOW))
        differs = Drift("not_told", ours.state, "new", f"OA-{workspace}", NOW, NOW)
        self.watched.note(workspace, asked.id, ours.id, differs)
        self.followups.create(Followup(workspace, f"fu_{workspace}", f"fb_{workspace}", "open", NOW, unit="SH/001"))
        refused = Skip(NOW, f"wave_{workspace}", None, "survey", "sms", ("cap:survey",), None)
        self.contacts.skip(workspace, refused)
        self.delivery(workspace)
        self.briefings.put(
            Briefing(workspace, f"dg_{workspace}", asked.id, "unit", "day", time(9), NOW, "ky_one", unit="SH/001")
        )
        subscription = Subscription(workspace, f"sb_{workspace}", "high", "email", "ops@example.com", ("arn:high",))
        self.directory.put_subscription(subscription)
        self.directory.put_rule(workspace, replace(builders_rule(), name=f"rule-{workspace}"))
        self.proposal(workspace)
        self.dry_run(workspace)
        one = self.issue(workspace)
        self.issues.link(IssueLink(workspace, one.id, ours.id, "ky_one", NOW))
        self.tickets.rows[workspace, ours.id] = replace(ours, issue=one.id, level=one.level)
        all_of_it, part = f"is_whole_{workspace}", f"is_part_{workspace}"
        self.issue(workspace, id=all_of_it, absorbed=(part,))
        self.issue(workspace, id=part, state="merged", former_state="open", merged_into=all_of_it)
        fixing = self.issue(workspace, id=f"is_fixing_{workspace}", state="fixing")
        self.effects.put(workspace, fixing.id, Kept(Claim(NOW.date(), 0, "ky_one", NOW)))
        decision = Decision("act", "ky_one", NOW, "why")
        kept = Insight(workspace, f"in_{workspace}", 1, "a finding", "ky_one", NOW, NOW, owner="li", decision=decision)
        self.insights.put(kept)
        self.organisations.put(
            workspace, Organisation(version=1, people=(Person("li"), Person("wu"))), by="ky_one", at=NOW
        )

    # --- calls --------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        resource: str,
        body: Any = None,
        *,
        key: str | None = None,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call with ``key``, the admin's when None, none at all when empty. ``body`` is sent as JSON."""
        sent = {"content-type": "application/json"} if body is not None else {}
        if key != "":
            sent["authorization"] = f"Bearer {key or self.key}"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        answer = call(
            product(), method, resource, path=path, query=query, headers={**sent, **(headers or {})}, body=raw
        )
        _check_documented(method, resource, answer)
        return answer


def builders_rule() -> Any:
    from chalicelib.domain.workspaces.rules import Rule

    return Rule("rule", {"field": "score.nps", "op": "lte", "value": 6}, ("ticket",))


@contextmanager
def composed(patch: pytest.MonkeyPatch, office: Office) -> Iterator[Office]:
    """The composition root with the outside world exchanged; what stands on it is built by the real builders."""
    _forget()
    outside: dict[ModuleType, dict[str, Any]] = {
        base: {
            "now": office.clock,
            "settings": lambda: SETTINGS,
            "client": lambda service: {"sqs": office.sqs, "ssm": office.ssm}[service],
            "hook_client": lambda service: {"sqs": office.sqs, "ssm": office.ssm}[service],
            "due_store": lambda: office.due,
            "vault": lambda: office.vault,
            "bus": FakeBus,
            "check_url": lambda own_url: (
                Door(
                    Policy(self_hosts=(self_host(own_url),)),
                    resolve=lambda host, port, left: office.addresses.get(host, ["8.8.8.8"]),
                ).check
            ),
            "connector_catalogue": ConnectorCatalogue,
        },
        stores: {
            "notifications": lambda: office.sns,
            "cause_store": lambda: office.causes,
            "case_store": lambda: office.cases,
            "lot_store": lambda: office.lots,
            "sla_store": lambda: office.promises,
            "audit_log": lambda: office.audit,
            "contact_store": lambda: office.contacts,
            "followup_store": lambda: office.followups,
            "frame_store": lambda: office.frames,
            "connection_secrets": lambda: office.connection_secrets,
            "vendor_secrets": lambda: office.vendor_secrets,
            "poll_store": lambda: office.polls,
            "upload_store": lambda: office.uploads,
            "raw_files": lambda: office.files,
            "effect_store": lambda: office.effects,
            "exposure_store": lambda: office.exposures,
            "issue_store": lambda: office.issues,
            "insight_store": lambda: office.insights,
            "item_store": lambda: office.items,
            "endpoint_secrets": lambda: office.endpoint_secrets,
            "watched_store": lambda: office.watched,
            "delivery_store": lambda: office.deliveries,
            "page_codes": lambda: office.codes,
            "bucket_store": lambda: office.hours,
            "feedback_store": lambda: office.shelf,
            "feedback_list": lambda: office.shelf,
            "review_queue": lambda: FakeQueue(office.shelf),
            "correction_list": lambda: FakeCorrections(office.shelf),
            "dry_run_store": lambda: office.dry_runs,
            "loop_book": lambda: office.book,
            "tellings": lambda: office.tellings,
            "briefing_store": lambda: office.briefings,
            "verification_rules": lambda: office.verification,
            "directory": lambda: office.directory,
            "open_tickets_of": office.open_tickets_of,
            "organisation_store": lambda: office.organisations,
        },
        inbound: {
            "source_catalogue": Catalogue,
        },
        outbound: {
            "delivery_admin_service": lambda: office.deliveries,
        },
        tickets: {
            "ticket_store": lambda: office.tickets,
        },
        workspaces: {
            "find_owner": lambda: FindOwner(office.organisations, office.clock),
        },
    }
    for room, exchanged in outside.items():
        for name, builder in exchanged.items():
            patch.setattr(room, name, builder)
    yield office
    patch.undo()
    _forget()


class FakeBus:
    def publish(self, events: Sequence[Any]) -> None:
        """Nobody listens."""


@cache
def told_of() -> Mapping[str, Any]:
    """The OpenAPI document of the whole product."""
    return openapi.document(product().routes, "https://api.example.com")


def _check_documented(method: str, resource: str, answer: Answer) -> None:
    """Every answer that any test gets is one that the OpenAPI document tells of, its code and its form."""
    operation = openapi.OPERATIONS[openapi.operation_id(product().routes[resource], method)]
    if answer.status == operation.status and answer.headers["Content-Type"].split(";")[0] in operation.gives:
        return
    if answer.status == operation.status and operation.answer is not None:
        operation.answer.model_validate(answer.json)
        assert answer.headers["Content-Type"] == "application/json"
        return
    assert answer.headers["Content-Type"] == "application/problem+json"
    answers.Problem.model_validate(answer.json)
    told = told_of()["paths"][resource][method.lower()]["responses"]
    described = told.get(str(answer.status), {}).get("description", "")
    assert answer.code in described.replace(".", "").replace(",", "").split(), (answer.status, answer.code, described)


def _forget() -> None:
    """What earlier tests built must not be found again."""
    for found in pkgutil.iter_modules(wiring.__path__, "chalicelib.wiring."):
        for builder in vars(importlib.import_module(found.name)).values():
            if hasattr(builder, "cache_clear"):
                builder.cache_clear()


def _line(one: Feedback) -> FeedbackSummary:
    return FeedbackSummary(
        one.workspace, one.id, one.connection, one.state, one.received_at, facets_of(one), one.parked_reason
    )


def _window(scope: str, count: int, limit: int, cursor: str | None) -> tuple[int, str | None]:
    start = int(cursors.decode(scope, cursor)["at"]) if cursor else 0
    end = start + limit
    return start, cursors.encode(scope, {"at": end}) if end < count else None
