"""The editor behind the gateway: who it is told to be, and how it logs in and out."""

import json
from pathlib import Path

import pytest

from proxy.inspection.editor import Says, said
from proxy.model.access import Role
from tests.peers.answers import by_path, plain
from tests.peers.upstream import Answer, upstream
from tests.proxy.inspection.house import house

JSON = (b"Content-Type", b"application/json; charset=utf-8")
SETTINGS = {
    "httpNodeRoot": "/",
    "version": "5.0.7",
    "user": {"anonymous": True, "permissions": ["*"]},
    "context": {"a": 1},
}
VIEWER = ["flows.read", "nodes.read", "plugins.read", "settings.read", "status.read"]


def node_red(settings: bytes | None = None, **more: Answer) -> Answer:
    told = json.dumps(SETTINGS).encode() if settings is None else settings
    return by_path({"/admin/settings": plain(told, JSON, (b"ETag", b'"1"')), **more})


@pytest.mark.parametrize(
    ("name", "more", "permissions"),
    [
        ("vic", {}, VIEWER),
        ("mia", {}, ["*"]),
        ("ada", {"protected": True}, VIEWER),
        ("ada", {"min_edit_role": Role.OWNER}, ["*"]),
    ],
)
async def test_the_editor_is_told_who_the_visitor_is_and_what_the_gateway_would_let_them_do(
    tmp_path: Path, name: str, more: dict[str, object], permissions: list[str]
) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url, **more) as gate:
        answer = await gate.ask("/admin/settings?_=1", await gate.log_in(name))
        told = answer.json()
        assert told == {**SETTINGS, "user": {"username": name, "permissions": permissions}}
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in answer.headers


async def test_a_member_below_the_role_that_may_deploy_keeps_what_is_no_deploy(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url, min_edit_role=Role.OWNER) as gate:
        answer = await gate.ask("/admin/settings", await gate.log_in("mia"))
        permissions = answer.json()["user"]["permissions"]
        assert "inject.write" in permissions
        assert "flows.write" not in permissions
        assert "*" not in permissions


async def test_an_image_goes_with_the_name(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        await gate.change("vic", Role.VIEWER, image="https://acme.example/vic.png")
        answer = await gate.ask("/admin/settings", await gate.log_in("vic"))
        assert answer.json()["user"]["image"] == "https://acme.example/vic.png"


@pytest.mark.parametrize("body", [b"", b"[1]", b"{broken", b"<html>", b'"text"'])
async def test_settings_that_are_no_object_pass_as_they_are(tmp_path: Path, body: bytes) -> None:
    async with upstream(node_red(body)) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/admin/settings", await gate.log_in("vic"))
        assert (answer.status, answer.body) == (200, body)


async def test_what_an_instance_refuses_by_itself_passes_as_it_is(tmp_path: Path) -> None:
    refused = by_path({"/admin/settings": plain(b'{"user": 1}', JSON, status=401)})
    async with upstream(refused) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/admin/settings", await gate.log_in("vic"))
        assert (answer.status, answer.body) == (401, b'{"user": 1}')


async def test_settings_are_asked_for_uncompressed_and_unconditionally(tmp_path: Path) -> None:
    """They are to be changed, and what the browser holds may have been made for somebody else."""
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("vic")
        await gate.ask("/admin/settings", cookie, If_None_Match='"1"', Accept_Encoding="gzip", Range="bytes=0-3")
        [asked] = instance.requests
        assert asked.value(b"Accept-Encoding") == b"identity"
        assert asked.values(b"If-None-Match") == asked.values(b"Range") == []
        assert asked.value(b"X-Flowward-User") == b"vic"


async def test_head_of_the_settings_has_no_body(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/admin/settings", await gate.log_in("vic"), method="HEAD")
        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("settings", "path", "leads_to"),
    [
        ({}, "/admin/auth/login", "%2Fadmin%2F"),
        ({"admin_root": "/"}, "/auth/login", "%2F"),
        ({"path": "/line", "admin_root": "/"}, "/line/auth/login", "%2Fline%2F"),
        ({"path": "/line"}, "/line/admin/auth/login", "%2Fline%2Fadmin%2F"),
    ],
)
async def test_the_editor_is_led_to_our_login_and_back_to_itself(
    tmp_path: Path, settings: dict[str, object], path: str, leads_to: str
) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url, **settings) as gate:
        answer = await gate.ask(path)
        assert answer.json() == {
            "type": "strategy",
            "autoLogin": True,
            "loginRedirect": f"/-/login?next={leads_to}",
            "prompts": [],
        }
        assert answer.headers["Cache-Control"] == "no-store"
        assert instance.requests == []


async def test_the_way_to_the_login_leads_a_living_session_straight_back(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("vic")
        told = (await gate.ask("/admin/auth/login", cookie)).json()
        back = await gate.ask(told["loginRedirect"], cookie)
        assert (back.status, back.headers["Location"]) == (303, f"{gate.origin}/admin/")
        away = await gate.ask(told["loginRedirect"])
        assert away.headers["Location"].startswith(f"{gate.home}/-/login?to=")


async def test_logging_out_in_the_editor_ends_the_session_everywhere(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("mia")
        assert (await gate.ask("/admin/settings", cookie)).status == 200
        answer = await gate.ask("/admin/auth/revoke", cookie, method="POST", Origin=gate.origin)
        assert answer.json() == {"redirect": f"{gate.home}/-/logout?done"}
        await gate.gateway.watch.look()
        assert (await gate.ask("/admin/settings", cookie)).status == 401
        assert len(instance.requests) == 1


async def test_a_foreign_page_cannot_log_anybody_out(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("mia")
        answer = await gate.ask("/admin/auth/revoke", cookie, method="POST", Origin="http://line-4.localhost")
        assert answer.status == 403
        await gate.gateway.watch.look()
        assert (await gate.ask("/admin/settings", cookie)).status == 200


async def test_logging_out_without_a_session_says_goodbye_all_the_same(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        answer = await gate.ask("/admin/auth/revoke", method="POST", Origin=gate.origin)
        assert answer.json() == {"redirect": f"{gate.home}/-/logout?done"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # what every editor says, written anew
        ('{"subscribe": "debug"}', (Says.PLAIN, '{"subscribe":"debug"}')),
        ('{"subscribe":"notification/#"}', (Says.PLAIN, '{"subscribe":"notification/#"}')),
        ('{"unsubscribe":"debug"}', (Says.PLAIN, '{"unsubscribe":"debug"}')),
        (
            '{"topic":"multiplayer/connect","data":{"a":1}}',
            (Says.PLAIN, '{"topic":"multiplayer/connect","data":{"a":1}}'),
        ),
        # a left-over token, whatever stands beside it
        ('{"auth":"old"}', (Says.TOKEN, "")),
        ('{"auth":null,"topic":"x","data":1}', (Says.TOKEN, "")),
        # messages to nodes and plugins
        ('{"topic":"my-node/do","data":{"a":1}}', (Says.WRITE, '{"topic":"my-node/do","data":{"a":1}}')),
        ('{"topic":"multiplayer","data":1}', (Says.WRITE, '{"topic":"multiplayer","data":1}')),
        # of two names the instance would go by one: what was not judged does not pass
        ('{"subscribe":"a","topic":"my-node/do","data":1}', (Says.PLAIN, '{"subscribe":"a"}')),
        ('{"subscribe":"","topic":"my-node/do","data":1}', (Says.NOTHING, "")),
        ('{"subscribe":"a","subscribe":"b"}', (Says.PLAIN, '{"subscribe":"b"}')),
        # what would end Node-RED's process
        ('{"subscribe":1}', (Says.NOTHING, "")),
        ('{"topic":"multiplayer/connect"}', (Says.NOTHING, "")),
        ('{"topic":"multiplayer/connect","data":null}', (Says.NOTHING, "")),
        ('{"subscribe":"{1}"}', (Says.NOTHING, "")),
        # no message at all
        ("", (Says.NOTHING, "")),
        ("hello", (Says.NOTHING, "")),
        ("[1]", (Says.NOTHING, "")),
        ("[" * 5000, (Says.NOTHING, "")),
        ('{"topic":1,"data":{}}', (Says.NOTHING, "")),
    ],
)
def test_what_an_editor_says_is_known_for_what_it_is(text: str, expected: tuple[Says, str]) -> None:
    assert said(text) == expected
