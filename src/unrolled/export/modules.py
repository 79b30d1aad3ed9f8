"""JavaScript modules joined into one, as they were written: nothing is shortened or renamed.

The modules keep to a few rules, so that this needs no parser: an import is one line
``import { a, b } from "./x.js";``, an export stands in front of a declaration that begins its line,
and no two modules declare the same name at the top.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import \{ ([\w$, ]+?),? \} from "(\.{1,2}/[\w./-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function\b|class\b|const\b)", re.MULTILINE)
_DECLARED = re.compile(
    r"^(?:export )?(?:async )?(?:function\*? |class |const |let |var )([\w$]+)", re.MULTILINE
)
_EXPORTED = re.compile(r"^export (?:async )?(?:function\*? |class |const )([\w$]+)", re.MULTILINE)
_TAKEN_APART = re.compile(r"^const [\[{]([\w$, ]+)[\]}] = ", re.MULTILINE)
_OTHER = re.compile(
    r"^(?:import|export)\b.*|^(?:const|let|var) (?![\w$]|[\[{][\w$, ]+[\]}] = ).*|^await\b.*",
    re.MULTILINE,
)


def joined(sources: Mapping[str, str], entry: str) -> str:
    """One module that does what the module ``entry`` does with all that it imports.

    sources: each module by its path. Raises ValueError for modules that break the rules.
    """
    order: list[str] = []
    _visit(sources, entry, (), order)
    owners: dict[str, str] = {}
    for path in order:
        for name in _declared(sources[path]):
            if owners.setdefault(name, path) != path:
                raise ValueError(f"{path} and {owners[name]} both declare {name}")
    return "\n".join(f"// --- {path}\n\n{_alone(path, sources[path])}" for path in order)


def _declared(source: str) -> list[str]:
    """The names that a module declares at the top."""
    apart = ",".join(_TAKEN_APART.findall(source)).split(",")
    return [*_DECLARED.findall(source), *filter(None, map(str.strip, apart))]


def _visit(sources: Mapping[str, str], path: str, above: tuple[str, ...], order: list[str]) -> None:
    """Put what ``path`` imports, and then itself, into ``order``."""
    if path in above:
        raise ValueError(f"modules import each other in a circle: {' -> '.join([*above, path])}")
    if path in order:
        return
    if path not in sources:
        raise ValueError(f"{above[-1] if above else 'nothing'} imports {path}, which is not there")
    for names, place in _IMPORT.findall(sources[path]):
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), place))
        _visit(sources, other, (*above, path), order)
        missing = {name.strip() for name in names.split(",")} - set(
            _EXPORTED.findall(sources[other])
        )
        if missing:
            raise ValueError(f"{path} imports {sorted(missing)[0]}, which {other} does not export")
    order.append(path)


def _alone(path: str, source: str) -> str:
    """A module without its imports and exports."""
    text = _EXPORT.sub("", _IMPORT.sub("", source))
    other = _OTHER.search(text)
    if other:
        raise ValueError(f"{path}: cannot be joined with others: {other[0]}")
    return text.strip() + "\n"
