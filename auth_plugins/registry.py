"""Which plugins are installed, and how an entry of the configuration becomes one that works."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import ValidationError

from auth_plugins.contract import AuthPlugin, Kit, PluginSettings
from auth_plugins.values import Misconfigured
from config.auth_schema import AuthEntry

GROUP: Final = "flowward.auth_plugins"
_OWN: Final = "an account of this gateway"


class UnusablePlugins(Exception):
    """Some entries cannot be used; `problems` says for each which option, what it is, and the remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A plugin and its settings, both found sound, before it is built."""

    entry: AuthEntry
    plugin: type[AuthPlugin[Any]]
    settings: PluginSettings

    def build(self, kit: Kit) -> "Provider":
        """Raises UnusablePlugins where the plugin finds that it cannot work with its settings."""
        try:
            return Provider(entry=self.entry, plugin=self.plugin(self.settings, kit))
        except Misconfigured as error:
            raise UnusablePlugins([f"auth.{self.entry.name}: {error.detail or error.code}"]) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A plugin at work under the name the operator gave it."""

    entry: AuthEntry
    """What the gateway itself decides about it."""
    plugin: AuthPlugin[Any]

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def title(self) -> str:
        """What people see of it."""
        return self.entry.title or (_OWN if self.plugin.local_accounts else self.entry.name)


def installed() -> dict[str, EntryPoint]:
    """Every plugin of the environment by the name configuration files use."""
    return {point.name: point for point in entry_points(group=GROUP)}


def choose(entries: Iterable[AuthEntry], known: Mapping[str, EntryPoint]) -> tuple[Chosen, ...]:
    """The plugin and settings of each entry; raises UnusablePlugins with all that is wrong, in one go."""
    chosen: list[Chosen] = []
    problems: list[str] = []
    for entry in entries:
        try:
            plugin = _load(entry, known)
            chosen.append(Chosen(entry=entry, plugin=plugin, settings=_settings(entry, plugin)))
        except UnusablePlugins as found:
            problems += found.problems
    if problems:
        raise UnusablePlugins(problems)
    return tuple(chosen)


def providers(
    entries: Iterable[AuthEntry], known: Mapping[str, EntryPoint], kit_for: Callable[[str], Kit]
) -> tuple[Provider, ...]:
    """Each entry's plugin, built, in the order offered on the login page. Raises UnusablePlugins."""
    return tuple(each.build(kit_for(each.entry.name)) for each in choose(entries, known))


def _load(entry: AuthEntry, known: Mapping[str, EntryPoint]) -> type[AuthPlugin[Any]]:
    point = known.get(entry.plugin)
    if point is None:
        names = ", ".join(sorted(known)) or "none; is the package installed?"
        raise UnusablePlugins([f"auth.{entry.name}: plugin '{entry.plugin}' is not installed. Installed are: {names}"])
    try:
        plugin = point.load()
    except (ImportError, AttributeError, TypeError) as error:
        raise UnusablePlugins(
            [f"auth.{entry.name}: plugin '{entry.plugin}' cannot be loaded from {point.value}: {error}"]
        ) from error
    if not (isinstance(plugin, type) and issubclass(plugin, AuthPlugin)):
        raise UnusablePlugins(
            [
                f"auth.{entry.name}: plugin '{entry.plugin}' ({point.value}) must be a subclass of auth_plugins.AuthPlugin"
            ]
        )
    return plugin


def _settings(entry: AuthEntry, plugin: type[AuthPlugin[Any]]) -> PluginSettings:
    try:
        context = {"directory": entry.directory}
        return plugin.settings_type.model_validate(dict(entry.options), context=context)
    except ValidationError as error:
        known = ", ".join(plugin.settings_type.model_fields) or "none"
        raise UnusablePlugins([_told(entry, dict(item), known) for item in error.errors()]) from error


def _told(entry: AuthEntry, item: Mapping[str, Any], known: str) -> str:
    option = ".".join(str(part) for part in item["loc"])
    where = f"auth.{entry.name}: " + (f"option '{option}'" if option else "its options")
    said = item["msg"].rstrip(".")
    match item["type"]:
        case "extra_forbidden":
            return f"{where} is unknown. Plugin '{entry.plugin}' has these options: {known}"
        case "missing":
            return f"{where} is missing. Add it to the entry"
        case "setting":  # a sentence that goes on from the option: see config.base.wrong
            return f"{where} {said}"
        case _:  # the value itself may be a secret, so it is not repeated
            return f"{where} is not valid: {said.removeprefix('Value error, ')}"
