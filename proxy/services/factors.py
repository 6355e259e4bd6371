"""Second factors: what people have set up, how it is proven, and how it comes and goes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import urlsplit

from auth_plugins import Refused
from config.mfa_schema import Mfa
from proxy.access.second_factor import Policy
from proxy.model.audit import Event
from proxy.model.identity import Factor, FactorKind, User
from proxy.services import recovery_codes, totp
from proxy.services.offload import Offload
from proxy.services.passkeys import Challenges, Passkeys, amr_of
from proxy.services.problems import NotPossible
from proxy.services.sealing import Seal
from proxy.store import Conflict, Database, Edit, PutFactor, Remove, Shared

PASSKEYS: Final = 10
"""How many one person may have."""
PENDING: Final = 1800.0
"""Seconds for which a secret waits for its first code."""
WRONG: Final = "second_factor_wrong"
_BEGUN_BY: Final = "begun_by"
"""Key of a factor's details: the login in which an app is being set up, as a hash."""


class Tell(Protocol):
    """Makes an event about the person whose factors these are."""

    def __call__(self, event: str, *, body: Mapping[str, object] = ..., error: str = ...) -> Event: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody sends to prove a second factor: a code of either kind, or a passkey's assertion as JSON."""

    code: str = ""
    assertion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That somebody proved one."""

    kind: FactorKind
    amr: tuple[str, ...]
    """How (RFC 8176)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A factor that counts from now on."""

    factor: Factor
    codes: tuple[str, ...] = ()
    """Recovery codes, where it is the first one; they are shown this once."""

    @property
    def amr(self) -> tuple[str, ...]:
        return ("otp", "mfa") if self.factor.kind is FactorKind.TOTP else (*amr_of(self.factor), "mfa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one person has."""

    totp: Factor | None = None
    pending: Factor | None = None
    """An authenticator app that is being set up."""
    unconfirmed: tuple[Factor, ...] = ()
    """All that ever were, and came to nothing."""
    passkeys: tuple[Factor, ...] = ()
    codes: tuple[Factor, ...] = ()
    """Recovery codes, used ones included."""

    def pending_in(self, binder: str) -> Factor | None:
        """The app that is being set up, where it is so in this login."""
        ours = self.pending is not None and self.pending.details.get(_BEGUN_BY) == _digest(binder)
        return self.pending if ours else None

    @property
    def enrolled(self) -> bool:
        return self.totp is not None or bool(self.passkeys)

    @property
    def confirmed(self) -> tuple[Factor, ...]:
        """Without recovery codes, which are no factor by themselves."""
        return (*((self.totp,) if self.totp else ()), *self.passkeys)

    @property
    def left(self) -> tuple[Factor, ...]:
        """Recovery codes that were not used."""
        return tuple(code for code in self.codes if not code.counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What an authenticator app is set up with."""

    secret: str
    address: str
    """otpauth://…"""
    picture: str
    """The same as a QR code: a data URL of an SVG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The second factors of everybody. Raises StoreUnavailable; Refused where something is not proven."""

    database: Database
    passkeys: Passkeys
    seal: Seal
    offload: Offload
    settings: Callable[[], Mfa]
    now: Callable[[], float]
    new_id: Callable[[], str]

    @property
    def policy(self) -> Policy:
        return policy_of(self.settings())

    async def of(self, user_id: str) -> Held:
        return _held(await self.database.factors(user_id), self.now())

    async def fingerprint(self, user: User) -> str:
        """What the account rests on: another one after a change of its password or its factors."""
        account = await self.database.account(user.username)
        kept = account.password_hash if account and account.user.id == user.id else None
        held = await self.of(user.id)
        parts = [user.id, kept or "", *sorted(each.id for each in held.confirmed)]
        return sha256("\0".join(parts).encode()).hexdigest()

    async def prove(self, user: User, answer: Answer, binder: str) -> Proof:
        """How they proved one. Each code, and each assertion, is good once. Raises Refused."""
        if answer.assertion:
            proven = await self.passkeys.asserted(answer.assertion, binder, now=self.now(), of=user)
            return Proof(kind=FactorKind.PASSKEY, amr=(*proven.amr, "mfa"))
        held = await self.of(user.id)
        digits = totp.code_in(answer.code)
        used = await (self._by_app(held.totp, digits) if digits else self._by_recovery(held, answer.code))
        if not used:
            raise Refused(WRONG)
        return Proof(kind=FactorKind.TOTP if digits else FactorKind.RECOVERY, amr=("otp", "mfa"))

    async def _by_app(self, factor: Factor | None, digits: str) -> bool:
        if factor is None:
            return False
        step = totp.step_of(self._secret(factor), digits, now=self.now(), after=factor.counter)
        return step is not None and await self.database.use_factor(factor.id, step, self.now())

    async def _by_recovery(self, held: Held, typed: str) -> bool:
        wanted = recovery_codes.digest(typed)
        code = next((each for each in held.left if each.secret == wanted), None) if held.enrolled else None
        return code is not None and await self.database.use_factor(code.id, 1, self.now())

    # -- an authenticator app

    async def begin(self, user: User, binder: str) -> Enrolment:
        """A new secret, which counts for nothing until a code of it was seen; shown and confirmed in this login alone.

        Somebody else who knows the password could lay out a secret of theirs otherwise. Raises NotPossible for a second app.
        """
        held = await self.of(user.id)
        if held.totp is not None:
            raise NotPossible(
                "exists", "There is an authenticator app already. Remove it before you set up another one."
            )
        secret = totp.new_secret()
        factor = Factor(
            id=self.new_id(), user=user.id, kind=FactorKind.TOTP, name="", created=self.now(), confirmed=False
        )
        sealed = self.seal.close(secret.encode(), _about(factor))
        factor = replace(factor, secret=sealed, details={_BEGUN_BY: _digest(binder)})
        await self.database.edit([*_removed(*held.unconfirmed), PutFactor(factor=factor)], [])
        return await self._shown(user, secret)

    async def pending(self, user: User, binder: str) -> Enrolment | None:
        """The one that is being set up in this login."""
        found = (await self.of(user.id)).pending_in(binder)
        return await self._shown(user, self._secret(found)) if found else None

    async def _shown(self, user: User, secret: str) -> Enrolment:
        address = totp.address(secret, user.username, self.settings().issuer)
        return Enrolment(secret=secret, address=address, picture=await self.offload(totp.picture, address))

    async def confirm(self, user: User, code: str, binder: str, tell: Tell) -> Enrolled:
        """From now on the app counts.

        Raises Refused for a wrong code, with which the secret is gone; NotPossible where nothing is being set up.
        """
        held = await self.of(user.id)
        factor = held.pending_in(binder)
        if factor is None:
            raise NotPossible(
                "not_begun", "No authenticator app is being set up, or it took too long. Begin once more."
            )
        digits = totp.code_in(code)
        step = totp.step_of(self._secret(factor), digits, now=self.now(), after=0) if digits else None
        if step is None:
            failed = tell("user.mfa.enabled", body={"factor": factor.kind.value}, error=WRONG)
            await self.database.edit(_removed(factor), [failed])
            raise Refused(WRONG)
        confirmed = replace(factor, confirmed=True, counter=step, last_used=self.now(), details={})
        return await self._add(held, confirmed, tell)

    def _secret(self, factor: Factor) -> str:
        return self.seal.open(factor.secret, _about(factor)).decode()

    # -- passkeys

    async def to_register(self, user: User, binder: str) -> str:
        return self.passkeys.to_register(user, (await self.of(user.id)).passkeys, binder)

    async def register(self, user: User, sent: str, binder: str, name: str, tell: Tell) -> Enrolled:
        """Keep a new passkey. Raises Refused and NotPossible."""
        held = await self.of(user.id)
        if len(held.passkeys) >= PASSKEYS:
            raise NotPossible("too_many", f"There are {PASSKEYS} passkeys already. Remove one before you add another.")
        called = name.strip() or f"Passkey {len(held.passkeys) + 1}"
        factor = await self.passkeys.registered(user, sent, binder, id_=self.new_id(), name=called[:64], now=self.now())
        try:
            return await self._add(held, factor, tell)
        except Conflict as error:
            raise Refused("passkey_known") from error

    async def _add(self, held: Held, factor: Factor, tell: Tell) -> Enrolled:
        codes = () if held.enrolled else recovery_codes.new_codes()
        edits: list[Edit] = [PutFactor(factor=factor)]
        if codes:
            edits += [*_removed(*held.codes), *self._kept(factor.user, codes)]
        event = tell("user.mfa.enabled", body={"factor": factor.kind.value, "name": factor.name})
        await self.database.edit(edits, [event])
        return Enrolled(factor=factor, codes=codes)

    # -- recovery codes

    async def renew_codes(self, user: User, tell: Tell) -> tuple[str, ...]:
        """Ten new ones; those before are void. Raises NotPossible for somebody who has no factor to recover from."""
        held = await self.of(user.id)
        if not held.enrolled:
            raise NotPossible("not_enrolled", "Set up an authenticator app or a passkey first.")
        codes = recovery_codes.new_codes()
        edits = [*_removed(*held.codes), *self._kept(user.id, codes)]
        await self.database.edit(edits, [tell("user.mfa.recovery-codes")])
        return codes

    def _kept(self, user_id: str, codes: Sequence[str]) -> Iterator[PutFactor]:
        for code in codes:
            secret = recovery_codes.digest(code)
            yield PutFactor(
                factor=Factor(
                    id=self.new_id(),
                    user=user_id,
                    kind=FactorKind.RECOVERY,
                    name="",
                    created=self.now(),
                    secret=secret,
                )
            )

    # -- away with them

    async def remove(self, user: User, wanted: Sequence[Factor], *, enforced: bool, tell: Tell) -> None:
        """Take some factors away, and with the last one the recovery codes.

        Raises NotPossible where they must have one and none would be left.
        """
        held = await self.of(user.id)
        gone = {each.id for each in wanted}
        last = all(each.id in gone for each in held.confirmed)
        if last and enforced and held.enrolled:
            raise NotPossible(
                "enforced", "You must have a second factor here. Set up another one before you remove this."
            )
        away = [*wanted, *(held.codes if last else ())]
        events = [
            tell("user.mfa.disabled", body={"factor": each.kind.value, "name": each.name})
            for each in wanted
            if each.confirmed
        ]
        await self.database.edit(_removed(*away), events)


def factors_of(
    database: Database,
    shared: Shared,
    offload: Offload,
    *,
    home: str,
    subkey: Callable[[str], bytes],
    settings: Callable[[], Mfa],
    now: Callable[[], float],
    new_id: Callable[[], str],
) -> Factors:
    """Those of a gateway whose home has this origin. `subkey` makes a key of 32 bytes for one purpose."""
    passkeys = Passkeys(
        database=database,
        challenges=Challenges(shared, subkey("challenges"), now),
        host=urlsplit(home).hostname or "",
        origin=home,
        name=lambda: settings().issuer,
    )
    seal = Seal(subkey("second factors"))
    return Factors(
        database=database, passkeys=passkeys, seal=seal, offload=offload, settings=settings, now=now, new_id=new_id
    )


def policy_of(settings: Mfa) -> Policy:
    """Whom the setting `mfa.enforce` means."""
    enforce = settings.enforce
    if isinstance(enforce, tuple):
        return Policy(spaces=frozenset(enforce))
    return Policy(everybody=enforce == "all", admins=enforce == "admins")


def _held(factors: Sequence[Factor], now: float) -> Held:
    apps = [each for each in factors if each.kind is FactorKind.TOTP]
    unconfirmed = tuple(each for each in apps if not each.confirmed)
    return Held(
        totp=next((each for each in apps if each.confirmed), None),
        pending=next((each for each in reversed(unconfirmed) if now < each.created + PENDING), None),
        unconfirmed=unconfirmed,
        passkeys=tuple(each for each in factors if each.kind is FactorKind.PASSKEY),
        codes=tuple(each for each in factors if each.kind is FactorKind.RECOVERY),
    )


def _removed(*factors: Factor | None) -> list[Edit]:
    return [Remove(kind=Factor, id=each.id) for each in factors if each is not None]


def _digest(binder: str) -> str:
    return sha256(binder.encode()).hexdigest()


def _about(factor: Factor) -> str:
    """A secret opens for its own row alone."""
    return f"totp {factor.user} {factor.id}"
