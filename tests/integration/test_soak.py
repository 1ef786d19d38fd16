"""Nothing lost, nothing doubled: repeats, disorder, malformed bodies, killed workers, an OA that refuses for a while.

``make soak`` runs it at the size that is promised (SOAK_FEEDBACK=1000 SOAK_KILLS=20); ``make test`` at a smaller one.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.storage.packing import unpack
from infra import client
from infra.client import Signed
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

FEEDBACK = int(os.environ.get("SOAK_FEEDBACK", "120"))
KILLS = int(os.environ.get("SOAK_KILLS", "4"))
REFUSING_S = float(os.environ.get("SOAK_REFUSING_S", "3"))
SEED = int(os.environ.get("SOAK_SEED", "20261121"))
CALLERS = 8
UNITS = ("SH/001", "SH/002", "BJ/001", None)
WORDS = (("包裹破损，客服没有回应", 2), ("物流很快，包装也好", 10), ("一般般吧", 8), ("退款一周没到账", 4))


@dataclass
class Load:
    """What will be sent, and what must come of it."""

    webhooks: list[tuple[str, Signed]] = field(default_factory=list)  # in sending order, repeats included
    unique: int = 0
    malformed: int = 0


def build(world: World, rng: random.Random) -> Load:
    """10 % of the voices three times, 5 % with the comment before the score, 2 % malformed."""
    canonical, jinshuju = world.connect("canonical"), world.connect("jinshuju")
    load = Load(unique=FEEDBACK, malformed=round(FEEDBACK * 0.02))
    groups: list[list[tuple[str, Signed]]] = []
    for number in range(FEEDBACK):
        if number < load.malformed:
            body = {"form": "F", "entry": {"field_1": 3, "marker": number}}
            group = [(jinshuju["hook_url"], client.jinshuju(body))]
        else:
            secret = canonical["secret"]
            bodies = _revisions(number) if number % 20 == 19 else [_voice(number, rng)]
            group = [(canonical["hook_url"], client.canonical(body, secret)) for body in bodies]
        groups.append(group * 3 if number % 10 == 5 else group)
    rng.shuffle(groups)
    load.webhooks = [webhook for group in groups for webhook in group]
    return load


def _voice(number: int, rng: random.Random) -> dict[str, Any]:
    text, score = WORDS[rng.randrange(len(WORDS))]
    occurred = datetime.now(timezone.utc) - timedelta(hours=number % 3, minutes=1)
    return voice(
        id=f"soak-{number}",
        unit=UNITS[number % len(UNITS)],
        occurred_at=occurred.strftime("%Y-%m-%dT%H:%M:%SZ"),
        scores=[{"kind": "nps", "value": score, "scale": [0, 10]}],
        texts=[{"text": text, "speaker": "customer"}],
    )


def _revisions(number: int) -> list[dict[str, Any]]:
    """The newer revision first."""
    newer = voice(id=f"soak-{number}", revision=2, unit=UNITS[number % len(UNITS)])
    older = {**newer, "revision": 1}
    del older["texts"]
    return [newer, older]


def send_all(load: Load) -> tuple[set[str], dict[str, float]]:
    """Post everything as platforms do, which try again after a 5xx; ids answered, and when each was first heard."""
    heard: dict[str, float] = {}
    lock = threading.Lock()

    def post(hook_url: str, webhook: Signed) -> None:
        for _ in range(20):
            answer = webhook.post(hook_url)
            if answer.status == 202:
                with lock:
                    heard.setdefault(answer.json["id"], time.time())
                return
            assert answer.status >= 500, (answer.status, answer.json)
            time.sleep(0.2)
        pytest.fail("a hook kept answering 5xx")

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda pair: post(*pair), load.webhooks))
    return set(heard), heard


def kill_workers(stack: Any, kills: int, rng: random.Random, done: threading.Event) -> list[int]:
    """SIGKILL random workers (never the API's: its callers would be told) until ``kills`` are dead."""
    killed: list[int] = []
    workers = ("enrich", "outbox", "ticket", "deliver", "alert", "rollup")
    while len(killed) < kills and not done.wait(rng.uniform(0.1, 0.6)):
        pids = stack.worker_pids(rng.choice(workers))
        if pids:
            pid = rng.choice(pids)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append(pid)
    return killed


def settled(world: World, heard: set[str]) -> list[Any] | None:
    """All feedback once everything heard is stored and nothing waits for its action."""
    listed = world.all_feedback()
    waiting = [one for one in listed if "ticket" in one["actions"] and one["state"] == "new"]
    return listed if {one["id"] for one in listed} >= heard and not waiting else None


def rows(world: World, prefix: str) -> list[dict[str, Any]]:
    """Rows of this workspace straight from the table: what the promise is about."""
    pages = world.stack.clients("dynamodb").get_paginator("scan").paginate(TableName=world.stack.facts["table"])
    start = f"{prefix}#{world.workspace}"
    return [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith(start)]


def counted(world: World) -> dict[tuple[str, str], tuple[int, int]]:
    """What the rollups say: (unit, hour) → voices, NPS detractors."""
    found = {}
    for item in rows(world, "BK"):
        if "doc" not in item:
            return {}
        doc = unpack(item["doc"]["B"])
        if doc["n"]:
            detractors = doc["scores"].get("nps", {}).get("classes", {}).get("detractor", 0)
            found[item["pk"]["S"].split("#", 2)[2], item["sk"]["S"]] = (doc["n"], detractors)
    return found


def recounted(listed: list[Any]) -> dict[tuple[str, str], tuple[int, int]]:
    """The same, counted here from the feedback that the API lists."""
    voices: Counter[tuple[str, str]] = Counter()
    detractors: Counter[tuple[str, str]] = Counter()
    for one in listed:
        if one["state"] == "parked":
            continue
        bucket = (one["unit"] or "-", one["occurred_at"][:13])
        voices[bucket] += 1
        detractors[bucket] += any(score["class"] == "detractor" for score in one["scores"])
    return {bucket: (number, detractors[bucket]) for bucket, number in voices.items()}


def snapshot(world: World) -> dict[tuple[str, str], Any]:
    """Every feedback, ticket and history row, byte for byte."""
    found = [item for prefix in ("FB", "TK") for item in rows(world, prefix)]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}


def quiet(world: World) -> bool:
    """Whether no queue has work; a message that a killed worker held comes back after its visibility time."""
    sqs, names = world.stack.clients("sqs"), ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for url in world.stack.facts["queues"].values():
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if any(int(number) for number in counts.values()):
            return False
    return True


def one_at_a_time(world: World, oa: Oa, number: int = 10) -> list[float]:
    """Seconds from heard to pushed while nothing else is under way; those of the storm include its backlog."""
    connection, lags = world.connect("canonical"), []
    for _ in range(number):
        at = time.time()
        feedback_id = world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
        lags.append(wait_for(lambda wanted=feedback_id: pushed_at(oa, wanted), "the ticket at the OA") - at)
    return lags


def pushed_at(oa: Oa, feedback_id: str) -> float | None:
    """When the OA took the ticket of a feedback, epoch seconds."""
    opened = oa.of("ticket.opened")
    return next((event["received_at"] for event in opened if event["data"]["feedback"]["id"] == feedback_id), None)


def test_nothing_is_lost_and_nothing_is_doubled(world: World, oa: Oa, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(SEED)
    world.endpoint(oa, events=["ticket.opened"])
    idle = one_at_a_time(world, oa)
    calm = {event["data"]["feedback"]["id"] for event in oa.of("ticket.opened")}
    load = build(world, rng)
    patience = 60 + FEEDBACK / 4
    done = threading.Event()
    killed: list[int] = []
    killer = threading.Thread(target=lambda: killed.extend(kill_workers(world.stack, KILLS, rng, done)))
    killer.start()
    refusing = threading.Timer(2.0, lambda: setattr(oa, "refuse_until", time.monotonic() + REFUSING_S))
    refusing.start()

    heard, heard_at = send_all(load)
    killer.join(60)
    done.set()
    heard |= calm
    listed = wait_for(lambda: settled(world, heard), "all feedback stored and acted on", patience)
    expected = {one["id"] for one in listed if "ticket" in one["actions"]}
    wait_for(lambda: len(oa.of("ticket.opened")) >= len(expected), "all tickets at the OA", patience)
    wait_for(lambda: quiet(world), "quiet queues", patience)

    parked = {one["id"] for one in listed if one["state"] == "parked"}
    assert {one["id"] for one in listed} == heard, "stored + parked differs from what was heard"
    assert len(heard) == load.unique + len(calm)
    assert len(parked) == load.malformed
    assert {one["parked_reason"] for one in listed if one["id"] in parked} <= {"mapping_missing_response_id"}
    opened = Counter(event["data"]["feedback"]["id"] for event in oa.of("ticket.opened"))
    assert set(opened) == expected, "the OA's tickets differ from those that the rules asked for"
    assert set(opened.values()) <= {1}, "a ticket was opened twice at an OA that honours the key"
    assert len(killed) == KILLS
    wait_for(lambda: counted(world) == recounted(listed), "rollups equal to a recount", patience)

    before = snapshot(world)
    send_all(load)
    _replay_events(world)
    wait_for(lambda: quiet(world), "quiet queues after the replay", patience)
    assert snapshot(world) == before, "a second replay of everything changed a row"
    assert len(oa.of("ticket.opened")) == len(expected), "a second replay opened a ticket at the OA"
    assert counted(world) == recounted(world.all_feedback())

    stormy = [event for event in oa.of("ticket.opened") if event["data"]["feedback"]["id"] in heard_at]
    lags = sorted(event["received_at"] - heard_at[event["data"]["feedback"]["id"]] for event in stormy)
    quantiles = statistics.quantiles(lags, n=20)
    with capsys.disabled():
        print(
            f"\n  soak: {load.unique} voices in {len(load.webhooks)} calls, {len(killed)} workers killed, OA refused"
            f" for {REFUSING_S:.0f} s: stored {len(listed) - len(parked)} + parked {len(parked)}, lost 0,"
            f" tickets {len(expected)}, doubled 0, repeats the key caught {sum(oa.repeats.values())};"
            f" heard → pushed one at a time p50 {statistics.median(idle):.2f} s, worst {max(idle):.2f} s,"
            f" all at once p50 {statistics.median(lags):.2f} s, p95 {quantiles[18]:.2f} s (seed {SEED})"
        )


def _replay_events(world: World) -> None:
    """Publish the whole range again, page by page."""
    now = datetime.now(timezone.utc)
    body: dict[str, Any] = {
        "workspace": world.workspace,
        "since": (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "until": (now + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "what": "events",
    }
    while True:
        answer = world.api.call("POST", "/v1/replay", body)
        assert answer.status == 202, answer.json
        if not answer.json["cursor"]:
            return
        body["cursor"] = answer.json["cursor"]
