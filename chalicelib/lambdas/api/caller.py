"""How a view comes by its call. Light: a start loads it with the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice import Blueprint

if TYPE_CHECKING:
    from chalicelib.lambdas.api.call import Call


def call_of(blueprint: Blueprint, roles: tuple[str, ...]) -> Call:
    """The authenticated call that a view of the blueprint answers; with it the models are loaded, which a hook never
    needs. Raises Unauthorized, Forbidden."""
    from chalicelib.lambdas.api.call import Call

    return Call(blueprint.current_request, roles)
