"""The main job, seen from outside: voices come in, a ticket reaches the OA desk, its answer closes the loop.

``python -m infra.demo.run`` after ``make up``. The demo speaks HTTP only: it writes no ticket state itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from infra import client
from infra.client import Api, Signed
from infra.local import Stack, own_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 120  # seconds that a step may take before the demo says that it failed

MAPPINGS: dict[str, Any] = {
    "jinshuju": {
        "response_id": "/entry/serial_number",
        "revision_at": "/entry/updated_at",
        "occurred_at": "/entry/created_at",
        "customer": {"id": "/entry/x_field_1", "phone": "/entry/field_6"},
        "unit": "/entry/field_7",
        "touchpoint": {"const": "after_sales"},
        "scores": [{"path": "/entry/field_1", "kind": "nps", "scale": [0, 10]}],
        "texts": [{"path": "/entry/field_3", "question": "原因"}],
    },
    "jiandaoyun": {
        "response_id": "/data/_id",
        "revision_at": "/data/updateTime",
        "occurred_at": "/data/createTime",
        "customer": {"id": "/data/_widget_customer"},
        "unit": "/data/_widget_unit",
        "touchpoint": {"const": "installation"},
        "scores": [{"path": "/data/_widget_score", "kind": "csat", "scale": [1, 5]}],
        "texts": [{"path": "/data/_widget_words", "question": "意见"}],
    },
}


class Failed(Exception):
    """A step that did not come about in time."""


def say(text: str) -> None:
    """One finished line."""
    print(text, flush=True)


def progress(text: str) -> None:
    """The moving line; on a pipe every change is a line of its own."""
    print(("\r\x1b[K" if sys.stdout.isatty() else "") + text, end="" if sys.stdout.isatty() else "\n", flush=True)


def _end_line() -> None:
    if sys.stdout.isatty():
        say("")


def until(what: str, probe: Callable[[], tuple[bool, str]]) -> None:
    """Show ``probe``'s text until it says that it is done. Raises Failed after PATIENCE seconds."""
    deadline, shown = time.monotonic() + PATIENCE, ""
    while True:
        done, text = probe()
        if text != shown:
            progress("  " + text)
            shown = text
        if done:
            _end_line()
            return
        if time.monotonic() > deadline:
            raise Failed(f"{what}: {text}")
        time.sleep(0.3)


def start_desk(folder: Path, port: int) -> str:
    """Start the OA desk unless it answers already; it outlives the demo, ``make down`` stops it."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    if not _answers(url):
        # It outlives this process on purpose, so the log is handed over and never closed here.
        desk = subprocess.Popen(
            [sys.executable, "-m", "infra.demo.desk", "--state", str(folder), "--port", str(port)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        (folder / "desk.pid").write_text(str(desk.pid), "ascii")
        until("the OA desk", lambda: (_answers(url), "OA desk starting / 工单台启动中"))
    return url


def desk_folder(stack: Stack) -> Path:
    """Where the desk and the demo keep what they know of one stack."""
    return stack.engine.home / "desk"


def stop_desk(folder: Path) -> None:
    """End a desk that an earlier demo started; nothing happens when there is none."""
    kept = folder / "desk.pid"
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(kept.read_text("ascii")), signal.SIGTERM)
    kept.unlink(missing_ok=True)


def _answers(url: str) -> bool:
    try:
        return client.send("GET", url + "/tickets.json", timeout=2).status == 200
    except OSError:
        return False


def configure(api: Api, workspace: str, desk: str, folder: Path) -> dict[str, Any]:
    """Connections for the four sources and one endpoint at the desk; a second run finds the first one's again."""
    kept = folder / "demo.json"
    if kept.exists():
        known: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        if api.call("GET", f"/v1/endpoints/{known['endpoint']['id']}").status == 200:
            return known
    made: dict[str, Any] = {}
    for source in ("canonical", "typeform", "jinshuju", "jiandaoyun"):
        wanted = {"name": f"demo {source}", "workspace": workspace, "source": source}
        if source in MAPPINGS:
            wanted["mapping"] = MAPPINGS[source]
        made[source] = api.made("/v1/connections", wanted)
    made["endpoint"] = api.made(
        "/v1/endpoints",
        {
            "name": "OA desk",
            "workspace": workspace,
            "connector": "standard_webhooks",
            "url": desk + "/hook",
            "events": ["ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened", "ticket.closed"],
        },
    )
    kept.write_text(json.dumps(made), "utf-8")
    hand_over = {"secret": made["endpoint"]["secret"], "callback_url": made["endpoint"]["callback_url"]}
    (folder / "endpoint.json").write_text(json.dumps(hand_over), "utf-8")
    return made


def voices(made: dict[str, Any], run: str, now: datetime) -> Iterable[tuple[str, Signed]]:
    """Every voice of the demo, signed as its platform signs: (hook URL, webhook)."""
    for line in (HERE / "voices.jsonl").read_text("utf-8").splitlines():
        voice = json.loads(line)
        occurred = now - timedelta(minutes=voice["minutes_ago"])
        body = {**voice["body"], "occurred_at": occurred.isoformat(timespec="seconds").replace("+00:00", "Z")}
        body["id"] = f"{run}-{body['id']}"
        yield made["canonical"]["hook_url"], client.canonical(body, made["canonical"]["secret"])
    yield from _platforms(made, run)


def _platforms(made: dict[str, Any], run: str) -> Iterable[tuple[str, Signed]]:
    """One body each as Typeform, Jinshuju and Jiandaoyun send them."""
    body = json.loads((HERE / "platforms" / "typeform.json").read_text("utf-8"))
    body["event_id"], body["form_response"]["token"] = f"{run}-event", f"{run}-typeform"
    yield made["typeform"]["hook_url"], client.typeform(body, made["typeform"]["secret"])
    body = json.loads((HERE / "platforms" / "jinshuju.json").read_text("utf-8"))
    body["entry"]["serial_number"] = int(run)
    yield made["jinshuju"]["hook_url"], client.jinshuju(body)
    body = json.loads((HERE / "platforms" / "jiandaoyun.json").read_text("utf-8"))
    body["data"]["_id"] = f"{run}-jiandaoyun"
    yield made["jiandaoyun"]["hook_url"], client.jiandaoyun(body, made["jiandaoyun"]["secret"])


def hear(made: dict[str, Any], run: str, now: datetime) -> list[str]:
    """Post every voice; returns the ids that the hooks answered. Raises Failed on any answer but 202."""
    heard: list[str] = []
    calls = list(voices(made, run, now))
    for hook_url, webhook in calls:
        answer = webhook.post(hook_url)
        if answer.status != 202:
            raise Failed(f"a hook answered {answer.status}")
        heard.append(answer.json["id"])
        if sys.stdout.isatty() or len(heard) in (1, len(calls)):
            progress(f"  heard {len(heard)}/{len(calls)} / 听见")
    _end_line()
    return heard


def understand(api: Api, workspace: str, heard: set[str], since: str) -> list[dict[str, Any]]:
    """Wait until every voice is read and every ticket that it needs is open; returns this run's feedback."""
    mine: list[dict[str, Any]] = []

    def probe() -> tuple[bool, str]:
        listed = api.pages("/v1/feedback", {"workspace": workspace, "since": since})
        mine[:] = [item for item in listed if item["id"] in heard]
        parked = sum(item["state"] == "parked" for item in mine)
        waiting = sum("ticket" in item["actions"] and item["state"] == "new" for item in mine)
        ticketed = sum(item["state"] == "ticketed" for item in mine)
        alerts = sum("alert" in item["actions"] for item in mine)
        text = (
            f"understood {len(mine)}/{len(heard)} · parked {parked} · tickets {ticketed} · alerts {alerts}"
            f" / 听懂 {len(mine)} · 工单 {ticketed} · 预警 {alerts}"
        )
        return len(mine) == len(heard) and waiting == 0, text

    until("understanding", probe)
    return mine


def desk_tickets(desk: str, feedback: set[str]) -> list[dict[str, Any]]:
    """What the desk holds of this run."""
    listed = client.send("GET", desk + "/tickets.json").json or []
    return [entry for entry in listed if entry["data"]["feedback"]["id"] in feedback]


def close_one(api: Api, desk: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Press the desk's buttons as a person would and wait until Echoloop shows the ticket resolved."""
    ticket_id = entry["id"]
    for form in (
        {"ticket": ticket_id, "status": "accepted"},
        {"ticket": ticket_id, "status": "resolved", "root_cause": "外包装强度不足", "action": "补发并更换包材"},
    ):
        client.send("POST", desk + "/answer", urlencode(form).encode(), _form_headers())
    ticket: dict[str, Any] = {}

    def probe() -> tuple[bool, str]:
        ticket.update(api.call("GET", f"/v1/tickets/{ticket_id}").json or {})
        return ticket.get("state") == "resolved", f"{entry['external_id']} → {ticket.get('state')} / 工单状态"

    until("the callback", probe)
    return ticket


def _form_headers() -> dict[str, str]:
    return {"content-type": "application/x-www-form-urlencoded"}


def run() -> None:
    """The demo. Raises Failed with what did not happen."""
    stack = Stack(own_port())
    folder = desk_folder(stack)
    api, workspace = Api(stack.api_url, stack.admin_key), stack.facts["workspace"]
    say(f"Echoloop 回响 is up at {stack.api_url}")
    desk = start_desk(folder, stack.port + 1)
    made = configure(api, workspace, desk, folder)

    now = datetime.now(timezone.utc)
    number, since = str(int(now.timestamp())), (now - timedelta(days=30)).isoformat(timespec="seconds")
    say("1 · hear 听见: survey platforms call in, each signed in its own way")
    heard = hear(made, number, now)
    say("2 · understand 听懂: tagged, scored, decided")
    feedback = understand(api, workspace, set(heard), since.replace("+00:00", "Z"))
    say("3 · act 行动: tickets arrive at the OA desk")
    ticketed = {item["id"] for item in feedback if item["state"] == "ticketed"}
    until("the desk", lambda: _arrived(desk, ticketed))
    entry = desk_tickets(desk, ticketed)[0]
    say(f"    {entry['data']['ticket']['severity']} · {entry['data']['ticket']['title']}")
    say("4 · close 闭环: a person at the desk accepts and resolves; the desk calls back")
    ticket = close_one(api, desk, entry)
    for step in ticket["history"]:
        say(f"    v{step['version']} {step['from'] or 'new'} → {step['to']} · {step['actor']}")
    say(f"\nloop closed / 闭环完成: {ticket['id']} is resolved by the desk's callback")
    say(f"Open {desk}/ to answer the other {len(ticketed) - 1} tickets; `make down` stops everything.")


def _arrived(desk: str, ticketed: set[str]) -> tuple[bool, str]:
    there = len(desk_tickets(desk, ticketed))
    return there == len(ticketed), f"at the desk {there}/{len(ticketed)} / 已送达"


def main() -> int:
    """``run`` (the default) or ``stop`` the desk; exit status 1 when a step failed."""
    if sys.argv[1:] == ["stop"]:
        stop_desk(desk_folder(Stack(own_port())))
        return 0
    try:
        run()
    except Failed as failure:
        say(f"\nnot closed: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
