"""Where upstreams that people set through the API may lead."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.addresses import Listen
from proxy.services.border import Border, UpstreamForbidden

SPECIAL = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "240.0.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]
ZONED = ["fd00:ec2::254%251", "fd00:ec2::254%25lo", "::1%1", "::ffff:100.100.100.200%1", "fe80::1%251"]
LISTEN = (Listen(host="192.0.2.1", port=8080), Listen(host="0.0.0.0", port=9090))


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_closed_whatever_their_name_is_called(address: str) -> None:
    for border in (Border(), Border(allow=("*",)), Border(allow=("plant.example", "10.0.0.0/8"))):
        assert not border.admits("plant.example", ip_address(address), 1880)


@pytest.mark.parametrize("host", ZONED)
def test_a_zone_makes_a_special_address_no_other(host: str) -> None:
    assert not Border().admits_host(host, 80)
    own = Border(listeners=(Listen(host="2001:db8::7", port=8080),))
    assert not own.admits_host("2001:db8::7%251", 8080)


@pytest.mark.parametrize(
    ("allow", "host", "address", "admitted"),
    [
        ((), "plant.example", "192.0.2.7", True),
        ((), "plant.example", "10.1.2.3", True),
        (("10.0.0.0/8",), "plant.example", "10.1.2.3", True),
        (("10.0.0.0/8",), "plant.example", "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "plant.example", "192.0.2.7", False),
        (("*.plant.example",), "line-3.PLANT.example", "192.0.2.7", True),
        (("*.plant.example",), "other.example", "192.0.2.7", False),
        (("127.0.0.0/8",), "localhost", "127.0.0.1", True),
        (("169.254.0.0/16",), "metadata", "169.254.169.254", True),
    ],
)
def test_what_is_listed_is_open_and_with_a_list_nothing_else_is(
    allow: tuple[str, ...], host: str, address: str, admitted: bool
) -> None:
    assert Border(allow=allow).admits(host, ip_address(address), 1880) is admitted


@pytest.mark.parametrize(
    ("host", "named"),
    [("plant.example", True), ("localhost", False), ("line.localhost", False), ("[::1]", False), ("127.0.0.1", False)],
)
def test_a_name_may_be_given_unless_it_always_means_this_machine(host: str, named: bool) -> None:
    assert Border().admits_host(host, 1880) is named


@pytest.mark.parametrize(
    ("address", "port", "admitted"),
    [("192.0.2.1", 8080, False), ("192.0.2.1", 8081, True), ("127.0.0.1", 9090, False), ("192.0.2.9", 9090, True)],
)
def test_the_gateways_own_listeners_are_closed_even_where_their_network_is_listed(
    address: str, port: int, admitted: bool
) -> None:
    border = Border(allow=("0.0.0.0/0",), listeners=LISTEN)
    assert border.admits("plant.example", ip_address(address), port) is admitted


async def test_a_name_that_leads_to_nothing_admitted_is_not_connected_to() -> None:
    with pytest.raises(UpstreamForbidden):
        await Border(allow=("localhost",)).resolved("localhost", 1880)
    assert "127.0.0.1" in await Border(allow=("127.0.0.0/8", "::1/128")).resolved("localhost", 1880)


@pytest.mark.parametrize("host", ["unset.invalid", "Line.3.INVALID", "unset.invalid."])
async def test_nobody_is_asked_about_a_name_that_leads_nowhere(host: str) -> None:
    """Not as where a name is unknown, which a resolver says, after a while."""
    with pytest.raises(UpstreamForbidden, match="leads nowhere"):
        await Border().resolved(host, 80)


@given(st.ip_addresses(), st.sampled_from([(), ("*",), ("10.0.0.0/8",), ("plant.example",)]))
def test_no_address_of_this_machine_or_network_segment_is_open_unlisted(
    address: object, allow: tuple[str, ...]
) -> None:
    at = ip_address(str(address))
    if at.is_loopback or at.is_link_local or at.is_multicast or at.is_unspecified:
        assert not Border(allow=allow).admits("plant.example", at, 1880)
