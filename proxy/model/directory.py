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
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Plain JSON values that people keep about it, such as an address; they decide nothing."""
    declared: str | None = None
