"""`python -m proxy.cli` is `flowward`."""

from proxy.cli import main

main()
