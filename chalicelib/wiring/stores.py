"""The stores: what lies in the table, in buckets and in the parameter store. In the order of their rooms."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.messaging.inbox import Inbox
    from chalicelib.messaging.notifications import SnsNotifications
    from chalicelib.storage.alerts.alerts import AlertStore
    from chalicelib.storage.cases.audit import AuditLog
    from chalicelib.storage.cases.cases import CaseStore
    from chalicelib.storage.cases.causes import CauseStore
    from chalicelib.storage.cases.lots import LotStore
    from chalicelib.storage.cases.open_cases import OpenCases
    from chalicelib.storage.cases.page_codes import PageCodes
    from chalicelib.storage.cases.sla import SlaStore
    from chalicelib.storage.cases.verification import VerificationRules
    from chalicelib.storage.contact.contacts import ContactStore
    from chalicelib.storage.contact.followups import FollowupStore
    from chalicelib.storage.inbound.polls import PollStore
    from chalicelib.storage.inbound.raw_files import RawFiles
    from chalicelib.storage.inbound.uploads import UploadStore
    from chalicelib.storage.issues.effects import EffectStore
    from chalicelib.storage.issues.exposures import ExposureStore
    from chalicelib.storage.issues.insights import InsightStore
    from chalicelib.storage.issues.issues import IssueStore
    from chalicelib.storage.outbound.deliveries import DeliveryStore
    from chalicelib.storage.outbound.items import ItemStore
    from chalicelib.storage.outbound.watched import WatchedStore
    from chalicelib.storage.reading.buckets import BucketStore
    from chalicelib.storage.reading.corrections import CorrectionList
    from chalicelib.storage.reading.dry_runs import DryRunStore
    from chalicelib.storage.reading.frames import FrameStore
    from chalicelib.storage.reading.review_queue import ReviewQueue
    from chalicelib.storage.reports.loop import BriefingStore, LoopBook, Tellings
    from chalicelib.storage.voice.feedback import FeedbackStore
    from chalicelib.storage.voice.feedback_list import FeedbackList
    from chalicelib.storage.workspaces.directory import DirectoryStore
    from chalicelib.storage.workspaces.organisations import OrganisationStore
    from chalicelib.storage.workspaces.secrets import ConnectionSecrets, EndpointSecrets, VendorSecrets


@lru_cache(maxsize=1)
def alert_store() -> AlertStore:
    """Alert keys, what waits under them, what was sent."""
    from chalicelib.storage.alerts.alerts import AlertStore

    base.bind()
    return AlertStore(retention_days=base.settings().retention_days)


@lru_cache(maxsize=1)
def notifications() -> SnsNotifications:
    """The topics of e-mail and SMS."""
    from chalicelib.messaging.notifications import SnsNotifications

    return SnsNotifications(base.client("sns"), base.settings().topic_prefix)


@lru_cache(maxsize=1)
def sla_store() -> SlaStore:
    """What workspaces promise."""
    from chalicelib.storage.cases.sla import SlaStore

    base.bind()
    return SlaStore()


@lru_cache(maxsize=1)
def cause_store() -> CauseStore:
    """Causes of workspaces, and what closed tickets taught."""
    from chalicelib.storage.cases.causes import CauseStore

    base.bind()
    return CauseStore()


@lru_cache(maxsize=1)
def case_store() -> CaseStore:
    """Notes, links and verdicts beside the tickets."""
    from chalicelib.storage.cases.cases import CaseStore

    base.bind()
    return CaseStore()


@lru_cache(maxsize=1)
def lot_store() -> LotStore:
    """Which tickets were closed in a month, as they are audited."""
    from chalicelib.storage.cases.lots import LotStore

    base.bind()
    return LotStore()


@lru_cache(maxsize=1)
def audit_log() -> AuditLog:
    """Who looked at what is protected."""
    from chalicelib.storage.cases.audit import AuditLog

    base.bind()
    return AuditLog()


@lru_cache(maxsize=1)
def contact_store() -> ContactStore:
    """Contact policies, opt-outs, slots and skips."""
    from chalicelib.storage.contact.contacts import ContactStore

    base.bind()
    return ContactStore(base.now)


@lru_cache(maxsize=1)
def followup_store() -> FollowupStore:
    """Happy customers as tasks for sales."""
    from chalicelib.storage.contact.followups import FollowupStore

    base.bind()
    return FollowupStore(base.now)


@lru_cache(maxsize=1)
def frame_store() -> FrameStore:
    """Code frames of workspaces: active, proposed, learned."""
    from chalicelib.storage.reading.frames import FrameStore

    base.bind()
    return FrameStore(base.now)


def hook_inbox(name: str) -> Inbox:
    """Where hooks put what they heard, and what the vendor's API must tell the whole of first."""
    from chalicelib.messaging.inbox import Inbox
    from chalicelib.messaging.queues import SqsQueue

    return Inbox(SqsQueue(base.hook_client("sqs"), getattr(base.settings(), f"{name}_url")))


@lru_cache(maxsize=1)
def connection_secrets() -> ConnectionSecrets:
    """The tokens and secrets of connections, for those who manage them."""
    from chalicelib.storage.workspaces.secrets import ConnectionSecrets

    return ConnectionSecrets(base.client("ssm"), base.settings().parameter_prefix, base.settings().key_id)


@lru_cache(maxsize=1)
def vendor_secrets() -> VendorSecrets:
    """What opens the APIs of survey platforms: managed by the API function, read by fetch."""
    from chalicelib.storage.workspaces.secrets import VendorSecrets

    return VendorSecrets(base.client("ssm"), base.settings().parameter_prefix, base.settings().key_id)


def inbox() -> Inbox:
    from chalicelib.messaging.inbox import Inbox

    return Inbox(base.queue("inbox"))


@lru_cache(maxsize=1)
def poll_store() -> PollStore:
    """How far pollers have come."""
    from chalicelib.storage.inbound.polls import PollStore

    base.bind()
    return PollStore()


@lru_cache(maxsize=1)
def upload_store() -> UploadStore:
    """How far each file is read."""
    from chalicelib.storage.inbound.uploads import UploadStore

    base.bind()
    return UploadStore(base.now)


@lru_cache(maxsize=1)
def raw_files() -> RawFiles:
    """Uploaded files as they came."""
    from chalicelib.storage.inbound.raw_files import RawFiles

    return RawFiles(lambda: base.client("s3"), base.settings().uploads_bucket)


@lru_cache(maxsize=1)
def issue_store() -> IssueStore:
    """Issues, their history, and what is part of them."""
    from chalicelib.storage.issues.issues import IssueStore

    base.bind()
    return IssueStore()


@lru_cache(maxsize=1)
def insight_store() -> InsightStore:
    """Insights, and what makes an issue of single tickets."""
    from chalicelib.storage.issues.insights import InsightStore

    base.bind()
    return InsightStore()


@lru_cache(maxsize=1)
def effect_store() -> EffectStore:
    """Claims that an issue is fixed."""
    from chalicelib.storage.issues.effects import EffectStore

    base.bind()
    return EffectStore()


@lru_cache(maxsize=1)
def exposure_store() -> ExposureStore:
    """How much business there was."""
    from chalicelib.storage.issues.exposures import ExposureStore

    base.bind()
    return ExposureStore()


@lru_cache(maxsize=1)
def endpoint_secrets() -> EndpointSecrets:
    """URLs and secrets of endpoints."""
    from chalicelib.storage.workspaces.secrets import EndpointSecrets

    return EndpointSecrets(base.client("ssm"), base.settings().parameter_prefix, base.settings().key_id)


@lru_cache(maxsize=1)
def delivery_store() -> DeliveryStore:
    """Deliveries and their attempts."""
    from chalicelib.storage.outbound.deliveries import DeliveryStore

    base.bind()
    return DeliveryStore(base.now)


@lru_cache(maxsize=1)
def item_store() -> ItemStore:
    """Items in other people's systems."""
    from chalicelib.storage.outbound.items import ItemStore

    base.bind()
    return ItemStore()


@lru_cache(maxsize=1)
def watched_store() -> WatchedStore:
    """Whose items at an endpoint are asked for."""
    from chalicelib.storage.outbound.watched import WatchedStore

    base.bind()
    return WatchedStore()


@lru_cache(maxsize=1)
def page_codes() -> PageCodes:
    """The codes with which people work on that page."""
    from chalicelib.storage.cases.page_codes import PageCodes

    base.bind()
    return PageCodes()


@lru_cache(maxsize=1)
def feedback_store() -> FeedbackStore:
    """Feedback, its revisions and what is parked."""
    from chalicelib.storage.voice.feedback import FeedbackStore

    base.bind()
    return FeedbackStore(keep_days=base.settings().retention_days, clock=base.now)


@lru_cache(maxsize=1)
def feedback_list() -> FeedbackList:
    """Pages of feedback, newest first."""
    from chalicelib.storage.voice.feedback_list import FeedbackList

    base.bind()
    return FeedbackList(keep_days=base.settings().retention_days, clock=base.now)


@lru_cache(maxsize=1)
def bucket_store() -> BucketStore:
    """Counted hours."""
    from chalicelib.storage.reading.buckets import BucketStore

    base.bind()
    return BucketStore()


@lru_cache(maxsize=1)
def review_queue() -> ReviewQueue:
    """Pages of what waits for a person to look at."""
    from chalicelib.storage.reading.review_queue import ReviewQueue

    base.bind()
    return ReviewQueue(clock=base.now)


@lru_cache(maxsize=1)
def correction_list() -> CorrectionList:
    """Pages of corrections."""
    from chalicelib.storage.reading.corrections import CorrectionList

    base.bind()
    return CorrectionList(clock=base.now)


@lru_cache(maxsize=1)
def dry_run_store() -> DryRunStore:
    """Changes that are tried, and how far each has come."""
    from chalicelib.storage.reading.dry_runs import DryRunStore

    base.bind()
    return DryRunStore(base.now)


@lru_cache(maxsize=1)
def loop_book() -> LoopBook:
    """What happened to tickets, for the numbers of a week."""
    from chalicelib.storage.reports.loop import LoopBook

    base.bind()
    return LoopBook(keep_days=base.settings().retention_days)


@lru_cache(maxsize=1)
def tellings() -> Tellings:
    """What was told of weeks and digests."""
    from chalicelib.storage.reports.loop import Tellings

    base.bind()
    return Tellings()


@lru_cache(maxsize=1)
def briefing_store() -> BriefingStore:
    """Digests that endpoints want."""
    from chalicelib.storage.reports.loop import BriefingStore

    base.bind()
    return BriefingStore()


@lru_cache(maxsize=1)
def verification_rules() -> VerificationRules:
    """How workspaces ask their customers."""
    from chalicelib.storage.cases.verification import VerificationRules

    base.bind()
    return VerificationRules()


@lru_cache(maxsize=1)
def directory() -> DirectoryStore:
    """What people configure."""
    from chalicelib.storage.workspaces.directory import DirectoryStore

    base.bind()
    return DirectoryStore()


def open_tickets_of(workspace: str, person: str) -> int:
    """How many tickets somebody has to work on."""
    return open_cases().count(workspace, person)


@lru_cache(maxsize=1)
def open_cases() -> OpenCases:
    """Whose open tickets are whose."""
    from chalicelib.storage.cases.open_cases import OpenCases

    base.bind()
    return OpenCases()


@lru_cache(maxsize=1)
def organisation_store() -> OrganisationStore:
    """Organisations of workspaces, with the channels of their people."""
    from chalicelib.storage.workspaces.organisations import OrganisationStore

    base.bind()
    return OrganisationStore(base.vault())
