"""The states that instances are listed and counted by."""

from typing import Literal

from proxy.model.estate import HttpAuth, Resource
from proxy.web.api.keys import Api

State = Literal["protected", "open", "public", "up", "down", "unknown"]


def in_state(api: Api, resource: Resource, state: State | None) -> bool:
    """Whether an instance is in a state; None is any, and what is no instance is in all of them."""
    settings = resource.instance
    if state is None or settings is None:
        return True
    match state:
        case "protected" | "open":
            return settings.protected is (state == "protected")
        case "public":
            return settings.http_auth is HttpAuth.NONE
        case "up" | "down" | "unknown":
            return _SEEN[api.reached(resource.id)] == state


_SEEN = {True: "up", False: "down", None: "unknown"}
