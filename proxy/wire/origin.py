"""Cross-site and same-site forgery: may this unsafe request, upgrade or poll come from where it says it comes from?"""

from collections.abc import Collection


def origin_allowed(origin: bytes | None, fetch_site: bytes | None, expected: Collection[bytes]) -> bool:
    """Whether a request by cookie may act, by its Origin or, where browsers send none, by Sec-Fetch-Site.

    `expected` holds serialised origins in lower case. Sibling hosts are same-site, so `same-site` is not enough.
    Neither field: no browser with cookies of ours sends that on an unsafe request; it is a tool (Fetch section 3.2).
    """
    if origin is not None:
        return origin.lower() in expected
    return fetch_site is None or fetch_site in (b"same-origin", b"none")
