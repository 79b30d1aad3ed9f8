"""The scores of a search: trial by trial with the best so far, and by each setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from unrolled.recipe import SearchSpace
from unrolled.recipe.search_space import Choices, Range
from unrolled.report.plots.style import (
    COLOURS,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    SMALL,
    drawable,
    panel,
    put_legend,
)
from unrolled.tuning.results import short_names
from unrolled.tuning.trials import Objective, Trial

MOST_SETTINGS = 8
"""Of more settings only the first ones have a panel."""
_COLUMNS = 3
_TOP, _BOTTOM = 0.66, 0.45  # inches of a panel above and below its axes
_STYLES: dict[str, dict[str, Any]] = {
    "complete": {"color": COLOURS["validation"], "markersize": 6, "markeredgewidth": 0},
    "pruned": {
        "color": "none", "markeredgecolor": COLOURS["faint"], "markersize": 5,
        "markeredgewidth": 1.0,
    },
}  # fmt: skip


def search_plot(trials: Sequence[Trial], space: SearchSpace, objective: Objective) -> Figure:
    """A panel of all trials in their order, and one for each setting that was searched.

    Trials without any epoch are in none. What lies far outside the scores of complete trials is
    not shown.
    """
    keys = list(space.settings)[:MOST_SETTINGS]
    count = 1 + len(keys)
    columns = 2 if count in (2, 4) else _COLUMNS
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * PANEL_WIDTH, rows * PANEL_HEIGHT), facecolor=COLOURS["card"])
    names = short_names(keys)
    for place, key in enumerate([None, *keys]):
        row, column = divmod(place, columns)
        axes = panel(
            figure,
            column,
            columns,
            top=row * PANEL_HEIGHT + _TOP,
            bottom=(rows - 1 - row) * PANEL_HEIGHT + _BOTTOM,
        )
        if key is None:
            _draw_trials(axes, trials, objective)
        else:
            _draw_setting(axes, trials, key, space.settings[key], objective)
            _name(axes, names[key])
        _limit(axes, trials, objective)
    return figure


def _draw_trials(axes: Axes, trials: Sequence[Trial], objective: Objective) -> None:
    """Scores against the number of the trial, and the best one so far."""
    for kind, style in _STYLES.items():
        points = _points(trials, kind, objective)
        axes.plot(
            [trial.number for trial, _ in points], [score for _, score in points],
            linestyle="none", marker="o", label=kind, zorder=3, **style,
        )  # fmt: skip
    best = objective.running_best(trials)
    steps = [
        (trial.number, score)
        for trial, score in zip(trials, best, strict=True)
        if score is not None
    ]
    axes.plot(
        [number for number, _ in steps], [score for _, score in steps], label="best so far",
        drawstyle="steps-post", color=COLOURS["training"], linewidth=1.6, zorder=2,
    )  # fmt: skip
    axes.set_xlabel("trial", fontsize=SMALL, color=COLOURS["faint"])
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
    axes.set_xlim(0.5, max(len(trials), 2) + 0.5)
    put_legend(axes, columns=3)
    _name(axes, f"Validation {objective}", lines=1)


def _draw_setting(
    axes: Axes,
    trials: Sequence[Trial],
    key: str,
    own: Choices | Range,
    objective: Objective,
) -> None:
    """Scores against the values of one setting; values of a list at equal distances."""
    values = list(own.values) if isinstance(own, Choices) else []
    for kind, style in _STYLES.items():
        points = _points(trials, kind, objective)
        tried = [trial.settings[key] for trial, _ in points]
        axes.plot(
            [values.index(value) for value in tried] if values else tried,
            [score for _, score in points], linestyle="none", marker="o", alpha=0.8, **style,
        )  # fmt: skip
    if values:
        shown, fonts = drawable([str(value) for value in values])
        axes.set_xticks(range(len(values)), shown, **fonts)
        axes.set_xlim(-0.5, len(values) - 0.5)
    elif isinstance(own, Range) and own.log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))


def _points(trials: Sequence[Trial], kind: str, objective: Objective) -> list[tuple[Trial, float]]:
    """Trials of a kind with their scores."""
    scored = [(trial, objective.score(trial.outcome)) for trial in trials]
    return [
        (trial, score)
        for trial, score in scored
        if trial.outcome.kind == kind and score is not None
    ]


def _limit(axes: Axes, trials: Sequence[Trial], objective: Objective) -> None:
    """The scores of the complete trials, with room around them."""
    scores = [score for _, score in _points(trials, "complete", objective)]
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if scores:
        room = 0.08 * (max(scores) - min(scores)) or 0.01
        axes.set_ylim(min(scores) - room, max(scores) + room)


def _name(axes: Axes, name: str, *, lines: int = 0) -> None:
    """A title above the axes, and above so many lines of a legend."""
    axes.set_title(
        name, loc="left", fontsize=10, weight="bold", color=COLOURS["ink"], y=1.0,
        pad=1.35 * SMALL * lines + 8,
    )  # fmt: skip
