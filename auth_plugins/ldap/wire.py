"""One connection to a directory: ldap3 with the guards it does not have by itself. All of it blocks."""

import math
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from struct import error as StructError  # noqa: N812
from typing import Any, Final

from ldap3 import BASE, DEREF_NEVER, NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from pyasn1.error import PyAsn1Error
from typing_extensions import override

from auth_plugins.ldap.settings import Address, LdapSettings
from auth_plugins.ldap.verdicts import PASSWORD_POLICY, Answered

# ldap3's decoder takes what a server sends at its word; these are what comes of bytes that are not LDAP.
_TROUBLE: Final = (
    LDAPException,
    PyAsn1Error,
    OSError,
    StructError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


class Lost(Exception):
    """The server cannot be asked, or no longer: another one may be. `code` and `detail` are for whoever runs it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which an answer must be there."""

    until: float
    """Seconds of the monotonic clock."""

    @classmethod
    def within(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds. Raises TimeoutError when there are none."""
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("no time was left to ask")
        return seconds

    def sooner(self, seconds: float) -> "Deadline":
        return Deadline(min(self.until, time.monotonic() + seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a directory says of one object. Names of attributes are in lower case."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]

    def texts(self, attribute: str) -> tuple[str, ...]:
        """Values that are text; others say nothing to us."""
        found: list[str] = []
        for value in self.values.get(attribute.lower(), ()):
            with suppress(UnicodeDecodeError):
                found.append(value.decode())
        return tuple(found)

    def text(self, attribute: str) -> str:
        return next(iter(self.texts(attribute)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of a search."""

    entries: tuple[Entry, ...]
    answered: Answered


class Timed:
    """A socket that looks at the deadline before every wait: ldap3's timeout begins anew with each byte that comes."""

    def __init__(self, line: socket.socket, deadline: Deadline) -> None:
        self.line, self.deadline = line, deadline

    def recv(self, size: int) -> bytes:
        self.line.settimeout(self.deadline.left())
        return self.line.recv(size)

    def sendall(self, data: bytes) -> None:
        self.line.settimeout(self.deadline.left())
        self.line.sendall(data)

    def shutdown(self, how: int) -> None:
        self.line.shutdown(how)

    def close(self) -> None:
        self.line.close()


class VerifiedTls(Tls):
    """TLS as Python's ssl does it: ldap3's own names no server in its hello, and checks its name with code of its own."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        super().__init__(validate=context.verify_mode)
        self.context, self.host = context, host
        self.failed: Exception | None = None

    @override
    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        try:
            connection.socket = self.context.wrap_socket(connection.socket, server_hostname=self.host)
        except (OSError, ValueError) as error:
            self.failed = error
            raise


def tls_context(settings: LdapSettings) -> ssl.SSLContext:
    """Raises OSError where the authority's file holds no certificates."""
    context = ssl.create_default_context(cafile=settings.ca)
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(slots=True)
class Line:
    """A connection to one server, used by one thread at a time."""

    address: Address
    connection: Connection
    opened: float
    """Of the monotonic clock, as `used`."""
    used: float = field(init=False)
    usable: bool = True

    def __post_init__(self) -> None:
        self.used = self.opened

    def bind(self, dn: str, password: bytes, deadline: Deadline) -> Answered:
        """Say who is asking; with neither, nobody in particular. Raises Lost."""
        connection = self.connection
        connection.user, connection.password = dn or None, password
        connection.authentication = "SIMPLE" if dn else "ANONYMOUS"
        self._within(deadline, lambda: connection.bind(read_server_info=False, controls=[PASSWORD_POLICY]))
        return Answered.of(connection.result)

    def find(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        deadline: Deadline,
        *,
        limit: int,
        itself: bool = False,
    ) -> Found:
        """Entries below `base`, or `itself`. Raises Lost."""
        connection = self.connection
        self._within(
            deadline,
            lambda: connection.search(
                base,
                filter_,
                search_scope=BASE if itself else SUBTREE,
                dereference_aliases=DEREF_NEVER,
                attributes=list(attributes),
                size_limit=limit,
                time_limit=math.ceil(deadline.left()),
            ),
        )
        entries = tuple(_entry(each) for each in connection.response or () if each["type"] == "searchResEntry")
        return Found(entries=entries, answered=Answered.of(connection.result))

    def close(self) -> None:
        """Without a word to the server, which might not listen."""
        self.usable = False
        line = self.connection.socket
        if line is not None:
            with suppress(OSError):
                line.close()

    def certificate(self) -> bytes | None:
        """The server's, as DER; None without TLS."""
        timed = self.connection.socket
        line = timed.line if isinstance(timed, Timed) else timed
        return line.getpeercert(binary_form=True) if isinstance(line, ssl.SSLSocket) else None

    def _within(self, deadline: Deadline, ask: Callable[[], object]) -> None:
        if isinstance(self.connection.socket, Timed):
            self.connection.socket.deadline = deadline
        try:
            deadline.left()
            ask()
        except _TROUBLE as error:
            self.close()
            raise Lost("directory_unreachable", f"{self.address} gave no answer: {error}") from error
        self.used = time.monotonic()


def connect(address: Address, settings: LdapSettings, context: ssl.SSLContext, deadline: Deadline) -> Line:
    """A connection to the first of the server's addresses that answers. Raises Lost."""
    lost = Lost("directory_unreachable", f"{address}: the name {address.host} is not known")
    for ip in _resolved(address):
        try:
            return _connect(address, ip, settings, context, deadline.sooner(settings.connect_timeout))
        except Lost as error:
            lost = error
        if deadline.until <= time.monotonic():
            break
    raise lost


def _resolved(address: Address) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


def _connect(address: Address, ip: str, settings: LdapSettings, context: ssl.SSLContext, deadline: Deadline) -> Line:
    tls = VerifiedTls(context, address.host)
    line = Line(address, _connection(address, ip, tls, deadline), opened=time.monotonic())
    connection = line.connection
    try:
        connection.open(read_server_info=False)
        if settings.start_tls:
            connection.start_tls(read_server_info=False)
        connection.socket = Timed(connection.socket, deadline)
    except _TROUBLE as error:
        line.close()
        if tls.failed is not None:
            raise Lost("tls_failed", f"{address} is not trusted: {tls.failed}") from error
        if settings.start_tls and connection.result:
            raise Lost("tls_refused", f"{address} refuses StartTLS: {error}") from error
        raise Lost("directory_unreachable", f"{address} cannot be reached: {error}") from error
    return line


def _connection(address: Address, ip: str, tls: VerifiedTls, deadline: Deadline) -> Connection:
    """Not open yet. No referral is followed, no schema read, no name rewritten."""
    left = max(deadline.until - time.monotonic(), 0.001)
    server = Server(
        ip,
        port=address.port,
        use_ssl=address.tls,
        tls=tls,
        get_info=NONE,
        connect_timeout=left,
        allowed_referral_hosts=[],
    )
    return Connection(
        server,
        auto_referrals=False,
        check_names=False,
        auto_escape=False,
        raise_exceptions=False,
        receive_timeout=math.ceil(left),  # ldap3 takes whole seconds; what holds is `Timed`, once it is open
    )


def _entry(response: Mapping[str, Any]) -> Entry:
    raw = response["raw_attributes"].items()
    return Entry(dn=str(response["dn"]), values={name.lower(): tuple(map(bytes, values)) for name, values in raw})
