"""``unrolled explain``: what it prints, with and without colours, and the sums it writes out."""

from __future__ import annotations

import io
import json
import math
import random
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unrolled import TextClassifier, bundle, load_recipe
from unrolled.cli import main, reading
from unrolled.report.trace import Trace

TEXT = "a great film, and not dull at all"
QUICK = ["training.epochs=4", "training.learning_rate=0.02", "training.batch_size=8",
         "text.num_words=60", "text.min_count=1", "network.units=8"]  # fmt: skip
FILMS = {"good": ["great", "warm", "funny"], "bad": ["dull", "slow", "awful"]}
TICKETS = {"배송": ["택배", "도착"], "결제": ["카드", "환불"], "로그인": ["비밀번호", "계정"]}
FILLERS = ["a", "film", "and", "the", "all", "정말", "왜"]


def texts(words: dict[str, list[str]], count: int = 60) -> tuple[list[str], list[Any]]:
    """Some words of one label among others."""
    draw = random.Random(3)
    labels = [sorted(words)[row % len(words)] for row in range(count)]
    rows = [draw.choices(FILLERS, k=3 + row % 5) for row in range(count)]
    for row, label in zip(rows, labels, strict=True):
        row.insert(draw.randrange(len(row)), draw.choice(words[label]))
    return [" ".join(row) for row in rows], labels


def trained(folder: Path, preset: str, rows: tuple[list[str], list[Any]], *changes: str) -> Path:
    classifier = TextClassifier(load_recipe(preset, [*QUICK, *changes]))
    classifier.fit(*rows).save(folder)
    return folder


@pytest.fixture(scope="module")
def padded(tmp_path_factory) -> Path:
    """As in the notebook: one-hot, filled or cut to twelve steps."""
    place = tmp_path_factory.mktemp("padded") / "padded"
    return trained(place, "notebook-onehot", texts(FILMS), "text.maxlen=12")


@pytest.fixture(scope="module")
def letters(tmp_path_factory) -> Path:
    """Characters of Korean texts, an LSTM both ways, three classes."""
    place = tmp_path_factory.mktemp("letters") / "letters"
    return trained(
        place, "small", texts(TICKETS), "text.tokenizer=characters", "network.cell=lstm",
        "network.window=1", "network.bidirectional=concat", "network.input=embedding",
        "network.embedding_size=4", "training.epochs=1",
    )  # fmt: skip


@pytest.fixture(scope="module")
def several(tmp_path_factory) -> Path:
    """Texts with both labels, one or none; a GRU."""
    rows, labels = texts(FILMS)
    sets = [("bad", "good") if row % 5 == 0 else (label,) for row, label in enumerate(labels)]
    place = tmp_path_factory.mktemp("several") / "several"
    return trained(
        place, "small", (rows, sets), "network.cell=gru", "network.window=1", "training.epochs=1"
    )


def said(capsys, *arguments: object) -> str:
    assert main(["explain", *map(str, arguments)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return told.out


def refused(capsys, *arguments: object) -> str:
    """The one line of an error whose exit code is 2."""
    assert main(["explain", *map(str, arguments)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    return told.err


def document_of(capsys, *arguments: object) -> dict[str, Any]:
    return json.loads(said(capsys, *arguments, "--json"))


# --- The reading


def test_the_first_line_is_the_answer_of_predict(padded, letters, several, capsys):
    for model in (padded, letters, several):
        for text in (TEXT, "택배 왜", "", "film " * 20):
            out = said(capsys, model, text)
            assert main(["predict", str(model), text]) == 0
            assert out.startswith(capsys.readouterr().out + "\n")


def test_a_model_that_abstains_has_a_dash_and_says_what_is_likeliest(padded, capsys, tmp_path):
    stored = bundle.read(padded)
    stored.config["decision"]["abstain_below"] = 0.9999
    bundle.write(tmp_path / "unsure", stored)
    out = said(capsys, tmp_path / "unsure", TEXT)
    assert re.match(r"-     0\.\d{4}", out)
    assert re.search("^most for (good|bad)$", out, re.MULTILINE)


def test_words_have_signs_where_there_is_no_colour(padded, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    out = said(capsys, padded, f"{TEXT} zebra")
    document = document_of(capsys, padded, f"{TEXT} zebra")
    assert "\x1b" not in out
    words = out.split("\n\n")[1].replace("\n", " ")
    assert words.startswith("[2 x padding] [start] ")
    assert re.search(r"[+-]*\(zebra\)$", words)
    strongest = max(range(12), key=lambda step: abs(document["deletion"][step] or 0))
    sign = "+++" if document["deletion"][strongest] > 0 else "---"
    marked = re.escape(sign) + rf"\(?{document['tokens'][strongest]}\)?"
    assert re.search(rf"(?<!\S){marked}(?!\S)", words)
    for part, step in zip(words.split()[4:], range(3, 12), strict=True):
        signs = re.match(r"[+-]*", part)[0]
        weight = document["deletion"][step]
        assert {math.copysign(1, float(f"{one}1")) for one in signs} <= {math.copysign(1, weight)}
    assert f"+ speaks for {document['explained']}, - against it" in out
    assert all(len(line) <= 70 for line in out.splitlines())


def test_colours_say_the_same(padded, capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    plain = said(capsys, padded, f"{TEXT} zebra")
    assert plain == said(capsys, padded, f"{TEXT} zebra", "--color", "never")
    coloured = said(capsys, padded, f"{TEXT} zebra", "--color", "always")
    document = document_of(capsys, padded, f"{TEXT} zebra")
    found = re.findall(r"\x1b\[[\d;]*48;5;(\d+)m([^\x1b]+)", coloured)
    behind = {word: int(colour) for colour, word in found}
    blue, orange = {27, 32, 67}, {137, 172, 202}
    assert behind[f" for {document['explained']} "] in blue
    assert behind[" against it "] in orange
    for token, weight in zip(document["tokens"], document["deletion"], strict=True):
        if token in behind:
            assert behind[token] in (blue if weight > 0 else orange)
    marked = re.findall(r"(?<!\S)[+-]+\(?(\w+)\)?(?!\S)", plain.split("\n\n")[1])
    assert marked
    assert set(marked) <= set(behind)
    assert re.search(r"\x1b\[[\d;]*4[\d;]*mzebra", coloured), "unknown words are underlined"
    letters_only = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert letters_only.split("\n\n")[3:] == plain.split("\n\n")[3:]


def test_when_there_is_colour(monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    assert reading.has_colours("auto")
    monkeypatch.setenv("TERM", "dumb")
    assert not reading.has_colours("auto")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not reading.has_colours("auto")
    assert reading.has_colours("always")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: False))
    assert not reading.has_colours("auto")
    assert not reading.has_colours("never")


def when(place: int) -> str:
    """Where a value of the curve stands, of which the first comes before any step."""
    return f"at step {place - 1} " if place else "at the start"


def test_the_lowest_is_not_above_the_start(letters, capsys):
    for label in document_of(capsys, letters, "")["classes"]:
        out = said(capsys, letters, "", "--label", label)
        _, _, start, low, high, _ = out.split("\n\n")[3].splitlines()
        assert low[:6] <= start[:6] <= high[:6]


def test_the_curve_and_its_ends(padded, capsys):
    out = said(capsys, padded, TEXT)
    document = document_of(capsys, padded, TEXT)
    place = document["classes"].index(document["explained"])
    curve = [document["before"][place], *(row[place] for row in document["after"])]
    _, drawn, start, low, high, end = out.split("\n\n")[3].splitlines()
    assert len(drawn) == 13
    assert set(drawn) <= set("▁▂▃▄▅▆▇█")
    assert "▁" in drawn
    assert "█" in drawn
    assert start == f"{document['before'][place]:.4f} at the start"
    assert low.startswith(f"{min(curve):.4f} at least, {when(curve.index(min(curve)))}")
    assert high.startswith(f"{max(curve):.4f} at most, {when(curve.index(max(curve)))}")
    assert end == f"{document['probabilities'][document['explained']]:.4f} at the end"


def test_a_long_curve_is_folded_and_ends_where_it_ends(monkeypatch):
    rising = [step / 999 for step in range(1000)]
    folded = reading.sparkline(rising, 40)
    assert len(folded) == 40
    assert folded[-1] == "█"
    assert list(folded) == sorted(folded)
    assert reading.sparkline([0.0, 1.0, 0.0], 40) == "▁█▁"
    assert reading.sparkline([0.5, 0.5002, 0.5], 40) == "▄▄▄"
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert reading.sparkline([0.0, 1.0, 0.0], 40) == "181"


def test_the_table_has_the_strongest_words(padded, capsys):
    document = document_of(capsys, padded, TEXT)
    rows = said(capsys, padded, TEXT).split("\n\n")[4].splitlines()
    weights = [step for step in range(12) if document["deletion"][step] is not None]
    first = max(weights, key=lambda step: document["deletion"][step])
    place = document["classes"].index(document["explained"])
    assert rows[0].split() == [
        "word", "step", "deletion", "gradients", "probability", "before", "->", "after",
    ]  # fmt: skip
    assert rows[1] == f"most for {document['explained']}"
    assert rows[2].split() == [
        document["tokens"][first],
        str(first),
        f"{document['deletion'][first]:+.4f}",
        f"{document['gradients'][first]:+.4f}",
        f"{document['after'][first - 1][place]:.4f}",
        "->",
        f"{document['after'][first][place]:.4f}",
    ]
    assert any(row.startswith(("most against", "no word against")) for row in rows)


def test_another_label_is_explained(padded, capsys):
    good = document_of(capsys, padded, TEXT, "--label", "good")
    bad = document_of(capsys, padded, TEXT, "--label", "bad")
    assert good["explained"] == "good"
    for one, other in zip(good["deletion"], bad["deletion"], strict=True):
        assert one is None or one == pytest.approx(-other, abs=1e-6)
    assert "most for bad" in said(capsys, padded, TEXT, "--label", "bad")


def test_korean_characters_stand_close(letters, capsys):
    out = said(capsys, letters, "택배 왜")
    signless = re.sub(r"[+\-()]|\[(?=[+-])|(?<=[배택왜 ])\]", "", out.split("\n\n")[1])
    assert signless == "[start] 택배 왜"
    rows = out.split("\n\n")[4].splitlines()
    from rich.cells import cell_len

    assert len({cell_len(row) for row in rows if "->" in row}) == 1, "columns are straight"


def test_several_labels(several, capsys):
    document = document_of(capsys, several, TEXT)
    assert document["multi_label"] is True
    assert isinstance(document["label"], list)
    assert f"most for {document['explained']}" in said(capsys, several, TEXT)


def test_a_text_that_is_too_long_or_empty(padded, several, capsys):
    long = said(capsys, padded, " ".join(["film"] * 30 + ["great"]))
    assert "  cut\n" in long
    assert "padding" not in long
    empty = said(capsys, padded, "")
    assert "[11 x padding] [start]" in empty
    assert "gradients" not in empty
    assert json.loads(said(capsys, several, "", "--json"))["tokens"] == ["[start]"]


def test_nothing_steers_the_terminal(letters, padded, capsys):
    for model in (letters, padded):
        for when in ("never", "always"):
            out = said(capsys, model, "\x1b[31m\x07 great \x9b2J \u202e", "--color", when)
            assert not re.search("\x1b(?!\\[[\\d;]*m)|[\x07\x9b\u202e]", out)
            assert "\x1b[31m" not in out


def test_standard_input_is_one_text(padded, capsys, monkeypatch):
    text = f"\ufeff{TEXT}\nand funny\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    piped = document_of(capsys, padded, "-")
    assert piped == document_of(capsys, padded, f"{TEXT}\nand funny\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a \xff film")))
    assert "standard input, byte 2: not UTF-8" in refused(capsys, padded, "-")


def test_json_is_the_explanation(padded, capsys):
    document = document_of(capsys, padded, TEXT)
    assert document == TextClassifier.load(padded).explain(TEXT).to_dict()
    assert len(Trace(document).steps) == 12


# --- One step


NUMBER = r"-?\d+\.\d{6}"


def numbers_of(block: str, *names: str) -> dict[str, float]:
    """The results of the rows that have nothing else, by their names."""
    found = dict(re.findall(rf"^  (\S.*?) {{2,}}({NUMBER})$", block, re.MULTILINE))
    return {name: float(value) for name, value in found.items()}


def products_of(block: str) -> list[tuple[float, float, float]]:
    rows = re.findall(rf"({NUMBER})  \* +({NUMBER})  = +({NUMBER})$", block, re.MULTILINE)
    return [tuple(map(float, row)) for row in rows]  # type: ignore[misc]


def test_the_sum_can_be_checked_by_hand(padded, capsys):
    out = said(capsys, padded, TEXT, "--step", "great", "--unit", "3")
    written = out[out.index("simple_rnn (SimpleRNN), unit 3 at step 5 great") :]
    products = products_of(written)
    assert len(products) == 1 + 8
    for value, weight, product in products:
        assert value * weight == pytest.approx(product, abs=2e-6)
    recurrent = [abs(product) for *_, product in products[1:]]
    assert recurrent == sorted(recurrent, reverse=True)
    result = numbers_of(written)
    assert result["input, 1 product"] == products[0][2]
    assert result["recurrent, 8 products"] == pytest.approx(
        sum(product for *_, product in products[1:]), abs=1e-5
    )
    total = result["input, 1 product"] + result["recurrent, 8 products"] + result["bias"]
    assert result["total"] == pytest.approx(total, abs=3e-6)
    assert result["h = tanh(total)"] == pytest.approx(math.tanh(result["total"]), abs=2e-6)
    states = document_of(capsys, padded, TEXT)["layers"][0]["states"]
    assert result["h after"] == pytest.approx(states[5][3], abs=2e-6)
    assert result["h before"] == pytest.approx(states[4][3], abs=2e-6)


def test_the_gates_can_be_checked_by_hand(several, letters, capsys):
    out = said(capsys, several, TEXT, "--step", "1", "--unit", "2")
    gates = {block.split()[3]: block for block in out.split("\n\n") if "weighted sum" in block}
    assert list(gates) == ["u", "r", "g"]
    for name in "ur":
        found = numbers_of(gates[name])
        logistic = 1 / (1 + math.exp(-found["total"]))
        assert found[f"{name} = 1 / (1 + exp(-total))"] == pytest.approx(logistic, abs=2e-6)
    g = numbers_of(gates["g"])
    r = numbers_of(gates["r"])["r = 1 / (1 + exp(-total))"]
    u = numbers_of(gates["u"])["u = 1 / (1 + exp(-total))"]
    scaled = re.search(
        rf"r \* \(recurrent \+ bias\) +({NUMBER})  \* +({NUMBER})  = +({NUMBER})", out
    )
    assert scaled is not None
    share, inside, part = map(float, scaled.groups())
    assert share == r
    assert inside == pytest.approx(g["recurrent, 8 products"] + g["recurrent bias"], abs=3e-6)
    inputs = next(value for name, value in g.items() if name.startswith("input"))
    assert g["total"] == pytest.approx(inputs + part + g["bias"], abs=3e-6)
    end = numbers_of(out.split("\n\n")[-1])
    h = u * end["h before"] + (1 - u) * g["g = tanh(total)"]
    assert end["h = u * h before + (1 - u) * g"] == pytest.approx(h, abs=5e-6)
    assert end["h after"] == pytest.approx(h, abs=5e-6)
    back = said(capsys, letters, "택배 왜", "--step", "배", "--direction", "backward")
    assert re.search(
        r"^bidirectional \(LSTM, backward\), unit \d at step 2 배$", back, re.MULTILINE
    )
    assert back.count("weighted sum of") == 4


def test_without_a_unit_the_one_that_changed_most(padded, letters, capsys):
    cases = [(padded, TEXT, 0, "forward"), (padded, TEXT, 5, "forward")]
    cases += [(letters, "택배 왜", step, "backward") for step in range(5)]
    for model, text, step, way in cases:
        document = document_of(capsys, model, text, "--step", step, "--direction", way)
        layer, chosen = document["layers"][0], document["arithmetic"]["unit"]
        states = layer["states" if way == "forward" else "backward_states"]
        earlier = step - 1 if way == "forward" else step + 1
        before = states[earlier] if earlier in range(len(states)) else [0.0] * layer["units"]
        changes = [abs(now - then) for now, then in zip(states[step], before, strict=True)]
        assert changes[chosen] == max(changes)
        assert document["arithmetic"]["state_before"] == pytest.approx(before[chosen], abs=1e-6)


def test_json_has_the_arithmetic(padded, capsys):
    document = document_of(capsys, padded, TEXT, "--step", "5", "--unit", "3")
    model = TextClassifier.load(padded)
    assert document.pop("arithmetic") == json.loads(
        json.dumps(model.explain_step(TEXT, step=5, unit=3).to_dict())
    )
    assert document == model.explain(TEXT).to_dict()


# --- The page


def test_the_page_is_written_whole_and_never_over_another(padded, tmp_path, capsys):
    page = tmp_path / "pages" / "reading.html"
    out = said(capsys, padded, f"{TEXT} <script>", "--html", page)
    assert out.endswith(f"\npage {page}\n")
    written = page.read_text(encoding="utf-8")
    assert "<h1>padded</h1>" in written
    assert "a great film, and not dull at all &lt;script&gt;</h2>" in written
    assert "model padded" in written
    assert "is there; --overwrite replaces it" in refused(capsys, padded, "dull", "--html", page)
    assert page.read_text(encoding="utf-8") == written
    document_of(capsys, padded, "dull", "--html", page, "--overwrite")
    assert "dull</h2>" in page.read_text(encoding="utf-8")
    assert "is a folder" in refused(capsys, padded, TEXT, "--html", tmp_path)


# --- What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "goood"], "no label 'goood'; did you mean 'good'?"),
        (["--step", "12"], "there is no step 12: the steps go from 0 to 11"),
        (["--step", "-1"], "there is no step -1: the steps go from 0 to 11"),
        (["--step", "grate"], 'no step reads "grate"; did you mean "great"?'),
        (["--step", "xyzzy"], 'no step reads "xyzzy"; the steps go from 0 to 11'),
        (["--step", "5", "--unit", "8"], "there is no unit 8: they go from 0 to 7"),
        (["--step", "5", "--layer", "lstm"], "no recurrent layer 'lstm'; there are: simple_rnn"),
        (["--step", "5", "--direction", "backward"], "does not read 'backward'"),
        (["--unit", "3"], "--unit says more about a step; name one with --step"),
        (["--layer", "simple_rnn"], "name one with --step"),
    ],
)
def test_errors_are_one_line_that_helps(padded, capsys, arguments, message):
    assert message in refused(capsys, padded, TEXT, *arguments)


def test_a_model_that_is_not_there(tmp_path, capsys):
    assert "there is no such model folder" in refused(capsys, tmp_path / "no", TEXT)
