"""Rows of the specification that are about one exchange as a whole, by their ids, on both lanes."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from config.load import load
from config.problems import ConfigurationError
from proxy.access.passwords import hash_password
from tests.lanes.stage import HOST, stage
from tests.peers.answers import plain
from tests.peers.gateway import Site, estate
from tests.peers.upstream import upstream

NAVIGATION = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")
CANARY = "canary-3f9c1d"


async def test_h_01_an_open_instance_answers_anybody_and_passes_their_own_credentials_on(
    tmp_path: Path, fast_lane: bool
) -> None:
    """H-01, H-15: only where the operator allowed it for the whole gateway; nothing of the gateway's goes along."""
    opened = {"http_auth": {"mode": "none"}, "server": {"allow_public_http": True}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, **opened) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /api", b"Authorization: Bearer of-the-flow", cookie=b""))
        assert (await line.response()).status == 200
        [asked] = instance.requests
        assert asked.value(b"Authorization") == b"Bearer of-the-flow"
        assert asked.value(b"X-Flowward-User") is None
        await line.send(gate.head(b"GET /admin/flows", cookie=b""))
        assert (await line.response()).status == 401


def test_h_01_an_open_instance_is_refused_where_the_gateway_does_not_allow_it(tmp_path: Path) -> None:
    site = Site(tmp_path, estate([{"slug": "line-3", "hosts": [HOST], "upstream": "http://127.0.0.1:1"}]))
    site.estate["instances"][0]["http_auth"] = {"mode": "none"}  # type: ignore[index]
    site.write()
    with pytest.raises(ConfigurationError, match="allow_public_http"):
        load(site.path, {})


async def test_h_02_an_instances_own_password_opens_its_endpoints_and_nothing_else(
    tmp_path: Path, fast_lane: bool
) -> None:
    """H-02, H-15: the realm is the instance; the credential ends at the gateway, and nobody is there."""
    basic = {"mode": "basic", "username": "wall", "password_hash": hash_password("opensesame")}
    right, wrong = (b"Authorization: Basic " + base64.b64encode(text) for text in (b"wall:opensesame", b"wall:no"))
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, http_auth=basic) as (gate, instance):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /api", wrong, cookie=b""))
            refused = await line.response()
            assert (refused.status, refused.value(b"WWW-Authenticate")) == (
                401,
                b'Basic realm="acme/plant/line-3", charset="UTF-8"',
            )
        async with gate.line() as line:
            await line.send(gate.head(b"GET /api", right, cookie=b""))
            assert (await line.response()).status == 200
        async with gate.line() as line:
            await line.send(gate.head(b"GET /admin/flows", right, cookie=b""))
            assert (await line.response()).status == 401
        [asked] = instance.requests
        assert asked.value(b"Authorization") is None
        assert asked.value(b"X-Flowward-User") is None


async def test_r_51_the_manifest_of_the_dashboard_is_behind_the_login_as_all_of_it_is(
    tmp_path: Path, fast_lane: bool
) -> None:
    manifest = b"GET /dashboard/manifest.webmanifest"
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(manifest, cookie=b""))
        assert (await line.response()).status == 401
        assert instance.requests == []
        await line.send(gate.head(manifest))
        assert (await line.response()).status == 200


async def test_h_03_who_is_not_logged_in_gets_what_their_client_can_use(tmp_path: Path, fast_lane: bool) -> None:
    """H-03: the login for a navigation, a problem without a dialog for a script, a reload for the Dashboard."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        for target, fields, status, field, said in (
            (b"/dashboard/x", NAVIGATION, 303, b"Location", gate.site.home.encode() + b"/-/login?to="),
            (b"/api", (b"Sec-Fetch-Mode: cors",), 401, b"WWW-Authenticate", b"Bearer "),
            (b"/dashboard/_setup", NAVIGATION, 401, b"Content-Type", b"application/problem+json"),
            (b"/dashboard/socket.io/?EIO=4&transport=polling", (), 200, b"Content-Type", b"text/html"),
        ):
            async with gate.line() as line:
                await line.send(gate.head(b"GET " + target, *fields, cookie=b""))
                answer = await line.response()
                assert answer.status == status, target
                assert (answer.value(field) or b"").startswith(said), target
        assert instance.requests == []


@pytest.mark.parametrize("path", [b"/-/login", b"/-/logout"])
async def test_r_63_no_foreign_form_acts_at_home(tmp_path: Path, fast_lane: bool, path: bytes) -> None:
    """R-63: sibling hosts are same-site, so it is the Origin that tells."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        cookie = await gate.log_in("max", "localhost")
        home = f"localhost:{gate.site.port}".encode()
        form = (b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 0")
        for origin in (b"https://evil.example", gate.origin, b"null"):
            async with gate.line() as line:
                await line.send(gate.head(b"POST " + path, b"Origin: " + origin, *form, cookie=cookie, host=home))
                assert (await line.response()).status == 403
        async with gate.line() as line:
            await line.send(gate.head(b"GET /-/me", cookie=cookie, host=home))
            assert (await line.response()).status == 200


async def test_r_67_instances_of_one_host_set_their_cookies_for_their_own_path(tmp_path: Path, fast_lane: bool) -> None:
    """R-67: browsers keep cookies apart by path; scripts of one host still share an origin."""
    answer = plain(b"ok", (b"Set-Cookie", b"k=secret; Path=/"))
    async with upstream(plain(b"ok")) as five:
        beside = {"slug": "five", "application": "acme/plant", "hosts": [HOST], "path": "/five", "upstream": five.url}
        more = {"path": "/four", "others": (beside,)}
        async with stage(tmp_path, answer, fast_lane=fast_lane, **more) as (gate, _), gate.line() as line:
            await line.send(gate.head(b"GET /four/api"))
            assert (await line.response()).value(b"Set-Cookie") == b"k=secret; Path=/four/"


def test_r_67_two_spaces_on_one_host_are_warned_of(tmp_path: Path) -> None:
    shared = {"hosts": [HOST], "upstream": "http://127.0.0.1:1"}
    site = Site(tmp_path, estate([{"slug": "four", "path": "/four", **shared}]))
    site.estate["spaces"] = [*site.estate["spaces"], {"slug": "globex", "kind": "team"}]  # type: ignore[misc]
    site.estate["applications"] = [*site.estate["applications"], {"slug": "mill", "space": "globex"}]  # type: ignore[misc]
    five = {"slug": "five", "application": "globex/mill", "path": "/five", **shared}
    site.estate["instances"] = [*site.estate["instances"], five]  # type: ignore[misc]
    site.write()
    assert any(HOST in str(warning) for warning in load(site.path, {}).warnings)


async def test_r_71_a_redirect_of_an_instance_is_the_clients_to_follow(tmp_path: Path, fast_lane: bool) -> None:
    """R-71: the gateway itself goes nowhere an instance sends it."""
    async with upstream(plain(b"inner")) as inner:
        moved = plain(b"", (b"Location", inner.url.encode() + b"/secret"), status=307)
        async with stage(tmp_path, moved, fast_lane=fast_lane) as (gate, _):
            for target in (b"/api", b"/admin/settings", b"/dashboard/_setup"):
                async with gate.line() as line:
                    await line.send(gate.head(b"GET " + target))
                    assert (await line.response()).status == 307, target
        assert inner.requests == []


@pytest.mark.parametrize("of", ["port", "operations"])
def test_r_71_no_instance_lies_at_the_gateways_own_listeners(tmp_path: Path, of: str) -> None:
    site = Site(tmp_path, estate([]))
    instance = {"slug": "line-3", "application": "acme/plant", "hosts": [HOST]}
    site.estate["instances"] = [{**instance, "upstream": f"http://127.0.0.1:{getattr(site, of)}"}]
    site.write()
    with pytest.raises(ConfigurationError, match="upstream"):
        load(site.path, {})


async def test_r_72_credentials_in_a_deploy_are_written_nowhere(
    tmp_path: Path, fast_lane: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """R-72: they pass through in clear, and neither logs nor the store keep any of them."""
    flows = json.dumps({"flows": [{"id": "a", "type": "mqtt-broker", "credentials": {"password": CANARY}}]}).encode()
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        own = (b"Origin: " + gate.origin, b"Content-Type: application/json", b"Content-Length: %d" % len(flows))
        await line.send(gate.head(b"POST /admin/flows", *own) + flows)
        assert (await line.response(to=b"POST")).status == 200
        assert CANARY.encode() in instance.requests[-1].body
    assert not await asyncio.to_thread(_holding, tmp_path, CANARY.encode())
    said = capfd.readouterr()
    assert CANARY not in said.out + said.err


def _holding(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]
