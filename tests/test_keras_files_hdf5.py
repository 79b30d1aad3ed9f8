"""Our reader of HDF5 beside h5py, and what it refuses."""

from __future__ import annotations

import io
import struct

import h5py
import numpy as np
import pytest

from unrolled.keras_files.hdf5 import Hdf5Fault, read_hdf5


def written(fill, **settings):
    """Bytes of a file that h5py wrote."""
    packed = io.BytesIO()
    with h5py.File(packed, "w", **settings) as file:
        fill(file)
    return packed.getvalue()


def test_groups_arrays_and_texts():
    numbers = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)

    def fill(file):
        file.attrs["fixed"] = np.bytes_(b"caf\xc3\xa9")
        file.attrs["variable"] = "한국어" * 900
        file.attrs["many"] = np.array([b"a", b"bc"])
        file.attrs["many of any length"] = ["x", "yy", ""]
        file.attrs["number"] = 3
        for place in range(100):  # more than one node of a tree of names has room for
            file.create_group(f"group{place}")
        file["group7/deep/er/numbers:0"] = numbers
        file["long"] = np.arange(3)
        file["half"] = np.float16([1.5])
        file["empty"] = np.zeros((0, 3), np.float32)

    root = read_hdf5(written(fill))
    assert len(root.entries) == 103
    assert root.attributes == {
        "fixed": "café", "variable": "한국어" * 900, "many": ["a", "bc"],
        "many of any length": ["x", "yy", ""], "number": [],
    }  # fmt: skip
    found = root.group("group7").array("deep/er/numbers:0")
    assert (found.shape, found.dtype) == ((7, 5), np.float32)
    np.testing.assert_array_equal(found.read(), numbers)
    np.testing.assert_array_equal(root.array("long").read(), [0, 1, 2])
    assert root.array("half").read() == np.float16(1.5)
    assert root.array("empty").read().shape == (0, 3)
    with pytest.raises(Hdf5Fault, match="there is no group7/nothing"):
        root.array("group7/nothing")
    with pytest.raises(Hdf5Fault, match="is a group"):
        root.array("group7")
    with pytest.raises(Hdf5Fault, match="is an array"):
        root.group("long")


def soft_link(file):
    file["numbers"] = h5py.SoftLink("/elsewhere")


def external_link(file):
    file["numbers"] = h5py.ExternalLink("other.h5", "/numbers")


def external_data(file):
    file.create_dataset("numbers", (3,), np.float32, external=[("/etc/passwd", 0, 12)])


def virtual(file):
    layout = h5py.VirtualLayout((3,), np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "numbers", (3,))
    file.create_virtual_dataset("numbers", layout)


def compressed(file):
    file.create_dataset("numbers", data=np.zeros(10_000, np.float32), compression="gzip")


def chunked(file):
    file.create_dataset("numbers", (2**40,), np.float32, chunks=(1024,))


def not_written(file):
    file.create_dataset("numbers", (2**40,), np.float32)


def texts(file):
    file["numbers"] = ["a", "b"]


def big_endian(file):
    file["numbers"] = np.arange(3, dtype=">f4")


def pairs(file):
    file["numbers"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def references(file):
    file["numbers"] = np.array([file.ref], dtype=h5py.ref_dtype)


@pytest.mark.parametrize(
    "fill",
    [soft_link, external_link, external_data, virtual, compressed, chunked, not_written, texts,
     big_endian, pairs, references],
)  # fmt: skip
def test_what_keras_does_not_write_is_refused(fill):
    with pytest.raises(Hdf5Fault):
        read_hdf5(written(fill)).array("numbers")


def test_a_file_of_another_age_is_refused():
    with pytest.raises(Hdf5Fault, match="superblock version"):
        read_hdf5(written(lambda file: None, libver="latest"))
    for data in (b"", b"\x89HDF\r\n\x1a\n", b"x" * 1000):
        with pytest.raises(Hdf5Fault):
            read_hdf5(data)


def test_a_group_in_itself_ends():
    def fill(file):
        group = file.create_group("a")
        group["a"] = group

    root = read_hdf5(written(fill))
    assert root.group("/".join("a" * 50)).entries.keys() == {"a"}
    with pytest.raises(Hdf5Fault, match="more parts"):
        root.group("/".join("a" * 200_000))


def test_texts_that_share_bytes_cost_no_more_than_a_limit():
    """4,000 strings of 1 MB each, all of which are the same bytes."""

    def fill(file):
        file.attrs["texts"] = ["x" * 1_000_000] + [f"y{place}" for place in range(3999)]

    data = bytearray(written(fill))
    first = data.index(struct.pack("<I", 1_000_000))
    for place in range(1, 4000):
        data[first + 16 * place : first + 16 * place + 16] = data[first : first + 16]
    with pytest.raises(Hdf5Fault, match="more text"):
        read_hdf5(bytes(data))
