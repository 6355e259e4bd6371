"""Spaces: teams, customers, groups, and the one that is everyone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class SpaceKind(StrEnum):
    TEAM = "team"
    CUSTOMER = "customer"
    GROUP = "group"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """How pages of the gateway look to the people of a space; what is empty is as in the space above, or as it comes."""

    product: str = ""
    """The name in titles and above every page."""
    logo: str = ""
    """Key of a kept image."""
    favicon: str = ""
    """Key of a kept image."""
    accent: str = ""
    """Colour of buttons and links, as #rrggbb."""
    background: str = ""
    """Colour behind pages, as #rrggbb."""
    hosts: tuple[str, ...] = ()
    """Host names of the space's own at which its looks are shown before anybody has logged in."""
    ways_in: tuple[str, ...] = ()
    """Names of the ways in that the login page shows, in this order; empty for all. It is out of sight, not out of reach."""
    hidden: frozenset[str] = frozenset()
    """Parts of the gateway's own pages that its people are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Where users are members and resources are owned. Slugs are unique."""

    id: str
    kind: SpaceKind
    slug: str
    title: str = ""
    parent: str | None = None
    """Id of the space above; None for a team and for everyone."""
    active: bool = True
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: frozenset[str] = frozenset()
    """What customers are sorted by, such as Office renters; they decide nothing."""
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Plain JSON values that people keep about it, such as an address; they decide nothing."""
    home_dashboard: str | None = None
    """Id of the instance or page that its people see first after logging in, unless they have one of their own."""
    branding: Branding | None = None
    declared: str | None = None
