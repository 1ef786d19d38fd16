"""The document tells of every route, and of no other. That answers fit it is checked by every call of an ``Office``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from chalicelib.domain import vocabulary
from chalicelib.domain.cases.ticket import STATES
from chalicelib.domain.workspaces.rules import ACTIONS
from chalicelib.lambdas.api import openapi
from chalicelib.lambdas.api.outbound.schemas import DeliveryState, EventType
from chalicelib.lambdas.api.reading.schemas import FeedbackState
from chalicelib.lambdas.api.schemas import Severity, TicketState
from chalicelib.lambdas.api.workspaces.schemas import Role, RuleBody
from tests.builders_admin import Office, composed, told_of
from tests.fakes.gateway import product

ROUTES = {
    (path, method): entry.view_function
    for path, by_method in product().routes.items()
    for method, entry in by_method.items()
}

# Names that other systems are written against.
FIXED = """
POST /v1/connections                  GET /v1/connections                   GET /v1/connections/{}
PATCH /v1/connections/{}              DELETE /v1/connections/{}             POST /v1/connections/{}/rotate
POST /v1/connections/{}/uploads       GET /v1/connections/{}/uploads        GET /v1/connections/{}/uploads/{}
POST /v1/endpoints                    GET /v1/endpoints                     GET /v1/endpoints/{}
PATCH /v1/endpoints/{}                DELETE /v1/endpoints/{}               POST /v1/endpoints/{}/rotate
GET /v1/rules                         POST /v1/rules                        PUT /v1/rules/{}
DELETE /v1/rules/{}                   POST /v1/subscriptions                DELETE /v1/subscriptions/{}
POST /v1/keys                         DELETE /v1/keys/{}                    GET /v1/feedback
GET /v1/feedback/{}                   POST /v1/feedback/{}/reparse          GET /v1/tickets
GET /v1/tickets/{}                    POST /v1/tickets/{}/transitions       POST /v1/tickets/{}/contact
GET /v1/deliveries                    GET /v1/deliveries/{}                 POST /v1/deliveries/{}/replay
POST /v1/feedback/{}/corrections      GET /v1/feedback/{}/readings          POST /v1/feedback/{}/review
GET /v1/review                        GET /v1/corrections                   POST /v1/try
GET /v1/packs                         GET /v1/packs/{}                      GET /v1/frame
POST /v1/frame/proposals              GET /v1/frame/proposals               GET /v1/frame/proposals/{}
POST /v1/frame/proposals/{}/activate  GET /v1/frame/history                 POST /v1/frame/proposals/{}/measure
POST /v1/replay                       POST /v1/callbacks/{}                 GET /openapi.json
GET /v1/health                        POST /v1/hooks/{}/{}                  POST /v1/tickets/{}/claim
POST /v1/tickets/{}/reassign          POST /v1/tickets/{}/notes             GET /v1/tickets/{}/notes
POST /v1/tickets/{}/links             DELETE /v1/tickets/{}/links/{}        POST /v1/tickets/{}/resolution
POST /v1/tickets/{}/audit             GET /v1/audit                         GET /v1/unattended
POST /v1/feedback/{}/close            POST /v1/tickets/{}/codes             GET /t/{}
POST /t/{}
"""


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def test_the_document_and_the_routes_are_the_same_set() -> None:
    told = {(path, method.upper()) for path, methods in told_of()["paths"].items() for method in methods}

    assert told == set(ROUTES)
    ids = {openapi.operation_id(product().routes[path], method) for path, method in ROUTES}
    assert set(openapi.OPERATIONS) == ids


def test_every_name_that_is_fixed_is_there() -> None:
    fixed = {tuple(reversed(entry.split(" "))) for entry in re.split(r"\s{2,}|\n", FIXED.strip()) if entry}

    assert fixed <= {(re.sub(r"\{\w+\}", "{}", path), method) for path, method in ROUTES}


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    text = json.dumps(told_of())
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', text))

    assert used == set(told_of()["components"]["schemas"])


def test_every_operation_says_what_it_does_and_how_it_refuses() -> None:
    for path, methods in told_of()["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert len({name["name"] for name in operation["parameters"]}) == len(operation["parameters"]), where
            keyed = operation["security"] == [{"key": []}]
            assert keyed == (path.startswith("/v1") and not re.search("health|hooks|callbacks", path)), where
            if keyed:
                assert {"401", "403", "404", "422", "503"} <= set(operation["responses"]), where
            if operation.get("requestBody"):
                assert {"400", "413", "415"} <= set(operation["responses"]), where


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for methods in told_of()["paths"].values() for operation in methods.values()]

    assert len(set(ids)) == len(ids)


def test_a_route_that_nobody_described_breaks_the_document() -> None:
    def stranger() -> None:
        """Not in the table."""

    entry = type("Entry", (), {"view_function": staticmethod(stranger)})
    with pytest.raises(KeyError, match="stranger"):
        openapi.document({"/v1/strangers": {"GET": entry}}, "")


def test_the_document_is_served_to_anyone_and_names_this_server(office: Office) -> None:
    answer = office.call("GET", "/openapi.json", key="")

    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
    assert answer.json["servers"] == [{"url": "https://abc.execute-api.eu-west-1.amazonaws.com/api"}]


@pytest.mark.parametrize(
    ("spelt_out", "vocabulary_"),
    [
        (EventType, vocabulary.EVENT_TYPES),
        (TicketState, STATES),
        (FeedbackState, vocabulary.FEEDBACK_STATES),
        (DeliveryState, vocabulary.DELIVERY_STATES),
        (Severity, vocabulary.SEVERITIES),
        (Role, vocabulary.ROLES),
        (get_args(RuleBody.model_fields["then"].annotation)[0], ACTIONS),
    ],
)
def test_words_spelt_out_for_the_type_checker_are_those_of_the_vocabulary(
    spelt_out: Any, vocabulary_: tuple[str, ...]
) -> None:
    assert get_args(spelt_out) == vocabulary_
