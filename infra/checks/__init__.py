"""The rules that a packaged template keeps, by number. ``run`` returns what is broken; nothing is good.

cfn-lint checks that a template is valid; these check that it is sound. Each is a pure function of the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.checks import access, api, code, functions, messages, stores
from infra.checks.template import RULES, Finding, Rule, Template

__all__ = ["RULES", "Finding", "Rule", "Template", "access", "api", "code", "functions", "messages", "run", "stores"]


def run(document: Mapping[str, Any], zip_file: Path | None = None) -> list[Finding]:
    """Every finding, by rule. Without ``zip_file`` the rule about its content has nothing to look at."""
    template = Template(document, zip_file)
    return [finding for number in sorted(RULES) for finding in RULES[number].findings(template)]
