"""Username and password of the gateway's own accounts."""

from typing_extensions import override

from auth_plugins.contract import AuthPlugin, PluginSettings
from auth_plugins.values import Field, Form, Identity, LoginRequest, Refused


class LocalSettings(PluginSettings):
    """Local accounts have no options."""


class Local(AuthPlugin[LocalSettings]):
    """A form with username and password, checked against the accounts of the gateway."""

    local_accounts = True
    form = Form(
        fields=(
            Field(name="username", label="Username or e-mail", autocomplete="username"),
            Field(name="password", label="Password", kind="password", autocomplete="current-password"),
        )
    )

    @override
    async def login(self, request: LoginRequest) -> Identity | Form:
        if not request.fields:
            return self.form
        username, password = request.fields.get("username", "").strip(), request.fields.get("password", "")
        if not username or not password:
            raise Refused("credentials_missing")
        return await self.check_password(username, password)

    @override
    async def check_password(self, username: str, password: str) -> Identity:
        return await self.kit.accounts.check(username, password)
