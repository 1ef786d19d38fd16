"""How systems of record prove and hide what they send back: digests, AES envelopes, and how old a request may be.

Every function that looks at a request raises Unauthorized and nothing else, however broken the request is. A wrong
signature, a wrong key and a broken envelope read alike, so that no answer tells a forger how far it got.
``cryptography`` is imported where it is used: a cold function that decrypts nothing does not wait for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree

from chalicelib.domain.time import moments
from chalicelib.errors import Unauthorized

TOLERANCE: Final = 300  # seconds that a request's own time may lie from ours, either way
WX_BLOCK: Final = 32  # bytes that DingTalk and WeCom pad to
_AES_BLOCK: Final = 16
_WX_SALT: Final = 16  # random bytes in front of the payload
_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_DECLARES: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_HUBSPOT_KEPT: Final = {"3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$", "27": "'", "28": "(",
                        "29": ")", "2A": "*", "2C": ",", "3B": ";"}  # fmt: skip
_HUBSPOT_ESCAPE: Final = re.compile(f"%({'|'.join(_HUBSPOT_KEPT)})", re.IGNORECASE)


def refused() -> Unauthorized:
    """The one answer to whatever does not fit."""
    return Unauthorized("No signature fits.", code="signature_invalid")


def missing() -> Unauthorized:
    """The request does not even carry what its proof needs."""
    return Unauthorized("The signature or a part of it is missing.", code="signature_missing")


# Digests


def same(expected: str, given: str | None) -> bool:
    """Equality in constant time for text of any kind; nothing given equals nothing."""
    if not given or not expected:
        return False
    return hmac.compare_digest(expected.encode("utf-8", "surrogatepass"), given.encode("utf-8", "surrogatepass"))


def hmac_hex(key: str, message: bytes, algorithm: str = "sha256") -> str:
    """Lower-case hex. The key is the text as it stands, never decoded."""
    return hmac.new(_bytes(key), message, algorithm).hexdigest()


def hmac_base64(key: str, message: bytes, algorithm: str = "sha256") -> str:
    """Standard base64. The key is the text as it stands, never decoded."""
    return base64.b64encode(hmac.new(_bytes(key), message, algorithm).digest()).decode("ascii")


def sha256_hex(*parts: str | bytes) -> str:
    """Lower-case hex of the parts one after the other, without a key."""
    return hashlib.sha256(b"".join(_bytes(part) for part in parts)).hexdigest()


def sha1_hex(*parts: str | bytes) -> str:
    """Lower-case hex of the parts one after the other; some vendors have nothing better."""
    return hashlib.sha1(b"".join(_bytes(part) for part in parts)).hexdigest()  # noqa: S324 - the vendor's choice


# Time


def check_seconds(text: str | None, now: datetime, *, per_second: int = 1, tolerance: int = TOLERANCE) -> None:
    """A whole number of epoch seconds (``per_second`` 1000: milliseconds) near ``now``.

    Raises Unauthorized: ``signature_missing`` without one, ``timestamp_invalid``, ``timestamp_out_of_window``.
    """
    if not text:
        raise missing()
    if not _DIGITS.fullmatch(text):
        raise Unauthorized("The timestamp is not a whole number.", code="timestamp_invalid")
    _check_distance(int(text) / per_second, now, tolerance)


def check_moment(text: str | None, now: datetime, *, tolerance: int = TOLERANCE) -> None:
    """An RFC 3339 time near ``now``. Raises as ``check_seconds``."""
    if not text:
        raise missing()
    try:
        moment = moments.rfc3339(text)
    except ValueError:
        raise Unauthorized("The timestamp is not an RFC 3339 time.", code="timestamp_invalid") from None
    _check_distance(moment.timestamp(), now, tolerance)


def _check_distance(seconds: float, now: datetime, tolerance: int) -> None:
    if abs(now.timestamp() - seconds) > tolerance:
        raise Unauthorized("The timestamp is too far from now.", code="timestamp_out_of_window")


# DingTalk and WeCom: one scheme, two receivers


def wx_signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """``msg_signature``: SHA-1 over the four texts in the order of their characters, lower-case hex."""
    return sha1_hex(*sorted((token, timestamp, nonce, encrypted)))


def wx_check(token: str, query: Mapping[str, str], encrypted: str, now: datetime, *, per_second: int = 1) -> None:
    """The query's signature over ``encrypted``, and its time (DingTalk counts milliseconds: ``per_second`` 1000).

    Raises Unauthorized: ``signature_missing``, ``signature_invalid``, and as ``check_seconds``.
    """
    offered = query.get("msg_signature") or query.get("signature")
    timestamp, nonce = query.get("timestamp"), query.get("nonce")
    if not (offered and timestamp and nonce):
        raise missing()
    if not token or not same(wx_signature(token, timestamp, nonce, encrypted), offered):
        raise refused()
    check_seconds(timestamp, now, per_second=per_second)


def wx_decrypt(encoding_aes_key: str, encrypted: str) -> tuple[bytes, str]:
    """The payload and the receiver that it names, which the caller compares with its own. Raises Unauthorized."""
    key = _wx_key(encoding_aes_key)
    plain = _unpad(_aes_cbc(key, key[:_AES_BLOCK], _base64(encrypted), decrypt=True), WX_BLOCK)
    start = _WX_SALT + 4
    end = start + int.from_bytes(plain[_WX_SALT:start], "big")
    if len(plain) < start or end > len(plain):
        raise refused()
    try:
        return plain[start:end], plain[end:].decode("utf-8")
    except UnicodeDecodeError:
        raise refused() from None


def wx_encrypt(encoding_aes_key: str, payload: bytes, receiver: str, salt: bytes | None = None) -> str:
    """Base64 of an envelope that ``wx_decrypt`` opens. ``salt``: 16 bytes, random unless given. Raises Unauthorized."""
    key = _wx_key(encoding_aes_key)
    plain = (salt or os.urandom(_WX_SALT)) + len(payload).to_bytes(4, "big") + payload + receiver.encode()
    room = WX_BLOCK - len(plain) % WX_BLOCK
    sealed = _aes_cbc(key, key[:_AES_BLOCK], plain + bytes([room]) * room, decrypt=False)
    return base64.b64encode(sealed).decode("ascii")


def wx_envelope(body: bytes, query: Mapping[str, str]) -> str:
    """The encrypted text in a JSON body (``encrypt``) or an XML one (``Encrypt``). Raises Unauthorized.

    A body whose ``query`` holds no signature is not even looked at.
    """
    if not (query.get("msg_signature") or query.get("signature")):
        raise missing()
    try:
        held = json.loads(body) if body.lstrip()[:1] == b"{" else flat_xml(body)
        encrypted = held.get("encrypt") or held.get("Encrypt")
    except (ValueError, RecursionError):
        raise refused() from None
    if not isinstance(encrypted, str) or not encrypted:
        raise missing()
    return encrypted


def flat_xml(data: bytes) -> dict[str, str]:
    """The texts directly under the root by name, in UTF-8, without a DTD and so without entities of its own.

    Raises ValueError for anything else.
    """
    text = data.decode("utf-8")
    if _DECLARES.search(text):
        raise ValueError("a DTD")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no DTD, no entity; expat fetches nothing
    except ElementTree.ParseError:
        raise ValueError("not XML") from None
    return {child.tag: child.text or "" for child in root}


def _wx_key(encoding_aes_key: str) -> bytes:
    """The 32 bytes that 43 characters of base64 without their ``=`` stand for."""
    key = _base64(encoding_aes_key + "=")
    if len(key) != 32:
        raise refused()
    return key


# Feishu / Lark


def feishu_signature(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """``X-Lark-Signature``: SHA-256 over the three texts and the raw body, lower-case hex."""
    return sha256_hex(timestamp, nonce, encrypt_key, body)


def feishu_decrypt(encrypt_key: str, encrypted: str) -> bytes:
    """What ``encrypt`` holds: AES-256-CBC under the key's SHA-256, the first block is the IV. Raises Unauthorized."""
    sealed = _base64(encrypted)
    key = hashlib.sha256(_bytes(encrypt_key)).digest()
    return _unpad(_aes_cbc(key, sealed[:_AES_BLOCK], sealed[_AES_BLOCK:], decrypt=True), _AES_BLOCK)


# HubSpot


def hubspot_v1(client_secret: str, body: bytes) -> str:
    """``X-HubSpot-Signature`` of version v1."""
    return sha256_hex(client_secret, body)


def hubspot_v2(client_secret: str, method: str, uri: str, body: bytes) -> str:
    """``X-HubSpot-Signature`` of version v2."""
    return sha256_hex(client_secret, method, uri, body)


def hubspot_v3(client_secret: str, method: str, uri: str, body: bytes, timestamp_ms: str) -> str:
    """``X-HubSpot-Signature-v3``; ``uri`` is the public one."""
    return hmac_base64(client_secret, b"".join(_bytes(part) for part in (method, hubspot_uri(uri), body, timestamp_ms)))


def hubspot_uri(uri: str) -> str:
    """The URI as HubSpot signs it: twelve reserved characters stand plain, every other escape stays as it came."""
    return _HUBSPOT_ESCAPE.sub(lambda found: _HUBSPOT_KEPT[found.group(1).upper()], uri)


# Shared


def percent(text: str) -> str:
    """Every reserved character escaped, once."""
    return quote(text, safe="")


def _bytes(part: str | bytes) -> bytes:
    return part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part


def _base64(text: str) -> bytes:
    """Strict standard base64. Raises Unauthorized."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise refused() from None


def _aes_cbc(key: bytes, vector: bytes, data: bytes, *, decrypt: bool) -> bytes:
    """AES-256-CBC without padding. Raises Unauthorized unless ``data`` is whole blocks, one at least."""
    if not data or len(data) % _AES_BLOCK or len(vector) != _AES_BLOCK:
        raise refused()
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.AES(key), modes.CBC(vector))
    worker = cipher.decryptor() if decrypt else cipher.encryptor()
    return worker.update(data) + worker.finalize()


def _unpad(padded: bytes, block: int) -> bytes:
    """Without its PKCS#7 padding to ``block`` bytes. Raises Unauthorized."""
    count = padded[-1]
    if not 1 <= count <= block or padded[-count:] != bytes([count]) * count:
        raise refused()
    return padded[:-count]
