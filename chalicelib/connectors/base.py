"""What a connector is, and what all of them share: settings, HTTP outcomes, JSON bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from chalicelib.connectors.cards import LANGUAGES
from chalicelib.domain.directory import EndpointSecret
from chalicelib.domain.outbound import (
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
from chalicelib.domain.ratelimit import Limit
from chalicelib.errors import Invalid

LANGUAGE: Final = LANGUAGES[0]
_CODE: Final = re.compile(r"-?[0-9]{1,9}")


class Connector(Protocol):
    """The code for one kind of OA, CRM or chat robot. Stateless: one instance serves every endpoint."""

    name: str
    kind: str  # "event": gets each event once; a connector that synchronises state is of another kind
    has_idempotency: bool  # the target drops a second request with the same key
    chat: bool  # a room full of people reads it: contact data is masked at most
    signs: bool  # the secret is ours to make; a robot's is made by its vendor, or there is none
    credential: str | None  # where the URL holds it, see Target.fingerprint
    limits: tuple[Limit, ...]  # the target's own

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        """The form is checked already. Raises Invalid (``settings_invalid``, ``contact_not_allowed``)."""

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        """The request of one attempt. Raises Invalid when the credentials do not fit."""

    def outcome(self, response: HttpResponse) -> Outcome:
        """What the answer means by the vendor's own criteria."""


def validate_common(connector: Connector, settings: Mapping[str, Any]) -> None:
    """What every connector asks of settings whose form is checked already. Raises Invalid with a pointer."""
    if connector.chat and settings.get("contact") == "full":
        raise Invalid(
            "A chat robot's room may not see contact data in full.",
            code="contact_not_allowed",
            pointer="/settings/contact",
        )
    if connector.has_idempotency and settings.get("on_ambiguous") == "park":
        raise Invalid(
            "This target drops what it has seen: nothing is left uncertain.",
            code="settings_invalid",
            pointer="/settings/on_ambiguous",
        )
    if connector.chat and settings.get("status_map"):
        raise Invalid("A chat robot sends no status back.", code="settings_invalid", pointer="/settings/status_map")


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
