"""One's own second factors."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from multidict import CIMultiDict
from pydantic import Field, JsonValue, SecretStr

from auth_plugins import Refused
from proxy.model.access import Permission, Reason
from proxy.model.identity import Factor, Person
from proxy.services.factors import Answer as Given
from proxy.services.factors import Enrolled
from proxy.services.problems import Invalid, NotPossible, NotThere, Wrong
from proxy.web import factor_attempts
from proxy.web.api.auth import LoggedIn, Secret, logged_in, own_session
from proxy.web.api.callers import csrf_of
from proxy.web.api.keys import Api
from proxy.web.api.me import TAG
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import PLATFORM, Call, Operation, Reply
from proxy.web.api.refusing import Stop
from proxy.web.enrolling import telling
from proxy.web.keys import SITE
from proxy.web.second_factor import Claim
from proxy.web.visitors import Visitor

Code = Annotated[SecretStr, Field(max_length=64)]
"""A code of an authenticator app, or a recovery code."""
_EMPTY: Final = SecretStr("")
_WRONG: Final = "Send the current password, and a code or assertion that is right and was not used before."


class PasskeyItem(Answer):
    """A passkey. Times are seconds since the epoch."""

    id: str
    name: str
    created: float
    last_used: float | None


class Factors(Answer):
    """What one has set up."""

    enforced: bool
    """Whether one must have a second factor."""
    enrolled: bool
    app: bool
    """Whether there is an authenticator app."""
    passkeys: tuple[PasskeyItem, ...]
    recovery_codes: int
    """How many are left."""


class AppSecret(Answer):
    """What an authenticator app is set up with; it counts once a code of it was sent to /me/mfa/verify."""

    secret: str
    address: str
    """otpauth://…"""
    picture: str
    """The same as a QR code: a data URL of an SVG."""


class AppCode(Body):
    """A code that the app shows."""

    code: Code


class NewPasskey(Body):
    """What navigator.credentials.create() answered, its bytes as base64url."""

    name: Line = ""
    credential: Mapping[str, JsonValue]


class Confirmation(Body):
    """That it is oneself: the password, where one has one here, and a second factor, where one has one."""

    password: Secret = _EMPTY
    code: Code = _EMPTY
    assertion: Mapping[str, JsonValue] | None = None
    """Instead of a code: what navigator.credentials.get() answered, its bytes as base64url."""


class FactorProof(Body):
    """A second factor."""

    code: Code = _EMPTY
    assertion: Mapping[str, JsonValue] | None = None
    """Instead of a code: what navigator.credentials.get() answered, its bytes as base64url."""


class RecoveryCodes(Answer):
    """Ten codes that are good once each; they are shown this once."""

    recovery_codes: tuple[str, ...]


class Added(Answer):
    """A factor that counts from now on, and the session that goes on as one that proved it."""

    id: str
    recovery_codes: tuple[str, ...]
    """Ten of them where it is the first factor, else none; they are shown this once."""
    session: str
    """Id of the session, which is another one now."""
    csrf: str
    """What changes by it carry in the header X-Flowward-CSRF."""


class Options(Answer):
    """What the browser's API for passkeys takes as `publicKey`, its bytes as base64url."""

    options: Mapping[str, JsonValue]


async def show(api: Api, call: Call) -> Factors:
    person, desk = call.moment.actor.person, api.desk
    held = await desk.factors.of(person.user.id)
    return Factors(
        enforced=desk.factors.policy.concerns(call.moment.estate, person),
        enrolled=held.enrolled,
        app=held.totp is not None,
        passkeys=tuple(_item(each) for each in held.passkeys),
        recovery_codes=len(held.left),
    )


def _item(factor: Factor) -> PasskeyItem:
    return PasskeyItem(id=factor.id, name=factor.name, created=factor.created, last_used=factor.last_used)


async def begin(api: Api, call: Call) -> AppSecret:
    claim = await _adding(api, call)
    made = await api.desk.factors.begin(claim.person.user, claim.binder)
    return AppSecret(secret=made.secret, address=made.address, picture=made.picture)


async def verify(api: Api, call: Call) -> Reply:
    claim, desk = await _adding(api, call), api.desk
    await desk.allowances.second_factor(claim.binder, claim.person.user.id)
    code = call.sent(AppCode).code.get_secret_value()
    try:
        tell = telling(desk, call.request, claim)
        made = await desk.factors.confirm(claim.person.user, code, claim.binder, tell)
    except Refused:
        detail = "Begin once more: the secret is gone."
        raise Invalid(Wrong(field="code", message="is not right", remedy=detail)) from None
    return await _added(api, call, claim, made)


async def passkey_options(api: Api, call: Call) -> Options:
    claim = await _adding(api, call)
    return Options(options=json.loads(await api.desk.factors.to_register(claim.person.user, claim.binder)))


async def add_passkey(api: Api, call: Call) -> Reply:
    claim, sent, desk = await _adding(api, call), call.sent(NewPasskey), api.desk
    tell = telling(desk, call.request, claim)
    credential = json.dumps(dict(sent.credential))
    try:
        made = await desk.factors.register(claim.person.user, credential, claim.binder, sent.name, tell)
    except Refused as refused:
        detail = "Ask for new options, and try again."
        raise Invalid(Wrong(field="credential", message=f"is not good: {refused.code}", remedy=detail)) from None
    return await _added(api, call, claim, made)


async def _adding(api: Api, call: Call) -> Claim:
    """Whoever may add a factor. Raises Stop for a session that has not proved one of those there are."""
    claim = _claim(call)
    held = await api.desk.factors.of(claim.person.user.id)
    if held.enrolled and own_session(call).factor <= 0:
        raise Stop(
            401, Reason.SECOND_FACTOR_REQUIRED, "Prove a second factor that you have: POST /-/api/v1/me/mfa/prove."
        )
    return claim


def _claim(call: Call) -> Claim:
    person = call.moment.actor.person
    return Claim(person=person, target=None, session=Visitor(session=own_session(call), person=person))


async def _added(api: Api, call: Call, claim: Claim, made: Enrolled) -> Reply:
    """With the first factor all other sessions end, and this one goes on as one that proved it."""
    before = own_session(call)
    if not made.codes:
        content = Added(id=made.factor.id, recovery_codes=(), session=before.id, csrf=csrf_of(api.desk, before))
        return Reply(content=content)
    await api.desk.sessions.end_all(claim.person.user.id, but=before.id)
    session, fields = await _reissued(api, call, made.amr)
    content = Added(id=made.factor.id, recovery_codes=made.codes, session=session.session.id, csrf=session.csrf)
    return Reply(content=content, fields=fields)


async def _reissued(api: Api, call: Call, amr: tuple[str, ...]) -> tuple[LoggedIn, CIMultiDict[str]]:
    """The session as one that proved a second factor, and its Set-Cookie."""
    desk, names = api.desk, api.desk.logins.cookies
    host = call.request[SITE].name
    session, value = await desk.sessions.reissue(own_session(call), host, amr=amr, factor=desk.now())
    cookie = names.set(names.session, value, session.expires - desk.now())
    return logged_in(api, session, call.moment.actor.person), CIMultiDict({"Set-Cookie": cookie})


async def challenge(api: Api, call: Call) -> Options:
    claim = _claim(call)
    held = await api.desk.factors.of(claim.person.user.id)
    if not held.passkeys:
        raise NotPossible("no_passkey", "You have no passkey that could be asked for. Prove a code, or add a passkey.")
    return Options(options=json.loads(api.desk.factors.passkeys.to_assert(held.passkeys, claim.binder)))


async def prove(api: Api, call: Call) -> Reply:
    """A living session proves a second factor, and goes on as another one."""
    sent, claim = call.sent(FactorProof), _claim(call)
    try:
        proof = await factor_attempts.prove(
            api.desk, call.request, claim.person, given(sent.code, sent.assertion), claim.binder
        )
    except Refused:
        raise Stop(403, "second_factor_wrong", "Send a code or assertion that was not used before.") from None
    content, fields = await _reissued(api, call, proof.amr)
    return Reply(content=content, fields=fields)


def given(code: SecretStr, assertion: Mapping[str, JsonValue] | None) -> Given:
    return Given(code=code.get_secret_value(), assertion=json.dumps(dict(assertion)) if assertion else "")


async def switch_off(api: Api, call: Call) -> None:
    held = await api.desk.factors.of(call.moment.actor.user_id)
    await _remove(api, call, held.confirmed)


async def remove_passkey(api: Api, call: Call) -> None:
    held = await api.desk.factors.of(call.moment.actor.user_id)
    found = tuple(each for each in held.passkeys if each.id == call.path["passkey"])
    if not found:
        raise NotThere(call.path["passkey"])
    await _remove(api, call, found)


async def _remove(api: Api, call: Call, factors: tuple[Factor, ...]) -> None:
    claim = _claim(call)
    await _proven(api, call, claim.person)
    enforced = api.desk.factors.policy.concerns(call.moment.estate, claim.person)
    tell = telling(api.desk, call.request, claim)
    await api.desk.factors.remove(claim.person.user, factors, enforced=enforced, tell=tell)


async def renew_codes(api: Api, call: Call) -> RecoveryCodes:
    claim = _claim(call)
    await _proven(api, call, claim.person)
    codes = await api.desk.factors.renew_codes(claim.person.user, telling(api.desk, call.request, claim))
    return RecoveryCodes(recovery_codes=codes)


async def _proven(api: Api, call: Call, person: Person) -> None:
    """What weakens an account takes the password and a second factor. Raises Stop."""
    sent, request, desk = call.sent(Confirmation), call.request, api.desk
    held = await desk.factors.of(person.user.id)
    try:
        if person.user.provider is None:
            await factor_attempts.prove_password(desk, request, person, sent.password.get_secret_value())
        if held.enrolled:
            answer = given(sent.code, sent.assertion)
            await factor_attempts.prove(desk, request, person, answer, _claim(call).binder)
    except Refused:
        raise Stop(403, "proof_wrong", _WRONG) from None


_MFA: Final = Operation(
    method="POST",
    path="/me/mfa",
    tag=TAG,
    summary="What all of them share",
    permission=Permission.SELF_MFA,
    where=PLATFORM,
    perform=show,
    while_unproven=True,
)
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/me/mfa",
        tag=TAG,
        summary="One's own second factors",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Factors,
        perform=show,
        while_unproven=True,
    ),
    replace(
        _MFA,
        method="PUT",
        summary="Begin to set up an authenticator app; nothing counts before a code of it was sent",
        answer=AppSecret,
        perform=begin,
    ),
    replace(
        _MFA,
        method="DELETE",
        summary="Take all of one's second factors away",
        body=Confirmation,
        status=204,
        audit=("user.mfa.disabled",),
        perform=switch_off,
        while_unproven=False,
    ),
    replace(
        _MFA,
        method="PUT",
        path="/me/mfa/verify",
        summary="Send a code of the app that is set up; a wrong one makes its secret void",
        body=AppCode,
        answer=Added,
        audit=("user.mfa.enabled",),
        perform=verify,
    ),
    Operation(
        method="POST",
        path="/me/mfa/prove",
        tag=TAG,
        summary="Prove a second factor in a session that has not; it goes on as another session",
        body=FactorProof,
        answer=LoggedIn,
        audit=("account.login", "user.mfa.recovery-used"),
        perform=prove,
        while_unproven=True,
    ),
    replace(
        _MFA,
        path="/me/mfa/recovery-codes",
        summary="Make ten new recovery codes; those before are void",
        body=Confirmation,
        answer=RecoveryCodes,
        audit=("user.mfa.recovery-codes",),
        perform=renew_codes,
        while_unproven=False,
    ),
    replace(
        _MFA,
        path="/me/passkeys",
        summary="Keep a passkey that the browser has made",
        body=NewPasskey,
        answer=Added,
        status=201,
        audit=("user.mfa.enabled",),
        perform=add_passkey,
    ),
    replace(
        _MFA,
        path="/me/passkeys/options",
        summary="What a browser needs to make a passkey",
        answer=Options,
        perform=passkey_options,
    ),
    Operation(
        method="POST",
        path="/me/passkeys/challenge",
        tag=TAG,
        summary="What a browser needs to prove one of one's passkeys",
        answer=Options,
        perform=challenge,
        while_unproven=True,
    ),
    replace(
        _MFA,
        method="DELETE",
        path="/me/passkeys/{passkey}",
        summary="Take one passkey away",
        body=Confirmation,
        status=204,
        audit=("user.mfa.disabled",),
        perform=remove_passkey,
        while_unproven=False,
    ),
)
