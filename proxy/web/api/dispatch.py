"""The one way every operation is carried out: who, forgery, limit, parse, decide, perform, answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel

from proxy.model.access import Reason
from proxy.model.identity import Actor, Session
from proxy.services.audit import By, by
from proxy.services.authority import require
from proxy.services.problems import Denied, NotPossible, NotThere
from proxy.services.writer import Moment, Step
from proxy.web.api.callers import SAFE, charge, charge_stranger, refuse_forgery, refuse_unproven, who
from proxy.web.api.conditions import matches_weakly, refuse_unseen, tag_of
from proxy.web.api.keys import Api
from proxy.web.api.models import Page, Trial
from proxy.web.api.operation import About, Call, Greet, Operation, Reply, Result, Visit
from proxy.web.api.reading import JSON, parts, read
from proxy.web.api.refusing import TROUBLE, Stop, stop_of
from proxy.web.api.stepping_up import refuse_short_of_it
from proxy.web.guards import from_own_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One operation, open to requests."""

    api: Api
    operation: Operation
    twin: Operation | None
    """What shows the thing that is changed or removed: its tag is made of that."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, from head to answer."""
        fields: dict[str, str] = {}
        try:
            response = await self._answer(request, fields)
        except (Stop, *TROUBLE) as error:
            response = stop_of(error).answer()
        if not response.prepared:
            for name, value in fields.items():
                response.headers.setdefault(name, value)  # a limit that is used up has said so already
        return response

    async def _answer(self, request: web.Request, fields: dict[str, str]) -> web.StreamResponse:
        operation = self.operation
        if operation.greet is not None:
            return await self._greeted(request, operation.greet)
        actor = await who(self.api, request)
        fields |= charge(self.api.calls(), _key(actor), "api")
        if actor.session is not None and request.method not in SAFE:
            await self._refuse_forgery(request, actor, actor.session)
        await self._refuse_viewing(request, actor)
        self._refuse_unready(actor)
        if operation.held is not None:
            await self.api.desk.allowances.take(operation.held, actor.user_id)
        visit = await self._visit(request)
        try:
            return self._shown(request, await self._done(visit, actor))
        except Denied as denied:
            permission = denied.permission or self.operation.permission
            if permission is not None:
                self.api.refused(await self._who(actor), permission, denied.place, denied.decision.reason)
            if self.operation.hides and denied.decision.reason is Reason.NO_ACCESS:
                raise NotThere(request.path) from None
            raise

    async def _who(self, actor: Actor) -> By:
        """Who is on record for what was refused: an admin who looks on as somebody, and not whom they look on as."""
        session = actor.session
        viewer = await self.api.desk.person(session.viewer) if session is not None and session.viewer else None
        return by(actor if viewer is None else replace(actor, person=viewer))

    async def _refuse_forgery(self, request: web.Request, actor: Actor, session: Session) -> None:
        """Raises Stop; what another page made somebody's browser ask for is on record as theirs."""
        try:
            refuse_forgery(self.api, request, session)
        except Stop as forged:
            if self.operation.permission is not None:
                self.api.refused(await self._who(actor), self.operation.permission, None, forged.code)
            raise

    async def _refuse_viewing(self, request: web.Request, actor: Actor) -> None:
        """Raises Stop for what an admin who looks on as somebody would change."""
        session, operation = actor.session, self.operation
        if session is None or not session.viewer or request.method in SAFE or operation.while_viewing:
            return
        if operation.permission is not None:
            self.api.refused(await self._who(actor), operation.permission, None, Reason.VIEWING_AS)
        raise Stop(403, Reason.VIEWING_AS, "You are looking on as somebody else: nothing you do changes anything.")

    def _refuse_unready(self, actor: Actor) -> None:
        """Raises Stop for somebody who has to do something else first."""
        if actor.session is not None and not self.operation.while_unproven:
            refuse_unproven(self.api, actor.person, actor.session)
        if actor.person.user.password_expired and not self.operation.while_expired:
            raise Stop(403, "password_expired", "Choose a new password first: PUT /-/api/v1/me/password.")

    async def _greeted(self, request: web.Request, greet: Greet) -> web.StreamResponse:
        if request.method not in SAFE and not from_own_page(request):
            raise Stop(403, Reason.FOREIGN_ORIGIN, "This request comes from a page of another origin.")
        charge_stranger(self.api, request)
        return self._shown(request, await greet(self.api, await self._visit(request)))

    async def _visit(self, request: web.Request) -> Visit:
        query, body = await read(request, self.operation)
        return Visit(request=request, path=parts(request), query=query, body=body)

    async def _done(self, visit: Visit, actor: Actor) -> Result:
        operation, writer = self.operation, self.api.writer
        if operation.change is None:
            return await self._perform(operation, self._call(visit, await writer.moment(actor)))
        if operation.preview is not None and visit.asked(Trial).preview:
            call = self._call(visit, await writer.moment(actor))
            return Reply(content=await operation.preview.perform(self.api, call), status=200)
        result = await writer.write(actor, lambda moment: self._change(visit, moment))
        shown = self.twin if operation.method == "PUT" else None
        if operation.afterwards is None and shown is None:
            return result  # whoever has just removed themselves is asked nothing more
        call = self._bare(visit, await writer.moment(actor))
        if operation.afterwards is not None:
            await operation.afterwards(self.api, call)
        try:
            return result if shown is None else await self._perform(shown, call)
        except NotThere:
            return result  # it has another address now

    async def _change(self, visit: Visit, moment: Moment) -> Step[BaseModel | None]:
        change = self.operation.change
        if change is None:
            raise TypeError(f"{self.operation.name} changes nothing")
        call = self._call(visit, moment)
        await self._compare(call)
        try:
            return await change(self.api, call)
        except NotPossible as error:  # such as what a file declares: it was tried, and that is on record
            if self.operation.audit:
                self.api.refused(moment.by, self.operation.permission, call.place, error.code)
            raise

    def _call(self, visit: Visit, moment: Moment) -> Call:
        """The call, once it is allowed. Raises NotThere and Denied."""
        operation = self.operation
        call = self._bare(visit, moment)
        asked = operation.where.about in {About.PLATFORM, About.SPACE, About.RESOURCE}
        if operation.permission is None or not asked:
            return call
        place = operation.where.place(moment.estate, visit.path)
        require(moment, operation.permission, place)
        call = replace(call, place=place)
        refuse_short_of_it(operation, call)
        return call

    def _bare(self, visit: Visit, moment: Moment) -> Call:
        return Call(request=visit.request, path=visit.path, query=visit.query, body=visit.body, moment=moment)

    async def _compare(self, call: Call) -> None:
        """Raises Stop and NotThere unless who writes has seen what is there."""
        if self.twin is None:
            return
        try:
            there = await self._perform(self.twin, replace(call, body=None))
        except NotThere:
            there = None
        if there is None or isinstance(there, BaseModel):
            refuse_unseen(call.request, there)

    async def _perform(self, operation: Operation, call: Call) -> Result:
        if operation.perform is None:
            raise TypeError(f"{operation.name} is written, not performed")
        if operation is not self.operation:
            place = operation.where.place(call.moment.estate, call.path)
            call = replace(call, query=operation.query(), body=None, place=place)
        return await operation.perform(self.api, call)

    def _shown(self, request: web.Request, result: Result) -> web.StreamResponse:
        if isinstance(result, web.StreamResponse):
            return result
        reply = result if isinstance(result, Reply) else Reply(content=result)
        fields = CIMultiDict({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
        fields.extend(reply.fields)
        content, operation = reply.content, self.operation
        if content is None:
            return web.Response(status=204, headers=fields)
        if operation.method in {"GET", "PUT"} and not isinstance(content, Page):
            fields["ETag"] = tag_of(content)
        if operation.method == "GET" and matches_weakly(
            request.headers.getall("If-None-Match", ()), fields.get("ETag", "")
        ):
            return web.Response(status=304, headers=fields)
        body = content.model_dump_json().encode()
        status = reply.status or operation.status
        return web.Response(status=status, body=body, content_type=JSON, headers=fields)


def _key(actor: Actor) -> str:
    """What a limit counts."""
    if actor.token is not None:
        return f"token {actor.token.id}"
    return f"session {actor.session.id}" if actor.session else actor.user_id


def doors(api: Api, operations: Mapping[str, Operation]) -> dict[str, Door]:
    """The doors of one path, by method."""
    return {
        method: Door(api=api, operation=operation, twin=twin_of(operation, operations))
        for method, operation in operations.items()
    }


def twin_of(operation: Operation, operations: Mapping[str, Operation]) -> Operation | None:
    """What shows the thing that a PUT changes or a DELETE removes: the GET of its path, or one made of what it names."""
    if operation.compared is not None:
        return replace(operation, method="GET", body=None, change=None, compared=None, perform=operation.compared)
    read = operations.get("GET") if operation.method in {"PUT", "DELETE"} else None
    if read is None or read.perform is None or read.answer is None:
        return None
    return None if issubclass(read.answer, Page) else read
