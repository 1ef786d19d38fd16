"""The step that needs Chalice: validate, package, merge. Runs in a process of its own, because it imports the app.

``python -m infra.chalice_package PROJECT OUT MERGE`` packages the project folder PROJECT (a clean copy without
requirements, see infra/build.py) into OUT/sam.json and OUT/deployment.zip.
"""

from __future__ import annotations

import sys

from chalice.cli.factory import CLIFactory
from chalice.deploy.validate import validate_configuration

CHALICE_STAGE = "echoloop"  # our own stages are a parameter of the template


def package(project: str, out: str, merge: str) -> None:
    """Write template and code. Raises ValueError for routes or settings that would fail when deployed."""
    factory = CLIFactory(project)
    config = factory.create_config_obj(CHALICE_STAGE)
    validate_configuration(config)  # `chalice package` leaves this to `chalice deploy`
    packager = factory.create_app_packager(config, factory.create_package_options(), "cloudformation", "yaml", merge)
    packager.package_app(config, out, CHALICE_STAGE)


if __name__ == "__main__":
    package(*sys.argv[1:4])
