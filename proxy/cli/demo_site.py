"""What the demo writes down and says: a configuration, an estate with a user of each role, and what to try."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.cli.nodered_setup import DASHBOARD, NODE_RED

INSTANCE: Final = "acme/plant/line-3"
HOST: Final = "plant.localhost"

_USERS: Final = (
    ("dora", "dashboard", "sees the dashboard and nothing else"),
    ("vic", "viewer", "opens the editor too, where Deploy is locked"),
    ("max", "member", "deploys"),
    ("olga", "owner", "deploys, also where only owners may"),
    ("ada", "admin", "may do everything, everywhere"),
)

_SETTINGS: Final = """\
server:
  listen: [127.0.0.1:{port}]
  public_url: http://localhost:{port}
  operations: 127.0.0.1:{operations}
state: {{directory: var}}
log: {{format: console, level: warning, access: false}}
estate: [estate.yaml]
"""

_ESTATE: Final = """\
spaces:
  - {{slug: acme, kind: team, title: Acme}}
users:
{users}
applications:
  - {{slug: plant, space: acme, title: Plant}}
instances:
  - slug: line-3
    application: acme/plant
    title: Line 3
    hosts: [{host}]
    upstream: http://127.0.0.1:{upstream}
    admin_root: /admin
    http_auth: {{mode: user, public: [/hooks/*]}}
    identity: [assertion, flowward]
"""

_TRY: Final = """
{what} is behind Flowward at {site}
Log in as one of these, each with the password {password}
{users}
Try:
  {site}/dashboard/line-3      greets you by name; the answer to your call reaches you alone
  {site}/admin/                the editor: vic cannot deploy, dora is told why she may not enter
  curl {site}/hooks/ping       open to anyone, while /api/hello asks who you are
  {command} user suspend dora -c {settings}    her open page ends on the login page within a second
Ctrl-C stops everything.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A demo in a folder of its own; ports are of 127.0.0.1."""

    folder: Path
    port: int
    operations: int
    upstream: int

    @property
    def settings(self) -> Path:
        return self.folder / "flowward.yaml"

    def write(self) -> str:
        """Write the configuration and return the password of every user, which is the same at the next start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        password = self.folder / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(9))
        self.settings.write_text(_SETTINGS.format(port=self.port, operations=self.operations))
        users = "\n".join(_declared(name, role) for name, role, _ in _USERS)
        (self.folder / "estate.yaml").write_text(_ESTATE.format(users=users, host=HOST, upstream=self.upstream))
        return password.read_text()

    def what_to_try(self, password: str, *, real: bool, command: str) -> str:
        """What is printed once everything runs; `command` is how this program was called."""
        return _TRY.format(
            what=f"Node-RED {NODE_RED} with Dashboard {DASHBOARD}" if real else "A stand-in for Node-RED",
            site=f"http://{HOST}:{self.port}",
            password=password,
            users="\n".join(f"  {name:5} {role:10} {may}" for name, role, may in _USERS),
            command=command,
            settings=self.settings,
        )


def _declared(name: str, role: str) -> str:
    may = "admin: true" if role == "admin" else f"memberships: {{acme: {role}}}"
    return (
        f"  - {{username: {name}, name: {name.title()}, email: {name}@acme.example, "
        f"password: {{file: password}}, {may}}}"
    )
