"""Draws the pictures in docs/pictures anew from the real thing: python -m tools.pictures

The gateway with the estate of a page, set up by the commands that the page shows, a real Node-RED behind it, and a
browser: each picture is what Chromium laid out, as SVG, so that a change can be read. Icons that are letters of a font are
left out.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml

from auth_plugins import Field
from proxy.cli.nodered_setup import free_port
from proxy.model.directory import Branding
from proxy.services import totp
from proxy.services.factors import Enrolment
from proxy.web import looks, render
from tests.docs.pages import DOCS
from tests.docs.test_transcripts import estate_of, run, typed
from tests.peers.browser import EXECUTABLES, Chromium, Visitor, chromium
from tests.peers.gateway import Site
from tests.peers.nodered import installed, nodered
from tests.real.place import fill_in, flowward

TEAM: Final = "docs/a-locked-down-team.md"
ONE_FOR_ALL: Final = "docs/recipe-one-dashboard-many-customers.md"
PORTAL: Final = "docs/recipe-customer-portal.md"
EXAMPLES: Final = Path(__file__).parents[1] / "examples"
PICTURES: Final = DOCS / "pictures"
PICTURE: Final = (Path(__file__).with_name("picture.js")).read_text()
HOST: Final = "production.localhost"
SIZE: Final = {"width": 1000, "height": 560}
WIDE: Final = {"width": 1000, "height": 400}
SMALL: Final = {"width": 760, "height": 430}
FORM: Final = {"width": 760, "height": 540}
TALL: Final = {"width": 760, "height": 1080}
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@asynccontextmanager
async def standing(
    folder: Path, page: str, flows: str, *, instance: str, shown_port: int = 1880, typing: bool = True
) -> AsyncIterator[Site]:
    """A page's gateway, and one of its instances with the flows of an example."""
    port = free_port()
    shown, there = f"127.0.0.1:{shown_port}", f"127.0.0.1:{port}"
    site = Site(folder / "gateway", yaml.safe_load(yaml.safe_dump(estate_of(page)).replace(shown, there)))
    async with site.process():
        if typing:
            bash = shutil.which("bash") or "bash"
            commands = [replace(each, command=each.command.replace(shown, there)) for each in typed(page)]
            await run(commands, site, Path(bash))
        module = site.folder / "flowward.settings.js"
        module.write_text(await flowward(site, "nodered", "snippet", instance))
        source = EXAMPLES / flows / "flows.json"
        start = nodered(
            installed(), folder / "node-red", flows=source, modules=[module], admin_root="/admin", port=port
        )
        async with start:
            yield site


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


async def branded(chromium: Chromium) -> None:
    """The login page in the looks of two organisations."""
    brands = {
        "branded-login": Branding(product="Acme North", accent="#b3261e"),
        "branded-dark": Branding(product="Bravo Works", accent="#ffb000", background="#10243e"),
    }
    fields = (
        Field(name="username", label="Username or e-mail"),
        Field(name="password", label="Password", kind="password"),
    )
    for name, branding in brands.items():
        drawn = render.form(
            "login.html",
            passkey_options="",
            fields=fields,
            button="Log in",
            by_address=False,
            message="",
            problem="",
            values={},
            focus="",
            going_to=f"{branding.product.partition(' ')[0].lower()}.plant.example",
            own_accounts=True,
            going="",
            sign_up=False,
            hidden_fields={},
            others=(),
            admins_door="",
            usual_door="",
        ).worn(looks.at_home(branding))
        async with chromium.visitor() as somebody:
            await somebody.page.set_viewport_size(FORM)  # type: ignore[arg-type]
            await somebody.page.set_content(drawn.body.decode())
            await draw(somebody, name)


async def rows(site: Site, chromium: Chromium) -> None:
    """The same page, as two customers see it."""
    for name, customer in (("emma", "north"), ("jack", "south")):
        async with chromium.visitor() as somebody:
            await somebody.page.set_viewport_size(SMALL)  # type: ignore[arg-type]
            await somebody.page.goto(f"{site.origin('meters.localhost')}/dashboard/overview")
            await fill_in(somebody, name)
            await somebody.page.get_by_role("cell", name=f"{customer.title()} ").first.wait_for()
            await draw(somebody, f"rows-of-{customer}")


async def portal(site: Site, chromium: Chromium) -> None:
    """The pages that are shared with somebody, and no other."""
    async with chromium.visitor() as nina:
        await nina.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        await nina.page.goto(f"{site.origin('portal.localhost')}/dashboard/tower")
        await fill_in(nina, "nina")
        await nina.page.get_by_text("Heating is at").wait_for()
        await nina.page.locator("header button").first.click()
        await nina.page.get_by_role("link", name="Meters").wait_for()
        await nina.page.wait_for_function("document.querySelector('nav').getBoundingClientRect().left === 0")
        await nina.page.evaluate("document.activeElement.blur()")
        await draw(nina, "portal")


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    executable = Path(next(found for name in EXECUTABLES if (found := shutil.which(name))))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with chromium(executable) as browser:
            await second_factor(browser)
            await branded(browser)
            team = standing(
                folder / "team", TEAM, "demo", instance="acme/packaging/production", shown_port=1881, typing=False
            )
            async with team as site:
                await refused(site, browser)
                await protected(site, browser)
            async with standing(folder / "rows", ONE_FOR_ALL, "buildings", instance="acme/buildings/meters") as site:
                await rows(site, browser)
            async with standing(folder / "portal", PORTAL, "buildings", instance="acme/buildings/portal") as site:
                await portal(site, browser)


if __name__ == "__main__":
    asyncio.run(main())
