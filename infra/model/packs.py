"""Packs as YAML, for people, → packs compiled, for the run time: ``python -m infra.model.packs``.

Reads chalicelib/packs/*.yaml, gives every pack the red lines of red_lines.yaml, writes chalicelib/packs/compiled; the
same with packs/playbooks, whose versions must be raised with every change of the texts, with packs/causes, which must
have something to say of every topic with a playbook, and with packs/words.
``python -m infra.model.packs FILE …`` only checks files, and says with file and line what is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Final

import yaml

from chalicelib.domain.cases.graph import Causes
from chalicelib.domain.cases.playbook import RED_LINE, Playbook
from chalicelib.understanding import called, causes, compiled, playbooks, shipped
from chalicelib.understanding.cause_file import CauseParser
from chalicelib.understanding.frame import Frame, FrameError
from chalicelib.understanding.frame_file import parse, parse_red_lines
from chalicelib.understanding.marked import compose
from chalicelib.understanding.playbook_file import MEMBERS, PlaybookParser

COMPILED: Final = Path(shipped.COMPILED)
SOURCES: Final = COMPILED.parent
RED_LINES: Final = "red_lines.yaml"
PLAYBOOKS: Final = "playbooks"  # the folder of their YAML, and of what is compiled of it
NAMES: Final = "words/names.yaml"  # of departments and touchpoints
COMMON: Final = "common"  # whose playbooks those of red lines are
MAX_BYTES: Final = 1024 * 1024


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


def read_playbooks(path: Path, frame: Frame, known: Sequence[Playbook] = ()) -> tuple[Playbook, ...]:
    """The playbooks of a YAML file for the pack ``frame``, then those of the red lines that lie beside it.

    One of the pack for a red line takes the place of the common one. ``known`` are those that are compiled: a version
    of theirs with other texts is refused, for tickets keep it. Raises FrameError.
    """
    own = _playbooks(path, frame.packs[0], set(frame.by_id), known)
    red_lines = path.parent / RED_LINES
    common = _playbooks(red_lines, COMMON, set(), known) if red_lines.exists() else ()
    taken = {one.id for one in own}
    return (*own, *(one for one in common if one.id not in taken))


def _playbooks(path: Path, series: str, topics: Set[str], known: Sequence[Playbook]) -> tuple[Playbook, ...]:
    before = {one.id: one for one in known if one.version.rpartition("-")[0] == series}
    parser = PlaybookParser(path.name, series)
    root = compose(path.read_text(encoding="utf-8"), path.name, MAX_BYTES)
    members = parser.mapping(root, MEMBERS | {"pack"})
    parser.need(root, members, "pack", *MEMBERS)
    if parser.text(members["pack"]) != path.stem:
        parser.fail(members["pack"], f"The file is called {path.stem}.")
    found: list[Playbook] = []
    for place, one in parser.playbooks(root, members):
        if not one.id.startswith(RED_LINE) and one.id not in topics:
            parser.fail(place, f"The topic {one.id[:64]!r} is unknown.")
        if one != before.get(one.id, one) and _number(one) <= (last := _number(before[one.id])):
            parser.fail(place, f"Version {last} is compiled with other texts: raise it to {last + 1}.")
        found.append(one)
    return tuple(found)


def _number(one: Playbook) -> int:
    """The number of its version, as the file has it."""
    return int(one.version.rpartition("-")[2])


def read_causes(path: Path, frame: Frame, known: Sequence[Playbook]) -> Causes:
    """The causes of a YAML file for the pack ``frame``, whose playbooks are ``known``.

    Raises FrameError; also where a topic with a playbook has no list, or somebody would have to mend something whom
    the frame holds answerable for nothing.
    """
    departments = {node.department for node in frame.nodes} | {line.department for line in frame.red_lines}
    root = compose(path.read_text(encoding="utf-8"), path.name, MAX_BYTES)
    parser = CauseParser(path.name)
    found = parser.causes(root, path.stem, frame.by_id, departments)
    for one in known:
        if not one.id.startswith(RED_LINE) and one.id not in found.topics:
            parser.fail(root, f"The topic {one.id} has a playbook and no causes.")
    return found


def _compiled(out: Path, name: str) -> tuple[Playbook, ...]:
    path = out / PLAYBOOKS / f"{name}.json"
    return playbooks.undump(path.read_bytes()) if path.exists() else ()


def read_names(path: Path) -> called.Names:
    """The names of departments and touchpoints. Raises FrameError where one is missing in a language."""
    read: called.Names = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(read, dict) or tuple(read) != called.KINDS:
        raise FrameError(path.name, 1, f"The file has {' and '.join(called.KINDS)}, in this order.")
    for kind in called.KINDS:
        for own_id, named in read[kind].items():
            if not isinstance(named, dict) or tuple(named) != called.LANGUAGES or not all(named.values()):
                raise FrameError(path.name, 1, f"{own_id} of {kind} needs a name in {', '.join(called.LANGUAGES)}.")
    return read


def compile_all(folder: Path = SOURCES, out: Path = COMPILED) -> dict[str, int]:
    """Write every pack and remove those without a source; bytes by pack. Raises FrameError, and then wrote nothing."""
    frames = {name: read(folder / f"{name}.yaml") for name in sources(folder)}
    written = {f"{name}.json": compiled.dump(frame) for name, frame in frames.items()}
    for name, frame in frames.items():
        path = folder / PLAYBOOKS / f"{name}.yaml"
        if path.exists():
            known = read_playbooks(path, frame, _compiled(out, name))
            written[f"{PLAYBOOKS}/{name}.json"] = playbooks.dump(known)
            if (why := folder / causes.FOLDER / path.name).exists():
                written[f"{causes.FOLDER}/{name}.json"] = causes.dump(read_causes(why, frame, known))
    if (folder / NAMES).exists():
        written[f"{called.FOLDER}/{called.FILE}"] = called.dump(read_names(folder / NAMES))
    for stale in {*out.glob("**/*.json")} - {out / name for name in written}:
        stale.unlink()
    for name, data in written.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    return {name.removesuffix(".json"): len(data) for name, data in written.items()}


def main(arguments: Sequence[str]) -> int:
    try:
        for argument in arguments:
            print(f"{_check(Path(argument))}: sound")
        for name, size in ({} if arguments else compile_all()).items():
            print(f"{name}: {size / 1000:.0f} kB")
    except FrameError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _check(path: Path) -> str:
    """What a file is called, once it is found to be sound. Raises FrameError."""
    if path.parent.name not in (PLAYBOOKS, causes.FOLDER):
        return read(path).version
    folder = path.parent.parent
    known = _compiled(folder / COMPILED.name, path.stem)
    if path.parent.name == causes.FOLDER:
        found = read_causes(path, read(folder / path.name), known)
        return f"{len(found.by_id)} causes of {len(found.topics)} topics of {path.stem}"
    return f"{len(read_playbooks(path, read(folder / path.name), known))} playbooks of {path.stem}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
