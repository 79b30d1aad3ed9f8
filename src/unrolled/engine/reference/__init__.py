"""Every operation as plain NumPy loops: the truth that the compiled kernels are tested against.

Axes, in the order in which they appear:

    rows      rows of a table or a matrix, one for each word or each step
    time      steps of a sequence, the first one first
    lane      sequences that are read side by side, and end together
    gates     blocks of units that one step of a recurrence reads
    units     numbers that a layer keeps

All functions take float32 or float64 and give back what they were given. A row's or a lane's
output has the same bits whatever rows or lanes are beside it. Numbers are zero where a lane has
no token, in outputs and in gradients, also in those that come in.
"""

from unrolled.engine.reference.activations import activate, activation_gradient, sigmoid
from unrolled.engine.reference.gru import gru, gru_backward
from unrolled.engine.reference.lstm import lstm, lstm_backward
from unrolled.engine.reference.parallel import min_gru, min_gru_backward, qrnn, qrnn_backward
from unrolled.engine.reference.products import (
    affine,
    affine_backward,
    product,
    project,
    project_backward,
)
from unrolled.engine.reference.simple_rnn import simple_rnn, simple_rnn_backward
from unrolled.engine.reference.tables import embed, embed_backward, total_rows
from unrolled.engine.reference.tokens import (
    sampled_losses,
    token_logits,
    token_losses,
    token_table,
)

__all__ = [
    "activate",
    "activation_gradient",
    "affine",
    "affine_backward",
    "embed",
    "embed_backward",
    "gru",
    "gru_backward",
    "lstm",
    "lstm_backward",
    "min_gru",
    "min_gru_backward",
    "product",
    "project",
    "project_backward",
    "qrnn",
    "qrnn_backward",
    "sampled_losses",
    "sigmoid",
    "simple_rnn",
    "simple_rnn_backward",
    "token_logits",
    "token_losses",
    "token_table",
    "total_rows",
]
