"""N tokens into one state, M tokens out of it: an encoder, a decoder, and a word for each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import (
    Floats,
    Longs,
    Progress,
    Totals,
    batch_slices,
    check_ids,
    tiled_order,
)
from unrolled.engine.gradients import Tile, finite_parts, summed, unbounded
from unrolled.engine.initializers import glorot_uniform
from unrolled.engine.layers import (
    Embedding,
    Layer,
    Scanned,
    Weights,
)
from unrolled.engine.network import operations_of
from unrolled.engine.optimizers import Optimizer
from unrolled.engine.pair_tile import TILE, Half, Halves, PairTile
from unrolled.engine.structure import (
    drawn_weights,
    flows_of,
    in_one_vector,
    names_of,
    vocabulary_layer,
)
from unrolled.engine.summary import LayerRow
from unrolled.engine.threads import Team, thread_count
from unrolled.engine.token_output import AllWords, Output, Sampler, SomeWords
from unrolled.errors import ShapeError
from unrolled.ragged import Sequences


class EncoderDecoder:
    """Reads a sequence into the states of its encoder, from which its decoder writes another one.

    encoder, decoder: `OneHot` or `Embedding`, then recurrent layers with any dropout between them.
        Each recurrent layer of the decoder starts from the state that the encoder's layer at the
        same height has reached; without an encoder, from zero: a language model.
    tied: the last step's state is compared with the decoder's own embedding of each word, which
        needs as many numbers as the state has; otherwise each word has another row.
    seed: of the initial weights and of dropout.
    sampled: in training the target is looked for among so many words drawn for each batch, instead
        of among all; None: all. word_counts: how often each word is seen (words,), so that frequent
        ones are drawn more often. The loss is then an estimate of that of the whole vocabulary,
        which `evaluate` gives.
    sparse: as in `Network`; of a sampled output too.

    Targets are whole: the decoder reads ``start`` and then the target but for its last token, and
    is to say the target, token by token, stop token included (teacher forcing).
    Sources: Sutskever et al. 2014; Keras' functional encoder-decoder, whose ``initial_state`` this
    is. Raises ShapeError when the halves do not fit together.
    """

    def __init__(
        self,
        *,
        encoder: Sequence[Layer],
        decoder: Sequence[Layer],
        seed: int,
        start: int,
        optimizer: Optimizer | None = None,
        tied: bool = False,
        sampled: int | None = None,
        word_counts: Sequence[int] | None = None,
        sparse: bool = False,
        engine: Literal["numba", "reference"] = "numba",
    ) -> None:
        self.made_of: dict[str, Any] = {
            "encoder": encoder, "decoder": decoder, "seed": seed, "start": start,
            "optimizer": optimizer, "tied": tied, "sampled": sampled, "word_counts": word_counts,
            "sparse": sparse, "engine": engine,
        }  # fmt: skip
        self.seed, self.start, self.tied, self.sparse = seed, start, tied, sparse
        self.optimizer = optimizer
        rng = np.random.default_rng(seed)
        halves = [_steps_out(encoder), _steps_out(decoder, backwards=True)]
        drawn, counts = list[Weights](), list[int]()
        for layers in halves:
            own = drawn_weights(layers, flows_of(layers), rng) if layers else []
            counts.append(len(own))
            drawn += own
        self.words = vocabulary_layer(halves[1]).num_words
        drawn.append(self._drawn_output(halves[1], rng))
        self.parameters, views = in_one_vector(drawn)
        split = counts[0]
        self.encoder = Half(halves[0], tuple(names_of(halves[0])), views[:split])
        self.decoder = Half(halves[1], tuple(names_of(halves[1])), views[split:-1])
        self.output = views[-1]
        _check_fit(self.encoder, self.decoder)
        self._views = views
        self._operations, self._update = operations_of(engine)
        self.halves = Halves(self.encoder, self.decoder, start, tied, self._operations)
        self._sampler = None if sampled is None else Sampler(self.words, sampled, word_counts, seed)
        self._teams: dict[int, Team] = {}
        if optimizer is not None:
            optimizer.build(len(self.parameters))

    @property
    def weights(self) -> dict[str, Floats]:
        """Every weight by name, "encoder/lstm/kernel" say: views, not copies."""
        named = {
            f"{half}/{name}/{weight}": array
            for half, own in (("encoder", self.encoder), ("decoder", self.decoder))
            for name, weights in zip(own.names, own.weights, strict=True)
            for weight, array in weights.items()
        }
        return named | {f"output/{name}": array for name, array in self.output.items()}

    def layer_rows(self) -> list[LayerRow]:
        """Describe each layer of the encoder, of the decoder, and what says the words."""
        rows = [
            row
            for half, own in (("encoder", self.encoder), ("decoder", self.decoder))
            for row in _half_rows(half, own)
        ]
        kind = "tied" if self.tied else "Dense"
        size = sum(weight.size for weight in self.output.values())
        return [*rows, LayerRow(f"output ({kind})", str((None, None, self.words)), size)]

    # --- Learning --------------------------------------------------------------------------------

    @property
    def rates(self) -> None:
        """None: all of its layers learn at the same rate."""
        return None

    def train_epoch(
        self,
        inputs: Sequences,
        targets: Sequences,
        order: NDArray[np.integer],
        *,
        batch_size: int,
        threads: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[float, float]:
        """One pass over the pairs in ``order`` (n,), with a step of the optimiser a batch.

        Returns the mean loss of a token (its exponential is the perplexity) and the share of tokens
        of which the target was the likeliest, along the way. Raises NonFiniteBatch, and leaves the
        parameters as before that batch.
        """
        rows_in_order = self.checked_epoch(inputs, targets, order, batch_size)
        team = self.team(thread_count(threads))
        totals, pairs = Totals(), 0
        for number, part in enumerate(batch_slices(len(rows_in_order), batch_size)):
            rows = rows_in_order[part]
            tokens = int(targets.lengths[rows].sum())
            tiles = self.read_tiles(inputs, targets, rows, batch=tokens, team=team)
            self.take_step(self.add_tiles(tiles), number, rows, totals, team=team)
            pairs += len(rows)
            if on_progress is not None:
                on_progress(pairs)
        return totals.means()

    def checked_epoch(
        self, inputs: Sequences, targets: Sequences, order: NDArray[np.integer], batch_size: int
    ) -> Longs:
        """The pairs in ``order`` batch by batch, as they are read; ShapeError if they cannot be."""
        if self.optimizer is None:
            raise ShapeError("this network has no optimizer: give one to train it")
        self.check(inputs, targets)
        lengths = inputs.lengths + targets.lengths
        return tiled_order(lengths, np.asarray(order, dtype=np.int64), batch_size)

    def evaluate(
        self, inputs: Sequences, targets: Sequences, *, threads: int | None = None
    ) -> tuple[float, float]:
        """Mean loss of a token, and share of tokens of which the target is the likeliest."""
        self.check(inputs, targets)
        totals = Totals()
        for score in self.tile_scores(inputs, targets, team=self.team(thread_count(threads))):
            totals.include(score)
        return totals.means()

    def tile_scores(self, inputs: Sequences, targets: Sequences, *, team: Team) -> list[Totals]:
        """The sums over each tile of pairs, the shortest ones first; nothing is learned."""
        order = np.argsort(inputs.lengths + targets.lengths, kind="stable")
        tiles = list(batch_slices(len(order), TILE))
        output = AllWords(self._operations, self.packed_table())

        @unbounded
        def work(tile: int) -> Totals:
            run = PairTile(self.halves, inputs, targets, order[tiles[tile]], None)
            losses, right, *_ = run.losses(output, 1.0)
            return Totals(float(losses.sum(dtype=np.float64)), float(right.sum()), len(losses))

        return team.each(work, range(len(tiles)))

    def read_tiles(
        self,
        inputs: Sequences,
        targets: Sequences,
        rows: Longs,
        *,
        batch: int,
        first: int = 0,
        team: Team,
    ) -> list[Tile]:
        """What each tile of ``rows`` gives to the mean loss over a batch of ``batch`` tokens.

        first: the number of the first of these tiles in the batch.
        """
        assert self.optimizer is not None
        tiles = list(batch_slices(len(rows), TILE))
        step = self.optimizer.iterations
        output = self._output_of(step)

        @unbounded
        def work(tile: int) -> Tile:
            noise = np.random.Generator(np.random.PCG64([self.seed, step, first + tile]))
            run = PairTile(self.halves, inputs, targets, rows[tiles[tile]], noise)
            losses, right, d_states, d_table, d_bias = run.losses(output, 1.0 / max(batch, 1))
            own = run.backward(d_states, d_table, d_bias)
            score = float(losses.sum(dtype=np.float64)), float(right.sum()), len(losses)
            return Tile(own, (score,))

        return team.each(work, range(len(tiles) - 1, -1, -1))[::-1]

    def add_tiles(self, tiles: Sequence[Tile]) -> Tile:
        """Tiles that follow each other, added up."""
        return summed(self._operations, tiles)

    def take_step(
        self, total: Tile, number: int, rows: Longs, totals: Totals, *, team: Team
    ) -> None:
        """The optimizer's step from all tiles of batch ``number``, which are added to the sums.

        Raises NonFiniteBatch, and leaves everything as before.
        """
        assert self.optimizer is not None
        parts = finite_parts(self._views, total, number, rows, sparse=self.sparse)
        self._update(self.optimizer, self.parameters, parts, team)
        totals.include(total.totals())

    # --- Parts -----------------------------------------------------------------------------------

    def _drawn_output(self, decoder: Sequence[Layer], rng: np.random.Generator) -> Weights:
        """Initial weights of the words' rows; of a tied output only the bias."""
        size = flows_of(decoder)[-1].size
        bias = np.zeros((self.words, 1), dtype=np.float32)
        if not self.tied:
            return {"table": glorot_uniform((self.words, size), rng), "bias": bias}
        embedding = vocabulary_layer(decoder)
        if not isinstance(embedding, Embedding) or embedding.size != size:
            raise ShapeError(
                f"a tied output needs an Embedding of {size} numbers, as many as the decoder's "
                f"last layer has; its first layer is {embedding!r}"
            )
        return {"bias": bias}

    def table(self) -> Floats:
        """The row of each word (words, size) that the decoder's last state is compared with."""
        if not self.tied:
            return self.output["table"]
        at = next(
            at for at, layer in enumerate(self.decoder.layers) if isinstance(layer, Embedding)
        )
        return self.decoder.weights[at]["embeddings"]

    def packed_table(self) -> Any:
        """The rows and biases of all words as the engine's operations read them."""
        return self._operations.token_table(self.table(), self.output["bias"][:, 0])

    def _output_of(self, step: int) -> Output:
        """The words among which the targets of this step's batch are looked for."""
        if self._sampler is None:
            return AllWords(self._operations, self.packed_table())
        return SomeWords(
            operations=self._operations,
            table=self.table(),
            bias=self.output["bias"][:, 0],
            samples=self._sampler.draw(step),
            expected=self._sampler.expected,
        )

    def check(self, inputs: Sequences, targets: Sequences) -> None:
        """Raise ShapeError when the pairs do not fit each other or the network."""
        if len(inputs) != len(targets):
            raise ShapeError(f"{len(inputs)} inputs for {len(targets)} targets")
        if not targets.lengths.all():
            row = int(np.flatnonzero(targets.lengths == 0)[0])
            raise ShapeError(f"target {row} is empty: every target ends with the stop token")
        if self.encoder.layers:
            check_ids(inputs, vocabulary_layer(self.encoder.layers).num_words)
        check_ids(targets, self.words)

    def team(self, threads: int) -> Team:
        """The threads that take its tiles."""
        return self._teams.setdefault(threads, Team(threads))


def _steps_out(layers: Sequence[Layer], *, backwards: bool = False) -> tuple[Layer, ...]:
    """The layers, the recurrent ones giving every step and reading the way that a half needs."""
    for layer in layers:
        if isinstance(layer, Scanned) and layer.go_backwards:
            raise ShapeError(f"{layer.kind}: the layers of an encoder and a decoder read forwards")
    return tuple(
        replace(layer, return_sequences=True, go_backwards=backwards)
        if isinstance(layer, Scanned)
        else layer
        for layer in layers
    )


def _half_rows(name: str, half: Half) -> list[LayerRow]:
    if not half.layers:
        return []
    return [
        LayerRow(
            name=f"{name}/{own} ({type(layer).__name__})",
            output_shape=str((None, None, flow.size)),
            parameters=sum(weight.size for weight in weights.values()),
        )
        for own, layer, flow, weights in zip(
            half.names, half.layers, flows_of(half.layers), half.weights, strict=True
        )
    ]


def _check_fit(encoder: Half, decoder: Half) -> None:
    if not decoder.scanned:
        raise ShapeError("a decoder needs a recurrent layer")
    if not encoder.layers:
        return
    sizes = [[(layer.kind, layer.units) for layer in half.scanned] for half in (encoder, decoder)]
    if sizes[0] != sizes[1]:
        shown = [", ".join(f"{kind}({units})" for kind, units in own) for own in sizes]
        raise ShapeError(
            f"the decoder starts from the encoder's states, so that both need the same recurrent "
            f"layers; the encoder has {shown[0] or 'none'}, the decoder {shown[1]}"
        )
