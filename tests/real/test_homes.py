"""One login, many hosts: what a dashboard's own script may try against home and a sibling, in vain (design of one login)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium, Visitor
from tests.peers.gateway import NAVIGATION, visitor
from tests.peers.nodered import Programs
from tests.real.flows import script, template, write_flows
from tests.real.place import Place, at_dashboard, place, sees_dashboard

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

HOME, HOST, SIBLING = (f"{name}.plant.localhost" for name in ("gate", "line-3", "line-4"))
"""Of one site, so that SameSite keeps none of them from another: browsers take `plant.localhost` for a domain."""
TRIES = """<template><div id="tries">ready</div></template>
<script>
export default { mounted () {
const wait = (target, ...events) => new Promise(done => {
  for (const event of events) target.addEventListener(event, found => done(found.type))
})
const framed = async address => {
  const frame = document.createElement('iframe')
  frame.src = address
  document.body.append(frame)
  await wait(frame, 'load', 'error')
  try { return frame.contentDocument.body.innerText.trim() } catch { return 'out of reach' }
}
const posted = async address => {
  const frame = Object.assign(document.createElement('iframe'), { name: 'into' + Math.random() })
  const form = Object.assign(document.createElement('form'), { method: 'post', action: address, target: frame.name })
  document.body.append(frame, form)
  form.submit()
  await wait(frame, 'load', 'error')
}
window.trying = {
  fetch: async address => {
    try { return await (await fetch(address, { credentials: 'include' })).text() } catch { return 'nothing' }
  },
  blind: async (address, method) => {
    const options = { method, mode: 'no-cors', credentials: 'include', body: 'a=b' }
    if (method === 'GET') delete options.body
    try { return (await fetch(address, options)).type } catch { return 'nothing' }
  },
  framed,
  posted,
  socket: address => wait(new WebSocket(address), 'open', 'error'),
  worker: async (address, scope) => {
    try { return (await navigator.serviceWorker.register(address, { scope })).scope } catch (error) { return error.name }
  },
  cookies: () => document.cookie,
  toss: () => { document.cookie = 'flowward=evil; path=/; domain=plant.localhost'; document.cookie = 'flowward=evil; path=/-' }
}
} }
</script>"""
WORKER = "self.addEventListener('fetch', () => {})"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Two instances on hosts of their own, whose dashboards try what they can."""
    folder = tmp_path_factory.mktemp("both")
    more = [template("tries", TRIES), *script("/worker.js", WORKER), *script("/api/worker.js", WORKER)]
    flows = write_flows(folder / "tries.json", more=more)
    other = {"slug": "line-4", "hosts": [SIBLING]}
    async with place(node_red_programs, folder, home=HOME, host=HOST, flows=flows, further=[other]) as where:
        yield where


async def tries(somebody: Visitor, what: str, *words: str) -> object:
    """What a script of the page gets when it tries something."""
    return await somebody.page.evaluate("([what, ...words]) => window.trying[what](...words)", [what, *words])


async def inside(both: Place, somebody: Visitor) -> str:
    """Logged in at home and on both hosts, with the dashboard of one open; the origin of the other."""
    sibling = both.site.origin(SIBLING)
    await at_dashboard(both, somebody, "olga")
    await somebody.page.goto(sibling + "/dashboard/line")
    await somebody.page.get_by_text("Hello Olga").wait_for()
    await somebody.page.goto(both.page)
    await sees_dashboard(somebody, "olga")
    await somebody.page.get_by_text("ready").wait_for()
    return sibling


async def test_a_dashboards_script_reads_nothing_at_home_or_at_its_sibling(both: Place, chromium: Chromium) -> None:
    async with chromium.visitor() as olga:
        sibling, home = await inside(both, olga), both.site.home
        for address in (f"{home}/", f"{home}/-/me", f"{home}/-/login", f"{home}/-/logout", f"{sibling}/-/enter"):
            assert await tries(olga, "fetch", address) == "nothing", address
        for path in ("/api/headers", "/dashboard/_setup", "/admin/flows", "/admin/settings"):
            assert await tries(olga, "fetch", sibling + path) == "nothing", path
        assert "flowward" not in str(await tries(olga, "cookies"))
        for address in (f"{home}/", f"{home}/-/login", f"{sibling}/dashboard/line", f"{sibling}/admin/"):
            assert await tries(olga, "framed", address) == "out of reach", address


async def test_a_dashboards_script_changes_nothing_at_home_or_at_its_sibling(both: Place, chromium: Chromium) -> None:
    """Sibling hosts are same-site: cookies go with such requests, and Origin is what tells them apart."""
    async with chromium.visitor() as olga:
        sibling, home = await inside(both, olga), both.site.home
        answers: list[tuple[int, str]] = []
        olga.page.on("response", lambda answer: answers.append((answer.status, answer.url)))
        targets = [f"{home}/-/logout", f"{home}/-/login", f"{sibling}/api/upload", f"{sibling}/admin/flows"]
        targets += [f"{sibling}/admin/inject/inj1"]
        for target in targets:
            await tries(olga, "posted", target)
            await tries(olga, "blind", target, "POST")
        statuses = {(status, url) for status, url in answers if url in targets}
        assert {url for _, url in statuses} == set(targets)
        assert {status for status, _ in statuses} == {403}
        await tries(olga, "blind", f"{sibling}/admin/auth/revoke", "POST")
        for path in ("/ws/echo", "/dashboard/socket.io/?EIO=4&transport=websocket", "/admin/comms"):
            assert await tries(olga, "socket", sibling.replace("http", "ws") + path) == "error", path
        await olga.page.goto(f"{home}/-/me")
        assert "olga" in await olga.page.content(), "still logged in"


async def test_a_dashboards_script_cannot_watch_the_login(both: Place, chromium: Chromium) -> None:
    """A service worker whose scope covers /-/ could read one-time codes; a cookie of its own could replace ours."""
    async with chromium.visitor() as olga:
        await inside(both, olga)
        assert await tries(olga, "worker", "/worker.js", "/") != f"{both.origin}/"
        assert await tries(olga, "worker", "/api/worker.js", "/") == "SecurityError"
        assert await tries(olga, "worker", "/api/worker.js", "/api/") == f"{both.origin}/api/"
        own = await olga.page.evaluate("async () => (await fetch('/-/enter?code=x', { redirect: 'manual' })).status")
        assert own == 403
        await tries(olga, "toss")
        await olga.page.goto(both.page)
        await sees_dashboard(olga, "olga")
        await olga.page.goto(both.site.home)
        await olga.page.get_by_role("heading", name="Your instances").wait_for()


async def test_a_hosts_cookie_opens_that_host_alone_and_no_form_is_shown_there(both: Place) -> None:
    async with visitor(both.site, "olga", HOST) as olga, visitor(both.site) as other:
        cookie = {"Cookie": olga.cookie(HOST)}
        assert (await other.request("GET", both.page, headers=cookie)).status == 200
        assert (await other.request("GET", both.site.origin(SIBLING) + "/dashboard/line", headers=cookie)).status == 401
        assert (await other.request("GET", both.site.home + "/-/me", headers=cookie)).status == 401
        for path in ("/-/login", "/-/logout", "/-/enter", "/-/me", "/-/console", "/admin/"):
            for who in (olga, other):
                answer = await who.request("GET", both.origin + path, headers=NAVIGATION)
                assert "<form" not in await answer.text(), path
        post = {"Origin": both.origin, "Content-Type": "application/x-www-form-urlencoded"}
        posted = await olga.request("POST", both.origin + "/-/login", headers=post, data="username=olga")
        assert posted.status in (404, 405)


async def test_a_code_is_good_once_in_the_browser_that_asked_for_it(both: Place) -> None:
    async with visitor(both.site, "olga") as olga, visitor(both.site) as thief:
        asked = await olga.request("GET", both.page, headers=NAVIGATION)
        hop = olga.cookie(HOST)
        entering = (await olga.request("GET", asked.headers["Location"], headers=NAVIGATION)).headers["Location"]
        assert entering.startswith(f"{both.origin}/-/enter?code=")
        stolen = await thief.request("GET", entering, headers=NAVIGATION)
        assert "flowward=" not in str(stolen.headers.getall("Set-Cookie", [])), "without the hop cookie it is nothing"
        olga.cookies[HOST] = dict([hop.split("=", 1)])
        late = await olga.request("GET", entering, headers=NAVIGATION)
        assert late.headers["Location"].startswith(both.site.home), "and is spent by the attempt"
        assert (await olga.navigate(both.page)).status == 200
