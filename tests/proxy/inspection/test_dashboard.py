"""What Dashboard's page is told about its visitor."""

import json
from pathlib import Path

import pytest

from proxy.model.estate import HttpAuth
from tests.peers.answers import by_path, plain
from tests.peers.upstream import Answer, upstream
from tests.proxy.inspection.house import house

JSON = (b"Content-Type", b"application/json; charset=utf-8")
SETUP = {"RED": {"httpAdminRoot": "/admin", "httpNodeRoot": "/"}, "socketio": {"path": "/dashboard/socket.io"}}
DAN = {
    "userId": "u-dan",
    "username": "dan",
    "email": "dan@acme.example",
    "name": "Dan",
    "image": "",
    "role": "dashboard",
    "tenant": "acme",
    "groups": [],
    "tags": {},
    "SSOGroups": [],
    "provider": "flowward",
    "ip": "127.0.0.1",
}


def dashboard(setup: object) -> Answer:
    return by_path({"/dashboard/_setup": plain(json.dumps(setup).encode(), JSON)})


@pytest.mark.parametrize(
    "socketio",
    [
        {"path": "/dashboard/socket.io"},
        {"path": "/dashboard/socket.io", "auth": {"user": {"username": "from an add-on"}, "token": 1}},
    ],
)
async def test_the_page_shows_the_visitor_where_templates_and_add_ons_look(
    tmp_path: Path, socketio: dict[str, object]
) -> None:
    async with upstream(dashboard({**SETUP, "socketio": socketio})) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/dashboard/_setup", await gate.log_in("dan"))
        shown = {"path": "/dashboard/socket.io", "auth": {"user": DAN}}
        assert answer.json() == {**SETUP, "user": DAN, "socketio": shown}
        assert answer.headers["Cache-Control"] == "private, no-store"


async def test_the_page_shows_the_groups_that_the_login_provider_named(tmp_path: Path) -> None:
    async with upstream(dashboard({"RED": {}})) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("dan", groups=("staff", "ff-acme-viewer"))
        answer = await gate.ask("/dashboard/_setup", cookie)
        assert answer.json()["user"] == {**DAN, "SSOGroups": ["staff", "ff-acme-viewer"]}


async def test_a_setup_without_a_socket_gets_none(tmp_path: Path) -> None:
    async with upstream(dashboard({"RED": {}})) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/dashboard/_setup", await gate.log_in("dan"))
        assert answer.json() == {"RED": {}, "user": DAN}


async def test_a_setup_that_is_no_object_passes_as_it_is(tmp_path: Path) -> None:
    async with upstream(dashboard([1])) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/dashboard/_setup", await gate.log_in("dan"))
        assert answer.body == b"[1]"


async def test_a_page_that_is_open_to_anybody_shows_nobody(tmp_path: Path) -> None:
    """A session that comes along is shown, for display, as everywhere else."""
    async with upstream(dashboard(SETUP)) as instance, house(tmp_path, instance.url, http_auth=HttpAuth.NONE) as gate:
        assert (await gate.ask("/dashboard/_setup")).json() == SETUP
        told = (await gate.ask("/dashboard/_setup", await gate.log_in("dan"))).json()
        assert told["user"] == DAN


async def test_without_a_session_the_page_is_told_to_reload(tmp_path: Path) -> None:
    async with upstream(dashboard(SETUP)) as instance, house(tmp_path, instance.url) as gate:
        assert (await gate.ask("/dashboard/_setup", Sec_Fetch_Mode="cors")).status == 401
        assert instance.requests == []
