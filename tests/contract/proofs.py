"""What a source's tests know of its platform, all of it beside the fixtures in ``tests/fixtures/sources/<name>/``.

``*.json``, at least three of differing shape, each:

* ``about``: what this one shows, a sentence; ``mapping``, ``settings``: the connection's, left out where empty;
* ``payload``: sent as JSON; or ``raw``: the body as text, for another ``content_type`` (default application/json);
* ``headers``, ``query``: what else the request carries, left out where there is nothing;
* ``expected``: the voice, without what is not set, see ``_shown`` in ``test_sources.py``. In its place may stand
  ``parked``: the code with which the payload is parked, or ``ignored``: true, answered and not kept, or ``thin``:
  true, an event of ids whose whole response must be fetched;
* ``fetched``: true where ``payload`` is what ``fetch`` or ``poll`` gives, which no platform pushes.

``proof.py``, where the platform signs (``Source.proof`` is ``signature``), written apart from the product:

* ``def sign(raw: bytes, secret: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]``: header fields (names
  in lower case) and query of a request that proves itself. What the platform signs into the body comes already in the
  fixture, so where the signature is part of the body, ``def seal(raw, secret, now) -> bytes`` returns the body with it
  in place of ``sign``. A source that *may* sign (``Source.may_sign``) has one too.
* ``COVERS_BODY = False`` where the proof is a shared token that says nothing of the body.
* ``SECRET``, ``OTHER``: two secrets that the platform could have, where the usual ``whsec_…`` would not do.

The contract suite and the fuzz read both for every source in the registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.mapping import SETTINGS, validate_mapping
from chalicelib.sources import registry
from tests.builders_hear import SECRET

FOLDER = Path(__file__).parents[1] / "fixtures/sources"
OTHER = "whsec_" + "B" * 43 + "="
PROVING = [
    name for name in registry.SOURCES if registry.load(name).proof == "signature" or registry.load(name).may_sign
]


@dataclass(frozen=True)
class Fixture:
    source: str
    name: str
    document: Mapping[str, Any]

    @property
    def raw(self) -> bytes:
        if "raw" in self.document:
            return str(self.document["raw"]).encode()
        return json.dumps(self.document["payload"], ensure_ascii=False).encode()

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The connection's own, as an administrator gives it."""
        return validate_mapping(self.document.get("mapping", {}))

    @property
    def settings(self) -> Mapping[str, Any]:
        given: Mapping[str, Any] = self.document.get("settings", {})
        return given

    @property
    def reading(self) -> Mapping[str, Any]:
        """What the source's ``parse`` is handed."""
        return {**self.mapping, SETTINGS: self.settings}

    @property
    def headers(self) -> Mapping[str, str]:
        content_type = self.document.get("content_type", "application/json")
        return {"content-type": content_type, **self.document.get("headers", {})}

    @property
    def query(self) -> Mapping[str, str]:
        given: Mapping[str, str] = self.document.get("query", {})
        return given


@cache
def fixtures(source: str) -> tuple[Fixture, ...]:
    return tuple(
        Fixture(source, path.stem, json.loads(path.read_text("utf-8")))
        for path in sorted((FOLDER / source).glob("*.json"))
    )


def first(source: str) -> Fixture:
    """One that is pushed: a voice if any is, else an event of ids."""
    pushed = [one for one in fixtures(source) if not one.document.get("fetched")]
    return max(pushed, key=lambda one: ("expected" in one.document, "thin" in one.document))


@cache
def _module(source: str) -> Any:
    """The source's ``proof.py``; None where there is none."""
    if not (FOLDER / source / "proof.py").exists():
        return None
    return import_module(f"tests.fixtures.sources.{source}.proof")


def covers_body(source: str) -> bool:
    return bool(getattr(_module(source), "COVERS_BODY", True))


def proves(source: str) -> bool:
    """Whether there is a ``proof.py``."""
    return _module(source) is not None


def secret_of(source: str, *, other: bool = False) -> str:
    return str(getattr(_module(source), "OTHER" if other else "SECRET", OTHER if other else SECRET))


def seals(source: str) -> bool:
    """Whether the proof is part of the body."""
    return hasattr(_module(source), "seal")


def proved(fixture: Fixture, now: datetime, *, raw: bytes | None = None, secret: str | None = None) -> Arrival:
    """The fixture, or another body in its place, with a good proof of its source, if it has any."""
    body, secret = fixture.raw if raw is None else raw, secret or secret_of(fixture.source)
    module = _module(fixture.source)
    if module is None:
        return Arrival(body, now, fixture.headers, fixture.query)
    if seals(fixture.source):
        return Arrival(module.seal(body, secret, now), now, fixture.headers, fixture.query)
    headers, query = module.sign(body, secret, now)
    return Arrival(body, now, {**fixture.headers, **headers}, {**fixture.query, **query})


def unproved(fixture: Fixture, now: datetime) -> Arrival:
    return Arrival(fixture.raw, now, fixture.headers, fixture.query)
