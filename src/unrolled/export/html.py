"""One HTML file that holds the page and the models: it works from a disk, and asks nobody."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from unrolled.export.model_file import model_file
from unrolled.export.modules import joined
from unrolled.model.trained import TrainedModel
from unrolled.page import files

_ENTRY = "scripts/exported.js"
_START = Path(__file__).with_name("start.js")
_CHARSET = '<meta charset="utf-8">\n'
_STYLE = '<link rel="stylesheet" href="style.css">\n'
_SCRIPT = '<script type="module" src="scripts/served.js"></script>\n'
_END = "</body>"


def to_html(models: Mapping[str, TrainedModel], *, examples: Sequence[str]) -> str:
    """Write the page with models inside, by name; the first is shown first.

    examples: texts to click on. The page may run its own program and style and nothing else: its
    policy forbids every request.
    """
    page = {path: data.decode("utf-8") for path, data in files().items()}
    scripts = {path: text for path, text in page.items() if path.endswith(".js")}
    style, program = page["style.css"], joined(scripts, _ENTRY)
    start = _START.read_text(encoding="utf-8")
    packed = base64.b64encode(zlib.compress(program.encode("utf-8"), 9)).decode("ascii")
    data = model_file(models, examples=examples)
    replacements = {
        _CHARSET: f"{_CHARSET}{_policy([start, program], style)}",
        _STYLE: f"<style>{style}</style>\n",
        _SCRIPT: "",
        _END: f'<script type="application/json" id="models">{data}</script>\n'
        f'<script type="text/plain" id="program">{packed}</script>\n'
        f'<script type="module">{start}</script>\n{_END}',
    }
    html = page["index.html"]
    for old, new in replacements.items():
        before, found, after = html.partition(old)
        if not found:
            raise ValueError(f"index.html has no {old.strip()}")
        html = f"{before}{new}{after}"
    return html


def _policy(scripts: Sequence[str], style: str) -> str:
    """Content-Security-Policy: these scripts, this style, pictures from inside the page."""
    parts = (
        "default-src 'none'",
        f"script-src {' '.join(map(_hash, scripts))}",
        f"style-src {_hash(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(parts)}">\n'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
