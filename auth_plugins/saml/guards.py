"""What a SAML message must look like before anything in it is believed, decrypted or even looked up.

The library under us verifies signatures; these guards see to it that what was signed is what is read. One parser reads
each message once, and every attack of which we know needs a shape that is refused here: a second assertion, an ID that
occurs twice, a signature in an odd place, a reference or transform that leads elsewhere, a comment, a DOCTYPE.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Final

from lxml import etree

from auth_plugins.values import Refused

LONGEST: Final = 512 * 1024
"""Bytes of a message after decoding; a response with a thousand groups has a tenth of it."""
NS: Final[Mapping[str, str]] = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xenc": "http://www.w3.org/2001/04/xmlenc#",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
}
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_C14N: Final = frozenset(
    {"http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"}
)
_ENVELOPED: Final = NS["ds"] + "enveloped-signature"
SIGNATURES: Final = frozenset(f"{_MORE}{kind}-sha{size}" for kind in ("rsa", "ecdsa") for size in (256, 384, 512))
"""What may sign: RSA and ECDSA over SHA-2. SHA-1 is broken, and an HMAC could be made by whoever reads our metadata."""
_DIGESTS: Final = frozenset({NS["xenc"] + "sha256", _MORE + "sha384", NS["xenc"] + "sha512"})
_NO_DECLARATIONS: Final = re.compile(rb"<!(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_ENCODED: Final = re.compile(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)", re.IGNORECASE)
_IDS: Final = ("ID", "Id", "id", "AssertionID", "{http://www.w3.org/XML/1998/namespace}id")

Element = etree._Element  # noqa: SLF001  the class lxml gives no public name


def tag(name: str) -> str:
    """`saml:Assertion` as lxml spells it."""
    prefix, _, local = name.partition(":")
    return f"{{{NS[prefix]}}}{local}"


def find(element: Element, path: str) -> list[Element]:
    """The elements at a path of prefixed names; attributes and texts are read from them."""
    return element.findall(path, namespaces=dict(NS))


def decoded(text: str, longest: int = LONGEST) -> bytes:
    """The bytes of a message of the POST binding. Raises Refused."""
    if len(text) > longest * 4 // 3 + 4096:
        raise Refused("message_too_long", f"a message of {len(text)} characters; at most {longest} bytes are read")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("message_not_base64", str(error)) from error


def parsed(content: bytes, longest: int = LONGEST, *, comments: bool = False) -> Element:
    """The root of a document that holds elements and text alone, in UTF-8. Raises Refused."""
    if len(content) > longest:
        raise Refused("message_too_long", f"a message of {len(content)} bytes; at most {longest} are read")
    _guard_encoding(content)
    if found := _NO_DECLARATIONS.search(content):
        raise Refused("doctype_present", f"the message holds {found[0].decode()}, which no SAML message needs")
    # A parser for each message: nothing of one, such as what its entities were, can be seen by another.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise Refused("message_not_xml", str(error)) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refused("doctype_present", "the message has a document type")
    if not comments:
        _guard_elements_only(root)
    return root


def _guard_encoding(content: bytes) -> None:
    """In UTF-16 or UTF-7 a DOCTYPE would not look like one to whoever searches bytes."""
    said = _ENCODED.match(content)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Refused("encoding_unknown", f"the message is not UTF-8: {error}") from error
    if "\0" in text or (said and said[1].lower() not in {b"utf-8", b"us-ascii", b"ascii"}):
        raise Refused("encoding_unknown", "the message is in another encoding than UTF-8")


def _guard_elements_only(root: Element) -> None:
    """A comment splits text: `admin@acme.com<!-- -->.evil` is two texts to one reader, one to another."""
    places = [root.getroottree().getroot(), *root.itersiblings(), *root.itersiblings(preceding=True)]
    for node in (node for place in places for node in place.iter()):
        if not isinstance(node.tag, str):
            raise Refused(
                "comment_present", f"the message holds {etree.tostring(node)[:60]!r} beside elements and text"
            )


def guard_ids(*roots: Element) -> None:
    """Every ID occurs once, so a reference leads to one element only. Raises Refused."""
    seen: set[str] = set()
    for element in (element for root in roots for element in root.iter()):
        for value in {element.get(name) for name in _IDS if element.get(name) is not None}:
            if not value or value in seen:
                raise Refused("id_not_unique", f"the ID '{value}' occurs more than once")
            seen.add(str(value))


def assertion_of(response: Element) -> Element:
    """The only Assertion or EncryptedAssertion, directly in the only Response. Raises Refused."""
    if response.tag != tag("samlp:Response"):
        raise Refused("response_missing", f"the message is a {response.tag} and not a samlp:Response")
    if len(list(response.iter("{*}Response"))) != 1:
        raise Refused("responses_several", "the message holds more than one Response")
    found = list(response.iter("{*}Assertion", "{*}EncryptedAssertion"))
    if len(found) != 1:
        raise Refused("assertion_count", f"the response holds {len(found)} assertions; one is read")
    (assertion,) = found
    if assertion.tag not in {tag("saml:Assertion"), tag("saml:EncryptedAssertion")}:
        raise Refused("assertion_foreign", f"the assertion is a {assertion.tag}")
    if assertion.getparent() is not response:
        raise Refused("assertion_misplaced", "the assertion does not stand directly in the response")
    return assertion


def signature_of(signed: Element, others: Iterable[Element] = ()) -> Element | None:
    """The signature over this very element; None where it has none. Raises Refused.

    `others` are elements within it that may have signatures of their own.
    """
    here = [node for node in signed.iter("{*}Signature") if not _within(node, others)]
    if not here:
        return None
    if len(here) != 1:
        raise Refused("signature_count", f"{len(here)} signatures where at most one is expected")
    (signature,) = here
    if signature.tag != tag("ds:Signature") or signature.getparent() is not signed:
        raise Refused("signature_misplaced", "a signature does not stand directly in what it signs")
    _guard_reference(signature, signed)
    _guard_algorithms(signature)
    return signature


def _within(node: Element, others: Iterable[Element]) -> bool:
    return any(other in set(node.iterancestors()) for other in others)


def _guard_reference(signature: Element, signed: Element) -> None:
    """SAML core 5.4.2: "Signatures MUST contain a single <ds:Reference> containing a same-document reference to the ID
    attribute value of the root element of the assertion or protocol message being signed."
    """
    children = {str(child.tag) for child in signature}
    if not children <= {tag("ds:SignedInfo"), tag("ds:SignatureValue"), tag("ds:KeyInfo")}:
        raise Refused("signature_object", "a signature holds more than SignedInfo, SignatureValue and KeyInfo")
    references = list(signature.iter("{*}Reference"))
    if len(references) != 1 or len(find(signature, "ds:SignedInfo/ds:Reference")) != 1:
        raise Refused("signature_references", f"a signature has {len(references)} references; it must have one")
    if not signed.get("ID") or references[0].get("URI") != f"#{signed.get('ID')}":
        raise Refused("signature_elsewhere", f"a signature in '{signed.get('ID')}' is over {references[0].get('URI')}")


def _guard_algorithms(signature: Element) -> None:
    def said(name: str) -> list[str]:
        return [str(node.get("Algorithm")) for node in signature.iter(tag(f"ds:{name}"))]

    # SAML core 5.4.4: "Signatures in SAML messages SHOULD NOT contain transforms other than the enveloped signature
    # transform or the exclusive canonicalization transforms." To us they must not: XSLT and XPath are programs.
    transforms = said("Transform")
    if len(transforms) > 2 or not set(transforms) <= {_ENVELOPED, *_C14N} or _ENVELOPED not in transforms:
        raise Refused("signature_transforms", f"a signature is over what {transforms} leave")
    for name, allowed, code in (
        ("CanonicalizationMethod", _C14N, "signature_transforms"),
        ("SignatureMethod", SIGNATURES, "signature_algorithm"),
        ("DigestMethod", _DIGESTS, "digest_algorithm"),
    ):
        if len(said(name)) != 1 or not set(said(name)) <= allowed:
            raise Refused(code, f"a signature uses {said(name)} as {name}; SHA-256 or stronger is needed")
