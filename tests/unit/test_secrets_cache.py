"""Stored credentials: what is remembered, for how long, and how they change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.domain.outbound.standard_webhooks import signing_key
from chalicelib.domain.workspaces.credentials import new_secret, new_token, token_hash, token_matches, valid_at
from chalicelib.domain.workspaces.directory import ConnectionSecret, EndpointSecret, VendorSecret
from chalicelib.errors import Invalid, NotFound, Retryable
from chalicelib.storage.workspaces import secrets
from chalicelib.storage.workspaces.secrets import ConnectionSecrets, EndpointSecrets, VendorSecrets
from tests.fakes.ssm import FakeSsm

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
CONNECTION = ConnectionSecret(
    "acme", "cn_1", "typeform", token_hash("t"), (("CANARY-one", None),), "/form_response/token"
)
ENDPOINT = EndpointSecret(
    "acme", "ep_1", "https://oa.example/CANARY", secret="CANARY-one", headers={"X-Token": "CANARY-header"}
)
VENDOR = VendorSecret("acme", "cn_1", "jinshuju", {"api_key": "CANARY-key"})


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def ssm() -> FakeSsm:
    return FakeSsm()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def connections(ssm: FakeSsm, clock: Clock | None = None) -> ConnectionSecrets:
    return ConnectionSecrets(ssm, "/echoloop/test", "alias/test", clock=clock or Clock())


def endpoints(ssm: FakeSsm) -> EndpointSecrets:
    return EndpointSecrets(ssm, "/echoloop/test", "alias/test", clock=Clock())


def test_a_vendors_credentials_are_a_parameter_of_their_own(ssm: FakeSsm) -> None:
    VendorSecrets(ssm, "/echoloop/test", "alias/test").put(VENDOR)
    assert VendorSecrets(ssm, "/echoloop/test", "alias/test").get("cn_1") == VENDOR
    assert set(ssm.values) == {"/echoloop/test/vendors/cn_1"}
    assert "CANARY" not in repr(VENDOR)


def test_an_endpoints_credentials_lie_with_its_url(ssm: FakeSsm) -> None:
    known = replace(ENDPOINT, credentials={"app_secret": "CANARY-app"})
    endpoints(ssm).put(known)
    assert endpoints(ssm).get("ep_1") == known
    assert endpoints(ssm).rotate("ep_1", NOW)[0]
    assert endpoints(ssm).get("ep_1").credentials == {"app_secret": "CANARY-app"}  # type: ignore[union-attr]
    assert "CANARY" not in repr(known)


def test_what_was_put_is_read_by_another_process(ssm: FakeSsm) -> None:
    connections(ssm).put(CONNECTION)
    endpoints(ssm).put(ENDPOINT)
    assert connections(ssm).get("cn_1") == CONNECTION
    assert endpoints(ssm).get("ep_1") == ENDPOINT
    assert set(ssm.values) == {"/echoloop/test/connections/cn_1", "/echoloop/test/endpoints/ep_1"}


def test_a_record_is_served_from_memory_for_a_minute(ssm: FakeSsm, clock: Clock) -> None:
    store = connections(ssm, clock)
    connections(ssm).put(CONNECTION)
    for seconds, reads in ((0, 1), (59, 1), (1.5, 2)):
        clock.seconds += seconds
        store.get("cn_1")
        assert ssm.reads() == reads


def test_a_failed_check_asks_for_a_fresher_one(ssm: FakeSsm, clock: Clock) -> None:
    store = connections(ssm, clock)
    connections(ssm).put(CONNECTION)
    store.get("cn_1")
    clock.seconds += 4
    store.get("cn_1", within=5)
    assert ssm.reads() == 1
    clock.seconds += 2
    store.get("cn_1", within=5)
    assert ssm.reads() == 2


def test_an_unknown_id_is_remembered_for_half_a_minute(ssm: FakeSsm, clock: Clock) -> None:
    store = connections(ssm, clock)
    assert store.get("cn_1") is None
    connections(ssm).put(CONNECTION)
    clock.seconds += 29
    assert store.get("cn_1", within=0) is None
    clock.seconds += 2
    assert store.get("cn_1") == CONNECTION


def test_memory_is_bounded_and_guesses_push_nothing_known_out(ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "ENTRIES", 3)
    store = connections(ssm)
    store.put(CONNECTION)
    for number in range(10):
        store.get(f"cn_guess{number}")
    reads = ssm.reads()
    store.get("cn_guess9")
    store.get("cn_1")
    assert ssm.reads() == reads
    store.get("cn_guess0")
    assert ssm.reads() == reads + 1, "the oldest guess was forgotten"


def test_deleting_forgets_and_can_be_done_twice(ssm: FakeSsm) -> None:
    store = connections(ssm)
    store.put(CONNECTION)
    store.delete("cn_1")
    store.delete("cn_1")
    assert store.get("cn_1") is None
    assert ssm.values == {}


@pytest.mark.parametrize("bad", ["", "../x", "cn_1/x", "CN", "a" * 65, "cn_1\n", "🙂"])
def test_an_id_that_is_none_is_asked_nowhere(ssm: FakeSsm, bad: str) -> None:
    assert connections(ssm).get(bad) is None
    assert ssm.calls == []


def test_a_record_over_4_kilobytes_is_refused_before_it_is_sent(ssm: FakeSsm) -> None:
    large = EndpointSecret("acme", "ep_1", "https://oa.example/", headers={"X": "CANARY" * 700})
    with pytest.raises(Invalid, match="larger than 4 KB") as refused:
        endpoints(ssm).put(large)
    assert refused.value.code == "secret_too_large"
    assert ssm.calls == []


def test_trouble_is_retryable_and_says_nothing_of_the_request(ssm: FakeSsm) -> None:
    ssm.down = True
    for call in (lambda: connections(ssm).get("cn_1"), lambda: connections(ssm).put(CONNECTION)):
        with pytest.raises(Retryable, match="cannot be reached") as trouble:
            call()
        assert trouble.value.code == "secrets_unavailable"
        assert trouble.value.__cause__ is None
        assert trouble.value.__suppress_context__


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"id":"cn_1"}', "null"])
def test_a_record_that_cannot_be_read_is_our_trouble(ssm: FakeSsm, broken: str) -> None:
    ssm.values["/echoloop/test/connections/cn_1"] = broken
    with pytest.raises(Retryable, match="cannot be read") as trouble:
        connections(ssm).get("cn_1")
    assert trouble.value.code == "secret_unreadable"


class TestRotation:
    def test_both_secrets_count_until_the_overlap_ends(self, ssm: FakeSsm) -> None:
        store = connections(ssm)
        store.put(CONNECTION)
        fresh, until = store.rotate("cn_1", NOW)
        assert until == NOW + timedelta(hours=24)
        record = connections(ssm).get("cn_1")
        assert record is not None
        assert valid_at(record.secrets, NOW.timestamp()) == (fresh, "CANARY-one")
        assert valid_at(record.secrets, until.timestamp()) == (fresh,)

    def test_never_more_than_two_count(self, ssm: FakeSsm) -> None:
        store = connections(ssm)
        store.put(CONNECTION)
        second, _ = store.rotate("cn_1", NOW)
        third, _ = store.rotate("cn_1", NOW)
        record = store.get("cn_1")
        assert record is not None
        assert valid_at(record.secrets, NOW.timestamp()) == (third, second)

    def test_a_rotation_starts_from_what_is_stored_now(self, ssm: FakeSsm) -> None:
        here, elsewhere = connections(ssm), connections(ssm)
        here.put(CONNECTION)
        second, _ = elsewhere.rotate("cn_1", NOW)
        third, _ = here.rotate("cn_1", NOW)
        record = here.get("cn_1")
        assert record is not None
        assert [secret for secret, _ in record.secrets] == [third, second]

    def test_an_endpoint_keeps_the_secret_before(self, ssm: FakeSsm) -> None:
        store = endpoints(ssm)
        store.put(ENDPOINT)
        fresh, until = store.rotate("ep_1", NOW)
        record = store.get("ep_1")
        assert record is not None
        assert (record.secret, record.previous_secret) == (fresh, "CANARY-one")
        assert record.previous_valid_until == until.timestamp()
        assert (record.url, record.headers) == (ENDPOINT.url, ENDPOINT.headers)

    def test_what_is_not_there_cannot_be_rotated(self, ssm: FakeSsm) -> None:
        with pytest.raises(NotFound):
            connections(ssm).rotate("cn_1", NOW)


def test_no_record_shows_its_secrets() -> None:
    assert "CANARY" not in repr(CONNECTION) + repr(ENDPOINT)


def test_made_up_credentials_are_new_and_of_the_right_kind() -> None:
    assert new_token() != new_token()
    assert len(signing_key(new_secret())) == 32
    token = new_token()
    assert token_matches(token, token_hash(token))
    assert not token_matches(token + "x", token_hash(token))
    assert not token_matches("", "")
    assert not token_matches("\ud800", token_hash(token))


def test_an_error_that_botocore_itself_stumbles_over_is_our_trouble_and_no_crash() -> None:
    class Strange(FakeSsm):
        def get_parameter(self, **request: object) -> dict[str, object]:
            raise AttributeError("'list' object has no attribute 'get'")

    with pytest.raises(Retryable) as trouble:
        connections(Strange()).get("cn_1")
    assert trouble.value.code == "secrets_unavailable"
