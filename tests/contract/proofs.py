"""How each platform proves itself, written apart from the product: a body in, its header fields and query out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from tests.corpus import sign

Proof = tuple[dict[str, str], dict[str, str]]


def canonical(raw: bytes, secret: str, now: datetime) -> Proof:
    timestamp = str(int(now.timestamp()))
    signature = sign(secret, "msg_1", timestamp, raw)
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}, {}


def typeform(raw: bytes, secret: str, now: datetime) -> Proof:
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
    return {"typeform-signature": "sha256=" + base64.b64encode(digest).decode()}, {}


def jiandaoyun(raw: bytes, secret: str, now: datetime) -> Proof:
    timestamp = str(int(now.timestamp()))
    digest = hashlib.sha1(b"0f5ade:" + raw + b":" + secret.encode() + b":" + timestamp.encode()).hexdigest()  # noqa: S324
    return {"x-jdy-signature": digest}, {"timestamp": timestamp, "nonce": "0f5ade"}


SIGNERS: Mapping[str, Callable[[bytes, str, datetime], Proof]] = {
    "canonical": canonical,
    "jiandaoyun": jiandaoyun,
    "typeform": typeform,
}
