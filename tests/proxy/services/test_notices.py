"""What providers need attention for."""

from collections.abc import Sequence

import pytest

from auth_plugins import Finding, Refused, Unavailable
from proxy.services.notices import Notices
from tests.proxy.services.directory_stage import Stage, corp, said, stage

DAY = 86400.0


def notices(there: Stage) -> Notices:
    store = there.store
    return Notices(providers=lambda: there.providers, database=store.database, shared=store.shared, now=there.time)


async def test_s_27_what_expires_is_told_at_thirty_seven_and_one_day(place: str) -> None:
    provider = corp()
    async with stage(place, provider) as there:
        ours, ends = notices(there), there.time.now + 40 * DAY
        told: list[int] = []
        for day in range(41):
            left = 40 - day
            level = "ok" if left > 30 else "warning"
            detail = f"The certificate of the provider expires in {left} days."
            said(provider).finds = (Finding(code="certificate_expires", level=level, detail=detail, ends=ends),)  # type: ignore[arg-type]
            await ours.look()
            if len(await there.events("platform.sso.finding")) > len(told):
                told.append(left)
            there.time.now += DAY
        assert told == [30, 7, 1]
        assert ours.latest["corp"].findings == said(provider).finds


async def test_a_newer_certificate_is_told_of_anew(place: str) -> None:
    provider = corp()
    async with stage(place, provider) as there:
        ours = notices(there)
        for days in (5, 6):
            ends = there.time.now + days * DAY
            said(provider).finds = (Finding(code="certificate_expires", level="warning", detail="soon", ends=ends),)
            for _ in range(2):
                await ours.look()
        events = await there.events("platform.sso.finding")
        assert [each.body["code"] for each in events] == ["certificate_expires"] * 2


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Unavailable("directory_unreachable", "ldaps://dir:636 does not answer"), "directory_unreachable"),
        (Refused("bind_refused"), "bind_refused"),
        (KeyError("a defect"), "plugin_defect"),
    ],
)
async def test_a_provider_that_cannot_be_looked_at_is_told_of_once(place: str, trouble: Exception, code: str) -> None:
    provider = corp()
    said(provider).finds = trouble
    async with stage(place, provider) as there:
        ours = notices(there)
        for _ in range(3):
            await ours.look()
        found: Sequence[Finding] = ours.latest["corp"].findings
        assert [(each.code, each.level) for each in found] == [(code, "error")]
        assert [each.body["code"] for each in await there.events("platform.sso.finding")] == [code]
