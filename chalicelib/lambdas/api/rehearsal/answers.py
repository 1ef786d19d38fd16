"""What the API answers about dry runs."""

from __future__ import annotations

from typing import Literal

from chalicelib.lambdas.api.answers import Answer


class DryRunTotals(Answer):
    """``unworked``: cases that there never was, which nobody works on; their reminders and breaches are among all.

    ``messages`` are deliveries to endpoints, ``emails`` and ``sms`` alerts to subscribers, ``sms_parts`` what these
    cost, ``sms_refused`` alerts for which the day had no parts left. ``issues``
    come up by themselves; ``questions`` are resolutions about which a customer is asked; ``codes`` for a ticket's page
    and ``notices`` of an escalation go to one person each. ``write_units``: of the table, by estimate.
    """

    feedback: int
    tickets: int
    parts: int
    followups: int
    alerts: int
    alerts_swallowed: int
    messages: int
    emails: int
    sms: int
    sms_parts: int
    sms_refused: int
    reminders: int
    breaches: int
    escalations: int
    unworked: int
    unworked_reminders: int
    unworked_breaches: int
    issues: int
    questions: int
    codes: int
    notices: int
    write_units: int


class DryRunCounts(Answer):
    """By name; ``-`` for none. ``severity`` is of whole cases; department, owner, playbook and cause are of what
    somebody works on, so of the parts of a case that has some. ``endpoint``: deliveries by endpoint; ``person``: those
    about tickets, by whoever has the ticket or is told beside them; ``subscription``: alerts by subscription;
    ``issue``: issues by topic; ``told`` and ``channel``: codes and notices, by person and by how they go (``feishu``,
    ``wecom``, ``dingtalk``, ``phone``).
    """

    total: DryRunTotals
    severity: dict[str, int]
    department: dict[str, int]
    owner: dict[str, int]
    playbook: dict[str, int]
    cause: dict[str, int]
    endpoint: dict[str, int]
    person: dict[str, int]
    subscription: dict[str, int]
    issue: dict[str, int]
    told: dict[str, int]
    channel: dict[str, int]


class DryRunTried(Answer):
    """Names of rules and ids of endpoints, and which of the other parts are changed."""

    put: list[str]
    delete: list[str]
    endpoints: list[str]
    sla: bool
    causes: bool
    organisation: bool
    frame: bool


class DryRunLine(Answer):
    """``reason`` of one that failed: ``configuration_changed``, ``too_much_waits``, ``stalled`` (not over in a day)."""

    id: str
    workspace: str
    state: Literal["running", "done", "failed"]
    reason: Literal["configuration_changed", "too_much_waits", "stalled"] | None
    days: int
    since: str
    until: str
    by: str
    finished_at: str | None


class DryRun(DryRunLine):
    """``now``: as things are; ``then``: with the change; ``left_out``: what neither has in it."""

    change: DryRunTried
    now: DryRunCounts
    then: DryRunCounts
    difference: DryRunCounts
    left_out: list[str]
