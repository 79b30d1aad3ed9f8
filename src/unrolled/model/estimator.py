"""What scikit-learn asks of an estimator, without scikit-learn: parameters, tags, its errors."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from unrolled.errors import NotFittedError, RecipeError
from unrolled.model.pretrained import Pretrained
from unrolled.recipe import DEFAULT_RECIPE, PRESETS, Recipe, changed_recipe, load_recipe
from unrolled.recipe.words import flat, nearest

_ARGUMENTS = ("recipe", "settings", "threads", "pretrained")
_NESTED = "__"  # network__units is the setting network.units


class Estimator:
    """Parameters that ``clone``, ``Pipeline`` and ``GridSearchCV`` read and set.

    recipe: a preset's name, a TOML file, or a `Recipe`; settings: changes to it, as
    {"network.units": 8}; threads: changes the time and no result; pretrained: the folder of a model
    that writes, or a `Pretrained`. They are kept as they are given and checked when they are first
    needed.
    """

    _estimator_type = "classifier"  # for scikit-learn before 1.6
    _resolved: tuple[Any, Recipe] | None = None  # the recipe of these parameters
    _loaded: tuple[Any, Pretrained] | None = None  # what they hand over

    def __init__(
        self,
        recipe: Recipe | str | Path = DEFAULT_RECIPE,
        *,
        settings: Mapping[str, Any] | None = None,
        threads: int | None = None,
        pretrained: Pretrained | str | Path | None = None,
    ) -> None:
        self.__dict__["recipe"] = recipe  # as given; the property resolves it
        self.settings = settings
        self.threads = threads
        self.pretrained = pretrained

    @property
    def recipe(self) -> Recipe:
        """The recipe with the ``settings``: that of the next training."""
        key = (self.__dict__["recipe"], dict(self.settings or {}), self.pretrained)
        if self._resolved is None or self._resolved[0] != key:
            given, settings, _ = key
            recipe = given if isinstance(given, Recipe) else load_recipe(given)
            if recipe.writing is not None:
                raise RecipeError(
                    f'recipe "{recipe.name}" is that of a TextWriter: a classifier has no [writing]'
                )
            handed = self.handed_over
            if handed is not None:
                handed.check(settings)
                settings = {**handed.settings, **settings}
            self._resolved = key, changed_recipe(recipe, settings)
        return self._resolved[1]

    @property
    def handed_over(self) -> Pretrained | None:
        """What ``pretrained`` names, read once."""
        given = self.pretrained
        if given is None or isinstance(given, Pretrained):
            return given
        if self._loaded is None or self._loaded[0] != given:
            self._loaded = given, Pretrained.load(given)
        return self._loaded[1]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Arguments of the constructor; ``deep``: every setting too, as ``network__units``."""
        own = {name: self.__dict__[name] for name in _ARGUMENTS}
        if not deep:
            return own
        settings = flat(self.recipe.to_dict())
        return own | {key.replace(".", _NESTED): value for key, value in settings.items()}

    def set_params(self, **parameters: Any) -> Self:
        """Set arguments of the constructor, or single settings, as ``network__units=8``."""
        own = self.get_params(deep=False)
        changes = {}
        for name, value in parameters.items():
            if name in own:
                own[name] = value
            else:
                changes[name.replace(_NESTED, ".")] = value
        if changes:
            known = {*own, *flat(self.recipe.to_dict())}
            for key in changes.keys() - known:
                raise RecipeError(
                    f"{type(self).__name__} has no parameter {key.replace('.', _NESTED)!r}"
                    f"{nearest(key, known).replace('.', _NESTED)}"
                )
            own["settings"] = {**(own["settings"] or {}), **changes}
        self.__dict__.update(own)
        return self

    def __repr__(self) -> str:
        own = self.get_params(deep=False)
        recipe = own.pop("recipe")
        shown = [repr(recipe)]
        if isinstance(recipe, Recipe):
            shown = [f"<recipe {recipe.name!r}>"]
            if recipe.name in PRESETS:
                known = flat(PRESETS[recipe.name].to_dict())
                own["settings"] = {
                    key: value
                    for key, value in flat(self.recipe.to_dict()).items()
                    if value != known[key]
                }
                shown = [repr(recipe.name)]
        shown += [f"{name}={value!r}" for name, value in own.items() if value]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn, which is the only one to call this, may do with it."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_label=True),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )


def not_fitted() -> NotFittedError:
    """The error of a classifier that has not learned: scikit-learn's too, where that is loaded."""
    message = "this classifier has not learned anything yet: call fit or load"
    theirs = sys.modules.get("sklearn.exceptions")
    if theirs is None:
        return NotFittedError(message)
    both = type("NotFittedError", (NotFittedError, theirs.NotFittedError), {})
    error: NotFittedError = both(message)
    return error
