"""What can be said of each server of a directory, for whoever sets it up. It blocks."""

from collections.abc import Iterator, Sequence
from typing import Final

from cryptography import x509

from auth_plugins.ldap.directory import Directory, not_found
from auth_plugins.ldap.settings import Address, LdapSettings
from auth_plugins.ldap.verdicts import SUCCESS
from auth_plugins.ldap.wire import Deadline, Line, Lost
from auth_plugins.values import Finding, Unavailable

_NO_ATTRIBUTES: Final = ("1.1",)
"""RFC 4511 section 4.5.1.8."""
_SOON: Final = 30
"""Days."""
_DAY: Final = 86_400


def findings_of(
    directory: Directory, settings: LdapSettings, address: Address, now: float, *, deadline: Deadline
) -> Sequence[Finding]:
    """How far one server lets us come, and what may go wrong there soon."""
    warnings = list(_weaknesses(settings, address))
    try:
        line = directory.reader(address, deadline)
        try:
            warnings += _certificate(line, now)
            _bases(line, settings, deadline)
        finally:
            line.close()
    except (Lost, Unavailable) as error:
        return [*warnings, Finding(code=error.code, level="error", detail=error.detail)]
    who = settings.bind_dn or "anybody"
    ready = f"{address} answers, takes the bind of {who}, and has '{settings.base_dn}'"
    return [Finding(code="directory_ready", level="ok", detail=ready), *warnings]


def _bases(line: Line, settings: LdapSettings, deadline: Deadline) -> None:
    """Raises Lost and Unavailable where people or groups are looked for in a place that is not there."""
    places = [settings.base_dn, *([settings.groups.base_dn] if settings.groups.mode == "search" else [])]
    for base in dict.fromkeys(places):
        found = line.find(base, "(objectClass=*)", _NO_ATTRIBUTES, deadline, limit=1, itself=True)
        if found.answered.code != SUCCESS:
            error = not_found(base, found.answered)
            raise Unavailable(error.code, f"{line.address}: {error.detail}")


def _weaknesses(settings: LdapSettings, address: Address) -> Iterator[Finding]:
    if not (address.tls or settings.start_tls):
        detail = f"passwords go to {address} in the clear: write ldaps:// or start_tls: true"
        yield Finding(code="not_encrypted", level="warning", detail=detail)
    elif settings.insecure_skip_verify:
        detail = (
            f"the certificate of {address} is not looked at: remove insecure_skip_verify and name its authority in ca"
        )
        yield Finding(code="certificate_not_verified", level="warning", detail=detail)


def _certificate(line: Line, now: float) -> Iterator[Finding]:
    der = line.certificate()
    if der is None:
        return
    ends = x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    days = (ends - now) / _DAY
    if days <= _SOON:
        detail = f"the certificate of {line.address} expires in {max(int(days), 0)} days: renew it there"
        yield Finding(code="certificate_expires", level="warning", detail=detail, ends=ends)
