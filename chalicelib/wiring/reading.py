"""What is made of voices: kept, tagged, listed, counted, put right."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Told
    from chalicelib.domain.cases.ticket import Ticket
    from chalicelib.services.reading.close_feedback import CloseFeedback
    from chalicelib.services.reading.correct import Correct
    from chalicelib.services.reading.enrich import Enrich
    from chalicelib.services.reading.read_corrections import ReadCorrections
    from chalicelib.services.reading.read_feedback import ReadFeedback
    from chalicelib.services.reading.read_needs import ReadNeeds
    from chalicelib.services.reading.reread import Reread
    from chalicelib.services.reading.review import Review
    from chalicelib.services.reading.rollup import Rollup
    from chalicelib.services.reading.try_reading import TryReading
    from chalicelib.storage.reading.buckets import BucketStore
    from chalicelib.storage.reading.corrections import CorrectionList
    from chalicelib.storage.reading.review_queue import ReviewQueue
    from chalicelib.storage.voice.feedback import FeedbackStore
    from chalicelib.storage.voice.feedback_list import FeedbackList
    from chalicelib.understanding.frame import Frame


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
def enrich_service() -> Enrich:
    """From a message of the inbox to a stored feedback."""
    from chalicelib.services.reading.enrich import Enrich
    from chalicelib.sources.registry import load
    from chalicelib.wiring import contact, frames, workspaces

    return Enrich(
        store=feedback_store(),
        vault=base.vault(),
        directory=workspaces.directory(),
        frames=frames.frame_store(),
        source=load,
        readers=frames.frame_book().reader,
        fetches=base.queue("fetches"),
        clock=base.now,
        retention_days=base.settings().retention_days,
        opt_out=lambda workspace, voice, channels: contact.manage_contact().heard(
            workspace, contact.can_contact().of_customer(workspace, voice.customer), channels, voice.occurred_at
        ),
    )


@lru_cache(maxsize=1)
def read_feedback() -> ReadFeedback:
    """Feedback as a key may see it."""
    from chalicelib.services.reading.read_feedback import ReadFeedback

    return ReadFeedback(store=feedback_store(), lists=feedback_list())


@lru_cache(maxsize=1)
def close_feedback() -> CloseFeedback:
    """A person puts a voice away."""
    from chalicelib.services.reading.close_feedback import CloseFeedback

    return CloseFeedback(feedback=feedback_store(), clock=base.now)


@lru_cache(maxsize=1)
def try_reading() -> TryReading:
    """A sentence against frame and routing, storing nothing."""
    from dataclasses import replace

    from chalicelib.connectors import cards
    from chalicelib.services.reading.try_reading import TryReading
    from chalicelib.sources.registry import load
    from chalicelib.understanding import causes, playbooks
    from chalicelib.understanding.book import department_of
    from chalicelib.wiring import cases, frames, workspaces

    def way(ticket: Ticket, frame: Frame) -> tuple[Told, ...]:
        find = cases.find_graph()
        graph = find.over(ticket.workspace, causes.graph_of(frame))
        return find.told(replace(ticket, path=find.path(ticket, graph)), graph, frame.name)

    return TryReading(
        reader=frames.reader_of,
        directory=workspaces.directory(),
        source=load,
        card=cards.build,
        playbooks=playbooks.of_frame,
        path=way,
        department=department_of,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def bucket_store() -> BucketStore:
    """Counted hours."""
    from chalicelib.storage.reading.buckets import BucketStore

    base.bind()
    return BucketStore()


@lru_cache(maxsize=1)
def rollup_service() -> Rollup:
    """Counts a marked bucket."""
    from chalicelib.services.reading.rollup import Rollup

    return Rollup(
        buckets=bucket_store(),
        rollups=base.queue("rollups"),
        clock=base.now,
        retention_days=base.settings().retention_days,
        delay=base.settings().rollup_delay,
    )


@lru_cache(maxsize=1)
def read_needs() -> ReadNeeds:
    """What topics are to customers."""
    from chalicelib.services.reading.read_needs import ReadNeeds
    from chalicelib.wiring import frames

    return ReadNeeds(lists=feedback_list(), name=frames.topic_names, clock=base.now)


@lru_cache(maxsize=1)
def reread_service() -> Reread:
    """Another reading of stored words."""
    from chalicelib.services.reading.reread import Reread

    return Reread(store=feedback_store(), clock=base.now)


@lru_cache(maxsize=1)
def correct() -> Correct:
    """An analyst's correction."""
    from chalicelib.services.reading.correct import Correct
    from chalicelib.wiring import frames, workspaces

    return Correct(
        reread=reread_service(),
        directory=workspaces.directory(),
        frame=lambda workspace: frames.reader_of(workspace).frame,
    )


@lru_cache(maxsize=1)
def review() -> Review:
    """What waits for a person to look at, and their verdicts."""
    from chalicelib.services.reading.review import Review

    return Review(queue=review_queue(), correct=correct())


@lru_cache(maxsize=1)
def review_queue() -> ReviewQueue:
    """Pages of what waits for a person to look at."""
    from chalicelib.storage.reading.review_queue import ReviewQueue

    base.bind()
    return ReviewQueue(clock=base.now)


@lru_cache(maxsize=1)
def read_corrections() -> ReadCorrections:
    """Corrections as training data, and the readings of one feedback."""
    from chalicelib.services.reading.read_corrections import ReadCorrections

    return ReadCorrections(lists=correction_list(), store=feedback_store())


@lru_cache(maxsize=1)
def correction_list() -> CorrectionList:
    """Pages of corrections."""
    from chalicelib.storage.reading.corrections import CorrectionList

    base.bind()
    return CorrectionList(clock=base.now)
