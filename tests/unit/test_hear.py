"""Hear: the order of the checks, the cache behind them, and what goes on the inbox."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime, timezone
from typing import Any

import pytest

from chalicelib.domain import ids
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.workspaces.credentials import token_hash
from chalicelib.errors import MethodNotAllowed, Retryable, TooLarge, Unauthorized, UnsupportedMedia
from tests.builders_hear import CONNECTION, SECRET, TOKEN, WORKSPACE, Hearing, hearing
from tests.fixtures.sources.canonical.proof import sign as canonical
from tests.fixtures.sources.typeform.proof import sign as typeform

NOW = datetime(2026, 11, 21, 8, 0, 0, 123_456, tzinfo=timezone.utc)
NEXT = "whsec_" + "B" * 43 + "="
VOICE = json.dumps(
    {"type": "feedback.created", "id": "R-1", "occurred_at": "2026-11-01T08:01:40Z", "texts": [{"text": "好"}]}
).encode()


@pytest.fixture
def world() -> Hearing:
    return hearing(NOW)


def post(world: Hearing, raw: bytes = VOICE, secret: str = SECRET, **headers: str) -> Any:
    proof, _ = canonical(raw, secret, world.now)
    sent = {
        "content-type": "application/json",
        **proof,
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    return world.post(raw, {name: text for name, text in sent.items() if text != "absent"})


class TestAccepted:
    def test_the_answer_names_the_feedback(self, world: Hearing) -> None:
        world.connect("canonical")
        heard = post(world)
        assert (heard.status, heard.id) == ("accepted", ids.feedback_id(WORKSPACE, CONNECTION, "R-1"))

    def test_one_message_holds_the_bytes_and_nothing_secret(self, world: Hearing) -> None:
        world.connect("canonical")
        heard = post(world)
        (message,) = world.sqs.bodies()
        envelope = Envelope.from_message(message)
        assert message["v"] == 1
        assert envelope.arrival.raw == VOICE
        assert envelope.arrival.content_type == "application/json"
        assert envelope.arrival.received_at == NOW.replace(microsecond=123_000)
        assert (envelope.workspace, envelope.connection, envelope.source) == (WORKSPACE, CONNECTION, "canonical")
        assert envelope.feedback_id == heard.id
        assert envelope.event_key == ids.event_key(CONNECTION, "msg_1", VOICE)
        assert not envelope.reparse
        text = world.sqs.sent[0]["MessageBody"]
        assert all(secret not in text for secret in (TOKEN, SECRET, "webhook-signature"))

    def test_an_envelope_survives_the_way_there_and_back(self, world: Hearing) -> None:
        world.connect("jiandaoyun")
        envelope = Envelope.from_message({**_any_message(), "reparse": True})
        assert Envelope.from_message(json.loads(json.dumps(envelope.to_message()))) == envelope

    def test_warm_it_is_one_call(self, world: Hearing) -> None:
        world.connect("canonical")
        for _ in range(5):
            post(world)
        assert (world.ssm.reads(), len(world.sqs.sent)) == (1, 5)

    def test_a_partial_response_is_answered_and_not_kept(self, world: Hearing) -> None:
        world.connect("typeform")
        raw = b'{"event_type":"form_response_partial","form_response":{"token":"t"}}'
        proof, _ = typeform(raw, SECRET, NOW)
        assert world.post(raw, proof).status == "ignored"
        assert world.sqs.sent == []


class TestOrderOfTheChecks:
    def test_size_comes_before_the_token(self, world: Hearing) -> None:
        with pytest.raises(TooLarge, match="262144 bytes"):
            world.post(b" " * 262_145, token="wrong")
        assert world.ssm.calls == []

    def test_the_token_comes_before_the_media_type(self, world: Hearing) -> None:
        world.connect("canonical")
        with pytest.raises(Unauthorized) as refused:
            world.post(VOICE, {"content-type": "text/plain"}, token="wrong")
        assert refused.value.code == "signature_invalid"

    def test_the_media_type_comes_before_the_signature(self, world: Hearing) -> None:
        world.connect("canonical")
        with pytest.raises(UnsupportedMedia):
            world.post(VOICE, {"content-type": "text/plain"})

    def test_the_signature_comes_before_the_schema(self, world: Hearing) -> None:
        world.connect("canonical")
        with pytest.raises(Unauthorized):
            post(world, b"{", secret=NEXT)


class TestMedia:
    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"'],
    )
    def test_json_in_utf8_is_taken(self, world: Hearing, content_type: str) -> None:
        world.connect("canonical")
        assert post(world, content_type=content_type, content_encoding="identity").status == "accepted"

    @pytest.mark.parametrize(
        "content_type",
        ["absent", "", "text/plain", "application/jsonx", "application/json, text/x", "application/json;charset=gbk"],
    )
    def test_other_types_are_not(self, world: Hearing, content_type: str) -> None:
        world.connect("canonical")
        with pytest.raises(UnsupportedMedia) as refused:
            post(world, content_type=content_type)
        assert refused.value.code == "unsupported_media_type"

    @pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "gzip, gzip", "deflate"])
    def test_nothing_is_inflated(self, world: Hearing, encoding: str) -> None:
        world.connect("canonical")
        with pytest.raises(UnsupportedMedia, match="compressed") as refused:
            post(world, content_encoding=encoding)
        assert refused.value.code == "unsupported_encoding"

    def test_a_platform_may_send_any_type(self, world: Hearing) -> None:
        world.connect("jinshuju")
        assert world.post(b"form=1", {"content-type": "application/x-www-form-urlencoded"}).status == "accepted"


class TestASecretThatTheVendorHasYetToShow:
    RAW = b'{"event":"responseFinished","data":{"id":"R-1","data":{"nps":1}}}'

    def test_what_comes_in_is_kept_and_named_unproved(self, world: Hearing) -> None:
        world.connect("formbricks", secrets=(), fetch=True)
        assert world.post(self.RAW).id == ids.feedback_id(WORKSPACE, CONNECTION, "R-1")
        assert [(one["QueueUrl"], json.loads(one["MessageBody"])["unread"]) for one in world.sqs.sent] == [
            ("https://sqs.test/inbox", "secret_missing")
        ]

    def test_the_test_request_that_makes_the_webhook_is_answered(self, world: Hearing) -> None:
        world.connect("formbricks", secrets=())
        assert world.post(b'{"event":"testEndpoint"}').status == "ignored"
        assert world.sqs.sent == []

    def test_once_it_is_entered_only_a_signature_counts(self, world: Hearing) -> None:
        world.connect("formbricks", secrets=())
        world.post(self.RAW)
        world.elsewhere.rotate(CONNECTION, world.now, secret=NEXT)
        world.pass_time(6)
        with pytest.raises(Unauthorized) as refused:
            world.post(self.RAW)
        assert refused.value.code == "signature_missing"
        proof, _ = canonical(self.RAW, NEXT, world.now)
        world.post(self.RAW, proof)
        assert [message["unread"] for message in world.sqs.bodies()] == ["secret_missing", None]

    def test_a_connection_that_was_deleted_meanwhile_keeps_nothing(self, world: Hearing) -> None:
        world.connect("formbricks", secrets=())
        world.post(self.RAW)
        world.elsewhere.delete(CONNECTION)
        world.pass_time(6)
        with pytest.raises(Unauthorized):
            world.post(self.RAW)


class TestSecretsBehindTheHook:
    def test_a_new_secret_counts_at_once_where_the_record_is_old_enough(self, world: Hearing) -> None:
        world.connect("canonical")
        post(world)
        world.elsewhere.rotate(CONNECTION, world.now, secret=NEXT)
        world.pass_time(6)
        assert post(world, secret=NEXT).status == "accepted"
        assert post(world, secret=SECRET).status == "accepted", "both count during the overlap"
        world.pass_time(24 * 3600)
        with pytest.raises(Unauthorized):
            post(world, secret=SECRET)

    def test_a_new_token_counts_at_once_too(self, world: Hearing) -> None:
        world.connect("canonical", token_hash=token_hash("the one before"))
        with pytest.raises(Unauthorized):
            post(world)
        world.connect("canonical")
        world.pass_time(6)
        assert post(world).status == "accepted"

    def test_a_flood_of_wrong_proofs_costs_one_read_in_five_seconds(self, world: Hearing) -> None:
        world.connect("canonical")
        post(world)
        for _ in range(100):
            world.pass_time(0.1)
            with pytest.raises(Unauthorized):
                post(world, secret=NEXT)
            with pytest.raises(Unauthorized):
                world.post(VOICE, token="wrong")
        assert world.ssm.reads() <= 3

    def test_a_flood_of_one_unknown_connection_costs_one_read_in_thirty(self, world: Hearing) -> None:
        for _ in range(29):
            world.pass_time(1)
            with pytest.raises(Unauthorized):
                world.post(VOICE, connection="cn_unknown")
        assert world.ssm.reads() == 1

    @pytest.mark.parametrize("path", ["", "..", "a/b", "cn_1/../x", "CN_1", "cn 1", "cn_1\x00", "é", "x" * 65])
    def test_no_parameter_name_is_made_of_a_path(self, world: Hearing, path: str) -> None:
        with pytest.raises(Unauthorized):
            world.post(VOICE, connection=path)
        assert world.ssm.calls == []

    def test_while_secrets_cannot_be_read_known_ones_serve_and_then_it_is_our_trouble(self, world: Hearing) -> None:
        world.connect("canonical")
        post(world)
        world.ssm.down = True
        world.pass_time(59)
        assert post(world).status == "accepted"
        world.pass_time(2)
        with pytest.raises(Retryable) as trouble:
            post(world)
        assert trouble.value.code == "secrets_unavailable"
        assert "CANARY" not in str(trouble.value)

    def test_a_queue_that_takes_nothing_is_our_trouble(self, world: Hearing) -> None:
        world.connect("canonical")
        world.sqs.down = True
        with pytest.raises(Retryable) as trouble:
            post(world)
        assert "CANARY" not in str(trouble.value)


class TestProbes:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_a_platform_with_the_token_may_try_the_url(self, world: Hearing, method: str) -> None:
        world.connect("typeform")
        world.hear.probe(CONNECTION, TOKEN, method)

    def test_nobody_else_learns_anything(self, world: Hearing) -> None:
        world.connect("typeform")
        for connection, token in (("cn_unknown", TOKEN), (CONNECTION, "wrong")):
            with pytest.raises(MethodNotAllowed, match="takes POST") as refused:
                world.hear.probe(connection, token, "GET")
            assert (refused.value.status, refused.value.allowed) == (405, ("POST",))

    def test_the_canonical_source_is_tried_by_nobody(self, world: Hearing) -> None:
        world.connect("canonical")
        with pytest.raises(MethodNotAllowed):
            world.hear.probe(CONNECTION, TOKEN, "HEAD")


def _any_message() -> dict[str, Any]:
    world = hearing(NOW)
    world.connect("jinshuju")
    world.post(b'{"form":"a","entry":{"serial_number":1}}', {"content-type": "application/json"})
    message: dict[str, Any] = world.sqs.bodies()[0]
    return message


class TestWhatTheApiMustTell:
    """The vendor's API tells the whole first: such events go another way, with the same one call."""

    def queues(self, world: Hearing) -> list[str]:
        return [request["QueueUrl"].rpartition("/")[2] for request in world.sqs.sent]

    def test_a_thin_event_is_fetched(self, world: Hearing) -> None:
        raw = json.dumps({"event_type": "response_completed", "event_id": "1", "object_id": "901"}).encode()
        world.connect("surveymonkey", secrets=(("client&secret", None),))
        proof = base64.b64encode(hmac.digest(b"client&secret", raw, "sha1")).decode()
        heard = world.post(raw, {"sm-signature": proof})
        assert (self.queues(world), heard.status) == (["fetches"], "accepted")
        assert heard.id == ids.feedback_id(WORKSPACE, CONNECTION, "901")

    def test_a_removal_that_says_all_goes_to_the_inbox(self, world: Hearing) -> None:
        raw = json.dumps({"event_type": "response_deleted", "event_id": "1", "object_id": "901"}).encode()
        world.connect("surveymonkey", secrets=(("client&secret", None),))
        proof = base64.b64encode(hmac.digest(b"client&secret", raw, "sha1")).decode()
        world.post(raw, {"sm-signature": proof})
        assert self.queues(world) == ["inbox"]

    @pytest.mark.parametrize(("fetch", "queue"), [(True, "fetches"), (False, "inbox")])
    def test_an_operator_has_every_event_of_a_connection_fetched(self, world: Hearing, fetch: bool, queue: str) -> None:
        world.connect("jinshuju", secrets=(), fetch=fetch)
        world.post(json.dumps({"form": "A", "entry": {"serial_number": 1}}).encode())
        assert self.queues(world) == [queue]
        assert Envelope.from_message(world.sqs.bodies()[0]).fetched is False
