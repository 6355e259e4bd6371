"""Every gateway on the same state has the same secrets, or what one seals and signs the others would not know."""

from config.keys import Keys
from config.problems import ConfigurationError, Problem
from proxy.store import Shared

_KEY = "secrets"
_LASTS = 100 * 365 * 86400.0


async def refuse_other_secrets(shared: Shared, keys: Keys, now: float) -> None:
    """Register whose state this is, if nobody has. Raises ConfigurationError where others have other secrets."""
    mine = _fingerprint(keys)
    if await shared.put_new(_KEY, mine, now + _LASTS) == mine:
        return
    directory = keys.directory
    problem = Problem(
        file=str(directory / "secret"),
        key="state.directory",
        message="holds another secret than the gateways that use this database and Redis already",
        remedy=f"Copy secret and signing-keys.json from the state.directory of one of them to {directory}, with mode 0600; "
        "or give this gateway a database and a Redis of its own. Where theirs are lost, run flowward keys adopt.",
    )
    raise ConfigurationError([problem])


async def adopt_secrets(shared: Shared, keys: Keys, now: float) -> None:
    """From now on gateways start with these secrets alone."""
    await shared.put(_KEY, _fingerprint(keys), now + _LASTS)


def _fingerprint(keys: Keys) -> str:
    return keys.subkey("fingerprint").hex()
