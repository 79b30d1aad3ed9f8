"""How the peers behind HTTP are run: one worker of uvicorn, set up as `unrolled serve` is."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI


def run(app: FastAPI) -> None:
    """The main function of a server's module. Its last argument is the port."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[-1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
