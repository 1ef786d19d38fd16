"""腾讯云短信 in memory. The contract sheet has no SMS vendor: each rule names the vendor's page that it is from."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.tencent_sms.profile import PROFILE, TEXT

HOST = "sms.tencentcloudapi.com"
NEEDED = {"PhoneNumberSet", "SmsSdkAppId", "TemplateId", "SignName", "TemplateParamSet"}
TAKEN = {*NEEDED, "SessionContext"}  # SendSms: of its parameters ours


class Target:
    """``sent``: (phone, text) of each SMS. ``refuse``: codes for the phones of the next calls."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.refuse: list[str] = []
        self.blocked: set[str] = set()  # phones over their limit of a day
        self.most_characters = 20  # template rules: as the console shows for the account

    def answer(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if (request.method, parts.netloc, parts.path, parts.query) != ("POST", HOST, "/", ""):
            return _error("InvalidAction")
        if headers.get("authorization") != _signed(headers, request.body):
            return _error("AuthFailure.SignatureFailure")
        if (headers.get("x-tc-action"), headers.get("x-tc-version")) != ("SendSms", "2021-01-11"):
            return _error("InvalidAction")
        if not headers.get("x-tc-region"):  # SendSms: the region is needed
            return _error("MissingParameter")
        return self._send(json.loads(request.body))

    def _send(self, asked: dict[str, Any]) -> HttpResponse:
        if not asked.keys() >= NEEDED:
            return _error("MissingParameter")
        if not asked.keys() <= TAKEN:
            return _error("UnknownParameter")
        phones = asked["PhoneNumberSet"]
        if len(phones) > 200:  # SendSms: at most 200 numbers
            return _error("LimitExceeded.PhoneNumberCountLimit")
        if len({phone.startswith("+86") for phone in phones}) > 1:  # SendSms: all of one kind
            return _error("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber")
        if self.refuse:
            code = self.refuse.pop(0)
            return _statuses([(phone, code) for phone in phones])
        return _statuses([(phone, self._to(phone, asked)) for phone in phones])

    def _to(self, phone: str, asked: dict[str, Any]) -> str:
        values = asked["TemplateParamSet"]
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", phone):
            return "InvalidParameterValue.IncorrectPhoneNumber"
        if asked["SignName"] != "回响":
            return "FailedOperation.SignatureIncorrectOrUnapproved"
        if asked["TemplateId"] != "100001":
            return "FailedOperation.TemplateIncorrectOrUnapproved"
        if len(values) != len(re.findall(r"\{\d+\}", TEXT)):
            return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
        if any(len(value) > self.most_characters for value in values):
            return "InvalidParameterValue.TemplateParameterLengthLimit"
        if any(re.search(r"https?:|www\.|[a-z0-9]\.[a-z]{2,}", value.lower()) for value in values):
            return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
        if phone in self.blocked:
            return "LimitExceeded.PhoneNumberDailyLimit"
        text = re.sub(r"\{(\d+)\}", lambda found: values[int(found[1]) - 1], TEXT)
        self.sent.append((phone, f"【回响】{text}"))
        return "Ok"


def _signed(headers: dict[str, str], body: bytes) -> str:
    """Signature v3, written apart from the product."""
    stamp = headers.get("x-tc-timestamp", "0")
    day = datetime.fromtimestamp(int(stamp), timezone.utc).date().isoformat()
    request = ["POST", "/", "", f"content-type:{headers.get('content-type')}", f"host:{HOST}", "", "content-type;host"]
    canonical = "\n".join([*request, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/sms/tc3_request"
    text = "\n".join(["TC3-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = hmac.digest(("TC3" + PROFILE.credentials["secret_key"]).encode(), day.encode(), "sha256")
    key = hmac.digest(hmac.digest(key, b"sms", "sha256"), b"tc3_request", "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{PROFILE.credentials['secret_id']}/{scope}"
    return f"TC3-HMAC-SHA256 Credential={credential}, SignedHeaders=content-type;host, Signature={signature}"


def _statuses(told: list[tuple[str, str]]) -> HttpResponse:
    statuses = [{"PhoneNumber": phone, "Code": code, "Message": "x", "Fee": int(code == "Ok")} for phone, code in told]
    return _json({"SendStatusSet": statuses})


def _error(code: str) -> HttpResponse:
    """Errors come with HTTP 200."""
    return _json({"Error": {"Code": code, "Message": "x"}})


def _json(response: dict[str, Any]) -> HttpResponse:
    raw = json.dumps({"Response": {**response, "RequestId": "R"}}, ensure_ascii=False).encode()
    return HttpResponse(200, {"content-type": "application/json"}, raw)
