"""What the API answers about the codes of a ticket's page."""

from __future__ import annotations

from chalicelib.lambdas.api.answers import Answer


class NewCode(Answer):
    """``code`` is shown this once. ``url`` is the page that it is for, by a link of its own."""

    ticket: str
    person: str
    code: str
    expires_at: str
    url: str
