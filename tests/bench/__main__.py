"""``make bench``: counts calls, units, bytes and dollars for the declared mix, and the first hook of a cold process.

Counts are exact. Times are ratios or CPU milliseconds of one run on this machine: never compare them across runs.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from infra import build, client
from infra.client import Api
from infra.local import Stack
from tests.bench import bill, cold
from tests.bench.meter import Meter
from tests.bench.pump import Pump, take_over
from tests.fakes.oa import running_oa

PORT = 4795
FEEDBACK = 400
UNITS = 20
DAYS = 90
BODY_BYTES = 1200
UNHAPPY = 0.08
LISTED = 25  # of the operations that units go to

# 2.3 tags a voice on average; the mean that came out is printed.
PRAISE = (
    "物流很快，包装也很严实，快递员态度特别好，下次还会再来买",
    "质量不错，价格实惠，客服回复很及时",
    "发货速度快，收到的东西和描述一致，很满意",
    "退款很快到账，客服耐心解答了我的问题",
)
BLAME = ("包裹破损了，客服没有回应，退款也一直没到账", "物流太慢，等了十天，快递员态度很差")


def voice(number: int) -> dict[str, Any]:
    """One feedback of the declared mix, 1.2 KB long."""
    unhappy = number % 25 in (3, 15)  # 8 %
    texts = BLAME if unhappy else PRAISE
    occurred = datetime.now(timezone.utc) - timedelta(minutes=5)
    body: dict[str, Any] = {
        "type": "feedback.created",
        "id": f"bench-{number:06d}",
        "occurred_at": occurred.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "channel": "survey",
        "touchpoint": "delivery",
        "unit": f"SH/{number % UNITS:03d}",
        "lang": "zh-CN",
        "customer": {"id": f"CUST-{number:06d}", "name": "王小明", "phone": f"138{number:08d}"},
        "scores": [{"kind": "nps", "value": 3 if unhappy else 10, "scale": [0, 10]}],
        "texts": [{"question": "您为什么给出这个分数？", "text": texts[number % len(texts)], "speaker": "customer"}],
        "attributes": {"order_id": f"SO-{number:08d}", "sku": "SKU-10086", "source_page": "order-complete"},
    }
    short = BODY_BYTES - len(json.dumps(body, ensure_ascii=False).encode()) - len(', "padding": ""')
    body["attributes"]["padding"] = "x" * max(0, short)
    return body


@contextlib.contextmanager
def bench_stack() -> Iterator[Stack]:
    """A stack of its own that leaves nothing behind."""
    with tempfile.TemporaryDirectory() as home:
        stack = Stack(PORT, Path(home))
        try:
            stack.up(RollupDelaySeconds="1")
            yield stack
        finally:
            stack.remove()


def configure(stack: Stack, oa_url: str) -> tuple[Api, dict[str, Any]]:
    """One connection, one endpoint, one e-mail subscriber."""
    api = Api(stack.api_url, stack.admin_key)
    connection = api.made("/v1/connections", {"name": "bench", "workspace": "demo", "source": "canonical"})
    endpoint = {"name": "OA", "workspace": "demo", "connector": "standard_webhooks", "url": oa_url}
    api.made("/v1/endpoints", {**endpoint, "events": ["ticket.opened"]})
    return api, connection


def gateway_event(hook_url: str, webhook: client.Signed) -> dict[str, Any]:
    """What API Gateway hands to the function for one hook call."""
    connection, token = hook_url.rsplit("/", 2)[1:]
    return cold.gateway_event(
        "/v1/hooks/{connection}/{token}", {"connection": connection, "token": token}, webhook.headers, webhook.body
    )


def hear(meter: Meter, connection: dict[str, Any]) -> None:
    """Every voice through the API function."""
    from app import app

    for number in range(FEEDBACK):
        webhook = client.canonical(voice(number), connection["secret"])
        event = gateway_event(connection["hook_url"], webhook)
        with meter.at("api"):
            answer = app(event, None)
        if answer["statusCode"] != 202:
            raise RuntimeError(f"a hook answered {answer['statusCode']}: {answer['body']}")


def stored_bytes(stack: Stack) -> tuple[float, float]:
    """Bytes per feedback in the table and in its indexes, by DynamoDB's own size rule."""
    base = index = 0
    description = stack.clients("dynamodb").describe_table(TableName=stack.facts["table"])["Table"]
    pages = stack.clients("dynamodb").get_paginator("scan").paginate(TableName=stack.facts["table"])
    for item in (item for page in pages for item in page["Items"]):
        if item["pk"]["S"].startswith(("WS#", "KEY#", "CURSOR")):
            continue  # configuration
        base += _size(item) + bill.ENTRY_OVERHEAD
        for one in description["GlobalSecondaryIndexes"]:
            names = {part["AttributeName"] for part in one["KeySchema"]}
            if names <= set(item):
                names |= {"pk", "sk", *one["Projection"].get("NonKeyAttributes", ())}
                index += _size({name: item[name] for name in names & set(item)}) + bill.ENTRY_OVERHEAD
    return base / FEEDBACK, index / FEEDBACK


def _size(item: dict[str, Any]) -> int:
    """UTF-8 length of names and strings, bytes of binaries, about half a byte a digit for numbers."""
    total = 0
    for name, typed in item.items():
        ((kind, value),) = typed.items()
        total += len(name.encode())
        if kind == "S":
            total += len(value.encode())
        elif kind == "B":
            total += len(value)
        elif kind == "N":
            total += len(value.strip("-").replace(".", "")) // 2 + 1
        elif kind == "SS":
            total += sum(len(one.encode()) for one in value)
        else:
            total += 1
    return total


def stages(connection: dict[str, Any]) -> dict[str, float]:
    """CPU milliseconds per feedback of what enrich does, stage by stage."""
    from chalicelib.domain.inbound.arrival import Arrival
    from chalicelib.domain.reading.frame_state import FrameState
    from chalicelib.domain.text.redaction import redact
    from chalicelib.domain.voice.feedback import Feedback
    from chalicelib.domain.workspaces import rules
    from chalicelib.sources.registry import load
    from chalicelib.wiring import frames

    source, now = load("canonical"), datetime.now(timezone.utc)
    reader = frames.frame_book().reader(FrameState("bench"))
    arrivals = [Arrival(client.canonical(voice(n), connection["secret"]).body, now) for n in range(FEEDBACK)]
    parsed: list[Any] = []
    read: list[Any] = []
    spent = {"parse": _cpu(lambda: parsed.extend(source.parse(arrival, {}) for arrival in arrivals))}
    spent["redact"] = _cpu(lambda: [redact(text.text) for one in parsed for text in one.texts])
    spent["read"] = _cpu(lambda: read.extend(reader.read(one.texts) for one in parsed))
    whole = [
        Feedback(
            "demo", "fb", "cn", "canonical", "new", now, now, scores=one.scores, texts=one.texts, understanding=said
        )
        for one, said in zip(parsed, read, strict=True)
    ]
    in_force = rules.effective_rules(())
    spent["decide"] = _cpu(lambda: [rules.decide(in_force, one) for one in whole])
    print(f"tags per voice {sum(len(one.tags) for one in read) / FEEDBACK:.2f}")
    return {name: seconds * 1000 / FEEDBACK for name, seconds in spent.items()}


def _cpu(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def main() -> int:
    """Print the whole bench."""
    with bench_stack() as stack, running_oa() as oa, Meter().installed() as meter:
        _, connection = configure(stack, oa.url)
        take_over(stack)
        pump = Pump(stack, meter)
        printed = io.StringIO()  # the logger keeps the first stream that it sees
        with contextlib.redirect_stdout(printed):
            _warm(connection)
            pump.drain()
            meter.reset()
            printed.truncate(printed.seek(0))
            hear(meter, connection)
            pump.drain()
            time.sleep(2)  # the rollups' delay
            pump.drain()
        item_bytes, index_bytes = stored_bytes(stack)
        run = bill.Counted(meter, FEEDBACK, len(printed.getvalue().encode()), item_bytes, index_bytes, DAYS)
        _print_counts(run)
        _print_bill(run)
        print("\nenrich, CPU ms per feedback on this machine")
        for name, spent in stages(connection).items():
            print(f"  {name:10} {spent:.3f}")
        print(f"  {'whole':10} {meter.cpu['enrich'] * 1000 / FEEDBACK:.3f}  (calls to AWS included)")
        cold.report(stack, connection, voice)
    _print_sizes()
    return 0


def _warm(connection: dict[str, Any]) -> None:
    """One voice first: what only a cold process does is the cold bench's business."""
    from app import app

    app(gateway_event(connection["hook_url"], client.canonical(voice(FEEDBACK), connection["secret"])), None)


def _print_counts(run: bill.Counted) -> None:
    meter = run.meter
    mean = statistics.fmean(len(json.dumps(voice(n), ensure_ascii=False).encode()) for n in range(FEEDBACK))
    print(f"mix: {FEEDBACK} feedback of {mean:.0f} bytes in {UNITS} units, {UNHAPPY:.0%} tickets")
    print(f"\nwarm hook path: {sum(n for (at, _, _), n in meter.calls.items() if at == 'api') / FEEDBACK:g} AWS calls")
    print("\ncalls per feedback")
    for (stage, service, operation), number in sorted(meter.calls.items()):
        print(f"  {stage:8} {service}:{operation:22} {number / FEEDBACK:.3f}")
    for title, units in (("write", meter.write_units), ("read", meter.read_units)):
        print(f"\n{title} units per feedback: {sum(units.values()) / FEEDBACK:.2f}")
        for (stage, where), number in sorted(units.items()):
            if number:
                print(f"  {stage:8} {where:10} {number / FEEDBACK:.3f}")
    print("\nunits per feedback by operation and kind of row, the dearest first")
    for (stage, operation, rows), number in meter.by_row.most_common(LISTED):
        print(f"  {number / FEEDBACK:.3f}  {stage:8} {operation:18} {rows}")
    print(f"\nstored per feedback: {run.item_bytes:.0f} bytes in the table, {run.index_bytes:.0f} in indexes")


def _print_bill(run: bill.Counted) -> None:
    print(f"\ndollars per million feedback at {DAYS} days' retention, list price")
    found = bill.lines(run)
    for name, dollars in sorted(found.items(), key=lambda pair: -pair[1]):
        print(f"  {dollars:6.2f}  {name}")
    left = sum(found.values())
    print(f"  {left:6.2f}  in all")
    print("the way to 10 and below, none of it taken yet")
    for step, saved in bill.savings(found, run.days).items():
        left -= saved
        print(f"  {left:6.2f}  after {step} (-{saved:.2f})")


def _print_sizes() -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = build.build(build.local_target(byte_code=True), Path(folder))
        print("\npackage with byte code\n" + build.report(package))


if __name__ == "__main__":
    sys.exit(main())
