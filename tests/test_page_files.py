"""The page's files: what the server and the exporter rely on; and the texts to click."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from unrolled.errors import DataError
from unrolled.page import files
from unrolled.page.examples import MOST, examples_for, read_examples

FILES = {path: content.decode("utf-8") for path, content in files().items()}
SCRIPTS = {path: text for path, text in FILES.items() if path.endswith(".js")}
IMPORT = re.compile(r'import \{ ([\w, ]+) \} from "(\.{1,2}/[\w./]+\.js)";')
DECLARED = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) (.+)", re.M)


def resolved(path: str, target: str) -> str:
    parts = path.split("/")[:-1]
    for step in target.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def names_of(declared: str) -> list[str]:
    """The names that a line at the top level declares."""
    if declared[0] in "[{":
        return re.findall(r"\w+", declared[: declared.index("=")])
    return [re.match(r"[\w$]+", declared)[0]]


def test_the_page_is_there_and_names_one_style_and_one_script():
    page = FILES["index.html"]
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)">', page) == ["style.css"]
    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="scripts/served.js">']
    assert "scripts/served.js" in SCRIPTS
    assert not re.search(r"\s(style|on\w+)=", page)
    assert "url(" not in FILES["style.css"]
    assert "@import" not in FILES["style.css"]


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_can_be_joined_with_all_others(path):
    for line in SCRIPTS[path].split("\n"):
        if re.match(r"import\b", line):
            names, target = IMPORT.fullmatch(line).groups()
            there = SCRIPTS[resolved(path, target)]
            for name in names.split(", "):
                assert re.search(
                    rf"^export (async )?(function\*?|class|const) {name}\b", there, re.M
                )
        elif re.match(r"export\b", line):
            assert re.match(r"export (async function|function\*?|class|const) \w", line), line
        assert not re.match(r"(await|for await)\b", line), "top-level await"
    assert not re.search(
        r"\bimport\(|export default|innerHTML|outerHTML|insertAdjacent", SCRIPTS[path]
    )
    assert not re.search(
        r"\beval\(|new Function|document\.write|https?://(?!www\.w3\.org/)", SCRIPTS[path]
    )


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_says_what_it_is_and_stays_small(path):
    assert re.match(r"// [A-Z]\w?", SCRIPTS[path])
    assert SCRIPTS[path].count("\n") < 400


def test_no_two_scripts_declare_the_same_name():
    counts = Counter(
        name
        for text in SCRIPTS.values()
        for declared in DECLARED.findall(text)
        for name in names_of(declared)
    )
    assert [name for name, count in counts.items() if count > 1] == []
    assert {"startPage", "RemoteReader", "buildElement", "PLOT_WIDTH"} <= set(counts)


# --- Examples -------------------------------------------------------------------------------------


def test_only_opinions_have_examples_of_our_own():
    assert len(examples_for(["negative", "positive"])) == 6
    assert examples_for(["positive", "negative"])
    assert examples_for(["positive", "negative", "mixed"]) == []
    assert examples_for(["spam", "ham"]) == []


def test_examples_are_read_one_a_line(tmp_path):
    file = tmp_path / "examples.txt"
    file.write_bytes("\ufeff좋아요 😀\r\n\r\n  two words \n<b>three</b>".encode())
    assert read_examples(file) == ["좋아요 😀", "two words", "<b>three</b>"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"good\n\xff", ":2: not UTF-8"),
        (b"a\0b", "binary data"),
        (b"one\n" * (MOST + 1), f":{MOST + 1}: more than {MOST} examples"),
    ],
)
def test_a_bad_file_of_examples_is_said_in_one_line(tmp_path, content, problem):
    file = tmp_path / "examples.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(problem)) as raised:
        read_examples(file)
    assert str(raised.value).startswith(str(file))
    assert "\n" not in str(raised.value)


def test_a_missing_file_of_examples_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        read_examples(tmp_path / "none.txt")
