"""Optuna, without the lines that it writes to standard error by itself."""

from __future__ import annotations

from typing import Any

import optuna


def create_study(**arguments: Any) -> optuna.Study:
    """As ``optuna.create_study``; from here on only warnings are written."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(**arguments)
