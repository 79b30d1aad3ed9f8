"""The commands: they read arguments, call the rooms above, and are the only place that prints."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (by default the process' own) and return its exit code."""
    from unrolled.cli.app import run

    return run(arguments)
