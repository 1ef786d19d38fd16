"""The demo's OA desk: it takes signed tickets only, shows them safely, and calls back signed."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from infra import client
from infra.demo.desk import serve
from tests.fakes.oa import Oa, running_oa

SECRET = "whsec_" + "QUJD" * 8
CHROMIUM = shutil.which("chromium")
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
    threading.Thread(target=server.serve_forever, daemon=True).start()
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
