"""A real SimpleSAMLphp of this machine as identity provider: PHP's own server, with its configuration in a folder."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from tests.peers.ports import free_port

PASSWORD: Final = "correct horse battery"
_HOME: Final = Path("/usr/share/simplesamlphp")
_PATIENCE: Final = 30.0
EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

PEOPLE: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "ada": {"mail": ["ada@acme.example"], "displayName": ["Ada Lovelace"], "ff-roles": ["ff-acme-owner", "staff"]},
    "vic": {"mail": ["vic@acme.example"], "displayName": ["Vic"], "ff-roles": ["ff-acme-viewer"]},
    "eve": {"mail": ["ceo@other.example"], "displayName": ["Eve"], "ff-roles": []},
}
"""Who can log in there, each with PASSWORD."""


def programs() -> Path | None:
    """PHP, where it, the parts of it that are needed and SimpleSAMLphp are installed."""
    php = shutil.which("php")
    parts = [*Path("/etc/php").glob("*/cli/conf.d/*-dom.ini"), *Path("/etc/php").glob("*/cli/conf.d/*-mbstring.ini")]
    return Path(php) if php and len(parts) >= 2 and (_HOME / "www").is_dir() else None


@dataclass(kw_only=True)
class SimpleSaml:
    """One provider. What it knows and signs with may change while it runs: it reads its files at each request."""

    php: Path
    folder: Path
    port: int = field(default_factory=free_port)
    name: str = "idp.localhost"
    services: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """Service providers by entity id."""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        return f"http://{self.name}:{self.port}"

    @property
    def entity_id(self) -> str:
        return f"{self.origin}/saml2/idp/metadata.php"

    @property
    def sso(self) -> str:
        return f"{self.origin}/saml2/idp/SSOService.php"

    @property
    def slo(self) -> str:
        return f"{self.origin}/saml2/idp/SingleLogoutService.php"

    @property
    def metadata_url(self) -> str:
        """Where it publishes itself, by an address that needs no name service."""
        return f"http://127.0.0.1:{self.port}/saml2/idp/metadata.php"

    def metadata(self) -> bytes:
        """What it publishes of itself now."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        connection.request("GET", "/saml2/idp/metadata.php", headers={"Host": f"{self.name}:{self.port}"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status == 200, content
        return content

    def serves(self, base: str, certificate: str, **more: object) -> None:
        """Know the gateway's entry at `base` by its certificate (PEM); `more` are options of saml20-sp-remote.php."""
        bare = "".join(certificate.splitlines()[1:-1])
        redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
        self.services[f"{base}/metadata"] = {
            "AssertionConsumerService": f"{base}/acs",
            "SingleLogoutService": [{"Binding": redirect, "Location": f"{base}/slo"}],
            "NameIDFormat": EMAIL,
            "keys": [{"type": "X509Certificate", "signing": True, "encryption": True, "X509Certificate": bare}],
            **more,
        }
        self.write_services()

    def write_services(self) -> None:
        _replace(self.folder / "metadata/saml20-sp-remote.php", _assigned("metadata", self.services))

    def signs_with(self, key: str, certificate: str, *, then: tuple[str, str] | None = None) -> None:
        """Sign with this pair; `then` is the one that is announced for later."""
        hosted: dict[str, object] = {
            "host": "__DEFAULT__",
            "privatekey": self._written("idp.key", key),
            "certificate": self._written("idp.pem", certificate),
            "auth": "people",
            "sign.logout": True,
            "redirect.sign": True,
            "redirect.validate": True,
            "SingleSignOnServiceBinding": [
                "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
                "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            ],
            "authproc": {3: {"class": "saml:AttributeNameID", "attribute": "mail", "Format": EMAIL}},
        }
        if then is not None:
            hosted["new_privatekey"] = self._written("new.key", then[0])
            hosted["new_certificate"] = self._written("new.pem", then[1])
        content = _assigned("metadata", {self.entity_id: hosted})
        _replace(self.folder / "metadata/saml20-idp-hosted.php", content)

    def _written(self, name: str, content: str) -> str:
        _replace(self.folder / "cert" / name, content)
        return name

    def configure(self) -> None:
        """Write all but what it signs with."""
        for name in ("metadata", "cert", "temp", "sessions", "log", "data"):
            (self.folder / name).mkdir()
        config = {
            "baseurlpath": f"{self.origin}/",
            "certdir": f"{self.folder}/cert/",
            "loggingdir": f"{self.folder}/log/",
            "datadir": f"{self.folder}/data/",
            "tempdir": f"{self.folder}/temp",
            "metadatadir": f"{self.folder}/metadata/",
            "attributenamemapdir": "/etc/simplesamlphp/attributemap/",
            "metadata.sources": [{"type": "flatfile", "directory": f"{self.folder}/metadata"}],
            "secretsalt": "salt for tests alone",
            "auth.adminpassword": "not for use",
            "technicalcontact_name": "Tests",
            "technicalcontact_email": "na@example.org",
            "timezone": "UTC",
            "trusted.url.domains": None,
            "showerrors": True,
            "errorreporting": False,
            "logging.handler": "errorlog",
            "logging.level": 4,
            "enable.saml20-idp": True,
            "module.enable": {"exampleauth": True, "core": True, "saml": True},
            "session.cookie.secure": False,
            "session.cookie.samesite": None,
            "session.phpsession.savepath": f"{self.folder}/sessions",
            "session.phpsession.httponly": True,
            "store.type": "phpsession",
            "language.default": "en",
            "language.available": ["en"],
            "language.cookie.secure": False,
            "theme.use": "default",
            "production": True,
        }
        people = {f"{uid}:{PASSWORD}": {"uid": [uid], **said} for uid, said in PEOPLE.items()}
        sources = {"people": {0: "exampleauth:UserPass", **people}}
        _replace(self.folder / "config.php", _assigned("config", config))
        _replace(self.folder / "authsources.php", _assigned("config", sources))
        self.write_services()

    def start(self) -> None:
        """Run it, and wait until it answers."""
        environment = {**os.environ, "SIMPLESAMLPHP_CONFIG_DIR": str(self.folder)}
        quiet = ["-d", "error_reporting=0", "-d", "display_errors=0", "-d", "opcache.enable=0"]
        command = [str(self.php), *quiet, "-S", f"127.0.0.1:{self.port}", "-t", str(_HOME / "www")]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + _PATIENCE
        while True:
            with suppress(OSError, HTTPException):
                self.metadata()
                return
            if time.monotonic() > until or self.process.poll() is not None:
                raise TimeoutError(self.log())
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "server.log").read_text(errors="replace")


def _assigned(name: str, value: object) -> str:
    """PHP that sets a variable; JSON within quotes of which PHP reads nothing but the backslash and the quote."""
    text = json.dumps(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"<?php\n${name} = json_decode('{text}', true);\n"


def _replace(path: Path, content: str) -> None:
    """At once, so that nobody reads half of it."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(content)
    beside.replace(path)


@contextmanager
def simplesamlphp(php: Path, key: str, certificate: str) -> Iterator[SimpleSaml]:
    """A provider that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="flowward-saml-") as folder:
        idp = SimpleSaml(php=php, folder=Path(folder))
        idp.configure()
        idp.signs_with(key, certificate)
        idp.start()
        try:
            yield idp
        finally:
            idp.stop()
