"""Every admin line of the hostile corpus, and those that save a URL, against the management API, in-process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import pytest

from tests import corpus
from tests.builders_admin import OURS, SECRET, THEIRS, Office, composed
from tests.fakes.gateway import Answer, product

LINES = (
    *corpus.load("admin"),
    *(line for line in corpus.load("outbound_url") if line["category"] == "ssrf_save"),
)

TABLE: Final = (
    ("(no path)", "POST /v1/connections"),
    ("/connectors", "/v1/endpoints"),
    ("type generic", "connector standard_webhooks, events [ticket.opened]"),
    ("headers", "settings.headers"),
    ("rate_per_min", "settings.rate"),
    ("C1", "the endpoint's id"),
    ("POST /rules, POST /alerts", "POST /v1/rules; what the body lacks of a rule is filled in"),
    ("/tickets", "/v1/tickets"),
    ("from, to", "since, until"),
    ("status", "state"),
)
LATER: Final = {
    "AD-048": "erasures come with a later part",
    "AD-049": "erasures come with a later part",
}
NAMES: Final = {"from": "since", "to": "until", "status": "state"}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.endpoint()
        for number in range(2):
            made.ticket(THEIRS, id=f"tk_{number}")
        for number in range(100):
            made.delivery(id=f"dl-tk_{number}-ep_{OURS}-1", state="waiting")
        yield made


def translated(line: corpus.Line) -> tuple[str, dict[str, str], bytes]:
    """Resource, query and body in our names."""
    path, _, query = line["path_suffix"].partition("?")
    asked = dict(part.split("=", 1) for part in query.split("&") if part)
    path = path.replace("/connectors", "/v1/endpoints").replace("/tickets", "/v1/tickets")
    path = re.sub("/rules|/alerts", "/v1/rules", path) or "/v1/connections"
    raw = corpus.body(line)
    if raw.startswith(b"{") and line["method"] == "POST" and "/rotate" not in path and line["category"] != "auth":
        raw = _filled(path, raw)
    return path.replace("/C1", "/{endpoint_id}"), {NAMES.get(name, name): unquote(v) for name, v in asked.items()}, raw


def _filled(path: str, raw: bytes) -> bytes:
    """The line's one fault in a body that is right otherwise."""
    fault = raw.decode()[1:-1]  # as it is written: 1e999 must stay
    if path == "/v1/rules":
        rule = '"name":"corpus","when":{"field":"score.nps","op":"lte","value":6},"then":["alert"]'
        return f"{{{rule},{fault}}}".encode()
    body: dict[str, Any] = {
        "name": "corpus",
        "url": "https://crm.example.com/hook",
        "connector": "standard_webhooks",
        "events": ["ticket.opened"],
    }
    fields = json.loads(raw)
    settings = {"headers": fields.pop("headers", {})}
    if "rate_per_min" in fields:
        settings["rate"] = fields.pop("rate_per_min")
    assert fields.pop("type", "generic") == "generic"
    return json.dumps({**body, **fields, "settings": settings}, ensure_ascii=False).encode()


def _send(line: corpus.Line, office: Office) -> Answer:
    resource, query, raw = translated(line)
    first = office.call("GET", "/v1/tickets", key=office.new_key(workspace=THEIRS), query={"limit": "1"})
    fill = {"${CURSOR_T2}": first.json["cursor"], "${ADMIN_T1}": office.key, "${REVOKED_T1}": _revoked(office)}
    headers = {name: _filled_in(value, fill) for name, value in line["headers"].items()}
    query = {name: _filled_in(value, fill) for name, value in query.items()}
    path = {"endpoint_id": f"ep_{OURS}"} if "{" in resource else None
    return office.call(line["method"], resource, raw or None, key="", path=path, query=query, headers=headers)


def _filled_in(text: str, fill: dict[str, str]) -> str:
    for placeholder, value in fill.items():
        text = text.replace(placeholder, value)
    assert "${" not in text, f"unknown placeholder in {text}"
    return text


def _revoked(office: Office) -> str:
    made, plaintext = office.directory.create_key(OURS, "admin")
    assert office.directory.revoke_key(OURS, made.id)
    return plaintext


@pytest.mark.parametrize(
    "line",
    [line for line in LINES if line["id"] not in LATER and line["category"] != "cors"],
    ids=lambda line: line["id"],
)
def test_a_hostile_line_gets_its_answer(line: corpus.Line, office: Office) -> None:
    stored = dict(office.ssm.values)
    expected = corpus.expected(line)

    answers = [_send(line, office) for _ in range(line.get("repeat", 1))]

    for answer in answers:
        assert answer.status in expected.statuses, (answer.status, answer.code, line["description"])
        if answer.status >= 300:
            assert answer.code in expected.codes, (answer.status, answer.code, line["description"])
    if line["method"] == "POST" and "rotate" not in line["path_suffix"]:
        assert office.ssm.values == stored
        assert office.directory.own_rules(OURS) == []
        assert len(office.directory.endpoints(OURS)) == 1
    _check(line, office, answers)


def _check(line: corpus.Line, office: Office, answers: list[Answer]) -> None:
    """What the corpus asks for beyond status and code."""
    if line["id"] == "AD-019":
        assert "CANARY" not in answers[0].body
        assert SECRET not in answers[0].body
        assert answers[0].json["settings"]["headers"] == {"Authorization": "***"}
    if line["id"] == "AD-020":
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        record = office.endpoint_secrets.get(f"ep_{OURS}")
        assert record is not None
        assert (record.secret, record.previous_secret) == (answers[9].json["secret"], answers[8].json["secret"])
    if line["id"] == "AD-055":
        assert {one.state for one in office.deliveries.rows.values()} == {"cancelled"}
        assert office.ssm.values == {}


def test_no_route_answers_a_preflight_or_opens_itself_to_other_origins(office: Office) -> None:
    """AD-052: the gateway answers 403 for a method that no route has."""
    for path, by_method in product().routes.items():
        assert "OPTIONS" not in by_method, path
        assert not any(entry.cors for entry in by_method.values()), path
    answer = office.call("GET", "/v1/connections", headers={"origin": "https://evil.test"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_every_line_is_run_or_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(LINES) == 34
    assert set(LATER) <= {line["id"] for line in LINES}
    with capsys.disabled():
        print(f"\nhostile inputs, admin and saved URLs: {len(LINES) - len(LATER)} of {len(LINES)} run in-process")
        for theirs, ours in TABLE:
            print(f"  {theirs:28} → {ours}")
        for name, reason in LATER.items():
            print(f"  left out: {name} ({reason})")
