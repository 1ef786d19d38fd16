"""API Gateway in front of a Chalice app, in-process: an event in, the proxy answer out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from chalice import Chalice


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def code(self) -> str:
        """Our own word for what happened; ``gateway`` where the framework or the gateway answered."""
        document = self.json if isinstance(self.json, dict) else {}
        return str(document.get("code") or document.get("status") or "gateway")


@cache
def product() -> Chalice:
    """The product's own Chalice object. One for all tests: registering a blueprint twice loses its methods."""
    from app import app

    return app


def call(
    app: Chalice,
    method: str,
    resource: str,
    *,
    path: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request. ``resource`` is the route's pattern, ``path`` its parameters."""
    sent = dict(headers or {})
    event = {
        "resource": resource,
        "path": resource,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(path) if path else None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": "/api" + resource,
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "identity": {"sourceIp": "203.0.113.9"},
        },
        "body": base64.b64encode(body).decode("ascii") if body else None,
        "isBase64Encoded": bool(body),
    }
    answer = app(event, None)
    return Answer(answer["statusCode"], answer["headers"], answer["body"])
