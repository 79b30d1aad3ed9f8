"""Small recurrent networks that read text: trained on a laptop, faithful to Keras, explained.

Every public name is imported when it is first used, so that ``import unrolled`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unrolled.datasets.examples import Examples
    from unrolled.engine.encoder_decoder import EncoderDecoder
    from unrolled.engine.layers import (
        GRU,
        LSTM,
        QRNN,
        Bidirectional,
        Dense,
        Dropout,
        Embedding,
        LastStep,
        MaxMeanPooling,
        MaxPooling,
        MeanPooling,
        MinGRU,
        OneHot,
        RepeatVector,
        SimpleRNN,
        SpatialDropout,
        TimeDistributed,
        WordDropout,
    )
    from unrolled.engine.network import Network
    from unrolled.engine.optimizers import SGD, Adam, RMSprop
    from unrolled.errors import (
        DataError,
        InputError,
        ModelError,
        NonFiniteError,
        NotFittedError,
        OutputError,
        RecipeError,
        ShapeError,
        TrainingError,
        UnrolledError,
    )
    from unrolled.explain.arithmetic import Arithmetic
    from unrolled.explain.explanation import Explanation
    from unrolled.model import Prediction, TextClassifier
    from unrolled.ragged import Ragged
    from unrolled.recipe import Recipe, load_recipe
    from unrolled.text.sequences import pad_sequences
    from unrolled.text.vocabulary import Vocabulary
    from unrolled.tracking.tensorboard import TensorBoard
    from unrolled.training.callbacks import EarlyStopping, LearningRateSchedule
    from unrolled.training.history import History
    from unrolled.writer import TextWriter

__version__: str

__all__ = [
    "Adam",
    "Arithmetic",
    "Bidirectional",
    "DataError",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "EncoderDecoder",
    "Examples",
    "Explanation",
    "GRU",
    "History",
    "InputError",
    "LSTM",
    "LastStep",
    "LearningRateSchedule",
    "MaxMeanPooling",
    "MaxPooling",
    "MeanPooling",
    "MinGRU",
    "ModelError",
    "Network",
    "NonFiniteError",
    "NotFittedError",
    "OneHot",
    "OutputError",
    "Prediction",
    "QRNN",
    "RMSprop",
    "Ragged",
    "Recipe",
    "RecipeError",
    "RepeatVector",
    "SGD",
    "ShapeError",
    "SimpleRNN",
    "SpatialDropout",
    "TensorBoard",
    "TextClassifier",
    "TextWriter",
    "TimeDistributed",
    "TrainingError",
    "UnrolledError",
    "Vocabulary",
    "WordDropout",
    "__version__",
    "load_recipe",
    "pad_sequences",
]

_NAMES = {
    "unrolled.datasets.examples": ("Examples",),
    "unrolled.engine.layers": (
        "GRU",
        "LSTM",
        "QRNN",
        "Bidirectional",
        "Dense",
        "Dropout",
        "Embedding",
        "LastStep",
        "MaxMeanPooling",
        "MaxPooling",
        "MeanPooling",
        "MinGRU",
        "OneHot",
        "RepeatVector",
        "SimpleRNN",
        "SpatialDropout",
        "TimeDistributed",
        "WordDropout",
    ),
    "unrolled.engine.encoder_decoder": ("EncoderDecoder",),
    "unrolled.engine.network": ("Network",),
    "unrolled.engine.optimizers": ("SGD", "Adam", "RMSprop"),
    "unrolled.errors": (
        "DataError",
        "InputError",
        "ModelError",
        "NonFiniteError",
        "NotFittedError",
        "OutputError",
        "RecipeError",
        "ShapeError",
        "TrainingError",
        "UnrolledError",
    ),
    "unrolled.explain.arithmetic": ("Arithmetic",),
    "unrolled.explain.explanation": ("Explanation",),
    "unrolled.model": ("Prediction", "TextClassifier"),
    "unrolled.ragged": ("Ragged",),
    "unrolled.recipe": ("Recipe", "load_recipe"),
    "unrolled.text.sequences": ("pad_sequences",),
    "unrolled.text.vocabulary": ("Vocabulary",),
    "unrolled.tracking.tensorboard": ("TensorBoard",),
    "unrolled.training.callbacks": ("EarlyStopping", "LearningRateSchedule"),
    "unrolled.training.history": ("History",),
    "unrolled.writer": ("TextWriter",),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "__version__":
        value: object = _version()
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'unrolled' has no attribute {name!r}")
    globals()[name] = value
    return value


def _version() -> str:
    """What is installed says so; its build took it from the tags of the repository."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("unrolled")
    except PackageNotFoundError:  # run from a folder that nobody has installed
        return "0+unknown"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
