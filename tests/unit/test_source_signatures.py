"""Vendors' signatures against published and recomputed vectors, and each vendor's own corners."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.errors import Unauthorized
from chalicelib.sources import jiandaoyun, registry, typeform

VECTORS = json.loads(
    (Path(__file__).parent.parent / "fixtures" / "corpora" / "signature_vectors.json").read_text(encoding="utf-8")
)["vectors"]


def vector(name: str) -> dict[str, Any]:
    return next(one for one in VECTORS if one["name"].startswith(name))


def test_typeform_signs_as_documented() -> None:
    one = vector("Typeform")
    assert typeform.signature(one["inputs"]["body"].encode(), one["inputs"]["secret"]) == one["expected"]


def test_jiandaoyun_signs_as_documented() -> None:
    given_ = vector("Jiandaoyun")["inputs"]
    made = jiandaoyun.signature(given_["body"].encode(), given_["nonce"], given_["secret"], given_["timestamp"])
    assert made == vector("Jiandaoyun")["expected"]


def canonical_vector(signature: str) -> Arrival:
    given_ = vector("standard-webhooks v1 (HMAC")["inputs"]
    headers = {
        "webhook-id": given_["msg_id"],
        "webhook-timestamp": str(given_["timestamp"]),
        "webhook-signature": signature,
    }
    return Arrival(given_["payload"].encode(), datetime.fromtimestamp(given_["timestamp"], timezone.utc), headers)


def test_canonical_takes_the_published_vector_and_not_its_altered_twin() -> None:
    secret = vector("standard-webhooks v1 (HMAC")["inputs"]["secret"]
    source = registry.load("canonical")
    source.verify(canonical_vector(vector("standard-webhooks v1 (HMAC")["expected"]), [secret])
    altered = vector("standard-webhooks v1 NEGATIVE")["inputs"]["signature"]
    with pytest.raises(Unauthorized, match="No signature fits"):
        source.verify(canonical_vector(altered), [secret])


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text()
        | st.sampled_from(["v1,a", "v1,", "v1", ",", "v1a,x", "1_767_600_000", "１７６７６００００", "1e9", "-1"]),
    ),
    secret=st.text() | st.just("whsec_" + "A" * 43 + "="),
    raw=st.binary(max_size=40),
)
def test_canonical_verification_raises_unauthorized_and_nothing_else(
    headers: dict[str, str], secret: str, raw: bytes
) -> None:
    with pytest.raises(Unauthorized):
        registry.load("canonical").verify(Arrival(raw, datetime.now(timezone.utc), headers), [secret])


class TestJiandaoyunTime:
    signed_at = datetime.fromtimestamp(1498586609, timezone.utc)

    def verify(self, now: datetime, timestamp: str = "1498586609") -> None:
        given_ = vector("Jiandaoyun")["inputs"]
        headers = {"x-jdy-signature": vector("Jiandaoyun")["expected"]}
        query = {"nonce": given_["nonce"], "timestamp": timestamp}
        arrival = Arrival(given_["body"].encode(), now, headers, query)
        registry.load("jiandaoyun").verify(arrival, [given_["secret"]])

    @pytest.mark.parametrize("drift", [-300, 0, 300])
    def test_five_minutes_either_way_are_fine(self, drift: int) -> None:
        self.verify(self.signed_at + timedelta(seconds=drift))

    @pytest.mark.parametrize("drift", [-301, 301, 10**6])
    def test_more_is_out_of_the_window(self, drift: int) -> None:
        with pytest.raises(Unauthorized, match="too far from now") as refused:
            self.verify(self.signed_at + timedelta(seconds=drift))
        assert refused.value.code == "timestamp_out_of_window"

    @pytest.mark.parametrize(
        "bad", ["", "1498586609.0", " 1498586609", "１４９８５８６６０９", "0x1", "1e9", "-1", "1" * 13]
    )
    def test_a_timestamp_that_is_none_is_named(self, bad: str) -> None:
        with pytest.raises(Unauthorized, match="whole number") as refused:
            self.verify(self.signed_at, bad)
        assert refused.value.code == "timestamp_invalid"
