"""What the build promises of the package: the same input gives the same bytes, whole, and nothing else in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra import botocore_data, build, dependencies
from infra.build import Package
from infra.checks import checkov
from infra.dependencies import Target

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("alert", "case", "deliver", "enrich", "fetch", "intake", "outbox", "reread", "rollup", "sweep", "ticket")


def test_a_clean_copy_is_packaged(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("chalicelib", "infra/policies"):
        (root / name / "__pycache__").mkdir(parents=True)
        (root / name / "__pycache__" / "a.cpython-311.pyc").touch()
        (root / name / "kept.txt").touch()
    for folder, name in (
        ("packs", "pack.yaml"),
        ("packs/labels", "labels.yaml"),
        ("packs/playbooks", "pack.yaml"),
        ("packs/compiled", "pack.json"),
        ("guides/sources", "guide.yaml"),
    ):
        (root / "chalicelib" / folder).mkdir(parents=True, exist_ok=True)
        (root / "chalicelib" / folder / name).touch()
    (root / ".chalice").mkdir()
    for name in (".chalice/config.json", "app.py", "requirements.txt"):
        (root / name).write_text("x")
    project = tmp_path / "project"
    build.stage_sources(root, project)
    files = {str(file.relative_to(project)) for file in project.rglob("*") if file.is_file()}
    shipped = {"chalicelib/packs/compiled/pack.json", "chalicelib/guides/sources/guide.yaml"}
    kept = {
        *shipped,
        "chalicelib/kept.txt",
        "infra/policies/kept.txt",
        ".chalice/config.json",
        "app.py",
        "requirements.txt",
    }
    assert {name for name in files if "infra/policies/__pycache__" not in name} == kept
    assert (project / "requirements.txt").read_text() == ""


def test_the_same_sources_give_the_same_bytes(local_package: Package, tmp_path: Path) -> None:
    again = build.build(build.local_target(), tmp_path)
    assert again.code.read_bytes() == local_package.code.read_bytes()
    assert again.template.read_bytes() == local_package.template.read_bytes()


def test_the_package_holds_the_app_and_what_it_imports_and_no_tooling(package: Package) -> None:
    with zipfile.ZipFile(package.code) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"app.py", "chalice", "chalicelib", "botocore", "pynamodb", "cryptography"} <= tops
    assert not tops & {"boto3", "s3transfer", "click", "infra", "tests", "pip", "bin"}
    assert [name for name in names if name.endswith(".pyc")] == [] or build.aws_target().byte_code
    assert len(names) == len(set(names))


def test_the_package_is_under_its_limit(package: Package) -> None:
    assert package.code.stat().st_size < 15_000_000


@pytest.fixture(scope="module")
def unpacked(local_package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package for this machine as Lambda would lay it out."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(local_package.code) as archive:
        archive.extractall(folder)
    return folder


def alone(unpacked: Path, code: str, **environment: str) -> str:
    """Run code with nothing but the package and the standard library: the venv must not lend what is missing."""
    script = f"import sys; sys.path.insert(0, {str(unpacked)!r})\n{code}"
    clean = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", **environment}
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports_from_the_package_alone(unpacked: Path) -> None:
    code = (
        "import importlib, pkgutil, chalicelib\n"
        "for one in pkgutil.walk_packages(chalicelib.__path__, 'chalicelib.'): importlib.import_module(one.name)\n"
        "import app; print('whole')"
    )
    assert alone(unpacked, code) == "whole\n"


def test_the_api_function_loads_no_worker(unpacked: Path) -> None:
    code = "import app; print(sorted(name for name in sys.modules if name.startswith('chalicelib.lambdas.')))"
    loaded = alone(unpacked, code, AWS_LAMBDA_FUNCTION_NAME="echoloop-prod-api")
    assert not [name for name in FUNCTIONS if f"'chalicelib.lambdas.{name}'" in loaded]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_worker_is_the_attribute_that_its_handler_names(local_package: Package, unpacked: Path, name: str) -> None:
    functions = local_package.document()["Resources"]
    handler = functions[name.title()]["Properties"]["Handler"]
    module, _, attribute = handler.rpartition(".")
    code = f"import importlib; print(callable(getattr(importlib.import_module({module!r}), {attribute!r})))"
    assert alone(unpacked, code, AWS_LAMBDA_FUNCTION_NAME=name) == "True\n"


def test_the_cut_botocore_signs_every_call_to_the_right_host(unpacked: Path) -> None:
    code = (
        "import json, botocore.session\n"
        f"kept = json.loads({json.dumps(json.dumps(botocore_data.OPERATIONS))})\n"
        "session = botocore.session.get_session()\n"
        "for service, calls in kept.items():\n"
        "    for region in ('eu-west-1', 'cn-north-1'):\n"
        "        client = session.create_client(service, region, aws_access_key_id='a', aws_secret_access_key='b')\n"
        "        known = sorted(client.meta.method_to_api_mapping.values())\n"
        "        print(service, client.meta.endpoint_url, known == sorted(calls))"
    )
    lines = alone(unpacked, code).splitlines()
    assert len(lines) == 2 * len(botocore_data.OPERATIONS)
    assert all(line.endswith(" True") for line in lines), lines
    assert "sqs https://sqs.eu-west-1.amazonaws.com True" in lines
    assert "sqs https://sqs.cn-north-1.amazonaws.com.cn True" in lines


def test_a_cut_service_keeps_the_shapes_that_its_calls_reach() -> None:
    model = {
        "metadata": {"protocol": "json"},
        "documentation": "words",
        "operations": {
            "Kept": {"name": "Kept", "input": {"shape": "In"}, "errors": [{"shape": "Bad"}], "documentation": "words"},
            "Gone": {"name": "Gone", "input": {"shape": "Other"}},
        },
        "shapes": {
            "In": {"type": "structure", "members": {"documentation": {"shape": "Text"}, "List": {"shape": "Many"}}},
            "Many": {"type": "list", "member": {"shape": "In"}},
            "Text": {"type": "string", "documentation": "words"},
            "Bad": {"type": "structure", "members": {}},
            "Other": {"type": "structure", "members": {}},
        },
    }
    cut = botocore_data.cut_service(model, ("Kept",))
    assert set(cut["operations"]) == {"Kept"}
    assert set(cut["shapes"]) == {"In", "Many", "Text", "Bad"}
    assert set(cut["shapes"]["In"]["members"]) == {"documentation", "List"}
    assert "words" not in json.dumps(cut)


def test_byte_code_is_added_when_the_interpreter_is_the_runtimes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("ANSWER = 42\n")
    dependencies.compile_tree(tmp_path)
    (compiled,) = (tmp_path / "__pycache__").iterdir()
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01, "byte code must be found by hash and never be checked"
    assert b"/var/task/a.py" in compiled.read_bytes()


def test_dependencies_are_packed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("six==1.17.0  # why\nchalice==1.34.0\n")
    target = Target("local", "python3.11", "x86_64", (), byte_code=False)
    asked: list[list[str]] = []

    def download(command: list[str], *, check: bool) -> None:
        asked.append(command)
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        with zipfile.ZipFile(folder / "six-1.17.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("six.py", "")
            wheel.writestr("six-1.17.0.dist-info/METADATA", "")
            wheel.writestr("six-1.17.0.data/purelib/extra.py", "")
            wheel.writestr("six-1.17.0.data/scripts/tool", "")
            wheel.writestr("botocore/data/endpoints.json", '{"partitions": []}')
            for service in botocore_data.OPERATIONS:
                wheel.writestr(f"botocore/data/{service}/1/paginators-1.json", "{}")

    monkeypatch.setattr(subprocess, "run", download)
    first = dependencies.packed(requirements, target, tmp_path / "cache")
    assert dependencies.packed(requirements, target, tmp_path / "cache") == first
    assert len(asked) == 1
    assert asked[0][-1] == "six==1.17.0", "chalice brings its two modules itself"
    assert "--no-deps" in asked[0]
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == ["botocore/data/endpoints.json", "extra.py", "six.py"]
        assert {entry.date_time for entry in archive.infolist()} == {dependencies.EPOCH}


def test_checkov_findings_need_a_reason_and_reasons_a_finding() -> None:
    finding = {"check_id": "CKV_1", "resource": "AWS::SQS::Queue.A", "check_name": "Encrypt it"}
    report: dict[str, Any] = {"summary": {"parsing_errors": 0}, "results": {"failed_checks": [finding]}}
    assert checkov.judge(report, {"CKV_1": "because"}) == []
    assert checkov.judge(report, {}) == ["CKV_1 AWS::SQS::Queue.A: Encrypt it"]
    assert checkov.judge(report, {"CKV_1": "because", "CKV_2": "once"}) == [
        "CKV_2 finds nothing any more: take its reason out"
    ]
    report["summary"]["parsing_errors"] = 1
    assert checkov.judge(report, {}) == ["checkov could not read the template"]


def test_requirements_pin_everything_that_ships() -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    assert all("==" in line for line in lines if line)
    assert shutil.which("make"), "the way in is a Makefile"
