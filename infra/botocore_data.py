"""Cut botocore's data to what the functions call: 19 MB in 400 services become 1.3 MB in seven, mostly S3's rules.

A service keeps the operations of OPERATIONS, the shapes that those reach, its endpoint rules, and nothing else: no
documentation, examples, paginators or waiters. Files are unpacked, the deployment package is compressed anyway.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any, Final

# Every call that a function makes. tests/infra compares it with the policies.
OPERATIONS: Final[dict[str, tuple[str, ...]]] = {
    "dynamodb": (
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "BatchGetItem",
        "BatchWriteItem",
        "TransactGetItems",
        "TransactWriteItems",
    ),
    "events": ("PutEvents",),
    "kms": ("Encrypt", "Decrypt", "GenerateDataKey"),
    "s3": ("GetObject", "PutObject"),
    "sns": ("Publish", "Subscribe", "Unsubscribe", "GetSubscriptionAttributes", "SetSubscriptionAttributes"),
    "sqs": ("SendMessage", "SendMessageBatch"),
    "ssm": ("GetParameter", "PutParameter", "DeleteParameter"),
}


def prune(data: Path) -> None:
    """Cut the folder ``botocore/data`` in place. Raises KeyError when an operation does not exist."""
    for entry in sorted(data.iterdir()):
        if entry.is_dir() and entry.name not in OPERATIONS:
            shutil.rmtree(entry)
    for service, operations in OPERATIONS.items():
        for version in sorted((data / service).iterdir()):
            _prune_version(version, operations)
    endpoints = data / "endpoints.json"
    _write(endpoints, _cut_endpoints(json.loads(endpoints.read_bytes())))


def _prune_version(folder: Path, operations: tuple[str, ...]) -> None:
    for file in sorted(folder.iterdir()):
        name = file.name.partition(".")[0]
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        file.unlink()
        if name == "service-2" and "sdk-extras" not in file.name:
            _write(folder / "service-2.json", cut_service(json.loads(raw), operations))
        elif name == "endpoint-rule-set-1":
            _write(folder / "endpoint-rule-set-1.json", json.loads(raw))


def cut_service(model: dict[str, Any], operations: tuple[str, ...]) -> dict[str, Any]:
    """The service model with these operations and the shapes that they reach."""
    kept = {name: model["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    waiting = [shape for operation in kept.values() for shape in _shapes_of(operation)]
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting.extend(_shapes_of(shapes[name]))
    cut = dict(_without_documentation({**model, "operations": kept, "shapes": shapes}))
    for parameter in cut.get("clientContextParams", {}).values():
        parameter["documentation"] = ""  # botocore reads these, and fails where there are none
    return cut


def _shapes_of(node: Any) -> list[str]:
    """Names of the shapes that an operation or a shape points at."""
    if isinstance(node, list):
        return [name for item in node for name in _shapes_of(item)]
    if not isinstance(node, dict):
        return []
    own = [node["shape"]] if isinstance(node.get("shape"), str) else []
    return own + [name for value in node.values() for name in _shapes_of(value)]


def _without_documentation(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_documentation(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_documentation(value) for key, value in node.items() if not _is_documentation(key, value)}
    return node


def _is_documentation(key: str, value: Any) -> bool:
    """``documentation`` is text; a member of that name is a shape."""
    return key in ("documentation", "documentationUrl") and isinstance(value, str)


def _cut_endpoints(endpoints: dict[str, Any]) -> dict[str, Any]:
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in OPERATIONS if name in services}
    return endpoints


def _write(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
