"""checkov on the packaged template, less the findings that infra/checkov/skips.yaml gives a reason for.

It pins an old boto3, so it runs from a virtual environment of its own, which the Makefile makes.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = ROOT / ".venv-checkov" / "bin" / "checkov"
SKIPS: Final = ROOT / "infra" / "checkov" / "skips.yaml"


def run(template: Path) -> list[str]:
    """Findings without a reason, and reasons without a finding. Raises FileNotFoundError when it is not installed."""
    command = [COMMAND, "--file", template, "--framework", "cloudformation", "--output", "json", "--skip-download"]
    done = subprocess.run([*map(str, command), "--compact", "--quiet"], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise RuntimeError(f"checkov said nothing: {done.stderr[-2000:]}")
    return judge(json.loads(done.stdout), yaml.safe_load(SKIPS.read_text()))


def judge(report: Mapping[str, Any], skips: Mapping[str, str]) -> list[str]:
    """Compare a report with the reasons."""
    if report["summary"]["parsing_errors"]:
        return ["checkov could not read the template"]
    found = defaultdict(list)
    for finding in report["results"]["failed_checks"]:
        found[finding["check_id"]].append(f"{finding['resource']}: {finding['check_name']}")
    new = [f"{check} {where}" for check, places in found.items() if check not in skips for where in places]
    return new + [f"{check} finds nothing any more: take its reason out" for check in skips if check not in found]
