"""Every event there is: what it says, and on which logs it appears. The only place where their names stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Level(StrEnum):
    """A log that an event appears on."""

    PLATFORM = "platform"
    SPACE = "space"
    APPLICATION = "application"
    INSTANCE = "instance"
    DEVICE = "device"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One kind of event."""

    words: str
    """A sentence for the documentation."""
    levels: tuple[Level, ...]


_PLATFORM: Final = (Level.PLATFORM,)
_USER: Final = (Level.PLATFORM, Level.USER)
_SPACE: Final = (Level.PLATFORM, Level.SPACE)
_APPLICATION: Final = (*_SPACE, Level.APPLICATION)
_INSTANCE: Final = (*_APPLICATION, Level.INSTANCE)
_DEVICE: Final = (*_INSTANCE, Level.DEVICE)
_ANYWHERE: Final = tuple(Level)

_ACCOUNT: Final = {
    "register": "Somebody made an account for themselves.",
    "login": "A login; with an error, one that failed.",
    "logout": "A session ended because its user, or the provider they logged in by, asked for it; with an error, a message of a provider's that was not believed.",
    "forgot-password": "Somebody asked for a way to choose another password.",
    "reset-password": "A password was chosen by a link.",
    "change-email-request": "Somebody asked to change their e-mail address.",
    "change-email-confirmed": "An e-mail address was changed by a link.",
    "verify.request-token": "A link to verify an e-mail address was asked for.",
    "verify.verify-token": "An e-mail address was verified by a link.",
    "locked": "An account refuses logins for a while, after too many that failed.",
}
_PERSON: Final = {
    "created-user": "A user or service account was made.",
    "updated-user": "A user's account was changed.",
    "deleted": "A user was deleted.",
    "suspended": "A user was shut out.",
    "unlocked": "A user may log in again although too many logins failed.",
    "updated-password": "A password was changed, or hashed anew.",
    "mfa.enabled": "A second factor was switched on.",
    "mfa.disabled": "A second factor was switched off.",
    "mfa.reset": "A second factor was taken away by an admin.",
    "mfa.recovery-codes": "Recovery codes were made anew; those before are void.",
    "mfa.recovery-used": "A recovery code was used in place of a second factor.",
    "pat.created": "An API token of a person or service account was made.",
    "pat.updated": "An API token was changed.",
    "pat.deleted": "An API token was revoked.",
    "session.revoked": "A session was ended from elsewhere.",
    "activation.created": "A link was made by which a user chooses a password.",
    "activated": "A user chose a password by such a link.",
    "provider-linked": "An account was linked to what a login provider calls its owner; with the rule.",
}
_MEMBERS: Final = {
    "created": "A {} was made.",
    "updated": "A {} was changed.",
    "deleted": "A {} was deleted.",
    "suspended": "A {} was suspended: its members have no role through it.",
    "user.added": "A user became a member of a {}.",
    "user.removed": "A user is a member of a {} no longer.",
    "user.invited": "A user was invited into a {}.",
    "user.uninvited": "An invitation into a {} was taken back.",
    "user.invite.accepted": "An invitation into a {} was accepted.",
    "user.invite.rejected": "An invitation into a {} was declined.",
    "user.role-changed": "A member of a {} has another role.",
    "user.permissions-changed": "A member of a {} has other roles on single resources.",
    "settings.updated": "A {}'s settings were changed.",
}
_NOT_OF_EVERYONE: Final = frozenset({"suspended", "user.added", "user.invited", "user.uninvited", "settings.updated"})
"""What is refused in the space of everyone. A team that a file makes it may still lose the members it had."""
_MINGLED: Final = "A warning: a user's memberships bring people of several customers together in a group."
_INSTANCE_EVENTS: Final = {
    "project.created": "An instance was registered.",
    "project.deleted": "An instance was deleted.",
    "project.settings.updated": "An instance's settings were changed.",
    "project.security.updated": "How an instance is protected was changed.",
    "project.protected": "An instance was protected: nobody may deploy to it.",
    "project.unprotected": "An instance is protected no longer.",
    "project.httpToken.created": "A token for an instance's endpoints was made.",
    "project.httpToken.updated": "A token for an instance's endpoints was changed.",
    "project.httpToken.deleted": "A token for an instance's endpoints was revoked.",
    "row-policy.created": "A row policy was made.",
    "row-policy.updated": "A row policy was changed.",
    "row-policy.deleted": "A row policy was deleted.",
    "rls.violation": "A flow sent rows of others although a row policy holds it to leaving them out; with the policy, how many, and where. Told once a minute.",
    "editor.opened": "Somebody opened an editor.",
    "editor.closed": "Somebody closed an editor.",
    "flows.set": "Flows were deployed; with the type of the deploy, the revisions and how many nodes changed.",
    "flows.reloaded": "Flows were read anew from the instance's storage.",
    "flows.state.set": "Flows were started or stopped.",
    "flow.add": "A single flow was added.",
    "flow.update": "A single flow was replaced.",
    "flow.remove": "A single flow was removed.",
    "nodes.install": "A package of nodes was installed.",
    "nodes.update": "A package or set of nodes was switched on, off or to another version.",
    "nodes.remove": "A package of nodes was removed.",
    "library.set": "Something was kept in an instance's library.",
    "context.delete": "A value was deleted from an instance's context.",
    "settings.update": "Somebody's editor settings were kept at an instance.",
    "inject": "A node was triggered from the editor.",
    "debug": "Debug nodes were switched on or off.",
    "dashboard.set": "A dashboard's page was edited in the browser and deployed.",
    "dashboard.edit": "Somebody began to edit a dashboard's page in the browser.",
    "dashboard.chart.clear": "A dashboard's chart was emptied.",
    "projects.create": "A project was made or cloned at an instance.",
    "projects.update": "A project was changed or made the active one.",
    "projects.delete": "A project was deleted.",
    "projects.stage": "Changes of a project were staged or unstaged.",
    "projects.commit": "Changes of a project were committed.",
    "projects.push": "A project was pushed.",
    "projects.pull": "A project was pulled.",
    "projects.branch": "A branch of a project was made, changed or deleted.",
    "projects.merge": "A merge of a project was resolved or aborted.",
    "projects.remote": "A remote of a project was added, changed or removed.",
    "admin.request": "A write to an instance's admin API that has no name of its own; with its method and path, or with the topic of a "
    "message on the editor's socket.",
}
_DEVICE_EVENTS: Final = {
    "created": "A device was registered.",
    "updated": "A device was changed.",
    "deleted": "A device was deleted.",
    "assigned": "A device was put under an application or instance.",
    "unassigned": "A device was taken from its application or instance.",
}
_PLATFORM_EVENTS: Final = {
    "platform.settings.updated": "The platform's settings were changed.",
    "platform.tag.created": "A tag was defined.",
    "platform.tag.updated": "A tag has another default.",
    "platform.tag.deleted": "A tag is defined no longer.",
    "platform.tenant-mode.enabled": "Tenant mode was switched on.",
    "platform.tenant-mode.disabled": "Tenant mode was switched off.",
    "platform.all-users.enabled": "The space of everyone counts again.",
    "platform.all-users.disabled": "The space of everyone gives nobody a role any more.",
    "platform.sso.tested": "An admin tried out what a login by a provider would come to.",
    "platform.sso.refused": "A login provider spoke for somebody of whom it may not speak; with what it claimed.",
    "platform.sso.finding": "A login provider needs attention, for example since a certificate of its expires soon.",
    "platform.view-as.started": "An admin looks at the gateway as somebody else.",
    "platform.view-as.ended": "An admin looks at the gateway as themselves again.",
    "platform.credentials.refused": "A login provider refused what came with requests; counted per minute and code.",
    "platform.address.banned": "An address may not try to log in for a while, after too many logins that failed.",
    "platform.address.unbanned": "A ban of an address was lifted.",
    "platform.mail.failed": "A mail could not be sent, and will not be tried again; with what it was about, and why.",
    "audit.pruned": "Old events were forgotten; with how many, and the number and hash of the last.",
}


def _entries() -> Iterator[tuple[str, Entry]]:
    yield from _named("account.", _ACCOUNT, _USER)
    yield from _named("user.", _PERSON, _USER)
    for kind in ("team", "customer", "group"):
        yield from _named(f"{kind}.", {verb: words.format(kind) for verb, words in _MEMBERS.items()}, _SPACE)
    of_everyone = {
        verb: _MEMBERS[verb].format("space of everyone") for verb in _MEMBERS if verb not in _NOT_OF_EVERYONE
    }
    yield from _named("everyone.", of_everyone, _SPACE)
    yield "group.mingled", Entry(words=_MINGLED, levels=_SPACE)
    yield from _named("", _sharing(), _DEVICE)
    for kind, levels in (("folder", _SPACE), ("application", _APPLICATION), ("page", _INSTANCE), ("thing", _SPACE)):
        article = "An" if kind == "application" else "A"
        for verb, words in (("created", "made"), ("updated", "changed"), ("deleted", "deleted")):
            yield f"{kind}.{verb}", Entry(words=f"{article} {kind} was {words}.", levels=levels)
    yield "branding.updated", Entry(words="How pages look was changed, for a space or the platform.", levels=_SPACE)
    yield "folder.items-changed", Entry(words="A folder holds other things.", levels=_SPACE)
    yield from _named("", _INSTANCE_EVENTS, _INSTANCE)
    yield from _named("device.", _DEVICE_EVENTS, _DEVICE)
    yield from _named("", _PLATFORM_EVENTS, _PLATFORM)
    denied = "API requests that were refused; counted per minute, actor, permission and reason."
    yield "permission.denied", Entry(words=denied, levels=_ANYWHERE)
    denied = "Requests to an instance or the gateway that were refused; counted per minute and reason."
    yield "http.denied", Entry(words=denied, levels=_INSTANCE)


def _sharing() -> Mapping[str, str]:
    return {
        "share.created": "Something was shared with a space.",
        "share.updated": "A share gives another role.",
        "share.deleted": "A share was taken back.",
        "resource.owner-changed": "Something was handed to another space.",
    }


def _named(prefix: str, verbs: Mapping[str, str], levels: tuple[Level, ...]) -> Iterator[tuple[str, Entry]]:
    return ((prefix + verb, Entry(words=words, levels=levels)) for verb, words in verbs.items())


EVENTS: Final[Mapping[str, Entry]] = MappingProxyType(dict(_entries()))
"""Name of the event -> what there is to know of it."""
