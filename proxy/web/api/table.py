"""Every operation of the API, in the order of the reference."""

from collections.abc import Mapping
from typing import Final

from proxy.web.api import auth, me
from proxy.web.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (*auth.OPERATIONS, *me.OPERATIONS)


def by_path() -> Mapping[str, Mapping[str, Operation]]:
    """Path -> method -> operation."""
    found: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        methods = found.setdefault(operation.path, {})
        if operation.method in methods:
            raise ValueError(f"{operation.method} {operation.path} is there twice")
        methods[operation.method] = operation
    return found
