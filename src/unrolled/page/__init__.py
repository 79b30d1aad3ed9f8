"""The page that shows a model read: plain HTML, CSS and JavaScript modules, no build step.

``index.html`` and ``style.css`` are the page. In ``scripts/``, ``page.js`` puts the *views* (what
is seen) onto a *reader* (where explanations come from: a server, or the engine in ``engine/``);
``served.js`` and ``exported.js`` are the two ways in.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
KINDS = frozenset({".css", ".html", ".js"})


def files() -> dict[str, bytes]:
    """What is served at ``/``: each file by its path, such as ``scripts/page.js``."""
    return {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in KINDS
    }
