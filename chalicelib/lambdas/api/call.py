"""One call of the management API: who calls, about which workspace, with what."""

from __future__ import annotations

from typing import TypeVar

from chalice.app import Request

from chalicelib.domain.workspaces.access import require_role, workspace_of
from chalicelib.errors import Invalid
from chalicelib.lambdas.api import http, parse, schemas
from chalicelib.wiring import workspaces

AnyBody = TypeVar("AnyBody", bound=schemas.Body)
AnyQuery = TypeVar("AnyQuery", bound=schemas.Query)


class Call:
    """An authenticated request. Nothing of it is parsed before the key and its role are known."""

    def __init__(self, request: Request, roles: tuple[str, ...]) -> None:
        """Raises Unauthorized, Forbidden."""
        self.request = request
        self.key = workspaces.authenticate()(http.headers(request).get("authorization"))
        http.line().note(key=self.key.id, workspace=self.key.workspace)
        require_role(self.key, roles)

    def workspace(self) -> str:
        """The workspace of a call without a body. Raises Invalid (``invalid_query``), NotFound."""
        return workspace_of(self.key, parse.query(schemas.Query, self.request).workspace)

    def query(self, model: type[AnyQuery]) -> tuple[str, AnyQuery]:
        """The workspace and the query of a list. Raises as ``workspace``."""
        query = parse.query(model, self.request)
        return workspace_of(self.key, query.workspace), query

    def body(self, model: type[AnyBody]) -> tuple[str, AnyBody]:
        """The workspace and the body. A workspace may stand in the query too, if it is the same one.

        Raises UnsupportedMedia, TooLarge, Malformed, Invalid, NotFound.
        """
        return self.checked(model, parse.read_json(self.request))

    def checked(self, model: type[AnyBody], value: object) -> tuple[str, AnyBody]:
        """As ``body``, for a value that was read already."""
        body = parse.body(model, value)
        return self.named(body.workspace), body

    def named(self, workspace: str | None) -> str:
        """The workspace of a call whose body names ``workspace``, or none. Raises Invalid, NotFound."""
        asked = parse.query(schemas.Query, self.request).workspace
        if workspace is not None and asked is not None and workspace != asked:
            raise Invalid("The body and the query name different workspaces.", pointer="/workspace")
        return workspace_of(self.key, workspace or asked)
