"""Node-RED's own permission scopes: what an editor may do for a role, already lowered by protection."""

from typing import Final

from proxy.model.access import Role

VIEWER: Final = ("flows.read", "nodes.read", "plugins.read", "settings.read", "status.read")
"""The least scopes with which the editor opens without a failed request (measured on 5.0.7)."""

_READ: Final = ("read",)
_PREFERENCES: Final = (*_READ, "settings.write")
_NO_DEPLOY: Final = (
    *_PREFERENCES,
    "context.write",
    "debug.write",
    "inject.write",
    "library.write",
    "ui-chart.write",
)
_ALL: Final = ("*",)


def scopes(role: Role, *, protected: bool, min_edit_role: Role) -> tuple[str, ...]:
    """The scopes an instance's adminAuth should grant; empty for roles that have no editor."""
    if role < Role.VIEWER:
        return ()
    if role < Role.MEMBER:
        return _READ
    if protected:
        return _PREFERENCES
    return _ALL if role >= min_edit_role else _NO_DEPLOY


def editor_scopes(role: Role, *, protected: bool, min_edit_role: Role) -> tuple[str, ...]:
    """The scopes the editor is told about itself, so that it locks what the gateway would refuse."""
    granted = scopes(role, protected=protected, min_edit_role=min_edit_role)
    return VIEWER if granted in (_READ, _PREFERENCES) else granted
