"""Time as a parameter."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is seconds since the epoch, for what is kept; `steady` never jumps, for deadlines in this process."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


SYSTEM = Clock()
