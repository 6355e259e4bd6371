"""Who has an account, as whoever has access to the gateway's machine changes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from proxy.model.access import Role
from proxy.model.estate import Estate
from proxy.model.identity import Person, User, UserState
from proxy.services import users
from proxy.services.lockout import Lockout
from proxy.services.problems import NotPossible, NotThere
from proxy.services.writer import ByHand, Occasion, Step
from proxy.store import Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The users of a gateway."""

    by_hand: ByHand
    shared: Shared
    new_id: Callable[[], str]
    lockout: Lockout

    async def add(self, user: User, roles: Mapping[str, Role]) -> User:
        """Make a user who chooses a password by an activation link; roles are by space slug.

        Raises NotPossible for an unknown space, Exists for a taken username or address.
        """
        made = replace(user, id=self.new_id())

        async def create(occasion: Occasion) -> Step[Person]:
            _refuse_unknown(occasion.estate, roles)
            return await users.create(occasion, made, roles)

        return (await self.by_hand.write(create)).user

    async def named(self, username: str) -> Person:
        """The user of this name, however it is written; raises NotPossible."""
        try:
            return await users.user_at(await self.by_hand.occasion(), username)
        except NotThere as error:
            detail = f"There is no user {username}. Run flowward user list to see who there is."
            raise NotPossible("unknown", detail) from error

    async def suspend(self, username: str) -> User:
        """Shut a user out at once: every session ends and no login succeeds. Raises NotPossible for the last admin."""
        key = (await self.named(username)).user.id
        person = await self.by_hand.write(lambda occasion: users.suspend(occasion, key))
        await self.shared.end_sessions_of(key)
        return person.user

    async def reset_factors(self, username: str) -> User:
        """Take all of a user's second factors away; every session of theirs ends."""
        key = (await self.named(username)).user.id
        person = await self.by_hand.write(lambda occasion: users.reset_factors(occasion, key))
        await self.shared.end_sessions_of(key)
        await self.lockout.lift(key)
        return person.user

    async def resume(self, username: str) -> User:
        """Let a user in again who is suspended, or locked since too many logins failed.

        Who never chose a password is pending still.
        """
        user = (await self.named(username)).user
        if user.state is UserState.PENDING:
            raise NotPossible("not_suspended", f"{user.username} is not suspended, but {user.state}.")
        person = await self.by_hand.write(lambda occasion: users.resume(occasion, user.id))
        await self.lockout.lift(user.id)
        return person.user


def _refuse_unknown(estate: Estate, slugs: Mapping[str, Role]) -> None:
    there = sorted(space.slug for space in estate.spaces.values())
    unknown = sorted(slugs.keys() - set(there))
    if unknown:
        known = ", ".join(there) or "none yet: declare them in estate.yaml"
        raise NotPossible("unknown", f"There is no space {unknown[0]}. Spaces are: {known}.")
