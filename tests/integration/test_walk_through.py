"""The walk-through of the README on the engine: every step from outside, and its two pages looked at on a phone."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from infra.demo.desk import serve
from infra.demo.walk import WORDS, Walk
from tests.fakes.browser import CHROMIUM, phone
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.engine

FEISHU = {name: f"{name}-of-the-walk" for name in ("app_id", "app_secret", "encrypt_key", "verification_token")}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_case_goes_from_the_first_word_to_the_accepted_fix(world: World, stack: Any, tmp_path: Path) -> None:
    server = serve(tmp_path, 0)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    handed = {"secret": SECRET, "callback_url": "", "feishu": FEISHU}
    (tmp_path / "endpoint.json").write_text(json.dumps(handed), "utf-8")
    said: list[str] = []

    def strike(message: Any) -> None:
        url = stack.facts["queues"]["cases"]
        stack.clients("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))

    walk = Walk(
        operator=type(world.api)(stack.api_url, stack.admin_key),
        desk=f"http://127.0.0.1:{server.server_address[1]}",
        handed=handed,
        say=said.append,
        wait=lambda what, probe: wait_for(probe, what, timeout=60),
        strike=strike,
    )
    try:
        walk()
    finally:
        server.shutdown()
        server.server_close()

    told = "\n".join(said)
    for part in (
        "li.na",
        "not_solved → reopened, unsatisfied",
        "solved → closed, satisfied",
        "L2 issue",
        "accepted, issue closed",
    ):
        assert part in told, told
    case = walk.api.pages("/v1/tickets", {"workspace": walk.workspace, "state": "closed"})
    assert [one["verification"] for one in case] == ["satisfied"]
    assert sum("13987254361" in one for one in said) == 0
    if CHROMIUM:
        _look(walk, tmp_path)


def _look(walk: Walk, folder: Path) -> None:
    """Both pages fit a phone, in both languages, and the browser has nothing to complain of."""
    with phone(folder / "profile") as tab:
        for name, url in walk.pages.items():
            for lang in ("zh-CN", "en"):
                tab.open(f"{url}?lang={lang}")
                assert tab.value("document.documentElement.scrollWidth") == 390
                assert (WORDS in tab.value("document.body.textContent")) == (name == "manager")
                tab.picture(folder / f"{name}-{lang}.png")
        assert tab.complaints == []
