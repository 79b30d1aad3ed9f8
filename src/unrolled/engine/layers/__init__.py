"""Layers: their settings, shapes, initial weights, and the way through them forward and back.

A layer works on one tile of sequences and on arrays only. Its arithmetic is in `Operations`,
which exists twice: `engine.reference` (NumPy) and `engine.kernels.operations` (compiled).
"""

from unrolled.engine.layers.base import (
    Floats,
    Flow,
    Gradients,
    Layer,
    Longs,
    Noise,
    Operations,
    Signal,
    State,
    Weights,
    present,
)
from unrolled.engine.layers.bidirectional import Bidirectional
from unrolled.engine.layers.dense import Dense, dense_activation
from unrolled.engine.layers.dropout import Dropout, SpatialDropout, WordDropout
from unrolled.engine.layers.inputs import Embedding, OneHot
from unrolled.engine.layers.parallel import QRNN, MinGRU
from unrolled.engine.layers.pooling import LastStep, MaxMeanPooling, MaxPooling, MeanPooling
from unrolled.engine.layers.recurrent import GRU, LSTM, SimpleRNN
from unrolled.engine.layers.repeat import RepeatVector, TimeDistributed
from unrolled.engine.layers.scanned import Scanned

__all__ = [
    "GRU",
    "LSTM",
    "QRNN",
    "Bidirectional",
    "Dense",
    "Dropout",
    "Embedding",
    "Floats",
    "Flow",
    "Gradients",
    "LastStep",
    "Layer",
    "Longs",
    "MaxMeanPooling",
    "MaxPooling",
    "MeanPooling",
    "MinGRU",
    "Noise",
    "OneHot",
    "Operations",
    "RepeatVector",
    "Scanned",
    "Signal",
    "SimpleRNN",
    "SpatialDropout",
    "State",
    "TimeDistributed",
    "Weights",
    "WordDropout",
    "dense_activation",
    "present",
]
