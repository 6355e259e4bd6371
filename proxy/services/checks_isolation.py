"""The isolation report: everything by which people of one tenant may get to what is another's, as it is now."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, TypeVar

from proxy.model.directory import Space
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind
from proxy.services.administration.instances import UNSET
from proxy.services.administration.probing import Severity, Unreachable
from proxy.services.checks import Fault, Probes, document
from proxy.services.checks_estate import open_to_anybody, rows_missing
from proxy.services.checks_instance import (
    believing,
    debug_of,
    debug_reachable,
    nodes_of,
    sent_to_everybody,
    unaddressed,
)
from proxy.services.checks_reach import Reached, past_the_gateway, reach

T = TypeVar("T")
_AT_ONCE: Final = 16
_SECONDS: Final = 40.0
"""For asking all instances: who wants the report waits for it."""


def instances_of(estate: Estate, space: Space | None) -> list[Resource]:
    """The instances that a space owns, or what lies below it; all of them without one."""
    found = estate.by_kind[ResourceKind.INSTANCE]
    if space is None:
        return list(found)
    return [each for each in found if (owner := estate.owner(each)) and space in estate.lineage(owner)]


async def isolation(
    probes: Probes, estate: Estate, instances: Iterable[Resource], *, open_allowed: bool
) -> Sequence[Fault]:
    """What is found of instances, worst first. `open_allowed`: whether the configuration lets one be open to anybody."""
    asked = [(each, each.instance) for each in instances if each.instance is not None]
    faults = [fault for each, settings in asked for fault in rows_missing(estate, each, settings)]
    for each, settings in asked:
        faults += open_to_anybody(estate, each, settings, allowed=open_allowed)
    faults += [_not_seen(each, "nobody has said yet where it listens") for each, settings in asked if _unset(settings)]
    faults += await _asked(probes, estate, [(each, settings) for each, settings in asked if not _unset(settings)])
    order = tuple(Severity)
    return sorted(faults, key=lambda fault: (order.index(fault.severity), estate.address(fault.place), fault.code))


def _unset(settings: InstanceSettings) -> bool:
    return settings.upstream == UNSET


async def reached(
    probes: Probes, instances: Iterable[Resource]
) -> Sequence[tuple[Resource, InstanceSettings, Reached]]:
    """How each instance can be reached; those are left out that took too long."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(instance: Resource, settings: InstanceSettings) -> tuple[Resource, InstanceSettings, Reached]:
        async with turns:
            return instance, settings, await reach(probes, instance, settings)

    tasks = [asyncio.create_task(one(each, each.instance)) for each in instances if each.instance is not None]
    return [task.result() for task in await _done(tasks)]


async def _asked(
    probes: Probes, estate: Estate, instances: Sequence[tuple[Resource, InstanceSettings]]
) -> Sequence[Fault]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(instance: Resource, settings: InstanceSettings) -> list[Fault]:
        async with turns:
            return [fault async for fault in _looked_at(probes, estate, instance, settings)]

    tasks = [asyncio.create_task(one(each, settings)) for each, settings in instances]
    done = await _done(tasks)
    late = [each for task, (each, _) in zip(tasks, instances, strict=True) if task not in done]
    return [
        *(fault for task in done for fault in task.result()),
        *(_not_seen(each, "no time was left") for each in late),
    ]


async def _done(tasks: "Sequence[asyncio.Task[T]]") -> "Sequence[asyncio.Task[T]]":
    """Those that were done in time, in their order."""
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=_SECONDS)
        return [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()


async def _looked_at(
    probes: Probes, estate: Estate, instance: Resource, settings: InstanceSettings
) -> AsyncIterator[Fault]:
    for fault in past_the_gateway(instance, settings, await reach(probes, instance, settings)):
        yield fault
    admin = settings.admin_root.rstrip("/")
    try:
        nodes = nodes_of(await asyncio.to_thread(document, await probes.ask(instance, f"{admin}/flows")))
        plugins = document(await probes.ask(instance, f"{admin}/plugins"))
        if nodes is None:
            yield _not_seen(instance, "its flows cannot be read")
            return
        for path in unaddressed(settings, nodes):
            if (await probes.knock(instance, debug_of(path))).status == 200:
                yield debug_reachable(instance, settings, path)
        for fault in await asyncio.to_thread(list, sent_to_everybody(estate, instance, settings, nodes)):
            yield fault
        for fault in believing(estate, instance, settings, plugins):
            yield fault
    except Unreachable as error:
        yield _not_seen(instance, f"it does not answer: {error.args[0]}")


def _not_seen(instance: Resource, why: str) -> Fault:
    return Fault(
        code="not_looked_at",
        severity=Severity.INFO,
        place=instance,
        message=f"what its flows do could not be looked at: {why}",
        remedy="See that Node-RED runs, and that it takes the gateway's assertion or an admin_token; then ask again.",
    )
