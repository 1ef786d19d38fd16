"""What the run time loads is what people wrote: after a change of a YAML file run ``make packs``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chalicelib.understanding import called, causes, compiled, playbooks, shipped
from infra.model import packs
from infra.model.packs import COMPILED

MEND = "run `make packs` (python -m infra.model.packs) and commit chalicelib/packs/compiled"


def test_every_pack_is_compiled_and_nothing_else_is() -> None:
    names = [f"{name}.json" for name in packs.sources()]
    assert sorted(path.name for path in COMPILED.glob("*.*")) == names, MEND
    for folder in (packs.PLAYBOOKS, causes.FOLDER):
        assert sorted(path.name for path in (COMPILED / folder).iterdir()) == names, MEND


@pytest.mark.parametrize("name", packs.sources())
def test_a_compiled_pack_is_its_yaml(name: str) -> None:
    frame = packs.read(packs.SOURCES / f"{name}.yaml")
    assert (COMPILED / f"{name}.json").read_bytes() == compiled.dump(frame), MEND


@pytest.mark.parametrize("name", packs.sources())
def test_compiled_playbooks_are_their_yaml(name: str) -> None:
    frame = packs.read(packs.SOURCES / f"{name}.yaml")
    read = packs.read_playbooks(packs.SOURCES / packs.PLAYBOOKS / f"{name}.yaml", frame)
    assert (COMPILED / packs.PLAYBOOKS / f"{name}.json").read_bytes() == playbooks.dump(read), MEND


@pytest.mark.parametrize("name", packs.sources())
def test_compiled_causes_are_their_yaml(name: str) -> None:
    path = packs.SOURCES / causes.FOLDER / f"{name}.yaml"
    read = packs.read_causes(path, shipped.load(name), playbooks.load(name))
    assert (COMPILED / causes.FOLDER / f"{name}.json").read_bytes() == causes.dump(read), MEND


def test_the_check_of_a_file_of_causes_says_that_it_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert packs.main([str(packs.SOURCES / causes.FOLDER / "auto.yaml")]) == 0
    assert capsys.readouterr().out == "45 causes of 13 topics of auto: sound\n"


def test_the_compiled_names_are_their_yaml() -> None:
    read = packs.read_names(packs.SOURCES / packs.NAMES)
    assert (COMPILED / called.FOLDER / called.FILE).read_bytes() == called.dump(read), MEND
    assert called.names() == read


@pytest.mark.parametrize("name", packs.sources())
def test_every_department_and_stage_of_a_pack_has_its_names(name: str) -> None:
    frame, known = packs.read(packs.SOURCES / f"{name}.yaml"), called.names()
    departments = {one.department for one in (*frame.nodes, *frame.red_lines)}
    assert departments - set(known["departments"]) == set()
    assert {node.stage for node in frame.nodes if node.stage} - set(known["touchpoints"]) == set()


def test_the_run_time_parses_no_yaml_until_a_workspace_has_an_overlay() -> None:
    code = (
        "import sys\nfrom chalicelib.understanding import shipped\n"
        "from chalicelib.understanding.compose import compose\n"
        "from chalicelib.understanding.playbooks import of_frame\n"
        "frame = compose([shipped.load('ecommerce'), shipped.load('banking')]); of_frame(frame);"
        "assert 'yaml' not in sys.modules;"
        "compose([frame], 'retire: [promotion]'); assert 'yaml' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
