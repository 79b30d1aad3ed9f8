"""What a model hub reads of a card: YAML between two lines of dashes, before the page begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

LIBRARY = "unrolled"
_FRONT_MATTER = re.compile(r"\A---\n.*?^---\n\s*", re.DOTALL | re.MULTILINE)


def front_matter(
    *,
    name: str,
    pipeline: str,
    tags: Sequence[str],
    source: str,
    scores: Mapping[str, tuple[str, float]],
) -> str:
    """Say which library opens the model, what it is for, and how it did on its validation texts.

    pipeline: the hub's name of the task. source: of the data. scores: by the hub's name of a
    metric, the name that people read and the value; an imported model has none. Licence and
    languages are not known here: they are for the owner of the texts to add.
    Source: Hugging Face's model card specification.
    """
    listed = "".join(f"- {tag}\n" for tag in tags)
    index = _index(name, pipeline, source, scores) if scores else ""
    return f"""---
library_name: {LIBRARY}
pipeline_tag: {pipeline}
tags:
{listed}{index}---

"""


def _index(name: str, pipeline: str, source: str, scores: Mapping[str, tuple[str, float]]) -> str:
    """Which figures there are, and of what."""
    metrics = "".join(f"- {metric}\n" for metric in scores)
    results = "".join(
        f"    - type: {metric}\n      name: {shown}\n      value: {value:.4f}\n"
        for metric, (shown, value) in scores.items()
    )
    return f"""metrics:
{metrics}model-index:
- name: {quoted(name)}
  results:
  - task:
      type: {pipeline}
    dataset:
      type: validation
      name: {quoted(source)}
      split: validation
    metrics:
{results}"""


def without_front_matter(card: str) -> str:
    """The page alone; a card that has none, such as one that somebody wrote by hand, stays."""
    return _FRONT_MATTER.sub("", card, count=1)


def quoted(text: str) -> str:
    """Any text as a YAML string of one line; half of a character becomes U+FFFD."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    return character if character.isprintable() else f"\\U{code:08x}"
