"""The command line itself: what goes to which stream, and what it ends with."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from unrolled import __version__
from unrolled.cli import console, main
from unrolled.cli.guard import guarded
from unrolled.cli.places import check_writable
from unrolled.cli.progress import TrainingProgress, epoch_line
from unrolled.errors import DataError, OutputError, UnrolledError
from unrolled.training.history import EpochRecord

COMMANDS = (
    "reproduce", "train", "check", "evaluate", "compare", "predict", "summary", "report", "data",
)  # fmt: skip


def a_record(epoch: int = 12, epochs: int = 100) -> EpochRecord:
    return EpochRecord(
        epoch=epoch, epochs=epochs, loss=0.6375, accuracy=0.65712, val_loss=0.64144,
        val_accuracy=0.6506, learning_rate=1e-4, seconds=0.0449,
    )  # fmt: skip


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr()
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", printed.out, re.MULTILINE)
        assert main([command, "--help"]) == 0
    assert printed.err == ""


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"unrolled {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["trian", "imdb"],
        ["train"],
        ["train", "imdb", "--threads", "0"],
        ["train", "imdb", "--no-such-option"],
        ["reproduce", "--runs", "many"],
        ["data", "fetch", "reuters"],
    ],
)
def test_a_wrong_command_line_is_exit_2(arguments, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Error: " in printed.err


def test_epoch_line_has_the_exact_form():
    assert epoch_line(a_record()) == (
        "epoch 12/100  loss 0.6375  accuracy 0.6571  val_loss 0.6414  val_accuracy 0.6506  0.04s"
    )


def test_progress_is_a_line_an_epoch_where_there_is_no_terminal(capsys):
    with TrainingProgress(rows=20) as progress:
        progress.on_progress(10)
        progress.on_epoch(a_record(1, 2))
        progress.on_epoch(a_record(2, 2))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [epoch_line(a_record(1, 2)), epoch_line(a_record(2, 2))]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with TrainingProgress(rows=20) as progress:
        progress.on_progress(10)
        progress.on_epoch(a_record(1, 2))
        progress.on_progress(15)
    shown = terminal.getvalue()
    assert "epoch 2/2" in shown
    assert "val_loss 0.6414" in shown
    assert "epoch 1/2  loss" not in shown  # not a line as well


def raising(failure: BaseException):
    def command() -> None:
        raise failure

    return guarded(command)


@pytest.mark.parametrize(
    ("failure", "code", "line"),
    [
        (DataError("reviews.csv:3: no text"), 2, "unrolled: error: reviews.csv:3: no text"),
        (OutputError("disk full"), 1, "unrolled: error: disk full"),
        (UnrolledError("two\nlines"), 1, "unrolled: error: two lines"),
        (UnrolledError("red \x1b[31m"), 1, "unrolled: error: red \\x1b[31m"),
        (KeyboardInterrupt(), 130, "unrolled: error: interrupted"),
        (MemoryError(), 1, "unrolled: error: not enough memory;"),
        (ZeroDivisionError("x"), 1, "unrolled: error: ZeroDivisionError: x (this is a bug of"),
        (FileNotFoundError(2, "gone", "x"), 1, "unrolled: error: FileNotFoundError: [Errno 2]"),
    ],
)
def test_every_failure_is_one_line_and_a_code(failure, code, line, capsys):
    from typer import Exit

    with pytest.raises(Exit) as end:
        raising(failure)()
    assert end.value.exit_code == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(line)
    assert printed.err.count("\n") == 1


def test_a_bug_names_the_debug_option_and_debug_shows_the_traceback(capsys, monkeypatch):
    from typer import Exit

    with pytest.raises(Exit):
        raising(ZeroDivisionError("x"))()
    printed = capsys.readouterr().err
    assert "run 'unrolled --debug ...'" in printed
    assert "Traceback" not in printed
    monkeypatch.setattr(console.settings, "debug", True)
    with pytest.raises(Exit):
        raising(ZeroDivisionError("x"))()
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "--debug" not in printed


def test_a_reader_that_has_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "unrolled", "data", "list"],
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' /dev/full")
def test_standard_output_on_a_full_disk_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "unrolled", "data", "list"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.stderr.startswith("unrolled: error: cannot write to standard output: No space")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell closes streams so")
@pytest.mark.parametrize(
    ("command", "status"), [("data list >&-", 0), ("summary no-such-folder 2>&-", 2)]
)
def test_a_closed_stream_is_no_bug_and_the_other_stays_clean(command, status):
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m unrolled {command}', sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_table_aligns_its_columns():
    text = console.table([["", "this run", "x"], ["val_loss", "0.5", "1"]])
    assert text.splitlines() == [
        "          this run  x",
        "--------  --------  -",
        "val_loss       0.5  1",
    ]


def test_checking_a_place_leaves_no_folders_behind(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        check_writable(tmp_path / "file" / "model")
    assert (tmp_path / "file").read_text() == "x"
