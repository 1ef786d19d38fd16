"""Every signature vector, published, recomputed and our own, against the product's code.

``signature_vectors.json`` was collected from vendors and their libraries. ``own_signature_vectors.json`` was made with
the openssl command line, apart from the product. A vector that no line here judges fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest

from chalicelib.connectors import crypto, dingtalk, feishu
from chalicelib.domain.outbound import standard_webhooks
from chalicelib.errors import Unauthorized
from chalicelib.sources import jiandaoyun, qualtrics, surveymonkey, tally, typeform, wenjuanxing

CORPORA: Final = Path(__file__).parent.parent / "fixtures" / "corpora"
Given = Mapping[str, Any]


def vectors(file: str) -> dict[str, Given]:
    return {one["name"]: one for one in json.loads((CORPORA / file).read_text(encoding="utf-8"))["vectors"]}


PUBLISHED: Final = vectors("signature_vectors.json")
OWN: Final = vectors("own_signature_vectors.json")


def standard(given: Given) -> str:
    """Signed by us, and our own check takes it and its time."""
    secret = given.get("secret") or given["secret_key"]
    body = given["payload"].encode()
    signed = standard_webhooks.sign(secret, given["msg_id"], given["timestamp"], body)
    verify(given, given.get("public_key", secret), signed)
    return signed


def verify(given: Given, secret: str, signature: str) -> None:
    headers = {
        "webhook-id": given["msg_id"],
        "webhook-timestamp": str(given["timestamp"]),
        "webhook-signature": signature,
    }
    now = datetime.fromtimestamp(given["timestamp"], timezone.utc)
    standard_webhooks.verify([secret], headers, given["payload"].encode(), now)


def rejected(given: Given) -> str:
    try:
        verify(given, given["secret"], given["signature"])
    except Unauthorized as refusal:
        return "reject" if refusal.code == "signature_invalid" else refusal.code
    return "taken"


def wx_signature(given: Given) -> str:
    return crypto.wx_signature(
        given["token"], given["timestamp"], given["nonce"], given.get("encrypt") or given["echostr"]
    )


def wx_opened(given: Given) -> list[str]:
    payload, receiver = crypto.wx_decrypt(given["encodingAesKey"], given.get("encrypt") or given["echostr"])
    return [payload.decode(), receiver]


def wx_envelope(given: Given) -> str:
    """Both ways, to the byte, and signed."""
    salt, payload = given["salt"].encode(), given["payload"].encode()
    assert crypto.wx_encrypt(given["encodingAesKey"], payload, given["receiver"], salt) == given["encrypt"]
    assert wx_opened(given) == [given["payload"], given["receiver"]]
    return wx_signature(given)


def feishu_event(given: Given) -> str:
    assert crypto.feishu_decrypt(given["encrypt_key"], given["encrypt"]).decode() == given["payload"]
    return lark(given)


def lark(given: Given) -> str:
    return crypto.feishu_signature(given["timestamp"], given["nonce"], given["encrypt_key"], given["body"].encode())


def hubspot_v3(given: Given) -> str:
    uri = given.get("url") or given["uri"]
    return crypto.hubspot_v3(
        given["client_secret"], given["method"], uri, given["body"].encode(), given["timestamp_ms"]
    )


def hubspot_v2(given: Given) -> str:
    uri = given.get("url") or given["uri"]
    return crypto.hubspot_v2(given["client_secret"], given["method"], uri, given["body"].encode())


def hubspot_v1(given: Given) -> str:
    return crypto.hubspot_v1(given["client_secret"], given["body"].encode())


def zendesk(given: Given) -> str:
    return crypto.hmac_base64(given["secret"], f"{given['timestamp']}{given['body']}".encode())


def hub(given: Given) -> str:
    return "sha256=" + crypto.hmac_hex(given["secret"], given["body"].encode())


def ding_robot(given: Given) -> str:
    return dingtalk.sign(given["secret"], int(given["timestamp_ms"]))


def feishu_robot(given: Given) -> str:
    return feishu.sign(given["secret"], given["timestamp_s"])


# Which function of the product each vector is judged with. Slack's, Jira's, octokit's and Delighted's schemes belong
# to no adapter of ours: the shared helpers, which other adapters stand on, make them.
PUBLISHED_BY: Final[Mapping[str, Callable[[Given], Any]]] = {
    "standard-webhooks v1 (HMAC-SHA256)": standard,
    "standard-webhooks v1 NEGATIVE (last char altered: must be rejected)": rejected,
    "standard-webhooks v1a (ed25519)": standard,
    "DingTalk custom robot sign": ding_robot,
    "Feishu/Lark custom bot sign": feishu_robot,
    "Feishu/Lark event body decryption (AES-256-CBC)": lambda one: crypto.feishu_decrypt(
        one["encrypt_key"], one["encrypt"]
    ).decode(),
    "Qualtrics event subscription HMAC": lambda one: qualtrics.signature(one["MSG"].encode(), one["shared_key"]),
    "DingTalk event callback msg_signature": wx_signature,
    "DingTalk event callback decryption": wx_opened,
    "WeCom callback URL verification signature": wx_signature,
    "WeCom callback echostr decryption": wx_opened,
    "HubSpot v1 (python body)": hubspot_v1,
    "HubSpot v2 POST (python body)": hubspot_v2,
    "HubSpot v2 GET": hubspot_v2,
    "HubSpot v3": hubspot_v3,
    "Slack request v0 (interactive callbacks)": lambda one: (
        "v0=" + crypto.hmac_hex(one["signing_secret"], f"v0:{one['timestamp']}:{one['body']}".encode())
    ),
    "Jira/Bitbucket X-Hub-Signature": hub,
    "octokit sha256 (plain)": hub,
    "Typeform Typeform-Signature": lambda one: typeform.signature(one["body"].encode(), one["secret"]),
    "Tally Tally-Signature": lambda one: tally.signature(one["body"].encode(), one["secret"]),
    "SurveyMonkey Sm-Signature": lambda one: surveymonkey.signature(
        one["body"].encode(), f"{one['api_key']}&{one['api_secret']}"
    ),
    "Delighted X-Delighted-Webhook-Signature": lambda one: (
        "sha256=" + crypto.hmac_hex(one["api_key"], one["body"].encode())
    ),
    "Jiandaoyun X-JDY-Signature": lambda one: jiandaoyun.signature(
        one["body"].encode(), one["nonce"], one["secret"], one["timestamp"]
    ),
    "Wenjuanxing sign (open API doc form)": lambda one: wenjuanxing.sign(
        one["activity"], one["index"], one["push_key"]
    ),
    "Wenjuanxing X-Wjx-Signature (wjx-ai-kit form)": lambda one: wenjuanxing.signature(
        one["body"].encode(), one["app_key"]
    ),
    "Zendesk X-Zendesk-Webhook-Signature": zendesk,
    "Lark event X-Lark-Signature": lark,
}
OWN_BY: Final[Mapping[str, Callable[[Given], Any]]] = {
    "standard_webhooks v1": standard,
    "standard_webhooks v1a": standard,
    "dingtalk envelope": wx_envelope,
    "wecom envelope": wx_envelope,
    "wecom envelope, a whole block of padding": wx_envelope,
    "feishu event": feishu_event,
    "hubspot v3": hubspot_v3,
    "hubspot v2": hubspot_v2,
    "hubspot v1": hubspot_v1,
    "zendesk": zendesk,
    "dingtalk robot": lambda one: unquote(ding_robot(one)),
    "feishu robot": feishu_robot,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_collected_vector_is_what_our_code_makes(name: str) -> None:
    assert PUBLISHED_BY[name](PUBLISHED[name]["inputs"]) == PUBLISHED[name]["expected"]


@pytest.mark.parametrize("name", OWN)
def test_a_vector_that_openssl_made_is_what_our_code_makes(name: str) -> None:
    assert OWN_BY[name](OWN[name]["inputs"]) == OWN[name]["expected"]


def test_every_line_judges_a_vector() -> None:
    assert set(PUBLISHED_BY) == set(PUBLISHED)
    assert len(PUBLISHED) == 27
    assert set(OWN_BY) == set(OWN)
    assert not {str(one["inputs"]) for one in OWN.values()} & {str(one["inputs"]) for one in PUBLISHED.values()}


@pytest.mark.parametrize("name", ["standard-webhooks v1 (HMAC-SHA256)", "standard-webhooks v1a (ed25519)"])
def test_an_altered_body_fits_no_published_signature(name: str) -> None:
    one = PUBLISHED[name]
    altered = {**one["inputs"], "payload": one["inputs"]["payload"] + " "}
    secret = altered.get("public_key") or altered["secret"]
    with pytest.raises(Unauthorized, match=r"^No signature fits\.$") as refusal:
        verify(altered, secret, one["expected"])
    assert refusal.value.code == "signature_invalid"
