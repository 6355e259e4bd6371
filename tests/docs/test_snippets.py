"""What a page tells to type or to write down works as it stands there."""

import configparser
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from auth_plugins.registry import choose, installed
from config.load import load
from proxy.cli.commands import flowward
from tests.auth_plugins.saml_idp import pair
from tests.conftest import Needs
from tests.docs.pages import PAGES, ROOT, Snippet, prose, snippets

AROUND = """\
spaces:
  - {slug: acme, kind: team}
applications:
  - {slug: plant, space: acme}
instances:
"""
FILES = {"file", "certificate", "key", "ca", "client_ca", "client_crl"}
HELD = {
    "secrets/database": "postgresql://flowward:secret@db.example:5432/flowward\n",
    "secrets/redis": "redis://:secret@redis.example:6379/0\n",
    "secrets/saml.key": pair("docs").key,
    "certificates/saml.pem": pair("docs").certificate,
    "certificates/idp-2025.pem": pair("2025").certificate,
    "certificates/idp-2026.pem": pair("2026").certificate,
}
"""What files hold whose content is looked at."""


def files_named(shown: object) -> Iterator[str]:
    if isinstance(shown, dict):
        for key, value in shown.items():
            if key in FILES and isinstance(value, str):
                yield value
            if key == "certificates" and isinstance(value, list):
                yield from value
            yield from files_named(value)
    if isinstance(shown, list):
        for value in shown:
            yield from files_named(value)


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def configuration(folder: Path, snippet: Snippet) -> Path:
    """A folder in which a snippet stands where its first line says, with the files it names."""
    where, _, rest = snippet.text.removeprefix("# ").partition("\n")
    if where == "an instance in estate.yaml":
        rest = AROUND + "  - application: acme/plant\n" + textwrap.indent(rest, "    ")
    for name in files_named(yaml.safe_load(rest)):
        written(folder / name, HELD.get(name, "what a file of this kind holds\n"))
    home = "http://localhost:8080" if ".localhost" in rest else "https://gate.plant.example"
    settings = rest if where == "flowward.yaml" else f"server: {{public_url: {home}}}\n"
    estate = "{}\n" if where == "flowward.yaml" else rest
    (folder / "estate.yaml").write_text(estate)
    (folder / "flowward.yaml").write_text(settings if "estate:" in settings else f"{settings}estate: [estate.yaml]\n")
    return folder / "flowward.yaml"


@pytest.mark.parametrize("snippet", snippets("yaml"), ids=str)
def test_a_configuration_shown_is_sound(snippet: Snippet, tmp_path: Path) -> None:
    where = snippet.text.partition("\n")[0]
    assert where in {"# flowward.yaml", "# estate.yaml", "# an instance in estate.yaml"}
    choose(load(configuration(tmp_path, snippet), {}).settings.auth, installed())


@pytest.mark.parametrize("snippet", snippets("js"), ids=str)
def test_javascript_shown_is_javascript(snippet: Snippet, needs: Needs, tmp_path: Path) -> None:
    """What belongs inside module.exports of settings.js is put there."""
    text = snippet.text
    if text.startswith("// settings.js\n"):
        text = f"module.exports = {{\n{text}}}\n"
    path = tmp_path / "snippet.js"
    path.write_text(text)
    checked = subprocess.run([needs("node"), "--check", path], capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stderr


def commands() -> Iterator[tuple[str, str]]:
    """(where, command line) of each `flowward` command in a snippet, a unit or the text."""
    for snippet in snippets("sh", "ini"):
        for line in snippet.text.splitlines():
            if found := re.search(r"(?:^|=|/|\s)(flowward [a-z].*)$", line):
                yield str(snippet), found[1]
    for page in (page for page in PAGES if page.parent.name != "reference"):  # those are written by the code
        for code in re.findall(r"`(?:[^`\n]*/bin/)?(flowward [a-z][^`]*)`", prose(page)):
            yield page.name, " ".join(code.split())


@pytest.mark.parametrize(("where", "line"), sorted(set(commands())))
def test_a_command_shown_exists_with_its_options(
    where: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stands without options is a name, and need not be complete."""
    for name in re.findall(r"file:(\S+)", line):
        written(tmp_path / name, HELD[name])
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line.partition(" > ")[0], comments=True)[1:]
    command: click.Command = flowward
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, where
        command = command.commands[words.pop(0)]
    if words:
        command.make_context(line, words, resilient_parsing=isinstance(command, click.Group))


def test_what_make_is_asked_for_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {name for page in PAGES for name in re.findall(r"(?:`|^ {4})make ([a-z]+)", page.read_text(), re.MULTILINE)}
    assert {"demo", "test"} <= asked <= targets


def test_the_two_commands_stand_in_the_readme_word_for_word() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert "    make demo" in lines
    assert "    make test" in lines


@pytest.mark.parametrize("snippet", snippets("ini"), ids=str)
def test_the_unit_is_one_and_gives_the_gateway_its_time_to_drain(snippet: Snippet, tmp_path: Path) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(snippet.text)
    (tmp_path / "flowward.yaml").write_text("")
    assert int(unit["Service"]["TimeoutStopSec"]) > load(tmp_path / "flowward.yaml", {}).settings.server.drain
    assert unit["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize("snippet", snippets("sh"), ids=str)
def test_files_of_the_checkout_that_a_command_names_are_there(snippet: Snippet) -> None:
    """`/path/to/checkout/…`, and paths in tools/ and docker/."""
    named = re.findall(r"(?:/path/to/checkout/|(?=tools/|docker/))([\w./-]+)", snippet.text)
    assert all((ROOT / name).exists() for name in named), named


def modules() -> dict[str, dict[str, str]]:
    """Of each page the modules it shows: Python whose first line names its file."""
    found: dict[str, dict[str, str]] = {}
    for snippet in snippets("python"):
        if name := re.match(r"# (\w+\.py)\n", snippet.text):
            found.setdefault(snippet.page, {})[name[1]] = snippet.text
    return found


@pytest.mark.parametrize("page", modules(), ids=str)
def test_modules_shown_are_sound_and_their_tests_pass(page: str, tmp_path: Path) -> None:
    for name, text in modules()[page].items():
        # Older Pythons have it from the package that newer ones took it from.
        (tmp_path / name).write_text(
            text.replace("from typing import override", "from typing_extensions import override")
        )
    (tmp_path / "test_modules.py").write_text(
        "import importlib\n\n\ndef test_each_can_be_imported():\n"
        + "".join(f"    importlib.import_module({Path(name).stem!r})\n" for name in modules()[page])
    )
    ways = ["-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", os.devnull, "-q"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ways, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
