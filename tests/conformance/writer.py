"""A process that writes users and sessions until it is killed, and prints each once it is answered."""

import asyncio
import sys
from itertools import count
from pathlib import Path

from proxy.store.sql import open_store
from tests.conformance.things import EVENT, cookie, put, session


async def write(directory: Path) -> None:
    async with open_store(directory) as store:
        for number in count():
            name = f"user-{number}"
            await store.database.edit([put(name)], [EVENT])
            await store.shared.create_session(session(name, of=name), cookie(name), "home.example")
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()


asyncio.run(write(Path(sys.argv[1])))
