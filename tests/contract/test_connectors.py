"""What every connector must do. The registry drives it: a new connector is tested by being listed.

What differs from vendor to vendor stands in ``tests/fixtures/connectors/<name>/profile.py``, see ``profiles.py``.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.connectors import base
from chalicelib.connectors.registry import CONNECTORS, ConnectorCatalogue, callback_reader, load, taken
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    DISABLE,
    FAILED,
    RETRY,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.item import ITEM_MISSING, Access
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.vocabulary import EVENT_TYPES
from chalicelib.domain.voice.feedback import Feedback, Reason
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid
from tests.builders import AT, endpoint_secret, feedback, message, tag, ticket
from tests.contract.profiles import Answer, profile

CORPORA = Path(__file__).parents[1] / "fixtures/corpora"
NAMES = sorted(CONNECTORS)
CHATS = [name for name in NAMES if load(name).chat]
KEEPERS = [name for name in NAMES if load(name).kind == "state"]
ALERT = {"alert_id": "al_1", "rule": "r", "severity": "high", "unit": "SH", "topic": "t", "named": 2, "swallowed": 0}
ISSUE = {"issue_id": "is_1", "issue_version": 2, "state": "open", "level": "L2", "severity": "high", "topic": "t",
         "topics": ["t"], "unit": None, "unit_kind": "shop", "departments": ["d"], "owner": "u_1"}  # fmt: skip
TOKEN = "CANARY-token"
each_connector = pytest.mark.parametrize("name", NAMES)


def secret_of(name: str, **changes: Any) -> EndpointSecret:
    known = profile(name)
    values = {"url": known.url, "secret": known.secret, "credentials": dict(known.credentials), **changes}
    return endpoint_secret(**values)


def access_of(name: str, **changes: Any) -> Access:
    known = profile(name)
    given_ = {**known.settings, **changes}
    return Access(secret_of(name), given_, TOKEN if known.token else None)


def bearers(name: str, said_: Message, secret: EndpointSecret | None = None, **changes: Any) -> list[HttpRequest]:
    """The requests that carry the message: one of an event; the create and the update of an item."""
    known, connector = profile(name), load(name)
    if connector.kind == "event":
        return [connector.render(said_, secret or secret_of(name), {**known.settings, **changes})]
    keeper: Any = connector
    access = replace(access_of(name, **changes), secret=secret or secret_of(name))
    later = replace(said_, ticket=replace(said_.ticket, version=2, state="in_progress")) if said_.ticket else said_
    update = keeper.update(later, known.external_id, access)
    return [keeper.create(said_, access), *([update] if update else [])]


def requests(name: str, said_: Message) -> list[HttpRequest]:
    """Every request that the connector makes."""
    if load(name).kind == "event":
        return bearers(name, said_)
    keeper: Any = load(name)
    access = access_of(name)
    asked = [keeper.authorise(access, AT), keeper.find(said_, access)]
    return [*bearers(name, said_), *(one for one in asked if one is not None)]


def said(event_type: str = "ticket.opened", voice: Feedback | None = None, **changes: Any) -> Message:
    about = {"ticket": ticket()} if event_type.startswith("ticket.") else {}
    of, _, _ = event_type.partition(".")
    detail = {"alert": ALERT, "issue": ISSUE}.get(of, {"severity": "medium", "unit": "SH-001"})
    return message(type=event_type, detail=detail, feedback=voice or feedback(), **{**about, **changes})


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value; a card that is sent as a text is looked into."""
    if isinstance(value, str):
        inner = _json(value)
        if isinstance(inner, Mapping | list):
            yield from texts_of(inner)
        else:
            yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from texts_of(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from texts_of(entry)


def keys_of(value: Any) -> Iterator[str]:
    inner = _json(value) if isinstance(value, str) else value
    if isinstance(inner, Mapping):
        for key, entry in inner.items():
            yield key
            yield from keys_of(entry)
    elif isinstance(inner, list):
        for entry in inner:
            yield from keys_of(entry)


def _json(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


# --- shape ------------------------------------------------------------------------------------------------------


@each_connector
def test_a_connector_is_whole(name: str) -> None:
    connector = load(name)
    assert connector.name == name
    assert connector.kind in ("event", "state")
    protocol = base.Connector if connector.kind == "event" else base.StateConnector
    for attribute in ("has_idempotency", "chat", "signs"):
        assert isinstance(getattr(connector, attribute), bool)
    assert all(isinstance(limit, Limit) for limit in connector.limits)
    assert all(isinstance(one, Field) for one in (*connector.fields, *connector.credential_fields))
    for method in (found for found, _ in inspect.getmembers(protocol, inspect.isfunction) if found[0] != "_"):
        ours, theirs = (inspect.signature(getattr(one, method)) for one in (type(connector), protocol))
        assert list(ours.parameters) == list(theirs.parameters)
    assert set(taken(connector)) <= set(EVENT_TYPES)
    assert connector.kind == "event" or all(one.startswith("ticket.") for one in taken(connector))
    reader = callback_reader(name)
    assert reader is None or set(reader.methods) <= {"GET", "POST"}


def test_every_connector_file_is_listed_and_no_other() -> None:
    folder = Path(import_module("chalicelib.connectors").__path__[0])
    files = {path.stem for path in folder.glob("*.py") if f"{path.stem}:" in " ".join(CONNECTORS.values())}
    assert files == set(CONNECTORS)
    declaring = {path.stem for path in folder.glob("*.py") if '\n    name = "' in path.read_text("utf-8")}
    assert declaring == set(CONNECTORS), "a connector that is not listed"


def test_an_unknown_connector_is_refused() -> None:
    with pytest.raises(Invalid, match="no such connector") as refusal:
        load("fax")
    assert refusal.value.code == "unknown_connector"


# --- settings and credentials -----------------------------------------------------------------------------------


@each_connector
def test_what_the_profile_gives_is_taken_and_what_is_needed_cannot_be_left_out(name: str) -> None:
    known, catalogue, connector = profile(name), ConnectorCatalogue(), load(name)
    catalogue.check_settings(name, known.settings)
    catalogue.check_credentials(name, known.credentials)
    for fields, given_, check, part in (
        (connector.fields, known.settings, catalogue.check_settings, "settings"),
        (connector.credential_fields, known.credentials, catalogue.check_credentials, "credentials"),
    ):
        for field in fields:
            if field.required:
                with pytest.raises(Invalid, match="This is needed") as refusal:
                    check(name, {key: value for key, value in given_.items() if key != field.name})
                assert (refusal.value.code, refusal.value.pointer) == (f"{part}_invalid", f"/{part}/{field.name}")
        with pytest.raises(Invalid, match="not known here") as refusal:
            check(name, {**given_, "canary": "CANARY"})
        assert (refusal.value.code, refusal.value.pointer) == (f"{part}_invalid", f"/{part}")
        assert "CANARY" not in refusal.value.message


@each_connector
def test_contact_data_in_full_never_goes_to_a_chat_room(name: str) -> None:
    usual = profile(name).settings
    for policy in ("none", "masked"):
        ConnectorCatalogue().check_settings(name, {**usual, "contact": policy, "rate": 10})
    if not load(name).chat:
        return ConnectorCatalogue().check_settings(name, {**usual, "contact": "full"})
    with pytest.raises(Invalid, match="may not see contact data") as refusal:
        ConnectorCatalogue().check_settings(name, {**usual, "contact": "full"})
    assert (refusal.value.code, refusal.value.pointer) == ("contact_not_allowed", "/settings/contact")
    return None


@each_connector
def test_statuses_are_mapped_only_where_any_come_back(name: str) -> None:
    wanted = {**profile(name).settings, "status_map": {"done": "resolved"}}
    if not load(name).chat or name in KEEPERS:
        return ConnectorCatalogue().check_settings(name, wanted)
    with pytest.raises(Invalid, match="no status back") as refusal:
        ConnectorCatalogue().check_settings(name, wanted)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/status_map")
    return None


@each_connector
def test_only_a_target_that_knows_no_repetition_leaves_it_to_the_endpoint_what_to_do(name: str) -> None:
    wanted = {**profile(name).settings, "on_ambiguous": "park"}
    if not load(name).has_idempotency and name not in KEEPERS:
        return ConnectorCatalogue().check_settings(name, wanted)
    with pytest.raises(Invalid) as refusal:
        ConnectorCatalogue().check_settings(name, wanted)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/on_ambiguous")
    return None


# --- rendering --------------------------------------------------------------------------------------------------


@each_connector
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_event_renders_within_the_limit(name: str, lang: str) -> None:
    known = profile(name)
    for event_type in taken(load(name)):
        for request in bearers(name, said(event_type), lang=lang):
            assert request.method in ("POST", "PUT", "PATCH")
            assert known.read(request)
            assert known.measure(request) <= known.limit


def overfull() -> Message:
    """As much as a feedback and a ticket may hold, in characters of four bytes."""
    long = "𠮷" * 20_000
    voice = feedback(
        texts=tuple(Text(long, question=long) for _ in range(60)),
        scores=tuple(Score("nps", 3, 0, 10) for _ in range(60)),
        understanding=Understanding(tags=tuple(tag("a.b" * 20, text=0, start=n, end=n + 90) for n in range(120))),
    )
    case = ticket(
        title=long,
        unit=long[:200],
        touchpoint=long[:200],
        departments=tuple(f"{n}" + "部" * 99 for n in range(30)),
        reasons=tuple(Reason("r" * 64, 1, "high") for _ in range(60)),
    )
    return said(voice=voice, ticket=case, customer={"id": long[:200], "name": long[:200]})


@each_connector
def test_the_longest_message_stays_within_the_vendors_limit(name: str) -> None:
    known = profile(name)
    for request in bearers(name, overfull()):
        assert known.measure(request) <= known.limit
        request.body.decode("utf-8")


@each_connector
@given(words=st.text(max_size=4000))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_words_render_within_the_limit(name: str, words: str) -> None:
    known = profile(name)
    for request in bearers(name, said(voice=feedback(texts=(Text(words),), understanding=Understanding()))):
        assert known.measure(request) <= known.limit
        assert known.read(request)


@each_connector
def test_an_attempt_is_the_same_later_under_a_key_of_its_own(name: str) -> None:
    now, later = said(), replace(said(), now=AT + timedelta(hours=7))
    first, again = (bearers(name, one)[0] for one in (now, later))
    assert (first.method, first.url.partition("?")[0]) == (again.method, again.url.partition("?")[0])
    if not load(name).has_idempotency:
        return
    assert (first.url, first.body) == (again.url, again.body)
    other = replace(said(ticket=ticket(id="tk_two")), delivery_id="dl-tk_two-ep_one-1")
    another = bearers(name, other)[0]
    same = {key for key, value in first.headers.items() if again.headers[key] == value != another.headers[key]}
    assert same or first.url != another.url or first.body != another.body, "nothing tells two tickets apart"


@each_connector
def test_the_endpoints_own_headers_go_along_and_cannot_replace_ours(name: str) -> None:
    for number, ours in enumerate(bearers(name, said())):
        secret = secret_of(name, headers={"X-Api-Key": "k", **dict.fromkeys(ours.headers, "x")})
        headers = bearers(name, said(), secret)[number].headers
        assert headers["X-Api-Key"] == "k"
        assert "x" not in headers.values()


@each_connector
def test_no_credential_and_no_word_is_in_a_repr_or_a_log(name: str, caplog: pytest.LogCaptureFixture) -> None:
    message_ = said(voice=feedback(texts=(Text("CANARY-words"),)), customer={"name": "CANARY-name"})
    with caplog.at_level(logging.DEBUG):
        made = requests(name, message_)
    secret = secret_of(name, headers={"X-Key": "CANARY-header"})
    response = HttpResponse(400, {"x": "CANARY"}, b"CANARY")
    shown = f"{made!r} {secret!r} {access_of(name)!r} {response!r} {load(name)!r} {callback_reader(name)!r}"
    assert "CANARY" not in shown + caplog.text
    assert "CANARY" not in repr(replace(message_, feedback=None))
    assert not [value for value in profile(name).credentials.values() if value in shown + caplog.text]


@each_connector
def test_a_secret_goes_nowhere_but_to_its_own_host(name: str) -> None:
    known = profile(name)
    for request in requests(name, said()):
        assert request.url.startswith(known.url.partition("?")[0]), "another host or path than the endpoint's"


# --- a customer's words in a chat room --------------------------------------------------------------------------


def hostile() -> list[Any]:
    lines = [json.loads(line) for line in (CORPORA / "hostile_inputs.jsonl").read_text("utf-8").splitlines()]
    contents = [one for one in lines if one["target"] == "ingest" and one["category"] == "content"]
    found = [
        pytest.param(one["mutation"]["comment"], id=one["id"])
        for one in contents
        if "comment" in one.get("mutation", {})
    ]
    assert len(found) > 15
    return found


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("words", hostile())
def test_a_customers_words_do_nothing_in_a_card(name: str, words: str) -> None:
    voice = feedback(texts=(Text(words),), unit=words, understanding=Understanding(tags=(tag(end=len(words)),)))
    case = ticket(title=words, unit=words, touchpoint=words, departments=(words,))
    quiet = feedback(texts=(Text("好"),), understanding=Understanding(tags=(tag(end=1),)))
    plain = ticket(title="好", unit="好", touchpoint="好", departments=("好",))

    loud, calm = (
        bearers(name, said(voice=one, ticket=two, customer={"name": who}))
        for one, two, who in ((voice, case, words), (quiet, plain, "好"))
    )
    for request, usual_request in zip(loud, calm, strict=True):
        body, harmless = json.loads(request.body), json.loads(usual_request.body)
        shown, usual = ("\n".join(texts_of(one)) for one in (body, harmless))
        for sign in ("](", "<", ">", "`", "#", "**", "![", "&", "://", "@"):
            ours = usual.count(sign)
            assert shown.count(sign) - shown.count("@\u200d") * (sign == "@") == ours, f"{sign} came in with the words"
        assert not {"at", "mentioned_list", "mentioned_mobile_list", "atMobiles", "isAtAll"} & set(keys_of(body))
        assert list(keys_of(body)) == list(keys_of(harmless))


@pytest.mark.parametrize("name", [name for name in CHATS if name not in KEEPERS])
def test_what_was_cut_is_linked_to_in_full(name: str) -> None:
    content = "\n".join(texts_of(json.loads(bearers(name, overfull())[0].body)))
    assert "全文见工单" in content
    assert f"https://echoloop.example.org/t/{ticket().id}" in content


# --- outcomes ---------------------------------------------------------------------------------------------------


def answers() -> list[Any]:
    return [
        pytest.param(name, answer, id=f"{name}-{answer.status}-{answer.code or number}")
        for name in NAMES
        for number, answer in enumerate(profile(name).answers)
    ]


def outcome(name: str, status: int, body: bytes = b"") -> Outcome:
    return load(name).outcome(HttpResponse(status, {}, body))


@each_connector
def test_success_is_what_the_vendor_calls_success(name: str) -> None:
    assert profile(name).success
    for answer in profile(name).success:
        assert load(name).outcome(answer.response).verdict == DELIVERED


@pytest.mark.parametrize(("name", "answer"), answers())
def test_every_answer_of_the_vendor_has_its_outcome(name: str, answer: Answer) -> None:
    assert load(name).outcome(answer.response) == answer.outcome


@each_connector
def test_a_200_that_says_nothing_is_no_success(name: str) -> None:
    """Where the body is what tells. What cannot be read may have been done: it is looked at again, not believed."""
    for body in profile(name).silent:
        assert outcome(name, 200, body).verdict != DELIVERED or name in KEEPERS, body
    if name in KEEPERS and profile(name).silent:
        keeper: Any = load(name)
        for body in profile(name).silent:
            response = HttpResponse(200, {}, body)
            told = keeper.outcome(response).verdict
            assert told != DELIVERED or keeper.created(response, said()) is None, body


@each_connector
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(name: str, status: int) -> None:
    found = outcome(name, status)
    assert found == Outcome(RETRY, "rate_limited" if status == 429 else f"http_{status}", found.after)


@each_connector
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(name: str, status: int) -> None:
    assert outcome(name, status) == Outcome(RETRY, "redirect_not_followed")


def nearly(text: str) -> bytes:
    """An answer in the form of several vendors, with a code that none of them has."""
    return json.dumps({"code": text, "errcode": text, "errors": [text], "data": text}).encode()


@each_connector
@given(status=st.integers(100, 599), body=st.binary(max_size=200) | st.text(max_size=50).map(nearly))
@settings(max_examples=30)
def test_any_answer_has_an_outcome(name: str, status: int, body: bytes) -> None:
    response = HttpResponse(status, {}, body)
    found = outcome(name, status, body)
    assert found.verdict in (DELIVERED, RETRY, FAILED, DISABLE)
    assert len(found.code) <= 100
    if name in KEEPERS:
        keeper: Any = load(name)
        keeper.created(response, said())
        if found.verdict == DELIVERED:
            keeper.found(response)
        if 200 <= status < 300:
            assert keeper.token(response, AT) is not None


# --- items ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEEPERS)
def test_what_the_vendor_answers_is_read_as_it_means(name: str) -> None:
    keeper: Any = load(name)
    known, access = profile(name), access_of(name)
    assert known.created is not None
    assert keeper.created(known.created.response, said()) == known.external_id
    assert (keeper.find(said(), access) is not None) == bool(keeper.searches) == (known.found is not None)
    if known.found is not None and known.not_found is not None:
        assert keeper.found(known.found.response) == known.external_id
        assert keeper.found(known.not_found.response) is None
        assert keeper.outcome(known.not_found.response) == known.not_found.outcome
        assert known.not_found.verdict == DELIVERED or known.not_found.code == ITEM_MISSING
    assert (keeper.authorise(access, AT) is not None) == (known.token is not None)
    if known.token is not None:
        got = keeper.token(known.token.response, AT)
        assert "CANARY" in got.value or got.value
        assert got.expires_at > AT
        assert got.value not in repr(got)


# --- secrets that management starts with ------------------------------------------------------------------------


@each_connector
def test_a_secret_is_made_where_it_is_ours_and_else_taken_as_it_is(name: str) -> None:
    catalogue = ConnectorCatalogue()
    made = catalogue.first_secret(name, None)
    assert (made is not None) == load(name).signs == catalogue.makes_secrets(name)
    if made is None:
        assert catalogue.first_secret(name, "given-by-the-vendor") == "given-by-the-vendor"
        return
    assert catalogue.first_secret(name, made) == made
    with pytest.raises(Invalid) as refusal:
        catalogue.first_secret(name, "whsec_c2hvcnQ=")
    assert (refusal.value.code, refusal.value.pointer) == ("secret_invalid", "/secret")
