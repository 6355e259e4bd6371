"""What is half done: a login that waits for a provider, a second factor, a new password. One browser's, and good once."""

import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from auth_plugins import Unavailable
from proxy.services.sealing import Seal
from proxy.store import Shared

LASTS: Final = 1800.0
"""Seconds for which a visitor may be away."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Flows:
    """Keeps flows in the shared store, so that any process can go on with them, also after a restart.

    A flow is bound to the hop, the random value that its browser holds in a cookie; whoever only sees its name, as in an
    address, cannot go on with it. Only the hash of the name is kept, and what is kept under it is sealed: it may hold codes
    and tokens of a provider.
    """

    shared: Shared
    now: Callable[[], float]
    seal: Seal

    async def begin(self, kind: str, hop: str, kept: Mapping[str, str], *, lasts: float = LASTS) -> str:
        """The name of a new flow."""
        name = secrets.token_urlsafe(32)
        await self.put(kind, name, hop, kept, lasts=lasts)
        return name

    async def put(self, kind: str, name: str, hop: str, kept: Mapping[str, str], *, lasts: float = LASTS) -> None:
        """Keep something else under the name of a flow that goes on."""
        key, record = _key(kind, name), json.dumps({"hop": _hash(hop), "kept": dict(kept)})
        await self.shared.put(key, self.seal.close_text(record, key), self.now() + lasts)

    async def get(self, kind: str, name: str, hop: str | None) -> Mapping[str, str] | None:
        """What was kept, and stays; None when it is over, or another browser's."""
        if not _NAME.fullmatch(name):
            return None
        key = _key(kind, name)
        return self._opened(key, await self.shared.get(key, self.now()), hop)

    async def take(self, kind: str, name: str, hop: str | None) -> Mapping[str, str] | None:
        """What was kept, once. Another browser learns nothing, and leaves it to the one it belongs to."""
        if await self.get(kind, name, hop) is None:
            return None
        key = _key(kind, name)
        return self._opened(key, await self.shared.take(key, self.now()), hop)

    def _opened(self, key: str, found: str | None, hop: str | None) -> Mapping[str, str] | None:
        if found is None or hop is None:
            return None
        try:
            record = json.loads(self.seal.open_text(found, key))
        except Unavailable:  # of another secret, or of a version that sealed nothing: it has to begin anew
            return None
        kept: dict[str, str] = record["kept"]
        return kept if hmac.compare_digest(record["hop"], _hash(hop)) else None


def _key(kind: str, name: str) -> str:
    return f"flow {kind} {_hash(name)}"


def _hash(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
