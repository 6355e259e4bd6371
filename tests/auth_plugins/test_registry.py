"""From an entry of the configuration to a plugin that works."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint

import pytest
from typing_extensions import override

from auth_plugins import AuthPlugin, Form, Kit, LoginRequest, Misconfigured, PluginSettings
from auth_plugins.local import Local
from auth_plugins.registry import GROUP, UnusablePlugins, choose, providers
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry


class CorpSettings(PluginSettings):
    url: str
    timeout: float = 5.0


class Corp(AuthPlugin[CorpSettings]):
    def __init__(self, settings: CorpSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        if not settings.url.startswith("ldaps://"):
            raise Misconfigured("url_plain", f"option 'url' must start with ldaps://, but it is '{settings.url}'")

    @override
    async def login(self, request: LoginRequest) -> Form:
        return Form(fields=())


def entry_of(name: str, plugin: str, options: Mapping[str, object] | None = None) -> AuthEntry:
    return AuthEntry.model_validate({"name": name, "plugin": plugin, **(options or {})})


KNOWN = {
    name: EntryPoint(name=name, value=value, group=GROUP)
    for name, value in {
        "local": "auth_plugins.local:Local",
        "gone": "no_such_package:Plugin",
        "missing": "auth_plugins.local:NoSuchClass",
        "other": "auth_plugins.local:LocalSettings",
    }.items()
}


class Here(EntryPoint):
    """The entry point of a package that is this module."""

    @override
    def load(self) -> type[Corp]:
        return Corp


def problems(*entries: AuthEntry) -> tuple[str, ...]:
    with pytest.raises(UnusablePlugins) as raised:
        providers(entries, KNOWN | {"corp": Here("corp", "corp:Corp", GROUP)}, lambda _: kit())
    return raised.value.problems


def test_built_ins_are_found_as_foreign_plugins_are() -> None:
    (found,) = providers([entry_of("people", "local")], KNOWN, lambda _: kit())
    assert (found.name, type(found.plugin)) == ("people", Local)


def test_an_unknown_plugin_is_told_with_those_there_are() -> None:
    (problem,) = problems(entry_of("corp", "ldpa"))
    assert problem.startswith("auth.corp: plugin 'ldpa' is not installed. Installed are: corp, gone, local")


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("gone", "cannot be loaded from no_such_package:Plugin"),
        ("missing", "cannot be loaded from auth_plugins.local:NoSuchClass"),
        ("other", "must be a subclass of auth_plugins.AuthPlugin"),
    ],
)
def test_a_broken_plugin_is_told_by_the_name_of_its_entry(plugin: str, said: str) -> None:
    (problem,) = problems(entry_of("corp", plugin))
    assert problem.startswith("auth.corp: ")
    assert said in problem


def test_every_problem_of_every_entry_is_told_at_once() -> None:
    found = problems(
        entry_of("corp", "corp", {"timeout": "long", "uri": "x"}),
        entry_of("people", "local", {"min": 3}),
        entry_of("x", "nothing"),
    )
    assert found[:4] == (
        "auth.corp: option 'url' is missing. Add it to the entry",
        "auth.corp: option 'timeout' is not valid: Input should be a valid number",
        "auth.corp: option 'uri' is unknown. Plugin 'corp' has these options: url, timeout",
        "auth.people: option 'min' is unknown. Plugin 'local' has these options: none",
    )
    assert len(found) == 5


def test_a_value_that_may_be_a_secret_is_not_repeated() -> None:
    assert "hunter2" not in "".join(problems(entry_of("corp", "corp", {"url": ["hunter2"]})))


def test_what_a_plugin_finds_wrong_with_its_settings_is_told_alike() -> None:
    (problem,) = problems(entry_of("corp", "corp", {"url": "ldap://dir:389"}))
    assert problem == "auth.corp: option 'url' must start with ldaps://, but it is 'ldap://dir:389'"


def test_choosing_builds_nothing() -> None:
    (chosen,) = choose([entry_of("people", "local")], KNOWN)
    assert (chosen.entry.name, chosen.plugin) == ("people", Local)
