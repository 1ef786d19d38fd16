"""阿里云短信: one SendSms for all receivers of an endpoint. HTTP 200 is no success; ``Code`` ``OK`` is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from chalicelib.connectors import base, crypto, sms_template
from chalicelib.domain.alerts.sms import parts_of_characters
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    FAILED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

ALGORITHM: Final = "ACS3-HMAC-SHA256"
_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_LIMITED: Final = "isv.BUSINESS_LIMIT_CONTROL"
_WAITS: Final = {"分钟": 60.0, "minute": 60.0, "小时": 3_600.0, "hour": 3_600.0}  # by what the limit's message says
_DAY: Final = ("天级", "day")
# Beside whatever begins with Throttling: their own trouble, or a clock or nonce that the next attempt has anew.
_PASSING: Final = frozenset(
    {"isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "SYSTEM_ERROR", "InternalError", "ServiceUnavailable",
     "SignatureNonceUsed", "InvalidTimeStamp.Expired"}
)  # fmt: skip


class AliyunSms:
    """Numbers of the Chinese mainland. Aliyun drops no repetition."""

    name = "aliyun_sms"
    kind = "event"
    has_idempotency = False
    chat = False  # no contact data and no words can stand in a variable
    signs = False
    credential: str | None = None  # its limits are far above what an endpoint sends
    limits: tuple[Limit, ...] = ()
    fields: tuple[Field, ...] = (
        *sms_template.COMMON,
        Field("template_code", required=True, longest=40),
        Field("variables", "map", required=True, longest=20),
        sms_template.VARIABLE_LIMIT,
    )
    credential_fields: tuple[Field, ...] = (
        Field("access_key_id", required=True, longest=128),
        Field("access_key_secret", required=True, longest=128),
        sms_template.PHONES,
    )

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        sms_template.check_variables(settings["variables"], _VARIABLE.findall(settings["template_text"]), settings)

    def validate_credentials(self, credentials: Mapping[str, str]) -> None:
        sms_template.phones(credentials, abroad=False)

    def parts(self, text: str) -> int:
        return parts_of_characters(text)

    def bill(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> int:
        """Parts that all receivers together are billed."""
        values = sms_template.filled(settings["variables"], message, settings)
        text = _VARIABLE.sub(lambda found: values.get(found[1], ""), settings["template_text"])
        return sms_template.parts(settings, text) * len(sms_template.phones(secret.credentials, abroad=False))

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        given = secret.credentials
        if not given.get("access_key_id") or not given.get("access_key_secret"):
            raise Invalid("The endpoint has no access key.", code="credentials_missing")
        numbers = (one.removeprefix("+86") for one in sms_template.phones(given, abroad=False))
        values = sms_template.filled(settings["variables"], message, settings)
        query = canonical_query(
            {
                "PhoneNumbers": ",".join(numbers),
                "SignName": sms_template.sign_name(settings),
                "TemplateCode": str(settings["template_code"]),
                "TemplateParam": json.dumps(values, ensure_ascii=False, separators=(",", ":")),
                "OutId": digest("sms", message.delivery_id),
            }
        )
        url = secret.url.partition("?")[0].rstrip("/")
        moment = message.now.isoformat()
        headers = headers_of(sms_template.host_of(url), message.now, digest("nonce", message.delivery_id, moment))
        signed = authorization(given["access_key_id"], given["access_key_secret"], query, headers)
        # "host" is the door's to send, from the same URL.
        sent = {name: value for name, value in headers.items() if name != "host"}
        return HttpRequest("POST", f"{url}/?{query}", {**secret.headers, **sent, "Authorization": signed}, b"")

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        code = answer.get("Code")
        by_status = base.outcome_of_status(response, permanent=True)
        if not isinstance(code, str) or not code or response.status >= 500 or response.status == 429:
            return Outcome(RETRY, UNREADABLE) if by_status.verdict == DELIVERED else by_status
        if code == "OK" and by_status.verdict == DELIVERED:
            return by_status
        if code == _LIMITED:
            return _limited(str(answer.get("Message") or "").lower())
        if code.startswith("Throttling"):
            return Outcome(RETRY, "rate_limited")
        return Outcome(RETRY if code in _PASSING else FAILED, sms_template.stable(code))


_: type[base.Connector] = AliyunSms


def headers_of(host: str, now: datetime, nonce: str) -> dict[str, str]:
    """What is signed, in the order of the names; ``content-sha256`` is that of no body."""
    return {
        "host": host,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2017-05-25",
    }


def canonical_query(values: Mapping[str, str]) -> str:
    """Sorted and percent-encoded by RFC 3986, as it is both signed and sent."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(values.items()))


def authorization(key_id: str, key_secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The ``Authorization`` of a POST to ``/`` without a body: ACS3-HMAC-SHA256 of all its headers."""
    names = sorted(headers)
    listed = ";".join(names)
    lines = [f"{name}:{headers[name]}" for name in names]
    canonical = "\n".join(["POST", "/", query, *lines, "", listed, headers["x-acs-content-sha256"]])
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = crypto.hmac_hex(key_secret, text.encode())
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={listed},Signature={signature}"


def _limited(message: str) -> Outcome:
    """A phone's limit, of a minute, an hour or a day: tomorrow is too late for what an SMS says."""
    if any(word in message for word in _DAY):
        return Outcome(FAILED, "phone_day_limit")
    return Outcome(RETRY, "rate_limited", next((wait for word, wait in _WAITS.items() if word in message), 3_600.0))
