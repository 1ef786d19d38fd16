"""The rule about the deployment package."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Final

from infra.checks.template import FUNCTION, Template, rule

_AARCH64: Final = 183  # e_machine of an ELF header
_EXTENSION: Final = re.compile(r"\.(?:cpython-(\d+)[^/]*|abi3)\.so$")
_LIBRARY: Final = re.compile(r"\.so(\.|$)")


@rule("R27", "every library in the package is for aarch64 and for python3.13")
def libraries(template: Template) -> Iterator[tuple[str, str]]:
    for name, properties in template.of_type(FUNCTION):
        if not properties.get("Architectures"):
            yield name, "does not say for which CPU its package is"
    if template.code is None:
        return
    with zipfile.ZipFile(template.code) as package:
        for entry in package.infolist():
            if not _LIBRARY.search(entry.filename):
                continue
            with package.open(entry) as file:
                head = file.read(20)
            if head[:4] != b"\x7fELF" or int.from_bytes(head[18:20], "little") != _AARCH64:
                yield entry.filename, "is not for aarch64"
            tagged = _EXTENSION.search(entry.filename)
            if tagged and tagged.group(1) not in (None, "313"):
                yield entry.filename, "is for another Python than 3.13"
