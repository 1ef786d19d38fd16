"""Somebody says that an issue is fixed. That is a claim: what customers say afterwards decides about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from chalicelib.domain.issues.effect import Claim, Kept, Span, as_of, counting, numbers, trigger
from chalicelib.domain.issues.issue import Issue, IssueMove, IssueStep, moved
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.services.issues.count_complaints import CountComplaints
from chalicelib.services.issues.judge_effect import JudgeEffect
from chalicelib.services.ports import Clock

OLDEST: Final = timedelta(days=180)  # of a fix that can still be declared


class Issues(Protocol):
    def get(self, workspace: str, issue_id: str) -> Issue | None: ...

    def update(self, *steps: IssueStep) -> bool: ...

    def moves(self, workspace: str, issue_id: str) -> Sequence[IssueMove]: ...


class Claims(Protocol):
    def get(self, workspace: str, issue_id: str) -> Kept | None: ...

    def put(self, workspace: str, issue_id: str, kept: Kept) -> None: ...


@dataclass(frozen=True, slots=True)
class DeclareFixed:
    """The claim of the round that the issue is in. A second one of the same round is refused: who may set the terms
    anew when the first numbers are in gets whatever verdict is wanted."""

    issues: Issues
    claims: Claims
    complaints: CountComplaints
    judge: JudgeEffect
    clock: Clock

    def __call__(
        self, workspace: str, issue_id: str, claim: Claim, *, version: int
    ) -> tuple[Issue, Kept, Mapping[str, Any]]:
        """The issue, declared fixed, with its claim and the numbers, which say when that is judged. ``claim.peaks`` and
        ``reopened`` are set here. One that was moved to ``fixed`` without a claim gets its claim.

        Raises NotFound, Conflict (``version_conflict``, ``illegal_move``, ``already_claimed``), Invalid
        (``fix_in_future``, ``fix_too_old``, ``margin_over_expected``).
        """
        issue = self.issues.get(workspace, issue_id)
        if issue is None:
            raise nowhere()
        if issue.version != version:
            raise Conflict("The issue has another version by now.", code="version_conflict")
        zone = self.complaints.zone(workspace)
        today = self.clock().astimezone(zone).date()
        _check(claim, today)
        made = replace(claim, reopened=issue.reopened, peaks=peaks(issue, self.issues.moves(workspace, issue_id), zone))
        effect = self.judge.effect(issue, made)  # first: what cannot be counted now is no claim
        issue = self._fixed(issue, made)
        # Before the claim: without one the same call goes on from here, with one it is refused. What can be told by now
        # is judged by the same row.
        self.judge.look_at(issue, made, (effect.look_again if effect else None) or today)
        kept = Kept(made)
        self.claims.put(workspace, issue_id, kept)
        return issue, kept, numbers(effect) if effect else counting()

    def read(self, workspace: str, issue_id: str) -> tuple[Issue, Kept, Mapping[str, Any]]:
        """An issue, its last claim, and the numbers: as they were judged, or as they are today; where that takes too
        long to wait for, as they were at ``looked_at``. Raises NotFound, where nothing was claimed with a code of its
        own (``not_declared_fixed``).
        """
        issue, kept = self.issues.get(workspace, issue_id), self.claims.get(workspace, issue_id)
        if issue is None:
            raise nowhere()
        if kept is None:
            raise NotFound("The issue was not declared fixed yet.", code="not_declared_fixed")
        if kept.numbers is not None and kept.judged_at is not None:
            return issue, kept, kept.numbers
        effect = self.judge.effect(issue, kept.claim)
        if effect is not None:
            return issue, replace(kept, looked_at=None), numbers(effect)
        return issue, kept, as_of(kept.numbers, self.judge.today(workspace)) if kept.numbers else counting()

    def _fixed(self, issue: Issue, claim: Claim) -> Issue:
        if issue.state == "fixed":
            known = self.claims.get(issue.workspace, issue.id)
            if known is not None and known.claim.reopened == issue.reopened:
                raise Conflict("It is declared fixed already.", code="already_claimed")
            return issue
        step = moved(issue, "fixed", actor=claim.by, at=self.clock(), numbers=_terms(claim))
        if not self.issues.update(step):
            raise Conflict("The issue has another version by now.", code="version_conflict")
        return step.issue


def peaks(issue: Issue, moves: Iterable[IssueMove], zone: ZoneInfo) -> tuple[Span, ...]:
    """The days that made people look: before the opening, and before each return from closed."""
    found = [trigger(_day(issue.first_seen, zone), _day(issue.opened_at, zone))]
    for move in moves:
        if (move.before, move.after) == ("closed", "reopened"):
            last = _day(move.at, zone)
            first = date.fromisoformat(str(move.numbers.get("first", last.isoformat())))
            found.append(trigger(min(first, last), last))
    return tuple(found)


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _check(claim: Claim, today: date) -> None:
    """Raises Invalid."""
    if claim.on > today:
        raise Invalid("What is to be fixed is not fixed yet.", code="fix_in_future", pointer="/on")
    if claim.on < today - OLDEST:
        raise Invalid(f"A fix is declared within {OLDEST.days} days.", code="fix_too_old", pointer="/on")
    if claim.margin > claim.expected:
        raise Invalid("More is agreed than is expected.", code="margin_over_expected", pointer="/margin")


def _terms(claim: Claim) -> dict[str, Any]:
    """What the history says of a claim."""
    return {
        "on": claim.on.isoformat(),
        "expected": claim.expected,
        "margin": claim.margin,
        "guard_days": claim.guard_days,
        "baseline_days": claim.baseline_days,
    }
