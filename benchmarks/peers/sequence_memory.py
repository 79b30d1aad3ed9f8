"""Peak memory of unrolled's training steps, in a process that does nothing else.

Prints one JSON line: "base", MB before the network is there, and "peak", MB after some steps.
"""

from __future__ import annotations

import json
import resource
import sys

import numpy as np

from peers.unrolled_sequences import network_of
from support.sequence_work import Case, sequences
from unrolled.ragged import Ragged

STEPS = 4


def peak() -> float:
    """MB; macOS counts bytes, Linux KiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def train(case: Case, batch: int, time: int, threads: int) -> None:
    texts = Ragged.from_matrix(sequences(case.words, STEPS * batch, time))
    order = np.arange(STEPS * batch)
    network_of(case).train_epoch(texts, texts, order, batch_size=batch, threads=threads)


def main() -> None:
    words, sampled, batch, time, threads = (int(argument) for argument in sys.argv[1:])
    # All code is loaded, and all threads have begun, before anything is counted.
    train(Case(100, 10 if sampled else None), 16 * threads, 2, threads)
    base = peak()
    train(Case(words, sampled or None), batch, time, threads)
    print(json.dumps({"base": base, "peak": peak()}))


if __name__ == "__main__":
    main()
