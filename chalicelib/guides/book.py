"""The guides, read when somebody asks: ``guides/sources/<name>.yaml``, ``guides/connectors/<name>.yaml``.

A guide is written for the administrator of that platform. Every text in it is given twice, ``zh-CN`` and ``en``,
each whole by itself. A guide holds, and nothing else:

* ``title``: the platform as its users call it; ``summary``: what connecting it brings, one or two sentences.
* ``before_you_start``: what must be at hand (plan, role, network), a list; may be empty.
* ``steps``: where to click, what to paste, in order, a list. ``{hook_url}`` (a source) and ``{callback_url}`` (a
  connector) stand for the URL that the API answered with; no other word may stand in braces.
* ``expect``: what is seen when it works and when it does not, a list.
* ``limits``: what the platform or we do not do, with numbers, a list.
* ``not_sure``: what nobody could confirm about the vendor's side and what to watch, a list. Not empty where one of
  the adapter's fields is ``recalled`` or ``unknown``.
* ``secret``: ``{label, help}``: what belongs into ``secret``. A source that signs, or may sign, has it, one whose
  URL is the only proof has not; a connector has it where it uses a secret.
* ``url``: ``{label, help}``: what belongs into ``url``. Every connector has it, no source.
* ``fields``: name → ``{label, help, choices?}`` for every entry of the adapter's ``fields`` and ``credential_fields``,
  and no other. ``choices``: value → text, for all of a field's choices or for none. Settings that all adapters have
  are explained once, in ``common.yaml``.

``label`` is the name above a form field, ``help`` the sentence below it. Settings and credentials of one adapter
have different names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

SOURCES: Final = "sources"
CONNECTORS: Final = "connectors"
LANGUAGES: Final = ("zh-CN", "en")
_HERE: Final = os.path.dirname(os.path.abspath(__file__))


@lru_cache(maxsize=64)
def guide(folder: str, name: str) -> Mapping[str, Any]:
    """The guide of one adapter; ``folder`` is SOURCES or CONNECTORS. Raises FileNotFoundError."""
    return _read(os.path.join(folder, name))


@lru_cache(maxsize=1)
def common() -> Mapping[str, Any]:
    """Name → label and help of the settings that adapters share."""
    return _read("common")


def spoken(value: Any, lang: str | None) -> Any:
    """The value with every text in one language alone; as it is where ``lang`` is None."""
    if lang is None:
        return value
    if isinstance(value, dict):
        if set(value) == set(LANGUAGES):
            return value[lang]
        return {name: spoken(entry, lang) for name, entry in value.items()}
    return [spoken(entry, lang) for entry in value] if isinstance(value, list) else value


def _read(path: str) -> Mapping[str, Any]:
    import yaml  # only whoever asks for a guide waits for it

    with open(os.path.join(_HERE, path + ".yaml"), encoding="utf-8") as file:
        found: Mapping[str, Any] = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
    return found
