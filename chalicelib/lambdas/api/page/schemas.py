"""What the API takes about the codes of a ticket's page."""

from __future__ import annotations

from chalicelib.lambdas.api.schemas import Body, Owner


class CodeNew(Body):
    """``person``: whose code it is, by id or name; left out, the ticket's owner."""

    person: Owner | None = None
