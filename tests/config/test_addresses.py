import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from config.addresses import (
    InstanceHost,
    Listen,
    Origin,
    is_local_name,
    parse_host_name,
    parse_instance_host,
    parse_listen,
    parse_network,
    parse_origin,
    parse_upstream,
)


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:8080", "::1", 8080),
        ("localhost:0", "localhost", 0),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
    ],
)
def test_a_listening_address_is_host_and_port(written: str, host: str, port: int) -> None:
    assert parse_listen(written) == Listen(host=host, port=port)
    assert str(parse_listen(written)) == written


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("abc", "must be host:port. Write for example 127.0.0.1:8080."),
        (8080, 'must be host:port. Write for example 127.0.0.1:8080, or "[::1]:8080" in quotes.'),
        (":8080", "must be host:port. Write for example 127.0.0.1:8080."),
        ("::1:8080", "must be host:port. Write for example 127.0.0.1:8080."),
        ("a:65536", 'must have a port up to 65535. Write for example 127.0.0.1:8080, or "[::1]:8080" in quotes.'),
        ("a b:80", "must be host:port. Write for example 127.0.0.1:8080."),
    ],
)
def test_what_is_no_listening_address_is_refused(written: object, message: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_listen(written)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("written", "host"),
    [("Gate.Example.ORG.", "gate.example.org"), ("[::1]", "::1"), ("0:0::1", "::1"), ("xn--bcher-kva.example", None)],
)
def test_a_host_name_is_lower_case_without_a_trailing_dot(written: str, host: str | None) -> None:
    assert parse_host_name(written) == (host or written)


@pytest.mark.parametrize("written", ["", ".", "a..b", "-a", "a-", "bücher.example", "a b", "*.a", "1.2.3", "a" * 64, 7])
def test_what_is_no_host_name_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be a host name"):
        parse_host_name(written)


@pytest.mark.parametrize("host", ["localhost", "line-3.localhost", "127.0.0.1", "::1"])
def test_localhost_names_are_this_machine(host: str) -> None:
    assert is_local_name(host)


@pytest.mark.parametrize("host", ["notlocalhost", "localhost.example", "127.0.0.2", "gate"])
def test_other_names_are_not(host: str) -> None:
    assert not is_local_name(host)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("https://Gate.Example/", "https://gate.example"),
        ("https://gate.example:443", "https://gate.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(written: str, text: str) -> None:
    assert str(parse_origin(written)) == text


@pytest.mark.parametrize(
    "written",
    [
        "gate.example",
        "ftp://gate.example",
        "https://",
        "https://gate.example/path",
        "https://user@gate.example",
        "https://gate.example?",
        "https://gate.example#",
        "https://gate.example:0",
        "https://gate.example:99999",
        "https://gate.example\t",
        "https://[::1",
        "https://bücher.example",
        5,
    ],
)
def test_what_is_no_origin_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be http"):
        parse_origin(written)


@given(st.text())
def test_whatever_is_written_is_an_origin_or_refused(written: str) -> None:
    """No text makes the parser fail in a way of its own, and what it accepts it accepts again."""
    try:
        origin = parse_origin(f"https://{written}")
    except PydanticCustomError:
        return
    assert parse_origin(str(origin)) == origin


def test_a_host_of_an_instance_is_a_name_or_a_full_origin() -> None:
    assert parse_instance_host("Line-3.example") == InstanceHost(name="line-3.example")
    origin = Origin(scheme="https", host="line-3.example", port=8443)
    assert parse_instance_host("https://line-3.example:8443") == InstanceHost(name="line-3.example", origin=origin)


def test_a_host_of_an_instance_has_no_port_without_a_scheme() -> None:
    with pytest.raises(PydanticCustomError, match=r"without a port.*http://a\.localhost:81"):
        parse_instance_host("a.localhost:81")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("http://127.0.0.1:1880", "http://127.0.0.1:1880"),
        ("http://node_red", "http://node_red"),
        ("https://line-3.internal", "https://line-3.internal"),
        ("http+unix:///run/node-red.sock", "http+unix:///run/node-red.sock"),
        ("http+unix://%2Frun%2Fnode-red.sock", "http+unix:///run/node-red.sock"),
    ],
)
def test_an_upstream_is_tcp_or_a_unix_socket(written: str, text: str) -> None:
    assert str(parse_upstream(written)) == text


def test_an_upstream_at_a_socket_has_its_path() -> None:
    assert parse_upstream("http+unix:///run/a.sock").socket == Path("/run/a.sock")


@pytest.mark.parametrize("written", ["127.0.0.1:1880", "http://a/red", "http://u:p@a", "ws://a", "http+unix://a", None])
def test_what_is_no_upstream_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError, match=r"must (be|name)"):
        parse_upstream(written)


def test_a_network_is_cidr_or_one_address() -> None:
    assert parse_network("10.0.0.0/8") == ipaddress.ip_network("10.0.0.0/8")
    assert parse_network("::1") == ipaddress.ip_network("::1/128")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("10.0.0.1/8", "must be a network without host bits. Write 10.0.0.0/8."),
        ("10.0.0.0/33", "must be a network in CIDR notation. Write for example 10.0.0.0/8 or 192.0.2.7."),
        ("proxy", "must be a network in CIDR notation. Write for example 10.0.0.0/8 or 192.0.2.7."),
        (10, "must be a network in CIDR notation. Write for example 10.0.0.0/8 or 192.0.2.7."),
    ],
)
def test_what_is_no_network_is_refused(written: object, message: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_network(written)
    assert str(refused.value) == message
