"""``--track``: what writes a run down while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unrolled.cli.places import check_writable

if TYPE_CHECKING:
    from unrolled.training.callbacks import Callback


def callbacks_for(track: Path | None, *, resume: bool, overwrite: bool) -> list[Callback]:
    """The callbacks of ``--track``; what is wrong with the folder is said before the work."""
    if track is None:
        return []
    from unrolled.tracking import TensorBoard

    board = TensorBoard(track, overwrite=resume or overwrite)
    board.check_place()
    check_writable(track, "--track")
    return [board]
