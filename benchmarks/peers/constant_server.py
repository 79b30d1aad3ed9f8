"""FastAPI endpoints that do no work: what the framework itself leaves of a core."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from peers.http_server import run

ANSWER = {
    "model": "constant",
    "prediction": {
        "label": "positive",
        "probability": 0.75,
        "probabilities": {"negative": 0.25, "positive": 0.75},
        "unknown_share": 0.125,
        "was_cut": True,
    },
}

app = FastAPI()


class Body(BaseModel):
    """The body that `unrolled serve` takes for one text."""

    text: str


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/read")
async def read_the_body(body: Body) -> dict[str, Any]:
    """The body is parsed and checked, as every endpoint that does something with it does."""
    return ANSWER


@app.post("/ignore")
async def ignore_the_body() -> dict[str, Any]:
    return ANSWER


if __name__ == "__main__":
    run(app)
