"""TextClassifier as a scikit-learn estimator: its conventions, its tools, its own checks."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from itertools import chain

import numpy as np
import pandas
import pytest
import sklearn.exceptions
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from unrolled import NotFittedError, TextClassifier, load_recipe
from unrolled.errors import DataError, InputError, ModelError, RecipeError
from unrolled.recipe import PRESETS

GOOD, BAD = ["good", "great", "fine", "superb"], ["bad", "awful", "dull", "poor"]
QUICK = {
    "text.tokenizer": "keras",
    "text.num_words": 200,
    "text.min_count": 1,
    "text.maxlen": 12,
    "network.input": "embedding",
    "network.word_dropout": 0.0,
    "network.dropout": 0.0,
    "network.cell": "simple_rnn",
    "network.pooling": "last",
    "network.units": 4,
    "network.embedding_size": 4,
    "decision.temperature": False,
    "training.batch_size": 8,
    "training.epochs": 3,
    "training.learning_rate": 0.02,
    "training.embedding_updates": "dense",
}


def reviews(count: int = 40) -> tuple[list[str], list[str]]:
    """Texts of three words of their label, and one that tells nothing."""
    rng = np.random.default_rng(0)
    labels = [("pos", "neg")[row % 2] for row in range(count)]
    words = [rng.choice(GOOD if label == "pos" else BAD, 3) for label in labels]
    return [f"film {' '.join(own)}" for own in words], labels


TEXTS, LABELS = reviews()


def classifier(**changes: object) -> TextClassifier:
    settings = QUICK | {key.replace("__", "."): value for key, value in changes.items()}
    return TextClassifier("small", settings=settings, threads=1)


@pytest.fixture(scope="module")
def trained() -> TextClassifier:
    return classifier(training__epochs=8).fit(TEXTS, LABELS)


def parameters(own: TextClassifier) -> bytes:
    return own.network_.parameters.tobytes()


# --- Parameters ----------------------------------------------------------------------------------


def test_parameters_are_those_that_were_given():
    settings = {"network.units": 3}
    own = TextClassifier("accurate", settings=settings, threads=2)
    assert own.get_params(deep=False) == {
        "recipe": "accurate", "settings": settings, "threads": 2, "pretrained": None
    }  # fmt: skip
    assert own.get_params(deep=False)["settings"] is settings
    assert own.recipe.network.units == 3
    deep = own.get_params()
    assert deep["network__units"] == 3
    assert deep["training__epochs"] == PRESETS["accurate"].training.epochs
    assert deep["seed"] == 42


def test_single_settings_can_be_set():
    own = TextClassifier("small", settings={"seed": 1})
    given = own.settings
    assert own.set_params(network__units=7, threads=3) is own
    assert (own.recipe.network.units, own.recipe.seed, own.threads) == (7, 1, 3)
    assert given == {"seed": 1}  # the mapping of the user is not written to
    own.set_params(recipe="notebook-onehot", seed=5)
    assert (own.recipe.name, own.recipe.network.units, own.recipe.seed) == ("notebook-onehot", 7, 5)
    own.set_params(settings=None)
    assert own.recipe == PRESETS["notebook-onehot"]
    assert own.set_params() is own


def test_a_wrong_parameter_is_named_and_changes_nothing():
    own = TextClassifier("small")
    with pytest.raises(ValueError, match="no parameter 'network__unit'; did you mean \"network__u"):
        own.set_params(network__unit=3, threads=9)
    assert own.get_params(deep=False) == {
        "recipe": "small", "settings": None, "threads": None, "pretrained": None
    }  # fmt: skip
    own.set_params(network__units="many")  # values are checked when they are needed
    with pytest.raises(RecipeError, match=r'network\.units = "many": must be a whole number'):
        own.fit(TEXTS, LABELS)
    with pytest.raises(RecipeError, match='there is no recipe "smal"'):
        TextClassifier("smal").fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        (TextClassifier(), "TextClassifier('small')"),
        (TextClassifier("accurate", threads=2), "TextClassifier('accurate', threads=2)"),
        (
            TextClassifier(settings={"network.units": 3}),
            "TextClassifier('small', settings={'network.units': 3})",
        ),
        (
            TextClassifier(load_recipe("small", ["seed=3"]), settings={"network.units": 3}),
            "TextClassifier('small', settings={'seed': 3, 'network.units': 3})",
        ),
        (
            TextClassifier(load_recipe("small", ["name=mine"])),
            "TextClassifier(<recipe 'mine'>)",
        ),
    ],
)
def test_it_shows_how_it_was_made(own, shown):
    assert repr(own) == shown


def test_a_clone_has_the_parameters_and_has_learned_nothing(trained):
    copied = clone(trained)
    assert copied.get_params() == trained.get_params()
    assert copied.recipe == trained.recipe
    with pytest.raises(NotFittedError):
        copied.predict(TEXTS)
    from_recipe = clone(TextClassifier(load_recipe("small", ["seed=3"])))
    assert from_recipe.recipe.seed == 3


# --- Learning and answering ----------------------------------------------------------------------


def test_answers_have_the_forms_that_scikit_learn_gives_them(trained):
    assert trained.classes_.tolist() == ["neg", "pos"]
    assert trained.predict(TEXTS).shape == (40,)
    assert {type(label) for label in trained.predict(TEXTS)} == {str}
    assert trained.predict_proba(TEXTS).shape == (40, 2)
    assert trained.score(TEXTS, LABELS) == 1.0
    assert not hasattr(trained, "n_features_in_")  # a text has none
    assert is_classifier(trained)
    tags = get_tags(trained)
    assert tags.input_tags.string
    assert tags.target_tags.required


def test_score_counts_texts_by_their_weight(trained):
    wrong = ["neg" if row < 10 else label for row, label in enumerate(LABELS)]
    assert trained.score(TEXTS, wrong) == 0.875
    weights = np.ones(40)
    weights[:10] = 3
    assert trained.score(TEXTS, wrong, sample_weight=weights) == 45 / 60
    assert trained.score(TEXTS, wrong, weights.tolist()) == 45 / 60


@pytest.mark.parametrize(
    "form",
    [tuple, np.array, pandas.Series, lambda rows: np.array(rows, dtype=object), iter],
    ids=["tuple", "array", "Series", "array of objects", "iterator"],
)
def test_texts_and_labels_come_in_any_form(form, trained):
    own = classifier(training__epochs=8).fit(form(TEXTS), form(LABELS))
    assert parameters(own) == parameters(trained)
    assert own.predict(form(TEXTS)).tolist() == trained.predict(TEXTS).tolist()
    assert own.score(form(TEXTS), form(LABELS)) == 1.0


def test_what_is_no_column_of_strings_is_refused(trained):
    frame = pandas.DataFrame({"text": TEXTS, "label": LABELS})
    with pytest.raises(DataError, match="the training texts have 2 dimensions; give one column"):
        classifier().fit(frame[["text"]], frame["label"])
    with pytest.raises(DataError, match=r"training label 0 is .*1\.0.*, not a string: convert it"):
        classifier().fit(TEXTS, np.ones(40))
    with pytest.raises(DataError, match="text 1 is nan, not a string"):
        trained.predict(pandas.Series(["a", float("nan")], dtype=object))


def test_whole_numbers_will_do_as_labels(tmp_path):
    """Some of scikit-learn's tools number the labels before they train."""
    numbers = [10 if label == "pos" else 9 for label in LABELS]
    own = classifier(training__epochs=8).fit(TEXTS, np.array(numbers))
    assert own.classes_.tolist() == [9, 10]  # by size, not as strings
    assert own.classes_.dtype == own.predict(TEXTS).dtype == np.int64
    assert own.predict(TEXTS).tolist() == numbers
    assert own.score(TEXTS, numbers) == own.score(TEXTS, [str(label) for label in numbers]) == 1.0
    own.save(tmp_path / "model")
    loaded = TextClassifier.load(tmp_path / "model")
    assert loaded.classes_.tolist() == [9, 10]
    assert loaded.predict(TEXTS).tolist() == numbers
    assert loaded.predict_details(TEXTS[:1])[0].label == "10"
    unsure = own.set_params(decision__abstain_below=0.9999).fit(TEXTS, numbers)
    assert set(unsure.predict(TEXTS)) <= {9, 10, None}
    assert None in unsure.predict(TEXTS)


def test_fitting_again_begins_anew_and_changes_no_parameter(trained):
    own = classifier()
    before = {key: copy.deepcopy(value) for key, value in own.get_params().items()}
    first = parameters(own.fit(TEXTS, LABELS))
    own.fit(TEXTS[::-1], ["other", *LABELS[1:]])
    assert own.classes_.tolist() == ["neg", "other", "pos"]
    assert parameters(own.fit(TEXTS, LABELS)) == first
    assert own.classes_.tolist() == ["neg", "pos"]
    assert own.get_params() == before


def test_a_failed_fit_leaves_the_model_that_was_there():
    own = classifier().fit(TEXTS, LABELS)
    before = parameters(own)
    with pytest.raises(DataError):
        own.fit(TEXTS, LABELS[1:])
    assert parameters(own) == before


def test_an_untrained_one_raises_both_libraries_error():
    own = TextClassifier()
    for kind in (NotFittedError, InputError, sklearn.exceptions.NotFittedError, AttributeError):
        with pytest.raises(kind, match="has not learned anything yet: call fit or load"):
            own.predict(["a"])
    assert not hasattr(own, "classes_")


def test_scikit_learn_is_not_needed():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from unrolled import NotFittedError, TextClassifier\n"
        "own = TextClassifier().set_params(network__units=3)\n"
        "assert own.get_params()['network__units'] == 3\n"
        "try: own.predict(['a'])\n"
        "except NotFittedError as error: print(type(error).__mro__[0].__name__)\n"
        "assert not [name for name in sys.modules if name.startswith('sklearn.')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "NotFittedError\n"), done.stderr


# --- Copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_the_files_of_the_model(trained, protocol):
    data = pickle.dumps(trained, protocol)
    assert b"safetensors" in data
    assert b"numpy" not in data  # arrays are in the model's own file, not pickled
    loaded = pickle.loads(data)  # noqa: S301 - the test's own
    assert loaded.get_params() == trained.get_params()
    assert loaded.predict_proba(TEXTS).tobytes() == trained.predict_proba(TEXTS).tobytes()
    assert loaded.metrics_ == trained.metrics_
    assert loaded.history_ == trained.history_
    assert loaded.decision_ == trained.decision_


def copied_by_pickle(own: TextClassifier) -> TextClassifier:
    return pickle.loads(pickle.dumps(own))  # noqa: S301 - the test's own


def test_an_untrained_one_can_be_pickled_and_copied():
    own = classifier()
    for copied in (copied_by_pickle(own), copy.copy(own), copy.deepcopy(own)):
        assert copied.get_params() == own.get_params()
        with pytest.raises(NotFittedError):
            copied.predict(["a"])


def test_a_deep_copy_shares_nothing(trained):
    copied = copy.deepcopy(trained)
    assert parameters(copied) == parameters(trained)
    copied.network_.parameters[:] = 0
    assert trained.network_.parameters.any()


def test_a_damaged_pickle_is_named(trained):
    restore, (kind, own, files) = trained.__reduce__()
    assert kind is TextClassifier
    with pytest.raises(ModelError, match=r"the pickled model/model\.safetensors: the file is dam"):
        restore(kind, own, files | {"model.safetensors": b""})


def test_a_subclass_stays_one(tmp_path):
    class Mine(TextClassifier):
        pass

    own = Mine("small", settings=QUICK).fit(TEXTS, LABELS)
    assert type(copy.deepcopy(own)) is Mine
    own.save(tmp_path / "model")
    assert type(Mine.load(tmp_path / "model")) is Mine


# --- The tools -----------------------------------------------------------------------------------


def test_in_a_pipeline():
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = Pipeline([("lower", lower), ("classifier", classifier(training__epochs=8))])
    pipeline.set_params(classifier__network__units=3)
    pipeline.fit([text.upper() for text in TEXTS], LABELS)
    assert pipeline["classifier"].network_.weights["simple_rnn/bias"].shape == (3,)
    assert pipeline.score([text.upper() for text in TEXTS], LABELS) == 1.0
    assert pipeline.classes_.tolist() == ["neg", "pos"]
    assert "network__units" in repr(pipeline.get_params())


def test_in_a_grid_search():
    search = GridSearchCV(
        classifier(training__epochs=8),
        {"network__units": [2, 4], "training__learning_rate": [1e-6, 0.02]},
        cv=2,
    )
    search.fit(TEXTS, LABELS)
    assert search.best_params_["training__learning_rate"] == 0.02
    assert search.best_score_ > 0.9
    best = search.best_estimator_
    assert best.recipe.network.units == search.best_params_["network__units"]
    assert search.predict(TEXTS[:2]).tolist() == ["pos", "neg"]
    by_settings = GridSearchCV(classifier(), {"settings": [QUICK, {**QUICK, "seed": 2}]}, cv=2)
    assert by_settings.fit(TEXTS, np.array(LABELS)).cv_results_["mean_test_score"].shape == (2,)


@pytest.mark.parametrize("scoring", [None, "accuracy", "f1_macro", "roc_auc", "neg_log_loss"])
def test_in_a_cross_validation(scoring):
    scores = cross_val_score(
        classifier(training__epochs=8), TEXTS, LABELS, cv=2, scoring=scoring, error_score="raise"
    )
    assert scores.shape == (2,)
    assert scores.min() > (-0.7 if scoring == "neg_log_loss" else 0.9)


def test_predictions_of_a_cross_validation():
    for method, shape in (("predict", (40,)), ("predict_proba", (40, 2))):
        found = cross_val_predict(classifier(), TEXTS, LABELS, cv=2, method=method)
        assert found.shape == shape


def test_several_labels_are_cross_validated_by_its_own_score():
    labels = np.empty(40, dtype=object)
    labels[:] = [("film", label) for label in LABELS]
    own = classifier(training__epochs=40, training__learning_rate=0.05)
    scores = []
    for train, test in KFold(2, shuffle=True, random_state=0).split(TEXTS):
        part = clone(own).fit([TEXTS[row] for row in train], labels[train])
        scores.append(part.score([TEXTS[row] for row in test], labels[test]))
    assert np.mean(scores) >= 0.9


# --- scikit-learn's own checks -------------------------------------------------------------------
# They bring tables of numbers. Those below are run with the numbers written out as words; nothing
# else of them is changed.

NOT_FOR_TEXT = {
    # what they are about                         the checks
    "they need arrays of numbers": (
        "check_array_api_input", "check_array_api_mixed_inputs", "check_complex_data",
        "check_dtype_object", "check_estimator_sparse_array", "check_estimator_sparse_matrix",
        "check_estimator_sparse_tag", "check_estimators_dtypes", "check_estimators_nan_inf",
        "check_f_contiguous_array_estimator", "check_positive_only_tag_during_fit",
        "check_readonly_memmap_input", "check_estimators_empty_data_messages",
        "check_supervised_y_no_nan",
    ),
    "a text has no features to count or to name": (
        "check_n_features_in", "check_n_features_in_after_fitting", "check_fit1d",
        "check_fit2d_1feature", "check_fit2d_1sample", "check_fit2d_predict1d",
        "check_estimators_partial_fit_n_features", "check_methods_subset_invariance",
        "check_classifiers_train",
    ),
    "it takes no weights of samples in fit": (
        "check_classifiers_one_label_sample_weights",
    ),
    "its arguments are called texts and labels": ("check_fit_score_takes_y",),
    "one label is nothing to learn, which it says": ("check_classifiers_one_label",),
    "class_weight is a setting of the recipe": ("check_class_weight_classifiers",),
    "labels are strings or whole numbers in one column, which it says": (
        "check_classifiers_regression_target", "check_requires_y_none", "check_supervised_y_2d",
        "check_classifier_data_not_an_array",
    ),
    "several labels are tuples, not a matrix of 0 and 1": (
        "check_classifiers_multilabel_representation_invariance",
        "check_classifiers_multilabel_output_format_predict",
        "check_classifiers_multilabel_output_format_predict_proba",
        "check_classifiers_multilabel_output_format_decision_function",
    ),
    "it is made of no mixins": ("check_mixin_order",),
}  # fmt: skip


class Texts(np.ndarray):
    """Texts (rows,) that still show the column of the table that a check makes its labels of."""

    table: np.ndarray

    def __getitem__(self, index):
        is_column = isinstance(index, tuple) and index[1:] == (0,)
        return self.table[index] if is_column else super().__getitem__(index)


def words_of(estimator, table, *, X_test=None, **ignored):  # noqa: N803 - scikit-learn's name
    """A table of numbers as texts: a word for each, rounded so that words come again."""
    if X_test is not None:
        return words_of(estimator, table), words_of(estimator, X_test)
    if isinstance(table, np.ndarray) and table.dtype.kind == "f" and table.ndim == 2:
        texts = [" ".join(f"w{at}x{round(v)}" for at, v in enumerate(row)) for row in table]
        written = np.array(texts, dtype=object).view(Texts)
        written.table = table
        return written
    return table


def own_checks() -> list[tuple[str, object]]:
    """The checks that scikit-learn has for a classifier, by name."""
    own = classifier()
    tags = get_tags(own)
    generators = (
        estimator_checks._yield_api_checks,
        estimator_checks._yield_checks,
        estimator_checks._yield_classifier_checks,
    )
    found = {}
    with warnings.catch_warnings():  # it does not inherit from scikit-learn's base class
        warnings.simplefilter("ignore", UserWarning)
        for check in chain.from_iterable(generator(own) for generator in generators):
            name = getattr(check, "func", check).__name__
            found.setdefault(name, check)
    assert tags.estimator_type == "classifier"
    for name in (
        "check_parameters_default_constructible", "check_methods_sample_order_invariance",
        "check_methods_subset_invariance", "check_get_params_invariance", "check_set_params",
        "check_dict_unchanged", "check_fit_idempotent", "check_fit_check_is_fitted",
        "check_estimator_cloneable",
    ):  # fmt: skip
        found[name] = getattr(estimator_checks, name)
    skipped = {name for names in NOT_FOR_TEXT.values() for name in names}
    return [(name, check) for name, check in found.items() if name not in skipped]


@pytest.mark.parametrize(("name", "check"), own_checks(), ids=[name for name, _ in own_checks()])
def test_scikit_learn_s_check(name, check, monkeypatch):
    monkeypatch.setattr(estimator_checks, "_enforce_estimator_tags_X", words_of)
    check(type(classifier()).__name__, classifier(training__epochs=1))
