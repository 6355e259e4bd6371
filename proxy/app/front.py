"""The front of the aiohttp lane: every request that comes here is judged here, by the same gate."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLObject
from time import monotonic
from typing import Final, TypeVar

import structlog
from aiohttp import ClientError, HttpVersion10, HttpVersion11, web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from proxy.access.branding import acquainted
from proxy.gate.answers import answer as machine_answer
from proxy.gate.answers import is_framed, lacks_login, leads_to_login, wants_page, wants_telling
from proxy.gate.caller import JWKS, Caller
from proxy.gate.gate import Gate
from proxy.gate.verdict import Head, Local, Missing, Pass, Refusal
from proxy.inspection.dispatch import InspectionDesk, inspect, refuse_comms
from proxy.inspection.exchange import Exchange, Stopped, UpstreamFailed
from proxy.inspection.takeover import Detached, Tap, tap_of
from proxy.model.access import Reason, Role
from proxy.model.identity import Person
from proxy.nodered.surfaces import RULES
from proxy.plane.head import HEAD_LIMIT
from proxy.plane.record import serialised
from proxy.services.ratelimit import Late, TooOften
from proxy.services.traffic import Traffic
from proxy.store import StoreUnavailable
from proxy.web import answers as pages
from proxy.web.branding import dressed, is_shown
from proxy.web.keys import ADDRESS, IDENTIFIED, SECURE, SITE, VIEWED, Desk
from proxy.web.openings import Opening, openings
from proxy.web.refusals import login_beside
from proxy.web.refusals import refusal as refusal_page
from proxy.web.routes import too_often
from proxy.wire.framing import BadFraming, request_framing
from proxy.wire.headers import BadFields, Treatments, treated

_ROUNDS: Final = 3
_API: Final = "/-/api/"
_JWKS: Final = JWKS.decode()
_BACK_CHANNEL: Final = "/backchannel"
_CSP: Final = "Content-Security-Policy"
_BY_ITSELF: Final = "frame-ancestors 'self'"
_OWN_PAGE: Final = 60.0
"""Seconds for a page of the gateway's own, the arrival of its form included."""
_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Judges, then lets the right part answer."""

    gate: Gate
    desk: Desk
    inspection: InspectionDesk
    traffic: Traffic
    fast_lane: bool
    hsts: str

    async def handle(self, request: web.Request, own_page: Handler) -> web.StreamResponse:
        """One request, from head to answer."""
        if (tap := tap_of(request)) is not None:
            tap.judged()
        try:
            return await self._judged(request, own_page)
        except web.HTTPException as error:  # aiohttp's own: a body over the limit, for one
            return self._last(request, Refusal(Reason.BAD_REQUEST, error.status, error.reason))
        except (ConnectionError, ClientError, TimeoutError):
            raise  # the connection is gone: nobody is there to be answered
        except Exception:  # noqa: BLE001 - the one catch-all: a defect lets nobody in, and is told apart from a refusal
            _log.exception("defect", path=request.path)
            self.traffic.refused("", Reason.DEFECT)
            return _serialised(Refusal(Reason.DEFECT, 500), None)
        finally:
            if (tap := tap_of(request)) is not None:
                tap.mark(body=request.body_exists)

    async def prepare(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Before any head is sent: with the fast lane on, the next request belongs to it.

        After a chunked body nothing more is read at all: aiohttp takes its trailers for fields of the next request.
        """
        if response.status != 101 and (self.fast_lane or "Transfer-Encoding" in request.headers):
            response.headers["Connection"] = "close"
            response.force_close()
        if response.headers.get("Server") == SERVER_SOFTWARE:
            del response.headers["Server"]
        if response.headers.get("Content-Type") == "":  # an instance that named none
            del response.headers["Content-Type"]
        if self.hsts and isinstance(request, web.Request) and request.get(SECURE):
            response.headers.setdefault("Strict-Transport-Security", self.hsts)
        site = request.get(SITE) if isinstance(request, web.Request) else None
        if site is not None and site.framed_by:
            _let_be_framed(response, site.frame_policy)

    async def _judged(self, request: web.Request, own_page: Handler) -> web.StreamResponse:
        tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
        tap = tap_of(request)
        caller = Caller(
            self.gate,
            request.remote or "127.0.0.1",
            secure=tls is not None,
            inspects=True,
            paid=tap is not None and tap.paid,
            certificate=self._certificate(tap, tls),
        )
        try:
            head = _head(request, self.gate.fields)
        except (BadFields, BadFraming) as error:
            return self._last(request, Refusal(Reason.BAD_REQUEST, 400, error.args[0]))
        verdict: Pass | Local | Refusal = await self._answered(lambda: caller.judge(head, monotonic()))
        request[ADDRESS], request[SECURE] = caller.address, caller.secure
        if caller.site is not None:
            request[SITE] = caller.site
        if caller.principal.viewer is not None and (person := await self._person(caller)) is not None:
            request[VIEWED] = person.user.name or person.user.username
        if isinstance(verdict, Local):
            refusal = await self._identify(request, caller, head) if request.path.startswith(_API) else None
            return await (
                self._refuse(request, head, caller, refusal) if refusal else self._own_page(request, caller, own_page)
            )
        if isinstance(verdict, Refusal):
            return await self._refuse(request, head, caller, verdict)
        lease = verdict.lease
        try:
            return await inspect(self.inspection, Exchange(request=request, head=head, verdict=verdict, caller=caller))
        except Stopped as stopped:
            return await self._refuse(request, head, caller, stopped.refusal)
        except UpstreamFailed as failed:
            self.traffic.upstream(lease.station.name, failed.reason)
            trouble = Refusal(failed.reason, failed.status, "", lease.station, lease.surface, lease)
            return await self._refuse(request, head, caller, trouble)

    async def _own_page(self, request: web.Request, caller: Caller, page: Handler) -> web.StreamResponse:
        """A page of ours; who asks for one without a login is counted, but where that is counted apart."""
        try:
            apart = request.path.startswith(_API) or request.path == _JWKS or request.path.endswith(_BACK_CHANNEL)
            if not apart and not is_shown(self.desk, request.path):
                self._charge_stranger(caller)
            async with asyncio.timeout(_OWN_PAGE):
                response = await page(request)
        except TooOften as error:
            response = await dressed(self.desk, request, too_often(self.desk, request, error))
        if response.status == 429:
            self.traffic.refused("", Reason.TOO_MANY_REQUESTS)
        return response

    def _charge_stranger(self, caller: Caller) -> None:
        """Raises TooOften."""
        if caller.principal is not self.gate.nobody and caller.principal.alive(monotonic()):
            return
        limit = self.gate.anonymous
        wait = limit.admit(caller.subject)
        if wait > 0:
            raise TooOften(Late(policy="anonymous", rate=limit.rate, wait=wait), "There were too many requests.")

    async def _identify(self, request: web.Request, caller: Caller, head: Head) -> Refusal | None:
        """Whose request to the API this is, where plugins can say; the refusal of a credential that is wrong."""
        found = await self._answered(lambda: caller.credential(head))
        if isinstance(found, Refusal):
            return found
        if found is not None:
            request[IDENTIFIED] = found
        return None

    async def _answered(self, ask: Callable[[], T | Missing]) -> T | Refusal:
        """What the gate says once it has learned what it needs."""
        for _ in range(_ROUNDS + 1):
            found = ask()
            if not isinstance(found, Missing):
                return found
            try:
                await self.gate.learn(found)
            except StoreUnavailable:
                break
        return Refusal(Reason.FACTS_UNAVAILABLE, 503)

    def _certificate(self, tap: Tap | None, tls: SSLObject | None) -> bytes:
        """The client's, read once per connection."""
        if tap is None:
            return self.gate.certificate_of(tls)
        if tap.certificate is None:
            tap.certificate = self.gate.certificate_of(tls)
        return tap.certificate

    # -- refusals

    def _last(self, request: web.Request, refusal: Refusal) -> web.StreamResponse:
        """A refusal after which nobody knows where the next request would start, said past aiohttp, which might go on."""
        tap = tap_of(request)
        if tap is None:
            raise ConnectionError("the connection is gone")
        tail = f"\r\nStrict-Transport-Security: {self.hsts}".encode() if self.hsts and tap.secure else b""
        tap.dismiss(serialised(machine_answer(refusal), close=True, head_only=False, tail=tail))
        return Detached()

    async def _refuse(self, request: web.Request, head: Head, caller: Caller, refusal: Refusal) -> web.StreamResponse:
        self.traffic.refused(refusal.station.name if refusal.station else "", refusal.reason)
        if refusal.lease is not None:
            self.inspection.count_refused(refusal.lease, head, caller, refusal.status)
        if wants_telling(head, refusal):
            return await refuse_comms(request, refusal.reason)
        if refusal.status == 400:
            return self._last(request, refusal)
        if not wants_page(head, refusal):
            return _serialised(refusal, head)
        if leads_to_login(head, refusal) and caller.site is not None:
            cookies = head.noted.get("cookie", b"").decode("latin-1")
            path = request.raw_path if request.raw_path.startswith("/") else "/"
            step = self.desk.logins.begin(self.desk.sites(), caller.site, path, cookies)
            return pages.see_other(step.location, step.cookies)
        if lacks_login(refusal) and is_framed(head) and caller.site is not None and caller.site.framed_by:
            return await dressed(self.desk, request, pages.answer(login_beside(request.raw_path)))
        return await dressed(self.desk, request, await self._page(caller, refusal))

    async def _page(self, caller: Caller, refusal: Refusal) -> web.Response:
        person = await self._person(caller)
        role = refusal.lease.decision.role if refusal.lease else Role.NONE
        if person is not None and role is Role.NONE and self._is_stranger(caller, person):
            person = None  # scripts of this host could read from the page whom the gateway knows
        needed = RULES[refusal.surface].least if refusal.surface is not None else None
        page = refusal_page(
            refusal.reason,
            refusal.status,
            home=self.desk.sites().door(caller.site) if caller.site else self.desk.sites().home.origin,
            user=person.user.name or person.user.username if person else "",
            role=role,
            needed=needed if refusal.reason in (Reason.ROLE_TOO_LOW, Reason.UNLISTED_ENDPOINT) else None,
            openings=self._openings(caller, person, refusal),
            retry_after=refusal.retry_after or 0,
            detail=refusal.detail,
        )
        response = pages.answer(page)
        if refusal.limit is not None:
            response.headers.update(refusal.limit.fields)
        if refusal.realm is not None:
            response.headers["WWW-Authenticate"] = dict(machine_answer(refusal).fields)["WWW-Authenticate"]
        return response

    def _is_stranger(self, caller: Caller, person: Person) -> bool:
        """Whether the host is one of other organisations alone."""
        if caller.site is None or caller.site.home:
            return False
        estate = self.desk.estate()
        owners = (estate.owner(mount.resource) for mount in caller.site.mounts)
        return not any(acquainted(estate, person, owner) for owner in owners)

    def _openings(self, caller: Caller, person: Person | None, refusal: Refusal) -> tuple[Opening, ...]:
        """What the visitor may open instead. Scripts of this host can read the page: it names what is here, not elsewhere."""
        if person is None or caller.site is None:
            return ()
        failing = refusal.station.resource.id if refusal.station is not None and refusal.status >= 500 else None
        found = tuple(one for one in openings(self.desk.estate(), self.desk.sites(), person) if one.id != failing)
        here = f"{caller.site.origin}/"
        return found if caller.site.home else tuple(one for one in found if one.dashboard.startswith(here))

    async def _person(self, caller: Caller) -> Person | None:
        user_id = caller.principal.user_id
        if user_id is None:
            return None
        try:
            return await self.desk.person(user_id)
        except StoreUnavailable:
            return None


def _head(request: web.Request, fields: Treatments) -> Head:
    """What the gate looks at. Raises BadFields or BadFraming; aiohttp has framed the message already."""
    lines, noted = treated(request.raw_headers, fields)
    if sum(len(name) + len(value) for name, value in request.raw_headers) > HEAD_LIMIT:
        raise BadFields(f"a head has at most {HEAD_LIMIT} bytes")
    method = request.method.encode("ascii", "replace")
    if method in (b"CONNECT", b"TRACE"):
        raise BadFraming(f"{request.method} is not for this gateway")
    if request.version not in (HttpVersion10, HttpVersion11):
        raise BadFraming("this gateway speaks HTTP/1.1 and 1.0")
    old = request.version == HttpVersion10
    request_framing(method, noted, old=old)
    return Head(method, request.raw_path.encode("utf-8", "surrogateescape"), lines, noted, old=old)


def _serialised(refusal: Refusal, head: Head | None) -> web.Response:
    made = machine_answer(refusal, head)
    return web.Response(status=made.status, headers=list(made.fields), body=made.body)


def _let_be_framed(response: web.StreamResponse, policy: str) -> None:
    """Say who may show this in a frame. A page of ours that the host itself may frame, others may too; a form stays alone."""
    said = response.headers.get(_CSP, "")
    if isinstance(response, pages.Shown) and _BY_ITSELF in said:
        response.headers[_CSP] = said.replace(_BY_ITSELF, policy)
    elif not isinstance(response, pages.Shown):
        response.headers.add(_CSP, policy)
