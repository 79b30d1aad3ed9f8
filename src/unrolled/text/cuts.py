"""Where a text may be cut without any change of its tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Cuts = NDArray[np.bool_]


def cuts(*between: tuple[str, str]) -> Cuts:
    """Table (128, 128) that is true for the given pairs of ASCII characters.

    between: any character of the first string on the left and any of the second on the right. It
    holds for ASCII text between white space; every text may also be cut in front of a space, tab or
    newline.
    """
    table = np.zeros((128, 128), dtype=np.bool_)
    for left, right in between:
        table[np.ix_(list(left.encode("ascii")), list(right.encode("ascii")))] = True
    return table
