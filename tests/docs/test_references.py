"""The reference pages list what the code does, and nothing that it does not do yet."""

import ast
from collections.abc import Iterator
from pathlib import Path

from proxy.access.catalogue import CATALOGUE
from proxy.cli.reference import asked_for, document_of_permissions
from proxy.model.directory import SpaceKind
from proxy.services.audit_catalogue import EVENTS
from tests.docs.pages import ROOT

LISTS = {
    "access/catalogue.py",
    "cli/reference.py",
    "model/access.py",
    "services/audit_catalogue.py",
}
"""Where permissions and events are listed, not asked for or put on record."""


def written() -> Iterator[ast.AST]:
    """Everything in the gateway's code, but for the lists."""
    proxy = ROOT / "proxy"
    files = (path for path in proxy.rglob("*.py") if path.relative_to(proxy).as_posix() not in LISTS)
    return (node for path in files for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))))


def test_every_event_that_is_told_is_put_on_record() -> None:
    texts = {node.value for node in written() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    texts |= {f"{kind}.{text.removeprefix('.')}" for kind in SpaceKind for text in texts}
    assert EVENTS.keys() - texts == set()


def test_a_permission_that_nothing_asks_for_is_told_as_not_used_yet() -> None:
    names = {
        node.attr
        for node in written()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Permission"
    }
    assert asked_for() == {permission for permission in CATALOGUE if permission.name in names}
    told = [line for line in document_of_permissions().splitlines() if line.startswith("| `")]
    unused = {line.split("`")[1] for line in told if "not used yet" in line.split("|")[4]}
    assert unused == CATALOGUE.keys() - asked_for()
