"""Where things are on the network: host names, listening addresses, origins, upstreams, networks."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from config.base import schema_of, text_of, wrong

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_host_name(value: object) -> str:
    """A host name or address, lower-case, without a trailing dot; an IPv6 address without brackets."""
    message, remedy = "must be a host name", "Write for example line-3.example.org; other scripts as xn--."
    text = text_of(value, message, remedy).lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        labels = text.split(".")
    # A last label of digits is read as an IPv4 address by browsers (WHATWG URL, "ends in a number"), so it is no name.
    if len(text) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise wrong(message, remedy)
    return text


def is_local_name(host: str) -> bool:
    """Whether a host name always means this machine, so that browsers trust it without TLS."""
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where a listener is bound; port 0 lets the system choose."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


def parse_listen(value: object) -> Listen:
    """A listening address from `127.0.0.1:8080` or `[::1]:8080`."""
    if isinstance(value, Listen):
        return value
    remedy = 'Write for example 127.0.0.1:8080, or "[::1]:8080" in quotes.'
    text = text_of(value, "must be host:port", remedy)
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})", text, re.ASCII)
    if found is None:
        raise wrong("must be host:port", "Write for example 127.0.0.1:8080.")
    if int(found[2]) > 65535:
        raise wrong("must have a port up to 65535", remedy)
    return Listen(host=parse_host_name(found[1]), port=int(found[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Scheme, host and port, as browsers compare them (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @override
    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{_bracketed(self.host)}{port}"


def _split(text: str, message: str, remedy: str) -> SplitResult:
    if not text.isascii() or any(character.isspace() or not character.isprintable() for character in text):
        raise wrong(message, remedy)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise wrong(message, remedy) from None
    if parts.query or parts.fragment or "@" in parts.netloc or "?" in text or "#" in text:
        raise wrong(f"{message}, without user, query and fragment", remedy)
    return parts


def parse_origin(value: object) -> Origin:
    """An origin from `https://gate.example` or `http://localhost:8080`; a path other than / is refused."""
    if isinstance(value, Origin):
        return value
    message = "must be http:// or https:// with a host and no path"
    remedy = "Write for example https://gate.example.org."
    parts = _split(text_of(value, message, remedy), message, remedy)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.port == 0:
        raise wrong(message, remedy)
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    return Origin(scheme=parts.scheme, host=parse_host_name(parts.hostname), port=port)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHost:
    """A host of an instance; `origin` only where it differs from `public_url` in scheme or port."""

    name: str
    origin: Origin | None = None

    @override
    def __str__(self) -> str:
        return str(self.origin or self.name)


def parse_instance_host(value: object) -> InstanceHost:
    """A host name (scheme and port are those of `public_url`) or a full origin."""
    if isinstance(value, InstanceHost):
        return value
    if isinstance(value, str) and "://" in value:
        origin = parse_origin(value)
        return InstanceHost(name=origin.host, origin=origin)
    if isinstance(value, str) and re.search(r"[^:\]]:\d+$", value):
        raise wrong(
            "must be a host name without a port", f"Write a full origin where the port differs: http://{value}."
        )
    return InstanceHost(name=parse_host_name(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where an instance really listens: over TCP (`host`, `port`), or at a unix socket (`socket`)."""

    scheme: str
    host: str
    port: int
    socket: Path | None = None

    @classmethod
    def at_socket(cls, socket: Path) -> Self:
        """An upstream at a unix socket; the host sent to it is localhost where none is preserved."""
        return cls(scheme="http+unix", host="localhost", port=80, socket=socket)

    @override
    def __str__(self) -> str:
        if self.socket is not None:
            return f"http+unix://{self.socket}"
        return str(Origin(scheme=self.scheme, host=self.host, port=self.port))


def parse_upstream(value: object) -> Upstream:
    """An upstream from `http://host:port`, `https://host` or `http+unix:///path/to.sock`."""
    if isinstance(value, Upstream):
        return value
    message = "must be http://host:port, https://host:port or http+unix:///path"
    remedy = "Write for example http://127.0.0.1:1880; a path in it belongs into admin_root and node_root."
    text = text_of(value, message, remedy)
    parts = _split(text, message, remedy)
    if parts.scheme == "http+unix":
        socket = Path(unquote(parts.netloc) + parts.path)
        if not socket.is_absolute():
            raise wrong("must name an absolute socket path", "Write for example http+unix:///run/node-red.sock.")
        return Upstream.at_socket(socket)
    if parts.scheme not in _DEFAULT_PORTS:
        raise wrong(message, remedy)
    try:
        origin = parse_origin(text)
    except PydanticCustomError:
        raise wrong(message, remedy) from None
    return Upstream(scheme=origin.scheme, host=origin.host, port=origin.port)


def parse_frame_origin(value: object) -> Origin:
    """An origin whose pages may show an instance in a frame: https, since browsers send no cookie along there otherwise."""
    origin = parse_origin(value)
    if origin.scheme != "https":
        raise wrong("must be an origin of https", "Write for example https://portal.example.")
    return origin


def parse_network(value: object) -> Network:
    """A network from CIDR notation; a single address is a network of one."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    remedy = "Write for example 10.0.0.0/8 or 192.0.2.7."
    try:
        return ipaddress.ip_network(text_of(value, "must be a network in CIDR notation", remedy))
    except ValueError as error:
        if "host bits" in str(error):
            network = ipaddress.ip_network(str(value), strict=False)
            raise wrong("must be a network without host bits", f"Write {network}.") from None
        raise wrong("must be a network in CIDR notation", remedy) from None


HostName = Annotated[str, PlainValidator(parse_host_name), schema_of("host name")]
HostSetting = Annotated[InstanceHost, PlainValidator(parse_instance_host), PlainSerializer(str), schema_of("host")]
ListenSetting = Annotated[Listen, PlainValidator(parse_listen), PlainSerializer(str), schema_of("host:port")]
OriginSetting = Annotated[Origin, PlainValidator(parse_origin), PlainSerializer(str), schema_of("origin")]
FrameOrigin = Annotated[Origin, PlainValidator(parse_frame_origin), PlainSerializer(str), schema_of("https origin")]
UpstreamSetting = Annotated[Upstream, PlainValidator(parse_upstream), PlainSerializer(str), schema_of("upstream")]
NetworkSetting = Annotated[Network, PlainValidator(parse_network), PlainSerializer(str), schema_of("network")]
