"""What is read and what is to be written, by the task, and what is refused."""

import numpy as np
import pytest

from unrolled import TextWriter
from unrolled.errors import DataError, InputError
from unrolled.ragged import Ragged
from unrolled.recipe import load_recipe
from unrolled.text.vocabulary import START, STOP
from unrolled.writer.encoding import Rows, encode_pairs
from unrolled.writer.pairs import pairs_of

TEXTS = [[4, 5, 6, 7, 8], [9], [4, 4]]
PAIRS = [("eins zwei", "one two"), ("drei", "three"), ("zwei", "two"), ("eins", "one")] * 2


def lists(sequences):
    return [sequences[row].tolist() for row in range(len(sequences))]


def pairs(*settings, texts=TEXTS, targets=None):
    recipe = load_recipe("writer", ["text.maxlen=4", *settings])
    own = None if targets is None else Ragged.from_lists(targets)
    return tuple(map(lists, pairs_of(recipe, Ragged.from_lists(texts), own)))


READ = [[5, 6, 7, 8], [9], [4, 4]]


@pytest.mark.parametrize(
    ("settings", "targets"),
    [
        ([], [[5, 6, 7, 8], [9], [4, 4]]),
        (["writing.target=reverse"], [[8, 7, 6, 5], [9], [4, 4]]),
        (["writing.target=tail", "writing.tail_words=3"], [[6, 7, 8], [9], [4, 4]]),
    ],
)
def test_an_autoencoder_writes_what_it_read(settings, targets):
    assert pairs(*settings) == (READ, [[*own, STOP] for own in targets])
    started = [[START, *own] for own in TEXTS]
    read, written = pairs(*settings, "text.start_token=true", "text.maxlen=6", texts=started)
    assert read == started
    assert written == pairs(*settings, "text.maxlen=5")[1]


@pytest.mark.parametrize(
    ("keep", "left"), [("head", [4, 5, 6, 7]), ("tail", [5, 6, 7, 8]), ("both", [4, 5, 7, 8])]
)
def test_a_long_text_is_cut_as_the_recipe_says(keep, left):
    read, written = pairs(f"text.keep={keep}")
    assert (read[0], written[0]) == (left, [*left, STOP])


def test_a_language_model_reads_nothing_else():
    forward = pairs("writing.task=language-model")
    assert forward == ([[], [], []], [[*own, STOP] for own in READ])
    backward = pairs("writing.task=language-model", "writing.direction=backward")
    assert backward == ([[], [], []], [[*own[::-1], STOP] for own in READ])


def test_targets_of_their_own_are_whole():
    targets = [[4, 5, 6, 7, 8, 9], [4], [5]]
    read, written = pairs("writing.task=seq2seq", targets=targets)
    assert (read, written) == (READ, [[*own, STOP] for own in targets])


def encoded(texts, targets=None, *, task="seq2seq", where=None, validation=None, **more):
    recipe = TextWriter(task=task, settings={"text.min_count": 1, **more}).recipe
    parts = [Rows.of(recipe, "training", texts, targets)]
    if validation is not None:
        parts.append(Rows.of(recipe, "validation", *validation))

    def split(count):
        return np.arange(count - 2), np.arange(count - 2, count)

    return encode_pairs(recipe, parts, split=split, where=where)


def test_targets_have_a_vocabulary_of_their_own_from_the_training_part():
    texts, targets = zip(*PAIRS, ("vier", "four"), ("vier", "four"), strict=True)
    found = encoded(texts, targets)
    assert found.vocabulary.words == ("eins", "zwei", "drei")
    assert found.target_vocabulary.words == ("one", "two", "three")
    assert found.train_rows.tolist() == list(range(8))
    assert lists(found.validation[1]) == [[2, STOP], [2, STOP]]
    given = encoded(texts[:8], targets[:8], validation=(texts[8:], targets[8:]))
    assert given.vocabulary == found.vocabulary
    assert lists(given.validation[0]) == lists(found.validation[0])
    started = encoded(texts, targets, **{"text.start_token": True})
    assert lists(started.train[0]) == [[START, *own] for own in lists(found.train[0])]
    assert lists(started.train[1]) == lists(found.train[1])


def test_what_is_empty_is_named():
    texts, targets = (list(column) for column in zip(*PAIRS, strict=True))
    targets[3] = targets[5] = " \t"
    with pytest.raises(DataError, match=r"training row 3: the target has no word .*1 more.*out"):
        encoded(texts, targets)
    with pytest.raises(DataError, match=r"pairs.csv:5: the target has no word"):
        encoded(texts, targets, where=lambda row: f"pairs.csv:{row + 2}")
    texts[2] = ""
    with pytest.raises(DataError, match=r"pairs.csv:4: the text has no word"):
        encoded(texts, task="autoencoder", where=lambda row: f"pairs.csv:{row + 2}")
    with pytest.raises(DataError, match=r"validation row 2: the text has no word"):
        encoded(["a b"] * 4, task="language-model", validation=(texts, None))


def test_targets_come_with_the_task_that_has_them():
    with pytest.raises(InputError, match="seq2seq needs targets"):
        encoded(["a"])
    with pytest.raises(InputError, match="the task autoencoder makes its targets"):
        encoded(["a"], ["b"], task="autoencoder")
    with pytest.raises(DataError, match="2 training texts and 1 targets"):
        encoded(["a", "b"], ["c"])
    with pytest.raises(DataError, match="training target text 1 is None"):
        encoded(["a", "b"], ["c", None])
    with pytest.raises(InputError, match=r"must be \(texts, targets\)"):
        TextWriter(task="seq2seq").fit(["a"], ["b"], validation=["c"])
