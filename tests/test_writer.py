"""TextWriter: it learns, it writes, it is kept, and it goes on where it stopped."""

import copy
import json
import os
import random
import signal
from dataclasses import replace

import numpy as np
import pytest

from unrolled import Network, TextClassifier, TextWriter
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import GRU, Dropout, Embedding, SpatialDropout
from unrolled.engine.optimizers import SGD
from unrolled.errors import DataError, InputError, ModelError, NotFittedError, RecipeError
from unrolled.ragged import Ragged
from unrolled.recipe import PRESETS, load_recipe
from unrolled.text.vocabulary import FIRST_WORD, START, STOP
from unrolled.training.fit import epoch_order
from unrolled.writer.pairs import with_stop
from unrolled.writer.trained import TrainedWriter

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
QUICK = {
    "network.units": 24, "network.embedding_size": 24, "text.min_count": 1,
    "training.batch_size": 16, "training.epochs": 2, "training.learning_rate": 0.01,
}  # fmt: skip


def numbers(count, seed=0, longest=5):
    rng = random.Random(seed)
    return [" ".join(rng.choices(DIGITS, k=rng.randint(1, longest))) for _ in range(count)]


TEXTS = numbers(160)
FIRST = [f"{text.split()[0]}th!" for text in TEXTS]
KINDS = {
    "autoencoder": ({}, None),
    "tail": ({"writing.target": "tail", "writing.tail_words": 2}, None),
    "seq2seq": ({"writing.task": "seq2seq", "text.start_token": True}, FIRST),
    "language-model": ({"writing.task": "language-model"}, None),
    "backward": (
        {"writing.task": "language-model", "writing.direction": "backward", "network.layers": 2},
        None,
    ),
}
_WRITERS = {}


def writer(kind="autoencoder", **more):
    settings, targets = KINDS[kind]
    return TextWriter(settings={**QUICK, **settings, **more}), targets


@pytest.fixture
def trained(request):
    """A writer of each kind, trained once; tests change nothing in it."""

    def of(kind):
        if kind not in _WRITERS:
            own, targets = writer(kind)
            _WRITERS[kind] = own.fit(TEXTS, targets)
        return _WRITERS[kind]

    return of


def parameters(own):
    return own.network_.parameters.tobytes()


# --- It learns -----------------------------------------------------------------------------------


def test_it_learns_to_write_words_in_reverse():
    own = TextWriter(
        settings={**QUICK, "writing.target": "reverse", "training.epochs": 12},
    ).fit(numbers(2500, longest=4))
    unseen = sorted(set(numbers(300, seed=1, longest=4)) - set(numbers(2500, longest=4)))[:60]
    figures = own.score(unseen)
    assert figures.exact_match > 0.9
    assert figures.perplexity < 1.3
    assert own.decode(["two one nine"]) == ["nine one two"]


def test_it_learns_to_write_other_words_than_it_reads():
    own, _ = writer("seq2seq", **{"training.epochs": 8, "writing.tied": False})
    texts = numbers(1500)
    own.fit(texts, [f"{text.split()[0]}th!" for text in texts])
    assert own.decode(["seven one", "two"]) == ["seventh !", "twoth !"]
    assert set(own.target_vocabulary_.words) == {*(f"{word}th" for word in DIGITS), "!"}
    assert set(own.vocabulary_.words) == set(DIGITS)


def test_sampling_learns_too():
    own, _ = writer("autoencoder", **{"writing.sampled": 4, "training.epochs": 6})
    before = writer()[0].fit(TEXTS).metrics_["val_loss"]
    assert own.fit(numbers(900)).metrics_["val_loss"] < before


@pytest.mark.parametrize("sampled", [None, 3])
def test_padding_and_start_are_never_written(sampled):
    """Not even by a model whose words are drawn so seldom that it hardly learns any."""
    more = {"writing.sampled": sampled, "training.embedding_updates": "sparse"}
    own = writer("language-model", **more)[0].fit([*TEXTS, *(f"rare{row}" for row in range(400))])
    for never in (0, START):
        assert own.network_.evaluate(Ragged.from_lists([[]]), Ragged.from_lists([[never]]))[0] > 15


# --- It is used ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_disturbs_anybody(kind, trained):
    own, texts = trained(kind), [*TEXTS[:20], "", "nobody knows", "two"]
    together, vectors = own.decode(texts, beams=2), own.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), 24)
    for row in (0, 7, 20, 21, 22):
        assert own.decode(texts[row : row + 1], beams=2) == together[row : row + 1]
        assert own.embed(texts[row : row + 1]).tobytes() == vectors[row].tobytes()
    assert own.decode([]) == []
    assert own.embed([]).shape == (0, 24)


def likeliest(network, before):
    """The likeliest next token after ids, by the way that training goes."""

    def loss(token):
        targets = Ragged.from_lists([[*before, token]])
        return network.evaluate(Ragged.from_lists([()]), targets)[0] * (len(before) + 1)

    return min(range(network.words), key=loss)


@pytest.mark.parametrize("kind", ["language-model", "backward"])
def test_a_language_model_goes_on_with_the_likeliest(kind, trained):
    own = copy.deepcopy(trained(kind))
    network, words = own.network_, own.vocabulary_
    rng = np.random.default_rng(4)
    network.parameters[:] = rng.normal(size=len(network.parameters)) * 0.5
    network.output["bias"][:FIRST_WORD] -= 100  # words only
    network.output["bias"][STOP] += 99
    texts = ["", "nine", "one two three two", "what is two", "five two", "one nine"]
    expected = []
    for text in texts:
        ids = words.encode(text, start=False).tolist()
        ids = ids[::-1] if kind == "backward" else ids
        written = []
        while len(written) < 4 and (token := likeliest(network, [*ids, *written])) != STOP:
            written.append(token)
        expected.append(words.decode(written[::-1] if kind == "backward" else written))
    assert own.decode(texts, longest=4) == expected
    assert len(set(expected)) > 3
    assert any(said != " ".join(said.split()[::-1]) for said in expected)
    assert network.start == START


def test_longest_is_the_recipes_or_that_of_the_longest_target(trained):
    own = trained("autoencoder")
    stubborn = copy.deepcopy(own)._model
    assert stubborn.longest == 6
    stubborn.network.output["bias"][STOP] = -1e6
    [written] = stubborn.written(own.vocabulary_.encode_all(["two"], start=False))
    assert len(written.tokens) == 6
    assert len(own.decode(["one two three four five"], longest=2)[0].split()) <= 2
    stubborn.recipe = TextWriter(stubborn.recipe, settings={"writing.longest": 3}).recipe
    [written] = stubborn.written(own.vocabulary_.encode_all(["two"], start=False))
    assert len(written.tokens) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_is_the_state_after_the_last_word(kind, trained):
    """Beside a plain network of the same layers and weights, that returns its last state."""
    own = trained(kind)
    model = own._model
    half = model.network.decoder if "model" in kind or kind == "backward" else model.network.encoder
    *others, last = half.layers
    layers = [replace(x, go_backwards=False) if hasattr(x, "go_backwards") else x for x in others]
    plain = Network([*layers, replace(last, return_sequences=False, go_backwards=False)], seed=1)
    for mine, theirs in zip(plain.layer_weights, half.weights, strict=True):
        for name, array in mine.items():
            array[:] = theirs[name]
    ids = [own.vocabulary_.encode(text, start=False) for text in TEXTS[:30]]
    ids = [one[::-1] if kind == "backward" else one for one in ids]
    starts = "model" in kind or kind in ("backward", "seq2seq")
    read = Ragged.from_lists([[START, *one] if starts else one for one in ids])
    np.testing.assert_allclose(own.embed(TEXTS[:30]), plain.predict(read), atol=1e-5)


def test_figures_are_what_they_say(trained):
    own, texts = trained("autoencoder"), TEXTS[:40]
    figures = own.score([*texts, "one who two"])
    ids = [own.vocabulary_.encode(text, start=False).tolist() for text in [*texts, "one who two"]]
    targets = Ragged.from_lists([[*one, STOP] for one in ids])
    loss, accuracy = own.network_.evaluate(Ragged.from_lists(ids), targets)
    assert (figures.loss, figures.token_accuracy) == (loss, accuracy)
    assert figures.perplexity == pytest.approx(np.exp(loss))
    assert (figures.texts, figures.tokens) == (41, sum(map(len, ids)) + 41)
    right = [text == said for text, said in zip(texts, own.decode(texts), strict=True)]
    assert figures.exact_match == pytest.approx(sum(right) / 41)
    assert trained("language-model").score(texts).exact_match is None
    assert json.dumps(figures.to_dict())


def test_a_word_that_is_unknown_is_never_right():
    own, _ = writer("autoencoder", **{"text.num_words": 5, "training.epochs": 6})
    own.fit(["one", "one", "one", "strange"] * 40)
    assert own.decode(["one", "strange"]) == ["one", "?"]
    figures = own.score(["one", "strange"])
    assert (figures.exact_match, figures.edit_distance) == (0.5, 0.5)
    assert figures.token_accuracy == 1  # where it was asked for the id


def test_training_is_what_the_recipe_says():
    """Beside the same layers and steps, put together by hand."""
    recipe = {
        "network.dropout": 0.3, "network.cell": "gru", "network.layers": 2, "seed": 7,
        "writing.sampled": 6, "writing.tied": False, "network.embedding_size": 20,
        "network.embedding_dropout": 0.1, "training.epochs": 1, "training.optimizer": "sgd",
        "training.momentum": 0.9,
    }  # fmt: skip
    own, targets = writer("seq2seq", **recipe)
    own.fit(TEXTS, targets)
    train, validation = own.split(len(TEXTS))
    ids = own.vocabulary_.encode_all(TEXTS), own.target_vocabulary_.encode_all(targets, start=False)
    counts = [0, 0, 0, len(train), *own.target_vocabulary_.counts]

    def half(rows):
        return [Embedding(rows, 20), SpatialDropout(0.1), GRU(24), GRU(24)]

    network = EncoderDecoder(
        encoder=half(FIRST_WORD + len(own.vocabulary_.words)),
        decoder=[*half(len(counts)), Dropout(0.3)],
        seed=7, start=START, optimizer=SGD(0.01, momentum=0.9), sampled=6, word_counts=counts,
    )  # fmt: skip
    shares = (np.array(counts) + 1.0) / (sum(counts) + len(counts))
    network.output["bias"][:, 0] = np.log(shares)  # each as often as it is there
    network.output["bias"][:2] = -30  # padding and start are never to be written
    parts = [(ids[0].take(rows), with_stop(ids[1].take(rows))) for rows in (train, validation)]
    order = epoch_order(len(train), seed=7, epoch=1)
    network.train_epoch(*parts[0], order, batch_size=16)
    assert network.parameters.tobytes() == parameters(own)
    assert own.history_.history["val_loss"] == [network.evaluate(*parts[1])[0]]


@pytest.mark.parametrize("kind", ["autoencoder", "tail", "seq2seq"])
def test_samples_are_what_is_wanted_and_what_is_written(kind, trained):
    own, targets = trained(kind), None if kind != "seq2seq" else FIRST[:9]
    texts = TEXTS[:9] if targets else [*TEXTS[:8], "one Who"]
    samples = own.samples(texts, targets)
    assert [one.text for one in samples] == texts
    assert [one.greedy for one in samples] == own.decode(texts)
    assert [one.beams for one in samples] == own.decode(texts, beams=4)
    if kind == "autoencoder":
        assert [one.target for one in samples] == [*texts[:8], "one ?"]
    if kind == "tail":
        assert [one.target for one in samples][:8] == [" ".join(t.split()[-2:]) for t in texts[:8]]
    if kind == "seq2seq":
        assert [one.target for one in samples] == targets
    figures = own.score(texts, targets)
    assert np.mean([one.exact for one in samples]) == pytest.approx(figures.exact_match)
    assert np.mean([one.edit_distance for one in samples]) == pytest.approx(figures.edit_distance)
    assert json.dumps([one.to_dict() for one in samples])


@pytest.mark.parametrize("kind", ["language-model", "backward"])
def test_a_sample_of_a_language_model_is_half_a_text_and_how_it_goes_on(kind, trained):
    own = trained(kind)
    texts = ["one two three four five", "nine", "two who"]
    halves = [("one two", "three four five"), ("", "nine"), ("two", "?")]
    halves = [pair[::-1] for pair in halves] if kind == "backward" else halves
    samples = own.samples(texts)
    assert [(one.text, one.target) for one in samples] == halves
    begun = own.decode([half for half, _ in halves], longest=60)
    assert [one.greedy for one in samples] == begun
    assert {one.exact for one in samples} == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_summary_counts_every_weight(kind, trained):
    own = trained(kind)
    rows = own.layer_rows()
    assert sum(row.parameters for row in rows) == len(own.network_.parameters)
    words = FIRST_WORD + len(own.target_vocabulary_.words)
    assert rows[-1].name == "output (tied)"
    assert rows[-1].output_shape == f"(None, None, {words})"
    halves = [row.name.partition("/")[0] for row in rows[:-1]]
    cells = {"autoencoder": 1, "tail": 1, "seq2seq": 1, "language-model": 1, "backward": 2}[kind]
    layers = 1 + cells
    is_model = kind in ("language-model", "backward")
    assert halves == ["encoder"] * layers * (not is_model) + ["decoder"] * layers
    assert f"Total params: {len(own.network_.parameters):,}" in own.summary()


def test_a_summary_before_training_is_of_the_largest_network():
    untrained = TextWriter(settings={"text.num_words": 50, "writing.tied": False})
    assert untrained.layer_rows()[-1].output_shape == "(None, None, 50)"
    assert untrained.layer_rows()[-1].name == "output (Dense)"
    with pytest.raises(InputError, match="train it first"):
        TextWriter(settings={"text.num_words": None}).summary()


# --- Contracts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["autoencoder", "seq2seq", "backward"])
def test_threads_change_no_bit(kind):
    runs = []
    for threads in (1, 3):
        own, targets = writer(kind, **{"network.dropout": 0.2, "writing.sampled": 6})
        own.threads = threads
        own.fit(TEXTS, targets)
        runs.append((parameters(own), own.embed(TEXTS).tobytes(), own.decode(TEXTS)))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_gives_the_same_writer_back(kind, trained, tmp_path):
    own = trained(kind)
    own.save(tmp_path / "model")
    back = TextWriter.load(tmp_path / "model", threads=2)
    assert parameters(back) == parameters(own)
    assert back.decode(TEXTS[:9]) == own.decode(TEXTS[:9])
    assert back.recipe == own.recipe
    assert back.history_ == own.history_
    assert back.metrics_ == own.metrics_
    assert not back.is_unfinished
    assert copy.deepcopy(own).decode(TEXTS[:9]) == own.decode(TEXTS[:9])
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert ("target_vocabulary.json" in names) == (kind == "seq2seq")
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["task"] == own.recipe.writing.task
    card = (tmp_path / "model/README.md").read_text()
    assert "TextWriter.load('model')" in card
    assert f"{len(own.network_.parameters):,} parameters" in card


def interrupted(kind, out, epoch):
    own, targets = writer(kind, **{"training.epochs": 3, "network.dropout": 0.2})

    def interrupt(record):
        if record.epoch == epoch:
            os.kill(os.getpid(), signal.SIGINT)

    return own.fit(TEXTS, targets, out=out, on_epoch=interrupt)


@pytest.mark.parametrize("kind", ["autoencoder", "seq2seq", "language-model"])
def test_an_interrupted_run_goes_on_to_the_same_bits(kind, tmp_path):
    own, targets = writer(kind, **{"training.epochs": 3, "network.dropout": 0.2})
    whole = copy.copy(own).fit(TEXTS, targets)
    stopped = interrupted(kind, tmp_path / "model", 1)
    assert stopped.is_unfinished
    assert stopped.history_.epochs == 1
    assert TextWriter.load(tmp_path / "model").is_unfinished
    seen = []
    resumed = own.fit(TEXTS, targets, out=tmp_path / "model", resume=True, on_epoch=seen.append)
    assert [record.epoch for record in seen] == [2, 3]
    assert parameters(resumed) == parameters(whole)
    assert resumed.history_.history["val_loss"] == whole.history_.history["val_loss"]
    assert not TextWriter.load(tmp_path / "model").is_unfinished


def test_the_folder_of_an_unfinished_run_has_the_best_epochs_weights(tmp_path):
    stopped = interrupted("autoencoder", tmp_path / "model", 1)
    model, before = stopped._model, parameters(stopped)
    state = replace(model.training, best_weights=np.full_like(model.training.best_weights, 0.5))
    model.save_unfinished(tmp_path / "model", state)
    assert parameters(stopped) == before
    assert (TextWriter.load(tmp_path / "model").network_.parameters == 0.5).all()


def test_a_run_is_not_resumed_with_anything_else(tmp_path):
    out = tmp_path / "model"
    interrupted("seq2seq", out, 1)
    own, targets = writer("seq2seq", **{"training.epochs": 3, "network.dropout": 0.2})
    with pytest.raises(ModelError, match="the data are not those from a list in memory"):
        own.fit(TEXTS, targets[::-1], out=out, resume=True)
    with pytest.raises(ModelError, match="the data are not those"):
        own.fit(TEXTS, [one.replace("!", "?") for one in targets], out=out, resume=True)
    other, _ = writer("autoencoder", **{"training.epochs": 3, "network.dropout": 0.2})
    with pytest.raises(ModelError, match=r'writing\.task is "autoencoder", not "seq2seq"'):
        other.fit(TEXTS, out=out, resume=True)
    with pytest.raises(InputError, match="resume needs out"):
        own.fit(TEXTS, targets, resume=True)


def test_each_kind_of_model_is_opened_by_its_own_class(trained, tmp_path):
    trained("seq2seq").save(tmp_path / "writer")
    with pytest.raises(ModelError) as caught:
        TextClassifier.load(tmp_path / "writer")
    assert str(caught.value) == (
        f"{tmp_path / 'writer'}: the model is of the task seq2seq: open it with TextWriter.load, "
        "or use unrolled decode"
    )
    small = TextClassifier(settings={"training.epochs": 1, "text.min_count": 1})
    small.fit(["good film", "bad film"] * 5, ["yes", "no"] * 5).save(tmp_path / "classifier")
    with pytest.raises(ModelError, match=r"is a classifier: open it with TextClassifier.load, or "):
        TextWriter.load(tmp_path / "classifier")
    config = json.loads((tmp_path / "classifier/config.json").read_text())
    assert "task" not in config
    assert "writing" not in config["recipe"]


def test_damage_is_named(trained, tmp_path):
    trained("seq2seq").save(tmp_path / "writer")
    file = tmp_path / "writer/target_vocabulary.json"
    file.write_text(file.read_text().replace("seven", "eleven"))
    with pytest.raises(ModelError, match=r"target_vocabulary.json: the file is damaged"):
        TextWriter.load(tmp_path / "writer")
    stored = trained("seq2seq")._model.to_bundle("x")
    stored.target_vocabulary["words"].append("more")
    stored.target_vocabulary["counts"].append(1)
    with pytest.raises(ModelError, match=r"'decoder/embedding/embeddings' has shape \(15, 24\)"):
        TrainedWriter.from_bundle(tmp_path, stored)


def test_recipes_are_for_one_class():
    with pytest.raises(RecipeError, match='recipe "small" is that of a TextClassifier'):
        TextWriter("small")
    with pytest.raises(RecipeError, match='recipe "writer" is that of a TextWriter'):
        _ = TextClassifier("writer").recipe
    assert TextWriter(task="seq2seq").recipe.writing.task == "seq2seq"
    assert TextWriter().recipe == PRESETS["writer"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"writing.tail_words": 3}, 'writing.tail_words must be 10 when writing.target is "same"'),
        ({"writing.direction": "backward"}, 'writing.direction must be "forward"'),
        ({"network.units": 32}, "network.embedding_size must be 32, as network.units"),
        ({"network.input": "onehot"}, 'network.input must be "embedding" when writing.tied'),
        ({"network.pooling": "max"}, 'network.pooling must be "last"'),
        ({"network.bidirectional": "concat"}, 'network.bidirectional must be "none"'),
        ({"network.cell": "qrnn", "network.window": 2}, "network.window must be 1"),
        ({"text.padding": "keras"}, 'text.padding must be "masked"'),
        ({"training.class_weight": "balanced"}, 'training.class_weight must be "none"'),
        ({"decision.temperature": True}, "[decision] must be left out"),
        ({"writing.sampled": 0}, "writing.sampled = 0: must be a whole number from 1"),
        ({"writing.taks": "seq2seq"}, 'unknown setting "writing.taks"; did you mean'),
    ],
)
def test_a_setting_that_nothing_reads_is_an_error(changes, said):
    with pytest.raises(RecipeError) as caught:
        TextWriter(settings=changes)
    assert said in str(caught.value)


def test_a_language_model_has_its_own_start():
    with pytest.raises(RecipeError, match=r"text\.start_token must be false for a language model"):
        TextWriter(task="language-model", settings={"text.start_token": True})
    TextWriter(task="autoencoder", settings={"text.start_token": True})


def test_a_recipe_file_may_write(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('base = "writer"\n[writing]\ntarget = "reverse"\ntied = false\n')
    recipe = load_recipe(file)
    assert recipe.writing.target == "reverse"
    (tmp_path / "again.toml").write_text(recipe.to_toml())
    assert load_recipe(tmp_path / "again.toml").writing == recipe.writing


def test_what_is_not_there_yet_and_what_is_no_text(trained):
    with pytest.raises(NotFittedError, match="call fit or load"):
        TextWriter().decode(["a"])
    own = trained("seq2seq")
    with pytest.raises(DataError, match="not a single one"):
        own.decode("one text")
    with pytest.raises(DataError, match="row 1: the target has no word"):
        own.score(["one", "two"], ["ONE", ""])
    with pytest.raises(InputError, match="beams is 17"):
        own.decode(["one"], beams=17)
