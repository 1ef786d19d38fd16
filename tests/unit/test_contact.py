"""What may be shown of a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.contact.masks import is_contact, mask, mask_email, mask_name, mask_phone


@pytest.mark.parametrize(
    "identity",
    [
        "13800138000",
        "138-0013-8000",
        "＋８６ １３８００１３８０００",
        "+1 (415) 555-0123",
        "021-5555 1234",
        "zhang@example.com",
        "11010519491231002X",
        "wx_13800138000",
        "会员13800138000",
    ],
)
def test_an_id_that_reaches_or_names_somebody_is_contact_data(identity: str) -> None:
    assert is_contact(identity)


@pytest.mark.parametrize("identity", ["CUST-1", "10042", "C-77", "2026-11-01-A", "会员88", "", "123456789"])
def test_other_ids_are_not(identity: str) -> None:
    assert not is_contact(identity)


def test_each_field_has_its_mask_and_nothing_else_is_shown() -> None:
    contact = {"name": "张小三", "phone": "13800138000", "email": "zhang@example.com", "id": "13800138000"}
    assert mask(contact) == {"name": "张**", "phone": "*******8000", "email": "z***@example.com"}


@pytest.mark.parametrize(("phone", "shown"), [("+86 138 0013 8000", "8000"), ("5551234", "34"), ("12", "12")])
def test_a_masked_phone_cannot_be_dialled(phone: str, shown: str) -> None:
    masked = mask_phone(phone)
    assert masked.lstrip("*") == shown
    assert masked.count("*") >= 4


def test_an_email_that_is_none_is_hidden_whole() -> None:
    assert mask_email("not an address") == "***"
    assert mask_email("@example.com") == "***"


@given(st.text(min_size=2, max_size=40))
def test_a_masked_name_shows_at_most_its_first_character(name: str) -> None:
    masked = mask_name(name)
    assert "*" in masked
    assert set(masked[1:]) <= {"*"}
