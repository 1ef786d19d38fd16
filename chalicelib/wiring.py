"""Composition root: builds each collaborator on first use and never at import.

A function imports this module and calls one builder; only what that builder names is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib import config

if TYPE_CHECKING:
    from chalicelib.connectors.registry import ConnectorCatalogue
    from chalicelib.domain.calendar import Calendar
    from chalicelib.domain.egress_policy import Policy, Target
    from chalicelib.domain.graph import Graph, Told
    from chalicelib.domain.issue import Issue
    from chalicelib.domain.organisation_check import Asked
    from chalicelib.domain.ticket import Ticket
    from chalicelib.egress import Door
    from chalicelib.messaging.bus import EventBus
    from chalicelib.messaging.inbox import Inbox
    from chalicelib.messaging.notifications import SnsNotifications
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions
    from chalicelib.services.alerts.raise_alert import RaiseAlert
    from chalicelib.services.cases.audit_tickets import AuditTickets
    from chalicelib.services.cases.case_file import CaseFile
    from chalicelib.services.cases.find_graph import FindGraph
    from chalicelib.services.cases.find_owner import FindOwner
    from chalicelib.services.cases.find_playbook import FindPlaybook
    from chalicelib.services.cases.follow_case import FollowCase
    from chalicelib.services.cases.hand_over import HandOver
    from chalicelib.services.cases.manage_graph import ManageGraph
    from chalicelib.services.cases.manage_sla import ManageSla
    from chalicelib.services.cases.mark_duplicate import MarkDuplicate
    from chalicelib.services.cases.move_ticket import MoveTicket
    from chalicelib.services.cases.open_ticket import OpenTicket
    from chalicelib.services.cases.read_tickets import ReadTickets
    from chalicelib.services.cases.reveal_contact import RevealContact
    from chalicelib.services.cases.strike_clock import RecountDeadlines, StrikeClock
    from chalicelib.services.cases.timed_tickets import Offices, TimedTickets
    from chalicelib.services.contact.can_contact import CanContact
    from chalicelib.services.contact.manage_contact import ManageContact
    from chalicelib.services.contact.suggest_followup import SuggestFollowup
    from chalicelib.services.inbound.fetch import Fetch
    from chalicelib.services.inbound.hear import Hear
    from chalicelib.services.inbound.intake import Intake
    from chalicelib.services.inbound.manage_connections import ManageConnections
    from chalicelib.services.inbound.manage_uploads import ManageUploads
    from chalicelib.services.inbound.poll import ArmPolls, Poll
    from chalicelib.services.inbound.reparse import Reparse
    from chalicelib.services.inbound.vendor import VendorApis
    from chalicelib.services.issues.count_complaints import CountComplaints
    from chalicelib.services.issues.declare_fixed import DeclareFixed
    from chalicelib.services.issues.judge_effect import JudgeEffect
    from chalicelib.services.issues.keep_exposure import KeepExposure
    from chalicelib.services.issues.link_cases import LinkCases, ReadLinks
    from chalicelib.services.issues.manage_insights import ManageInsights
    from chalicelib.services.issues.manage_issues import ManageIssues
    from chalicelib.services.issues.promote import Promote
    from chalicelib.services.issues.watch_recurrence import WatchRecurrence
    from chalicelib.services.outbound.apply_callback import ApplyCallback
    from chalicelib.services.outbound.deliver import Deliver
    from chalicelib.services.outbound.delivery_plan import DeliveryPlan
    from chalicelib.services.outbound.fan_out import FanOut
    from chalicelib.services.outbound.hear_callback import HearCallback
    from chalicelib.services.outbound.manage_endpoints import ManageEndpoints
    from chalicelib.services.outbound.read_deliveries import ReadDeliveries
    from chalicelib.services.outbound.reconcile import Drifts, Reconcile, WatchAgain
    from chalicelib.services.outbound.redeliver import Redeliver
    from chalicelib.services.outbound.synchronise import Synchronise
    from chalicelib.services.outbox import Outbox
    from chalicelib.services.page.act_on_page import ActOnPage, MakeCode
    from chalicelib.services.page.open_page import OpenPage
    from chalicelib.services.page.page_links import PageLinks
    from chalicelib.services.page.send_code import SendCode
    from chalicelib.services.ports import TicketStore as TicketPort
    from chalicelib.services.reading.activate_frame import ActivateFrame
    from chalicelib.services.reading.close_feedback import CloseFeedback
    from chalicelib.services.reading.correct import Correct
    from chalicelib.services.reading.enrich import Enrich
    from chalicelib.services.reading.learn_delta import LearnDelta
    from chalicelib.services.reading.propose_frame import ProposeFrame
    from chalicelib.services.reading.read_corrections import ReadCorrections
    from chalicelib.services.reading.read_feedback import ReadFeedback
    from chalicelib.services.reading.read_frame import ReadFrame
    from chalicelib.services.reading.read_needs import ReadNeeds
    from chalicelib.services.reading.reread import Reread
    from chalicelib.services.reading.reread_range import RereadRange
    from chalicelib.services.reading.review import Review
    from chalicelib.services.reading.rollup import Rollup
    from chalicelib.services.reading.try_reading import TryReading
    from chalicelib.services.rehearsal.dry_run import Configuration, GoThrough, StartDryRun
    from chalicelib.services.replay import Replay
    from chalicelib.services.reports.manage_digests import ManageDigests
    from chalicelib.services.reports.read_loop import ReadLoop
    from chalicelib.services.reports.send_digest import ArmDigest, SendDigest
    from chalicelib.services.reports.send_week import ArmWeeks, SendWeek
    from chalicelib.services.sweep import Sweep
    from chalicelib.services.verification.answer_links import AnswerLinks, OpenAnswerPage
    from chalicelib.services.verification.ask_customer import AskCustomer
    from chalicelib.services.verification.manage_verification import ManageVerification
    from chalicelib.services.verification.take_answer import TakeAnswer
    from chalicelib.services.workspace.authenticate import Authenticate
    from chalicelib.services.workspace.manage_keys import ManageKeys
    from chalicelib.services.workspace.manage_organisation import ManageOrganisation
    from chalicelib.services.workspace.manage_rules import ManageRules
    from chalicelib.sources.registry import Catalogue
    from chalicelib.storage.alerts import AlertStore
    from chalicelib.storage.audit import AuditLog
    from chalicelib.storage.buckets import BucketStore
    from chalicelib.storage.cases import CaseStore
    from chalicelib.storage.causes import CauseStore
    from chalicelib.storage.contacts import ContactStore
    from chalicelib.storage.corrections import CorrectionList
    from chalicelib.storage.deliveries import DeliveryStore
    from chalicelib.storage.directory import DirectoryStore
    from chalicelib.storage.dry_runs import DryRunStore
    from chalicelib.storage.due import DueStore
    from chalicelib.storage.effects import EffectStore
    from chalicelib.storage.exposures import ExposureStore
    from chalicelib.storage.feedback import FeedbackStore
    from chalicelib.storage.feedback_list import FeedbackList
    from chalicelib.storage.followups import FollowupStore
    from chalicelib.storage.frames import FrameStore
    from chalicelib.storage.insights import InsightStore
    from chalicelib.storage.issues import IssueStore
    from chalicelib.storage.items import ItemStore
    from chalicelib.storage.loop import BriefingStore, LoopBook, Tellings
    from chalicelib.storage.organisations import OrganisationStore
    from chalicelib.storage.page_codes import PageCodes
    from chalicelib.storage.polls import PollStore
    from chalicelib.storage.raw_files import RawFiles
    from chalicelib.storage.review_queue import ReviewQueue
    from chalicelib.storage.secrets import ConnectionSecrets, EndpointSecrets, VendorSecrets
    from chalicelib.storage.sla import SlaStore
    from chalicelib.storage.tickets import TicketStore
    from chalicelib.storage.uploads import UploadStore
    from chalicelib.storage.vault import Vault
    from chalicelib.storage.verification import VerificationRules
    from chalicelib.storage.watched import WatchedStore
    from chalicelib.understanding.book import FrameBook, Words
    from chalicelib.understanding.delta import Delta
    from chalicelib.understanding.frame import Frame
    from chalicelib.understanding.reader import Reader
    from chalicelib.understanding.weights import Weights


def now() -> datetime:
    """The only clock."""
    return datetime.now(timezone.utc)


@lru_cache(maxsize=1)
def settings() -> config.Settings:
    return config.load()


@lru_cache(maxsize=1)
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


@lru_cache(maxsize=8)
def client(service: str) -> Any:
    """A botocore client from the one session."""
    return _built(service, connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


@lru_cache(maxsize=8)
def hook_client(service: str) -> Any:
    """A client that gives up in time for the hook to answer within 1.5 seconds: the platform tries again."""
    once = {"mode": "standard", "total_max_attempts": 1}
    return _built(service, connect_timeout=1, read_timeout=1.2, retries=once)


def _built(service: str, **limits: Any) -> Any:
    """With a fixed user agent, since botocore would build its own twice a call, and without checks of what we send."""
    from botocore.config import Config

    if service == "s3":
        # Version 4 in every region: URLs of the older one end in another year. No checksum that a browser cannot make.
        limits |= {"signature_version": "s3v4", "request_checksum_calculation": "when_required"}
    config = Config(user_agent="echoloop", parameter_validation=False, **limits)
    return _session().create_client(service, config=config)


@lru_cache(maxsize=1)
def hear() -> Hear:
    """What a hook calls."""
    from chalicelib.services.inbound.hear import Hear
    from chalicelib.sources.registry import load
    from chalicelib.storage.raw_files import RawFiles
    from chalicelib.storage.secrets import ConnectionSecrets

    secrets = ConnectionSecrets(hook_client("ssm"), settings().parameter_prefix, settings().key_id)
    return Hear(
        secrets=secrets,
        source=load,
        inbox=_hook_inbox("inbox"),
        fetches=_hook_inbox("fetches"),
        files=RawFiles(lambda: hook_client("s3"), settings().uploads_bucket),
        clock=now,
    )


def _hook_inbox(name: str) -> Inbox:
    """Where hooks put what they heard, and what the vendor's API must tell the whole of first."""
    from chalicelib.messaging.inbox import Inbox
    from chalicelib.messaging.queues import SqsQueue

    return Inbox(SqsQueue(hook_client("sqs"), getattr(settings(), f"{name}_url")))


@lru_cache(maxsize=1)
def source_catalogue() -> Catalogue:
    """What the management of connections asks about sources."""
    from chalicelib.sources.registry import Catalogue

    return Catalogue()


@lru_cache(maxsize=1)
def connection_secrets() -> ConnectionSecrets:
    """The tokens and secrets of connections, for those who manage them."""
    from chalicelib.storage.secrets import ConnectionSecrets

    return ConnectionSecrets(client("ssm"), settings().parameter_prefix, settings().key_id)


@lru_cache(maxsize=1)
def endpoint_secrets() -> EndpointSecrets:
    """URLs and secrets of endpoints."""
    from chalicelib.storage.secrets import EndpointSecrets

    return EndpointSecrets(client("ssm"), settings().parameter_prefix, settings().key_id)


@lru_cache(maxsize=1)
def vendor_secrets() -> VendorSecrets:
    """What opens the APIs of survey platforms: managed by the API function, read by fetch."""
    from chalicelib.storage.secrets import VendorSecrets

    return VendorSecrets(client("ssm"), settings().parameter_prefix, settings().key_id)


@lru_cache(maxsize=1)
def directory() -> DirectoryStore:
    """What people configure."""
    from chalicelib.storage.directory import DirectoryStore

    _bind()
    return DirectoryStore()


# --- tickets and time ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def ticket_store() -> TicketStore:
    """Tickets, their history, and what OAs said of them."""
    from chalicelib.storage.tickets import TicketStore

    _bind()
    return TicketStore(timed_tickets())


@lru_cache(maxsize=1)
def timed_tickets() -> TimedTickets:
    """Clocks for every ticket that is written."""
    from chalicelib.services.cases.timed_tickets import TimedTickets

    return TimedTickets(offices(), now)


@lru_cache(maxsize=1)
def offices() -> Offices:
    """What clocks go by: promises, units, calendars."""
    from chalicelib.services.cases.timed_tickets import Offices

    return Offices(sla_store(), lambda workspace: find_owner().organisation(workspace), calendar, now)


@lru_cache(maxsize=1)
def sla_store() -> SlaStore:
    """What workspaces promise."""
    from chalicelib.storage.sla import SlaStore

    _bind()
    return SlaStore()


@lru_cache(maxsize=1)
def manage_sla() -> ManageSla:
    """Promises, and by when."""
    from chalicelib.services.cases.manage_sla import ManageSla

    return ManageSla(sla_store(), offices(), ticket_store(), now)


@lru_cache(maxsize=1)
def strike_clock() -> StrikeClock:
    """Reminders and breaches."""
    from chalicelib.services.cases.strike_clock import StrikeClock

    tickets = ticket_store()
    return StrikeClock(tickets, offices(), find_owner().organisation, due_store(), now, tickets.forget)


@lru_cache(maxsize=1)
def recount_deadlines() -> RecountDeadlines:
    """Provisional deadlines, when their calendars have come."""
    from chalicelib.services.cases.strike_clock import RecountDeadlines
    from chalicelib.storage.sla import ProvisionalStore

    _bind()
    return RecountDeadlines(ticket_store(), ProvisionalStore(), offices(), calendar, due_store(), now)


@lru_cache(maxsize=1)
def item_store() -> ItemStore:
    """Items in other people's systems."""
    from chalicelib.storage.items import ItemStore

    _bind()
    return ItemStore()


@lru_cache(maxsize=1)
def due_store() -> DueStore:
    """Waits longer than fifteen minutes, and how far the sweep has come."""
    from chalicelib.storage.due import DueStore

    _bind()
    return DueStore(now)


def open_ticket_service() -> OpenTicket:
    """What the ticket function calls, one for each batch: what people configured is read once for all of it."""
    from chalicelib.services.cases.open_ticket import OpenTicket

    tally = cache(cause_store().tally)
    return OpenTicket(
        feedback=feedback_store(),
        tickets=ticket_store(),
        frames=cache(frame_words),
        owner=find_owner(),
        rules=cache(directory().rules),
        path=lambda ticket: find_graph().path(ticket, tally=tally),
        clock=now,
    )


@lru_cache(maxsize=1)
def cause_store() -> CauseStore:
    """Causes of workspaces, and what closed tickets taught."""
    from chalicelib.storage.causes import CauseStore

    _bind()
    return CauseStore()


@lru_cache(maxsize=1)
def find_graph() -> FindGraph:
    """Why things go wrong, and whose they are."""
    from chalicelib.services.cases.find_graph import FindGraph
    from chalicelib.understanding import called

    return FindGraph(_shipped_graph, cause_store(), topic_names, called.department, now)


def _shipped_graph(workspace: str) -> Graph:
    """What the packs of a workspace's frame say."""
    return frame_book().graph(frame_store().state(workspace))


@lru_cache(maxsize=1)
def manage_graph() -> ManageGraph:
    """The graph for people, and a workspace's own causes."""
    from chalicelib.services.cases.manage_graph import ManageGraph

    def departments(workspace: str) -> frozenset[str] | None:
        one = find_owner().organisation(workspace)
        return one.named_departments | _asked_of_organisation(workspace).departments if one.version else None

    return ManageGraph(cause_store(), _shipped_graph, find_graph().over, departments, now)


def frame_words(workspace: str) -> Words:
    """What a workspace's code frame says of topics: looked up once, with the first word that is asked for."""
    return frame_book().words(lambda: frame_store().state(workspace))


def follow_case() -> FollowCase:
    """What the case function calls, one for each batch: everything that follows from a ticket's change, or that a clock
    decides.
    """
    from chalicelib.services.cases.follow_bounces import FollowBounces
    from chalicelib.services.cases.follow_case import FollowCase
    from chalicelib.services.cases.follow_parts import FollowParts
    from chalicelib.services.cases.learn_causes import LearnCauses
    from chalicelib.services.cases.one_look import Afresh, OneLook
    from chalicelib.services.reports.follow_loop import FollowLoop

    look = OneLook(ticket_store())
    afresh, asking, recurring = Afresh(look), _ask_customer(look), _watch_recurrence(look)
    return FollowCase(
        begin=look.begin,
        followers={
            "recurrence": recurring.follow,
            "verification": asking.follow,
            "parts": FollowParts(afresh, now),
            "issues": _promote(look, afresh, recurring.watches),
            "causes": LearnCauses(ticket_store(), cause_store(), find_graph()),
            "watched": watch_again(),
            "bounces": FollowBounces(look, find_owner().organisation, now),
            "loop": FollowLoop(loop_book(), look),
        },
        kinds={
            "verification": asking.wake,
            "clock": strike_clock(),
            "recount": recount_deadlines(),
            "issue_level": link_cases().level,
            "effect": judge_effect(),
            "recurrence": recurring,
            "loop": send_week(),
            "digest": send_digest(),
        },
        listeners={"followup": suggest_followup()},
    )


@lru_cache(maxsize=1)
def find_playbook() -> FindPlaybook:
    """What a ticket says to do, in words."""
    import time

    from chalicelib.services.cases.find_playbook import FindPlaybook

    return FindPlaybook(lambda workspace: frame_words(workspace).playbooks(), time.monotonic)


def topic_names(workspace: str) -> Callable[[str, str], str]:
    """What a workspace's code frame calls a topic in ``zh-CN`` or ``en``; its id where the frame knows it no more.

    The frame is looked up with the first name that is asked for.
    """
    words: list[Words] = []

    def name(topic: str, lang: str) -> str:
        if not words:
            words.append(frame_words(workspace))
        return words[0].name(topic, lang)

    return name


@lru_cache(maxsize=1)
def move_ticket() -> MoveTicket:
    """A person's move through the API."""
    from chalicelib.services.cases.move_ticket import MoveTicket

    return MoveTicket(tickets=ticket_store(), clock=now, knows=find_graph().check)


@lru_cache(maxsize=1)
def hand_over() -> HandOver:
    """Who takes a ticket, or hands it on."""
    from chalicelib.services.cases.hand_over import HandOver

    return HandOver(
        tickets=ticket_store(),
        clock=now,
        office=find_owner(),
        asked=_asked_of_organisation,
        knows=find_graph().check,
        path=find_graph().path,
    )


@lru_cache(maxsize=1)
def case_store() -> CaseStore:
    """Notes, links and verdicts beside the tickets."""
    from chalicelib.storage.cases import CaseStore

    _bind()
    return CaseStore()


@lru_cache(maxsize=1)
def case_file() -> CaseFile:
    """What lies beside a ticket."""
    from chalicelib.services.cases.case_file import CaseFile

    return CaseFile(tickets=ticket_store(), cases=case_store(), clock=now)


@lru_cache(maxsize=1)
def mark_duplicate() -> MarkDuplicate:
    """Which cases tell the same."""
    from chalicelib.services.cases.mark_duplicate import MarkDuplicate

    return MarkDuplicate(tickets=ticket_store(), file=case_file(), move=move_ticket())


@lru_cache(maxsize=1)
def audit_tickets() -> AuditTickets:
    """The quality audit of closed tickets."""
    from chalicelib.services.cases.audit_tickets import AuditTickets
    from chalicelib.storage.paging import of_sorted

    return AuditTickets(tickets=ticket_store(), verdicts=case_store(), clock=now, page=of_sorted)


@lru_cache(maxsize=1)
def close_feedback() -> CloseFeedback:
    """A person puts a voice away."""
    from chalicelib.services.reading.close_feedback import CloseFeedback

    return CloseFeedback(feedback=feedback_store(), clock=now)


@lru_cache(maxsize=1)
def page_links() -> PageLinks:
    """Links to the page of a ticket."""
    from chalicelib.services.page.page_links import PageLinks

    return PageLinks(marks=vault(), clock=now)


@lru_cache(maxsize=1)
def page_codes() -> PageCodes:
    """The codes with which people work on that page."""
    from chalicelib.storage.page_codes import PageCodes

    _bind()
    return PageCodes()


@lru_cache(maxsize=1)
def open_page() -> OpenPage:
    """What the page shows."""
    from chalicelib.services.page.open_page import OpenPage

    return OpenPage(
        links=page_links(),
        tickets=ticket_store(),
        voices=feedback_store(),
        playbook=find_playbook(),
        path=find_graph().told,
        causes=find_graph().causes,
        links_of=case_store().links,
        topic_names=topic_names,
        organisation=find_owner().organisation,
        clock=now,
    )


@lru_cache(maxsize=1)
def make_code() -> MakeCode:
    """A code for a person and a ticket."""
    from chalicelib.services.page.act_on_page import MakeCode

    return MakeCode(codes=page_codes(), marks=vault(), clock=now)


@lru_cache(maxsize=1)
def act_on_page() -> ActOnPage:
    """A person's work from the page."""
    from chalicelib.services.page.act_on_page import ActOnPage

    return ActOnPage(
        links=page_links(),
        codes=page_codes(),
        marks=vault(),
        tickets=ticket_store(),
        move=move_ticket(),
        hand_over=hand_over(),
        organisation=find_owner().organisation,
        reveal=reveal_contact().to_person,
        updated=manage_sla().updated,
        clock=now,
    )


@lru_cache(maxsize=1)
def hear_callback() -> HearCallback:
    """The door for what systems of record say back. Light: some of them wait for 1.5 seconds."""
    from chalicelib.connectors.registry import callback_reader
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.services.outbound.hear_callback import HearCallback
    from chalicelib.storage.secrets import EndpointSecrets

    return HearCallback(
        secrets=EndpointSecrets(hook_client("ssm"), settings().parameter_prefix, settings().key_id),
        reader=callback_reader,
        judge=apply_callback,
        queue=SqsQueue(hook_client("sqs"), settings().callbacks_url),
        clock=now,
    )


@lru_cache(maxsize=1)
def apply_callback() -> ApplyCallback:
    """What was said, judged and written."""
    from chalicelib.connectors.registry import callback_reader
    from chalicelib.services.outbound.apply_callback import ApplyCallback
    from chalicelib.storage.callbacks import CallbackMemory

    return ApplyCallback(
        endpoints=directory(),
        tickets=ticket_store(),
        items=item_store(),
        memory=CallbackMemory(now),
        reader=callback_reader,
        queue=queue("callbacks"),
        clock=now,
        answer=take_answer,
    )


# --- verification --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def verification_rules() -> VerificationRules:
    """How workspaces ask their customers."""
    from chalicelib.storage.verification import VerificationRules

    _bind()
    return VerificationRules()


@lru_cache(maxsize=1)
def manage_verification() -> ManageVerification:
    """The same, for those who decide it."""
    from chalicelib.services.verification.manage_verification import ManageVerification

    return ManageVerification(store=verification_rules(), clock=now)


def _ask_customer(tickets: TicketPort) -> AskCustomer:
    """Whether a resolution holds is asked once."""
    from chalicelib.services.cases.follow_parts import WholeCases
    from chalicelib.services.verification.ask_customer import AskCustomer, Leave

    def take_leave(ticket: Ticket, claim: str) -> Leave:
        answer = can_contact().claim_for(ticket, "verification", channel=None, claim=claim).answer
        return Leave(answer.allowed, answer.next_at)

    return AskCustomer(
        tickets=WholeCases(tickets, now),
        voices=feedback_store(),
        directory=directory(),
        rules=verification_rules().get,
        due=due_store(),
        clock=now,
        take_leave=take_leave,
    )


@lru_cache(maxsize=1)
def take_answer() -> TakeAnswer:
    """What the customer says to it."""
    from chalicelib.services.cases.follow_parts import WholeCases
    from chalicelib.services.verification.take_answer import TakeAnswer

    return TakeAnswer(
        tickets=WholeCases(ticket_store(), now),
        notes=case_store(),
        rules=verification_rules().get,
        clock=now,
    )


@lru_cache(maxsize=1)
def answer_links() -> AnswerLinks:
    """The question, and the link to answer it."""
    from chalicelib.domain.verification import LIFETIME
    from chalicelib.services.page.page_links import PageLinks
    from chalicelib.services.verification.answer_links import PURPOSE, AnswerLinks

    links = PageLinks(marks=vault(), clock=now, purpose=PURPOSE, lifetime=LIFETIME)
    return AnswerLinks(links=links, rules=verification_rules().get, base_url=settings().public_url)


@lru_cache(maxsize=1)
def open_answer_page() -> OpenAnswerPage:
    """The page behind that link."""
    from chalicelib.services.verification.answer_links import OpenAnswerPage

    return OpenAnswerPage(
        links=answer_links(),
        tickets=ticket_store(),
        playbook=find_playbook(),
        zone=lambda workspace: find_owner().organisation(workspace).zone.key,
        clock=now,
    )


@lru_cache(maxsize=1)
def sweep_service() -> Sweep:
    """What the schedule calls."""
    from chalicelib.calendars import book
    from chalicelib.services.sweep import Sweep

    return Sweep(
        feedback=feedback_store(),
        due=due_store(),
        buckets=bucket_store(),
        queues={name: queue(name) for name in ("tickets", "alerts", "deliveries", "rollups", "fetches", "cases")},
        clock=now,
        calendars=book.release,
    )


@lru_cache(maxsize=1)
def feedback_store() -> FeedbackStore:
    """Feedback, its revisions and what is parked."""
    from chalicelib.storage.feedback import FeedbackStore

    _bind()
    return FeedbackStore(keep_days=settings().retention_days, clock=now)


@lru_cache(maxsize=1)
def feedback_list() -> FeedbackList:
    """Pages of feedback, newest first."""
    from chalicelib.storage.feedback_list import FeedbackList

    _bind()
    return FeedbackList(keep_days=settings().retention_days, clock=now)


@lru_cache(maxsize=1)
def vault() -> Vault:
    """Contact data and raw bodies, sealed."""
    from chalicelib.storage.vault import Vault

    _bind()
    return Vault(client("kms"), settings().key_id)


@lru_cache(maxsize=1)
def bucket_store() -> BucketStore:
    """Counted hours."""
    from chalicelib.storage.buckets import BucketStore

    _bind()
    return BucketStore()


@lru_cache(maxsize=1)
def bus() -> EventBus:
    """The custom event bus."""
    from chalicelib.messaging.bus import EventBus

    return EventBus(client("events"), settings().bus)


@lru_cache(maxsize=8)
def queue(name: str) -> SqsQueue:
    """One of our queues: inbox, tickets, alerts, deliveries, rollups, readings, fetches or uploads."""
    from chalicelib.messaging.queues import SqsQueue

    return SqsQueue(client("sqs"), getattr(settings(), f"{name}_url"))


def reader_of(workspace: str, proposal: str | None = None) -> Reader:
    """What reads the words of a workspace: by the frame in force, or by a proposed one.

    Raises NotFound, Conflict (``effect_pending``) while the proposed one's delta is not learned.
    """
    from chalicelib.domain.access import nowhere

    if proposal is None:
        return frame_book().reader(frame_store().state(workspace))
    proposed = frame_store().proposal(workspace, proposal)
    if proposed is None:
        raise nowhere()
    return frame_book().reader(proposed.content, whole=True)


@lru_cache(maxsize=1)
def enrich_service() -> Enrich:
    """From a message of the inbox to a stored feedback."""
    from chalicelib.services.reading.enrich import Enrich
    from chalicelib.sources.registry import load

    return Enrich(
        store=feedback_store(),
        vault=vault(),
        directory=directory(),
        frames=frame_store(),
        source=load,
        readers=frame_book().reader,
        fetches=queue("fetches"),
        clock=now,
        retention_days=settings().retention_days,
        opt_out=lambda workspace, voice, channels: manage_contact().heard(
            workspace, can_contact().of_customer(workspace, voice.customer), channels, voice.occurred_at
        ),
    )


@lru_cache(maxsize=1)
def outbox_service() -> Outbox:
    """From the table's stream to the bus."""
    from chalicelib.services.outbox import Listeners, Outbox
    from chalicelib.storage.images import changes

    return Outbox(
        decode=changes,
        listeners=Listeners(directory(), clock=now),
        bus=bus(),
        buckets=bucket_store(),
        rollups=queue("rollups"),
        clock=now,
        retention_days=settings().retention_days,
        delay=settings().rollup_delay,
    )


@lru_cache(maxsize=1)
def rollup_service() -> Rollup:
    """Counts a marked bucket."""
    from chalicelib.services.reading.rollup import Rollup

    return Rollup(
        buckets=bucket_store(),
        rollups=queue("rollups"),
        clock=now,
        retention_days=settings().retention_days,
        delay=settings().rollup_delay,
    )


# --- the APIs of survey platforms ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def fetch_service() -> Fetch:
    """What reads the whole of an event through its platform's API."""
    import random

    from chalicelib.services.inbound.fetch import Fetch

    return Fetch(
        directory=directory(),
        source=_fetching_source,
        api=vendor_apis(),
        inbox=_inbox(),
        queue=queue("fetches"),
        clock=now,
        luck=random.SystemRandom().random,
    )


@lru_cache(maxsize=1)
def poll_service() -> Poll:
    """What asks a platform for what it did not push."""
    import time

    from chalicelib.services.inbound.poll import Poll

    return Poll(
        directory=directory(),
        store=poll_store(),
        due=due_store(),
        source=_fetching_source,
        api=vendor_apis(),
        inbox=_inbox(),
        queue=queue("fetches"),
        clock=now,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def arm_polls() -> ArmPolls:
    """Switches pollers on and off, and shows how far they are."""
    from chalicelib.services.inbound.poll import ArmPolls

    return ArmPolls(store=poll_store(), due=due_store(), source=_fetching_source, clock=now)


def _fetching_source(name: str) -> Any:
    """Whoever asks looks at ``fetches`` and ``polls`` before it asks for more than every source has."""
    from chalicelib.sources.registry import load

    return load(name)


def _inbox() -> Inbox:
    from chalicelib.messaging.inbox import Inbox

    return Inbox(queue("inbox"))


@lru_cache(maxsize=1)
def poll_store() -> PollStore:
    """How far pollers have come."""
    from chalicelib.storage.polls import PollStore

    _bind()
    return PollStore()


@lru_cache(maxsize=1)
def vendor_apis() -> VendorApis:
    """Clients of platforms' APIs. Their door reads larger answers: a page of responses is one."""
    import time

    from chalicelib.egress import Door
    from chalicelib.services.inbound.vendor import LARGEST_ANSWER, VendorApis
    from chalicelib.storage.deliveries import TargetWindows

    return VendorApis(
        door=Door(egress_policy(), body_cap=LARGEST_ANSWER),
        windows=TargetWindows(),
        secrets=vendor_secrets(),
        clock=now,
        pause=time.sleep,
        monotonic=time.monotonic,
    )


# --- code frames ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def frame_store() -> FrameStore:
    """Code frames of workspaces: active, proposed, learned."""
    from chalicelib.storage.frames import FrameStore

    _bind()
    return FrameStore(now)


@lru_cache(maxsize=1)
def frame_book() -> FrameBook:
    """Frames and their readers, kept while the process lives."""
    from chalicelib.understanding.book import FrameBook

    return FrameBook(_weights, _delta)


def _weights() -> Weights:
    from chalicelib.understanding import weights

    return weights.load()


def _delta(workspace: str, number: int) -> Delta | None:
    """What the corrections of a workspace taught; None before it was learned."""
    from chalicelib.understanding.delta import Delta

    kept = frame_store().delta(workspace, number)
    return None if kept is None else Delta.from_document(kept)


@lru_cache(maxsize=1)
def read_frame() -> ReadFrame:
    """Packs, the active frame, proposals."""
    from chalicelib.services.reading.read_frame import ReadFrame

    return ReadFrame(frames=frame_store(), book=frame_book())


@lru_cache(maxsize=1)
def propose_frame() -> ProposeFrame:
    """A proposed frame, to be measured."""
    from chalicelib.services.reading.propose_frame import ProposeFrame

    return ProposeFrame(
        frames=frame_store(), book=frame_book(), rules=directory(), readings=queue("readings"), clock=now
    )


@lru_cache(maxsize=1)
def activate_frame() -> ActivateFrame:
    """A measured frame comes into force."""
    from chalicelib.services.reading.activate_frame import ActivateFrame

    return ActivateFrame(
        frames=frame_store(),
        book=frame_book(),
        rules=directory(),
        readings=queue("readings"),
        clock=now,
        delay=settings().reading_delay,
    )


@lru_cache(maxsize=1)
def learn_delta() -> LearnDelta:
    """What a workspace's corrections teach."""
    from chalicelib.services.reading.learn_delta import LearnDelta

    return LearnDelta(frames=frame_store(), corrections=read_corrections(), learn=frame_book().learned)


@lru_cache(maxsize=1)
def reread_range() -> RereadRange:
    """What the reread function calls."""
    from chalicelib.services.reading.reread_range import RereadRange

    return RereadRange(
        frames=frame_store(),
        voices=feedback_store(),
        lists=feedback_list(),
        tickets=ticket_store(),
        rules=directory(),
        readers=frame_book().reader,
        learn=learn_delta(),
        reread=reread_service(),
        readings=queue("readings"),
        clock=now,
    )


# --- dry runs ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def dry_run_store() -> DryRunStore:
    """Changes that are tried, and how far each has come."""
    from chalicelib.storage.dry_runs import DryRunStore

    _bind()
    return DryRunStore(now)


def _configuration() -> Configuration:
    """What a change is compared with."""
    from chalicelib.services.rehearsal.dry_run import Configuration

    return Configuration(
        directory=directory(),
        organisation=find_owner().organisation,
        policy=offices().policy,
        causes=cause_store(),
        frame=frame_store().state,
        book=frame_book(),
        calendar=calendar,
        clock=now,
    )


@lru_cache(maxsize=1)
def start_dry_run() -> StartDryRun:
    """A change is tried."""
    from chalicelib.services.rehearsal.dry_run import StartDryRun
    from chalicelib.services.workspace.manage_organisation import sound
    from chalicelib.services.workspace.organisation_file import Document

    return StartDryRun(
        runs=dry_run_store(),
        configuration=_configuration(),
        sound=lambda one: sound(Document(one)),
        fits=manage_graph().check,
        readings=queue("readings"),
        clock=now,
    )


@lru_cache(maxsize=1)
def go_through() -> GoThrough:
    """What the reread function calls for it."""
    from chalicelib.services.rehearsal.dry_run import GoThrough
    from chalicelib.services.rehearsal.dry_world import Sms

    return GoThrough(
        runs=dry_run_store(),
        configuration=_configuration(),
        lists=feedback_list(),
        voices=feedback_store(),
        tickets=ticket_store(),
        sms=Sms(settings().sms_parts_per_day, settings().public_url, _known_page),
        readings=queue("readings"),
        clock=now,
    )


# --- uploaded files ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def upload_store() -> UploadStore:
    """How far each file is read."""
    from chalicelib.storage.uploads import UploadStore

    _bind()
    return UploadStore(now)


@lru_cache(maxsize=1)
def raw_files() -> RawFiles:
    """Uploaded files as they came."""
    from chalicelib.storage.raw_files import RawFiles

    return RawFiles(lambda: client("s3"), settings().uploads_bucket)


@lru_cache(maxsize=1)
def intake_service() -> Intake:
    """What reads uploaded files."""
    import time

    from chalicelib.services.inbound.intake import Intake
    from chalicelib.sources.registry import load

    return Intake(
        directory=directory(),
        store=upload_store(),
        files=raw_files(),
        source=load,
        inbox=_inbox(),
        queue=queue("uploads"),
        clock=now,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def manage_uploads() -> ManageUploads:
    """Where a connection's files go, and what became of each."""
    from chalicelib.services.inbound.manage_uploads import ManageUploads
    from chalicelib.sources.registry import load

    return ManageUploads(
        connections=directory(),
        store=upload_store(),
        files=raw_files(),
        takes_files=lambda source: load(source).takes_files,
        clock=now,
    )


# --- issues -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def issue_store() -> IssueStore:
    """Issues, their history, and what is part of them."""
    from chalicelib.storage.issues import IssueStore

    _bind()
    return IssueStore()


@lru_cache(maxsize=1)
def insight_store() -> InsightStore:
    """Insights, and what makes an issue of single tickets."""
    from chalicelib.storage.insights import InsightStore

    _bind()
    return InsightStore()


@lru_cache(maxsize=1)
def link_cases() -> LinkCases:
    """What is part of an issue."""
    from chalicelib.services.issues.link_cases import LinkCases

    return LinkCases(links=issue_store(), tickets=ticket_store(), voices=feedback_store(), due=due_store(), clock=now)


@lru_cache(maxsize=1)
def read_links() -> ReadLinks:
    """The same, as a key may see it."""
    from chalicelib.services.issues.link_cases import ReadLinks

    return ReadLinks(issue_store(), ticket_store(), feedback_store())


@lru_cache(maxsize=1)
def manage_issues() -> ManageIssues:
    """Issues, as people work on them."""
    from chalicelib.services.issues.manage_issues import ManageIssues

    return ManageIssues(store=issue_store(), levels=link_cases(), office=find_owner(), clock=now)


@lru_cache(maxsize=1)
def manage_insights() -> ManageInsights:
    """Insights, and what makes an issue of single tickets."""
    from chalicelib.services.issues.manage_insights import ManageInsights

    return ManageInsights(store=insight_store(), issues=issue_store(), office=find_owner(), clock=now)


def _promote(tickets: TicketPort, afresh: TicketPort, watched: Callable[[Issue], bool]) -> Promote:
    """What makes an issue of tickets by itself; what makes one is read once. ``afresh``: for what is linked."""
    from chalicelib.services.issues.link_cases import LinkCases
    from chalicelib.services.issues.promote import Promote
    from chalicelib.storage.recurrences import RecurrenceStore

    return Promote(
        tickets=tickets,
        issues=issue_store(),
        recurrences=RecurrenceStore(now),
        links=LinkCases(links=issue_store(), tickets=afresh, voices=feedback_store(), due=due_store(), clock=now),
        policy=cache(insight_store().policy),
        office=find_owner(),
        names=topic_names,
        clock=now,
        watched=watched,
    )


# --- the effect of a fix -------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def effect_store() -> EffectStore:
    """Claims that an issue is fixed."""
    from chalicelib.storage.effects import EffectStore

    _bind()
    return EffectStore()


@lru_cache(maxsize=1)
def exposure_store() -> ExposureStore:
    """How much business there was."""
    from chalicelib.storage.exposures import ExposureStore

    _bind()
    return ExposureStore()


@lru_cache(maxsize=1)
def keep_exposure() -> KeepExposure:
    """The same, as it is said and shown."""
    from chalicelib.services.issues.keep_exposure import KeepExposure

    return KeepExposure(store=exposure_store(), clock=now)


@lru_cache(maxsize=1)
def count_complaints() -> CountComplaints:
    """How often customers complained of what an issue is about."""
    from chalicelib.services.issues.count_complaints import CountComplaints

    return CountComplaints(
        buckets=bucket_store(),
        exposures=exposure_store(),
        organisation=find_owner().organisation,
        links=issue_store(),
        tickets=ticket_store(),
    )


@lru_cache(maxsize=1)
def judge_effect() -> JudgeEffect:
    """The verdict on a fix."""
    from chalicelib.services.issues.judge_effect import JudgeEffect

    return JudgeEffect(
        issues=issue_store(), claims=effect_store(), complaints=count_complaints(), due=due_store(), clock=now
    )


def _watch_recurrence(tickets: TicketPort) -> WatchRecurrence:
    """What brings an issue back whose fix was accepted; what each topic may bring back is read once."""
    from chalicelib.services.issues.watch_recurrence import WatchRecurrence

    return WatchRecurrence(
        issues=issue_store(),
        claims=effect_store(),
        complaints=count_complaints(),
        tickets=tickets,
        due=due_store(),
        clock=now,
        watching=cache(lambda workspace, topic: effect_store().watching(workspace, topic, now())),
    )


@lru_cache(maxsize=1)
def declare_fixed() -> DeclareFixed:
    """Somebody says that an issue is fixed."""
    from chalicelib.services.issues.declare_fixed import DeclareFixed

    return DeclareFixed(
        issues=issue_store(), claims=effect_store(), complaints=count_complaints(), judge=judge_effect(), clock=now
    )


# --- contact with customers ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def loop_book() -> LoopBook:
    """What happened to tickets, for the numbers of a week."""
    from chalicelib.storage.loop import LoopBook

    _bind()
    return LoopBook(keep_days=settings().retention_days)


@lru_cache(maxsize=1)
def read_loop() -> ReadLoop:
    """The week in one answer."""
    from chalicelib.services.reports.read_loop import ReadLoop

    return ReadLoop(
        lines=feedback_list(),
        book=loop_book(),
        tickets=ticket_store(),
        issues=issue_store(),
        claims=effect_store(),
        organisation=find_owner().organisation,
        clock=now,
        keep_days=settings().retention_days,
    )


@lru_cache(maxsize=1)
def arm_weeks() -> ArmWeeks:
    """The Mondays that endpoints asked for."""
    from chalicelib.services.reports.send_week import ArmWeeks

    return ArmWeeks(find_owner().organisation, due_store(), now)


@lru_cache(maxsize=1)
def send_week() -> SendWeek:
    """What a Monday morning calls."""
    from chalicelib.services.reports.send_week import SendWeek

    return SendWeek(directory(), read_loop(), tellings(), arm_weeks(), now)


@lru_cache(maxsize=1)
def tellings() -> Tellings:
    """What was told of weeks and digests."""
    from chalicelib.storage.loop import Tellings

    _bind()
    return Tellings()


@lru_cache(maxsize=1)
def arm_digest() -> ArmDigest:
    """The slots of digests."""
    from chalicelib.services.reports.send_digest import ArmDigest

    return ArmDigest(find_owner().organisation, due_store())


@lru_cache(maxsize=1)
def briefing_store() -> BriefingStore:
    """Digests that endpoints want."""
    from chalicelib.storage.loop import BriefingStore

    _bind()
    return BriefingStore()


@lru_cache(maxsize=1)
def send_digest() -> SendDigest:
    """What a digest's slot calls."""
    from chalicelib.services.reports.send_digest import SendDigest

    return SendDigest(briefing_store(), directory(), feedback_list(), read_loop(), tellings(), arm_digest(), now)


@lru_cache(maxsize=1)
def manage_digests() -> ManageDigests:
    """Digests by subscription."""
    from chalicelib.services.reports.manage_digests import ManageDigests

    return ManageDigests(briefing_store(), directory(), connector_catalogue(), arm_digest(), now)


@lru_cache(maxsize=1)
def contact_store() -> ContactStore:
    """Contact policies, opt-outs, slots and skips."""
    from chalicelib.storage.contacts import ContactStore

    _bind()
    return ContactStore(now)


@lru_cache(maxsize=1)
def can_contact() -> CanContact:
    """Whether a customer may be contacted, and the slot for it."""
    from chalicelib.services.contact.can_contact import CanContact

    return CanContact(
        policies=contact_store(),
        opt_outs=contact_store(),
        slots=contact_store(),
        cases=ticket_store(),
        voices=feedback_store(),
        vault=vault(),
        zone=lambda workspace, unit: find_owner().organisation(workspace).business_time(unit, {}).zone,
        clock=now,
    )


@lru_cache(maxsize=1)
def manage_contact() -> ManageContact:
    """Contact policies and opt-outs, for those who decide them."""
    from chalicelib.services.contact.manage_contact import ManageContact

    return ManageContact(store=contact_store(), rules=directory(), clock=now)


@lru_cache(maxsize=1)
def followup_store() -> FollowupStore:
    """Happy customers as tasks for sales."""
    from chalicelib.storage.followups import FollowupStore

    _bind()
    return FollowupStore(now)


@lru_cache(maxsize=1)
def suggest_followup() -> SuggestFollowup:
    """What comes of a voice that is to be followed up."""
    from chalicelib.services.contact.suggest_followup import SuggestFollowup

    return SuggestFollowup(
        voices=feedback_store(),
        followups=followup_store(),
        policies=contact_store(),
        can_contact=can_contact(),
        owner=find_owner(),
        clock=now,
    )


# --- organisations -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def organisation_store() -> OrganisationStore:
    """Organisations of workspaces, with the channels of their people."""
    from chalicelib.storage.organisations import OrganisationStore

    _bind()
    return OrganisationStore(vault())


@lru_cache(maxsize=1)
def manage_organisation() -> ManageOrganisation:
    """Units, departments, people."""
    from chalicelib.calendars import book
    from chalicelib.services.workspace.manage_organisation import ManageOrganisation

    return ManageOrganisation(
        store=organisation_store(),
        asked=_asked_of_organisation,
        countries=book.countries,
        clock=now,
        load=open_tickets_of,
    )


def calendar(country: str) -> Calendar | None:
    """Public holidays of a country."""
    from chalicelib.calendars import book

    return book.calendar(country)


def _asked_of_organisation(workspace: str) -> Asked:
    """The departments that the workspace's code frame, rules and follow-ups name."""
    from chalicelib.domain.organisation_check import Asked

    frame = frame_book().frame(frame_store().state(workspace))
    ruled = {rule.department for rule in directory().rules(workspace) if rule.department}
    mending = {cause.department for cause in find_graph()(workspace).causes.by_id.values()}
    contact = contact_store().get(workspace)
    sales = {contact.followup_department} if contact.consent else set()
    others = ruled | mending | sales | {line.department for line in frame.red_lines}
    return Asked({node.id: node.department for node in frame.nodes}, frozenset(others), frame.version)


@lru_cache(maxsize=1)
def find_owner() -> FindOwner:
    """Who gets a ticket."""
    from chalicelib.services.cases.find_owner import FindOwner

    return FindOwner(organisation_store(), now, open_tickets_of)


def open_tickets_of(workspace: str, person: str) -> int:
    """How many tickets somebody has to work on."""
    from chalicelib.storage.open_cases import OpenCases

    _bind()
    return OpenCases().count(workspace, person)


# --- the management API --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def authenticate() -> Authenticate:
    """From an Authorization header to the key that it holds."""
    from chalicelib.services.workspace.authenticate import Authenticate

    return Authenticate(directory())


@lru_cache(maxsize=1)
def manage_connections() -> ManageConnections:
    """Where voices come in."""
    from chalicelib.services.inbound.manage_connections import ManageConnections

    return ManageConnections(
        store=directory(),
        secrets=connection_secrets(),
        vendor_secrets=vendor_secrets(),
        polls=arm_polls(),
        sources=source_catalogue(),
        resume=reparse().connection,
        clock=now,
    )


@lru_cache(maxsize=4)
def manage_endpoints(own_url: str) -> ManageEndpoints:
    """Where tasks go out. ``own_url`` is where we are reached: an endpoint may not be ourselves."""
    from chalicelib.services.outbound.manage_endpoints import ManageEndpoints

    return ManageEndpoints(
        store=directory(),
        secrets=endpoint_secrets(),
        connectors=connector_catalogue(),
        deliveries=delivery_admin_service(),
        check_url=check_url(own_url),
        clock=now,
        polls=drifts(),
        weekly=arm_weeks(),
    )


def check_url(own_url: str) -> Callable[[str], Target]:
    """What an endpoint's URL is asked when it is saved."""
    from chalicelib.domain.egress_policy import Policy, self_host
    from chalicelib.egress import Door

    policy = Policy(
        settings().egress_cidrs, loopback_allowed=settings().loopback_allowed, self_hosts=(self_host(own_url),)
    )
    return Door(policy).check


@lru_cache(maxsize=1)
def manage_rules() -> ManageRules:
    """Routing rules."""
    from chalicelib.services.workspace.manage_rules import ManageRules

    return ManageRules(directory())


@lru_cache(maxsize=1)
def manage_keys() -> ManageKeys:
    """API keys."""
    from chalicelib.services.workspace.manage_keys import ManageKeys

    return ManageKeys(directory())


@lru_cache(maxsize=1)
def read_needs() -> ReadNeeds:
    """What topics are to customers."""
    from chalicelib.services.reading.read_needs import ReadNeeds

    return ReadNeeds(lists=feedback_list(), name=topic_names, clock=now)


@lru_cache(maxsize=1)
def read_feedback() -> ReadFeedback:
    """Feedback as a key may see it."""
    from chalicelib.services.reading.read_feedback import ReadFeedback

    return ReadFeedback(store=feedback_store(), lists=feedback_list())


@lru_cache(maxsize=1)
def read_tickets() -> ReadTickets:
    """Tickets as a key may see them."""
    from chalicelib.services.cases.read_tickets import ReadTickets

    return ReadTickets(ticket_store(), item_store(), now)


@lru_cache(maxsize=1)
def read_deliveries() -> ReadDeliveries:
    """The delivery log."""
    from chalicelib.services.outbound.read_deliveries import ReadDeliveries

    return ReadDeliveries(delivery_store())


@lru_cache(maxsize=1)
def reparse() -> Reparse:
    """Read parked content again."""
    from chalicelib.services.inbound.reparse import Reparse

    return Reparse(store=feedback_store(), lists=feedback_list(), vault=vault(), inbox=queue("inbox"), clock=now)


@lru_cache(maxsize=1)
def reread_service() -> Reread:
    """Another reading of stored words."""
    from chalicelib.services.reading.reread import Reread

    return Reread(store=feedback_store(), clock=now)


@lru_cache(maxsize=1)
def correct() -> Correct:
    """An analyst's correction."""
    from chalicelib.services.reading.correct import Correct

    return Correct(reread=reread_service(), directory=directory(), frame=lambda workspace: reader_of(workspace).frame)


@lru_cache(maxsize=1)
def review() -> Review:
    """What waits for a person to look at, and their verdicts."""
    from chalicelib.services.reading.review import Review

    return Review(queue=review_queue(), correct=correct())


@lru_cache(maxsize=1)
def read_corrections() -> ReadCorrections:
    """Corrections as training data, and the readings of one feedback."""
    from chalicelib.services.reading.read_corrections import ReadCorrections

    return ReadCorrections(lists=correction_list(), store=feedback_store())


@lru_cache(maxsize=1)
def review_queue() -> ReviewQueue:
    """Pages of what waits for a person to look at."""
    from chalicelib.storage.review_queue import ReviewQueue

    _bind()
    return ReviewQueue(clock=now)


@lru_cache(maxsize=1)
def correction_list() -> CorrectionList:
    """Pages of corrections."""
    from chalicelib.storage.corrections import CorrectionList

    _bind()
    return CorrectionList(clock=now)


@lru_cache(maxsize=1)
def try_reading() -> TryReading:
    """A sentence against frame and routing, storing nothing."""
    from dataclasses import replace

    from chalicelib.connectors import cards
    from chalicelib.services.reading.try_reading import TryReading
    from chalicelib.sources.registry import load
    from chalicelib.understanding import causes, playbooks
    from chalicelib.understanding.book import department_of

    def way(ticket: Ticket, frame: Frame) -> tuple[Told, ...]:
        find = find_graph()
        graph = find.over(ticket.workspace, causes.graph_of(frame))
        return find.told(replace(ticket, path=find.path(ticket, graph)), graph, frame.name)

    return TryReading(
        reader=reader_of,
        directory=directory(),
        source=load,
        card=cards.build,
        playbooks=playbooks.of_frame,
        path=way,
        department=department_of,
        clock=now,
    )


@lru_cache(maxsize=1)
def replay_service() -> Replay:
    """Do a time range again."""
    from chalicelib.services.replay import Replay

    return Replay(
        feedback=feedback_store(),
        lists=feedback_list(),
        tickets=ticket_store(),
        endpoints=directory(),
        deliveries=delivery_admin_service(),
        reparse=reparse(),
        bus=bus(),
    )


@lru_cache(maxsize=1)
def reveal_contact() -> RevealContact:
    """Contact data, for the person who has to call back."""
    from chalicelib.services.cases.reveal_contact import RevealContact

    return RevealContact(
        feedback=feedback_store(), vault=vault(), audit=audit_log(), clock=now, key_of=find_owner().key_of
    )


@lru_cache(maxsize=1)
def audit_log() -> AuditLog:
    """Who looked at what is protected."""
    from chalicelib.storage.audit import AuditLog

    _bind()
    return AuditLog()


# --- deliveries ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def egress_policy() -> Policy:
    """What the operator lets out. Our own host is no target: a delivery to ourselves would go round for ever."""
    from chalicelib.domain.egress_policy import Policy, self_host

    return Policy(
        settings().egress_cidrs,
        loopback_allowed=settings().loopback_allowed,
        self_hosts=(self_host(settings().public_url),),
    )


@lru_cache(maxsize=1)
def egress_door() -> Door:
    """The one way out; its ``check`` is asked when a URL is saved."""
    from chalicelib.egress import Door

    return Door(egress_policy())


@lru_cache(maxsize=1)
def connector_catalogue() -> ConnectorCatalogue:
    """What the management of endpoints asks about connectors."""
    from chalicelib.connectors.registry import ConnectorCatalogue

    return ConnectorCatalogue()


@lru_cache(maxsize=1)
def delivery_store() -> DeliveryStore:
    """Deliveries and their attempts."""
    from chalicelib.storage.deliveries import DeliveryStore

    _bind()
    return DeliveryStore(now)


@lru_cache(maxsize=1)
def _delivery_plan() -> DeliveryPlan:
    from chalicelib.messaging.queues import SqsQueue
    from chalicelib.services.outbound.delivery_plan import DeliveryPlan

    queue = SqsQueue(client("sqs"), settings().deliveries_url)
    return DeliveryPlan(store=delivery_store(), queue=queue, due=due_store(), clock=now)


def fan_out_service() -> FanOut:
    """From a bus event to deliveries, one for each batch."""
    from chalicelib.services.outbound.fan_out import FanOut

    return FanOut(endpoints=cache(directory().endpoints), plan=_delivery_plan(), send_code=send_code().plan)


@lru_cache(maxsize=1)
def deliver_service() -> Deliver:
    """One attempt."""
    import random
    import time

    from chalicelib.connectors.registry import load, load_digester, load_gateway, load_keeper
    from chalicelib.services.alerts.spend_sms import SpendSms
    from chalicelib.services.outbound.deliver import Deliver
    from chalicelib.services.outbound.digest import Digest
    from chalicelib.storage.deliveries import TargetWindows

    return Deliver(
        plan=_delivery_plan(),
        windows=TargetWindows(),
        directory=directory(),
        secrets=endpoint_secrets(),
        tickets=ticket_store(),
        voices=feedback_store(),
        vault=vault(),
        connector=load,
        keeper=load_keeper,
        digester=load_digester,
        digest=Digest(_delivery_plan()),
        synchronise=_synchronise(),
        sms=SpendSms(alert_store(), load_gateway, settings().sms_parts_per_day, now),
        door=egress_door(),
        topic_names=topic_names,
        luck=random.SystemRandom().random,
        monotonic=time.monotonic,
        base_url=settings().public_url,
        page=page_links().make,
        lease=timedelta(seconds=settings().delivery_lease),
        playbook=find_playbook(),
        path=find_graph().told,
        ask=answer_links().ask,
        watch=watched_store().add,
    )


@lru_cache(maxsize=1)
def _synchronise() -> Synchronise:
    """Its door reads larger answers: an item comes back whole, with all that others have put into it."""
    import time

    from chalicelib.egress import Door
    from chalicelib.services.outbound.keep_token import KeepToken
    from chalicelib.services.outbound.synchronise import LARGEST_ANSWER, Synchronise
    from chalicelib.storage.deliveries import TargetWindows
    from chalicelib.storage.items import TokenStore

    return Synchronise(
        items=item_store(),
        keep_token=KeepToken(TokenStore(vault()), now),
        windows=TargetWindows(),
        door=Door(egress_policy(), body_cap=LARGEST_ANSWER),
        clock=now,
        monotonic=time.monotonic,
        lease=timedelta(seconds=settings().delivery_lease) / 2,  # it ends before its delivery's
        watch=lambda *item: watched_store().add(*item),
    )


@lru_cache(maxsize=1)
def send_code() -> SendCode:
    """The owner of a ticket gets their code, and who stands above them is told."""
    import time

    from chalicelib.connectors import tellers
    from chalicelib.connectors.registry import load_gateway
    from chalicelib.services.alerts.spend_sms import SpendSms
    from chalicelib.services.outbound.keep_token import KeepToken
    from chalicelib.services.page.send_code import SendCode
    from chalicelib.storage.deliveries import TargetWindows
    from chalicelib.storage.items import TokenStore

    return SendCode(
        tickets=ticket_store(),
        codes=page_codes(),
        marks=vault(),
        directory=directory(),
        organisation=find_owner().organisation,
        channels=organisation_store().channels,
        secrets=endpoint_secrets(),
        teller=tellers.load,
        keep_token=KeepToken(TokenStore(vault()), now),
        windows=TargetWindows(),
        door=egress_door(),
        sms=SpendSms(alert_store(), load_gateway, settings().sms_parts_per_day, now),
        topic_names=topic_names,
        queue=queue("deliveries"),
        due=due_store(),
        clock=now,
        monotonic=time.monotonic,
        base_url=settings().public_url,
        page=page_links().make,
    )


@lru_cache(maxsize=1)
def watched_store() -> WatchedStore:
    """Whose items at an endpoint are asked for."""
    from chalicelib.storage.watched import WatchedStore

    _bind()
    return WatchedStore()


@lru_cache(maxsize=1)
def reconcile() -> Reconcile:
    """What asks another system how its items stand."""
    import time

    from chalicelib.connectors.registry import load_readable
    from chalicelib.egress import Door
    from chalicelib.services.outbound.keep_token import KeepToken
    from chalicelib.services.outbound.reconcile import Reconcile
    from chalicelib.services.outbound.synchronise import LARGEST_ANSWER
    from chalicelib.storage.deliveries import TargetWindows
    from chalicelib.storage.items import TokenStore

    return Reconcile(
        directory=directory(),
        secrets=endpoint_secrets(),
        store=poll_store(),
        watched=watched_store(),
        items=item_store(),
        tickets=ticket_store(),
        judge=apply_callback(),
        reader=load_readable,
        keep_token=KeepToken(TokenStore(vault()), now),
        windows=TargetWindows(),
        door=Door(egress_policy(), body_cap=LARGEST_ANSWER),
        due=due_store(),
        queue=queue("deliveries"),
        clock=now,
        monotonic=time.monotonic,
    )


@lru_cache(maxsize=1)
def drifts() -> Drifts:
    """What the polls of endpoints find, and switches them on and off."""
    from chalicelib.connectors.registry import load_readable
    from chalicelib.services.outbound.reconcile import Drifts

    return Drifts(
        directory=directory(),
        store=poll_store(),
        watched=watched_store(),
        due=due_store(),
        queue=queue("deliveries"),
        reader=load_readable,
        clock=now,
    )


def watch_again() -> WatchAgain:
    """Has the items of a reopened ticket asked for again."""
    from chalicelib.connectors.registry import load_readable
    from chalicelib.services.outbound.reconcile import WatchAgain

    return WatchAgain(item_store(), watched_store(), directory(), load_readable)


@lru_cache(maxsize=1)
def delivery_admin_service() -> Redeliver:
    """Replay, release and cancel."""
    from chalicelib.connectors.registry import load
    from chalicelib.services.outbound.redeliver import Redeliver

    def knows_repeats(workspace: str, endpoint_id: str) -> bool:
        endpoint = directory().endpoint(workspace, endpoint_id)
        return endpoint is not None and load(endpoint.connector).has_idempotency

    return Redeliver(plan=_delivery_plan(), lists=delivery_store(), knows_repeats=knows_repeats)


# --- alerts --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def alert_store() -> AlertStore:
    """Alert keys, what waits under them, what was sent."""
    from chalicelib.storage.alerts import AlertStore

    _bind()
    return AlertStore(retention_days=settings().retention_days)


@lru_cache(maxsize=1)
def notifications() -> SnsNotifications:
    """The topics of e-mail and SMS."""
    from chalicelib.messaging.notifications import SnsNotifications

    return SnsNotifications(client("sns"), settings().topic_prefix)


@lru_cache(maxsize=1)
def raise_alert_service() -> RaiseAlert:
    """What the alert function calls."""
    from chalicelib.services.alerts.raise_alert import RaiseAlert
    from chalicelib.services.alerts.send_alert import SendAlert

    send = SendAlert(
        store=alert_store(),
        notifier=notifications(),
        queue=queue("alerts"),
        due=due_store(),
        subscribers=directory(),
        topic_names=topic_names,
        clock=now,
        sms_parts_per_day=settings().sms_parts_per_day,
        base_url=settings().public_url,
        page=_known_page,
    )
    return RaiseAlert(feedback=feedback_store(), admission=alert_store(), send=send, clock=now)


def _known_page(workspace: str, ticket: str, since: datetime) -> str:
    """The page of a ticket; none where the workspace has no key yet: an alert makes none."""
    return page_links().make(workspace, ticket, since) if vault().knows(workspace) else ""


@lru_cache(maxsize=1)
def manage_subscriptions() -> ManageSubscriptions:
    """Who gets a workspace's alerts."""
    from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions

    return ManageSubscriptions(store=directory(), subscriber=notifications())


def _bind() -> None:
    """Point the row classes at the table and at the one client. Cheap enough for every store to do it."""
    from chalicelib.storage.table import bind

    bind(settings().table, client("dynamodb"))
