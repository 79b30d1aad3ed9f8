"""Layers in a row: the network that is trained and asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import reference
from unrolled.engine.batches import Execution, Floats, Longs, Progress
from unrolled.engine.layered import Layered, Learning, Update, each_answer
from unrolled.engine.layers import (
    Dense,
    Embedding,
    Flow,
    Layer,
    Operations,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
)
from unrolled.engine.losses import check_label_targets, loss_named
from unrolled.engine.optimizers import Optimizer, Part
from unrolled.engine.structure import (
    drawn_weights,
    flows_of,
    in_one_vector,
    names_of,
    vocabulary_layer,
)
from unrolled.engine.summary import LayerRow, format_table
from unrolled.engine.threads import Team, thread_count
from unrolled.errors import ShapeError
from unrolled.ragged import Sequences

_OUTPUTS = {"sigmoid": "binary_crossentropy", "softmax": "sparse_categorical_crossentropy"}


class Network:
    """A row of layers with their weights, which all lie in one vector.

    layers: the first one reads ids (`OneHot` or `Embedding`, or `WordDropout` before one).
    seed: of the initial weights, which are drawn as Keras draws them, and of dropout.
    loss: "binary_crossentropy" (of one output, or of a label for each) or
        "sparse_categorical_crossentropy"; None is enough to predict.
    optimizer: needed to train.
    class_weight: what the loss of an example of each class is multiplied by in training.
    sparse: word vectors that no text of a batch uses keep still, so that a step takes time in
        proportion to the words of the batch; otherwise they move on as in Keras, with an Adam
        that still has momentum.
    rates: what the learning rate of each layer is multiplied by, 0 where it keeps still; the
        list may be changed between epochs. None: by one.
    engine: "numba" (compiled) or "reference" (plain NumPy, slow, the truth).
    path: "compiled" runs ids -> SimpleRNN -> Dense whole batches at a time; "layered" runs any
        layers one by one; "auto" takes the compiled path where it exists. The attribute `path`
        says which one it is.

    Every result has the same bits for any number of threads. Raises ShapeError when layers do not
    fit together.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        seed: int,
        loss: str | None = None,
        optimizer: Optimizer | None = None,
        engine: Literal["numba", "reference"] = "numba",
        path: Literal["auto", "compiled", "layered"] = "auto",
        class_weight: Sequence[float] | None = None,
        sparse: bool = False,
        rates: list[float] | None = None,
    ) -> None:
        self.made_of: dict[str, Any] = {
            "layers": layers, "seed": seed, "loss": loss, "optimizer": optimizer,
            "engine": engine, "path": path, "class_weight": class_weight, "sparse": sparse,
            "rates": rates,
        }  # fmt: skip
        self.layers = tuple(layers)
        self.optimizer = optimizer
        self.seed = seed
        self.sparse = sparse
        self.rates = _checked_rates(rates, len(self.layers))
        self.loss = loss_named(loss) if loss is not None else None
        self.flows = flows_of(self.layers)
        self.names = names_of(self.layers)
        drawn = drawn_weights(self.layers, self.flows, np.random.default_rng(seed))
        self.parameters, self.layer_weights = in_one_vector(drawn)
        if loss is not None:
            _check_outputs(self.layers, self.flows[-1], loss)
        self.steps = _steps(self.layers, self.flows[-1])
        self.class_weights = self._checked_weights(class_weight)
        if optimizer is not None:
            optimizer.build(len(self.parameters))
        self.execution = self._choose(engine, path)

    @property
    def path(self) -> str:
        """The way it runs: "compiled" or "layered"."""
        return self.execution.name

    @property
    def parameter_count(self) -> int:
        """Numbers that training changes."""
        return len(self.parameters)

    @property
    def weights(self) -> dict[str, Floats]:
        """Every weight by name, "simple_rnn/kernel" say, in Keras' layout: views, not copies."""
        return {
            f"{name}/{weight}": array
            for name, weights in zip(self.names, self.layer_weights, strict=True)
            for weight, array in weights.items()
        }

    def set_weights(self, weights: dict[str, NDArray[Any]]) -> None:
        """Copies ``weights`` in; names and shapes must be those of `weights`, else ShapeError."""
        own = self.weights
        if weights.keys() != own.keys():
            odd = sorted(weights.keys() ^ own.keys())
            raise ShapeError(f"the weights do not fit this network: look at {', '.join(odd)}")
        for name, array in own.items():
            if weights[name].shape != array.shape:
                raise ShapeError(f"{name} has shape {weights[name].shape}, not {array.shape}")
        for name, array in own.items():
            array[...] = weights[name]

    def train_epoch(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        order: NDArray[np.integer],
        *,
        batch_size: int,
        threads: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[float, float]:
        """One pass over the rows in ``order`` (n,), with a step of the optimiser a batch.

        targets: class number of every sequence (n,), 0 and 1 for each label (n, outputs), or where
        the network answers at each of its steps, a class number for each (n, steps).
        on_progress is told the rows done so far, about ten times a second. Returns the mean loss
        and accuracy along the way, as Keras prints them. Raises NonFiniteBatch, and leaves the
        parameters as before that batch.
        """
        checked, rows = self.checked_epoch(sequences, targets, order, batch_size)
        totals = self.execution.train_epoch(
            sequences,
            checked,
            rows,
            batch_size=batch_size,
            threads=thread_count(threads),
            on_progress=on_progress,
        )
        return totals.means()

    def checked_epoch(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        order: NDArray[np.integer],
        batch_size: int,
    ) -> tuple[Longs, Longs]:
        """Targets and order as an epoch needs them; ShapeError when it cannot be trained."""
        if self.loss is None or self.optimizer is None:
            raise ShapeError("this network has no loss or no optimizer: give both to train it")
        checked = self.checked_targets(sequences, targets)
        rows = np.ascontiguousarray(order, dtype=np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(sequences)):
            raise ShapeError(f"order names a row outside of 0 to {len(sequences) - 1}")
        if batch_size < 1:
            raise ShapeError(f"batch_size is {batch_size}: give a whole number from 1 on")
        return checked, rows

    def predict(self, sequences: Sequences, *, threads: int | None = None) -> Floats:
        """The last layer's output for every sequence (n, outputs), whatever is beside it.

        Of a network that answers at each of its steps, (n, steps, outputs).
        """
        return self.execution.predict(sequences, threads=thread_count(threads))

    def evaluate(
        self, sequences: Sequences, targets: NDArray[np.integer], *, threads: int | None = None
    ) -> tuple[float, float]:
        """Mean loss and accuracy on ``sequences`` of classes ``targets``."""
        self.checked_targets(sequences, targets)
        return self.score(self.predict(sequences, threads=threads), targets)

    def score(self, probabilities: Floats, targets: NDArray[np.integer]) -> tuple[float, float]:
        """Mean loss and accuracy of what `predict` gave for texts of classes ``targets``."""
        if self.loss is None:
            raise ShapeError("this network has no loss: give one to evaluate it")
        checked = np.ascontiguousarray(targets, dtype=np.int64)
        if len(checked) == 0:
            return float("nan"), float("nan")
        answers, truth = each_answer(probabilities, checked)
        loss = self.loss.loss(answers, truth).mean(dtype=np.float64)
        return float(loss), float(self.loss.accuracy(answers, truth).mean())

    def layer_rows(self, steps: int | None = None) -> list[LayerRow]:
        """Describe each layer: its name, output shape and parameters.

        steps: the length of every sequence, where they have the same; None stands for any.
        """
        return [
            LayerRow(
                name=f"{name} ({type(layer).__name__})",
                output_shape=str(
                    (None, flow.size) if flow.kind == "vector" else (None, steps, flow.size)
                ),
                parameters=sum(weight.size for weight in weights.values()),
            )
            for name, layer, flow, weights in zip(
                self.names, self.layers, self.flows, self.layer_weights, strict=True
            )
        ]

    def summary(self, steps: int | None = None) -> str:
        """Keras' table of the layers; ``steps`` as in `layer_rows`."""
        return format_table(self.layer_rows(steps))

    def _checked_weights(self, class_weight: Sequence[float] | None) -> Floats | None:
        if class_weight is None:
            return None
        weights = np.asarray(class_weight, dtype=np.float32)
        if weights.shape != (max(self.flows[-1].size, 2),) or self._has_labels():
            raise ShapeError("class_weight needs a number for each class, of which a text has one")
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise ShapeError("class_weight needs finite numbers that are not negative")
        return weights

    def _has_labels(self) -> bool:
        """Whether every output is a label of its own, there or not."""
        last = _deciding(self.layers[-1])
        return last is not None and last.activation == "sigmoid" and last.units > 1

    def checked_targets(self, sequences: Sequences, targets: NDArray[np.integer]) -> Longs:
        """Targets as the engine reads them; ShapeError when they do not fit."""
        if len(targets) != len(sequences):
            raise ShapeError(f"{len(targets)} targets for {len(sequences)} sequences")
        if self.steps is not None and targets.shape != (len(targets), self.steps):
            raise ShapeError(
                f"the targets have shape {targets.shape}: give one for each of {self.steps} steps"
            )
        if self._has_labels():
            check_label_targets(np.empty((len(targets), self.flows[-1].size)), targets)
            return np.ascontiguousarray(targets, dtype=np.int64)
        classes = max(self.flows[-1].size, 2)
        if len(targets) and (targets.min() < 0 or targets.max() >= classes):
            raise ShapeError(f"targets must be class numbers from 0 to {classes - 1}")
        return np.ascontiguousarray(targets, dtype=np.int64)

    def _choose(self, engine: str, path: str) -> Execution:
        first = vocabulary_layer(self.layers)
        if engine == "numba" and path != "layered" and self._is_many_to_one():
            from unrolled.engine.many_to_one import ManyToOne

            recurrent = self.layers[1]
            assert isinstance(recurrent, SimpleRNN)
            return ManyToOne(
                rows=first.num_words,
                embedding=first.size if isinstance(first, Embedding) else 0,
                recurrent=recurrent,
                outputs=self.flows[-1].size,
                parameters=self.parameters,
                optimizer=self.optimizer,
            )
        if path == "compiled":
            raise ShapeError(
                "the compiled path runs OneHot or Embedding, SimpleRNN, and Dense with sigmoid or "
                'softmax only, without class weights, rates or sparse steps: use path="layered"'
            )
        operations, update = operations_of(engine)
        return Layered(
            layers=self.layers,
            weights=self.layer_weights,
            parameters=self.parameters,
            rows=first.num_words,
            operations=operations,
            learning=Learning(
                loss=self.loss,
                optimizer=self.optimizer,
                class_weights=self.class_weights,
                sparse=self.sparse,
                seed=self.seed,
                update=update,
                rates=self.rates,
            ),
        )

    def _is_many_to_one(self) -> bool:
        is_general = self.sparse or self.class_weights is not None or self.rates is not None
        if len(self.layers) != 3 or is_general:
            return False
        _, recurrent, last = self.layers
        if not (isinstance(recurrent, SimpleRNN) and isinstance(last, Dense)):
            return False
        plain = recurrent.use_bias and not (
            recurrent.return_sequences or recurrent.go_backwards or recurrent.recurrent_dropout
        )
        binary = last.activation == "sigmoid" and last.units == 1
        return plain and (binary or (last.activation == "softmax" and last.units > 1))


def operations_of(engine: str) -> tuple[Operations, Update]:
    """The functions that layers are made of, and the one that takes an optimizer's step."""
    if engine == "numba":
        from unrolled.engine.kernels import operations as compiled
        from unrolled.engine.kernels.updates import apply_parts

        return compiled, apply_parts
    return reference, _apply_parts


def _apply_parts(
    optimizer: Optimizer, parameters: Floats, parts: Sequence[Part], team: Team
) -> None:
    optimizer.apply_parts(parameters, parts)


def _deciding(last: Layer) -> Dense | None:
    """The Dense layer that a network ends with, alone or at each step."""
    if isinstance(last, TimeDistributed):
        return last.layer
    return last if isinstance(last, Dense) else None


def _checked_rates(rates: list[float] | None, layers: int) -> list[float] | None:
    if rates is not None and not (
        len(rates) == layers and all(math.isfinite(rate) and rate >= 0 for rate in rates)
    ):
        raise ShapeError(f"rates needs a number for each of {layers} layers, none negative")
    return rates


def _steps(layers: Sequence[Layer], flow: Flow) -> int | None:
    """How many steps a network answers at; None where it gives one answer, or any number."""
    if flow.kind != "steps":
        return None
    counts = [layer.count for layer in layers if isinstance(layer, RepeatVector)]
    return counts[-1] if counts else None


def _check_outputs(layers: Sequence[Layer], flow: Flow, loss: str) -> None:
    last = _deciding(layers[-1])
    if last is None or _OUTPUTS.get(last.activation) != loss:
        raise ShapeError(
            f"{loss} needs a last layer Dense with "
            f"{'sigmoid' if loss == _OUTPUTS['sigmoid'] else 'softmax'} activation"
        )
    if flow.kind == "steps" and _steps(layers, flow) is None:
        raise ShapeError(
            "the last recurrent layer must not return_sequences to be trained, unless a "
            "RepeatVector before it says how many steps there are"
        )
    if flow.kind == "steps" and last.activation == "sigmoid":
        raise ShapeError('a network that answers at each step needs the activation "softmax"')
