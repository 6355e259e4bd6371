"""Every gateway on the same state has the same secrets, or what one seals and signs the others would not know."""

import json
from collections.abc import Mapping

from config.keys import Keys
from config.problems import ConfigurationError, Problem
from proxy.store import Shared

_SECRET = "secrets"  # noqa: S105 - where its fingerprint is kept
_SIGNING = "signing-keys"
_LASTS = 100 * 365 * 86400.0


async def refuse_other_secrets(shared: Shared, keys: Keys, now: float) -> None:
    """Register whose state this is, and which keys sign. Raises ConfigurationError where others have others.

    Keys that were rotated are those of the others as long as they hold every key that others sign or will sign with.
    """
    mine = _fingerprint(keys)
    if await shared.put_new(_SECRET, mine, now + _LASTS, now) != mine:
        raise _refused(
            keys, "secret", "holds another secret than the gateways that use this database and Redis already"
        )
    lacking = _lacking(json.loads(await shared.get(_SIGNING, now) or "{}"), keys, now)
    if lacking:
        raise _refused(
            keys,
            "signing-keys.json",
            f"lacks the key {lacking[0]}, which gateways that use this database and Redis sign or will sign with",
        )
    await _register_signing(shared, keys, now)


async def adopt_secrets(shared: Shared, keys: Keys, now: float) -> None:
    """From now on gateways start with these secrets alone."""
    await shared.put(_SECRET, _fingerprint(keys), now + _LASTS)
    await _register_signing(shared, keys, now)


async def _register_signing(shared: Shared, keys: Keys, now: float) -> None:
    retiring = {key.kid: key.retires for key in keys.signing}
    await shared.put(_SIGNING, json.dumps(retiring), now + _LASTS)


def _lacking(registered: Mapping[str, float | None], keys: Keys, now: float) -> list[str]:
    """Keys that are in use elsewhere, and that nobody who asks here would learn of."""
    held = {key.kid for key in keys.signing}
    return [kid for kid, retires in registered.items() if kid not in held and (retires is None or now < retires)]


def _refused(keys: Keys, file: str, message: str) -> ConfigurationError:
    directory = keys.directory
    remedy = (
        f"Copy secret and signing-keys.json from the state.directory of one of them to {directory}, with mode 0600; "
        "or give this gateway a database and a Redis of its own. Where theirs are lost, run flowward keys adopt."
    )
    return ConfigurationError(
        [Problem(file=str(directory / file), key="state.directory", message=message, remedy=remedy)]
    )


def _fingerprint(keys: Keys) -> str:
    return keys.subkey("fingerprint").hex()
