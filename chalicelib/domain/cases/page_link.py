"""The link to the page of one ticket, and what a code lets a person do there. Pure.

``<ticket>.<workspace>.<expiry>.<mark>``: the mark is an HMAC over all before it. Letters, digits and ``_ . -`` only,
and a letter or a digit last, so that no chat cuts the link short.
"""

from __future__ import annotations

import re
from base64 import b32decode
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from chalicelib.domain.cases.ticket import SETTLED, WITH_THE_OWNER, Ticket, legal_moves

LIFETIME: Final = timedelta(hours=72)  # of a link and of a code
# Without what is read for something else: no 0 O 1 I L, no U, which makes words.
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
# 590 million million codes. Nothing counts wrong ones: a count is what somebody with the link alone could use up.
# Whoever sends all that the API takes (1000 a second) for as long as a code lasts finds it once in 2.2 million times.
CODE_LENGTH: Final = 10
ACCEPT, NOT_MINE, CONTACTED, RESOLVE, CALL = "accept", "not_mine", "contacted", "resolve", "call"
COMPLETE: Final = "complete"  # what an OA resolved without root cause and action

_LINK: Final = re.compile(
    r"(?P<ticket>[A-Za-z0-9_-]{1,128})\.(?P<workspace>[a-z0-9][a-z0-9-]{0,62})"
    r"\.(?P<expires>[1-9][0-9]{8,10})\.(?P<mark>[a-z2-7]{26})"
)


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link as it stands in a URL. Nobody has looked at its mark yet."""

    ticket: str
    workspace: str
    expires: int  # epoch seconds
    mark: str = field(repr=False)

    @property
    def signed(self) -> str:
        """What the mark is made of."""
        return unsigned(self.workspace, self.ticket, self.expires)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, timezone.utc)


@dataclass(frozen=True, slots=True)
class Code:
    """A person's code for one ticket. ``mark`` is what is kept of it.

    The text of one that is ``derived`` can be had again, for as long as it was not ``sent``; of one that was made by
    hand nobody knows it.
    """

    person: str
    mark: str = field(repr=False)
    expires_at: datetime
    derived: bool = False
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody asks for on the page. Every text is as it was typed; ``version`` is the ticket's that was shown."""

    what: str
    version: int
    code: str = field(repr=False)
    reason: str = field(default="", repr=False)
    department: str = field(default="", repr=False)
    root_cause: str = field(default="", repr=False)
    action: str = field(default="", repr=False)
    cause: str = ""  # one of those that the page offers; empty: none of them


def unsigned(workspace: str, ticket: str, expires: int) -> str:
    """The link without its mark."""
    return f"{ticket}.{workspace}.{expires}"


def expiry(since: datetime, lifetime: timedelta = LIFETIME) -> int:
    """When a link ends that belongs to something of ``since``: the same for every retry of one delivery."""
    return int((since + lifetime).timestamp())


def read(text: str) -> PageLink | None:
    """None for what is no link."""
    found = _LINK.fullmatch(text)
    if found is None:
        return None
    return PageLink(found["ticket"], found["workspace"], int(found["expires"]), found["mark"])


def typed(code: str) -> str:
    """A code as it was meant: case, spaces and hyphens are nobody's secret."""
    return "".join(char for char in code.upper() if char not in " -\t\u3000")


def spelt(mark: str) -> str:
    """The text of a code, of an HMAC's 26 characters of Base32."""
    bits = int.from_bytes(b32decode(mark.upper() + "======"), "big")
    text = ""
    for _ in range(CODE_LENGTH):
        bits, place = divmod(bits, len(ALPHABET))
        text += ALPHABET[place]
    return text


def possible(ticket: Ticket) -> tuple[str, ...]:
    """What may be done with the ticket now, in the order of its life."""
    legal = legal_moves(ticket)
    acts = {
        ACCEPT: "accepted" in legal or (ticket.state in WITH_THE_OWNER and ticket.owner is None),
        CALL: ticket.state not in SETTLED,
        CONTACTED: "in_progress" in legal or ticket.state == "in_progress",
        RESOLVE: "resolved" in legal,
        COMPLETE: ticket.incomplete and ticket.state in ("resolved", "verifying"),
        NOT_MINE: ticket.state not in SETTLED,
    }
    return tuple(what for what, may in acts.items() if may)
