"""Every error that unrolled raises on purpose.

::

    UnrolledError            the work failed                               exit code 1
    ├── InputError           the command, or what it was given, is wrong   exit code 2
    │   ├── DataError        a data set cannot be read or used
    │   ├── RecipeError      a setting is unknown or impossible
    │   ├── ModelError       a model folder is missing, damaged or too new
    │   ├── NotFittedError   a model is used that has not learned anything yet
    │   └── ShapeError       arrays or layers do not fit together
    ├── TrainingError        training cannot go on
    │   └── NonFiniteError   a loss or a gradient is not a finite number
    └── OutputError          a result cannot be written
"""


class UnrolledError(Exception):
    """Base of all: its message is one line that says what is wrong, where, and what to do."""

    exit_code = 1


class InputError(UnrolledError):
    """The command, or what it was given, is wrong."""

    exit_code = 2


class DataError(InputError):
    """A data set cannot be read or used."""


class RecipeError(InputError, ValueError):
    """A setting is unknown or impossible."""


class ModelError(InputError):
    """A model folder is missing, damaged, or written by a newer version."""


class NotFittedError(InputError, ValueError, AttributeError):
    """A model is used that has not learned anything yet; a classifier then has no ``classes_``."""


class ShapeError(InputError):
    """Arrays or layers do not fit together."""


class TrainingError(UnrolledError):
    """Training cannot go on."""


class NonFiniteError(TrainingError):
    """A loss or a gradient is not a finite number."""


class OutputError(UnrolledError):
    """A result cannot be written."""
