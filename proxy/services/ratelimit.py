"""What answers say about limits: Retry-After (RFC 9110 section 10.2.3), and the RateLimit fields.

RateLimit-Policy and RateLimit are those of draft-ietf-httpapi-ratelimit-headers-10: `q` requests in `w` seconds, of which
`r` are left, for `t` seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from proxy.access.gcra import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A limit that is used up."""

    policy: str
    """Name of the limit."""
    rate: Rate
    wait: float
    """Seconds until one more is admitted."""

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least 1."""
        return max(1, ceil(self.wait))

    @property
    def standing(self) -> Mapping[str, str]:
        """The RateLimit fields."""
        return standing(self.policy, self.rate, self.wait + self.rate.tolerance - self.rate.interval)

    @property
    def fields(self) -> Mapping[str, str]:
        """Every header field that says so."""
        return {"Retry-After": str(self.retry_after), **self.standing}


class TooOften(Exception):
    """Somebody tried something too often; `detail` is a sentence for them."""

    def __init__(self, late: Late, detail: str) -> None:
        super().__init__(late, detail)
        self.late, self.detail = late, f"{detail} Try again in {late.retry_after} seconds."


def standing(policy: str, rate: Rate, ahead: float) -> Mapping[str, str]:
    """The RateLimit fields of an allowance that is whole `ahead` seconds from now."""
    quota, window = round(rate.tolerance / rate.interval), ceil(rate.tolerance)
    left = max(0, int((rate.tolerance - ahead) / rate.interval + 1e-6))
    until = ceil(ahead) if left else max(1, ceil(rate.wait(ahead)))
    return {"RateLimit-Policy": f'"{policy}";q={quota};w={window}', "RateLimit": f'"{policy}";r={left};t={until}'}
