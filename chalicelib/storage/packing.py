"""JSON packed small: raw deflate with a preset dictionary of the words that every row repeats.

The first byte names the dictionary. A dictionary is never edited: rows packed with it must stay readable, so better
words get a new number. Only our own field names and fixed values stand in one, never anything a customer said.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

# What comes last costs least to point at, so the commonest words stand at the end.
_FIRST: Final = (
    '"reparsed_as":"legal_threat","self_harm","food_poisoning","fraud","injury","safety"question","thanks","churn_threat'
    '"neutral","suggestion","itch","undecided","legal","finance","store_operations","marketing","product"'
    '{"actions":{"alert":[["builtin-red-line",1,"critical",0]],"ticket":[["builtin-unhappy",1,"medium",0]]},'
    '"attachments":[],"attributes":{"order_id":"SO-","sku":"},"customer":"CUST-","departments":["logistics",'
    '"after_sales","customer_service","quality"],"frame":"2026.11.1","heard":17953,"intent":"complaint","praise",'
    '"key":"read_departments":["read_lang":"zh-CN","en","reason":"red_lines":["scales":[[1.0,5.0,"higher"]],'
    '[[0.0,10.0,"higher"]],"source":"typeform","jinshuju","jiandaoyun","canonical","subject":"tags":[['
    '"price.value","positive",0,0,4,0.85,["实惠"],"delight","lexicon","2026.11.1"],["product.quality","negative",0,'
    '["refund.speed","service.attitude","service.response","logistics.packaging","logistics.damage","logistics.speed",'
    '"positive",0,0.9,[""],"delight","lexicon","2026.11.1"],"negative",0,0.9,[""],"pain","lexicon","2026.11.1"]],'
    '"texts":[["","原因","customer"]],"understood":17953'
)
DICTIONARIES: Final[Mapping[int, bytes]] = {1: _FIRST.encode()}
_NEWEST: Final = max(DICTIONARIES)


def pack(value: Any) -> bytes:
    """Compact UTF-8 JSON, packed with the newest dictionary. ``\\uXXXX`` would double every Chinese character first."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zdict=DICTIONARIES[_NEWEST])
    return bytes([_NEWEST]) + deflate.compress(text.encode("utf-8", "surrogatepass")) + deflate.flush()


def unpack(packed: bytes) -> Any:
    """What was packed. Raises ValueError for bytes that no ``pack`` of ours wrote."""
    if not packed or packed[0] not in DICTIONARIES:
        raise ValueError("The value was packed with an unknown dictionary.")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, zdict=DICTIONARIES[packed[0]])
    try:
        text = inflate.decompress(packed[1:]) + inflate.flush()
    except zlib.error as error:
        raise ValueError("The packed value is damaged.") from error
    return json.loads(text.decode("utf-8", "surrogatepass"))
