"""Tokens that come with a request: whose they are, by keys that are published or kept in a file."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from auth_plugins.claims import Claims, parsed
from auth_plugins.contract import Kit
from auth_plugins.keysets import LEEWAY, Algorithm, KeySet, filed, published
from auth_plugins.remembered import within
from auth_plugins.values import Finding, Identity, Refused, Unavailable


def key_set(
    kit: Kit, address: str | Callable[[], Awaitable[str]], path: Path | None, algorithms: Sequence[Algorithm]
) -> KeySet:
    """Keys from a file where one is named, else from an address, which may have to be asked for."""

    async def where() -> str:
        return address if isinstance(address, str) else await address()

    return KeySet(filed(kit, path) if path is not None else published(kit, where), algorithms, kit.now)


def ends_of(claims: Claims) -> float | None:
    """Until when a token counts (seconds since the epoch)."""
    expires = claims.number("exp")
    return None if expires is None else expires + LEEWAY


async def key_findings(keys: KeySet, seconds: float) -> Sequence[Finding]:
    """Whether there are keys that can check a token."""
    allowed = ", ".join(keys.algorithms)
    try:
        async with within(seconds):
            usable = await keys.usable()
    except (Refused, Unavailable) as error:
        return (
            Finding(code=error.code, level="error", detail=f"{error.detail}. Compare where the keys are said to be"),
        )
    if not usable:
        return (
            Finding(code="keys_missing", level="error", detail=f"the key set has no key for {allowed} (algorithms)"),
        )
    return (Finding(code="keys_there", level="ok", detail=f"there are keys for {', '.join(usable)}"),)


async def examined(
    sample: str, token: Callable[[str], Awaitable[Identity]], named: Callable[[Claims], Identity]
) -> Identity:
    """Who a sample would be: a token, which must hold, or claims as JSON, which are taken as they are."""
    text = sample.strip()
    if not text.startswith("{"):
        return await token(text)
    try:
        return named(parsed(text))
    except ValueError as error:
        raise Refused("sample_unreadable", f"the claims cannot be read: {error}") from error
