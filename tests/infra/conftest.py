"""The package as it would go to AWS, built once for the session. Rules are tried on copies of its template."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from infra import build
from infra.build import Package


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Template and zip for AWS."""
    return build.build(build.aws_target(), tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="session")
def local_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Template and zip for this machine."""
    return build.build(build.local_target(), tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="session")
def packaged(package: Package) -> dict[str, Any]:
    """The template; do not change it."""
    return package.document()


@pytest.fixture
def document(packaged: dict[str, Any]) -> dict[str, Any]:
    """A copy of the template to break."""
    return copy.deepcopy(packaged)
