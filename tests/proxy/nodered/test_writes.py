"""What writes to an instance are on record as."""

import json

import pytest
from multidict import CIMultiDict

from proxy.nodered.surfaces import RULES, Surface
from proxy.nodered.writes import Reads, error_code, meaning, of_answer, of_body
from proxy.services.audit_catalogue import EVENTS
from tests.proxy.nodered.admin_routes import ROUTES

WRITES = [
    (method, path)
    for method, path, surface in ROUTES
    if method != "GET" and surface not in (Surface.AUTH, Surface.AUTH_REVOKE)
]


def means(method: str, path: str, root: str = "/", **fields: str) -> tuple[str, dict[str, object]]:
    header = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    found = meaning(method, path.encode(), root, header)
    return found.event, dict(found.details)


@pytest.mark.parametrize(
    ("method", "path", "event", "details"),
    [
        ("POST", "flow", "flow.add", {}),
        ("PUT", "flow/tab1", "flow.update", {"flow": "tab1"}),
        ("DELETE", "flow/tab1", "flow.remove", {"flow": "tab1"}),
        ("POST", "flows/state", "flows.state.set", {}),
        ("POST", "nodes", "nodes.install", {}),
        ("PUT", "nodes/node-red", "nodes.update", {"module": "node-red"}),
        ("PUT", "nodes/node-red/inject", "nodes.update", {"module": "node-red", "set": "inject"}),
        ("PUT", "nodes/@scope/name/set", "nodes.update", {"module": "@scope/name", "set": "set"}),
        ("DELETE", "nodes/@scope/name", "nodes.remove", {"module": "@scope/name"}),
        ("DELETE", "nodes/@scope%2fname", "nodes.remove", {"module": "@scope/name"}),
        (
            "POST",
            "library/local/flows/a/b.json",
            "library.set",
            {"library": "local", "type": "flows", "path": "a/b.json"},
        ),
        ("DELETE", "context/global/a.b", "context.delete", {"scope": "global", "path": "a.b"}),
        ("DELETE", "context/flow/tab1/a/b", "context.delete", {"scope": "flow", "id": "tab1", "path": "a/b"}),
        ("POST", "settings/user", "settings.update", {}),
        ("DELETE", "settings/user/keys/id", "settings.update", {"method": "DELETE", "path": "settings/user/keys/id"}),
        ("POST", "inject/inj1", "inject", {"node": "inj1"}),
        ("POST", "debug/enable", "debug", {"state": "enable"}),
        ("POST", "debug/dbg1/disable", "debug", {"node": "dbg1", "state": "disable"}),
        ("POST", "projects", "projects.create", {}),
        ("PUT", "projects/p", "projects.update", {"project": "p"}),
        ("DELETE", "projects/p", "projects.delete", {"project": "p"}),
        ("DELETE", "projects/p/files/_/a/b", "projects.update", {"project": "p", "path": "a/b"}),
        ("DELETE", "projects/p/stage/x", "projects.stage", {"method": "DELETE", "project": "p", "path": "x"}),
        ("POST", "projects/p/commit", "projects.commit", {"project": "p"}),
        ("POST", "projects/p/push/origin", "projects.push", {"project": "p", "path": "origin"}),
        ("DELETE", "projects/p/merge", "projects.merge", {"project": "p"}),
        (
            "DELETE",
            "projects/p/branches/main",
            "projects.branch",
            {"method": "DELETE", "project": "p", "branch": "main"},
        ),
        ("PUT", "projects/p/remotes/origin", "projects.remote", {"method": "PUT", "project": "p", "remote": "origin"}),
        ("PATCH", "dashboard/api/v1/base/flows", "dashboard.set", {"dashboard": "base"}),
        ("PATCH", "dashboard/api/v1/base/edit/page", "dashboard.edit", {"dashboard": "base", "page": "page"}),
        ("POST", "dashboard/chart/c1/clear", "dashboard.chart.clear", {"node": "c1"}),
    ],
)
@pytest.mark.parametrize("root", ["/", "/admin", "/Deep/Admin/"])
def test_a_write_is_on_record_by_its_name_and_what_its_address_says(
    method: str, path: str, event: str, details: dict[str, object], root: str
) -> None:
    assert means(method, root.rstrip("/") + "/" + path + "?token=x", root) == (event, details)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_every_write_that_node_red_has_a_route_for_has_a_name(method: str, path: str) -> None:
    event, _ = means(method, f"/admin/{path}", "/admin")
    assert event != "admin.request"
    assert event in EVENTS


def test_every_write_goes_the_way_on_which_it_is_put_on_record() -> None:
    for surface, rule in RULES.items():
        assert rule.inspected or not rule.write, surface


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/admin/FLOWS", "flows.set"),
        ("/ADMIN/flows/", "flows.set"),
        ("/admin//flows", "admin.request"),
        ("/admin/%66lows", "admin.request"),
        ("/admin/flows;a", "admin.request"),
        ("/adminflows", "admin.request"),
    ],
)
def test_addresses_are_read_as_express_reads_them(path: str, told: str) -> None:
    assert means("POST", path, "/admin")[0] == told


def test_a_write_without_a_name_tells_its_method_and_path_and_no_query() -> None:
    told = means("PROPPATCH", "/admin/contrib/x?password=secret", "/admin")
    assert told == ("admin.request", {"method": "PROPPATCH", "path": "/admin/contrib/x"})
    assert len(str(means("POST", "/" + "x" * 9000)[1]["path"])) == 256


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ("flows.set", {"api": "v1", "type": "full"})),
        ({"node_red_api_version": "v2"}, ("flows.set", {"api": "v2", "type": "full"})),
        ({"Node_RED_Deployment_Type": "nodes"}, ("flows.set", {"api": "v1", "type": "nodes"})),
        ({"Node_RED_Deployment_Type": "flows"}, ("flows.set", {"api": "v1", "type": "flows"})),
        ({"Node_RED_Deployment_Type": "reload"}, ("flows.reloaded", {"api": "v1"})),
    ],
)
def test_a_deploy_tells_its_type_and_the_version_of_the_api(
    fields: dict[str, str], told: tuple[str, dict[str, object]]
) -> None:
    assert means("POST", "/flows", **fields) == told


def test_only_bodies_that_say_something_are_read() -> None:
    read = {
        (method, path): meaning(method, f"/{path}".encode(), "/", {}).reads
        for method, path in WRITES
        if meaning(method, f"/{path}".encode(), "/", {}).reads is not Reads.NOTHING
    }
    assert read == {
        ("POST", "flows"): Reads.FLOWS,
        ("POST", "flow"): Reads.NEW_FLOW,
        ("PUT", "flow/tab1"): Reads.FLOWS,
        ("DELETE", "flow/tab1"): Reads.FLOWS,
        ("POST", "nodes"): Reads.MODULE,
        ("PUT", "nodes/node-red"): Reads.MODULE,
        ("PUT", "nodes/node-red/inject"): Reads.MODULE,
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"module": "node-red-x", "version": "1.0.0"}, {"module": "node-red-x", "version": "1.0.0"}),
        ({"module": "x", "url": "https://ada:secret@npm.example/x.tgz"}, {"module": "x"}),
        ({"enabled": False}, {"enabled": False}),
        ({"module": 1, "version": None, "enabled": "yes"}, {}),
        ([], {}),
    ],
)
def test_of_a_package_its_name_and_version_are_told(body: object, told: dict[str, object]) -> None:
    assert of_body(json.dumps(body).encode()) == told


def test_an_answer_tells_what_was_not_known_before() -> None:
    assert of_answer("flows.set", b'{"rev": "r2"}') == {"rev": "r2"}
    assert of_answer("flow.add", b'{"id": "f1"}') == {"flow": "f1"}
    assert of_answer("nodes.install", b'{"name": "x", "version": "2.0.0", "nodes": []}') == {
        "module": "x",
        "version": "2.0.0",
    }
    assert of_answer("library.set", b'{"rev": "r2"}') == {}
    assert of_answer("flows.set", b"OK") == {}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (409, b'{"code": "version_mismatch", "message": "Error"}', "version_mismatch"),
        (400, b'{"code": "MODULE_NOT_FOUND"}', "MODULE_NOT_FOUND"),
        (400, b'{"code": "no code, but a sentence"}', "http_400"),
        (400, b'{"code": 7}', "http_400"),
        (500, b"<html>", "http_500"),
    ],
)
def test_a_refusal_is_told_by_its_code(status: int, body: bytes, code: str) -> None:
    assert error_code(status, body) == code
