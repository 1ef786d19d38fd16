"""From a message of the inbox to one stored feedback, whatever comes how often in which order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.text.redaction import redact
from chalicelib.domain.voice.feedback import Closing, Feedback
from chalicelib.domain.voice.revision import body_hash
from chalicelib.domain.voice.understanding import Tag, Text, Understanding
from chalicelib.domain.voice.voice import Canonical, Customer, Score
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Invalid, Parked, Retryable
from chalicelib.services.reading.enrich import DUPLICATE, PARKED, PASSED_ON, STORED, Enrich, Outcome
from tests.builders import AT, WORKSPACE
from tests.fakes.directory import FakeDirectory
from tests.fakes.feedback import FakeFeedbackStore, FakeVault
from tests.fakes.fetches import FakeQueue
from tests.fakes.frames import FakeFrames
from tests.fakes.tickets import FakeClock

CONNECTION = "cn_one"
PHONE = "13800138000"
LUHN = "8800012345679"


class PlainSource:
    """Bodies are the fields of a ``Canonical``; anything else cannot be read."""

    fetches = False
    broken = False  # for every body
    mended = False  # what says of itself that it is "unreadable" can be read

    def decode(self, raw: bytes) -> Any:
        return json.loads(raw)

    def thin(self, payload: Any) -> bool:
        return set(payload) == {"id"}

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical:
        if self.broken:
            raise Parked("The connection's mapping names no score and no text.", code="mapping_empty")
        try:
            fields = json.loads(arrival.raw)
        except ValueError:
            raise Invalid("This is not JSON.", code="malformed_json") from None
        if fields.get("unreadable") and not self.mended:
            raise Parked("A score is not a number.", code="mapping_score_not_a_number")
        at = AT + timedelta(hours=fields.get("hours", 0))
        edited = fields.get("edited")
        return Canonical(
            response_key=fields["id"],
            occurred_at=at,
            unit=fields.get("unit"),
            lang=fields.get("lang"),
            attachments=tuple(fields.get("attachments", ())),
            customer=Customer(**fields.get("customer", {})),
            scores=tuple(Score("nps", value, 0, 10) for value in fields.get("nps", [3])),
            texts=tuple(Text(text) for text in fields.get("texts", ["包裹破损"])),
            attributes=fields.get("attributes", {}),
            revision=fields.get("revision"),
            revision_at=None if edited is None else AT + timedelta(minutes=edited),
            deleted=fields.get("deleted", False),
        )


class PlainReader:
    """Every text that says 破损 is tagged; 烫伤 is a red line. ``number`` is the version of its frame."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def read(self, texts: Sequence[Text]) -> Understanding:
        tags = [
            Tag("logistics.damage", "negative", number, text.text.index("破损"), text.text.index("破损") + 2, 0.9)
            for number, text in enumerate(texts)
            if "破损" in text.text
        ]
        red_lines = ("injury",) if any("烫伤" in text.text for text in texts) else ()
        departments = ("logistics",) if tags else ()
        version = str(self.number)
        return Understanding(tags=tuple(tags), red_lines=red_lines, departments=departments, frame_version=version)


@dataclass
class Room:
    """Enrich on fakes."""

    store: FakeFeedbackStore = field(default_factory=FakeFeedbackStore)
    vault: FakeVault = field(default_factory=FakeVault)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    frames: FakeFrames = field(default_factory=FakeFrames)
    source: PlainSource = field(default_factory=PlainSource)
    fetches: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT + timedelta(seconds=2)))
    opted_out: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory.put_connection(Connection(WORKSPACE, CONNECTION, "shop", "plain"))
        self.enrich = Enrich(
            store=self.store,
            vault=self.vault,
            directory=self.directory,
            source=lambda _: self.source,
            frames=self.frames,
            readers=lambda state: PlainReader(state.number),
            fetches=self.fetches,
            clock=self.clock,
            retention_days=90,
            opt_out=lambda workspace, voice, channels: self.opted_out.append(
                (workspace, voice.customer.phone, channels)
            ),
        )

    def take(self, envelope: Envelope) -> Outcome:
        return self.enrich.take(envelope, self.enrich.batch())

    def hear(self, delivery: str | None = None, **fields: Any) -> Outcome:
        return self.take(envelope(delivery, **fields))

    def only(self) -> Feedback:
        (feedback,) = self.store.rows.values()
        return feedback

    def good(self) -> Feedback:
        return self.store.rows[WORKSPACE, GOOD]


GOOD = ids.feedback_id(WORKSPACE, CONNECTION, "R-1")


def envelope(delivery: str | None = None, /, raw: bytes | None = None, at: datetime = AT, **fields: Any) -> Envelope:
    """One delivery of response R-1; its id is that of its bytes unless ``delivery`` names one."""
    body = json.dumps({"id": "R-1", **fields}).encode() if raw is None else raw
    event_key = ids.event_key(CONNECTION, delivery, body)
    feedback_id = GOOD if raw is None else ids.parked_id(event_key)
    return Envelope(
        WORKSPACE, CONNECTION, "plain", feedback_id, event_key, Arrival(body, at, {"content-type": "application/json"})
    )


@pytest.fixture
def room() -> Room:
    return Room()


class TestNew:
    def test_it_is_read_scored_and_decided_in_one_write(self, room: Room) -> None:
        assert room.hear(unit="SH-001") == Outcome(STORED, GOOD)
        feedback = room.only()
        assert room.store.writes == 1
        assert (feedback.id, feedback.state, feedback.revision, feedback.reading) == (GOOD, "new", 1, 1)
        assert feedback.classes == {"nps": "detractor"}
        assert [tag.topic for tag in feedback.understanding.tags] == ["logistics.damage"]
        assert [reason.rule for reason in feedback.decision.actions["ticket"]] == ["builtin-unhappy"]
        assert feedback.decision.departments == ("logistics",)
        assert (feedback.awaiting, feedback.awaiting_since) == (frozenset({"ticket"}), room.clock.now)
        assert (feedback.heard_at, feedback.understood_at) == (AT, room.clock.now)

    def test_td_opts_its_customer_out_before_it_is_stored_and_again_when_it_comes_again(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        room.hear(texts=["我要退订单"], customer={"phone": PHONE})
        assert room.opted_out == []
        room.store.rows.clear()
        with monkeypatch.context() as dies:
            dies.setattr(room.store, "create", Mock(side_effect=RuntimeError("killed")))
            with pytest.raises(RuntimeError, match="killed"):
                room.hear(texts=["ＴＤ。"], customer={"phone": PHONE})
        for _ in range(2):
            room.hear(texts=["ＴＤ。"], customer={"phone": PHONE})
        assert room.opted_out == [(WORKSPACE, PHONE, ("sms",))] * 3

    def test_nothing_waits_where_no_rule_matches(self, room: Room) -> None:
        room.hear(nps=[10], texts=["很好"])
        assert (room.only().awaiting, room.only().awaiting_since) == (frozenset(), None)

    def test_a_follow_up_does_not_wait(self, room: Room) -> None:
        room.directory.put_rule(
            WORKSPACE, Rule("thanks", {"field": "channel", "op": "exists", "value": True}, ("followup",))
        )
        room.hear(nps=[10], texts=["很好"])
        assert set(room.only().decision.actions) == {"followup"}
        assert room.only().awaiting == frozenset()

    def test_personal_data_is_replaced_before_anything_is_read_or_stored(self, room: Room) -> None:
        room.hear(texts=[f"破损，电话{PHONE}"], unit=PHONE, attributes={"note": f"call {PHONE}"})
        feedback = room.only()
        assert PHONE not in f"{feedback.texts}{feedback.unit}{feedback.attributes}{feedback.texts[0].text}"
        assert feedback.texts[0].text == "破损，电话〔手机号〕"
        (tag,) = feedback.understanding.tags
        assert feedback.texts[0].text[tag.start : tag.end] == "破损"

    def test_personal_data_hides_in_no_identifier_name_or_link(self, room: Room) -> None:
        link = f"https://cdn.example.com/{PHONE}.jpg"
        room.hear(lang=PHONE, attributes={PHONE: "x", "order_id": f"SO-{PHONE}"}, attachments=[link])
        feedback = room.only()
        assert PHONE not in f"{feedback.lang}{feedback.attributes}{feedback.attachments}"
        assert feedback.attributes == {"〔手机号〕": "x", "order_id": "SO-〔手机号〕"}

    def test_an_order_number_that_passes_luhn_stays_what_it_is(self, room: Room) -> None:
        assert redact(LUHN) == "〔银行卡〕"
        room.hear(unit=LUHN, attributes={"order_id": LUHN, "note": LUHN})
        assert (room.only().unit, dict(room.only().attributes)) == (LUHN, {"order_id": LUHN, "note": "〔银行卡〕"})

    def test_contact_data_is_sealed_and_kept_apart(self, room: Room) -> None:
        room.hear(customer={"id": "CUST-1", "name": "张三", "phone": PHONE})
        feedback = room.only()
        assert feedback.customer_ref == "CUST-1"
        assert feedback.subject == room.vault.subject(WORKSPACE, "CUST-1")
        assert feedback.contact is not None
        opened = room.vault.open_contact(WORKSPACE, feedback.subject, feedback.contact)
        assert opened == {"name": "张三", "phone": PHONE}

    def test_an_id_that_is_a_phone_number_is_contact_data(self, room: Room) -> None:
        room.hear(customer={"id": PHONE})
        feedback = room.only()
        assert feedback.customer_ref == feedback.subject == room.vault.subject(WORKSPACE, PHONE)
        assert feedback.contact is not None

    def test_an_id_alone_needs_no_salt(self, room: Room) -> None:
        room.hear(customer={"id": "CUST-1"})
        assert room.only().contact is None
        assert room.vault.salts == set()

    def test_two_people_known_by_name_only_share_no_salt(self, room: Room) -> None:
        room.hear(id="R-1", customer={"name": "张三"})
        room.hear(id="R-2", customer={"name": "张三"})
        assert len(room.vault.salts) == 2

    def test_what_happened_long_ago_is_late(self, room: Room) -> None:
        room.hear(hours=-24 * 89)
        assert room.only().late

    def test_rules_and_connections_are_read_once_for_a_batch(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[str] = []
        rules, connection = room.directory.rules, room.directory.connection
        monkeypatch.setattr(room.directory, "rules", lambda *key: calls.append("rules") or rules(*key))
        monkeypatch.setattr(room.directory, "connection", lambda *key: calls.append("connection") or connection(*key))
        batch = room.enrich.batch()
        for number in range(5):
            room.enrich.take(envelope(id=f"R-{number}"), batch)
        assert sorted(calls) == ["connection", "rules"]


class TestFrame:
    def test_it_is_read_by_the_frame_that_is_active_in_its_workspace(self, room: Room) -> None:
        room.frames.states[WORKSPACE] = FrameState(WORKSPACE, 7, overlay="nodes: []")
        room.hear()
        assert room.only().understanding.frame_version == "7"

    def test_the_active_frame_is_asked_for_once_a_batch(self, room: Room) -> None:
        configuration = room.enrich.batch()
        for number in range(3):
            room.enrich.take(envelope(f"d-{number}", id=f"R-{number}"), configuration)
        assert room.frames.reads == 1


class TestAgain:
    def test_the_same_delivery_writes_nothing(self, room: Room) -> None:
        room.hear("d1")
        for _ in range(3):
            assert room.hear("d1") == Outcome(DUPLICATE, GOOD)
        assert room.store.writes == 1

    def test_the_same_words_in_another_delivery_are_no_revision(self, room: Room) -> None:
        room.hear("d1")
        assert room.hear("d2") == Outcome(DUPLICATE, GOOD)
        assert room.good().revision == 1
        assert set(room.good().seen) == {ids.event_key(CONNECTION, "d1", b""), ids.event_key(CONNECTION, "d2", b"")}

    def test_one_delivery_id_with_two_bodies_parks_the_second(self, room: Room) -> None:
        room.hear("d1")
        before = room.good()
        outcome = room.hear("d1", texts=["别的"])
        assert (outcome.what, outcome.reason) == (PARKED, "idempotency_mismatch")
        assert room.good() == before
        parked = room.store.rows[WORKSPACE, outcome.feedback_id]
        assert (parked.state, parked.parked_reason, parked.texts) == ("parked", "idempotency_mismatch", ())
        third = room.hear("d1", texts=["又是别的"])
        assert third.what == PARKED
        assert third.feedback_id not in {GOOD, outcome.feedback_id}
        assert room.hear("d1", texts=["别的"]).what == DUPLICATE

    def test_an_edit_is_the_next_revision_and_the_first_stays(self, room: Room) -> None:
        room.hear("d1", nps=[3])
        assert room.hear("d2", nps=[0]) == Outcome(STORED, GOOD)
        assert (room.good().revision, room.good().scores[0].value) == (2, 0)
        (first,) = room.store.revisions(WORKSPACE, GOOD)
        assert (first.revision, first.scores[0].value) == (1, 3)

    def test_score_first_and_comment_later_is_one_feedback_with_all_its_reasons(self, room: Room) -> None:
        anything = {"field": "channel", "op": "exists", "value": True}
        room.directory.put_rule(WORKSPACE, Rule("mine", anything, ("ticket",)))
        room.directory.put_rule(
            WORKSPACE, Rule("damage", {"tag": {"topic": "logistics"}}, ("ticket",), severity="high")
        )
        room.hear("d1", texts=[], edited=0)
        room.directory.put_rule(WORKSPACE, Rule("mine", anything, ("ticket",)))
        room.hear("d2", edited=5)
        reasons = {reason.rule: reason for reason in room.good().decision.actions["ticket"]}
        assert set(reasons) == {"builtin-unhappy", "mine", "damage"}
        assert reasons["mine"].version > 1
        assert room.good().decision.severity == "high"

    def test_a_reason_that_no_longer_holds_is_kept_as_lapsed(self, room: Room) -> None:
        room.hear("d1", nps=[3])
        room.hear("d2", nps=[10], texts=["很好"])
        (reason,) = room.good().decision.actions["ticket"]
        assert reason.lapsed
        assert room.good().awaiting == {"ticket"}, "the ticket must hear that nothing asks for it any more"

    @pytest.mark.parametrize("state", ["closed", "answered"])
    def test_what_the_customer_says_next_takes_up_a_voice_that_was_put_away(self, room: Room, state: str) -> None:
        room.hear("d1", nps=[3])
        closing = Closing("ky_1", AT, "praise")
        room.store.rows[WORKSPACE, GOOD] = replace(room.good(), state=state, closing=closing, awaiting=frozenset())
        room.take(envelope("d1", at=AT + timedelta(minutes=1), nps=[3]))
        assert (room.good().state, room.good().closing) == (state, closing), "a repeat says nothing"
        room.take(envelope("d2", at=AT + timedelta(hours=1), nps=[0]))
        assert (room.good().state, room.good().closing) == ("new", None)

    def test_what_was_done_for_a_revision_stays_done(self, room: Room) -> None:
        room.hear("d1", nps=[3])
        ticketed = replace(room.good(), state="ticketed", ticket="tk_1", awaiting=frozenset(), acted_at=AT)
        room.store.rows[WORKSPACE, GOOD] = ticketed
        room.take(envelope("d2", at=AT + timedelta(hours=1), nps=[0]))
        assert (room.good().state, room.good().ticket, room.good().received_at) == ("ticketed", "tk_1", AT)
        assert room.good().awaiting == {"ticket"}, "the ticket is to be told of the revision"

    def test_when_it_was_acted_on_is_kept_where_a_revision_asks_for_nothing(self, room: Room) -> None:
        room.hear("d1", nps=[10], texts=["很好"])
        room.store.rows[WORKSPACE, GOOD] = replace(room.good(), acted_at=AT)
        room.hear("d2", nps=[9], texts=["很好"])
        assert (room.good().revision, room.good().acted_at) == (2, AT)

    def test_a_row_that_others_change_meanwhile_is_looked_at_again(self, room: Room) -> None:
        room.hear("d1", nps=[3])
        room.store.lose = 2
        assert room.hear("d2", nps=[0]).what == STORED
        assert room.good().revision == 2

    def test_a_row_that_never_stands_still_is_left_for_the_queue(self, room: Room) -> None:
        room.hear("d1", nps=[3])
        room.store.lose = 99
        with pytest.raises(Retryable, match="kept changing") as failed:
            room.hear("d2", nps=[0])
        assert failed.value.code == "contended"


class TestDeletion:
    def test_a_deletion_leaves_a_closed_row_without_words_or_person(self, room: Room) -> None:
        room.hear("d1", customer={"id": "CUST-1", "phone": PHONE}, attributes={"a": "b"})
        room.hear("d2", nps=[0], customer={"id": "CUST-1", "phone": PHONE})
        room.hear("d3", deleted=True)
        gone = room.good()
        assert (gone.state, gone.deleted, gone.parked_reason) == ("closed", True, "deleted_at_source")
        assert (gone.texts, gone.scores, gone.contact, gone.customer_ref, gone.attributes) == ((), (), None, None, {})
        assert gone.understanding.tags == ()
        assert room.store.revisions(WORKSPACE, GOOD) == []
        assert gone.awaiting == {"ticket"}, "its ticket must hear of it"

    def test_what_has_no_order_does_not_bring_it_back(self, room: Room) -> None:
        room.hear("d1", deleted=True)
        assert room.hear("d2").what == DUPLICATE
        assert room.good().texts == ()

    def test_what_was_said_before_the_deletion_does_not_bring_it_back(self, room: Room) -> None:
        room.hear("d1", deleted=True, edited=5)
        assert room.hear("d2", edited=4).what == DUPLICATE
        assert room.good().texts == ()

    def test_what_the_source_gives_again_after_the_deletion_is_heard_again(self, room: Room) -> None:
        room.hear("d1", edited=0)
        room.hear("d2", deleted=True, edited=5)
        assert room.hear("d3", edited=6).what == STORED
        back = room.good()
        assert (back.state, back.deleted, back.revision, back.texts[0].text) == ("new", False, 3, "包裹破损")
        assert back.awaiting == {"ticket"}


class TestParking:
    def test_what_cannot_be_read_is_kept_with_its_reason(self, room: Room) -> None:
        sent = envelope(raw=b"\xffnot json")
        assert room.take(sent) == Outcome(PARKED, sent.feedback_id, "malformed_json")
        parked = room.only()
        assert (parked.state, parked.reading, parked.parked_reason) == ("parked", 0, "malformed_json")
        assert room.take(sent).what == DUPLICATE
        again = json.loads(room.vault.open_body(WORKSPACE, room.store.raw[WORKSPACE, parked.id]))
        assert Envelope.from_message(again) == sent

    def test_ending_a_pause_does_not_read_what_nothing_proved(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        outcome = room.take(replace(envelope("d1"), unread="secret_missing"))
        assert (outcome.what, outcome.reason) == (PARKED, "secret_missing")

    def test_a_paused_connection_parks_and_nothing_is_read(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        assert room.hear().reason == "connection_paused"
        assert room.only().texts == ()

    def test_a_connection_that_is_gone_parks(self, room: Room) -> None:
        sent = envelope()
        room.directory.delete_connection(WORKSPACE, CONNECTION)
        assert room.take(sent).reason == "connection_deleted"

    def test_a_parked_revision_does_not_take_the_place_of_a_good_one(self, room: Room) -> None:
        room.hear("d1")
        good = room.good()
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        outcome = room.hear("d2", nps=[0])
        assert outcome.feedback_id == ids.parked_id(ids.event_key(CONNECTION, "d2", b""))
        assert room.good() == good
        assert room.hear("d1").what == DUPLICATE, "what was read before is not parked"

    def test_after_a_mending_it_is_read_under_the_id_that_the_hook_answered(self, room: Room) -> None:
        room.source.broken = True
        room.hear("d1")
        room.source.broken = False
        assert room.take(self.again(room, GOOD)) == Outcome(STORED, GOOD)
        assert (room.good().state, room.good().reading) == ("new", 1)
        assert room.store.raw == {}
        assert room.hear("d1").what == DUPLICATE

    def test_an_answered_id_leads_to_what_its_content_became(self, room: Room) -> None:
        room.source.broken = True
        outcome = room.take(replace(envelope("d1"), feedback_id="fb_answered"))
        room.source.broken = False
        room.take(self.again(room, outcome.feedback_id))
        answered = room.store.rows[WORKSPACE, "fb_answered"]
        assert (answered.state, answered.parked_reason) == ("closed", "reparsed")
        assert answered.attributes == {"reparsed_as": GOOD}
        assert room.good().state == "new"
        assert room.store.raw == {}

    def test_a_second_failure_shows_the_newest_reason(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        room.hear("d1")
        room.source.broken = True
        assert room.take(self.again(room, GOOD)) == Outcome(PARKED, GOOD, "mapping_empty")
        assert room.only().parked_reason == "mapping_empty"

    def test_a_readable_delivery_takes_the_row_and_the_unreadable_one_moves_on(self, room: Room) -> None:
        room.hear("d1", unreadable=True, nps=[3])
        assert room.hear("d2", nps=[0]) == Outcome(STORED, GOOD)
        moved = ids.parked_id(ids.event_key(CONNECTION, "d1", b""))
        assert room.store.rows[WORKSPACE, moved].state == "parked"
        room.source.mended = True
        assert room.take(self.again(room, moved)).what == STORED
        assert {row.state for row in room.store.rows.values()} == {"new", "closed"}
        assert [room.good().revision, len(room.store.revisions(WORKSPACE, GOOD))] == [2, 1]

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_a_resumed_connection_leaves_nothing_parked_in_whatever_order_it_is_read(
        self, room: Room, newest_first: bool
    ) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        parked = [room.hear("d1", nps=[3]).feedback_id, room.hear("d2", nps=[0]).feedback_id]
        room.directory.update_connection(WORKSPACE, CONNECTION, state="active")
        again = [self.again(room, feedback_id) for feedback_id in parked]
        for sent in reversed(again) if newest_first else again:
            room.take(sent)
        assert {row.state for row in room.store.rows.values()} == {"new", "closed"}
        assert (room.store.raw, room.good().scores[0].value) == ({}, 0)
        assert [one.scores[0].value for one in room.store.revisions(WORKSPACE, GOOD)] == [3]

    def test_what_is_parked_while_its_connection_is_resumed_is_read_at_once(self, room: Room) -> None:
        """Whoever resumes looks for parked rows before this one is written."""
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        batch = room.enrich.batch()
        assert batch.connection(WORKSPACE, CONNECTION) is not None, "read while it was paused"
        room.directory.update_connection(WORKSPACE, CONNECTION, state="active")
        assert room.enrich.take(envelope("d1"), batch) == Outcome(STORED, GOOD)
        assert (room.good().state, room.store.raw) == ("new", {})

    @staticmethod
    def again(room: Room, feedback_id: str) -> Envelope:
        """What the API puts on the inbox for a re-parse."""
        message = json.loads(room.vault.open_body(WORKSPACE, room.store.raw[WORKSPACE, feedback_id]))
        return replace(Envelope.from_message(message), reparse=True)


class TestWhatTheApiMustTell:
    @pytest.fixture
    def room(self) -> Room:
        room = Room()
        room.source.fetches = True
        return room

    def test_an_event_that_must_be_fetched_is_passed_on_and_stores_nothing(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, settings={"refetch": True})
        pushed = envelope("d1", unit="SH-001")
        assert room.take(pushed) == Outcome(PASSED_ON, GOOD)
        assert (room.fetches.taken(), room.store.rows) == ([pushed.to_message()], {})

    def test_a_thin_event_is_passed_on(self, room: Room) -> None:
        assert room.hear("d1").what == PASSED_ON
        assert room.store.rows == {}

    def test_what_was_fetched_is_stored_and_not_passed_on_again(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, settings={"refetch": True})
        assert room.take(replace(envelope("d1"), fetched=True)) == Outcome(STORED, GOOD)
        assert room.fetches.sent == []

    def test_what_the_api_refused_is_parked_as_it_came_and_fetched_when_it_is_parsed_again(self, room: Room) -> None:
        pushed = envelope("d1")
        refused = room.take(replace(pushed, unread="vendor_refused"))
        assert refused == Outcome(PARKED, GOOD, "vendor_refused")

        message = json.loads(room.vault.open_body(WORKSPACE, room.store.raw[WORKSPACE, GOOD]))
        again = Envelope.from_message({**message, "reparse": True, "unread": None})
        assert room.take(again).what == PASSED_ON
        whole = replace(envelope(unit="SH-001"), reparse=True, fetched=True, pushed=pushed.event_key)
        assert room.take(whole) == Outcome(STORED, GOOD)
        assert (room.good().state, room.good().unit, room.store.raw) == ("new", "SH-001", {})

    def test_a_parked_event_that_must_be_fetched_does_not_count_as_read(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused")
        room.hear("d1", unit="forged")
        room.directory.update_connection(WORKSPACE, CONNECTION, state="active", settings={"refetch": True})
        told = replace(envelope("d2", unit="SH-001"), fetched=True)
        assert room.take(told) == Outcome(STORED, GOOD)
        assert room.good().unit == "SH-001"

    def test_an_event_that_could_not_be_named_is_closed_when_it_was_fetched(self, room: Room) -> None:
        pushed = envelope("d1", raw=b'{"id": "R-9"}')
        parked = room.take(replace(pushed, unread="vendor_limit")).feedback_id
        whole = replace(
            envelope(unit="SH-001"), feedback_id=parked, reparse=True, fetched=True, pushed=pushed.event_key
        )
        assert room.take(whole) == Outcome(STORED, GOOD)
        assert room.store.rows[WORKSPACE, parked].state == "closed"

    def test_a_pause_comes_before_fetching(self, room: Room) -> None:
        room.directory.update_connection(WORKSPACE, CONNECTION, state="paused", settings={"refetch": True})
        assert room.hear("d1") == Outcome(PARKED, GOOD, "connection_paused")
        assert room.fetches.sent == []


deliveries = st.lists(
    st.fixed_dictionaries({"edited": st.integers(0, 4), "nps": st.integers(0, 9).map(lambda value: [value])}),
    min_size=1,
    max_size=6,
)


@given(st.data(), deliveries)
def test_shuffled_and_repeated_deliveries_end_in_the_same_row(data: st.DataObject, sent: list[dict[str, Any]]) -> None:
    rooms = Room(), Room()
    for fields in sent:
        rooms[0].hear(**fields)
    for fields in data.draw(st.permutations(sent * 2)):
        rooms[1].hear(**fields)
    first, second = (room.good() for room in rooms)
    assert (first.content_hash, first.revision_order) == (second.content_hash, second.revision_order)
    assert first.scores == second.scores
    # A second replay of everything changes nothing.
    before = (dict(rooms[1].store.rows), rooms[1].store.writes)
    for fields in sent:
        assert rooms[1].hear(**fields).what == DUPLICATE
    assert (rooms[1].store.rows, rooms[1].store.writes) == before


def test_a_body_is_told_from_another_by_a_short_hash() -> None:
    assert body_hash(b"one") != body_hash(b"two")
    assert len(body_hash(b"one")) == 16
