"""What differs at Active Directory, spoken on a real connection: it runs on no machine of ours.

Reasons in the diagnostic message, no password without TLS, no search by the anonymous, a referral beside every answer,
GUIDs as bytes, and the rule that follows groups in groups. Messages are put together as X.690 says; no library helps.
"""

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import trustme
from typing_extensions import override

DOMAIN: Final = "DC=corp,DC=example"
PEOPLE: Final = f"CN=Users,{DOMAIN}"
READER: Final = f"CN=Reader,{PEOPLE}"
READER_PASSWORD: Final = "only reads"
PASSWORD: Final = "correct horse battery"
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"
GUID: Final = UUID("7b95f0d5-a3ed-486c-919c-077b8c9731f2")
_NEVER: Final = str(0x7FFF_FFFF_FFFF_FFFF)
_NO_BIND: Final = "000004DC: LdapErr: DSID-0C090A5C, comment: a successful bind must be completed, data 0, v4563"
_NO_TLS: Final = "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking"
_WRONG: Final = "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {}, v4563\0"

Values = Mapping[str, Sequence[str | bytes]]
Part = tuple[int, bytes]
"""A tag and what it holds."""


@dataclass(slots=True)
class Domain:
    """Who is in it: entries by DN, and why a right password is refused nonetheless (a sub-code, in hex)."""

    entries: dict[str, dict[str, list[str | bytes]]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    """Matching rules that were asked for."""
    port: int = 0
    tls_port: int = 0

    def add(self, cn: str, **more: Sequence[str | bytes]) -> str:
        """A person; their DN."""
        dn = f"CN={cn},{PEOPLE}"
        name = cn.lower()
        own: dict[str, Sequence[str | bytes]] = {
            "objectClass": ["top", "person", "organizationalPerson", "user"],
            "objectCategory": ["person"],
            "sAMAccountName": [name],
            "userPrincipalName": [f"{name}@corp.example"],
            "mail": [f"{name}@corp.example"],
            "displayName": [f"{cn} of Corp"],
            "objectGUID": [GUID.bytes_le if cn == "Ada" else name.encode().ljust(16, b"\xff")],
            "userAccountControl": ["512"],
            "accountExpires": [_NEVER],
        }
        self.entries[dn] = {key: list(values) for key, values in {**own, **more}.items()}
        return dn

    def group(self, cn: str, *members: str) -> str:
        """A group of people and groups, which then say that they are in it."""
        dn = f"CN={cn},OU=Groups,{DOMAIN}"
        self.entries[dn] = {"objectClass": ["top", "group"], "cn": [cn], "member": list(members)}
        for member in members:
            self.entries[member].setdefault("memberOf", []).append(dn)
        return dn

    def bind(self, name: str, password: bytes, *, encrypted: bool) -> bytes:
        if not encrypted:
            return _result(0x61, 8, _NO_TLS)
        if not name and not password:
            return _result(0x61, 0)
        if name not in self.entries:
            return _result(0x61, 49, _WRONG.format("525"))
        right = password.decode() == (READER_PASSWORD if name == READER else PASSWORD)
        code = self.refused.get(name) if right else "52e"
        return _result(0x61, 49, _WRONG.format(code)) if code else _result(0x61, 0)

    def search(self, base: str, scope: int, filter_: "Part", attributes: set[str]) -> Iterator[bytes]:
        places = {dn.lower(): dn for dn in self.entries}
        if scope == 0 and base.lower() == DOMAIN.lower():
            yield _entry(DOMAIN, {})
        for place, dn in places.items():
            inside = place == base.lower() if scope == 0 else place.endswith(base.lower())
            if inside and self._matches(dn, filter_):
                chosen = {key: value for key, value in self.entries[dn].items() if key.lower() in attributes}
                yield _entry(dn, chosen)
        yield _tlv(0x73, _tlv(4, f"ldap://DomainDnsZones.{base}/DC=DomainDnsZones,{base}".encode()))
        yield _result(0x65, 0)

    def _matches(self, dn: str, filter_: "Part") -> bool:
        tag, content = filter_
        match tag:
            case 0xA0:
                return all(self._matches(dn, each) for each in _parts(content))
            case 0xA1:
                return any(self._matches(dn, each) for each in _parts(content))
            case 0xA3:
                (_, attribute), (_, value) = _parts(content)
                return value.lower() in self._values(dn, attribute.decode())
            case 0x87:
                return content.lower() == b"objectclass" or bool(self._values(dn, content.decode()))
            case 0xA9:
                found = dict(_parts(content))
                self.rules.append(found[0x81].decode())
                return self._holds(dn, found[0x83].decode(), set())
        raise AssertionError(hex(tag))

    def _holds(self, group: str, member: str, seen: set[str]) -> bool:
        """Whether somebody is in the group, or in one that is in it."""
        seen.add(group)
        members = [str(each) for each in self.entries[group].get("member", [])]
        return member in members or any(self._holds(each, member, seen) for each in members if each not in seen)

    def _values(self, dn: str, attribute: str) -> set[bytes]:
        values = {key.lower(): found for key, found in self.entries[dn].items()}.get(attribute.lower(), [])
        return {_bytes(value).lower() for value in values}


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def _result(tag: int, code: int, message: str = "") -> bytes:
    return _tlv(tag, _tlv(0x0A, bytes([code])), _tlv(4), _tlv(4, message.encode()))


def _entry(dn: str, values: Values) -> bytes:
    attributes = (
        _tlv(0x30, _tlv(4, name.encode()), _tlv(0x31, *(_tlv(4, _bytes(value)) for value in found)))
        for name, found in values.items()
    )
    return _tlv(0x64, _tlv(4, dn.encode()), _tlv(0x30, *attributes))


class _Connection(socketserver.BaseRequestHandler):
    """One client. `server` is a `_Server`."""

    @override
    def handle(self) -> None:
        self.bound = False
        server: Any = self.server
        with suppress(OSError, EOFError):
            line = server.tls.wrap_socket(self.request, server_side=True) if server.tls else self.request
            with line:
                while True:
                    self._answer(line, server)

    def _answer(self, line: Any, server: Any) -> None:
        (_, message) = _parts(_message(line))[0]
        (_, number), (tag, operation), *_ = _parts(message)
        for answer in self._answers(tag, operation, server):
            line.sendall(_tlv(0x30, _tlv(2, number), answer))

    def _answers(self, tag: int, operation: bytes, server: Any) -> Iterator[bytes]:
        if tag == 0x60:
            _, (_, name), (_, password) = _parts(operation)
            answer = server.domain.bind(name.decode(), password, encrypted=server.tls is not None)
            self.bound = bool(name) and answer == _result(0x61, 0)
            yield answer
        elif tag == 0x63 and not self.bound:
            yield _result(0x65, 1, _NO_BIND)
        elif tag == 0x63:
            (_, base), (_, scope), _, _, _, _, filter_, (_, attributes) = _parts(operation)
            names = {name.decode().lower() for _, name in _parts(attributes)}
            yield from server.domain.search(base.decode(), scope[0], filter_, names)
        else:
            raise EOFError(hex(tag))


def _parts(content: bytes) -> list[Part]:
    """What stands one after the other in this."""
    found: list[Part] = []
    while content:
        more = content[1] - 0x80 if content[1] >= 0x80 else 0
        length = int.from_bytes(content[2 : 2 + more], "big") if more else content[1]
        start = 2 + more
        found.append((content[0], content[start : start + length]))
        content = content[start + length :]
    return found


def _message(line: Any) -> bytes:
    """The bytes of one message; those of our requests have their length in one to three bytes."""
    head = _exactly(line, 2)
    if head[1] >= 0x80:
        head += _exactly(line, head[1] - 0x80)
    length = int.from_bytes(head[2:], "big") if head[1] >= 0x80 else head[1]
    return head + _exactly(line, length)


def _exactly(line: Any, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = line.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, domain: Domain, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.domain, self.tls = domain, tls


@contextmanager
def active_directory(authority: trustme.CA) -> Iterator[Domain]:
    """A domain with nobody in it but the one who looks people up, at a plain port and at one with TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    domain = Domain()
    domain.add("Reader")
    servers = [_Server(domain, None), _Server(domain, context)]
    domain.port, domain.tls_port = (server.server_address[1] for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    try:
        for thread in threads:
            thread.start()
        yield domain
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
