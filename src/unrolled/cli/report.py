"""``unrolled report``: write a model's report anew."""

from __future__ import annotations

from unrolled.cli import console, options


def report(model: options.Model) -> None:
    """Write report.html and the plots of a model again.

    Prints where the page is.
    """
    from unrolled.report.folder import rewrite_report

    console.result(str(rewrite_report(model)))
