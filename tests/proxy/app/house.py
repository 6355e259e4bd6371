"""A gateway with one instance and TLS files, and waiting for what it does by itself."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import trustme
from aiohttp import ClientSession
from cryptography.x509 import Certificate, DNSName, SubjectAlternativeName, load_der_x509_certificate
from prometheus_client.parser import text_string_to_metric_families

from tests.peers.changes import DEADLINE, promised
from tests.peers.gateway import Site, estate
from tests.peers.talk import Line

HOST = "line-3.localhost"
UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


def site(folder: Path, url: str, **server: object) -> Site:
    """A site whose instance line-3 listens at `url`; `server` goes into the section of that name."""
    made = Site(folder, estate([line("line-3", url)]))
    made.settings = {"server": server}
    return made


def line(slug: str, url: str) -> dict[str, object]:
    return {
        "slug": slug,
        "application": "acme/plant",
        "hosts": [f"{slug}.localhost"],
        "upstream": url,
        "admin_root": "/admin",
    }


def declare(site: Site, *instances: dict[str, object]) -> None:
    """Have the estate hold these instances from the next writing on."""
    site.estate["instances"] = list(instances)


def certificate(authority: trustme.CA, folder: Path, *names: str) -> dict[str, object]:
    """A certificate for these names in files of `folder`, as a configuration names it; again to renew it."""
    folder.mkdir(parents=True, exist_ok=True)
    issued = authority.issue_cert(*names)
    chain, key = folder / f"{names[0]}.pem", folder / f"{names[0]}.key"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return {"certificate": str(chain), "key": str(key)}


def shown_certificate(line: Line) -> Certificate:
    """What the server of a TLS connection showed."""
    secured: ssl.SSLObject = line.writer.get_extra_info("ssl_object")
    shown = secured.getpeercert(binary_form=True)
    assert shown is not None
    return load_der_x509_certificate(shown)


def names(shown: Certificate) -> list[str]:
    return shown.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)


async def until(holds: Callable[[], Awaitable[object]], *, seconds: float = DEADLINE) -> None:
    """Ask again and again until the answer is yes: for what happens elsewhere and tells nobody."""
    async with promised(seconds):
        while not await holds():  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.02)


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def metrics(site: Site) -> Samples:
    """Every sample of /metrics, by name and labels."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{site.operations}/metrics") as answer:
        assert answer.status == 200
        families = list(text_string_to_metric_families(await answer.text()))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


async def readiness(site: Site) -> tuple[int, list[str]]:
    """The status of /readyz, and the troubles it tells."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{site.operations}/readyz") as answer:
        return answer.status, (await answer.json())["troubles"]
