"""All that the author of a plugin imports: the class to override, the values it returns, the errors it raises."""

from auth_plugins.contract import Accounts, Answer, AuthPlugin, Fetch, Kit, Offload, PluginSettings, Vault
from auth_plugins.values import (
    CredentialRequest,
    Document,
    Field,
    Form,
    Identity,
    LoginRequest,
    Misconfigured,
    Redirect,
    Refused,
    Unavailable,
)

__all__ = [
    "Accounts",
    "Answer",
    "AuthPlugin",
    "CredentialRequest",
    "Document",
    "Fetch",
    "Field",
    "Form",
    "Identity",
    "Kit",
    "LoginRequest",
    "Misconfigured",
    "Offload",
    "PluginSettings",
    "Redirect",
    "Refused",
    "Unavailable",
    "Vault",
]
