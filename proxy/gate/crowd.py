"""Open client connections, websockets included, counted in all and by address, whichever lane carries them."""


class Crowd:
    """Who is here. A connection that changes lanes leaves and enters again."""

    __slots__ = ("_by_address", "_most", "_most_by_address", "_open")

    def __init__(self, *, connections: int, connections_per_address: int) -> None:
        self._most, self._most_by_address = connections, connections_per_address
        self._open = 0
        self._by_address: dict[str, int] = {}

    def take_over(self, *, connections: int, connections_per_address: int) -> None:
        """Other limits for those who come from now on; whoever is here stays."""
        self._most, self._most_by_address = connections, connections_per_address

    def __len__(self) -> int:
        return self._open

    def enter(self, address: str, *, trusted: bool = False) -> bool:
        """Count a connection; False when there are too many. A trusted address is a proxy that speaks for many."""
        held = self._by_address.get(address, 0)
        self._by_address[address] = held + 1
        self._open += 1
        return self._open <= self._most and (trusted or held < self._most_by_address)

    def leave(self, address: str) -> None:
        self._open -= 1
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]
