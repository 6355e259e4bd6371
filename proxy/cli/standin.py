"""What the demo shows where Node-RED cannot be had: an instance of a few pages that says who is there.

It knows its visitor the way a flow does, from the headers the gateway sets, and is no use for anything else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from html import escape

LONGEST_HEAD = 32 * 1024
LONGEST_WAIT = 60.0
"""Seconds a connection may stay silent."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Line 3</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; background: #eef2f4; color: #1f3a4d; margin: 0; padding: 3rem 1rem; }}
main {{ max-width: 40rem; margin: auto; background: #fff; border: 1px solid #d5dde2; border-radius: 10px; padding: 2rem; }}
h1 {{ margin-top: 0; }} dt {{ color: #5b7282; }} dd {{ margin: 0 0 .75rem; font-weight: 600; }}
</style>
<main>
<h1>Hello, {name}</h1>
<dl>{facts}</dl>
<p>This page stands in for Node-RED, which npm would have brought. What it says about you came from Flowward.</p>
</main>
</html>
"""


@asynccontextmanager
async def standin(port: int) -> AsyncIterator[str]:
    """Serve on 127.0.0.1 until the block ends; gives the address."""
    server = await asyncio.start_server(_serve, "127.0.0.1", port, limit=LONGEST_HEAD)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, one answer: a visitor or two need no more."""
    with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(LONGEST_WAIT):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_answer(head))
            await writer.drain()
    writer.close()


def _answer(head: bytes) -> bytes:
    start, *lines = head.decode(errors="replace").split("\r\n")
    path = start.split(" ")[1].partition("?")[0] if start.count(" ") == 2 else ""
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    who = {fact: headers.get(f"x-flowward-{fact}") for fact in ("user", "name", "role", "tenant")}
    status, kind, body = _content(path, who)
    fields = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + body


def _content(path: str, who: Mapping[str, str | None]) -> tuple[str, str, bytes]:
    """Status, content type and body for a path of the demo."""
    known_as = who["name"] or who["user"] or "nobody"
    if path == "/api/hello":
        told = {"hello": known_as, "user": who["user"], "role": who["role"], "tenant": who["tenant"]}
        return "200 OK", "application/json", json.dumps(told).encode()
    if path == "/hooks/ping":
        return "200 OK", "application/json", b'{"pong": true}'
    if path == "/" or path.startswith("/dashboard"):
        facts = "".join(f"<dt>{fact}</dt><dd>{escape(value)}</dd>" for fact, value in who.items() if value)
        return "200 OK", "text/html; charset=utf-8", PAGE.format(name=escape(known_as), facts=facts).encode()
    return "404 Not Found", "text/plain", b"Only Node-RED itself has this page.\n"
