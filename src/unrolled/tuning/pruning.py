"""Judge: is a trial worse than most, epoch by epoch?"""

from __future__ import annotations

import optuna

from unrolled.training.history import EpochRecord
from unrolled.tuning.quiet import create_study
from unrolled.tuning.trials import Objective

UNJUDGED_TRIALS = 4
"""So many must be complete before a trial is judged by them."""
UNJUDGED_EPOCHS = 2
"""So many every trial has."""


class Judge:
    """Optuna's MedianPruner: the best so far is compared with the median of others at that epoch.

    rivals: a curve for each complete trial, one number an epoch; None: every trial is let be.
    """

    def __init__(self, objective: Objective, rivals: tuple[tuple[float, ...], ...] | None) -> None:
        self.objective = objective
        self._trial = None
        if rivals is None:
            return
        study = create_study(
            direction=objective.direction,
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=UNJUDGED_TRIALS, n_warmup_steps=UNJUDGED_EPOCHS + 1
            ),
        )
        for curve in rivals:
            steps = dict(enumerate(curve, start=1))
            study.add_trial(optuna.create_trial(value=0.0, intermediate_values=steps))
        self._trial = study.ask()

    def is_hopeless(self, record: EpochRecord) -> bool:
        """Take in an epoch: is the trial worse than the median?"""
        if self._trial is None:
            return False
        is_loss = self.objective is Objective.LOSS
        self._trial.report(record.val_loss if is_loss else record.val_accuracy, record.epoch)
        return self._trial.should_prune()
