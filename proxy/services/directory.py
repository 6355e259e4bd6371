"""Who has an account: making users by hand, suspending them and letting them back in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from proxy.model.access import Role
from proxy.model.audit import Event, Update
from proxy.model.identity import Membership, Person, User, UserState
from proxy.services.audit import COMMAND_LINE, NOTHING, By, happened, on_user
from proxy.services.lockout import Lockout
from proxy.store import Database, PutPerson, Shared


class NotPossible(Exception):
    """What was asked cannot be done; the text says why and what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The users of a gateway, as someone with access to its machine changes them."""

    database: Database
    shared: Shared
    now: Callable[[], float]
    new_id: Callable[[], str]
    lockout: Lockout
    by: By = COMMAND_LINE

    async def add(self, user: User, roles: Mapping[str, Role]) -> User:
        """Make a user who chooses a password by an activation link; roles are by space slug.

        Raises NotPossible for an unknown space, Conflict for a taken username or address.
        """
        spaces = {space.slug: space.id for space in (await self.database.estate()).spaces.values()}
        unknown = sorted(roles.keys() - spaces.keys())
        if unknown:
            there = ", ".join(sorted(spaces)) or "none yet: declare them in estate.yaml"
            raise NotPossible(f"There is no space {unknown[0]}. Spaces are: {there}.")
        made = replace(user, id=self.new_id(), state=UserState.PENDING)
        held = {spaces[slug]: Membership(space=spaces[slug], role=role) for slug, role in roles.items()}
        put = PutPerson(person=Person(user=made, memberships=held))
        told = {"name": made.username, "admin": made.admin, "memberships": {slug: roles[slug].label for slug in roles}}
        await self.database.edit([put], [self._event("user.created-user", made, body=told)])
        return made

    async def named(self, username: str) -> User:
        """The user of this name, however it is written; raises NotPossible."""
        wanted = username.casefold()
        for user in await self.database.users():
            if user.username.casefold() == wanted:
                return user
        raise NotPossible(f"There is no user {username}. Run flowward user list to see who there is.")

    async def suspend(self, username: str) -> User:
        """Shut a user out at once: every session ends and no login succeeds. Raises NotPossible for the last admin."""
        user = await self.named(username)
        others = (each for each in await self.database.users() if each.id != user.id)
        leading = user.admin and user.state is UserState.ACTIVE
        if leading and not any(each.admin and each.state is UserState.ACTIVE for each in others):
            raise NotPossible(
                f"{user.username} is the last active admin. Make another one first: flowward user add NAME --admin."
            )
        await self.database.set_state(user.id, UserState.SUSPENDED, self._event("user.suspended", user))
        await self.shared.end_sessions_of(user.id)
        return replace(user, state=UserState.SUSPENDED)

    async def resume(self, username: str) -> User:
        """Let a user in again who is suspended, or locked since too many logins failed.

        Who never chose a password is pending still.
        """
        user = await self.named(username)
        if user.state is UserState.PENDING:
            raise NotPossible(f"{user.username} is not suspended, but {user.state}.")
        if user.state is UserState.ACTIVE:
            await self.database.record(self._event("user.unlocked", user))
        await self.lockout.lift(user.id)
        if user.state is UserState.ACTIVE:
            return user
        account = await self.database.account(user.username)
        usable = user.provider is not None or (account is not None and account.password_hash is not None)
        state = UserState.ACTIVE if usable else UserState.PENDING
        told = (Update(key="state", old=user.state, new=state),)
        await self.database.set_state(user.id, state, self._event("user.updated-user", user, updates=told))
        return replace(user, state=state)

    def _event(
        self, event: str, user: User, *, updates: tuple[Update, ...] = (), body: Mapping[str, object] = NOTHING
    ) -> Event:
        return happened(event, at=self.now(), by=self.by, on=on_user(user.id), user=user.id, updates=updates, body=body)
