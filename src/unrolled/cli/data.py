"""``unrolled data``: which data sets there are, what is in them, where they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unrolled.cli import console, options
from unrolled.cli.guard import guarded
from unrolled.cli.places import check_writable
from unrolled.errors import DataError

if TYPE_CHECKING:
    from unrolled.datasets.examples import Examples
    from unrolled.ragged import Ragged

app = typer.Typer(help="List, measure and fetch data sets.", no_args_is_help=True)

MEGABYTE = 1_000_000
EVERY = 10 * MEGABYTE  # between two lines of progress


@app.command("list")
@guarded
def list_data(json: options.Json = False) -> None:
    """Name the built-in data sets and their sources."""
    from unrolled.datasets import imdb

    rows = [
        _listed("imdb", "movie reviews, negative or positive", imdb.source),
        _listed("imdb-unlabelled", "more movie reviews", imdb.unlabelled_source),
    ]
    if json:
        shown = ("name", "source", "problem")
        console.result_json([{key: row[key] for key in shown} for row in rows])
        return
    for row in rows:
        place = f"from {row['source']}" if row["source"] else f"not here: {row['problem']}"
        console.result(f"{row['name']:<17}{row['what']}, {place}")


def _listed(name: str, what: str, source: Callable[[], str]) -> dict[str, str | None]:
    """A data set, where it comes from, or why it does not."""
    try:
        return {"name": name, "what": what, "source": source(), "problem": None}
    except DataError as error:
        return {"name": name, "what": what, "source": None, "problem": str(error)}


@app.command()
@guarded
def stats(
    data: options.Data = "imdb",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the histogram goes, as png and svg.")
    ] = Path("runs/data"),
    text: options.Text = None,
    label: options.Label = None,
    label_separator: options.LabelSeparator = None,
    json: options.Json = False,
) -> None:
    """Count texts and words, and draw the lengths.

    A length is the number of words and the start token. The training part is the one that
    'unrolled train' would learn from.
    """
    check_writable(out)
    from unrolled import datasets
    from unrolled.report import plots
    from unrolled.report.contents import Lengths

    examples = datasets.load(data, text=text, label=label, label_separator=label_separator)
    different_words, ids = _encode(examples)
    lengths = _lengths(ids)
    histogram = plots.length_histogram(Lengths.of(lengths["all"]), title=examples.name)
    png, svg = plots.save(histogram, out / f"{Path(examples.name).stem}-lengths")
    if json:
        console.result_json(
            {
                "name": examples.name,
                "source": examples.source,
                "texts": len(examples),
                "labels": examples.label_counts,
                "different_words": different_words,
                "lengths": lengths,
                "histogram": [str(png), str(svg)],
            }
        )
        return
    console.result(f"{console.counted(len(examples), 'text')} from {examples.source}")
    labels = ", ".join(f"{count:,} {name}" for name, count in examples.label_counts.items())
    console.result(f"{labels}; {different_words:,} different words")
    console.result()
    rows: list[list[str]] = [["length", "texts", "mean", "median", "95% up to", "longest"]]
    for part, of in lengths.items():
        figures = [f"{of['mean']:.1f}", f"{of['median']:g}", f"{of['p95']:g}", f"{of['longest']:,}"]
        rows.append([part, f"{of['count']:,}", *figures])
    console.result(console.table(rows))
    console.result()
    console.result(f"histogram {png} and {svg.name}")


def _encode(examples: Examples) -> tuple[int, Ragged]:
    """Number of different words, and all texts as ids; those of imdb are kept ready."""
    if examples.name == "imdb" and examples.path is None:
        from unrolled.datasets import imdb

        words = len({word.lower() for word in imdb.get_word_index()})
        return words, imdb.load_split("train")[0]
    from unrolled.text.vocabulary import Vocabulary

    vocabulary, ids = Vocabulary.fit(examples.texts)
    return vocabulary.different_words, ids


def _lengths(ids: Ragged) -> dict[str, dict[str, Any]]:
    """Statistics of all texts and of both parts, in types that JSON has."""
    from dataclasses import asdict

    import numpy as np

    from unrolled.datasets.statistics import length_statistics
    from unrolled.model import TextClassifier

    lengths = ids.lengths
    training, validation = TextClassifier().split(len(lengths))
    parts = {"all": lengths, "training": lengths[training], "validation": lengths[validation]}
    return {
        name: {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in asdict(length_statistics(part)).items()
        }
        for name, part in parts.items()
    }


@app.command()
@guarded
def fetch(
    name: Annotated[
        Literal["imdb"], typer.Argument(metavar="NAME", help="Which data set: imdb.")
    ] = "imdb",
) -> None:
    """Download a data set into the cache.

    A download that was cut off goes on where it stopped. Prints where the file is.
    """
    from unrolled.datasets.imdb.fetch import fetch as fetch_imdb

    console.note(f"fetching {name} ...")
    told = 0

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        if done - told >= EVERY:
            told = done
            of = "" if total is None else f" of {total // MEGABYTE}"
            console.note(f"{done // MEGABYTE}{of} MB")

    console.result(str(fetch_imdb(on_progress=tell)))
