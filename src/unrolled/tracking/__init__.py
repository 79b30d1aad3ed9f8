"""Tracking belongs here: callbacks that write a run down for the tools that draw runs."""

from unrolled.tracking.tensorboard import TensorBoard

__all__ = ["TensorBoard"]
