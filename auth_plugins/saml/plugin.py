"""SAML 2.0: people log in at an identity provider of their organisation, and both ends learn of a logout."""

import json
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

from typing_extensions import override

from auth_plugins.contract import AuthPlugin, Kit
from auth_plugins.saml.findings import findings_of
from auth_plugins.saml.guards import decoded, parsed
from auth_plugins.saml.logout import LogoutAsked, logout_asked, logout_confirmed
from auth_plugins.saml.messages import login_request, logout_request, logout_response, new_id, sent
from auth_plugins.saml.metadata import Idp, Own, Source, published
from auth_plugins.saml.people import identity_of
from auth_plugins.saml.response import Asked, Assertion, NameId, read
from auth_plugins.saml.settings import Binding, SamlSettings
from auth_plugins.values import (
    Document,
    Ended,
    Finding,
    Identity,
    LoginRequest,
    LogoutRequest,
    ProviderMessage,
    Redirect,
    Refused,
    Unavailable,
)

_BINDINGS: Final[tuple[Binding, Binding]] = ("redirect", "post")
_SLOW: Final = 60.0
"""Seconds that may pass from judging what came to remembering it: for so long it is remembered past its time."""


class Saml(AuthPlugin[SamlSettings]):
    """A visitor is sent to the provider and comes back with a signed statement of who they are."""

    flow_field = "RelayState"

    def __init__(self, settings: SamlSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        self._source = Source(settings=settings, kit=kit)
        self._own = Own(
            base=kit.base,
            key=settings.key.get_secret_value() if settings.key else "",
            certificate=settings.certificate.pem if settings.certificate else "",
            wants_response_signed=settings.want_response_signed,
            wants_assertions_signed=settings.want_assertions_signed,
            skew=settings.skew,
        )

    @override
    async def login(self, request: LoginRequest) -> Identity | Redirect:
        return await self._arrived(request) if request.returned else await self._sent_away(request)

    async def _sent_away(self, request: LoginRequest) -> Redirect:
        idp, binding = await self._source.idp(), self.settings.binding
        at = idp.logins.get(binding)
        if at is None:
            raise Unavailable("binding_not_offered", f"the provider takes requests by {list(idp.logins)}; set binding")
        redirect, keep = await self.kit.offload(self._request, binding, at, request)
        return Redirect(url=redirect.url, post=redirect.post, keep=keep)

    def _request(self, binding: Binding, at: str, request: LoginRequest) -> tuple[Redirect, Mapping[str, str]]:
        now, asked, form = self.kit.now(), new_id(), self.settings.name_id_format
        message = login_request(self._own, at, name=form, id=asked, now=now, again=request.again)
        since = {"since": str(now)} if request.again else {}
        redirect = sent(message, binding, at, kind="SAMLRequest", relay=request.flow, own=self._own)
        return redirect, {"request": asked, **since}

    async def _arrived(self, request: LoginRequest) -> Identity:
        if not request.flow and not self.settings.allow_unsolicited:
            raise Refused("unsolicited", "nobody asked for this response here; allow_unsolicited would take it")
        if request.flow and "request" not in request.keep:
            raise Refused("request_missing", "the response came for a login that was not sent to this provider")
        asked = Asked(
            now=self.kit.now(),
            request=request.keep.get("request", ""),
            since=float(request.keep.get("since", 0)),
        )
        assertion = await self._read(request.fields.get("SAMLResponse", ""), asked)
        await self._remember(f"assertion {assertion.id}", assertion.until)
        return identity_of(assertion, self.settings)

    async def _read(self, text: str, asked: Asked) -> Assertion:
        """The provider may have begun to sign with a new key: then its metadata are read once more."""
        if not text:
            raise Refused("response_missing", "nothing came in the field SAMLResponse")
        idp = await self._source.idp()
        try:
            return await self.kit.offload(_assertion, text, idp, self._own, asked)
        except Refused as refused:
            newer = await self._source.renewed() if refused.code == "signature_wrong" else None
            if newer is None or newer.certificates == idp.certificates:
                raise
        return await self.kit.offload(_assertion, text, newer, self._own, asked)

    async def _remember(self, what: str, until: float) -> None:
        """Raises Refused where it was seen before."""
        mark = uuid4().hex
        if await self.kit.vault.put_new(what, mark, max(until - self.kit.now(), 0.0) + _SLOW) != mark:
            raise Refused("replayed", f"the {what} was used before")

    @override
    async def logout(self, request: LogoutRequest) -> Redirect | None:
        idp = await self._source.idp()
        binding = next((each for each in _BINDINGS if each in idp.logouts), None)
        if binding is None or not request.keep:
            return None
        return await self.kit.offload(self._farewell, binding, idp.logouts[binding], request)

    def _farewell(self, binding: Binding, at: str, request: LogoutRequest) -> Redirect:
        name = NameId(**json.loads(request.keep))
        message = logout_request(self._own, at, name=name, session=request.session, now=self.kit.now())
        return sent(message, binding, at, kind="SAMLRequest", relay=request.flow, own=self._own)

    @override
    async def ended(self, message: ProviderMessage) -> Ended:
        idp = await self._source.idp()
        if "SAMLResponse" in message.fields:
            await self.kit.offload(logout_confirmed, message, idp, self._own)
            return Ended()
        asked = await self.kit.offload(logout_asked, message, idp, self._own, self.kit.now())
        await self._remember(f"logout {asked.id}", asked.until)
        then = await self.kit.offload(self._done, idp, asked)
        return Ended(subject=asked.subject, session=asked.session, then=then)

    def _done(self, idp: Idp, asked: LogoutAsked) -> Redirect | None:
        binding = next((each for each in _BINDINGS if each in idp.logout_answers), None)
        if binding is None:
            return None
        at = idp.logout_answers[binding]
        message = logout_response(self._own, at, answers=asked.id, now=self.kit.now())
        return sent(message, binding, at, kind="SAMLResponse", relay=asked.relay, own=self._own)

    @override
    async def document(self) -> Document:
        content = await self.kit.offload(published, self._own, self.settings.name_id_format)
        return Document(content_type="application/samlmetadata+xml", body=content)

    @override
    async def examine(self, sample: str) -> Identity:
        """Who a response, as XML or base64, would be; signature, addresses and audience count, time and request do not."""
        assertion = await self._read(sample.strip(), Asked(now=self.kit.now(), sample=True))
        return identity_of(assertion, self.settings)

    @override
    async def findings(self) -> Sequence[Finding]:
        try:
            idp = await self._source.idp()
        except Unavailable as error:
            return (Finding(code=error.code, level="error", detail=error.detail),)
        return findings_of(idp, self.settings, self._source.trouble, self.kit.now())


def _assertion(text: str, idp: Idp, own: Own, asked: Asked) -> Assertion:
    content = text.encode() if asked.sample and text.startswith("<") else decoded(text)
    return read(parsed(content), idp, own, asked)
