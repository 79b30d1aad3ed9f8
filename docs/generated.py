"""What the pages need that is not written: those of the commands and settings, a language."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from unrolled.cli.app import app
from unrolled.recipe import PRESETS
from unrolled.recipe.sections import SECTIONS, Section
from unrolled.recipe.words import shown

COMMANDS = """# Commands

Made from the commands' own help, which `unrolled COMMAND --help` prints.

"""
SETTINGS = """# Settings

A recipe is made of these. A TOML file has each group as a table; `--set` and `settings=` take their
names as they stand here. What a preset says comes before the default; all presets are below. This
page is made from the code that checks recipes.

"""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """MkDocs calls this when it has found the written pages."""
    for name, content in (("commands", commands_page()), ("settings", settings_page())):
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Say which pages are Korean, for those to whom they are read aloud."""
    if page.file.src_uri.startswith("ko/"):
        return output.replace('<html lang="en"', '<html lang="ko"', 1)
    return output


# --- Commands ------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    return COMMANDS + "".join(_commands(group, typer.Context(group, info_name="unrolled")))


def _commands(group: Any, context: typer.Context) -> Iterator[str]:
    yield _described(group, context, level=2)
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            yield from _commands(command, inner)
        else:
            yield _described(command, inner, level=2)


def _described(command: Any, context: typer.Context, *, level: int) -> str:
    """A heading, what it does, how it is typed, and a table of what it takes."""
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = [f"{'#' * level} {context.command_path}", "", f"```text\n{usage}\n```", ""]
    lines += [inspect.cleandoc(command.help or ""), ""]
    lines += ["| argument or option | |", "| --- | --- |"]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            names, what = (" ".join(part.split()) for part in record)
            lines.append(f"| `{_cell(names)}` | {_cell(what)} |")
    return "\n".join(lines) + "\n\n"


# --- Settings ------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting, with what it may be, its default and its meaning; then every preset."""
    parts = [SETTINGS]
    for section in SECTIONS:
        parts += [f"## {section.section}\n\n{section.__doc__}\n\n"]
        parts += ["| setting | values | default | |\n| --- | --- | --- | --- |\n", *_rows(section)]
        parts += ["\n"]
    for name, recipe in PRESETS.items():
        parts += [f"## The preset {name}\n\n```toml\n{recipe.to_toml()}```\n\n"]
    return "".join(parts)


def _rows(section: type[Section]) -> Iterator[str]:
    comments = dict(_comments(section))
    for name, field in section.model_fields.items():
        default = "" if field.is_required() else f"`{shown(field.default)}`"
        meaning = _cell(comments.get(name, ""))
        yield f"| `{section.section}.{name}` | {_values(field)} | {default} | {meaning} |\n"


def _values(field: Any) -> str:
    """What a setting may be."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    return str(field.description or "")


def _comments(section: type[Section]) -> Iterator[tuple[str, str]]:
    """What the source says beside each setting, or above it."""
    above: list[str] = []
    for line in inspect.getsource(section).splitlines():
        code, _, comment = line.strip().partition("# ")
        found = re.match(r"(\w+): ", code)
        if found:
            yield found[1], comment or " ".join(above)
        above = [*above, comment] if not code and comment else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
