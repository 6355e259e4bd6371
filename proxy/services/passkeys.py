"""Passkeys (WebAuthn level 2): credentials that a browser or a key holds, bound to home's host name.

Challenges are not kept until they come back. Each says until when it is good and is authenticated for the browser, session
or half login it was made for; once used it is remembered, so that it is good once over all replicas.
"""

import hmac
import json
import secrets
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import webauthn
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from auth_plugins import Refused
from proxy.model.identity import Factor, FactorKind, User
from proxy.store import Database, Shared

LASTS: Final = 600.0
"""Seconds for which a challenge is good."""
_NONCE: Final = 16
_TIME: Final = struct.Struct(">Q")
_HEAD: Final = _NONCE + _TIME.size
# What the library raises for something that is no credential at all, beside its own exceptions.
_NONSENSE: Final = (
    WebAuthnException,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    RecursionError,  # JSON that is nested too deeply
    struct.error,
)
_SAID: Final = "device"
"""Key of a factor's details: whether the credential stays on one device or is synchronised."""


@dataclass(frozen=True, slots=True)
class Challenges:
    """Makes and spends challenges (section 13.4.3). A binder says for whom and for what one is."""

    shared: Shared
    key: bytes = field(repr=False)
    """32 bytes for this purpose alone."""
    now: Callable[[], float]

    def new(self, binder: str) -> bytes:
        head = secrets.token_bytes(_NONCE) + _TIME.pack(int(self.now() + LASTS))
        return head + self._proof(head, binder)

    async def spend(self, challenge: bytes, binder: str) -> bool:
        """Whether it is ours, for this binder, in time, and used for the first time."""
        head, proof = challenge[:_HEAD], challenge[_HEAD:]
        if len(head) != _HEAD or not hmac.compare_digest(proof, self._proof(head, binder)):
            return False
        (until,) = _TIME.unpack(head[_NONCE:])
        mine = secrets.token_hex(8)
        key, now = "challenge " + sha256(challenge).hexdigest(), self.now()
        return now < until and await self.shared.put_new(key, mine, until + 1.0, now) == mine

    def _proof(self, head: bytes, binder: str) -> bytes:
        return hmac.digest(self.key, head + binder.encode(), "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserted:
    """A passkey that was proven."""

    factor: Factor
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkeys:
    """Registers passkeys and checks their assertions."""

    database: Database
    challenges: Challenges
    host: str
    """The relying party: home's host name."""
    origin: str
    name: Callable[[], str]
    """What the browser calls the gateway."""

    def to_register(self, user: User, held: Sequence[Factor], binder: str) -> str:
        """What a browser needs to make a passkey (section 5.4), as JSON."""
        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=self.name(),
            user_id=user.id.encode(),
            user_name=user.username,
            user_display_name=user.name or user.username,
            challenge=self.challenges.new(binder),
            timeout=int(LASTS * 1000),
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
            ),
            exclude_credentials=_described(held),
        )
        return webauthn.options_to_json(options)

    def to_assert(self, held: Sequence[Factor], binder: str) -> str:
        """What a browser needs to prove one (section 5.5), as JSON; with none held it offers those it knows itself, and
        whoever holds it has to show that they may.
        """
        wanted = UserVerificationRequirement.PREFERRED if held else UserVerificationRequirement.REQUIRED
        options = webauthn.generate_authentication_options(
            rp_id=self.host,
            challenge=self.challenges.new(binder),
            timeout=int(LASTS * 1000),
            allow_credentials=_described(held),
            user_verification=wanted,
        )
        return webauthn.options_to_json(options)

    async def registered(self, user: User, sent: str, binder: str, *, id_: str, name: str, now: float) -> Factor:
        """The passkey that a browser has made. Raises Refused."""
        try:
            made = webauthn.verify_registration_response(
                credential=sent,
                expected_challenge=await self._spent(sent, binder),
                expected_rp_id=self.host,
                expected_origin=self.origin,
            )
        except _NONSENSE as error:
            raise Refused("passkey_wrong", _told(error)) from error
        return Factor(
            id=id_,
            user=user.id,
            kind=FactorKind.PASSKEY,
            name=name,
            created=now,
            secret=made.credential_public_key,
            credential=made.credential_id,
            counter=made.sign_count,
            details={"aaguid": made.aaguid, _SAID: made.credential_device_type.value},
        )

    async def asserted(self, sent: str, binder: str, *, now: float, of: User | None = None) -> Asserted:
        """The passkey that was proven: one `of` this user, or else anybody's whose holder was verified too.

        Raises Refused.
        """
        try:
            challenge = await self._spent(sent, binder)
            factor = await self.database.factor_of(base64url_to_bytes(json.loads(sent)["rawId"]))
            if factor is None or (of is not None and factor.user != of.id):
                raise Refused("passkey_unknown")
            found = webauthn.verify_authentication_response(
                credential=sent,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=factor.secret,
                credential_current_sign_count=factor.counter,
                require_user_verification=of is None,
            )
        except _NONSENSE as error:
            raise Refused("passkey_wrong", _told(error)) from error
        # Section 6.1.1: a counter that does not move on is the sign of a copied authenticator.
        if not await self.database.use_factor(factor.id, found.new_sign_count, now):
            raise Refused("passkey_counter")
        return Asserted(factor=factor, amr=amr_of(factor))

    async def _spent(self, sent: str, binder: str) -> bytes:
        """The challenge that an answer is to. Raises Refused where it is not one of ours, or not for this, or used."""
        client_data = parse_client_data_json(base64url_to_bytes(json.loads(sent)["response"]["clientDataJSON"]))
        if not await self.challenges.spend(client_data.challenge, binder):
            raise Refused("challenge_spent")
        return client_data.challenge


def _described(held: Sequence[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each.credential) for each in held if each.credential is not None]


def amr_of(passkey: Factor) -> tuple[str, ...]:
    """How somebody authenticates by it (RFC 8176): with a key that stays in its hardware, or one that is synchronised."""
    return ("hwk" if passkey.details.get(_SAID) == CredentialDeviceType.SINGLE_DEVICE.value else "swk",)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
