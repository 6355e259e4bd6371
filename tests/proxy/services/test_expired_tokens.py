"""Tokens that have run out, on a real store."""

import asyncio
from pathlib import Path

from proxy.model.access import Role
from proxy.model.audit import AuditQuery
from proxy.model.identity import Membership, Person, Token, TokenKind, User, UserKind
from proxy.services.audit_refusals import Refusals
from proxy.services.audit_upkeep import Upkeep
from proxy.services.traffic import Traffic
from proxy.store import Database, PutPerson, PutToken
from tests.conformance.things import ACME, LINE, PLANT
from tests.peers.changes import promised
from tests.peers.state import open_store

NOW = 1_800_000_000.0
MINE = {"acme": Membership(space="acme", role=Role.MEMBER)}


async def put_token(database: Database, name: str, kind: TokenKind, expires: float | None, **of: str) -> None:
    token = Token(id=name, kind=kind, name=name, created=NOW - 9, expires=expires, **of)  # type: ignore[arg-type]
    await database.edit([PutToken(token=token, hash=name.encode())], [])


async def test_h_09_what_has_expired_is_removed_and_that_is_on_record(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        database = store.database
        ada, bot = User(id="u-ada", username="ada"), User(id="u-bot", username="bot", kind=UserKind.SERVICE)
        people = [PutPerson(person=Person(user=each, memberships=MINE)) for each in (ada, bot)]
        await database.edit([ACME, PLANT, LINE, *people], [])
        await put_token(database, "mine", TokenKind.PERSONAL, NOW, user="u-ada")
        await put_token(database, "bots", TokenKind.SERVICE, NOW - 1, user="u-bot")
        await put_token(database, "plcs", TokenKind.HTTP, NOW - 2, instance=LINE.id)
        await put_token(database, "good", TokenKind.PERSONAL, NOW + 1, user="u-ada")
        await put_token(database, "endless", TokenKind.PERSONAL, None, user="u-ada")
        upkeep = Upkeep(database=database, refusals=Refusals(Traffic(), lambda _: None), now=lambda: NOW)
        work = asyncio.create_task(upkeep.run())
        async with promised(5):
            while {token.id for token in await database.tokens()} != {"good", "endless"}:
                assert not work.done()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        found = [each.event for each in (await database.events(AuditQuery())).items]
    told = {(each.event, each.source, each.body["name"], each.scope_kind, ACME.id in each.within) for each in found}
    assert told == {
        ("user.pat.deleted", "gateway", "mine", "user", False),
        ("user.pat.deleted", "gateway", "bots", "user", True),
        ("project.httpToken.deleted", "gateway", "plcs", "instance", True),
    }
