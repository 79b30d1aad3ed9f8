"""The report of a model that writes: one HTML page, and its plots, from what the model keeps."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from unrolled.engine.summary import LayerRow
from unrolled.model.card import TOKENS
from unrolled.recipe import writing_of
from unrolled.report import plots, runs
from unrolled.report.contents import Lengths
from unrolled.report.environment import Drawing, render_template
from unrolled.report.words import cut, duration, percent, settings_rows
from unrolled.writer import Sample, TextWriter
from unrolled.writer.card import purpose
from unrolled.writer.figures import perplexity
from unrolled.writer.samples import BEAMS

SAMPLES = "samples"  # the key in metrics.json of the texts to look at
FIGURES = "validation"  # that of the figures of validation texts
MEMORY = "peak_memory_mb"
CURVES: tuple[plots.Quantity, ...] = ("loss", "perplexity", "token_accuracy")
LONGEST_SAMPLE = 280
"""Of a longer text the table shows this many characters."""


def render_writer(writer: TextWriter, title: str) -> str:
    """Write the page; of a model that was not trained by a command it has no samples."""
    recipe, metrics = writer.recipe, writer.metrics_
    layers = writer.layer_rows()
    return render_template(
        "writer.html",
        title=title,
        purpose=purpose(writing_of(recipe), TOKENS[recipe.text.tokenizer]),
        figures=_figures(writer),
        curves=_curves(writer),
        texts=_texts(writer, layers),
        lengths=[
            (caption, _inline(figure, f"run-{name}", caption))
            for name, (caption, figure) in _lengths(writer).items()
        ],
        report={"layers": layers},
        settings=settings_rows(recipe.to_dict()),
        heads=_heads(writer),
        samples=[_cells(Sample(**sample)) for sample in metrics.get(SAMPLES, ())],
        continues=writing_of(recipe).task == "language-model",
    )


def writer_plots(writer: TextWriter, title: str) -> dict[str, Figure]:
    """The page's plots by the names of their files."""
    curves = plots.learning_curves(
        _history(writer), CURVES, best_epoch=writer.history_.best_epoch, title=title
    )
    lengths = {f"lengths-{name}": figure for name, (_, figure) in _lengths(writer).items()}
    return {"curves": curves} | lengths


def _figures(writer: TextWriter) -> list[tuple[str, str]]:
    """The numbers that a reader looks for first."""
    metrics, history = writer.metrics_, writer.history_
    figures = [
        ("validation perplexity", f"{metrics['val_perplexity']:.4g}"),
        ("token accuracy", percent(metrics["val_accuracy"])),
    ]
    scored = metrics.get(FIGURES)
    if scored is not None and scored["exact_match"] is not None:
        of = f"of {scored['texts']:,} texts"
        figures.append((f"exact match, {of}", percent(scored["exact_match"])))
        figures.append((f"edit distance, mean {of}", f"{scored['edit_distance']:.2f}"))
    ours = runs.summary(history.history, history.best_epoch)
    reason = "all done" if metrics["stop_reason"] == "epochs" else metrics["stop_reason"]
    figures += [
        (f"epochs, the best: {ours['best epoch']}; end: {reason}", ours["epochs"]),
        ("seconds an epoch", ours["seconds an epoch"]),
        ("seconds in all", duration(metrics["seconds"])),
    ]
    if MEMORY in metrics:
        figures.append(("MB of memory at most", f"{metrics[MEMORY]:,.0f}"))
    return figures


def _history(writer: TextWriter) -> dict[str, list[float]]:
    """The figures of every epoch by the names of ``CURVES``, and behind "val_" of validation."""
    history = writer.history_.history
    curves = {}
    for part in ("", "val_"):
        losses = history[f"{part}loss"]
        curves[f"{part}loss"] = losses
        curves[f"{part}perplexity"] = [perplexity(loss) for loss in losses]
        curves[f"{part}token_accuracy"] = history[f"{part}accuracy"]
    return curves


def _curves(writer: TextWriter) -> list[Drawing]:
    history, best_epoch = _history(writer), writer.history_.best_epoch
    return [
        _inline(
            plots.learning_curve(history, quantity, best_epoch=best_epoch),
            f"run-{quantity}",
            f"{plots.name_of(quantity)} of training and validation by epoch",
        )
        for quantity in CURVES
    ]


def _texts(writer: TextWriter, layers: list[LayerRow]) -> list[tuple[str, str]]:
    """Rows about the texts that it learned from."""
    metrics, unit = writer.metrics_, TOKENS[writer.recipe.text.tokenizer]
    words = {f"{unit} that it knows": writer.vocabulary_}
    if writer.target_vocabulary_ is not writer.vocabulary_:
        words = {f"{unit} that it reads": writer.vocabulary_}
        words[f"{unit} that it writes"] = writer.target_vocabulary_
    return [
        ("from", writer.source_),
        ("training texts", f"{metrics['train_count']:,}"),
        ("validation texts", f"{metrics['validation_count']:,}"),
        *((name, f"{len(vocabulary.words):,}") for name, vocabulary in words.items()),
        *(
            (f"mean length {name}", f"{Lengths.of(metrics[key]).mean:,.1f} {unit}")
            for name, key, _ in _parts(writer)
        ),
        ("parameters", f"{sum(layer.parameters for layer in layers):,}"),
    ]


def _parts(writer: TextWriter) -> list[tuple[str, str, str]]:
    """What has lengths: a name for it, its key among the metrics, and what the plot says."""
    read = ("read", "lengths", "How long the texts are that it reads")
    written = ("written", "target_lengths", "How long the texts are that it writes, end included")
    return [written] if writing_of(writer.recipe).task == "language-model" else [read, written]


def _lengths(writer: TextWriter) -> dict[str, tuple[str, Figure]]:
    unit = TOKENS[writer.recipe.text.tokenizer]
    return {
        name: (caption, plots.length_histogram(Lengths.of(writer.metrics_[key]), unit=unit))
        for name, key, caption in _parts(writer)
    }


def _heads(writer: TextWriter) -> list[str]:
    """What the columns of texts are called."""
    first = ["read", "wanted"]
    if writing_of(writer.recipe).task == "language-model":
        is_forward = writing_of(writer.recipe).direction == "forward"
        first = ["begins", "goes on"] if is_forward else ["ends", "what comes before"]
    return [*first, "written greedily", f"written with {BEAMS} beams"]


def _cells(sample: Sample) -> dict[str, Any]:
    texts = (sample.text, sample.target, sample.greedy, sample.beams)
    return {
        "texts": [cut(text, LONGEST_SAMPLE) for text in texts],
        "exact": sample.exact,
        "edit_distance": sample.edit_distance,
    }


def _inline(figure: Figure, name: str, description: str) -> Drawing:
    return Drawing(plots.inline_svg(figure, name=name, description=description))
