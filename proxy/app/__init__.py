"""The running gateway: `run` for a process of its own, `serve` and `opened` for a loop that runs already."""

from proxy.app.serve import Running, opened, run, serve

__all__ = ["Running", "opened", "run", "serve"]
