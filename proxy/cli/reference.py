"""Writes docs/reference: the commands from themselves, permissions and audit events from their catalogues.

`python -m proxy.cli.reference [--check]`
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from config.publish import publish
from proxy.access.catalogue import CATALOGUE, On, Rule
from proxy.cli import audit_reference, audit_schema
from proxy.cli.commands import flowward
from proxy.model.access import Permission
from proxy.model.estate import PlatformSettings
from proxy.nodered.surfaces import RULES
from proxy.web.api.table import OPERATIONS

_INTRODUCTION: Final = """\
# Commands

Written by `python -m proxy.cli.reference` from the commands themselves; do not edit it by hand.

Exit codes: 0 it worked, 1 it failed, 2 the command or the configuration is wrong. What is wrong with a configuration is
told on stderr, every problem at once, with file, line, key, value and remedy. Commands may be run while a gateway runs:
it takes over what they write within a second. `-h` after any command shows what is written here.
"""
_PERMISSIONS: Final = """\
# Permissions

Written by `python -m proxy.cli.reference` from the catalogue in `proxy/access/catalogue.py`; do not edit it by hand.

What each permission takes. [Roles](../roles.md) says how a role comes about and what else is looked at;
`flowward explain` says it of one person and one place. **least role** is the role on the resource or in the space;
`none` is everybody who is logged in. **asked on** is where the permission means something.

- **write**: a read-only token does not have it.
- **session**: only a person in a session has it, who logged in or proved who they are within the last ten minutes; no
  token has it.
- **no overrides**: overrides do not count for it, so that nobody locks themselves out.
- **inside**: it reaches into an instance, so `admin_data_access` holds for admins.
- **team**: it takes an owner of the team above; no owner of a customer or a group, no override and no share is enough.
- **deploy**: it changes an instance's flows, so protection and `min_edit_role` hold.
- **off**: switched off for all but admins, unless the platform's settings say otherwise.
- **not used yet**: nothing asks for it so far, neither an operation of the [API](api.md) nor what is done at an instance.
"""
_ASKED_BESIDE: Final = frozenset(
    {
        Permission.APPLICATION_ACCESS_CONTROL,
        Permission.APPLICATION_AUDIT,
        Permission.CUSTOMER_DELETE,
        Permission.CUSTOMER_EDIT,
        Permission.DEVICE_AUDIT,
        Permission.FOLDER_MANAGE,
        Permission.GROUP_MANAGE,
        Permission.INSTANCE_UPSTREAM,
        Permission.SPACE_SLUG,
    }
)
"""What operations ask for beside the permission of their entry, by what they are about."""
_HEADINGS: Final[Mapping[On, str]] = {
    On.RESOURCE: "On resources",
    On.SPACE: "In spaces",
    On.SELF: "On oneself",
    On.PLATFORM: "On the platform",
}


def document_of_permissions() -> str:
    """The reference of permissions as it should be."""
    return "\n".join([_PERMISSIONS, *_tables()])


def _tables() -> Iterator[str]:
    head = ("| permission | least role | asked on | also | allows |", "| --- | --- | --- | --- | --- |")
    for on, heading in _HEADINGS.items():
        rows = (_permission(each, rule) for each, rule in sorted(CATALOGUE.items()) if rule.on is on)
        yield from (f"## {heading}", "", *head, *rows, "")


def _permission(permission: Permission, rule: Rule) -> str:
    said = {
        "write": rule.write,
        "session": rule.session_only,
        "no overrides": not rule.overrides,
        "inside": rule.data_plane,
        "team": rule.team,
        "deploy": bool(rule.changes),
        "off": permission in PlatformSettings().switched_off,
        "not used yet": permission not in asked_for(),
    }
    also = ", ".join(word for word, holds in said.items() if holds)
    kinds = ", ".join(sorted(rule.kinds))
    return f"| `{permission}` | {rule.least.label} | {kinds} | {also} | {rule.words} |".replace("  ", " ")


def asked_for() -> frozenset[Permission]:
    """The permissions that something asks for."""
    by_operations = {operation.permission for operation in OPERATIONS if operation.permission is not None}
    return _ASKED_BESIDE.union(by_operations, (rule.permission for rule in RULES.values()))


def document() -> str:
    """The reference of commands as it should be."""
    return "\n".join([_INTRODUCTION, *_lines(flowward, "flowward")])


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group by its full name, in alphabetical order."""
    for word, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield f"{name} {word}", command
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
    """Writes the references, or with --check says which are not as the code has them; exit code 1 if so."""
    folder = Path("docs/reference")
    pages = {
        folder / "commands.md": document(),
        folder / "permissions.md": document_of_permissions(),
        folder / "audit-events.md": audit_reference.document(),
        folder / "audit-event.schema.json": audit_schema.text(),
    }
    return publish(pages, arguments, command="python -m proxy.cli.reference")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
