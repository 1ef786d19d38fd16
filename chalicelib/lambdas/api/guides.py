"""What a page needs to connect something: the adapter's own declarations beside what its guide says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.connectors import registry as connector_registry
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.fields import Field
from chalicelib.guides import book
from chalicelib.sources import registry as source_registry

Json = dict[str, Any]

_LISTS: Final = ("before_you_start", "steps", "expect", "limits", "not_sure")


def sources(lang: str | None) -> list[Json]:
    """Every source in one line each."""
    return [book.spoken(_source_line(name), lang) for name in source_registry.SOURCES]


def source(name: str, lang: str | None) -> Json:
    """One source with its guide. Raises NotFound."""
    if name not in source_registry.SOURCES:
        raise nowhere()
    one = source_registry.load(name)
    guide = book.guide(book.SOURCES, name)
    shown = {
        **_source_line(name),
        **_body(guide, one, source_registry.common_fields(one)),
        "hook": _way_in(("POST", *one.probes), one.content_types),
        "mapping": dict(one.mapping),
    }
    return dict(book.spoken(shown, lang))


def connectors(lang: str | None) -> list[Json]:
    """Every connector in one line each."""
    return [book.spoken(_connector_line(name), lang) for name in connector_registry.CONNECTORS]


def connector(name: str, lang: str | None) -> Json:
    """One connector with its guide. Raises NotFound."""
    if name not in connector_registry.CONNECTORS:
        raise nowhere()
    one = connector_registry.load(name)
    guide = book.guide(book.CONNECTORS, name)
    reader = connector_registry.callback_reader(name)
    shown = {
        **_connector_line(name),
        **_body(guide, one, connector_registry.common_fields(one)),
        "url": guide["url"],
        "events": list(connector_registry.taken(one)),
        "rates": [{"count": limit.count, "seconds": limit.seconds} for limit in one.limits],
        "idempotent": one.has_idempotency,
        "searches": bool(getattr(one, "searches", False)),
        "makes_secret": one.signs,
        "callback": None if reader is None else _way_in(reader.methods, reader.content_types),
    }
    return dict(book.spoken(shown, lang))


def _source_line(name: str) -> Json:
    one = source_registry.load(name)
    return {
        **_line(name, book.guide(book.SOURCES, name)),
        "proof": one.proof,
        "secret_from": one.key_made_by if one.proof == "signature" or one.may_sign else None,
        "fetches": one.fetches,
        "polls": one.polls,
    }


def _connector_line(name: str) -> Json:
    one = connector_registry.load(name)
    return {**_line(name, book.guide(book.CONNECTORS, name)), "kind": one.kind, "chat": one.chat}


def _line(name: str, guide: Mapping[str, Any]) -> Json:
    return {"name": name, "title": guide["title"], "summary": guide["summary"]}


def _body(guide: Mapping[str, Any], adapter: Any, common: Sequence[Field]) -> Json:
    """The guide's lists, and every field with what is said of it."""
    return {
        **{part: guide[part] for part in _LISTS},
        "secret": guide.get("secret"),
        "fields": [_field(one, guide["fields"]) for one in adapter.fields],
        "common_fields": [_field(one, book.common()) for one in common],
        "credential_fields": [_field(one, guide["fields"]) for one in adapter.credential_fields],
    }


def _field(field: Field, told: Mapping[str, Any]) -> Json:
    words = told[field.name]
    labels = words.get("choices", {})
    return {
        "name": field.name,
        "label": words["label"],
        "help": words["help"],
        "kind": field.kind,
        "required": field.required,
        "choices": [{"value": choice, "label": labels.get(choice)} for choice in field.choices],
        "default": field.default,
        "longest": field.longest,
        "least": field.least,
        "most": field.most,
        "sure": field.sure,
    }


def _way_in(methods: Sequence[str], content_types: Sequence[str]) -> Json:
    return {"methods": list(methods), "content_types": list(content_types)}
