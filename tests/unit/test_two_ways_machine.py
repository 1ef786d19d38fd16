"""Any interleaving of people here, people there, callbacks that come twice, late or for others, writes and polls.

A word of theirs counts once and never against a newer one; nothing of ours comes back as theirs; no change goes
missing from the history.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.domain.cases.ticket import Resolution, Ticket, legal_moves, opened, walk
from chalicelib.domain.outbound.callback import Callback, judge
from chalicelib.domain.outbound.calls import Said
from chalicelib.domain.outbound.reconciliation import is_news
from chalicelib.errors import Conflict
from tests.builders import AT, endpoint, feedback
from tests.fakes.tickets import FakeTickets

# The states, in words of a system that tells fewer of them apart than we do.
WORD = {
    **dict.fromkeys(("triage", "open", "reopened"), "new"),
    **dict.fromkeys(("accepted", "in_progress"), "working"),
    "waiting_customer": "waiting",
    **dict.fromkeys(("resolved", "verifying", "closed", "merged", "rejected"), "done"),
}
MEANS = {"new": "open", "working": "in_progress", "waiting": "waiting_customer", "done": "resolved"}
OURS = endpoint(events=("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened", "ticket.closed"))
PEOPLE_HERE = ("accepted", "in_progress", "waiting_customer", "resolved", "reopened", "open")


class TwoWays(RuleBasedStateMachine):
    """``item``: what their system shows, and when it was changed. ``sent``: the version of our last write."""

    @initialize()
    def open_it(self) -> None:
        self.at = AT
        self.tickets = FakeTickets()
        step = opened(feedback(), "title", AT)
        self.id = step.ticket.id
        self.tickets.create(step.ticket, step.moves[0])
        self.other = replace(step.ticket, id="tk_other")
        self.tickets.create(self.other, step.moves[0])
        self.item, self.changed, self.sent, self.written = "new", AT, 1, AT
        self.said: list[Callback] = []  # callbacks that they sent, in order; some arrive late, and more than once
        self.theirs: str | None = None  # a word that a person set there, that stands, and that has not counted yet

    @property
    def ticket(self) -> Ticket:
        return self.tickets.rows["acme", self.id]

    def _tick(self) -> None:
        self.at += timedelta(seconds=60)

    def _apply(self, callback: Callback, ticket: Ticket) -> str:
        known = self.tickets.external_item("acme", "ep_one", callback.external_id)
        try:
            verdict = judge(callback, ticket, known, endpoint="ep_one", status_map={}, at=self.at)
        except Conflict as refusal:
            return refusal.code
        if verdict.item is not None:
            assert self.tickets.hear(verdict.item, known=known, step=verdict.step, expected_version=ticket.version)
        return verdict.code

    @rule(to=st.sampled_from(PEOPLE_HERE))
    def a_person_moves_it_here(self, to: str) -> None:
        self._tick()
        ticket = self.ticket
        if to in legal_moves(ticket):
            step = walk(ticket, (to,), actor="u", at=self.at, given=Resolution("why", "what"))
            assert self.tickets.update(step.ticket, step.moves, expected_version=ticket.version)
        self._poll()  # before our write has reached them

    @rule(lost=st.booleans())
    def our_write_reaches_them(self, lost: bool) -> None:
        """``lost``: they took it, and we never heard that they did."""
        self._tick()
        word = WORD[self.ticket.state]
        self.item, self.changed, self.theirs = word, self.at, None
        self.written = self.at
        if not lost:
            self.sent = self.ticket.version

    @rule(word=st.sampled_from(sorted(MEANS)), told=st.booleans())
    def a_person_changes_it_there(self, word: str, told: bool) -> None:
        """``told``: their system calls us, now or later."""
        self._tick()
        if word == self.item:
            return
        self.item, self.changed, self.theirs = word, self.at, word
        if told:
            alike = tuple(state for state in WORD if WORD[state] == word)
            self.said.append(Callback(self.id, "OA-1", MEANS[word], occurred_at=self.at, alike=alike))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), copies=st.integers(1, 3))
    def a_callback_arrives(self, data: Any, copies: int) -> None:
        place = data.draw(st.integers(0, len(self.said) - 1))
        callback, before = self.said[place], self.tickets.external_item("acme", "ep_one", "OA-1")
        codes = [self._apply(callback, self.ticket) for _ in range(copies)]
        if before is not None and callback.occurred_at and callback.occurred_at <= before.occurred_at:
            assert set(codes) <= {"duplicate", "stale"}, "an older word counted"
        if codes[0] in ("ok", "echo"):
            assert set(codes[1:]) <= {"duplicate"}, "a word counted twice"
            if callback.occurred_at == self.changed:
                self.theirs = None

    @rule()
    def a_foreign_callback_arrives(self) -> None:
        """Of an item that stands for another ticket."""
        other = self.tickets.rows["acme", "tk_other"]
        before = self.ticket
        if self.tickets.external_item("acme", "ep_one", "OA-1") is not None:
            stolen = Callback("tk_other", "OA-1", "resolved", occurred_at=self.at)
            assert self._apply(stolen, other) == "external_id_mismatch"
        assert self.tickets.rows["acme", "tk_other"] == other
        assert self.ticket == before

    @rule(times=st.integers(1, 2))
    def a_poll_reads_it(self, times: int) -> None:
        for _ in range(times):
            self._poll()

    def _poll(self) -> None:
        self._tick()
        before, unknown = self.ticket, self.theirs
        alike = tuple(state for state in WORD if WORD[state] == self.item)
        said = Said(MEANS[self.item], "OA-1", occurred_at=self.changed, alike=alike)
        known = self.tickets.external_item("acme", "ep_one", "OA-1")
        news = is_news(
            said,
            known,
            shown=self.sent,
            written_at=self.written,
            history=lambda: self.tickets.moves("acme", self.id),
            silent=(),
            endpoint=OURS,
        )
        if news:
            callback = Callback(self.id, "OA-1", said.status, occurred_at=said.occurred_at, alike=alike)
            code = self._apply(callback, self.ticket)
            if code == "ok":
                assert unknown == self.item, "what we wrote ourselves came back as a change"
                assert WORD[self.ticket.state] == self.item
            if code in ("ok", "echo"):
                self.theirs = None
        if self.ticket != before:
            assert news

    @invariant()
    def the_history_has_no_gaps(self) -> None:
        if not hasattr(self, "tickets"):
            return
        lines = self.tickets.moves("acme", self.id)
        assert [line.version for line in lines] == list(range(1, self.ticket.version + 1))
        assert [line.before for line in lines[1:]] == [line.after for line in lines[:-1]]
        assert lines[-1].after == self.ticket.state


TwoWays.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTwoWays = TwoWays.TestCase
