"""A Dashboard's socket that is read: its polls and its upgrade may each come in at another replica."""

import json
from dataclasses import replace
from pathlib import Path

from proxy.model.access import Role
from proxy.model.estate import Resource, ResourceKind
from tests.peers.dashboard import PATH, dashboard
from tests.peers.gateway import visitor
from tests.peers.redis import RedisServer
from tests.proxy.nodered.dashboards import BASE, config
from tests.replicas.pair import HOST, Pair, pair

ASKED = f"{PATH}?EIO=4&transport="
CONFIG = "42" + json.dumps(["ui-config", BASE, config({"oil": ["pump"], "gas": ["valve"]})])


async def governed(both: Pair, url: str) -> None:
    """The instance is that dashboard, and its page gas is another team's."""
    instance = (await both.first.running.store.database.estate()).resources["line-3"]
    assert instance.instance is not None
    page = Resource(
        id="gas", kind=ResourceKind.PAGE, slug="gas", parent=instance.id, owner="a", attributes={"match": "/gas"}
    )
    await both.put(replace(instance, instance=replace(instance.instance, upstream=url)), page)


async def test_g_01_every_poll_may_meet_another_replica_and_none_shows_more(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """G-01: what one has learned of a dashboard and of a session, the other knows before the page can go on."""
    state, log = {"shared": f"redis://127.0.0.1:{redis_server.port}"}, {"level": "error", "access": False}
    async with dashboard() as instance, pair(tmp_path / "pair", state, log=log) as both:
        await governed(both, instance.url)
        vic = await both.someone(Role.VIEWER)
        async with visitor(both.site) as page:
            page.cookies[HOST] = {"flowward": vic.cookie.partition("=")[2]}
            page.doors = (both.first.port, both.second.port)
            url, origin = f"{both.site.origin(HOST)}{ASKED}", {"Origin": both.site.origin(HOST)}
            opened = await page.request("GET", f"{url}polling")
            sid = json.loads((await opened.text())[1:])["sid"]
            polled = f"{url}polling&sid={sid}"
            assert (await page.request("POST", polled, headers=origin, data="40")).status == 200
            instance.say('40{"sid":"socket-1"}', CONFIG)
            assert await (await page.request("GET", polled)).text() == '40{"sid":"socket-1"}'
            assert "valve" not in await (await page.request("GET", polled)).text()
            for _ in range(2):  # both replicas
                instance.say('42["msg-input:valve",1]\x1e42["msg-input:pump",2]')
                assert await (await page.request("GET", polled)).text() == '42["msg-input:pump",2]'
                page.doors = page.doors[::-1]
            for replica in (both.first, both.second):
                headers = {"Host": both.host, "Cookie": vic.cookie, **origin}
                address = f"http://127.0.0.1:{replica.port}{ASKED}websocket&sid={sid}"
                async with page.session.ws_connect(address, headers=headers) as socket:
                    for said in ("valve", "pump"):
                        await socket.send_str(f'42["widget-change","{said}",1]')
                    await instance.until_heard('42["widget-change","pump",1]')
            assert not [packet for packet in instance.heard if "valve" in str(packet)]
