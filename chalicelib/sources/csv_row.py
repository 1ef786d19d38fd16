"""A table with one voice in each row: an uploaded file, or a row by itself.

A file comes through a presigned URL, or as a body of the type ``text/csv`` on the hook; both are kept in the bucket and
read row by row (``inbound/intake.py``). A row is ``{"column": "cell"}``, empty cells left out, which is also what a
system may post to the hook as JSON. A place of the mapping is ``/`` and the name of a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.time.moments import zoned
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Parked
from chalicelib.sources.base import MappedSource, read_json, settings_of

FILES: Final = ("text/csv", "application/csv", "text/tab-separated-values")
_ALONE: Final = ("revision", "revision_at", "occurred_at", "channel", "touchpoint", "unit", "lang", "attachments")
_TIMES: Final = ("occurred_at", "revision_at")


class CsvRow(MappedSource):
    name: ClassVar[str] = "csv"
    proof: ClassVar[str] = "token"
    takes_files: ClassVar[bool] = True
    fields: ClassVar[tuple[Field, ...]] = (
        Field("encoding", "choice", choices=("auto", "utf-8", "utf-16", "gb18030"), default="auto"),
        Field("separator", "choice", choices=("auto", "comma", "semicolon", "tab"), default="auto"),
        Field("utc_offset", "number", default=8, least=-12, most=14),
    )

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Nothing to check: the token was."""

    def is_file(self, arrival: Arrival) -> bool:
        return arrival.content_type.partition(";")[0].strip().lower() in FILES

    def check_mapping(self, mapping: Mapping[str, Any]) -> None:
        super().check_mapping(mapping)
        for pointer, at in _places(mapping):
            if pointer.count("/") != 1:
                raise Invalid("A column is found by /name; a slash in a name is ~1.", pointer=f"/mapping{at}")

    def payload(self, raw: bytes, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row with a zone at its local times: spreadsheets write none."""
        row = dict(read_json(raw))
        hours = settings_of(mapping).get("utc_offset", 8)
        for part in _TIMES:
            place = mapping.get(part)
            if isinstance(place, str) and (name := column(place)) in row:
                row[name] = zoned(row[name], hours)
        return row

    def columns(self, mapping: Mapping[str, Any]) -> tuple[str, ...]:
        """Every column that a mapping names."""
        return tuple(dict.fromkeys(column(pointer) for pointer, _ in _places(mapping)))

    def to_blame(self, mapping: Mapping[str, Any], raw: bytes, code: str, received_at: datetime) -> str | None:
        """The column whose cell is why the row ``raw`` was parked with ``code``; None where it is no single one."""
        row = self.payload(raw, mapping)
        if code in ("mapping_missing_response_id", "mapping_bad_response_id"):
            return column(mapping["response_id"]) if "response_id" in mapping else None
        base = {"response_id": mapping.get("response_id")}
        for part, pointer in _parts(mapping):
            try:
                mappings.apply({**base, **part}, row, received_at=received_at)
            except Parked as error:
                if error.code == code:
                    return column(pointer)
        return None


def column(pointer: str) -> str:
    """The column that a place names."""
    return pointer.removeprefix("/").replace("~1", "/").replace("~0", "~")


def _parts(mapping: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(a mapping of one part alone, its pointer) of everything that is looked up."""
    for name in _ALONE:
        if isinstance(mapping.get(name), str):
            yield {name: mapping[name]}, mapping[name]
    for name in ("customer", "attributes"):
        for key, place in mapping.get(name, {}).items():
            if isinstance(place, str):
                yield {name: {key: place}}, place
    for name in ("scores", "texts"):
        for entry in mapping.get(name, ()):
            if isinstance(entry["path"], str):
                yield {name: [entry]}, entry["path"]


def _places(mapping: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(pointer, where it stands in the mapping) of each column."""
    if "response_id" in mapping:
        yield mapping["response_id"], "/response_id"
    for part, pointer in _parts(mapping):
        yield pointer, f"/{next(iter(part))}"
