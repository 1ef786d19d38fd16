"""The PynamoDB base of every row, and the attribute types that keep rows small.

The table name is set late (``bind``), so that importing a row never reads the environment.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.constants import BINARY
from pynamodb.models import Model


class PackedJSONAttribute(Attribute[Any]):
    """JSON, zlib-packed into a binary: a feedback with five tags takes about half of its map form.

    Compact and UTF-8 on purpose: ``\\uXXXX`` would double every Chinese character before packing.
    """

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return zlib.compress(text.encode("utf-8", "surrogatepass"), 9)

    def deserialize(self, value: bytes) -> Any:
        return json.loads(zlib.decompress(value).decode("utf-8", "surrogatepass"))


class Row(Model):
    """Keys and expiry that every row shares. Reads compare ``expires_at`` themselves: TTL is days late."""

    class Meta:
        table_name = "unbound"
        region = None
        connect_timeout_seconds = 2
        read_timeout_seconds = 5
        max_retry_attempts = 4

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(null=True)  # epoch seconds


def bind(table: str) -> None:
    """Point every row class at the deployed table. Called once by the wiring."""
    Row.Meta.table_name = table
