"""Header fields of an endpoint's owner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.outbound.custom_headers import check_headers
from chalicelib.errors import Invalid


def test_credentials_of_an_oa_are_taken() -> None:
    check_headers({"Authorization": "Bearer a.b-c", "X-API-Key": "k", "x-team": "客".encode().decode("latin-1")[:1]})


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X-A": "a\r\nHost: evil"}, "printable Latin-1"),
        ({"X-A": "a\nb"}, "printable Latin-1"),
        ({"X-A": "a\x00"}, "printable Latin-1"),
        ({"X-A": "值"}, "printable Latin-1"),
        ({"X-A": " padded "}, "printable Latin-1"),
        ({"X-A": "a" * 2049}, "printable Latin-1"),
        ({"": "a"}, "not an HTTP token"),
        ({"X A": "a"}, "not an HTTP token"),
        ({"X:A": "a"}, "not an HTTP token"),
        ({"名": "a"}, "not an HTTP token"),
        ({"Host": "a"}, "reserved"),
        ({"content-LENGTH": "1"}, "reserved"),
        ({"Transfer-Encoding": "chunked"}, "reserved"),
        ({"X-aws-ec2-metadata-token-ttl-seconds": "21600"}, "reserved"),
        ({"Metadata-Flavor": "Google"}, "reserved"),
        ({"Webhook-Signature": "v1,x"}, "reserved"),
        ({"X-A": "1", "x-a": "2"}, "named twice"),
        ({f"X-{number}": "a" for number in range(21)}, "At most 20"),
    ],
)
def test_what_would_route_frame_or_split_is_refused(headers: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        check_headers(headers)
    assert (caught.value.code, caught.value.pointer) == ("schema_violation", "/settings/headers")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3))
def test_whatever_passes_cannot_split_a_request(headers: dict[str, str]) -> None:
    try:
        check_headers(headers)
    except Invalid:
        return
    written = "\r\n".join(f"{name}: {value}" for name, value in headers.items()).encode("latin-1")
    assert written.count(b"\r\n") == max(0, len(headers) - 1)
    assert written.count(b"\n") == max(0, len(headers) - 1)
