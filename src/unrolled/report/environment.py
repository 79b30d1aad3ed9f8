"""How the pages are made: templates beside this file, in which everything is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from unrolled.report import words


@dataclass(frozen=True)
class Drawing:
    """Inline SVG: the one thing that the template must not escape."""

    svg: str

    def __html__(self) -> str:
        return self.svg


def render_template(name: str, **values: object) -> str:
    """Fill in a template; texts lose the characters that a page cannot hold."""
    return _environment().get_template(name).render(**values).strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unrolled.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: words.printable(value) if type(value) is str else value,
    )
    environment.filters |= {
        "whole": words.whole,
        "percent": words.percent,
        "sure": words.sure,
        "three": words.three,
        "four": words.four,
        "signed": words.signed,
        "shortened": words.shortened,
    }
    return environment
