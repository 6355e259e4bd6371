"""Pages: what one visitor may see of an instance that is shared part by part. Pure.

A page is as the instance it lies in, unless it has an owner, a share or an override of its own. What no page names is for
those who have a role on the instance itself: whoever has pages alone enters its dashboard, and sees those pages and
nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from proxy.access.decide import Sight
from proxy.model.access import Permission, Role
from proxy.model.estate import Estate, PageSettings, Resource, ResourceKind
from proxy.model.identity import Actor
from proxy.wire.glob import Glob, glob

Key = TypeVar("Key", str, bytes)
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one instance, ready to be looked up. Alike where they name the same."""

    resources: tuple[Resource, ...] = field(compare=False, repr=False)
    public: frozenset[str]
    """Ids of the page resources that anybody may open."""
    by_id: Mapping[str, frozenset[str]]
    """Id of a page of the Dashboard -> ids of the page resources that name it."""
    by_path: Mapping[bytes, frozenset[str]]
    """Its folded path below the dashboard -> the same."""
    globs: tuple[tuple[Glob, str], ...]
    """Folded patterns of endpoint paths, and the page resource each belongs to."""
    readonly: frozenset[str]
    of_dashboard: frozenset[str]
    """Ids of those that name a page of the Dashboard."""

    def named(self, page_id: str, path: str) -> frozenset[str]:
        """Ids of the page resources that name a page of the Dashboard."""
        return self.by_id.get(page_id, _NONE) | self.by_path.get(_folded(path), _NONE)

    def at(self, path: bytes) -> frozenset[str]:
        """The same by a folded path below the dashboard alone."""
        return self.by_path.get(path, _NONE)

    def placed(self, paths: Mapping[str, str]) -> Mapping[bytes, frozenset[str]]:
        """The same of pages that are known by their ids, from where the Dashboard says that they are: id -> path."""
        known = [(_folded(path), id_) for id_, path in paths.items() if path and id_ in self.by_id]
        return _gathered((path, page) for path, id_ in known for page in self.by_id[id_])

    def around(self, path: bytes) -> frozenset[str]:
        """Ids of the page resources to which an endpoint belongs, by its folded path below the node root."""
        return frozenset(page for pattern, page in self.globs if pattern.matches(path))


@dataclass(frozen=True, slots=True)
class PageView:
    """What one visitor may see of one instance. Two that are alike show the same."""

    pages: Pages
    whole: bool
    """Whether what no page names is for them: they have a role on the instance itself, or it is open to them."""
    shown: frozenset[str]
    """Ids of the page resources they may open."""
    typed: frozenset[str]
    """Those of them in which they may press and type."""
    known: bool
    """Whether they have a role on any of it; where not, they are a stranger in what is open to anybody."""

    def shows(self, page_id: str, path: str) -> bool:
        """Whether a page of the Dashboard is theirs to see. `path` is its path below the dashboard; either may be empty."""
        named = self.pages.named(page_id, path)
        return not self.shown.isdisjoint(named) if named else self.whole

    def takes_input(self, page_id: str, path: str) -> bool:
        """Whether what they press and type on it is passed on."""
        named = self.pages.named(page_id, path)
        return not self.typed.isdisjoint(named) if named else self.whole

    def opens(self, path: bytes, *, writes: bool = False) -> bool:
        """Whether an endpoint is theirs to use, or to write to. `path` is folded, and below the node root."""
        around = self.pages.around(path)
        return not (self.typed if writes else self.shown).isdisjoint(around) if around else self.whole

    @property
    def enters(self) -> bool:
        """Whether the dashboard is there for them."""
        return self.whole or not self.shown.isdisjoint(self.pages.of_dashboard)

    @property
    def reaches(self) -> bool:
        """Whether there may be an endpoint for them."""
        return self.whole or any(page in self.shown for _, page in self.pages.globs)

    @property
    def is_anywhere(self) -> bool:
        """Whether one of the Dashboard's pages that are theirs is known by its id alone: it may have any path."""
        return any(not self.shown.isdisjoint(pages) for pages in self.pages.by_id.values())


def pages_in(estate: Estate, instance: Resource) -> tuple[Resource, ...]:
    """The page resources of an instance, by id."""
    children = estate.children.get(instance.id, ())
    return tuple(sorted((each for each in children if each.kind is ResourceKind.PAGE), key=lambda each: each.id))


def pages_of(estate: Estate, instance: Resource, *, public: bool = True) -> Pages | None:
    """The pages of an instance; None where it has none. `public`: whether a page may be open to anybody at all."""
    found = pages_in(estate, instance)
    if not found:
        return None
    said = {each.id: PageSettings.of(each) for each in found}
    matched = {id_: page.match for id_, page in said.items() if page.match}
    return Pages(
        resources=found,
        public=frozenset(id_ for id_, page in said.items() if public and page.public),
        by_id=_gathered((match, id_) for id_, match in matched.items() if not match.startswith("/")),
        by_path=_gathered((_folded(match), id_) for id_, match in matched.items() if match.startswith("/")),
        globs=tuple((folded_glob(pattern), id_) for id_, page in said.items() for pattern in page.endpoints),
        readonly=frozenset(id_ for id_, page in said.items() if page.readonly),
        of_dashboard=frozenset(matched),
    )


def page_view(
    estate: Estate,
    actor: Actor | None,
    instance: Resource,
    *,
    now: float,
    pages: Pages | None = None,
    anybody: bool = False,
) -> PageView | None:
    """What somebody, or nobody, may see of an instance; None where it has no pages, so that roles on it say it all.

    `now` is seconds since the epoch; `pages` are the instance's own where they are known already. `anybody`: the instance
    lets everybody in who came this far, being open or having a password of its own. What lies in it and is nobody's in
    particular is then open as well.
    """
    pages = pages or pages_of(estate, instance)
    if pages is None:
        return None
    shown = pages.public.union(page.id for page in pages.resources if page.owner is None) if anybody else pages.public
    if actor is None:
        return PageView(pages, anybody, shown, shown - pages.readonly, known=False)
    sight = Sight(estate, actor, now=now)
    on_instance = sight.entitled(Permission.HTTP, instance)
    theirs = list(sight.among(Permission.HTTP, pages.resources))
    shown = shown.union(page.id for page in theirs)
    members = (page.id for page in theirs if sight.standing.role(page) >= Role.MEMBER)
    typed = (shown - pages.readonly).union(members)
    return PageView(pages, anybody or on_instance, shown, typed, known=on_instance or bool(theirs))


def folded_glob(pattern: str) -> Glob:
    """A pattern of endpoint paths as paths are folded: lower case, no slash at the end."""
    return glob(pattern.lower().rstrip("/") or "/")


def _folded(path: str) -> bytes:
    """A path below the dashboard as requests for it are read; empty for none."""
    if not path:
        return b""
    return b"/" + b"/".join(part for part in path.encode().lower().split(b"/") if part)


def _gathered(pairs: Iterable[tuple[Key, str]]) -> Mapping[Key, frozenset[str]]:
    found: dict[Key, frozenset[str]] = {}
    for key, page in pairs:
        found[key] = found.get(key, _NONE) | {page}
    return found
