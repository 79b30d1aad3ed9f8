"""``unrolled evaluate`` of a model that writes: how well it writes what is to be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unrolled.cli import console
from unrolled.cli.places import tell_set_aside
from unrolled.cli.progress import tell_when_compiling
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.datasets.corpus import Corpus
    from unrolled.writer import Figures


def evaluate_writer(
    model: Path,
    data: str,
    *,
    split: Literal["test", "train"],
    text: str | None,
    target: str | None,
    threads: int | None,
    json: bool,
) -> None:
    """Print the figures of a writer on texts."""
    from unrolled.recipe import writing_of
    from unrolled.writer import TextWriter

    writer = TextWriter.load(model, threads=threads)
    task = writing_of(writer.recipe).task
    if (target is not None) != (task == "seq2seq"):
        needs = "needs --target, the column of what is to be written" if target is None else (
            "makes what is to be written of the texts: leave out --target"
        )  # fmt: skip
        raise InputError(f"{model}: a model of the task {task} {needs}")
    corpus = _corpus(data, split, text, target)
    tell_set_aside(corpus)
    tell_when_compiling()
    console.note(f"writing to {console.counted(len(corpus), 'text')} ...")
    figures = writer.score(corpus.texts, corpus.targets, where=corpus.where)
    if json:
        source = {"name": corpus.name, "source": corpus.source}
        console.result_json({"model": str(model), "task": task, "data": source} | figures.to_dict())
        return
    console.result(f"{console.counted(len(corpus), 'text')} from {corpus.source}")
    console.result()
    console.result(_table(figures))


def _corpus(
    data: str, split: Literal["test", "train"], text: str | None, target: str | None
) -> Corpus:
    """The texts of a file, or of a part of a built-in data set."""
    from unrolled import datasets
    from unrolled.datasets.corpus import Corpus, load_corpus

    if data not in datasets.BUILT_IN or target is not None:
        return load_corpus(data, text=text, target=target)
    examples = datasets.load(data, text=text, split=split)
    return Corpus(name=examples.name, source=examples.source, texts=examples.texts)


def _table(figures: Figures) -> str:
    """One row a figure, without those that the task has not."""
    rows = [
        ["", "figure"],
        ["tokens to write", f"{figures.tokens:,}"],
        ["loss of a token", f"{figures.loss:.4f}"],
        ["perplexity", f"{figures.perplexity:.4g}"],
        ["token accuracy", f"{figures.token_accuracy:.4f}"],
    ]
    if figures.exact_match is not None and figures.edit_distance is not None:
        rows.append(["exact match", f"{figures.exact_match:.4f}"])
        rows.append(["edit distance", f"{figures.edit_distance:.2f}"])
    return console.table(rows)
