"""The catalogue, held against the code that makes events."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.nodered import writes
from proxy.services.audit_catalogue import EVENTS, Level

PROXY = Path(writes.__file__).parents[1]
MAKES_EVENTS = {
    "services/audit.py",
    "store/sql/audit.py",
    "store/sql/scopes.py",
    "store/migrations/versions/r0002_authority.py",
}
"""The builder; the store, which reads events back, and tells what tokens lose by a change; the migration, which chains
those of before."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PROXY.rglob("*.py")):
        yield path.relative_to(PROXY).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in names:
                yield node


def imports_events(tree: ast.Module) -> bool:
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return any(
        node.module == "proxy.model.audit" and any(each.name == "Event" for each in node.names) for node in found
    )


def test_events_are_made_by_the_builder_alone() -> None:
    """It refuses a name that is not in the catalogue, and takes secrets out."""
    made = {name: calls(tree, "Event") for name, tree in modules() if imports_events(tree)}
    makers = {name for name, found in made.items() if any(isinstance(call.func, ast.Name) for call in found)}
    assert makers <= MAKES_EVENTS


def test_every_name_that_is_written_out_is_in_the_catalogue() -> None:
    told = {
        (name, argument.value)
        for name, tree in modules()
        for call in calls(tree, "happened", "told", "account_event")
        for argument in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "event"))
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value
    }
    assert {(name, event) for name, event in told if event not in EVENTS} == set()


@pytest.mark.parametrize("maker", ["nodered/writes.py", "store/sql/scopes.py"])
def test_what_a_write_or_a_loss_is_called_is_in_the_catalogue(maker: str) -> None:
    tree = ast.parse((PROXY / maker).read_text(encoding="utf-8"))
    families = {name.partition(".")[0] for name in EVENTS}
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    names = {text for text in texts if text.replace(".", "").isalpha() and text.partition(".")[0] in families}
    assert {name for name in names if "." in name and name not in EVENTS} == set()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_explained_and_appears_on_the_platform_s_log(name: str) -> None:
    entry = EVENTS[name]
    assert entry.words[0].isupper()
    assert entry.words.endswith(".")
    assert "{" not in entry.words
    assert Level.PLATFORM in entry.levels
