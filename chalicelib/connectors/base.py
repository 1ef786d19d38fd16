"""What a connector is, and what all of them share: settings, HTTP outcomes, JSON bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.connectors import templates
from chalicelib.connectors.callbacks import Said
from chalicelib.connectors.cards import LANGUAGES
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    DISABLE,
    FAILED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.item import ITEM_MISSING, KEY_CONFLICT, TOKEN_EXPIRED, Access, Item, Token
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

__all__ = [
    "ITEM_MISSING",
    "KEY_CONFLICT",
    "TOKEN_EXPIRED",
    "Access",
    "Connector",
    "Readable",
    "StateConnector",
    "Token",
]

LANGUAGE: Final = LANGUAGES[0]
_CODE: Final = re.compile(r"-?[0-9]{1,9}")
_LONGEST_LIFE: Final = 2_592_000  # seconds; no vendor's token lives for a month


class Connector(Protocol):
    """The code for one kind of OA, CRM or chat robot. Stateless: one instance serves every endpoint."""

    name: str
    kind: str  # "event": gets each event once; a connector that synchronises state is of another kind
    has_idempotency: bool  # the target drops a second request with the same key
    chat: bool  # a room full of people reads it: contact data is masked at most
    signs: bool  # the secret is ours to make; a robot's is made by its vendor, or there is none
    credential: str | None  # where the URL holds it, see Target.fingerprint
    limits: tuple[Limit, ...]  # the target's own
    fields: tuple[Field, ...]  # settings of its own
    credential_fields: tuple[Field, ...]

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        """The form is checked already. Raises Invalid (``settings_invalid``, ``contact_not_allowed``)."""

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        """The request of one attempt. Raises Invalid when the credentials do not fit."""

    def outcome(self, response: HttpResponse) -> Outcome:
        """What the answer means by the vendor's own criteria."""


class Bundling(Protocol):
    """What a chat robot's connector has besides: its limit is low, so many events may share one message."""

    def bundle(
        self, messages: Sequence[Message], secret: EndpointSecret, settings: Mapping[str, Any]
    ) -> tuple[HttpRequest, int]:
        """The request that names the first of them, as many as one message holds, and how many those are.

        Fewer of them always fit. Raises Invalid as ``render``.
        """


class SmsConnector(Protocol):
    """What an SMS vendor's connector has besides: it is one of the gateways of services/ports.py."""

    name: str

    def parts(self, text: str) -> int:
        """Parts that one phone is billed for ``text``."""

    def bill(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> int:
        """Parts that all receivers together are billed. Raises Invalid as ``render``."""


class StateConnector(Protocol):
    """The code for a system that keeps one item a ticket: created once, then brought to the ticket's newest state.

    Stateless. What repeats is decided outside: a create whose outcome is unknown is repeated where
    ``has_idempotency``, looked for with ``find`` where ``searches``, and else left *uncertain*.
    """

    name: str
    kind: str  # "state"
    has_idempotency: bool
    key_life: float | None  # seconds that the target surely knows a key; None: for ever, or it knows none
    searches: bool
    search_lag: float  # seconds after which a search surely shows what was created
    chat: bool  # False: contact data may go out in full if the endpoint says so
    signs: bool  # whether ``secret`` is ours to make (it proves callbacks); a vendor's own is given
    credential: str | None  # name of the one its vendor counts calls by; None: the host is what it counts by
    limits: tuple[Limit, ...]
    fields: tuple[Field, ...]  # settings of its own
    credential_fields: tuple[Field, ...]

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        """Names and kinds are checked already. Raises Invalid (``settings_invalid``)."""

    def authorise(self, access: Access, now: datetime) -> HttpRequest | None:
        """What fetches a token; None where the credentials themselves go along."""

    def token(self, response: HttpResponse, now: datetime) -> Token | Outcome:
        """The token in a 2xx answer by the vendor's criteria, or what its refusal means."""

    def find(self, message: Message, access: Access) -> HttpRequest | None:
        """What looks for the ticket's item by our own id; None where ``searches`` is False."""

    def found(self, response: HttpResponse) -> str | None:
        """The item's id in an answer that ``outcome`` calls delivered; None: there is none."""

    def create(self, message: Message, access: Access) -> HttpRequest:
        """The item as the ticket is now. Its key is the same for the same ticket and ``access.generation``."""

    def created(self, response: HttpResponse, message: Message) -> str | None:
        """The new item's id; None when a delivered answer holds none (then the create is ambiguous)."""

    def update(self, message: Message, external_id: str, access: Access) -> HttpRequest | None:
        """What brings the item to the ticket's state; None where this system has nothing to change."""

    def outcome(self, response: HttpResponse) -> Outcome:
        """What any answer means.

        ``RETRY`` with code TOKEN_EXPIRED: once more at once with a new token. Code ITEM_MISSING, or HTTP 404 or 410,
        in answer to an update: the item is gone. ITEM_MISSING in answer to a search: there is none. ``RETRY`` with
        KEY_CONFLICT in answer to a create: the target knows the key and took another request under it.
        """


class Readable(Protocol):
    """What a connector has besides whose system can be asked how its items stand: see services/outbound/reconcile.py.

    Its ``outcome`` knows the answers to ``read``, too.
    """

    reads_at_once: int  # items that one request asks for
    silent: tuple[str, ...]  # ticket states of which a write of ours leaves no word in an item
    limits: tuple[Limit, ...]

    def authorise(self, access: Access, now: datetime) -> HttpRequest | None: ...

    def token(self, response: HttpResponse, now: datetime) -> Token | Outcome: ...

    def read(self, items: Sequence[Item], access: Access, now: datetime) -> HttpRequest:
        """What asks for at most ``reads_at_once`` items. Raises Rejected where the settings do not fit."""

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:
        """How those of them stand that the answer holds, as a callback would tell it. Raises Invalid."""

    def outcome(self, response: HttpResponse) -> Outcome: ...


def validate_common(connector: Connector | StateConnector, settings: Mapping[str, Any]) -> None:
    """What every connector asks of settings whose form is checked already. Raises Invalid with a pointer."""
    if connector.chat and settings.get("contact") == "full":
        raise Invalid(
            "A chat robot's room may not see contact data in full.",
            code="contact_not_allowed",
            pointer="/settings/contact",
        )
    if settings.get("reconcile_minutes") and not hasattr(connector, "read"):
        raise _not_taken("This system cannot be asked how its items stand.", "reconcile_minutes")
    if connector.kind == "state":
        _validate_state(settings)
        return
    if connector.has_idempotency and settings.get("on_ambiguous") == "park":
        raise _not_taken("This target drops what it has seen: nothing is left uncertain.", "on_ambiguous")
    if connector.chat and settings.get("status_map"):
        raise _not_taken("A chat robot sends no status back.", "status_map")
    if settings.get("on_missing"):
        raise _not_taken("This target keeps no item that could be missing.", "on_missing")


def _validate_state(settings: Mapping[str, Any]) -> None:
    """What every system of record asks of them."""
    if settings.get("on_ambiguous"):
        raise _not_taken("This system's own means decide: its key, a search, or else a person.", "on_ambiguous")
    templates.check_map(settings.get("templates") or {})


def _not_taken(why: str, name: str) -> Invalid:
    return Invalid(why, code="settings_invalid", pointer=f"/settings/{name}")


def listed(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in an answer's list of that name. Raises Invalid (``answer_unreadable``) where there is no list."""
    found = answer.get(name)
    if not isinstance(found, list):
        raise Invalid("The answer holds no list of items.", code=UNREADABLE)
    return [one for one in found if isinstance(one, dict)]


def lang_of(settings: Mapping[str, Any]) -> str:
    return str(settings.get("lang") or LANGUAGE)


def json_bytes(value: object) -> bytes:
    """Compact UTF-8; a lone surrogate becomes U+FFFD."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def json_request(url: str, secret: EndpointSecret, headers: Mapping[str, str], body: bytes) -> HttpRequest:
    """A POST of JSON; the endpoint's own headers give way to ours."""
    return HttpRequest(
        "POST", url, {**secret.headers, "Content-Type": "application/json; charset=utf-8", **headers}, body
    )


def answer_of(response: HttpResponse) -> Mapping[str, Any]:
    """The answer's JSON object, empty when it is none."""
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def whole(value: object) -> int | None:
    """A vendor's code, which some gateways send as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and _CODE.fullmatch(value) else None


def token_end(now: datetime, life: int | None, usual: int) -> datetime:
    """When a token ends by its vendor's word, in seconds; by the ``usual`` life where the word is none."""
    return now + timedelta(seconds=life if life is not None and 0 < life <= _LONGEST_LIFE else usual)


def outcome_of_status(response: HttpResponse, *, permanent: bool) -> Outcome:
    """The HTTP reading of an answer. ``permanent``: a 4xx other than 408, 425 and 429 is not tried again.

    ``after`` is left to who knows the clock: a Retry-After may be a date.
    """
    status = response.status
    if 200 <= status < 300:
        return Outcome(DELIVERED)
    if status == 410:
        return Outcome(DISABLE, "gone")
    if status == 429:
        return Outcome(RETRY, "rate_limited")
    if 300 <= status < 400:
        return Outcome(RETRY, "redirect_not_followed")
    if permanent and 400 <= status < 500 and status not in (408, 425):
        return Outcome(FAILED, f"http_{status}")
    return Outcome(RETRY, f"http_{status}")


def outcome_of_code(response: HttpResponse, name: str, code: int | None) -> Outcome:
    """What a chat robot's answer comes to once its own words for "later" are ruled out.

    0 is success, any other ``code`` is final; a 2xx without one is not the robot's answer.
    """
    if code:
        return Outcome(FAILED, f"{name}_{code}")
    by_status = outcome_of_status(response, permanent=True)
    if by_status.verdict == DELIVERED and code is None:
        return Outcome(RETRY, UNREADABLE)
    return by_status
