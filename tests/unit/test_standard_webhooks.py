"""Signatures of Standard Webhooks, against the published vectors and against hostile headers."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.outbound.standard_webhooks import check_signing, sign, signing_key, verify
from chalicelib.errors import Invalid, Unauthorized

VECTORS = json.loads((Path(__file__).parent.parent / "fixtures/corpora/signature_vectors.json").read_text())["vectors"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
STAMP = int(NOW.timestamp())
BODY = b'{"type":"ticket.status_changed"}'


def headers(**changes: str) -> dict[str, str]:
    values = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(STAMP),
        "webhook-signature": sign(SECRET, "msg_1", STAMP, BODY),
    }
    return {**values, **{name.replace("_", "-"): value for name, value in changes.items()}}


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["name"].startswith("standard-webhooks v1 ")])
def test_the_published_vectors_hold(vector: dict[str, object]) -> None:
    given_ = vector["inputs"]
    assert isinstance(given_, dict)
    body = given_["payload"].encode()
    signature = sign(given_["secret"], given_["msg_id"], given_["timestamp"], body)
    assert (signature == given_.get("signature", signature)) is (vector["expected"] != "reject")
    if vector["expected"] != "reject":
        assert signature == vector["expected"]


def test_the_prefix_of_a_secret_makes_no_difference() -> None:
    assert sign(SECRET, "m", 1, b"x") == sign(SECRET.removeprefix("whsec_"), "m", 1, b"x")


@given(st.binary(max_size=200))
def test_what_was_signed_fits(body: bytes) -> None:
    verify([SECRET], headers(webhook_signature=sign(SECRET, "msg_1", STAMP, body)), body, NOW)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_one_turned_bit_does_not_fit(body: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    turned = bytearray(body)
    turned[bit // 8] ^= 1 << bit % 8
    given_ = headers(webhook_signature=sign(SECRET, "msg_1", STAMP, body))
    _refused(given_, "signature_invalid", "No signature fits.", body=bytes(turned))


def test_both_secrets_of_a_rotation_fit_and_names_come_in_any_case() -> None:
    given_ = {name.title(): value for name, value in headers().items()}
    verify([OTHER, SECRET], given_, BODY, NOW)


def test_one_fitting_signature_among_several_is_enough() -> None:
    verify([SECRET], headers(webhook_signature=f"v1,AAAA v9,x {headers()['webhook-signature']}"), BODY, NOW)


def test_more_than_ten_signatures_are_not_looked_at() -> None:
    many = " ".join(["v1,AAAA"] * 10 + [headers()["webhook-signature"]])
    _refused(headers(webhook_signature=many), "signature_invalid", "No signature fits.")


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named_as_such(missing: str) -> None:
    left = {name: value for name, value in headers().items() if name != missing}
    _refused(left, "signature_missing", "The Standard Webhooks headers are missing.")


@pytest.mark.parametrize("msg_id", ["", " ", "消息", "a.b", "a\n", "x" * 257])
def test_a_message_id_that_could_be_ambiguous_is_refused(msg_id: str) -> None:
    expected = "The message id is not 1 to 256 plain characters without a dot."
    _refused(headers(webhook_id=msg_id), "message_id_invalid", expected)


@pytest.mark.parametrize("stamp", ["", " 1", "1.5", "1e9", "nan", "-1", "1_000", "１７", "0x66", "9" * 16, "1\n"])
def test_a_timestamp_that_is_no_plain_number_is_refused(stamp: str) -> None:
    _refused(headers(webhook_timestamp=stamp), "timestamp_invalid", "The timestamp is not a whole number of seconds.")


@pytest.mark.parametrize("off", [-301, 301, 10**12])
def test_a_timestamp_outside_of_the_window_is_refused(off: int) -> None:
    stamp = STAMP + off
    signed = headers(webhook_timestamp=str(stamp), webhook_signature=sign(SECRET, "msg_1", stamp, BODY))
    _refused(signed, "timestamp_out_of_window", "The timestamp is too far from now.")


@pytest.mark.parametrize("off", [-300, 300])
def test_the_ends_of_the_window_are_inside(off: int) -> None:
    verify([SECRET], headers(), BODY, NOW + timedelta(seconds=off))


def test_without_a_usable_secret_nothing_fits() -> None:
    _refused(headers(), "signature_invalid", "No signature fits.", secrets=[])
    _refused(headers(), "signature_invalid", "No signature fits.", secrets=["whsec_", "no base64!", "ü"])


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"]), st.text(max_size=30)
    )
)
def test_no_headers_raise_anything_but_unauthorized(hostile: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        verify([SECRET], {**headers(webhook_signature="v1,"), **hostile}, BODY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "no base64!", "秘密", "whsec_abc"])
def test_a_secret_that_cannot_sign_is_refused_when_it_is_given(secret: str) -> None:
    with pytest.raises(Invalid, match=r"^The secret is not base64\.$") as refusal:
        signing_key(secret)
    assert refusal.value.code == "secret_invalid"


def _refused(
    given_: dict[str, str], code: str, message: str, *, body: bytes = BODY, secrets: list[str] | None = None
) -> None:
    with pytest.raises(Unauthorized) as refusal:
        verify([SECRET] if secrets is None else secrets, given_, body, NOW)
    assert (refusal.value.code, refusal.value.message) == (code, message)


# --- v1a: ed25519 -------------------------------------------------------------------------------------------------

PAIR = next(one for one in VECTORS if "v1a" in one["name"])["inputs"]
PRIVATE, PUBLIC = PAIR["secret_key"], PAIR["public_key"]
STRANGER = "whpk_" + base64.b64encode(bytes(range(32))).decode()


def signed_by_key(body: bytes = BODY) -> dict[str, str]:
    return headers(webhook_signature=sign(PRIVATE, "msg_1", STAMP, body))


def test_a_private_key_signs_and_its_public_half_verifies() -> None:
    assert signed_by_key()["webhook-signature"].startswith("v1a,")
    verify([PUBLIC], signed_by_key(), BODY, NOW)
    verify([STRANGER, SECRET, PUBLIC], signed_by_key(), BODY, NOW)


def test_both_forms_beside_each_other_fit_by_either() -> None:
    both = headers(webhook_signature=f"{sign(PRIVATE, 'msg_1', STAMP, BODY)} {sign(SECRET, 'msg_1', STAMP, BODY)}")
    verify([SECRET], both, BODY, NOW)
    verify([PUBLIC], both, BODY, NOW)


@pytest.mark.parametrize("secret", [STRANGER, SECRET, PRIVATE, "whpk_", "whpk_AAAA", "whpk_" + "A" * 44, "whsk_ä"])
def test_another_key_does_not_fit_what_a_private_key_signed(secret: str) -> None:
    _refused(signed_by_key(), "signature_invalid", "No signature fits.", secrets=[secret])


def test_an_altered_body_does_not_fit_a_private_keys_signature() -> None:
    _refused(signed_by_key(), "signature_invalid", "No signature fits.", secrets=[PUBLIC], body=BODY + b" ")


def test_a_public_key_is_no_shared_secret() -> None:
    """Whoever knows the public key must not be able to sign with its bytes as a shared one."""
    shared = "whsec_" + PUBLIC.removeprefix("whpk_")
    forged = headers(webhook_signature=sign(shared, "msg_1", STAMP, BODY))
    _refused(forged, "signature_invalid", "No signature fits.", secrets=[PUBLIC])


@pytest.mark.parametrize(
    "entry", ["v1a,", "v1a,====", "v1a," + "A" * 86 + "==", "v1a", "v1a,\ud800", "v1a," + "A" * 9_000]
)
def test_a_broken_ed25519_entry_does_not_fit(entry: str) -> None:
    _refused(headers(webhook_signature=entry), "signature_invalid", "No signature fits.", secrets=[PUBLIC])


@pytest.mark.parametrize("secret", [SECRET, PRIVATE])
def test_what_we_can_sign_with_is_taken_as_a_secret(secret: str) -> None:
    check_signing(secret)


@pytest.mark.parametrize(
    "secret", [PUBLIC, "whsk_AAAA", "whsk_" + base64.b64encode(bytes(64)).decode(), "whsec_AAAA", "c2hvcnQ="]
)
def test_what_we_cannot_sign_with_is_not(secret: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_signing(secret)
    assert (refusal.value.code, refusal.value.pointer) == ("secret_invalid", "/secret")
