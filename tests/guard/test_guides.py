"""Every adapter has a guide that explains each thing to fill in, in both languages, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connectors import registry as connectors
from chalicelib.domain.workspaces import fields
from chalicelib.domain.workspaces.fields import KINDS, SURE, Field
from chalicelib.guides import book
from chalicelib.sources import registry as sources

FOLDER = Path(book.__file__).parent
LISTS = ("before_you_start", "steps", "expect", "limits", "not_sure")
FILLED = {"label", "help"}
ADAPTERS = [
    *(pytest.param(book.SOURCES, name, id=f"source-{name}") for name in sources.SOURCES),
    *(pytest.param(book.CONNECTORS, name, id=f"connector-{name}") for name in connectors.CONNECTORS),
]
COMMON = (*connectors.COMMON, fields.REFETCH, fields.API_HOST, *fields.POLL_FIELDS)
each_adapter = pytest.mark.parametrize(("folder", "name"), ADAPTERS)


def adapter(folder: str, name: str) -> Any:
    return sources.load(name) if folder == book.SOURCES else connectors.load(name)


def declared(folder: str, name: str) -> tuple[Field, ...]:
    one = adapter(folder, name)
    return (*one.fields, *one.credential_fields)


def texts(value: Any) -> Iterator[Mapping[str, str]]:
    """Every text of a guide, a mapping of its languages."""
    if isinstance(value, Mapping) and any(isinstance(value.get(lang), str) for lang in book.LANGUAGES):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from texts(entry)


def check_texts(guide: Any) -> None:
    for text in texts(guide):
        assert set(text) == set(book.LANGUAGES), text
        assert all(entry.strip() == entry and entry for entry in text.values()), text
        assert re.search("[一-鿿]", text["zh-CN"]) or text["zh-CN"] == text["en"], f"not Chinese: {text}"
        assert not re.search("[一-鿿]{5,}", text["en"]), f"not English: {text}"
        names = [set(re.findall(r"\{(\w*)\}", entry)) for entry in text.values()]
        assert names[0] == names[1] <= {"hook_url", "callback_url"}, text


def check_fields(told: Mapping[str, Any], known: tuple[Field, ...]) -> None:
    assert set(told) == {field.name for field in known}
    for field in known:
        words = told[field.name]
        assert FILLED <= set(words) <= FILLED | {"choices"}, field.name
        for part in ("label", "help", *words.get("choices", ())):
            assert set(words.get(part) or words["choices"][part]) == set(book.LANGUAGES), (field.name, part)
        assert set(words.get("choices", field.choices)) == set(field.choices), field.name


@each_adapter
def test_a_guide_names_every_setting_and_credential_and_nothing_else(folder: str, name: str) -> None:
    guide = book.guide(folder, name)
    check_fields(guide["fields"], declared(folder, name))


@each_adapter
def test_a_guide_has_all_its_parts_in_both_languages(folder: str, name: str) -> None:
    guide = book.guide(folder, name)
    parts = {"title", "summary", *LISTS, "fields"} | ({"url"} if folder == book.CONNECTORS else set())
    assert parts <= set(guide) <= parts | {"secret"}
    assert all(isinstance(guide[part], list) for part in LISTS)
    assert guide["steps"]
    assert guide["expect"]
    assert guide["limits"]
    for part in LISTS:
        assert [set(text) for text in guide[part]] == [set(book.LANGUAGES)] * len(guide[part]), part
    for part in {"url", "secret"} & set(guide):
        assert set(guide[part]) == FILLED
    check_texts(guide)


@each_adapter
def test_a_guide_tells_where_the_urls_go_and_what_nobody_is_sure_of(folder: str, name: str) -> None:
    guide, one = book.guide(folder, name), adapter(folder, name)
    steps = str(guide["steps"])
    if folder == book.SOURCES:
        assert "{callback_url}" not in steps
        assert ("secret" in guide) == (one.proof == "signature" or one.may_sign)
    else:
        assert ("{callback_url}" in steps) == (getattr(one, "callback", None) is not None)
        assert "{hook_url}" not in steps
    if any(field.sure in ("recalled", "unknown") for field in declared(folder, name)):
        assert guide["not_sure"], "a field is not documented: say so"


@each_adapter
def test_fields_are_declared_so_that_a_form_can_be_built(folder: str, name: str) -> None:
    one, known = adapter(folder, name), declared(folder, name)
    names = [field.name for field in known]
    assert len(set(names)) == len(names), "settings and credentials have different names"
    # A source may declare the host of its API more narrowly than all others do.
    assert not set(names) & ({field.name for field in COMMON} - {"api_host"}), "a common setting is declared once"
    for field in known:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", field.name)
        assert field.kind in KINDS
        assert field.sure in SURE
        assert bool(field.choices) == (field.kind == "choice"), field.name
    assert all(field.kind == "text" and field.default is None for field in one.credential_fields)
    fields.check_settings({}, tuple(field for field in one.fields if not field.required))
    defaults = {field.name: field.default for field in one.fields if field.default is not None}
    defaults = {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
    fields.check_settings(defaults, tuple(field for field in one.fields if field.name in defaults))


def test_what_adapters_share_is_explained_once() -> None:
    check_fields(book.common(), COMMON)
    check_texts(book.common())


def test_no_guide_lies_around_without_its_adapter() -> None:
    assert {path.stem for path in (FOLDER / book.SOURCES).iterdir()} == set(sources.SOURCES)
    assert {path.stem for path in (FOLDER / book.CONNECTORS).iterdir()} == set(connectors.CONNECTORS)
