"""Packs as YAML, for people, → packs compiled, for the run time: ``python -m infra.model.packs``.

Reads chalicelib/packs/*.yaml, gives every pack the red lines of red_lines.yaml, writes chalicelib/packs/compiled.
``python -m infra.model.packs FILE …`` only checks files, and says with file and line what is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chalicelib.understanding import compiled, shipped
from chalicelib.understanding.frame import Frame, FrameError
from chalicelib.understanding.frame_file import parse, parse_red_lines

COMPILED: Final = Path(shipped.COMPILED)
SOURCES: Final = COMPILED.parent
RED_LINES: Final = "red_lines.yaml"


def sources(folder: Path = SOURCES) -> tuple[str, ...]:
    """The names of the packs that have a YAML file, in order."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if path.name != RED_LINES))


def read(path: Path) -> Frame:
    """The pack of a YAML file, with the red lines that lie beside it. Raises FrameError."""
    red_lines = path.parent / RED_LINES
    shared = parse_red_lines(red_lines.read_text(encoding="utf-8"), red_lines.name) if red_lines.exists() else ()
    frame = parse(path.read_text(encoding="utf-8"), path.name, shared)
    if frame.packs != (path.stem,):
        raise FrameError(path.name, 1, f"The pack is called {frame.packs[0]}, its file {path.stem}.")
    return frame


def compile_all(folder: Path = SOURCES, out: Path = COMPILED) -> dict[str, int]:
    """Write every pack and remove those without a source; bytes by pack. Raises FrameError, and then wrote nothing."""
    packed = {name: compiled.dump(read(folder / f"{name}.yaml")) for name in sources(folder)}
    out.mkdir(exist_ok=True)
    for stale in set(out.glob("*.json")) - {out / f"{name}.json" for name in packed}:
        stale.unlink()
    for name, data in packed.items():
        (out / f"{name}.json").write_bytes(data)
    return {name: len(data) for name, data in packed.items()}


def main(arguments: Sequence[str]) -> int:
    try:
        for argument in arguments:
            print(f"{read(Path(argument)).version}: sound")
        for name, size in ({} if arguments else compile_all()).items():
            print(f"{name}: {size / 1000:.0f} kB")
    except FrameError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
