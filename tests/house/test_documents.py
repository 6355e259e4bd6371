"""What is written about the product is what the product does."""

import re
from pathlib import Path

import pytest

from config.publish import main as publish_configuration
from proxy.cli.commands import flowward
from proxy.cli.reference import commands
from proxy.cli.reference import main as publish_commands
from tests.house.conftest import ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def test_the_configuration_reference_is_as_the_schema_has_it() -> None:
    assert publish_configuration(["--check"]) == 0


def test_the_references_of_commands_and_permissions_are_as_the_code_has_them() -> None:
    assert publish_commands(["--check"]) == 0


@pytest.mark.parametrize("name", [name for name, _ in commands(flowward, "flowward")])
def test_a_command_says_what_it_and_each_of_its_options_does(name: str) -> None:
    command = dict(commands(flowward, "flowward"))[name]
    assert (command.help or "").strip().endswith(".")
    options = [option for option in command.params if option.param_type_name == "option"]
    assert [option.name for option in options if not (getattr(option, "help", "") or "").strip()] == []


def test_a_command_that_is_written_about_exists(tracked: list[Path]) -> None:
    known = {name.removeprefix("flowward ") for name, _ in commands(flowward, "flowward")}
    firsts = {name.split()[0] for name in known}
    for path in (path for path in tracked if path.suffix == ".md"):
        for said in re.findall(r"`flowward ([a-z][a-z -]*[a-z])(?![a-z-])", (ROOT / path).read_text()):
            words = said.split()
            assert words[0] in firsts, f"{path}: flowward {said}"
            if words[0] not in known:
                assert " ".join(words[:2]) in known, f"{path}: flowward {said}"


def test_every_link_between_documents_leads_somewhere(tracked: list[Path]) -> None:
    broken = []
    for path in (path for path in tracked if path.suffix == ".md"):
        for target in LINK.findall((ROOT / path).read_text()):
            place = target.partition("#")[0]
            if place and "://" not in place and not place.startswith("mailto:"):
                broken += [f"{path}: {target}"] * (not (ROOT / path.parent / place).exists())
    assert broken == []
