"""A field that is not known is named, and with it those that are; a value in the wrong place is not repeated."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.lambdas.api import parse, schemas
from chalicelib.lambdas.api.cases.schemas import TicketQuery
from chalicelib.lambdas.api.issues.effect_schemas import Exposures
from chalicelib.lambdas.api.outbound.schemas import EndpointNew
from tests.builders_admin import NOW

SAID = "There is a field that is not known here."
ITEM = {"unit": "SH", "day": NOW.date().isoformat(), "count": 1}


@pytest.mark.parametrize(
    ("model", "body", "pointer", "known"),
    [
        (schemas.Nothing, {"colour": 1}, "/colour", " Known: workspace."),
        (Exposures, {"items": [ITEM], "itmes": []}, "/itmes", " Known: workspace, items."),
        (Exposures, {"items": [ITEM, {**ITEM, "cuont": 1}]}, "/items/1/cuont", " Known: unit, day, count."),
        (schemas.Nothing, {"13800138000": 1}, "", " Known: workspace."),
        (schemas.Nothing, {"a" * 41: 1}, "", " Known: workspace."),
        (schemas.Nothing, {"王小明 says": 1}, "", " Known: workspace."),
    ],
)
def test_an_unknown_field_is_named_with_the_known_ones(model: Any, body: Any, pointer: str, known: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse.body(model, body)
    assert (refused.value.code, refused.value.pointer) == ("schema_violation", pointer)
    assert refused.value.message == SAID + known


def test_an_unknown_field_of_a_filter_is_found_through_what_may_be_left_out() -> None:
    body = {
        "name": "OA",
        "connector": "standard_webhooks",
        "url": "https://oa.example.com",
        "events": ["ticket.opened"],
        "settings": {"filter": {"unit": ["SH"]}},
    }
    with pytest.raises(Invalid) as refused:
        parse.body(EndpointNew, body)
    assert refused.value.pointer == "/settings/filter/unit"
    assert refused.value.message == f"{SAID} Known: units, departments, min_severity."


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("101", "The number is too large."),
        ("1000", "The number is too large."),
        ("9" * 900, "The number is too large."),
        ("0", "The number is too small."),
        ("-1", "A whole number is needed."),
    ],
)
def test_a_page_size_says_in_which_way_it_is_wrong(limit: str, said: str) -> None:
    with pytest.raises(ValueError, match="limit") as refused:
        TicketQuery.model_validate({"limit": limit})
    assert parse._saying(refused.value.errors()[0], TicketQuery) == said
