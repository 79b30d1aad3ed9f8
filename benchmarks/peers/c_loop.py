"""The same training in plain C (c_loop.c), compiled here: the limit to compare with."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from support.process import PeerError
from support.worker import Run, serve
from support.workload import Experiment, Weights, Workload

SOURCE = Path(__file__).with_name("c_loop.c")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC")


def compiler() -> str:
    """$CC, or the first C compiler that is there."""
    for name in (os.environ.get("CC"), "gcc", "cc", "clang"):
        if name and shutil.which(name):
            return name
    raise PeerError("no C compiler (looked for $CC, gcc, cc, clang)")


def compile_library(folder: Path) -> ctypes.CDLL:
    """c_loop.c -> a shared library with its two functions' signatures set."""
    target = folder / "c_loop.so"
    command = [compiler(), *FLAGS, str(SOURCE), "-o", str(target), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise PeerError(f"{command[0]} could not compile {SOURCE.name}: {first}")
    library = ctypes.CDLL(str(target))
    integer, size, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
    library.train_epoch.restype = library.evaluate.restype = ctypes.c_double
    library.train_epoch.argtypes = [
        *(pointer, pointer, integer, pointer, pointer, pointer, size, integer)
    ]
    library.evaluate.argtypes = [pointer, integer, pointer, pointer, size, integer, pointer]
    return library


class CPeer:
    def __init__(self, workload: Workload, threads: int) -> None:
        self._workload = workload
        self._threads = threads
        # The library stays mapped after its file is gone.
        with tempfile.TemporaryDirectory() as folder:
            self._library = compile_library(Path(folder))
        self._parameters: dict[Experiment, NDArray[np.float32]] = {}
        self._velocities: dict[Experiment, NDArray[np.float32]] = {}
        self._rng = np.random.default_rng(0)

    def versions(self) -> dict[str, str]:
        command = [compiler(), "--version"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return {command[0]: output.splitlines()[0].split()[-1]}

    def build(self, experiment: Experiment, weights: Weights) -> None:
        flat = np.concatenate([array.ravel() for array in weights.values()])
        self._parameters[experiment] = np.ascontiguousarray(flat, dtype=np.float32)
        self._velocities[experiment] = np.zeros_like(self._parameters[experiment])

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        work = self._workload
        count = len(work.train_labels)
        parameters = self._parameters[experiment].ctypes.data
        velocities = self._velocities[experiment].ctypes.data
        embedded = int(experiment == "embedding")
        accuracy = ctypes.c_double()
        run = Run([], [], [], [])
        for _ in range(epochs):
            started = time.perf_counter()
            order = (self._rng.permutation if shuffle else np.arange)(count).astype(np.int64)
            loss = self._library.train_epoch(
                parameters,
                velocities,
                embedded,
                work.train_ids.ctypes.data,
                work.train_labels.ctypes.data,
                order.ctypes.data,
                count,
                self._threads,
            )
            val_loss = self._library.evaluate(
                parameters,
                embedded,
                work.validation_ids.ctypes.data,
                work.validation_labels.ctypes.data,
                len(work.validation_labels),
                self._threads,
                ctypes.byref(accuracy),
            )
            run.seconds.append(time.perf_counter() - started)
            if loss < 0 or val_loss < 0:
                raise PeerError("no memory")
            run.loss.append(loss)
            run.val_loss.append(val_loss)
            run.val_accuracy.append(accuracy.value)
        return run


if __name__ == "__main__":
    serve(CPeer)
