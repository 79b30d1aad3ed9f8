"""TensorBoard: the figures of every epoch, under the names that Keras gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unrolled.errors import InputError
from unrolled.tracking.events import EventFile, check_installed, has_events
from unrolled.training.callbacks import Callback
from unrolled.training.history import EpochRecord
from unrolled.training.learner import Learner

TRAIN, VALIDATION = "train", "validation"


class TensorBoard(Callback):
    """Keras' TensorBoard: writes every epoch into ``log_dir`` for ``tensorboard --logdir`` to draw.

    The run ``train`` has ``epoch_loss``, ``epoch_accuracy`` and ``epoch_learning_rate``; the run
    ``validation`` has ``epoch_loss`` and ``epoch_accuracy``, by epoch, from 0. It also has
    ``evaluation_loss_vs_iterations`` and ``evaluation_accuracy_vs_iterations``, by the steps that
    the optimiser has made.

    A resumed run goes on in the files that it began, behind its last finished epoch. A run that
    begins raises InputError where events are in ``log_dir`` already, unless overwrite drops them.
    Raises InputError where tensorboardX is not installed and OutputError where files cannot be
    written.
    """

    def __init__(self, log_dir: str | Path, *, overwrite: bool = False) -> None:
        check_installed()
        self.log_dir = Path(log_dir)
        self.overwrite = overwrite
        self._train = EventFile(self.log_dir / TRAIN)
        self._validation = EventFile(self.log_dir / VALIDATION)
        self._coming: int | None = None  # the epoch that it is ready for

    def check_place(self) -> None:
        """Raise InputError where a run that begins would stand among the events of another one."""
        if self.overwrite:
            return
        for run in (TRAIN, VALIDATION):
            if has_events(self.log_dir / run):
                raise InputError(
                    f"{self.log_dir / run}: another run's events are there; name another folder, "
                    "or overwrite them"
                )

    def on_epoch_begin(self, network: Learner[Any], epoch: int) -> None:
        """Open the files, in a run's first epoch and where it goes on."""
        if epoch == self._coming:
            return
        if epoch == 0:
            self.check_place()
        for file in (self._train, self._validation):
            file.go_on("epoch_loss", epoch)
        self._coming = epoch

    def on_epoch_end(self, network: Learner[Any], record: EpochRecord) -> None:
        """Write down what the epoch has to say."""
        step = record.epoch - 1
        self._train.append(
            {
                "epoch_loss": record.loss,
                "epoch_accuracy": record.accuracy,
                "epoch_learning_rate": record.learning_rate,
            },
            step=step,
        )
        self._validation.append(
            {"epoch_loss": record.val_loss, "epoch_accuracy": record.val_accuracy}, step=step
        )
        if network.optimizer is not None:
            self._validation.append(
                {
                    "evaluation_loss_vs_iterations": record.val_loss,
                    "evaluation_accuracy_vs_iterations": record.val_accuracy,
                },
                step=network.optimizer.iterations,
            )
        self._coming = record.epoch
