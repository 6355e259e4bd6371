"""A process that writes users and sessions until it is killed, and prints each once it is answered."""

import asyncio
import sys
from itertools import count

from tests.conformance.things import EVENT, cookie, opened, put, session


async def write(place: str) -> None:
    async with opened(place) as store:
        for number in count():
            name = f"user-{number}"
            await store.database.edit([put(name)], [EVENT])
            await store.shared.create_session(session(name, of=name), cookie(name), "home.example")
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()


asyncio.run(write(sys.argv[1]))
