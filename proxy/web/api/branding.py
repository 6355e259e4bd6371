"""How pages look: of a space, and of the platform where no space says otherwise."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from proxy.access.branding import Part, composed
from proxy.model.access import Permission
from proxy.model.directory import Branding, Space
from proxy.services.administration import branding
from proxy.services.administration.branding import Wanted
from proxy.services.authority import offered, space_at
from proxy.services.writer import Step
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Item, Line
from proxy.web.api.operation import PLATFORM, Call, Operation, in_space
from proxy.web.looks import PICTURES

TAG: Final = "branding"
_UNSEEN: Final = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What turns the direction of text or takes no room: a name could pass for another one."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def _seen(value: str) -> str:
    if _UNSEEN.search(value):
        raise ValueError("must hold no character that is not seen")
    return value.strip()


Product = Annotated[Line, StringConstraints(max_length=60), AfterValidator(_seen), Field(examples=["Acme Monitoring"])]
Colour = Annotated[
    str, StringConstraints(pattern=r"^(?:#[0-9a-fA-F]{6})?$"), AfterValidator(str.lower), Field(examples=["#0f766e"])
]
Host = Annotated[
    str,
    StringConstraints(max_length=253, pattern=rf"^{_LABEL}(?:\.{_LABEL})*$"),
    Field(examples=["portal.acme.example"]),
]
Picture = Annotated[str, StringConstraints(max_length=180_000)]


class LooksItem(Answer):
    """What people get to see: what is empty is as the gateway comes."""

    product: str
    logo: str
    favicon: str
    accent: str
    background: str
    ways_in: tuple[str, ...]
    hidden: tuple[Part, ...]


class BrandingItem(Item):
    """Looks as they were chosen; what is empty is as above."""

    product: str
    logo: str
    """Its address below home; empty for none."""
    favicon: str
    """The same."""
    accent: str
    background: str
    hosts: tuple[str, ...]
    ways_in: tuple[str, ...]
    """Names of the ways in that the login page shows; none for all."""
    hidden: tuple[Part, ...]
    effective: LooksItem
    """With what comes from the spaces above and from the platform."""


class BrandingBody(Body):
    """Looks as they should be; what is empty or absent is as in the space above, then as on the platform."""

    product: Product = ""
    """The name in titles, above every page and in mails."""
    logo: Picture = ""
    """A PNG, JPEG, WebP or ICO file of at most 128 KiB as data:image/png;base64,… or the address that GET answered."""
    favicon: Picture = ""
    """The same, for the browser's tab."""
    accent: Colour = ""
    """Colour of buttons and links, as #rrggbb; where text could not be read on it, another shade is taken."""
    background: Colour = ""
    """Colour behind pages, as #rrggbb."""
    hosts: Annotated[tuple[Host, ...], Field(max_length=20)] = ()
    """Host names at which these looks are shown before anybody has logged in, besides those of its instances."""
    ways_in: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    """Names of the ways in (`auth` of the configuration) that the login page shows, in this order. It shows no others, but
    refuses none: an e-mail address still leads to the way in of its domain."""
    hidden: Annotated[tuple[Part, ...], Field(max_length=20)] = ()
    """Parts of the gateway's pages that are out of sight. That takes nothing from what people may do."""


def _item(call: Call, space: Space | None, own: Branding, permission: Permission) -> BrandingItem:
    estate = call.moment.estate
    whole = composed(estate, space)
    return BrandingItem(
        **_parts(own).model_dump(),
        hosts=own.hosts,
        effective=_parts(whole),
        actions=offered(call.moment, space, {permission}),
    )


def _parts(looks: Branding) -> LooksItem:
    return LooksItem(
        product=looks.product,
        logo=_address(looks.logo),
        favicon=_address(looks.favicon),
        accent=looks.accent,
        background=looks.background,
        ways_in=looks.ways_in,
        hidden=tuple(part for part in Part if part in looks.hidden),
    )


def _address(key: str) -> str:
    return PICTURES + key if key else ""


def _wanted(api: Api, call: Call) -> Wanted:
    sent = call.sent(BrandingBody)
    looks = Branding(
        product=sent.product,
        accent=sent.accent,
        background=sent.background,
        hosts=sent.hosts,
        ways_in=sent.ways_in,
        hidden=frozenset(sent.hidden),
    )
    return Wanted(
        looks=looks,
        logo=sent.logo.removeprefix(PICTURES),
        favicon=sent.favicon.removeprefix(PICTURES),
        owners={host: _owners(api, call, host) for host in sent.hosts},
        known=tuple(each.name for each in api.desk.providers if each.plugin.offers_login()),
    )


def _owners(api: Api, call: Call, host: str) -> list[Space]:
    site, estate = api.desk.sites().find(host.encode()), call.moment.estate
    found = (estate.owner(mount.resource) for mount in site.mounts) if site else ()
    return [owner for owner in found if owner is not None]


async def show(_: Api, call: Call) -> BrandingItem:
    space = space_at(call.moment.estate, call.path["space"])
    return _item(call, space, space.branding or Branding(), Permission.BRANDING_MANAGE)


async def change(api: Api, call: Call) -> Step[None]:
    return branding.put(call.moment, space_at(call.moment.estate, call.path["space"]), _wanted(api, call))


async def remove(_: Api, call: Call) -> Step[None]:
    return branding.remove(call.moment, space_at(call.moment.estate, call.path["space"]))


async def show_default(_: Api, call: Call) -> BrandingItem:
    return _item(call, None, call.moment.estate.settings.branding, Permission.PLATFORM_SETTINGS_EDIT)


async def change_default(api: Api, call: Call) -> Step[None]:
    return branding.put_default(call.moment, _wanted(api, call))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/spaces/{space}/branding",
        tag=TAG,
        summary="How pages look for the people of a space",
        permission=Permission.BRANDING_MANAGE,
        where=in_space(),
        answer=BrandingItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/spaces/{space}/branding",
        tag=TAG,
        summary="Choose how pages look for the people of a space",
        permission=Permission.BRANDING_MANAGE,
        where=in_space(),
        body=BrandingBody,
        answer=BrandingItem,
        audit=("branding.updated",),
        change=change,
    ),
    Operation(
        method="DELETE",
        path="/spaces/{space}/branding",
        tag=TAG,
        summary="Let a space look as the one above it",
        permission=Permission.BRANDING_MANAGE,
        where=in_space(),
        status=204,
        audit=("branding.updated",),
        change=remove,
    ),
    Operation(
        method="GET",
        path="/branding",
        tag=TAG,
        summary="How pages look where no space says otherwise",
        permission=Permission.PLATFORM_SETTINGS,
        where=PLATFORM,
        answer=BrandingItem,
        perform=show_default,
    ),
    Operation(
        method="PUT",
        path="/branding",
        tag=TAG,
        summary="Choose how pages look where no space says otherwise",
        permission=Permission.PLATFORM_SETTINGS_EDIT,
        where=PLATFORM,
        body=BrandingBody,
        answer=BrandingItem,
        audit=("branding.updated",),
        change=change_default,
    ),
)
