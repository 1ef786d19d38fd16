"""A table of voices as a company uploads it: a presigned URL, a file, feedback and tickets, a report of bad rows."""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.local import Stack
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.engine

MAPPING = {
    "response_id": "/编号",
    "occurred_at": "/时间",
    "unit": "/门店",
    "scores": [{"path": "/推荐分", "kind": "nps"}],
    "texts": [{"path": "/原因", "question": "原因"}],
}
HEADER = "编号,时间,门店,推荐分,原因"
WORDS = "包裹破损，客服没有回应"


def put(url: str, raw: bytes, headers: Mapping[str, str]) -> int:
    """What a browser does with the URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", raw, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def place(world: World, connection: str, **body: Any) -> Any:
    wanted = {"filename": "answers.csv", "workspace": world.workspace, **body}
    return world.api.made(f"/v1/connections/{connection}/uploads", wanted)


def upload(world: World, connection: str, raw: bytes) -> str:
    made = place(world, connection, bytes=len(raw))
    assert put(made["upload_url"], raw, made["headers"]) == 200
    return str(made["id"])


def heard(world: World) -> list[Any]:
    """All feedback: whatever the rows say of their time, it was received just now."""
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 3_600))
    return world.api.pages("/v1/feedback", {"workspace": world.workspace, "since": since})


def seen(world: World, connection: str, upload_id: str) -> Any:
    answer = world.api.call("GET", f"/v1/connections/{connection}/uploads/{upload_id}")
    assert answer.status == 200, answer.json
    return answer.json


def over(world: World, connection: str, upload_id: str, timeout: float = 60) -> Any:
    def probe() -> Any:
        found = seen(world, connection, upload_id)
        return found if found["state"] in ("done", "failed") else None

    return wait_for(probe, f"the end of {upload_id}", timeout)


def test_an_uploaded_file_becomes_feedback_and_tickets_and_a_report_of_what_is_wrong(world: World) -> None:
    made = world.connect("csv", mapping=MAPPING)["id"]
    rows = [
        HEADER,
        f'A-1,2026-11-01 16:01,SH/001,2,"{WORDS},\n还没有""退款"""',
        "A-2,2026/11/2 9:05,SH/001,10,服务很好",
        "A-3,2026-11-02 09:05,SH/001,十一分,打分写错了",
        "A-4,昨天,SH/001,3,时间写错了",
        "A-5,2026-11-02 09:05,SH/001,3,多了一格,x",
    ]
    raw = "\r\n".join(rows).encode("gb18030")
    found = over(world, made, upload(world, made, raw))
    assert (found["state"], found["rows"], found["accepted"], found["refused"]) == ("done", 5, 2, 3)
    assert [tuple(one.values()) for one in found["errors"]] == [
        (4, "mapping_score_not_a_number", "推荐分"),
        (5, "mapping_bad_time", "时间"),
        (6, "row_too_many_cells", None),
    ]
    assert (found["more_errors"], found["filename"], found["bytes"]) == (False, "answers.csv", len(raw))

    voices = wait_for(lambda: heard(world) if len(heard(world)) == 2 else None, "both voices")
    (ticket,) = wait_for(world.tickets, "the ticket of the unhappy one")
    whole = world.feedback(ticket["feedback"])
    assert [text["text"] for text in whole["texts"]] == [f'{WORDS},\n还没有"退款"']
    assert whole["occurred_at"] == "2026-11-01T08:01:00Z"

    # The same file again, and saved anew by another program: nothing doubles.
    again = upload(world, made, raw)
    anew = "\n".join(row.replace(",", "\t") if row.isascii() or '"' not in row else row for row in rows[:3:2])
    other = upload(world, made, "\ufeff".encode("utf-16-le") + anew.encode("utf-16-le"))
    assert over(world, made, again)["accepted"] == 2
    assert over(world, made, other)["accepted"] == 1
    time.sleep(1)
    assert (len(heard(world)), len(world.tickets())) == (2, 1)
    assert {world.feedback(one["id"])["revision"] for one in voices} == {1}

    listed = world.api.pages(f"/v1/connections/{made}/uploads", {"workspace": world.workspace, "limit": "2"})
    assert [one["id"] for one in listed] == [other, again, found["id"]]


def test_the_url_takes_one_file_of_the_size_and_type_that_it_is_bound_to(world: World) -> None:
    made = world.connect("csv", mapping=MAPPING)["id"]
    raw = f"{HEADER}\nB-1,2026-11-01T08:00:00Z,SH/001,9,好\n".encode()
    bound = place(world, made, bytes=len(raw))
    assert put(bound["upload_url"], raw + b"x", bound["headers"]) == 403
    assert put(bound["upload_url"], raw, {"Content-Type": "text/html"}) == 403
    assert put(bound["upload_url"].replace(bound["id"], "up_1"), raw, bound["headers"]) == 403
    assert seen(world, made, bound["id"])["state"] == "waiting"
    assert put(bound["upload_url"], raw, bound["headers"]) == 200
    assert over(world, made, bound["id"])["accepted"] == 1
    refused = world.api.call("POST", f"/v1/connections/{made}/uploads", {"filename": "a.xlsx"})
    assert (refused.status, refused.json["code"]) == (422, "not_csv")


def test_a_table_posted_to_the_hook_is_read_as_a_file(world: World) -> None:
    made = world.connect("csv", mapping=MAPPING)
    raw = f"{HEADER}\nC-1,2026-11-01T08:00:00Z,SH/001,1,{WORDS}\nC-2,,SH/001,9,\n".encode()
    parts = urlsplit(made["hook_url"])
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("POST", parts.path, raw, {"Content-Type": "text/csv"})
    answer = connection.getresponse()
    assert answer.status == 202
    (listed,) = wait_for(
        lambda: world.api.pages(f"/v1/connections/{made['id']}/uploads", {"workspace": world.workspace}), "the upload"
    )
    assert over(world, made["id"], listed["id"])["accepted"] == 2
    assert listed["id"].encode() in answer.read()
    connection.close()
    wait_for(lambda: len(heard(world)) == 2 and len(world.tickets()) == 1, "both voices and one ticket")


def test_a_file_whose_worker_is_killed_is_read_on_from_where_it_was(world: World, stack: Stack) -> None:
    """Five megabytes, most of them in rows that are refused: a run dies, and the next ones hand over to each other."""
    made = world.connect("csv", mapping=MAPPING)["id"]
    long = "长" * 20_001
    good = [f"D-{number},2026-11-01T08:00:00Z,SH/001,9,好" for number in range(3)]
    bad = [f"E-{number},2026-11-01T08:00:00Z,SH/001,9,{long}" for number in range(90)]
    rows = [HEADER, good[0], *bad[:45], good[1], *bad[45:], good[2]]
    upload_id = upload(world, made, "\n".join(rows).encode())
    wait_for(lambda: seen(world, made, upload_id)["rows"] > 0, "the first rows")
    for pid in stack.worker_pids("intake"):
        os.kill(pid, signal.SIGKILL)
    left = seen(world, made, upload_id)
    assert (left["state"], left["rows"] < 93) == ("reading", True), "it was read before it could be killed"
    found = over(world, made, upload_id, 90)
    assert (found["state"], found["rows"], found["accepted"], found["refused"]) == ("done", 93, 3, 90)
    assert {(one["code"], one["column"]) for one in found["errors"]} == {("mapping_text_too_long", "原因")}
    assert [one["row"] for one in found["errors"]] == [*range(3, 48), *range(49, 94)]
    wait_for(lambda: len(heard(world)) == 3, "what could be read")
