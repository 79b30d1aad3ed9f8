"""What a trained network is used for: vectors of texts, and texts that go on."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import batch_slices
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.gradients import unbounded
from unrolled.engine.layers import Scanned
from unrolled.engine.pair_tile import TILE, Half, encode
from unrolled.engine.threads import thread_count
from unrolled.engine.writing import Written, nothing, write
from unrolled.ragged import Ragged, Sequences


def vectors(network: EncoderDecoder, inputs: Sequences, threads: int | None) -> NDArray[np.float32]:
    """Last state h of the encoder's top layer (inputs, units); each input has an id or more."""
    order = np.argsort(inputs.lengths, kind="stable")
    tiles = list(batch_slices(len(order), TILE))
    units = network.encoder.scanned[-1].units
    found = np.zeros((len(order), units), dtype=np.float32)

    @unbounded
    def work(tile: int) -> None:
        rows = order[tiles[tile]]
        last = encode(network.halves, inputs, rows, None).signal.values[-1]
        found[rows] = last[: len(rows), :units]

    network.team(thread_count(threads)).each(work, range(len(tiles)))
    return found


def reader_of(network: EncoderDecoder, start: int) -> EncoderDecoder:
    """A language model that reads: its decoder's layers, with their weights, are its encoder too.

    start: what it then begins to write with.
    """
    reader = copy.copy(network)
    layers = tuple(
        replace(layer, go_backwards=False) if isinstance(layer, Scanned) else layer
        for layer in network.decoder.layers
    )
    reader.start = start
    reader.encoder = Half(layers, network.decoder.names, network.decoder.weights)
    reader.halves = replace(network.halves, encoder=reader.encoder)
    return reader


def go_on(
    network: EncoderDecoder,
    begun: Ragged,
    *,
    stop: int,
    longest: int,
    beams: int,
    length_penalty: float,
    threads: int | None,
) -> list[Written]:
    """What a language model writes after each of ``begun``, which start with the start token.

    It reads all but the last token and begins to write with that one, which all texts that are
    written together must have in common.
    """
    lasts = begun.ids[begun.ends - 1]
    written: dict[int, Written] = {}
    for last in np.unique(lasts).tolist():
        rows = np.flatnonzero(lasts == last)
        before = begun.pieces(begun.starts[rows], begun.lengths[rows] - 1)
        has_read = bool(before.lengths.any())  # only the start token has nothing before it
        writer = reader_of(network, last) if has_read else network
        some = write(
            writer,
            before if has_read else nothing(len(rows)),
            stop=stop,
            longest=longest,
            beams=beams,
            length_penalty=length_penalty,
            threads=threads,
        )
        written |= dict(zip(rows.tolist(), some, strict=True))
    return [written[row] for row in range(len(begun))]
