"""What the API takes about connections and uploads."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.inbound.upload import MAX_BYTES
from chalicelib.lambdas.api.schemas import Body, Credentials, Name, Secret, Word, printable

Settings = Annotated[dict[Word, Any], Field(max_length=100)]


class NewSecret(Body):
    """``secret`` is made up when none is given, unless the platform is the one that makes it."""

    secret: Secret | None = Field(default=None, repr=False)


class ConnectionNew(Body):
    """``secret`` is made up when the platform signs and none is given. Where the platform makes it (``secret_from`` of
    GET /v1/sources/{source}), it is needed, or given later to ``rotate`` by those that show it late.

    What ``settings`` and ``credentials`` may hold is told by GET /v1/sources/{source}.
    """

    name: Name
    source: Word
    secret: Secret | None = Field(default=None, repr=False)
    mapping: dict[str, Any] = Field(default_factory=dict)
    settings: Settings = Field(default_factory=dict)
    credentials: Credentials = Field(default_factory=dict, repr=False)


class ConnectionChange(Body):
    """Of ``settings`` the given names are replaced, null takes one back. ``credentials`` are given as a whole: those
    that there were are gone.
    """

    name: Name | None = None
    state: Literal["active", "paused"] | None = None
    mapping: dict[str, Any] | None = None
    settings: Settings | None = None
    credentials: Credentials | None = Field(default=None, repr=False)


class UploadNew(Body):
    """``bytes``: the size of the file, to which the URL is bound; left out, any size that is allowed."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
    bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)] | None = None
