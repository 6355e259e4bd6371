"""How pages look for the people of a space, or of the platform: checked, kept, and taken back."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.access.branding import at_home_there
from proxy.access.decide import decide
from proxy.model.access import Permission
from proxy.model.directory import Branding, Space
from proxy.services.audit import changes
from proxy.services.authority import told
from proxy.services.branding import LARGEST, picture
from proxy.services.problems import Invalid, Wrong
from proxy.services.writer import Moment, Step
from proxy.store import Edit, Image

_DATA: Final = "data:"
_BASE64: Final = ";base64"
_KINDS: Final = "Send a PNG, JPEG, WebP or ICO file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Looks as they were sent."""

    looks: Branding
    """Without pictures."""
    logo: str
    """Empty, the key of the one there is, or a file as data:TYPE;base64,…"""
    favicon: str
    """The same."""
    owners: Mapping[str, Sequence[Space]]
    """Host -> the spaces whose instances are on it."""
    known: Sequence[str]
    """Names of the ways in that have a login page."""


def put(moment: Moment, space: Space, wanted: Wanted) -> Step[None]:
    """Give a space these looks. Raises Invalid."""
    wrongs = list(_misnamed(moment, space, wanted))
    after, images = _checked(wanted, space.branding or Branding(), wrongs)
    return _step(moment, space, after, images)


def remove(moment: Moment, space: Space) -> Step[None]:
    """Let a space look as what is above it."""
    return _step(moment, space, None, [])


def _step(moment: Moment, space: Space, after: Branding | None, images: Sequence[Edit]) -> Step[None]:
    if after == space.branding:
        return Step(result=None)
    event = told(moment, "branding.updated", space, updates=changes(space.branding, after))
    return Step(result=None, edits=[*images, replace(space, branding=after)], events=[event])


def put_default(moment: Moment, wanted: Wanted) -> Step[None]:
    """Give the platform these looks. Raises Invalid."""
    wrongs = []
    if wanted.looks.hosts:
        message = "must be empty: the platform's looks are those of every host that no space names as its own"
        wrongs.append(Wrong(field="hosts", message=message, remedy="Name the host in the branding of a space."))
    before = moment.estate.settings
    after, images = _checked(wanted, before.branding, wrongs)
    if after == before.branding:
        return Step(result=None)
    event = told(moment, "branding.updated", updates=changes(before.branding, after))
    return Step(result=None, edits=[*images, replace(before, branding=after)], events=[event])


def _checked(wanted: Wanted, before: Branding, wrongs: list[Wrong]) -> tuple[Branding, list[Edit]]:
    """The looks, and the pictures that are new. Raises Invalid."""
    logo = _picture(wanted.logo, before.logo, "logo", wrongs)
    favicon = _picture(wanted.favicon, before.favicon, "favicon", wrongs)
    for at, name in enumerate(wanted.looks.ways_in):
        if name not in wanted.known:
            there = ", ".join(wanted.known) or "none"
            message = f"is {name}, which is no way in with a login page"
            wrongs.append(Wrong(field=f"ways_in/{at}", message=message, remedy=f"Those are: {there}."))
    if wrongs:
        raise Invalid(*wrongs)
    new: list[Edit] = [each for each in (logo, favicon) if isinstance(each, Image)]
    return replace(wanted.looks, logo=_key(logo), favicon=_key(favicon)), new


def _key(found: Image | str) -> str:
    return found if isinstance(found, str) else found.key


def _picture(sent: str, there: str, field: str, wrongs: list[Wrong]) -> Image | str:
    """A new picture, or the key of the one that stays; empty for none, and where something is wrong with it."""
    if sent in ("", there):
        return sent
    found = _read(sent)
    if isinstance(found, Image):
        return found
    wrongs.append(Wrong(field=field, message=found, remedy=_KINDS))
    return ""


def _read(sent: str) -> Image | str:
    """The picture in a data address (RFC 2397), or what is wrong with it."""
    kind, comma, text = sent.removeprefix(_DATA).partition(",")
    if not (sent.startswith(_DATA) and comma and kind.endswith(_BASE64)):
        return "must be empty, the address that is there, or a file as data:image/png;base64,…"
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        return "is not base64"
    if len(content) > LARGEST:
        return f"has {len(content)} bytes; a picture has at most {LARGEST}"
    return picture(content) or "is none of the files that are taken for a picture"


def _misnamed(moment: Moment, space: Space, wanted: Wanted) -> Iterator[Wrong]:
    """Hosts that cannot be the space's own. Owners get the same answer whether there is such a host or not."""
    estate = moment.estate
    admin = decide(estate, moment.actor, Permission.PLATFORM_SETTINGS, None, now=moment.now).allowed
    for at, host in enumerate(wanted.looks.hosts):
        owners = wanted.owners.get(host, ())
        if host in wanted.looks.hosts[:at]:
            yield Wrong(field=f"hosts/{at}", message=f"names {host} again", remedy="Name each host once.")
        elif not at_home_there(estate, space, owners) or not (owners or admin or _has(space, host)):
            message = f"is {host}, where no instance of {space.slug} is, or others are as well"
            remedy = "Name a host that only its own instances are on; an admin can name one that no instance is on."
            yield Wrong(field=f"hosts/{at}", message=message, remedy=remedy)
        elif not owners and any(each.id != space.id for each in estate.branded_hosts.get(host, ())):
            message = f"is {host}, which another space names as its own"
            yield Wrong(field=f"hosts/{at}", message=message, remedy="Take it from that one first.")


def _has(space: Space, host: str) -> bool:
    """Whether an admin has given it to the space before."""
    return space.branding is not None and host in space.branding.hosts
