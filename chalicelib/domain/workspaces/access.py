"""Who may do what: roles, workspaces and unit subtrees. Pure.

========== =============================================================================================
role       may
========== =============================================================================================
admin      everything in its workspace
analyst    read everything in its workspace but contact data, put readings right, try sentences, propose frames
region     read feedback and tickets of its unit's subtree, work on those tickets, audit them
store      as region, for one shop, and audits none
integration read deliveries, ask whether a customer may be contacted; it talks back through signed callbacks, which need
            no key
========== =============================================================================================

An ``operator`` key is an admin of every workspace: the key that ``make deploy`` prints.
"""

from __future__ import annotations

import re
from typing import Final

from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Forbidden, NotFound

ADMINS: Final = ("admin",)
READERS: Final = ("admin", "analyst")
CASE_READERS: Final = ("admin", "analyst", "region", "store")
CASE_WORKERS: Final = ("admin", "region", "store")
ISSUE_WORKERS: Final = ("admin", "analyst", "region")  # who works on what is more than one case
AUDITORS: Final = ("admin", "region")  # who judges how tickets were worked on
EVERYBODY: Final = ("admin", "analyst", "region", "store", "integration")  # who has a key
CONTACTERS: Final = ("admin", "integration")  # who has customers contacted, and hears their opt-outs
CONTACT_READERS: Final = ("admin", "analyst", "integration")
DELIVERY_READERS: Final = ("admin", "analyst", "integration")
UNIT_ROLES: Final = ("region", "store")  # roles that see one unit's subtree only
UNIT_SEPARATOR: Final = "/"
_IDENTITY: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def require_role(key: ApiKey, roles: tuple[str, ...]) -> None:
    """Raises Forbidden unless the key has one of ``roles``."""
    if key.role not in roles:
        raise Forbidden("The role of this key does not allow this.")


def workspace_of(key: ApiKey, named: str | None) -> str:
    """The workspace that a call is about: the one it names, else the key's own.

    Raises NotFound for a workspace that is not the key's: foreign and unknown look alike.
    """
    if named is None or named == key.workspace:
        return key.workspace
    if not key.operator:
        raise nowhere()
    return named


def sees_unit(key: ApiKey, unit: str | None) -> bool:
    """Whether a thing of ``unit`` is inside the key's subtree. A voice without a unit belongs to nobody's."""
    if key.role not in UNIT_ROLES:
        return True
    return bool(key.unit) and is_below(unit, key.unit or "")


def is_below(unit: str | None, root: str) -> bool:
    """Whether a thing of ``unit`` is in the subtree of ``root``."""
    return f"{unit or ''}{UNIT_SEPARATOR}".startswith(root + UNIT_SEPARATOR)


def visible_unit(key: ApiKey, asked: str | None) -> str | None:
    """The unit whose subtree a list is narrowed to, None for all. Raises NotFound for one outside the key's own."""
    if asked is not None and not sees_unit(key, asked):
        raise nowhere()
    return asked or (key.unit if key.role in UNIT_ROLES else None)


def nowhere() -> NotFound:
    """The one answer for what does not exist and for what the caller may not see."""
    return NotFound("There is no such thing here.")


def identity(text: str) -> str:
    """An id or a name out of a path. What cannot be one is nowhere. Raises NotFound."""
    if not _IDENTITY.fullmatch(text):
        raise nowhere()
    return text
