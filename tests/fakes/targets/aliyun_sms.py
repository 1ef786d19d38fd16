"""阿里云短信 in memory. The contract sheet has no SMS vendor: each rule names the vendor's page that it is from."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.aliyun_sms.profile import PROFILE, TEXT

HOST = "dysmsapi.aliyuncs.com"  # SendSms: the global endpoint
SIGNED = ("host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version")
TAKEN = {"PhoneNumbers", "SignName", "TemplateCode", "TemplateParam", "OutId"}  # SendSms: of its parameters ours


class Target:
    """``sent``: (phone, text) of each SMS. ``refuse``: codes that the next calls are answered with."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.refuse: list[tuple[str, str]] = []
        self.nonces: set[str] = set()
        self.most_characters = 20  # variable rules: by kind of variable

    def answer(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        headers = {"host": parts.netloc, **{name.lower(): value for name, value in request.headers.items()}}
        if (request.method, parts.netloc, parts.path, request.body) != ("POST", HOST, "/", b""):
            return _json(404, "InvalidAction.NotFound")
        # Request syntax V3: every header that begins with x-acs- and the host are signed.
        if headers.get("authorization") != self._signed(parts.query, headers):
            return _json(400, "SignatureDoesNotMatch")
        if (headers["x-acs-action"], headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
            return _json(404, "InvalidAction.NotFound")
        if headers["x-acs-signature-nonce"] in self.nonces:  # V3: against replays
            return _json(400, "SignatureNonceUsed")
        self.nonces.add(headers["x-acs-signature-nonce"])
        if self.refuse:
            return _json(200, *self.refuse.pop(0))
        return self._send(dict(parse_qsl(parts.query, strict_parsing=True)))

    def _signed(self, query: str, headers: dict[str, str]) -> str:
        """Written apart from the product: canonical request, its hash, HMAC-SHA256, hex."""
        pairs = sorted(parse_qsl(query, keep_blank_values=True))
        canonical_query = "&".join(f"{quote(key, safe='-_.~')}={quote(value, safe='-_.~')}" for key, value in pairs)
        canonical = f"POST\n/\n{canonical_query}\n"
        for name in SIGNED:
            canonical += f"{name}:{headers.get(name, '').strip()}\n"
        canonical += f"\n{';'.join(SIGNED)}\n{hashlib.sha256().hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = PROFILE.credentials["access_key_secret"].encode()
        signature = hmac.new(key, f"ACS3-HMAC-SHA256\n{digest}".encode(), "sha256").hexdigest()
        listed, key_id = ";".join(SIGNED), PROFILE.credentials["access_key_id"]
        return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={listed},Signature={signature}"

    def _send(self, asked: dict[str, str]) -> HttpResponse:
        if not asked.keys() <= TAKEN:
            return _json(400, "InvalidParameter")
        phones = asked["PhoneNumbers"].split(",")
        if len(phones) > 1_000:  # SendSms: at most 1,000 numbers
            return _json(200, "isv.MOBILE_COUNT_OVER_LIMIT")
        if not all(re.fullmatch("1[3-9][0-9]{9}", phone) for phone in phones):
            return _json(200, "isv.MOBILE_NUMBER_ILLEGAL")
        if asked["SignName"] != "回响":
            return _json(200, "isv.SMS_SIGNATURE_ILLEGAL")
        if asked["TemplateCode"] != "SMS_100000001":
            return _json(200, "isv.SMS_TEMPLATE_ILLEGAL")
        values = json.loads(asked["TemplateParam"])
        refusal = self._refusal(values)
        if refusal:
            return _json(200, refusal)
        text = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], TEXT)
        self.sent += [(phone, f"【回响】{text}") for phone in phones]
        return _json(200, "OK", "OK")

    def _refusal(self, values: Any) -> str | None:
        """Error codes of the domestic API: what is wrong with the variables."""
        if not all(isinstance(value, str) for value in values.values()):
            return "isv.INVALID_JSON_PARAM"
        if set(re.findall(r"\$\{(\w+)\}", TEXT)) - set(values) or not all(values.values()):
            return "isv.TEMPLATE_MISSING_PARAMETERS"
        if any(re.search(r"https?:|www\.|[a-z0-9]\.[a-z]{2,}", value.lower()) for value in values.values()):
            return "isv.PARAM_NOT_SUPPORT_URL"
        if any(len(value) > self.most_characters for value in values.values()):
            return "isv.PARAM_LENGTH_LIMIT"
        return None


def _json(status: int, code: str, message: str = "x") -> HttpResponse:
    body = {"Code": code, "Message": message, "RequestId": "R", **({"BizId": "1^0"} if code == "OK" else {})}
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body, ensure_ascii=False).encode())
