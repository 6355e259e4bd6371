"""A real OpenLDAP of this machine: a child of the test on free ports, with people and groups of every awkward kind."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme
from ldap3 import Connection, Server
from ldap3.core.exceptions import LDAPException
from ldap3.utils.dn import escape_rdn

from tests.peers.ports import free_port

BASE: Final = "dc=example,dc=org"
PEOPLE: Final = f"ou=people,{BASE}"
GROUPS: Final = f"ou=groups,{BASE}"
ROOT: Final = f"cn=root,{BASE}"
READER: Final = f"cn=reader,{BASE}"
READER_PASSWORD: Final = "only reads"
PASSWORD: Final = "correct horse battery"
RELAX: Final = ("1.3.6.1.4.1.4203.666.5.12", True, None)
"""Lets the tests set what only the server sets otherwise, such as when a password was changed."""
_SCHEMA: Final = Path("/etc/ldap/schema")
_PATIENCE: Final = 30.0

Attributes = Mapping[str, str | Sequence[str]]

PERSONS: Final[Mapping[str, str]] = {
    "ada": "Ada Lovelace",
    "vic": "Vic",
    "star": "Star * (the) \\ #1, Ltd.",
    "müller": "Jörg Müller",
    "locked": "Locked Out",
    "barred": "Barred For Good",
    "expired": "Expired Password",
    "fresh": "Fresh Password",
    "bare": "No Password",
    "short": "No Name",
}
"""uid -> cn, which is the name in the DN."""


def person(uid: str) -> str:
    """The DN of somebody."""
    return f"cn={escape_rdn(PERSONS.get(uid, uid))},{PEOPLE}"


def group(name: str) -> str:
    return f"cn={escape_rdn(name)},{GROUPS}"


CONFIGURATION: Final = """\
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
pidfile {folder}/slapd.pid
sizelimit 500
database mdb
suffix {base}
rootdn {root}
rootpw {password}
directory {folder}/data
maxsize 10485760
dbnosync
index objectClass eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={reader} read by * none
overlay memberof
memberof-refint true
overlay memberof
memberof-group-oc groupOfUniqueNames
memberof-member-ad uniqueMember
overlay ppolicy
ppolicy_use_lockout
"""


@dataclass(kw_only=True)
class Slapd:
    """One server; `kill` is `kill -9`, and `start` brings it back with what it had on disk."""

    program: Path
    folder: Path
    port: int = field(default_factory=free_port)
    """Plain, with StartTLS."""
    tls_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def ldap(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def ldaps(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        command = [str(self.folder / "slapd"), "-f", str(self.folder / "slapd.conf")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-h", f"{self.ldap}/ {self.ldaps}/", "-d", "none"], stdout=log, stderr=log
            )
        until = time.monotonic() + _PATIENCE
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise TimeoutError((self.folder / "log").read_text())
            time.sleep(0.01)

    def answers(self) -> bool:
        try:
            with self.root():
                return True
        except LDAPException:
            return False

    @contextmanager
    def root(self) -> Iterator[Connection]:
        """A connection that may do everything, over the plain port."""
        server = Server("127.0.0.1", port=self.port, connect_timeout=5, get_info="NO_INFO")
        connection = Connection(server, ROOT, PASSWORD, receive_timeout=20, check_names=False, raise_exceptions=True)
        try:
            connection.bind()
            yield connection
        finally:
            if connection.socket is not None:
                connection.socket.close()

    def add(self, dn: str, attributes: Attributes, *, relax: bool = False) -> None:
        with self.root() as root:
            root.add(dn, attributes=dict(attributes), controls=[RELAX] if relax else None)

    def change(self, dn: str, attributes: Attributes, *, relax: bool = False) -> None:
        """Replace these attributes; one with no values is taken away."""
        changes = {
            name: [("MODIFY_REPLACE", [value] if isinstance(value, str) else list(value))]
            for name, value in attributes.items()
        }
        with self.root() as root:
            root.modify(dn, changes, controls=[RELAX] if relax else None)

    def delete(self, dn: str) -> None:
        with self.root() as root:
            root.delete(dn)

    def rename(self, dn: str, rdn: str) -> None:
        with self.root() as root:
            root.modify_dn(dn, rdn)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self) -> None:
        """Answer no more, though connections are still accepted."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def slapd(program: Path, authority: trustme.CA, name: str = "127.0.0.1") -> Iterator[Slapd]:
    """A server with everybody of this module in it; its certificate is for `name`."""
    folder = Path(tempfile.mkdtemp(prefix="flowward-slapd-"))
    try:
        # A copy: where AppArmor confines the program at its own path, it may not read files of a test.
        shutil.copy(program, folder / "slapd")
        (folder / "data").mkdir()
        certificate = authority.issue_cert(name)
        certificate.private_key_pem.write_to_path(folder / "server.key")
        for number, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(folder / "server.pem", append=number > 0)
        (folder / "slapd.conf").write_text(
            CONFIGURATION.format(
                schema=_SCHEMA, folder=folder, base=BASE, root=ROOT, password=f'"{PASSWORD}"', reader=READER
            )
        )
        (folder / "slapd.conf").chmod(0o600)
        server = Slapd(program=program, folder=folder)
        server.start()
        try:
            _fill(server)
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


def _fill(server: Slapd) -> None:
    server.add(BASE, {"objectClass": ["dcObject", "organization"], "dc": "example", "o": "Example"})
    for unit in ("people", "groups", "policies", "twins"):
        server.add(f"ou={unit},{BASE}", {"objectClass": "organizationalUnit", "ou": unit})
    account = {"objectClass": ["applicationProcess", "simpleSecurityObject"]}
    server.add(READER, {**account, "userPassword": READER_PASSWORD})
    _policies(server)
    for uid in PERSONS:
        add_person(server, uid)
    for which in ("one", "two"):
        twin = {"objectClass": "inetOrgPerson", "uid": "twin", "sn": "Twin", "userPassword": PASSWORD}
        server.add(f"cn={which},ou=twins,{BASE}", twin)
    server.change(person("short"), {"displayName": (), "mail": ()})
    server.change(person("bare"), {"userPassword": ()})
    server.change(person("barred"), {"pwdAccountLockedTime": "000001010000Z"})
    server.change(person("expired"), {"pwdChangedTime": "20200101000000Z"}, relax=True)
    server.change(person("fresh"), {"pwdReset": "TRUE"})
    _groups(server)


def add_person(server: Slapd, uid: str, dn: str = "") -> None:
    """Somebody with the password of all."""
    policies = {"locked": "strict", "barred": "strict", "expired": "aging", "fresh": "strict"}
    attributes: dict[str, str | Sequence[str]] = {
        "objectClass": "inetOrgPerson",
        "uid": uid,
        "sn": uid,
        "displayName": PERSONS.get(uid, uid),
        "mail": f"{uid.replace('ü', 'ue')}@example.org",
        "userPassword": PASSWORD,
    }
    if uid in policies:
        attributes["pwdPolicySubentry"] = f"cn={policies[uid]},ou=policies,{BASE}"
    server.add(dn or person(uid), attributes)


def _policies(server: Slapd) -> None:
    rules = {"objectClass": ["device", "pwdPolicy"], "pwdAttribute": "userPassword"}
    lockout = {"pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdMustChange": "TRUE"}
    server.add(f"cn=strict,ou=policies,{BASE}", {**rules, **lockout})
    server.add(f"cn=aging,ou=policies,{BASE}", {**rules, "pwdMaxAge": "3600"})


def _groups(server: Slapd) -> None:
    """Ada is in makers (also by way of a group in it, and of one in that) and in an old-fashioned group of unique names."""
    named, unique = {"objectClass": "groupOfNames"}, {"objectClass": "groupOfUniqueNames"}
    server.add(group("ff-acme-member"), {**named, "member": [person("ada"), person("star"), person("müller")]})
    server.add(group("unique (ones)"), {**unique, "uniqueMember": [person("ada"), person("star")]})
    server.add(group("inner"), {**named, "member": person("vic")})
    server.add(group("middle, of three"), {**named, "member": group("inner")})
    server.add(group("outer"), {**named, "member": [group("middle, of three"), person("müller")]})
    server.change(group("inner"), {"member": [person("vic"), group("outer")]})  # and round again
