"""Contact data, raw bodies and access tokens, encrypted before they are stored.

Each workspace has a data key, itself encrypted by KMS. A contact is AES-GCM under a key derived from the data key and
a random salt of its subject: deleting the salt shreds every contact of that person, backups of the rows included.
A subject is an HMAC of the customer's id, so that neither the salt nor the feedback names the person.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import zlib
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pynamodb.attributes import BinaryAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.contact.masks import is_contact
from chalicelib.errors import Retryable
from chalicelib.storage import keys
from chalicelib.storage.table import Row, put

_NONCE: Final = 12  # bytes, what GCM is made for
_SALT: Final = 16
_SUBJECT: Final = 32  # hex characters, 128 bits
_MARK: Final = 26  # characters of base32, 130 bits
_MOST_SALTS: Final = 1000  # kept in this process


class SealedRow(Row):
    """A data key (encrypted by KMS) or a salt."""

    value = BinaryAttribute(legacy_encoding=False)


class Vault:
    """Seals and opens for every workspace. Plain data keys live in this process only, and in no repr."""

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id
        self._data_keys: dict[str, bytes] = {}
        self._salts: dict[tuple[str, str], bytes] = {}

    # --- who -----------------------------------------------------------------------------------------------------

    def subject(self, workspace: str, identity: str) -> str:
        """Hex HMAC of what identifies a person, the same for the same person of this workspace."""
        key = self._derived(workspace, b"", b"subject")
        return hmac.new(key, identity.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_SUBJECT]

    def customer_ref(self, workspace: str, customer_id: str) -> str:
        """What may be shown of a customer id: itself, or its HMAC when it is a phone number or an e-mail address."""
        return self.subject(workspace, customer_id) if is_contact(customer_id) else customer_id

    # --- contacts ------------------------------------------------------------------------------------------------

    def seal_contact(self, workspace: str, subject: str, contact: Mapping[str, str]) -> bytes:
        """The contact, readable only together with the subject's salt, which is made on first use."""
        salt = self._salts.get((workspace, subject)) or self._make_salt(workspace, subject)
        key = self._derived(workspace, salt, b"contact")
        return _seal(key, json.dumps(dict(contact)).encode(), subject)

    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> dict[str, str] | None:
        """The contact; None when its salt was deleted."""
        # Not from this process's memory: a salt that was deleted elsewhere must not open anything here.
        salt = _read(keys.subject(workspace, subject))
        if salt is None:
            return None
        found: dict[str, str] = json.loads(_open(self._derived(workspace, salt, b"contact"), sealed, subject))
        return found

    def _make_salt(self, workspace: str, subject: str) -> bytes:
        salt = _create(keys.subject(workspace, subject), os.urandom(_SALT))
        if len(self._salts) >= _MOST_SALTS:
            self._salts.pop(next(iter(self._salts)))
        self._salts[workspace, subject] = salt
        return salt

    # --- raw bodies ----------------------------------------------------------------------------------------------

    def seal_body(self, workspace: str, body: bytes) -> bytes:
        """A raw body, packed and encrypted under the workspace's key."""
        return _seal(self._derived(workspace, b"", b"body"), zlib.compress(body, 9), workspace)

    def open_body(self, workspace: str, sealed: bytes) -> bytes:
        """What ``seal_body`` was given."""
        return zlib.decompress(_open(self._derived(workspace, b"", b"body"), sealed, workspace))

    # --- channels of colleagues ----------------------------------------------------------------------------------

    def seal_channels(self, workspace: str, channels: bytes) -> bytes:
        """How the people of an organisation are reached, packed and encrypted under the workspace's key."""
        return _seal(self._derived(workspace, b"", b"channels"), zlib.compress(channels, 9), workspace)

    def open_channels(self, workspace: str, sealed: bytes) -> bytes:
        """What ``seal_channels`` was given."""
        return zlib.decompress(_open(self._derived(workspace, b"", b"channels"), sealed, workspace))

    # --- tokens --------------------------------------------------------------------------------------------------

    def seal_token(self, workspace: str, endpoint: str, token: str) -> bytes:
        """An access token of somebody else's system, encrypted under the workspace's key for this endpoint alone."""
        return _seal(self._derived(workspace, b"", b"token"), token.encode(), endpoint)

    def open_token(self, workspace: str, endpoint: str, sealed: bytes) -> str:
        """What ``seal_token`` was given."""
        return _open(self._derived(workspace, b"", b"token"), sealed, endpoint).decode()

    # --- marks ---------------------------------------------------------------------------------------------------

    def mark(self, workspace: str, purpose: str, text: str) -> str:
        """26 letters and digits that nobody makes of ``text`` without the workspace's key; each purpose has its own."""
        key = self._derived(workspace, b"", b"mark/" + purpose.encode())
        mac = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.b32encode(mac).decode("ascii").lower()[:_MARK]

    def knows(self, workspace: str) -> bool:
        """Whether the workspace has a key. Asking makes none."""
        return workspace in self._data_keys or _read(keys.data_key(workspace)) is not None

    # --- keys ----------------------------------------------------------------------------------------------------

    def _derived(self, workspace: str, salt: bytes, purpose: bytes) -> bytes:
        """A key for one purpose: what one leaks says nothing of the others."""
        return HKDF(SHA256(), length=32, salt=salt or None, info=b"echoloop/" + purpose).derive(
            self._data_key(workspace)
        )

    def _data_key(self, workspace: str) -> bytes:
        if workspace not in self._data_keys:
            self._data_keys[workspace] = self._load_data_key(workspace)
        return self._data_keys[workspace]

    def _load_data_key(self, workspace: str) -> bytes:
        """The stored key, or a new one; of two that are made at once the first stays."""
        context = {"workspace": workspace}
        stored = _read(keys.data_key(workspace))
        try:
            if stored is None:
                made = self._kms.generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context)
                stored = _create(keys.data_key(workspace), made["CiphertextBlob"])
                if stored == made["CiphertextBlob"]:
                    return bytes(made["Plaintext"])
            plain = self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=stored, EncryptionContext=context)
        except (BotoCoreError, ClientError):
            # Without the cause: it may name the key's account.
            raise Retryable("The workspace's data key could not be read.", code="key_unavailable") from None
        return bytes(plain["Plaintext"])


def _seal(key: bytes, plain: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def _open(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """Raises Retryable (``sealed_broken``) for bytes that this key did not seal."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
    except InvalidTag:
        raise Retryable("What was sealed cannot be opened with this key.", code="sealed_broken") from None


def _read(key: tuple[str, str]) -> bytes | None:
    try:
        return bytes(SealedRow.get(*key, consistent_read=True).value)
    except DoesNotExist:
        return None


def _create(key: tuple[str, str], value: bytes) -> bytes:
    """Store ``value`` unless there is one; what is stored, in one call either way."""
    standing = put(SealedRow(*key, value=value), SealedRow.pk.does_not_exist())
    return value if standing is None else bytes(SealedRow.from_raw_data(standing).value)
