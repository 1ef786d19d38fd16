"""The SSRF corpus from outside, on a stack whose operator opens no network: what is refused, and that nothing is kept.

An entry with made-up answers of a name server cannot be judged from outside; ``tests/contract/test_ssrf.py`` judges
those, and every entry at delivery, with a resolver of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from infra.local import Stack
from tests.integration.conftest import free_port
from tests.integration.world import World, new_world

pytestmark = pytest.mark.engine

CORPUS: Final = json.loads((Path(__file__).parents[1] / "fixtures/corpora/ssrf_urls.json").read_bytes())
NO_ADDRESS: Final = "no_address"  # no name server is asked to make something up: such a name has none anywhere
JUDGED: Final = [entry for entry in CORPUS["urls"] if not entry.get("dns") or entry["reason"] == NO_ADDRESS]
LEFT: Final = [entry for entry in CORPUS["urls"] if entry not in JUDGED]


@pytest.fixture(scope="module")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A workspace of a second stack beside the other: no open network, the corpus' own name."""
    second = Stack(free_port(), tmp_path_factory.mktemp("shut"))
    try:
        own_url = f"https://{CORPUS['policy']['self_hosts'][0]}"
        second.up(EgressCidrs="", PublicUrl=own_url)
        yield new_world(second)
    finally:
        second.remove()


def save(world: World, url: str, **changes: Any) -> Any:
    wanted = {"name": "corpus", "connector": "standard_webhooks", "url": url, "events": ["ticket.opened"], **changes}
    return world.api.call("POST", "/v1/endpoints", wanted)


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry["id"]) for entry in JUDGED])
def test_a_url_that_may_not_be_called_cannot_be_saved(entry: dict[str, Any], shut: World) -> None:
    answer = save(shut, entry["url"])

    assert entry["verdict"] == "deny"
    assert (answer.status, answer.json["code"]) == (422, "url_not_allowed"), answer.json
    assert answer.json["detail"] == f"The URL is not allowed: {entry['reason']}."
    assert entry["url"] not in json.dumps(answer.json)


@pytest.mark.parametrize("connector", ["feishu", "dingtalk", "wecom"])
def test_no_connector_is_an_exception(shut: World, connector: str) -> None:
    answer = save(shut, "https://169.254.169.254/latest/meta-data/", connector=connector)
    assert (answer.status, answer.json["code"]) == (422, "url_not_allowed")


def test_loopback_is_as_shut_as_the_rest(shut: World, stack: Stack) -> None:
    for url in ("http://127.0.0.1:8080/hook", f"http://127.0.0.1:{stack.port}/"):
        answer = save(shut, url)
        assert (answer.status, answer.json["code"]) == (422, "url_not_allowed"), url


def test_nothing_is_kept_and_every_entry_is_judged_or_counted(shut: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert shut.api.call("GET", "/v1/endpoints").json["items"] == []
    parameters = shut.stack.clients("ssm").describe_parameters()["Parameters"]
    assert not [one["Name"] for one in parameters if "/endpoints/" in one["Name"]]
    assert len(JUDGED) + len(LEFT) == len(CORPUS["urls"])
    verdicts = Counter(f"{entry['verdict']}, {entry['reason']}" for entry in LEFT)
    with capsys.disabled():
        print(f"\nSSRF over HTTP: {len(JUDGED)} of {len(CORPUS['urls'])} URLs judged on a stack with no open network")
        print(f"  left to the contract test, whose resolver gives the corpus' answers: {len(LEFT)}")
        for verdict, number in sorted(verdicts.items()):
            print(f"    {number:2} {verdict}")
        print(f"  and its {len(CORPUS['ip_verdicts'])} bare addresses")
