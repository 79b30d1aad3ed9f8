"""``unrolled export --to html``: one file that reads texts by itself and asks nobody."""

from __future__ import annotations

import json
import re

import pytest

from unrolled import load_recipe
from unrolled.cli import main
from unrolled.export.html import to_html
from unrolled.export.modules import joined
from unrolled.page.description import without_folders
from unrolled.page.examples import examples_for

from .browser import chromium, fresh_page
from .tiny_models import one_epoch, tiny

MODELS = re.compile(r'<script type="application/json" id="models">(.*?)</script>', re.DOTALL)
NASTY = (
    'a wonderful film <script>window.hacked=1</script> </script> 😀 <img src=x onerror="hacked=1">'
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two saved models, the second of which has a label that is HTML."""
    folder = tmp_path_factory.mktemp("models")
    for name, recipe in {"plain": "notebook's onehot", "gates": "two linear layers"}.items():
        tiny(recipe).save(folder / name)
    return folder


@pytest.fixture
def exported(folders, tmp_path):
    examples = tmp_path / "examples.txt"
    examples.write_text("a wonderful film\nboring </script> 정말 😀\n", encoding="utf-8")
    file = tmp_path / "page.html"
    arguments = ["export", str(folders / "plain"), str(file), "--to", "html"]
    beside = ["--beside", str(folders / "gates"), "--examples", str(examples)]
    assert main([*arguments, *beside]) == 0
    return file


# --- The file in a browser -----------------------------------------------------------------------


def test_the_file_works_from_a_disk_and_asks_nobody(browser, exported):
    model = tiny("notebook's onehot")
    encoded = model.vocabulary.encode_all([NASTY])
    (expected,) = model.predictions(encoded, 1)
    with fresh_page(browser) as watched:
        page = watched.page
        page.goto(exported.as_uri())
        page.locator("textarea").fill(NASTY)
        share = f"{100 * expected.probability:.1f}"
        page.wait_for_function(
            "(share) => document.querySelector('.answer .sure')?.textContent.startsWith(share)",
            arg=share,
        )
        assert page.locator(".answer .label").first.inner_text() == expected.label
        assert page.evaluate("window.hacked") is None
        assert watched.requests == [exported.as_uri()]
        assert watched.complaints == []


def test_two_models_stand_side_by_side_and_examples_can_be_clicked(browser, exported):
    with fresh_page(browser) as watched:
        page = watched.page
        page.goto(exported.as_uri())
        page.get_by_role("button", name="boring </script> 정말 😀").click()
        page.get_by_label("Beside it").select_option("gates")
        page.wait_for_function("document.querySelectorAll('.answer .sure').length === 2")
        page.wait_for_function(
            "[...document.querySelectorAll('.answer .sure')].every((sure) => sure.textContent)"
        )
        labels = page.locator(".answer .label").all_inner_texts()
        assert labels[0] in ("negative", "positive")
        assert labels[1] in tiny("two linear layers").classes
        assert watched.complaints == []


def test_the_policy_lets_nothing_out_and_nothing_strange_in(browser, exported):
    with fresh_page(browser) as watched:
        page = watched.page
        page.goto(exported.as_uri())
        page.locator("textarea").wait_for()
        refused = page.evaluate("fetch('https://example.org/').then(() => false, () => true)")
        strange = page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.strange = 1";
                document.body.append(script);
                return window.strange ?? null;
            }"""
        )
        assert refused
        assert strange is None
        assert all("Content Security Policy" in complaint for complaint in watched.complaints)
        assert len(watched.complaints) >= 2


def test_an_old_browser_is_told_so(browser, exported):
    with fresh_page(browser) as watched:
        page = watched.page
        page.add_init_script("delete window.DecompressionStream")
        page.goto(exported.as_uri())
        assert "needs a browser of 2023 or later" in page.locator("body").inner_text()


# --- The file itself -----------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["notebook-onehot", "notebook-embedding"])
def test_the_models_of_the_notebook_take_less_than_150_kb(preset):
    texts = [" ".join(f"word{first + at}" for at in range(40)) for first in range(0, 400, 10)]
    model = one_epoch(load_recipe(preset), texts, ["negative", "positive"])
    assert model.network.parameter_count in (2_481, 5_009)
    html = to_html({"notebook": model}, examples=examples_for(model.classes))
    assert len(html.encode("utf-8")) < 150_000


def test_the_same_models_give_the_same_file():
    models = {"a": tiny("bpe")}
    assert to_html(models, examples=["x"]) == to_html(models, examples=["x"])


def test_what_the_page_is_told_of_a_model(exported):
    document = json.loads(MODELS.search(exported.read_text(encoding="utf-8"))[1])
    plain, gates = document["models"]
    model = tiny("two linear layers")
    assert (plain["name"], gates["name"]) == ("plain", "gates")
    assert plain["models"] == gates["models"] == ["plain", "gates"]
    assert gates["labels"] == model.classes
    assert gates["parameters"] == model.network.parameter_count
    assert [layer["kind"] for layer in gates["layers"]].count("SimpleRNN") == 2
    assert sum(layer["parameters"] for layer in gates["layers"]) == gates["parameters"]
    assert plain["examples"] == ["a wonderful film", "boring </script> 정말 😀"]
    assert plain["best_epoch"] == 1
    assert len(plain["history"]["val_loss"]) == 1
    assert re.fullmatch("[0-9a-f]{64}", plain["hash"])


def test_the_hash_is_that_of_the_folder(folders, exported):
    document = json.loads(MODELS.search(exported.read_text(encoding="utf-8"))[1])
    config = json.loads((folders / "plain" / "config.json").read_bytes())
    assert document["models"][0]["hash"] == config["sha256"]["config.json"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the archive /home/me/data/aclImdb.tar.gz", "the archive aclImdb.tar.gz"),
        (r"the file C:\Users\me\texts.csv, row 3", "the file texts.csv, row 3"),
        ("a list in memory", "a list in memory"),
        ("https://example.org/a/b.csv", "https://example.org/a/b.csv"),
        ("good and/or bad", "good and/or bad"),
    ],
)
def test_a_path_loses_its_folders(text, expected):
    assert without_folders(text) == expected


def test_a_page_does_not_tell_where_the_data_lay():
    model = tiny.__wrapped__("bpe")  # one that no other test has
    model.source = "the file /home/me/secret/texts.csv"
    html = to_html({"model": model}, examples=[])
    assert "secret" not in html
    document = json.loads(MODELS.search(html)[1])
    assert document["models"][0]["source"] == "the file texts.csv"
    assert "texts from the file texts.csv" in document["models"][0]["card"]


# --- The command ---------------------------------------------------------------------------------


def test_the_command_says_what_it_wrote(folders, tmp_path, capsys):
    file = tmp_path / "new" / "page.html"
    assert main(["export", str(folders / "plain"), str(file), "--to", "html"]) == 0
    assert capsys.readouterr().out == f"plain -> {file}: {file.stat().st_size:,} bytes\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--to", "pdf"], "--to pdf: there is no such form; there is: html, keras, onnx, torch"),
        (["--beside", "MODELS/plain"], "two models are called plain"),
        (["--beside", "MODELS/none"], "there is no such model folder"),
        (["--examples", "MODELS/none.txt"], "none.txt"),
    ],
)
def test_the_command_refuses_with_one_line(folders, tmp_path, capsys, changes, message):
    changes = [change.replace("MODELS", str(folders)) for change in changes]
    file = tmp_path / "page.html"
    assert main(["export", str(folders / "plain"), str(file), "--to", "html", *changes]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not file.exists()


def test_a_file_that_is_there_stays(folders, tmp_path, capsys):
    file = tmp_path / "page.html"
    file.write_text("mine")
    arguments = ["export", str(folders / "plain"), str(file), "--to", "html"]
    assert main(arguments) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main([*arguments, "--examples", str(file), "--overwrite"]) == 2
    assert "is the file of examples too" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main([*arguments, "--overwrite"]) == 0
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["export", str(folders / "plain"), str(tmp_path), "--to", "html"]) == 2
    assert "is a folder" in capsys.readouterr().err


# --- Joining modules -----------------------------------------------------------------------------

TWO = {
    "a.js": 'import { b, C } from "./x/b.js";\n\nexport function a() {\n  return b(C);\n}\n',
    "x/b.js": 'import { d } from "../d.js";\nexport const C = 1;\nexport async function b() {}\n',
    "d.js": "const [e, f] = [1, 2];\nexport const d = () => e + f;\n",
    "unused.js": "export const g = 1;\n",
}


def test_modules_are_joined_in_the_order_in_which_they_need_each_other():
    script = joined(TWO, "a.js")
    assert re.findall("// --- (.*)", script) == ["d.js", "x/b.js", "a.js"]
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    assert "const C = 1;\nasync function b() {}\n" in script
    assert "unused.js" not in script


@pytest.mark.parametrize(
    ("path", "source", "message"),
    [
        ("d.js", "export const C = 2;\nexport const d = 1;\n", "x/b.js and d.js both declare C"),
        ("d.js", "const [a, b] = [1, 2];\nexport const d = 1;\n", "both declare"),
        (
            "d.js",
            'import { a } from "./a.js";\nexport const d = 1;\n',
            "in a circle: a.js -> x/b.js",
        ),
        ("d.js", "export const h = 1;\n", "x/b.js imports d, which d.js does not export"),
        ("d.js", "export default 1;\nexport const d = 1;\n", "d.js: cannot be joined"),
        ("d.js", 'import d from "./e.js";\nexport const d = 1;\n', "d.js: cannot be joined"),
        ("d.js", "export const d = 1;\nawait d;\n", "d.js: cannot be joined"),
        ("d.js", "export const d = 1;\nconst { e: f } = d;\n", "d.js: cannot be joined"),
        ("a.js", 'import { z } from "./z.js";\n', "a.js imports z.js, which is not there"),
    ],
)
def test_modules_that_break_the_rules_are_refused(path, source, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        joined({**TWO, path: source}, "a.js")
