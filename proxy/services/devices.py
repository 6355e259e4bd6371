"""Browsers in which a second factor was proven, remembered for a while so that it is not asked for again."""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from proxy.store import Shared

_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Devices:
    """Only the hash of what a browser holds is kept.

    What it is kept with says what the account was then, its password and its factors: after a change of either, every
    browser is forgotten.
    """

    shared: Shared
    now: Callable[[], float]

    async def remember(self, user_id: str, account: str, seconds: float) -> str:
        """The value for the browser to hold; `account` is what `Factors.fingerprint` says."""
        value, now = secrets.token_urlsafe(32), self.now()
        record = json.dumps({"user": user_id, "account": account, "at": now})
        await self.shared.put(_key(value), record, now + seconds)
        return value

    async def proven(self, value: str, user_id: str, account: str) -> float:
        """When this user proved a second factor in a browser that holds this; 0 for never."""
        kept = await self.shared.get(_key(value), self.now()) if _VALUE.fullmatch(value) else None
        record = json.loads(kept) if kept is not None else {}
        same = (record.get("user"), record.get("account")) == (user_id, account)
        return float(record["at"]) if same else 0.0

    async def forget(self, value: str) -> None:
        if _VALUE.fullmatch(value):
            await self.shared.take(_key(value), self.now())


def _key(value: str) -> str:
    return "device " + sha256(value.encode()).hexdigest()
