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
    from chalicelib.services.reading.learn_delta import LearnDelta
    from chalicelib.services.reading.read_corrections import ReadCorrections
    from chalicelib.services.reading.read_feedback import ReadFeedback
    from chalicelib.services.reading.read_needs import ReadNeeds
    from chalicelib.services.reading.reread import Reread
    from chalicelib.services.reading.reread_range import RereadRange
    from chalicelib.services.reading.review import Review
    from chalicelib.services.reading.rollup import Rollup
    from chalicelib.services.reading.try_reading import TryReading
    from chalicelib.understanding.frame import Frame


@lru_cache(maxsize=1)
def enrich_service() -> Enrich:
    """From a message of the inbox to a stored feedback."""
    from chalicelib.services.reading.enrich import Enrich
    from chalicelib.sources.registry import load
    from chalicelib.wiring import contact, frames, stores

    return Enrich(
        store=stores.feedback_store(),
        vault=base.vault(),
        directory=stores.directory(),
        frames=stores.frame_store(),
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
    from chalicelib.wiring import stores

    return ReadFeedback(store=stores.feedback_store(), lists=stores.feedback_list())


@lru_cache(maxsize=1)
def close_feedback() -> CloseFeedback:
    """A person puts a voice away."""
    from chalicelib.services.reading.close_feedback import CloseFeedback
    from chalicelib.wiring import stores

    return CloseFeedback(feedback=stores.feedback_store(), clock=base.now)


@lru_cache(maxsize=1)
def try_reading() -> TryReading:
    """A sentence against frame and routing, storing nothing."""

    from dataclasses import replace

    from chalicelib.connectors import cards
    from chalicelib.services.reading.try_reading import TryReading
    from chalicelib.sources.registry import load
    from chalicelib.understanding import causes, playbooks
    from chalicelib.understanding.book import department_of
    from chalicelib.wiring import frames, stores

    def way(ticket: Ticket, frame: Frame) -> tuple[Told, ...]:
        find = frames.find_graph()
        graph = find.over(ticket.workspace, causes.graph_of(frame))
        return find.told(replace(ticket, path=find.path(ticket, graph)), graph, frame.name)

    return TryReading(
        reader=frames.reader_of,
        directory=stores.directory(),
        source=load,
        card=cards.build,
        playbooks=playbooks.of_frame,
        path=way,
        department=department_of,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def rollup_service() -> Rollup:
    """Counts a marked bucket."""
    from chalicelib.services.reading.rollup import Rollup
    from chalicelib.wiring import stores

    return Rollup(
        buckets=stores.bucket_store(),
        rollups=base.queue("rollups"),
        clock=base.now,
        retention_days=base.settings().retention_days,
        delay=base.settings().rollup_delay,
    )


@lru_cache(maxsize=1)
def read_needs() -> ReadNeeds:
    """What topics are to customers."""
    from chalicelib.services.reading.read_needs import ReadNeeds
    from chalicelib.wiring import frames, stores

    return ReadNeeds(lists=stores.feedback_list(), name=frames.topic_names, clock=base.now)


@lru_cache(maxsize=1)
def reread_service() -> Reread:
    """Another reading of stored words."""
    from chalicelib.services.reading.reread import Reread
    from chalicelib.wiring import stores

    return Reread(store=stores.feedback_store(), clock=base.now)


@lru_cache(maxsize=1)
def correct() -> Correct:
    """An analyst's correction."""
    from chalicelib.services.reading.correct import Correct
    from chalicelib.wiring import frames, stores

    return Correct(
        reread=reread_service(),
        directory=stores.directory(),
        frame=lambda workspace: frames.reader_of(workspace).frame,
    )


@lru_cache(maxsize=1)
def review() -> Review:
    """What waits for a person to look at, and their verdicts."""
    from chalicelib.services.reading.review import Review
    from chalicelib.wiring import stores

    return Review(queue=stores.review_queue(), correct=correct())


@lru_cache(maxsize=1)
def read_corrections() -> ReadCorrections:
    """Corrections as training data, and the readings of one feedback."""
    from chalicelib.services.reading.read_corrections import ReadCorrections
    from chalicelib.wiring import stores

    return ReadCorrections(lists=stores.correction_list(), store=stores.feedback_store())


@lru_cache(maxsize=1)
def learn_delta() -> LearnDelta:
    """What a workspace's corrections teach."""
    from chalicelib.services.reading.learn_delta import LearnDelta
    from chalicelib.wiring import frames, stores

    return LearnDelta(frames=stores.frame_store(), corrections=read_corrections(), learn=frames.frame_book().learned)


@lru_cache(maxsize=1)
def reread_range() -> RereadRange:
    """What the reread function calls."""
    from chalicelib.services.reading.reread_range import RereadRange
    from chalicelib.wiring import frames, stores, tickets

    return RereadRange(
        frames=stores.frame_store(),
        voices=stores.feedback_store(),
        lists=stores.feedback_list(),
        tickets=tickets.ticket_store(),
        rules=stores.directory(),
        readers=frames.frame_book().reader,
        learn=learn_delta(),
        reread=reread_service(),
        readings=base.queue("readings"),
        clock=base.now,
    )
