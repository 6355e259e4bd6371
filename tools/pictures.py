"""Draws the pictures in docs/pictures anew from the real thing: python -m tools.pictures

The gateway with the estate of docs/a-locked-down-team.md, a real Node-RED as its production, and a browser: each picture
is what Chromium laid out, as SVG, so that a change can be read. Icons that are letters of a font are left out.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Final

import yaml

from proxy.cli.nodered_setup import free_port
from proxy.services import totp
from proxy.services.factors import Enrolment
from proxy.web import render
from tests.docs.pages import DOCS, snippets
from tests.peers.browser import EXECUTABLES, Chromium, Visitor, chromium
from tests.peers.gateway import HASH, Site
from tests.peers.nodered import installed, nodered
from tests.real.place import fill_in, flowward

PAGE: Final = "docs/a-locked-down-team.md"
FLOWS: Final = Path(__file__).parents[1] / "examples" / "demo" / "flows.json"
PICTURES: Final = DOCS / "pictures"
PICTURE: Final = (Path(__file__).with_name("picture.js")).read_text()
HOST: Final = "production.localhost"
SIZE: Final = {"width": 1000, "height": 560}
SMALL: Final = {"width": 760, "height": 430}
TALL: Final = {"width": 760, "height": 1080}
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def site_of(folder: Path, port: int) -> Site:
    """The page's gateway, whose production is at this port."""
    text = next(each.text for each in snippets("yaml") if each.page == PAGE)
    estate = yaml.safe_load(text.replace("127.0.0.1:1881", f"127.0.0.1:{port}"))
    for user in estate["users"]:
        del user["link"]
        user["password_hash"] = HASH
    return Site(folder, estate)


async def draw(browser: Visitor, name: str) -> None:
    drawn = await browser.page.evaluate(PICTURE)
    (PICTURES / f"{name}.svg").write_text(drawn)


async def refused(site: Site, chromium: Chromium) -> None:
    async with chromium.visitor() as pia:
        await pia.page.set_viewport_size(SMALL)  # type: ignore[arg-type]
        await pia.page.goto(f"{site.origin(HOST)}/admin/")
        await fill_in(pia, "pia")
        await pia.page.get_by_text("Log out").wait_for()
        await draw(pia, "refused")


async def protected(site: Site, chromium: Chromium) -> None:
    async with chromium.visitor() as olga:
        await olga.page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        await olga.page.goto(f"{site.origin(HOST)}/admin/")
        await fill_in(olga, "olga")
        await olga.page.locator(".red-ui-deploy-button-group.readOnly").wait_for(timeout=60_000)
        await olga.page.wait_for_load_state("networkidle")
        await draw(olga, "protected")


async def second_factor(chromium: Chromium) -> None:
    """Not at a gateway that runs: its clock would make each picture another one, as would its secrets."""
    drawn = render.form(
        "enrol.html",
        passkeys=True,
        options="{}",
        app=Enrolment(secret=SECRET, address="", picture=totp.picture(totp.address(SECRET, "pia", "Flowward"))),
        may_add_app=True,
        must=True,
        username="pia",
        local=True,
        going_to="",
        problem="",
        back="",
        hidden_fields={},
    )
    async with chromium.visitor() as pia:
        await pia.page.set_viewport_size(TALL)  # type: ignore[arg-type]
        await pia.page.set_content(drawn.body.decode())
        await pia.page.evaluate("document.activeElement.blur()")
        await draw(pia, "second-factor")


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    port = free_port()
    executable = Path(next(found for name in EXECUTABLES if (found := shutil.which(name))))
    with tempfile.TemporaryDirectory() as folder:
        site = site_of(Path(folder) / "gateway", port)
        async with site.process(), chromium(executable) as browser:
            module = site.folder / "flowward.settings.js"
            module.write_text(await flowward(site, "nodered", "snippet", "acme/packaging/production"))
            start = nodered(
                installed(), Path(folder) / "node-red", flows=FLOWS, modules=[module], admin_root="/admin", port=port
            )
            async with start:
                await refused(site, browser)
                await protected(site, browser)
                await second_factor(browser)


if __name__ == "__main__":
    asyncio.run(main())
