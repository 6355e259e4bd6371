"""Who may make a browser act: the host's own pages, and the origins an instance lists."""

import pytest

from proxy.wire.origin import origin_allowed

EXPECTED = {b"https://line-3.example", b"https://wall.example"}


@pytest.mark.parametrize(
    ("origin", "fetch_site", "allowed"),
    [
        (b"https://line-3.example", None, True),
        (b"HTTPS://LINE-3.example", b"cross-site", True),
        (b"https://wall.example", b"same-site", True),
        (b"https://line-4.example", b"same-site", False),
        (b"https://line-3.example:8443", None, False),
        (b"http://line-3.example", None, False),
        (b"https://line-3.example.evil", None, False),
        (b"https://line-3.example/", None, False),
        (b"null", b"same-origin", False),
        (b"", None, False),
        (None, None, True),
        (None, b"same-origin", True),
        (None, b"none", True),
        (None, b"same-site", False),
        (None, b"cross-site", False),
        (None, b"anything", False),
    ],
)
def test_the_origin_decides_and_where_there_is_none_the_browser_says_how_far_it_came(
    origin: bytes | None, fetch_site: bytes | None, allowed: bool
) -> None:
    assert origin_allowed(origin, fetch_site, EXPECTED) is allowed
