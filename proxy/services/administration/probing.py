"""Asking an instance how it is, and saying what of it does not fit what the gateway was told."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from json import JSONDecodeError, loads
from typing import Final

from proxy.model.estate import InstanceSettings, Resource

OPEN: Final[Mapping[str, object]] = {}
"""What Node-RED says of how to log in where it asks for no login."""


class Unreachable(Exception):
    """The instance does not answer; args[0] is the code of why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an instance answered."""

    status: int
    body: bytes


Ask = Callable[[Resource, str], Awaitable[Said]]
"""GET of a path of an instance, in the gateway's own name. Raises Unreachable."""


class Severity(StrEnum):
    ERROR = "error"
    """The instance cannot be used as it is declared."""
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found."""

    code: str
    severity: Severity
    message: str
    remedy: str = ""


async def is_up(ask: Ask, instance: Resource) -> bool:
    """Whether anything answers where the instance listens."""
    try:
        await ask(instance, "/")
    except Unreachable:
        return False
    return True


async def examine(ask: Ask, instance: Resource) -> Sequence[Finding]:
    """What asking an instance finds, worst first."""
    settings = instance.instance
    if settings is None:
        return ()
    try:
        found = [finding async for finding in _findings(ask, instance, settings)]
    except Unreachable as error:
        message = f"nothing answers at {settings.upstream}: {error.args[0]}"
        found = [_error("unreachable", message, "Start Node-RED there, or correct the instance's upstream.")]
    return sorted(found, key=lambda finding: tuple(Severity).index(finding.severity))


async def _findings(ask: Ask, instance: Resource, settings: InstanceSettings) -> AsyncIterator[Finding]:
    admin = settings.admin_root.rstrip("/")
    told = await ask(instance, f"{admin}/settings")
    yield _settings(told, settings)
    yield _login(await ask(instance, f"{admin}/auth/login"))
    yield _dashboard(await ask(instance, settings.node_root.rstrip("/") + settings.dashboard + "/_setup"), settings)
    yield Finding(
        code="direct_access",
        severity=Severity.INFO,
        message="whether others than the gateway reach the instance cannot be seen from here",
        remedy="Let Node-RED listen on the loopback or a private network only.",
    )


def _settings(told: Said, settings: InstanceSettings) -> Finding:
    if told.status in {401, 403}:
        message = "the instance's adminAuth takes neither the gateway's assertion nor an admin_token"
        return _warning("admin_auth_closed", message, "Add the snippet of flowward nodered snippet, or an admin_token.")
    known = _object(told)
    if "version" not in known:
        message = f"there is no Node-RED below admin_root {settings.admin_root}"
        return _error("admin_root_wrong", message, "Set admin_root to Node-RED's httpAdminRoot.")
    root = known.get("httpNodeRoot")
    if isinstance(root, str) and root.rstrip("/") != settings.node_root.rstrip("/"):
        message = f"its httpNodeRoot is {root}, but node_root is {settings.node_root}"
        return _error("node_root_wrong", message, f"Set node_root to {root}.")
    return _info("node_red", f"Node-RED {known['version']} answers")


def _login(told: Said) -> Finding:
    if told.status == 200 and _object(told) == OPEN:
        message = "the instance asks nobody for a login: whoever reaches it past the gateway may deploy"
        return _warning("no_admin_auth", message, "Let it listen on the loopback only, or add an adminAuth.")
    return _info("admin_auth", "the instance has an adminAuth of its own")


def _dashboard(told: Said, settings: InstanceSettings) -> Finding:
    if told.status == 200 and _object(told):
        return _info("dashboard", f"there is a Dashboard at {settings.dashboard}")
    message = f"there is no Dashboard at {settings.dashboard}"
    return _warning("no_dashboard", message, "Install Dashboard 2, or set `dashboard` to its path.")


def _object(told: Said) -> Mapping[str, object]:
    try:
        found = loads(told.body)
    except (JSONDecodeError, UnicodeDecodeError):
        return {"": None}
    return found if isinstance(found, dict) else {"": None}


def _error(code: str, message: str, remedy: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, remedy=remedy)


def _warning(code: str, message: str, remedy: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, message=message, remedy=remedy)


def _info(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.INFO, message=message)
