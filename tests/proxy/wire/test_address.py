"""Who is on the other end when trusted proxies stand in between."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.address import client_address, trusted

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("[fd00::1]", True),
        ("fd00::1%eth0", True),
        ("2001:db8::1", False),
        ("", False),
        ("unix:", False),
        ("10.1.2", False),
    ],
)
def test_a_proxy_is_trusted_by_its_address_alone(address: str, is_one: bool) -> None:
    """What is no address is nobody the operator named."""
    assert trusted(address, NETWORKS) is is_one


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("203.0.113.7", b"198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"1.1.1.1,", "10.0.0.1"),
        ("10.0.0.1", b"[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", b"::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b'fe80::1%";proto=https', "fe80::1"),
        ("10.0.0.1", b"caf\xe9", "10.0.0.1"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_is_the_client(
    peer: str, header: bytes | None, client: str
) -> None:
    assert client_address(peer, header, NETWORKS) == client


@given(st.lists(st.binary(max_size=12), max_size=4).map(b",".join))
def test_a_stranger_does_not_choose_its_address(header: bytes) -> None:
    assert client_address("203.0.113.7", header, NETWORKS) == "203.0.113.7"
    assert client_address("203.0.113.7", header, ()) == "203.0.113.7"


@given(st.binary(max_size=60))
def test_whatever_a_proxy_hands_on_the_outcome_is_an_address(header: bytes) -> None:
    found = client_address("10.0.0.1", header, NETWORKS)
    assert str(ip_address(found)) == found


@given(st.binary(max_size=40), st.ip_addresses(v=4).filter(lambda at: at not in NETWORKS[0]).map(str))
def test_what_stands_left_of_the_nearest_stranger_does_not_count(forged: bytes, real: str) -> None:
    assert client_address("10.0.0.1", forged + b", " + real.encode() + b", 10.0.0.2", NETWORKS) == real
