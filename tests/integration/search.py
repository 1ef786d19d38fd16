"""Looks for things that must not be there: in any spelling, and in all places that a stack writes to."""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.storage.packing import unpack
from infra import client

_ESCAPE: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")  # however often it was escaped
_PACKED: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_BETWEEN: Final = re.compile(r"[\s().+\-–—·*]+")
_DEPTH: Final = 3  # base64 in JSON in base64


def spellings(text: str, depth: int = _DEPTH) -> Iterator[str]:
    """The text as one reads it: escapes undone, wide characters narrow; then the same of what is base64 in it."""
    plain = unicodedata.normalize("NFKC", _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text))
    yield plain
    for found in _PACKED.findall(text) if depth else ():
        try:
            inner = base64.b64decode(found.replace("-", "+").replace("_", "/") + "=" * (-len(found) % 4))
            yield from spellings(inner.decode(), depth - 1)
        except (binascii.Error, ValueError):
            continue


@dataclass(frozen=True)
class Needles:
    """What to look for: name → text. ``numbers`` are found whatever stands between their digits."""

    texts: Mapping[str, str]
    numbers: Mapping[str, str]

    def found_in(self, text: str) -> set[str]:
        """Names of what is in the text, in any spelling."""
        found: set[str] = set()
        for plain in spellings(text):
            found |= {name for name, needle in self.texts.items() if needle in plain}
            bare = _BETWEEN.sub("", plain)
            found |= {name for name, needle in self.numbers.items() if needle in bare}
        return found

    def but(self, *names: str) -> Needles:
        """Without some of them."""
        left = {name: needle for name, needle in self.texts.items() if name not in names}
        return Needles(left, {name: needle for name, needle in self.numbers.items() if name not in names})


def logs(stack: Any) -> Iterator[tuple[str, str]]:
    """(log group, line) of every log of the stack, and the engine's own log."""
    api = stack.clients("logs")
    for group in api.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for page in api.get_paginator("filter_log_events").paginate(logGroupName=name):
            yield from ((name, event["message"]) for event in page["events"])
    with (stack.engine.home / "engine.log").open(encoding="utf-8", errors="replace") as lines:
        yield from (("engine.log", line) for line in lines)


def metrics(stack: Any) -> Iterator[tuple[str, str]]:
    """Names and dimensions of every metric."""
    for page in stack.clients("cloudwatch").get_paginator("list_metrics").paginate():
        yield from (("metrics", json.dumps(metric, ensure_ascii=False)) for metric in page["Metrics"])


def rows(stack: Any, workspace: str) -> Iterator[tuple[str, str]]:
    """(kind of row, its content) of every row of a workspace, unpacked."""
    pages = stack.clients("dynamodb").get_paginator("scan").paginate(TableName=stack.facts["table"])
    for page in pages:
        for item in page["Items"]:
            if workspace in json.dumps(item, default=repr):
                kind = f"{item['pk']['S'].split('#')[0]} {item['sk']['S'].split('#')[0]}"
                yield kind, json.dumps({name: _value(value) for name, value in item.items()}, ensure_ascii=False)


def _value(value: Mapping[str, Any]) -> Any:
    if "B" not in value:
        return value
    raw = bytes(value["B"])
    try:
        return unpack(raw)
    except Exception:  # noqa: BLE001 - a sealed value is no packed one; it is searched as it is
        return raw.decode("utf-8", "replace")


@dataclass
class Watch:
    """Everything that lay on a queue at any of many looks. Bodies of the inbox are the one thing that may be raw."""

    seen: dict[str, set[str]] = field(default_factory=dict)  # queue → messages
    looks: int = 0

    def look(self, url: str, queue: str) -> None:
        sealed = queue.endswith(("-inbox", "-inbox-dlq"))
        for message in _messages(client.send("GET", url).json):
            seen = {name: value for name, value in message.items() if not (sealed and name.lower() == "body")}
            self.seen.setdefault(queue, set()).add(json.dumps(seen, ensure_ascii=False, sort_keys=True))

    def has_seen(self, *queues: str) -> bool:
        """Whether something lay on each of these queues, ``inbox`` and its like."""
        return all(any(url.endswith(f"-{queue}") for url in self.seen) for queue in queues)

    def messages(self) -> Iterator[tuple[str, str]]:
        """(queue, message) of everything that was seen."""
        yield from ((queue, message) for queue, messages in self.seen.items() for message in messages)


def _messages(answer: Any) -> list[dict[str, Any]]:
    """The messages in the engine's answer, wherever they stand in it."""
    if isinstance(answer, list):
        return [found for entry in answer for found in _messages(entry)]
    if isinstance(answer, dict):
        if any(name.lower() == "body" for name in answer):
            return [answer]
        return [found for entry in answer.values() for found in _messages(entry)]
    return []


@contextmanager
def watching(stack: Any, skip: Sequence[str] = ("mirror-",)) -> Iterator[Watch]:
    """Look at every queue again and again, without taking anything, until the end of the block."""
    watch, stop = Watch(), threading.Event()
    urls = [url for url in stack.clients("sqs").list_queues()["QueueUrls"] if not url.split("/")[-1].startswith(skip)]
    peek = f"{stack.engine.url}/_ministack/sqs/messages?QueueUrl="

    def look() -> None:
        while not stop.wait(0.1):
            for url in urls:
                watch.look(peek + url, url.rsplit("/", 1)[-1])
            watch.looks += 1

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


@contextmanager
def standing_still(stack: Any, *functions: str) -> Iterator[None]:
    """Let nobody take from the queues of these functions, so that one can see what lies there."""
    client_ = stack.clients("lambda")
    found = [
        (mapping["FunctionArn"].rsplit("-", 1)[-1], mapping["UUID"])
        for mapping in client_.list_event_source_mappings()["EventSourceMappings"]
    ]
    if missing := set(functions) - {name for name, _ in found}:
        raise ValueError(f"no mappings for {sorted(missing)}")
    mappings = [uuid for name, uuid in found if name in functions]
    try:
        for mapping in mappings:
            client_.update_event_source_mapping(UUID=mapping, Enabled=False)
        yield
    finally:
        for mapping in mappings:
            client_.update_event_source_mapping(UUID=mapping, Enabled=True)
