"""The running gateway: `run` for a process of its own, `serve` and `opened` for a loop that runs already."""

from proxy.app.serve import Running, opened, run, serve
from proxy.app.workers import ALONE, Worker

__all__ = ["ALONE", "Running", "Worker", "opened", "run", "serve"]
