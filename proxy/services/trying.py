"""Trying out a way in: what a login would come to here, without anybody logging in and without a word written."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth_plugins import Finding, Identity, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.services.linking import Linking, Outcome
from proxy.services.notices import found

PATIENCE: Final = 30.0
"""Seconds for the provider's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How far it came."""

    findings: Sequence[Finding]
    identity: Identity | None = None
    """What the provider says of them; None where no sample was given, or it was refused."""
    outcome: Outcome | None = None
    """What that comes to here."""
    refused: str = ""
    """Code of the refusal or trouble that it ended with."""
    detail: str = ""


async def try_out(linking: Linking, provider: Provider, sample: str) -> Trial:
    """`sample`: a username to look up or a response of the provider; empty to look at the provider alone.

    Raises StoreUnavailable.
    """
    findings = await found(provider)
    if not sample:
        return Trial(findings=findings)
    identity = None
    try:
        async with asyncio.timeout(PATIENCE):
            identity = await provider.plugin.examine(sample)
        outcome = await linking.preview(provider, identity)
    except (Refused, Unavailable) as error:
        return Trial(findings=findings, identity=identity, refused=error.code, detail=error.detail)
    except TimeoutError:
        detail = f"{provider.name} gave no answer within {PATIENCE:.0f} seconds"
        return Trial(findings=findings, refused="no_answer", detail=detail)
    return Trial(findings=findings, identity=identity, outcome=outcome)
