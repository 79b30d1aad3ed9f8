"""``unrolled predict`` on a Ray cluster of several nodes: one machine's files, whatever is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import polars
import pyarrow
import pytest
import ray
from ray.exceptions import RayError

from unrolled.cli import main
from unrolled.cluster import scoring_files, scoring_stream
from unrolled.cluster.connection import Cluster, connected
from unrolled.cluster.scoring import There, _of_one_piece, _persistent
from unrolled.cluster.scoring_files import readers_place
from unrolled.cluster.scoring_tasks import Answer, Piece, read
from unrolled.errors import DataError, UnrolledError
from unrolled.model import TextClassifier
from unrolled.recipe import load_recipe
from unrolled.scoring.files import label_files
from unrolled.scoring.folder import OutputFolder
from unrolled.scoring.jobs import jobs_in
from unrolled.scoring.run import Columns, Part

pytestmark = [
    # Ray leaves the log files of its processes open, and copies settings that it no longer wants.
    pytest.mark.filterwarnings("ignore:unclosed file .*session_:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:`use_.*` is deprecated:DeprecationWarning"),
]

WORDS = {"good": "wonderful warm funny lovely", "bad": "dull slow boring awful"}
KEPT = ("id", "kind")
KEEP = [option for name in KEPT for option in ("--keep", name)]
ROWS = (20_000, 0, 9_000, 26_000)  # of which 8,192 are a chunk


def texts(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    every = " ".join(WORDS.values()).split()
    return [" ".join(draw.choices(every, k=1 + row % 5)) + f" {row}" for row in range(count)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A model, files of texts of several kinds, and their labels as one process writes them."""
    place = tmp_path_factory.mktemp("shop")
    rows = [(word, label) for label, words in WORDS.items() for word in words.split()] * 20
    some, labels = zip(*rows, strict=True)
    recipe = load_recipe("small", ["training.epochs=4", "training.learning_rate=0.02"])
    TextClassifier(recipe).fit(list(some), list(labels)).save(place / "model")
    (place / "in").mkdir()
    for number, count in enumerate(ROWS):
        frame = polars.DataFrame(
            {
                "id": polars.Series([row if row % 7 else None for row in range(count)]).cast(int),
                "kind": polars.Series([f"{row}" for row in range(count)], dtype=polars.Categorical),
                "text": texts(count, number),
            }
        )
        frame.write_parquet(place / "in" / f"part-{number}.parquet")
    frame[:300].write_csv(place / "in" / "more.csv")
    frame[:3].write_ndjson(place / "in" / "some.jsonl")
    command = ["predict", str(place / "model"), "--input", str(place / "in"), *KEEP]
    assert main([*command, "--output", str(place / "here")]) == 0
    return place


@pytest.fixture
def place(shop, tmp_path, monkeypatch):
    """A folder beside the shop, in which the test runs."""
    for name in ("model", "in", "here"):
        (tmp_path / name).symlink_to(shop / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Three nodes with a core each; the first one is also reached by ray://."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": free_port()}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.client = f"ray://127.0.0.1:{head['ray_client_server_port']}"
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def same_files(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


class Silence:
    """Reports of nothing."""

    def goes_on(self, rows: int) -> None: ...

    def begins_anew(self, changes: list[str]) -> None: ...

    def on_part(self, rows: int, files: float) -> None: ...


def label(cluster, reports, output: str = "out"):
    """As the command does, on a cluster that is connected."""
    there = There(cluster, Path("model"), Columns(None, KEPT))
    folder = OutputFolder(Path(output), overwrite=False)
    try:
        jobs = jobs_in(Path(output), there.files(Path("in")))
        return label_files(there, jobs, Path("model"), folder, reports)
    finally:
        folder.close()


# --- the same rows


def test_three_nodes_write_what_one_process_writes(place, nodes, capfd):
    command = ["predict", "model", "--input", "in", "--output", "out", "--on", nodes.address]
    command += KEEP
    assert main([*command, "--json"]) == 0
    printed = capfd.readouterr()
    document = json.loads(printed.out)
    assert document["texts"] == sum(ROWS) + 303 == sum(document["labels"].values())
    assert printed.err.splitlines()[0] == f"{nodes.address}: 3 workers"
    assert "ray" not in printed.err.partition("\n")[2]  # nothing of what Ray tells
    assert same_files(Path("here"), Path("out"))
    for name in ("part-1.parquet", "part-3.parquet"):  # the first of which has no rows
        kept, given = (polars.read_parquet(Path(place, name)) for place in ("out", "in"))
        assert kept.columns[: len(KEPT)] == list(KEPT)
        assert kept.select(KEPT).equals(given.select(KEPT), null_equal=True)
        assert kept.select(KEPT).schema == given.select(KEPT).schema
    assert main(command) == 2
    assert "--overwrite replaces them" in capfd.readouterr().err


def test_from_outside_of_the_cluster(place, nodes, capfd):
    command = ["predict", "model", "--input", str(place / "in" / "*.*"), "--output", "out", *KEEP]
    assert main([*command, "--on", nodes.client, "--workers", "2"]) == 0
    assert same_files(Path("here"), Path("out"))
    assert f"{nodes.client}: 2 workers" in capfd.readouterr().err


# --- losses


def kill_a_labeller() -> bool:
    """One of the actors ends as if memory had run out: those of the nodes that are ours."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"Labeller" in (process / "cmdline").read_bytes() and (
                parent_of(parent_of(process.name)) == str(os.getpid())
            ):
                os.kill(int(process.name), signal.SIGKILL)
                return True
    return False


def parent_of(process: str) -> str:
    return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[1]


def test_what_is_lost_costs_no_row(place, nodes, monkeypatch):
    """An actor, then the run itself; when it is gone on with, a node."""
    # Ray Data may hold so little that it waits until parts are written.
    monkeypatch.setattr(scoring_stream, "_BYTES_OF_A_WORKER", 200_000)
    lost = nodes.add_node(num_cpus=1)

    class First(Silence):
        is_killed = False

        def on_part(self, rows: int, files: float) -> None:
            if not self.is_killed:
                self.is_killed = kill_a_labeller()
            elif rows > 21_000:
                raise KeyboardInterrupt

    class Second(Silence):
        earlier = killed_at = 0

        def goes_on(self, rows: int) -> None:
            self.earlier = rows

        def on_part(self, rows: int, files: float) -> None:
            if not self.killed_at:
                self.killed_at = rows
                nodes.remove_node(lost, allow_graceful=False)

    with connected(nodes.address) as cluster:
        assert cluster.workers == 4
        first, second = First(), Second()
        with pytest.raises(KeyboardInterrupt):
            label(cluster, first)
        assert first.is_killed
        assert not Path("out/_SUCCESS").exists()
        outcome = label(cluster, second)
    assert 21_000 < second.earlier < second.killed_at < sum(ROWS)
    assert outcome.made == sum(ROWS) + 303 - second.earlier
    assert same_files(Path("here"), Path("out"))


# --- without a cluster: what is made of its failures


def answer(rows: int, *, is_last: bool = False) -> Answer:
    return Answer(Part(b"data", {"rows": rows}), is_last, None)


def pieces(*starts: int) -> list[Piece]:
    return [Piece(f"{start}.csv", None, "a.csv", start) for start in starts]


def test_a_stream_that_breaks_begins_again_behind_the_last_answer():
    asked: list[list[tuple[str, int]]] = []

    def stream(rest):
        asked.append([(piece.source, piece.start) for piece in rest])
        if len(asked) == 1:
            yield answer(10)
            yield answer(5)
            raise RayError
        if len(asked) == 2:
            yield answer(7, is_last=True)
            yield answer(3)
            raise RayError
        yield Answer(None, True, None)

    answers = list(_persistent(stream, pieces(0, 100)))
    assert [one.part.entry["rows"] for one in answers[:-1]] == [10, 5, 7, 3]
    assert asked == [[("0.csv", 0), ("100.csv", 100)], [("0.csv", 15), ("100.csv", 100)],
                     [("100.csv", 103)]]  # fmt: skip


def test_a_cluster_that_fails_again_and_again_is_given_up():
    tries = []

    def stream(rest):
        tries.append(rest)
        if len(tries) == 1:
            yield answer(10)
        raise RayError("the\nlast line")

    with pytest.raises(UnrolledError, match="failed 3 times at the same place: last line; the fin"):
        list(_persistent(stream, pieces(0)))
    assert [rest[0].start for rest in tries] == [0, 10, 10]


def test_a_row_that_cannot_be_read_is_raised_behind_the_rows_before_it(tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("text\n" + "fine\n" * 9_000 + "too,many\n")
    piece = pyarrow.Table.from_pylist([asdict(Piece(str(file), None, "a.csv", 0))])
    rows = [row for table in read(piece) for row in table.to_pylist()]
    assert [row["is_last"] for row in rows] == [True]
    error = tuple(json.loads(rows[0]["error"]))
    with pytest.raises(DataError, match=r"bad.csv:9002: the row has 2 fields"):
        list(_of_one_piece(iter([Answer(None, True, error)])))


def test_files_that_not_every_node_has(tmp_path, monkeypatch):
    """They are read on this machine alone; from outside of the cluster the node is named."""
    (tmp_path / "a.csv").write_text("text\nfine\n")
    nodes = [
        {"Alive": True, "NodeID": node, "NodeManagerAddress": f"10.0.0.{node}"} for node in "12"
    ]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    context = SimpleNamespace(get_node_id=lambda: "1")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    seen = {"1": [10], "2": [10]}
    monkeypatch.setattr(
        scoring_files,
        "_ask",
        lambda *_, label_selector, **options: (seen[label_selector["ray.io/node-id"]], None),
    )
    monkeypatch.setattr(scoring_files, "_asked", list)

    def place(*, is_client: bool) -> dict[str, object]:
        return readers_place(Cluster("there", 2, is_client), [tmp_path / "a.csv"])

    assert place(is_client=False) == place(is_client=True) == {}
    for other in ([None], [12]):
        seen["2"] = other
        assert place(is_client=False) == {"label_selector": {"ray.io/node-id": "1"}}
        with pytest.raises(DataError, match=r"a.csv: the node 10.0.0.2 has no such file, or anoth"):
            place(is_client=True)
