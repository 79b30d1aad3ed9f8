"""What came out of a search: counts, the best recipe as a file, and all of it as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from unrolled.recipe import Recipe, SearchSpace
from unrolled.tuning.trials import KINDS, Trial


def best_recipe(space: SearchSpace, best: Trial) -> Recipe:
    """The recipe of a trial, under a name of its own."""
    recipe = space.recipe_of(best.settings)
    return recipe.model_copy(update={"name": f"{space.recipe.name}-tuned"})


def best_toml(space: SearchSpace, best: Trial, *, origin: str) -> str:
    """The recipe of the best trial as a file that ``load_recipe`` reads.

    origin: where it is from, in one line. Settings that were searched are marked.
    """
    lines = [f"# {origin}"]
    section = ""
    for line in best_recipe(space, best).to_toml().splitlines():
        if line.startswith("["):
            section = f"{line.strip('[]')}."
        key = f"{section}{line.partition(' = ')[0]}"
        lines.append(f"{line}  # searched" if key in space.settings else line)
    return "\n".join(lines) + "\n"


def counts(trials: Iterable[Trial]) -> dict[str, int]:
    """How many ended how, without those that none did."""
    found = Counter(trial.outcome.kind for trial in trials)
    return {kind: found[kind] for kind in KINDS if found[kind]}


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Settings without their section, where that leaves no doubt."""
    last = Counter(key.rpartition(".")[2] for key in keys)
    return {key: name if last[name := key.rpartition(".")[2]] == 1 else key for key in keys}


def as_plain(trial: Trial) -> dict[str, Any]:
    """A trial as JSON has it."""
    outcome = trial.outcome
    val_loss, val_accuracy = outcome.figures or (None, None)
    return {
        "trial": trial.number,
        "outcome": outcome.kind,
        "settings": dict(trial.settings),
        "val_loss": val_loss,
        "val_accuracy": val_accuracy,
        "epoch": outcome.epoch,
        "epochs": outcome.epochs,
        "seconds": outcome.seconds,
        "note": outcome.note,
    }
