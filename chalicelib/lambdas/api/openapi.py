"""The API as an OpenAPI 3.1 document: made from the route table and the models, so it cannot drift from them.

A route without an entry in its room's ``operations.py`` is a KeyError, and a test asks for the document.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from chalicelib.lambdas.api.alerts.operations import OPERATIONS as ALERTS
from chalicelib.lambdas.api.answers import Document, Health, Problem
from chalicelib.lambdas.api.cases.operations import OPERATIONS as CASES
from chalicelib.lambdas.api.contact.operations import OPERATIONS as CONTACT
from chalicelib.lambdas.api.inbound.operations import OPERATIONS as INBOUND
from chalicelib.lambdas.api.issues.operations import OPERATIONS as ISSUES
from chalicelib.lambdas.api.operation import HTML, IN_BODY, Operation
from chalicelib.lambdas.api.outbound.operations import OPERATIONS as OUTBOUND
from chalicelib.lambdas.api.page.operations import OPERATIONS as PAGE
from chalicelib.lambdas.api.reading.operations import OPERATIONS as READING
from chalicelib.lambdas.api.rehearsal.operations import OPERATIONS as REHEARSAL
from chalicelib.lambdas.api.reports.operations import OPERATIONS as REPORTS
from chalicelib.lambdas.api.schemas import Nothing, Query
from chalicelib.lambdas.api.verification.operations import OPERATIONS as VERIFICATION
from chalicelib.lambdas.api.workspaces.operations import OPERATIONS as WORKSPACES

Json = dict[str, Any]

_MAY_BE_EMPTY: Final = ("check_organisation",)  # a body is taken and none is needed
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = "application/problem+json"
_ROOM: Final = re.compile(r"(?<=lambdas\.api\.)\w+\.(?:[a-z]+_)?(?=(?:schemas|answers)\.)")
_BEHIND_A_KEY: Final[Mapping[int, tuple[str, ...]]] = {401: ("unauthorized",), 403: ("forbidden",)}
_NOWHERE: Final[Mapping[int, tuple[str, ...]]] = {404: ("not_found",)}
_BUSY: Final[Mapping[int, tuple[str, ...]]] = {503: ("temporarily_unavailable",)}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "health": Operation(Health, query=None, key=False),
    "openapi": Operation(Document, query=None, key=False),
    **ALERTS,
    **CASES,
    **CONTACT,
    **INBOUND,
    **ISSUES,
    **OUTBOUND,
    **PAGE,
    **READING,
    **REHEARSAL,
    **REPORTS,
    **VERIFICATION,
    **WORKSPACES,
}


class _Names(GenerateJsonSchema):
    """Two models of one name are told apart by what they are, taken or answered, and not by their rooms."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(_ROOM.sub("", name))


def document(routes: Mapping[str, Mapping[str, Any]], base_url: str) -> Json:
    """``routes`` is Chalice's table: path → method → entry with its ``view_function``."""
    names, components = _components()
    paths = {
        path: {
            method.lower(): _operation(path, operation_id(by_method, method), entry.view_function, names)
            for method, entry in by_method.items()
        }
        for path, by_method in sorted(routes.items())
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Echoloop", "version": "1", "description": "A customer-experience loop over HTTP."},
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ek_…"}},
        },
    }


def operation_id(by_method: Mapping[str, Any], method: str) -> str:
    """The view's name, with the method where one view serves several."""
    view = by_method[method].view_function
    alone = sum(entry.view_function is view for entry in by_method.values()) == 1
    return str(view.__name__) if alone else f"{view.__name__}_{method.lower()}"


def _components() -> tuple[Mapping[type[BaseModel], str], Json]:
    """The name of each model, and all schemas under those names."""
    models = dict.fromkeys(
        model for one in OPERATIONS.values() for model in (one.body, one.answer, Problem) if model is not None
    )
    found, top = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF, schema_generator=_Names
    )
    names = {model: str(found[model, "validation"]["$ref"]).rpartition("/")[2] for model in models}
    return names, top["$defs"]


def _operation(path: str, name: str, view: Callable[..., Any], names: Mapping[type[BaseModel], str]) -> Json:
    one = OPERATIONS[name]
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition(". ")
    described: Json = {
        "operationId": name,
        "summary": summary.rstrip("."),
        "parameters": [*_path_parameters(path), *(_query_parameters(one.query) if one.query else [])],
        "responses": {str(one.status): _done(one, names), **_errors(path, one, names), **_pages(one)},
        "security": [{"key": []}] if one.key else [],
    }
    if rest:
        described["description"] = rest
    if one.body is not None or one.takes:
        described["requestBody"] = {
            "required": one.body is not Nothing and name not in _MAY_BE_EMPTY,
            "content": _media(one.body, one.takes, names),
        }
    return described


def _errors(path: str, one: Operation, names: Mapping[type[BaseModel], str]) -> Json:
    """Every refusal with its codes: those of the frame that an operation stands in, and its own."""
    codes: dict[int, list[str]] = {}
    frames = [
        _BEHIND_A_KEY if one.key else {},
        _NOWHERE if one.key or one.body is not None else {},
        IN_BODY if one.body is not None else {},
        {422: ("invalid_query",)} if one.query else {},
        {422: ("invalid_cursor",)} if one.query and "cursor" in one.query.model_fields else {},
        one.errors or {},
        _BUSY if path.startswith("/v1") and path != "/v1/health" else {},
    ]
    for frame in frames:
        for status, more in frame.items():
            codes.setdefault(status, []).extend(code for code in more if code not in codes.get(status, ()))
    return {
        str(status): {
            "description": "Code: " + ", ".join(listed) + ".",
            "content": _content(_PROBLEM, names[Problem]),
        }
        for status, listed in sorted(codes.items())
    }


def _pages(one: Operation) -> Json:
    """Refusals that a person reads."""
    content = {HTML: {"schema": {"type": "string"}}}
    return {str(status): {"description": "A page that says why.", "content": content} for status in one.pages}


def _done(one: Operation, names: Mapping[type[BaseModel], str]) -> Json:
    if one.answer is None and not one.gives:
        return {"description": "Done; the body is empty."}
    return {"description": "Done.", "content": _media(one.answer, one.gives, names)}


def _media(model: type[BaseModel] | None, texts: tuple[str, ...], names: Mapping[type[BaseModel], str]) -> Json:
    """JSON of the model where there is one, and what is plain text to this document."""
    json = {} if model is None else _content("application/json", names[model])
    return {**json, **{media_type: {"schema": {"type": "string"}} for media_type in texts}}


def _content(media_type: str, name: str) -> Json:
    return {media_type: {"schema": {"$ref": _REF.format(model=name)}}}


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(model: type[Query]) -> list[Json]:
    properties = model.model_json_schema(ref_template=_REF)["properties"]
    return [{"name": name, "in": "query", "schema": _given(schema)} for name, schema in properties.items()]


def _given(schema: Json) -> Json:
    """A parameter that is absent is left out, never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    kept = choices[0] if len(choices) == 1 else schema
    return {name: value for name, value in kept.items() if name not in ("title", "default") or value is not None}
