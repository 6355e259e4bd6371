"""Log in with an account of a Nextcloud, by its OAuth 2.0: the visitor goes there and comes back with a code.

In Nextcloud, under Administration, Security, OAuth 2.0 clients, add Flowward with the address that this plugin's entry
has: https://gate.example/-/auth/NAME/callback.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import field_validator
from typing_extensions import override

from auth_plugins import (
    Answer,
    AuthPlugin,
    Finding,
    Identity,
    LoginRequest,
    PluginSettings,
    Redirect,
    Refused,
    SecretSetting,
    Unavailable,
)


class NextcloudSettings(PluginSettings):
    """The options of an entry with `plugin: nextcloud`."""

    url: str
    client_id: str
    client_secret: SecretSetting

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://localhost", "http://127.0.0.1")):
            raise ValueError(f"must start with https://, but it is {url}")
        return url.rstrip("/")


class Nextcloud(AuthPlugin[NextcloudSettings]):
    """Sends the visitor to the Nextcloud, and asks it about whoever comes back."""

    @override
    async def login(self, request: LoginRequest) -> Redirect | Identity:
        if not request.returned:
            return self._away(request.flow)
        if "error" in request.fields:  # RFC 6749 section 4.1.2.1
            raise Refused("declined", request.fields["error"][:200])
        if not (code := request.fields.get("code")):
            raise Refused("code_missing")
        token = await self._token(code)
        return await self._who("/ocs/v2.php/cloud/user", token)

    def _away(self, flow: str) -> Redirect:
        asked = {"response_type": "code", "client_id": self.settings.client_id, "state": flow}
        asked["redirect_uri"] = f"{self.kit.base}/callback"
        return Redirect(url=f"{self.settings.url}/index.php/apps/oauth2/authorize?{urlencode(asked)}")

    async def _token(self, code: str) -> str:
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{self.kit.base}/callback"}
        pair = f"{self.settings.client_id}:{self.settings.client_secret.get_secret_value()}"
        headers = {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        address = f"{self.settings.url}/index.php/apps/oauth2/api/v1/token"
        answer = await self.kit.fetch("POST", address, headers=headers, body=urlencode(sent).encode())
        if answer.status in {400, 401, 404}:
            raise Refused("code_refused", f"{address} answered {answer.status}")
        token = _read(answer).get("access_token")
        if not isinstance(token, str):
            raise Unavailable("token_missing", f"{address} answered without an access_token")
        return token

    async def _who(self, path: str, token: str) -> Identity:
        headers = {"Authorization": f"Bearer {token}", "OCS-APIRequest": "true", "Accept": "application/json"}
        answer = await self.kit.fetch("GET", f"{self.settings.url}{path}?format=json", headers=headers)
        if answer.status in {401, 403, 404}:
            raise Refused("account_unknown", f"{path} answered {answer.status}")
        try:
            who = _read(answer)["ocs"]["data"]
            groups = tuple(str(group) for group in who["groups"])
            # Nextcloud lets people write any address into their profile, so none is vouched for.
            return Identity(
                subject=who["id"],
                username=who["id"],
                email=who.get("email") or "",
                name=who.get("display-name") or who.get("displayname") or "",
                groups=groups,
                keep=token,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("answer_unreadable", f"{path} answered without {error}") from error

    @override
    async def refresh(self, identity: Identity) -> Identity:
        """Whoever is disabled there, or whose token was revoked, is refused."""
        return await self._who("/ocs/v2.php/cloud/user", identity.keep)

    @override
    async def findings(self) -> Sequence[Finding]:
        """Whether the Nextcloud answers, for `flowward auth test`."""
        try:
            status = _read(await self.kit.fetch("GET", f"{self.settings.url}/status.php"))
        except Unavailable as error:
            remedy = "Is 'url' right, and does the gateway reach it?"
            return (
                Finding(
                    code="unreachable", level="error", detail=f"{self.settings.url} does not answer: {error}. {remedy}"
                ),
            )
        if status.get("maintenance"):
            return (
                Finding(code="maintenance", level="warning", detail=f"{self.settings.url} is in maintenance mode."),
            )
        return (
            Finding(
                code="answers", level="ok", detail=f"{self.settings.url} is a Nextcloud {status.get('versionstring')}."
            ),
        )


def _read(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError as error:
        raise Unavailable("answer_unreadable", f"status {answer.status}, and no JSON") from error
    if not isinstance(told, dict):
        raise Unavailable("answer_unreadable", f"status {answer.status}, and no JSON object")
    return told
