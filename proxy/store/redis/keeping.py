"""Whether a Redis keeps what it is given: sessions and used codes live nowhere else."""

from proxy.store import StoreUnavailable
from proxy.store.redis.servers import Servers


async def doubts(servers: Servers) -> tuple[str, ...]:
    """What an operator should change there, each a sentence with its remedy. One that may not be asked leaves none."""
    try:
        told = await servers.ask("INFO")
    except StoreUnavailable:
        return ()
    found = []
    if not told.get("aof_enabled", 1):
        found.append(
            "state.shared: this Redis has appendonly no: after its restart everybody is logged out, or, with save, sessions "
            "that ended since its last snapshot are back. Set appendonly yes there."
        )
    policy = told.get("maxmemory_policy", "noeviction")
    if told.get("maxmemory", 0) and policy != "noeviction":
        found.append(
            f"state.shared: this Redis has maxmemory-policy {policy}: it forgets sessions when it is full. "
            "Set maxmemory-policy noeviction there."
        )
    return tuple(found)
