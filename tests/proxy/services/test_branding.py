"""Which files are taken for pictures, and pictures at hand."""

from pathlib import Path

import pytest

from proxy.model.directory import Branding
from proxy.model.estate import PlatformSettings
from proxy.services.branding import AT_HAND, Pictures, picture
from tests.peers.state import open_store

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\1\0\1\0", "image/x-icon"),
    ],
)
def test_a_picture_is_known_by_how_it_begins(content: bytes, kind: str) -> None:
    found = picture(content)
    assert found is not None
    assert (found.type, found.content) == (kind, content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"<html><script>alert(1)</script>",
        b"GIF89a",
        b"RIFF\0\0\0\0WAVE",
        b" " + PNG,
    ],
)
def test_nothing_else_is_one_least_of_all_what_can_hold_a_script(content: bytes) -> None:
    assert picture(content) is None


async def test_a_picture_asked_for_again_is_at_hand(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        made = [found for number in range(AT_HAND + 1) if (found := picture(PNG + bytes([number])))]
        for each in made:
            looks = PlatformSettings(branding=Branding(logo=each.key))
            await store.database.edit([each, looks], [])
        first = made[-1]
        pictures = Pictures(store.database)
        assert await pictures.of(first.key) == first
        await store.database.edit([PlatformSettings()], [])
        assert await store.database.image(first.key) is None
        assert await pictures.of(first.key) == first
        assert await pictures.of("") is None
        assert await pictures.of("unknown") is None
