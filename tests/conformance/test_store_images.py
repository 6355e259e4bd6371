"""What every Database promises about the pictures of branding."""

from dataclasses import replace

from proxy.model.directory import Branding, Space
from proxy.model.estate import PlatformSettings
from proxy.store import Database, Image, Remove
from tests.conformance.things import ACME, CUSTOMER

LOGO = Image(key="1" * 32, type="image/png", content=b"\x89PNG\r\n\x1a\n\0\xff")
ICON = Image(key="2" * 32, type="image/x-icon", content=b"\0\0\1\0")
LOOKS = Branding(
    product="Acme",
    logo=LOGO.key,
    accent="#0f766e",
    hosts=("login.acme.example",),
    hidden=frozenset({"editor", "roles"}),
)


async def there(database: Database) -> list[bool]:
    return [await database.image(each.key) == each for each in (LOGO, ICON)]


async def test_looks_and_their_pictures_are_kept_as_they_are(database: Database) -> None:
    await database.edit([LOGO, ICON, replace(ACME, branding=LOOKS)], [])
    await database.edit([ICON, PlatformSettings(branding=Branding(favicon=ICON.key))], [])
    estate = await database.estate()
    assert estate.spaces["acme"].branding == LOOKS
    assert estate.settings.branding == Branding(favicon=ICON.key)
    assert estate.pictures == {LOGO.key, ICON.key}
    assert estate.branded_hosts == {"login.acme.example": [estate.spaces["acme"]]}
    assert await there(database) == [True, True]
    assert await database.image("3" * 32) is None


async def test_a_picture_that_no_looks_name_any_more_is_gone(database: Database) -> None:
    branded = replace(CUSTOMER, branding=LOOKS)
    default = PlatformSettings(branding=Branding(favicon=ICON.key))
    await database.edit([ACME, branded, LOGO, ICON, default], [])
    await database.edit([replace(ACME, branding=Branding(logo=LOGO.key)), replace(branded, title="New")], [])
    assert await there(database) == [True, True]
    await database.edit([replace(branded, branding=None)], [])
    assert await there(database) == [True, True], "the team still names it"
    await database.edit([PlatformSettings()], [])
    assert await there(database) == [True, False]
    await database.edit([Remove(kind=Space, id="customer"), Remove(kind=Space, id="acme")], [])
    assert await there(database) == [False, False]


async def test_a_picture_that_is_kept_again_is_the_same(database: Database) -> None:
    await database.edit([LOGO, replace(ACME, branding=LOOKS)], [])
    await database.edit([LOGO, replace(ACME, branding=LOOKS)], [])
    assert await there(database) == [True, False]
