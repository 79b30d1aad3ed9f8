"""What TensorBoard is given, read back record by record with checksums and fields by hand."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest

from unrolled import InputError, OutputError, TensorBoard, TextClassifier, TextWriter
from unrolled.cli import main
from unrolled.tracking.events import EventFile
from unrolled.training.callbacks import Callback

TEXTS = ["lost parcel", "late again", "wrong invoice", "charged twice"] * 10
LABELS = ["delivery", "delivery", "payment", "payment"] * 10
SETTINGS = {
    "text.min_count": 1,
    "network.units": 4,
    "training.epochs": 4,
    "training.patience": "none",
    "training.schedule": "linear",
}
TRAIN = {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"}
BY_EPOCH = {"epoch_loss", "epoch_accuracy"}
BY_STEP = {"evaluation_loss_vs_iterations", "evaluation_accuracy_vs_iterations"}


# --- A reader of its own -------------------------------------------------------------------------


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit, by its reversed polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(message: bytes):
    """Number and value of each field of a protocol buffer."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                assert kind == 2
                size, at = varint(message, at)
            value, at = message[at : at + size], at + size
            assert len(value) == size
        yield key >> 3, value


def events(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Step and scalars of each event of the one file in ``folder``; the first says its version."""
    (path,) = folder.iterdir()
    assert "tfevents" in path.name
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size, check = struct.unpack_from("<QI", data, at)
        assert check == masked(data[at : at + 8])
        event = data[at + 12 : at + 12 + size]
        assert struct.unpack_from("<I", data, at + 12 + size)[0] == masked(event)
        found.append(dict(fields(event)))
        at += size + 16
    first, *others = found
    assert first[3] == b"brain.Event:2"
    return [(event.get(2, 0), scalars(event[5])) for event in others]


def scalars(summary: bytes) -> dict[str, float]:
    values = [dict(fields(value)) for number, value in fields(summary) if number == 1]
    return {value[1].decode(): struct.unpack("<f", value[2])[0] for value in values}


def test_the_reader_knows_a_checksum():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C


# --- What is written -----------------------------------------------------------------------------


def fitted(*callbacks: Callback, **others) -> TextClassifier:
    classifier = TextClassifier("small", settings=SETTINGS, threads=1)
    return classifier.fit(TEXTS, LABELS, callbacks=callbacks, **others)


def by_epoch(folder: Path) -> dict[str, dict[int, list[float]]]:
    """Of each tag the values of each step, as often as they are there."""
    found: dict[str, dict[int, list[float]]] = {}
    for step, values in events(folder):
        for tag, value in values.items():
            found.setdefault(tag, {}).setdefault(step, []).append(value)
    return found


def once(numbers, steps=None) -> dict[int, list[float]]:
    """What a scalar of each epoch looks like when it is read back."""
    numbers = [[pytest.approx(number, rel=1e-6)] for number in numbers]
    return dict(zip(steps or range(len(numbers)), numbers, strict=True))


def test_names_and_numbers_are_those_of_keras(tmp_path):
    classifier = fitted(TensorBoard(tmp_path / "logs"))
    history = classifier.history_.history
    train, validation = (by_epoch(tmp_path / "logs" / run) for run in ("train", "validation"))
    assert set(train) == TRAIN
    assert set(validation) == BY_EPOCH | BY_STEP
    assert train["epoch_loss"] == once(history["loss"])
    assert train["epoch_accuracy"] == once(history["accuracy"])
    assert train["epoch_learning_rate"] == once(history["learning_rate"])
    assert len(set(history["learning_rate"])) == 4
    for name in ("loss", "accuracy"):
        assert validation[f"epoch_{name}"] == once(history[f"val_{name}"])
        by_step = validation[f"evaluation_{name}_vs_iterations"]
        assert by_step == once(history[f"val_{name}"], steps=range(1, 5))


class Killed(Exception):
    pass


class KilledAfter(Callback):
    """Ends the process, so to say, when an epoch has been tracked and not yet kept."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, network, record) -> None:
        if record.epoch == self.epoch:
            raise Killed


def whole(folder: Path):
    return [by_epoch(folder / run) for run in ("train", "validation")]


def test_a_resumed_run_repeats_no_epoch(tmp_path, monkeypatch):
    fitted(TensorBoard(tmp_path / "whole"))
    monkeypatch.setattr(
        "unrolled.training.fit._Keeper.offer", lambda self, state: self.finish(state)
    )
    logs, out = tmp_path / "logs", tmp_path / "model"
    with pytest.raises(Killed):
        fitted(TensorBoard(logs), KilledAfter(3), out=out)
    assert set(by_epoch(logs / "train")["epoch_loss"]) == {0, 1, 2}  # and two epochs are kept
    torn = next((logs / "train").iterdir())
    with torn.open("ab") as file:
        file.write(torn.read_bytes()[:21])  # a record that a kill cut off
    resumed = fitted(TensorBoard(logs), out=out, resume=True)
    assert resumed.history_.epochs == 4
    assert whole(logs) == whole(tmp_path / "whole")


def test_one_callback_serves_a_run_and_its_resumption(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "unrolled.training.fit._Keeper.offer", lambda self, state: self.finish(state)
    )
    board = TensorBoard(tmp_path / "logs")
    with pytest.raises(Killed):
        fitted(board, KilledAfter(3), out=tmp_path / "model")
    losses = fitted(board, out=tmp_path / "model", resume=True).history_.history["loss"]
    assert by_epoch(tmp_path / "logs" / "train")["epoch_loss"] == once(losses)


def test_another_runs_events_are_left_alone_unless_they_are_to_go(tmp_path):
    fitted(TensorBoard(tmp_path))
    before = whole(tmp_path)
    with pytest.raises(InputError, match=r"train: another run's events are there; name another"):
        fitted(TensorBoard(tmp_path))
    assert whole(tmp_path) == before
    fitted(TensorBoard(tmp_path, overwrite=True))
    assert whole(tmp_path) == before
    (tmp_path / "other" / "validation").mkdir(parents=True)
    (tmp_path / "other" / "validation" / "events.out.tfevents.17.host.v2").touch()
    with pytest.raises(InputError, match="validation: another run's"):
        TensorBoard(tmp_path / "other").check_place()


def test_a_writer_is_tracked_too(tmp_path):
    settings = {**SETTINGS, "network.embedding_size": 4}
    writer = TextWriter(task="language-model", settings=settings | {"text.start_token": False})
    writer.fit(TEXTS, callbacks=[TensorBoard(tmp_path)])
    assert by_epoch(tmp_path / "train")["epoch_loss"] == once(writer.history_.history["loss"])


def test_events_before_a_step_are_kept(tmp_path):
    file = EventFile(tmp_path)
    file.go_on("a", 0)
    for step in range(3):
        file.append({"a": step / 4}, step=step)
        file.append({"b": step / 4}, step=100 + step)
    file.go_on("a", 2)
    assert [step for step, _ in events(tmp_path)] == [0, 100, 1, 101]
    file.append({"a": 0.75}, step=2)
    assert events(tmp_path)[-1] == (2, {"a": 0.75})


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written: Not a directory; choose another"):
        fitted(TensorBoard(tmp_path / "file"))


def test_without_the_extra_its_name_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r"pip install 'unrolled\[tracking\]'"):
        TensorBoard("logs")


# --- The commands --------------------------------------------------------------------------------


@pytest.fixture
def tickets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{text} {number},{label}"
        for number, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]
    Path("tickets.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return tmp_path


def train(*more: str) -> int:
    settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    common = ("--out", "model", "--track", "logs", "--threads", "1", "--no-baselines")
    return main(["train", "tickets.csv", *common, *settings, *more])


def test_train_tracks_and_refuses_before_the_work(tickets, capsys):
    assert train("--json") == 0
    history = json.loads(capsys.readouterr().out)["history"]
    assert by_epoch(Path("logs/validation"))["epoch_loss"] == once(history["val_loss"])

    assert train("--overwrite", "--seed", "7", "--json") == 0
    other = json.loads(capsys.readouterr().out)["history"]
    assert other["loss"] != history["loss"]
    assert by_epoch(Path("logs/train"))["epoch_loss"] == once(other["loss"])

    assert train("--out", "another") == 2
    said = capsys.readouterr().err
    assert "another run's events" in said
    assert "training on" not in said

    Path("taken").write_text("mine")
    assert train("--out", "another", "--track", "taken") == 1
    assert "choose another --track" in capsys.readouterr().err


def test_train_goes_on_in_the_same_files(tickets, monkeypatch, capsys):
    def stops_at(epoch):
        real = TensorBoard.on_epoch_end

        def stop(self, network, record):
            real(self, network, record)
            if record.epoch == epoch:
                raise KeyboardInterrupt

        return stop

    monkeypatch.setattr(
        "unrolled.training.fit._Keeper.offer", lambda self, state: self.finish(state)
    )
    with monkeypatch.context() as patch:
        patch.setattr(TensorBoard, "on_epoch_end", stops_at(3))
        assert train() == 130
    assert train("--resume", "--json") == 0
    history = json.loads(capsys.readouterr().out)["history"]
    assert by_epoch(Path("logs/train"))["epoch_loss"] == once(history["loss"])
    assert by_epoch(Path("logs/validation"))["epoch_loss"] == once(history["val_loss"])


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_models_that_write_are_tracked(command, tickets, capsys):
    task = {"train": ["--task", "language-model"], "pretrain": []}[command]
    small = ("--set=network.units=4", "--set=network.embedding_size=4", "--set=training.epochs=2")
    arguments = [command, "tickets.csv", *task, *small, "--set=text.min_count=1"]
    assert main([*arguments, "--out", "writer", "--track", "logs"]) == 0
    assert list(by_epoch(Path("logs/train"))["epoch_loss"]) == [0, 1]
