"""The command line. Nothing is imported here before it is known whose packages the others are."""

import sys

from proxy.cli.roots import stranger


def main() -> None:
    """The `flowward` command."""
    complaint = stranger()
    if complaint is not None:
        sys.stderr.write(f"flowward: {complaint}\n")
        sys.exit(2)
    from proxy.cli.commands import flowward  # noqa: PLC0415 - see above

    flowward()
