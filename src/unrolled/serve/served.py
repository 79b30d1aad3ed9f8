"""One model as it is served: its answers as bytes, its explanations, its description."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from unrolled import bundle
from unrolled.errors import InputError, ModelError
from unrolled.model.trained import TrainedModel
from unrolled.page.description import describe
from unrolled.serve.problems import Problem
from unrolled.serve.schemas import ExplainBody, StepBody, unfit

INLINE_SECONDS = 0.005  # that the event loop may spend on a batch
_TEXTS, _WORDS, _TURNS = 32, 200, 3  # of the warming up


class ServedModel:
    """A model that was loaded from a folder and has proved that it answers.

    small: characters of texts that the event loop may score itself, as measured.
    """

    def __init__(self, name: str, folder: Path) -> None:
        stored = bundle.read(folder)
        self.name = name
        self.hash = str(stored.config["sha256"][bundle.CONFIG])
        self.model = TrainedModel.from_bundle(folder, stored)
        # An explanation keeps a network busy, so that scoring has one of its own.
        self._to_explain = TrainedModel.from_bundle(folder, stored)
        self._to_explain.vocabulary = self.model.vocabulary
        self._stored = replace(stored, weights={}, vocabulary={}, training=None)
        self._start = self.model.recipe.text.start_token
        self.small = 1

    def warm_up(self, threads: int) -> None:
        """Load or compile what answering needs, and measure it; ModelError when it fails."""
        draw = random.Random(0)  # noqa: S311 - nothing secret
        words = [*self.model.vocabulary.words[:2_000], "unheard-of"]
        seconds = []
        for _ in range(_TURNS):
            texts = [" ".join(draw.choices(words, k=_WORDS)) for _ in range(_TEXTS)]
            self.score(texts[:1], 1)
            self.score(texts, threads)
            began = time.perf_counter()
            self.score(texts, 1)
            seconds.append((time.perf_counter() - began) / sum(map(len, texts)))
        self.small = max(1, int(INLINE_SECONDS / min(seconds)))
        self._to_explain.explain(" ".join(words[:_TEXTS]), threads=threads)

    def score(self, texts: list[str], threads: int) -> list[bytes]:
        """The prediction for each text, as a JSON object; the same bytes in any company."""
        encoded = self.model.vocabulary.encode_all(texts, start=self._start)
        predictions = self.model.predictions(encoded, threads)
        columns = zip(
            predictions.labels,
            predictions.probability.tolist(),
            predictions.probabilities.tolist(),
            predictions.unknown_share.tolist(),
            predictions.was_cut.tolist(),
            strict=True,
        )
        classes = predictions.classes
        return [
            to_json(
                {
                    "label": label,
                    "probability": probability,
                    "probabilities": dict(zip(classes, probabilities, strict=True)),
                    "unknown_share": unknown_share,
                    "was_cut": was_cut,
                }
            )
            for label, probability, probabilities, unknown_share, was_cut in columns
        ]

    def explain(self, body: ExplainBody, threads: int) -> bytes:
        """The explanation document; Problem 422 when the model has no such label."""
        if body.label is not None and body.label not in self.model.classes:
            raise unfit("/label", "the model has no such label; GET /v1/model lists them")
        try:
            found = self._to_explain.explain(
                body.text, label=body.label, importance=tuple(body.importance), threads=threads
            )
        except ModelError:
            raise no_bound() from None
        except InputError:
            raise unfit("/text", "the text has more steps than can be explained") from None
        return to_json({"model": self.name, **found.to_dict()})

    def explain_step(self, body: StepBody) -> bytes:
        """The arithmetic of one unit; Problem 422 when there is no such unit or step."""
        try:
            found = self._to_explain.explain_step(
                body.text,
                step=body.step,
                unit=body.unit,
                layer=body.layer,
                direction=body.direction,
            )
        except ModelError:
            raise no_bound() from None
        except InputError:
            raise unfit(
                "", "there is no such step, unit, layer or direction; POST /v1/explain lists them"
            ) from None
        return to_json({"model": self.name, **found.to_dict()})

    def document(self, models: Sequence[str], examples: Sequence[str]) -> dict[str, Any]:
        """Everything that GET /v1/model says, except for the server's limits."""
        return describe(self.name, self.model, self._stored, models=models, examples=examples)


def no_bound() -> Problem:
    """The answer for a text that drives the network's numbers to infinity."""
    return Problem(422, "no-answer", "the model has no finite answer for this text")
