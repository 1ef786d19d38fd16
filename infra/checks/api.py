"""Rules about the API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.checks.template import Template, rule

_API: Final = "AWS::Serverless::Api"
# A hook's path holds its token; an authoriser's fields, a query or a body could hold more.
_TELLTALE: Final = re.compile(
    r"\$context\.(path\b|requestOverride|authorizer|error\.message)|\$input|\$method|querystring"
)


def _every_method(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of /* and *; those of single methods may not weaken them, so there must be no others."""
    settings = properties.get("MethodSettings", [])
    if len(settings) == 1 and settings[0].get("ResourcePath") == "/*" and settings[0].get("HttpMethod") == "*":
        return dict(settings[0])
    return {}


@rule("R18", "throttling on every method")
def throttled(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(_API):
        settings = _every_method(properties)
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            if not template.number(settings.get(limit)):
                yield name, f"{limit} is not set on every method"


@rule("R19", "an access log that shows neither token nor content")
def access_log(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(_API):
        setting = properties.get("AccessLogSetting", {})
        group = template.target(setting.get("DestinationArn"))
        if group is None:
            yield name, "writes no access log of this template"
        else:
            kept = template.resources[group].get("Properties", {})
            if not template.number(kept.get("RetentionInDays")) or template.target(kept.get("KmsKeyId")) is None:
                yield group, "keeps the access log for ever, or not under our key"
        if "$context.status" not in setting.get("Format", "") or "$context.resourcePath" not in setting["Format"]:
            yield name, "its access log does not say what was asked and how it ended"
        if _TELLTALE.search(setting.get("Format", "")):
            yield name, "its access log would hold a hook's token or a customer's words"


@rule("R20", "a regional endpoint")
def regional(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(_API):
        endpoint = properties.get("EndpointConfiguration")
        if endpoint != "REGIONAL" and not (isinstance(endpoint, dict) and endpoint.get("Type") == "REGIONAL"):
            yield name, "its endpoint is not regional"


@rule("R26", "execution logging and data trace off")
def no_traces(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(_API):
        settings = _every_method(properties)
        if settings.get("LoggingLevel") != "OFF":
            yield name, "execution logs would hold paths, so tokens of hooks"
        if settings.get("DataTraceEnabled") is not False:
            yield name, "a data trace would hold customers' words"
