"""The demo's OA desk, Feishu app and DingTalk group: they take what is proved, show it safely, and call back signed.

The app and the group are driven by the product's own connectors: each side is written from the vendor's documents.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

import pytest

from chalicelib.connectors.base import Token
from chalicelib.connectors.dingtalk import DingTalk
from chalicelib.connectors.feishu_app import FeishuApp, FeishuCards
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, HttpRequest, HttpResponse, Outcome
from chalicelib.domain.outbound.item import TOKEN_EXPIRED, Access
from infra import client
from infra.demo import page
from infra.demo.desk import serve
from infra.demo.feishu import CHAT, MANAGER, App
from infra.demo.room import MOST, Room
from tests.builders import endpoint_secret, message
from tests.builders_items import about, access, call
from tests.contract.profiles import profile
from tests.fakes.oa import Oa, running_oa

SECRET = "whsec_" + "QUJD" * 8
ROBOT_SECRET = "SECdemo"
CHROMIUM = shutil.which("chromium")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
HOSTILE = '<script>document.title=1</script><img src=x onerror="alert(1)">'
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def callbacks() -> Iterator[Oa]:
    """Where the desk calls back to; it verifies with the reference library."""
    with running_oa() as oa:
        oa.secret = SECRET
        yield oa


@pytest.fixture
def desk(tmp_path: Path, callbacks: Oa) -> Iterator[str]:
    """A running desk that knows its endpoint; its address."""
    (tmp_path / "endpoint.json").write_text(json.dumps({"secret": SECRET, "callback_url": callbacks.url}))
    server: ThreadingHTTPServer = serve(tmp_path, 0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def event(*, sequence: int = 1, text: str = "包裹破损", **ticket: Any) -> dict[str, Any]:
    shown = {"id": "tk_1", "state": "open", "severity": "high", "title": "NPS 3/10", "unit": "SH/001", **ticket}
    feedback = {
        "id": "fb_1",
        "texts": [{"text": text}],
        "tags": [{"topic": "logistics.damage", "polarity": "negative"}],
    }
    data = {"ticket": shown, "feedback": feedback}
    return {"type": "ticket.opened", "sequence": sequence, "data": data}


def push(desk: str, body: dict[str, Any], secret: str = SECRET, **how: Any) -> client.Answer:
    return client.canonical(body, secret, **how).post(desk + "/hook")


def on_desk(desk: str) -> list[Any]:
    return list(client.send("GET", desk + "/tickets.json").json)


def test_a_ticket_whose_signature_does_not_verify_is_refused(desk: str) -> None:
    assert push(desk, event(), secret="whsec_" + "QUJE" * 8).status == 401
    assert on_desk(desk) == []


def test_a_repeated_message_changes_nothing(desk: str) -> None:
    for _ in range(3):
        assert push(desk, event(), message_id="msg_1").status == 200
    assert [entry["external_id"] for entry in on_desk(desk)] == ["OA-0001"]


def test_an_older_event_does_not_overwrite_a_newer_one(desk: str) -> None:
    push(desk, event(sequence=2, state="resolved"))
    push(desk, event(sequence=1, state="open"))
    assert [entry["data"]["ticket"]["state"] for entry in on_desk(desk)] == ["resolved"]


def test_an_answer_is_called_back_signed_and_counts_up(desk: str, callbacks: Oa) -> None:
    push(desk, event())
    for status in ("accepted", "resolved"):
        form = {"ticket": "tk_1", "status": status, "root_cause": "包装", "action": "补发"}
        client.send("POST", desk + "/answer", urlencode(form).encode(), FORM)
    sent = [one["data"] for one in callbacks.of("ticket.status_changed")]
    assert [(one["status"], one["version"], one["external_id"]) for one in sent] == [
        ("accepted", 1, "OA-0001"),
        ("resolved", 2, "OA-0001"),
    ]
    assert all(request["verified"] for request in callbacks.requests)


@pytest.mark.parametrize("form", [{"ticket": "tk_other", "status": "accepted"}, {"ticket": "tk_1", "status": "closed"}])
def test_an_answer_that_the_desk_does_not_offer_is_not_sent(desk: str, callbacks: Oa, form: dict[str, str]) -> None:
    push(desk, event())
    client.send("POST", desk + "/answer", urlencode(form).encode(), FORM)
    assert callbacks.requests == []


def test_another_site_cannot_press_the_buttons(desk: str, callbacks: Oa) -> None:
    push(desk, event())
    form = urlencode({"ticket": "tk_1", "status": "accepted"}).encode()
    assert client.send("POST", desk + "/answer", form, {**FORM, "origin": "https://evil.test"}).status == 404
    assert callbacks.requests == []


def hostile_card() -> dict[str, Any]:
    return {
        "header": {"title": {"tag": "plain_text", "content": "<b>红线</b>"}, "template": "red"},
        "elements": [
            {"tag": "div", "text": {"tag": "plain_text", "content": HOSTILE}},
            {"tag": "action", "actions": [{"tag": "button", "text": {"content": "x"}, "url": "javascript:alert(1)"}]},
        ],
    }


@pytest.fixture
def app(tmp_path: Path, callbacks: Oa) -> App:
    """The company's Feishu app, with the credentials of the connector's profile."""
    callbacks.secret, callbacks.answer = "", b'{"toast":{"type":"success","content":"ok"}}'
    known = {**profile("feishu_app").credentials, "callback_url": callbacks.url}
    (tmp_path / "endpoint.json").write_text(json.dumps({"feishu": known}))
    return App(tmp_path)


def ask(app: App, request: HttpRequest) -> HttpResponse:
    status, answer = app.answer(
        request.method,
        request.url.removeprefix(profile("feishu_app").url),
        request.headers.get("Authorization", ""),
        request.body,
    )
    return HttpResponse(status, {}, json.dumps(answer).encode())


def way_in(app: App) -> Access:
    """With a token that the app gave for its credentials."""
    way = access("feishu_app", default_assignees=[CHAT])
    asked = FeishuApp().authorise(way, NOW)
    assert asked is not None
    given = FeishuApp().token(ask(app, asked), NOW)
    assert isinstance(given, Token)
    return replace(way, token=given.value)


def test_the_chat_keeps_one_card_for_a_ticket_and_follows_its_changes(app: App, tmp_path: Path) -> None:
    connector, way = FeishuApp(), way_in(app)
    sent = [ask(app, connector.create(about(), way)) for _ in range(2)]
    message = connector.created(sent[0], about())
    assert message is not None
    assert message == connector.created(sent[1], about())
    change = connector.update(about("resolved", 2), message, way)
    assert change is not None
    assert connector.outcome(ask(app, change)).verdict == DELIVERED
    for kept in (app, App(tmp_path)):  # and after it was started anew
        ((found, held),) = kept.messages()
        assert (found, held["changes"], held["card"]["header"]["template"]) == (message, 1, "green")


def test_the_chat_takes_nothing_without_its_apps_token_and_secret(app: App) -> None:
    connector = FeishuApp()
    foreign = replace(access("feishu_app", default_assignees=[CHAT]), token="t-of-another")
    assert connector.outcome(ask(app, connector.create(about(), foreign))).code == TOKEN_EXPIRED
    asked = connector.authorise(access("feishu_app"), NOW)
    assert asked is not None
    wrong = replace(asked, body=asked.body.replace(b"CANARY-app-secret", b"another"))
    refused = connector.token(ask(app, wrong), NOW)
    assert isinstance(refused, Outcome)
    assert (refused.verdict, refused.code) == (FAILED, "code_10014")
    elsewhere = replace(way_in(app), settings={"default_assignees": ["oc_another_chat"]})
    assert connector.outcome(ask(app, connector.create(about(), elsewhere))).code == "code_230002"
    assert app.messages() == []


def test_a_press_comes_back_encrypted_and_signed_and_names_ticket_and_state(app: App, callbacks: Oa) -> None:
    connector, way = FeishuApp(), way_in(app)
    message = connector.created(ask(app, connector.create(about(), way)), about())
    assert app.press(str(message), "accepted")
    (told,) = callbacks.requests
    assert set(json.loads(told["body"])) == {"encrypt"}
    reader, now = FeishuCards(), datetime.now(timezone.utc)
    (said,) = reader.read(reader.prove(call(told["body"], told["headers"]), way.secret, now), {}, now)
    assert (said.status, said.external_id, said.ticket_id) == ("accepted", message, about().ticket.id)
    assert said.actor == MANAGER
    assert not app.press(str(message), "closed"), "there is no such button"
    assert not app.press("om_other", "accepted")
    assert len(callbacks.requests) == 1


def test_a_press_that_nobody_takes_is_shown_as_failed(app: App, callbacks: Oa) -> None:
    message = FeishuApp().created(ask(app, FeishuApp().create(about(), way_in(app))), about())
    callbacks.status = 503
    assert not app.press(str(message), "accepted")
    shown = page.feishu_card(str(message), dict(app.messages())[str(message)], "zh-CN")
    assert "回传失败: 接单" in shown


@pytest.fixture
def room(tmp_path: Path) -> Room:
    robot = {"access_token": "T", "secret": ROBOT_SECRET}
    (tmp_path / "endpoint.json").write_text(json.dumps({"robot": robot}))
    return Room(tmp_path)


def say(room: Room, body: bytes | None = None, secret: str = ROBOT_SECRET) -> Outcome:
    """One message as the robot's connector signs it; ``body`` replaces what it says."""
    known = endpoint_secret(url="https://oapi.dingtalk.com/robot/send?access_token=T", secret=secret)
    now = datetime.now(timezone.utc)
    request = DingTalk().render(replace(message(type="alert.raised"), now=now), known, {})
    query = dict(parse_qsl(urlsplit(request.url).query))
    answer = json.dumps(room.answer(query, body or request.body)).encode()
    return DingTalk().outcome(HttpResponse(200, {}, answer))


def test_the_group_hears_its_own_robot_and_no_other(room: Room, tmp_path: Path) -> None:
    assert say(room).verdict == DELIVERED
    assert (say(room, secret="SECother").verdict, say(room, secret="SECother").code) == (FAILED, "errcode_310000")
    assert room.answer({"access_token": "other"}, b"{}") == {"errcode": 300005, "errmsg": "token is not exist"}
    assert say(room, b'{"msgtype":"text"}').code == "errcode_40035"
    assert len(room.said()) == len(Room(tmp_path).said()) == 1


def test_the_group_hears_twenty_messages_a_minute(room: Room) -> None:
    assert [say(room).verdict for _ in range(MOST)] == [DELIVERED] * MOST
    assert say(room).code == "rate_limited"
    assert len(room.said()) == MOST


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_no_words_of_others_become_part_of_a_page(lang: str) -> None:
    chat = page.feishu_card("om_1", {"card": hostile_card(), "changes": 0}, lang)
    said = {"at": 0.0, "title": "x", "text": f"### {HOSTILE}\n> {HOSTILE}\n- [go](javascript:alert(1))"}
    group = page.room_card({**said, "link": "javascript:alert(1)", "label": "open"}, lang)
    for shown in (chat, group):
        assert "<script" not in shown
        assert "<img" not in shown
        assert "href" not in shown
        assert "&lt;script&gt;" in shown
    link = page.room_card({**said, "text": "[a<b](https://example.com/t?a=1&b=2)", "link": "", "label": ""}, lang)
    assert '<a rel="noreferrer" href="https://example.com/t?a=1&amp;b=2">a&lt;b</a>' in link


@pytest.mark.parametrize("path", ["/", "/chat", "/room"])
def test_each_place_has_a_page_in_both_languages_with_ways_to_the_others(desk: str, path: str) -> None:
    for lang in ("zh-CN", "en"):
        with urlopen(f"{desk}{path}?lang={lang}") as answer:  # noqa: S310
            shown = answer.read().decode()
        assert all(f'href="{other}?lang={lang}"' in shown for other in ("/", "/chat", "/room"))
        assert page.WORDS[lang]["empty"] in shown
        assert 'name="viewport"' in shown


def test_another_site_cannot_press_a_card(desk: str) -> None:
    form = urlencode({"message": "om_1", "step": "accepted"}).encode()
    assert client.send("POST", desk + "/press", form, {**FORM, "origin": "https://evil.test"}).status == 404


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the desk's page was not opened in a browser")
@pytest.mark.parametrize(("lang", "heading"), [("zh-CN", "OA 工单台"), ("en", "OA desk")])
def test_a_browser_shows_hostile_words_as_text(desk: str, tmp_path: Path, lang: str, heading: str) -> None:
    push(desk, event(text='<img src=x onerror="document.title=1"><script>document.title=2</script>'))
    page = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
            *(
                "--disable-background-networking",
                "--disable-component-update",
                f"--user-data-dir={tmp_path / 'profile'}",
            ),
            *("--dump-dom", f"{desk}/?lang={lang}"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert f"<h1>{heading}</h1>" in page
    assert f"<title>{heading}</title>" in page, "a script of the customer's ran"
    assert "&lt;img src=x onerror=" in page
    assert "<script>" not in page
