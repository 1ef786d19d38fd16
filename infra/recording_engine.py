"""The local engine, with a list of which role called what on which resource; its workers share their code.

Run as a script, in the engine's own environment. The engine records calls too, but shows only the last fifty and
forgets them at a stop; a test that compares grants with uses needs each kind of call once. Its list has no refused
calls; ours has them under the access key "denied". Writes one JSON line per new (access key, service, call, resource)
to $ECHOLOOP_CALLS.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from ministack.app import main
from ministack.core import iam_actions, lambda_runtime
from ministack.services import cloudtrail

DENIED = "denied"

# What IAM checks for each part of a transaction.
_PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}

_SAME = {"SendMessageBatch": "SendMessage"}  # calls that IAM knows under another's name


def uses(service: str, call: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(IAM action, resource as the caller named it) of one request."""
    if call in ("TransactWriteItems", "TransactGetItems"):
        for item in asked.get("TransactItems", ()):
            for part, body in item.items():
                yield _PARTS[part], body["TableName"]
    elif call in ("BatchGetItem", "BatchWriteItem"):
        for table in asked.get("RequestItems", {}):
            yield call, table
    elif service == "dynamodb":
        index = asked.get("IndexName")
        yield call, f"{asked.get('TableName')}/index/{index}" if index else str(asked.get("TableName"))
    elif service == "events":
        for entry in asked.get("Entries", ()):
            yield call, entry.get("EventBusName", "default")
    else:
        names = ("QueueUrl", "TopicArn", "SubscriptionArn", "Name", "KeyId")
        # Query requests carry the call in their form; the engine does not look there for its name.
        yield (
            _SAME.get(call, str(asked.get("Action", call))),
            next((str(asked[name]) for name in names if name in asked), ""),
        )


def record_to(path: str) -> None:
    """Append what is new to the file at ``path``, beside what the engine does itself."""
    recorded, refused, seen = cloudtrail.record_event, iam_actions.access_denied_response, set()

    def write(*use: str) -> None:
        if use not in seen:
            seen.add(use)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(use) + "\n")

    def record_event(**event: Any) -> None:
        recorded(**event)
        service, call = event["service"], event["event_name"]
        if service == "s3":  # named in the path: the bucket is all that grants tell apart
            write(event["access_key_id"], service, call, f"{event['resources'][0]['ResourceName']}/file")
            return
        for action, resource in uses(service, call, event["request_params"]):
            write(event["access_key_id"], service, action, resource)

    def access_denied_response(service: str, action: str, principal_arn: str, *args: Any, **more: Any) -> Any:
        write(DENIED, service, action, principal_arn)
        return refused(service, action, principal_arn, *args, **more)

    cloudtrail.record_event = record_event
    iam_actions.access_denied_response = access_denied_response


def know_batches() -> None:
    """IAM has no action for batches and asks for that of their parts; the engine asks for one by the call's name."""
    asked = iam_actions.extract_iam_action

    def extract_iam_action(*request: Any, **more: Any) -> str | None:
        action: str | None = asked(*request, **more)
        service, _, call = (action or "").partition(":")
        return f"{service}:{_SAME[call]}" if call in _SAME else action

    iam_actions.extract_iam_action = extract_iam_action


def share_code(folder: Path) -> None:
    """Unpack a package once; every worker's folder points into it.

    The engine unpacks the zip for each worker that it starts, and each worker compiles what it imports. Where they
    share the files they share the byte code that the first one leaves beside them, too. What an earlier engine unpacked
    goes: its workers are gone.
    """
    shutil.rmtree(folder, ignore_errors=True)
    lock = Lock()

    class Shared(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
            tree = folder / hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
            with lock:
                if not tree.exists():
                    part = tree.with_suffix(".part")
                    super().extractall(part, members, pwd)
                    part.rename(tree)
            for entry in tree.iterdir():
                (Path(path) / entry.name).symlink_to(entry)

    lambda_runtime.zipfile = SimpleNamespace(ZipFile=Shared, BadZipFile=zipfile.BadZipFile)


if __name__ == "__main__":
    know_batches()
    share_code(Path(os.environ["HOME"]) / "code")
    record_to(os.environ["ECHOLOOP_CALLS"])
    main()
