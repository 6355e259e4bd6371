"""What a write to an instance means: the event it goes on record as, and what of it is worth telling."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from urllib.parse import unquote_to_bytes

import orjson

_LONGEST: Final = 256
"""Characters of a detail."""
_CODE: Final = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_TYPES: Final = frozenset({"full", "nodes", "flows"})


class Reads(Enum):
    """What is read of a write's body. Every other body goes through unseen."""

    NOTHING = auto()
    MODULE = auto()
    """A few names: of a package to install, or whether nodes are to be switched on."""
    FLOWS = auto()
    """Flows, to be compared with those that are at the address now."""
    NEW_FLOW = auto()
    """A flow that is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a request is about to do."""

    event: str
    details: Mapping[str, object]
    reads: Reads = Reads.NOTHING


_MODULE: Final = r"(?P<module>(?:@[^/]+/)?[^/]+)"
_PROJECT: Final = r"projects/(?P<project>[^/]+)"
_DASHBOARD: Final = r"(?:[^/]+/)*api/v1/(?P<dashboard>[^/]+)"
_N, _M, _F, _NEW = Reads.NOTHING, Reads.MODULE, Reads.FLOWS, Reads.NEW_FLOW

# Methods, path below the admin root as Node-RED 5 and Dashboard 1.31 route it, event, what is read of the body.
_ROUTES: Final = tuple(
    (methods.split(), re.compile(path, re.IGNORECASE), event, reads)
    for methods, path, event, reads in (
        ("POST", r"flows", "flows.set", _F),
        ("POST", r"flows/state", "flows.state.set", _N),
        ("POST", r"flow", "flow.add", _NEW),
        ("PUT", r"flow/(?P<flow>[^/]+)", "flow.update", _F),
        ("DELETE", r"flow/(?P<flow>[^/]+)", "flow.remove", _F),
        ("POST", r"nodes", "nodes.install", _M),
        ("PUT", rf"nodes/{_MODULE}(?:/(?P<set>[^/]+))?", "nodes.update", _M),
        ("DELETE", rf"nodes/{_MODULE}", "nodes.remove", _N),
        ("POST", r"library/(?P<library>[^/]+)/(?P<type>[^/]+)/(?P<path>.*)", "library.set", _N),
        ("DELETE", r"context/(?P<scope>global)/(?P<path>.+)", "context.delete", _N),
        ("DELETE", r"context/(?P<scope>node|flow)/(?P<id>[^/]+)/(?P<path>.+)", "context.delete", _N),
        ("POST", r"settings/user", "settings.update", _N),
        ("POST DELETE", r"(?P<path>settings/user/keys(?:/[^/]+)?)", "settings.update", _N),
        ("POST", r"inject/(?P<node>[^/]+)", "inject", _N),
        ("POST", r"debug/(?:(?P<node>[^/]+)/)?(?P<state>[^/]+)", "debug", _N),
        ("POST", r"projects", "projects.create", _N),
        ("PUT", _PROJECT, "projects.update", _N),
        ("DELETE", _PROJECT, "projects.delete", _N),
        ("DELETE", rf"{_PROJECT}/files/_/(?P<path>.+)", "projects.update", _N),
        ("POST DELETE", rf"{_PROJECT}/stage(?:/(?P<path>.+))?", "projects.stage", _N),
        ("POST", rf"{_PROJECT}/commit", "projects.commit", _N),
        ("POST", rf"{_PROJECT}/push(?:/(?P<path>.+))?", "projects.push", _N),
        ("POST", rf"{_PROJECT}/pull(?:/(?P<path>.+))?", "projects.pull", _N),
        ("DELETE", rf"{_PROJECT}/merge", "projects.merge", _N),
        ("POST", rf"{_PROJECT}/resolve/(?P<path>.+)", "projects.merge", _N),
        ("POST DELETE", rf"{_PROJECT}/branches(?:/(?P<branch>.+))?", "projects.branch", _N),
        ("POST PUT DELETE", rf"{_PROJECT}/remotes(?:/(?P<remote>.+))?", "projects.remote", _N),
        ("PATCH", rf"{_DASHBOARD}/flows", "dashboard.set", _N),
        ("PATCH", rf"{_DASHBOARD}/edit/(?P<page>[^/]+)", "dashboard.edit", _N),
        ("POST", r"(?:[^/]+/)*chart/(?P<node>[^/]+)/clear", "dashboard.chart.clear", _N),
    )
)


def meaning(method: str, path: bytes, admin_root: str, fields: Mapping[str, str]) -> Meaning:
    """What a write to a path of an instance means; `fields` are its header, looked up without regard to case."""
    whole = path.partition(b"?")[0].decode("ascii", "backslashreplace")
    below = _below(admin_root, whole)
    for methods, pattern, event, reads in _ROUTES:
        if method in methods and (found := pattern.fullmatch(below)):
            details = {name: _text(value) for name, value in found.groupdict().items() if value is not None}
            more = {"method": method, **details} if len(methods) > 1 else details
            return _deploy(fields) if event == "flows.set" else Meaning(event=event, details=more, reads=reads)
    return Meaning(event="admin.request", details={"method": method, "path": whole[:_LONGEST]})


def of_message(path: bytes, topic: str) -> Meaning:
    """What a message to a node or plugin means, said on an editor's socket at `path`; never its data."""
    whole = path.partition(b"?")[0].decode("ascii", "backslashreplace")
    return Meaning(event="admin.request", details={"path": whole[:_LONGEST], "topic": topic[:_LONGEST]})


def of_body(body: bytes) -> dict[str, object]:
    """The names in a body of Reads.MODULE; never its `url`, which may hold a password."""
    told = _object(body)
    found: dict[str, object] = {
        name: value[:_LONGEST] for name in ("module", "version") if isinstance(value := told.get(name), str)
    }
    if isinstance(enabled := told.get("enabled"), bool):
        found["enabled"] = enabled
    return found


def of_answer(event: str, body: bytes) -> dict[str, object]:
    """What the answer to a write that was done adds to it; {"rev": …} is the revision after it."""
    told = _object(body)
    wanted = _ANSWERED.get(event, {})
    return {name: value[:_LONGEST] for name, key in wanted.items() if isinstance(value := told.get(key), str)}


_ANSWERED: Final[Mapping[str, Mapping[str, str]]] = {
    "flows.set": {"rev": "rev"},
    "flows.reloaded": {"rev": "rev"},
    "flow.add": {"flow": "id"},
    "nodes.install": {"module": "name", "version": "version"},
}


def error_code(status: int, body: bytes) -> str:
    """The code of a refusal in Node-RED's own words, such as version_mismatch; else its status."""
    code = _object(body).get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else f"http_{status}"


def _deploy(fields: Mapping[str, str]) -> Meaning:
    kind, version = fields.get("Node-RED-Deployment-Type", "full"), fields.get("Node-RED-API-Version", "v1")
    details: dict[str, object] = {"api": version[:_LONGEST]}
    if kind == "reload":
        return Meaning(event="flows.reloaded", details=details)
    details["type"] = kind if kind in _TYPES else kind[:_LONGEST]
    return Meaning(event="flows.set", details=details, reads=Reads.FLOWS)


def _below(admin_root: str, path: str) -> str:
    """A path without the admin root, and without the slash at its end, as Express matches it."""
    root = "/" + admin_root.strip("/")
    if root != "/" and path.lower().startswith(root.lower() + "/"):
        path = path[len(root) :]
    return path[1:].removesuffix("/")


def _text(value: str) -> str:
    return unquote_to_bytes(value).decode("utf-8", "replace")[:_LONGEST]


def _object(body: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
