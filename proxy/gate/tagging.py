"""A visitor's tags: what rows are judged by, and what an instance is told of them."""

import re
from collections.abc import Mapping
from typing import Final

from proxy.access.tags import BUILT_IN, Tags, Values
from proxy.gate.principal import Lease, Principal
from proxy.model.access import Role
from proxy.model.estate import InstanceSettings
from proxy.model.identity import Person

ALL: Final = "*"
"""What an instance is told of a tag of which every value is the visitor's; no tag has such a value of its own."""
TOLD: Final = 2048
"""Bytes of tags that an instance is told: Node-RED takes headers of 16 KiB in all."""
_NAME: Final = re.compile(r"@?[a-z][a-z0-9_-]{0,31}")


def tags_of(lease: Lease, principal: Principal, person: Person | None) -> Tags:
    """The tags of who was judged, worked out once per lease. Who comes as a stranger has what anybody has."""
    if lease.tags is None:
        known = person if lease.decision.role >= Role.DASHBOARD else None
        lease.tags = Tags(lease.world.estate, known, lease.station.resource, principal.token)
    return lease.tags


def told_tags(tags: Tags, settings: InstanceSettings) -> Mapping[str, tuple[str, ...]]:
    """What an instance is told of a visitor's tags: those that are defined, the visitor's own, and those of its policies.

    A tag of which all values are theirs is told as `*`. One whose values do not fit any more is left out as a whole: with
    some of them, a flow would take it for complete.
    """
    own = tags.person.user.tags if tags.person is not None else ()
    named = {*tags.estate.settings.tags, *own, *(policy.tag for policy in settings.rows)}
    told: dict[str, tuple[str, ...]] = {}
    room = TOLD
    for name in sorted(named - BUILT_IN) + sorted(named & BUILT_IN):
        values = as_told(tags.values(name))
        room_left = room - len(name.encode()) - sum(len(value.encode()) + 3 for value in values)
        if values and room_left >= 0 and _NAME.fullmatch(name):
            told[name], room = values, room_left
    return told


def as_told(values: Values) -> tuple[str, ...]:
    """Values in their order, or `*` for all."""
    return (ALL,) if values is None else tuple(sorted(values - {ALL}))
