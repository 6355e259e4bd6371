"""Writes docs/reference/commands.md from the commands themselves: `python -m proxy.cli.reference [--check]`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from proxy.cli.commands import flowward

PATH: Final = Path("docs/reference/commands.md")
_ROOT: Final = Path(__file__).parents[2]
_INTRODUCTION: Final = """\
# Commands

Written by `python -m proxy.cli.reference` from the commands themselves; do not edit it by hand.

Exit codes: 0 it worked, 1 it failed, 2 the command or the configuration is wrong. What is wrong with a configuration is
told on stderr, every problem at once, with file, line, key, value and remedy. Commands may be run while a gateway runs:
it takes over what they write within a second. `-h` after any command shows what is written here.
"""


def document() -> str:
    """The reference as it should be."""
    return "\n".join([_INTRODUCTION, *_lines(flowward, "flowward")])


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group by its full name, in alphabetical order."""
    for word, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def _lines(group: click.Group, name: str) -> Iterator[str]:
    for full, command in commands(group, name):
        context = click.Context(command, info_name=full)
        usage = " ".join([full, *command.collect_usage_pieces(context)])
        yield from (f"## {full}", "", f"`{usage}`", "", _text(command.help), "")
        options = list(_options(command, context))
        if options:
            yield from ("| Option | Default | Meaning |", "| --- | --- | --- |", *options, "")


def _text(written: str | None) -> str:
    """Paragraphs on a line each, as Markdown has them."""
    paragraphs = (written or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option):
            yield _row(option, context)


def _row(option: click.Option, context: click.Context) -> str:
    takes = "" if option.is_flag else f" {option.make_metavar(context)}"
    default = f"`{option.default}`" if option.show_default else ""
    return f"| `{', '.join(option.opts)}{takes}` | {default} | {option.help} |".replace("  ", " ")


def main(arguments: list[str]) -> int:
    """Writes the reference, or with --check says that it is not as the commands have it; exit code 1 if so."""
    text, path = document(), _ROOT / PATH
    stale = not path.is_file() or path.read_text(encoding="utf-8") != text
    if arguments == ["--check"]:
        if stale:
            sys.stderr.write(f"{PATH} is not as the commands have it. Run python -m proxy.cli.reference\n")
        return int(stale)
    if stale:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{PATH}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
