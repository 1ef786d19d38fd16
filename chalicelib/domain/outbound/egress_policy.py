"""Which URLs and addresses we may call. Pure: the resolver and the socket live in ``egress.py``.

One strict parser: the parts that it returns build the request, so no second parser can disagree about the host.
Refused is what is not understood. ``ipaddress.is_global`` is no guard (it lets NAT64, ISATAP, site-local and multicast
through, and differs between Python versions), so the ranges stand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from chalicelib.domain.ids import digest
from chalicelib.errors import Invalid

MAX_URL: Final = 2048
PUBLIC_PORTS: Final = (443, 8443)
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
RESERVED_SUFFIXES: Final = (
    "localhost", "local", "internal", "localdomain", "lan", "home.arpa", "corp", "intranet", "onion", "test",
    "invalid", "arpa",
)  # fmt: skip

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_SHAPE: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)
_TARGET: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")  # RFC 3986 path and query
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")


def _nets(*networks: str) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(network) for network in networks)


_LOOPBACK: Final = _nets("127.0.0.0/8", "::1/128")
# Metadata services and what else answers on the link: the operator's list does not open them.
_NEVER: Final = _nets("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "fe80::/10", "fd00:ec2::/32")
# Nobody's unicast address: 0.0.0.0 and :: reach this very host, the others reach many.
_NOBODY: Final = _nets("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8")
_UNOPENABLE: Final = (*_NEVER, *_LOOPBACK, *_NOBODY)
_NOT_PUBLIC_V4: Final = _nets(
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
)  # fmt: skip
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = _nets("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOW_V4: Final = (  # the last 32 bits are an IPv4 address
    _NAT64,
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("::/96"),
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)

ALLOWED_VERDICTS: Final = frozenset({"public_v4", "public_v6", "operator_open"})


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was understood. ``path`` carries the query and is a credential: it is in no repr."""

    scheme: str
    host: str  # lower case, no trailing dot, no brackets
    port: int
    path: str = field(repr=False)
    address: IPAddress | None = None  # when the host is an address
    private_only: str = ""  # why only the operator's networks will do: a reason word, empty for a public URL

    @property
    def shown(self) -> str:
        """All of a URL that may be shown."""
        usual = self.port == DEFAULT_PORTS[self.scheme]
        name = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return name if usual else f"{name}:{self.port}"

    def fingerprint(self, credential: str | None = None) -> str:
        """What a rate limit counts: one host and credential.

        ``credential`` names the query field that is one, ``""`` when the path is: whatever else the query holds is
        then no other target. None: path and query as they are.
        """
        path, _, query = self.path.partition("?")
        if credential is None:
            return digest("target", self.host, str(self.port), self.path)
        return digest("target", self.host, str(self.port), path.rstrip("/"), dict(parse_qsl(query)).get(credential, ""))


class Policy:
    """The operator's choice. ``cidrs`` opens networks; ``self_hosts`` are our own names (``host`` or ``host:port``).

    Raises ValueError for a list that is no list of networks: a typing error must not open or close anything silently.
    """

    def __init__(
        self, cidrs: Iterable[str] = (), *, loopback_allowed: bool = False, self_hosts: Iterable[str] = ()
    ) -> None:
        self._open = tuple(ip_network(cidr) for cidr in cidrs)
        self._loopback_allowed = loopback_allowed
        self._self_hosts = frozenset(host.lower().rstrip(".") for host in self_hosts if host)

    def check_url(self, url: str) -> Target:
        """The parts of a URL that may be called if its addresses may (``check_addresses``).

        Raises Invalid (``url_not_allowed``) with a reason word and never the URL.
        """
        target = _parse(url)
        if target.address is None:
            self._check_name(target)
        elif not self._open:
            raise refused("ip_literal")
        if not self._open and target.private_only:
            raise refused(target.private_only)
        if self._self_hosts & {target.host, f"{target.host}:{target.port}"}:
            raise refused("self_target")
        if target.address is not None:
            self.check_addresses(target, [str(target.address)])
        return target

    def check_addresses(self, target: Target, addresses: Sequence[str]) -> None:
        """All answers of one lookup: a single forbidden one refuses the target. Raises as ``check_url``."""
        if not addresses:
            raise refused("no_address")
        verdicts = {self.verdict(address) for address in addresses}
        if not verdicts <= ALLOWED_VERDICTS:
            raise refused("ip_literal" if target.address else "resolves_to_forbidden_ip")
        if target.private_only and verdicts != {"operator_open"}:
            raise refused(target.private_only)

    def verdict(self, address: str) -> str:
        """One word for an address; those in ``ALLOWED_VERDICTS`` may be called, ``operator_open`` by the list alone."""
        try:
            ip = ip_address(address)
        except ValueError:
            return "malformed_address"
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            return "malformed_address"
        listed = _within(ip, self._open)
        if _within(ip, _LOOPBACK):
            return "operator_open" if listed and self._loopback_allowed else "never_allowed_range"
        if _within(ip, _NEVER):
            return "never_allowed_range"
        if _within(ip, _NOBODY) or any(_within(v4, _UNOPENABLE) for v4 in _embedded(ip)):
            return _closed(ip)
        return "operator_open" if listed else _public(ip)

    def _check_name(self, target: Target) -> None:
        if "." not in target.host:
            raise refused("single_label_host")
        if any(target.host == suffix or target.host.endswith("." + suffix) for suffix in RESERVED_SUFFIXES):
            raise refused("reserved_suffix")


def refused(reason: str) -> Invalid:
    """The one refusal. ``reason`` is a fixed word: the URL itself may be a credential."""
    return Invalid(f"The URL is not allowed: {reason}.", code="url_not_allowed", pointer="/url")


def self_host(public_url: str) -> str:
    """Our own name as ``Policy`` wants it: with the port when the URL spells one out. Empty for no URL."""
    return urlsplit(public_url).netloc.lower()


def _parse(url: str) -> Target:
    if len(url) > MAX_URL:
        raise refused("url_too_long")
    if any(char <= " " or char in "\\\x7f" for char in url):
        raise refused("malformed_url")
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise refused("malformed_url")
    scheme = shape["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise refused("scheme_not_allowed")
    if shape["fragment"] is not None:
        raise refused("fragment_not_allowed")
    path = (shape["path"] or "/") + (shape["query"] or "")
    if not _TARGET.fullmatch(path):
        raise refused("malformed_url")
    host, address, port = _parse_authority(shape["authority"], DEFAULT_PORTS[scheme])
    return Target(scheme, host, port, path, address, _private_only(scheme, port, address))


def _private_only(scheme: str, port: int, address: IPAddress | None) -> str:
    if scheme != "https":
        return "scheme_not_allowed"
    if address is not None:
        return "ip_literal"
    return "" if port in PUBLIC_PORTS else "port_not_allowed"


def _parse_authority(authority: str, default_port: int) -> tuple[str, IPAddress | None, int]:
    """Host, its address when it is one, port."""
    if "@" in authority:
        raise refused("userinfo_not_allowed")
    host, port = authority, default_port
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise refused("malformed_host")
        return _ipv6(host), IPv6Address(_ipv6(host)), _port(rest[1:]) if rest else port
    if ":" in authority:
        host, _, digits = authority.partition(":")
        port = _port(digits)
    name = host.lower()
    if not name.isascii():  # before removing anything: "ⓛⓞⓒⓐⓛ" and "。" are somebody else's ASCII
        raise refused("malformed_host")
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refused("malformed_host")
    if _NUMBER.fullmatch(labels[-1]):  # every spelling of IPv4 that some C library reads: 127.1, 0x7f.1, 2130706433
        return name, _ipv4(name), port
    return name, None, port


def _port(digits: str) -> int:
    if not _PORT.fullmatch(digits) or int(digits) > 65535:
        raise refused("malformed_port")
    return int(digits)


def _ipv4(name: str) -> IPv4Address:
    try:
        return IPv4Address(name)  # four decimal parts without leading zeros, nothing else
    except ValueError:
        raise refused("ip_literal") from None


def _ipv6(text: str) -> str:
    if "%" in text or not text.isascii():
        raise refused("malformed_host")
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise refused("malformed_host") from None


def _within(ip: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def _public(ip: IPAddress) -> str:
    if isinstance(ip, IPv4Address):
        return "non_public_v4" if _within(ip, _NOT_PUBLIC_V4) else "public_v4"
    if ip not in _GLOBAL_V6 or _within(ip, _NOT_PUBLIC_V6) or _is_isatap(ip):
        return _closed(ip)
    return "public_v6"


def _closed(ip: IPAddress) -> str:
    if ip.version == 4:
        return "non_public_v4"
    return "nat64_well_known" if ip in _NAT64 else "non_public_v6"


def _is_isatap(ip: IPv6Address) -> bool:
    return (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP


def _embedded(ip: IPAddress) -> list[IPv4Address]:
    """IPv4 addresses that a translator or a tunnel would make of an IPv6 one."""
    if isinstance(ip, IPv4Address):
        return []
    value = int(ip)
    low = IPv4Address(value & 0xFFFFFFFF)
    found = [low] if _within(ip, _LOW_V4) or _is_isatap(ip) else []
    if ip.sixtofour is not None:
        found.append(ip.sixtofour)
    if ip.teredo is not None:
        found.extend(ip.teredo)
    return found
