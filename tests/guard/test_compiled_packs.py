"""What the run time loads is what people wrote: after a change of a YAML file run ``make packs``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chalicelib.understanding import compiled
from infra.model import packs
from infra.model.packs import COMPILED

MEND = "run `make packs` (python -m infra.model.packs) and commit chalicelib/packs/compiled"


def test_every_pack_is_compiled_and_nothing_else_is() -> None:
    assert sorted(path.name for path in COMPILED.iterdir()) == [f"{name}.json" for name in packs.sources()], MEND


@pytest.mark.parametrize("name", packs.sources())
def test_a_compiled_pack_is_its_yaml(name: str) -> None:
    frame = packs.read(packs.SOURCES / f"{name}.yaml")
    assert (COMPILED / f"{name}.json").read_bytes() == compiled.dump(frame), MEND


def test_the_run_time_parses_no_yaml_until_a_workspace_has_an_overlay() -> None:
    code = (
        "import sys\nfrom chalicelib.understanding import shipped\n"
        "from chalicelib.understanding.compose import compose\n"
        "frame = compose([shipped.load('ecommerce'), shipped.load('banking')]); assert 'yaml' not in sys.modules;"
        "compose([frame], 'retire: [promotion]'); assert 'yaml' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
