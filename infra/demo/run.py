"""The main job, seen from outside: voices come in, a ticket reaches the OA desk, its answer closes the loop.

``python -m infra.demo.run`` after ``make up``. The demo speaks HTTP only: it writes no ticket state itself. One
moment of the walk (walk.py), which lies weeks ahead, is put on a queue as the sweep would.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from infra import client
from infra.client import Api, Signed
from infra.demo import senders
from infra.demo.desk import FEISHU, ROBOT
from infra.demo.feishu import CHAT, buttons, ticket_of
from infra.demo.senders import SOURCES, Run
from infra.demo.walk import Walk
from infra.local import Stack, own_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 120  # seconds that a step may take before the demo says that it failed

SHOP = "SH/001"  # whose manager reads Feishu
TICKET_EVENTS = ("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened", "ticket.closed")


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
    """Connections for the sources, endpoints at the desk's places; a second run finds those of the first one again."""
    kept = folder / "demo.json"
    if kept.exists():
        known: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        if {*SOURCES, "robot"} <= known.keys() and api.call("GET", f"/v1/endpoints/{known['robot']}").status == 200:
            return known
    made = {**senders.connect(api, workspace), **_endpoints(api, workspace, desk, folder)}
    kept.write_text(json.dumps(made), "utf-8")
    return made


def _endpoints(api: Api, workspace: str, desk: str, folder: Path) -> dict[str, str]:
    """The OA, the app and the robot; what each of them has to know is handed over in ``endpoint.json``."""
    app = {name: secrets.token_hex(12) for name in ("app_id", "app_secret", "encrypt_key", "verification_token")}
    robot = {"access_token": secrets.token_hex(16), "secret": "SEC" + secrets.token_hex(16)}

    def made(name: str, connector: str, url: str, events: tuple[str, ...], **more: Any) -> dict[str, Any]:
        wanted = {"name": name, "workspace": workspace, "connector": connector, "url": url, "events": events, **more}
        answer: dict[str, Any] = api.made("/v1/endpoints", wanted)
        return answer

    oa = made("OA desk", "standard_webhooks", desk + "/hook", TICKET_EVENTS)
    chat = made(
        "Feishu of SH/001",
        "feishu_app",
        desk + FEISHU,
        TICKET_EVENTS,
        credentials=app,
        settings={"receiver_type": "chat_id", "default_assignees": [CHAT], "filter": {"units": [SHOP]}},
    )
    room = made(
        "critical tickets in DingTalk",
        "dingtalk",
        f"{desk}{ROBOT}?access_token={robot['access_token']}",
        ("ticket.opened",),
        secret=robot["secret"],
        settings={"filter": {"min_severity": "critical"}},
    )
    hand_over = {
        "secret": oa["secret"],
        "callback_url": oa["callback_url"],
        "feishu": {**app, "callback_url": chat["callback_url"]},
        "robot": robot,
    }
    (folder / "endpoint.json").write_text(json.dumps(hand_over), "utf-8")
    return {"oa": oa["id"], "chat": chat["id"], "robot": room["id"]}


# --- hear and understand --------------------------------------------------------------------------------------------


def hear(calls: list[tuple[str, Signed]]) -> list[str]:
    """Post every voice; returns the ids that the hooks answered. Raises Failed on any answer but 202."""
    heard: list[str] = []
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


def show_second_thought(api: Api, made: dict[str, Any], run: Run) -> None:
    """The score came first, now the same answer comes with its comment: one voice, its next revision."""
    body = run.body("howxm", "later")
    (feedback_id,) = hear([(made["howxm"]["hook_url"], senders.proved("howxm", body, made["howxm"]))])
    whole: dict[str, Any] = {}

    def probe() -> tuple[bool, str]:
        whole.update(api.call("GET", f"/v1/feedback/{feedback_id}").json)
        return bool(whole["texts"]), f"score first, comment later: revision {whole['revision']} / 先打分，后留言"

    until("the comment", probe)
    say(f"    {_score(whole)} · {whole['texts'][0]['text']} → {_topics(whole)}")


def show_hotline(api: Api, feedback_id: str) -> None:
    """Of a call, what the customer said is read, and what the agent said is kept."""
    whole = api.call("GET", f"/v1/feedback/{feedback_id}").json
    customer = [text["text"] for text in whole["texts"] if text["speaker"] == "customer"]
    say(f"  hotline transcript: the customer speaks {len(customer)} times of {len(whole['texts'])} / 热线转写")
    say(f"    {customer[-1]} → {_topics(whole)}")


def show_upload(api: Api, path: str) -> None:
    """What became of the file, row by row where a row was refused."""
    report: dict[str, Any] = {}

    def probe() -> tuple[bool, str]:
        report.update(api.call("GET", path).json)
        text = f"{report['filename']} {report['state']}: {report['rows']} rows, {report['accepted']} accepted"
        return report["state"] in ("done", "failed"), f"{text}, {report['refused']} refused / 上传的表格"

    until("the file", probe)
    for error in report["errors"]:
        say(f"    row {error['row']} · {error['column']} · {error['code']}")


def _score(whole: dict[str, Any]) -> str:
    return " · ".join(f"{one['kind'].upper()} {one['value']:g}" for one in whole["scores"])


def _topics(whole: dict[str, Any]) -> str:
    return ", ".join(dict.fromkeys(tag["topic"] for tag in whole["tags"])) or "-"


# --- act and close --------------------------------------------------------------------------------------------------


def held(desk: str, place: str) -> list[dict[str, Any]]:
    """What one of the desk's places holds."""
    listed: list[dict[str, Any]] = client.send("GET", f"{desk}/{place}.json").json or []
    return listed


def desk_tickets(desk: str, feedback: set[str]) -> list[dict[str, Any]]:
    """What the desk holds of this run."""
    return [entry for entry in held(desk, "tickets") if entry["data"]["feedback"]["id"] in feedback]


def chat_cards(desk: str, tickets: set[str]) -> dict[str, dict[str, Any]]:
    """The cards in the shop's chat that can still be pressed, by their ticket."""
    cards = {ticket_of(message["card"]): message for message in held(desk, "chat")}
    return {ticket: message for ticket, message in cards.items() if ticket in tickets}


def show_arrivals(desk: str, ticketed: set[str], since: datetime) -> list[dict[str, Any]]:
    """Wait until this run's tickets are at the desk, the shop's in its chat, and a critical one in the group."""
    entries: list[dict[str, Any]] = []

    def arrived() -> tuple[bool, str]:
        entries[:] = desk_tickets(desk, ticketed)
        return len(entries) == len(ticketed), f"OA desk {len(entries)}/{len(ticketed)} tickets / OA 工单台"

    def in_chat() -> tuple[bool, str]:
        shops = {entry["id"] for entry in entries if entry["data"]["ticket"]["unit"] == SHOP}
        there = len(chat_cards(desk, shops))
        return there == len(shops), f"Feishu of {SHOP} {there}/{len(shops)} cards with buttons / 飞书店长卡片"

    def in_room() -> tuple[bool, str]:
        said = [one for one in held(desk, "room") if one["at"] >= since.timestamp()]
        return bool(said), f"DingTalk group {len(said)} critical tickets / 钉钉群紧急工单"

    until("the desk", arrived)
    until("the chat", in_chat)
    until("the group", in_room)
    say("    " + held(desk, "room")[0]["title"])
    return entries


def close_at_desk(api: Api, desk: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Press the desk's buttons as a person would and wait until Echoloop shows the ticket resolved."""
    ticket_id = entry["id"]
    for form in (
        {"ticket": ticket_id, "status": "accepted"},
        {"ticket": ticket_id, "status": "resolved", "root_cause": "外包装强度不足", "action": "补发并更换包材"},
    ):
        post_form(desk + "/answer", form)
    return wait_for_state(api, ticket_id, "resolved", entry["external_id"])


def close_in_chat(api: Api, desk: str, ticket_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Press the card's buttons as the shop manager would; the card follows each time, and is green at the end."""
    say(f"    {message['card']['header']['title']['content']}")
    ticket: dict[str, Any] = {}
    for step, colour in (("accepted", message["card"]["header"]["template"]), ("resolved", "green")):
        changes = _card(desk, message["id"])["changes"]
        post_form(desk + "/press", {"message": message["id"], "step": step})
        ticket = wait_for_state(api, ticket_id, step, "Feishu / 飞书")

        def followed(colour: str = colour, changes: int = changes) -> tuple[bool, str]:
            now = _card(desk, message["id"])
            shown = now["card"]["header"]["template"]
            left = [one["value"]["step"] for one in buttons(now["card"]) if "value" in one]
            text = f"card {shown}, buttons: {', '.join(left) or 'none'} / 飞书卡片"
            return now["changes"] > changes and shown == colour, text

        until("the card", followed)
    return ticket


def _card(desk: str, message_id: str) -> dict[str, Any]:
    return next(message for message in held(desk, "chat") if message["id"] == message_id)


def wait_for_state(api: Api, ticket_id: str, state: str, where: str) -> dict[str, Any]:
    """Wait until Echoloop shows the ticket so; returns it."""
    ticket: dict[str, Any] = {}

    def probe() -> tuple[bool, str]:
        ticket.update(api.call("GET", f"/v1/tickets/{ticket_id}").json or {})
        return ticket.get("state") == state, f"{where} → {ticket.get('state')} / 工单状态"

    until("the callback", probe)
    return ticket


def post_form(url: str, form: dict[str, str]) -> None:
    """What a browser does with a form."""
    client.send("POST", url, urlencode(form).encode(), {"content-type": "application/x-www-form-urlencoded"})


def show_history(ticket: dict[str, Any]) -> None:
    for step in ticket["history"]:
        say(f"    v{step['version']} {step['from'] or 'new'} → {step['to']} · {step['actor']}")


def _found(what: str, probe: Callable[[], Any]) -> Any:
    """What ``probe`` finds. Raises Failed after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise Failed(what)
        time.sleep(0.3)
    return found


def _struck(stack: Stack) -> Callable[[Mapping[str, Any]], None]:
    """Puts on the queue now what the sweep would put there in some weeks."""

    def strike(message: Mapping[str, Any]) -> None:
        url = stack.facts["queues"]["cases"]
        stack.clients("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))

    return strike


def run() -> None:
    """The demo. Raises Failed with what did not happen."""
    stack = Stack(own_port())
    folder = desk_folder(stack)
    api, workspace = Api(stack.api_url, stack.admin_key), stack.facts["workspace"]
    say(f"Echoloop 回响 is up at {stack.api_url}")
    desk = start_desk(folder, stack.port + 1)
    made = configure(api, workspace, desk, folder)
    now = datetime.now(timezone.utc)
    this, since = Run(str(int(now.timestamp())), now), (now - timedelta(days=30)).isoformat(timespec="seconds")

    say(f"1 · hear 听见: {len(SOURCES)} sources call in, each proved in its own way")
    file = senders.upload(api, workspace, made["csv"], this)
    calls = list(senders.voices(made, this))
    heard = hear(calls)
    say("2 · understand 听懂: tagged, scored, decided")
    feedback = understand(api, workspace, set(heard), since.replace("+00:00", "Z"))
    show_second_thought(api, made, this)
    hotline = made["transcript"]["hook_url"]
    show_hotline(api, next(one for one, (url, _) in zip(heard, calls, strict=True) if url == hotline))
    show_upload(api, file)
    say("3 · act 行动: tickets and alerts reach people where they work")
    ticketed = {item["id"] for item in feedback if item["state"] == "ticketed"}
    entries = show_arrivals(desk, ticketed, now)
    say("4 · close 闭环: a person at the OA desk accepts and resolves; the desk calls back")
    first = entries[0]
    say(f"    {first['data']['ticket']['severity']} · {first['data']['ticket']['title']}")
    show_history(close_at_desk(api, desk, first))
    say("5 · close 闭环: the shop manager presses the card's buttons in Feishu, which calls back encrypted and signed")
    cards = chat_cards(desk, {entry["id"] for entry in entries[1:]})
    ticket_id, message = next(iter(cards.items()))
    ticket = close_in_chat(api, desk, ticket_id, message)
    show_history(ticket)
    say("6 · manage 管理: one case whole, from a detractor to the accepted fix of what was behind it")
    walk = Walk(api, desk, json.loads((folder / "endpoint.json").read_text("utf-8")), say, _found, _struck(stack))
    walk()
    say(f"\nloop closed / 闭环完成: {first['id']} by the desk's callback, {ticket['id']} by Feishu's")
    for name, url in walk.pages.items():
        say(f"The {name}'s page, for a phone: {url}")
    say(f"Open {desk}/ to answer the other {len(ticketed) - 2} tickets; `make down` stops everything.")


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
