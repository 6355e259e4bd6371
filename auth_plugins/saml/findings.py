"""What can be said of a provider now: what expires, what does not answer, what does not fit."""

from collections.abc import Iterator, Sequence
from typing import Final

from auth_plugins.saml.metadata import Idp
from auth_plugins.saml.settings import Certificate, SamlSettings
from auth_plugins.values import Finding

DAY: Final = 86400.0
WARNED: Final = 30
"""Days before the end of a certificate from which on it is told of."""


def findings_of(idp: Idp, settings: SamlSettings, trouble: str, now: float) -> Sequence[Finding]:
    """Everything known, good and bad."""
    found = [*_of_metadata(idp, settings, trouble, now)]
    found += [_of_certificate(each, "the provider", "certificate", now) for each in idp.certificates]
    if settings.certificate is not None:
        found.append(_of_certificate(settings.certificate, "this gateway (option certificate)", "own_certificate", now))
    return found


def _of_metadata(idp: Idp, settings: SamlSettings, trouble: str, now: float) -> Iterator[Finding]:
    if settings.idp_metadata is not None and not trouble:
        yield Finding(code="metadata_read", level="ok", detail=f"{settings.idp_metadata} describes {idp.issuer}.")
    if trouble:
        detail = f"Metadata cannot be read again: {trouble}. What was read before is used; see option idp_metadata."
        yield Finding(code="metadata_unreadable", level="warning", detail=detail)
    if idp.valid_until is not None and idp.valid_until - now < DAY:
        detail = f"The provider's metadata end in {max(idp.valid_until - now, 0) / 3600:.0f} hours; it must publish newer ones."
        yield Finding(code="metadata_expires", level="warning", detail=detail, ends=idp.valid_until)
    if settings.binding not in idp.logins:
        detail = (
            f"The provider takes requests by {list(idp.logins)} and not by '{settings.binding}'; set option binding."
        )
        yield Finding(code="binding_not_offered", level="error", detail=detail)
    if idp.wants_requests_signed and settings.key is None:
        detail = "The provider wants signed requests; set options key and certificate."
        yield Finding(code="request_signature_wanted", level="error", detail=detail)


def _of_certificate(certificate: Certificate, whose: str, code: str, now: float) -> Finding:
    """An expired one goes on working: only its key counts (SAML metadata interoperability profile 2.6.1)."""
    days = (certificate.ends - now) / DAY
    if days <= 0:
        detail = f"The certificate {certificate.name} of {whose} has expired; put the new one beside it."
        return Finding(code=f"{code}_expired", level="error", detail=detail)
    if days <= WARNED:
        detail = f"The certificate {certificate.name} of {whose} expires in {days:.0f} days; put the new one beside it."
        return Finding(code=f"{code}_expires", level="warning", detail=detail, ends=certificate.ends)
    return Finding(code=f"{code}_valid", level="ok", detail=f"The certificate {certificate.name} of {whose} is valid.")
