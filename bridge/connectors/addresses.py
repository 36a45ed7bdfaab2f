"""Which IP addresses a target may connect to. Pure.

A rule names its targets by URL, events fill in parts of it, and names lead where their owners like; none of them shall
lead into the private network around the bridge, to the machine it runs on or to its cloud's metadata service, unless
somebody said so. After the special-purpose address registries of IANA (RFC 6890), whatever the Python version knows.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bridge.connectors.base import Reach

Address = IPv4Address | IPv6Address
_Networks = tuple[tuple[IPv4Network | IPv6Network, str], ...]


def _networks(*rows: tuple[str, str]) -> _Networks:
    return tuple((ip_network(network), what) for network, what in rows)


_IPV4 = _networks(
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
_IPV6 = _networks(
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
    ("64:ff9b:1::/48", "private"),  # NAT64 within one network, RFC 8215
    ("2001::/23", "reserved"),  # Teredo, ORCHID and other protocols
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "reserved"),  # 6to4, which nobody should use any more, RFC 7526
    ("3fff::/20", "documentation"),
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL = IPv6Network("2000::/3")


@lru_cache(maxsize=4096)
def find_literal(host: str) -> Address | None:
    """The address that a URL's host is; None when it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def classify(address: Address) -> str:
    """What sort of address it is; empty when it is a public one."""
    if isinstance(address, IPv4Address):
        return next((what for network, what in _IPV4 if address in network), "")
    number = int(address)
    if address in _MAPPED:
        return classify(IPv4Address(number & 0xFFFFFFFF))
    if address in _NAT64:
        return _behind_gateway(number)
    what = next((what for network, what in _IPV6 if address in network), "")
    return what or ("" if address in _GLOBAL else "reserved")


def _behind_gateway(number: int) -> str:
    """An IPv6 address that a gateway turns into this IPv4 address: its loopback is not ours."""
    return "private" if classify(IPv4Address(number & 0xFFFFFFFF)) else ""


def refuse(address: Address, reach: Reach, *, asked: bool) -> str:
    """Why a target may not connect to an address; empty when it may. ``asked``: its config allows private addresses."""
    what = classify(address)
    if not what or reach is Reach.ALL or (asked and reach is not Reach.NONE):
        return ""
    if what == "loopback" and reach is Reach.LOOPBACK:
        return ""
    if reach is Reach.NONE:
        return f"{address} is no public address ({what}), and the setting targets.allow_private is none"
    return f"{address} is no public address ({what}); the target's config must say allowPrivate: true to reach it"
