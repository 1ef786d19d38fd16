"""Every source there is. A module is loaded when its first body comes in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from chalicelib.domain.inbound.mapping import validate_mapping
from chalicelib.domain.workspaces import fields
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid
from chalicelib.sources.base import FetchingSource, Source

SOURCES: Final = {
    "canonical": "chalicelib.sources.canonical:CanonicalSource",
    "csv": "chalicelib.sources.csv_row:CsvRow",
    "formbricks": "chalicelib.sources.formbricks:Formbricks",
    "howxm": "chalicelib.sources.howxm:Howxm",
    "jiandaoyun": "chalicelib.sources.jiandaoyun:Jiandaoyun",
    "jinshuju": "chalicelib.sources.jinshuju:Jinshuju",
    "qualtrics": "chalicelib.sources.qualtrics:Qualtrics",
    "qualtrics_workflow": "chalicelib.sources.qualtrics:QualtricsWorkflow",
    "surveymonkey": "chalicelib.sources.surveymonkey:SurveyMonkey",
    "tally": "chalicelib.sources.tally:Tally",
    "tencent_survey": "chalicelib.sources.tencent_survey:TencentSurvey",
    "transcript": "chalicelib.sources.transcript:Transcript",
    "typeform": "chalicelib.sources.typeform:Typeform",
    "wenjuanxing": "chalicelib.sources.wenjuanxing:Wenjuanxing",
    "wenjuanxing_form": "chalicelib.sources.wenjuanxing:WenjuanxingForm",
}


def load(name: str) -> Source:
    """The source of that name. Raises Invalid (``unknown_source``)."""
    if name not in SOURCES:
        raise Invalid(f"A source is one of {', '.join(SOURCES)}.", code="unknown_source", pointer="/source")
    return _made(SOURCES[name])


@cache
def _made(dotted: str) -> Source:
    module, _, attribute = dotted.partition(":")
    source: Source = getattr(import_module(module), attribute)()
    return source


def common_fields(source: Source) -> tuple[Field, ...]:
    """The settings that its connections have beside its own: what reading the vendor's API is steered with."""
    if not isinstance(source, FetchingSource):
        return ()
    common = (fields.REFETCH, fields.API_HOST, *(fields.POLL_FIELDS if source.polls else ()))
    own = {field.name for field in source.fields}  # a platform may know its hosts by name
    return tuple(field for field in common if field.name not in own)


class Catalogue:
    """What the management of connections asks about sources."""

    def signs(self, source: str) -> bool:
        """Whether the platform signs. Raises Invalid for a source that there is not."""
        return load(source).proof == "signature"

    def may_sign(self, source: str) -> bool:
        """Whether a secret that a person sets is checked although the URL alone would be proof enough."""
        return load(source).may_sign

    def secret_from(self, source: str) -> str:
        """Who makes the secret: us | vendor | vendor_later."""
        return load(source).key_made_by

    def check_mapping(self, source: str, mapping: Mapping[str, Any]) -> None:
        """Raises Invalid (``schema_violation``) with a pointer to the part that could never be read."""
        load(source).check_mapping(validate_mapping(mapping))

    def check_settings(self, source: str, settings: Mapping[str, Any]) -> None:
        """Raises Invalid (``settings_invalid``)."""
        loaded = load(source)
        fields.check_settings(settings, (*common_fields(loaded), *loaded.fields))
        loaded.check_settings(settings)

    def check_credentials(self, source: str, credentials: Mapping[str, str]) -> None:
        """Raises Invalid (``credentials_invalid``)."""
        fields.check_credentials(credentials, load(source).credential_fields)

    def check_secret(self, source: str, secret: str) -> None:
        """Raises Invalid (``secret_invalid``)."""
        load(source).check_secret(secret)

    def response_pointer(self, source: str, mapping: Mapping[str, Any]) -> str | None:
        """Where the response id is, for the hook to name the feedback that it answers."""
        pointer = {**load(source).mapping, **mapping}.get("response_id")
        return pointer if isinstance(pointer, str) else None
