"""Which addresses are public, in all the forms that one can have, and who may connect to the others."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.addresses import classify, find_literal, refuse
from bridge.connectors.base import Reach

EXAMPLES = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"],
    "private": [
        *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1", "fec0::1"),
        *("::ffff:10.0.0.1", "::ffff:192.168.0.1"),
        *("64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1"),
    ],
    "link-local": ["169.254.169.254", "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:169.254.169.254"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"],
    "carrier NAT": ["100.64.0.1", "100.127.255.255", "::ffff:100.64.0.1"],
    "reserved": [
        *("192.0.0.192", "192.88.99.1", "240.0.0.1", "255.255.255.255"),
        *("::7f00:1", "::8.8.8.8", "100::1", "2001::1", "2001:0:7f00:1::", "5f00::1", "4000::1", "1::"),
        *("2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::", "2002:a9fe:a9fe::1", "2002:808:808::1"),
    ],
    "benchmarking": ["198.18.0.1", "198.19.255.255"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "": [
        *("8.8.8.8", "1.1.1.1", "11.0.0.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
        *("169.253.255.255", "192.167.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450::1"),
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:4860:4860::8888"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "what"), [(text, what) for what, texts in EXAMPLES.items() for text in texts])
def test_every_form_of_an_address_is_seen_through(text: str, what: str) -> None:
    """Also IPv4 inside of IPv6, where a gateway's loopback is not ours."""
    assert classify(ip_address(text)) == what


IPV4 = st.ip_addresses(v=4)


@given(IPV4)
def test_no_disguise_makes_an_ipv4_address_public(address: IPv4Address) -> None:
    """Mapped and behind NAT64 it is as public as it is plain; 6to4 never is."""
    disguises = (
        IPv6Address(0xFFFF << 32 | int(address)),
        IPv6Address(0x64FF9B << 96 | int(address)),
    )
    assert classify(IPv6Address(0x2002 << 112 | int(address) << 80 | 1))
    assert {bool(classify(disguise)) for disguise in disguises} == {bool(classify(address))}


@given(st.ip_addresses())
def test_what_python_holds_for_not_global_is_not_public(address: IPv4Address | IPv6Address) -> None:
    """Its table may grow; ours is never more generous. Mapped addresses are judged by what they hold."""
    if not address.is_global and not getattr(address, "ipv4_mapped", None):
        assert classify(address)


@pytest.mark.parametrize(
    ("reach", "asked", "allowed"),
    [
        (Reach.ALL, False, {"public", "loopback", "private"}),
        (Reach.LOOPBACK, False, {"public", "loopback"}),
        (Reach.LOOPBACK, True, {"public", "loopback", "private"}),
        (Reach.ASKED, False, {"public"}),
        (Reach.ASKED, True, {"public", "loopback", "private"}),
        (Reach.NONE, False, {"public"}),
        (Reach.NONE, True, {"public"}),
    ],
)
def test_the_settings_and_the_target_decide_together(reach: Reach, asked: bool, allowed: set[str]) -> None:
    """Under `none` nothing that a target says counts."""
    addresses = {"public": "8.8.8.8", "loopback": "127.0.0.1", "private": "10.0.0.1"}
    assert {n for n, a in addresses.items() if not refuse(ip_address(a), reach, asked=asked)} == allowed


def test_the_reason_says_what_it_is_and_what_to_do() -> None:
    """In the words of the config and of the settings."""
    metadata = ip_address("169.254.169.254")
    assert "169.254.169.254 is no public address (link-local)" in refuse(metadata, Reach.ASKED, asked=False)
    assert "allowPrivate: true" in refuse(metadata, Reach.ASKED, asked=False)
    assert "targets.allow_private" in refuse(metadata, Reach.NONE, asked=True)


@pytest.mark.parametrize("text", ["city.example", "", "127.1", "1.2.3.4.5", "::g", "a:b"])
def test_a_name_is_no_address(text: str) -> None:
    """Nor is anything that only looks like one."""
    assert find_literal(text) is None
