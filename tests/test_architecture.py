"""The house: what may import what, what is public, and what start-up loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import unrolled

PACKAGE = Path(unrolled.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ORDER = (
    "errors", "atomic", "locking", "ragged", "recipe", "text", "datasets", "engine", "training",
    "evaluation", "bundle", "tracking", "explain", "model", "writer", "scoring", "report",
    "reproduce", "page", "keras_files", "export", "tuning", "cluster", "serve", "cli",
)  # fmt: skip
HEAVY = (
    "numpy", "numba", "matplotlib", "polars", "pydantic", "rich", "jinja2", "safetensors",
    "sklearn", "tokenizers", "h5py", "onnx", "optuna", "ray", "pyarrow", "tensorboardX",
)  # fmt: skip


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line, module, name) of every import in a file, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                yield node.lineno, node.module or "", alias.name


def rooms_imported(path: Path) -> Iterator[tuple[int, str]]:
    for line, module, name in imports(path):
        if module == "unrolled" and name == "__version__":
            continue
        if module == "unrolled":
            yield line, name
        elif module.startswith("unrolled."):
            yield line, module.split(".")[1]


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_module_has_a_room():
    assert {room(path) for path in MODULES} - {"__init__", "__main__"} <= set(ORDER)
    assert len(MODULES) > len(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_above(path):
    if room(path) in ("__init__", "__main__"):
        return
    own = ORDER.index(room(path))
    below = [
        f"line {line}: {other}" for line, other in rooms_imported(path) if ORDER.index(other) > own
    ]
    assert not below


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_engine_knows_no_text(path):
    if room(path) == "engine":
        assert {other for _, other in rooms_imported(path)} <= {"engine", "errors", "ragged"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_commands_print_and_nothing_unpickles(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    printed = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert room(path) == "cli" or not printed
    runs_code = {"pickle", "marshal", "shelve", "dill", "joblib"}
    if path.name != "npz.py":  # Keras' file holds pickles; its reader lets no code in
        assert not runs_code & {module.split(".")[0] for _, module, _ in imports(path)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_and_stays_small(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") < 400


def test_public_names_are_sorted_and_complete():
    assert unrolled.__all__ == sorted(unrolled.__all__)
    # Complete: each name leads somewhere, and every error and every layer is among them.
    for name in unrolled.__all__:
        assert getattr(unrolled, name) is not None
    from unrolled import errors
    from unrolled.engine import layers, optimizers

    def public(module: object, base: type) -> set[str]:
        found = {k for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, base)}
        return {name for name in found if not name.startswith("_")}

    assert public(errors, Exception) <= set(unrolled.__all__)
    concrete = public(layers, layers.Layer) - {"Layer", "Scanned"}
    assert concrete <= set(unrolled.__all__)
    assert {"RMSprop", "Adam", "SGD"} <= set(vars(optimizers))


def test_lazy_names_are_those_that_type_checkers_see():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unrolled.")
        for alias in node.names
    }
    assert typed == unrolled._HOME
    assert {*typed, "__version__"} == set(unrolled.__all__)
    assert set(unrolled.__all__) <= set(dir(unrolled))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'GRUU'"):
        _ = unrolled.GRUU


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after ``code``."""
    listing = "import sys; print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{listing}"], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import unrolled",
        "import unrolled.cli",
        "from unrolled.cli import main; main(['--help'])",
        "from unrolled.cli import main; main(['--version'])",
    ],
)
def test_start_up_loads_nothing_heavy(code):
    assert not modules_after(code) & set(HEAVY)


def test_help_of_a_command_loads_nothing_heavy():
    loaded = modules_after("from unrolled.cli import main; main(['train', '--help'])")
    assert not loaded & (set(HEAVY) - {"pydantic"})  # Typer itself checks defaults with pydantic


def test_predicting_loads_no_plots_and_no_tables():
    loaded = modules_after("import unrolled.model")
    assert not loaded & {"matplotlib", "jinja2", "polars", "rich"}
