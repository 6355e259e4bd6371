"""Events to an HTTP endpoint: JSON lines, signed."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from auth_plugins import Unavailable
from auth_plugins.contract import Fetch
from proxy.model.audit import Recorded
from proxy.services.audit_export import SinkGone
from proxy.services.audit_format import as_line


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSink:
    """Posts events; any answer 2xx takes them."""

    name: ClassVar[str] = "webhook"
    url: str
    batch: int
    fetch: Fetch
    now: Callable[[], float]
    secret: bytes = field(default=b"", repr=False)
    """Signs each request; empty for no signature."""

    async def send(self, events: Sequence[Recorded]) -> None:
        body = "".join(f"{as_line(each)}\n" for each in events).encode()
        try:
            answer = await self.fetch("POST", self.url, headers=self._headers(body), body=body)
        except Unavailable as error:
            raise SinkGone(f"nothing answers: {error.code}") from error
        if not 200 <= answer.status < 300:
            raise SinkGone(f"it answered {answer.status}")

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/x-ndjson; charset=utf-8", "User-Agent": "flowward"}
        if self.secret:
            headers |= signature(self.secret, str(int(self.now())), body)
        return headers


def signature(secret: bytes, timestamp: str, body: bytes) -> dict[str, str]:
    """The fields that show who sent a body and when: HMAC-SHA256 (RFC 2104) of the time, a dot and the body."""
    made = hmac.new(secret, f"{timestamp}.".encode() + body, "sha256").hexdigest()
    return {"X-Flowward-Timestamp": timestamp, "X-Flowward-Signature": f"sha256={made}"}
