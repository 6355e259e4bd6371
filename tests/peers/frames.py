"""Websocket frames as bytes (RFC 6455 section 5.2), for peers that must see every bit that passed."""

import asyncio
import base64
import hashlib
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame. `rsv` holds the three reserved bits; permessage-deflate marks a message with 4."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0

    def encode(self, mask: bytes | None = None) -> bytes:
        """The bytes of the frame; a client gives four bytes of `mask`, a server none."""
        head = bytearray([self.fin << 7 | self.rsv << 4 | self.opcode])
        masked = 0x80 if mask else 0
        size = len(self.payload)
        if size < 126:
            head.append(masked | size)
        elif size < 0x10000:
            head += bytes([masked | 126]) + size.to_bytes(2)
        else:
            head += bytes([masked | 127]) + size.to_bytes(8)
        return bytes(head) + (mask + _masked(self.payload, mask) if mask else self.payload)


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next frame, unmasked; asyncio.IncompleteReadError at the end of the stream."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    mask = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(size)
    if mask:
        payload = _masked(payload, mask)
    return Frame(opcode=first & 0x0F, payload=payload, fin=bool(first & 0x80), rsv=first >> 4 & 7)


def accept_key(key: bytes) -> bytes:
    """What the server answers to Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def _masked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))
