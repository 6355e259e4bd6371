"""What an instance itself says: its dashboards, what their widgets send to whom, add-ons that believe the browser."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from proxy.model.estate import Estate, InstanceSettings, Resource
from proxy.nodered.client_data import lint
from proxy.nodered.surfaces import Layout, Roots, Surface
from proxy.services.administration.probing import Severity
from proxy.services.checks import Fault, member

TRUSTING: Final[Mapping[str, str]] = {
    "@flowfuse/node-red-dashboard-2-user-addon": "the user that the browser names in its socket's handshake",
}
"""Add-ons of the Dashboard, and what of a visitor they believe without proof."""
BASE: Final = "ui-base"
_ROOT: Final = "/dashboard"
"""Where a ui-base is that names no path."""

Node = Mapping[str, object]


def nodes_of(flows: object) -> Sequence[Node] | None:
    """The nodes in what GET /flows answered; None where that is none."""
    found = flows if isinstance(flows, list) else member(flows, "flows")
    return [node for node in found if isinstance(node, Mapping)] if isinstance(found, list) else None


def unaddressed(settings: InstanceSettings, nodes: Sequence[Node]) -> Iterator[str]:
    """The paths of dashboards whose `_debug` is not kept for those who may open the editor."""
    layout = Layout(
        Roots(
            admin=settings.admin_root,
            node=settings.node_root,
            dashboard=settings.dashboard,
            public=settings.public,
            endpoints=settings.endpoints,
        )
    )
    root = settings.node_root.rstrip("/")
    for node in nodes:
        if node.get("type") == BASE:
            path = root + "/" + str(node.get("path") or _ROOT).strip("/")
            if layout.surface(b"GET", debug_of(path).encode("ascii", "replace")) is not Surface.DEBUG:
                yield path


def debug_of(dashboard: str) -> str:
    """Where a dashboard shows what a widget got last; the name of the widget makes no difference."""
    return f"{dashboard}/_debug/datastore/any"


def debug_reachable(instance: Resource, settings: InstanceSettings, path: str) -> Fault:
    declared = settings.node_root.rstrip("/") + settings.dashboard
    return Fault(
        code="debug_reachable",
        severity=Severity.ERROR,
        place=instance,
        message=(
            f"there is a dashboard at {path}, but the instance declares {declared}: whoever may use endpoints reads"
            f" {path}/_debug, which holds the last message of every widget, and no page or row rule holds there"
        ),
        remedy=f"Set `dashboard` to the path below node_root, or take the ui-base at {path} out of the flows.",
    )


def sent_to_everybody(
    estate: Estate, instance: Resource, settings: InstanceSettings, nodes: Sequence[Node]
) -> Iterator[Fault]:
    """Types of widgets that get messages for one visitor and that Dashboard sends to all, where nothing holds them back."""
    if estate.settings.constrains(settings):
        return
    for found in lint(nodes):
        yield Fault(
            code="client_data_ignored",
            severity=Severity.ERROR if estate.settings.tenant_mode else Severity.WARNING,
            place=instance,
            message=(
                f"messages with `_client` are wired to {found.count} {found.widget} of the dashboard {found.base}, which"
                " do not accept client data: what is meant for one visitor is sent to everybody"
            ),
            remedy=(
                "Set enforce_client_constraint to true, or tick the type under Accept Client Data in the dashboard's"
                " sidebar."
            ),
        )


def believing(estate: Estate, instance: Resource, settings: InstanceSettings, plugins: object) -> Iterator[Fault]:
    """Add-ons that take a visitor's word for who they are, where the gateway does not put its own in its place."""
    if estate.settings.constrains(settings) or not isinstance(plugins, list):
        return
    installed = {str(module) for each in plugins if (module := member(each, "module")) and member(each, "enabled")}
    for module in sorted(installed & TRUSTING.keys()):
        yield Fault(
            code="handshake_trusted",
            severity=Severity.ERROR,
            place=instance,
            message=f"the add-on {module} believes {TRUSTING[module]}: anybody may be anybody in its flows",
            remedy="Set enforce_client_constraint to true, or use node-red-dashboard-2-flowward in its place.",
        )
