"""A compiled frame is the frame, in bytes that depend on nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding import compiled, shipped
from chalicelib.understanding.frame import Frame, Node, RedLine, Sample, Term
from chalicelib.understanding.frame_file import FrameError
from infra.model import packs

_WORDS = st.text(min_size=1, max_size=5)
_NAMES = st.fixed_dictionaries({"zh-CN": _WORDS, "en": _WORDS})
_NEAR = st.frozensets(_WORDS, max_size=2)
_TERMS = st.lists(
    st.builds(Term, _WORDS, st.sampled_from([None, "negative", "positive"]), _NEAR, st.just(0)), max_size=5
).map(tuple)
_NODES = st.builds(
    Node,
    id=_WORDS,
    names=_NAMES,
    terms=_TERMS,
    excludes=st.lists(_WORDS, max_size=2).map(tuple),
    prior=_WORDS,
    need=_WORDS,
    department=_WORDS,
    stage=st.none() | _WORDS,
    overall=st.booleans(),
    samples=st.just(()),
)
_RED_LINES = st.builds(
    RedLine,
    kind=_WORDS,
    names=_NAMES,
    terms=_TERMS,
    excludes=st.lists(_WORDS, max_size=2).map(tuple),
    department=_WORDS,
    samples=st.just(()),
    suspects=st.lists(st.builds(Term, _WORDS, st.none(), _NEAR, st.integers(0, 40)), max_size=5).map(tuple),
)
FRAMES = st.builds(
    Frame,
    packs=st.tuples(_WORDS),
    version=_WORDS,
    names=_NAMES,
    nodes=st.lists(_NODES, max_size=3).map(tuple),
    red_lines=st.lists(_RED_LINES, max_size=2).map(tuple),
    retired=st.just(()),
    playbooks=st.just(()),
)

TINY = """\
pack: tiny
version: "3"
name: {zh-CN: 小, en: Tiny}
nodes:
  - id: speed
    name: {zh-CN: 快慢, en: Speed}
    department: fleet
    near: [{terms: [慢, 迟], words: [车, 船, 快递, 物流], polarity: negative}]
    tests: {negative: [a, b], positive: [c], none: [d, e]}
"""


@given(FRAMES)
def test_what_is_compiled_comes_back_and_gives_the_same_bytes(frame: Frame) -> None:
    data = compiled.dump(frame)
    assert compiled.load(data) == frame
    assert compiled.dump(compiled.load(data)) == data


def test_test_sentences_stay_with_the_yaml() -> None:
    told = Node(
        "speed", {}, (Term("慢"),), (), "negative", "pain", "fleet", None, samples=(Sample("好慢", "negative"),)
    )
    frame = Frame(("tiny",), "1", {}, (told,), ())
    assert compiled.load(compiled.dump(frame)) == Frame(("tiny",), "1", {}, (told._replace(samples=()),), ())


def test_the_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, "utf-8")
    code = (
        "import sys\nfrom pathlib import Path\nfrom chalicelib.understanding import compiled\n"
        "from infra.model import packs\n"
        "sys.stdout.buffer.write(compiled.dump(packs.read(Path(sys.argv[1]))))"
    )
    written = {
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / "tiny.yaml"],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(written) == 1


@pytest.mark.parametrize("data", [b"", b"[]\n", b'[["a"],"1",{},1]\n[1]\n', b"\xff\n", b"pack: tiny\n"])
def test_bytes_of_somebody_else_are_refused(data: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        compiled.load(data)


def test_an_unknown_pack_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"There is no pack '\.\./secret'; known are .*ecommerce"):
        shipped.load("../secret")


def test_every_pack_is_compiled_and_a_stale_one_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "compiled"
    out.mkdir()
    (out / "gone.json").touch()
    (tmp_path / "tiny.yaml").write_text(TINY, "utf-8")
    sizes = packs.compile_all(tmp_path, out)
    assert {path.name: path.stat().st_size for path in out.iterdir()} == {"tiny.json": sizes["tiny"]}
    assert (out / "tiny.json").read_bytes() == compiled.dump(packs.read(tmp_path / "tiny.yaml"))


def test_nothing_is_written_when_one_pack_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, "utf-8")
    (tmp_path / "wrong.yaml").write_text(TINY, "utf-8")
    with pytest.raises(FrameError, match=r"^wrong\.yaml:1: The pack is called tiny, its file wrong\."):
        packs.compile_all(tmp_path, tmp_path / "compiled")
    assert not (tmp_path / "compiled").exists()


def test_the_command_names_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "tiny.yaml", tmp_path / "bad.yaml"
    good.write_text(TINY, "utf-8")
    bad.write_text(TINY.replace("department", "ministry"), "utf-8")
    assert packs.main([str(good)]) == 0
    assert capsys.readouterr().out == "tiny-3: sound\n"
    assert packs.main([str(bad)]) == 1
    assert capsys.readouterr().err.startswith("bad.yaml:7: There is no member 'ministry' here")
