"""Encrypted assertions: opened with our own key, after it is plain that nothing in them leads elsewhere."""

from copy import deepcopy
from typing import Final

import xmlsec
from lxml import etree

from auth_plugins.saml.guards import NS, Element, find, parsed, tag
from auth_plugins.values import Refused

_ENC11: Final = "http://www.w3.org/2009/xmlenc11#"
_KEY_TRANSPORT: Final = frozenset({NS["xenc"] + "rsa-oaep-mgf1p", _ENC11 + "rsa-oaep"})
"""OAEP alone: with PKCS #1 v1.5, answers to a million altered messages give the key away (Bleichenbacher)."""
_CONTENT: Final = frozenset(
    {NS["xenc"] + f"aes{size}-cbc" for size in (128, 192, 256)}
    | {_ENC11 + f"aes{size}-gcm" for size in (128, 192, 256)}
)
_LEADS_ELSEWHERE: Final = ("{*}CipherReference", "{*}Transforms", "{*}EncryptionProperties", "{*}KeyInfoReference")


def opened(encrypted: Element, key: str) -> Element:
    """The assertion inside, parsed by itself under the same guards as a message. Raises Refused."""
    if not key:
        raise Refused("key_missing", "the assertion is encrypted; set options key and certificate to read it")
    data, transport = _parts(encrypted)
    for element, allowed in ((data, _CONTENT), (transport, _KEY_TRANSPORT)):
        method = [node.get("Algorithm") for node in find(element, "xenc:EncryptionMethod")]
        if len(method) != 1 or method[0] not in allowed:
            raise Refused("encryption_algorithm", f"the assertion is encrypted by {method}; AES and RSA-OAEP are read")
    assertion = parsed(_decrypted(data, transport, key))
    if assertion.tag != tag("saml:Assertion"):
        raise Refused("assertion_missing", f"what was encrypted is a {assertion.tag} and not an assertion")
    return assertion


def _parts(encrypted: Element) -> tuple[Element, Element]:
    """The encrypted content, and the encrypted key to it, which stands inside its KeyInfo or beside it."""
    if found := list(encrypted.iter(*_LEADS_ELSEWHERE)):
        raise Refused("encryption_reference", f"the encrypted assertion holds a {found[0].tag}")
    data, keys = list(encrypted.iter("{*}EncryptedData")), list(encrypted.iter(tag("xenc:EncryptedKey")))
    if len(data) != 1 or data[0].getparent() is not encrypted or data[0].tag != tag("xenc:EncryptedData") or not keys:
        raise Refused("encryption_shape", "an encrypted assertion must hold one EncryptedData and a key for it")
    return data[0], keys[0]


def _decrypted(data: Element, transport: Element, key: str) -> bytes:
    """Only the parts that were looked at are put together again, so that the library sees no others."""
    holder = etree.Element(tag("xenc:EncryptedData"))  # without Type it gives the bytes and leaves parsing to us
    inner = etree.Element(tag("xenc:EncryptedKey"))
    for source, target in ((transport, inner), (data, holder)):
        target.extend(deepcopy(node) for node in find(source, "xenc:EncryptionMethod"))
        if target is holder:
            etree.SubElement(holder, tag("ds:KeyInfo")).append(inner)
        target.extend(deepcopy(node) for node in find(source, "xenc:CipherData"))
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(key, xmlsec.KeyFormat.PEM, None))
    try:
        content: object = xmlsec.EncryptionContext(manager).decrypt(holder)
    except xmlsec.Error as error:
        raise Refused("decryption_failed", f"the assertion is not encrypted for our key: {error}") from error
    if not isinstance(content, bytes):
        raise Refused("decryption_failed", "what was encrypted is not an assertion")
    return content
