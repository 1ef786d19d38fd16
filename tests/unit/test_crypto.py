"""What proves a callback: envelopes and time windows, under garbage too. For vectors see test_signature_vectors.py."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import crypto
from chalicelib.errors import Unauthorized

NOW: Final = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
SECONDS: Final = int(NOW.timestamp())
AES_KEY: Final = base64.b64encode(bytes(range(32))).decode().rstrip("=")
TEXT: Final = st.text(max_size=60)
ENCODED: Final = st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode())


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(Unauthorized) as refusal:
        call()
    return refusal.value.code


@given(payload=st.binary(max_size=100), receiver=st.text(st.characters(codec="utf-8"), max_size=30))
def test_an_envelope_opens_to_what_went_in(payload: bytes, receiver: str) -> None:
    assert crypto.wx_decrypt(AES_KEY, crypto.wx_encrypt(AES_KEY, payload, receiver)) == (payload, receiver)


def test_two_envelopes_of_one_payload_differ() -> None:
    assert crypto.wx_encrypt(AES_KEY, b"success", "ding") != crypto.wx_encrypt(AES_KEY, b"success", "ding")


@given(key=TEXT | st.just(AES_KEY), sealed=TEXT | ENCODED)
def test_a_broken_envelope_is_a_wrong_signature_and_nothing_else(key: str, sealed: str) -> None:
    assert code_of(lambda: crypto.wx_decrypt(key, sealed)) == "signature_invalid"


@pytest.mark.parametrize("blocks", range(1, 6))
@pytest.mark.parametrize("last", [0, 1, 16, 32, 33, 255])
def test_no_padding_is_told_from_another(blocks: int, last: int) -> None:
    key = base64.b64decode(AES_KEY + "=")
    plain = bytes(32 * blocks - 1) + bytes([last])
    sealed = base64.b64encode(crypto._aes_cbc(key, key[:16], plain, decrypt=False)).decode()
    if last == 1 and blocks > 0:  # the one padding here that is right: an empty payload of nobody
        assert crypto.wx_decrypt(AES_KEY, sealed)[0] == b""
        return
    with pytest.raises(Unauthorized, match=r"^No signature fits\.$"):
        crypto.wx_decrypt(AES_KEY, sealed)


def test_a_length_past_the_end_is_refused() -> None:
    key = base64.b64decode(AES_KEY + "=")
    plain = bytes(16) + (1 << 31).to_bytes(4, "big") + b"short"
    room = 32 - len(plain) % 32
    sealed = base64.b64encode(crypto._aes_cbc(key, key[:16], plain + bytes([room]) * room, decrypt=False)).decode()
    assert code_of(lambda: crypto.wx_decrypt(AES_KEY, sealed)) == "signature_invalid"


@given(key=TEXT, sealed=TEXT | ENCODED)
def test_garbage_for_feishu_opens_to_bytes_or_is_refused(key: str, sealed: str) -> None:
    try:
        assert isinstance(crypto.feishu_decrypt(key, sealed), bytes)
    except Unauthorized as refusal:
        assert (refusal.code, refusal.message) == ("signature_invalid", "No signature fits.")  # noqa: PT017


def query(**changes: str | None) -> dict[str, str]:
    """Signed rightly unless changed."""
    fields = {"timestamp": str(SECONDS), "nonce": "n", **changes}
    signature = crypto.wx_signature("token", fields["timestamp"] or "", fields["nonce"] or "", "sealed")
    return {name: value for name, value in {"msg_signature": signature, **fields}.items() if value is not None}


def test_a_signed_envelope_passes() -> None:
    crypto.wx_check("token", query(), "sealed", NOW)
    crypto.wx_check("token", query(timestamp=f"{SECONDS}123"), "sealed", NOW, per_second=1000)


@pytest.mark.parametrize(
    ("token", "changes", "code"),
    [
        ("token", {"msg_signature": None}, "signature_missing"),
        ("token", {"timestamp": None}, "signature_missing"),
        ("token", {"nonce": ""}, "signature_missing"),
        ("token", {"msg_signature": "0" * 40}, "signature_invalid"),
        ("other", {}, "signature_invalid"),
        ("", {}, "signature_invalid"),
        ("token", {"timestamp": "soon"}, "timestamp_invalid"),
        ("token", {"timestamp": "１７９３５２００００"}, "timestamp_invalid"),
        ("token", {"timestamp": str(SECONDS - 301)}, "timestamp_out_of_window"),
        ("token", {"timestamp": str(SECONDS + 301)}, "timestamp_out_of_window"),
    ],
)
def test_an_envelope_is_refused_with_its_code(token: str, changes: dict[str, str | None], code: str) -> None:
    assert code_of(lambda: crypto.wx_check(token, query(**changes), "sealed", NOW)) == code


def test_an_endpoint_without_a_token_is_open_to_nobody() -> None:
    forged = crypto.wx_signature("", str(SECONDS), "n", "sealed")
    assert code_of(lambda: crypto.wx_check("", query(msg_signature=forged), "sealed", NOW)) == "signature_invalid"


@pytest.mark.parametrize("moment", [NOW - timedelta(seconds=300), NOW + timedelta(seconds=300)])
def test_five_minutes_either_way_are_near_enough(moment: datetime) -> None:
    crypto.check_moment(moment.isoformat(), NOW)
    crypto.check_seconds(str(int(moment.timestamp())), NOW)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "signature_missing"),
        ("", "signature_missing"),
        ("2026-11-01", "timestamp_invalid"),
        ("2026-11-01T08:00:00", "timestamp_invalid"),
        ("2026-11-01T08:05:01Z", "timestamp_out_of_window"),
        ("2026-11-01T07:54:59Z", "timestamp_out_of_window"),
    ],
)
def test_a_moment_is_refused_with_its_code(text: str | None, code: str) -> None:
    assert code_of(lambda: crypto.check_moment(text, NOW)) == code


@given(text=TEXT)
def test_no_text_is_a_time_that_breaks_us(text: str) -> None:
    for check in (crypto.check_moment, crypto.check_seconds):
        try:
            check(text, NOW)
        except Unauthorized as refusal:
            assert refusal.code in ("signature_missing", "timestamp_invalid", "timestamp_out_of_window")  # noqa: PT017


@given(one=TEXT | st.just("\ud800"), other=TEXT | st.none() | st.just("\ud800"))
def test_texts_of_any_kind_are_compared(one: str, other: str | None) -> None:
    assert crypto.same(one, other) == bool(one and one == other)


# --- bodies that hold an envelope ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b'{"encrypt":"abc"}',
        b' {"Encrypt":"abc","more":1}',
        b"<xml><Encrypt><![CDATA[abc]]></Encrypt><AgentID>1</AgentID></xml>",
        b'<?xml version="1.0" encoding="UTF-8"?><xml><Encrypt>abc</Encrypt></xml>',
    ],
)
def test_the_encrypted_text_is_found_in_json_and_in_xml(body: bytes) -> None:
    assert crypto.wx_envelope(body, {"msg_signature": "x"}) == "abc"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "signature_invalid"),
        (b"[]", "signature_invalid"),
        (b"{}", "signature_missing"),
        (b'{"encrypt":{"a":1}}', "signature_missing"),
        (b"<xml><Other>1</Other></xml>", "signature_missing"),
        (b"<xml><Encrypt>", "signature_invalid"),
        ("<xml><Encrypt>abc</Encrypt></xml>".encode("utf-16"), "signature_invalid"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///x">]><xml><Encrypt>&e;</Encrypt></xml>', "signature_invalid"),
        (b"<!doctype x><xml><Encrypt>abc</Encrypt></xml>", "signature_invalid"),
        (b"<xml><Encrypt>&undeclared;</Encrypt></xml>", "signature_invalid"),
        (b'{"encrypt":' * 5_000, "signature_invalid"),
    ],
)
def test_a_body_without_one_is_refused(body: bytes, code: str) -> None:
    assert code_of(lambda: crypto.wx_envelope(body, {"msg_signature": "x"})) == code


def test_a_body_whose_query_is_not_signed_is_not_looked_at() -> None:
    assert code_of(lambda: crypto.wx_envelope(b"<!DOCTYPE x><xml>", {})) == "signature_missing"


@given(
    body=st.binary(max_size=80) | st.text(max_size=60).map(lambda text: f"<xml>{text}</xml>".encode("utf-8", "replace"))
)
def test_no_body_raises_anything_but_unauthorized(body: bytes) -> None:
    assert code_of(lambda: crypto.wx_envelope(body, {"msg_signature": "x"})) in (
        "signature_invalid",
        "signature_missing",
    )


# --- HubSpot's URI ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("called", "signed"),
    [
        ("https://a.example/cb", "https://a.example/cb"),
        ("https://a.example/cb?u=a%3Ab%2fc%3Fd%40e", "https://a.example/cb?u=a:b/c?d@e"),
        ("https://a.example/cb?q=%21%24%27%28%29%2A%2C%3B", "https://a.example/cb?q=!$'()*,;"),
        ("https://a.example/cb?q=%E5%B7%AE%20%26%3D%25", "https://a.example/cb?q=%E5%B7%AE%20%26%3D%25"),
        ("https://a.example/cb?q=%252F", "https://a.example/cb?q=%252F"),
    ],
)
def test_twelve_escapes_are_signed_plain_and_no_other(called: str, signed: str) -> None:
    assert crypto.hubspot_uri(called) == signed
