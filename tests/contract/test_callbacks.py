"""The way back of every connector that has one, through the real route: proof first, the vendor's answer, its limits.

The signatures here are made apart from the product. What a callback then does is tested with ``apply_callback``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connectors.registry import CONNECTORS, callback_reader
from chalicelib.domain.cases.ticket import Ticket, opened
from chalicelib.domain.outbound.calls import Call
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.errors import Unauthorized
from chalicelib.wiring import base
from tests import builders, corpus
from tests.builders_admin import NOW, OURS, SECRET, THEIRS, Office, composed
from tests.fakes.gateway import Answer, call, product

ROUTE: Final = "/v1/callbacks/{endpoint_id}"
WITH_A_WAY_BACK: Final = [name for name in CONNECTORS if callback_reader(name)]
VENDORS: Final = [name for name in WITH_A_WAY_BACK if not getattr(callback_reader(name), "tells_verdict", False)]
AES_KEY: Final = base64.b64encode(bytes(range(32))).decode().rstrip("=")
CREDENTIALS: Final[Mapping[str, Mapping[str, str]]] = {
    "dingtalk_approval": {"event_token": "token", "event_aes_key": AES_KEY, "app_key": "ding1"},
    "wecom_app": {"callback_token": "token", "callback_aes_key": AES_KEY, "corp_id": "ww1"},
    "feishu_app": {"encrypt_key": "ek", "verification_token": "vt"},
}
REFUSALS: Final = {
    "signature_missing",
    "signature_invalid",
    "timestamp_invalid",
    "timestamp_out_of_window",
    "message_id_invalid",
}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def endpoint(office: Office, connector: str, *, secret: str | None = SECRET, **credentials: str) -> str:
    """The id of an endpoint of that connector, credentials and all."""
    made = office.endpoint(id="ep_back", connector=connector)
    url = "https://x.example.com"
    known = {**CREDENTIALS.get(connector, {}), **credentials}
    office.endpoint_secrets.put(EndpointSecret(OURS, made.id, url, secret, credentials=known, connector=connector))
    office.ssm.calls.clear()
    return made.id


def send(
    endpoint_id: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    sent = {"content-type": "application/json", **(headers or {})}
    return call(product(), method, ROUTE, path={"endpoint_id": endpoint_id}, headers=sent, query=query, body=body)


# --- every connector ----------------------------------------------------------------------------------------------

NAMES: Final = (
    "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp", "x-hubspot-signature",
    "x-hubspot-signature-v3", "x-hubspot-signature-version", "x-hubspot-request-timestamp", "x-lark-signature",
    "x-lark-request-timestamp", "x-lark-request-nonce", "x-jdy-signature", "webhook-id", "webhook-timestamp",
    "webhook-signature", "content-type",
)  # fmt: skip
WORDS: Final = st.text(max_size=30) | st.sampled_from(
    [str(int(NOW.timestamp())), f"{int(NOW.timestamp())}000", NOW.isoformat(), "v1", "v2", "v3", "v1,", "v1a,AAAA"]
)
BODIES: Final = st.binary(max_size=60) | st.sampled_from(
    [b"{}", b"[]", b"null", b'{"encrypt":"AAAA"}', b"<xml><Encrypt>AAAA</Encrypt></xml>",
     b'{"challenge":"c","token":1}', b'{"type":"url_verification"}', b'{"schema":"2.0","header":{"token":1}}',
     b"[" * 9_000]
)  # fmt: skip


@pytest.mark.parametrize("name", WITH_A_WAY_BACK)
@settings(max_examples=60, deadline=None)
@given(
    headers=st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=6),
    query=st.dictionaries(
        st.sampled_from(["msg_signature", "signature", "timestamp", "nonce", "echostr"]), WORDS, max_size=5
    ),
    body=BODIES,
    method=st.sampled_from(["POST", "GET"]),
    secret=st.none() | st.text(max_size=20) | st.sampled_from([SECRET, "whpk_AAAA"]),
    known=st.booleans(),
)
def test_garbage_is_unauthorized_and_nothing_else(
    name: str, headers: Any, query: Any, body: bytes, method: str, secret: str | None, known: bool
) -> None:
    reader = callback_reader(name)
    assert reader is not None
    credentials = CREDENTIALS.get(name, {}) if known else {}
    record = EndpointSecret(OURS, "ep_1", "https://x.example.com", secret, credentials=credentials, connector=name)
    with pytest.raises(Unauthorized) as refusal:
        reader.prove(Call(method, "https://us/cb", headers, query, body), record, NOW)
    assert refusal.value.code in REFUSALS


@pytest.mark.parametrize("name", [*CONNECTORS, "unknown"])
def test_what_is_not_proven_is_refused_through_the_route_and_leaves_nothing(name: str, office: Office) -> None:
    there = endpoint(office, name) if name in CONNECTORS else "ep_unknown"
    for body, media in ((b"", ""), (b"{}", "application/json"), (b"\xff\x00", "text/xml"), (b"{broken", "image/png")):
        for method in ("POST", "GET"):
            answer = send(there, body, {"content-type": media}, method=method)
            assert (answer.status, answer.code in REFUSALS) == (401, True), (body, method, answer.body)
    large = send(there, b" " * 262_145)
    assert (large.status, large.code) == (413, "payload_too_large")
    assert (office.sqs.sent, office.ssm.reads() <= 2) == ([], True), "a flood costs few reads"


@pytest.mark.parametrize("name", [name for name in CONNECTORS if name not in WITH_A_WAY_BACK])
def test_an_endpoint_without_a_way_back_answers_as_one_that_there_is_not(name: str, office: Office) -> None:
    body, headers = standard({"a": 1}, SECRET)
    there, nowhere = send(endpoint(office, name), body, headers), send("ep_unknown", body, headers)
    assert (there.status, there.code, there.body) == (401, "signature_invalid", nowhere.body)


# --- vendors' own forms -------------------------------------------------------------------------------------------


def aes(key: bytes, data: bytes, *, decrypt: bool = False) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
    worker = cipher.decryptor() if decrypt else cipher.encryptor()
    return worker.update(data) + worker.finalize()


def wx(sealed: str, timestamp: str) -> dict[str, str]:
    """The query that DingTalk and WeCom sign an envelope with."""
    signature = hashlib.sha1("".join(sorted(["token", timestamp, "nonce", sealed])).encode()).hexdigest()  # noqa: S324
    return {"msg_signature": signature, "timestamp": timestamp, "nonce": "nonce"}


def envelope(payload: bytes, receiver: str) -> str:
    plain = b"0123456789abcdef" + len(payload).to_bytes(4, "big") + payload + receiver.encode()
    room = 32 - len(plain) % 32
    return base64.b64encode(aes(bytes(range(32)), plain + bytes([room]) * room)).decode()


def unwrapped(sealed: str) -> tuple[bytes, str]:
    plain = aes(bytes(range(32)), base64.b64decode(sealed), decrypt=True)
    plain = plain[: -plain[-1]]
    size = int.from_bytes(plain[16:20], "big")
    return plain[20 : 20 + size], plain[20 + size :].decode()


def dingtalk(event: Mapping[str, Any], at: Any = NOW) -> tuple[bytes, dict[str, str]]:
    sealed = envelope(json.dumps(event).encode(), "ding1")
    return json.dumps({"encrypt": sealed}).encode(), wx(sealed, str(int(at.timestamp() * 1000)))


def is_success(answer: Answer) -> bool:
    """DingTalk takes nothing but ``success``, encrypted for the same receiver and signed."""
    told = answer.json
    fits = wx(told["encrypt"], told["timeStamp"])["msg_signature"] if told["nonce"] == "nonce" else None
    four = sorted(["token", told["timeStamp"], told["nonce"], told["encrypt"]])
    signed = hashlib.sha1("".join(four).encode()).hexdigest()  # noqa: S324
    return unwrapped(told["encrypt"]) == (b"success", "ding1") and told["msg_signature"] == (fits or signed)


def test_dingtalks_url_check_is_answered_without_touching_anything(office: Office) -> None:
    there = endpoint(office, "dingtalk_approval")
    body, query = dingtalk({"EventType": "check_url"})
    answer = send(there, body, query=query)
    assert (answer.status, is_success(answer)) == (200, True)
    assert (office.ssm.calls, office.sqs.sent) == ([("GetParameter", f"/echoloop/test/endpoints/{there}")], [])


def test_a_dingtalk_event_costs_one_message_before_its_answer_and_the_first_one_a_parameter(office: Office) -> None:
    """What stands between the event and its encrypted ``success`` in 1.5 seconds: two calls cold, one warm."""
    there = endpoint(office, "dingtalk_approval")
    body, query = dingtalk({"EventType": "bpms_instance_change", "processInstanceId": "p-1", "type": "start"})
    counts = []
    for _ in range(3):
        assert is_success(send(there, body, query=query))
        counts.append((len(office.ssm.calls), len(office.sqs.sent)))
    assert counts == [(1, 1), (1, 2), (1, 3)]
    message = office.sqs.bodies()[0]
    assert {name: message[name] for name in ("kind", "workspace", "endpoint")} == {
        "kind": "callback", "workspace": OURS, "endpoint": there,
    }  # fmt: skip


def test_a_dingtalk_event_of_another_company_is_refused(office: Office) -> None:
    there = endpoint(office, "dingtalk_approval", app_key="ding2")
    body, query = dingtalk({"EventType": "check_url"})
    assert (send(there, body, query=query).code, office.sqs.sent) == ("signature_invalid", [])


def test_a_dingtalk_event_of_ten_minutes_ago_is_refused(office: Office) -> None:
    there = endpoint(office, "dingtalk_approval")
    body, query = dingtalk({"EventType": "check_url"}, NOW - timedelta(minutes=10))
    assert (send(there, body, query=query).code, office.sqs.sent) == ("timestamp_out_of_window", [])


def test_wecoms_url_check_by_get_is_answered_with_what_it_hid(office: Office) -> None:
    there = endpoint(office, "wecom_app")
    sealed = envelope(b"4711", "ww1")
    query = {**wx(sealed, str(int(NOW.timestamp()))), "echostr": sealed}
    answer = send(there, query=query, method="GET")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, "4711", "text/plain")


def test_wecoms_xml_is_heard(office: Office) -> None:
    there = endpoint(office, "wecom_app")
    sealed = envelope(b"<xml><MsgType>event</MsgType><Event>click</Event></xml>", "ww1")
    body = f"<xml><ToUserName>ww1</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
    answer = send(there, body, {"content-type": "text/xml"}, wx(sealed, str(int(NOW.timestamp()))))
    assert (answer.status, len(office.sqs.sent)) == (200, 1)


def test_feishus_challenge_is_answered_for_the_right_token_alone(office: Office) -> None:
    there = endpoint(office, "feishu_app")
    asked = {"type": "url_verification", "challenge": "c-1", "token": "vt"}
    answer = send(there, json.dumps(asked).encode())
    assert (answer.status, answer.json) == (200, {"challenge": "c-1"})


def hubspot(uri: str, body: bytes) -> dict[str, str]:
    at = str(int(NOW.timestamp() * 1000))
    digest = hmac.new(SECRET.encode(), f"POST{uri}".encode() + body + at.encode(), hashlib.sha256).digest()
    return {"x-hubspot-signature-v3": base64.b64encode(digest).decode(), "x-hubspot-request-timestamp": at}


@pytest.mark.parametrize(
    ("public_url", "uri"),
    [
        ("", "https://abc.execute-api.eu-west-1.amazonaws.com/api/v1/callbacks/{}?to=a:b/c&q=%E5%B7%AE%20x"),
        ("https://cx.example.com/loop", "https://cx.example.com/loop/v1/callbacks/{}?to=a:b/c&q=%E5%B7%AE%20x"),
    ],
)
def test_hubspot_signs_the_public_uri(
    public_url: str, uri: str, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_url = replace(base.settings(), public_url=public_url)
    monkeypatch.setattr(base, "settings", lambda: with_url)
    there = endpoint(office, "hubspot")
    query = {"to": "a:b/c", "q": "差 x"}
    heard = send(there, b"[]", hubspot(uri.format(there), b"[]"), query)
    elsewhere = send(there, b"[]", hubspot("https://evil.example/v1", b"[]"), query)
    assert (heard.status, elsewhere.code) == (200, "signature_invalid")


# --- Standard Webhooks: shared secrets, and keys of one's own -----------------------------------------------------


def standard(body: Any, secret: str) -> tuple[bytes, dict[str, str]]:
    raw, at = json.dumps(body).encode(), str(int(NOW.timestamp()))
    signature = corpus.sign(secret, "msg_1", at, raw)
    return raw, {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": signature}


def test_a_callback_signed_with_the_systems_own_key_moves_the_ticket(office: Office) -> None:
    ours, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(theirs.public_key().public_bytes_raw()).decode()
    seed_and_public = ours.private_bytes_raw() + ours.public_key().public_bytes_raw()
    private = "whsk_" + base64.b64encode(seed_and_public).decode()
    there = endpoint(office, "standard_webhooks", secret=private, callback_key=f"whpk_AAAA {public}")
    made = office.ticket()
    raw, headers = standard(status_changed(made.id), SECRET)
    signed = f"msg_1.{headers['webhook-timestamp']}.".encode() + raw

    def by(key: Ed25519PrivateKey) -> Answer:
        return send(there, raw, {**headers, "webhook-signature": "v1a," + base64.b64encode(key.sign(signed)).decode()})

    assert by(ours).code == "signature_invalid", "the key that we sign with proves nothing"
    assert send(there, raw, headers).code == "signature_invalid"
    answer = by(theirs)
    assert (answer.status, answer.json["ticket"]["state"]) == (200, "resolved")


def status_changed(ticket_id: str, **changes: Any) -> dict[str, Any]:
    data = {"ticket_id": ticket_id, "external_id": "OA-9", "status": "resolved", "version": 3, **changes}
    return {"type": "ticket.status_changed", "data": data}


# --- the hostile lines --------------------------------------------------------------------------------------------

LINES: Final = corpus.load("callback")
STANDARD: Final = [line for line in LINES if line["scope"] == "any"]
IN_A_VENDORS_FORM: Final = [line for line in LINES if line["scope"] != "any"]
NAMES_OF_OURS: Final = {"ticket_ref": "ticket_id", "at": "occurred_at", "comment": "note", "assignee": "actor"}
CODES_OF_OURS: Final = {"invalid_transition": "illegal_move"}


def translated(line: corpus.Line, ticket_id: str) -> bytes:
    """The line's body in our names; the ticket that it is about is the one given. Large ones go as they are."""
    if line.get("body_gen"):
        return corpus.body(line)
    fields = {NAMES_OF_OURS.get(name, name): value for name, value in json.loads(corpus.body(line)).items()}
    reference = fields.pop("ticket_id")
    named = reference.replace("TCK-1", ticket_id).replace("TCK-2", ticket_id).replace("TCK-PENDING", ticket_id)
    return json.dumps({"type": "ticket.status_changed", "data": {"ticket_id": named, **fields}}).encode()


def filled(line: corpus.Line, raw: bytes) -> dict[str, str]:
    """The line's headers; another connector's signature is one under another secret."""
    keys = corpus.Keys(SECRET, SECRET, SECRET, "whsec_" + "C" * 43 + "=")
    theirs = {name: value.replace("${SIG_CONN2}", "${SIG_K2}") for name, value in line["headers"].items()}
    return corpus.fill_headers({**line, "headers": theirs}, keys, NOW, raw, msg_id="msg_1")


def standing(office: Office, line: corpus.Line) -> Ticket:
    """The ticket that a line is about, in the state that it speaks of."""
    made = office.ticket(state="closed") if line["id"] == "CB-010" else office.ticket()
    if line["id"] == "CB-016":
        other = opened(builders.feedback(id="fb_other", workspace=OURS), "title", NOW)
        office.tickets.create(other.ticket, other.moves[0])
        body = status_changed(other.ticket.id, external_id="OA-OTHER", status="accepted", version=1)
        assert send("ep_back", *standard(body, SECRET)).status == 200
    return made


@pytest.mark.parametrize("line", STANDARD, ids=lambda line: line["id"])
def test_a_hostile_callback_gets_its_answer_and_what_is_refused_changes_nothing(
    line: corpus.Line, office: Office
) -> None:
    there = endpoint(office, "standard_webhooks")
    made = standing(office, line)
    raw, expected = translated(line, made.id), corpus.expected(line)
    before = dict(office.tickets.rows)

    answers = [send(there, raw, filled(line, raw)) for _ in range(line.get("repeat", 1))]

    codes = {CODES_OF_OURS.get(code, code) for code in expected.codes}
    assert answers[-1].status in expected.statuses, (answers[-1].body, line["description"])
    told = answers[-1].json["code"]
    assert told in codes, (answers[-1].body, line["description"])
    if answers[-1].status >= 300:
        assert office.tickets.rows == before
    else:
        assert office.tickets.rows[OURS, made.id].state == "resolved"
        assert len({one.version for one in office.tickets.moves(OURS, made.id)}) == len(
            office.tickets.moves(OURS, made.id)
        )
    assert (office.sqs.sent, "CANARY" in answers[-1].body, "@all" in answers[-1].body) == ([], False, False)


FORMS: Final[Mapping[str, Callable[[bytes], tuple[dict[str, str], dict[str, str]]]]] = {
    # What a line's ``${SIG}`` is in each vendor's own form: headers and query.
    "wecom_app": lambda raw: ({}, wx(json.loads(raw)["encrypt"], str(int(NOW.timestamp())))),
    "dingtalk_approval": lambda raw: ({}, wx(json.loads(raw)["encrypt"], str(int(NOW.timestamp() * 1000)))),
    "feishu_app": lambda raw: (
        {
            "x-lark-request-timestamp": str(int(NOW.timestamp())),
            "x-lark-request-nonce": "nonce",
            "x-lark-signature": hashlib.sha256(f"{int(NOW.timestamp())}nonceek".encode() + raw).hexdigest(),
        },
        {},
    ),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("line", IN_A_VENDORS_FORM, ids=lambda line: line["id"])
def test_a_hostile_call_in_a_vendors_form_gets_its_answer(line: corpus.Line, name: str, office: Office) -> None:
    there = endpoint(office, name)
    raw, expected = corpus.body(line), corpus.expected(line)
    own, query = FORMS[name](raw) if "${SIG}" in str(line["headers"]) else ({}, {})
    answer = send(there, raw, {"content-type": line["headers"]["content-type"], **own}, query)
    lacking = name not in _OF_FORM.get(line["category"], FORMS)
    assert answer.status in expected.statuses | ({401} if lacking else set()), (answer.body, line["description"])
    assert answer.code in expected.codes | (REFUSALS if lacking else set()), (answer.body, line["description"])
    assert (office.sqs.sent, "root:" in answer.body) == ([], False)


# Whose form a line is in: the others refuse it for what they lack.
_OF_FORM: Final = {"xml": ("wecom_app",), "challenge": ("feishu_app",)}


def test_every_hostile_line_is_judged() -> None:
    assert (len(LINES), len(STANDARD), len(IN_A_VENDORS_FORM)) == (16, 11, 5)


def test_theirs_is_not_ours(office: Office) -> None:
    """A proven endpoint of one workspace says nothing of a ticket of another."""
    there, theirs = endpoint(office, "standard_webhooks"), office.ticket(THEIRS)
    answer = send(there, *standard(status_changed(theirs.id), SECRET))
    assert (answer.status, answer.code) == (404, "not_found")
    assert office.tickets.rows[THEIRS, theirs.id] == theirs
