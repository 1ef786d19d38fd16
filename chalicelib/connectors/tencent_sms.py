"""腾讯云短信: one SendSms for all receivers of an endpoint. HTTP 200 is no success; ``Ok`` for each number is."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import timezone
from typing import Any, Final

from chalicelib.connectors import base, sms_template
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

ALGORITHM: Final = "TC3-HMAC-SHA256"
SERVICE: Final = "sms"
JSON: Final = "application/json; charset=utf-8"
SOME_REFUSED: Final = "some_refused"  # sent to some of the phones; a repetition would go to those again
_VARIABLE: Final = re.compile(r"\{([0-9]{1,2})\}")
_WAITS: Final = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.PhoneNumberOneHourLimit": 3_600.0,
    "LimitExceeded.DeliveryFrequencyLimit": 60.0,
}  # seconds; every other limit is one of a day
_UNCLEAR: Final = ("InternalError.Timeout", "InternalError.SendAndRecvFail")  # it may have gone out
_OURS: Final = ("InternalError.SigVerificationFail", "InternalError.SigFieldMissing", "InternalError.JsonParseFail",
                "InternalError.RestApiInterfaceNotExist")  # fmt: skip
_PASSING: Final = ("InternalError", "ServiceUnavailable", "ResourceInsufficient", "ResourceUnavailable",
                   "AuthFailure.SignatureExpire")  # fmt: skip


class TencentSms:
    """Numbers of one kind, of the mainland or of elsewhere. Tencent drops no repetition."""

    name = "tencent_sms"
    kind = "event"
    has_idempotency = False
    chat = False  # no contact data and no words can stand in a variable
    signs = False
    credential: str | None = None  # its limits are far above what an endpoint sends
    limits: tuple[Limit, ...] = ()
    fields: tuple[Field, ...] = (
        *sms_template.COMMON,
        Field("template_id", required=True, longest=40),
        Field("sdk_app_id", required=True, longest=40),
        Field("variables", "list", required=True, longest=20),
        sms_template.VARIABLE_LIMIT,
        Field("region", default="ap-guangzhou", longest=40, sure="unknown"),
    )
    credential_fields: tuple[Field, ...] = (
        Field("secret_id", required=True, longest=128),
        Field("secret_key", required=True, longest=128),
        sms_template.PHONES,
    )

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        sms_template.check_variables(_numbered(settings), _VARIABLE.findall(settings["template_text"]), settings)

    def validate_credentials(self, credentials: Mapping[str, str]) -> None:
        sms_template.phones(credentials, abroad=True)

    def parts(self, text: str) -> int:
        return parts_of_characters(text)

    def bill(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> int:
        """Parts that all receivers together are billed."""
        values = sms_template.filled(_numbered(settings), message, settings)
        text = _VARIABLE.sub(lambda found: values.get(found[1], ""), settings["template_text"])
        return sms_template.parts(settings, text) * len(sms_template.phones(secret.credentials, abroad=True))

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        given = secret.credentials
        if not given.get("secret_id") or not given.get("secret_key"):
            raise Invalid("The endpoint has no API key.", code="credentials_missing")
        body = base.json_bytes(
            {
                "PhoneNumberSet": list(sms_template.phones(given, abroad=True)),
                "SmsSdkAppId": str(settings["sdk_app_id"]),
                "SignName": sms_template.sign_name(settings),
                "TemplateId": str(settings["template_id"]),
                "TemplateParamSet": list(sms_template.filled(_numbered(settings), message, settings).values()),
                "SessionContext": digest("sms", message.delivery_id),
            }
        )
        url = secret.url.partition("?")[0].rstrip("/") + "/"
        timestamp = int(message.now.timestamp())
        headers = {
            "Content-Type": JSON,
            "X-TC-Action": "SendSms",
            "X-TC-Version": "2021-01-11",
            "X-TC-Region": str(settings.get("region") or "ap-guangzhou"),
            "X-TC-Timestamp": str(timestamp),
            "Authorization": authorization(
                given["secret_id"],
                given["secret_key"],
                host=sms_template.host_of(url),
                day=message.now.astimezone(timezone.utc).strftime("%Y-%m-%d"),
                timestamp=timestamp,
                body=body,
            ),
        }
        return HttpRequest("POST", url, {**secret.headers, **headers}, body)

    def outcome(self, response: HttpResponse) -> Outcome:
        by_status = base.outcome_of_status(response, permanent=True)
        if by_status.verdict != DELIVERED:
            return by_status
        answer = base.answer_of(response).get("Response")
        answer = answer if isinstance(answer, Mapping) else {}
        error = answer.get("Error")
        if isinstance(error, Mapping) and isinstance(error.get("Code"), str):
            return _refused(error["Code"])
        codes = _codes(answer.get("SendStatusSet"))
        if not codes:
            return Outcome(RETRY, UNREADABLE)
        others = [code for code in codes if code != "Ok"]
        if len(others) < len(codes):
            return Outcome(DELIVERED, SOME_REFUSED if others else "")
        refusals = [_refused(code) for code in others]
        # What may have gone out to one of them decides: it must neither be paid back nor be called unsent.
        unclear = (one for one in refusals if one.code == UNREADABLE)
        return next(unclear, next((one for one in refusals if one.verdict == RETRY), refusals[0]))


_: type[base.Connector] = TencentSms


def authorization(secret_id: str, secret_key: str, *, host: str, day: str, timestamp: int, body: bytes) -> str:
    """The ``Authorization`` of a POST of JSON to ``/``: TC3-HMAC-SHA256 of media type, host and body.

    ``day`` is that of ``timestamp`` (epoch seconds) in UTC.
    """
    signed = f"content-type:{JSON}\nhost:{host}\n"
    canonical = f"POST\n/\n\n{signed}\ncontent-type;host\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{SERVICE}/tc3_request"
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for part in (day, SERVICE, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders=content-type;host, Signature={signature}"


def _numbered(settings: Mapping[str, Any]) -> dict[str, str]:
    """The ordered variables by the number that they have in the registered text."""
    return {str(number): template for number, template in enumerate(settings["variables"], start=1)}


def _codes(statuses: object) -> Sequence[str]:
    """The code for each number; none where the answer is not the vendor's."""
    if not isinstance(statuses, list):
        return ()
    codes = [one.get("Code") for one in statuses if isinstance(one, Mapping)]
    return [code for code in codes if isinstance(code, str) and code] if len(codes) == len(statuses) else ()


def _refused(code: str) -> Outcome:
    if code in _WAITS:
        return Outcome(RETRY, "rate_limited", _WAITS[code])
    if code.startswith("RequestLimitExceeded"):
        return Outcome(RETRY, "rate_limited")
    if code in _UNCLEAR:
        return Outcome(RETRY, UNREADABLE)
    passes = code.startswith(_PASSING) and code not in _OURS
    return Outcome(RETRY if passes else FAILED, sms_template.stable(code))
