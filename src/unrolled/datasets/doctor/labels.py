"""Labels: the same one written in two ways, classes too small to learn, classes without rows."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from unrolled.datasets.doctor.census import Census
from unrolled.datasets.doctor.findings import EXAMPLES, Finding, counted, quoted
from unrolled.datasets.doctor.together import GROUPS, Group, Together

FEWEST = 10  # rows that a class should have
MAJORITY = 0.9  # share of the largest class from which guessing it looks good
IMBALANCE = 10  # times that the largest class may have the rows of the smallest
MOST_CLASSES = 0.5  # of the rows: with more, the labels are not classes
FEW_ROWS = 20  # with fewer, nothing is said about shares


def find_label_faults(rows: Together) -> Iterator[Finding]:
    """Everything that is wrong with the labels."""
    train = rows.parts[0]
    counts = train.counts()
    if not len(train):
        yield Finding(
            "no_rows", "stops", 1, f"{train.examples.name} has no row that can be used",
            (), "give every row a text and a label",
        )  # fmt: skip
        return
    yield from _variants(rows)
    yield from _strange(train, rows)
    if len(train.label_sets) < 2:
        only = ", ".join(map(repr, train.label_sets[0])) or "no label"
        yield Finding(
            "one_class", "stops", len(train), f"all {counted(len(train), 'row')} have {only}",
            ((train.where(0), ""),), "add rows with other labels: there is nothing to tell apart",
        )  # fmt: skip
        return
    if len(train) >= FEW_ROWS and len(counts) > MOST_CLASSES * len(train):
        yield Finding(
            "many_classes", "warns", len(counts),
            f"there are {len(counts):,} different labels in {counted(len(train), 'row')}",
            ((train.where(0), quoted(next(iter(train.first_rows)))),),
            "check that the column of labels is the right one (--label)",
        )  # fmt: skip
        return
    yield from _small(train, counts)
    yield from _absent(train, rows, "training")
    if len(rows.rows("validation")):
        yield from _absent(train, rows, "validation")
    if train.examples.multi_label:
        yield from _of_many(train, counts)
    else:
        yield from _unbalanced(train, counts)


def _variants(rows: Together) -> Iterator[Finding]:
    """Labels that differ by case, white space or Unicode form only."""
    spellings: dict[str, dict[str, int]] = {}
    for part in rows.parts:
        for name, count in part.counts().items():
            same = spellings.setdefault(_plain(name), {})
            same[name] = same.get(name, 0) + count
    groups = [same for same in spellings.values() if len(same) > 1]
    if not groups:
        return
    examples = []
    for same in groups[:EXAMPLES]:
        rarest = min(same, key=lambda name: (same[name], name))
        shown = ", ".join(f"{_escaped(name)} {count:,}" for name, count in sorted(same.items()))
        examples.append((_first_place(rows, rarest), shown))
    are = "label is" if len(groups) == 1 else "labels are"
    yield Finding(
        "label_variants", "warns", len(groups),
        f"{len(groups):,} {are} written in several ways, and each way is a class of its own",
        tuple(examples), "write each label in one way",
    )  # fmt: skip


def _plain(label: str) -> str:
    return "".join(unicodedata.normalize("NFKC", label).casefold().split())


def _escaped(name: str) -> str:
    """In quotes; two labels that look the same are told apart by the numbers of their letters."""
    is_composed = unicodedata.is_normalized("NFC", name)
    return quoted(name) if is_composed else f"{quoted(name)} (decomposed)"


def _first_place(rows: Together, name: str) -> str:
    return next(part.where(part.first_rows[name]) for part in rows.parts if name in part.first_rows)


def _strange(train: Census, rows: Together) -> Iterator[Finding]:
    """Labels of other parts that the training part has not."""
    known = train.counts()
    for part in rows.parts:
        strange = [name for name in part.first_rows if name not in known]
        if strange:
            yield Finding(
                f"strange_labels_in_{part.part}", "stops", len(strange),
                f"{counted(len(strange), 'label')} of {part.examples.name} "
                f"{'is' if len(strange) == 1 else 'are'} not in the training data",
                tuple(
                    (part.where(part.first_rows[name]), quoted(name) + _nearest(name, known))
                    for name in strange[:EXAMPLES]
                ),
                "correct the label, leave its rows out, or add such rows to the training data",
            )  # fmt: skip


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {quoted(near[0])}?" if near else ""


def _small(train: Census, counts: Mapping[str, int]) -> Iterator[Finding]:
    small = sorted((count, name) for name, count in counts.items() if count < FEWEST)
    if small:
        have = "class has" if len(small) == 1 else "classes have"
        yield Finding(
            "small_classes", "warns", len(small), f"{len(small):,} {have} fewer than {FEWEST} rows",
            _examples(train, (name for _, name in small), counts),
            "add rows, or join the class with another one",
        )  # fmt: skip


def _absent(train: Census, rows: Together, group: Group) -> Iterator[Finding]:
    """Classes without a row in a group."""
    present: dict[str, int] = {}
    start = 0
    for part in rows.parts:
        members = rows.groups[start : start + len(part)] == GROUPS.index(group)
        start += len(part)
        for name, count in part.counts(members).items():
            present[name] = present.get(name, 0) + count
    counts = train.counts()
    absent = [name for name in counts if not present.get(name)]
    if absent:
        have = "class has" if len(absent) == 1 else "classes have"
        effect = {
            "training": "no text teaches it: add rows, or change training.split_seed",
            "validation": "nothing says how well it is learned: add rows, or hold more back with "
            "training.validation_fraction",
        }
        yield Finding(
            f"no_{group}_rows", "warns", len(absent), f"{len(absent):,} {have} no {group} row",
            _examples(train, absent, counts), effect[group],
        )  # fmt: skip


def _unbalanced(train: Census, counts: Mapping[str, int]) -> Iterator[Finding]:
    most = max(counts, key=lambda name: counts[name])
    least = min(counts, key=lambda name: counts[name])
    share = counts[most] / len(train)
    is_even = counts[most] < IMBALANCE * counts[least] and share < MAJORITY
    if is_even or len(train) < FEW_ROWS:
        return
    yield Finding(
        "unbalanced", "warns" if share >= MAJORITY else "notes", len(counts),
        f"{share:.0%} of the rows are {quoted(most)} and {counts[least] / len(train):.1%} are "
        f"{quoted(least)}",
        (), "look at macro F1 instead of accuracy, and try training.class_weight=balanced",
    )  # fmt: skip


def _of_many(train: Census, counts: Mapping[str, int]) -> Iterator[Finding]:
    """What rows with several labels can have: none, and labels that every row has."""
    everywhere = [name for name, count in counts.items() if count == len(train)]
    if everywhere:
        yield Finding(
            "labels_everywhere", "warns", len(everywhere),
            f"{counted(len(everywhere), 'label')} {'is' if len(everywhere) == 1 else 'are'} on "
            "every row", _examples(train, everywhere, counts),
            "leave such a label out: there is nothing to tell apart",
        )  # fmt: skip
    none = [
        row
        for row, number in enumerate(train.label_numbers.tolist())
        if not train.label_sets[number]
    ]
    if none:
        yield Finding(
            "no_label", "notes", len(none),
            f"{counted(len(none), 'row')} {'has' if len(none) == 1 else 'have'} no label",
            tuple((train.where(row), "") for row in none[:EXAMPLES]),
            "they teach that no label applies; if they were not labelled yet, leave them out",
        )  # fmt: skip


def _examples(
    train: Census, names: Iterable[str], counts: Mapping[str, int]
) -> tuple[tuple[str, str], ...]:
    first = train.first_rows
    chosen = list(names)[:EXAMPLES]
    return tuple(
        (train.where(first[n]), f"{quoted(n)} {counted(counts[n], 'row')}") for n in chosen
    )
