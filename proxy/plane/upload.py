"""The body of a request on its way to the instance: read strictly, and framed anew."""

from proxy.wire.chunked import LAST, ChunkedBody, chunk
from proxy.wire.framing import Framing


class Upload:
    """What of a body is still to come. One per request that has one."""

    __slots__ = ("_chunked", "_left", "done")

    def __init__(self, framing: Framing) -> None:
        self._chunked = ChunkedBody() if framing.chunked else None
        self._left = framing.length
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What goes to the instance for these bytes, and what follows the body. Raises BadChunk."""
        if self._chunked is not None:
            return self._feed_chunked(self._chunked, data)
        part = data[: self._left]
        self._left -= len(part)
        self.done = not self._left
        return part, data[len(part) :]

    def _feed_chunked(self, body: ChunkedBody, data: bytes) -> tuple[bytes, bytes]:
        content, rest = body.feed(data)
        self.done = body.done
        return b"".join([*map(chunk, content), LAST if body.done else b""]), rest
