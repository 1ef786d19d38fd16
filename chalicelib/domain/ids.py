"""Identities. The same voice, ticket or event has the same id however often it arrives."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime


def digest(*parts: str | bytes, length: int = 26) -> str:
    """Lower-case base32 of SHA-256 over the length-prefixed parts (5 bits a character, default 130 bits).

    The length prefix keeps ("ab", "c") and ("a", "bc") apart.
    """
    sha = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        sha.update(len(raw).to_bytes(8, "big"))
        sha.update(raw)
    return base64.b32encode(sha.digest()).decode("ascii").lower()[:length]


def feedback_id(workspace: str, connection: str, response_key: str) -> str:
    """One response of one connection is one feedback, whatever its revisions."""
    return "fb_" + digest("feedback", workspace, connection, response_key)


def event_key(connection: str, delivery_id: str | None, raw_body: bytes) -> str:
    """Identity of one inbound delivery: the platform's id, else the bytes themselves."""
    if delivery_id:
        return digest("event", connection, "id", delivery_id)
    return digest("event", connection, "body", raw_body)


def parked_id(event: str) -> str:
    """Id of a parked row whose response key could not be read (or is taken)."""
    return "fb_" + digest("parked", event)


def ticket_id(workspace: str, feedback: str) -> str:
    """One ticket per feedback."""
    return "tk_" + digest("ticket", workspace, feedback)


def child_ticket_id(workspace: str, feedback: str, department: str) -> str:
    """One ticket below a feedback's own for each department that it complains to."""
    return "tk_" + digest("child", workspace, feedback, department)


def customer_key(workspace: str, customer_ref: str) -> str:
    """One customer of one workspace, without the id that the company knows them by."""
    return "cu_" + digest("customer", workspace, customer_ref)


def timed_id(prefix: str, moment: datetime) -> str:
    """A fresh id that sorts by its moment, to the millisecond."""
    return f"{prefix}_{int(moment.timestamp() * 1000):012x}{secrets.token_hex(8)}"


def random_id(prefix: str) -> str:
    """A fresh id for what people create: ``cn`` connection, ``ep`` endpoint, ``sb`` subscription, ``ky`` key."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(15)).decode('ascii').lower()}"
