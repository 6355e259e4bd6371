"""What a page shows in a terminal is what comes when the same is typed: `$ command`, then its output, `…` for anything."""

import asyncio
import fnmatch
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.conftest import Needs
from tests.docs.pages import snippets
from tests.peers.answers import by_path, plain
from tests.peers.gateway import HASH, PASSWORD, Site
from tests.peers.upstream import upstream

TOLD: Final = sorted({snippet.page for snippet in snippets("console")})
SHOWN_PORT: Final = "8080"
ROOT_USER: Final = {"username": "root", "name": "Root", "admin": True, "password_hash": HASH}
QUICK_START: Final = "quick-start.md"
"""Whose estate a page without one of its own speaks of."""
TYPES: Final = (b"Content-Type", b"application/json")
FLOWS: Final = b'{"flows":[{"id":"tab","type":"tab"}],"rev":"r1"}'
INSTANCE: Final = by_path({"/admin/flows": plain(FLOWS, TYPES), "*": plain(b"{}", TYPES)})
"""Enough of a Node-RED for deploys and endpoints to be answered."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command, and what the page shows of its output."""

    command: str
    output: str


def typed(page: str) -> Iterator[Typed]:
    """The commands of a page in their order; `> ` goes on with the line before."""
    for snippet in snippets("console"):
        if snippet.page == page:
            for part in f"\n{snippet.text}".split("\n$ ")[1:]:
                lines = part.rstrip("\n").split("\n")
                goes_on = next((at for at, line in enumerate(lines) if at and not line.startswith("> ")), len(lines))
                command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:goes_on])])
                yield Typed(command, "\n".join(lines[goes_on:]))


def estate_of(page: str) -> dict[str, object]:
    """The first estate that the page shows, or that of the quick start, and an admin; everybody has a password."""
    shown = [each for each in snippets("yaml") if each.text.startswith("# estate.yaml")]
    text = next(each.text for name in (page, f"docs/{QUICK_START}") for each in shown if each.page == name)
    found: dict[str, list[dict[str, object]]] = yaml.safe_load(text)
    named = [{**user, "password_hash": HASH} for user in found.get("users", [])]
    users = [{name: value for name, value in user.items() if name != "link"} for user in named]
    return {**found, "users": [*users, ROOT_USER]}


async def run(commands: list[Typed], site: Site, bash: Path) -> list[str]:
    """The output of each, all typed in one shell, with the port that pages show."""
    script = "".join(
        f"{{ {each.command.replace(SHOWN_PORT, str(site.port))}\n}} >{site.folder}/{number}.out 2>&1 </dev/null\n"
        for number, each in enumerate(commands)
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PASSWORD": PASSWORD,
        "LC_ALL": "C.UTF-8",
    }
    process = await asyncio.create_subprocess_exec(bash, "-c", script, cwd=site.folder, env=environment)
    async with asyncio.timeout(240):
        await process.wait()
    outputs = [(site.folder / f"{number}.out").read_text() for number in range(len(commands))]
    return [output.replace(str(site.port), SHOWN_PORT).rstrip("\n") for output in outputs]


def alike(shown: str, output: str) -> bool:
    pattern = "".join(f"[{each}]" if each in "[]*?" else each for each in shown).replace("…", "*")
    return fnmatch.fnmatchcase(output, pattern)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", TOLD)
async def test_what_a_terminal_shows_on_a_page_is_what_it_shows(page: str, needs: Needs, tmp_path: Path) -> None:
    for program in ("curl", "jq"):
        needs(program)
    commands = list(typed(page))
    async with upstream(INSTANCE) as instance:
        shown = yaml.safe_dump(estate_of(page))
        for port in ("1880", "1881"):
            shown = shown.replace(f"127.0.0.1:{port}", f"127.0.0.1:{instance.port}")
        site = Site(tmp_path / "flowward", yaml.safe_load(shown))
        async with site.process():
            outputs = await run(commands, site, needs("bash"))
    wrong = [
        f"$ {each.command}\n{output}\n--- but the page shows\n{each.output}"
        for each, output in zip(commands, outputs, strict=True)
        if not alike(each.output, output)
    ]
    assert not wrong, "\n\n".join(wrong)
