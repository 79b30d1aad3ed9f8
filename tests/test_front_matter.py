"""What a model hub reads of a card, read by YAML and by Hugging Face's own reader."""

from __future__ import annotations

import yaml
from huggingface_hub import ModelCardData
from huggingface_hub.repocard import RepoCard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unrolled import TextClassifier, TextWriter
from unrolled.model.front_matter import front_matter, quoted, without_front_matter

HOSTILE = [
    'a "quoted" name', "back\\slash", "---", "a\n---\nlicense: mit", "- x: [", "{{ x }}", "#",
    "!!python/object/apply:os.system ['true']", "*a &b", "yes", "~", "\ud800 half", "\u2028\u0085",
    "\ufeff\x00\x1b[2J", "한국어 😀", "", "%TAG", "key: value", "\udc00", "C:\\me\\texts.csv",
]  # fmt: skip
TEXTS = ["lost parcel", "late again", "wrong invoice", "charged twice"] * 10
LABELS = ["delivery", "delivery", "payment", "payment"] * 10
QUICK = {"text.min_count": 1, "network.units": 4, "training.epochs": 1}


def read(card: str) -> dict:
    """The front matter, which stands between the first two lines of dashes."""
    begin, front, page = card.split("---\n", 2)
    assert begin == ""
    assert page.startswith("\n")
    return yaml.safe_load(front)


SCORES = {"accuracy": ("Accuracy", 0.75), "loss": ("Loss", 1e-5)}


def described(name: str, source: str, scores=SCORES) -> str:
    return front_matter(
        name=name, pipeline="text-classification", tags=["lstm"], source=source, scores=scores
    )


def as_yaml_has_it(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


@settings(max_examples=300, deadline=None)
@given(st.text())
@example("".join(map(chr, range(0x100))))
@example("".join(HOSTILE))
def test_any_text_is_one_string_on_one_line(text):
    line = quoted(text)
    assert len(line.splitlines()) == 1
    assert yaml.safe_load(line) == as_yaml_has_it(text)
    assert yaml.safe_load(f"- a: {line}\n- b") == [{"a": as_yaml_has_it(text)}, "b"]


def test_it_says_what_opens_the_model_what_for_and_how_good_it_is():
    for name in HOSTILE:
        for source in HOSTILE:
            told = read(described(name, source))
            (model,) = told.pop("model-index")
            assert told == {
                "library_name": "unrolled",
                "pipeline_tag": "text-classification",
                "tags": ["lstm"],
                "metrics": ["accuracy", "loss"],
            }
            assert model["name"] == as_yaml_has_it(name)
            (result,) = model["results"]
            assert result["task"] == {"type": "text-classification"}
            assert result["dataset"]["name"] == as_yaml_has_it(source)
            values = {one["type"]: one["value"] for one in result["metrics"]}
            assert values == {"accuracy": 0.75, "loss": 0.0}


def test_a_model_that_nobody_measured_has_no_figures():
    told = hub(described("a", "b", scores={}))
    assert told.library_name == "unrolled"
    assert told.tags == ["lstm"]
    assert told.eval_results is None
    assert told.get("metrics") is None


def test_the_page_is_what_remains():
    for name in HOSTILE:
        assert without_front_matter(described(name, name) + "# A\n\n---\nb\n") == "# A\n\n---\nb\n"
    for page in ("# A\n", "", "---\nb\n", "a\n---\nb\n---\n"):
        assert without_front_matter(page) == page


def hub(card: str) -> ModelCardData:
    """As Hugging Face's library reads it."""
    data = RepoCard(card).data
    return ModelCardData(**data.to_dict())


def test_a_classifiers_folder_has_a_card_that_a_hub_reads(tmp_path):
    labels = ['a "b"', "c\n---\nd: e"] * 20
    folder = tmp_path / 'my "model": #1 --- 한'
    classifier = TextClassifier("small", settings=QUICK).fit(TEXTS, labels, source="C:\\a 'b'\n---")
    classifier.save(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    told = hub(card)
    assert told.library_name == "unrolled"
    assert told.pipeline_tag == "text-classification"
    assert told.tags == ["recurrent-neural-network", "qrnn"]
    assert told.model_name == folder.name
    scores = {result.metric_type: result.metric_value for result in told.eval_results}
    metrics = classifier.metrics_
    assert scores == {
        "accuracy": round(metrics["val_accuracy"], 4), "loss": round(metrics["val_loss"], 4)
    }  # fmt: skip
    assert {result.dataset_name for result in told.eval_results} == {"C:\\a 'b'\n---"}
    assert without_front_matter(card).startswith('# my "model": #1 --- 한\n')
    assert TextClassifier.load(folder).classes_.tolist() == sorted(set(labels))


def test_several_labels_are_told(tmp_path):
    TextClassifier("small", settings=QUICK).fit(TEXTS, [(x,) for x in LABELS]).save(tmp_path / "m")
    tags = read((tmp_path / "m" / "README.md").read_text(encoding="utf-8"))["tags"]
    assert tags == ["recurrent-neural-network", "qrnn", "multi-label-classification"]


def test_a_writers_card_says_what_it_is_for(tmp_path):
    small = {**QUICK, "network.embedding_size": 4}
    for task, pipeline in (
        ("autoencoder", "feature-extraction"),
        ("language-model", "text-generation"),
    ):
        settings = small | ({"text.start_token": False} if task == "language-model" else {})
        writer = TextWriter(task=task, settings=settings).fit(TEXTS)
        writer.save(tmp_path / task)
        told = hub((tmp_path / task / "README.md").read_text(encoding="utf-8"))
        assert told.pipeline_tag == pipeline
        assert told.tags == ["recurrent-neural-network", "lstm", task]
        scores = {result.metric_type: result.metric_value for result in told.eval_results}
        assert scores["perplexity"] == round(writer.metrics_["val_perplexity"], 4)
