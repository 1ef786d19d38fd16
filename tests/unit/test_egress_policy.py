"""Which URLs and addresses may be called."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.outbound.egress_policy import ALLOWED_VERDICTS, Policy, Target, self_host
from chalicelib.errors import Invalid

EVERYTHING = ("0.0.0.0/0", "::/0")
NEVER = ("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "fe80::/10", "fd00:ec2::/32")
NOBODY = ("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8")
PRIVATE = (
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "fc00::/7", "fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48",
    "::ffff:0:0/96", "::ffff:0:0:0/96", "2001::/32", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
)  # fmt: skip
LOOPBACK = ("127.0.0.0/8", "::1/128")


def inside(networks: tuple[str, ...]) -> st.SearchStrategy[str]:
    def address(pair: tuple[str, int]) -> str:
        network = ip_network(pair[0])
        return str(network[pair[1] % network.num_addresses])

    return st.tuples(st.sampled_from(networks), st.integers(0, 2**128)).map(address)


def reason(policy: Policy, url: str) -> str:
    with pytest.raises(Invalid) as refusal:
        policy.check_url(url)
    assert refusal.value.code == "url_not_allowed"
    return refusal.value.message.removeprefix("The URL is not allowed: ").removesuffix(".")


@given(inside((*NEVER, *NOBODY, *PRIVATE, *LOOPBACK)))
def test_no_address_of_a_closed_range_is_allowed(address: str) -> None:
    assert Policy().verdict(address) not in ALLOWED_VERDICTS


@given(inside((*NEVER, *NOBODY)))
def test_some_ranges_stay_shut_whatever_the_list_says(address: str) -> None:
    assert Policy(EVERYTHING, loopback_allowed=True).verdict(address) not in ALLOWED_VERDICTS


@given(inside(LOOPBACK))
def test_loopback_needs_the_list_and_the_local_engine(address: str) -> None:
    assert Policy(EVERYTHING).verdict(address) == "never_allowed_range"
    assert Policy((), loopback_allowed=True).verdict(address) == "never_allowed_range"
    assert Policy(EVERYTHING, loopback_allowed=True).verdict(address) == "operator_open"


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_everything_outside_global_unicast_is_denied_without_a_list(address: IPv6Address) -> None:
    if address not in IPv6Network("2000::/3"):
        assert Policy().verdict(str(address)) not in ALLOWED_VERDICTS


@given(inside((*NEVER, "127.0.0.0/8", "0.0.0.0/8")).filter(lambda text: ":" not in text).map(IPv4Address))
def test_no_ipv6_spelling_reaches_an_ipv4_address_that_stays_shut(address: IPv4Address) -> None:
    low = int(address)
    spellings = [
        int(IPv6Address("::ffff:0:0")) | low,
        int(IPv6Address("::ffff:0:0:0")) | low,
        int(IPv6Address("64:ff9b::")) | low,
        int(IPv6Address("64:ff9b:1::")) | low,
        low,
        0x2002 << 112 | low << 80,
        int(IPv6Address("2001:db8::5efe:0:0")) | low,
        int(IPv6Address("2606:4700::200:5efe:0:0")) | low,
        int(IPv6Address("2001:0:808:808::")) | (low ^ 0xFFFFFFFF),
    ]
    policy = Policy(EVERYTHING)
    for spelling in spellings:
        assert policy.verdict(str(IPv6Address(spelling))) not in ALLOWED_VERDICTS


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_public_addresses_are_allowed_and_no_other(address: IPv4Address) -> None:
    closed = any(address in IPv4Network(n) for n in (*NEVER, *NOBODY, *PRIVATE, *LOOPBACK) if ":" not in n)
    if not closed and address not in IPv4Network("192.88.99.0/24"):
        assert Policy().verdict(str(address)) == "public_v4"


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.sampled_from(["dotted", "whole", "hex", "octal", "short"]))
def test_every_spelling_of_ipv4_is_refused_as_an_address(address: IPv4Address, spelling: str) -> None:
    parts = address.packed
    host = {
        "dotted": str(address),
        "whole": str(int(address)),
        "hex": hex(int(address)),
        "octal": ".".join(f"0{part:o}" for part in parts),
        "short": f"{parts[0]}.{int.from_bytes(parts[1:], 'big')}",
    }[spelling]
    assert reason(Policy(), f"https://{host}/") == "ip_literal"


@given(st.text(max_size=80))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        target = understood(url)
        if target is not None:
            assert target.scheme == "https"
            assert target.host.isascii()
            assert target.path.startswith("/")


def understood(url: str) -> Target | None:
    """None for a refusal, which is all that may be raised."""
    try:
        return Policy().check_url(url)
    except Invalid:
        return None


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://Example.COM/hook", "example.com", 443, "/hook"),
        ("https://example.com.:8443?key=a%20b", "example.com", 8443, "/?key=a%20b"),
        ("HTTPS://example.com/a?b=c/d@e:f", "example.com", 443, "/a?b=c/d@e:f"),
    ],
)
def test_the_parts_of_a_public_url(url: str, host: str, port: int, path: str) -> None:
    target = Policy().check_url(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)
    assert target.address is None


def test_the_list_opens_plain_http_any_port_and_addresses_inside_it() -> None:
    policy = Policy(["10.20.0.0/16", "fd12::/16"])

    assert policy.check_url("http://10.20.1.2:9000/hook").shown == "10.20.1.2:9000"
    assert policy.check_url("http://[fd12::1]:8080/").shown == "[fd12::1]:8080"
    assert policy.check_url("https://10.20.1.2/hook").shown == "10.20.1.2"
    named = policy.check_url("http://oa.corp-a.example.com:8080/")
    policy.check_addresses(named, ["10.20.3.4"])


def test_the_list_opens_nothing_outside_it() -> None:
    policy = Policy(["10.20.0.0/16"])

    assert reason(policy, "http://10.21.0.1/") == "ip_literal"
    assert reason(policy, "https://8.8.8.8/") == "ip_literal"
    assert reason(policy, "https://0x0a140102/") == "ip_literal"
    plain = policy.check_url("http://example.com/")
    with pytest.raises(Invalid, match="scheme_not_allowed"):
        policy.check_addresses(plain, ["93.184.215.14"])
    odd = policy.check_url("https://example.com:9999/")
    with pytest.raises(Invalid, match="port_not_allowed"):
        policy.check_addresses(odd, ["10.20.1.1", "93.184.215.14"])


def test_without_a_list_plain_http_and_other_ports_are_refused_at_once() -> None:
    assert reason(Policy(), "http://example.com/") == "scheme_not_allowed"
    assert reason(Policy(), "https://example.com:8080/") == "port_not_allowed"


def test_reserved_names_stay_refused_inside_a_list() -> None:
    assert reason(Policy(EVERYTHING), "http://oa.corp.local/") == "reserved_suffix"
    assert reason(Policy(EVERYTHING), "http://oa/") == "single_label_host"


@pytest.mark.parametrize("url", ["https://api.example.org/x", "https://API.example.org./x"])
def test_our_own_name_is_no_target(url: str) -> None:
    assert reason(Policy(self_hosts=["api.example.org"]), url) == "self_target"


def test_our_own_address_is_no_target_but_its_neighbour_is() -> None:
    own = self_host("http://127.0.0.1:4730/_aws/execute-api/x/api")
    policy = Policy(["127.0.0.0/8"], loopback_allowed=True, self_hosts=[own])

    assert reason(policy, "http://127.0.0.1:4730/v1/hooks/a/b") == "self_target"
    assert policy.check_url("http://127.0.0.1:4731/oa").port == 4731


def test_no_url_of_ours_means_no_name_of_ours() -> None:
    assert self_host("") == ""
    assert Policy(self_hosts=[""]).check_url("https://example.com/").host == "example.com"


def test_what_is_no_address_is_never_allowed() -> None:
    assert Policy().verdict("fe80::1%eth0") == "malformed_address"
    assert Policy().verdict("example.com") == "malformed_address"


def test_a_list_that_is_none_is_an_error_of_the_operator() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33"):
        Policy(["10.0.0.0/33"])


def test_the_credential_in_a_url_is_in_no_repr_and_in_its_fingerprint() -> None:
    policy = Policy()
    one = policy.check_url("https://oapi.dingtalk.com/robot/send?access_token=CANARY-1")
    other = policy.check_url("https://oapi.dingtalk.com/robot/send?access_token=CANARY-2")

    assert "CANARY" not in repr(one)
    assert one.shown == "oapi.dingtalk.com"
    assert one.fingerprint() != other.fingerprint()
    assert "CANARY" not in one.fingerprint()
