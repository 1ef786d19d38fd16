"""What one alert key remembers, and what it does next. Pure: rows, queues and clocks come from outside.

A key is (workspace, rule, topic, unit). Everything that is to be named waits under its key first; a message then
names all that waits. So a first alert and a summary are the same act, and nothing hangs on one worker's memory::

    idle ──claim──▶ claimed ──confirmed send──▶ cooling ──over, something waits──▶ claimed
      ▲                │ lease over: claim again    │
      └────────────────┴── nothing waits ───────────┘

``version`` grows with every change: a wake-up carries the version that it was made for and is dropped when stale, and a
worker that lost its lease can change nothing. ``arrivals`` grows with every arrival: going idle requires it unchanged,
so an arrival that saw the key cooling can never be left behind in an idle one, whatever the workers' clocks say.
``red_lines`` does the same for a red line that arrives while a message is being sent: the cool-down begins short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from chalicelib.domain.ids import digest
from chalicelib.domain.vocabulary import severity_rank
from chalicelib.domain.voice.understanding import Tag

IDLE: Final = "idle"
CLAIMED: Final = "claimed"
COOLING: Final = "cooling"

LEASE_S: Final = 20  # a crash between claim and confirm costs a red line this long, and it has 60 s in all
COOLDOWN_S: Final = 3600
RED_LINE_COOLDOWN_S: Final = 30
NAMING_DAYS: Final = 30
MOST_NAMED: Final = 2000  # in one message; the rest waits for the next. SNS takes 256 KiB

EMAIL: Final = "email"
SMS: Final = "sms"
PROTOCOLS: Final = (EMAIL, SMS)

NO_TOPIC: Final = "-"
NOTICE_RULE: Final = "endpoint-notice"  # the rule of notices about endpoints; their topic is the endpoint's id


@dataclass(frozen=True, slots=True)
class AlertKey:
    """What a cool-down is about."""

    workspace: str
    rule: str
    topic: str
    unit: str

    @property
    def id(self) -> str:
        """Name of the key in rows and messages; a unit may hold any character."""
        return digest("alert-key", self.rule, self.topic, self.unit)


@dataclass(frozen=True, slots=True)
class Mention:
    """One thing that a message must name: a feedback, or what happened to an endpoint."""

    subject: str  # feedback id, delivery id or event id
    severity: str
    cooldown: int  # seconds that a message naming it starts
    red_line: bool = False
    ticket: str | None = None  # id of the ticket that the same feedback opens
    what: str = "feedback"  # feedback | delivery.failed | endpoint.disabled
    code: str = ""  # our own stable code of what happened to an endpoint
    touchpoint: str | None = None  # where it was, of a feedback


@dataclass(frozen=True, slots=True)
class Cooldown:
    """The state of one key."""

    state: str = IDLE
    version: int = 0
    arrivals: int = 0
    red_lines: int = 0  # how many of the arrivals
    until: float = 0.0  # epoch seconds: end of the lease (claimed) or of the cool-down (cooling)


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to people, and what it names."""

    id: str
    key: AlertKey
    severity: str  # the highest of what it names
    mentions: tuple[Mention, ...]
    swallowed: int  # how many of them had to wait
    at: datetime
    trigger: str | None = None  # the subject that did not have to wait; None: a cool-down was over

    @property
    def lead(self) -> Mention | None:
        """The voice that is told of before all others: the one that set it off, else the gravest; None without any."""
        voices = [mention for mention in self.mentions if mention.what == "feedback"]
        return next((voice for voice in voices if voice.subject == self.trigger), voices[0] if voices else None)


class Step(Enum):
    """What an arrival or a wake-up asks of the key."""

    SEND = "send"  # name all that waits, now
    SWALLOW = "swallow"  # somebody is sending, or the key is cooling: a wake-up is on its way
    HASTEN = "hasten"  # a red line met a long cool-down: end it sooner
    WAIT = "wait"  # woken too early
    DROP = "drop"  # a wake-up of an older version


def on_arrival(current: Cooldown, now: float, *, red_line: bool) -> Step:
    """What to do when something has begun to wait under the key."""
    if current.state == IDLE or current.until <= now:
        return Step.SEND
    if red_line and current.state == COOLING and current.until > now + RED_LINE_COOLDOWN_S:
        return Step.HASTEN
    return Step.SWALLOW


def on_wake(current: Cooldown, now: float, *, version: int) -> Step:
    """What to do when the delayed message of ``version`` arrives."""
    if current.version != version or current.state == IDLE:
        return Step.DROP
    return Step.SEND if current.until <= now else Step.WAIT


def claimed(current: Cooldown, now: float) -> Cooldown:
    """The key while one worker sends. When the lease is over, anybody may claim again."""
    return replace(current, state=CLAIMED, version=current.version + 1, until=now + LEASE_S)


def cooling(current: Cooldown, now: float, mentions: Iterable[Mention], *, red_line_waits: bool = False) -> Cooldown:
    """The key after a confirmed send: quiet for as long as the most urgent thing named, or waiting, allows."""
    seconds = min(mention.cooldown for mention in mentions)
    if red_line_waits:
        seconds = min(seconds, RED_LINE_COOLDOWN_S)
    return replace(current, state=COOLING, version=current.version + 1, until=now + seconds)


def hastened(current: Cooldown, now: float) -> Cooldown:
    """The key whose cool-down a red line cut short."""
    return replace(current, version=current.version + 1, until=now + RED_LINE_COOLDOWN_S)


def settled(current: Cooldown) -> Cooldown:
    """The key with nothing waiting and nobody at work."""
    return replace(current, state=IDLE, version=current.version + 1, until=0.0)


def cooldown_seconds(of_rule: int | None, *, red_line: bool) -> int:
    """The rule's own cool-down, else the default."""
    if of_rule is not None:
        return of_rule
    return RED_LINE_COOLDOWN_S if red_line else COOLDOWN_S


def compose(key: AlertKey, waiting: Sequence[Mention], version: int, at: datetime, *, trigger: str | None) -> Alert:
    """The message that names all of ``waiting``, worst first. ``trigger`` is the subject that did not have to wait.

    Raises ValueError when nothing waits.
    """
    mentions = tuple(sorted(waiting, key=lambda one: (-severity_rank(one.severity), one.subject)))
    return Alert(
        id="al_" + digest("alert", key.workspace, key.id, str(version), at.isoformat()),
        key=key,
        severity=max((one.severity for one in mentions), key=severity_rank),
        mentions=mentions,
        swallowed=sum(1 for one in mentions if one.subject != trigger),
        at=at,
        trigger=trigger,
    )


def strongest_topic(tags: Sequence[Tag]) -> str:
    """The topic of the surest negative tag, the earliest of equals; ``-`` when nothing negative was said."""
    negative = [tag for tag in tags if tag.polarity == "negative"]
    return max(negative, key=lambda tag: tag.confidence).topic if negative else NO_TOPIC
