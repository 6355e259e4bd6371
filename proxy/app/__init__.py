"""The running gateway: `serve` for a loop that runs already, `run` for a process of its own."""

from proxy.app.serve import run, serve

__all__ = ["run", "serve"]
